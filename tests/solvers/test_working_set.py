"""The working set looks at few columns, and only where one threshold serves all."""

from typing import NamedTuple

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import least_squares, working_set
from skreg._solvers.least_squares import Descent, solve_path
from skreg._solvers.results import EXACT_GAP, Stop
from skreg._solvers.sample import column_design, make_sample
from skreg._solvers.support import Support
from skreg._solvers.working_set import (
    SMALLEST_RATIO,
    STEP_RATIO,
    WorkingSet,
    alphas_between,
)
from skreg.penalties import L1, L1L2, Penalty, register


class WeightedKernel(NamedTuple):
    thresholds: np.ndarray


def value(penalty, j, coef):
    return penalty.thresholds[j] * abs(coef)


def prox(penalty, j, point, step):
    size = max(abs(point) - step * penalty.thresholds[j], 0.0)
    return size if point > 0.0 else -size


def subdiff_distance(penalty, j, coef, gradient):
    if coef == 0.0:
        return max(abs(gradient) - penalty.thresholds[j], 0.0)
    sign = 1.0 if coef > 0.0 else -1.0
    return abs(gradient - penalty.thresholds[j] * sign)


def dual_norm(penalty, j, point):
    return abs(point) / penalty.thresholds[j]


def conjugate(penalty, j, point):
    return 0.0 if abs(point) <= penalty.thresholds[j] else float("inf")


def slope_at_zero(penalty, j, sign):
    return penalty.thresholds[j] * sign


register(
    WeightedKernel,
    value=value,
    prox=prox,
    subdiff_distance=subdiff_distance,
    dual_norm=dual_norm,
    conjugate=conjugate,
    slope_at_zero=slope_at_zero,
)


class WeightedL1(Penalty):
    def __init__(self, weights=None):
        self.weights = weights

    def kernel(self, alpha):
        return WeightedKernel(alpha * np.asarray(self.weights, dtype=np.float64))


