"""Products with the Gram matrix G of the features in play, and inverses built on it.

Two forms: by the matrix G itself, and, for few samples, by the columns (G = K K' with a
row of K per feature). The second never forms G, and its inverses cost the cube of the
number of samples where the support is larger than that: with several targets it can be.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy import linalg

from skreg._kernels.design import unscaled
from skreg._kernels.thin_products import (
    aligned_rows,
    aligned_targets,
    combine_rows,
    project_rows,
)
from skreg._solvers.columns import DenseColumns


class Inverse(NamedTuple):
    """N^-1 for N = Q + S, with diagonal Q >= 1, in one of two forms."""

    complement: np.ndarray  # I - N^-1; its lower triangle
    lower: Any  # None, or N = lower lower'
    thin: Any  # None, or N^-1 = Q^-1 - thin' thin
    diagonal: np.ndarray  # of Q

    def times(self, rows):
        """N^-1 rows."""
        if self.lower is not None:
            return linalg.lapack.dpotrs(self.lower, rows, lower=1)[0]
        return rows / self.diagonal[:, None] - self.thin.T @ (self.thin @ rows)


class ScaledMatrix(NamedTuple):
    """S = E G E for some features, by its entries."""

    matrix: np.ndarray

    @property
    def dtype(self):
        """In which to compute with it."""
        return self.matrix.dtype

    def times(self, rows):
        """S rows."""
        return self.matrix @ rows

    def inverse(self, diagonal):
        """:class:`Inverse` of Q + S; None if there is none."""
        return invert(self.matrix.copy(), diagonal)


class ScaledFactor(NamedTuple):
    """S = F F' = E G E for some features, by the scaled columns F.

    In single precision if there are more features than samples: all numbers are of order
    one, and they only serve to find a direction.
    """

    factor: np.ndarray

    @property
    def dtype(self):
        """In which to compute with it."""
        return self.factor.dtype

    def times(self, rows):
        """S rows."""
        return self.factor @ (self.factor.T @ rows)

    def inverse(self, diagonal):
        """:class:`Inverse` of Q + S; None if there is none."""
        size, n_samples = self.factor.shape
        if size <= n_samples:
            return invert(self.factor @ self.factor.T, diagonal)
        shrunk = self.factor / diagonal[:, None]
        inner = self.factor.T @ shrunk
        inner.flat[:: n_samples + 1] += 1.0
        lower, info = linalg.lapack.spotrf(inner.T, lower=1, overwrite_a=1)
        if info != 0:
            return None
        thin = linalg.blas.strsm(1.0, lower, shrunk.T, lower=1)
        complement = thin.T @ thin
        complement.flat[:: size + 1] += 1.0 - 1.0 / diagonal
        return Inverse(complement, None, thin, diagonal)


def invert(matrix, diagonal):
    """:class:`Inverse` of Q + `matrix`, which is overwritten."""
    size = len(matrix)
    matrix.flat[:: size + 1] += diagonal
    lower, info = linalg.lapack.dpotrf(matrix.T, lower=1, overwrite_a=1)
    if info != 0:
        return None
    complement = -linalg.lapack.dpotri(lower, lower=1)[0]
    complement.T.flat[:: size + 1] += 1.0
    return Inverse(complement, lower, None, diagonal)


class ColumnProducts:
    """By the columns in play, in the scale omega^(1/2)."""

    def __init__(self, sample, design):
        read = unscaled(design).columns.__getitem__
        self._columns = DenseColumns(sample, read, aligned_rows)
        self._roots = roots = sample.weight_roots()
        self._inverses = np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0.0)
        self._n_samples, self._n_targets = sample.y.shape
        self._chosen = aligned_rows(0, self._n_samples)
        self._image = aligned_targets(self._n_targets, self._n_samples)

    def join(self, features):
        """Features come into play."""
        new = self._columns.store(features)
        new *= self._roots.T

    def times(self, coef):
        """G coef."""
        return self._project(self._combine(coef))

    def combine(self, coef):
        """Fitted values, shape (n_samples, n_targets)."""
        return self._combine(coef)[: self._n_targets, : self._n_samples].T * self._inverses

    def correlate(self, residual, first=0):
        """Inner products of the columns in play, from the `first`, with a residual."""
        self._image[: self._n_targets, : self._n_samples] = (self._roots * residual).T
        return self._project(self._image, first)

    def restrict(self, features):
        """Products of some of the features in play, until they are asked for others.

        New memory would take longer than the columns.
        """
        count, rows = len(features), self._columns.padded
        if count > len(self._chosen):
            self._chosen = aligned_rows(2 * count, self._n_samples)
        factor = np.take(rows, features, axis=0, out=self._chosen[:count], mode="clip")
        return FactorProducts(factor, self._n_samples, self._image)

    def change(self, features, moved, image):
        """G moved, for rows `moved` of some features whose image is known."""
        return self._project(image)

    def _combine(self, coef):
        combine_rows(self._columns.padded, coef, self._image)
        return self._image

    def _project(self, image, first=0):
        rows = self._columns.padded[first:]
        out = np.empty((len(rows), self._n_targets))
        project_rows(rows, image, out)
        return out


class FactorProducts(NamedTuple):
    """Products with K K'."""

    padded: np.ndarray  # K, of `aligned_rows`
    n_samples: int
    room: np.ndarray  # for an image, of `aligned_targets`

    @property
    def factor(self):
        """K."""
        return self.padded[:, : self.n_samples]

    @property
    def wide(self):
        """Whether there are more rows than samples."""
        return len(self.padded) > self.n_samples

    def times(self, coef):
        """K K' coef."""
        return self.factor @ (self.factor.T @ coef)

    def image(self, coef):
        """K' coef by rows, until the next is asked for, and the square of its norm."""
        combine_rows(self.padded, coef, self.room)
        return self.room, np.vdot(self.room, self.room)

    def scaled(self, scale):
        """E K K' E with E = diag(scale)."""
        factor = self.factor * scale[:, None]
        return ScaledFactor(factor.astype(np.float32) if self.wide else factor)


