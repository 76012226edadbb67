"""The optimality condition on a Gram matrix: gradients, and how far from zero it is."""

import numpy as np

from skreg._compile import inlined
from skreg._kernels.support_factor import dot
from skreg.penalties import slope_at_zero, strong_convexity, subdiff_distance, value


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
def unexplained(correlation, y_norm2, coef, features, size, gradient):
    """The norm of the residual relative to that of y, from the gradient c - G coef."""
    explained = 0.0
    for i in range(size):
        j = features[i]
        explained += coef[j] * (correlation[j] + gradient[j])
    return np.sqrt(max(1.0 - explained / y_norm2, 0.0)) if y_norm2 > 0.0 else 0.0


@inlined
def inspect(correlation, penalty, coef, features, signs, size, gradient):
    """The largest violation of the optimality condition on the support, the objective
    1/2 coef' G coef - c' coef + penalty, and sum |coef|: the gap is at most that sum
    times the largest violation.
    """
    l2 = strong_convexity(penalty)
    largest, height, total, squares = 0.0, 0.0, 0.0, 0.0
    for i in range(size):
        j = features[i]
        left = gradient[j] - slope_at_zero(penalty, j, signs[i]) - l2 * coef[j]
        largest, squares = max(largest, abs(left)), squares + left * left
        height -= 0.5 * coef[j] * (correlation[j] + gradient[j])
        height += value(penalty, j, coef[j])
        total += abs(coef[j])
    gap = largest * total
    if l2 > 0.0:
        gap = min(gap, squares / (2.0 * l2))
    return largest, height, gap


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