def wide(n_samples, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    y = X[:, :5].sum(axis=1) + 0.5 * rng.standard_normal(n_samples)
    return make_sample(X, y[:, None], None, True)


def test_penalty_that_differs_between_features():
    sample = wide(40, 200)
    weights = np.r_[100.0, np.ones(199)]
    path = solve_path(
        sample, WeightedL1(weights), [0.1], tol=1e-10, max_iter=100_000, use_gram=False
    )
    coef = path.coefs[0, 0]
    gradient = sample.correlation(sample.y - sample.fitted(coef[None]))[:, 0]
    assert np.count_nonzero(coef) > 5
    assert np.all(np.abs(gradient) <= 0.1 * weights * (1 + 1e-4))
    assert path.converged.all()


def test_most_columns_are_left_alone():
    sample = wide(60, 3000)
    design, curvature = column_design(sample)
    working = WorkingSet(sample, 0, design, curvature)
    alpha_max = np.max(np.abs(sample.correlation(sample.y)))
    alphas = np.geomspace(alpha_max, 0.05 * alpha_max, 60)
    steps = list(working.path(L1(), alphas, None, Stop(0.5 * sample.y_norm2[0], 1e-4, 100)))
    assert len(steps) == len(alphas)
    for step in steps:
        assert step.done
        assert step.gap <= 1e-12 * sample.y_norm2[0]
    assert working.n_passes / len(alphas) < 0.5
    assert len(working.features) < 1000


def alpha_max(sample, penalty=None):
    return (penalty or L1()).alpha_max(sample.correlation(sample.y)[:, 0])


def follow(sample, penalty, alphas, tol=1e-4):
    """(working set, steps) of a path from zero."""
    working = WorkingSet(sample, 0, *column_design(sample))
    stop = Stop(0.5 * sample.y_norm2[0], tol, 1000)
    return working, list(working.path(penalty, np.asarray(alphas), None, stop))


class TestTrustedSteps:
    """Large working sets leave it to residuals to see what is left on the support."""

    @pytest.fixture
    def trusted(self, monkeypatch):
        """[trusting, ...] of every solve; a trusted one ends `off` its solution."""
        monkeypatch.setattr(working_set, "SMALL", 0)
        seen, off, solve = [], [0.0], Support.solve

        def disturbed(self, *arguments):
            found = solve(self, *arguments)
            seen.append(arguments[-1])
            if arguments[-1]:
                self.coef[self.features] *= 1.0 + off[0]
            return found

        monkeypatch.setattr(Support, "solve", disturbed)
        return seen, off

    @pytest.mark.parametrize("penalty", [L1(), L1(positive=True), L1L2(0.5)])
    @pytest.mark.parametrize("off", [0.0, 1e-10, 1e-5])
    def test_what_is_left_is_seen_and_repaired(self, trusted, penalty, off):
        seen, trusted[1][0] = trusted[0], off
        sample = wide(60, 300)
        alphas = alpha_max(sample, penalty) * np.geomspace(0.8, 0.1, 8)
        _, steps = follow(sample, penalty, alphas)
        assert len(steps) == 8
        assert any(seen)
        assert off == 0.0 or not all(seen)
        for step in steps:
            assert step.done
            assert step.gap <= 1e-13 * sample.y_norm2[0]

    def test_they_end_where_others_do(self, trusted, monkeypatch):
        sample = wide(60, 300)
        alphas = alpha_max(sample) * np.geomspace(0.8, 0.1, 8)
        _, steps = follow(sample, L1(), alphas)
        assert all(trusted[0])
        monkeypatch.setattr(working_set, "SMALL", 10**9)
        _, others = follow(sample, L1(), alphas)
        assert not any(trusted[0][-8:])
        for step, other in zip(steps, others, strict=True):
            np.testing.assert_allclose(step.whole(300), other.whole(300), atol=1e-13)


class TestAlphasBetween:
    @pytest.mark.parametrize(
        ("previous", "alpha"), [(None, 1.0), (1.0, 1.0), (1.0, 2.0), (1.0, 0.8), (0.0, 1.0)]
    )
    def test_short_ways_are_gone_in_one_step(self, previous, alpha):
        assert len(alphas_between(previous, alpha)) == 0

    @pytest.mark.parametrize("ratio", [0.79, 0.64, 0.5, 0.1, 0.01, 1e-4])
    @pytest.mark.parametrize("previous", [1.0, 1e-9, 7e8])
    def test_long_ways_in_equal_steps(self, ratio, previous):
        between = alphas_between(previous, ratio * previous)
        steps = np.r_[previous, between, ratio * previous]
        ratios = steps[1:] / steps[:-1]
        np.testing.assert_allclose(ratios, ratios[0])
        assert STEP_RATIO * (1 - 1e-9) <= ratios[0] < 1.0
        assert len(ratios) <= 1 + np.ceil(np.log(ratio) / np.log(STEP_RATIO))

    @pytest.mark.parametrize("alpha", [0.0, 1e-30, 1e-6])
    def test_the_way_to_hardly_any_alpha_is_bounded(self, alpha):
        between = alphas_between(2.0, alpha)
        assert np.array_equal(between, alphas_between(2.0, 2.0 * SMALLEST_RATIO))
        assert np.all(between > 2.0 * SMALLEST_RATIO)


@pytest.mark.parametrize(
    "penalty", [L1(), L1(positive=True), L1L2(0.5)], ids=["L1", "positive", "L1L2"]
)
@pytest.mark.parametrize("shape", [(60, 3000), (100, 1000)])
def test_few_alphas_need_few_more_features_than_many(shape, penalty):
    sample = wide(*shape)
    largest = alpha_max(sample, penalty)
    many, steps = follow(sample, penalty, largest * np.geomspace(1.0, 0.05, 60))
    expected = steps[-1].whole(sample.X.shape[1])
    for alphas in ([0.05], [1.0, 0.2, 0.05]):
        few, steps = follow(sample, penalty, largest * np.array(alphas))
        found = steps[-1].whole(sample.X.shape[1])
        np.testing.assert_allclose(found, expected, atol=1e-9)
        assert len(few.features) <= 2.5 * len(many.features)


@pytest.mark.parametrize("use_gram", [False, True])
@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-8])
def test_the_exact_method_is_exact_whatever_tol(use_gram, tol):
    sample = wide(60, 200)
    alphas = alpha_max(sample) * np.geomspace(1.0, 0.05, 5)
    path = solve_path(sample, L1(), alphas, tol=tol, max_iter=1000, use_gram=use_gram)
    assert path.converged.all()
    assert path.dual_gaps.max() <= 1e-13 * path.null_objectives[0]


