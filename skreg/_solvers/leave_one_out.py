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
from skreg._solvers.ridge import decompose
from skreg._solvers.sample import make_sample, slices_of, weighted_targets
from skreg._solvers.spectrum import (
    BLOCK_ELEMENTS,
    MAX_DENSE_BYTES,
    dense_bytes,
    find_spectrum,
    row_products,
)
from skreg._solvers.subsample import refuse_one_row

# Errors from a Gram matrix keep ten digits down to this ratio of its eigenvalues plus l2.
EXACT_CONDITION = 1e-6
# 1 - h_i by subtraction keeps nine digits down to here.
LEVERAGE_MARGIN = 1e-7
# Directions of the table of strengths below this share of the first are rounding.
NEGLIGIBLE = 1e-16


def leave_one_out(sample, l2, *, exact_factor=False, spectrum=None):
    """Leave-one-out prediction errors y_i - prediction_(-i).

    Parameters
    ----------
    sample : Sample
    l2 : ndarray of shape (n_alphas,)
        Positive strengths, in the scale of :func:`skreg._solvers.ridge.solve_ridge`.
    exact_factor : bool
        Decompose X itself even where its Gram matrix would do.
    spectrum : Spectrum, optional
        Of the sample, if known.

    Returns
    -------
    ndarray of shape (n_alphas, n_samples, n_targets)
        Of a standardized sample: with the scales of all rows at every row left out.
    """
    if spectrum is None:
        spectrum = spectrum_for_rows(sample, l2.min(), exact_factor=exact_factor)
    errors = np.empty((len(l2), *sample.y.shape))
    blocks = _from_right_vectors if spectrum.left is None else _from_left_vectors
    complete = _is_complete(sample, spectrum)
    for rows, margins, residual in blocks(sample, spectrum, l2):
        with np.errstate(divide="ignore", invalid="ignore"):
            np.divide(residual, margins[:, :, None], out=errors[:, rows])
        if complete:
            continue
        for row in rows.start + np.flatnonzero(margins.min(axis=0) < LEVERAGE_MARGIN):
            errors[:, row] = _without(sample, l2, row)
    return errors


def spectrum_for_rows(sample, least_l2, *, exact_factor=False):
    """The spectrum of a sample of at least two rows, or an error with what it needs."""
    refuse_one_row(sample)
    if dense_bytes(sample) > MAX_DENSE_BYTES:
        refuse_dense(sample, "Exact leave-one-out")
    condition = 1.0 if exact_factor else EXACT_CONDITION
    return find_spectrum(sample, least_l2, condition=condition)


def spectrum_for_traces(sample, least_l2):
    """The spectrum of a sample for degrees of freedom, or an error with what it needs."""
    direct = min(sample.X.shape) ** 2 * 8 <= MAX_DENSE_BYTES or not is_sparse(sample.X)
    found = find_spectrum(sample, least_l2) if direct else None
    if found is None:
        refuse_dense(sample, "A criterion with exact degrees of freedom")
    return found


def refuse_dense(sample, what):
    """An error with the memory that a dense factor of sparse X needs."""
    raise ValueError(
        f"{what} on sparse X of shape {sample.X.shape} needs a dense factor of "
        f"{dense_bytes(sample) / 2**30:.0f} GiB. Use cv=5 or another splitter."
    )


def _from_right_vectors(sample, spectrum, l2):
    """Yield (rows, 1 - h_i, r_i) for blocks of rows, from the scores (x_i - m)'V.

    Shapes (n_alphas, n_rows) and (n_alphas, n_rows, n_targets). Many strengths cost what
    a few do, see :func:`_mixed`.
    """
    few, mixing = _mixed(spectrum.squares, l2)
    along = few[:, :, None] * spectrum.products[:, None, :]
    along = along.reshape(len(few), along.shape[1] * along.shape[2])
    width = max(along.shape[1], len(l2) * sample.y.shape[1])
    omega = sample.weight_roots()[:, 0] ** 2
    for rows, scores in row_products(sample, spectrum.right.T, width):
        residual = (scores @ along).reshape(-1, few.shape[1], sample.y.shape[1])
        residual = np.tensordot(-mixing, residual, axes=(0, 1))
        residual += sample.y[rows]
        np.multiply(scores, scores, out=scores)
        margins = mixing.T @ (scores @ few).T
        margins += float(sample.centred)
        margins *= -omega[rows]
        margins += 1.0
        yield rows, margins, residual


def _mixed(squares, l2):
    """Factors (rank, m) and (m, n_alphas) of the table 1 / (squares + l2).

    As functions of the strength its rows are so much alike that m is some 20 for any
    number of strengths. The table is scaled to entries of at most one, in which an error
    of the size of rounding moves no leverage by more.
    """
    if len(squares) == 0:
        return np.zeros((0, 1)), np.zeros((1, len(l2)))
    sizes = np.maximum(squares, l2.min())[:, None]
    table = sizes / (squares[:, None] + l2)
    left, right, order = linalg.qr(table, mode="economic", pivoting=True)
    pivots = np.abs(np.diag(right))
    m = max(1, int(np.count_nonzero(pivots > NEGLIGIBLE * pivots[0])))
    mixing = np.empty((m, len(l2)))
    mixing[:, order] = right[:m]
    return left[:, :m] / sizes, mixing


def _from_left_vectors(sample, spectrum, l2):
    """The same from the left vectors: sums in which nothing cancels if they are complete.

    What lies outside their span is zero if there are as many as rows.
    """
    left, goal, roots = spectrum.left, weighted_targets(sample), sample.weight_roots()
    complete = _is_complete(sample, spectrum)
    coordinates = left.T @ goal
    damping = l2 / (spectrum.squares[:, None] + l2)
    along = damping[:, :, None] * coordinates[:, None, :]
    along = along.reshape(len(damping), len(l2) * goal.shape[1])
    height = max(16, BLOCK_ELEMENTS // max(left.shape[1], along.shape[1], 1))
    for rows in slices_of(len(goal), height):
        part = left[rows]
        residual = (part @ along).reshape(-1, len(l2), goal.shape[1])
        margins = part**2 @ damping
        if not complete:
            residual += (goal[rows] - part @ coordinates)[:, None, :]
            within = float(sample.centred) * roots[rows, 0] ** 2 + np.sum(part**2, axis=1)
            margins += np.maximum(1.0 - within, 0.0)[:, None]
        residual /= roots[rows, :, None]
        yield rows, margins.T, np.moveaxis(residual, 1, 0)


def _is_complete(sample, spectrum):
    left = spectrum.left
    return left is not None and left.shape[1] >= len(left) - int(sample.centred)


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
