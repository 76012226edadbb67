"""Huber's loss: r^2 / 2 where |r| <= epsilon, else epsilon (|r| - epsilon / 2).

r = y - eta: rows far from their prediction pull no harder than those at epsilon.
"""

from typing import NamedTuple

from skreg.losses._interface import register


class Huber(NamedTuple):
    """Kernel of Huber's loss."""

    epsilon: float = 0.1


def value(loss, y, eta):
    size = abs(y - eta)
    if size <= loss.epsilon:
        return 0.5 * size * size
    return loss.epsilon * (size - 0.5 * loss.epsilon)


def d1(loss, y, eta):
    return min(max(eta - y, -loss.epsilon), loss.epsilon)


def d2(loss, y, eta):
    return 1.0 if abs(y - eta) <= loss.epsilon else 0.0


def inverse_link(loss, eta):
    return eta


register(Huber, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
