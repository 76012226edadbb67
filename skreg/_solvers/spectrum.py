"""Ridge regression at many strengths from one eigendecomposition.

With A = omega^(1/2) (X - m) / scale = U diag(s) V' and the goal g = omega^(1/2) y, the
solution at strength l2 is V diag(s / (s^2 + l2)) U'g, for all strengths and targets at
once. The smaller of A'A and AA' is decomposed where that keeps enough digits, A itself
otherwise.
"""

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from skreg._kernels.design import is_sparse
from skreg._solvers.moments import make_moments
from skreg._solvers.ridge import (
    REFINED,
    decompose,
    is_direct,
    minus_gradient,
)
from skreg._solvers.sample import (
    centred_tile,
    make_kernel_matrix,
    refuse_overflow,
    slices_of,
    weighted_targets,
)
from skreg._solvers.shifted_krylov import krylov_path

# Where the smallest eigenvalue plus l2 is below this share of the largest, predictions
# from a Gram matrix lose more than eight digits, and X itself is decomposed.
GRAM_CONDITION = 1e-9
# A sparse X is decomposed while its dense factor fits into so many bytes.
MAX_DENSE_BYTES = 4 * 2**30
# Products with blocks of rows have at most so many entries (4 MB).
BLOCK_ELEMENTS = 1 << 19


@dataclass(frozen=True)
class Spectrum:
    """Squared singular values of A, and how the targets lie along its singular vectors.

    Attributes
    ----------
    squares : ndarray of shape (rank,)
        Without the direction of the intercept; may contain zeros.
    right : ndarray of shape (n_features, rank) or None
        V, if A'A or A was decomposed.
    left : ndarray of shape (n_samples, rank) or None
        U, if AA' or A was decomposed.
    products : ndarray of shape (rank, n_targets)
        V'A'g, or U'g if there is no V.
    """

    squares: np.ndarray
    right: np.ndarray | None
    left: np.ndarray | None
    products: np.ndarray

    def shrunk(self, l2):
        """`products` / (squares + l2), shape (rank, n_alphas, n_targets)."""
        return self.products[:, None, :] / (self.squares[:, None] + l2)[:, :, None]

    def coefs(self, sample, l2):
        """Solutions, of the standardized problem if `sample` is.

        Parameters
        ----------
        sample : Sample or None
            May be missing if `right` is there.
        l2 : ndarray of shape (n_alphas,)

        Returns
        -------
        ndarray of shape (n_alphas, n_targets, n_features)
        """
        along = self.shrunk(l2)
        flat = along.reshape(len(along), along.shape[1] * along.shape[2])
        if self.right is not None:
            coefs = (self.right @ flat).T
        else:
            dual = self.left @ flat
            coefs = sample.correlation(dual / sample.weight_roots()).T
        return coefs.reshape(*along.shape[1:], coefs.shape[1])

    def df(self, l2, centred):
        """Traces of the hat matrices, the intercept included, shape (n_alphas,)."""
        shares = self.squares[:, None] / (self.squares[:, None] + l2)
        return shares.sum(axis=0) + float(centred)


def find_spectrum(sample, least_l2, *, condition=GRAM_CONDITION, moments=None, kernel=None):
    """The spectrum of a sample, for strengths from `least_l2` on.

    Parameters
    ----------
    sample : Sample
    least_l2 : float
    condition : float
        Smallest ratio of eigenvalues plus `least_l2` at which a Gram matrix will do.
    moments : Moments, optional
        Of the sample, if known; used if there are more rows than features.
    kernel : ndarray of shape (n_samples, n_samples), optional
        AA', if known.

    Returns
    -------
    Spectrum or None
        None if X is sparse and its own decomposition is needed, which does not fit.
    """
    if condition >= 1.0:
        found = None
    elif sample.X.shape[1] < sample.X.shape[0]:
        moments = make_moments(sample) if moments is None else moments
        found = spectrum_of_moments(moments, least_l2, condition)
    else:
        kernel = make_kernel_matrix(sample) if kernel is None else kernel
        roots = sample.weight_roots()[:, 0] if sample.centred else None
        goal = weighted_targets(sample)
        found = spectrum_of_kernel(kernel, goal, roots, least_l2, condition)
    if found is None and dense_bytes(sample) <= MAX_DENSE_BYTES:
        return spectrum_of_matrix(sample)
    return found


def dense_bytes(sample):
    """What a dense factor of a sparse X needs; zero for dense X."""
    return 8 * sample.X.shape[0] * min(sample.X.shape) if is_sparse(sample.X) else 0


def spectrum_of_moments(moments, least_l2, condition=GRAM_CONDITION):
    """From A'A; None if its small eigenvalues are not accurate enough."""
    gram = moments.gram
    refuse_overflow(gram)
    active = np.diag(gram) > 0.0
    if not active.all():  # constant columns: exact zeros, which get no coefficient
        gram = gram[np.ix_(active, active)]
    squares, vectors = _eigenvectors(gram)
    if _is_noisy(squares, least_l2, condition):
        return None
    products = vectors.T @ moments.correlation[active]
    right = vectors
    if not active.all():
        right = np.zeros((len(active), len(squares)))
        right[active] = vectors
    return Spectrum(np.maximum(squares, 0.0), right, None, products)


