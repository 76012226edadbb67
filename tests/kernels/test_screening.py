"""Screening reads few columns and misses no feature that violates optimality."""

from typing import NamedTuple

import numpy as np
import pytest

from skreg._kernels.screening import correlate, screen
from skreg._solvers.sample import column_design, make_sample, residual_state
from skreg.penalties import L1, L1L2
from tests.kernels.drive import explicit, given, stored

every_kind = pytest.mark.parametrize("kind", ["dense F", "float32", "csc"])
every_weighting = pytest.mark.parametrize("weighted", [False, True])
ALL = 10**9


class Screened(NamedTuple):
    n_read: int
    found: np.ndarray
    gradient: np.ndarray


class Problem:
    """Features, some outside a working set, and the residuals of random solutions."""

    def __init__(self, kind, weighted, n_references=2, seed=0):
        data = given(weighted, shape=(40, 60), seed=seed)
        self.rng = np.random.default_rng(seed)
        sample = make_sample(stored(data.X, kind), data.y, data.sample_weight, True)
        self.sample, (self.design, self.curvature) = sample, column_design(sample)
        self.A, _ = explicit(data)
        self.roots = sample.weight_roots()[:, 0]
        self.references = self.residuals(n_references)
        self.gradients = self.gradient_of(self.references)
        self.outside = self.rng.uniform(size=60) < 0.8
        self.sizes = np.diff(sample.X.indptr) if kind == "csc" else np.full(60, 40)

    def residuals(self, number):
        rows = self.rng.standard_normal((number, 40))
        return rows - self.sample.mean(rows.T)[:, None]

    def gradient_of(self, residuals):
        return np.ascontiguousarray((residuals * self.roots) @ self.A)

    def near(self, distance):
        """(share, residual) close to that share of the references."""
        share = self.rng.uniform(-1.0, 1.0, len(self.references))
        away = distance * self.residuals(1)[0]
        return share, share @ self.references + away

    def radius(self, share, residual):
        away = residual - share @ self.references
        return float(np.sqrt(self.sample.norm2(away)))

    def screen(self, residual, kernel, share, limit=ALL):
        gradient, found = np.full(60, np.nan), np.full(60, -1)
        n_read, n_found = screen(
            self.design,
            residual_state(self.design, self.sample, residual),
            kernel,
            share,
            self.gradients,
            np.sqrt(self.curvature),
            self.radius(share, residual),
            self.outside,
            limit,
            gradient,
            found,
        )
        return Screened(n_read, found[:n_found], gradient)


@every_kind
@every_weighting
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("distance", [0.0, 0.03, 0.3, 3.0])
def test_finds_exactly_the_violating_features(kind, weighted, positive, distance):
    for seed in range(4):
        problem = Problem(kind, weighted, n_references=1 + seed % 3, seed=seed)
        share, residual = problem.near(distance)
        exact = problem.gradient_of(residual[None])[0]
        size = exact if positive else np.abs(exact)
        for threshold in np.quantile(np.abs(exact), [0.05, 0.5, 0.9, 1.0]) * (1 + 1e-9):
            kernel = L1L2(0.5, positive).kernel(2.0 * threshold)
            result = problem.screen(residual, kernel, share)
            expected = np.flatnonzero(problem.outside & (size > threshold))
            np.testing.assert_array_equal(result.found, expected)


@every_kind
@every_weighting
def test_a_residual_that_moved_along_a_column_is_not_missed(kind, weighted):
    """There the bound is attained: |x_j' away| = radius |x_j|."""
    problem = Problem(kind, weighted)
    share = np.array([0.1, -0.1])
    for j in np.flatnonzero(problem.outside)[:20]:
        sign = 1.0 if share @ problem.gradients[:, j] > 0.0 else -1.0
        residual = share @ problem.references + sign * problem.A[:, j] / problem.roots
        size = abs(problem.gradient_of(residual[None])[0, j])
        result = problem.screen(residual, L1().kernel(size * (1 - 1e-9)), share)
        assert j in result.found


@every_kind
@every_weighting
@pytest.mark.parametrize("positive", [False, True])
def test_reads_the_columns_that_cannot_be_excluded(kind, weighted, positive):
    problem = Problem(kind, weighted)
    share, residual = problem.near(0.1)
    exact, estimate = problem.gradient_of(residual[None])[0], share @ problem.gradients
    lengths = np.sqrt(problem.curvature)
    threshold = np.quantile(np.abs(exact), 0.7)
    size = estimate if positive else np.abs(estimate)
    doubtful = size + problem.radius(share, residual) * lengths >= threshold
    read = problem.outside & doubtful
    assert 0 < read.sum() < 0.7 * problem.outside.sum()
    result = problem.screen(residual, L1(positive).kernel(threshold), share)
    assert result.n_read == problem.sizes[read].sum()
    np.testing.assert_allclose(result.gradient[read], exact[read], atol=1e-13)
    np.testing.assert_allclose(result.gradient[~read], estimate[~read], atol=1e-15)
    assert np.all(np.abs(estimate - exact) > 1e-8)


@every_kind
def test_beyond_the_limit_all_columns_are_read(kind):
    problem = Problem(kind, True)
    share, residual = problem.near(0.1)
    exact = problem.gradient_of(residual[None])[0]
    kernel = L1().kernel(float(np.quantile(np.abs(exact), 0.7)))
    within = problem.screen(residual, kernel, share)
    assert within.n_read > 0
    again = problem.screen(residual, kernel, share, within.n_read)
    assert again.n_read == within.n_read
    beyond = problem.screen(residual, kernel, share, within.n_read - 1)
    assert beyond.n_read == -1
    np.testing.assert_array_equal(beyond.found, within.found)
    np.testing.assert_allclose(beyond.gradient, exact, atol=1e-13)


@every_kind
def test_nothing_is_read_far_below_the_threshold(kind):
    problem = Problem(kind, False)
    share, residual = problem.near(0.01)
    largest = np.abs(problem.gradient_of(residual[None])).max()
    result = problem.screen(residual, L1().kernel(2.0 * largest), share)
    assert result.n_read == 0
    assert len(result.found) == 0
    estimate = share @ problem.gradients
    np.testing.assert_allclose(result.gradient, estimate, atol=1e-15)


@every_kind
def test_features_inside_are_never_found(kind):
    problem = Problem(kind, False)
    problem.outside[:] = False
    share, residual = problem.near(1.0)
    for limit in (ALL, -1):
        result = problem.screen(residual, L1().kernel(1e-6), share, limit)
        assert len(result.found) == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_sided_penalties_see_one_sign(sign):
    problem = Problem("dense F", False)
    share, residual = problem.near(0.1)
    exact = problem.gradient_of(residual[None])[0]
    j = int(np.argmax(np.where(problem.outside, sign * exact, -np.inf)))
    kernel = L1(positive=True).kernel(0.999 * sign * exact[j])
    found = problem.screen(residual, kernel, share).found
    assert (j in found) == (sign > 0.0)


@every_kind
@every_weighting
def test_correlate_writes_the_chosen_features_only(kind, weighted):
    problem = Problem(kind, weighted)
    residual = problem.residuals(1)[0]
    gradient, chosen = np.full(60, np.nan), np.array([7, 0, 59])
    state = residual_state(problem.design, problem.sample, residual)
    correlate(problem.design, chosen, state, gradient)
    expected = problem.gradient_of(residual[None])[0]
    np.testing.assert_allclose(gradient[chosen], expected[chosen], atol=1e-13)
    assert np.isnan(gradient).sum() == 57
