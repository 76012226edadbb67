"""Exact leave-one-out residuals of ridge regression at many alphas, from one factor.

With A = omega^(1/2) (X - m), singular values s, left vectors U and an unpenalised
intercept, the fitted values are H y with leverages

    h_i = omega_i + sum_k U_ik^2 s_k^2 / (s_k^2 + l2),

and the residual at row i of the model fitted to all the other rows (row i taken out
with its whole weight) is r_i / (1 - h_i), r the residual of the model fitted to all.
For n <= p both r_i and 1 - h_i are sums in which nothing cancels. For n > p a leverage
close to one costs digits, and such rows are taken out for real.

Reference: Golub, Heath and Wahba, Generalized cross-validation as a method for choosing
a good ridge parameter, Technometrics, 1979.
"""

from dataclasses import replace

import numpy as np
from scipy import linalg

from skreg._kernels.design import is_sparse
from skreg._solvers.moments import make_moments
from skreg._solvers.ridge import decompose
from skreg._solvers.sample import (
    make_kernel_matrix,
    make_sample,
    weighted_targets,
)

# Below this ratio of l2 to the largest eigenvalue of the Gram matrix its small
# eigenvalues are noise, and X itself is decomposed.
GRAM_CONDITION = 1e-9
# 1 - h_i by subtraction keeps nine digits down to here.
LEVERAGE_MARGIN = 1e-7
MAX_SPARSE_BYTES = 4 * 2**30


def leave_one_out(sample, l2, *, exact_factor=False):
    """Leave-one-out prediction errors y_i - prediction_(-i).

    Parameters
    ----------
    sample : Sample
    l2 : ndarray of shape (n_alphas,)
        Positive strengths, in the scale of :func:`skreg._solvers.ridge.solve_ridge`.
    exact_factor : bool
        Decompose X itself even where its Gram matrix would do.

    Returns
    -------
    ndarray of shape (n_alphas, n_samples, n_targets)
        Of a standardized sample: with the scales of all rows at every row left out.
    """
    n_samples, n_features = sample.X.shape
    if n_samples == 1:
        raise ValueError(
            "Leave-one-out needs at least two rows of positive weight; got X with "
            "n_samples=1."
        )
    _refuse_if_too_large(sample)
    if not exact_factor:
        found = (
            _from_gram(sample, l2) if n_features < n_samples else _from_kernel(sample, l2)
        )
        if found is not None:
            return found
    left, values, _ = decompose(sample)
    return _from_left_vectors(sample, l2, left, values**2)


def _from_gram(sample, l2):
    """n > p: eigenvectors of the Gram matrix; None if they are not accurate enough."""
    eigenvalues, vectors = linalg.eigh(make_moments(sample).gram)
    if l2.min() <= GRAM_CONDITION * eigenvalues[-1]:
        return None
    scores = sample.fitted(vectors.T) * sample.weight_roots()
    goal = weighted_targets(sample)
    damping = 1.0 / (np.maximum(eigenvalues, 0.0)[:, None] + l2)
    margins = 1.0 - _intercept_leverage(sample)[:, None] - scores**2 @ damping
    along = scores.T @ goal
    residual = goal - np.stack([scores @ (d[:, None] * along) for d in damping.T])
    return _errors(sample, l2, residual, margins)


def _from_kernel(sample, l2):
    """n <= p: eigenvectors of the kernel matrix are the left vectors, all of them."""
    eigenvalues, left = linalg.eigh(make_kernel_matrix(sample))
    if l2.min() <= GRAM_CONDITION * eigenvalues[-1]:
        return None
    if sample.centred:  # the direction of the intercept has eigenvalue zero
        overlap = np.abs(left.T @ sample.weight_roots()[:, 0])
        keep = np.arange(len(overlap)) != np.argmax(overlap)
        if overlap.max() < 1.0 - 1e-8:
            return None
        eigenvalues, left = eigenvalues[keep], left[:, keep]
    return _from_left_vectors(sample, l2, left, np.maximum(eigenvalues, 0.0))


def _from_left_vectors(sample, l2, left, squares):
    """Sums over left singular vectors with squared singular values `squares`."""
    goal = weighted_targets(sample)
    along = left.T @ goal
    damping = l2 / (squares[:, None] + l2)
    complete = left.shape[1] >= len(goal) - int(sample.centred)
    if complete:
        outside, rest = np.zeros_like(goal), np.zeros(len(goal))
    else:
        outside = goal - left @ along
        rest = 1.0 - _intercept_leverage(sample) - np.sum(left**2, axis=1)
    margins = np.maximum(rest, 0.0)[:, None] + left**2 @ damping
    residual = outside + np.stack([left @ (d[:, None] * along) for d in damping.T])
    if complete:
        return residual / margins.T[:, :, None] / sample.weight_roots()
    return _errors(sample, l2, residual, margins)


def _errors(sample, l2, residual, margins):
    """r_i / (1 - h_i), and rows of leverage close to one without a shortcut."""
    with np.errstate(divide="ignore", invalid="ignore"):
        errors = residual / margins.T[:, :, None] / sample.weight_roots()
    for row in np.flatnonzero(margins.min(axis=1) < LEVERAGE_MARGIN):
        errors[:, row] = _without(sample, l2, row)
    return errors


def _without(sample, l2, row):
    """Errors at `row`, shape (n_alphas, n_targets), of the fits to all other rows."""
    others = np.arange(len(sample.y)) != row
    weights = None if sample.weights is None else sample.weights[others]
    rest = make_sample(sample.X[others], sample.y[others], weights, sample.centred)
    rest = replace(rest, scale=sample.scale)
    kept = 1.0 - 1.0 / len(sample.y) if weights is None else weights.sum()
    left, values, right = decompose(rest)
    along = left.T @ weighted_targets(rest)
    x = sample.X[[row]]
    x = (x.toarray() if is_sparse(x) else x)[0] - rest.X_mean - rest.shift
    score = right @ sample.original(x)
    strengths = l2 / kept  # the other weights have this sum, not one
    shrunk = (score * values / (values**2 + strengths[:, None])) @ along
    return sample.y[row] - rest.y_mean - shrunk


def _intercept_leverage(sample):
    if not sample.centred:
        return np.zeros(len(sample.y))
    return sample.weight_roots()[:, 0] ** 2


def _refuse_if_too_large(sample):
    n_samples, n_features = sample.X.shape
    needed = 8 * n_samples * min(n_samples, n_features)
    if is_sparse(sample.X) and needed > MAX_SPARSE_BYTES:
        raise ValueError(
            f"Exact leave-one-out on sparse X of shape {sample.X.shape} needs a dense "
            f"factor of {needed / 2**30:.0f} GiB. Use cv=5 or another splitter."
        )
