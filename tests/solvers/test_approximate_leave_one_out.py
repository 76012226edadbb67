"""approximate_leave_one_out: the errors of models that are really fitted without a row."""

from typing import NamedTuple

import numpy as np
import pytest

from skreg._solvers import approximate_leave_one_out as module
from skreg._solvers.approximate_leave_one_out import approximate_leave_one_out
from skreg._solvers.least_squares import solve_path
from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.leverage import degrees_of_freedom, leverages
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import make_sample
from skreg.penalties import L1, L1L2, L2
from tests.benchmarks.alo import compare
from tests.kernels.drive import given, stored
from tests.linear.choosing import make_problem
from tests.linear.problems import gaussian

every_kind = pytest.mark.parametrize("kind", ["dense C", "dense F", "float32", "csc"])
both = [False, True]


def solve(sample, penalty, alphas):
    return solve_path(sample, penalty, alphas, tol=1e-12, max_iter=None)


class Solved(NamedTuple):
    data: object
    sample: object
    penalty: object
    alphas: np.ndarray
    coefs: np.ndarray

    def leave_one_out(self, moments=None, solve=solve):
        _, sample, penalty, alphas, coefs = self
        return approximate_leave_one_out(
            sample, penalty, alphas, coefs, solve=solve, moments=moments
        )

    def refitted(self):
        """Errors of the models fitted to all rows but one, alpha as it is."""
        X, y, weight, fit_intercept = self.data
        errors = np.empty((len(self.alphas), len(y)))
        for i in range(len(y)):
            rest = np.arange(len(y)) != i
            some = None if weight is None else weight[rest]
            sample = make_sample(X[rest], y[rest], some, fit_intercept)
            coefs = solve(sample, self.penalty, self.alphas).coefs[0]
            predictions = coefs @ X[i] + sample.intercept(coefs[None])[0]
            errors[:, i] = y[i, 0] - predictions
        return errors


def solved(data, penalty, kind="dense C", ratios=(1.0, 0.5, 0.2, 0.05, 0.01)):
    X = stored(data.X, kind)
    sample = make_sample(X, data.y, data.sample_weight, data.fit_intercept)
    largest = np.abs(sample.correlation(sample.y)).max()
    alphas = largest * np.array(ratios)
    coefs = solve(sample, penalty, alphas).coefs[0]
    return Solved(data, sample, penalty, alphas, coefs)


def alone(data):
    """An entry of a column that no other row has: its row has leverage close to one."""
    X = np.column_stack([data.X, np.zeros(len(data.X))])
    X[3, -1] = 50.0
    return data._replace(X=X)


