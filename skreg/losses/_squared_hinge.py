"""Squared hinge of two classes, y = -1 or 1: max(0, 1 - y eta)^2."""

from typing import NamedTuple

from skreg.losses._interface import register


class SquaredHinge(NamedTuple):
    """Kernel of max(0, 1 - y eta)^2; it has no parameters."""


def value(loss, y, eta):
    short = max(1.0 - y * eta, 0.0)
    return short * short


def d1(loss, y, eta):
    return -2.0 * y * max(1.0 - y * eta, 0.0)


def d2(loss, y, eta):
    return 2.0 * y * y if y * eta < 1.0 else 0.0


def inverse_link(loss, eta):
    return eta


register(SquaredHinge, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
