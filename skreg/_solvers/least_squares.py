"""Penalised least squares at one or many alphas: chooses the algorithm, returns a path.

Objective, with weights omega_i that sum to one (1 / n_samples without weights):

    1/2 sum_i omega_i (y_i - b - x_i' w)^2 + sum_j value(penalty at alpha, j, w_j)

and the intercept b never penalised.
"""

from typing import NamedTuple

import numpy as np

from skreg._kernels.cd import certify, coordinate_descent
from skreg._solvers.ridge import solve_ridge
from skreg._solvers.sample import column_design, gram_design, make_moments, start_state
from skreg.exceptions import NON_FINITE_COEF

# Forming the Gram matrix costs about as much as this many epochs of residual updates
# per hundred features; a path needs some ten epochs per alpha.
GRAM_FEATURES_PER_ALPHA = 400
GRAM_MAX_FEATURES = 12_000
UNBOUNDED = np.iinfo(np.int64).max
EPS = np.finfo(np.float64).eps


class PathResult(NamedTuple):
    """Solutions of one problem at many alphas, for each target on its own."""

    alphas: np.ndarray  # (n_alphas,)
    coefs: np.ndarray  # (n_targets, n_alphas, n_features), float64
    dual_gaps: np.ndarray  # (n_targets, n_alphas), absolute, of the mean objective
    null_objectives: np.ndarray  # (n_targets,), objective of the intercept-only model
    n_iters: np.ndarray  # (n_targets, n_alphas), epochs; 1 for direct solvers
    converged: np.ndarray  # (n_targets, n_alphas)


def prefers_gram(sample, n_alphas):
    """Whether covariance updates are expected to be faster than residual updates."""
    n_samples, n_features = sample.X.shape
    if isinstance(sample.X, np.ndarray):
        affordable = min(GRAM_FEATURES_PER_ALPHA * n_alphas, GRAM_MAX_FEATURES)
        return n_samples > n_features and n_features <= affordable
    return False


def solve_path(
    sample, penalty, alphas, *, tol, max_iter, start=None, moments=None, use_gram=None
):
    """Solve at each of `alphas` in turn, each from the solution of the one before.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
    alphas : sequence of float
        In the order to be solved; decreasing is fastest.
    tol : float
        Stop at a duality gap of `tol` times the objective of the null model.
    max_iter : int or None
        Bound on the epochs of coordinate descent per alpha; None for no bound.
    start : ndarray of shape (n_targets, n_features), optional
        Where to start.
    moments : Moments, optional
        Of `sample`, if already known; then covariance updates are used.
    use_gram : bool, optional
        Force or forbid the Gram matrix; by default the cheaper way is chosen.

    Returns
    -------
    PathResult
    """
    alphas = np.asarray(alphas, dtype=np.float64)
    shape = sample.y.shape[1], len(alphas)
    null = 0.5 * sample.y_norm2
    coefs = np.zeros((*shape, sample.X.shape[1]))
    gaps, n_iters = np.zeros(shape), np.ones(shape, dtype=np.int64)
    strengths = [penalty.quadratic_strength(alpha) for alpha in alphas]
    for t, strength in enumerate(strengths):
        if strength is not None:
            direct = solve_ridge(sample, np.full(shape[0], strength))
            coefs[:, t], gaps[:, t] = direct.coef, direct.dual_gap
    iterated = [t for t, strength in enumerate(strengths) if strength is None]
    if iterated:
        if moments is None and (
            prefers_gram(sample, len(alphas)) if use_gram is None else use_gram
        ):
            moments = make_moments(sample)
        fixed = column_design(sample) if moments is None else None
        for k in range(shape[0]):
            design, curvature = fixed or gram_design(moments, k)
            if not np.all(np.isfinite(curvature)):
                raise ValueError(NON_FINITE_COEF)
            state = (
                design.correlation if fixed is None else start_state(design, sample, k)
            )
            target = tol * null[k], UNBOUNDED if max_iter is None else max_iter
            found = _descend(
                design,
                curvature,
                penalty,
                alphas[iterated],
                state,
                None if start is None else start[k],
                *target,
            )
            for t, (coef, gap, n_iter) in zip(iterated, found, strict=True):
                coefs[k, t], gaps[k, t], n_iters[k, t] = coef, gap, n_iter
    converged = (gaps <= np.maximum(tol * null, gap_floor(null))[:, None]) | [s is not None for s in strengths]
    gaps = np.maximum(gaps, gap_floor(null)[:, None])
    return PathResult(alphas, coefs, gaps, null, n_iters, converged)


def _descend(design, curvature, penalty, alphas, start_state, start, tol, max_iter):
    """Coordinate descent at each alpha in turn; yields (coef, gap, n_iter)."""
    n_features = curvature.size
    coef = np.zeros(n_features)
    if start is not None:
        coef[:] = np.where(curvature > 0.0, start, 0.0)
    state, gradient = np.empty_like(start_state), np.zeros(n_features)
    order = np.arange(n_features)
    previous = None
    for alpha in alphas:
        gap, n_iter = coordinate_descent(
            design,
            curvature,
            penalty.kernel(alpha),
            screening_kernel(penalty, alpha, previous),
            previous is not None,
            start_state,
            tol,
            max_iter,
            coef,
            state,
            gradient,
            order,
        )
        previous = alpha
        yield coef, gap, n_iter


def screening_kernel(penalty, alpha, previous):
    """The penalty whose violations at the previous solution predict the next support.

    The sequential strong rule assumes that a gradient moves no faster than alpha does:
    a feature with |g_j| < 2 alpha - previous stays out (Tibshirani et al., 2012).
    """
    if previous is None or alpha >= previous:
        return penalty.kernel(alpha)
    return penalty.kernel(max(2.0 * alpha - previous, 0.0))


def recompute_gaps(sample, penalty, alpha, coef, intercept_error=0.0):
    """Duality gap of stored coefficients, from residuals in float64.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
    alpha : float
    coef : ndarray of shape (n_targets, n_features)
    intercept_error : ndarray of shape (n_targets,)
        By how much the stored intercept misses the optimal one.

    Returns
    -------
    ndarray of shape (n_targets,)
    """
    coef = np.asarray(coef, dtype=np.float64)
    residual = sample.y - sample.fitted(coef)
    gradient = sample.correlation(residual)
    norm2 = sample.mean(residual * residual)
    null = 0.5 * sample.y_norm2
    order = np.arange(coef.shape[1])
    strength = penalty.quadratic_strength(alpha)
    if strength is not None:
        gaps = solve_ridge(sample, np.full(len(coef), strength), check=coef).dual_gap
    else:
        kernel = penalty.kernel(alpha)
        curvature = np.ones(coef.shape[1])
        gaps = np.array(
            [
                certify(kernel, curvature, w, np.ascontiguousarray(g), order, norm)
                for w, g, norm in zip(coef, gradient.T, norm2, strict=True)
            ]
        )
    gaps = gaps + 0.5 * np.square(intercept_error)
    return np.maximum(gaps, gap_floor(null))


def relative_gap(dual_gap, null_objective):
    """gap / objective of the null model, never below the rounding error."""
    null = np.asarray(null_objective)
    ratio = np.divide(dual_gap, null, out=np.zeros_like(null), where=null > 0.0)
    return np.maximum(ratio, EPS)


def gap_floor(null_objective):
    """What rounding alone can make of a zero gap."""
    return np.maximum(EPS * null_objective, np.finfo(np.float64).tiny)
