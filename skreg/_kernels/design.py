"""X as the kernels see it: one column at a time, centred without being copied.

With row weights omega_i (they sum to one) and weighted column means m_j, the centred
column is x_ij - m_j. A design knows two things about it:

* ``column_dot(design, j, state)``: its weighted inner product with the residual;
* ``column_update(design, j, delta, state)``: what coef_j += delta does to the state.

`state` is what a kernel carries along in place of the residual r:

======== =============================================================================
Dense    q_i = omega_i r_i
CSC      q_i = omega_i (r_i - c) with one constant c for all rows, and sum_i q_i in the
         last place: the implicit mean costs a scalar, X stays sparse
Gram     the inner products of all columns with the residual ("covariance updates")
Scaled   that of the design inside: its columns, each divided by a number
======== =============================================================================

So residual updates, their sparse form and covariance updates are one algorithm.
All sums are weighted *means*: no factor n anywhere.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import sparse

from skreg._compile import dispatched, inlined
from skreg._compile.prefetch import prefetch

# Cache lines of the entries of a sparse column that are loaded early; the processor expects
# what comes after them.
AHEAD_LINES = 8


class UniformWeights(NamedTuple):
    """Every row weighs 1 / n."""

    weight: float


class RowWeights(NamedTuple):
    """Row i weighs weight[i] >= 0; their sum is one."""

    weight: np.ndarray


class Dense(NamedTuple):
    """Dense columns: `columns[j]` is column j, contiguous."""

    columns: np.ndarray  # (n_features, n_samples), read-only
    X_mean: np.ndarray  # (n_features,)
    weights: Any


class CSC(NamedTuple):
    """Compressed sparse columns."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    X_mean: np.ndarray
    weights: Any


class Gram(NamedTuple):
    """Inner products of the centred columns; y enters by its own inner products."""

    gram: np.ndarray  # (n_features, n_features)
    correlation: np.ndarray  # (n_features,), centred columns with centred y
    y_norm2: float


class Scaled(NamedTuple):
    """The columns of another design times one number each: one product per column read,
    and nothing for designs that are not scaled.
    """

    design: Any  # Dense or CSC
    inverse_scale: np.ndarray  # (n_features,)


@dispatched
def row_weight(weights, i):
    """The weight of row i."""


@dispatched
def column_dot(design, j, state):
    """sum_i omega_i (x_ij - m_j) r_i."""


@dispatched
def column_update(design, j, delta, state):
    """The state after coef_j += delta, in place."""


@dispatched
def residual_norm2(design, coef, state):
    """sum_i omega_i r_i^2."""


@dispatched
def column_size(design, j):
    """Number of stored entries of column j: what reading it costs."""


@dispatched
def prefetch_column(design, j):
    """Begin to load column j, if it is not where the processor expects it."""


@dispatched
def has_gradient(design):
    """Whether `column_dot` costs nothing because the state is the gradient."""


def _uniform_weight(weights, i):
    return weights.weight


def _own_weight(weights, i):
    return weights.weight[i]


row_weight.register(UniformWeights, _uniform_weight)
row_weight.register(RowWeights, _own_weight)


def _computes_gradient(design):
    return False


def _keeps_gradient(design):
    return True


def _dense_dot(design, j, state):
    column, mean = design.columns[j], design.X_mean[j]
    total = 0.0
    for i in range(state.size):
        total += (column[i] - mean) * state[i]
    return total


def _dense_update(design, j, delta, state):
    column, mean = design.columns[j], design.X_mean[j]
    for i in range(state.size):
        state[i] -= delta * row_weight(design.weights, i) * (column[i] - mean)


def _dense_norm2(design, coef, state):
    return _weighted_norm2(design.weights, state, state.size)


@inlined
def _weighted_norm2(weights, state, n_samples):
    total = 0.0
    for i in range(n_samples):
        weight = row_weight(weights, i)
        if weight > 0.0:
            total += state[i] * state[i] / weight
    return total


def _dense_size(design, j):
    return design.columns.shape[1]


def _csc_size(design, j):
    return design.indptr[j + 1] - design.indptr[j]


def _dense_prefetch(design, j):
    column = design.columns[j]
    for line in range(AHEAD_LINES):
        prefetch(column, 8 * line)


