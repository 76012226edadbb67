"""One table of losses, crossed with what every loss promises."""

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize
from scipy.special import xlogy

import skreg.losses
from skreg.losses import (
    EpsilonInsensitive,
    Gamma,
    Hinge,
    Huber,
    LogLoss,
    ModifiedHuber,
    Poisson,
    Quantile,
    SquaredEpsilonInsensitive,
    SquaredError,
    SquaredHinge,
    d1,
    d2,
    inverse_link,
    value,
    value_and_d1,
)

NUMBERS = st.floats(-100, 100)
MODERATE = st.floats(-6, 6)
POSITIVE = st.floats(1e-3, 50)
COUNTS = st.just(0.0) | POSITIVE
LABELS = st.sampled_from([-1.0, 1.0])
by_hypothesis = settings(deadline=None, derandomize=True)


def at(*residuals):
    """Kinks where eta - y is one of these."""
    return lambda y: [y + residual for residual in residuals]


def at_margin(*margins):
    """Kinks where y eta is one of these."""
    return lambda y: [y * margin for margin in margins]


class Row(NamedTuple):
    loss: Any
    formula: Callable  # of y and eta
    targets: Any
    etas: Any
    bends: Callable  # y -> where value has no second derivative
    has_mean: bool = False  # whether inverse_link of the best eta is the mean of y
    jumps: bool = False  # whether the first derivative does not exist there

    def __str__(self):
        return str(self.loss)


TABLE = [
    Row(SquaredError(), lambda y, e: (y - e) ** 2 / 2, NUMBERS, NUMBERS, at(), True),
    Row(
        Huber(1.5),
        lambda y, e: np.where(
            abs(y - e) <= 1.5, (y - e) ** 2 / 2, 1.5 * abs(y - e) - 1.5**2 / 2
        ),
        *(NUMBERS, NUMBERS, at(-1.5, 1.5)),
    ),
    Row(
        EpsilonInsensitive(0.3),
        lambda y, e: np.maximum(abs(y - e) - 0.3, 0),
        *(NUMBERS, NUMBERS, at(-0.3, 0.3), False, True),
    ),
    Row(
        SquaredEpsilonInsensitive(0.3),
        lambda y, e: np.maximum(abs(y - e) - 0.3, 0) ** 2,
        *(NUMBERS, NUMBERS, at(-0.3, 0.3)),
    ),
    Row(
        Quantile(0.2),
        lambda y, e: np.where(y >= e, 0.2 * (y - e), 0.8 * (e - y)),
        *(NUMBERS, NUMBERS, at(0.0), False, True),
    ),
    Row(
        Poisson(),
        lambda y, e: xlogy(y, y) - y * e - y + np.exp(e),
        *(COUNTS, MODERATE, at(), True),
    ),
    Row(
        Gamma(),
        lambda y, e: y / np.exp(e) - np.log(y / np.exp(e)) - 1,
        *(POSITIVE, MODERATE, at(), True),
    ),
    Row(
        LogLoss(),
        lambda y, e: np.logaddexp(0, -y * e),
        *(LABELS, NUMBERS, at_margin(), True),
    ),
    Row(
        Hinge(1.0),
        lambda y, e: np.maximum(1 - y * e, 0),
        *(LABELS, NUMBERS, at_margin(1.0), False, True),
    ),
    Row(
        Hinge(0.0),
        lambda y, e: np.maximum(-y * e, 0),
        *(LABELS, NUMBERS, at_margin(0.0), False, True),
    ),
    Row(
        SquaredHinge(),
        lambda y, e: np.maximum(1 - y * e, 0) ** 2,
        *(LABELS, NUMBERS, at_margin(1.0), True),
    ),
    Row(
        ModifiedHuber(),
        lambda y, e: np.where(y * e >= -1, np.maximum(1 - y * e, 0) ** 2, -4 * y * e),
        *(LABELS, NUMBERS, at_margin(-1.0, 1.0), True),
    ),
]
each = pytest.mark.parametrize("row", TABLE, ids=str)
H = 1e-4


def drawn(row, data):
    return data.draw(row.targets), data.draw(row.etas)


def away_from_bends(row, y, eta):
    assume(all(abs(eta - bend) > 2 * H for bend in row.bends(y)))


def test_every_loss_is_in_the_table():
    classes = {name for name in skreg.losses.__all__ if name[0].isupper()}
    assert {type(row.loss).__name__ for row in TABLE} == classes


