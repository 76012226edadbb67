"""Moments: all that weighted least squares needs to know of a sample. They add.

The moments of two samples together follow from the moments of each: means move, and
centred products gain what the distance between the two means adds (Chan, Golub and
LeVeque, Algorithms for computing the sample variance, The American Statistician, 1983).
Nothing cancels, so sums of many parts keep their digits, as long as the means have any left
for the distances between parts: see `Moments.farthest_mean`.
"""

from dataclasses import dataclass, replace

import numpy as np

from skreg._kernels.design import Gram, is_sparse, sparse_gram
from skreg._solvers.sample import (
    CONSTANT,
    LONG_TILE,
    TILE_ELEMENTS,
    TILE_ROWS,
    centred_tile,
    is_constant,
    read_only,
    slices_of,
    sparse_curvature,
)

# The lower triangle of a larger Gram matrix is computed in blocks of so many columns.
GRAM_BLOCK = 2048
# So many solutions of a path have about the same support.
SIMILAR = 25


@dataclass(frozen=True)
class Moments:
    """Weighted means of products, centred if the sample is.

    ``a + b`` are the moments of both samples together.

    Attributes
    ----------
    weight_sum : float
        Number of rows, or sum of their weights.
    X_mean, y_mean : ndarray of shape (n_features,), (n_targets,)
        Weighted means; zeros if not centred.
    gram : ndarray of shape (n_features, n_features)
    correlation : ndarray of shape (n_features, n_targets)
    y_norm2 : ndarray of shape (n_targets,)
    centred : bool
    measured : bool
        False if somebody says that this is the Gram matrix of a sample.
    """

    weight_sum: float
    X_mean: np.ndarray
    y_mean: np.ndarray
    gram: np.ndarray
    correlation: np.ndarray
    y_norm2: np.ndarray
    centred: bool
    measured: bool = True

    def __add__(self, other):
        if self.centred != other.centred:
            raise ValueError("moments add if both are centred, or neither is.")
        total = self.weight_sum + other.weight_sum
        mine, theirs = self.weight_sum / total, other.weight_sum / total
        dX, dy = other.X_mean - self.X_mean, other.y_mean - self.y_mean
        spread = mine * theirs
        gram = mine * self.gram + theirs * other.gram + np.outer(spread * dX, dX)
        correlation = mine * self.correlation + theirs * other.correlation
        X_mean = self.X_mean + theirs * dX
        together = Moments(
            total,
            X_mean,
            self.y_mean + theirs * dy,
            gram,
            correlation + np.outer(spread * dX, dy),
            mine * self.y_norm2 + theirs * other.y_norm2 + spread * dy * dy,
            self.centred,
        )
        if self.centred:
            together.drop(np.diag(gram) <= (CONSTANT * X_mean) ** 2)
        return together

    def scaled(self, scale):
        """The moments of X / scale, one number > 0 for each feature."""
        copies = self.X_mean.copy(), self.gram.copy(), self.correlation.copy()
        moments = replace(self, X_mean=copies[0], gram=copies[1], correlation=copies[2])
        moments.divide(np.asarray(scale, dtype=np.float64))
        return moments

    def divide(self, scale):
        """:meth:`scaled` in place."""
        self.X_mean[:] /= scale
        self.gram[:] /= scale
        self.gram[:] /= scale[:, None]
        self.correlation[:] /= scale[:, None]

    def drop(self, constant):
        """Features that vary only by rounding get no coefficient."""
        self.gram[constant], self.gram[:, constant] = 0.0, 0.0
        self.correlation[constant] = 0.0

    def farthest_mean(self):
        """The largest distance of a mean from zero, in standard deviations."""
        means = np.concatenate([self.X_mean, self.y_mean])
        spread = np.sqrt(np.maximum(np.append(np.diag(self.gram), self.y_norm2), 0.0))
        varies = spread > 0.0
        return np.max(np.abs(means[varies]) / spread[varies], initial=0.0)

    def select(self, targets):
        """The same moments with some of the targets."""
        return replace(
            self,
            y_mean=self.y_mean[targets],
            correlation=self.correlation[:, targets],
            y_norm2=self.y_norm2[targets],
        )

    def intercept(self, coef):
        """Intercepts for coef of shape (n_targets, ..., n_features)."""
        at_mean = coef @ self.X_mean
        return self.y_mean.reshape((-1,) + (1,) * (at_mean.ndim - 1)) - at_mean

    def mean_square_error(self, coef, intercept, features):
        """Of predictions for this sample, and how large the terms are that make it up.

        Parameters
        ----------
        coef : ndarray of shape (n_targets, n_solutions, len(features))
            Of `features`; those of all others are zero.
        intercept : ndarray of shape (n_targets, n_solutions)
        features : ndarray of int

        Returns
        -------
        error, size : ndarray of shape (n_targets, n_solutions)
            Where error is many digits below size, it is rounding.
        """
        fitted2 = np.empty(intercept.shape)
        for part in slices_of(coef.shape[1], SIMILAR):
            fitted2[:, part] = self._squares(coef[:, part], features)
        common = np.einsum("kts,sk->kt", coef, self.correlation[features])
        offset = self.y_mean[:, None] - intercept - coef @ self.X_mean[features]
        size = self.y_norm2[:, None] + fitted2 + np.square(offset)
        return size - 2.0 * common, size

    def _squares(self, coef, features):
        """coef' G coef of solutions of shape (n_targets, n_solutions, len(features))."""
        used = np.any(coef != 0.0, axis=(0, 1))
        coef, features = coef[..., used], features[used]
        if 3 * len(features) > 2 * len(self.gram):  # to pick entries of it takes longer
            every = np.zeros((*coef.shape[:2], len(self.gram)))
            every[..., features] = coef
            return np.einsum("kts,kts->kt", every @ self.gram, every)
        gram = self.gram[np.ix_(features, features)]
        return np.einsum("kts,kts->kt", coef @ gram, coef)


