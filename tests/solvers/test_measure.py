"""Moments of raw data in one pass are those of the centred sample."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import measure as module
from skreg._solvers.measure import measure, measure_parts
from tests.solvers.test_moments import assert_same, data, moments_of


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array])
def test_one_pass_over_raw_data(convert, weighted, fit_intercept, monkeypatch):
    monkeypatch.setattr(module, "SHIFT_ROWS", 3)
    monkeypatch.setattr(module, "ROWS_PER_SHIFT", 16)
    X, y, weight = data(weighted=weighted, offset=0.25)
    found = measure(convert(X), y, weight, fit_intercept)
    assert_same(found, moments_of(X, y, weight, fit_intercept))


def test_one_pass_keeps_its_digits_beside_a_large_mean():
    rng = np.random.default_rng(0)
    offsets = np.array([0.0, 1e8, -1e5])
    X, y = rng.standard_normal((5000, 3)) + offsets, rng.standard_normal((5000, 1))
    X[:, 2] += np.where(np.arange(5000) < 1024, 1e3, 0.0)  # the shift is far from the mean
    found = measure(X, y + 1e8, None, True)
    exact = X.astype(np.longdouble)
    exact = (exact - exact.mean(axis=0)).astype(float)
    np.testing.assert_allclose(found.gram, exact.T @ exact / 5000, rtol=1e-11)
    np.testing.assert_allclose(
        found.correlation, exact.T @ (y + 1e8 - 1e8) / 5000, rtol=1e-7
    )


def test_many_shifts_keep_their_digits_beside_a_large_mean(monkeypatch):
    """All is a multiple of 1/16, so that 1e8 itself rounds nothing."""
    monkeypatch.setattr(module, "SHIFT_ROWS", 3)
    monkeypatch.setattr(module, "ROWS_PER_SHIFT", 16)
    monkeypatch.setattr(
        module, "row_blocks", lambda X: [slice(k, k + 8) for k in range(0, 40, 8)]
    )
    X, y, weight = data(weighted=True)
    X, y = np.round(16 * X) / 16, np.round(16 * y) / 16
    near = measure(X, y, weight, True)
    far = measure(X + 1e8, y - 1e8, weight, True)
    for name in ("gram", "correlation", "y_norm2"):
        pair = getattr(far, name), getattr(near, name)
        np.testing.assert_allclose(*pair, rtol=1e-12, atol=1e-13, err_msg=name)
    assert far.farthest_mean() > 1e7
    assert near.farthest_mean() < 10.0


def test_one_pass_drops_constant_columns():
    X, y, weight = data(weighted=True)
    X[:, 1] = 0.1
    found = measure(X, y, weight, True)
    assert not found.gram[1].any()
    assert not found.correlation[1].any()


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shuffled", [True, False])
def test_parts_in_one_pass(order, weighted, fit_intercept, shuffled, monkeypatch):
    monkeypatch.setattr(module, "SHIFT_ROWS", 2)
    monkeypatch.setattr(module, "ROWS_PER_SHIFT", 8)
    monkeypatch.setattr(module, "ROWS_PER_PART", 5)
    monkeypatch.setattr(module, "row_blocks", lambda X: [slice(0, 4)])
    X, y, weight = data(weighted=weighted, offset=0.25)
    owner = np.arange(40) % 3 if shuffled else np.arange(40) * 3 // 40
    parts = measure_parts(np.asarray(X, order=order), y, weight, fit_intercept, owner, 3)
    for k, found in enumerate(parts):
        rows = owner == k
        own = None if weight is None else weight[rows]
        assert_same(found, moments_of(X[rows], y[rows], own, fit_intercept))


def test_float32_parts_are_summed_in_float64():
    X, y, _ = data(shape=(3000, 4), offset=100.0)
    parts = measure_parts(X.astype(np.float32), y, None, True, np.arange(3000) % 7, 7)
    for k, found in enumerate(parts):
        assert_same(found, moments_of(X[k::7], y[k::7], None), rtol=1e-11)
