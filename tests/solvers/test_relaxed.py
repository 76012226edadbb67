"""relax: least squares on the support of every solution."""

import numpy as np
import pytest
from scipy import optimize

from skreg._solvers.least_squares import solve_path
from skreg._solvers.moments import make_moments
from skreg._solvers.relaxed import relax
from skreg._solvers.sample import make_sample
from skreg.penalties import L1
from tests.kernels.drive import explicit, given, stored

every_kind = pytest.mark.parametrize("kind", ["dense C", "dense F", "float32", "csc"])
both = [False, True]


def solved(data, kind="dense C", positive=False):
    """(sample, coefs of a lasso path)"""
    sample = make_sample(
        stored(data.X, kind), data.y, data.sample_weight, data.fit_intercept
    )
    penalty = L1(positive)
    largest = penalty.alpha_max(sample.correlation(sample.y)[:, 0])
    alphas = largest * np.geomspace(1.0, 1e-3, 8)
    return sample, solve_path(sample, penalty, alphas, tol=1e-10, max_iter=None).coefs[0]


def refitted(data, coefs, solve):
    """`solve` on the columns of each support."""
    A, b = explicit(data)
    relaxed = np.zeros(coefs.shape)
    for t, coef in enumerate(coefs):
        if coef.any():
            relaxed[t, coef != 0] = solve(A[:, coef != 0], np.ravel(b))
    return relaxed


def lstsq(A, b):
    return np.linalg.lstsq(A, b, rcond=1e-10)[0]


@every_kind
@pytest.mark.parametrize("weighted", both)
@pytest.mark.parametrize("fit_intercept", both)
@pytest.mark.parametrize("use_moments", both)
def test_least_squares_on_the_support(kind, weighted, fit_intercept, use_moments):
    data = given(weighted, fit_intercept, shape=(30, 12))
    sample, coefs = solved(data, kind)
    assert len({np.count_nonzero(coef) for coef in coefs}) > 3
    moments = make_moments(sample) if use_moments else None
    found = relax(None if use_moments else sample, coefs, moments=moments)
    np.testing.assert_allclose(found, refitted(data, coefs, lstsq), rtol=1e-9, atol=1e-10)


def test_target():
    data = given(True, shape=(30, 12), n_targets=3)
    one = data._replace(y=data.y[:, 2:])
    sample, coefs = solved(one)
    found = relax(make_sample(*data), coefs, target=2)
    np.testing.assert_allclose(found, relax(sample, coefs), rtol=1e-12)


def test_duplicate_columns_share():
    data = given(shape=(30, 6))
    X = np.column_stack(
        [data.X, data.X[:, 0], data.X[:, 1] + data.X[:, 2], 0 * data.X[:, 0]]
    )
    data = data._replace(X=X)
    coefs = np.ones((1, 9))
    found = relax(make_sample(*data), coefs)
    np.testing.assert_allclose(found, refitted(data, coefs, lstsq), rtol=1e-8, atol=1e-10)
    assert found[0, 8] == 0.0


@pytest.mark.parametrize("n_features", [10, 11, 25])
def test_as_many_features_as_samples(n_features):
    data = given(shape=(10, n_features), seed=3)
    coefs = np.ones((1, n_features))
    sample = make_sample(*data)
    found = relax(sample, coefs)
    np.testing.assert_allclose(found, refitted(data, coefs, lstsq), rtol=1e-6, atol=1e-8)
    if n_features > 11:
        np.testing.assert_allclose(sample.fitted(found), sample.y, atol=1e-9)


def test_columns_of_different_scales():
    data = given(shape=(30, 6))
    scale = np.array([1e-8, 1.0, 1e8, 1e3, 1e-3, 1.0])
    coefs = np.array([[1.0, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]])
    found = relax(make_sample(data.X * scale, data.y, None, True), coefs)
    np.testing.assert_allclose(found * scale, relax(make_sample(*data), coefs), rtol=1e-9)


@pytest.mark.parametrize("duplicate", both)
def test_non_negative(duplicate):
    """The support of the solution has a plain refit with negative coefficients."""
    data = given(True, shape=(20, 15), seed=1)
    if duplicate:
        data.X[:, 3] = data.X[:, 0]
    coefs = np.ones((2, 15))
    coefs[0, 7:] = 0.0
    sample = make_sample(*data)
    assert np.all(relax(sample, coefs).min(axis=1) < 0.0)
    found = relax(sample, coefs, positive=True)
    expected = refitted(data, coefs, lambda A, b: optimize.nnls(A, b)[0])
    assert found.min() == 0.0
    assert np.all(found[coefs == 0.0] == 0.0)
    np.testing.assert_allclose(sample.fitted(found), sample.fitted(expected), atol=1e-9)
    if not duplicate:
        np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)


def test_non_negative_path_where_the_refit_stays_inside():
    data = given(shape=(40, 8))
    sample, coefs = solved(data, positive=True)
    some = coefs[:3]
    plain = relax(sample, some)
    assert plain.min() >= 0.0
    assert plain.max() > 0.0
    np.testing.assert_array_equal(relax(sample, some, positive=True), plain)


def test_nothing_to_refit():
    sample = make_sample(*given())
    assert not relax(sample, np.zeros((2, 7))).any()
    assert relax(sample, np.zeros((0, 7))).shape == (0, 7)
