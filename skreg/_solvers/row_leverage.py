r"""Degrees of freedom and leave-one-out errors of row-sparse solutions of several targets.

On the rows A of the coefficients B that are not zero, the penalty l1 ||b_j|| + l2/2
||b_j||^2 is smooth, and with u_j = b_j / ||b_j|| the Hessian of the objective is (weights
omega_i with sum one, centred columns, G = X_A' Omega X_A)

    K = (G + l2 I) (x) I_T + diag_j (l1 / ||b_j|| (I_T - u_j u_j')).

The derivative of the fitted values of row i with respect to its T targets is

    H_ii = omega_i I_T + omega_i (x_i' (x) I_T) K^-1 (x_i (x) I_T),    df = sum_i tr H_ii.

A Newton step from the solution to that without row i, whose penalty is weaker by the
factor 1 - omega_i (see :mod:`.approximate_leave_one_out`), gives the prediction errors

    e_i = (I_T - H_ii)^-1 (r_i - omega_i (x_i' (x) I_T) K^-1 g),    g = X_A' Omega R,

where, as there, K has the penalty times 1 - 1/n. The norm is not piecewise linear, so
this is a first approximation, and rows that enter or leave are not followed.

Reference: Rad and Maleki, Journal of the Royal Statistical Society B, 2020.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg

from skreg._solvers.approximate_leave_one_out import (
    LARGE_SHARE,
    MANY_ROWS,
    MAX_LEVERAGE,
    slopes_of,
)
from skreg._solvers.leverage import quadratic_parts
from skreg._solvers.subsample import (
    GramBlocks,
    errors_at,
    refuse_one_row,
    row_tiles,
    without_row,
)

# The Hessian of more coefficients than this takes more than 300 MB.
MAX_COEFFICIENTS = 6_000


class RowLeaveOneOut(NamedTuple):
    """Prediction errors at each row of the models fitted to the other rows."""

    errors: np.ndarray  # (n_alphas, n_samples, n_targets); inf where `saturated`
    degrees_of_freedom: np.ndarray  # (n_alphas,), of all targets together
    saturated: np.ndarray  # (n_alphas,), bool: too many rows have leverage one
    n_refitted: np.ndarray  # (n_alphas,), rows left out for real


def row_degrees_of_freedom(sample, penalty, alphas, coefs, moments=None):
    """Degrees of freedom of all targets together at each alpha, intercepts included.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
        On row norms.
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_targets, n_alphas, n_features)
    moments : Moments, optional
        Of `sample`, if known.

    Returns
    -------
    ndarray of shape (n_alphas,)

    Raises
    ------
    ValueError
        If a solution has more than 6000 coefficients that are not zero.
    """
    path = _RowPath(sample, penalty, alphas, coefs, moments)
    return np.array([path.degrees_of_freedom(t) for t in range(len(alphas))])


def row_leave_one_out(sample, penalty, alphas, coefs, *, solve, moments=None):
    """Errors Y_i - prediction_(-i) along a path, alpha being the strength in the mean.

    Parameters
    ----------
    sample, penalty, alphas, coefs, moments
        See :func:`row_degrees_of_freedom`.
    solve : callable
        (sample, penalty, alphas) -> PathResult, for rows of leverage above 0.99.

    Returns
    -------
    RowLeaveOneOut
    """
    refuse_one_row(sample)
    path = _RowPath(sample, penalty, alphas, coefs, moments)
    found = [path.leave_one_out(t) for t in range(len(alphas))]
    errors = np.array([one[0] for one in found])
    large = np.array([one[1] for one in found])
    saturated = large.sum(axis=1) > max(MANY_ROWS, LARGE_SHARE * len(sample.y))
    errors[saturated], large[saturated] = np.inf, False
    for row in np.flatnonzero(large.any(axis=0)):
        at, rest = large[:, row], without_row(sample, row)
        refit = solve(rest, penalty, path.alphas[at]).coefs
        errors[at, row] = errors_at(sample, row, rest, refit)
    df = np.array([path.degrees_of_freedom(t) for t in range(len(alphas))])
    return RowLeaveOneOut(errors, df, saturated, large.sum(axis=1))


class _RowPath:
    """What all alphas have in common."""

    def __init__(self, sample, penalty, alphas, coefs, moments):
        self._sample, self._rows = sample, np.moveaxis(coefs, 0, 2)
        self.alphas = np.asarray(alphas, dtype=np.float64)
        self._l2 = quadratic_parts(penalty, alphas)
        slopes = [slopes_of(penalty.kernel(a), coefs.shape[2]).high for a in alphas]
        self._l1 = np.array(slopes).reshape(len(alphas), -1)
        ever = np.flatnonzero(np.any(coefs, axis=(0, 1)))
        self._gram = GramBlocks(sample, ever, moments)

    def _inverse(self, t, share):
        """The support, G and K^-1 of shape (m, T, m, T), the penalty times `share`."""
        rows = self._rows[t]
        features = np.flatnonzero(rows.any(axis=1))
        m, n_targets = len(features), rows.shape[1]
        if m * n_targets > MAX_COEFFICIENTS:
            raise ValueError(
                f"The degrees of freedom and leverages of {n_targets} targets need a "
                f"Hessian of {m * n_targets} coefficients at alpha={self.alphas[t]}; at "
                f"most {MAX_COEFFICIENTS} are supported. Use cv=5 or larger alphas."
            )
        gram = self._gram.block(features, features)
        hessian = np.einsum("jk,st->jskt", gram, np.eye(n_targets))
        size = np.linalg.norm(rows[features], axis=1)
        units = rows[features] / size[:, None]
        curved = np.eye(n_targets) - units[:, :, None] * units[:, None, :]
        curved *= (self._l1[t, features] / size)[:, None, None]
        curved += self._l2[t] * np.eye(n_targets)
        every = np.arange(m)
        hessian[every, :, every, :] += share * curved
        inverse = _inverse_of(hessian.reshape(m * n_targets, m * n_targets))
        return features, gram, inverse.reshape(m, n_targets, m, n_targets)

    def degrees_of_freedom(self, t):
        """tr K^-1 (G (x) I), and one for each intercept."""
        _, gram, inverse = self._inverse(t, 1.0)
        n_targets = self._rows.shape[2]
        return n_targets * self._sample.centred + np.einsum("jsks,jk->", inverse, gram)

    def leave_one_out(self, t):
        """Errors of shape (n_samples, n_targets), and which rows have a large leverage."""
        sample, n_targets = self._sample, self._rows.shape[2]
        features, _, inverse = self._inverse(t, 1.0 - 1.0 / len(sample.y))
        errors = sample.y - sample.fitted(self._rows[t].T)
        gradient = sample.correlation(errors)[features]
        step = np.einsum("jskt,kt->js", inverse, gradient)
        weights = sample.weight_roots() ** 2
        large, unit = np.zeros(len(errors), dtype=bool), np.eye(n_targets)
        for part, tile in row_tiles(sample, features):
            half = np.tensordot(tile, inverse, axes=1)
            hat = np.einsum("iskt,ik->ist", half, tile) + float(sample.centred) * unit
            hat *= weights[part, :, None]
            large[part] = np.linalg.eigvalsh(hat)[:, -1] > MAX_LEVERAGE
            hat[large[part]] = 0.0
            right = errors[part] - weights[part] * (tile @ step)
            errors[part] = np.linalg.solve(unit - hat, right[:, :, None])[:, :, 0]
        return errors, large


def _inverse_of(hessian):
    """By Cholesky; the pseudo-inverse of a singular one."""
    if len(hessian) == 0:
        return hessian
    try:
        factor = linalg.cho_factor(hessian, lower=True)
    except linalg.LinAlgError:
        return linalg.pinvh(hessian)
    return linalg.cho_solve(factor, np.eye(len(hessian)))
