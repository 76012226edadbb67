"""Ridge regression: direct solvers on the smaller Gram matrix, Krylov beyond that.

Objective, with weights omega_i that sum to one and a centred sample:

    1/2 sum_i omega_i (y_i - x_i' w)^2 + l2 / 2 ||w||^2

:class:`skreg.Ridge` uses ||y - X w||^2 + alpha ||w||^2, which is 2 sum(weights) times
this at l2 = alpha / sum(weights).
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.sparse.linalg import LinearOperator, lsmr

from skreg._kernels.design import is_sparse
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import (
    column_curvature,
    explicit_matrix,
    make_kernel_matrix,
    refuse_overflow,
    weighted_targets,
)

EPS = np.finfo(np.float64).eps
# Beyond this the smaller Gram matrix (200 MB) and its factor cost more than iterating.
DIRECT_MAX = 5_000
# A Gram matrix squares the condition number: below this ratio of l2 to its largest
# eigenvalue, the singular values of X itself are used.
GRAM_CONDITION = 1e-11
# Without a penalty the Gram matrix must be this far from singular by itself.
SAFE_PIVOT = 1e-7
# A correction this small, relative to the largest entry, is worth no second one: what it
# leaves is smaller by as much again.
REFINED = 1e-9
KRYLOV_TOL = 1e-12
# A gradient outside the span of the rows is rounding, up to this share of its scale.
ROUNDING = 1e-13
SMALLEST = np.nextafter(0.0, 1.0)


class RidgeResult(NamedTuple):
    """Solution for each target."""

    coef: np.ndarray  # (n_targets, n_features)
    dual_gap: np.ndarray  # (n_targets,)
    n_iter: np.ndarray  # (n_targets,), Krylov iterations; 1 for direct solvers
    converged: bool
    method: str  # "cholesky", "svd" or "lsqr"


def solve_ridge(sample, l2, *, method=None, tol=KRYLOV_TOL, max_iter=None, moments=None):
    """Ridge regression of every target.

    Parameters
    ----------
    sample : Sample
    l2 : ndarray of shape (n_targets,)
        Penalty strengths; zero gives the least squares solution of smallest norm.
    method : {"cholesky", "svd", "lsqr"}, optional
        By default Cholesky while the smaller Gram matrix is affordable and well
        conditioned, singular values if it is not, and Krylov for large problems.
    tol : float
        Relative residual at which Krylov iterations stop.
    max_iter : int, optional
        Bound on the Krylov iterations.
    moments : Moments, optional
        Of the sample, if they are known.

    Returns
    -------
    RidgeResult
    """
    l2 = np.asarray(l2, dtype=np.float64)
    once = np.ones(len(l2), dtype=np.int32)
    if method is None:
        method = "cholesky" if is_direct(sample.X) else "lsqr"
    if method == "lsqr":
        coef, n_iter, converged = _krylov(sample, l2, tol, max_iter)
        return RidgeResult(coef, certify_ridge(sample, l2, coef), n_iter, converged, method)
    coef = _cholesky(sample, l2, moments) if method == "cholesky" else None
    if coef is None:
        coef, method = _singular_values(sample, l2), "svd"
    return RidgeResult(coef, certify_ridge(sample, l2, coef), once, True, method)


def is_direct(X):
    """Whether the smaller Gram matrix is affordable: for sparse X, no larger than a few
    times the data themselves.
    """
    if min(X.shape) > DIRECT_MAX:
        return False
    if not is_sparse(X):
        return True
    return min(X.shape) ** 2 <= 8 * X.nnz + 1_000_000


def minus_gradient(sample, l2, coef):
    """Minus the gradient of the objective, shape (n_targets, n_features)."""
    return sample.residual_correlation(coef).T - l2[:, None] * coef


def certify_ridge(sample, l2, coef):
    """Upper bound of objective(coef) - minimum, for each target.

    ||gradient||^2 / (2 l2) is the duality gap at the dual point given by the residual.
    For small l2 it is loose, and the Newton decrement 1/2 g' (G + l2 I)^-1 g, which is
    the exact distance for a quadratic, is used where a factor is affordable.
    """
    gradient = minus_gradient(sample, l2, coef)
    null = 0.5 * sample.y_norm2
    gap = _half_square(gradient, l2[:, None])
    enough = 1e-13 if sample.X.dtype == np.float64 else np.finfo(np.float32).eps
    loose = ~(gap <= enough * null)
    if loose.any() and min(sample.X.shape) <= DIRECT_MAX:
        gap = np.where(loose, np.fmin(gap, _decrement(sample, l2, gradient)), gap)
    return np.maximum(gap, np.maximum(EPS * null, SMALLEST))


def _decrement(sample, l2, gradient):
    """1/2 g' (G + l2 I)^-1 g for each target, in the span of the rows of X.

    From the singular values of X; for sparse X, which is not densified, and where X is
    long, from the eigenvalues of its smaller Gram matrix, which see less of directions
    below 1e-8 of the largest.
    """
    squares, along, inside = _project_on_rows(sample, gradient)
    outside = gradient - inside
    scale = np.sqrt(squares.max(initial=0.0) * sample.y_norm2)
    outside[np.abs(outside) <= ROUNDING * scale[:, None]] = 0.0
    decrement = _half_square(along, squares + l2[:, None])
    return decrement + _half_square(outside, l2[:, None])


def _project_on_rows(sample, gradient):
    """Squared singular values of X, coordinates of `gradient` along its right singular
    vectors, and the part of `gradient` that these span.
    """
    n_samples, n_features = sample.X.shape
    if is_sparse(sample.X) and n_features > n_samples:
        squares, left = _eigenvectors(make_kernel_matrix(sample))
        roots = sample.weight_roots()
        along = ((sample.fitted(gradient) * roots).T @ left) / np.sqrt(squares)
        inside = sample.correlation((left / np.sqrt(squares) @ along.T) / roots).T
        return squares, along, inside
    if is_sparse(sample.X) or n_samples > 4 * n_features:
        squares, right = _eigenvectors(make_moments(sample).gram)
    else:
        _, values, right = decompose(sample)
        squares, right = values**2, right.T
    along = gradient @ right
    return squares, along, along @ right.T


def _eigenvectors(matrix):
    """Eigenvalues and eigenvectors of a Gram matrix without its null space."""
    squares, vectors = linalg.eigh(matrix)
    kept = squares > EPS * len(matrix) * squares.max(initial=0.0)
    return squares[kept], vectors[:, kept]


def _half_square(rows, divisor):
    """sum_j rows_j^2 / (2 divisor_j) for each row, 0 / 0 being 0; divided first."""
    with np.errstate(divide="ignore", invalid="ignore"):
        roots = np.where(rows == 0.0, 0.0, rows / np.sqrt(2.0 * divisor))
    return np.einsum("kj,kj->k", roots, roots)


def _cholesky(sample, l2, moments):
    """Normal equations of the smaller side with one step of iterative refinement.

    Returns None if the matrix is too close to singular to be trusted.
    """
    n_samples, n_features = sample.X.shape
    primal = n_features <= n_samples
    solve: Callable = _solve_dual
    if primal:
        moments = make_moments(sample) if moments is None else moments
        solve = partial(_refine_primal, moments.correlation)
    matrix = moments.gram if primal else make_kernel_matrix(sample)
    largest = np.abs(matrix).sum(axis=0).max(initial=0.0)
    refuse_overflow(largest)
    hardly_penalised = l2.min() <= GRAM_CONDITION * largest
    if hardly_penalised and not primal:
        return None
    least_pivot = SAFE_PIVOT if hardly_penalised else GRAM_CONDITION
    coef = np.zeros((len(l2), n_features))
    for strength in np.unique(l2):
        shifted = matrix.copy()
        shifted.flat[:: len(matrix) + 1] += strength
        try:
            factor = linalg.cho_factor(shifted, lower=True, overwrite_a=True)
        except linalg.LinAlgError:
            return None
        if np.diag(factor[0]).min(initial=np.inf) ** 2 <= least_pivot * largest:
            return None
        same = l2 == strength
        coef[same] = solve(sample, factor, strength, same)
    return coef


def _refine_primal(correlation, sample, factor, strength, targets):
    part = np.full(int(targets.sum()), strength)
    some = sample.select(targets)
    coef = linalg.cho_solve(factor, correlation[:, targets]).T
    for _ in range(2):
        correction = linalg.cho_solve(factor, minus_gradient(some, part, coef).T).T
        coef = coef + correction
        if np.abs(correction).max(initial=0.0) <= REFINED * np.abs(coef).max(initial=0.0):
            break
    return coef


def _solve_dual(sample, factor, strength, targets):
    some = sample.select(targets)
    goal = weighted_targets(some)
    roots = some.weight_roots()
    dual = linalg.cho_solve(factor, goal)
    for _ in range(2):
        coef = some.correlation(dual / roots).T
        fitted = some.fitted(coef) * roots
        correction = linalg.cho_solve(factor, goal - fitted - strength * dual)
        dual = dual + correction
        if np.abs(correction).max() <= REFINED * np.abs(dual).max():
            break
    return some.correlation(dual / roots).T


def decompose(sample):
    """Thin singular value decomposition of omega^(1/2) (X - m), without its null space."""
    left, values, right = linalg.svd(explicit_matrix(sample), full_matrices=False)
    cutoff = EPS * max(sample.X.shape) * values.max(initial=0.0)
    kept = values > cutoff
    return left[:, kept], values[kept], right[kept]


def _singular_values(sample, l2):
    left, values, right = decompose(sample)
    along = left.T @ weighted_targets(sample)
    shrunk = values[:, None] / (values[:, None] ** 2 + l2) * along
    return shrunk.T @ right


def _krylov(sample, l2, tol, max_iter):
    """LSMR on the sample stacked on sqrt(l2) I, columns scaled to equal length."""
    n_samples, n_features = sample.X.shape
    roots = sample.weight_roots()[:, 0]
    goal = weighted_targets(sample)
    curvature = column_curvature(sample)
    coef, n_iter = np.zeros((len(l2), n_features)), np.zeros(len(l2), dtype=np.int32)
    converged = True
    limit = max_iter if max_iter is not None else 10 * min(sample.X.shape) + 100
    for k, strength in enumerate(l2):
        # Scaling the columns changes which solution has the smallest norm.
        scaled = strength > GRAM_CONDITION * curvature.max(initial=0.0)
        length = np.sqrt(curvature + strength) if scaled else np.ones(n_features)
        scale = 1.0 / length

        def forward(v, scale=scale, strength=strength):
            w = (scale * v.ravel())[None]
            return np.append(roots * sample.fitted(w)[:, 0], np.sqrt(strength) * w)

        def adjoint(u, scale=scale, strength=strength):
            rows = (u.ravel()[:n_samples] / roots)[:, None]
            top = sample.correlation(rows)[:, 0]
            return scale * (top + np.sqrt(strength) * u.ravel()[n_samples:])

        operator = LinearOperator(
            (n_samples + n_features, n_features), matvec=forward, rmatvec=adjoint
        )
        target = np.append(goal[:, k], np.zeros(n_features))
        found = lsmr(operator, target, atol=tol, btol=tol, conlim=0.0, maxiter=limit)
        coef[k], n_iter[k] = scale * found[0], found[2]
        converged &= found[1] != 7  # 7: the iteration limit
    return coef, n_iter, converged
