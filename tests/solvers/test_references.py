"""Earlier residuals spare columns, and no feature that violates optimality is missed."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given as draw
from hypothesis import settings
from hypothesis import strategies as st

from skreg._kernels.screening import BLOCK, N_SLOTS
from skreg._solvers.references import References
from skreg._solvers.sample import column_design, make_sample, residual_state
from skreg.penalties import L1, L1L2
from tests.kernels.drive import explicit, given, stored

KINDS = ["dense F", "float32", "csc"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_weighting = pytest.mark.parametrize("weighted", [False, True])
N_SAMPLES = 40


class Checked(NamedTuple):
    n_read: int
    above: np.ndarray
    exact: np.ndarray  # the gradient
    gradient: np.ndarray  # what is said to be the gradient


class Problem:
    """Features, some outside a working set, and what is known of them."""

    def __init__(self, kind, weighted=False, seed=0, n_features=60, scale=1.0):
        data = given(weighted, shape=(N_SAMPLES, n_features), seed=seed)
        data = data._replace(X=data.X * scale)
        self.rng = np.random.default_rng(seed)
        sample = make_sample(stored(data.X, kind), data.y, data.sample_weight, True)
        self.sample, (self.design, self.curvature) = sample, column_design(sample)
        self.A, _ = explicit(data)
        self.roots = sample.weight_roots()[:, 0]
        self.outside = (self.rng.uniform(size=n_features) < 0.8) & (self.curvature > 0.0)
        self.sizes = np.full(n_features, N_SAMPLES)
        if kind == "csc":
            self.sizes = np.diff(sample.X.indptr)
        self.start = self.residual()
        self.lengths = np.sqrt(self.curvature)
        self.references = References(
            sample, self.lengths, self.start, self.gradient_of(self.start)
        )

    def residual(self):
        values = self.rng.standard_normal(N_SAMPLES)
        return values - self.sample.mean(values)

    def gradient_of(self, residual):
        return self.A.T @ (residual * self.roots)

    def check(self, residual, kernel):
        gradient = np.full(len(self.outside), np.nan)
        state = residual_state(self.design, self.sample, residual)
        n_read, above = self.references.check(
            self.design, residual, state, kernel, self.outside, gradient
        )
        return Checked(n_read, above, self.gradient_of(residual), gradient)

    def expect(self, checked, threshold, positive=False):
        """What brute force finds, give or take features within rounding of it."""
        size = checked.exact if positive else np.abs(checked.exact)
        rounding = 1e-12 * np.abs(checked.exact).max()
        sure = np.flatnonzero(self.outside & (size > threshold + rounding))
        possible = np.flatnonzero(self.outside & (size > threshold - rounding))
        assert np.isin(sure, checked.above).all()
        assert np.isin(checked.above, possible).all()


@settings(max_examples=60, deadline=None)
@draw(
    kind=st.sampled_from(KINDS),
    weighted=st.booleans(),
    positive=st.booleans(),
    seed=st.integers(0, 10**6),
    scale=st.sampled_from([1e-8, 1.0, 1e8]),
    distance=st.sampled_from([0.0, 1e-9, 1e-4, 1e-2, 0.3, 3.0]),
    turn=st.sampled_from([0.0, 1e-6, 0.1, 1.0]),
    quantile=st.sampled_from([0.05, 0.5, 0.9, 1.0]),
)
def test_finds_exactly_the_violating_features(
    kind, weighted, positive, seed, scale, distance, turn, quantile
):
    """On ways with more turns than there are slots, in steps of any length."""
    if kind == "float32":
        scale = 1.0
    problem = Problem(kind, weighted, seed, scale=scale)
    residual, direction = problem.start, problem.residual()
    for _ in range(2 * N_SLOTS):
        direction = direction + turn * problem.residual()
        residual = 0.95 * residual + distance * direction
        exact = np.abs(problem.gradient_of(residual))
        threshold = float(np.quantile(exact, quantile)) * (1 + 1e-9)
        kernel = L1L2(0.5, positive).kernel(2.0 * threshold)
        problem.expect(problem.check(residual, kernel), threshold, positive)
        if problem.rng.uniform() < 0.2:  # one of them joins the working set
            problem.outside[problem.rng.integers(60)] = False


@every_kind
@every_weighting
def test_a_residual_that_moved_along_a_column_is_not_missed(kind, weighted):
    """There the bound is attained: |x_j' away| = radius |x_j|."""
    problem = Problem(kind, weighted)
    known = problem.gradient_of(problem.start)
    for j in np.flatnonzero(problem.outside)[:20]:
        fresh = Problem(kind, weighted)
        along = problem.A[:, j] / problem.roots
        along -= (
            (problem.sample.mean(along * fresh.start))
            / (problem.sample.norm2(fresh.start))
            * fresh.start
        )
        along *= 1.0 if known[j] > 0.0 else -1.0
        residual = 0.1 * fresh.start + along
        size = abs(problem.gradient_of(residual)[j])
        assert j in fresh.check(residual, L1().kernel(size * (1 - 1e-9))).above


