"""Scores of held-out predictions, one row at a time or all together."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class Known(RegressorMixin, BaseEstimator):
    """A regressor whose predictions of some rows are known, to hand them to a scorer."""

    def __init__(self, predictions):
        self.predictions = predictions

    def predict(self, X):
        """The known predictions, for the rows they belong to."""
        if X.shape[0] != len(self.predictions):
            raise ValueError(
                f"scoring asked for predictions of {X.shape[0]} rows; those of the "
                f"{len(self.predictions)} held-out rows are known."
            )
        return self.predictions


def negative_squared_errors(errors, data):
    """Minus squared errors, each times the weight of its row.

    Parameters
    ----------
    errors : ndarray of shape (n_alphas, n_samples, n_targets)
    data : skreg._validation.Validated

    Returns
    -------
    scores : ndarray of shape (n_alphas, n_targets)
        Means over the rows.
    squares : ndarray of shape (n_alphas, n_samples, n_targets)
    """
    squares = np.square(errors)
    if data.sample_weight is not None:
        squares *= data.sample_weight[:, None]
    return -squares.mean(axis=1), squares


def score_predictions(scorer, predictions, X, y, params, *, per_target):
    """What a scikit-learn scorer says of predictions.

    Parameters
    ----------
    scorer : callable
        (estimator, X, y, **params) -> float.
    predictions : ndarray of shape (n_alphas, n, n_targets)
    X : ndarray or sparse matrix of shape (n, n_features)
        The rows predicted; few scorers look at them.
    y : ndarray of shape (n,) or (n, n_targets)
    params : dict
    per_target : bool

    Returns
    -------
    ndarray of shape (n_alphas, n_targets) if `per_target`, else (n_alphas, 1)
    """
    if per_target:
        columns = y.reshape(len(y), -1).T
        pairs = [list(zip(p.T, columns, strict=True)) for p in predictions]
    else:
        pairs = [[(p, y)] for p in predictions.reshape(len(predictions), *y.shape)]
    return np.array([[scorer(Known(p), X, t, **params) for p, t in row] for row in pairs])


def scores_of_rows(scorer, X, predictions, y, score_params):
    """What a scikit-learn scorer says of predictions at many alphas.

    Parameters
    ----------
    scorer : callable
    X : {ndarray, sparse matrix} of shape (n_samples, n_features)
    predictions : ndarray of shape (n_targets, n_alphas, n_samples)
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    score_params : dict

    Returns
    -------
    ndarray of shape (n_alphas,)
    """
    by_alpha = np.transpose(predictions, (1, 2, 0))
    found = [rows.reshape(y.shape) for rows in by_alpha]
    return np.array([scorer(Known(rows), X, y, **score_params) for rows in found])


def for_given_rows(values, data, filler):
    """(n_alphas, n_kept, n_targets) -> (n_samples[, n_targets], n_alphas), in X's dtype.

    Rows of weight zero, which were dropped, hold `filler`.
    """
    if data.rows is not None:
        full = np.full((values.shape[0], data.n_given, values.shape[2]), filler)
        full[:, data.rows] = values
        values = full
    results = np.moveaxis(values, 0, -1).astype(data.X.dtype, copy=False)
    return results[:, 0] if data.y_ndim == 1 else results