def _csc_prefetch(design, j):
    start = design.indptr[j]
    for line in range(AHEAD_LINES):
        prefetch(design.data, start + 8 * line)
    for line in range(AHEAD_LINES // 2):
        prefetch(design.indices, start + 16 * line)


column_size.register(Dense, _dense_size)
column_size.register(CSC, _csc_size)
prefetch_column.register(Dense, _dense_prefetch)
prefetch_column.register(CSC, _csc_prefetch)
column_dot.register(Dense, _dense_dot)
column_update.register(Dense, _dense_update)
residual_norm2.register(Dense, _dense_norm2)
has_gradient.register(Dense, _computes_gradient)


def _csc_dot(design, j, state):
    total = 0.0
    for nz in range(design.indptr[j], design.indptr[j + 1]):
        total += design.data[nz] * state[design.indices[nz]]
    return total - design.X_mean[j] * state[state.size - 1]


def _csc_update(design, j, delta, state):
    for nz in range(design.indptr[j], design.indptr[j + 1]):
        i = design.indices[nz]
        state[i] -= delta * row_weight(design.weights, i) * design.data[nz]
    state[state.size - 1] -= delta * design.X_mean[j]


def _csc_norm2(design, coef, state):
    n_samples = state.size - 1
    offset = state[n_samples]
    norm2 = _weighted_norm2(design.weights, state, n_samples) - offset * offset
    return max(norm2, 0.0)


column_dot.register(CSC, _csc_dot)
column_update.register(CSC, _csc_update)
residual_norm2.register(CSC, _csc_norm2)
has_gradient.register(CSC, _computes_gradient)


def _gram_dot(design, j, state):
    return state[j]


def _gram_update(design, j, delta, state):
    row = design.gram[j]
    for k in range(state.size):
        state[k] -= delta * row[k]


def _gram_norm2(design, coef, state):
    # r'r = y'y - w'(2 c - G w), and the state is c - G w
    norm2 = design.y_norm2
    for j in range(coef.size):
        norm2 -= coef[j] * (design.correlation[j] + state[j])
    return max(norm2, 0.0)


column_dot.register(Gram, _gram_dot)
column_update.register(Gram, _gram_update)
residual_norm2.register(Gram, _gram_norm2)
has_gradient.register(Gram, _keeps_gradient)


def _scaled_dot(design, j, state):
    return design.inverse_scale[j] * column_dot(design.design, j, state)


def _scaled_update(design, j, delta, state):
    column_update(design.design, j, design.inverse_scale[j] * delta, state)


def _scaled_norm2(design, coef, state):
    return residual_norm2(design.design, coef, state)


def _scaled_size(design, j):
    return column_size(design.design, j)


def _scaled_prefetch(design, j):
    prefetch_column(design.design, j)


column_size.register(Scaled, _scaled_size)
prefetch_column.register(Scaled, _scaled_prefetch)
column_dot.register(Scaled, _scaled_dot)
column_update.register(Scaled, _scaled_update)
residual_norm2.register(Scaled, _scaled_norm2)
has_gradient.register(Scaled, _computes_gradient)


def unscaled(design):
    """The design that holds the columns as they are stored."""
    return design.design if isinstance(design, Scaled) else design


def is_sparse(X):
    """Whether X is a scipy sparse matrix or array."""
    return sparse.issparse(X)


def canonical(X):
    """Sparse X with sorted indices and no entry stored twice; a copy if it had any."""
    if X.has_canonical_format:
        return X
    X = X.copy()
    X.sum_duplicates()
    return X


def by_columns(X):
    """X as solvers read it: sparse columns, or dense in Fortran order."""
    if is_sparse(X):
        return canonical(X).tocsc()
    return np.asfortranarray(X)


def by_rows(X):
    """X as predictions read it: sparse rows, or dense as it is."""
    return X.tocsr() if is_sparse(X) else X


def without_offsets(X, X_mean):
    """CSC X minus the means of the columns that have no zeros, and what was taken off.

    Centring such a column by algebra would lose its digits if its mean is large, and
    subtracting the mean from its entries fills nothing in. Other columns cannot have a
    mean much larger than their standard deviation. X is copied if there are any.
    """
    counts = np.diff(X.indptr)
    shift = np.where(counts == X.shape[0], X_mean, 0.0)
    if not shift.any():
        return X, shift
    X = X.astype(np.float64, copy=True)
    X.data -= np.repeat(shift, counts)
    return X, shift


def sparse_columns(X):
    """data, indices and indptr of X by columns, read-only.

    Indices are unsigned (a signed one costs a test per entry), 32-bit where they fit.
    """
    columns = sparse.csc_array(X)
    fits = max(columns.nnz, *columns.shape) <= np.iinfo(np.int32).max
    index = np.dtype(np.uint32 if fits else np.uint64)
    arrays = (
        columns.data,
        unsigned(columns.indices, index),
        unsigned(columns.indptr, index),
    )
    views = [array.view() for array in arrays]
    for view in views:
        view.flags.writeable = False
    return views


def unsigned(indices, dtype):
    """Indices in an unsigned dtype, not copied if they have its size."""
    return (
        indices.view(dtype) if indices.itemsize == dtype.itemsize else indices.astype(dtype)
    )


def sparse_gram(X, weights):
    """X' diag(weights) X as a dense array; weights None stands for 1 / n_samples."""
    X = sparse.csr_array(X, dtype=np.float64)
    if weights is None:
        weights = np.full(X.shape[0], 1.0 / X.shape[0])
    return (
        X.T @ (sparse.dia_array((weights[None], 0), shape=(len(weights),) * 2) @ X)
    ).toarray()
