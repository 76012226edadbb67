"""Degrees of freedom and leverages against hat matrices formed explicitly."""

import numpy as np
import pytest

from skreg._solvers import leverage as module
from skreg._solvers.least_squares import solve_path
from skreg._solvers.leverage import degrees_of_freedom, leverages
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import make_sample
from skreg.penalties import L1, L1L2, L2, strong_convexity
from tests.kernels.drive import explicit, given, stored

every_kind = pytest.mark.parametrize("kind", ["dense C", "dense F", "float32", "csc"])
every_penalty = pytest.mark.parametrize("penalty", [L1(), L1L2(0.5), L2()], ids=repr)
both = [False, True]
ALPHAS = np.array([0.5, 0.1, 0.01])


def sample_of(data, kind="dense C"):
    X = stored(data.X, kind)
    return make_sample(X, data.y, data.sample_weight, data.fit_intercept)


def solved(sample, penalty, alphas=ALPHAS):
    return solve_path(sample, penalty, alphas, tol=1e-12, max_iter=None).coefs[0]


def hat_diagonals(data, penalty, coefs, alphas=ALPHAS):
    """The diagonal of the hat matrix of omega^(1/2) X is that of H."""
    A, _ = explicit(data)
    weight = np.ones(len(A)) if data.sample_weight is None else data.sample_weight
    rows = []
    for alpha, coef in zip(alphas, coefs, strict=True):
        X, l2 = A[:, coef != 0.0], strong_convexity(penalty.kernel(alpha))
        hat = X @ np.linalg.pinv(X.T @ X + l2 * np.eye(X.shape[1]), rcond=1e-12) @ X.T
        rows.append(hat.diagonal() + data.fit_intercept * weight / weight.sum())
    return np.array(rows)


@every_kind
@every_penalty
@pytest.mark.parametrize("weighted", both)
@pytest.mark.parametrize("fit_intercept", both)
def test_explicit_hat_matrix(kind, penalty, weighted, fit_intercept):
    data = given(weighted, fit_intercept, shape=(30, 9))
    sample = sample_of(data, kind)
    coefs = solved(sample, penalty)
    expected = hat_diagonals(data, penalty, coefs)
    for moments in (None, make_moments(sample)):
        found = leverages(sample, penalty, ALPHAS, coefs, moments)
        np.testing.assert_allclose(found, expected, rtol=1e-9)
        df = degrees_of_freedom(sample, penalty, ALPHAS, coefs, moments)
        np.testing.assert_allclose(df, expected.sum(axis=1), rtol=1e-9)


def test_lasso_counts_its_support():
    sample = sample_of(given(True, shape=(40, 12)))
    coefs = solved(sample, L1())
    found = degrees_of_freedom(sample, L1(), ALPHAS, coefs)
    assert len(set(found)) == 3
    np.testing.assert_array_equal(found, 1 + np.count_nonzero(coefs, axis=1))


@every_penalty
@pytest.mark.parametrize("fit_intercept", both)
def test_dependent_columns(penalty, fit_intercept):
    data = given(True, fit_intercept, shape=(30, 6))
    first, second, third, *_ = data.X.T
    more = [first, second + third, 0.0 * first]
    data = data._replace(X=np.column_stack([data.X, *more]))
    sample, coefs = sample_of(data), np.ones((3, 9))
    expected = hat_diagonals(data, penalty, coefs)
    found = leverages(sample, penalty, ALPHAS, coefs)
    np.testing.assert_allclose(found, expected, rtol=1e-7)
    df = degrees_of_freedom(sample, penalty, ALPHAS, coefs)
    np.testing.assert_allclose(df, expected.sum(axis=1), rtol=1e-7)


@pytest.mark.parametrize("shape", [(10, 10), (10, 30), (10, 31)])
@every_penalty
def test_more_features_than_samples(shape, penalty, monkeypatch):
    """Both from the Gram matrix and from the kernel matrix."""
    data = given(True, shape=shape, seed=4)
    sample, coefs = sample_of(data), np.ones((3, shape[1]))
    expected = hat_diagonals(data, penalty, coefs)
    for least in (0, 10**6):
        monkeypatch.setattr(module, "DUAL_FROM", 0)
        monkeypatch.setattr(module, "DUAL_AT_LEAST", least)
        found = leverages(sample, penalty, ALPHAS, coefs)
        np.testing.assert_allclose(found, expected, rtol=1e-7)
        df = degrees_of_freedom(sample, penalty, ALPHAS, coefs)
        np.testing.assert_allclose(df, expected.sum(axis=1), rtol=1e-7)
        assert found.max() <= 1.0


def test_columns_of_any_scale():
    data = given(shape=(30, 6))
    scaled = data._replace(X=data.X * np.array([1e-8, 1.0, 1e8, 1e3, 1e-3, 1.0]))
    coefs = np.ones((1, 6))
    found = leverages(sample_of(scaled), L1(), [1.0], coefs)
    expected = leverages(sample_of(data), L1(), [1.0], coefs)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_rows_in_several_tiles():
    data = given(True, shape=(1000, 7))
    sample = sample_of(data)
    coefs = np.ones((1, 7))
    found = leverages(sample, L1(), [1.0], coefs)
    np.testing.assert_allclose(found, hat_diagonals(data, L1(), coefs, [1.0]), rtol=1e-9)


def test_null_model():
    data = given(True, shape=(20, 5))
    sample, coefs = sample_of(data), np.zeros((2, 5))
    weights = data.sample_weight / data.sample_weight.sum()
    np.testing.assert_allclose(leverages(sample, L1(), [1.0, 2.0], coefs)[1], weights)
    assert list(degrees_of_freedom(sample, L1(), [1.0, 2.0], coefs)) == [1.0, 1.0]
    plain = sample_of(data._replace(fit_intercept=False))
    assert list(degrees_of_freedom(plain, L1(), [1.0, 2.0], coefs)) == [0.0, 0.0]
