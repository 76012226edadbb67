"""Losses: one file each, and their functions of one row.

The least-squares solvers have squared error built in; these are for solvers of a general
loss. Losses of two classes have targets of -1 and 1.
"""

from skreg.losses._epsilon_insensitive import EpsilonInsensitive
from skreg.losses._gamma import Gamma
from skreg.losses._hinge import Hinge
from skreg.losses._huber import Huber
from skreg.losses._interface import (
    d1,
    d2,
    inverse_link,
    register,
    value,
    value_and_d1,
)
from skreg.losses._log_loss import LogLoss
from skreg.losses._modified_huber import ModifiedHuber
from skreg.losses._poisson import Poisson
from skreg.losses._quantile import Quantile
from skreg.losses._squared_epsilon_insensitive import SquaredEpsilonInsensitive
from skreg.losses._squared_error import SquaredError
from skreg.losses._squared_hinge import SquaredHinge

__all__ = [
    "EpsilonInsensitive",
    "Gamma",
    "Hinge",
    "Huber",
    "LogLoss",
    "ModifiedHuber",
    "Poisson",
    "Quantile",
    "SquaredEpsilonInsensitive",
    "SquaredError",
    "SquaredHinge",
    "d1",
    "d2",
    "inverse_link",
    "register",
    "value",
    "value_and_d1",
]
