"""The exact solution on a Gram matrix: an active-set method with an updated factor.

With the support A and the signs s fixed, the optimality condition is linear,

    (G_AA + l2 I) b = c_A - slope_A(s),

with slope = l1 s for the lasso and the elastic net. So solve it; if a coefficient would
change its sign, go only as far as the first one that reaches zero, drop it and solve
again; then look at all other features, let those that violate optimality enter, and
repeat until there is none. Every move lowers the objective, and the result is the
solution to rounding. From the solution at a neighbouring alpha it takes a few steps.

The Cholesky factor L of G_AA + l2 I is kept by rows (row i is contiguous) and changed
with the support: a feature enters by one triangular solve and leaves by rotations.

References: Osborne, Presnell and Turlach, A new approach to variable selection in least
squares problems, IMA Journal of Numerical Analysis, 2000; Golub and Van Loan, Matrix
Computations, section 6.5.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg.penalties import (
    slope_at_zero,
    strong_convexity,
    subdiff_distance,
    value,
    with_numbers,
)

SOLVED, LIMIT, STUCK, FULL, STALE = 0, 1, 2, 3, 4
# A factor of at most this size is computed anew here when l2 changes.
SMALL = 64
# A pivot below this fraction of its diagonal entry: the columns are dependent.
PIVOT = 1e-11
# When many features violate optimality, most of the small violations belong to
# features that the large ones make superfluous.
CROWD, CROWD_FRACTION = 10, 0.3
# Violations below this fraction of the largest correlation are rounding.
SLACK = 1e-13
# What is left of the optimality condition on the support, relative to the largest
# correlation: after a good solve, after one that has to be refined before the next round,
# and after one that is too inaccurate to go on from.
ROUNDING, UNREFINED, INACCURATE = 2e-16, 1e-12, 1e-8
# What a solution that ends a step may be off by without being refined: a relative gap.
REST = 1e-14
# Rounds without a lower objective after which rounding is taken to be in charge.
PATIENCE = 10


@inlined
def dot(left, right, size):
    """Inner product of the first `size` entries."""
    total = 0.0
    for k in range(size):
        total += left[k] * right[k]
    return total


@inlined
def forward(factor, size, point):
    """point <- L^-1 point."""
    for i in range(size):
        row = factor[i]
        point[i] = (point[i] - dot(row, point, i)) / row[i]


@inlined
def backward(factor, size, point):
    """point <- L'^-1 point."""
    for i in range(size - 1, -1, -1):
        row = factor[i]
        point[i] /= row[i]
        for k in range(i):
            point[k] -= point[i] * row[k]


@inlined
def enter(gram, l2, count, features, factor, size):
    """Append to the factor the `count` features that follow the support in `features`.

    A feature that depends on those before it is left out, and the ones after it move up.
    Returns the new size. All new rows are solved for together, so that the factor is
    read from memory once, not once per feature.
    """
    for r in range(count):
        row, source = factor[size + r], gram[features[size + r]]
        for i in range(size):
            row[i] = source[features[i]]
    for i in range(size):
        known, diagonal, r = factor[i], factor[i, i], 0
        while r + 4 <= count:  # four at a time: each entry of the factor is loaded once
            first, second = factor[size + r], factor[size + r + 1]
            third, fourth = factor[size + r + 2], factor[size + r + 3]
            sum_1, sum_2, sum_3, sum_4 = 0.0, 0.0, 0.0, 0.0
            for k in range(i):
                sum_1 += known[k] * first[k]
                sum_2 += known[k] * second[k]
                sum_3 += known[k] * third[k]
                sum_4 += known[k] * fourth[k]
            first[i] = (first[i] - sum_1) / diagonal
            second[i] = (second[i] - sum_2) / diagonal
            third[i] = (third[i] - sum_3) / diagonal
            fourth[i] = (fourth[i] - sum_4) / diagonal
            r += 4
        while r < count:
            row = factor[size + r]
            row[i] = (row[i] - dot(known, row, i)) / diagonal
            r += 1
    end = size
    for r in range(count):
        j, source, row = features[size + r], factor[size + r], factor[end]
        if end < size + r:
            for k in range(size):
                row[k] = source[k]
        for i in range(size, end):
            row[i] = (gram[j, features[i]] - dot(factor[i], row, i)) / factor[i, i]
        diagonal = gram[j, j] + l2
        pivot = diagonal - dot(row, row, end)
        if pivot > PIVOT * diagonal:
            row[end] = np.sqrt(pivot)
            features[end] = j
            end += 1
    return end


