"""Squared error: (y - eta)^2 / 2, the loss of least squares."""

from typing import NamedTuple

from skreg.losses._interface import register


class SquaredError(NamedTuple):
    """Kernel of (y - eta)^2 / 2; it has no parameters."""


def value(loss, y, eta):
    return 0.5 * (y - eta) * (y - eta)


def d1(loss, y, eta):
    return eta - y


def d2(loss, y, eta):
    return 1.0


def inverse_link(loss, eta):
    return eta


register(SquaredError, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
