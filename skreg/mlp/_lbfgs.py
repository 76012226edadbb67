"""L-BFGS on all rows, with an L1 penalty as bounds."""

from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import minimize

from skreg.mlp._network import coefs, objective

# scipy's default for the relative decrease that ends it, at scikit-learn's default tol.
DECREASE_PER_TOL = 2.220446049250313e-9 / 1e-4


class Minimum(NamedTuple):
    """Where L-BFGS stopped."""

    params: np.ndarray  # (n_parameters,), float64
    value: float  # of the objective, penalties included
    n_iter: int
    losses: list  # the objective after each iteration
    converged: bool
    message: str
    interrupted: bool = False


def thresholds(network, regularization, n_weights):
    """The L1 strength of every weight, shape (n_weights,)."""
    strengths = np.zeros(n_weights)
    for l1, coef in zip(regularization.l1, coefs(network, strengths), strict=True):
        coef[:] = l1
    return strengths


def minimize_objective(
    network, params, sample, loss, regularization, *, max_iter, max_fun, tol, tell
):
    """Minimise mean loss + L2 + L1 over the parameters.

    With L1 every weight is w = u - v with u, v >= 0, and the penalty l1 (u + v) is smooth:
    weights whose u and v both stop at the bound are exactly zero.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_parameters,)
        The start; not changed.
    sample : Sample
    loss : loss kernel
    regularization : Regularization
        Its `l2` and `l1`.
    max_iter, max_fun : int
    tol : float
        Largest entry of the projected gradient; below 1e-4 the relative decrease that
        ends the iterations is tightened along with it.
    tell : callable
        Called with the value and the flat parameters after each iteration.

    Returns
    -------
    Minimum
    """

    def smooth(flat):
        return objective(network, flat, sample, loss, regularization)

    start = params.astype(np.float64)
    if np.any(regularization.l1 > 0.0):
        l1 = thresholds(network, regularization, int(network.intercept_start[0]))
        problem: Split | Unsplit = Split(smooth, l1)
    else:
        problem = Unsplit(smooth)
    losses, latest = [], [start]

    def after_iteration(intermediate_result):
        losses.append(float(intermediate_result.fun))
        latest[0] = problem.params(intermediate_result.x.copy())
        tell(losses[-1], latest[0])

    options = {
        "maxiter": max_iter,
        "maxfun": max_fun,
        "gtol": tol,
        "ftol": DECREASE_PER_TOL * min(tol, 1e-4),
    }
    try:
        result = minimize(
            problem.objective,
            problem.start(start),
            jac=True,
            method="L-BFGS-B",
            bounds=problem.bounds(start),
            callback=after_iteration,
            options=options,
        )
    except KeyboardInterrupt:
        value = losses[-1] if losses else problem.objective(problem.start(start))[0]
        return Minimum(latest[0], value, len(losses), losses, False, "interrupted", True)
    flat, value = problem.params(result.x), float(result.fun)
    converged = result.status == 0
    return Minimum(flat, value, result.nit, losses, converged, str(result.message))


class Unsplit(NamedTuple):
    """The problem without L1."""

    smooth: Any

    def objective(self, x):
        """Value and gradient."""
        return self.smooth(x)

    def start(self, params):
        """Variables of the start."""
        return params

    def params(self, x):
        """Flat parameters of variables."""
        return x

    def bounds(self, params):
        """None."""


class Split(NamedTuple):
    """The problem in (u, v, biases) with w = u - v."""

    smooth: Any
    l1: np.ndarray  # (n_weights,)

    def objective(self, x):
        """Value and gradient."""
        n_weights = len(self.l1)
        value, gradient = self.smooth(self.params(x))
        slope = gradient[:n_weights]
        value += float(self.l1 @ (x[:n_weights] + x[n_weights : 2 * n_weights]))
        return value, np.concatenate(
            [slope + self.l1, self.l1 - slope, gradient[n_weights:]]
        )

    def start(self, params):
        """Variables of the start."""
        weights, biases = np.split(params, [len(self.l1)])
        return np.concatenate([np.maximum(weights, 0), np.maximum(-weights, 0), biases])

    def params(self, x):
        """Flat parameters of variables."""
        n_weights = len(self.l1)
        return np.concatenate(
            [x[:n_weights] - x[n_weights : 2 * n_weights], x[2 * n_weights :]]
        )

    def bounds(self, params):
        """u and v are not negative, biases are free."""
        n_biases = len(params) - len(self.l1)
        return [(0.0, None)] * (2 * len(self.l1)) + [(None, None)] * n_biases