@each
@by_hypothesis
@given(data=st.data())
def test_documented_formula(row, data):
    y, eta = drawn(row, data)
    found = value(row.loss, y, eta)
    np.testing.assert_allclose(found, row.formula(y, eta), rtol=1e-12, atol=1e-12)
    assert found >= -1e-12


@each
@by_hypothesis
@given(data=st.data())
def test_first_derivative(row, data):
    y, eta = drawn(row, data)
    if row.jumps:
        away_from_bends(row, y, eta)
    above, below = value(row.loss, y, eta + H), value(row.loss, y, eta - H)
    numerical = (above - below) / (2 * H)
    # Beside a bend the difference is off by a part of H.
    np.testing.assert_allclose(d1(row.loss, y, eta), numerical, rtol=1e-5, atol=2 * H)
    if not any(abs(eta - bend) < 2 * H for bend in row.bends(y)):
        np.testing.assert_allclose(d1(row.loss, y, eta), numerical, rtol=1e-5, atol=1e-6)


@each
@by_hypothesis
@given(data=st.data())
def test_value_and_first_derivative_together(row, data):
    y, eta = drawn(row, data)
    apart = value(row.loss, y, eta), d1(row.loss, y, eta)
    np.testing.assert_allclose(value_and_d1(row.loss, y, eta), apart, rtol=1e-14, atol=0)


@each
@by_hypothesis
@given(data=st.data())
def test_second_derivative(row, data):
    y, eta = drawn(row, data)
    away_from_bends(row, y, eta)
    numerical = (d1(row.loss, y, eta + H) - d1(row.loss, y, eta - H)) / (2 * H)
    np.testing.assert_allclose(d2(row.loss, y, eta), numerical, rtol=1e-5, atol=1e-6)


@each
@by_hypothesis
@given(data=st.data())
def test_slope_at_a_bend_is_a_subgradient(row, data):
    y, other = drawn(row, data)
    for bend in row.bends(y):
        tangent = value(row.loss, y, bend) + d1(row.loss, y, bend) * (other - bend)
        assert value(row.loss, y, other) >= tangent - 1e-9


@each
@by_hypothesis
@given(data=st.data())
def test_convex(row, data):
    y, first = drawn(row, data)
    second = data.draw(row.etas)
    middle = value(row.loss, y, (first + second) / 2)
    ends = (value(row.loss, y, first) + value(row.loss, y, second)) / 2
    assert middle <= ends + 1e-9 * (1 + ends)


@pytest.mark.parametrize("row", [row for row in TABLE if row.has_mean], ids=str)
def test_mean_loss_is_least_where_the_inverse_link_gives_the_mean(row):
    y = np.array([0.2, 1.5, 3.0, 0.9])
    if row.targets is LABELS:
        y = np.array([-1.0, 1.0, 1.0, 1.0, 1.0])
    found = optimize.minimize_scalar(
        lambda eta: np.mean([value(row.loss, target, eta) for target in y]),
        bracket=(-1, 1),
        options={"xtol": 1e-12},
    )
    np.testing.assert_allclose(inverse_link(row.loss, found.x), y.mean(), rtol=1e-6)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_pinball_loss_is_least_at_the_quantile(level):
    y = np.random.default_rng(0).normal(size=101)
    best = np.quantile(y, level, method="inverted_cdf")
    losses = [np.mean([value(Quantile(level), t, eta) for t in y]) for eta in y]
    assert y[np.argmin(losses)] == best


@pytest.mark.parametrize("y", [-1.0, 1.0])
@pytest.mark.parametrize("eta", [-1e4, -800.0, 800.0, 1e4])
def test_log_loss_does_not_overflow(y, eta):
    assert value(LogLoss(), y, eta) == max(0.0, -y * eta)
    assert d1(LogLoss(), y, eta) == (-y if y * eta < 0 else 0.0)
    assert value_and_d1(LogLoss(), y, eta) == (
        value(LogLoss(), y, eta),
        d1(LogLoss(), y, eta),
    )


@each
def test_loss_is_a_named_tuple_of_an_importable_module(row):
    assert isinstance(row.loss, tuple)
    module = importlib.import_module(type(row.loss).__module__)
    assert getattr(module, type(row.loss).__name__) is type(row.loss)
