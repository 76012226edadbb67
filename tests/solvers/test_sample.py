"""Samples and moments equal explicit formulas, whatever the storage and the offset."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import sample as samples
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import (
    explicit_matrix,
    make_kernel_matrix,
    make_sample,
    weighted_targets,
)
from tests.linear import oracle

STORAGE = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "float32": lambda X: X.astype(np.float32),
    "float32 F": lambda X: np.asfortranarray(X.astype(np.float32)),
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
}
every_storage = pytest.mark.parametrize("storage", STORAGE)
every_setting = pytest.mark.parametrize(
    ("weighted", "fit_intercept"),
    [(False, True), (False, False), (True, True), (True, False)],
)
every_shape = pytest.mark.parametrize("shape", [(40, 6), (9, 25), (1, 3), (700, 5)])


def data(shape=(40, 6), weighted=False, seed=0):
    """Numbers that float32 holds exactly."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-32, 33, shape) * (rng.uniform(size=shape) < 0.7) / 16.0
    y = rng.standard_normal((shape[0], 2)) + 5.0
    return X, y, rng.uniform(0.1, 3.0, shape[0]) if weighted else None


def made(storage, shape, weighted, fit_intercept, seed=0):
    X, y, weight = data(shape, weighted, seed)
    sample = make_sample(STORAGE[storage](X), y, weight, fit_intercept)
    return sample, *oracle.explicit(X, y, weight, fit_intercept)


def close(found, expected, rtol=1e-12, atol=1e-13):
    np.testing.assert_allclose(found, expected.astype(float), rtol=rtol, atol=atol)


@every_storage
@every_shape
@every_setting
def test_moments_are_the_explicit_products(storage, shape, weighted, fit_intercept):
    sample, A, b = made(storage, shape, weighted, fit_intercept)
    moments = make_moments(sample)
    close(moments.gram, A.T @ A)
    close(moments.correlation, A.T @ b)
    close(moments.y_norm2, np.sum(b * b, axis=0))
    np.testing.assert_allclose(moments.gram, moments.gram.T, atol=1e-14)


@every_storage
@every_shape
@every_setting
def test_kernel_matrix(storage, shape, weighted, fit_intercept):
    sample, A, _ = made(storage, shape, weighted, fit_intercept)
    close(make_kernel_matrix(sample), A @ A.T)


@every_storage
@every_setting
def test_explicit_matrix_and_targets(storage, weighted, fit_intercept):
    sample, A, b = made(storage, (40, 6), weighted, fit_intercept)
    close(explicit_matrix(sample), A)
    close(weighted_targets(sample), b)


@every_storage
@every_setting
def test_products_with_the_centred_matrix(storage, weighted, fit_intercept):
    sample, A, _ = made(storage, (40, 6), weighted, fit_intercept)
    roots = sample.weight_roots().astype(np.longdouble)
    coef = np.random.default_rng(1).standard_normal((3, 6))
    rows = np.random.default_rng(2).standard_normal((40, 3))
    close(sample.fitted(coef), (A / roots) @ coef.T)
    close(sample.correlation(rows), A.T @ (roots * rows))
    close(roots.ravel() ** 2 @ np.ones(40), np.ones(()))


@every_storage
@every_setting
def test_means_and_intercepts(storage, weighted, fit_intercept):
    X, y, weight = data((40, 6), weighted)
    sample = make_sample(STORAGE[storage](X), y, weight, fit_intercept)
    omega = oracle.row_weights(40, weight)
    coef = np.random.default_rng(1).standard_normal((2, 6))
    if fit_intercept:
        close(sample.X_mean, omega @ X)
        close(sample.y_mean, omega @ y)
        close(sample.intercept(coef), omega @ (y - X @ coef.T))
    else:
        assert not np.any(sample.X_mean)
        assert not np.any(sample.intercept(coef))
    assert sample.weight_sum == (40 if weight is None else weight.sum())


@pytest.mark.parametrize("order", ["C", "F"])
@every_setting
def test_tiles_cover_everything(order, weighted, fit_intercept, monkeypatch):
    monkeypatch.setattr(samples, "TILE_ELEMENTS", 40)
    monkeypatch.setattr(samples, "TILE_ROWS", 3)
    sample, A, b = made(order, (40, 13), weighted, fit_intercept)
    moments = make_moments(sample)
    close(moments.gram, A.T @ A)
    close(moments.correlation, A.T @ b)
    close(make_kernel_matrix(sample), A @ A.T)
    close(samples.column_curvature(sample), np.sum(A * A, axis=0))


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("offset", [1e4, 1e8])
@pytest.mark.parametrize("weighted", [False, True])
def test_offsets_do_not_cost_digits(order, offset, weighted):
    X, y, weight = data((60, 5), weighted)
    shifted = X + offset  # exact: multiples of 1/16 below 2^53
    sample = make_sample(STORAGE[order](shifted), y + offset, weight, True)
    A, b = oracle.explicit(shifted, y + offset, weight)
    moments = make_moments(sample)
    close(moments.gram, A.T @ A, rtol=1e-9, atol=1e-9)
    close(moments.correlation, A.T @ b, rtol=1e-9, atol=1e-9)
    close(moments.y_norm2, np.sum(b * b, axis=0), rtol=1e-9)


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1.0, 1e8, -1e-8])
@pytest.mark.parametrize("weighted", [False, True])
def test_constant_columns_are_exactly_zero(storage, value, weighted):
    X, y, weight = data((40, 6), weighted)
    X[:, 3] = value
    sample = make_sample(STORAGE[storage](X), y, weight, True)
    moments = make_moments(sample)
    assert not np.any(moments.gram[3])
    assert not np.any(moments.gram[:, 3])
    assert not np.any(moments.correlation[3])
    assert samples.column_curvature(sample)[3] == 0.0


@every_storage
def test_input_is_not_written_to(storage):
    X, y, weight = data(weighted=True)
    given = STORAGE[storage](X)
    before = oracle.dense(given).copy(), y.copy(), weight.copy()
    sample = make_sample(given, y, weight, True)
    make_moments(sample)
    make_kernel_matrix(sample)
    for after, kept in zip((oracle.dense(given), y, weight), before, strict=True):
        np.testing.assert_array_equal(after, kept)


def pairs(one, other):
    for field in ("X_mean", "y_mean", "gram", "correlation", "y_norm2"):
        yield getattr(one, field), getattr(other, field)


def test_weights_count_by_their_ratios_only():
    X, y, weight = data(weighted=True)
    one = make_moments(make_sample(X, y, weight, True))
    other = make_moments(make_sample(X, y, 8 * weight, True))
    for first, second in pairs(one, other):
        np.testing.assert_allclose(first, second, rtol=1e-13, atol=1e-14)


def test_integer_weights_are_repeated_rows():
    X, y, _ = data()
    weight = np.random.default_rng(3).integers(1, 4, 40)
    weighted = make_moments(make_sample(X, y, weight.astype(float), True))
    rows = np.repeat(np.arange(40), weight)
    repeated = make_moments(make_sample(X[rows], y[rows], None, True))
    for first, second in pairs(weighted, repeated):
        np.testing.assert_allclose(first, second, rtol=1e-12, atol=1e-13)


def test_select_keeps_some_targets():
    X, y, weight = data(weighted=True)
    sample = make_sample(X, y, weight, True)
    some = sample.select(np.array([False, True]))
    np.testing.assert_array_equal(some.y, sample.y[:, [1]])
    np.testing.assert_array_equal(some.y_mean, sample.y_mean[[1]])
