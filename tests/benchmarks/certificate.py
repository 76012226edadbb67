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
    r"""Evaluate a path of 1/(2n) ||y - b - X w||^2 + alpha ||w||_1.

    With r the centred residual, g = X'r / n and R = ||r||^2 / n, the dual point is s r,
    s = min(1, alpha / ||g||_inf). Primal minus dual, free of large terms that cancel,
    is (1 - s)^2 R / 2 + alpha ||w||_1 - s w'g, plus half the squared mean of the
    residual (the price of an intercept that is not the best one).

    Parameters
    ----------
    problem : Problem
    coefs : ndarray of shape (n_features, n_alphas)
    intercepts : ndarray of shape (n_alphas,)
    """
    X, y, alphas = problem
    coefs = np.asarray(coefs, dtype=np.float64)
    residual = y[:, None] - intercepts - X @ coefs
    shift = residual.mean(axis=0)
    residual -= shift
    gradient = X.T @ residual / len(y)
    square = np.mean(residual**2, axis=0)
    penalty = alphas * np.abs(coefs).sum(axis=0)
    scale = np.minimum(1.0, alphas / np.max(np.abs(gradient), axis=0))
    gap = 0.5 * (1.0 - scale) ** 2 * square + penalty + 0.5 * shift**2
    gap -= scale * np.einsum("jt,jt->t", coefs, gradient)
    objective = 0.5 * square + penalty + 0.5 * shift**2
    null = 0.5 * np.var(y)
    return Certificate(objective / null, np.maximum(gap / null, np.finfo(float).eps))
