"""The state of the active-set method between alphas: support, signs, factor."""

from itertools import chain
from typing import NamedTuple

import numpy as np
from scipy.linalg import lapack

from skreg._kernels.active_set import FULL, LIMIT, SOLVED, STALE, follow
from skreg._kernels.support_factor import PIVOT
from skreg.penalties import strong_convexity, with_numbers

# Rounds between two looks at whether somebody wants to interrupt.
PORTION = 200
# Rows of the Gram matrix up to so many times the support are copied as they are: it is
# three times as fast as to pick their entries.
WHOLE_ROWS = 4
# A larger support would have a factor of more than 300 MB: coordinate descent takes over.
MAX_SUPPORT = 6_000
# Room for a support of this size is there from the start (2 MB).
ROOM = 512
# Numbers in a line of the cache.
LINE = 8


class Followed(NamedTuple):
    """The solutions at the first `n_solved` of several penalties."""

    n_solved: int
    coefs: np.ndarray  # (n_penalties, n_features)
    gradients: np.ndarray  # (n_penalties, n_features)
    n_rounds: np.ndarray  # (n_penalties,), of the first unsolved one too


class Support:
    """Support of the present solution and the Cholesky factor of its Gram matrix.

    Features are numbered as in the Gram matrix that is handed to :meth:`solve`; there
    may come more of them (:meth:`grow`).

    Attributes
    ----------
    coef, gradient : ndarray of shape (n_features,)
        Of the last solution; gradient = c - G coef.
    """

    def __init__(self, n_features):
        self.coef = np.zeros(n_features)
        self.gradient = np.zeros(n_features)
        self._inside = np.zeros(n_features, dtype=bool)
        self._size, self._l2, self._knows_gradient = 0, 0.0, False
        self._solution = np.zeros((2, 1, n_features))
        self._trend, self._before = (
            np.array([np.nan, np.nan, 0.0]),
            np.zeros((2, n_features)),
        )
        self._rows, self._square = np.zeros(0), np.zeros(0)
        self._allocate(min(n_features, ROOM))

    @property
    def features(self):
        """Indices of the support, in the order of the factor."""
        return self._features[: self._size]

    def grow(self, n_features):
        """Make room for more features; those there keep their numbers."""
        extra = n_features - self.coef.size
        self.coef = np.append(self.coef, np.zeros(extra))
        self.gradient = np.append(self.gradient, np.zeros(extra))
        self._inside = np.append(self._inside, np.zeros(extra, dtype=bool))
        self._solution = np.zeros((2, 1, n_features))
        self._trend, self._before = (
            np.array([np.nan, np.nan, 0.0]),
            np.zeros((2, n_features)),
        )

    def clear(self):
        """Back to zero."""
        self.coef[:] = 0.0
        self._inside[:] = False
        self._trend[:] = np.nan, np.nan, 0.0
        self._size, self._l2, self._knows_gradient = 0, 0.0, False

    def start_at(self, coef, gram, l2):
        """Take over the support and values of `coef`; False if the support is too large or
        its Gram matrix singular.
        """
        self.clear()
        chosen = np.flatnonzero(coef)
        if len(chosen) > MAX_SUPPORT:
            return False
        self._reserve(len(chosen))
        self._size = len(chosen)
        self._features[: self._size] = chosen
        self._signs[: self._size] = np.sign(coef[chosen])
        self.coef[chosen], self._inside[chosen] = coef[chosen], True
        return self._refactor(gram, l2)

    def solve(self, gram, correlation, count, kernel, max_rounds, y_norm2, trusting=False):
        """Solve for one penalty; see :meth:`follow`.

        If `trusting`, it is for the caller to set the `gradient` to that of the solution,
        and to solve again if something is left of the optimality condition.

        Returns
        -------
        solved : bool
        n_rounds : int
        """
        runs = [(kernel, numbers_of(kernel))]
        coefs, gradients = self._solution
        n_rounds = np.zeros(1, dtype=np.int64)
        n_solved = self._follow(
            gram,
            correlation,
            count,
            runs,
            0.0,
            max_rounds,
            y_norm2,
            coefs,
            gradients,
            n_rounds,
            trusting,
        )
        return n_solved == 1, int(n_rounds[0])

    def follow(
        self,
        gram,
        correlation,
        runs,
        max_rounds,
        y_norm2,
        accuracy=0.0,
    ):
        """Solve for one penalty after the other, as far as that works.

        Parameters
        ----------
        gram, correlation : ndarray of shape (n, n), (n,)
        runs : list of (NamedTuple, ndarray)
            The penalties, see :func:`runs_of`.
        max_rounds : int
            Bound for each penalty.
        y_norm2 : float
            Scale of the objective.
        accuracy : float
            What may be left of the optimality condition, see
            :func:`skreg._kernels.active_set.follow`; 0 for exact solutions.

        Returns
        -------
        Followed
        """
        size = sum(len(numbers) for _, numbers in runs), len(gram)
        found = Followed(0, np.zeros(size), np.zeros(size), np.zeros(size[0], np.int64))
        n_solved = self._follow(
            gram,
            correlation,
            len(gram),
            runs,
            accuracy,
            max_rounds,
            y_norm2,
            found.coefs,
            found.gradients,
            found.n_rounds,
        )
        if accuracy > 0.0 and not self._is_true(gram, correlation, accuracy):
            n_solved = 0
        return found._replace(n_solved=n_solved)

    def _is_true(self, gram, correlation, accuracy):
        """Whether the gradient is that of the coefficients: with an `accuracy` it is not
        computed anew inside of a large support, and errors would add up along a path.
        """
        known = self.gradient.copy()
        self._set_gradient(gram, correlation, len(gram))
        error = np.max(np.abs(self.gradient - known), initial=0.0)
        return error <= accuracy * np.max(np.abs(correlation), initial=0.0)

    def _follow(
        self,
        gram,
        correlation,
        count,
        runs,
        accuracy,
        max_rounds,
        y_norm2,
        coefs,
        gradients,
        n_rounds,
        trusting=False,
    ):
        """The number of penalties solved; the arrays hold what :class:`Followed` says."""
        if not self._knows_gradient:
            self._set_gradient(gram, correlation, count)
        position, end = 0, 0
        for kernel, numbers in runs:
            start, end = end, end + len(numbers)
            # Without l2 a smaller function will do.
            curved = strong_convexity(kernel) > 0.0
            while position < end:
                extra = self._extra if curved else None
                status, self._size, self._l2, n_solved = follow(
                    gram,
                    correlation,
                    count,
                    y_norm2,
                    kernel,
                    numbers[position - start :],
                    accuracy,
                    max_rounds,
                    PORTION,
                    trusting,
                    self.coef,
                    self.gradient,
                    self._trend,
                    self._before,
                    self._inside,
                    self._features,
                    self._signs,
                    self._factor,
                    self._l2,
                    self._size,
                    self._scratch,
                    extra,
                    coefs[position:end],
                    gradients[position:end],
                    n_rounds[position:end],
                )
                position += n_solved
                if status == SOLVED:
                    break
                if n_rounds[position] >= max_rounds or not self._prepare(status, gram):
                    self._set_gradient(gram, correlation, count)
                    return position
        return position

    def _set_gradient(self, gram, correlation, count):
        self.gradient[:count] = correlation[:count]
        self.gradient[:count] -= gram[:count, :count] @ self.coef[:count]
        self._knows_gradient = True

    def _prepare(self, status, gram):
        """What :func:`follow` needs to go on; False if there is no help."""
        if status == FULL and self._size < MAX_SUPPORT:
            self._reserve(min(2 * self._size, MAX_SUPPORT))
            return True
        if status == STALE:
            return self._refactor(gram, self._l2)
        return status == LIMIT

    def _refactor(self, gram, l2):
        """The factor from scratch, by LAPACK."""
        size = self._size
        if size == 0:
            self._l2 = l2
            return True
        matrix = self._block(gram)
        matrix.flat[:: size + 1] += l2
        diagonal = matrix.diagonal().copy()
        upper, info = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1)
        if info != 0 or np.any(upper.diagonal() ** 2 <= PIVOT * diagonal):
            self._l2 = np.nan  # the old factor is no longer to be trusted
            return False
        self._factor[:size, :size] = upper.T
        self._l2 = l2
        return True

    def _block(self, gram):
        """The Gram matrix of the support, as a new array or in memory that is kept."""
        features, size, count = self.features, self._size, gram.shape[1]
        if count > WHOLE_ROWS * size:
            return gram[np.ix_(features, features)]
        if self._rows.size < size * count:
            self._rows = np.empty(self._features.size * count)
            self._square = np.empty(self._features.size**2)
        rows = self._rows[: size * count].reshape(size, count)
        square = self._square[: size * size].reshape(size, size)
        np.take(gram, features, axis=0, out=rows, mode="clip")
        return np.take(rows, features, axis=1, out=square, mode="clip")

    def _reserve(self, capacity):
        if capacity > self._features.size:
            old, size = self._factor, self._size
            features, signs = self._features, self._signs
            self._allocate(capacity)
            self._features[:size], self._signs[:size] = features[:size], signs[:size]
            self._factor[:size, :size] = old[:size, :size]

    def _allocate(self, capacity):
        self._features = np.zeros(capacity, dtype=np.int64)
        self._signs = np.zeros(capacity)
        self._factor = aligned(capacity + 1, capacity + 1)
        self._scratch = aligned(4, capacity + 1)
        self._extra = aligned(6, capacity + 1)
        self._rows, self._square = np.zeros(0), np.zeros(0)


