"""AdaGrad with lazy L1 and L2.

Duchi, Hazan and Singer: Adaptive subgradient methods for online learning and stochastic
optimization, JMLR 2011.

Column j has a learning rate h = eta0 / (beta + sqrt(sum of its squared gradients)). A row
of weight s moves w by -h s gradient, then lets the penalty act for a time h s: it follows
dw/dt = -l2 w - l1 sign(w), and stays at zero. To follow it for a time a and then for b is
to follow it for a + b, so a column without entries in many rows is charged once for all.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import shrink

WEIGHT, ROOT, TOUCHED = range(3)  # fields of a slot; root of the sum of squares
NOW, BEFORE = range(2)  # clocks: sum of the weights of the rows so far


class AdaGrad(NamedTuple):
    """The rule."""

    eta0: float
    beta: float


class Clock(NamedTuple):
    """The clock of a model, and its penalty."""

    now: float
    before: float
    l1: float
    l2: float


@inlined(force=True)
def _rate(rule, root):
    return rule.eta0 / (rule.beta + root)


def clock_of(rule, clock, l1, l2, m):
    return Clock(clock[NOW, m], clock[BEFORE, m], l1[m], l2[m])


@inlined(force=True)
def weight(rule, now, state, slot, m):
    w = state[slot, WEIGHT, m]
    time = _rate(rule, state[slot, ROOT, m]) * (now.now - state[slot, TOUCHED, m])
    if now.l2 == 0.0:
        return shrink(w, now.l1 * time)
    if w == 0.0:
        return 0.0
    shrunk = np.expm1(-now.l2 * time)
    return shrink(w * (1.0 + shrunk), -shrunk * now.l1 / now.l2)


def advance(rule, clock, l1, m, rate, row_weight, decay):
    clock[BEFORE, m] = clock[NOW, m]
    clock[NOW, m] += row_weight
    return 1.0


def learn(rule, now, state, slot, m, weight, x, scale):
    gradient = scale * x
    root = state[slot, ROOT, m]
    root = np.sqrt(root * root + gradient * gradient)
    state[slot, ROOT, m] = root
    state[slot, WEIGHT, m] = weight - _rate(rule, root) * gradient
    state[slot, TOUCHED, m] = now.before


register(
    AdaGrad,
    clock_of=clock_of,
    weight=weight,
    final_weight=weight,
    advance=advance,
    learn=learn,
)
