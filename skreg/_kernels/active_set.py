"""The exact solution on a Gram matrix: an active-set method with an updated factor.

With the support A and the signs s fixed, the optimality condition is linear,

    (G_AA + l2 I) b = c_A - slope_A(s),

with slope = l1 s for the lasso and the elastic net. So solve it; if a coefficient would
change its sign, go only as far as the first one that reaches zero, drop it and solve
again; then look at all other features, let those that violate optimality enter, and
repeat until there is none. Every move lowers the objective, and the result is the
solution to rounding. From the solution at a neighbouring alpha it takes a few steps.

The Cholesky factor L of G_AA + l2 I changes with the support (:mod:`.support_factor`). For
the elastic net l2 changes at every alpha. There the factor of an earlier l2 is kept: from
the step that it gives, a few conjugate gradient iterations lead to the exact one. An
iteration costs |A|^2 multiplications, a new factor |A|^3 / 6.

A feature that violates optimality only at the next alpha is known before: along the path
the gradient moves in nearly straight lines. To let those enter first that will be needed
if it goes on like that takes 0.6 of the rounds, and hardly any of them has to leave.

Where solutions are only scored, an `accuracy` is enough. Conjugate gradients stop there,
and inside of a large support the gradient is not computed from the solution: it is what
optimality demands and what they left. That takes a third of the time off a path of the
elastic net, a fifth off one of the lasso.

References: Osborne, Presnell and Turlach, A new approach to variable selection in least
squares problems, IMA Journal of Numerical Analysis, 2000; Golub and Van Loan, Matrix
Computations, section 6.5.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.optimality import (
    inspect,
    largest_violation,
    set_gradient,
    set_outer_gradient,
    unexplained,
)
from skreg._kernels.support_factor import MANY, backward, correct, enter, forward, leave
from skreg.penalties import (
    slope_at_zero,
    strong_convexity,
    subdiff_distance,
    with_numbers,
)

SOLVED, LIMIT, STUCK, FULL, STALE = 0, 1, 2, 3, 4
# A factor of at most this size is computed anew here when l2 changes.
SMALL = 128
# So far ahead a straight line tells the support, in steps that led to the last solution.
FARTHEST = 2.0
# With the factor of another l2: what may be left of the optimality condition on the
# support, relative to the largest correlation; and iterations that cost less than a new
# factor.
GOAL, FEW, FEW_LOOSE = 5e-13, 3, 2
# Multiplications that take as long as the call of LAPACK for a support that is not SMALL.
CALL = 5e5
# When many features violate optimality, most of the small violations belong to
# features that the large ones make superfluous.
CROWD, CROWD_FRACTION = 10, 0.3
# Violations below this fraction of the largest correlation are rounding.
SLACK = 1e-13
# What is left of the optimality condition on the support, relative to the largest
# correlation: after a good solve, after one that has to be refined before the next round,
# and after one that is too inaccurate to go on from.
ROUNDING, UNREFINED, INACCURATE = 2e-16, 1e-12, 1e-8
# To leave no more than that is to solve exactly.
SOLVE_ROUNDING = 1e-12
# What a solution that ends a step may be off by without being refined: a relative gap.
REST = 1e-14
# Rounds without a lower objective after which rounding is taken to be in charge.
PATIENCE = 10


@inlined
def move(
    penalty,
    coef,
    gradient,
    features,
    signs,
    factor,
    size,
    inside,
    scratch,
    sign,
    shift,
    goal,
    few,
    extra,
):
    """To the minimiser for the present support and signs, dropping what reaches zero.

    The step solves for what is left of the optimality condition, so that a second call
    refines what rounding left of the first. The factor is that of G_AA + (l2 + shift) I;
    with a shift, `goal` is what may be left, and extra[5] is what is left in the end.

    Or, with a `sign` that is not 0, make room for a violating feature that is a combination
    of the support, with weights z: its coefficient sign t and coef_A - sign t z leave the
    fit as it is and lower the penalty; t grows until a coefficient of the support is zero,
    which leaves. `factor[size]` holds L^-1 G_Aj, as `enter` left it.

    Returns the new size of the support, t, and the multiplications spent on the shift;
    t < 0 if no coefficient shrinks, or if the shift is too large.
    """
    l2, point, solved = strong_convexity(penalty), scratch[0], scratch[3]
    if sign == 0.0:
        for i in range(size):
            j = features[i]
            solved[i] = gradient[j] - slope_at_zero(penalty, j, signs[i]) - l2 * coef[j]
            if extra is not None:
                extra[0, i], extra[5, i] = solved[i], 0.0
        forward(factor, size, solved)
    else:
        for i in range(size):
            solved[i] = factor[size, i]
    step, spent = -1.0, 0.0
    while size > 0:
        for i in range(size):
            point[i] = solved[i]
        backward(factor, size, point)
        if extra is not None:  # noqa: SIM102  (on its own it is decided by the compiler)
            if shift != 0.0 and sign == 0.0:
                n_iter = correct(factor, size, shift, goal, point, extra)
                if n_iter > MANY and step < 0.0:
                    return size, -1.0, spent
                spent += max(n_iter - few, 0) * size * size
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
            return size, -1.0, spent
        if leaving < 0:
            step = 1.0
        for i in range(size):
            coef[features[i]] += step * point[i]
            solved[i] *= 1.0 - step
            if extra is not None:
                extra[0, i] *= 1.0 - step
                extra[5, i] += step * extra[1, i]
        if leaving < 0:
            break
        coef[features[leaving]] = 0.0
        inside[features[leaving]] = False
        leave(leaving, features, signs, factor, size, scratch)
        size -= 1
        if extra is not None:
            for i in range(leaving, size):
                extra[0, i], extra[5, i] = extra[0, i + 1], extra[5, i + 1]
        if sign != 0.0:
            break
    return size, step, spent


@inlined
def queue(gram, count, penalty, share, before, gradient, inside, features, size, least):
    """Put the features that violate optimality by more than `least` after the support in
    `features`, as far as there is room. Returns their number.

    With a `share` that is not 0, those that will, if the gradient goes on in a straight
    line: by so much of its way here from before[0], the gradient of an earlier solution.
    """
    waiting = 0
    for j in range(count):
        if size + waiting == features.size:
            break
        if inside[j] or gram[j, j] <= 0.0:
            continue
        ahead = gradient[j] + share * (gradient[j] - before[0, j])
        if ahead * gradient[j] < 0.0:  # its sign is that of the gradient, when it enters
            continue
        if subdiff_distance(penalty, j, 0.0, ahead) > least:
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
    share,
    accuracy,
    max_rounds,
    trusting,
    coef,
    gradient,
    trend,
    before,
    inside,
    features,
    signs,
    factor,
    factor_l2,
    size,
    scratch,
    extra,
):
    """The exact minimiser for one penalty; see :func:`follow`, and for `share`
    :func:`queue`.

    Returns (status, size, l2 of the factor, n_rounds). If the status is STALE, that is
    the l2 that it should have.
    """
    l2 = strong_convexity(penalty)
    largest = 0.0
    for j in range(count):
        largest = max(largest, abs(correlation[j]))
    accuracy *= unexplained(correlation, y_norm2, coef, features, size, gradient)
    exact = accuracy <= SOLVE_ROUNDING
    goal = GOAL * largest if exact else accuracy * largest
    # Without conjugate gradients nothing is left that could make others violate.
    slack = SLACK * largest if exact or extra is None else goal
    few = FEW if exact else FEW_LOOSE
    n_rounds, patience, lowest = 0, PATIENCE, np.inf
    waiting, chosen, exchanged, refined = 0, -1, False, False
    look, least = share != 0.0, 0.0
    if size == 0:
        factor_l2 = l2
    dear = size * size * size / 6.0 + (CALL if size > SMALL else 0.0)
    stale = factor_l2 != l2 and (extra is None or trend[2] > dear)
    while True:
        # A new factor, then those enter that violate optimality; each helper is called in
        # one place only, because compilation copies it to every place.
        while stale or look or waiting > 0:
            if stale:
                trend[2] = 0.0
                if size > SMALL:
                    return STALE, size, l2, n_rounds
                factor_l2, waiting, size = l2, size, 0
            elif look:
                waiting = queue(
                    gram,
                    count,
                    penalty,
                    share,
                    before,
                    gradient,
                    inside,
                    features,
                    size,
                    least,
                )
                look, share = False, 0.0
                if waiting == 0:
                    break
            end = enter(gram, factor_l2, waiting, features, factor, size)
            if stale:
                if end < waiting:
                    return STALE, waiting, l2, n_rounds
                stale, size, waiting = False, end, 0
            elif end > size:
                for i in range(size, end):
                    signs[i] = 1.0 if gradient[features[i]] > 0.0 else -1.0
                    inside[features[i]] = True
                size, waiting = end, 0
            elif exchanged:
                return STUCK, size, factor_l2, n_rounds
            elif chosen < 0:  # these were only expected to violate optimality
                waiting = 0
            elif factor_l2 != l2:
                return STALE, size, l2, n_rounds
            elif waiting > 1:  # all depend on the support: the worst one on its own
                features[size], waiting = chosen, 1
            else:
                break
        sign = 0.0
        if waiting > 0:
            sign = 1.0 if gradient[chosen] > 0.0 else -1.0
        size, step, spent = move(
            penalty,
            coef,
            gradient,
            features,
            signs,
            factor,
            size,
            inside,
            scratch,
            sign,
            factor_l2 - l2,
            goal,
            few,
            extra,
        )
        trend[2] += spent
        if step < 0.0 and size > 0 and factor_l2 != l2:
            stale = True
            continue
        if waiting > 0:
            if step < 0.0:
                return STUCK, size, factor_l2, n_rounds
            coef[chosen], features[size], exchanged = sign * step, chosen, True
            continue
        exchanged = False
        whole = refined or 2 * size < count
        if not whole:
            set_outer_gradient(gram, correlation, count, penalty, coef, inside, gradient)
            if extra is not None:  # noqa: SIM102
                if factor_l2 != l2:
                    for i in range(size):
                        gradient[features[i]] += extra[5, i]
        while True:
            if whole:
                set_gradient(gram, correlation, count, coef, features, size, gradient)
            left, height, gap = inspect(
                correlation, penalty, coef, features, signs, size, gradient
            )
            violating, worst, chosen = largest_violation(
                gram, count, penalty, gradient, inside, slack
            )
            if whole or chosen >= 0 or trusting or not exact:
                break
            whole = True
        # Only a candidate for the end is refined, and one that badly needs it.
        least = UNREFINED * largest if exact else 2.0 * goal
        if chosen < 0 and exact:
            close = gap <= 0.5 * REST * y_norm2 and left <= GOAL * largest
            least = np.inf if close else ROUNDING * largest
        if left > least and not refined:
            refined = True
            continue
        refined = False
        n_rounds += 1
        patience = PATIENCE if height < lowest else patience - 1
        lowest = min(lowest, height)
        if left > max(INACCURATE * largest, 4.0 * goal) or patience == 0:
            return STUCK, size, factor_l2, n_rounds
        if chosen < 0:
            return SOLVED, size, factor_l2, n_rounds
        if n_rounds >= max_rounds:
            return LIMIT, size, factor_l2, n_rounds
        if size == features.size:
            return FULL, size, factor_l2, n_rounds
        least = max(slack, CROWD_FRACTION * worst) if violating > CROWD else slack
        look = True


@jit
def follow(
    gram,
    correlation,
    count,
    y_norm2,
    penalty,
    numbers,
    accuracy,
    max_rounds,
    portion,
    trusting,
    coef,
    gradient,
    trend,
    before,
    inside,
    features,
    signs,
    factor,
    l2,
    size,
    scratch,
    extra,
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
    accuracy : float
        What may be left of the optimality condition, relative to the largest correlation
        and to the size of the residual (1 of the null model), as it is when a penalty
        comes: as much as that, predictions are off relative to the residual. 0 for the
        exact minimiser.
    max_rounds, portion : int
        Bounds on the looks at all features: for each penalty, and in this call.
    trusting : bool
        Whether a solution may end without a look at what is left of the optimality
        condition on the support. Where the support is most of the features, that look
        takes longer than all the rest; a caller who has residuals has it for less.
    coef, gradient : ndarray of shape (n,)
        Written. On entry coef is zero outside the support, and c - G coef is known on it.
    trend : ndarray of shape (3,)
        Written: the slopes at zero of the two latest penalties that were solved (NaN if
        unknown), and the multiplications spent on a factor that is not that of l2.
    before : ndarray of shape (2, n)
        Written: the gradients at these two.
    inside : ndarray of bool of shape (n,)
        Written: which features are in the support.
    features, signs : ndarray of shape (capacity,)
        Written: the support in the order of the factor, and its signs.
    factor : ndarray of shape (capacity + 1, capacity + 1), or with more columns
        Written: Cholesky factor for the support, by rows.
    l2 : float
        What the factor has on its diagonal: that of the first penalty or of another.
    size : int
        Size of the support on entry.
    scratch : ndarray of shape (4, capacity)
    extra : ndarray of shape (6, capacity), or None if l2 is 0 for all penalties
        Scratch too. None makes a function that has only what the lasso needs.
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
        slope = slope_at_zero(kernel, 0, 1.0)
        share = (slope - trend[1]) / (trend[1] - trend[0])
        if not 0.0 < share <= FARTHEST:
            share = 0.0
        status, size, l2, rounds = solve_at(
            gram,
            correlation,
            count,
            y_norm2,
            kernel,
            share,
            accuracy,
            min(left, max_rounds - n_rounds[t]),
            trusting,
            coef,
            gradient,
            trend,
            before,
            inside,
            features,
            signs,
            factor,
            l2,
            size,
            scratch,
            extra,
        )
        n_rounds[t] += rounds
        left -= rounds
        if status != SOLVED:
            if rounds > 0:
                trend[:2] = np.nan
            return status, size, l2, t
        trend[0], trend[1] = trend[1], slope
        for j in range(count):
            coefs[t, j], gradients[t, j] = coef[j], gradient[j]
            before[0, j], before[1, j] = before[1, j], gradient[j]
    return SOLVED, size, l2, len(numbers)
