"""AdaGrad with lazy L1 and L2 (Duchi, Hazan and Singer, Adaptive subgradient methods for
online learning and stochastic optimization, JMLR 2011).

Column j has a learning rate h = eta0 / (beta + sqrt(sum of its squared gradients)). A row of
weight s moves w by -h s gradient, then lets the penalty act for a time h s: it follows
dw/dt = -l2 w - l1 sign(w), and stays at zero. To follow it for a time a and then for b is
to follow it for a + b, so a column without entries in many rows is charged once for all.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import soft_threshold

WEIGHT, SQUARES, TOUCHED = range(3)  # fields of a slot
NOW, BEFORE = range(2)  # clocks: sum of the weights of the rows so far


class AdaGrad(NamedTuple):
    """State of a table of columns."""

    state: np.ndarray  # (n_slots, 3, n_models)
    clock: np.ndarray  # (2, n_models)
    l1: np.ndarray  # (n_models,)
    l2: np.ndarray
    eta0: float
    beta: float


@inlined
def _rate(rule, slot, m):
    return rule.eta0 / (rule.beta + np.sqrt(rule.state[slot, SQUARES, m]))


def weight(rule, slot, m):
    w = rule.state[slot, WEIGHT, m]
    if w == 0.0:
        return 0.0
    elapsed = rule.clock[NOW, m] - rule.state[slot, TOUCHED, m]
    time = _rate(rule, slot, m) * elapsed
    if rule.l2[m] == 0.0:
        return soft_threshold(w, rule.l1[m] * time)
    shrunk = np.expm1(-rule.l2[m] * time)
    return soft_threshold(w * (1.0 + shrunk), -shrunk * rule.l1[m] / rule.l2[m])


def advance(rule, m, rate, row_weight, slope):
    rule.clock[BEFORE, m] = rule.clock[NOW, m]
    rule.clock[NOW, m] += row_weight
    return slope


def learn(rule, slot, m, weight, gradient):
    rule.state[slot, SQUARES, m] += gradient * gradient
    rule.state[slot, WEIGHT, m] = weight - _rate(rule, slot, m) * gradient
    rule.state[slot, TOUCHED, m] = rule.clock[BEFORE, m]


register(AdaGrad, weight=weight, final_weight=weight, advance=advance, learn=learn)
