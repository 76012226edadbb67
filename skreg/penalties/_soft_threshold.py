"""Soft-thresholding: the kernel shared by the L1, L2 and L1 + L2 penalties.

value(u) = l1 |u| + l2 u^2 / 2, and infinity for u < 0 when `positive`.

Its proximal operator minimises (u - v)^2 / 2 + step * value(u). Setting the derivative
to zero on either side of 0 gives u = (v -+ step l1) / (1 + step l2), and 0 when neither
has the right sign.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg.penalties._interface import register

INFINITY = float("inf")


class SoftThreshold(NamedTuple):
    """Kernel of l1 |u| + l2 u^2 / 2, with u >= 0 if positive."""

    l1: float
    l2: float
    positive: bool


@inlined
def soft_threshold(point, threshold):
    """S(v, t) = sign(v) max(|v| - t, 0)."""
    if point > threshold:
        return point - threshold
    if point < -threshold:
        return point + threshold
    return 0.0


@inlined(force=True)
def shrink(point, threshold):
    """The same without branches, for signs that no processor predicts; NaN stays."""
    return max(point - threshold, 0.0) + min(point + threshold, 0.0)


def value(penalty, j, coef):
    if penalty.positive and coef < 0.0:
        return INFINITY
    root = np.sqrt(penalty.l2) * coef  # squared last: coef^2 may overflow on its own
    return penalty.l1 * abs(coef) + 0.5 * root * root


def prox(penalty, j, point, step):
    if penalty.positive and point < 0.0:
        return 0.0
    return soft_threshold(point, step * penalty.l1) / (1.0 + step * penalty.l2)


def subdiff_distance(penalty, j, coef, gradient):
    slope = gradient - penalty.l2 * coef
    if coef > 0.0:
        return abs(slope - penalty.l1)
    if coef < 0.0:
        return INFINITY if penalty.positive else abs(slope + penalty.l1)
    if penalty.positive:
        return max(slope - penalty.l1, 0.0)
    return max(abs(slope) - penalty.l1, 0.0)


def strong_convexity(penalty):
    return penalty.l2


def dual_norm(penalty, j, point):
    size = max(point, 0.0) if penalty.positive else abs(point)
    if size == 0.0:
        return 0.0
    return size / penalty.l1 if penalty.l1 > 0.0 else INFINITY


def conjugate(penalty, j, point):
    size = point if penalty.positive else abs(point)
    excess = max(size - penalty.l1, 0.0)
    if excess == 0.0:
        return 0.0
    if penalty.l2 == 0.0:
        return INFINITY
    root = excess / np.sqrt(penalty.l2)
    return 0.5 * root * root


def slope_at_zero(penalty, j, sign):
    if penalty.positive and sign < 0.0:
        return -INFINITY
    return penalty.l1 * sign


def with_numbers(penalty, numbers):
    return SoftThreshold(numbers[0], numbers[1], penalty.positive)


register(
    SoftThreshold,
    value=value,
    prox=prox,
    subdiff_distance=subdiff_distance,
    strong_convexity=strong_convexity,
    dual_norm=dual_norm,
    conjugate=conjugate,
    slope_at_zero=slope_at_zero,
    with_numbers=with_numbers,
)
