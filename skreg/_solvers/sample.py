"""A weighted sample, centred on paper only: what every least-squares solver is given.

Nothing here copies X to centre it. Dense X is read in tiles of about two megabytes; a
tile is converted to float64, centred and dropped again. So a column with mean 1e8 and
standard deviation 1 keeps its digits, which ``X'X - n m m'`` would lose, and float32
data are accumulated in float64. Sparse X is never densified: its centring is algebra.

The columns of a standardized sample have standard deviation one, on paper too: what goes
into a product with X, or comes out of it, is divided by the scale of the columns. The
solvers see the standardized problem; `original` takes their coefficients to the scale of
X, where they are stored, and `standardized` brings them back.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from skreg._kernels.design import (
    CSC,
    Dense,
    RowWeights,
    Scaled,
    UniformWeights,
    canonical,
    is_sparse,
    sparse_columns,
    sparse_gram,
    unscaled,
    without_offsets,
)
from skreg.exceptions import NON_FINITE_COEF

TILE_ELEMENTS = 1 << 18
TILE_ROWS, LONG_TILE = 256, 1024
# A centred column whose standard deviation is below this fraction of its mean is
# constant: what is left of it is rounding.
CONSTANT = 1e-14


@dataclass(frozen=True)
class Sample:
    """Centred weighted sample; weights are means (sum one), `weight_sum` keeps the sum.

    Attributes
    ----------
    X : ndarray or CSC matrix of shape (n_samples, n_features)
        Not centred; float32 or float64.
    y : ndarray of shape (n_samples, n_targets)
        Centred if `centred`; float64.
    weights : ndarray of shape (n_samples,) or None
        Not negative, with sum one; None stands for 1 / n_samples. Zeros hold rows out;
        the direct solvers of :mod:`.ridge` take positive ones only.
    weight_sum : float
    X_mean, y_mean : ndarray of shape (n_features,), (n_targets,)
        Weighted means, or zeros.
    centred : bool
    constant : ndarray of int
        Features with one value in every row; they get no coefficient.
    shift : ndarray of shape (n_features,)
        What was subtracted from the stored entries of X, see `without_offsets`.
    scale : ndarray of shape (n_features,) or None
        What the columns are divided by; None stands for ones.
    """

    X: Any
    y: np.ndarray
    weights: np.ndarray | None
    weight_sum: float
    X_mean: np.ndarray
    y_mean: np.ndarray
    centred: bool
    constant: np.ndarray
    shift: np.ndarray
    scale: np.ndarray | None = None

    @property
    def y_norm2(self):
        """Weighted mean of the squared centred targets, shape (n_targets,)."""
        return self.mean_square(self.y)

    def mean(self, rows):
        """Weighted mean over the first axis."""
        if self.weights is None:
            return rows.mean(axis=0)
        return self.weights @ rows

    def norm2(self, vector):
        """Weighted mean of the squares of a vector over the rows."""
        if self.weights is None:
            return vector @ vector / len(vector)
        return self.weights @ (vector * vector)

    def mean_square(self, rows):
        """Weighted mean of the squares over the first axis."""
        return _mean_square(rows, self.weights, len(rows))

    def weighted(self, rows):
        """omega_i rows_i."""
        if self.weights is None:
            return rows / len(rows)
        return self.weights[:, None] * rows

    def correlation(self, rows):
        """sum_i omega_i (x_i - m) rows_i / scale, shape (n_features, n_columns)."""
        share = 1.0 / len(rows)
        if self.weights is not None:
            rows, share = self.weights[:, None] * rows, 1.0
        if is_sparse(self.X):
            out = self.X.T @ rows - np.outer(self.X_mean, rows.sum(axis=0))
            out[self.constant] = 0.0
        else:
            out = np.zeros((self.X.shape[1], rows.shape[1]))
            for part, columns, tile in _tiles(self.X, self.X_mean, self.centred):
                out[columns] += tile.T @ rows[part]
        out *= share
        if self.scale is not None:
            out /= self.scale[:, None]
        return out

    def fitted(self, coef):
        """(x_i - m)' (coef / scale) for coef of shape (n_columns, n_features)."""
        coef = self.original(coef)
        if is_sparse(self.X):
            return self.X @ coef.T - coef @ self.X_mean
        out = np.zeros((self.X.shape[0], coef.shape[0]))
        for rows, columns, tile in _tiles(self.X, self.X_mean, self.centred):
            out[rows] += tile @ coef[:, columns].T
        return out

    def residual_correlation(self, coef):
        """:meth:`correlation` of the residuals of coef, (n_targets, n_features), one for
        each target. Dense X is read once.
        """
        if is_sparse(self.X):
            return self.correlation(self.y - self.fitted(coef))
        weights = self.original(coef).T
        out = np.zeros(weights.shape)
        for rows, tile in row_tiles(self, np.arange(self.X.shape[1])):
            residual = self.y[rows] - tile @ weights
            if self.weights is not None:
                residual *= self.weights[rows][:, None]
            out += tile.T @ residual
        if self.weights is None:
            out /= len(self.y)
        return out if self.scale is None else out / self.scale[:, None]

    def original(self, coef):
        """Coefficients of X as it is; coef of shape (..., n_features) is of X / scale."""
        return coef if self.scale is None else coef / self.scale

    def standardized(self, coef):
        """Coefficients of X / scale; coef of shape (..., n_features) is of X as it is."""
        return coef if self.scale is None else coef * self.scale

    def select(self, targets):
        """The same sample with some of its targets."""
        return replace(self, y=self.y[:, targets], y_mean=self.y_mean[targets])

    def weight_roots(self):
        """omega^(1/2) as a column."""
        if self.weights is None:
            return np.full((self.X.shape[0], 1), np.sqrt(1.0 / self.X.shape[0]))
        return np.sqrt(self.weights)[:, None]

    def intercept(self, coef):
        """Intercepts for coef of shape (..., n_features), targets on the first axis."""
        if not self.centred:
            return np.zeros(coef.shape[:-1])
        at_mean = self.original(coef) @ (self.X_mean + self.shift)
        return self.y_mean.reshape((-1,) + (1,) * (at_mean.ndim - 1)) - at_mean

    def intercept_rounding(self, coef):
        """How far rounding may move them; coef has shape (n_targets, n_features)."""
        if not self.centred:
            return np.zeros(len(coef))
        sizes = np.abs(self.original(coef)) @ np.abs(self.X_mean + self.shift)
        return np.finfo(np.float64).eps * (np.abs(self.y_mean) + sizes)


