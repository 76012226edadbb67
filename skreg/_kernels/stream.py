"""One row at a time: predict it, look at its loss, learn it; several models side by side.

The models (classes, or values of alpha) read each row once. What they know of a column is
in its slot: a row of a table that belongs to the rule by which they learn. Rules are the
named tuples of `sgd.py`, `adagrad.py` and `ftrl.py`; all are lazy: a column is charged for
the penalty of the rows without it when it is read again, so that a row costs its entries.

The intercepts are one more rule of the same kind with one slot and no penalty.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import dispatched, inlined, jit
from skreg._kernels.rows import DenseRows, SparseRows
from skreg.losses import d1, value

CONSTANT, OPTIMAL, INVSCALING, PASSIVE_1, PASSIVE_2 = range(5)
BLOCK = 64  # rows that are copied together
STEEPEST = (
    1e12  # slopes are clipped there, as in scikit-learn: a step too far can be undone
)


class Targets(NamedTuple):
    """What the rows are to predict."""

    y: np.ndarray  # (n_samples,): numbers, or codes of classes
    weight: np.ndarray  # (n_samples,)


class Models(NamedTuple):
    """Which target of a row belongs to a model, and how much it weighs."""

    positive: np.ndarray  # (n_models,): the code that is 1, others being -1; -1: y itself
    factors: np.ndarray  # (n_models, 2): of the weights of rows that are -1, and 1
    fit_intercept: bool


class Rates(NamedTuple):
    """Learning rate of each row: one of the constants above."""

    kind: int
    base: np.ndarray  # (n_models,): eta0, or what "adaptive" has made of it
    power_t: float
    alpha: np.ndarray  # (n_models,)
    first: np.ndarray  # (n_models,): of "optimal": rate 1 / (alpha (first + t - 1))


class Table(NamedTuple):
    """What is learnt: a slot for each column, and clocks that all columns share."""

    state: np.ndarray  # (n_slots, n_fields, n_models)
    clock: np.ndarray  # (n_clocks, n_models)
    l1: np.ndarray  # (n_models,)
    l2: np.ndarray


class Work(NamedTuple):
    """Room for a block of rows: its entries that are not zero, one row after the other."""

    slots: np.ndarray  # (n_entries,)
    entries: np.ndarray
    ends: np.ndarray  # (BLOCK + 1,): where rows begin and end
    sources: np.ndarray  # (BLOCK,)
    targets: np.ndarray  # (BLOCK, 2): y and weight
    weights: np.ndarray  # (n_models, longest row): as they were before the row
    row: np.ndarray  # (2, n_models): slope of the loss, and weight


@dispatched(force=True)
def clock_of(rule, clock, l1, l2, m):
    """What all columns of model m share now: a tuple of numbers, read once for a row."""


@dispatched(force=True)
def weight(rule, now, state, slot, m):
    """The weight of a column in model m."""


@dispatched(force=True)
def final_weight(rule, now, state, slot, m):
    """The weight of a column in what is predicted with: averaged if that is asked for."""


@dispatched(force=True)
def advance(rule, state, clock, l1, l2, m, rate, row_weight):
    """Put the penalty of a row on the clock of model m; what its slopes are scaled by."""


@dispatched(force=True)
def learn(rule, now, state, slot, m, weight, gradient):
    """Learn the gradient in a column whose weight was `weight` before the row."""


@dispatched
def gather(rows, members, slots, entries, ends, sources):
    """Copy the entries of rows that are not zero."""


def register(rule, *, clock_of, weight, final_weight, advance, learn):
    """Make a rule known."""
    table = globals()
    for name, function in (
        ("clock_of", clock_of),
        ("weight", weight),
        ("final_weight", final_weight),
        ("advance", advance),
        ("learn", learn),
    ):
        table[name].register(rule, function)


def _gather_dense(rows, members, slots, entries, ends, sources):
    X = rows.X
    end = 0
    for r in range(members.size):
        i = members[r]
        for j in range(X.shape[1]):
            slots[end] = j
            entries[end] = X[i, j]
            end += X[i, j] != 0.0
        ends[r + 1] = end


def _gather_sparse(rows, members, slots, entries, ends, sources):
    data, indices, indptr = rows.data, rows.indices, rows.indptr
    # Where rows are is read for all before any is copied: rows in random order are far
    # apart, and the processor waits for many of them at a time only if it knows where.
    for r in range(members.size):
        sources[r] = indptr[members[r]]
        ends[r + 1] = indptr[members[r] + 1]
    end = 0
    for r in range(members.size):
        shift = sources[r] - end
        stop = ends[r + 1] - shift
        for position in range(end, stop):
            slots[position] = indices[position + shift]
            entries[position] = data[position + shift]
        end = stop
        ends[r + 1] = end


gather.register(DenseRows, _gather_dense)
gather.register(SparseRows, _gather_sparse)


@inlined(force=True)
def _rate(kind, base, power_t, alpha, first, t):
    """Learning rate at row number t >= 1."""
    if kind == OPTIMAL:
        return 1.0 / (alpha * (first + t - 1.0))
    return base / t**power_t if kind == INVSCALING else base


@inlined
def _passive(kind, base, loss_value, square):
    """Rate of a passive-aggressive step over the rate of the penalty."""
    if square == 0.0:
        return 0.0
    if kind == PASSIVE_1:
        return min(base, loss_value / square) / base
    return loss_value / (square + 0.5 / base) / base


@inlined(force=True)
def _touch(state, slots, end):
    """Read the state of the columns of a block, so that it is near when it is needed."""
    total = 0.0
    for position in range(end):
        total += state[np.uint64(slots[position]), 0, 0]
    return total


@inlined(force=True)
def _predict(rule, now, state, m, slots, entries, first, last, weights):
    """Linear predictor of a row in model m but for the intercept; its weights are kept."""
    eta = 0.0
    for position in range(first, last):
        w = weight(rule, now, state, np.uint64(slots[position]), m)
        weights[m, position - first] = w
        eta += w * entries[position]
    return eta


@inlined(force=True)
def _learn_row(rule, now, state, m, slots, entries, first, last, weights, scale):
    """Learn the gradients scale * x_ij in model m."""
    for position in range(first, last):
        slot, w = np.uint64(slots[position]), weights[m, position - first]
        learn(rule, now, state, slot, m, w, scale * entries[position])


@inlined(force=True)
def _square(entries, first, last):
    square = 0.0
    for position in range(first, last):
        square += entries[position] * entries[position]
    return square


@inlined(force=True)
def _target(y, positive):
    """What a model is to predict, and which factor its weight has."""
    if positive < 0.0:
        return y, 1
    return (1.0, 1) if y == positive else (-1.0, 0)


@jit
def learn_rows(
    rows, order, first_t, targets, models, loss, rates, rule, table, bias, work, totals
):
    """Predict and learn rows, one after the other.

    Parameters
    ----------
    rows : DenseRows or SparseRows
        Indices of sparse rows are slots.
    order : ndarray of int of shape (n_rows,)
    first_t : int
        Number of the first row, from 1.
    targets : Targets
    models : Models
    loss : NamedTuple
    rates : Rates
    rule : SGD, AdaGrad or FTRL
    table, bias : Table
        Of the columns, and of the intercepts: one slot without penalty. Changed.
    work : Work
    totals : ndarray of shape (4, n_models)
        Weighted losses of the rows before they were learnt, weights, and numbers of clipped
        slopes are added. The last row has no meaning: what was read ahead must be used, or
        would not be read.

    Returns
    -------
    int
        How many rows were learnt: less than `n_rows` if the loss of one was not finite;
        that row is not learnt.
    """
    # Arrays are taken out of their tuples once: in a loop each time would be counted.
    slots, entries, ends, sources = work.slots, work.entries, work.ends, work.sources
    given, weights, row = work.targets, work.weights, work.row
    y_of, weight_of = targets.y, targets.weight
    positive, factors, fit_intercept = models
    kind, base, power_t, alpha, first_rate = rates
    state, clock, l1, l2 = table
    b_state, b_clock, b_l1, b_l2 = bias
    n_models = row.shape[1]
    for start in range(0, order.size, BLOCK):
        members = order[start : start + BLOCK]
        gather(rows, members, slots, entries, ends, sources)
        for r in range(members.size):
            given[r, 0] = y_of[members[r]]
            given[r, 1] = weight_of[members[r]]
        totals[3, 0] += _touch(state, slots, ends[members.size])
        for r in range(members.size):
            first, last = ends[r], ends[r + 1]
            square = _square(entries, first, last)
            for m in range(n_models):
                now = clock_of(rule, clock, l1, l2, m)
                eta = _predict(rule, now, state, m, slots, entries, first, last, weights)
                if fit_intercept:
                    now = clock_of(rule, b_clock, b_l1, b_l2, m)
                    eta += weight(rule, now, b_state, 0, m)
                target, which = _target(given[r, 0], positive[m])
                s = given[r, 1] * factors[m, which]
                size = value(loss, target, eta)
                slope = d1(loss, target, eta)
                if abs(slope) > STEEPEST:
                    slope = STEEPEST if slope > 0.0 else -STEEPEST
                    totals[2, m] += 1.0
                slope *= s
                if kind >= PASSIVE_1:
                    slope *= _passive(kind, base[m], size, square)
                row[0, m], row[1, m] = slope, s
                totals[0, m] += s * size
                totals[1, m] += s
                # Not np.isfinite, which is x - x == 0: fast-math would cancel that.
                if not abs(size + slope * slope * square) < np.inf:
                    return start + r
            for m in range(n_models):
                t = float(first_t + start + r)
                rate = _rate(kind, base[m], power_t, alpha[m], first_rate[m], t)
                slope, s = row[0, m], row[1, m]
                scale = slope * advance(rule, state, clock, l1, l2, m, rate, s)
                now = clock_of(rule, clock, l1, l2, m)
                if slope != 0.0:
                    _learn_row(
                        rule, now, state, m, slots, entries, first, last, weights, scale
                    )
                if fit_intercept:
                    scale = slope * advance(rule, b_state, b_clock, b_l1, b_l2, m, rate, s)
                    now = clock_of(rule, b_clock, b_l1, b_l2, m)
                    w = weight(rule, now, b_state, 0, m)
                    learn(rule, now, b_state, 0, m, w, scale)
    return order.size


@jit
def read_weights(rule, table, n_slots, out):
    """out[slot, m] <- final_weight(rule, slot, m)."""
    state, clock, l1, l2 = table.state, table.clock, table.l1, table.l2
    for m in range(out.shape[1]):
        now = clock_of(rule, clock, l1, l2, m)
        for slot in range(n_slots):
            out[slot, m] = final_weight(rule, now, state, slot, m)
