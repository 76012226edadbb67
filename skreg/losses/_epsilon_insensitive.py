"""Epsilon-insensitive loss: max(0, |y - eta| - epsilon), support vector regression."""

from typing import NamedTuple

from skreg.losses._interface import register


class EpsilonInsensitive(NamedTuple):
    """Kernel of max(0, |y - eta| - epsilon)."""

    epsilon: float = 0.1


def value(loss, y, eta):
    return max(abs(y - eta) - loss.epsilon, 0.0)


def d1(loss, y, eta):
    if abs(y - eta) <= loss.epsilon:
        return 0.0
    return 1.0 if eta > y else -1.0


def d2(loss, y, eta):
    return 0.0


def inverse_link(loss, eta):
    return eta


register(EpsilonInsensitive, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
