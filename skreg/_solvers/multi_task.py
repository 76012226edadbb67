"""Least squares with one penalty on the row norms of several targets' coefficients.

Objective, with weights omega_i that sum to one (1 / n_samples without weights):

    1/2 sum_i omega_i ||Y_i - b - X_i W||^2 + sum_j value(penalty at alpha, j, ||W_j||)

As for one target (:mod:`skreg._solvers.least_squares`), each alpha is solved exactly
where that is possible, by Newton's method on the rows that are not zero, else by block
coordinate descent.
"""

from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from skreg._kernels.design import is_sparse, unscaled
from skreg._kernels.group_cd import certify_rows, group_coordinate_descent
from skreg._solvers.columns import pack_columns
from skreg._solvers.gaps import RESIDUAL_ELEMENTS, gap_floor
from skreg._solvers.least_squares import (
    UNBOUNDED,
    Problem,
    judge,
    prefers_gram,
    solve_directly,
    unsolved,
)
from skreg._solvers.moments import make_moments
from skreg._solvers.results import DEFAULT_TOL, EXACT_GAP, Step, Stop
from skreg._solvers.ridge import certify_ridge
from skreg._solvers.row_products import ColumnProducts, GramProducts
from skreg._solvers.row_working_set import CompleteRowSet, RowWorkingSet
from skreg._solvers.sample import column_design, start_state

# What is aimed at is below EXACT_GAP, up to which a solution is accepted.
EXACT_AIM = 0.5 * EXACT_GAP
# With more samples, products use the Gram matrix of the features in play.
FEW_SAMPLES = 1_000


def solve_multi_task_path(
    sample, penalty, alphas, *, tol, max_iter, start=None, moments=None
):
    """Solve at each of `alphas` in turn, each from the solution of the one before.

    Parameters are those of :func:`skreg._solvers.least_squares.solve_path`; `start` has
    shape (n_targets, n_features). The result has one gap and count of rounds per alpha,
    in arrays with a first axis of length 1; coefs has shape (n_targets, n_alphas,
    n_features). Gaps come from residuals.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    result = _unsolved(alphas, sample.y_norm2, sample.X.shape[1])
    iterated = solve_directly(sample, penalty, result)
    if iterated:
        if moments is None and prefers_gram(sample.X, len(alphas)):
            moments = make_moments(sample)
        problem = (
            _columns_problem(sample, tol)
            if moments is None
            else _moments_problem(moments, tol, lambda: sample)
        )
        _solve(problem, penalty, iterated, result, start, tol, max_iter)
        if moments is not None:
            solved = np.swapaxes(result.coefs[:, iterated], 0, 1)
            result.dual_gaps[0, iterated] = recompute_multi_task_gaps(
                sample, penalty, alphas[iterated], solved
            )
    return judge(result, tol, iterated)


def solve_multi_task_moments_path(
    moments, penalty, alphas, *, tol, max_iter, make_sample, start=None
):
    """:func:`solve_multi_task_path` for a sample of which only the moments are known.

    Certificates carry the rounding of the Gram matrix. Penalties that a direct solver
    takes at one of the `alphas` need the sample. `make_sample` returns it: coordinate
    descent, where Newton's method fails, reads X.
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    result = _unsolved(alphas, moments.y_norm2, len(moments.X_mean))
    problem = _moments_problem(moments, tol, make_sample)
    every = range(len(alphas))
    _solve(problem, penalty, every, result, start, tol, max_iter)
    return judge(result, tol, every)


def _unsolved(alphas, y_norm2, n_features):
    """A result to be filled in, with one gap and count of rounds per alpha."""
    result = unsolved(alphas, 0.5 * y_norm2.sum(keepdims=True), n_features)
    return result._replace(coefs=np.zeros((len(y_norm2), len(alphas), n_features)))


def _solve(problem, penalty, places, result, start, tol, max_iter):
    """Write the solutions at the alphas in `places`."""
    null = result.null_objectives[0]
    stop = Stop(null, tol, UNBOUNDED if max_iter is None else max_iter)
    first = None if start is None else start.T.astype(np.float64)
    found = problem.path(penalty, result.alphas[places], first, stop)
    for t, step in zip(places, found, strict=True):
        step.write(result.coefs[:, t].T)
        result.dual_gaps[0, t] = step.gap
        # a look that finds nothing to do is a round
        result.n_iters[0, t] = max(step.n_iter, 0 if start is not None else 1)


def _aim(y_norm2, tol):
    """The duality gap to reach."""
    return (tol if tol > DEFAULT_TOL else EXACT_AIM) * 0.5 * y_norm2.sum()