def make_moments(sample):
    """The moments of a :class:`~skreg._solvers.sample.Sample`, from one pass over X."""
    scale, sample = sample.scale, replace(sample, scale=None)
    if is_sparse(sample.X):
        correlation = sample.correlation(sample.y)
        gram = sparse_gram(sample.X, sample.weights)
        gram -= np.outer(sample.X_mean, sample.X_mean)
        np.fill_diagonal(gram, sparse_curvature(sample))
    else:
        gram, correlation = _dense_products(sample)
    moments = Moments(
        sample.weight_sum,
        sample.X_mean + sample.shift,
        sample.y_mean,
        gram,
        correlation,
        sample.y_norm2,
        sample.centred,
    )
    moments.drop(is_constant(sample, np.diag(gram)))
    if scale is not None:
        moments.divide(scale)
    return moments


def _dense_products(sample):
    """Means of products of the centred columns, with themselves and with the targets."""
    sums = Sums(sample.X.shape[1], sample.y.shape[1])
    for rows in row_blocks(sample.X):
        weights = None if sample.weights is None else sample.weights[rows]
        tile = centred_tile(sample.X[rows], sample.X_mean, sample.centred)
        sums.add(tile, sample.y[rows], weights)
    gram, correlation = sums.products()
    if sample.weights is None:
        gram /= len(sample.y)
        correlation /= len(sample.y)
    return gram, correlation


def row_blocks(X):
    """Rows of dense X, as many as make products fast."""
    n_samples, n_features = X.shape
    height = min(n_features, LONG_TILE)
    return slices_of(n_samples, max(TILE_ROWS, TILE_ELEMENTS // n_features, height))


class Sums:
    """Sums of weighted products of columns with themselves, with targets and with one.

    By BLAS; NumPy's product lets other threads run (cross-validation has a fold in each)
    and uses symmetry where both factors are one array: here, up to GRAM_BLOCK features.
    """

    def __init__(self, n_features, n_targets):
        self._gram = np.zeros((n_features, n_features))
        self._correlation = np.zeros((n_features, n_targets))
        self._products = np.empty((n_features, min(n_features, GRAM_BLOCK)))
        self.weight, self.columns = 0.0, np.zeros(n_features)

    def add(self, tile, targets, weights):
        """Add rows: float64, of shapes (n_rows, n_features) and (n_rows, n_targets)."""
        if weights is None:
            self.weight += len(tile)
            self.columns += tile.sum(axis=0)
        else:
            self.weight += weights.sum()
            self.columns += weights @ tile
            roots = np.sqrt(weights)[:, None]
            tile, targets = tile * roots, targets * roots
        for block in slices_of(len(self.columns), GRAM_BLOCK):
            left, right = tile[:, block.start :], tile[:, block]
            out = self._products[: left.shape[1], : right.shape[1]]
            self._gram[block.start :, block] += np.matmul(left.T, right, out=out)
        self._correlation += tile.T @ targets

    def products(self):
        """The sums of products with the columns and the targets."""
        gram = self._gram
        for block in slices_of(len(gram), GRAM_BLOCK):
            gram[block, block.stop :] = gram[block.stop :, block].T
        return gram, self._correlation


def gram_design(moments, k):
    """The design for covariance updates of target k, and its curvature."""
    correlation = np.ascontiguousarray(moments.correlation[:, k])
    gram = read_only(np.ascontiguousarray(moments.gram))
    return Gram(gram, correlation, float(moments.y_norm2[k])), np.diag(gram).copy()


def check_gram(sample, gram, *, skip_element=False):
    """Refuse a Gram matrix that is not that of the sample (one element is recomputed).

    scikit-learn's scale: X' diag(weights) X with weights that sum to n_samples.
    """
    n_samples, n_features = sample.X.shape
    if gram.shape != (n_features, n_features):
        raise ValueError(
            f"precompute must be True, False, 'auto' or a Gram matrix of shape "
            f"{(n_features, n_features)}; got an array of shape {gram.shape}."
        )
    if skip_element:
        return
    first = n_features // 2
    second = min(first + 1, n_features - 1)
    pair = [centred_tile(sample.X[:, j], sample.X_mean[j], True) for j in (first, second)]
    expected = n_samples * float(sample.mean(pair[0] * pair[1]))
    rtol = 1e-4 if sample.X.dtype == np.float32 else 1e-7
    if not np.isclose(expected, gram[first, second], rtol=rtol, atol=1e-5):
        raise ValueError(
            "Gram matrix passed in via 'precompute' parameter did not pass validation "
            f"when a single element was checked: element ({first},{second}) should be "
            f"{expected} but is {gram[first, second]}. Please compute it as X.T @ X "
            "from centred X (rows scaled by the square roots of the sample weights, "
            "which must sum to n_samples)."
        )


def moments_from_gram(sample, gram):
    """Moments of a sample whose Gram matrix (see :func:`check_gram`) is known.

    The Gram matrix is that of X as it is, also of a standardized sample.
    """
    mean_gram = np.asarray(gram, dtype=np.float64) / len(sample.y)
    moments = Moments(
        sample.weight_sum,
        sample.X_mean + sample.shift,
        sample.y_mean,
        mean_gram,
        replace(sample, scale=None).correlation(sample.y),
        sample.y_norm2,
        sample.centred,
        measured=False,
    )
    if sample.scale is not None:
        moments.divide(sample.scale)
    return moments
