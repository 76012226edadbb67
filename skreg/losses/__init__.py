"""Losses: one file each, and the functions of one row that every solver asks of them."""

from skreg.losses._interface import d1, d2, inverse_link, register, value
from skreg.losses._squared_error import SquaredError

__all__ = ["SquaredError", "d1", "d2", "inverse_link", "register", "value"]
