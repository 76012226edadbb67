"""Log-loss of two classes, y = -1 or 1: log(1 + exp(-y eta)), logistic regression."""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg.losses._interface import register


class LogLoss(NamedTuple):
    """Kernel of log(1 + exp(-y eta)); it has no parameters."""


def value(loss, y, eta):
    margin = y * eta
    return np.log1p(np.exp(-abs(margin))) + max(-margin, 0.0)


def value_and_d1(loss, y, eta):
    margin = y * eta
    small = np.exp(-abs(margin))
    share = (small if margin >= 0.0 else 1.0) / (1.0 + small)
    # The logarithm takes a quarter of the time of log1p, and loses no digits here.
    size = np.log(1.0 + small) if small > 0.1 else np.log1p(small)
    return size + max(-margin, 0.0), -y * share


def d1(loss, y, eta):
    return -y * _share(-y * eta)


def d2(loss, y, eta):
    return _share(eta) * _share(-eta)


def inverse_link(loss, eta):
    return np.tanh(0.5 * eta)


@inlined
def _share(eta):
    """1 / (1 + exp(-eta)) without overflow."""
    small = np.exp(-abs(eta))
    return (1.0 if eta >= 0.0 else small) / (1.0 + small)


register(
    LogLoss, value=value, d1=d1, d2=d2, inverse_link=inverse_link, value_and_d1=value_and_d1
)
