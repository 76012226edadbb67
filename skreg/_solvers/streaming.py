"""Linear models that learn row by row: SGD, AdaGrad and FTRL-proximal.

Every model minimises, over the rows it is shown,

    sum_i s_i loss(y_i, x_i w + b) / sum_i s_i + alpha [l1_ratio |w|_1
    + (1 - l1_ratio) |w|^2 / 2].

A row of weight s takes a step on s (loss + penalty). A :class:`Stream` is what is learnt;
:func:`learn_from` shows it rows.
"""

from typing import Any, NamedTuple

import numpy as np

from skreg._kernels.adagrad import AdaGrad
from skreg._kernels.ftrl import FTRL
from skreg._kernels.rows import DenseRows
from skreg._kernels.sgd import DECAY, N_CLOCKS, SGD
from skreg._kernels.standardized_ftrl import (
    MEAN,
    SEEN,
    SQUARES,
    WEIGHT_SUM,
    StandardizedFTRL,
    spread,
)
from skreg._kernels.stream import (
    CONSTANT,
    INVSCALING,
    OPTIMAL,
    PASSIVE_1,
    PASSIVE_2,
    Models,
    Rates,
    Table,
    Targets,
    Work,
    learn_rows,
    read_weights,
)
from skreg._solvers.column_store import ColumnStore
from skreg.losses import d1

KINDS = {
    "constant": CONSTANT,
    "adaptive": CONSTANT,
    "optimal": OPTIMAL,
    "invscaling": INVSCALING,
    "pa1": PASSIVE_1,
    "pa2": PASSIVE_2,
}


class Settings(NamedTuple):
    """How to learn; arrays have one entry per model."""

    solver: str  # "sgd", "adagrad", "ftrl"
    loss: Any
    models: Models
    l1: np.ndarray  # alpha l1_ratio
    l2: np.ndarray  # alpha (1 - l1_ratio)
    alpha: np.ndarray  # of learning_rate="optimal"
    learning_rate: str
    eta0: float
    power_t: float
    beta: float
    average_from: int
    standardize: bool = False  # of solver "ftrl": penalties of columns of variance one


class Stream:
    """What is learnt of columns and intercepts; picklable, to go on later.

    Parameters
    ----------
    settings : Settings
    n_features : int
    """

    def __init__(self, settings, n_features):
        n_models = len(settings.l1)
        n_fields, n_clocks = _sizes(settings)
        self.columns = ColumnStore(n_features, n_fields, n_models)
        self.bias = np.zeros((1, n_fields, n_models))
        self.clocks = np.zeros((2, n_clocks, n_models))  # of columns and of intercepts
        if settings.solver == "sgd":
            self.clocks[:, DECAY] = 1.0
        self.shares = np.ones(n_models)  # of eta0, that "adaptive" has left
        self.n_rows = 0

    def tables(self, settings):
        """The kernel tuples of the columns and of the intercepts."""
        nothing = np.zeros_like(settings.l1)
        return (
            Table(self.columns.state, self.clocks[0], settings.l1, settings.l2),
            Table(self.bias, self.clocks[1], nothing, nothing),
        )

    def start_at(self, settings, columns, coef, intercept):
        """Begin from given weights.

        Parameters
        ----------
        settings : Settings
        columns : ndarray of int64 of shape (n,)
            Distinct.
        coef : ndarray of shape (n, n_models)
            Weights of these columns.
        intercept : ndarray of shape (n_models,)
        """
        # The first field of every rule is w but for a factor, as long as nothing is learnt.
        factor = -settings.beta / settings.eta0 if settings.solver == "ftrl" else 1.0
        slots = self.columns.slots_of(columns)
        self.columns.state[slots, 0] = factor * coef
        self.bias[0, 0] = factor * intercept

    def slow_down(self):
        """Divide the learning rate by 5."""
        self.shares /= 5.0

    def weights(self, settings):
        """Weights of the columns in use, and intercepts.

        Returns
        -------
        columns : ndarray of shape (n_slots,)
        coef : ndarray of shape (n_slots, n_models)
        intercept : ndarray of shape (n_models,)
        """
        rule, (table, bias) = _rule(settings), self.tables(settings)
        coef = np.empty((self.columns.n_slots, len(settings.l1)))
        read_weights(rule, table, len(coef), coef)
        intercept = np.empty((1, len(settings.l1)))
        read_weights(rule, bias, 1, intercept)
        return self.columns.columns(), coef, intercept[0]

    def penalty(self, settings):
        """alpha [l1_ratio |w|_1 + (1 - l1_ratio) |w|^2 / 2] of every model."""
        _, coef, _ = self.weights(settings)
        coef = coef * self._scales(settings)
        return settings.l1 * np.abs(coef).sum(axis=0) + 0.5 * settings.l2 * (coef**2).sum(
            axis=0
        )

    def _scales(self, settings):
        """What the weights of columns are multiplied by in the penalty."""
        if not settings.standardize:
            return 1.0
        state = self.columns.state[: self.columns.n_slots]
        seen = self.clocks[0, SEEN]
        parts = (state[:, field] for field in (WEIGHT_SUM, MEAN, SQUARES))
        return np.sqrt(np.maximum(spread(seen, *parts), 0.0) / seen)


