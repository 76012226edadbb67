"""The state of the active-set method between alphas: support, signs, factor."""

import numpy as np
from scipy.linalg import lapack

from skreg._kernels.active_set import FULL, PIVOT, SOLVED, STUCK, follow

# Rounds between two looks at whether somebody wants to interrupt.
PORTION = 200
# A larger support would have a factor of more than 300 MB: coordinate descent takes over.
MAX_SUPPORT = 6_000


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
        self._size, self._l2 = 0, 0.0
        self._allocate(min(n_features, 64))

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

    def start_at(self, coef, gram, l2):
        """Take over the support and values of `coef`; False if the support is too large or
        its Gram matrix singular.
        """
        self.coef[:] = 0.0
        self._inside[:] = False
        chosen = np.flatnonzero(coef)
        if len(chosen) > MAX_SUPPORT:
            return False
        self._reserve(len(chosen))
        self._size = len(chosen)
        self._features[: self._size] = chosen
        self._signs[: self._size] = np.sign(coef[chosen])
        self.coef[chosen], self._inside[chosen] = coef[chosen], True
        return self._refactor(gram, l2)

    def solve(self, gram, correlation, count, kernel, l2, max_rounds):
        """Solve exactly over the first `count` features, from the last solution.

        Returns
        -------
        solved : bool
        n_rounds : int
        """
        if l2 != self._l2 and not self._refactor(gram, l2):
            return False, 0
        rounds = 0
        while rounds < max_rounds:
            # In portions, between which an interrupt is noticed.
            status, self._size, n_rounds = follow(
                gram,
                correlation,
                count,
                kernel,
                min(max_rounds - rounds, PORTION),
                self.coef,
                self.gradient,
                self._inside,
                self._features,
                self._signs,
                self._factor,
                self._size,
                self._scratch,
            )
            rounds += n_rounds
            if status in (SOLVED, STUCK):
                return status == SOLVED, rounds
            if status == FULL:
                if self._size >= MAX_SUPPORT:
                    return False, rounds
                self._reserve(min(2 * self._size, MAX_SUPPORT))
        return False, rounds

    def _refactor(self, gram, l2):
        """The factor from scratch, by LAPACK."""
        size = self._size
        if size == 0:
            self._l2 = l2
            return True
        matrix = gram[np.ix_(self.features, self.features)]
        matrix.flat[:: size + 1] += l2
        diagonal = matrix.diagonal().copy()
        upper, info = lapack.dpotrf(matrix.T, lower=0, overwrite_a=1)
        if info != 0 or np.any(upper.diagonal() ** 2 <= PIVOT * diagonal):
            self._l2 = np.nan  # the old factor is no longer to be trusted
            return False
        self._factor[:size, :size] = upper.T
        self._l2 = l2
        return True

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
        self._factor = np.zeros((capacity + 1, capacity + 1))
        self._scratch = np.zeros((3, capacity + 1))
