"""Moments of every training set of a K-fold split, as sums of the other folds' moments.

Never total minus fold: a column that is not zero in one fold only would be left with
noise of variance 1e-12 in the training set that lacks it, and scaling would blow it up.
Divide and conquer needs K log2 K additions, and keeps one matrix per halving alive: what
lies outside a range of folds is what lies outside the range that contains it, plus the
sum of its other half.
"""

from copy import copy
from functools import partial

import numpy as np

from skreg._kernels.design import is_sparse
from skreg._solvers.measure import measure, measure_parts

# Farther from zero, in standard deviations, means have too few digits left for their
# distances from each other, on which sums of moments rest: at 1e8, certificates were 3e-9.
FAR_MEANS = 1e4
# Moments of all folds are kept up to this number of entries (256 MB), or that of X.
KEPT_ENTRIES = 1 << 25


class FoldMoments:
    """The moments of each fold of a partition, in one pass over X where they can be kept.

    Parameters
    ----------
    X, y, sample_weight : as for :func:`~skreg._solvers.moments.measure`
    centred : bool
    folds : list of ndarray of int
        The rows of each fold; disjoint.
    run : callable
        Takes a list of functions and returns a list of what they return; it may call
        several at once.
    """

    def __init__(self, X, y, sample_weight, centred, folds, run):
        self._data, self._folds = (X, y, sample_weight, centred), folds
        kept = len(folds) * X.shape[1] ** 2 <= max(KEPT_ENTRIES, X.shape[0] * X.shape[1])
        self._parts = None
        if kept:
            self._parts = self._measure_each(run)
            self._whole = sum_of_moments(self._parts)
        else:
            self._whole = self._measure(folds)

    def __len__(self):
        return len(self._folds)

    def keep_digits(self):
        """Whether sums of them are as good as the moments of all these rows together."""
        return self._whole.farthest_mean() <= FAR_MEANS

    def _measure(self, folds):
        X, y, sample_weight, centred = self._data
        rows = as_slice(np.concatenate(folds))
        weights = None if sample_weight is None else sample_weight[rows]
        return measure(X[rows], y[rows], weights, centred)

    def _measure_each(self, run):
        """The moments of all folds, in one pass over dense X."""
        X, y, sample_weight, centred = self._data
        if is_sparse(X):
            return run([partial(self._measure, [rows]) for rows in self._folds])
        owner = np.empty(len(y), dtype=np.int64)
        for k, rows in enumerate(self._folds):
            owner[rows] = k
        return measure_parts(X, y, sample_weight, centred, owner, len(self._folds))

    def select(self, targets):
        """The same with some of the targets."""
        other = copy(self)
        X, y, *rest = self._data
        other._data = (X, y[:, targets], *rest)
        other._whole = self._whole.select(targets)
        if self._parts is not None:
            other._parts = [part.select(targets) for part in self._parts]
        return other

    def fold(self, k):
        """The moments of fold k; None if they are not kept."""
        return None if self._parts is None else self._parts[k]

    def together(self, start, stop):
        """The moments of folds [start, stop) together."""
        if (start, stop) == (0, len(self)):
            return self._whole
        if self._parts is None:
            return self._measure(self._folds[start:stop])
        return sum_of_moments(self._parts, start, stop)


def as_slice(rows):
    """The same rows as a slice if they are consecutive: a view of X, not a copy."""
    if len(rows) and np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows))):
        return slice(int(rows[0]), int(rows[0]) + len(rows))
    return rows


def training_moments(n_parts, together):
    """The moments of all parts but one, for each part in order.

    Parameters
    ----------
    n_parts : int
        At least two.
    together : callable
        (start, stop) -> Moments of these parts together.

    Yields
    ------
    k : int
    moments : Moments
        Of all parts but the k-th. Not to be written to: with two parts, it is the other.
    """
    if n_parts < 2:
        raise ValueError(
            f"a training set is made of the other parts; got {n_parts} part(s), "
            "expected at least 2."
        )
    return _without_each(together, 0, n_parts, None)


def sum_of_moments(parts, start=0, stop=None):
    """The moments of parts[start:stop] together, added in pairs."""
    stop = len(parts) if stop is None else stop
    if stop - start == 1:
        return parts[start]
    middle = (start + stop) // 2
    return sum_of_moments(parts, start, middle) + sum_of_moments(parts, middle, stop)


def _without_each(together, start, stop, outside):
    """(k, moments of all parts but k) for k in [start, stop); `outside`: of the others."""
    if stop - start == 1:
        yield start, outside
        return
    middle = (start + stop) // 2
    halves = (start, middle), (middle, stop)
    for half, other in (halves, halves[::-1]):
        around = together(*other)
        around = around if outside is None else outside + around
        yield from _without_each(together, *half, around)
