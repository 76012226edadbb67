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
)

SOLVED, LIMIT, STUCK, FULL = 0, 1, 2, 3
# A pivot below this fraction of its diagonal entry: the columns are dependent.
PIVOT = 1e-11
# When many features violate optimality, most of the small violations belong to
# features that the large ones make superfluous.
CROWD, CROWD_FRACTION = 10, 0.3
# Violations below this fraction of the largest correlation are rounding.
SLACK = 1e-13
# What is left of the optimality condition on the support after a good solve, and after
# one that is too inaccurate to go on from.
ROUNDING, INACCURATE = 2e-16, 1e-8
# Rounds without a lower objective after which rounding is taken to be in charge.
PATIENCE = 10


@inlined
def forward(factor, size, point):
    """point <- L^-1 point."""
    for i in range(size):
        row = factor[i]
        total = 0.0
        for k in range(i):
            total += row[k] * point[k]
        point[i] = (point[i] - total) / row[i]


@inlined
def backward(factor, size, point):
    """point <- L'^-1 point."""
    for i in range(size - 1, -1, -1):
        row = factor[i]
        point[i] /= row[i]
        for k in range(i):
            point[k] -= point[i] * row[k]


@inlined
def enter(gram, l2, j, features, factor, size):
    """Append feature j to the factor; False if it depends on those already there."""
    row = factor[size]
    for i in range(size):
        row[i] = gram[j, features[i]]
    forward(factor, size, row)
    diagonal = gram[j, j] + l2
    pivot = diagonal
    for i in range(size):
        pivot -= row[i] * row[i]
    if not pivot > PIVOT * diagonal:
        return False
    row[size] = np.sqrt(pivot)
    features[size] = j
    return True


@inlined
def leave(position, features, signs, factor, size, rotations):
    """Remove the feature at `position` from the factor.

    Without its row, row i > position has one entry too many, in column i. A rotation of
    columns (i - 1, i), applied to this and all later rows, removes it. Rows are treated
    one after the other, each with all rotations so far, to read memory in order.
    """
    cosines, sines = rotations[0], rotations[1]
    for i in range(position + 1, size):
        row, target = factor[i], factor[i - 1]
        for k in range(position):
            target[k] = row[k]
        carried = row[position]
        for k in range(position, i - 1):
            entry = row[k + 1]
            target[k] = cosines[k] * carried + sines[k] * entry
            carried = cosines[k] * entry - sines[k] * carried
        length = np.sqrt(carried * carried + row[i] * row[i])
        cosines[i - 1], sines[i - 1] = carried / length, row[i] / length
        target[i - 1] = length
        features[i - 1], signs[i - 1] = features[i], signs[i]


@inlined
def move(correlation, penalty, coef, features, signs, factor, size, inside, point, rot):
    """To the minimiser for the present support and signs, dropping what reaches zero.

    Returns the new size of the support.
    """
    while size > 0:
        for i in range(size):
            j = features[i]
            point[i] = correlation[j] - slope_at_zero(penalty, j, signs[i])
        forward(factor, size, point)
        backward(factor, size, point)
        step, leaving = 1.0, -1
        for i in range(size):
            if point[i] * signs[i] <= 0.0:
                old = coef[features[i]]
                reached = old / (old - point[i]) if old != point[i] else 0.0
                if reached < step or leaving < 0:
                    step, leaving = min(reached, step), i
        for i in range(size):
            j = features[i]
            coef[j] = point[i] if leaving < 0 else coef[j] + step * (point[i] - coef[j])
        if leaving < 0:
            break
        coef[features[leaving]] = 0.0
        inside[features[leaving]] = False
        leave(leaving, features, signs, factor, size, rot)
        size -= 1
    return size


@inlined
def exchange(sign, coef, features, signs, factor, size, inside, point, rotations):
    """Make room for a violating feature that is a combination of the support, weights z.

    Its coefficient sign t and coef_A - sign t z leave the fit as it is and lower the
    penalty; t grows until a coefficient of the support is zero, which leaves.
    `factor[size]` holds L^-1 G_Aj, as `enter` left it. Returns (t, new size); t < 0 if
    no coefficient shrinks.
    """
    for i in range(size):
        point[i] = factor[size, i]
    backward(factor, size, point)
    step, leaving = -1.0, -1
    for i in range(size):
        if point[i] * sign * signs[i] > 0.0:
            reached = coef[features[i]] / (sign * point[i])
            if leaving < 0 or reached < step:
                step, leaving = reached, i
    if leaving < 0:
        return -1.0, size
    for i in range(size):
        coef[features[i]] -= step * sign * point[i]
    coef[features[leaving]] = 0.0
    inside[features[leaving]] = False
    leave(leaving, features, signs, factor, size, rotations)
    return step, size - 1


@inlined
def set_gradient(gram, correlation, count, coef, features, size, gradient):
    """gradient <- c - G coef over the support, for the first `count` features."""
    for k in range(count):
        gradient[k] = correlation[k]
    for i in range(size):
        subtract_row(gram, features[i], coef[features[i]], count, gradient)


@inlined
def set_whole_gradient(gram, correlation, count, coef, gradient):
    """gradient <- c - G coef over all non-zero coefficients."""
    for k in range(count):
        gradient[k] = correlation[k]
    for j in range(count):
        if coef[j] != 0.0:
            subtract_row(gram, j, coef[j], count, gradient)


