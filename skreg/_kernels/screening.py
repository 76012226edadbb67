"""Correlations with the residual: of chosen columns, and of those that bounds from earlier
residuals leave in doubt.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.design import column_dot, column_size, prefetch_column
from skreg.penalties import slope_at_zero

# Rounding in the sphere test.
MARGIN = 1.0 - 1e-12
# Features whose bounds are computed before the columns among them are read, so that what is
# known of them is still near the processor; columns that are asked for ahead.
BLOCK, AHEAD = 1024, 8
# Earlier residuals that are kept. With 8, a tenth more is read than with all of them, with
# 16 a fiftieth. A pair of them is one byte.
N_SLOTS = 16


@jit
def correlate(design, features, state, gradient):
    """gradient[j] <- column_dot(design, j, state) for j in `features`."""
    for position in range(features.size):
        j = features[position]
        gradient[j] = column_dot(design, j, state)


@inlined
def is_above(gradient, threshold, one_sided):
    """Whether a gradient exceeds the threshold of a coefficient that is zero."""
    return gradient > threshold or (not one_sided and -gradient > threshold)


@inlined
def sphere(norm2, a, b, products, rounding):
    """(share_a, share_b, radius) of the residual among two others: what is left of it has
    a norm of at most the radius, whatever rounding did to the inner products.

    A pair that is nearly dependent has large shares, and so a large radius.
    """
    first, second, mixed = products[a, a], products[b, b], products[a, b]
    found = products[N_SLOTS]
    left, right = 0.0, 0.0
    determinant = first * second - mixed * mixed
    if a != b and determinant > 0.0:
        left = (found[a] * second - found[b] * mixed) / determinant
        right = (found[b] * first - found[a] * mixed) / determinant
    elif second > 0.0:
        right = found[b] / second
    away = norm2 - 2.0 * (left * found[a] + right * found[b])
    away += left * left * first + right * right * second + 2.0 * left * right * mixed
    size = abs(left) * np.sqrt(first) + abs(right) * np.sqrt(second)
    total = np.sqrt(norm2) + size
    radius = np.sqrt(max(away, 0.0) + rounding * total * total) + rounding * size
    return left, right, radius


@inlined
def compare(residual, state, slot, residuals, count, products, share, radius, reach):
    """The shares of each pair of earlier residuals in a residual, and what they leave.

    Parameters
    ----------
    residual : ndarray of shape (n_samples,)
        r_i.
    state : ndarray of at least n_samples
        omega_i r_i; see :mod:`skreg._kernels.design`.
    slot : int
        Which of the earlier ones it will replace.
    residuals : ndarray of shape (N_SLOTS, n_samples)
        The earlier ones; the first `count` are used.
    products : ndarray of shape (N_SLOTS + 1, N_SLOTS)
        Their inner products. Written: in the last row, those with the residual.
    share : ndarray of shape (2, N_SLOTS^2)
        Written: of residuals a and b in the residual, at a * N_SLOTS + b; where one of them
        serves better, or they are the same, that of a is zero.
    radius : ndarray of shape (N_SLOTS^2,)
        Written: bound on the norm of what is left.
    reach : ndarray of shape (N_SLOTS^2,)
        Written: the same, infinite for pairs with `slot`.

    Returns
    -------
    norm2 : float
        Of the residual.
    """
    rounding = np.finfo(np.float64).eps * residual.size
    for m in range(count + 1):
        other, total = residuals[m] if m < count else residual, 0.0
        for i in range(residual.size):
            total += state[i] * other[i]
        if m == count:
            norm2 = total
        else:
            products[N_SLOTS, m] = total
    for b in range(count):
        alone, only = 0.0, 0.0
        for step in range(count + 1):  # first b on its own, then with each a
            a = step - 1 if step > 0 else b
            left, right, away = sphere(norm2, a, b, products, rounding)
            if step == 0:
                alone, only = away, right
            pair = a * N_SLOTS + b
            better = away < alone
            share[0, pair] = left if better else 0.0
            share[1, pair] = right if better else only
            radius[pair] = away if better else alone
            reach[pair] = np.inf if a == slot or b == slot else radius[pair]
    return norm2


@inlined
def size_of(gradient, one_sided):
    """What is compared with the threshold."""
    return gradient if one_sided else abs(gradient)


@inlined
def bound(
    start, stop, share, reach, lengths, known, pairs, one_sided, least, gradient, doubtful
):
    """Estimates of the gradients `start`, ..., `stop` - 1; which may be `least` or above.

    Both ends are unsigned: a test of the sign would keep the loop from being vectorised.
    """
    for j in range(start, stop):
        pair = pairs[j]
        gradient[j] = share[0, pair] * known[0, j] + share[1, pair] * known[1, j]
        size = size_of(gradient[j], one_sided)
        doubtful[j - start] = not (size + reach[pair] * lengths[j] < least)


@inlined
def forget(j, a, b, slot, pairs, known, users):
    """Of residuals a and b of feature j, one of which is at `slot`, keep the other one."""
    if a == slot:
        known[0, j] = known[1, j]
        pairs[j] = b * N_SLOTS + b
    else:
        known[1, j] = known[0, j]
        pairs[j] = a * N_SLOTS + a
        users[a] += 1
        users[b] -= 1


@inlined
def remember(j, gradient, slot, pairs, known, users):
    """Of the residuals of feature j, keep the later one and that at `slot`."""
    pair = pairs[j]
    a, b = pair // N_SLOTS, pair % N_SLOTS
    if b != slot:
        a, known[0, j] = b, known[1, j]
    elif a == slot:
        known[0, j] = gradient
    pairs[j], known[1, j] = a * N_SLOTS + slot, gradient
    users[b] -= 1
    users[slot] += 1


@jit
def screen(
    design,
    state,
    penalty,
    residual,
    residuals,
    count,
    products,
    share,
    radius,
    reach,
    slot,
    lengths,
    outside,
    pairs,
    known,
    users,
    doubtful,
    gradient,
    found,
):
    """Look at the features outside a working set that cannot be excluded.

    Of each feature the gradient is known at two earlier residuals, a and b. Now it is
    share_a known_aj + share_b known_bj, give or take radius_ab lengths_j. Where that
    leaves no doubt that it is below the threshold of the penalty, which is the same for
    all features, column j is not read. Where it is read, b and the residual of now are its
    earlier residuals from here on.

    Parameters
    ----------
    design : Dense or CSC
    state : ndarray
        Of the residual, see :mod:`skreg._kernels.design`.
    penalty : NamedTuple
    residual, residuals, count, products, share, radius, reach
        See :func:`compare`. Written: `residuals` and `products` at `slot`.
    slot : int
        Which residual the one of now will replace: no feature keeps the gradient there.
    lengths : ndarray of shape (n_features,)
    outside : ndarray of bool of shape (n_features,)
    pairs : ndarray of uint8 of shape (n_features,)
        Written: a * N_SLOTS + b of each feature; a = b if there is only one.
    known : ndarray of shape (2, n_features)
        Written: the gradients at a and b.
    users : ndarray of int of shape (N_SLOTS,)
        Written: the number of features by their b.
    doubtful : ndarray of bool of shape (BLOCK,)
        Scratch.
    gradient : ndarray of shape (n_features,)
        Written: the gradient where the column was read, else the estimate.
    found : ndarray of int of shape (n_features,)
        Written: the features whose gradient is above the threshold.

    Returns
    -------
    n_read : int
        Number of entries of the columns read.
    n_found : int
    """
    norm2 = compare(residual, state, slot, residuals, count, products, share, radius, reach)
    for i in range(residual.size):
        residuals[slot, i] = residual[i]
    products[N_SLOTS, slot] = norm2
    for m in range(N_SLOTS):
        products[slot, m] = products[m, slot] = products[N_SLOTS, m]
    threshold = slope_at_zero(penalty, 0, 1.0)
    one_sided = slope_at_zero(penalty, 0, -1.0) == -float("inf")
    least, n_read, n_found = MARGIN * threshold, 0, 0
    for start in range(0, gradient.size, BLOCK):
        stop = min(start + BLOCK, gradient.size)
        bound(
            np.uint64(start),
            np.uint64(stop),
            share,
            reach,
            lengths,
            known,
            pairs,
            one_sided,
            least,
            gradient,
            doubtful,
        )
        end = n_found
        for j in range(start, stop):
            if not doubtful[j - start] or not outside[j]:
                continue
            pair = pairs[j]
            a, b = pair // N_SLOTS, pair % N_SLOTS
            size = size_of(gradient[j], one_sided)
            if a != b and size + radius[pair] * lengths[j] < least:
                forget(j, a, b, slot, pairs, known, users)
                continue
            found[end] = j
            end += 1
        first = n_found
        for ahead in range(first, end + AHEAD):
            if ahead < end:
                prefetch_column(design, found[ahead])
            if ahead < first + AHEAD:
                continue
            j = found[ahead - AHEAD]
            n_read += column_size(design, j)
            gradient[j] = column_dot(design, j, state)
            remember(j, gradient[j], slot, pairs, known, users)
            if is_above(gradient[j], threshold, one_sided):
                found[n_found] = j
                n_found += 1
    return n_read, n_found
