"""The moments of raw data, or of each of several parts of its rows, in one pass over X.

Nothing is known of the data before: columns and targets are shifted by their means over
some first rows of their part. With a share f of the weight in these rows, the variance of
a column is at least f (1 - f) times the squared distance of the shift from the mean, so
that few digits cancel where the products are centred at last; and a shift serves 65536
rows at most, whose moments are then added to those of the rows before. Until all rows are
seen, means are distances from the first shift: a mean of 1e8 has no digits left for them.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from skreg._kernels.design import is_sparse
from skreg._solvers.moments import Moments, Sums, make_moments, row_blocks
from skreg._solvers.sample import is_constant, make_sample, slices_of

SHIFT_ROWS, ROWS_PER_SHIFT = 1024, 1 << 16
# Rows of each part that make a product fast.
ROWS_PER_PART = 512


def measure(X, y, sample_weight, centred):
    """The moments of raw data.

    Parameters
    ----------
    X : ndarray, CSR or CSC of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_targets)
        float64.
    sample_weight : ndarray of shape (n_samples,) or None
        Positive.
    centred : bool

    Returns
    -------
    Moments
    """
    if is_sparse(X):
        return make_moments(make_sample(X, y, sample_weight, centred))
    part = _Part(X.shape[1], y.shape[1], centred)
    for rows in row_blocks(X):
        part.add(X[rows], y[rows], _some(sample_weight, rows))
    return part.moments()


def measure_parts(X, y, sample_weight, centred, owner, n_parts):
    """The moments of each part of the rows of dense X.

    Parameters
    ----------
    X, y, sample_weight, centred : as for :func:`measure`
    owner : ndarray of shape (n_samples,)
        The part that a row belongs to, an int below `n_parts`; each has a row or more.
    n_parts : int

    Returns
    -------
    list of Moments
    """
    parts = [_Part(X.shape[1], y.shape[1], centred) for _ in range(n_parts)]
    (first, *_) = row_blocks(X)
    height = min(len(y), max(first.stop, ROWS_PER_PART * n_parts))
    memory = np.empty(height * X.shape[1], dtype=X.dtype)
    for rows in slices_of(len(y), height):
        order = np.argsort(owner[rows], kind="stable")
        present, starts = np.unique(owner[rows][order], return_index=True)
        ends = np.append(starts[1:], len(order))
        block, targets, weights = X[rows], y[rows], _some(sample_weight, rows)
        if len(present) > 1:
            block, targets = _reordered(block, order, memory), targets[order]
            weights = _some(weights, order)
        for k, start, end in zip(present, starts, ends, strict=True):
            for some in slices_of(end - start, first.stop):
                piece = slice(start + some.start, min(start + some.stop, end))
                parts[k].add(block[piece], targets[piece], _some(weights, piece))
    return [part.moments() for part in parts]


def _some(weights, rows):
    return None if weights is None else weights[rows]


def _reordered(block, order, memory):
    """Rows of a block in another order, in the layout that it has, written to `memory`:
    twice as fast as new memory for every block.
    """
    by_rows = block.flags.c_contiguous
    source, axis = (block, 0) if by_rows else (block.T, 1)
    out = memory[: block.size].reshape(source.shape)
    np.take(source, order, axis=axis, out=out, mode="clip")
    return out if by_rows else out.T


class _Part:
    """Rows that are seen one block after the other."""

    def __init__(self, n_features, n_targets, centred):
        self._shape, self._centred = (n_features, n_targets), centred
        self._sums: Any = None
        self._shift: Any = None
        self._origin: Any = None
        self._done: Any = None

    def add(self, X, y, weights):
        """Add rows of raw data."""
        if self._sums is None:
            self._start(X[:SHIFT_ROWS], y[:SHIFT_ROWS])
        X_shift, y_shift = self._shift
        y = y - y_shift
        self._sums.add(np.subtract(X, X_shift, dtype=np.float64), y, weights)
        self._y_sum += y.sum(axis=0) if weights is None else weights @ y
        squares = np.square(y)
        self._y_norm2 += squares.sum(axis=0) if weights is None else weights @ squares
        self._n_rows += len(y)
        if self._n_rows >= ROWS_PER_SHIFT:
            self._close()

    def moments(self):
        """The moments of all rows so far."""
        if self._sums is not None:
            self._close()
        X_origin, y_origin = self._origin
        X_mean, y_mean = X_origin + self._done.X_mean, y_origin + self._done.y_mean
        moments = replace(self._done, X_mean=X_mean, y_mean=y_mean)
        moments.drop(is_constant(moments, np.diag(moments.gram)))
        return moments

    def _start(self, X, y):
        self._sums, self._n_rows = Sums(*self._shape), 0
        self._y_sum, self._y_norm2 = np.zeros(self._shape[1]), np.zeros(self._shape[1])
        self._shift = np.zeros(self._shape[0]), np.zeros(self._shape[1])
        if self._centred:
            self._shift = X.mean(axis=0, dtype=np.float64), y.mean(axis=0)
        if self._origin is None:
            self._origin = self._shift

    def _close(self):
        """Centre what was added since the last shift, and add it to the rest."""
        total, (gram, correlation) = self._sums.weight, self._sums.products()
        gram /= total
        correlation /= total
        y_norm2 = self._y_norm2 / total
        X_mean, y_mean = self._shift[0] - self._origin[0], self._shift[1] - self._origin[1]
        if self._centred:
            dX, dy = self._sums.columns / total, self._y_sum / total
            gram -= np.outer(dX, dX)
            correlation -= np.outer(dX, dy)
            y_norm2 = np.maximum(y_norm2 - dy * dy, 0.0)
            X_mean, y_mean = X_mean + dX, y_mean + dy
        moments = Moments(total, X_mean, y_mean, gram, correlation, y_norm2, self._centred)
        self._done = moments if self._done is None else self._done + moments
        self._sums = None
