"""Duality gaps of given coefficients, from residuals in float64.

Of a path of 100 alphas they cost as much as the Gram matrix that it was solved with, if
x_j'r is computed for every feature at every alpha. But a feature counts only where it has
a coefficient or violates optimality, and that most of them do neither the moments tell, in
far less time: their c - G w is x_j'r up to rounding, of which there is a bound.
"""

from typing import Any, NamedTuple

import numpy as np

from skreg._kernels.cd import certify
from skreg._solvers.ridge import certify_ridge
from skreg._solvers.sample import row_tiles, slices_of
from skreg._solvers.support import is_uniform, runs_of
from skreg.penalties import slope_at_zero

EPS = np.finfo(np.float64).eps
# Residuals of several solutions are held at once up to this size (64 MB).
RESIDUAL_ELEMENTS = 1 << 23
# So many solutions in a row share the features that are looked at: their supports overlap,
# and products with fewer columns are slow.
TOGETHER = 20


def gaps_of(runs, curvature, coefs, gradients, order, norm2):
    """:func:`~skreg._kernels.cd.certify` for the penalties of
    :func:`~skreg._solvers.support.runs_of`, or the first of them.
    """
    gaps, end = np.empty(len(coefs)), 0
    for kernel, numbers in runs:
        part = slice(end, min(end + len(numbers), len(gaps)))
        certify(
            kernel,
            numbers[: part.stop - part.start],
            curvature,
            coefs[part],
            gradients[part],
            order,
            norm2[part],
            gaps[part],
        )
        end = part.stop
    return gaps


def recompute_gaps(sample, penalty, alphas, coef, targets, moments=None):
    """Duality gaps of given coefficients, from residuals in float64.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
    alphas : ndarray of shape (n_solutions,)
    coef : ndarray of shape (n_solutions, n_features)
    targets : ndarray of shape (n_solutions,)
        Which column of y each solution belongs to.
    moments : Moments, optional
        Of the sample, if they are known.

    Returns
    -------
    ndarray of shape (n_solutions,)
    """
    coef = np.asarray(coef, dtype=np.float64)
    strengths = [penalty.quadratic_strength(alpha) for alpha in alphas]
    gaps = np.empty(len(coef))
    direct = np.flatnonzero([strength is not None for strength in strengths])
    iterated = np.flatnonzero([strength is None for strength in strengths])
    for part in _portions(direct, sample.X.shape[0]):
        some, l2 = sample.select(targets[part]), np.array([strengths[t] for t in part])
        gaps[part] = certify_ridge(some, l2, coef[part])
    if len(iterated):
        kernels = [penalty.kernel(alphas[t]) for t in iterated]
        found = _iterated_gaps(sample, kernels, coef[iterated], targets[iterated], moments)
        gaps[iterated] = found
    return np.maximum(gaps, gap_floor(0.5 * sample.y_norm2[targets]))


def _portions(solutions, n_samples):
    """So many solutions that their residuals do not fill the memory."""
    step = max(1, RESIDUAL_ELEMENTS // n_samples)
    return [solutions[part] for part in slices_of(len(solutions), step)]


class Group(NamedTuple):
    """Solutions in a row that are certified together."""

    solutions: slice
    features: np.ndarray  # those that count
    place: Any  # where these are among the features that count in any group


def _iterated_gaps(sample, kernels, coef, targets, moments):
    groups = _groups(sample, kernels, coef, targets, moments)
    if isinstance(sample.X, np.ndarray):
        norm2, gradients = _residual_products(sample, coef, targets, groups)
    else:
        norm2, gradients = np.empty(len(coef)), np.empty_like(coef)
        for part in _portions(np.arange(len(coef)), sample.X.shape[0]):
            residual = sample.y[:, targets[part]] - sample.fitted(coef[part])
            norm2[part] = sample.mean_square(residual)
            gradients[part] = sample.correlation(residual).T
    gaps, curvature = np.empty(len(coef)), np.ones(coef.shape[1])
    for part, features, _ in groups:
        runs = runs_of(kernels[part])
        gaps[part] = gaps_of(
            runs, curvature, coef[part], gradients[part], features, norm2[part]
        )
    return gaps


def _groups(sample, kernels, coef, targets, moments):
    """Groups with the features that have a coefficient, or are not known to satisfy
    optimality; one with all features if nothing is known.
    """
    if moments is None or not moments.measured or not all(map(is_uniform, kernels)):
        return [Group(slice(len(coef)), np.arange(coef.shape[1]), slice(None))]
    counts = coef != 0.0
    counts |= ~_known_to_be_optimal(sample, kernels, coef, targets, moments)
    parts = slices_of(len(coef), TOGETHER)
    features = [np.flatnonzero(counts[part].any(axis=0)) for part in parts]
    used = np.flatnonzero(counts.any(axis=0))
    places = [
        np.searchsorted(used, some) if len(some) < len(used) else slice(None)
        for some in features
    ]
    return [Group(*members) for members in zip(parts, features, places, strict=True)]


def _known_to_be_optimal(sample, kernels, coef, targets, moments):
    """Where zero is optimal by the moments, whatever their rounding; (n, n_features)."""
    gradients = moments.correlation[:, targets].T - coef @ moments.gram
    deviations = np.sqrt(np.diag(moments.gram))
    sizes = np.sqrt(moments.y_norm2[targets]) + np.abs(coef) @ deviations
    far = 1.0 + (moments.farthest_mean() if moments.centred else 0.0)
    rounding = 4.0 * len(sample.y) * EPS * far * sizes[:, None] * deviations
    lowest, highest = (
        np.array([[slope_at_zero(kernel, 0, sign)] for kernel in kernels])
        for sign in (-1.0, 1.0)
    )
    return (gradients - rounding > lowest) & (gradients + rounding < highest)


def _residual_products(sample, coef, targets, groups):
    """Mean squares of the residuals, and x_j'r of the features of each group.

    Dense X is read once.
    """
    used = groups[0].features
    if len(groups) > 1:
        used = np.unique(np.concatenate([group.features for group in groups]))
    original = sample.original(coef)
    weights_at = [original[part][:, features].T for part, features, _ in groups]
    norm2 = np.zeros(len(coef))
    sums = [np.zeros(weights.shape) for weights in weights_at]
    one_target = targets.min() == targets.max()  # a path: y broadcasts
    columns = targets[:1] if one_target else targets
    for rows, tile in row_tiles(sample, used):
        y = sample.y[rows][:, columns]
        shares = 1.0 / len(sample.y)
        if sample.weights is not None:
            shares = sample.weights[rows][:, None]
        for (part, _, place), weights, total in zip(groups, weights_at, sums, strict=True):
            some = tile[:, place]
            residual = (y if one_target else y[:, part]) - some @ weights
            weighted = shares * residual
            norm2[part] += np.einsum("ij,ij->j", residual, weighted)
            total += some.T @ weighted
    gradients = np.zeros_like(coef)
    for (part, features, _), total in zip(groups, sums, strict=True):
        gradients[part, features] = total.T
    return norm2, sample.original(gradients)


def relative_gap(dual_gap, null_objective):
    """gap / objective of the null model, never below the rounding error."""
    null = np.asarray(null_objective)
    ratio = np.divide(dual_gap, null, out=np.zeros_like(null), where=null > 0.0)
    return np.maximum(ratio, EPS)


def gap_floor(null_objective):
    """What rounding alone can make of a zero gap."""
    return np.maximum(EPS * null_objective, np.nextafter(0.0, 1.0))