def make_sample(X, y, sample_weight, fit_intercept, standardize=False, means=None):
    """Build a :class:`Sample` from validated input.

    Parameters
    ----------
    X : ndarray, CSR or CSC of shape (n_samples, n_features)
    y : ndarray of shape (n_samples, n_targets)
    sample_weight : ndarray of shape (n_samples,) or None
        Positive.
    fit_intercept : bool
    standardize : bool
        Whether columns are divided by their standard deviation: weighted, of the
        population and about the mean, without an intercept too. A constant column is
        divided by one.
    means : (X_mean, y_mean), optional
        Weighted means of X and y, if they are known already.
    """
    n_samples, n_features = X.shape
    if is_sparse(X):
        X = canonical(X).tocsc()
    y = np.asarray(y, dtype=np.float64)
    weights, weight_sum = None, float(n_samples)
    if sample_weight is not None:
        weight_sum = float(np.sum(sample_weight, dtype=np.float64))
        weights = np.asarray(sample_weight, dtype=np.float64) / weight_sum
    sample = Sample(
        X,
        y,
        weights,
        weight_sum,
        X_mean=np.zeros(n_features),
        y_mean=np.zeros(y.shape[1]),
        centred=False,
        constant=np.zeros(0, dtype=np.int64),
        shift=np.zeros(n_features),
    )
    if not fit_intercept and not standardize:
        return sample
    about_means = _centred(sample, means)
    if fit_intercept:
        sample = about_means
    if not standardize:
        return sample
    return replace(sample, scale=standard_scale(column_curvature(about_means)))


def standard_scale(variances):
    """What a column of each variance is divided by; one for a variance of zero."""
    return np.where(variances > 0.0, np.sqrt(variances), 1.0)


