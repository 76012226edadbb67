"""Squared epsilon-insensitive loss: max(0, |y - eta| - epsilon)^2."""

from typing import NamedTuple

from skreg.losses._interface import register


class SquaredEpsilonInsensitive(NamedTuple):
    """Kernel of max(0, |y - eta| - epsilon)^2."""

    epsilon: float = 0.1


def value(loss, y, eta):
    over = max(abs(y - eta) - loss.epsilon, 0.0)
    return over * over


def d1(loss, y, eta):
    over = 2.0 * max(abs(y - eta) - loss.epsilon, 0.0)
    return over if eta > y else -over


def d2(loss, y, eta):
    return 2.0 if abs(y - eta) > loss.epsilon else 0.0


def inverse_link(loss, eta):
    return eta


register(SquaredEpsilonInsensitive, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
