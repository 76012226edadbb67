"""FTRL-proximal with the penalties of columns whose standard deviation is one.

As `ftrl.py`, but for the penalty of column j: after rows of weights s_1, ..., s_t it is

    T (l1 d_j |w| + l2 d_j^2 w^2 / 2),    T = sum of s_r,

d_j being the standard deviation of the column over all rows so far. Thresholds T l1 d_j
then grow like the noise of the sums of gradients they are compared with: a column that
many rows have is thresholded higher than a rare one, and one alpha serves both.

Of its entries that are not zero, a column keeps the sum of their weights W, their mean m
and the sum v of weighted squares about it (Welford). With the zeros,

    T d_j^2 = v + W (1 - W / T) m^2.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg._kernels import ftrl
from skreg._kernels.ftrl import LINEAR, ROOT
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import shrink

WEIGHT_SUM, MEAN, SQUARES = range(2, 5)  # fields of a slot, after those of FTRL
TINY = 1e-300
SEEN, LATEST = range(2)  # clocks: sum of the weights of rows, and the last of them


class StandardizedFTRL(NamedTuple):
    """The rule."""

    eta0: float
    beta: float
    drops_constant: bool  # whether a constant column gets no weight


class Clock(NamedTuple):
    """What all columns share of a model."""

    seen: float  # T
    latest: float  # weight of the row that is learnt
    l1: float
    l2: float
    base: float  # beta / eta0
    slowness: float  # 1 / eta0


def clock_of(rule, clock, l1, l2, m):
    slowness = 1.0 / rule.eta0
    seen, latest = clock[SEEN, m], clock[LATEST, m]
    return Clock(seen, latest, l1[m], l2[m], rule.beta * slowness, slowness)


@inlined(force=True)
def spread(seen, weight_sum, mean, squares):
    """T d^2 of a column."""
    share = (seen - weight_sum) / (seen + TINY)  # of zeros
    return squares + weight_sum * share * mean * mean


@inlined(force=True)
def weight(rule, now, state, slot, m):
    weight_sum = state[slot, WEIGHT_SUM, m]
    total = spread(now.seen, weight_sum, state[slot, MEAN, m], state[slot, SQUARES, m])
    if total <= 0.0 and weight_sum > 0.0:
        if rule.drops_constant and now.l1 + now.l2 > 0.0:
            return 0.0
        total = now.seen
    top = shrink(-state[slot, LINEAR, m], now.l1 * np.sqrt(now.seen * total))
    return top / (now.base + now.l2 * total + now.slowness * state[slot, ROOT, m])


def advance(rule, clock, l1, m, rate, row_weight, decay):
    clock[SEEN, m] += row_weight
    clock[LATEST, m] = row_weight
    return 1.0


def learn(rule, now, state, slot, m, weight, x, scale):
    ftrl.learn(rule, now, state, slot, m, weight, x, scale)
    if now.latest > 0.0:
        weight_sum = state[slot, WEIGHT_SUM, m] + now.latest
        mean = state[slot, MEAN, m]
        new_mean = mean + (x - mean) * (now.latest / weight_sum)
        state[slot, WEIGHT_SUM, m] = weight_sum
        state[slot, MEAN, m] = new_mean
        state[slot, SQUARES, m] += now.latest * (x - mean) * (x - new_mean)


def measures(rule):
    return True


register(
    StandardizedFTRL,
    clock_of=clock_of,
    weight=weight,
    final_weight=weight,
    advance=advance,
    learn=learn,
    measures=measures,
)