def _centred(sample, means):
    """The sample about its weighted means."""
    X, y = sample.X, sample.y
    ones = np.ones((len(y), 1))
    if means is None:
        y_mean = sample.mean(y)
        y_mean = y_mean + sample.mean(y - y_mean)  # the second pass removes rounding
        X_mean = sample.correlation(ones)[:, 0]
    else:
        X_mean, y_mean = means[0].copy(), means[1]
    constant, values = constant_columns(X, X_mean)
    sample = replace(sample, y_mean=y_mean, y=y - y_mean)
    if is_sparse(X):
        X_mean[constant] = values
        X, shift = without_offsets(X, X_mean)
        if shift.any():
            X_mean = replace(sample, X=X).correlation(ones)[:, 0]
        sample = replace(sample, X=X, shift=shift)
        values = values - shift[constant]
    elif means is None:
        X_mean = (
            X_mean + replace(sample, X_mean=X_mean, centred=True).correlation(ones)[:, 0]
        )
    X_mean[constant] = values
    return replace(sample, X_mean=X_mean, centred=True, constant=constant)


def constant_columns(X, X_mean):
    """Indices of columns with one value in every row other than zero, and the values.

    With the value itself as the mean, dense centred entries are exactly zero.
    """
    if is_sparse(X):  # a column with a zero is not one of them
        candidates = np.flatnonzero(np.diff(X.indptr) == X.shape[0])
        first = X.data[X.indptr[candidates]].astype(np.float64)
    else:
        candidates, first = np.arange(X.shape[1]), X[0].astype(np.float64)
    near = (np.abs(first - X_mean[candidates]) <= 1e-9 * np.abs(first)) & (first != 0.0)
    candidates, first = candidates[near], first[near]
    if len(candidates) == 0:
        return candidates, first
    block = X[:, candidates]
    block = block.toarray() if is_sparse(block) else block
    same = np.all(block == block[0], axis=0)
    return candidates[same], first[same]


