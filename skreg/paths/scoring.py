"""Scores of held-out predictions, one row at a time or all together."""

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin


class PassThrough(RegressorMixin, BaseEstimator):
    """A fitted regressor whose input is the prediction, to hand predictions to a scorer."""

    def predict(self, X):
        """X itself."""
        return X


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


def score_predictions(scorer, predictions, data, score_params, *, per_target):
    """What a scikit-learn scorer says of predictions of shape (n_alphas, n, n_targets).

    Returns
    -------
    ndarray of shape (n_alphas, n_targets) if `per_target`, else (n_alphas, 1)
    """
    each = PassThrough()
    if per_target:
        columns = range(data.y.shape[1])
        return np.array(
            [
                [scorer(each, p[:, k], data.y[:, k], **score_params) for k in columns]
                for p in predictions
            ]
        )
    y = data.y_as_given
    shape = (len(predictions), *y.shape)
    return np.array(
        [[scorer(each, p, y, **score_params)] for p in predictions.reshape(shape)]
    )


def scores_of_rows(scorer, predictions, y, score_params):
    """What a scikit-learn scorer says of predictions at many alphas.

    Parameters
    ----------
    scorer : callable
    predictions : ndarray of shape (n_targets, n_alphas, n_samples)
    y : ndarray of shape (n_samples,) or (n_samples, n_targets)
    score_params : dict

    Returns
    -------
    ndarray of shape (n_alphas,)
    """
    each, by_alpha = PassThrough(), np.transpose(predictions, (1, 2, 0))
    return np.array(
        [scorer(each, rows.reshape(y.shape), y, **score_params) for rows in by_alpha]
    )


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
