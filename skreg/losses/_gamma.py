"""Half the Gamma deviance, log link: y / mu - log(y / mu) - 1 with mu = exp(eta)."""

from typing import NamedTuple

import numpy as np

from skreg.losses._interface import register


class Gamma(NamedTuple):
    """Kernel of half the Gamma deviance, y > 0; it has no parameters."""


def value(loss, y, eta):
    return y * np.exp(-eta) + eta - np.log(y) - 1.0


def d1(loss, y, eta):
    return 1.0 - y * np.exp(-eta)


def d2(loss, y, eta):
    return y * np.exp(-eta)


def inverse_link(loss, eta):
    return np.exp(eta)


register(Gamma, value=value, d1=d1, d2=d2, inverse_link=inverse_link)
