"""A growing set of sparse columns: their inner products and combinations.

The set is kept by rows, in blocks of BLOCK entries, so that a column meets only the entries
of its own rows, and no entry is ever moved. Row i has sizes[i] entries; the last ones are
in block heads[i], the block before block b is links[b], and all but the last are full.
Entry e of the pool belongs to column owners[e] of the set and is entries[e].
"""

from skreg._compile import jit, prefetch
from skreg._kernels.design import row_weight

BLOCK = 16
# Rows of a column that are asked for ahead.
AHEAD = 8


@jit
def append_products(
    design, features, first, n_blocks, sizes, heads, links, owners, entries, out
):
    """Add columns to the set, and set `out` to their products with all its columns.

    Parameters
    ----------
    design : CSC
    features : ndarray of int
        The new columns; they get the numbers first, first + 1, ...
    first : int
        Number of columns so far.
    n_blocks : int
        Number of blocks in use.
    sizes, heads : ndarray of int of shape (n_samples,)
        Of the rows. Written.
    links : ndarray of int of shape (n,)
        Room for a new block per new entry. Written.
    owners, entries : ndarray of shape (n * BLOCK,)
        Written.
    out : ndarray of shape (n_new, first + n_new)
        Written: sum_i omega_i x_ia x_ib. Zero on entry.

    Returns
    -------
    n_blocks : int
    """
    for a in range(features.size):
        j = features[a]
        for nz in range(design.indptr[j], design.indptr[j + 1]):
            i = design.indices[nz]
            used = sizes[i] & (BLOCK - 1)
            if used == 0:
                links[n_blocks], heads[i] = heads[i], n_blocks
                n_blocks += 1
            place = heads[i] * BLOCK + used
            owners[place], entries[place] = first + a, design.data[nz]
            sizes[i] += 1
    for a in range(features.size):
        j = features[a]
        end = design.indptr[j + 1]
        for nz in range(design.indptr[j], end):
            if nz + AHEAD < end:
                block = heads[design.indices[nz + AHEAD]]
                prefetch(entries, block * BLOCK)
                prefetch(owners, block * BLOCK)
            i = design.indices[nz]
            weighted = design.data[nz] * row_weight(design.weights, i)
            block, left = heads[i], sizes[i]
            used = ((left - 1) & (BLOCK - 1)) + 1
            while left > 0:
                for place in range(block * BLOCK, block * BLOCK + used):
                    out[a, owners[place]] += weighted * entries[place]
                left -= used
                block, used = links[block], BLOCK
    return n_blocks


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
