"""Slow and obvious ways to choose alpha, to judge the fast ones by.

Every fold, row and alpha is a refit from nothing by scikit-learn's coordinate descent, on
a matrix that is centred, scaled and weighted by hand.
"""

from typing import NamedTuple

import numpy as np
import sklearn.linear_model
from scipy import optimize

TIGHT = {"tol": 1e-14, "max_iter": 100_000}
REFERENCE_TIGHT = {"tol": 1e-14, "max_iter": 1_000_000}


class Settings(NamedTuple):
    """What a refit is to do."""

    l1_ratio: float = 1.0
    fit_intercept: bool = True
    standardize: bool = False
    positive: bool = False


class Line(NamedTuple):
    """A linear model."""

    coef: np.ndarray  # (n_features,) or (n_targets, n_features)
    intercept: np.ndarray

    def predict(self, X):
        return X @ self.coef.T + self.intercept


PLAIN = Settings()


def make_problem(shape, n_targets=None, seed=0, noise=1.0):
    """X with means and scales of its own, y, and weights between 0.2 and 3."""
    rng = np.random.default_rng(seed)
    scale = rng.choice([0.5, 1.0, 3.0], size=shape[1])
    X = (rng.standard_normal(shape) + rng.standard_normal(shape[1])) * scale
    truth = np.zeros((shape[1], n_targets or 1))
    truth[:5] = 4.0 * rng.standard_normal((min(5, shape[1]), n_targets or 1))
    y = X @ (truth / scale[:, None]) + 3.0
    y += noise * rng.standard_normal(y.shape)
    return X, (y if n_targets else y[:, 0]), rng.uniform(0.2, 3.0, shape[0])


def explicit(X, y, weight, settings):
    """(matrix, targets, to_line): least squares without weights and intercept, and the way
    from its coefficients to a model of X.
    """
    weight = np.ones(len(y)) if weight is None else weight
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    centre = np.average(X.astype(np.longdouble), axis=0, weights=weight)
    distance = X - centre
    scale = np.ones(X.shape[1])
    if settings.standardize:
        scale = np.sqrt(np.average(distance**2, axis=0, weights=weight)).astype(float)
        scale[np.ptp(X, axis=0) == 0] = 1.0
    mean = np.zeros(y.shape[1:])
    if settings.fit_intercept:
        mean = np.average(y.astype(np.longdouble), axis=0, weights=weight)
        distance[:, np.ptp(X, axis=0) == 0] = 0.0
    else:
        centre, distance = np.zeros(X.shape[1]), X
    roots = np.sqrt(weight * len(y) / weight.sum())
    matrix = (roots[:, None] * distance / scale).astype(float)
    targets = ((y - mean).T * roots).T.astype(float)

    def to_line(coef):
        coef = coef / scale
        return Line(coef, (mean - coef @ centre).astype(float))

    return matrix, targets, to_line


def refit(X, y, weight, alpha, settings=PLAIN):
    """The :class:`Line` of scikit-learn on the explicit problem."""
    matrix, targets, to_line = explicit(X, y, weight, settings)
    common = {"fit_intercept": False}
    if settings.l1_ratio == 0.0:
        model = sklearn.linear_model.Ridge(alpha * len(y), solver="svd", **common)
    else:
        common |= {"alpha": alpha, "l1_ratio": settings.l1_ratio, **REFERENCE_TIGHT}
        if targets.ndim > 1:
            model = sklearn.linear_model.MultiTaskElasticNet(**common)
        else:
            common["positive"] = settings.positive
            model = sklearn.linear_model.ElasticNet(**common)
    coef = model.fit(matrix, targets).coef_
    return to_line(coef.reshape(*targets.shape[1:], -1))


def relaxed_refit(X, y, weight, support, settings=PLAIN):
    """Least squares on some columns; non-negative least squares if `positive`."""
    matrix, targets, to_line = explicit(X, y, weight, settings)
    coef = np.zeros(matrix.shape[1])
    if settings.positive and support.any():
        coef[support] = optimize.nnls(matrix[:, support], targets)[0]
    elif support.any():
        coef[support] = np.linalg.lstsq(matrix[:, support], targets, rcond=None)[0]
    return to_line(coef)


def some(weight, rows):
    return None if weight is None else weight[rows]


def mean_square(y, predictions, weight=None):
    """Weighted over the rows, then over the targets."""
    return np.average((y - predictions) ** 2, axis=0, weights=weight).mean()


def refitted_mse(X, y, weight, alphas, folds, settings=PLAIN):
    """Errors of shape (n_alphas, n_folds), as `mse_path_`."""
    mse = np.empty((len(alphas), len(folds)))
    for k, (train, test) in enumerate(folds):
        for t, alpha in enumerate(alphas):
            line = refit(X[train], y[train], some(weight, train), alpha, settings)
            mse[t, k] = mean_square(y[test], line.predict(X[test]), some(weight, test))
    return mse


def refitted_predictions(X, y, weight, alpha, folds, settings=PLAIN):
    """Out of fold, averaged where a row was held out several times; NaN: never."""
    total, count = np.zeros(y.shape), np.zeros(len(y))
    for train, test in folds:
        line = refit(X[train], y[train], some(weight, train), alpha, settings)
        total[test] += line.predict(X[test])
        count[test] += 1
    with np.errstate(invalid="ignore"):
        return (total.T / count).T


def left_out_errors(X, y, weight, alphas, settings=PLAIN):
    """y_i - prediction without row i, shape (n_alphas, n_samples[, n_targets]).

    With `standardize`, columns are divided by the scale of all rows.
    """
    scale = np.ones(X.shape[1])
    if settings.standardize:
        centre = np.average(X, axis=0, weights=weight)
        scale = np.sqrt(np.average((X - centre) ** 2, axis=0, weights=weight))
    Z, plain = X / scale, settings._replace(standardize=False)
    errors = np.empty((len(alphas), *y.shape))
    for i in range(len(y)):
        rest = np.arange(len(y)) != i
        for t, alpha in enumerate(alphas):
            line = refit(Z[rest], y[rest], some(weight, rest), alpha, plain)
            errors[t, i] = y[i] - line.predict(Z[i])
    return errors
