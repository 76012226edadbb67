"""Stochastic gradient descent with lazy L1, L2 and averages.

A step of learning rate eta on a row of weight s is

    w <- (1 - eta s l2) w;   w <- w - eta s gradient;   L1: eta s l1 towards zero, not across,

where L1 is the cumulative penalty of Tsuruoka, Tsujii and Ananiadou (Stochastic gradient
descent training for L1-regularized log-linear models with cumulative penalty, ACL 2009):
what a weight at zero could not be charged is charged when it leaves zero, so that zeros
depend on sums of gradients and not on the noise of the last row.

With the products D of the factors (1 - eta s l2) and the sums U of eta s l1 / D, that is

    w = D S(theta, U),    theta <- theta - eta s gradient / D,

soft-thresholding S of the sum of all steps: a clipped weight w/D = theta -+ U loses as much
as its charge grows, as long as it is not zero, and both sides are zero where |theta| <= U.
So a column keeps one number that changes only in rows that have it, and penalties are exact
at the cost of two numbers per model.

The average is that of the dual variables: S(mean of D theta, mean of D U), which is the mean
of the weights where their sign never changed, and zero where the mean gradient is too small
for L1. With l1 = 0 it is the plain mean of the weights (Polyak and Juditsky, 1992). Its sum
over rows is theta P - lag with P the sum of D and lag <- lag + (change of theta) P.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined
from skreg._kernels.stream import register
from skreg.penalties._soft_threshold import soft_threshold

DECAY, THRESHOLD, SUM_BEFORE, SUM_DECAY, SUM_THRESHOLD, COUNT = range(6)
N_CLOCKS = 6
# Of D: far from underflow; and where sums of it are kept, theta P must not cancel.
SMALLEST, SMALLEST_AVERAGED = 1e-100, 1e-4


class SGD(NamedTuple):
    """State of a table of columns."""

    state: np.ndarray  # (n_slots, 1 or 2, n_models): theta, and its lag if averaging
    clock: np.ndarray  # (N_CLOCKS, n_models)
    l1: np.ndarray  # (n_models,)
    l2: np.ndarray
    average_from: int  # number of the first row that is averaged; 0: none


@inlined
def weight(rule, slot, m):
    theta = rule.state[slot, 0, m]
    return rule.clock[DECAY, m] * soft_threshold(theta, rule.clock[THRESHOLD, m])


def final_weight(rule, slot, m):
    if rule.average_from == 0 or rule.clock[COUNT, m] < rule.average_from:
        return weight(rule, slot, m)
    n_averaged = rule.clock[COUNT, m] - rule.average_from + 1
    total = _sum_of_duals(rule, slot, m)
    return soft_threshold(total, rule.clock[SUM_THRESHOLD, m]) / n_averaged


def advance(rule, m, rate, row_weight, slope):
    clock = rule.clock
    _shrink(rule, m, max(1.0 - rate * row_weight * rule.l2[m], 0.0))
    decay = clock[DECAY, m]
    clock[THRESHOLD, m] += rate * row_weight * rule.l1[m] / decay
    clock[COUNT, m] += 1.0
    if rule.average_from > 0 and clock[COUNT, m] >= rule.average_from:
        clock[SUM_BEFORE, m] = clock[SUM_DECAY, m]
        clock[SUM_DECAY, m] += decay
        clock[SUM_THRESHOLD, m] += decay * clock[THRESHOLD, m]
    return -rate * slope / decay


def learn(rule, slot, m, weight, gradient):
    rule.state[slot, 0, m] += gradient
    if rule.average_from > 0:
        rule.state[slot, 1, m] += gradient * rule.clock[SUM_BEFORE, m]


@inlined
def _sum_of_duals(rule, slot, m):
    """The sum of D theta over the averaged rows."""
    state = rule.state
    return state[slot, 0, m] * rule.clock[SUM_DECAY, m] - state[slot, 1, m]


@inlined
def _shrink(rule, m, factor):
    """Multiply D by a factor; where it has become tiny, put it into theta and begin anew."""
    clock, state = rule.clock, rule.state
    decay = clock[DECAY, m] * factor
    clock[DECAY, m] = decay
    if decay >= (SMALLEST if rule.average_from == 0 else SMALLEST_AVERAGED):
        return
    for slot in range(state.shape[0]):
        if rule.average_from > 0:
            state[slot, 1, m] = -_sum_of_duals(rule, slot, m)
        state[slot, 0, m] *= decay
    clock[THRESHOLD, m] *= decay
    clock[DECAY, m] = 1.0
    clock[SUM_DECAY, m] = 0.0


register(SGD, weight=weight, final_weight=final_weight, advance=advance, learn=learn)
