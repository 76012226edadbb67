"""How alpha is chosen from its scores: the best mean, one standard error, or any rule.

Scores are such that greater is better, whatever they are made of: scores of held-out
folds, of left-out rows, or minus an information criterion.
"""

import warnings

import numpy as np
from sklearn.utils import Bunch

RULES = ("min", "1se")
FOLD_WEIGHTINGS = ("equal", "size")


def summarize(fold_scores, fold_weighting="equal", fold_sizes=None):
    """Mean, standard deviation and standard error over the last axis, the folds.

    Parameters
    ----------
    fold_scores : ndarray of shape (..., n_folds)
    fold_weighting : {'equal', 'size'}
        'equal' gives every fold the same weight, as scikit-learn does: std with ddof=1,
        and std / sqrt(n_folds). 'size' weighs folds by `fold_sizes`, as glmnet does:
        sqrt(weighted mean square / (n_folds - 1)) is its standard error.
    fold_sizes : ndarray of shape (n_folds,), optional
        Sums of sample weights of the folds.

    Returns
    -------
    mean, std, se : ndarrays of shape (...)
        With one fold, std and se are NaN.
    """
    n_folds = fold_scores.shape[-1]
    sizes = None if fold_weighting == "equal" else np.asarray(fold_sizes)
    with np.errstate(invalid="ignore"):
        mean = np.average(fold_scores, axis=-1, weights=sizes)
        unit = _power_of_two(np.max(np.abs(fold_scores), axis=-1))
        square = np.square((fold_scores - mean[..., None]) / unit[..., None])
        spread = np.average(square, axis=-1, weights=sizes)
    if n_folds == 1:
        unknown = np.full_like(mean, np.nan)
        return mean, unknown, unknown
    std = np.sqrt(spread * n_folds / (n_folds - 1)) * unit
    return mean, std, std / np.sqrt(n_folds)


def _power_of_two(sizes):
    """Units in which squares of numbers of these sizes neither overflow nor vanish."""
    known = np.isfinite(sizes) & (sizes > 0.0)
    return np.ldexp(1.0, np.where(known, np.frexp(sizes)[1], 1) - 1)


def best_index(mean_score):
    """Index of the largest score that is not NaN; the first of equal ones.

    Raises
    ------
    ValueError
        If every score is NaN.
    """
    missing = np.isnan(mean_score)
    if missing.all():
        raise ValueError(
            "scoring gave NaN at every alpha, so that none can be chosen; expected a "
            "number for at least one alpha. Does the scorer suit this y?"
        )
    if missing.any():
        warnings.warn(
            f"scoring gave NaN at {missing.sum()} of {missing.size} candidates; they are "
            "not chosen.",
            UserWarning,
            stacklevel=2,
        )
    flat = int(np.argmax(np.where(missing, -np.inf, mean_score)))
    return np.unravel_index(flat, mean_score.shape)


def one_standard_error(results, best):
    """The largest alpha, all else as at `best`, whose mean score is within one standard
    error (that at the best) of the best.
    """
    row = (*best[:1], slice(None), *best[2:])
    with np.errstate(invalid="ignore"):
        near = results.mean_score[row] >= results.mean_score[best] - results.se_score[best]
    alphas = np.where(near, results.alpha[best[0]], -np.inf)
    alphas[best[1]] = results.alpha[best[0], best[1]]
    return (*best[:1], int(np.argmax(alphas)), *best[2:])


def choose(results, rule):
    """The index of the chosen candidate in the arrays of `results`.

    Parameters
    ----------
    results : Bunch
        `alpha` of shape (n_l1_ratios, n_alphas), `mean_score` of that shape and possibly
        more axes, and `se_score` for ``rule='1se'``.
    rule : 'min', '1se' or callable
        A callable gets `results` and returns an index: an integer, of the flattened
        arrays, or a tuple.

    Returns
    -------
    tuple of int
    """
    if callable(rule):
        return _checked_index(rule(results), rule, results.mean_score.shape)
    best = best_index(results.mean_score)
    return one_standard_error(results, best) if rule == "1se" else best


def _checked_index(index, rule, shape):
    """What a callable returned as a tuple of int, or an error that names `rule`."""
    expected = (
        f"expected an int below {int(np.prod(shape))} or a tuple that indexes arrays of "
        f"shape {shape}."
    )
    given = np.asarray(index)
    if given.dtype.kind not in "iu" or given.ndim > 1:
        raise ValueError(f"rule={rule!r} returned {index!r}; {expected}")
    try:
        if given.ndim == 0:
            return tuple(int(i) for i in np.unravel_index(int(given), shape))
        flat = np.ravel_multi_index(tuple(given), shape)
    except (ValueError, IndexError):
        raise ValueError(f"rule={rule!r} returned {index!r}; {expected}") from None
    return tuple(int(i) for i in np.unravel_index(flat, shape))


class Results(Bunch):
    """A Bunch of arrays. In the place of an array there may be a function that returns it:
    it is called by the first who asks for that array, for all, for a copy or for a pickle.
    """

    def __getitem__(self, key):
        value = super().__getitem__(key)
        if callable(value):
            value = self[key] = value()
        return value

    def get(self, key, default=None):
        """The array of that name, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default

    def values(self):
        """All arrays."""
        return [self[key] for key in self]

    def items(self):
        """Pairs (name, array)."""
        return [(key, self[key]) for key in self]

    def copy(self):
        """A Bunch of the same arrays."""
        return Bunch(**self)

    def __iter__(self):  # with it, dict(results) and **results ask for every array
        return super().__iter__()

    def __repr__(self):
        return repr(dict(self))


def make_results(alphas, mean, std, se, **more):
    """The table `alpha_results_`: arrays over (l1_ratios, alphas).

    Parameters
    ----------
    alphas : ndarray of shape (n_l1_ratios, n_alphas)
    mean, std, se : ndarray of shape (n_l1_ratios, n_alphas, ...)
    **more : ndarray, or function without arguments that returns it
        Further columns: `l1_ratio`, `fold_scores`, `support_size`, `df`.
    """
    return Results(alpha=alphas, mean_score=mean, std_score=std, se_score=se, **more)
