"""Modified Huber loss of two classes, y = -1 or 1 (Zhang, 2004).

max(0, 1 - y eta)^2 where y eta >= -1, and its tangent -4 y eta below.
"""

from typing import NamedTuple

from skreg.losses._interface import register


class ModifiedHuber(NamedTuple):
    """Kernel of the modified Huber loss; it has no parameters."""


def value(loss, y, eta):
    margin = y * eta
    if margin < -1.0:
        return -4.0 * margin
    short = max(1.0 - margin, 0.0)
    return short * short


def d1(loss, y, eta):
    margin = y * eta
    return -4.0 * y if margin < -1.0 else -2.0 * y * max(1.0 - margin, 0.0)


def d2(loss, y, eta):
    return 2.0 * y * y if -1.0 <= y * eta < 1.0 else 0.0


def inverse_link(loss, eta):
    return min(max(eta, -1.0), 1.0)


register(ModifiedHuber, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
