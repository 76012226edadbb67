r"""Degrees of freedom and leverages of lasso and elastic net solutions along a path.

On the features A that are not zero, with their signs as they are, the solution is linear
in y. With weights omega_i that sum to one, centred columns, G = X_A' Omega X_A and l2
the strong convexity of the penalty (alpha (1 - l1_ratio) for the elastic net), its fitted
values are H y plus a constant,

    H = X_A (G + l2 I)^-1 X_A' Omega + 1 omega',

the last term being the intercept. What is computed from one Cholesky factor
G + l2 I = L L' of the size of the support:

    leverages             h_i = omega_i + omega_i ||L^-1 x_i||^2
    degrees of freedom    tr H = 1 + |A| - l2 ||L^-1||_F^2

For the lasso the degrees of freedom are the rank of X_A plus one. Columns that depend on
others are left out by pivoted Cholesky: H is a projection that does not need them (for
l2 > 0 this happens only where l2 is below the rounding of G). With many more features
than samples and l2 > 0, H comes from the eigenvalues of the n by n kernel matrix.

References: Zou, Hastie and Tibshirani, On the "degrees of freedom" of the lasso, Annals
of Statistics, 2007; Tibshirani and Taylor, Degrees of freedom in lasso problems, Annals
of Statistics, 2012.
"""

from typing import NamedTuple

import numpy as np
from scipy import linalg
from scipy.linalg import lapack

from skreg._kernels.support_factor import PIVOT
from skreg._solvers.sample import make_kernel_matrix
from skreg._solvers.subsample import GramBlocks, row_tiles, some_features
from skreg.penalties import strong_convexity

# With so many features per sample, and so many at all, the eigenvalues of the kernel
# matrix cost less than the Cholesky factor of the Gram matrix.
DUAL_FROM, DUAL_AT_LEAST = 3, 500


class RowEffects(NamedTuple):
    """The diagonal of H, and H r without the intercept's part, of each row."""

    leverage: np.ndarray  # (n_samples,)
    smoothed: np.ndarray  # (n_samples,)


class Factor(NamedTuple):
    """L L' = G + l2 I at linearly independent features."""

    features: np.ndarray  # (rank,)
    lower: np.ndarray  # (rank, rank)
    l2: float

    def solve(self, right):
        """(G + l2 I)^-1 right."""
        if len(self.features) == 0:
            return np.zeros(right.shape)
        return linalg.cho_solve((self.lower, True), right, check_finite=False)

    def inverse_diagonal(self):
        """Of (G + l2 I)^-1."""
        return np.sum(self.inverse_root() ** 2, axis=0)

    def inverse_root(self):
        """L^-1."""
        if len(self.features) == 0:
            return self.lower
        return lapack.dtrtri(self.lower, lower=1)[0]

    def scores(self, tile):
        """L^-1 x_i as columns, for rows x_i of the features."""
        if len(self.features) == 0:
            return np.zeros((0, len(tile)))
        return linalg.solve_triangular(self.lower, tile.T, lower=True, check_finite=False)


def factorize(gram, features, l2):
    """The :class:`Factor` of a Gram matrix, at as many features as are independent.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
        Overwritten.
    features : ndarray of int of shape (n,)
        What its rows and columns stand for.
    l2 : float
    """
    gram.flat[:: len(gram) + 1] += l2
    kept = gram.diagonal() > 0.0
    if not kept.all():
        gram, features = gram[np.ix_(kept, kept)], features[kept]
    if len(features) == 0:
        return Factor(features, gram, l2)
    scale = np.sqrt(gram.diagonal())
    gram = gram / scale / scale[:, None]
    factor, info = lapack.dpotrf(gram, lower=1, clean=1)
    if info != 0 or factor.diagonal().min() ** 2 <= PIVOT:
        factor, order, rank, _ = lapack.dpstrf(gram, tol=PIVOT, lower=1)
        chosen = order[:rank] - 1
        features, scale = features[chosen], scale[chosen]
        factor = np.tril(factor[:rank, :rank])
    return Factor(features, factor * scale[:, None], l2)


class PrimalHat:
    """H at one alpha from the factor of the support."""

    def __init__(self, sample, gram, factor):
        self.factor, self._gram, self._sample = factor, gram, sample

    def degrees_of_freedom(self, l2=None):
        """tr H, or what it would be at another l2."""
        factor = self.factor
        if l2 is not None and l2 != factor.l2:
            block = self._gram.block(factor.features, factor.features)
            factor = factorize(block, factor.features, l2)
        shrinkage = 0.0
        if factor.l2 > 0.0:
            shrinkage = factor.l2 * np.sum(factor.inverse_root() ** 2)
        return float(self._sample.centred + len(factor.features) - shrinkage)

    def effects(self, gradient):
        """:class:`RowEffects`, r being what `gradient` is the correlation of X with."""
        sample, factor = self._sample, self.factor
        step = factor.solve(gradient[factor.features])
        leverage, smoothed = np.empty((2, len(sample.y)))
        for rows, tile in row_tiles(sample, factor.features):
            scores = factor.scores(tile)
            leverage[rows] = np.einsum("ki,ki->i", scores, scores)
            smoothed[rows] = tile @ step
        return RowEffects(_with_weights(sample, leverage), smoothed)


