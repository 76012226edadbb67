"""Least squares with one penalty on the row norms of several targets' coefficients."""

import numpy as np

from skreg._kernels.group_cd import certify_rows, group_coordinate_descent
from skreg._solvers.least_squares import (
    EXACT_GAP,
    RESIDUAL_ELEMENTS,
    UNBOUNDED,
    PathResult,
    gap_floor,
    screening_kernel,
)
from skreg._solvers.ridge import certify_ridge, solve_ridge
from skreg._solvers.sample import column_design, start_state


def solve_multi_task_path(sample, penalty, alphas, *, tol, max_iter, start=None):
    """Solve 1/2 mean ||Y - X W||^2 + sum_j penalty(||W_j||) at each of `alphas`.

    Parameters are those of :func:`skreg._solvers.least_squares.solve_path`; `start` has
    shape (n_targets, n_features). The result has one gap and epoch count per alpha, in
    arrays with a first axis of length 1; coefs has shape (n_targets, n_alphas,
    n_features).
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    n_targets, n_features = sample.y.shape[1], sample.X.shape[1]
    null = np.array([0.5 * sample.y_norm2.sum()])
    coefs = np.zeros((n_targets, len(alphas), n_features))
    gaps = np.zeros((1, len(alphas)))
    n_iters = np.ones((1, len(alphas)), dtype=np.int64)
    design, curvature = column_design(sample)
    states = np.stack([start_state(design, sample, k) for k in range(n_targets)])
    coef = np.zeros((n_features, n_targets))
    if start is not None:
        coef[:] = np.where(curvature[:, None] > 0.0, start.T, 0.0)
    state, gradient = np.empty_like(states), np.zeros_like(coef)
    order, point = np.arange(n_features), np.empty(n_targets)
    previous = None
    for t, alpha in enumerate(alphas):
        strength = penalty.quadratic_strength(alpha)
        if strength is not None:
            direct = solve_ridge(sample, np.full(n_targets, strength))
            coefs[:, t], gaps[0, t] = direct.coef, direct.dual_gap.sum()
            continue
        gaps[0, t], n_iters[0, t] = group_coordinate_descent(
            design,
            curvature,
            penalty.kernel(alpha),
            screening_kernel(penalty, alpha, previous),
            previous is not None,
            states,
            tol * null[0],
            UNBOUNDED if max_iter is None else max_iter,
            coef,
            state,
            gradient,
            order,
            point,
        )
        coefs[:, t], previous = coef.T, alpha
    converged = gaps <= max(tol, EXACT_GAP) * null[:, None]
    gaps = np.maximum(gaps, gap_floor(null)[:, None])
    return PathResult(alphas, coefs, gaps, null, n_iters, converged)


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
