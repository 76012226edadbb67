"""The columns of a working set, packed so that products with them are fast."""

import numpy as np

from skreg._kernels.design import is_sparse


def pack_columns(sample, design):
    """An empty store of columns of `sample`: dense rows, or sparse columns."""
    if is_sparse(sample.X):
        return SparseColumns(sample)
    return DenseColumns(sample, design)


class DenseColumns:
    """Centred columns as contiguous float64 rows; their number may grow."""

    def __init__(self, sample, design):
        self._sample, self._source = sample, design.columns
        self._rows = np.empty((64, sample.X.shape[0]))
        self._size = 0

    def append(self, features):
        """Add columns; return their inner products with all columns, new ones last."""
        sample, start = self._sample, self._size
        self._size += len(features)
        if self._size > len(self._rows):
            old = self._rows
            self._rows = np.empty((2 * self._size, old.shape[1]))
            self._rows[:start] = old[:start]
        new = self._rows[start : self._size]
        new[:] = self._source[features]
        if sample.centred:
            new -= sample.X_mean[features, None]
        if sample.weights is None:
            return new @ self._rows[: self._size].T / sample.X.shape[0]
        return (new * sample.weights) @ self._rows[: self._size].T

    def combine(self, coef):
        """The fitted values sum_j coef_j (x_j - m_j)."""
        return coef @ self._rows[: self._size]


class SparseColumns:
    """Columns of a CSC matrix; centring is algebra."""

    def __init__(self, sample):
        self._sample = sample
        self._source = sample.X
        self._features = np.zeros(0, dtype=np.int64)
        self._chosen = self._source[:, self._features]

    def append(self, features):
        """See :meth:`DenseColumns.append`."""
        sample = self._sample
        self._features = np.append(self._features, features)
        self._chosen = self._source[:, self._features].astype(np.float64)
        new = self._source[:, features].astype(np.float64)
        n_samples = sample.X.shape[0]
        weights = 1.0 / n_samples if sample.weights is None else sample.weights[:, None]
        products = (new.multiply(weights).T @ self._chosen).toarray()
        means = sample.X_mean
        return products - np.outer(means[features], means[self._features])

    def combine(self, coef):
        """See :meth:`DenseColumns.combine`."""
        shift = coef @ self._sample.X_mean[self._features]
        return self._chosen @ coef - shift