def make_kernel_matrix(sample):
    """A A' with A = omega^(1/2) (X - m) / scale, of shape (n_samples, n_samples)."""
    roots = sample.weight_roots()
    n_samples, n_features = sample.X.shape
    if is_sparse(sample.X):
        weights = np.ones(n_features) if sample.scale is None else sample.scale**-2.0
        product, means = sparse_gram(sample.X.T, weights), weights * sample.X_mean
        shift = sample.X @ means
        product -= shift[:, None] + shift[None, :] - means @ sample.X_mean
        return product * roots * roots.T
    kernel = np.zeros((n_samples, n_samples))
    for columns in slices_of(n_features, max(TILE_ROWS, TILE_ELEMENTS // n_samples)):
        tile = centred_tile(sample.X[:, columns], sample.X_mean[columns], sample.centred)
        tile = tile * roots
        if sample.scale is not None:
            tile /= sample.scale[columns]
        kernel += tile @ tile.T
    return kernel


def explicit_matrix(sample):
    """omega^(1/2) (X - m) / scale as a new dense array, for its singular values."""
    X = sample.X.toarray() if is_sparse(sample.X) else sample.X
    matrix = centred_tile(X, sample.X_mean, sample.centred) * sample.weight_roots()
    matrix[:, is_constant(sample, np.einsum("ij,ij->j", matrix, matrix))] = 0.0
    if sample.scale is not None:
        matrix /= sample.scale
    return matrix


def weighted_targets(sample):
    """omega^(1/2) y."""
    return sample.y * sample.weight_roots()


def column_design(sample):
    """The design for residual updates and its curvature h_j = sum_i omega_i x_ij^2.

    A C-ordered dense X is transposed (the only copy); F-ordered X is used as it is.
    """
    kernel_weights: Any = UniformWeights(1.0 / sample.X.shape[0])
    if sample.weights is not None:
        kernel_weights = RowWeights(sample.weights)
    design: Any
    if is_sparse(sample.X):
        parts = sparse_columns(sample.X)
        design = CSC(parts[0], parts[1], parts[2], sample.X_mean, kernel_weights)
    else:
        columns = read_only(np.ascontiguousarray(sample.X.T))
        sample = replace(sample, X=columns.T)
        design = Dense(columns, sample.X_mean, kernel_weights)
    if sample.scale is not None:
        design = Scaled(design, 1.0 / sample.scale)
    return design, column_curvature(sample)


def column_curvature(sample):
    """h_j = sum_i omega_i (x_ij - m_j)^2 / scale_j^2; zero for a constant column."""
    if is_sparse(sample.X):
        curvature = sparse_curvature(sample)
    else:
        curvature = np.zeros(sample.X.shape[1])
        for rows, columns, tile in _tiles(sample.X, sample.X_mean, sample.centred):
            weights = None if sample.weights is None else sample.weights[rows]
            curvature[columns] += _mean_square(tile, weights, sample.X.shape[0])
    curvature[is_constant(sample, curvature)] = 0.0
    if sample.scale is None:
        return curvature
    return curvature / sample.scale / sample.scale


def refuse_overflow(*arrays):
    """Squares of the data beyond the largest number would give a wrong answer."""
    if not all(np.all(np.isfinite(array)) for array in arrays):
        raise ValueError(NON_FINITE_COEF)


def _mean_square(tile, weights, n_samples):
    if weights is None:
        return np.einsum("ij,ij->j", tile, tile) / n_samples
    return np.einsum("i,ij,ij->j", weights, tile, tile)


def start_state(design, sample, k):
    """The state of `design` for target k at coef = 0 (see :mod:`skreg._kernels.design`)."""
    return residual_state(design, sample, np.ascontiguousarray(sample.y[:, k]))


def residual_state(design, sample, residual):
    """The state of `design` for a given residual."""
    state = sample.weighted(residual[:, None])[:, 0]
    if isinstance(unscaled(design), Dense):
        return state
    return np.append(state, state.sum() if sample.centred else 0.0)


def is_constant(sample, curvature):
    """Which columns vary only by rounding; they get no coefficient.

    `curvature` is that of X as it is, not divided by its scale.
    """
    refuse_overflow(curvature, sample.X_mean)
    if not sample.centred:
        return curvature <= 0.0
    return curvature <= (CONSTANT * sample.X_mean) ** 2


def sparse_curvature(sample):
    """sum_i omega_i (x_ij - m_j)^2.

    Where most of the weight is on zeros, the mean square minus m_j^2 loses no digits; else
    stored entries and zeros are summed apart, the zeros adding their weight times m_j^2.
    """
    X, X_mean = sample.X, sample.X_mean
    weights = sample.weights
    if weights is None:
        weights = np.full(X.shape[0], 1.0 / X.shape[0])

    def weighted_sums(entries):
        return type(X)((entries, X.indices, X.indptr), X.shape).T @ weights

    curvature = weighted_sums(np.square(X.data, dtype=np.float64)) - X_mean**2
    covered = np.diff(X.indptr) / X.shape[0]
    if sample.weights is not None:
        covered = weighted_sums(np.ones(X.nnz))
    for j in np.flatnonzero(covered > 0.5):
        entries = slice(X.indptr[j], X.indptr[j + 1])
        distance = X.data[entries] - X_mean[j]
        curvature[j] = weights[X.indices[entries]] @ (distance * distance)
        if len(distance) < X.shape[0]:
            curvature[j] += max(1.0 - covered[j], 0.0) * X_mean[j] ** 2
    return curvature


def _tiles(X, X_mean, centred):
    """Yield (rows, columns, centred float64 tile) covering dense X along its layout."""
    everything = slice(None)
    if not centred and X.dtype == np.float64:
        yield everything, everything, X
    elif X.flags.f_contiguous:
        for rows in slices_of(X.shape[0], LONG_TILE):
            width = max(1, TILE_ELEMENTS // min(X.shape[0], LONG_TILE))
            for columns in slices_of(X.shape[1], width):
                block = X[rows, columns]
                yield rows, columns, centred_tile(block, X_mean[columns], centred)
    else:
        for rows in _row_slices(X):
            yield rows, everything, centred_tile(X[rows], X_mean, centred)


def row_tiles(sample, features):
    """Yield (rows, centred float64 tile of some of the features) covering dense X."""
    X, X_mean = sample.X, sample.X_mean[features]
    height = max(TILE_ROWS, TILE_ELEMENTS // max(1, len(features)))
    for rows in slices_of(len(X), height):
        if len(features) == X.shape[1]:
            block = X[rows]
        elif X.flags.f_contiguous:
            block = X.T[features, rows].T
        else:
            block = X[rows].take(features, axis=1)
        yield rows, centred_tile(block, X_mean, sample.centred)


def _row_slices(X):
    """Whole rows, as many as make a tile."""
    return slices_of(X.shape[0], max(1, TILE_ELEMENTS // X.shape[1]))


def slices_of(length, step):
    return [slice(start, start + step) for start in range(0, length, step)]


def centred_tile(block, means, centred):
    block = np.asarray(block, dtype=np.float64)
    return block - means if centred else block


def read_only(array):
    """A view that kernels cannot write to: one compiled variant for all inputs."""
    view = array.view()
    view.flags.writeable = False
    return view
