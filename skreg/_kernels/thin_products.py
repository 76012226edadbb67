"""Products of many long rows with a few vectors, for which BLAS is not made.

With rows f_j of length n, several hundred of them, and T targets, numpy's products take two
to three times as long (200 to 1000 numbers, 10 targets): BLAS copies the rows first. Half of
that is alignment: a vector register that is loaded across two cache lines takes two loads.
"""

import numpy as np

from skreg._compile import inlined, jit

# Bytes of a cache line, and of what loops take at a time.
LINE, STRIDE = 64, 128


def aligned_rows(n_rows, length, dtype=np.float64):
    """Zeros for rows of `length` numbers, aligned and padded for the loops below."""
    size = np.dtype(dtype).itemsize
    width = -(-length * size // STRIDE) * STRIDE // size
    memory = np.zeros(n_rows * width + LINE // size, dtype)
    first = -memory.ctypes.data % LINE // size
    return memory[first : first + n_rows * width].reshape(n_rows, width)


def aligned_targets(n_targets, length, dtype=np.float64):
    """:func:`aligned_rows` for all targets, an even number."""
    return aligned_rows(n_targets + n_targets % 2, length, dtype)


@inlined
def combine(factor, coef, total):
    """total_k <- sum_j coef_jk f_j."""
    whole = factor.shape[0] // 8 * 8
    total[:] = 0.0
    for j in range(0, whole, 8):
        for k in range(coef.shape[1]):
            a, b, c, d = coef[j, k], coef[j + 1, k], coef[j + 2, k], coef[j + 3, k]
            e, f, g, h = coef[j + 4, k], coef[j + 5, k], coef[j + 6, k], coef[j + 7, k]
            for i in range(factor.shape[1]):
                lower = a * factor[j, i] + b * factor[j + 1, i]
                lower += c * factor[j + 2, i] + d * factor[j + 3, i]
                upper = e * factor[j + 4, i] + f * factor[j + 5, i]
                upper += g * factor[j + 6, i] + h * factor[j + 7, i]
                total[k, i] += lower + upper
    for j in range(whole, factor.shape[0]):
        for k in range(coef.shape[1]):
            a = coef[j, k]
            for i in range(factor.shape[1]):
                total[k, i] += a * factor[j, i]


@inlined
def project(factor, total, out):
    """out_jk <- f_j' total_k."""
    zero, last = factor.dtype.type(0.0), out.shape[1] - 1
    whole = factor.shape[0] // 4 * 4
    for j in range(0, whole, 4):
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
            after = min(k + 1, last)  # where that is k, the second is no target
            out[j, after], out[j + 1, after], out[j + 2, after], out[j + 3, after] = e, f, g, h
            out[j, k], out[j + 1, k], out[j + 2, k], out[j + 3, k] = a, b, c, d
    for j in range(whole, factor.shape[0]):
        for k in range(last + 1):
            a = zero
            for i in range(factor.shape[1]):
                a += factor[j, i] * total[k, i]
            out[j, k] = a


@jit
def combine_rows(factor, coef, total):
    """total_k <- sum_j coef_jk f_j.

    Parameters
    ----------
    factor : ndarray of shape (n_rows, width)
        Of :func:`aligned_rows`.
    coef : ndarray of shape (n_rows, n_targets)
    total : ndarray of shape (n_targets or one more, width)
        Written; of :func:`aligned_targets`.
    """
    combine(factor, coef, total)


@jit
def project_rows(factor, total, out):
    """out_jk <- f_j' total_k; the arguments are those of :func:`combine_rows`."""
    project(factor, total, out)
