"""Half the Poisson deviance, log link: y log(y / mu) - y + mu with mu = exp(eta)."""

from typing import NamedTuple

import numpy as np

from skreg.losses._interface import register


class Poisson(NamedTuple):
    """Kernel of half the Poisson deviance, y >= 0; it has no parameters."""


def value(loss, y, eta):
    constant = y * np.log(y) - y if y > 0.0 else 0.0
    return constant - y * eta + np.exp(eta)


def d1(loss, y, eta):
    return np.exp(eta) - y


def d2(loss, y, eta):
    return np.exp(eta)


def inverse_link(loss, eta):
    return np.exp(eta)


register(Poisson, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