@inlined
def leave(position, features, signs, factor, size, scratch):
    """Remove the feature at `position` from the factor, and from L^-1 b in `scratch`.

    Without its row, row i > position has one entry too many, in column i. A rotation of
    columns (i - 1, i), applied to this and all later rows, removes it. Rows are treated
    one after the other, each with all rotations so far, to read memory in order. The
    same rotations make of the solution of L z = b that of the smaller system.
    """
    cosines, sines, solved = scratch[1], scratch[2], scratch[3]
    i = position + 1
    while i < size:
        block = 4 if i + 4 <= size else 1
        first = position
        if block == 4:
            first = i - 1
            rotate_four(factor, i, position, cosines, sines)
        for row_index in range(i, i + block):
            row, target = factor[row_index], factor[row_index - 1]
            for k in range(position):
                target[k] = row[k]
            last = row_index - 1
            carried = rotate(row, target, first, last, cosines, sines)
            length = np.sqrt(carried * carried + row[row_index] * row[row_index])
            cosines[last], sines[last] = carried / length, row[row_index] / length
            target[last] = length
            features[last], signs[last] = features[row_index], signs[row_index]
        i += block
    rotate(solved, solved, position, size - 1, cosines, sines)


@inlined
def rotate(row, target, first, last, cosines, sines):
    """Apply the rotations `first`, ..., `last` - 1 to `row`; what comes out of a rotation
    is final in `target`, what goes on into the next one is returned at the end.
    """
    carried = row[first]
    for k in range(first, last):
        entry = row[k + 1]
        target[k] = cosines[k] * carried + sines[k] * entry
        carried = cosines[k] * entry - sines[k] * carried
    return carried


@inlined
def rotate_four(factor, i, first, cosines, sines):
    """:func:`rotate` of rows i to i + 3 up to column i - 1, which waits there.

    A rotation waits for the one before, so four rows at once take the time of one.
    """
    row_0, row_1, row_2, row_3 = factor[i], factor[i + 1], factor[i + 2], factor[i + 3]
    target = factor[i - 1]
    carried_0, carried_1 = row_0[first], row_1[first]
    carried_2, carried_3 = row_2[first], row_3[first]
    for k in range(first, i - 1):
        cosine, sine = cosines[k], sines[k]
        entry_0, entry_1 = row_0[k + 1], row_1[k + 1]
        entry_2, entry_3 = row_2[k + 1], row_3[k + 1]
        target[k] = cosine * carried_0 + sine * entry_0
        row_0[k] = cosine * carried_1 + sine * entry_1
        row_1[k] = cosine * carried_2 + sine * entry_2
        row_2[k] = cosine * carried_3 + sine * entry_3
        carried_0 = cosine * entry_0 - sine * carried_0
        carried_1 = cosine * entry_1 - sine * carried_1
        carried_2 = cosine * entry_2 - sine * carried_2
        carried_3 = cosine * entry_3 - sine * carried_3
    row_0[i - 1], row_1[i - 1] = carried_0, carried_1
    row_2[i - 1], row_3[i - 1] = carried_2, carried_3


@inlined
def move(penalty, coef, gradient, features, signs, factor, size, inside, scratch, sign):
    """To the minimiser for the present support and signs, dropping what reaches zero.

    The step solves for what is left of the optimality condition, so that a second call
    refines what rounding left of the first.

    Or, with a `sign` that is not 0, make room for a violating feature that is a combination
    of the support, with weights z: its coefficient sign t and coef_A - sign t z leave the
    fit as it is and lower the penalty; t grows until a coefficient of the support is zero,
    which leaves. `factor[size]` holds L^-1 G_Aj, as `enter` left it.

    Returns the new size of the support, and t; t < 0 if no coefficient shrinks.
    """
    l2, point, solved = strong_convexity(penalty), scratch[0], scratch[3]
    if sign == 0.0:
        for i in range(size):
            j = features[i]
            solved[i] = gradient[j] - slope_at_zero(penalty, j, signs[i]) - l2 * coef[j]
        forward(factor, size, solved)
    else:
        for i in range(size):
            solved[i] = factor[size, i]
    step = -1.0
    while size > 0:
        for i in range(size):
            point[i] = solved[i]
        backward(factor, size, point)
        leaving = -1
        for i in range(size):
            old = coef[features[i]]
            if sign != 0.0:
                point[i] *= -sign
                crosses = point[i] * signs[i] < 0.0
            else:
                crosses = (old + point[i]) * signs[i] <= 0.0
            if crosses:
                reached = -old / point[i] if point[i] != 0.0 else 0.0
                if leaving < 0 or reached < step:
                    step, leaving = reached, i
        if leaving < 0 and sign != 0.0:
            return size, -1.0
        if leaving < 0:
            step = 1.0
        for i in range(size):
            coef[features[i]] += step * point[i]
            solved[i] *= 1.0 - step
        if leaving < 0:
            break
        coef[features[leaving]] = 0.0
        inside[features[leaving]] = False
        leave(leaving, features, signs, factor, size, scratch)
        size -= 1
        if sign != 0.0:
            break
    return size, step


