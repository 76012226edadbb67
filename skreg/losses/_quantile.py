"""Pinball loss: level r where r = y - eta > 0, else (level - 1) r; least at a quantile."""

from typing import NamedTuple

from skreg.losses._interface import register


class Quantile(NamedTuple):
    """Kernel of the pinball loss; level in (0, 1)."""

    level: float = 0.5


def value(loss, y, eta):
    r = y - eta
    return loss.level * r if r > 0.0 else (loss.level - 1.0) * r


def d1(loss, y, eta):
    if y == eta:
        return 0.0
    return -loss.level if y > eta else 1.0 - loss.level


def d2(loss, y, eta):
    return 0.0


def inverse_link(loss, eta):
    return eta


register(Quantile, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
