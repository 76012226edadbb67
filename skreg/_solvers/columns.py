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

    @property
    def rows(self):
        """The centred columns as rows, in the order of joining."""
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
            self._rows = np.empty((2 * self._size, old.shape[1]))
            self._rows[:start] = old[:start]
        new = self._rows[start : self._size]
        new[:] = self._source[features]
        if sample.centred:
            new -= sample.X_mean[features, None]
        return new

    def combine(self, coef):
        """The fitted values sum_j coef_j (x_j - m_j), for each row of `coef`."""
        return coef @ self.rows

    def correlate(self, residual):
        """Inner products with residuals of shape (n_samples, n_targets)."""
        return self.rows @ self._sample.weighted(residual)


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
        return (self._chosen @ coef.T - shift).T

    def correlate(self, residual):
        """See :meth:`DenseColumns.correlate`."""
        weighted = self._sample.weighted(residual)
        means = self._sample.X_mean[self._features]
        return self._chosen.T @ weighted - np.outer(means, weighted.sum(axis=0))


class AllColumns:
    """Every column of a sample, where it is."""

    def __init__(self, sample):
        self._sample = sample

    def combine(self, coef):
        """See :meth:`DenseColumns.combine`."""
        return self._sample.fitted(coef).T

    def correlate(self, residual):
        """See :meth:`DenseColumns.correlate`."""
        return self._sample.correlation(residual)