@inlined
def subtract_row(gram, j, scale, count, gradient):
    """gradient <- gradient - scale G_j."""
    row = gram[j]
    for k in range(count):
        gradient[k] -= scale * row[k]


@inlined
def objective(correlation, penalty, coef, gradient, features, size):
    """1/2 coef' G coef - c' coef + penalty, from the gradient."""
    total = 0.0
    for i in range(size):
        j = features[i]
        total -= 0.5 * coef[j] * (correlation[j] + gradient[j])
        total += value(penalty, j, coef[j])
    return total


@inlined
def left_of_condition(penalty, coef, features, signs, size, gradient, point):
    """Largest violation of the optimality condition on the support; all in `point`."""
    l2 = strong_convexity(penalty)
    largest = 0.0
    for i in range(size):
        j = features[i]
        point[i] = gradient[j] - slope_at_zero(penalty, j, signs[i]) - l2 * coef[j]
        largest = max(largest, abs(point[i]))
    return largest


@inlined
def refine(penalty, coef, features, signs, factor, size, gradient, point, least):
    """One step of iterative refinement: solve for what is left of the condition.

    False if nothing larger than `least` is left, or if a sign would change.
    """
    if left_of_condition(penalty, coef, features, signs, size, gradient, point) <= least:
        return False
    forward(factor, size, point)
    backward(factor, size, point)
    for i in range(size):
        if (coef[features[i]] + point[i]) * signs[i] <= 0.0:
            return False
    for i in range(size):
        coef[features[i]] += point[i]
    return True


@jit
def follow(
    gram,
    correlation,
    count,
    penalty,
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
    """Go from `coef` to the exact minimiser over the first `count` features of

        1/2 coef' G coef - c' coef + sum_j value(penalty, j, coef_j).

    Parameters
    ----------
    gram, correlation : ndarray of shape (n, n), (n,), n >= count
    count : int
    penalty : NamedTuple
        With a known `slope_at_zero`: quadratic on each side of zero.
    max_rounds : int
        Bound on the looks at all features.
    coef, gradient : ndarray of shape (n,)
        Written. On entry coef is zero outside the support.
    inside : ndarray of bool of shape (n,)
        Written: which features are in the support.
    features, signs : ndarray of shape (capacity,)
        Written: the support in the order of the factor, and its signs.
    factor : ndarray of shape (capacity + 1, capacity + 1)
        Written: Cholesky factor for the support, by rows.
    size : int
        Size of the support on entry; its factor must belong to this penalty's l2.
    scratch : ndarray of shape (3, capacity)

    Returns
    -------
    status : int
        SOLVED, LIMIT (`max_rounds`), FULL (the support needs more room; call again with
        it) or STUCK (rounding stopped all progress; coef and gradient belong together,
        but the support may not be that of coef).
    size : int
        Size of the support.
    n_rounds : int
    """
    l2 = strong_convexity(penalty)
    point, rotations = scratch[0], scratch[1:]
    largest = 0.0
    for j in range(count):
        largest = max(largest, abs(correlation[j]))
    slack, rounding = SLACK * largest, ROUNDING * largest
    n_rounds, patience, lowest = 0, PATIENCE, np.inf
    while True:
        size = move(
            correlation,
            penalty,
            coef,
            features,
            signs,
            factor,
            size,
            inside,
            point,
            rotations,
        )
        set_gradient(gram, correlation, count, coef, features, size, gradient)
        if refine(penalty, coef, features, signs, factor, size, gradient, point, rounding):
            set_gradient(gram, correlation, count, coef, features, size, gradient)
        n_rounds += 1
        left = left_of_condition(penalty, coef, features, signs, size, gradient, point)
        height = objective(correlation, penalty, coef, gradient, features, size)
        patience = PATIENCE if height < lowest else patience - 1
        lowest = min(lowest, height)
        if left > INACCURATE * largest or patience == 0:
            return STUCK, size, n_rounds
        violating, worst, chosen = 0, slack, -1
        for j in range(count):
            if not inside[j] and gram[j, j] > 0.0:
                distance = subdiff_distance(penalty, j, 0.0, gradient[j])
                if distance > slack:
                    violating += 1
                if distance > worst:
                    worst, chosen = distance, j
        if chosen < 0:
            return SOLVED, size, n_rounds
        if n_rounds >= max_rounds:
            return LIMIT, size, n_rounds
        if size == features.size:
            return FULL, size, n_rounds
        before = size
        least = max(slack, CROWD_FRACTION * worst) if violating > CROWD else slack
        for j in range(count):
            if inside[j] or gram[j, j] <= 0.0 or size == features.size:
                continue
            if subdiff_distance(penalty, j, 0.0, gradient[j]) <= least:
                continue
            if enter(gram, l2, j, features, factor, size):
                signs[size] = 1.0 if gradient[j] > 0.0 else -1.0
                inside[j] = True
                size += 1
        if size > before:
            continue
        sign = 1.0 if gradient[chosen] > 0.0 else -1.0
        enter(gram, l2, chosen, features, factor, size)
        step, size = exchange(
            sign, coef, features, signs, factor, size, inside, point, rotations
        )
        if step > 0.0:
            coef[chosen] = sign * step
        if step < 0.0 or not enter(gram, l2, chosen, features, factor, size):
            set_whole_gradient(gram, correlation, count, coef, gradient)
            return STUCK, size, n_rounds
        signs[size], inside[chosen] = sign, True
        size += 1