class GramProducts:
    """By the Gram matrix of the features in play, which grows as they join.

    `columns` packs their columns; `gram` may hold them all from the start.
    """

    def __init__(self, columns, gram=None):
        self._columns = columns
        self._gram = np.zeros((64, 64)) if gram is None else gram
        self._size = 0 if gram is None else len(gram)

    def join(self, features):
        """Features come into play."""
        start, end = self._size, self._size + len(features)
        if end > len(self._gram):
            old, self._gram = self._gram, np.zeros((2 * end, 2 * end))
            self._gram[:start, :start] = old[:start, :start]
        products = self._columns.append(features)
        self._gram[start:end, :end] = products
        self._gram[:end, start:end] = products.T
        self._size = end

    def times(self, coef):
        """G coef."""
        return self._gram[: self._size, : self._size] @ coef

    def combine(self, coef):
        """Fitted values, shape (n_samples, n_targets)."""
        return self._columns.combine(coef.T).T

    def correlate(self, residual, first=0):
        """Inner products of the columns in play, from the `first`, with a residual."""
        return self._columns.correlate(residual)[first:]

    def restrict(self, features):
        """Products of some of the features in play."""
        return MatrixProducts(self._gram[np.ix_(features, features)])

    def change(self, features, moved, image):
        """See :meth:`ColumnProducts.change`."""
        full = np.zeros((self._size, moved.shape[1]))
        full[features] = moved
        return self.times(full)


class MatrixProducts(NamedTuple):
    """Products with G itself."""

    gram: np.ndarray
    wide: bool = False

    def times(self, coef):
        """G coef."""
        return self.gram @ coef

    def image(self, coef):
        """G coef, and its inner product with coef."""
        image = self.gram @ coef
        return image, np.vdot(image, coef)

    def scaled(self, scale):
        """E G E with E = diag(scale)."""
        return ScaledMatrix(self.gram * scale * scale[:, None])
