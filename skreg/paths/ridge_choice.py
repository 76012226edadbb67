"""The table of scores of ridge regression, and what the rules choose from it."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.utils import Bunch

from skreg.paths.selection import choose, make_results, one_standard_error

UNDEFINED = (
    "R^2, the score of folds with scoring=None, is undefined on test folds of one row, so "
    "that alpha is the first of alphas, as in scikit-learn. Use "
    "scoring='neg_mean_squared_error', or cv='loo'."
)


class Choice(NamedTuple):
    """Indices of alphas: one, or one per target."""

    rule: np.ndarray
    min: np.ndarray
    se: np.ndarray | None  # None where scores have no standard error


def table(alphas, curve, **more):
    """`alpha_results_` of a curve: arrays of shape (1, n_alphas), or (1, n_alphas,
    n_targets) where every target chooses.

    Parameters
    ----------
    alphas : ndarray of shape (n_alphas,)
    curve : skreg.paths.ridge_curves.Curve
    **more : ndarray of shape (n_alphas,)
    """
    columns = {name: values[None] for name, values in more.items()}
    if curve.fold_scores is not None:
        columns["fold_scores"] = _row(np.moveaxis(curve.fold_scores, 1, -1))
    scores = (_row(values) for values in (curve.mean, curve.std, curve.se))
    return make_results(alphas[None], *scores, **columns)


def _row(values):
    """Without the axis of targets if there is but one of them."""
    values = values[None]
    return values[..., 0] if values.shape[-1] == 1 else values


def choose_alphas(results, rule, *, may_be_undefined=False):
    """What `rule`, and each of the rules known by name, chooses.

    Parameters
    ----------
    results : Bunch
        From :func:`table`.
    rule : 'min', '1se' or callable
    may_be_undefined : bool
        Whether scores that are NaN at every alpha choose the first alpha, with a warning;
        else they are an error.
    """
    views = _of_each_target(results)
    if may_be_undefined and np.isnan(results.mean_score).all():
        warnings.warn(UNDEFINED, UserWarning, stacklevel=8)
        best = [(0, 0) for _ in views]
    else:
        best = [choose(view, "min") for view in views]
    pairs = list(zip(views, best, strict=True))
    found = {"min": [index[1] for index in best], "1se": None}
    if "fold_scores" in results or not np.isnan(results.se_score).all():
        found["1se"] = [one_standard_error(*pair)[1] for pair in pairs]
    chosen = [choose(v, rule)[1] for v in views] if callable(rule) else found[rule]
    return Choice(*(_indices(index) for index in (chosen, found["min"], found["1se"])))


def _indices(values):
    return None if values is None else np.array(values)


def _of_each_target(results):
    """The table of every target by itself."""
    if results.mean_score.ndim == 2:
        return [results]
    scores = [name for name in results if name.endswith(("_score", "_scores"))]
    return [
        Bunch(**{**results, **{name: results[name][..., k] for name in scores}})
        for k in range(results.mean_score.shape[2])
    ]