def spectrum_of_kernel(kernel, goal, intercept, least_l2, condition=GRAM_CONDITION):
    """From AA'; None if its small eigenvalues are not accurate enough.

    Parameters
    ----------
    kernel : ndarray of shape (n_samples, n_samples)
    goal : ndarray of shape (n_samples, n_targets)
    intercept : ndarray of shape (n_samples,) or None
        omega^(1/2) if the sample is centred: a direction of eigenvalue zero.
    least_l2, condition : float
        See :func:`find_spectrum`.
    """
    refuse_overflow(kernel)
    squares, left = _eigenvectors(kernel)
    if intercept is not None:
        overlap = np.abs(left.T @ intercept)
        if overlap.max() < 1.0 - 1e-8:
            return None
        keep = np.arange(len(overlap)) != np.argmax(overlap)
        squares, left = squares[keep], left[:, keep]
    if _is_noisy(squares, least_l2, condition):
        return None
    return Spectrum(np.maximum(squares, 0.0), None, left, left.T @ goal)


def spectrum_of_matrix(sample):
    """From A itself, without its null space."""
    left, values, right = decompose(sample)
    along = left.T @ weighted_targets(sample)
    return Spectrum(values**2, right.T, left, values[:, None] * along)


def _eigenvectors(matrix):
    return linalg.eigh(matrix, driver="evd", check_finite=False)


def _is_noisy(squares, least_l2, condition):
    if len(squares) == 0:
        return False
    return squares.min() + least_l2 <= condition * squares.max()


def ridge_path(sample, l2):
    """Solutions of one sample at every strength; iterative where a factor is too large.

    Returns
    -------
    coefs : ndarray of shape (n_alphas, n_targets, n_features)
        Of the standardized problem if `sample` is.
    converged : bool
    """
    spectrum = find_spectrum(sample, l2.min()) if is_direct(sample.X) else None
    if spectrum is not None:
        return spectrum.coefs(sample, l2), True
    return krylov_path(sample, l2)


def solve_at(sample, spectrum, l2):
    """The solution at one strength for each target, shape (n_targets, n_features).

    Refined on X itself where the spectrum is that of a Gram matrix.
    """
    if spectrum.left is None:
        return _refined(sample, spectrum, l2)
    if spectrum.right is None:
        return _refined_dual(sample, spectrum, l2)
    shrunk = spectrum.products / (spectrum.squares[:, None] + l2)
    return (spectrum.right @ shrunk).T


def _refined(sample, spectrum, l2):
    right, divisor = spectrum.right, spectrum.squares[:, None] + l2
    coef = (right @ (spectrum.products / divisor)).T
    for _ in range(2):
        gradient = minus_gradient(sample, l2, coef)
        correction = (right @ (right.T @ gradient.T / divisor)).T
        coef = coef + correction
        if np.abs(correction).max(initial=0.0) <= REFINED * np.abs(coef).max(initial=0.0):
            break
    return coef


def _refined_dual(sample, spectrum, l2):
    left, divisor = spectrum.left, spectrum.squares[:, None] + l2
    goal, roots = weighted_targets(sample), sample.weight_roots()
    dual = left @ (spectrum.products / divisor)
    for _ in range(2):
        fitted = sample.fitted(sample.correlation(dual / roots).T) * roots
        correction = left @ (left.T @ (goal - fitted - l2 * dual) / divisor)
        dual = dual + correction
        if np.abs(correction).max(initial=0.0) <= REFINED * np.abs(dual).max(initial=0.0):
            break
    return sample.correlation(dual / roots).T


def row_products(sample, coef, width=1):
    """Yield (rows, fitted values less y_mean) for blocks of rows; see `Sample.fitted`.

    `width` is how many more numbers per row the caller has room for.
    """
    n_samples, n_features = sample.X.shape
    X = sample.X.tocsr() if is_sparse(sample.X) else sample.X
    columns = np.ascontiguousarray(sample.original(coef).T)
    height = max(16, BLOCK_ELEMENTS // max(n_features, len(coef), width, 1))
    for rows in slices_of(n_samples, height):
        if is_sparse(X):
            yield rows, X[rows] @ columns - sample.X_mean @ columns
        else:
            yield rows, centred_tile(X[rows], sample.X_mean, sample.centred) @ columns


def mean_squared_residuals(sample, spectrum, l2):
    """Weighted means of squared residuals at every strength, (n_alphas, n_targets)."""
    if spectrum.right is None:
        lost = l2[:, None] * np.ones(sample.y.shape[1])
        residual = np.moveaxis(lost * spectrum.shrunk(l2), 0, -1)
        return np.square(residual).sum(axis=-1) + _outside(sample, spectrum)
    coefs = spectrum.coefs(sample, l2)
    total = np.zeros(coefs.shape[:2])
    for rows, fitted in row_products(sample, coefs.reshape(-1, coefs.shape[-1])):
        residual = sample.y[rows][:, None] - fitted.reshape(-1, *total.shape)
        weights = None if sample.weights is None else sample.weights[rows]
        if weights is None:
            total += np.square(residual, out=residual).sum(axis=0) / len(sample.y)
        else:
            total += np.einsum("i,iat->at", weights, np.square(residual, out=residual))
    return total


def _outside(sample, spectrum):
    """Square of what is left of the goal beside the span of the left vectors."""
    goal = weighted_targets(sample)
    return np.square(goal - spectrum.left @ spectrum.products).sum(axis=0)
