"""Penalties: one file each, and the functions that every solver asks of them.

A new penalty is a :class:`Penalty` subclass, a kernel ``NamedTuple`` and a call of
:func:`register`; no solver is edited. ``docs/architecture.md`` shows one.
"""

from skreg.penalties._interface import (
    Penalty,
    conjugate,
    dual_norm,
    has_dual,
    prox,
    register,
    slope_at_zero,
    strong_convexity,
    subdiff_distance,
    value,
    with_numbers,
)
from skreg.penalties._l1 import L1
from skreg.penalties._l1_l2 import L1L2
from skreg.penalties._l2 import L2

__all__ = [
    "L1",
    "L1L2",
    "L2",
    "Penalty",
    "conjugate",
    "dual_norm",
    "has_dual",
    "prox",
    "register",
    "slope_at_zero",
    "strong_convexity",
    "subdiff_distance",
    "value",
    "with_numbers",
]