@every_kind
@pytest.mark.parametrize("weighted", both)
@pytest.mark.parametrize("fit_intercept", both)
@pytest.mark.parametrize("shape", [(40, 8), (25, 40)])
def test_lasso_equals_refitting(kind, weighted, fit_intercept, shape):
    path = solved(given(weighted, fit_intercept, shape=shape), L1(), kind)
    expected = path.refitted()
    assert np.count_nonzero(path.coefs[-1]) > 4
    for moments in (None, make_moments(path.sample)):
        found = path.leave_one_out(moments)
        assert not found.saturated.any()
        np.testing.assert_allclose(found.errors, expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("l1_ratio", [0.9, 0.5, 0.1])
@pytest.mark.parametrize("positive", both)
@pytest.mark.parametrize("shape", [(40, 8), (25, 40)])
def test_elastic_net_equals_refitting(l1_ratio, positive, shape):
    path = solved(given(shape=shape), L1L2(l1_ratio, positive))
    found = path.leave_one_out().errors
    np.testing.assert_allclose(found, path.refitted(), rtol=1e-7, atol=1e-8)


def test_weighted_elastic_net_is_close():
    """Its strength in the sum is another for every row."""
    path = solved(given(True, shape=(60, 20)), L1L2(0.5))
    np.testing.assert_allclose(path.leave_one_out().errors, path.refitted(), atol=0.02)


def test_supports_do_change():
    """Without following them the errors are others: what is tested is not trivial."""
    path = solved(given(shape=(25, 40)), L1())
    sample, penalty, alphas, coefs = path[1:]
    leverage = leverages(sample, penalty, alphas, coefs)
    residuals = sample.y.T - sample.fitted(coefs).T
    with np.errstate(divide="ignore"):
        plain = residuals / (1.0 - leverage)
    assert np.abs(plain - path.leave_one_out().errors)[2].max() > 0.05


@pytest.mark.parametrize("shape", [(40, 8), (15, 40)])
@pytest.mark.parametrize("dual_at_least", [0, 10**6])
def test_ridge_limit(shape, dual_at_least, monkeypatch):
    """Exact leave-one-out, whose strength is that in the sum."""
    monkeypatch.setattr("skreg._solvers.leverage.DUAL_FROM", 0)
    monkeypatch.setattr("skreg._solvers.leverage.DUAL_AT_LEAST", dual_at_least)
    path = solved(given(shape=shape), L2())
    kept = 1.0 - 1.0 / shape[0]
    expected = leave_one_out(path.sample, kept * path.alphas)[:, :, 0]
    np.testing.assert_allclose(path.leave_one_out().errors, expected, rtol=1e-9)
    path = path._replace(penalty=L1L2(0.0))
    np.testing.assert_allclose(path.leave_one_out().errors, expected, rtol=1e-9)


def test_degrees_of_freedom_come_along():
    path = solved(given(True, shape=(40, 8)), L1L2(0.5))
    expected = degrees_of_freedom(*path[1:])
    np.testing.assert_allclose(path.leave_one_out().degrees_of_freedom, expected)


@pytest.mark.parametrize("kind", ["dense C", "csc"])
def test_rows_of_large_leverage_are_left_out_for_real(kind):
    path = solved(alone(given(True, shape=(30, 5))), L1(), kind, ratios=(0.3, 0.1))
    seen = []

    def spy(sample, penalty, alphas):
        seen.append(len(sample.y))
        return solve(sample, penalty, alphas)

    found = path.leave_one_out(solve=spy)
    assert seen == [29]
    assert list(found.n_refitted) == [1, 1]
    np.testing.assert_allclose(found.errors, path.refitted(), rtol=1e-8, atol=1e-9)


def test_saturated_alphas_are_infinitely_bad():
    path = solved(given(shape=(30, 60)), L1(), ratios=(0.5, 0.05, 1e-5))
    found = path.leave_one_out()
    assert list(found.saturated) == [False, False, True]
    assert np.all(found.errors[2] == np.inf)
    assert found.degrees_of_freedom[2] > 28
    assert np.isfinite(found.errors[:2]).all()


def test_duplicate_columns():
    data = given(shape=(40, 8))
    data.X[:, 5] = data.X[:, 0]
    single = data._replace(X=np.delete(data.X, 5, axis=1))
    expected = solved(single, L1()).leave_one_out().errors
    np.testing.assert_allclose(
        solved(data, L1()).leave_one_out().errors, expected, rtol=1e-7
    )


def test_only_a_few_nearest_features_are_watched(monkeypatch):
    """With none of them, the first formula holds; errors are finite and near."""
    path = solved(given(shape=(25, 40)), L1(), ratios=(0.5, 0.1))
    monkeypatch.setattr(module, "NEAR_AT_LEAST", 0)
    monkeypatch.setattr(module, "NEAR_PER_ACTIVE", 0)
    found, expected = path.leave_one_out().errors, path.refitted()
    assert not np.allclose(found, expected)
    np.testing.assert_allclose(found, expected, atol=1.5)


@pytest.mark.parametrize(
    ("seed", "small"), [(76, 0), (527, 0), (76, None), (330, None), (527, None)]
)
def test_rows_that_change_much(seed, small, monkeypatch):
    """Errors grow far beyond the first guess as features enter: seen, and refitted; where
    all features are in play, they are followed (one of 1200 problems is like these).
    """
    if small is not None:
        monkeypatch.setattr(module, "SMALL", small)
    X, y, _ = make_problem((15, 34), seed=seed)
    data = given(shape=(15, 34))._replace(X=X / X.std(axis=0), y=y[:, None])
    path = solved(data, L1(), ratios=(0.05, 0.01))
    np.testing.assert_allclose(path.leave_one_out().errors, path.refitted(), atol=1e-8)


def test_constant_target_and_one_row():
    X, _ = gaussian(20, 4, 2, seed=0)
    data = given(shape=(20, 4))._replace(X=X, y=np.full((20, 1), 3.0))
    path = solved(data, L1())
    assert not np.any(path._replace(alphas=np.ones(5)).leave_one_out().errors)
    sample = make_sample(X[:1], np.ones((1, 1)), None, True)
    with pytest.raises(ValueError, match="n_samples=1"):
        approximate_leave_one_out(sample, L1(), [1.0], np.zeros((1, 4)), solve=solve)


@pytest.mark.parametrize("n_features", [100, 600])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_risk_and_choice(n_features, l1_ratio):
    """Two percent and one grid point are asked for; both are met exactly."""
    found = compare(300, n_features, l1_ratio, seed=0, n_alphas=8)
    assert found.degrees_of_freedom.max() > 40
    np.testing.assert_allclose(found.risk, found.refitted_risk, rtol=1e-7)
    assert found.risk.argmin() == found.refitted_risk.argmin()
