"""One row at a time: predict it, look at its loss, learn it; several models side by side.

The models (classes, or values of alpha) read each row once. What they know of a column is
in its slot: a row of a table that belongs to the rule by which they learn. Rules are the
named tuples of `sgd.py`, `adagrad.py` and `ftrl.py`; all are lazy: a column is charged for
the penalty of the rows without it when it is read again, so that a row costs its entries.

The intercepts are one more rule of the same kind with one slot and no penalty.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import dispatched, inlined, jit, prefetch
from skreg._kernels.rows import DenseRows, SparseRows
from skreg.losses import value_and_d1

CONSTANT, OPTIMAL, INVSCALING, PASSIVE_1, PASSIVE_2 = range(5)
LINE = 8  # numbers that come from memory together
# Rows between asking for a row and reading it; its columns are asked for half way. With
# 2^20 columns and 30 entries a row takes 110 ns in order and 150 in random order, without
# asking 180 and 700; 6 and 24 rows are as good.
AHEAD = 12
# Slopes are clipped there, as in scikit-learn: a step too far can be undone.
STEEPEST = 1e12


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
    """Room for what is known of a row between predicting and learning it."""

    weights: np.ndarray  # (n_models, longest row): as they were before the row
    row: np.ndarray  # (2, n_models): slope of the loss, and weight


class Packed(NamedTuple):
    """Entries of a row have a slot each."""


class Full(NamedTuple):
    """Every row has all columns, slot by slot."""

    n_features: int


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
def decayed(rule, clock, l2, m, rate, row_weight):
    """The factor that all columns have in common after a row; 1 if there is none."""


@dispatched(force=True)
def remembers(rule):
    """Whether what is learnt of a row needs the weights that it was predicted with."""


@dispatched(force=True)
def smallest(rule):
    """The least factor that columns may have in common."""


@dispatched
def renew(rule, state, clock, m, decay):
    """Put a common factor that has become too small into every column."""


@dispatched(force=True)
def advance(rule, clock, l1, m, rate, row_weight, decay):
    """Put the penalty of a row on the clock of model m; what its slopes are scaled by."""


@dispatched(force=True)
def learn(rule, now, state, slot, m, weight, x, scale):
    """Learn an entry x in a column whose weight was `weight` before the row: its gradient
    is scale * x.
    """


@dispatched(force=True)
def measures(rule):
    """Whether a row without a gradient has something to learn too."""


@dispatched(force=True)
def flat(rows):
    """Layout and arrays of rows: numbers, slots, and where rows begin."""


@dispatched(force=True)
def bounds(layout, starts, i):
    """Where row i begins and ends in the array of numbers."""


@dispatched(force=True)
def slot_at(layout, slots, first, position):
    """The slot of an entry of the row that begins at `first`."""


@dispatched(force=True)
def ask_for_row(layout, data, slots, starts, i):
    """Have a row loaded that will be read later."""


@dispatched(force=True)
def ask_for_state(layout, slots, starts, i, state, width):
    """Have the slots of a row loaded; `width` numbers each."""


def _decayed(rule, clock, l2, m, rate, row_weight):
    return 1.0


def _remembers(rule):
    return True


def _measures(rule):
    return False


def _smallest(rule):
    return 0.0


def _renew(rule, state, clock, m, decay):
    return


def register(
    rule,
    *,
    clock_of,
    weight,
    final_weight,
    advance,
    learn,
    remembers=_remembers,
    measures=_measures,
    decayed=_decayed,
    smallest=_smallest,
    renew=_renew,
):
    """Make a rule known; it need not have a factor in common."""
    table = globals()
    for name, function in (
        ("clock_of", clock_of),
        ("weight", weight),
        ("final_weight", final_weight),
        ("advance", advance),
        ("learn", learn),
        ("remembers", remembers),
        ("measures", measures),
        ("decayed", decayed),
        ("smallest", smallest),
        ("renew", renew),
    ):
        table[name].register(rule, function)


def _flat_sparse(rows):
    return Packed(), rows.data, rows.indices, rows.indptr


def _flat_dense(rows):
    X = rows.X
    nothing = np.zeros(0, np.int64)
    return Full(X.shape[1]), X.reshape(X.size), nothing, nothing


def _packed_bounds(layout, starts, i):
    return starts[np.uint64(i)], starts[np.uint64(i + 1)]


def _full_bounds(layout, starts, i):
    return i * layout.n_features, (i + 1) * layout.n_features


def _packed_slot(layout, slots, first, position):
    return np.uint64(slots[np.uint64(position)])


def _full_slot(layout, slots, first, position):
    return np.uint64(position - first)


def _ask_for_packed_row(layout, data, slots, starts, i):
    first, last = bounds(layout, starts, i)
    for position in range(first, last, LINE):
        prefetch(data, position)
    for position in range(first, last, 2 * LINE):
        prefetch(slots, position)


def _ask_for_full_row(layout, data, slots, starts, i):
    first, last = bounds(layout, starts, i)
    for position in range(first, last, LINE):
        prefetch(data, position)


def _ask_for_slots(layout, slots, starts, i, state, width):
    first, last = bounds(layout, starts, i)
    for position in range(first, last):
        begin = np.int64(slots[np.uint64(position)]) * width
        prefetch(state, begin)
        for field in range(LINE, width, LINE):
            prefetch(state, begin + field)


def _ask_for_nothing(layout, slots, starts, i, state, width):
    return


flat.register(SparseRows, _flat_sparse)
flat.register(DenseRows, _flat_dense)
for _name, _packed, _full in (
    (bounds, _packed_bounds, _full_bounds),
    (slot_at, _packed_slot, _full_slot),
    (ask_for_row, _ask_for_packed_row, _ask_for_full_row),
    (ask_for_state, _ask_for_slots, _ask_for_nothing),
):
    _name.register(Packed, _packed)
    _name.register(Full, _full)


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
def _ask_for_place(starts, y, weight, i):
    """Have loaded where a row is, and what it is to predict."""
    prefetch(starts, i)
    prefetch(y, i)
    prefetch(weight, i)


@inlined(force=True)
def _predict(rule, now, state, m, layout, data, slots, first, last, weights):
    """Linear predictor in model m but for the intercept, and squared length of a row."""
    eta, square = 0.0, 0.0
    for position in range(first, last):
        w = weight(rule, now, state, slot_at(layout, slots, first, position), m)
        if remembers(rule):
            weights[m, np.uint64(position - first)] = w
        x = data[np.uint64(position)]
        eta += w * x
        square += x * x
    return eta, square


@inlined(force=True)
def _learn_row(rule, now, state, m, layout, data, slots, first, last, weights, scale):
    """Learn the entries of a row in model m."""
    for position in range(first, last):
        x = data[np.uint64(position)]
        if remembers(rule) and x == 0.0:
            continue  # so that a zero that is stored, or dense, leaves the same bits
        slot = slot_at(layout, slots, first, position)
        w = weights[m, np.uint64(position - first)] if remembers(rule) else 0.0
        learn(rule, now, state, slot, m, w, x, scale)


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
    totals : ndarray of shape (3, n_models)
        Weighted losses of the rows before they were learnt, weights, and numbers of clipped
        slopes are added.

    Returns
    -------
    int
        How many rows were learnt: less than `n_rows` if the loss of one was not finite;
        that row is not learnt.
    """
    # Arrays are taken out of their tuples once: in a loop each time would be counted.
    layout, data, slots, starts = flat(rows)
    weights, row = work.weights, work.row
    y_of, weight_of = targets.y, targets.weight
    positive, factors, fit_intercept = models
    kind, base, power_t, alpha, first_rate = rates
    state, clock, l1, l2 = table
    b_state, b_clock, b_l1, b_l2 = bias
    n_rows, n_models, width = order.size, row.shape[1], state.shape[1] * state.shape[2]
    numbers = state.reshape(state.size)
    for r in range(n_rows):
        _ask_for_place(starts, y_of, weight_of, order[min(r + 2 * AHEAD, n_rows - 1)])
        ask_for_row(layout, data, slots, starts, order[min(r + AHEAD, n_rows - 1)])
        i = order[min(r + AHEAD // 2, n_rows - 1)]
        ask_for_state(layout, slots, starts, i, numbers, width)
        i = order[r]
        first, last = bounds(layout, starts, i)
        for m in range(n_models):
            now = clock_of(rule, clock, l1, l2, m)
            eta, square = _predict(
                rule, now, state, m, layout, data, slots, first, last, weights
            )
            if fit_intercept:
                now = clock_of(rule, b_clock, b_l1, b_l2, m)
                eta += weight(rule, now, b_state, 0, m)
            target, which = _target(y_of[i], positive[m])
            s = weight_of[i] * factors[m, which]
            size, slope = value_and_d1(loss, target, eta)
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
                return r
        for m in range(n_models):
            rate = _rate(
                kind, base[m], power_t, alpha[m], first_rate[m], float(first_t + r)
            )
            slope, s = row[0, m], row[1, m]
            decay = decayed(rule, clock, l2, m, rate, s)
            if decay < smallest(rule):
                renew(rule, state, clock, m, decay)
                decay = 1.0
            scale = slope * advance(rule, clock, l1, m, rate, s, decay)
            now = clock_of(rule, clock, l1, l2, m)
            if slope != 0.0 or measures(rule):
                _learn_row(
                    rule, now, state, m, layout, data, slots, first, last, weights, scale
                )
            if fit_intercept:
                scale = slope * advance(rule, b_clock, b_l1, m, rate, s, 1.0)
                now = clock_of(rule, b_clock, b_l1, b_l2, m)
                w = weight(rule, now, b_state, 0, m)
                learn(rule, now, b_state, 0, m, w, 1.0, scale)
    return n_rows


@jit
def read_weights(rule, table, n_slots, out):
    """out[slot, m] <- final_weight(rule, slot, m)."""
    state, clock, l1, l2 = table.state, table.clock, table.l1, table.l2
    for m in range(out.shape[1]):
        now = clock_of(rule, clock, l1, l2, m)
        for slot in range(n_slots):
            out[slot, m] = final_weight(rule, now, state, slot, m)
