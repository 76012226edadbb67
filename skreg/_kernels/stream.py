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


class Work(NamedTuple):
    """Room for a row."""

    weights: np.ndarray  # (n_entries, n_models)
    eta: np.ndarray  # (n_models,): linear predictor
    slope: np.ndarray  # (n_models,): derivative of the loss times the weight of the row
    row_weight: np.ndarray  # (n_models,)
    scale: np.ndarray  # (2, n_models): of the entries, and of the intercept


@dispatched
def weight(rule, slot, m):
    """The weight of a column in model m, now."""


@dispatched
def final_weight(rule, slot, m):
    """The weight of a column in what is predicted with: averaged if that is asked for."""


@dispatched
def advance(rule, m, rate, row_weight, slope):
    """Put the penalty of a row on the clock of model m; what entries are multiplied by."""


@dispatched
def learn(rule, slot, m, weight, gradient):
    """Learn the gradient in a column whose weight was `weight` before the row."""


@dispatched
def n_entries(rows, i):
    """How many entries of row i there are."""


@dispatched
def entry(rows, i, position):
    """Slot and value of one of them."""


def register(rule, *, weight, final_weight, advance, learn):
    """Make a rule known."""
    table = globals()
    for name, function in (
        ("weight", weight),
        ("final_weight", final_weight),
        ("advance", advance),
        ("learn", learn),
    ):
        table[name].register(rule, function)


def _n_dense(rows, i):
    return rows.X.shape[1]


def _dense_entry(rows, i, position):
    return position, rows.X[i, position]


def _n_sparse(rows, i):
    return rows.indptr[i + 1] - rows.indptr[i]


def _sparse_entry(rows, i, position):
    nz = rows.indptr[i] + position
    return rows.indices[nz], rows.data[nz]


n_entries.register(DenseRows, _n_dense)
entry.register(DenseRows, _dense_entry)
n_entries.register(SparseRows, _n_sparse)
entry.register(SparseRows, _sparse_entry)


@inlined
def _rate(rates, m, t):
    """Learning rate of model m at row number t >= 1."""
    if rates.kind == OPTIMAL:
        return 1.0 / (rates.alpha[m] * (rates.first[m] + t - 1.0))
    if rates.kind == INVSCALING:
        return rates.base[m] / t**rates.power_t
    return rates.base[m]


@inlined
def _passive(rates, m, loss_value, square):
    """Rate of a passive-aggressive step over the rate of the penalty."""
    if rates.kind == PASSIVE_1:
        return min(rates.base[m], loss_value / square) / rates.base[m]
    return loss_value / (square + 0.5 / rates.base[m]) / rates.base[m]


@inlined
def predict_row(rows, i, models, rule, bias, work):
    """Linear predictors of row i, its weights in `work`, and the square of its norm."""
    eta = work.eta
    for m in range(eta.size):
        eta[m] = weight(bias, 0, m) if models.fit_intercept else 0.0
    square = 0.0
    for position in range(n_entries(rows, i)):
        slot, x = entry(rows, i, position)
        square += x * x
        for m in range(eta.size):
            w = weight(rule, slot, m)
            work.weights[position, m] = w
            eta[m] += w * x
    return square


@inlined
def look(y, row_weight, square, loss, models, rates, work, totals):
    """Losses and slopes of a predicted row; whether all are finite."""
    for m in range(work.eta.size):
        positive = models.positive[m]
        is_one = positive < 0.0 or y == positive
        target = y if positive < 0.0 else (1.0 if is_one else -1.0)
        s = row_weight * models.factors[m, 1 if is_one else 0]
        loss_value = value(loss, target, work.eta[m])
        slope = s * d1(loss, target, work.eta[m])
        if rates.kind >= PASSIVE_1:
            slope *= _passive(rates, m, loss_value, square)
        work.slope[m] = slope
        work.row_weight[m] = s
        totals[0, m] += s * loss_value
        totals[1, m] += s
        if not np.isfinite(loss_value + slope * slope * square):
            return False
    return True


@jit
def learn_rows(rows, order, first_t, targets, models, loss, rates, rule, bias, work, totals):
    """Predict and learn rows, one after the other.

    Parameters
    ----------
    rows : DenseRows or SparseRows
        Entries of sparse rows are at slots.
    order : ndarray of int of shape (n_rows,)
    first_t : int
        Number of the first row, from 1.
    targets : Targets
    models : Models
    loss : NamedTuple
    rates : Rates
    rule, bias : SGD, AdaGrad or FTRL
        Of the columns, and of the intercepts; changed.
    work : Work
    totals : ndarray of shape (2, n_models)
        Weighted losses of the rows before they were learnt, and weights, are added.

    Returns
    -------
    int
        How many rows were learnt: less than `n_rows` if the loss of one was not finite;
        that row is not learnt.
    """
    for number in range(order.size):
        i = order[number]
        square = predict_row(rows, i, models, rule, bias, work)
        if rates.kind >= PASSIVE_1 and square == 0.0:
            continue
        if not look(
            targets.y[i], targets.weight[i], square, loss, models, rates, work, totals
        ):
            return number
        for m in range(work.eta.size):
            rate = _rate(rates, m, float(first_t + number))
            slope, s = work.slope[m], work.row_weight[m]
            work.scale[0, m] = advance(rule, m, rate, s, slope)
            work.scale[1, m] = advance(bias, m, rate, s, slope)
            if models.fit_intercept and slope != 0.0:
                learn(bias, 0, m, weight(bias, 0, m), work.scale[1, m])
        for position in range(n_entries(rows, i)):
            slot, x = entry(rows, i, position)
            for m in range(work.eta.size):
                gradient = work.scale[0, m] * x
                if gradient != 0.0:
                    learn(rule, slot, m, work.weights[position, m], gradient)
    return order.size


@jit
def read_weights(rule, n_slots, out):
    """out[slot, m] <- final_weight(rule, slot, m)."""
    for slot in range(n_slots):
        for m in range(out.shape[1]):
            out[slot, m] = final_weight(rule, slot, m)
