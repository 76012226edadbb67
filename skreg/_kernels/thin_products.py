"""Products of many long rows with a few vectors, for which BLAS is not made.

With 900 to 1700 rows of 200 numbers and 10 targets, numpy's products take 2 to 2.7 times
as long: BLAS copies the rows first. Much of that is alignment: what a vector register loads
across two cache lines takes two loads.
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
    zero, last = factor.dtype.type(0.0), coef.shape[1] - 1
    whole = factor.shape[0] // 4 * 4
    total[:] = zero
    for j in range(0, whole, 4):
        for k in range(0, last + 1, 2):
            a, b, c, d = coef[j, k], coef[j + 1, k], coef[j + 2, k], coef[j + 3, k]
            e, f, g, h = zero, zero, zero, zero
            if k < last:
                e, f, g = coef[j, k + 1], coef[j + 1, k + 1], coef[j + 2, k + 1]
                h = coef[j + 3, k + 1]
            for i in range(factor.shape[1]):
                first, second = factor[j, i], factor[j + 1, i]
                third, fourth = factor[j + 2, i], factor[j + 3, i]
                total[k, i] += a * first + b * second + c * third + d * fourth
                total[k + 1, i] += e * first + f * second + g * third + h * fourth
    for j in range(whole, factor.shape[0]):
        for k in range(last + 1):
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
            out[j, after], out[j + 1, after], out[j + 2, after], out[j + 3, after] = (
                e,
                f,
                g,
                h,
            )
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
