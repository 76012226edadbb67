"""One pass over the rows of several targets, against NumPy in extended precision."""

import numpy as np
import pytest

from skreg._kernels.row_steps import look_at_rows, step_rows

SHAPE = (23, 4)
every_size = pytest.mark.parametrize("power", [-100, 0, 100])


def rows(power):
    """(coef, gradient), a third of the rows of coef zero."""
    rng = np.random.default_rng(0)
    coef = rng.standard_normal(SHAPE) * rng.exponential(size=SHAPE[0])[:, None] ** 3
    coef[::3] = 0.0
    return coef * 10.0**power, rng.standard_normal(SHAPE) * 10.0**power


def norms(array):
    wide = array.astype(np.longdouble)
    return np.sqrt(np.sum(wide * wide, axis=1))


@every_size
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_the_distance_from_optimality(power, l2):
    coef, gradient = rows(power)
    l1 = 0.4 * 10.0**power
    features, size, excess = np.empty(SHAPE[0], np.int64), *np.empty((2, SHAPE[0]))
    direction, right = np.empty((2, *SHAPE))
    count, left = look_at_rows(
        coef, gradient, l1, l2, features, size, direction, right, excess
    )
    inside = np.flatnonzero(coef.any(axis=1))
    np.testing.assert_array_equal(features[:count], inside)
    expected = norms(coef[inside])
    np.testing.assert_allclose(size[:count], expected, rtol=1e-14)
    units = coef[inside] / expected[:, None]
    np.testing.assert_allclose(direction[:count], units, rtol=1e-14)
    away = gradient[inside] - l1 * units - l2 * coef[inside]
    np.testing.assert_allclose(right[:count], away, atol=1e-14 * norms(gradient).max())
    np.testing.assert_allclose(left, norms(away).max(), rtol=1e-13)
    too_long = np.where(coef.any(axis=1), 0.0, norms(gradient) - l1)
    np.testing.assert_allclose(excess, too_long, atol=1e-14 * norms(gradient).max())


@every_size
@pytest.mark.parametrize("step", [1e-9, 1.0])
def test_a_step_is_the_proximal_operator_of_one(power, step):
    """Of v = b + t l1 b / ||b||; short rows of v leave, to the last bit.

    Newton's direction may be one of norms that were known before.
    """
    coef, gradient = rows(power)
    features = np.flatnonzero(coef.any(axis=1))
    size = norms(coef[features]).astype(np.float64)
    direction, known = (
        coef[features] / size[:, None],
        size * np.linspace(0.7, 1.4, len(size)),
    )
    rng = np.random.default_rng(1)
    newton = step * rng.standard_normal(direction.shape) * 10.0**power
    if step == 1.0:  # beyond zero
        newton[:4] = -3.0 * coef[features[:4]]
    threshold, moved = rng.uniform(0.1, 1.0, len(size)) * 10.0**power, np.empty_like(newton)
    total, squares, product = step_rows(
        coef, gradient, features, size, direction, newton, known, threshold, 0.5, moved
    )
    units = coef[features] / norms(coef[features])[:, None]
    along = np.sum(units * newton, axis=1)[:, None] * units
    bound = threshold[:, None].astype(np.longdouble)
    point = coef[features] + bound * units + 0.5 * along
    point = point + 0.5 * (newton - along) * (1.0 + bound / known[:, None])
    shrink = np.maximum(1.0 - bound[:, 0] / norms(point), 0.0)
    after = shrink[:, None] * point
    limit = 1e-13 * norms(coef).max()
    np.testing.assert_allclose(coef[features] + moved, after, atol=limit)
    left = shrink == 0.0
    assert left.any() == (step == 1.0)
    assert not (coef[features] + moved)[left].any()
    grown = norms(after) - norms(coef[features])
    np.testing.assert_allclose(total, grown.sum(), atol=10 * limit)
    expected = np.sum(moved * gradient[features])
    np.testing.assert_allclose(product, expected, rtol=1e-5)
    if power == 0:
        sums = np.sum(norms(after) ** 2 - norms(coef[features]) ** 2)
        np.testing.assert_allclose(squares, sums, rtol=1e-9, atol=1e-11)
