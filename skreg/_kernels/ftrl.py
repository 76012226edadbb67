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

from skreg._compile import inlined
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import shrink

LINEAR, ROOT = range(2)  # fields of a slot: z, and the root of the sum of g_r^2


class FTRL(NamedTuple):
    """The rule."""

    eta0: float
    beta: float


class Clock(NamedTuple):
    """The penalty of a model so far."""

    threshold: float  # T l1
    base: float  # beta / eta0 + T l2
    slowness: float  # 1 / eta0


def clock_of(rule, clock, l1, l2, m):
    seen = clock[0, m]
    return Clock(seen * l1[m], rule.beta / rule.eta0 + seen * l2[m], 1.0 / rule.eta0)


@inlined(force=True)
def weight(rule, now, state, slot, m):
    top = shrink(-state[slot, LINEAR, m], now.threshold)
    return top / (now.base + now.slowness * state[slot, ROOT, m])


def advance(rule, clock, l1, m, rate, row_weight, decay):
    clock[0, m] += row_weight
    return 1.0


@inlined(force=True)
def learn(rule, now, state, slot, m, weight, x, scale):
    gradient = scale * x
    root = state[slot, ROOT, m]
    more = np.sqrt(root * root + gradient * gradient)
    state[slot, LINEAR, m] += gradient - (more - root) * now.slowness * weight
    state[slot, ROOT, m] = more


register(
    FTRL,
    clock_of=clock_of,
    weight=weight,
    final_weight=weight,
    advance=advance,
    learn=learn,
)
