"""Ridge regression at many strengths from one Krylov space, for X without a factor.

Golub-Kahan bidiagonalisation of A = omega^(1/2) (X - m) / scale does not depend on the
strength, so that the products with X of one run serve all strengths: each has its own
rotations and its own direction. This is LSQR with many damping parameters at a time.

Reference: Paige and Saunders, LSQR: an algorithm for sparse linear equations and sparse
least squares, ACM Transactions on Mathematical Software, 1982.
"""

import numpy as np

from skreg._solvers.ridge import KRYLOV_TOL, solve_ridge
from skreg._solvers.sample import column_curvature, weighted_targets

# Columns of which the middle nine tenths have squares that differ by more than this
# should be scaled, which takes a run of its own for every strength; so do strengths that
# have not converged after so many rounds.
UNEVEN = 100.0
MAX_ROUNDS = 2_000


def krylov_path(sample, l2):
    """Solutions at every strength.

    Parameters
    ----------
    sample : Sample
    l2 : ndarray of shape (n_alphas,)

    Returns
    -------
    coefs : ndarray of shape (n_alphas, n_targets, n_features)
        Of the standardized problem if `sample` is.
    converged : bool
    """
    n_targets = sample.y.shape[1]
    coefs = np.zeros((len(l2), n_targets, sample.X.shape[1]))
    solved = np.zeros(len(l2), dtype=bool)
    if _is_even(sample, l2.min()):
        order = np.argsort(l2)
        solved[:] = True
        for k in range(n_targets):
            coefs[order, k], done = _shifted_lsqr(sample, k, l2[order])
            solved[order] &= done
    converged = True
    for a in np.flatnonzero(~solved):
        found = solve_ridge(sample, np.full(n_targets, l2[a]), method="lsqr")
        coefs[a], converged = found.coef, converged and found.converged
    return coefs, converged


def _is_even(sample, least_l2):
    """Whether most columns are of comparable length, beside the penalty."""
    curvature = column_curvature(sample)
    present = curvature[curvature > 0.0] + least_l2
    if len(present) == 0:
        return True
    short, long = np.quantile(present, [0.05, 0.95])
    return long <= UNEVEN * short


def _shifted_lsqr(sample, k, l2):
    """Solutions of target k for increasing `l2`, and which of them have converged."""
    roots = sample.weight_roots()[:, 0]
    u = weighted_targets(sample)[:, k]
    u, beta = _normalised(u)
    v, alpha = _normalised(_adjoint(sample, roots, u))
    x, w = np.zeros((len(l2), len(v))), np.tile(v, (len(l2), 1))
    shift = np.sqrt(l2)
    rhobar, phibar = np.full(len(l2), alpha), np.full(len(l2), beta)
    goal, m = KRYLOV_TOL * alpha * beta, len(l2) if alpha * beta > 0.0 else 0
    for _ in range(MAX_ROUNDS):
        if m == 0:
            break
        u, beta = _normalised(roots * sample.fitted(v[None])[:, 0] - alpha * u)
        v, alpha = _normalised(_adjoint(sample, roots, u) - beta * v)
        damped = np.hypot(rhobar[:m], shift[:m])
        phibar[:m] *= rhobar[:m] / damped
        rho = np.hypot(damped, beta)
        cosine, sine = damped / rho, beta / rho
        phi, theta = cosine * phibar[:m], sine * alpha
        phibar[:m] *= sine
        rhobar[:m] = -cosine * alpha
        x[:m] += (phi / rho)[:, None] * w[:m]
        w[:m] *= -(theta / rho)[:, None]
        w[:m] += v
        # Larger strengths converge first; |sine phi alpha| is the norm of the gradient.
        m = int(np.count_nonzero(np.abs(sine * phi * alpha) > goal))
    return x, np.arange(len(l2)) >= m


def _adjoint(sample, roots, u):
    return sample.correlation((u / roots)[:, None])[:, 0]


def _normalised(vector):
    length = np.linalg.norm(vector)
    return (vector / length if length > 0.0 else vector), length
