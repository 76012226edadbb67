"""Correlations of chosen columns with the residual."""

from skreg._compile import inlined, jit
from skreg._kernels.design import column_dot, column_size
from skreg.penalties import slope_at_zero

# Rounding in the sphere test.
MARGIN = 1.0 - 1e-12


@jit
def correlate(design, features, state, gradient):
    """gradient[j] <- column_dot(design, j, state) for j in `features`."""
    for position in range(features.size):
        j = features[position]
        gradient[j] = column_dot(design, j, state)


@inlined
def is_above(gradient, threshold, one_sided):
    """Whether a gradient exceeds the threshold of a coefficient that is zero."""
    return gradient > threshold or (not one_sided and -gradient > threshold)


@jit
def screen(
    design,
    state,
    penalty,
    share,
    references,
    lengths,
    radius,
    outside,
    limit,
    gradient,
    found,
):
    """Look at the features outside a working set that cannot be excluded.

    The gradient of feature j is sum_m share_m references_mj, give or take
    radius lengths_j. Where that leaves no doubt that it is below the threshold of the
    penalty, which is the same for all features, column j is not read.

    Parameters
    ----------
    design : Dense or CSC
    state : ndarray
        Of the residual, see :mod:`skreg._kernels.design`.
    penalty : NamedTuple
    share : ndarray of shape (n_references,)
    references : ndarray of shape (n_references, n_features)
    lengths : ndarray of shape (n_features,)
    radius : float
    outside : ndarray of bool of shape (n_features,)
    limit : int
        If features with more entries cannot be excluded, all columns are read.
    gradient : ndarray of shape (n_features,)
        Written: the gradient where the column was read, else the estimate.
    found : ndarray of int of shape (n_features,)
        Written: the features whose gradient is above the threshold.

    Returns
    -------
    n_read : int
        Number of entries of the columns read; -1 if these are all columns.
    n_found : int
    """
    threshold = slope_at_zero(penalty, 0, 1.0)
    one_sided = slope_at_zero(penalty, 0, -1.0) == -float("inf")
    n_checked, n_read, n_found = 0, 0, 0
    for j in range(gradient.size):
        estimate = 0.0
        for m in range(share.size):
            estimate += share[m] * references[m, j]
        gradient[j] = estimate
        spared = MARGIN * threshold - radius * lengths[j]
        if outside[j] and not (estimate < spared and (one_sided or -estimate < spared)):
            found[n_checked] = j
            n_checked += 1
            n_read += column_size(design, j)
    if n_read > limit:
        n_read, n_checked = -1, gradient.size
        for j in range(gradient.size):
            found[j] = j
    for position in range(n_checked):
        j = found[position]
        gradient[j] = column_dot(design, j, state)
        if outside[j] and is_above(gradient[j], threshold, one_sided):
            found[n_found] = j
            n_found += 1
    return n_read, n_found
