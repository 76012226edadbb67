"""FTRL-proximal (McMahan et al., Ad click prediction: a view from the trenches, KDD 2013).

After rows of weights s_1, ..., s_t the weight of column j minimises

    sum_r g_r w + sum_r sigma_r (w - w_r)^2 / 2 + T (l1 |w| + l2 w^2 / 2),

g_r being the gradients (weights included), sigma_r the changes of 1 / h with the learning
rate h = eta0 / (beta + sqrt(sum of g_r^2)), and T = sum of s_r: the penalty is that of the
mean loss, so it grows with the rows. With z = sum_r (g_r - sigma_r w_r),

    w = -S(z, T l1) / (1 / h + T l2),

computed when a row has the column. Rows without it change nothing but T.
"""

from typing import NamedTuple

import numpy as np

from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import soft_threshold

LINEAR, SQUARES = range(2)  # fields of a slot: z, and the sum of squared gradients


class FTRL(NamedTuple):
    """State of a table of columns."""

    state: np.ndarray  # (n_slots, 2, n_models)
    clock: np.ndarray  # (1, n_models): T
    l1: np.ndarray  # (n_models,)
    l2: np.ndarray
    eta0: float
    beta: float


def weight(rule, slot, m):
    seen = rule.clock[0, m]
    top = soft_threshold(rule.state[slot, LINEAR, m], seen * rule.l1[m])
    if top == 0.0:
        return 0.0
    bottom = (rule.beta + np.sqrt(rule.state[slot, SQUARES, m])) / rule.eta0
    return -top / (bottom + seen * rule.l2[m])


def advance(rule, m, rate, row_weight, slope):
    rule.clock[0, m] += row_weight
    return slope


def learn(rule, slot, m, weight, gradient):
    squares = rule.state[slot, SQUARES, m]
    more = squares + gradient * gradient
    sigma = (np.sqrt(more) - np.sqrt(squares)) / rule.eta0
    rule.state[slot, LINEAR, m] += gradient - sigma * weight
    rule.state[slot, SQUARES, m] = more


register(FTRL, weight=weight, final_weight=weight, advance=advance, learn=learn)
