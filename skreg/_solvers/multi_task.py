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

from skreg._kernels.design import Dense
from skreg._kernels.group_cd import group_coordinate_descent
from skreg._solvers.columns import AllColumns, pack_columns
from skreg._solvers.least_squares import (
    EXACT_GAP,
    UNBOUNDED,
    PathResult,
    Problem,
    Step,
    Stop,
    gap_floor,
    prefers_gram,
)
from skreg._solvers.ridge import solve_ridge
from skreg._solvers.row_products import ColumnProducts, GramProducts
from skreg._solvers.row_working_set import RowWorkingSet
from skreg._solvers.sample import column_design, make_moments, start_state

# A tolerance up to this one is taken to ask for the exact solution; a looser one is
# kept to, and buys time.
LOOSE = 1e-4
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
        aim = (tol if tol > LOOSE else EXACT_AIM) * null[0]
        stop = Stop(
            tol * null[0],
            EXACT_GAP * null[0],
            UNBOUNDED if max_iter is None else max_iter,
        )
        problem = make_row_problem(sample, moments, aim)
        first = None if start is None else start.T.astype(np.float64)
        found = problem.path(penalty, alphas[iterated], first, stop)
        for t, step in zip(iterated, found, strict=True):
            coefs[:, t], gaps[0, t], n_iters[0, t] = step.coef.T, step.gap, step.n_iter
    reached = gaps <= max(tol, EXACT_GAP) * null[:, None]
    converged = reached | [strength is not None for strength in strengths]
    gaps = np.maximum(gaps, gap_floor(null)[:, None])
    return PathResult(alphas, coefs, gaps, null, n_iters, converged)


def make_row_problem(sample, moments, aim):
    """The problem of all targets: on one Gram matrix if there are `moments`, or columns."""
    if moments is not None:
        curvature = np.diag(moments.gram).copy()
        products: Any = GramProducts(AllColumns(sample), moments.gram)
        exact = RowWorkingSet(sample, curvature, products, aim=aim, complete=True)
        return Problem(exact, RowDescent(sample))
    columns = design, curvature = column_design(sample)
    if isinstance(design, Dense):
        sample = replace(sample, X=design.columns.T)
    products = GramProducts(pack_columns(sample, design))
    if isinstance(design, Dense) and sample.X.shape[0] <= FEW_SAMPLES:
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