class DualHat:
    """H at one alpha from the eigenvalues of the kernel matrix of the support."""

    factor = None

    def __init__(self, sample, features, eigen, l2):
        self._sample, self._features = sample, features
        self._values, self._vectors = eigen
        self._share = self._values / (self._values + l2)
        self._l2 = l2

    def degrees_of_freedom(self, l2=None):
        """See :meth:`PrimalHat.degrees_of_freedom`."""
        share = self._share if l2 is None else self._values / (self._values + l2)
        return float(self._sample.centred + share.sum())

    def effects(self, gradient):
        """See :meth:`PrimalHat.effects`; X_A g is the kernel matrix times r."""
        sample, features, vectors = self._sample, self._features, self._vectors
        roots = sample.weight_roots()[:, 0]
        sized = np.zeros((1, sample.X.shape[1]))
        sized[0, features] = gradient[features]
        along = vectors.T @ (roots * sample.fitted(sized)[:, 0])
        smoothed = vectors @ (along / (self._values + self._l2)) / roots
        leverage = vectors**2 @ self._share + sample.centred * roots**2
        return RowEffects(np.minimum(leverage, 1.0), smoothed)


def _with_weights(sample, squares):
    """omega_i (1 + squares_i), without 1 if there is no intercept."""
    roots = sample.weight_roots()[:, 0]
    return np.minimum(roots**2 * (squares + float(sample.centred)), 1.0)


class Hats:
    """The hat matrix of one solution after the other; what they share is made once.

    Parameters
    ----------
    sample : Sample
    l2 : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_alphas, n_features)
    moments : Moments, optional
        Of `sample`, if known.
    more : ndarray of int
        Features of which Gram blocks will be asked for beside the supports.
    """

    def __init__(self, sample, l2, coefs, moments=None, more=()):
        self._sample, self._l2, self._coefs = sample, l2, coefs
        self._eigen: tuple = (None, None)
        counts = np.count_nonzero(coefs, axis=1)
        many = counts > max(DUAL_FROM * len(sample.y), DUAL_AT_LEAST)
        self._is_dual = (l2 > 0.0) & many
        features = np.flatnonzero(np.any(coefs[~self._is_dual], axis=0))
        self.gram = GramBlocks(sample, np.union1d(features, more).astype(int), moments)

    def at(self, t):
        """The hat matrix of solution t."""
        features = np.flatnonzero(self._coefs[t])
        if self._is_dual[t]:
            return DualHat(self._sample, features, self._eigen_of(features), self._l2[t])
        block = self.gram.block(features, features)
        factor = factorize(block, features, self._l2[t])
        return PrimalHat(self._sample, self.gram, factor)

    def _eigen_of(self, features):
        """Kept for the next alpha, whose support may be the same: all features, say."""
        if not np.array_equal(self._eigen[0], features):
            kernel = make_kernel_matrix(some_features(self._sample, features))
            values, vectors = linalg.eigh(kernel, overwrite_a=True)
            self._eigen = features, (np.maximum(values, 0.0), vectors)
        return self._eigen[1]


def quadratic_parts(penalty, alphas):
    """The strong convexity l2 of a penalty at each of `alphas`."""
    return np.array([strong_convexity(penalty.kernel(alpha)) for alpha in alphas])


def degrees_of_freedom(sample, penalty, alphas, coefs, moments=None):
    """Trace of the hat matrix of each solution, the intercept counting one.

    Parameters
    ----------
    sample : Sample
    penalty : skreg.penalties.Penalty
        Linear plus quadratic on each side of zero, such as L1, L1L2 or L2.
    alphas : sequence of float, of length n_alphas
    coefs : ndarray of shape (n_alphas, n_features)
        Solutions for one target.
    moments : Moments, optional
        Of `sample`, if known; otherwise the Gram matrix of the features that are ever
        non-zero is made.

    Returns
    -------
    ndarray of shape (n_alphas,)
    """
    l2 = quadratic_parts(penalty, alphas)
    if not l2.any() and _independent(sample, coefs, moments):
        return np.count_nonzero(coefs, axis=1) + float(sample.centred)
    hats = Hats(sample, l2, coefs, moments)
    return np.array([hats.at(t).degrees_of_freedom() for t in range(len(coefs))])


def _independent(sample, coefs, moments):
    """Whether all features that are ever non-zero are linearly independent: then so are
    those of every support.
    """
    ever = np.flatnonzero(np.any(coefs, axis=0))
    if len(ever) > len(sample.y):
        return False
    gram = GramBlocks(sample, ever, moments)
    return len(factorize(gram.block(ever, ever), ever, 0.0).features) == len(ever)


def leverages(sample, penalty, alphas, coefs, moments=None):
    """Diagonal of the hat matrix of each solution.

    Rows are taken in blocks, so that beside the result little memory is needed.

    Parameters
    ----------
    sample, penalty, alphas, coefs, moments
        See :func:`degrees_of_freedom`.

    Returns
    -------
    ndarray of shape (n_alphas, n_samples)
        Between zero and one; the sum over the rows is the degrees of freedom.
    """
    hats = Hats(sample, quadratic_parts(penalty, alphas), coefs, moments)
    nothing = np.zeros(coefs.shape[1])
    found = [hats.at(t).effects(nothing).leverage for t in range(len(coefs))]
    return np.array(found).reshape(len(coefs), len(sample.y))
