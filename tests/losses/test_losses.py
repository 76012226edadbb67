"""One table of losses, crossed with what every loss promises."""

import importlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from skreg.losses import SquaredError, d1, d2, inverse_link, value

LOSSES = [SquaredError()]
each = pytest.mark.parametrize("loss", LOSSES, ids=repr)

NUMBERS = st.floats(-100, 100)
by_hypothesis = settings(deadline=None, derandomize=True)


@each
@by_hypothesis
@given(y=NUMBERS, eta=NUMBERS)
def test_first_derivative(loss, y, eta):
    h = 1e-4
    numerical = (value(loss, y, eta + h) - value(loss, y, eta - h)) / (2 * h)
    np.testing.assert_allclose(d1(loss, y, eta), numerical, rtol=1e-6, atol=1e-6)


@each
@by_hypothesis
@given(y=NUMBERS, eta=NUMBERS)
def test_second_derivative(loss, y, eta):
    h = 1e-4
    numerical = (d1(loss, y, eta + h) - d1(loss, y, eta - h)) / (2 * h)
    np.testing.assert_allclose(d2(loss, y, eta), numerical, rtol=1e-6, atol=1e-6)


@each
@by_hypothesis
@given(y=NUMBERS, first=NUMBERS, second=NUMBERS)
def test_convex(loss, y, first, second):
    middle = value(loss, y, (first + second) / 2)
    ends = (value(loss, y, first) + value(loss, y, second)) / 2
    assert middle <= ends + 1e-9 * (1 + ends)


@each
def test_mean_loss_is_least_where_the_inverse_link_gives_the_mean(loss):
    y = np.array([0.2, 1.5, 3.0, 0.9])
    found = optimize.minimize_scalar(
        lambda eta: np.mean([value(loss, target, eta) for target in y]),
        bracket=(-1, 1),
        options={"xtol": 1e-12},
    )
    np.testing.assert_allclose(inverse_link(loss, found.x), y.mean(), rtol=1e-6)


@each
def test_loss_is_a_named_tuple_of_an_importable_module(loss):
    assert isinstance(loss, tuple)
    module = importlib.import_module(type(loss).__module__)
    assert getattr(module, type(loss).__name__) is type(loss)


@pytest.mark.parametrize(("y", "eta"), [(1.0, 3.0), (-2.0, 0.5), (0.0, 0.0)])
def test_squared_error_is_the_documented_formula(y, eta):
    loss = SquaredError()
    assert value(loss, y, eta) == (y - eta) ** 2 / 2
    assert d1(loss, y, eta) == eta - y
    assert d2(loss, y, eta) == 1.0
    assert inverse_link(loss, eta) == eta
