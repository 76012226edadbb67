"""row_leave_one_out: derivatives of real solutions, and models fitted without a row."""

from dataclasses import replace

import numpy as np
import pytest

from skreg._solvers import row_leverage as module
from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.leverage import degrees_of_freedom
from skreg._solvers.moments import make_moments
from skreg._solvers.multi_task import solve_multi_task_path
from skreg._solvers.row_leverage import row_degrees_of_freedom, row_leave_one_out
from skreg._solvers.sample import make_sample
from skreg._solvers.subsample import errors_at, without_row
from skreg.penalties import L1, L1L2, L2
from tests.kernels.drive import given, stored

both = [False, True]
every_penalty = pytest.mark.parametrize("penalty", [L1(), L1L2(0.5)], ids=repr)


def solve(sample, penalty, alphas):
    return solve_multi_task_path(sample, penalty, alphas, tol=1e-13, max_iter=None)


def solved(data, penalty, kind="dense C", ratios=(0.5, 0.2, 0.05)):
    X = stored(data.X, kind)
    sample = make_sample(X, data.y, data.sample_weight, data.fit_intercept)
    largest = np.linalg.norm(sample.correlation(sample.y), axis=1).max()
    alphas = largest * np.array(ratios)
    return sample, alphas, solve(sample, penalty, alphas).coefs


def refitted(sample, penalty, alphas):
    errors = np.empty((len(alphas), *sample.y.shape))
    for i in range(len(sample.y)):
        rest = without_row(sample, i)
        errors[:, i] = errors_at(sample, i, rest, solve(rest, penalty, alphas).coefs)
    return errors


@every_penalty
@pytest.mark.parametrize("kind", ["dense F", "csc"])
@pytest.mark.parametrize("weighted", both)
@pytest.mark.parametrize("fit_intercept", both)
def test_degrees_of_freedom_are_a_divergence(penalty, kind, weighted, fit_intercept):
    """sum_ik d fitted_ik / d y_ik, by differences of real solutions."""
    data = given(weighted, fit_intercept, shape=(20, 6), n_targets=2)
    sample, alphas, coefs = solved(data, penalty, kind, ratios=(0.3,))
    total, step = 0.0, 1e-5
    for i, k in np.ndindex(*sample.y.shape):
        fitted = []
        for sign in (1.0, -1.0):
            y = data.y.copy()
            y[i, k] += sign * step
            moved = make_sample(sample.X, y, data.sample_weight, fit_intercept)
            some = solve(replace(moved, shift=sample.shift), penalty, alphas).coefs[:, 0]
            fitted.append(moved.fitted(some)[i, k] + moved.y_mean[k])
        total += (fitted[0] - fitted[1]) / (2.0 * step)
    for moments in (None, make_moments(sample)):
        df = row_degrees_of_freedom(sample, penalty, alphas, coefs, moments)
        np.testing.assert_allclose(df, total, rtol=1e-5)


@pytest.mark.parametrize("shape", [(40, 8), (15, 40)])
def test_ridge_limit_is_exact(shape):
    data = given(shape=shape, n_targets=3)
    sample, alphas, coefs = solved(data, L2())
    expected = leave_one_out(sample, (1.0 - 1.0 / shape[0]) * alphas)
    found = row_leave_one_out(sample, L2(), alphas, coefs, solve=solve)
    np.testing.assert_allclose(found.errors, expected, rtol=1e-7, atol=1e-9)
    single = degrees_of_freedom(sample.select([0]), L2(), alphas, coefs[0])
    np.testing.assert_allclose(found.degrees_of_freedom, 3 * single, rtol=1e-8)


@every_penalty
@pytest.mark.parametrize("weighted", both)
def test_risk_is_near_that_of_refits(penalty, weighted):
    data = given(weighted, shape=(80, 12), n_targets=3)
    sample, alphas, coefs = solved(data, penalty)
    found = row_leave_one_out(sample, penalty, alphas, coefs, solve=solve)
    expected = refitted(sample, penalty, alphas)
    risks = [np.mean(errors**2, axis=(1, 2)) for errors in (found.errors, expected)]
    np.testing.assert_allclose(*risks, rtol=0.01)
    np.testing.assert_allclose(found.errors, expected, atol=0.3)


def test_rows_of_large_leverage_are_left_out_for_real():
    data = given(shape=(40, 5), n_targets=2)
    X = np.column_stack([data.X, np.zeros(40)])
    X[3, -1] = 500.0
    sample, alphas, coefs = solved(data._replace(X=X), L1L2(0.5), ratios=(1e-3,))
    found = row_leave_one_out(sample, L1L2(0.5), alphas, coefs, solve=solve)
    assert list(found.n_refitted) == [1]
    expected = refitted(sample, L1L2(0.5), alphas)
    np.testing.assert_allclose(found.errors[:, 3], expected[:, 3], rtol=1e-7)


def test_too_many_coefficients(monkeypatch):
    monkeypatch.setattr(module, "MAX_COEFFICIENTS", 5)
    sample, alphas, coefs = solved(given(shape=(40, 8), n_targets=2), L1())
    with pytest.raises(ValueError, match="at most 5 are supported"):
        row_degrees_of_freedom(sample, L1(), alphas, coefs)


def test_null_model():
    sample, alphas, coefs = solved(given(shape=(20, 4), n_targets=2), L1(), ratios=(2.0,))
    found = row_leave_one_out(sample, L1(), alphas, coefs, solve=solve)
    assert list(found.degrees_of_freedom) == [2.0]
    np.testing.assert_allclose(found.errors[0], sample.y / (1.0 - 1.0 / 20))
