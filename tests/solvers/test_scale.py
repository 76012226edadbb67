"""A standardized sample is that of X / scale, whatever the storage, without such an X."""

import numpy as np
import pytest
from scipy import sparse

from skreg._kernels.design import (
    CSC,
    Dense,
    Scaled,
    column_dot,
    column_size,
    column_update,
    has_gradient,
    residual_norm2,
    unscaled,
)
from skreg._solvers.columns import pack_columns
from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.moments import make_moments, moments_from_gram
from skreg._solvers.row_working_set import correlation_of
from skreg._solvers.sample import (
    column_design,
    explicit_matrix,
    make_kernel_matrix,
    make_sample,
    standard_scale,
    start_state,
)
from skreg.penalties import L1
from tests.kernels.drive import descend, descend_rows
from tests.linear import judge, oracle
from tests.solvers.test_sample import STORAGE, close, data, every_setting, every_storage

SIZES = 2.0 ** np.array([0, 20, -20, 3, -6, 9])


def scaled_data(weighted=False):
    """Columns of very different sizes, exact in float32; the last two without zeros."""
    X, y, weight = data(weighted=weighted)
    X = X * SIZES
    X[:, 4:] += 4.0 * SIZES[4:]
    return X, y, weight


def expected_scale(X, weight):
    """Population standard deviations in long doubles."""
    A, _ = oracle.explicit(X, np.zeros(len(X)), weight)
    return np.sqrt(np.sum(A * A, axis=0))


def made(storage, weighted, fit_intercept):
    X, y, weight = scaled_data(weighted)
    sample = make_sample(STORAGE[storage](X), y, weight, fit_intercept, standardize=True)
    A, b = oracle.explicit(X, y, weight, fit_intercept)
    return sample, A / expected_scale(X, weight), b


@every_storage
@every_setting
def test_scale_is_the_standard_deviation(storage, weighted, fit_intercept):
    X, _, weight = scaled_data(weighted)
    sample, *_ = made(storage, weighted, fit_intercept)
    close(sample.scale, expected_scale(X, weight))


@every_storage
@every_setting
def test_matrices_are_those_of_the_scaled_columns(storage, weighted, fit_intercept):
    sample, A, b = made(storage, weighted, fit_intercept)
    moments = make_moments(sample)
    close(moments.gram, A.T @ A)
    close(moments.correlation, A.T @ b)
    close(make_kernel_matrix(sample), A @ A.T)
    close(explicit_matrix(sample), A)


@every_storage
@every_setting
def test_products_are_those_of_the_scaled_columns(storage, weighted, fit_intercept):
    sample, A, _ = made(storage, weighted, fit_intercept)
    roots = sample.weight_roots().astype(np.longdouble)
    coef = np.random.default_rng(1).standard_normal((3, 6))
    rows = np.random.default_rng(2).standard_normal((40, 3))
    close(sample.fitted(coef), (A / roots) @ coef.T)
    close(sample.correlation(rows), A.T @ (roots * rows))
    some = np.array([4, 1])
    close(correlation_of(sample, some, rows), A[:, some].T @ (roots * rows))


@every_storage
@every_setting
def test_intercepts_and_coefficients_of_X_as_it_is(storage, weighted, fit_intercept):
    X, y, weight = scaled_data(weighted)
    sample, *_ = made(storage, weighted, fit_intercept)
    coef = np.random.default_rng(1).standard_normal((2, 6))
    original = sample.original(coef)
    close(original, coef / expected_scale(X, weight), rtol=1e-12, atol=0.0)
    close(sample.standardized(original), coef)
    omega = oracle.row_weights(40, weight)
    expected = omega @ (y - X @ original.T) if fit_intercept else np.zeros(2)
    close(sample.intercept(coef), expected)


