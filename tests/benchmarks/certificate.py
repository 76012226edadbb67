"""Objective and duality gap of returned coefficients, from residuals in float64."""

from typing import NamedTuple

import numpy as np


class Certificate(NamedTuple):
    """Per alpha, both relative to the objective of the intercept-only model."""

    objective: np.ndarray
    gap: np.ndarray

    @property
    def lower_bound(self):
        """No coefficients have a smaller objective than this."""
        return self.objective - self.gap


def certify(problem, coefs, intercepts):
    r"""Evaluate a path of 1/(2n) ||Y - b - X W||^2 + alpha sum_j ||W_j||.

    With one target that is the lasso. With R the centred residual, G = X'R / n and
    N = ||R||^2 / n, the dual point is s R, s = min(1, alpha / max_j ||G_j||). Primal
    minus dual, free of large terms that cancel, is (1 - s)^2 N / 2 + alpha sum_j ||W_j||
    - s <W, G>, plus half the squared mean of the residual (the price of an intercept
    that is not the best one).

    Parameters
    ----------
    problem : Problem
    coefs : ndarray of shape (n_features, n_alphas) or (n_features, n_alphas, n_targets)
    intercepts : ndarray of shape (n_alphas,) or (n_alphas, n_targets)
    """
    X, alphas = problem.X, problem.alphas
    n_samples, n_features = X.shape
    y = problem.y.reshape(n_samples, -1)
    shape = len(alphas), y.shape[1]
    coefs = np.asarray(coefs, dtype=np.float64).reshape(n_features, *shape)
    fitted = (X @ coefs.reshape(n_features, -1)).reshape(n_samples, *shape)
    residual = y[:, None] - np.reshape(intercepts, shape) - fitted
    shift = residual.mean(axis=0)
    residual -= shift
    gradient = (X.T @ residual.reshape(n_samples, -1)).reshape(coefs.shape) / n_samples
    square = np.sum(np.mean(residual**2, axis=0), axis=1)
    price = 0.5 * np.sum(shift**2, axis=1)
    penalty = alphas * np.linalg.norm(coefs, axis=2).sum(axis=0)
    steepest = np.max(np.linalg.norm(gradient, axis=2), axis=0)
    scale = np.minimum(1.0, alphas / steepest)
    gap = 0.5 * (1.0 - scale) ** 2 * square + penalty + price
    gap -= scale * np.einsum("jtk,jtk->t", coefs, gradient)
    objective = 0.5 * square + penalty + price
    null = 0.5 * np.var(y, axis=0).sum()
    return Certificate(objective / null, np.maximum(gap / null, np.finfo(float).eps))
