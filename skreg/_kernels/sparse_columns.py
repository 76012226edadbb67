"""A growing set of sparse columns: their inner products and combinations.

The set is kept by rows: row i has room for entries from `starts[i]` to `starts[i + 1]`, of
which the first `sizes[i]` are used; entry e belongs to column `owners[e]` of the set and
is `entries[e]`. So a column meets only the entries of its own rows.
"""

from skreg._compile import jit
from skreg._kernels.design import row_weight


@jit
def append_products(design, features, first, starts, sizes, owners, entries, out):
    """Add columns to the set, and set `out` to their products with all its columns.

    Parameters
    ----------
    design : CSC
    features : ndarray of int
        The new columns; they get the numbers first, first + 1, ...
    first : int
        Number of columns so far.
    starts, sizes, owners, entries : ndarray
        The set by rows, with room for the new entries. Written.
    out : ndarray of shape (n_new, first + n_new)
        Written: sum_i omega_i x_ia x_ib. Zero on entry.
    """
    for a in range(features.size):
        j = features[a]
        for nz in range(design.indptr[j], design.indptr[j + 1]):
            i = design.indices[nz]
            place = starts[i] + sizes[i]
            sizes[i] += 1
            owners[place], entries[place] = first + a, design.data[nz]
    for a in range(features.size):
        j = features[a]
        for nz in range(design.indptr[j], design.indptr[j + 1]):
            i = design.indices[nz]
            weighted = design.data[nz] * row_weight(design.weights, i)
            for place in range(starts[i], starts[i] + sizes[i]):
                out[a, owners[place]] += weighted * entries[place]


@jit
def subtract_fitted(design, features, coef, residual):
    """residual_i <- residual_i - sum_j coef_j (x_ij - m_j)."""
    shift = 0.0
    for position in range(features.size):
        j, w = features[position], coef[position]
        if w != 0.0:
            for nz in range(design.indptr[j], design.indptr[j + 1]):
                residual[design.indices[nz]] -= w * design.data[nz]
            shift += w * design.X_mean[j]
    for i in range(residual.size):
        residual[i] += shift