class TestLargeSupports:
    """Where a support is large and X sparse, coordinate descent is faster."""

    @pytest.fixture
    def descended(self, monkeypatch):
        """l1 of every call of coordinate descent; supports above 20 are large."""
        monkeypatch.setattr(working_set, "CHEAP_SUPPORT", 20)
        monkeypatch.setattr(working_set, "EXACT_COST", 1e9)
        monkeypatch.setattr(least_squares, "CHEAP_SUPPORT", 20)
        seen, solve = [], Descent.solve

        def watched(self, kernel, screening, tol, max_iter):
            if max_iter > 0:
                seen.append(kernel.l1)
            return solve(self, kernel, screening, tol, max_iter)

        monkeypatch.setattr(Descent, "solve", watched)
        return seen

    @staticmethod
    def sample():
        rng = np.random.default_rng(0)
        X = rng.standard_normal((150, 400)) * (rng.random((150, 400)) < 0.1)
        y = X[:, :60].sum(axis=1) + 0.05 * rng.standard_normal(150)
        return make_sample(sparse.csc_array(X), y[:, None], None, True)

    @staticmethod
    def solve(sample, alphas, tol=1e-6):
        path = solve_path(sample, L1(), alphas, tol=tol, max_iter=100_000)
        assert path.converged.all()
        return np.count_nonzero(path.coefs[0], axis=1), path.dual_gaps[0] / (
            path.null_objectives[0]
        )

    def test_are_left_to_descent_and_taken_back(self, descended):
        sample = self.sample()
        alphas = alpha_max(sample) * np.array([0.4, 0.27, 0.22, 0.1, 0.02, 0.5, 0.45, 0.35])
        sizes, gaps = self.solve(sample, alphas)
        # The support at 0.22 is the first large one, that at 0.5 small enough again.
        np.testing.assert_array_equal(sizes > 20, [0, 0, 1, 1, 1, 0, 0, 0])
        np.testing.assert_array_equal(descended, alphas[[3, 4, 5]])
        assert np.all(gaps[~np.isin(alphas, descended)] <= 1e-13)
        assert np.all(gaps <= 1e-6)

    def test_are_not_packed(self, descended):
        sample, kernel, stop = self.sample(), L1().kernel(0.1), Stop(1.0, 1e-6, 1000)
        for size in (20, 21):
            working = WorkingSet(sample, 0, *column_design(sample))
            working.start_at((np.arange(400) < size).astype(float), kernel, stop)
            assert len(working.features) == (20 if size == 20 else 0)
            assert len(working.step(0.0, 1, True).features) == len(working.features)

    def test_cost_decides(self, descended, monkeypatch):
        monkeypatch.setattr(working_set, "EXACT_COST", 1e-9)
        sample = self.sample()
        _, gaps = self.solve(sample, alpha_max(sample) * np.array([0.5, 0.1, 0.02]))
        assert descended == []
        assert np.all(gaps <= 1e-13)

    def test_are_left_to_descent_on_the_way_to_an_alpha(self, descended):
        sample = self.sample()
        alphas = alpha_max(sample) * np.array([0.02])
        sizes, _ = self.solve(sample, alphas)
        assert sizes[0] > 100
        assert descended == list(alphas)

    @pytest.mark.parametrize("tol", [1e-4, 1e-2])
    def test_one_alpha_of_large_sparse_data_starts_with_descent(
        self, descended, monkeypatch, tol
    ):
        monkeypatch.setattr(working_set, "SMALL_SPARSE", 0)
        monkeypatch.setattr(least_squares, "SPARSE_EPOCHS", 10_000)
        monkeypatch.setattr(WorkingSet, "path", None)  # fails if it is called
        sample = self.sample()
        alphas = alpha_max(sample) * np.array([0.1])
        sizes, gaps = self.solve(sample, alphas, tol)
        assert sizes[0] > 20
        assert descended == list(alphas)
        assert gaps[0] <= (EXACT_GAP if tol == 1e-4 else tol)

    def test_a_small_support_is_polished_after_descent(self, descended, monkeypatch):
        monkeypatch.setattr(working_set, "SMALL_SPARSE", 0)
        sample = self.sample()
        alphas = alpha_max(sample) * np.array([0.4])
        calls, path = [], WorkingSet.path
        monkeypatch.setattr(
            WorkingSet, "path", lambda *given: calls.append(given) or path(*given)
        )
        sizes, gaps = self.solve(sample, alphas)
        assert 0 < sizes[0] <= 20
        assert descended == list(alphas)
        assert len(calls) == 1
        assert gaps[0] <= 1e-13
