"""Losses: one file each, and their functions of one row.

The least-squares solvers have squared error built in; these are for solvers of a general
smooth loss.
"""

from skreg.losses._interface import d1, d2, inverse_link, register, value
from skreg.losses._squared_error import SquaredError

__all__ = ["SquaredError", "d1", "d2", "inverse_link", "register", "value"]
