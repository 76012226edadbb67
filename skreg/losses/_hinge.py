"""Hinge of two classes, y = -1 or 1: max(0, threshold - y eta).

The threshold is 1 for support vector machines and 0 for the perceptron.
"""

from typing import NamedTuple

from skreg.losses._interface import register


class Hinge(NamedTuple):
    """Kernel of max(0, threshold - y eta)."""

    threshold: float = 1.0


def value(loss, y, eta):
    return max(loss.threshold - y * eta, 0.0)


def d1(loss, y, eta):
    # At the threshold the slope is that of the wrong side, as in scikit-learn: else a
    # perceptron would never leave zero.
    return -y if y * eta <= loss.threshold else 0.0


def d2(loss, y, eta):
    return 0.0


def inverse_link(loss, eta):
    return eta


register(Hinge, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
