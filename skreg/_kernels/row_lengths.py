"""By how much rows grow in a Newton step: conjugate gradients on m equations.

For a matrix of rows f_j of length n, directions u_j of length T and numbers q_j >= 0 the
equations are S y = b with

    S_jk = q_j [j = k] + (f_j'f_k) (u_j'u_k),

which is never formed: with Y = sum_j y_j u_j f_j', (S y)_j = q_j y_j + u_j'Y f_j, and
the cost is two passes over the rows f, 4 m n T operations.
"""

import numpy as np

from skreg._compile import inlined, jit

# Rows that are taken together: what is read or written once for all of them. The number of
# rows is a multiple of TOGETHER; rows of zeros change nothing.
TOGETHER = 8


@inlined
def add_rows(factor, direction, lengths, total):
    """total <- sum_j lengths_j u_j f_j', of shape (n_targets, n_samples)."""
    total[:] = 0.0
    for j in range(0, factor.shape[0], 8):
        for k in range(direction.shape[1]):
            a = lengths[j] * direction[j, k]
            b = lengths[j + 1] * direction[j + 1, k]
            c = lengths[j + 2] * direction[j + 2, k]
            d = lengths[j + 3] * direction[j + 3, k]
            e = lengths[j + 4] * direction[j + 4, k]
            f = lengths[j + 5] * direction[j + 5, k]
            g = lengths[j + 6] * direction[j + 6, k]
            h = lengths[j + 7] * direction[j + 7, k]
            for i in range(factor.shape[1]):
                lower = a * factor[j, i] + b * factor[j + 1, i]
                lower += c * factor[j + 2, i] + d * factor[j + 3, i]
                upper = e * factor[j + 4, i] + f * factor[j + 5, i]
                upper += g * factor[j + 6, i] + h * factor[j + 7, i]
                total[k, i] += lower + upper


@inlined
def project_rows(factor, direction, total, out):
    """out_j <- u_j' total f_j; `total` has a row more where n_targets is odd."""
    zero, last = factor.dtype.type(0.0), direction.shape[1] - 1
    for j in range(0, factor.shape[0], 4):
        first, second, third, fourth = zero, zero, zero, zero
        for k in range(0, last + 1, 2):
            a, b, c, d = zero, zero, zero, zero
            e, f, g, h = zero, zero, zero, zero
            for i in range(factor.shape[1]):
                entry, other = total[k, i], total[k + 1, i]
                a += factor[j, i] * entry
                b += factor[j + 1, i] * entry
                c += factor[j + 2, i] * entry
                d += factor[j + 3, i] * entry
                e += factor[j, i] * other
                f += factor[j + 1, i] * other
                g += factor[j + 2, i] * other
                h += factor[j + 3, i] * other
            after = min(k + 1, last)  # where it is not k + 1, `other` is zero
            first += direction[j, k] * a + direction[j, after] * e
            second += direction[j + 1, k] * b + direction[j + 1, after] * f
            third += direction[j + 2, k] * c + direction[j + 2, after] * g
            fourth += direction[j + 3, k] * d + direction[j + 3, after] * h
        out[j], out[j + 1], out[j + 2], out[j + 3] = first, second, third, fourth


@inlined
def weighted_norm(weight, rows):
    """Norm of weight * rows, summed up in double precision."""
    total = 0.0
    for j in range(rows.size):
        entry = np.float64(weight[j] * rows[j])
        total += entry * entry
    return np.sqrt(total)


@jit
def solve_lengths(factor, spare, direction, right, weight, goal, max_steps, solution):
    """Solve S y = b until the norm of ``weight * (b - S y)`` is at most `goal`.

    Parameters
    ----------
    factor : ndarray of shape (n_rows, n_samples)
    spare : ndarray of shape (n_rows,)
        q, the part of the diagonal that is not of the factor.
    direction : ndarray of shape (n_rows, n_targets)
        Rows of norm one.
    right, weight : ndarray of shape (n_rows,)
    goal : float
    max_steps : int
    solution : ndarray of shape (n_rows,)
        Written: y.

    Returns
    -------
    n_steps : int
    left : float
        The norm that was reached.
    """
    n_rows, n_samples = factor.shape
    diagonal = spare.copy()
    for j in range(n_rows):
        for i in range(n_samples):
            diagonal[j] += factor[j, i] * factor[j, i]
    residual, towards, product = right.copy(), np.zeros_like(right), np.empty_like(right)
    n_pairs = (direction.shape[1] + 1) // 2
    total = np.empty((2 * n_pairs, n_samples), factor.dtype)
    solution[:] = 0.0
    left, before = weighted_norm(weight, residual), 1.0
    for step in range(max_steps):
        if left <= goal:
            return step, left
        scale = 0.0
        for j in range(n_rows):
            if diagonal[j] > 0.0:
                scale += np.float64(residual[j]) * residual[j] / diagonal[j]
        turn = scale / before if step > 0 else 0.0
        before = scale
        for j in range(n_rows):
            if diagonal[j] > 0.0:
                towards[j] = residual[j] / diagonal[j] + turn * towards[j]
        add_rows(factor, direction, towards, total)
        project_rows(factor, direction, total, product)
        bend = 0.0
        for j in range(n_rows):
            product[j] += spare[j] * towards[j]
            bend += np.float64(towards[j]) * product[j]
        if not (scale > 0.0 and bend > 0.0):  # rounding
            return step, left
        length = scale / bend
        for j in range(n_rows):
            solution[j] += length * towards[j]
            residual[j] -= length * product[j]
        left = weighted_norm(weight, residual)
    return max_steps, left
