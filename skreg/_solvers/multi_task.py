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
from skreg._solvers.least_squares import (
    RESIDUAL_ELEMENTS,
    UNBOUNDED,
    Problem,
    gap_floor,
    prefers_gram,
)
from skreg._solvers.moments import make_moments
from skreg._solvers.results import DEFAULT_TOL, EXACT_GAP, PathResult, Step, Stop
from skreg._solvers.ridge import certify_ridge, solve_ridge
from skreg._solvers.row_products import ColumnProducts, GramProducts
from skreg._solvers.row_working_set import CompleteRowSet, RowWorkingSet
from skreg._solvers.sample import column_design, start_state

# What is aimed at is below EXACT_GAP, up to which a solution is accepted.
EXACT_AIM = 0.1 * EXACT_GAP
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
    n_targets, n_features = sample.y.shape[1], sample.X.shape[1]
    null = np.array([0.5 * sample.y_norm2.sum()])
    coefs = np.zeros((n_targets, len(alphas), n_features))
    gaps = np.zeros((1, len(alphas)))
    n_iters = np.ones((1, len(alphas)), dtype=np.int64)
    strengths = [penalty.quadratic_strength(alpha) for alpha in alphas]
    for t, strength in enumerate(strengths):
        if strength is not None:
            direct = solve_ridge(sample, np.full(n_targets, strength))
            coefs[:, t], gaps[0, t] = direct.coef, direct.dual_gap.sum()
    iterated = [t for t, strength in enumerate(strengths) if strength is None]
    if iterated:
        if moments is None and prefers_gram(sample, len(alphas)):
            moments = make_moments(sample)
        aim = (tol if tol > DEFAULT_TOL else EXACT_AIM) * null[0]
        stop = Stop(null[0], tol, UNBOUNDED if max_iter is None else max_iter)
        problem = make_row_problem(sample, moments, aim)
        first = None if start is None else start.T.astype(np.float64)
        found = problem.path(penalty, alphas[iterated], first, stop)
        for t, step in zip(iterated, found, strict=True):
            coefs[:, t], gaps[0, t], n_iters[0, t] = step.coef.T, step.gap, step.n_iter
        if start is None:  # a look that finds nothing to do is a round
            n_iters = np.maximum(n_iters, 1)
        if moments is not None:
            solved = np.swapaxes(coefs[:, iterated], 0, 1)
            gaps[0, iterated] = recompute_multi_task_gaps(
                sample, penalty, alphas[iterated], solved
            )
    floor = gap_floor(null)[:, None]
    reached = gaps <= np.maximum(max(tol, EXACT_GAP) * null[:, None], floor)
    converged = reached | [strength is not None for strength in strengths]
    gaps = np.maximum(gaps, floor)
    return PathResult(alphas, coefs, gaps, null, n_iters, converged)


def make_row_problem(sample, moments, aim):
    """The problem of all targets: on one Gram matrix if there are `moments`, or columns."""
    if moments is not None:
        curvature = np.diag(moments.gram).copy()
        products: Any = GramProducts(None, moments.gram)
        exact: Any = CompleteRowSet(sample, curvature, products, aim=aim)
        return Problem(exact, RowDescent(sample))
    columns = design, curvature = column_design(sample)
    if not is_sparse(sample.X):
        sample = replace(sample, X=unscaled(design).columns.T)
    products = GramProducts(pack_columns(sample, design))
    if not is_sparse(sample.X) and sample.X.shape[0] <= FEW_SAMPLES:
        products = ColumnProducts(sample, design)
    exact = RowWorkingSet(sample, curvature, products, aim=aim)
    return Problem(exact, RowDescent(sample, columns))


class RowDescent:
    """Block coordinate descent by residual updates, from its last solution.

    `columns` is the design and its curvature, if they are known already.
    """

    def __init__(self, sample, columns=None):
        self._sample, self._columns = sample, columns
        shape = sample.X.shape[1], sample.y.shape[1]
        self.n_features = shape[0]
        self._coef, self._gradient = np.zeros(shape), np.zeros(shape)
        self._order, self._point = np.arange(shape[0]), np.empty(shape[1])
        self._screened = False

    @cached_property
    def _given(self):
        """Design, curvature and the states at zero: made only if there is need."""
        design, curvature = self._columns or column_design(self._sample)
        targets = range(self._point.size)
        states = np.stack([start_state(design, self._sample, k) for k in targets])
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
