"""X as a network sees it: some rows at a time, gathered into a batch.

Rows are `DenseRows` or `SparseRows`; a batch of them, with its own copy of the numbers so
that noise can be put on them, is a `DenseBatch` or a `SparseBatch`. A sparse batch is
never densified: the first layer costs its stored entries. Dropout hashes the place of an
entry, so that dense and sparse rows have the same masks.
"""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skreg._compile import dispatched
from skreg._kernels.random_bits import (
    INPUT_NOISE,
    factor_at,
    fill_factors,
    fill_normal,
    stream_key,
)


class DenseRows(NamedTuple):
    """Dense rows, C-ordered."""

    X: np.ndarray  # (n_samples, n_features)


class SparseRows(NamedTuple):
    """Compressed sparse rows."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_features: int


class DenseBatch(NamedTuple):
    """Room for a batch of dense rows."""

    X: np.ndarray  # (batch_size, n_features)
    noise: np.ndarray  # (batch_size * n_features,)


class SparseBatch(NamedTuple):
    """Room for a batch of sparse rows; a column may occur twice in a row."""

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray  # (batch_size + 1,)
    n_features: int


@dispatched(strict=True)
def load(rows, members, mix, batch):
    """Copy rows `members` into the batch: mix * row + (1 - mix) * the next member's row."""


@dispatched(strict=True)
def perturb(batch, n_rows, first_row, noise, seed, step):
    """Put input noise and input dropout on the first `n_rows` rows of a batch."""


@dispatched(strict=True)
def product(batch, n_rows, coef, out):
    """out = X @ coef."""


@dispatched(strict=True)
def transposed_product(batch, n_rows, delta, out):
    """out = X.T @ delta."""


def read_only(array, dtype=None):
    """A C-ordered view that cannot be written to; a copy only if it has to be.

    Types say whether an array can be: memory maps and other arrays share one variant.
    """
    view = np.ascontiguousarray(array, dtype=dtype).view()
    view.flags.writeable = False
    return view


def make_rows(X, dtype, index_dtype=np.int64):
    """The rows of X, dense or sparse, as kernels read them; copied only if needed."""
    if sparse.issparse(X):
        X = X.tocsr()
        data = read_only(X.data, dtype)
        indices = read_only(X.indices, index_dtype)
        indptr = read_only(X.indptr, np.int64)
        return SparseRows(data, indices, indptr, X.shape[1])
    return DenseRows(read_only(X, dtype))


def n_rows_of(rows):
    """How many rows there are."""
    return len(rows.indptr) - 1 if isinstance(rows, SparseRows) else len(rows.X)


def make_batch(rows, batch_size):
    """Room for `batch_size` of the rows, twice the entries for mixing."""
    if isinstance(rows, DenseRows):
        shape = (batch_size, rows.X.shape[1])
        return DenseBatch(
            np.empty(shape, rows.X.dtype), np.empty(shape, rows.X.dtype).ravel()
        )
    sizes = np.diff(rows.indptr)
    longest = np.partition(sizes, len(sizes) - min(batch_size, len(sizes)))[-batch_size:]
    room = 2 * int(longest.sum())
    return SparseBatch(
        np.empty(room, rows.data.dtype),
        np.empty(room, np.int64),
        np.zeros(batch_size + 1, np.int64),
        rows.n_features,
    )


def _load_dense(rows, members, mix, batch):
    X, out = rows.X, batch.X
    n_rows, n_features = members.shape[0], X.shape[1]
    for r in range(n_rows):
        i = members[r]
        for j in range(n_features):
            out[r, j] = X[i, j]
    if mix == 1.0:
        return
    own, other = X.dtype.type(mix), X.dtype.type(1.0 - mix)
    for r in range(n_rows):
        i = members[(r + 1) % n_rows]
        for j in range(n_features):
            out[r, j] = own * out[r, j] + other * X[i, j]


def _load_sparse(rows, members, mix, batch):
    n_rows = members.shape[0]
    n_sources = 1 if mix == 1.0 else 2
    end = 0
    for r in range(n_rows):
        for source in range(n_sources):
            i = members[(r + source) % n_rows]
            share = mix if source == 0 else 1.0 - mix
            for nz in range(rows.indptr[i], rows.indptr[i + 1]):
                batch.data[end] = share * rows.data[nz]
                batch.indices[end] = rows.indices[nz]
                end += 1
        batch.indptr[r + 1] = end


def _perturb_dense(batch, n_rows, first_row, noise, seed, step):
    n_features = batch.X.shape[1]
    X = batch.X[:n_rows].reshape(n_rows * n_features)
    scratch = batch.noise[: n_rows * n_features]
    first = first_row * n_features
    if noise.input_noise > 0.0:
        key = stream_key(seed, INPUT_NOISE, step)
        fill_normal(key, first, 0.0, noise.input_noise, scratch)
        for i in range(X.shape[0]):
            X[i] += scratch[i]
    if noise.dropout[0] > 0.0:
        key = stream_key(seed, 0, step)
        fill_factors(noise.dropout[0], noise.gaussian, key, first, scratch)
        for i in range(X.shape[0]):
            X[i] *= scratch[i]


def _perturb_sparse(batch, n_rows, first_row, noise, seed, step):
    rate = noise.dropout[0]
    if rate == 0.0:
        return
    key = stream_key(seed, 0, step)
    for r in range(n_rows):
        first = (first_row + r) * batch.n_features
        for nz in range(batch.indptr[r], batch.indptr[r + 1]):
            position = first + batch.indices[nz]
            batch.data[nz] *= factor_at(rate, noise.gaussian, key, position)


def _dense_product(batch, n_rows, coef, out):
    np.dot(batch.X[:n_rows], coef, out)


def _sparse_product(batch, n_rows, coef, out):
    for r in range(n_rows):
        for k in range(coef.shape[1]):
            out[r, k] = 0.0
        for nz in range(batch.indptr[r], batch.indptr[r + 1]):
            j, entry = batch.indices[nz], batch.data[nz]
            for k in range(coef.shape[1]):
                out[r, k] += entry * coef[j, k]


def _dense_transposed_product(batch, n_rows, delta, out):
    np.dot(batch.X[:n_rows].T, delta, out)


def _sparse_transposed_product(batch, n_rows, delta, out):
    for j in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[j, k] = 0.0
    for r in range(n_rows):
        for nz in range(batch.indptr[r], batch.indptr[r + 1]):
            j, entry = batch.indices[nz], batch.data[nz]
            for k in range(out.shape[1]):
                out[j, k] += entry * delta[r, k]


load.register(DenseRows, _load_dense)
load.register(SparseRows, _load_sparse)
perturb.register(DenseBatch, _perturb_dense)
perturb.register(SparseBatch, _perturb_sparse)
product.register(DenseBatch, _dense_product)
product.register(SparseBatch, _sparse_product)
transposed_product.register(DenseBatch, _dense_transposed_product)
transposed_product.register(SparseBatch, _sparse_transposed_product)