def _moments_problem(moments, tol, make_sample):
    """All targets on one Gram matrix."""
    products = GramProducts(None, moments.gram)
    exact = CompleteRowSet(moments, products, aim=_aim(moments.y_norm2, tol))
    return Problem(exact, RowDescent(moments.correlation.shape, make_sample))


def _columns_problem(sample, tol):
    """All targets on the columns in play."""
    columns = design, curvature = column_design(sample)
    if not is_sparse(sample.X):
        sample = replace(sample, X=unscaled(design).columns.T)
    products: Any = GramProducts(pack_columns(sample, design))
    if not is_sparse(sample.X) and sample.X.shape[0] <= FEW_SAMPLES:
        products = ColumnProducts(sample, design)
    exact = RowWorkingSet(sample, curvature, products, aim=_aim(sample.y_norm2, tol))
    shape = sample.X.shape[1], sample.y.shape[1]
    return Problem(exact, RowDescent(shape, lambda: sample, columns))


class RowDescent:
    """Block coordinate descent by residual updates, from its last solution.

    Parameters
    ----------
    shape : (n_features, n_targets)
    make_sample : callable
        Returns the sample; called if there is need.
    columns : (design, curvature), optional
        Of the sample, if they are known already.
    """

    def __init__(self, shape, make_sample, columns=None):
        self._make_sample, self._columns = make_sample, columns
        self.n_features = shape[0]
        self._coef, self._gradient = np.zeros(shape), np.zeros(shape)
        self._order, self._point = np.arange(shape[0]), np.empty(shape[1])
        self._screened = False

    @cached_property
    def _given(self):
        """Design, curvature and the states at zero: made only if there is need."""
        sample = self._make_sample()
        design, curvature = self._columns or column_design(sample)
        states = np.stack([start_state(design, sample, k) for k in range(self._point.size)])
        return design, curvature, states

    def feasible(self, coef, kernel):
        """Every row is."""
        return coef

    def start_at(self, coef, kernel):
        """Continue from `coef` (zero where a column is constant); certifies it."""
        curvature = self._given[1]
        self._coef[:] = np.where(curvature[:, None] > 0.0, coef, 0.0)
        self._screened = False
        step = self.solve(kernel, kernel, 0.0, 0)
        self._screened = True  # its gradient is known now
        return step

    def solve(self, kernel, screening, tol, max_iter):
        """A :class:`Step`; `screening` is a weaker penalty that predicts the support."""
        design, curvature, states = self._given
        gap, n_iter = group_coordinate_descent(
            design,
            curvature,
            kernel,
            screening,
            self._screened,
            states,
            tol,
            max_iter,
            self._coef,
            np.empty_like(states),
            self._gradient,
            self._order,
            self._point,
        )
        self._screened = True
        return Step(self._coef.copy(), gap, n_iter)


def recompute_multi_task_gaps(sample, penalty, alphas, coefs):
    """Duality gaps of given coefficients of all targets, from residuals in float64.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
    alphas : sequence of float, of length n_solutions
    coefs : ndarray of shape (n_solutions, n_targets, n_features)

    Returns
    -------
    ndarray of shape (n_solutions,)
    """
    coefs = np.asarray(coefs, dtype=np.float64)
    gaps = np.empty(len(coefs))
    step = max(1, RESIDUAL_ELEMENTS // (sample.y.shape[1] * max(sample.X.shape)))
    for start in range(0, len(coefs), step):
        part = slice(start, start + step)
        gaps[part] = _multi_task_gaps_at_once(sample, penalty, alphas[part], coefs[part])
    return np.maximum(gaps, gap_floor(0.5 * sample.y_norm2.sum()))


def _multi_task_gaps_at_once(sample, penalty, alphas, coefs):
    strengths = [penalty.quadratic_strength(alpha) for alpha in alphas]
    gaps = np.empty(len(coefs))
    n_targets, n_features = coefs.shape[1:]
    for t, strength in enumerate(strengths):
        if strength is not None:
            l2 = np.full(n_targets, strength)
            gaps[t] = certify_ridge(sample, l2, coefs[t]).sum()
    iterated = [t for t, strength in enumerate(strengths) if strength is None]
    if iterated:
        fitted = sample.fitted(coefs[iterated].reshape(-1, n_features))
        residual = np.tile(sample.y, len(iterated)) - fitted
        gradient = sample.correlation(residual).reshape(n_features, -1, n_targets)
        norm2 = sample.mean_square(residual).reshape(-1, n_targets).sum(axis=1)
        order = np.arange(n_features)
        for column, t in enumerate(iterated):
            gaps[t] = certify_rows(
                penalty.kernel(alphas[t]),
                np.ascontiguousarray(coefs[t].T),
                np.ascontiguousarray(gradient[:, column]),
                order,
                norm2[column],
            )
    return gaps
