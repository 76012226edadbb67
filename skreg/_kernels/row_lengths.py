"""Newton's direction by the lengths of rows: conjugate gradients on m equations.

For rows a_j of length n, directions u_j of length T and numbers q_j >= 1, the system is
(N (x) I - U U') X = R, where N^-1 = Q^-1 - A A' with a row of A per row of X. In terms of
y = U' X it is S y = U' N^-1 R with

    S_jk = (1 - 1 / q_j) [j = k] + (a_j'a_k) (u_j'u_k),

which is never formed: A A' (y_j u_j) is two passes over the rows a, 4 m n T operations.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.thin_products import combine, project


@inlined
def weighted_norm(weight, rows):
    """Norm of weight * rows, summed up in double precision."""
    total = 0.0
    for j in range(rows.size):
        entry = np.float64(weight[j] * rows[j])
        total += entry * entry
    return np.sqrt(total)


@inlined
def scale_rows(direction, lengths, out):
    """out_j <- lengths_j u_j."""
    for j in range(lengths.shape[0]):
        for k in range(direction.shape[1]):
            out[j, k] = lengths[j] * direction[j, k]


@inlined
def along(direction, rows, out):
    """out_j <- u_j' rows_j."""
    for j in range(rows.shape[0]):
        out[j] = direction[j, 0] * rows[j, 0]
        for k in range(1, rows.shape[1]):
            out[j] += direction[j, k] * rows[j, k]


@inlined
def add_inverse(point, inverse, product, length, out):
    """out <- out + length N^-1 point, from product = A A' point."""
    for j in range(point.shape[0]):
        for k in range(point.shape[1]):
            out[j, k] += length * (inverse[j] * point[j, k] - product[j, k])


@inlined
def times_lengths(inverse, towards, image):
    """image <- S towards, from image_j = u_j' (A A' U towards)_j; their inner product."""
    total = 0.0
    for j in range(towards.size):
        image[j] += (1.0 - inverse[j]) * towards[j]
        total += np.float64(towards[j]) * image[j]
    return total


@inlined
def divided(rows, diagonal, out):
    """out <- rows / diagonal, zero where that is; their inner product."""
    total = 0.0
    for j in range(rows.size):
        out[j] = rows[j] / diagonal[j] if diagonal[j] > 0.0 else 0.0
        total += np.float64(rows[j]) * out[j]
    return total


@jit
def solve_lengths(
    factor, inverse, diagonal, direction, weight, right, goal, max_steps, total, solution
):
    """Solve the system until the norm of ``weight * (b - S y)`` is at most `goal`.

    Parameters
    ----------
    factor : ndarray of shape (n_rows, width)
        A, of :func:`skreg._kernels.thin_products.aligned_rows`.
    inverse : ndarray of shape (n_rows,)
        1 / q, at most one.
    diagonal : ndarray of shape (n_rows,)
        Of S, where u_j is not zero.
    direction : ndarray of shape (n_rows, n_targets)
        Rows of norm one.
    weight : ndarray of shape (n_rows,)
    right : ndarray of shape (n_rows, n_targets)
        R.
    goal : float
    max_steps : int
    total : ndarray of shape (n_targets or one more, width)
        Scratch, of :func:`skreg._kernels.thin_products.aligned_targets`.
    solution : ndarray of shape (n_rows, n_targets)
        Written: X.

    Returns
    -------
    n_steps : int
    left : float
        The norm that was reached.
    """
    point, product = right.copy(), np.empty_like(right)
    towards, residual = np.zeros_like(weight), np.empty_like(weight)
    image = np.empty_like(weight)
    solution[:] = 0.0
    left, before, n_steps = 0.0, 1.0, -1
    number = factor.dtype.type
    # First comes R, then the steps: every copy of these loops takes time to compile.
    while True:
        combine(factor, point, total)
        project(factor, total, product)
        along(direction, product, image)
        if n_steps < 0:
            add_inverse(point, inverse, product, number(1.0), solution)
            along(direction, solution, residual)
        else:
            bend = times_lengths(inverse, towards, image)
            if not bend > 0.0:  # rounding
                return n_steps, left
            length = number(before / bend)
            add_inverse(point, inverse, product, length, solution)
            for j in range(towards.size):
                residual[j] -= length * image[j]
        n_steps += 1
        left = weighted_norm(weight, residual)
        scale = divided(residual, diagonal, image)
        if left <= goal or n_steps == max_steps or not scale > 0.0:
            return n_steps, left
        turn = number(scale / before if n_steps > 0 else 0.0)
        before = scale
        for j in range(towards.size):
            towards[j] = image[j] + turn * towards[j]
            for k in range(point.shape[1]):
                point[j, k] = towards[j] * direction[j, k]
