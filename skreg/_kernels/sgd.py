"""Stochastic gradient descent with lazy L1, L2 and averages.

A step of learning rate eta on a row of weight s is

    w <- (1 - eta s l2) w;  w <- w - eta s gradient;  L1: eta s l1 towards zero, not across,

where L1 is the cumulative penalty of Tsuruoka, Tsujii and Ananiadou (Stochastic gradient
descent training for L1-regularized log-linear models with cumulative penalty, ACL 2009):
what a weight at zero could not be charged is charged when it leaves zero, so that zeros
depend on sums of gradients and not on the noise of the last row.

With the products D of the factors (1 - eta s l2) and the sums U of eta s l1 / D, that is

    w = D S(theta, U),    theta <- theta - eta s gradient / D,

soft-thresholding S of the sum of all steps: a clipped weight w/D = theta -+ U loses as
much as its charge grows, as long as it is not zero, and both sides are zero where
|theta| <= U. So a column keeps one number that changes only in rows that have it, and
penalties are exact at the cost of two numbers per model.

The average is that of the dual variables: S(mean of D theta, mean of D U), which is the
mean of the weights where their sign never changed, and zero where the mean gradient is too
small for L1. With l1 = 0 it is the plain mean of the weights (Polyak and Juditsky, 1992).
Its sum over rows is theta P - lag with P the sum of D and lag <- lag + (change of theta) P.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import shrink

DECAY, THRESHOLD, SUM_BEFORE, SUM_DECAY, SUM_THRESHOLD, COUNT = range(6)
N_CLOCKS = 6
# Of D: far from underflow; and where sums of it are kept, theta P must not cancel.
SMALLEST, SMALLEST_AVERAGED = 1e-100, 1e-2


class SGD(NamedTuple):
    """The rule; a slot has theta, and its lag if averaging."""

    average_from: int  # number of the first row that is averaged; 0: none


class Now(NamedTuple):
    """The clock of a model."""

    decay: float
    threshold: float
    sum_before: float
    sum_decay: float
    sum_threshold: float
    n_averaged: float  # rows


def clock_of(rule, clock, l1, l2, m):
    n_averaged = clock[COUNT, m] - rule.average_from + 1.0
    return Now(
        clock[DECAY, m],
        clock[THRESHOLD, m],
        clock[SUM_BEFORE, m],
        clock[SUM_DECAY, m],
        clock[SUM_THRESHOLD, m],
        n_averaged if rule.average_from > 0 else 0.0,
    )


@inlined(force=True)
def weight(rule, now, state, slot, m):
    return now.decay * shrink(state[slot, 0, m], now.threshold)


def final_weight(rule, now, state, slot, m):
    if now.n_averaged <= 0.0:
        return weight(rule, now, state, slot, m)
    total = state[slot, 0, m] * now.sum_decay - state[slot, 1, m]
    return shrink(total, now.sum_threshold) / now.n_averaged


def remembers(rule):
    return False


def decayed(rule, clock, l2, m, rate, row_weight):
    return clock[DECAY, m] * max(1.0 - rate * row_weight * l2[m], 0.0)


def smallest(rule):
    return SMALLEST if rule.average_from == 0 else SMALLEST_AVERAGED


def advance(rule, clock, l1, m, rate, row_weight, decay):
    # No branches: where they meet, arrays would be counted (60 ns for a row).
    count = clock[COUNT, m] + 1.0
    threshold = clock[THRESHOLD, m] + rate * row_weight * l1[m] / decay
    before = clock[SUM_DECAY, m]
    averaged = decay * np.float64((rule.average_from > 0) & (count >= rule.average_from))
    clock[DECAY, m] = decay
    clock[THRESHOLD, m] = threshold
    clock[COUNT, m] = count
    clock[SUM_BEFORE, m] = before  # zero until averaging begins
    clock[SUM_DECAY, m] = before + averaged
    clock[SUM_THRESHOLD, m] += averaged * threshold
    return -rate / decay


def learn(rule, now, state, slot, m, weight, x, scale):
    gradient = scale * x
    state[slot, 0, m] += gradient
    if rule.average_from > 0:
        state[slot, 1, m] += gradient * now.sum_before


def renew(rule, state, clock, m, decay):
    for slot in range(state.shape[0]):
        if rule.average_from > 0:
            state[slot, 1, m] -= state[slot, 0, m] * clock[SUM_DECAY, m]
        state[slot, 0, m] *= decay
    clock[THRESHOLD, m] *= decay
    clock[SUM_DECAY, m] = 0.0


register(
    SGD,
    clock_of=clock_of,
    weight=weight,
    final_weight=final_weight,
    advance=advance,
    learn=learn,
    remembers=remembers,
    decayed=decayed,
    smallest=smallest,
    renew=renew,
)
