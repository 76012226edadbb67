"""Scores of ridge regression at every alpha: of rows left out, or by a criterion."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.spectrum import mean_squared_residuals
from skreg.paths.criteria import aic, bic, gcv
from skreg.paths.scoring import negative_squared_errors, score_predictions

# Predictions, or the models that make them, are kept for all alphas while they need no
# more bytes than this, or than X does; else they are computed again at the chosen alpha.
MAX_KEPT_BYTES = 2**28


class Curve(NamedTuple):
    """Scores at every alpha; greater is better. `s`: 1, or n_targets if each chooses."""

    mean: np.ndarray  # (n_alphas, s)
    std: np.ndarray  # (n_alphas, s), NaN where there is none
    se: np.ndarray  # (n_alphas, s), NaN where there is none
    # (indices of the chosen alphas, one per target) -> (n_samples, n_targets)
    predict: Callable | None = None
    kept: np.ndarray | None = None  # (n_alphas, n_samples, n_targets)
    fold_scores: np.ndarray | None = None  # (n_alphas, s, n_folds)
    mse: np.ndarray | None = None  # (n_alphas, n_folds)


class Scoring(NamedTuple):
    """How held-out predictions are scored."""

    scorer: Callable | None  # None: squared errors of left-out rows, R² of folds
    params: dict
    per_target: bool


def leave_one_out_curve(sample, spectrum, l2, data, scoring, *, store):
    """Scores of the predictions of each row by the fit to all others.

    Parameters
    ----------
    sample : Sample
    spectrum : Spectrum
    l2 : ndarray of shape (n_alphas,)
    data : skreg._validation.Validated
    scoring : Scoring
        Without a scorer, minus the squared error times the weight of the row; its spread
        is that over rows. A scorer of all rows has none.
    store : bool
        Whether `Curve.kept` is wanted: squared errors, or predictions for a scorer.
    """
    parts, columns, kept = _parts(l2, data), [], []
    for part in parts:
        errors = leave_one_out(sample, l2[part], spectrum=spectrum)
        columns.append(_row_scores(errors, data, scoring))
        if store:
            kept.append(_stored(errors, data, scoring))
    mean, std, se = (np.concatenate(column) for column in zip(*columns, strict=True))
    known = errors if len(parts) == 1 else None

    def predict(best):
        if known is not None:
            return data.y - at_targets(known, best)
        chosen, position = np.unique(best, return_inverse=True)
        again = leave_one_out(sample, l2[chosen], spectrum=spectrum)
        return data.y - at_targets(again, position)

    return Curve(mean, std, se, predict, np.concatenate(kept) if store else None)


def _parts(l2, data):
    """Slices of the alphas whose errors fit into memory together."""
    n_samples, n_targets = data.y.shape
    budget = max(MAX_KEPT_BYTES, 8 * n_samples * data.X.shape[1])
    step = max(1, int(budget // (8 * n_samples * n_targets)))
    return [slice(start, start + step) for start in range(0, len(l2), step)]


def _row_scores(errors, data, scoring):
    """Mean, standard deviation and standard error, shape (n_alphas, s)."""
    if scoring.scorer is not None:
        scores = score_predictions(
            scoring.scorer,
            data.y - errors,
            data.X,
            data.y_as_given,
            scoring.params,
            per_target=scoring.per_target,
        )
        unknown = np.full(scores.shape, np.nan)
        return scores, unknown, unknown
    scores, squares = negative_squared_errors(errors, data)
    if not scoring.per_target:
        scores = scores.mean(axis=1, keepdims=True)
        squares = squares.mean(axis=2, keepdims=True)
    std = squares.std(axis=1, ddof=1)
    return scores, std, std / np.sqrt(squares.shape[1])


def _stored(errors, data, scoring):
    if scoring.scorer is not None:
        return data.y - errors
    return negative_squared_errors(errors, data)[1]


def at_targets(values, best):
    """values[best[t], :, t] for every target t: (n_alphas, n, t) -> (n, t)."""
    return values[best, :, np.arange(len(best))].T


def criterion_curve(name, sample, spectrum, l2, *, noise_variance, per_target):
    """Minus a criterion of the fits to all rows; the mean over targets, or each.

    Parameters
    ----------
    name : {'gcv', 'aic', 'bic', 'ebic'}
        Nothing is selected, so that 'ebic' is 'bic'.
    """
    n = sample.weight_sum
    rss = n * mean_squared_residuals(sample, spectrum, l2)
    df = spectrum.df(l2, sample.centred)[:, None]
    if name == "gcv":
        values = gcv(rss, df, n)
    else:
        values = {"aic": aic, "bic": bic, "ebic": bic}[name](rss, df, n, noise_variance)
    scores = -values if per_target else -values.mean(axis=1, keepdims=True)
    if np.any(np.all(scores == -np.inf, axis=0)):
        raise ValueError(
            f"cv={name!r} needs fits with fewer degrees of freedom than data; got "
            f"df >= {df.min():.6g} of n = {n:.6g} at every alpha "
            f"(n_samples={len(sample.y)}). Give larger alphas."
        )
    unknown = np.full(scores.shape, np.nan)
    return Curve(scores, unknown, unknown)
