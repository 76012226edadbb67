"""Block coordinate descent: one row of coefficients (a feature, all targets) at a time.

Minimises, for centred residuals R = Y - X coef with rows coef_j of length n_targets,

    1/2 sum_i omega_i ||R_i||^2 + sum_j value(penalty, j, ||coef_j||).

A penalty of the row norm only turns its proximal operator into the scalar one along the
row, so every scalar penalty is a multi-task penalty too (L1 gives the L21 norm):

    coef_j <- v prox(penalty, j, ||v||, 1 / h_j) / ||v||,    v = coef_j + g_j / h_j.

Reference: Obozinski, Taskar and Jordan, Joint covariate selection and joint subspace
selection for multiple classification problems, Statistics and Computing, 2010.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.cd import CHECK_EVERY, NEGLIGIBLE
from skreg._kernels.design import column_dot, column_update, residual_norm2
from skreg.penalties import (
    conjugate,
    dual_norm,
    has_dual,
    prox,
    strong_convexity,
    subdiff_distance,
    value,
)

# A sum of squares between these has lost nothing.
LEAST_SQUARE, LARGEST_SQUARE = 1e-280, 1e280


@inlined
def distance_of(rows, j, share, others):
    """||row j - share other|| of short rows, divided by their largest entry where squares
    would leave the range of numbers. A view of each row would take longer than the sum.
    """
    total, unit = 0.0, 0.0
    for k in range(rows.shape[1]):
        entry = rows[j, k] - share * others[j, k]
        total += entry * entry
    if LEAST_SQUARE < total < LARGEST_SQUARE:
        return np.sqrt(total)
    for k in range(rows.shape[1]):
        unit = max(unit, abs(rows[j, k] - share * others[j, k]))
    if unit == 0.0:
        return 0.0
    total = 0.0
    for k in range(rows.shape[1]):
        entry = (rows[j, k] - share * others[j, k]) / unit
        total += entry * entry
    return unit * np.sqrt(total)


@inlined
def row_norm(rows, j):
    """Euclidean norm of row j, a short one."""
    total, largest = 0.0, 0.0
    for k in range(rows.shape[1]):
        total += rows[j, k] * rows[j, k]
    if LEAST_SQUARE < total < LARGEST_SQUARE:
        return np.sqrt(total)
    for k in range(rows.shape[1]):
        largest = max(largest, abs(rows[j, k]))
    return distance_of(rows, j, 0.0, rows) if largest > 0.0 else 0.0


@inlined
def row_distance(penalty, j, coef, gradient):
    """Distance of a row of the gradient from the subdifferential at a row of coef.

    At coef_j = 0 a matter of the norm; else of the part along coef_j, all the rest
    being too much.
    """
    size = row_norm(coef, j)
    if size == 0.0:
        return subdiff_distance(penalty, j, 0.0, row_norm(gradient, j))
    along = 0.0
    for k in range(coef.shape[1]):
        along += gradient[j, k] * (coef[j, k] / size)
    rest = distance_of(gradient, j, along / size, coef)
    return np.hypot(subdiff_distance(penalty, j, size, along), rest)


@inlined
def group_gap(penalty, curvature, coef, gradient, order, count, norm2):
    """Duality gap over the first `count` rows of `order`; see cd.optimality_gap."""
    l2 = strong_convexity(penalty)
    n_targets = coef.shape[1]
    worst = 1.0
    for position in range(count):
        j = order[position]
        size = distance_of(gradient, j, l2, coef)
        worst = max(worst, dual_norm(penalty, j, size))
    scale = 1.0 / worst
    if not has_dual(penalty) or (scale == 0.0 and l2 == 0.0):
        promised = 0.0
        for position in range(count):
            j = order[position]
            if curvature[j] > 0.0:
                distance = row_distance(penalty, j, coef, gradient)
                promised += 0.5 * distance * distance / curvature[j]
        return promised
    shrunk = 0.5 * (1.0 - scale) * (1.0 - scale)
    scaled, conjugated = shrunk * norm2, 0.0
    for position in range(count):
        j = order[position]
        inner = 0.0
        for k in range(n_targets):
            inner += gradient[j, k] * coef[j, k]
        size = row_norm(coef, j)
        height = value(penalty, j, size)
        root = np.sqrt(l2) * size
        quadratic = 0.5 * root * root
        scaled += height - quadratic - scale * (inner - 2.0 * quadratic)
        scaled += 2.0 * shrunk * quadratic
        conjugated += height + conjugate(penalty, j, row_norm(gradient, j)) - inner
    return max(min(scaled, conjugated), 0.0)


@inlined
def group_step(design, h, penalty, j, coef, state, point):
    """Minimise over row j; `point`, of one row, is scratch. Returns h ||change||^2 / 2."""
    n_targets = coef.shape[1]
    for k in range(n_targets):
        point[0, k] = coef[j, k] + column_dot(design, j, state[k]) / h
    size = row_norm(point, 0)
    shrink = prox(penalty, j, size, 1.0 / h) / size if size > 0.0 else 0.0
    change = 0.0
    for k in range(n_targets):
        delta = shrink * point[0, k] - coef[j, k]
        if delta != 0.0:
            column_update(design, j, delta, state[k])
            coef[j, k] = shrink * point[0, k]
            change += delta * delta
    return 0.5 * h * change


@inlined
def set_group_gradient(design, state, gradient, order, count):
    """Correlation of the first `count` features of `order` with every residual."""
    for position in range(count):
        j = order[position]
        for k in range(gradient.shape[1]):
            gradient[j, k] = column_dot(design, j, state[k])


@inlined
def group_norm2(design, coef, state):
    """sum_i omega_i ||R_i||^2."""
    total = 0.0
    for k in range(state.shape[0]):
        total += residual_norm2(design, coef[:, k], state[k])
    return total


@inlined
def rebuild_group_state(design, coef, start_state, state):
    """The state from scratch, so that rounding does not pile up."""
    state[:] = start_state
    for j in range(coef.shape[0]):
        for k in range(coef.shape[1]):
            if coef[j, k] != 0.0:
                column_update(design, j, coef[j, k], state[k])


@inlined
def needed(penalty, j, coef, gradient):
    """Whether row j is non-zero or violates optimality at zero."""
    for k in range(coef.shape[1]):
        if coef[j, k] != 0.0:
            return True
    return row_distance(penalty, j, coef, gradient) > 0.0


@jit
def group_coordinate_descent(
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
    point,
):
    """Minimise from `coef` until the gap is <= tol or `max_iter` epochs are done.

    As :func:`skreg._kernels.cd.coordinate_descent`, with coef and gradient of shape
    (n_features, n_targets), states (n_targets, ...) and scratch `point` (n_targets,).
    """
    n_features, row = coef.shape[0], point.reshape((1, point.size))
    rebuild_group_state(design, coef, start_state, state)
    norm2 = group_norm2(design, coef, state)
    if not screened:
        set_group_gradient(design, state, gradient, order, n_features)
    gap = group_gap(penalty, curvature, coef, gradient, order, n_features, norm2)
    n_iter, n_working = 0, 0
    rule = screening_penalty
    while gap > tol and n_iter < max_iter:
        for position in range(n_working, n_features):
            j = order[position]
            if curvature[j] > 0.0 and needed(rule, j, coef, gradient):
                order[position], order[n_working] = order[n_working], j
                n_working += 1
        rule = penalty
        moved, epoch = 0.0, 0
        while n_iter < max_iter:
            decrease = 0.0
            for position in range(n_working):
                j = order[position]
                decrease += group_step(design, curvature[j], penalty, j, coef, state, row)
            n_iter += 1
            epoch += 1
            moved += decrease
            if decrease <= NEGLIGIBLE * norm2:
                break
            if epoch % CHECK_EVERY == 0:
                set_group_gradient(design, state, gradient, order, n_working)
                norm2 = group_norm2(design, coef, state)
                inner = group_gap(
                    penalty, curvature, coef, gradient, order, n_working, norm2
                )
                if inner <= 0.5 * tol:
                    break
        rebuild_group_state(design, coef, start_state, state)
        set_group_gradient(design, state, gradient, order, n_features)
        norm2 = group_norm2(design, coef, state)
        gap = group_gap(penalty, curvature, coef, gradient, order, n_features, norm2)
        if moved == 0.0:  # a fixed point to the last bit
            break
    return gap, n_iter


@jit
def certify_rows(penalty, coef, gradient, order, norm2):
    """:func:`group_gap` of the features in `order`, for solutions found elsewhere."""
    curvature = np.ones(coef.shape[0])
    return group_gap(penalty, curvature, coef, gradient, order, order.size, norm2)