@every_storage
@every_setting
def test_design_is_that_of_the_scaled_columns(storage, weighted, fit_intercept):
    sample, A, b = made(storage, weighted, fit_intercept)
    design, curvature = column_design(sample)
    state = start_state(design, sample, 0)
    close(curvature, np.sum(A * A, axis=0))
    close([column_dot(design, j, state) for j in range(6)], A.T @ b[:, 0])
    coef = np.array([0.7, -1.1, 0.0, 2.0, 0.3, -0.4])
    for j, delta in enumerate(coef):
        column_update(design, j, delta, state)
    residual = b[:, 0] - A @ coef
    close([column_dot(design, j, state) for j in range(6)], A.T @ residual)
    close(residual_norm2(design, coef, state), residual @ residual)


@pytest.mark.parametrize(("storage", "kind"), [("F", Dense), ("csc", CSC)])
def test_only_a_standardized_sample_has_a_scaled_design(storage, kind):
    X, y, _ = data()
    given = STORAGE[storage](X)
    plain, _ = column_design(make_sample(given, y, None, True))
    scaled, _ = column_design(make_sample(given, y, None, True, standardize=True))
    assert type(plain) is kind
    assert type(scaled) is Scaled
    assert type(unscaled(scaled)) is kind
    assert unscaled(plain) is plain
    assert np.shares_memory(scaled.design[0], given if kind is Dense else given.data)
    assert column_size(scaled, 2) == column_size(plain, 2)
    assert not has_gradient(scaled)


@pytest.mark.parametrize("storage", ["F", "csc"])
@every_setting
def test_descent_on_a_scaled_design(storage, weighted, fit_intercept):
    sample, A, b = made(storage, weighted, fit_intercept)
    design, curvature = column_design(sample)
    kernel, tol = L1().kernel(0.05), 1e-13
    states = [start_state(design, sample, k) for k in range(2)]
    coef, gap, _ = descend(design, curvature, kernel, states[0], tol)
    assert gap <= tol
    assert judge.Objective(A, b[:, 0], 0.05, 0.0).gap(coef) <= 2.0 * tol
    rows, gap, _ = descend_rows(design, curvature, kernel, states[:1], tol)
    assert gap <= tol
    np.testing.assert_allclose(rows[:, 0], coef, atol=1e-6)
    both, gap, _ = descend_rows(design, curvature, kernel, states, tol)
    assert gap <= tol
    slope = np.linalg.norm(A.T @ (b - A @ both), axis=1)
    assert np.max(slope) <= 0.05 * (1.0 + 1e-5)


@every_storage
@every_setting
def test_packed_columns_are_scaled(storage, weighted, fit_intercept):
    sample, A, _ = made(storage, weighted, fit_intercept)
    roots = sample.weight_roots().astype(np.longdouble)
    columns = pack_columns(sample, column_design(sample)[0])
    columns.append(np.array([2, 5]))
    order = np.array([2, 5, 0, 4])
    close(columns.append(order[2:]), A[:, order[2:]].T @ A[:, order])
    coef = np.array([[0.3, -2.0, 1.0, 0.5], [1.0, 0.0, 0.7, -0.2]])
    fitted = (A[:, order] / roots) @ coef.T
    close(columns.combine(coef), fitted.T)
    close(columns.residual(sample.y[:, 0], coef[0]), sample.y[:, 0] - fitted[:, 0])
    close(columns.correlate(sample.y), A[:, order].T @ (roots * sample.y))


@every_setting
def test_moments_from_the_gram_matrix_of_X_as_it_is(weighted, fit_intercept):
    X, y, weight = scaled_data(weighted)
    sample, A, b = made("C", weighted, fit_intercept)
    unscaled_A, _ = oracle.explicit(X, y, weight, fit_intercept)
    moments = moments_from_gram(sample, 40 * (unscaled_A.T @ unscaled_A).astype(float))
    close(moments.gram, A.T @ A)
    close(moments.correlation, A.T @ b)


