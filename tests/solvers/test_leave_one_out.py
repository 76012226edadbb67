"""leave_one_out: prediction errors of the models fitted without each row."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import leave_one_out as module
from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.ridge import solve_ridge
from skreg._solvers.sample import make_sample
from tests.linear.problems import gaussian

L2 = np.array([1e-4, 0.01, 1.0])


def data(shape, weighted, seed=0):
    X, y = gaussian(*shape, min(4, shape[1]), seed=seed)
    Y = np.column_stack([y, y[::-1]])
    weight = np.random.default_rng(seed).uniform(0.3, 3, shape[0]) if weighted else None
    return X, Y, weight


def refitted(X, Y, weight, fit_intercept):
    """The strength is per total weight, so the rest's own scale is undone."""
    weight = np.ones(len(Y)) if weight is None else weight
    errors = np.empty((len(L2), *Y.shape))
    for i in range(len(Y)):
        rest = np.arange(len(Y)) != i
        sample = make_sample(X[rest], Y[rest], weight[rest], fit_intercept)
        for t, l2 in enumerate(L2):
            strength = l2 * weight.sum() / weight[rest].sum()
            coef = solve_ridge(sample, np.full(2, strength), method="svd").coef
            errors[t, i] = Y[i] - coef @ X[i] - sample.intercept(coef)
    return errors


@pytest.mark.parametrize("shape", [(30, 6), (10, 25), (12, 12), (13, 12), (3, 2)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("exact_factor", [False, True])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_equals_refitting(shape, weighted, fit_intercept, exact_factor, convert):
    X, Y, weight = data(shape, weighted)
    sample = make_sample(convert(X), Y, weight, fit_intercept)
    found = leave_one_out(sample, L2, exact_factor=exact_factor)
    expected = refitted(X, Y, weight, fit_intercept)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("fit_intercept", [False, True])
def test_the_fast_way_and_the_exact_way_agree(fit_intercept):
    X, Y, weight = data((50, 7), True, seed=1)
    sample = make_sample(X, Y, weight, fit_intercept)
    fast = leave_one_out(sample, L2)
    exact = leave_one_out(sample, L2, exact_factor=True)
    np.testing.assert_allclose(fast, exact, rtol=1e-9)


def test_constant_columns_change_nothing():
    X, Y, _ = data((20, 5), False, seed=2)
    padded = np.column_stack([X, np.full(20, 3.3), np.zeros(20)])
    without = leave_one_out(make_sample(X, Y, None, True), L2)
    found = leave_one_out(make_sample(padded, Y, None, True), L2)
    np.testing.assert_allclose(found, without, rtol=1e-9)


def test_without_features_every_row_is_predicted_by_the_others_mean():
    _, Y, weight = data((8, 1), True, seed=3)
    sample = make_sample(np.zeros((8, 1)), Y, weight, True)
    total = weight @ Y
    means = (total - weight[:, None] * Y) / (weight.sum() - weight)[:, None]
    found = leave_one_out(sample, L2)
    np.testing.assert_allclose(found, np.broadcast_to(Y - means, found.shape))


def test_sparse_beyond_the_memory_of_a_dense_factor_is_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_DENSE_BYTES", 100)
    X = sparse.random(20, 10, 0.3, format="csr", random_state=0)
    sample = make_sample(X, np.ones((20, 1)), None, True)
    with pytest.raises(ValueError, match="cv=5"):
        leave_one_out(sample, L2)
