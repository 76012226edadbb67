"""Coordinate descent on any design with any separable penalty.

Minimises, for weights omega that sum to one and a centred residual r = y - X coef,

    1/2 sum_i omega_i r_i^2 + sum_j value(penalty, j, coef_j).

One coordinate at a time has a closed form: with curvature h_j = sum_i omega_i x_ij^2
and gradient g_j = sum_i omega_i x_ij r_i,

    coef_j <- prox(penalty, j, coef_j + g_j / h_j, 1 / h_j).

Reference: Friedman, Hastie and Tibshirani, Regularization paths for generalized linear
models via coordinate descent, Journal of Statistical Software, 2010.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.design import (
    column_dot,
    column_update,
    has_gradient,
    residual_norm2,
)
from skreg.penalties import (
    conjugate,
    dual_norm,
    has_dual,
    prox,
    strong_convexity,
    subdiff_distance,
    value,
    with_numbers,
)

# Epochs between two looks at the gap of the working set. A look costs an epoch of
# residual updates; with covariance updates the gradient is there already.
CHECK_EVERY = 5
# Iterates that one extrapolation needs, and the ridge of its linear system.
N_KEPT, MIXING_RIDGE = 6, 1e-12
# A cold start has no rule to tell which columns will matter: only those at least this
# fraction as far from optimality as the worst one join at a time.
COLD_FRACTION = 0.2
# An epoch that lowers the objective by less than this share of it is only rounding.
NEGLIGIBLE = 1e-32


@inlined
def optimality_gap(penalty, curvature, coef, gradient, order, count, norm2):
    """Upper bound of objective(coef) - minimum over the first `count` features of `order`.

    Every term of either bound is >= 0, so nothing cancels and a relative gap of 1e-16
    can be measured. With l2 the quadratic part of the penalty:

    scaled    dual point s r with the largest s <= 1 that is feasible: s = 1 / max_j
              dual_norm(z_j), z = gradient - l2 coef
    conjugate dual point r: sum_j value_j + conjugate_j(g_j) - coef_j g_j

    Both are valid; the smaller is returned. Without a known dual, or when both bounds
    are infinite (nothing is penalised), the decrease that the distances d_j to the
    subdifferential promise: sum_j d_j^2 / (2 h_j).
    """
    l2 = strong_convexity(penalty)
    root_l2 = np.sqrt(l2)
    worst = 1.0
    for position in range(count):
        j = order[position]
        worst = max(worst, dual_norm(penalty, j, gradient[j] - l2 * coef[j]))
    scale = 1.0 / worst
    if not has_dual(penalty) or (scale == 0.0 and l2 == 0.0):
        total = 0.0
        for position in range(count):
            j = order[position]
            if curvature[j] > 0.0:
                distance = subdiff_distance(penalty, j, coef[j], gradient[j])
                root = distance / np.sqrt(curvature[j])
                total += 0.5 * root * root
        return total
    shrunk = 0.5 * (1.0 - scale) * (1.0 - scale)
    scaled, conjugated = shrunk * norm2, 0.0
    for position in range(count):
        j = order[position]
        w, g = coef[j], gradient[j]
        height = value(penalty, j, w)
        root = root_l2 * w
        quadratic = 0.5 * root * root
        scaled += height - quadratic - scale * (g - l2 * w) * w
        scaled += 2.0 * shrunk * quadratic
        conjugated += height + conjugate(penalty, j, g) - w * g
    return max(min(scaled, conjugated), 0.0)


@inlined
def sweep(design, curvature, penalty, coef, state, order, count):
    """One epoch over the first `count` features of `order`.

    Returns sum_j h_j delta_j^2 / 2, the scale of the decrease of the objective.
    """
    decrease = 0.0
    for position in range(count):
        j = order[position]
        old = coef[j]
        step = 1.0 / curvature[j]
        new = prox(penalty, j, old + step * column_dot(design, j, state), step)
        if new != old:
            delta = new - old
            column_update(design, j, delta, state)
            coef[j] = new
            root = np.sqrt(curvature[j]) * delta
            decrease += 0.5 * root * root
    return decrease


@inlined
def set_gradient(design, coef, state, gradient, order, count):
    """Correlation of the first `count` features of `order` with the residual."""
    for position in range(count):
        j = order[position]
        gradient[j] = column_dot(design, j, state)
    return residual_norm2(design, coef, state)


@inlined
def rebuild_state(design, coef, start_state, state):
    """The state from scratch, so that rounding does not pile up over epochs."""
    state[:] = start_state
    for j in range(coef.size):
        if coef[j] != 0.0:
            column_update(design, j, coef[j], state)


@inlined
def grow_working_set(curvature, penalty, coef, gradient, order, n_working, fraction):
    """Move to the front the features that are not zero or violate optimality."""
    worst = 0.0
    for position in range(n_working, coef.size):
        j = order[position]
        if curvature[j] > 0.0:
            worst = max(worst, subdiff_distance(penalty, j, coef[j], gradient[j]))
    for position in range(n_working, coef.size):
        j = order[position]
        if curvature[j] == 0.0:
            continue
        distance = subdiff_distance(penalty, j, coef[j], gradient[j])
        if coef[j] != 0.0 or (distance > 0.0 and distance >= fraction * worst):
            order[position], order[n_working] = order[n_working], j
            n_working += 1
    return n_working


@inlined
def remember(slot, coef, state, order, n_working, history):
    """Keep an iterate for :func:`extrapolate`."""
    coefs, states = history
    for position in range(n_working):
        coefs[slot, position] = coef[order[position]]
    for i in range(state.size):
        states[slot, i] = state[i]


@inlined
def mixing_weights(coefs, n_working, weights):
    """Weights c with sum one that minimise ||sum_k c_k (w_k+1 - w_k)||.

    c is proportional to the solution of (U U') c = 1, U the matrix of differences.
    """
    size = weights.size
    products = np.zeros((size, size))
    for a in range(size):
        for b in range(a + 1):
            for position in range(n_working):
                left = coefs[a + 1, position] - coefs[a, position]
                products[a, b] += left * (coefs[b + 1, position] - coefs[b, position])
    scale = 0.0
    for a in range(size):
        scale = max(scale, products[a, a])
    for a in range(size):
        products[a, a] += MIXING_RIDGE * scale
        weights[a] = 1.0
    for a in range(size):  # Cholesky and forward substitution
        for b in range(a + 1):
            entry = products[a, b]
            for k in range(b):
                entry -= products[a, k] * products[b, k]
            if a > b:
                products[a, b] = entry / products[b, b]
            else:
                products[a, a] = np.sqrt(max(entry, MIXING_RIDGE * scale))
        for k in range(a):
            weights[a] -= products[a, k] * weights[k]
        weights[a] /= products[a, a]
    for a in range(size - 1, -1, -1):
        for k in range(a + 1, size):
            weights[a] -= products[k, a] * weights[k]
        weights[a] /= products[a, a]
    total = 0.0
    for a in range(size):
        total += weights[a]
    for a in range(size):
        weights[a] /= total


@inlined
def objective(design, penalty, coef, state, order, n_working):
    """1/2 residual norm^2 + penalty; coefficients outside the working set are zero."""
    total = 0.5 * residual_norm2(design, coef, state)
    for position in range(n_working):
        j = order[position]
        total += value(penalty, j, coef[j])
    return total


@inlined
def extrapolate(design, penalty, coef, state, order, n_working, history):
    """Anderson extrapolation from the last iterates, kept if it lowers the objective.

    Reference: Bertrand and Massias, Anderson acceleration of coordinate descent, AISTATS
    2021.
    """
    coefs, states = history
    last = len(coefs) - 1
    weights = np.empty(last)
    mixing_weights(coefs, n_working, weights)
    before = objective(design, penalty, coef, state, order, n_working)
    for position in range(n_working):
        mixed = 0.0
        for k in range(last):
            mixed += weights[k] * coefs[k + 1, position]
        coef[order[position]] = mixed
    for i in range(state.size):
        mixed = 0.0
        for k in range(last):
            mixed += weights[k] * states[k + 1, i]
        state[i] = mixed
    if objective(design, penalty, coef, state, order, n_working) < before:
        return
    for position in range(n_working):
        coef[order[position]] = coefs[last, position]
    for i in range(state.size):
        state[i] = states[last, i]


@jit
def coordinate_descent(
    design,
    curvature,
    penalty,
    screening_penalty,
    screened,
    start_state,
    tol,
    max_iter,
    coef,
    state,
    gradient,
    order,
    history,
):
    """Minimise from `coef` until the gap is <= tol or `max_iter` epochs are done.

    Parameters
    ----------
    design : Dense, CSC or Gram
    curvature : ndarray of shape (n_features,)
        h_j; features with h_j = 0 keep their coefficient.
    penalty, screening_penalty : NamedTuple
        The penalty, and a weaker one whose violations predict which features will be
        needed (the sequential strong rule, Tibshirani et al., 2012).
    screened : bool
        Whether `gradient` is that of `coef` on entry, as on a path; then only
        `screening_penalty` chooses the working set. A cold start builds it in steps.
    start_state : ndarray
        The state at coef = 0.
    coef, state, gradient, order : ndarray
        Written: solution, its state, the gradient of all features, and a permutation
        of the features with the working set first.
    history : tuple of ndarray of shape (n_kept, n_features), (n_kept, state.size)
        Written: the last iterates, for extrapolation.

    Returns
    -------
    gap : float
        Certificate of the returned `coef`, from a state rebuilt from it.
    n_iter : int
        Number of epochs (sweeps over the working set).
    """
    n_features = coef.size
    period = 1 if has_gradient(design) else CHECK_EVERY
    rebuild_state(design, coef, start_state, state)
    norm2 = residual_norm2(design, coef, state)
    if not screened:
        set_gradient(design, coef, state, gradient, order, n_features)
    gap = optimality_gap(penalty, curvature, coef, gradient, order, n_features, norm2)
    n_iter, n_working = 0, 0
    if screened:
        n_working = grow_working_set(
            curvature, screening_penalty, coef, gradient, order, n_working, 0.0
        )
    while gap > tol and n_iter < max_iter:
        grown = grow_working_set(
            curvature,
            penalty,
            coef,
            gradient,
            order,
            n_working,
            0.0 if screened else COLD_FRACTION,
        )
        stalled = grown == n_working
        n_working = grown
        # The other features can only add to the gap: leave them some of it.
        target = 0.8 * tol if screened or stalled else max(0.8 * tol, 0.1 * gap)
        epoch, kept = 0, 0
        while n_iter < max_iter:
            remember(kept, coef, state, order, n_working, history)
            kept += 1
            decrease = sweep(design, curvature, penalty, coef, state, order, n_working)
            n_iter += 1
            epoch += 1
            if kept == len(history[0]) - 1:
                remember(kept, coef, state, order, n_working, history)
                extrapolate(design, penalty, coef, state, order, n_working, history)
                kept = 0
            if decrease <= NEGLIGIBLE * norm2:
                break
            stalled = False
            if epoch % period == 0 or decrease <= 0.01 * target:
                norm2 = set_gradient(design, coef, state, gradient, order, n_working)
                inner = optimality_gap(
                    penalty, curvature, coef, gradient, order, n_working, norm2
                )
                if inner <= target:
                    break
        rebuild_state(design, coef, start_state, state)
        norm2 = set_gradient(design, coef, state, gradient, order, n_features)
        gap = optimality_gap(penalty, curvature, coef, gradient, order, n_features, norm2)
        if stalled:  # a fixed point to the last bit: as good as this precision gets
            break
    return gap, n_iter


@jit
def certify(penalty, numbers, curvature, coefs, gradients, order, norm2, gaps):
    """:func:`optimality_gap` of solutions found elsewhere, for the features in `order`.

    Parameters
    ----------
    penalty : NamedTuple
    numbers : ndarray of shape (n_solutions, n_numbers)
        What makes the penalty of each solution of `penalty`, see `with_numbers`.
    curvature : ndarray of shape (n_features,)
    coefs, gradients : ndarray of shape (n_solutions, n_features)
        Gradients must be known for the features in `order`; all others must have a zero
        coefficient and be known to satisfy the optimality condition.
    order : ndarray of int
    norm2, gaps : ndarray of shape (n_solutions,)
        Mean squares of the residuals; `gaps` is written.
    """
    for t in range(len(numbers)):
        kernel = with_numbers(penalty, numbers[t])
        gaps[t] = optimality_gap(
            kernel, curvature, coefs[t], gradients[t], order, order.size, norm2[t]
        )
