"""The columns of a working set, kept so that products with them are fast."""

import numpy as np

from skreg._kernels.design import is_sparse, unscaled
from skreg._kernels.sparse_columns import BLOCK, append_products, subtract_fitted

# Sparse X with a larger share of entries that are stored is packed dense: BLAS multiplies
# faster than entries are matched.
DENSE_SHARE = 0.4


def pack_columns(sample, design):
    """An empty store of columns of `sample`: dense rows, or sparse columns."""
    X = sample.X
    if not is_sparse(X):
        return DenseColumns(sample, unscaled(design).columns.__getitem__)
    if X.nnz > DENSE_SHARE * X.shape[0] * X.shape[1]:
        return DenseColumns(sample, lambda features: X[:, features].toarray().T)
    return SparseColumns(sample, design)


class DenseColumns:
    """Centred columns as contiguous float64 rows; their number may grow.

    `read` is a function of feature indices that returns these columns of X as rows;
    `allocate` makes room for so many rows of a length or more, in place of `np.empty`.
    """

    def __init__(self, sample, read, allocate=None):
        self._sample, self._read = sample, read
        self._allocate = allocate or (lambda *shape: np.empty(shape))
        self._rows = self._allocate(64, sample.X.shape[0])
        self._size = 0

    @property
    def rows(self):
        """The centred columns as rows, in the order of joining."""
        return self.padded[:, : self._sample.X.shape[0]]

    @property
    def padded(self):
        """The same, as they were allocated."""
        return self._rows[: self._size]

    def append(self, features):
        """Add columns; return their inner products with all columns, new ones last."""
        new = self.store(features)
        if self._sample.weights is None:
            return new @ self.rows.T / new.shape[1]
        return (new * self._sample.weights) @ self.rows.T

    def store(self, features):
        """Add columns; return them as rows."""
        sample, start = self._sample, self._size
        self._size += len(features)
        if self._size > len(self._rows):
            old = self._rows
            self._rows = self._allocate(2 * self._size, sample.X.shape[0])
            self._rows[:start] = old[:start]
        new = self.rows[start:]
        new[:] = self._read(features)
        if sample.centred:
            new -= sample.X_mean[features, None]
        if sample.scale is not None:
            new /= sample.scale[features, None]
        return new

    def count_entries(self, features):
        """What one epoch of coordinate descent over `features` reads."""
        return len(features) * self._sample.X.shape[0]

    def residual(self, y, coef):
        """y - sum_j coef_j (x_j - m_j)."""
        return y - self.combine(coef)

    def combine(self, coef):
        """The fitted values sum_j coef_j (x_j - m_j), for each row of `coef`."""
        return coef @ self.rows

    def correlate(self, residual):
        """Inner products with residuals of shape (n_samples, n_targets)."""
        return self.rows @ self._sample.weighted(residual)


class SparseColumns:
    """Columns of a CSC matrix, which stay where they are: centred and scaled by algebra."""

    def __init__(self, sample, design):
        self._sample, self._design = sample, unscaled(design)
        n_samples = sample.X.shape[0]
        self._features = np.zeros(0, dtype=np.int64)
        # By rows, with room to grow; see the kernels.
        self._sizes = np.zeros(n_samples, dtype=np.int64)
        self._heads = np.full(n_samples, -1, dtype=np.int64)
        self._n_blocks, self._links = 0, np.zeros(0, dtype=np.int64)
        self._owners, self._entries = np.zeros(0, dtype=np.int32), np.zeros(0)
        self._matrix = None  # by columns, where it is asked for

    def append(self, features):
        """See :meth:`DenseColumns.append`."""
        first = len(self._features)
        self._features = np.append(self._features, features)
        self._make_room(features)
        products = np.zeros((len(features), len(self._features)))
        self._n_blocks = append_products(
            self._design,
            features,
            first,
            self._n_blocks,
            self._sizes,
            self._heads,
            self._links,
            self._owners,
            self._entries,
            products,
        )
        means, scale = self._sample.X_mean, self._sample.scale
        products -= np.outer(means[features], means[self._features])
        if scale is not None:
            products /= scale[features, None]
            products /= scale[self._features]
        return products

    def _make_room(self, features):
        """A block for each entry of new columns, though most need none of their own."""
        needed = self._n_blocks + self.count_entries(features)
        if needed <= len(self._links):
            return
        used, capacity = self._n_blocks, 2 * needed
        self._links = enlarged(self._links, used, capacity)
        self._owners = enlarged(self._owners, used * BLOCK, capacity * BLOCK)
        self._entries = enlarged(self._entries, used * BLOCK, capacity * BLOCK)

    def count_entries(self, features):
        """See :meth:`DenseColumns.count_entries`."""
        X_indptr = self._sample.X.indptr
        return int(np.sum(X_indptr[features + 1] - X_indptr[features]))

    def residual(self, y, coef):
        """See :meth:`DenseColumns.residual`."""
        residual = y.copy()
        subtract_fitted(self._design, self._features, self._original(coef), residual)
        return residual

    def combine(self, coef):
        """See :meth:`DenseColumns.combine`."""
        coef = self._original(coef)
        shift = coef @ self._sample.X_mean[self._features]
        return (self._chosen() @ coef.T - shift).T

    def correlate(self, residual):
        """See :meth:`DenseColumns.correlate`."""
        weighted = self._sample.weighted(residual)
        means = self._sample.X_mean[self._features]
        products = self._chosen().T @ weighted - np.outer(means, weighted.sum(axis=0))
        return self._original(products.T).T

    def _original(self, coef):
        """Divided by the scales of the chosen columns, on the last axis."""
        scale = self._sample.scale
        return coef if scale is None else coef / scale[self._features]

    def _chosen(self):
        if self._matrix is None or self._matrix.shape[1] < len(self._features):
            self._matrix = self._sample.X[:, self._features].astype(np.float64)
        return self._matrix


def enlarged(array, used, capacity):
    """A longer array with the same first `used` entries; memory is taken as it is used."""
    longer = np.empty(capacity, dtype=array.dtype)
    longer[:used] = array[:used]
    return longer