class Learnt(NamedTuple):
    """What a pass over rows says."""

    loss: np.ndarray  # (n_models,): weighted mean, each row before it was learnt
    weight: np.ndarray  # (n_models,): sum
    n_rows: int  # how many were learnt: fewer than given if a loss was not finite
    n_clipped: int  # how many losses had a slope beyond bounds


def learn_from(stream, settings, rows, y, weight, order):
    """Show rows to a stream.

    Parameters
    ----------
    stream : Stream
        Changed.
    settings : Settings
    rows : DenseRows or SparseRows
        :func:`rows_of` of the stream's columns.
    y, weight : ndarray of shape (n_samples,)
    order : ndarray of int64 of shape (n_rows,)
        Which rows, and in which order.

    Returns
    -------
    Learnt
    """
    n_models = len(settings.l1)
    totals = np.zeros((3, n_models))
    n_learnt = learn_rows(
        rows,
        order,
        stream.n_rows + 1,
        Targets(y, weight),
        settings.models,
        settings.loss,
        _rates(settings, stream.shares),
        _rule(settings),
        *stream.tables(settings),
        _work(rows, n_models),
        totals,
    )
    stream.n_rows += n_learnt
    # Classes may have a weight of zero, and be alone.
    loss = totals[0] / np.where(totals[1] > 0.0, totals[1], 1.0)
    return Learnt(loss, totals[1], n_learnt, int(totals[2].sum()))


def learning_rates(stream, settings):
    """The learning rate that each model has reached (the largest, of AdaGrad and FTRL)."""
    if settings.solver != "sgd":
        return np.full(len(settings.l1), settings.eta0 / settings.beta)
    rates, t = _rates(settings, stream.shares), stream.n_rows + 1
    if rates.kind == OPTIMAL:
        return 1.0 / (rates.alpha * (rates.first + t - 1.0))
    return rates.base / t**rates.power_t if rates.kind == INVSCALING else rates.base


def _sizes(settings):
    """Fields of a slot, and clocks."""
    if settings.solver == "sgd":
        return (2 if settings.average_from > 0 else 1), N_CLOCKS
    if settings.solver == "adagrad":
        return 3, 2
    return (5, 2) if settings.standardize else (2, 1)


def _rule(settings):
    if settings.solver == "sgd":
        return SGD(settings.average_from)
    if settings.standardize:
        drops_constant = settings.models.fit_intercept
        return StandardizedFTRL(settings.eta0, settings.beta, drops_constant)
    kind = AdaGrad if settings.solver == "adagrad" else FTRL
    return kind(settings.eta0, settings.beta)


def _rates(settings, shares):
    """The schedule; "optimal" begins as Bottou does, at a rate for typical weights."""
    alpha = settings.alpha
    first = np.ones_like(alpha)
    if settings.learning_rate == "optimal" and settings.solver == "sgd":
        typical = np.sqrt(1.0 / np.sqrt(alpha))
        slopes = [max(1.0, float(d1(settings.loss, 1.0, -size))) for size in typical]
        first = np.array(slopes) / (typical * alpha)
    kind = KINDS[settings.learning_rate] if settings.solver == "sgd" else CONSTANT
    return Rates(kind, settings.eta0 * shares, settings.power_t, alpha, first)


def _work(rows, n_models):
    if isinstance(rows, DenseRows):
        longest = rows.X.shape[1]
    else:
        longest = int(np.diff(rows.indptr).max(initial=0))
    return Work(np.empty((n_models, longest)), np.empty((2, n_models)))