@inlined
def set_gradient(gram, correlation, count, coef, features, size, gradient):
    """gradient <- c - G coef over the support, for the first `count` features."""
    for k in range(count):
        gradient[k] = correlation[k]
    for i in range(size):
        scale, row = coef[features[i]], gram[features[i]]
        for k in range(count):
            gradient[k] -= scale * row[k]


@inlined
def set_outer_gradient(gram, correlation, count, penalty, coef, inside, gradient):
    """gradient <- c - G coef outside the support; inside it, what optimality demands.

    Cheaper than :func:`set_gradient` where more than half of the features are inside.
    """
    l2 = strong_convexity(penalty)
    for j in range(count):
        if inside[j]:
            sign = 1.0 if coef[j] > 0.0 else -1.0
            gradient[j] = slope_at_zero(penalty, j, sign) + l2 * coef[j]
        else:
            gradient[j] = correlation[j] - dot(gram[j], coef, count)


@inlined
def inspect(correlation, penalty, coef, features, signs, size, gradient):
    """The largest violation of the optimality condition on the support, the objective
    1/2 coef' G coef - c' coef + penalty, and sum |coef|: the gap is at most that sum
    times the largest violation.
    """
    l2 = strong_convexity(penalty)
    largest, height, total = 0.0, 0.0, 0.0
    for i in range(size):
        j = features[i]
        left = gradient[j] - slope_at_zero(penalty, j, signs[i]) - l2 * coef[j]
        largest = max(largest, abs(left))
        height -= 0.5 * coef[j] * (correlation[j] + gradient[j])
        height += value(penalty, j, coef[j])
        total += abs(coef[j])
    return largest, height, total


@inlined
def largest_violation(gram, count, penalty, gradient, inside, slack):
    """(number of violations above `slack`, the largest, its feature or -1)."""
    violating, worst, chosen = 0, slack, -1
    for j in range(count):
        if not inside[j] and gram[j, j] > 0.0:
            distance = subdiff_distance(penalty, j, 0.0, gradient[j])
            if distance > slack:
                violating += 1
            if distance > worst:
                worst, chosen = distance, j
    return violating, worst, chosen


@inlined
def queue(gram, count, penalty, gradient, inside, features, size, least):
    """Put the features that violate optimality by more than `least` after the support in
    `features`, as far as there is room. Returns their number.
    """
    waiting = 0
    for j in range(count):
        if size + waiting == features.size:
            break
        if inside[j] or gram[j, j] <= 0.0:
            continue
        if subdiff_distance(penalty, j, 0.0, gradient[j]) > least:
            features[size + waiting] = j
            waiting += 1
    return waiting


@inlined
def solve_at(
    gram,
    correlation,
    count,
    y_norm2,
    penalty,
    stale,
    max_rounds,
    coef,
    gradient,
    inside,
    features,
    signs,
    factor,
    size,
    scratch,
):
    """The exact minimiser for one penalty; see :func:`follow`.

    `stale` says that the factor of the support has to be computed first. Returns (status,
    size, n_rounds).
    """
    l2 = strong_convexity(penalty)
    largest = 0.0
    for j in range(count):
        largest = max(largest, abs(correlation[j]))
    slack = SLACK * largest
    n_rounds, patience, lowest = 0, PATIENCE, np.inf
    waiting, chosen, exchanged, refined = 0, -1, False, False
    if stale:
        waiting, size = size, 0
    while True:
        # Let those enter that wait in `features`; each helper is called in one place
        # only, because compilation copies it to every place.
        while waiting > 0:
            end = enter(gram, l2, waiting, features, factor, size)
            if stale:
                if end < waiting:
                    return STALE, waiting, n_rounds
                stale, size, waiting = False, end, 0
            elif end > size:
                for i in range(size, end):
                    signs[i] = 1.0 if gradient[features[i]] > 0.0 else -1.0
                    inside[features[i]] = True
                size, waiting = end, 0
            elif exchanged:
                return STUCK, size, n_rounds
            elif waiting > 1:  # all depend on the support: the worst one on its own
                features[size], waiting = chosen, 1
            else:
                break
        sign = 0.0
        if waiting > 0:
            sign = 1.0 if gradient[chosen] > 0.0 else -1.0
        size, step = move(
            penalty, coef, gradient, features, signs, factor, size, inside, scratch, sign
        )
        if waiting > 0:
            if step < 0.0:
                return STUCK, size, n_rounds
            coef[chosen], features[size], exchanged = sign * step, chosen, True
            continue
        exchanged = False
        whole = refined or 2 * size < count
        if not whole:
            set_outer_gradient(gram, correlation, count, penalty, coef, inside, gradient)
        while True:
            if whole:
                set_gradient(gram, correlation, count, coef, features, size, gradient)
            left, height, total = inspect(
                correlation, penalty, coef, features, signs, size, gradient
            )
            violating, worst, chosen = largest_violation(
                gram, count, penalty, gradient, inside, slack
            )
            if whole or chosen >= 0:
                break
            whole = True
        # Only a candidate for the end is refined, and one that badly needs it.
        least = UNREFINED * largest
        if chosen < 0:
            enough = 0.5 * REST * y_norm2 / total if total > 0.0 else 0.0
            least = max(ROUNDING * largest, min(enough, slack))
        if left > least and not refined:
            refined = True
            continue
        refined = False
        n_rounds += 1
        patience = PATIENCE if height < lowest else patience - 1
        lowest = min(lowest, height)
        if left > INACCURATE * largest or patience == 0:
            return STUCK, size, n_rounds
        if chosen < 0:
            return SOLVED, size, n_rounds
        if n_rounds >= max_rounds:
            return LIMIT, size, n_rounds
        if size == features.size:
            return FULL, size, n_rounds
        least = max(slack, CROWD_FRACTION * worst) if violating > CROWD else slack
        waiting = queue(gram, count, penalty, gradient, inside, features, size, least)