def aligned(n_rows, n_columns):
    """Zeros, with at least so many columns that every row begins where a line of the cache
    does: a tenth less time for a path than with rows that begin anywhere.
    """
    stride = -(-n_columns // LINE) * LINE
    flat = np.zeros(n_rows * stride + LINE)
    start = -(flat.ctypes.data // flat.itemsize) % LINE
    return flat[start : start + n_rows * stride].reshape(n_rows, stride)


def is_uniform(kernel):
    """Whether the penalty is the same for every feature: its kernel holds no array."""
    return not any(isinstance(member, np.ndarray) for member in kernel)


def numbers_of(kernel):
    """The members of a kernel as a row for :func:`with_numbers`; empty if it has arrays."""
    if not is_uniform(kernel):
        return np.zeros((1, 0))
    return np.array([kernel], dtype=np.float64)


def runs_of(kernels):
    """Pairs (kernel, numbers): the kernels that compiled code can make from one each."""
    first = kernels[0]
    if is_uniform(first) and len({type(kernel) for kernel in kernels}) == 1:
        flat = chain.from_iterable(kernels)
        numbers = np.fromiter(flat, np.float64, len(kernels) * len(first))
        numbers = numbers.reshape(len(kernels), len(first))
        changed = np.flatnonzero(np.any(numbers != numbers[0], axis=1))
        rows = [int(changed[0]), -1] if len(changed) else []
        if all(with_numbers(first, numbers[t]) == kernels[t] for t in rows):
            return [(first, numbers)]
    return [(kernel, numbers_of(kernel)) for kernel in kernels]