@every_kind
@every_weighting
def test_what_is_known_is_what_was_read(kind, weighted):
    """The two gradients of each feature are those at its two residuals."""
    problem = Problem(kind, weighted, n_features=2 * BLOCK + 7)
    known, residual = problem.references, problem.start
    outside, direction = problem.outside, problem.residual()
    several, replaced = 0, 0
    for step in range(3 * N_SLOTS):
        residual = residual + 0.02 * direction + 0.005 * problem.residual()
        largest = np.abs(problem.gradient_of(residual)).max()
        problem.check(residual, L1().kernel(0.7 * largest))
        pairs = np.divmod(known._pairs.astype(int), N_SLOTS)
        for m, slots in enumerate(pairs):
            expected = problem.A.T @ (known._residuals * problem.roots).T
            expected = np.take_along_axis(expected, slots[:, None], 1)[:, 0]
            np.testing.assert_allclose(
                known._known[m, outside], expected[outside], atol=1e-11
            )
        users = np.bincount(pairs[1], minlength=N_SLOTS)
        np.testing.assert_array_equal(known._users, users)
        several += np.count_nonzero(pairs[0] != pairs[1])
        replaced += step >= N_SLOTS and len(np.unique(pairs[1][outside])) > 2
    assert several > 0
    assert replaced > 0


@every_kind
@every_weighting
def test_few_columns_are_read_on_a_smooth_way(kind, weighted):
    problem = Problem(kind, weighted)
    total, direction = 0, problem.residual()
    for step in range(40):
        residual = problem.start + 0.02 * step * direction
        exact = problem.gradient_of(residual)
        threshold = float(np.quantile(np.abs(exact), 0.97))
        checked = problem.check(residual, L1().kernel(threshold))
        read = problem.outside & (np.abs(checked.gradient - exact) <= 1e-13)
        assert checked.n_read <= problem.sizes[read].sum()
        np.testing.assert_allclose(
            checked.gradient[checked.above], exact[checked.above], atol=1e-13
        )
        problem.expect(checked, threshold)
        total += checked.n_read
    # Near the threshold they are read again and again; the others once or twice.
    assert 0 < total < 0.15 * 40 * problem.sizes[problem.outside].sum()


@every_kind
def test_nothing_is_read_far_below_the_threshold(kind):
    problem = Problem(kind)
    residual = 0.3 * problem.start
    largest = np.abs(problem.gradient_of(residual)).max()
    checked = problem.check(residual, L1().kernel(2.0 * largest))
    assert checked.n_read == 0
    assert len(checked.above) == 0
    outside = problem.outside
    np.testing.assert_allclose(
        checked.gradient[outside], checked.exact[outside], atol=1e-13
    )


@every_kind
def test_features_inside_are_never_found(kind):
    problem = Problem(kind)
    problem.outside[:] = False
    checked = problem.check(problem.residual(), L1().kernel(1e-6))
    assert checked.n_read == 0
    assert len(checked.above) == 0


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_one_sided_penalties_see_one_sign(sign):
    problem = Problem("dense F")
    residual = problem.residual()
    exact = problem.gradient_of(residual)
    j = int(np.argmax(np.where(problem.outside, sign * exact, -np.inf)))
    kernel = L1(positive=True).kernel(0.999 * sign * exact[j])
    assert (j in problem.check(residual, kernel).above) == (sign > 0.0)