@jit
def follow(
    gram,
    correlation,
    count,
    y_norm2,
    penalty,
    numbers,
    max_rounds,
    portion,
    coef,
    gradient,
    inside,
    features,
    signs,
    factor,
    l2,
    size,
    scratch,
    coefs,
    gradients,
    n_rounds,
):
    """Follow the exact minimiser over the first `count` features of

        1/2 coef' G coef - c' coef + sum_j value(penalty, j, coef_j)

    from one penalty to the next: a whole path in one call.

    Parameters
    ----------
    gram, correlation : ndarray of shape (n, n), (n,), n >= count
    count : int
    y_norm2 : float
        Scale of the objective.
    penalty : NamedTuple
        With a known `slope_at_zero`: quadratic on each side of zero.
    numbers : ndarray of shape (n_penalties, n_numbers)
        What makes the penalty of each step of `penalty`, see `with_numbers`.
    max_rounds, portion : int
        Bounds on the looks at all features: for each penalty, and in this call.
    coef, gradient : ndarray of shape (n,)
        Written. On entry coef is zero outside the support, and c - G coef is known on it.
    inside : ndarray of bool of shape (n,)
        Written: which features are in the support.
    features, signs : ndarray of shape (capacity,)
        Written: the support in the order of the factor, and its signs.
    factor : ndarray of shape (capacity + 1, capacity + 1)
        Written: Cholesky factor for the support, by rows.
    l2 : float
        What the factor has on its diagonal: that of the first penalty or of another.
    size : int
        Size of the support on entry.
    scratch : ndarray of shape (4, capacity)
    coefs, gradients : ndarray of shape (n_penalties, n)
        Written for the penalties that were solved.
    n_rounds : ndarray of shape (n_penalties,)
        Written; counts on from what it holds, and for the penalty that was not finished
        too.

    Returns
    -------
    status : int
        SOLVED, LIMIT (of rounds), FULL (the support needs more room; call again with
        it), STALE (call again with a factor for the penalty that comes now) or STUCK
        (rounding stopped all progress; coef and gradient belong together, but the
        support may not be that of coef).
    size : int
        Size of the support.
    l2 : float
        That of the last penalty tried: what the factor has, or should have, on its
        diagonal.
    n_solved : int
        The number of penalties that were solved.
    """
    left = portion
    for t in range(len(numbers)):
        kernel = with_numbers(penalty, numbers[t])
        stale = size > 0 and strong_convexity(kernel) != l2
        l2 = strong_convexity(kernel)
        if stale and size > SMALL:
            return STALE, size, l2, t
        status, size, rounds = solve_at(
            gram,
            correlation,
            count,
            y_norm2,
            kernel,
            stale,
            min(left, max_rounds - n_rounds[t]),
            coef,
            gradient,
            inside,
            features,
            signs,
            factor,
            size,
            scratch,
        )
        n_rounds[t] += rounds
        left -= rounds
        if status != SOLVED:
            return status, size, l2, t
        for j in range(count):
            coefs[t, j], gradients[t, j] = coef[j], gradient[j]
    return SOLVED, size, l2, len(numbers)
