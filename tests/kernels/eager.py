"""The rules of learning written plainly: every column is charged at every row.

Each learns one output and returns what is predicted with after the last row, and the
loss of each row before it was learnt. Rows are (x, y, s): features, target, weight.
"""

from typing import NamedTuple

import numpy as np

from skreg.losses import d1, value


class Eager(NamedTuple):
    coef: np.ndarray
    intercept: float
    losses: np.ndarray


def shrunk(point, by):
    return np.sign(point) * np.maximum(np.abs(point) - by, 0.0)


def clipped(loss, y, eta):
    return float(np.clip(d1(loss, y, eta), -1e12, 1e12))


def sgd(loss, rows, rate, l1, l2, fit_intercept=True, average_from=0, start=None):
    """SGD with L2 decay and the cumulative penalty of Tsuruoka et al.

    u is what every weight could have been charged by now, q_j what weight j was charged
    (with a sign), both in units of the weights: they decay as weights do. The average is
    taken of w - q and of u: where l1 = 0 both q and u are zero.
    """
    n_features = len(rows[0][0])
    w, q, u = np.zeros(n_features), np.zeros(n_features), 0.0
    b = 0.0
    if start is not None:
        w, b = start[0].astype(float), float(start[1])
    duals, charges, intercepts, losses = [], [], [], []
    for t, (x, y, s) in enumerate(rows, start=1):
        eta = x @ w + b
        losses.append(value(loss, y, eta))
        step = rate(t) * s
        decay = max(1.0 - step * l2, 0.0)
        w, q, u = decay * w, decay * q, decay * u + step * l1
        slope = clipped(loss, y, eta)
        w = w - step * slope * x
        z = w
        w = np.where(w > 0, np.maximum(0, w - (u + q)), np.minimum(0, w + (u - q)))
        q = q + (w - z)
        b -= step * slope * fit_intercept
        if 0 < average_from <= t:
            duals.append(w - q)
            charges.append(u)
            intercepts.append(b)
    if duals:
        w, b = shrunk(np.mean(duals, axis=0), np.mean(charges)), np.mean(intercepts)
    return Eager(w, b, np.array(losses))


def adagrad(loss, rows, eta0, beta, l1, l2, fit_intercept=True, start=None):
    """AdaGrad, followed after every row by the flow dw/dt = -l2 w - l1 sign(w)."""
    n_features = len(rows[0][0])
    w, squares = np.zeros(n_features + 1), np.zeros(n_features + 1)
    l1, l2 = (np.append(np.full(n_features, strength), 0.0) for strength in (l1, l2))
    if start is not None:
        w[:-1], w[-1] = start
    losses = []
    for x, y, s in rows:
        x = np.append(x, float(fit_intercept))
        eta = x @ w
        losses.append(value(loss, y, eta))
        gradient = s * clipped(loss, y, eta) * x
        squares = squares + gradient**2
        h = eta0 / (beta + np.sqrt(squares))
        w = flowed(w - h * gradient, h * s, l1, l2)
    return Eager(w[:-1], w[-1], np.array(losses))


def flowed(w, time, l1, l2):
    """|w| falls as dw/dt = -l2 w - l1, until it is zero."""
    size = np.abs(w)
    linear = size - l1 * time
    with np.errstate(divide="ignore", invalid="ignore"):
        both = (size + l1 / l2) * np.exp(-l2 * time) - l1 / l2
    return np.sign(w) * np.maximum(np.where(l2 > 0.0, both, linear), 0.0)


def ftrl(loss, rows, eta0, beta, l1, l2, fit_intercept=True, standardize=False):
    """FTRL-proximal: the minimiser of the sum in `_kernels/ftrl.py`, at every row."""
    n_features = len(rows[0][0])
    gradients, pulls, sigmas, squares = np.zeros((4, n_features + 1))
    l1, l2 = (np.append(np.full(n_features, strength), 0.0) for strength in (l1, l2))
    w, seen = np.zeros(n_features + 1), 0.0
    losses = []
    for t, (x, y, s) in enumerate(rows, start=1):
        x = np.append(x, float(fit_intercept))
        eta = x @ w
        losses.append(value(loss, y, eta))
        gradient = s * clipped(loss, y, eta) * x
        sigma = (np.sqrt(squares + gradient**2) - np.sqrt(squares)) / eta0
        squares = squares + gradient**2
        gradients, pulls, sigmas = (
            gradients + gradient,
            pulls + sigma * w,
            sigmas + sigma,
        )
        seen += s
        # sum g w + sum sigma (w - w_r)^2 / 2 + beta / eta0 w^2 / 2 + T penalty
        d = deviations(rows[:t], fit_intercept) if standardize else 1.0
        curvature = sigmas + beta / eta0 + seen * l2 * d**2
        w = shrunk(pulls - gradients, seen * l1 * d) / curvature
        w[(d == 0.0) & (l1 + l2 > 0.0)] = 0.0
    return Eager(w[:-1], w[-1], np.array(losses))


def deviations(rows, fit_intercept):
    """Standard deviations of the columns and, without any penalty, of the intercept.

    Those of constant columns are one without an intercept, and zero with one.
    """
    X, weights = np.array([row[0] for row in rows]), np.array([row[2] for row in rows])
    weights = weights / weights.sum()
    d = np.sqrt(weights @ (X - weights @ X) ** 2)
    d[np.ptp(X, axis=0) == 0.0] = 0.0 if fit_intercept else 1.0
    return np.append(d, 1.0)