@every_setting
@pytest.mark.parametrize("storage", ["C", "csc"])
def test_moments_scaled_afterwards_are_the_same(storage, weighted, fit_intercept):
    X, y, weight = scaled_data(weighted)
    plain = make_moments(make_sample(STORAGE[storage](X), y, weight, fit_intercept))
    before = plain.gram.copy()
    scaled = plain.scaled(made(storage, weighted, fit_intercept)[0].scale)
    np.testing.assert_array_equal(plain.gram, before)
    expected = make_moments(made(storage, weighted, fit_intercept)[0])
    close(scaled.gram, expected.gram)
    close(scaled.correlation, expected.correlation)
    close(scaled.X_mean, expected.X_mean)
    if fit_intercept:
        scale = standard_scale(plain.gram.diagonal())
        close(scale, expected_scale(X, weight))


@pytest.mark.parametrize("shape", [(30, 5), (9, 20)], ids=["tall", "wide"])
@pytest.mark.parametrize("storage", ["C", "csc"])
@every_setting
def test_leave_one_out_with_the_scale_of_all_rows(shape, storage, weighted, fit_intercept):
    X, y, weight = data(shape, weighted)
    X[0, 0] = 1e6  # a row of leverage close to one: for small l2 it is taken out for real
    scale = expected_scale(X, weight).astype(float)
    scale[scale == 0] = 1.0
    l2 = np.array([1e-8, 0.01, 3.0])
    given = STORAGE[storage](X)
    sample = make_sample(given, y, weight, fit_intercept, standardize=True)
    expected = leave_one_out(make_sample(X / scale, y, weight, fit_intercept), l2)
    close(leave_one_out(sample, l2), expected, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_offsets_do_not_cost_the_scale_its_digits(storage, weighted, fit_intercept):
    X, y, weight = data((60, 5), weighted)
    given = STORAGE[storage](X + 1e8)
    sample = make_sample(given, y, weight, fit_intercept, standardize=True)
    close(sample.scale, expected_scale(X, weight), rtol=1e-9)


@pytest.mark.parametrize("storage", ["C", "F", "csr", "csc"])
@pytest.mark.parametrize("value", [0.0, 0.1, 1e8, -1e-8])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_constant_column_is_divided_by_one(storage, value, fit_intercept, weighted):
    X, y, weight = data(weighted=weighted)
    X[:, 3] = value
    sample = make_sample(STORAGE[storage](X), y, weight, fit_intercept, standardize=True)
    assert sample.scale[3] == 1.0
    curvature = column_design(sample)[1]
    assert curvature[3] == (0.0 if fit_intercept else pytest.approx(value**2))


@pytest.mark.parametrize("storage", ["C", "F", "csc"])
@pytest.mark.parametrize("size", [1e-100, 1e100])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_columns_of_extreme_size(storage, size, fit_intercept):
    X, y, _ = data()
    plain = make_sample(STORAGE[storage](X), y, None, fit_intercept, standardize=True)
    given = STORAGE[storage](X * np.where(np.arange(6) == 2, size, 1.0))
    sample = make_sample(given, y, None, fit_intercept, standardize=True)
    for function in (make_kernel_matrix, explicit_matrix, lambda s: make_moments(s).gram):
        close(function(sample), function(plain))
    close(sample.correlation(y), plain.correlation(y))
    close(sample.fitted(np.ones((1, 6))), plain.fitted(np.ones((1, 6))))


@every_storage
def test_input_is_neither_written_to_nor_copied(storage):
    X, y, weight = scaled_data(weighted=True)
    given = STORAGE[storage](X)
    before = oracle.dense(given).copy()
    sample = make_sample(given, y, weight, True, standardize=True)
    for function in (make_moments, make_kernel_matrix, explicit_matrix, column_design):
        function(sample)
    np.testing.assert_array_equal(oracle.dense(given), before)
    if not sparse.issparse(given):
        assert sample.X is given
