"""Penalties registered from outside the package.

The minimax concave penalty, which is not convex:

value(u) = strength |u| - u^2 / (2 gamma) up to |u| = gamma strength, constant beyond.

Reference: Zhang, Nearly unbiased variable selection under minimax concave penalty,
Annals of Statistics, 2010.

And the elastic net, without what is optional for a penalty that is solved exactly.
"""

from typing import NamedTuple

import numpy as np

from skreg.penalties import L1L2, Penalty, _soft_threshold, register


class MCPKernel(NamedTuple):
    strength: float
    gamma: float


def value(penalty, j, coef):
    size = abs(coef)
    if size >= penalty.gamma * penalty.strength:
        return 0.5 * penalty.gamma * penalty.strength * penalty.strength
    return penalty.strength * size - 0.5 * size * size / penalty.gamma


def prox(penalty, j, point, step):
    size, knot = abs(point), penalty.gamma * penalty.strength
    if step >= penalty.gamma:  # concave in between: zero or the point itself
        return point if size > penalty.strength * (step * penalty.gamma) ** 0.5 else 0.0
    if size >= knot:
        return point
    if size <= step * penalty.strength:
        return 0.0
    shrunk = (size - step * penalty.strength) / (1.0 - step / penalty.gamma)
    return shrunk if point > 0.0 else -shrunk


def subdiff_distance(penalty, j, coef, gradient):
    if coef == 0.0:
        return max(abs(gradient) - penalty.strength, 0.0)
    slope = max(penalty.strength - abs(coef) / penalty.gamma, 0.0)
    return abs(gradient - slope) if coef > 0.0 else abs(gradient + slope)


register(MCPKernel, value=value, prox=prox, subdiff_distance=subdiff_distance)


class MCP(Penalty):
    def __init__(self, gamma=3.0):
        self.gamma = gamma

    def kernel(self, alpha):
        return MCPKernel(float(alpha), float(self.gamma))

    def alpha_max(self, gradient):
        return float(np.max(np.abs(gradient), initial=0.0))


class PlainKernel(NamedTuple):
    l1: float
    l2: float
    positive: bool


register(
    PlainKernel,
    value=_soft_threshold.value,
    prox=_soft_threshold.prox,
    subdiff_distance=_soft_threshold.subdiff_distance,
    strong_convexity=_soft_threshold.strong_convexity,
    dual_norm=_soft_threshold.dual_norm,
    conjugate=_soft_threshold.conjugate,
    slope_at_zero=_soft_threshold.slope_at_zero,
)


class PlainElasticNet(Penalty):
    """The elastic net without `with_numbers`: one call of the solver per strength."""

    def __init__(self, l1_ratio=0.5):
        self.l1_ratio = l1_ratio

    def kernel(self, alpha):
        return PlainKernel(*L1L2(self.l1_ratio).kernel(alpha))
