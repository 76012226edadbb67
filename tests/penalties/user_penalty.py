"""A penalty registered from outside the package: the minimax concave penalty.

value(u) = strength |u| - u^2 / (2 gamma) up to |u| = gamma strength, constant beyond.

Reference: Zhang, Nearly unbiased variable selection under minimax concave penalty,
Annals of Statistics, 2010.
"""

from typing import NamedTuple

import numpy as np

from skreg.penalties import Penalty, register


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
