"""The active-set method: its factor, its moves and whole paths in one call.

The helpers are inlined into compiled code; called from Python they run as Python.
"""

from typing import NamedTuple

import numpy as np
import pytest

from skreg._kernels import active_set
from skreg._kernels.active_set import (
    FULL,
    LIMIT,
    SMALL,
    SOLVED,
    STALE,
    backward,
    enter,
    forward,
    leave,
    move,
)
from skreg._kernels.optimality import set_gradient, set_outer_gradient
from skreg._solvers import support as support_module
from skreg._solvers.support import Support, runs_of
from skreg.penalties import L1, L1L2
from tests.linear import oracle

SIZES_AROUND_FOUR = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17]


class Problem(NamedTuple):
    A: np.ndarray
    b: np.ndarray
    gram: np.ndarray
    correlation: np.ndarray
    y_norm2: float


def problem(n_samples, n_features, seed=0, shared=0.0):
    """1/2 ||b - A w||^2 in rows that are independent but for a shared part."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((n_samples, n_features))
    A += shared * rng.standard_normal((n_samples, 1))
    b = A @ rng.normal(0.5, 1.0, n_features) + rng.standard_normal(n_samples)
    A, b = A / np.sqrt(n_samples), b / np.sqrt(n_samples)
    return Problem(A, b, A.T @ A, A.T @ b, float(b @ b))


def cholesky(gram, features, l2):
    return np.linalg.cholesky(gram[np.ix_(features, features)] + l2 * np.eye(len(features)))


def room(n_features):
    """(features, signs, factor, scratch) for a support of all features."""
    return (
        np.arange(n_features),
        np.ones(n_features),
        np.full((n_features + 1, n_features + 1), np.nan),
        np.zeros((4, n_features + 1)),
    )


def lower(factor, size):
    return np.tril(factor[:size, :size])


class TestEnter:
    @pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 5, 8, 11, 40])
    @pytest.mark.parametrize("count", range(1, 10))
    def test_equals_the_factor_of_the_larger_matrix(self, size, count):
        gram, l2 = problem(80, 49).gram, 0.3
        features, _, factor, _ = room(49)
        features[:] = np.random.default_rng(count).permutation(49)
        chosen = features[: size + count].copy()
        factor[:size, :size] = cholesky(gram, chosen[:size], l2)
        assert enter(gram, l2, count, features, factor, size) == size + count
        np.testing.assert_array_equal(features[: size + count], chosen)
        expected = cholesky(gram, chosen, l2)
        np.testing.assert_allclose(lower(factor, size + count), expected, atol=1e-13)

    @pytest.mark.parametrize(
        ("new", "kept"),
        [
            ([8, 3], [3]),
            ([3, 8], [3]),
            ([8, 9], []),
            ([3, 8, 4, 9, 5, 6], [3, 4, 5, 6]),
            ([8, 3, 4, 5, 6, 9, 7], [3, 4, 5, 6, 7]),
            ([3, 4, 10, 5], [3, 4, 5]),
            ([3, 10, 4, 5], [3, 10, 5]),
        ],
    )
    def test_dependent_features_are_left_out(self, new, kept):
        """Features 8 and 9 depend on the support (0, 1, 2), and 10 is a second 4."""
        A = problem(30, 11).A
        A[:, 8], A[:, 9] = A[:, 0] + A[:, 2], -2 * A[:, 1]
        A[:, 10] = A[:, 4]
        gram = A.T @ A
        features, _, factor, _ = room(11)
        features[:3], features[3 : 3 + len(new)] = [0, 1, 2], new
        factor[:3, :3] = cholesky(gram, [0, 1, 2], 0.0)
        size = enter(gram, 0.0, len(new), features, factor, 3)
        assert list(features[3:size]) == kept
        expected = cholesky(gram, [0, 1, 2, *kept], 0.0)
        np.testing.assert_allclose(lower(factor, size), expected, atol=1e-12)

    def test_with_l2_nothing_depends(self):
        gram = np.ones((3, 3))
        features, _, factor, _ = room(3)
        assert enter(gram, 0.0, 3, features, factor, 0) == 1
        features[:] = range(3)
        assert enter(gram, 0.1, 3, features, factor, 0) == 3


class TestLeave:
    @pytest.mark.parametrize("size", SIZES_AROUND_FOUR)
    def test_equals_the_factor_of_the_smaller_matrix(self, size):
        gram, goal, l2 = problem(60, 20).gram, problem(60, 20).correlation, 0.1
        chosen = np.random.default_rng(size).permutation(20)[:size]
        before = cholesky(gram, chosen, l2)
        for position in range(size):
            features, signs, factor, scratch = room(size)
            features[:], signs[:] = chosen, np.arange(size)
            factor[:size, :size] = before
            scratch[3, :size] = np.linalg.solve(before, goal[chosen])
            leave(position, features, signs, factor, size, scratch)
            rest = np.delete(chosen, position)
            np.testing.assert_array_equal(features[: size - 1], rest)
            np.testing.assert_array_equal(
                signs[: size - 1], np.delete(np.arange(size), position)
            )
            after = cholesky(gram, rest, l2)
            np.testing.assert_allclose(lower(factor, size - 1), after, atol=1e-13)
            solved = np.linalg.solve(after, goal[rest])
            np.testing.assert_allclose(scratch[3, : size - 1], solved, atol=1e-12)

    def test_what_left_may_enter_again(self):
        gram = problem(60, 13).gram
        features, signs, factor, scratch = room(13)
        factor[:13, :13] = cholesky(gram, features, 0.0)
        leave(5, features, signs, factor, 13, scratch)
        leave(0, features, signs, factor, 12, scratch)
        features[11:13] = [5, 0]
        assert enter(gram, 0.0, 2, features, factor, 11) == 13
        expected = cholesky(gram, features, 0.0)
        np.testing.assert_allclose(lower(factor, 13), expected, atol=1e-13)


class TestExchange:
    """A feature joins that is a combination of the support."""

    weights = np.array([2.0, -1.0, 0.25, -0.25, 0.5])

    def exchanged(self, coef, sign):
        A = problem(30, 6).A
        A[:, 5] = A[:, :5] @ self.weights
        gram = A.T @ A
        features, signs, factor, scratch = room(6)
        coef = np.append(coef, 0.0)
        inside = coef != 0.0
        signs[:5] = np.sign(coef[:5])
        factor[:5, :5] = cholesky(gram, range(5), 0.0)
        features[5] = 5
        assert enter(gram, 0.0, 1, features, factor, 5) == 5
        before = A @ coef
        kernel, gradient = L1().kernel(0.1), np.zeros(6)
        state = coef, gradient, features, signs, factor, 5, inside, scratch
        size, step, _ = move(kernel, *state, sign, 0.0, 0.0, 0, None)
        rest = features[:size]
        expected = cholesky(gram, rest, 0.0)
        np.testing.assert_allclose(lower(factor, size), expected, atol=1e-13)
        np.testing.assert_array_equal(np.sign(coef[rest]), signs[:size])
        np.testing.assert_array_equal(inside[:5], coef[:5] != 0.0)
        coef[5] = sign * max(step, 0.0)
        np.testing.assert_allclose(A @ coef, before, atol=1e-12)
        return step, rest, coef

    @pytest.mark.parametrize(
        ("coef", "sign", "step", "leaving"),
        [
            ([1.0, -3.0, 1.0, 1.0, 4.0], 1.0, 0.5, 0),
            ([9.0, -3.0, 1.0, 1.0, 4.0], 1.0, 3.0, 1),
            ([9.0, -9.0, 1.0, 1.0, 1.0], 1.0, 2.0, 4),
            ([1.0, 3.0, 1.0, 1.0, -9.0], -1.0, 3.0, 1),
            ([-1.0, 1.0, 1.0, 1.0, 0.5], 1.0, 1.0, 4),
        ],
    )
    def test_the_first_to_reach_zero_leaves(self, coef, sign, step, leaving):
        found, rest, after = self.exchanged(coef, sign)
        np.testing.assert_allclose(found, step)
        assert list(rest) == [j for j in range(5) if j != leaving]
        assert after[leaving] == 0.0

    def test_none_leaves_if_none_shrinks(self):
        coef = [-1.0, 1.0, -1.0, 1.0, -2.0]
        step, rest, after = self.exchanged(coef, 1.0)
        assert step < 0.0
        assert len(rest) == 5
        np.testing.assert_array_equal(after[:5], coef)


class TestMove:
    """To the minimiser for given signs, from wherever the gradient is known."""

    def moved(self, given, coef, signs, alpha=0.0):
        features, _, factor, scratch = room(9)
        factor[:9, :9] = cholesky(given.gram, features, 0.0)
        coef, inside = coef.copy(), np.ones(9, dtype=bool)
        gradient = given.correlation - given.gram @ coef
        state = coef, gradient, features, signs.copy(), factor, 9, inside, scratch
        size, _, _ = move(L1().kernel(alpha), *state, 0.0, 0.0, 0.0, 0, None)
        return coef, features[:size], inside

    def test_solves_for_what_is_left_of_the_condition(self):
        given = problem(40, 9, shared=3.0)
        exact = np.linalg.solve(given.gram, given.correlation)
        start = exact * (1 + 1e-3 * np.cos(np.arange(9)))
        coef, support, inside = self.moved(given, start, np.sign(exact))
        np.testing.assert_allclose(coef, exact, rtol=1e-10)
        assert len(support) == 9
        assert inside.all()

    def test_what_would_change_its_sign_is_dropped(self):
        given = problem(40, 9)
        exact = np.linalg.solve(given.gram, given.correlation)
        start = exact.copy()
        start[4] = -exact[4]
        coef, support, inside = self.moved(given, start, np.sign(start))
        assert coef[4] == 0.0
        assert not inside[4]
        assert 4 not in support
        matrix = given.gram[np.ix_(support, support)]
        expected = np.linalg.solve(matrix, given.correlation[support])
        np.testing.assert_allclose(coef[support], expected, rtol=1e-10)


@pytest.mark.parametrize("count", [6, 9])
def test_outer_gradient(count):
    """Outside c - G w; inside slope + l2 w, which it is at the minimiser."""
    given = problem(40, 9)
    kernel = L1L2(0.5).kernel(0.2)
    inside = np.isin(np.arange(9), [0, 2, 3, 5])
    signs = np.array([1.0, -1.0, 1.0, -1.0])
    matrix = given.gram[np.ix_(inside, inside)] + 0.1 * np.eye(4)
    coef, outer, whole = np.zeros(9), np.full(9, np.nan), np.full(9, np.nan)
    coef[inside] = np.linalg.solve(matrix, given.correlation[inside] - 0.1 * signs)
    flipped = np.sign(coef[inside]) != signs
    set_outer_gradient(given.gram, given.correlation, count, kernel, coef, inside, outer)
    features = np.flatnonzero(inside)
    set_gradient(given.gram, given.correlation, count, coef, features, 4, whole)
    np.testing.assert_allclose(
        whole[:count], (given.correlation - given.gram @ coef)[:count], atol=1e-13
    )
    np.testing.assert_allclose(
        outer[:count][~inside[:count]], whole[:count][~inside[:count]]
    )
    np.testing.assert_allclose(
        outer[inside], 0.1 * np.sign(coef[inside]) + 0.1 * coef[inside], atol=1e-14
    )
    np.testing.assert_allclose(outer[inside][~flipped], whole[inside][~flipped])
    assert np.all(np.isnan(outer[count:]))


def grid(given, l1_ratio=1.0, n_alphas=10, smallest=0.01):
    largest = np.max(np.abs(given.correlation)) / l1_ratio
    return largest * np.geomspace(1.0, smallest, n_alphas)


def follow_path(given, kernels, support=None, max_rounds=10_000, accuracy=0.0):
    """What :meth:`Support.follow` finds, from zero."""
    n_features = len(given.correlation)
    return (support or Support(n_features)).follow(
        given.gram,
        given.correlation,
        runs_of(kernels),
        max_rounds,
        given.y_norm2,
        accuracy,
    )


@pytest.fixture
def statuses(monkeypatch):
    """What each call of the compiled function returned."""
    seen = []

    def watched(*arguments):
        found = active_set.follow(*arguments)
        seen.append(found[0])
        return found

    monkeypatch.setattr(support_module, "follow", watched)
    return seen


def assert_optimal(given, penalty, alphas, found, rtol=1e-12):
    scale = np.max(np.abs(given.correlation))
    assert found.n_solved == len(alphas)
    for alpha, coef in zip(alphas, found.coefs, strict=True):
        l1, l2, _ = penalty.kernel(alpha)
        left = oracle.optimality_violation(given.A, given.b, coef, l1, l2, penalty.positive)
        assert left <= rtol * scale


@pytest.mark.parametrize(
    "penalty", [L1(), L1(positive=True), L1L2(0.5), L1L2(0.5, positive=True)], ids=repr
)
class TestPaths:
    def test_every_alpha_is_solved(self, penalty, statuses):
        given = problem(60, 40, shared=1.0)
        alphas = grid(given, n_alphas=20)
        found = follow_path(given, [penalty.kernel(alpha) for alpha in alphas])
        assert_optimal(given, penalty, alphas, found)
        assert statuses == [SOLVED]
        assert np.count_nonzero(found.coefs[-1]) > 10

    def test_one_call_equals_one_per_alpha(self, penalty):
        given = problem(60, 40, shared=1.0)
        kernels = [penalty.kernel(alpha) for alpha in grid(given)]
        at_once, alone = follow_path(given, kernels), Support(40)
        for t, kernel in enumerate(kernels):
            single = follow_path(given, [kernel], alone)
            assert single.n_solved == 1
            np.testing.assert_array_equal(single.coefs[0], at_once.coefs[t])
            assert single.n_rounds[0] == at_once.n_rounds[t]

    def test_gradients_are_those_of_the_solutions(self, penalty):
        given = problem(60, 20)
        found = follow_path(given, [penalty.kernel(alpha) for alpha in grid(given)])
        expected = given.correlation - found.coefs @ given.gram
        np.testing.assert_allclose(found.gradients, expected, atol=1e-13)


@pytest.mark.parametrize("accuracy", [1e-8, 1e-5])
@pytest.mark.parametrize("l1_ratio", [0.05, 0.5, 0.99, 1.0])
class TestAccuracy:
    """What may be left of the optimality condition."""

    def follow(self, accuracy, l1_ratio, positive=False):
        given, penalty = problem(400, 100), L1L2(l1_ratio, positive)
        alphas = grid(given, l1_ratio, n_alphas=60, smallest=1e-3)
        kernels = [penalty.kernel(alpha) for alpha in alphas]
        found = follow_path(given, kernels, accuracy=accuracy)
        assert np.count_nonzero(found.coefs[-1]) > (30 if positive else 80)
        return given, penalty, alphas, found

    @pytest.mark.parametrize("positive", [False, True])
    def test_as_much_is_left_and_no_more(self, accuracy, l1_ratio, positive):
        given, penalty, alphas, found = self.follow(accuracy, l1_ratio, positive)
        assert_optimal(given, penalty, alphas, found, rtol=2.5 * accuracy)
        if l1_ratio < 1.0:
            with pytest.raises(AssertionError):
                assert_optimal(given, penalty, alphas, found, rtol=1e-5 * accuracy)

    def test_gradients_are_those_of_the_solutions(self, accuracy, l1_ratio):
        """Also inside of a large support, where they are not computed from the solution."""
        given, _, _, found = self.follow(accuracy, l1_ratio)
        expected = given.correlation - found.coefs @ given.gram
        np.testing.assert_allclose(found.gradients, expected, atol=1e-12)

    def test_solutions_are_near_the_exact_ones(self, accuracy, l1_ratio):
        given, _, _, found = self.follow(accuracy, l1_ratio)
        exact = self.follow(0.0, l1_ratio)[-1]
        scale = np.max(np.abs(given.correlation))
        atol = 20.0 * accuracy * scale
        np.testing.assert_allclose(found.coefs, exact.coefs, rtol=0.0, atol=atol)

    def test_wrong_gradients_are_noticed(self, accuracy, l1_ratio, monkeypatch):
        def wrong(*arguments):
            answer = active_set.follow(*arguments)
            arguments[11][:] += 1e-4  # the gradient
            return answer

        monkeypatch.setattr(support_module, "follow", wrong)
        given, kernel = problem(400, 100), L1L2(l1_ratio).kernel(0.1)
        assert follow_path(given, [kernel], accuracy=accuracy).n_solved == 0
        assert follow_path(given, [kernel], accuracy=0.0).n_solved == 1


class TestStatus:
    """What the compiled function asks for, and that :class:`Support` provides it."""

    def test_small_factors_follow_l2_on_their_own(self, statuses):
        given, penalty = problem(200, 60), L1L2(0.5)
        alphas = grid(given, 0.5, n_alphas=6, smallest=1e-5)
        found = follow_path(given, [penalty.kernel(alpha) for alpha in alphas])
        assert_optimal(given, penalty, alphas, found)
        assert 30 < np.count_nonzero(found.coefs[-2]) < SMALL
        assert statuses == [SOLVED]

    def test_the_factor_of_another_l2_is_enough_for_many_alphas(self, statuses):
        given, penalty = problem(600, 200), L1L2(0.9)
        alphas = grid(given, 0.9, n_alphas=30, smallest=1e-3)
        found = follow_path(given, [penalty.kernel(alpha) for alpha in alphas])
        assert_optimal(given, penalty, alphas, found)
        assert (np.count_nonzero(found.coefs, axis=1) > SMALL).sum() > 10
        assert statuses.count(STALE) <= 1

    @pytest.mark.parametrize("smaller", [True, False])
    def test_a_large_factor_of_a_far_l2_is_renewed(self, smaller, statuses):
        given, penalty = problem(600, 200), L1L2(0.01)
        alphas = grid(given, n_alphas=2, smallest=1e-5)[:: 1 if smaller else -1].copy()
        alphas[0 if smaller else 1] *= 0.3
        found = follow_path(given, [penalty.kernel(alpha) for alpha in alphas])
        assert_optimal(given, penalty, alphas, found)
        assert np.count_nonzero(found.coefs, axis=1).min() > SMALL
        assert statuses.count(STALE) == 1

    def test_signs_that_are_forbidden_are_not_expected(self):
        """The gradient of a feature goes from one side of zero to the other."""
        given, penalty = problem(60, 40, shared=1.0), L1(positive=True)
        alphas = grid(given, n_alphas=40, smallest=1e-4)
        found = follow_path(given, [penalty.kernel(alpha) for alpha in alphas])
        assert_optimal(given, penalty, alphas, found)
        assert np.any(found.gradients[:-1] * found.gradients[1:] < 0.0)

    def test_what_is_expected_saves_rounds(self):
        given = problem(400, 100)
        kernels = [L1().kernel(alpha) for alpha in grid(given, n_alphas=40)]
        found = follow_path(given, kernels)
        support, alone = Support(100), 0
        for kernel in kernels:
            support._trend[:2] = np.nan
            alone += follow_path(given, [kernel], support).n_rounds[0]
        assert found.n_rounds.sum() < 0.8 * alone

    def test_a_support_that_needs_room_gets_it(self, statuses, monkeypatch):
        monkeypatch.setattr(support_module, "ROOM", 64)
        given = problem(400, 150)
        alphas = grid(given, n_alphas=3, smallest=1e-3)
        found = follow_path(given, [L1().kernel(alpha) for alpha in alphas])
        assert_optimal(given, L1(), alphas, found)
        assert np.count_nonzero(found.coefs[-1]) > 128
        assert statuses == [FULL, FULL, SOLVED]

    def test_portions_lead_to_the_same_solutions(self, statuses, monkeypatch):
        given = problem(60, 40, shared=1.0)
        kernels = [L1().kernel(alpha) for alpha in grid(given)]
        whole = follow_path(given, kernels)
        monkeypatch.setattr(support_module, "PORTION", 3)
        parts = follow_path(given, kernels)
        assert parts.n_solved == len(kernels)
        assert statuses.count(LIMIT) > 3
        np.testing.assert_allclose(parts.coefs, whole.coefs, rtol=0, atol=1e-13)
        assert np.all(parts.n_rounds >= whole.n_rounds)
        assert parts.n_rounds.sum() > whole.n_rounds.sum()  # a portion starts by looking

    def test_portions_count_towards_the_bound(self, statuses, monkeypatch):
        given = problem(60, 150, shared=1.0)
        kernel = L1().kernel(grid(given)[-1])
        assert follow_path(given, [kernel]).n_rounds[0] > 6
        monkeypatch.setattr(support_module, "PORTION", 3)
        statuses.clear()
        found = follow_path(given, [kernel], None, 5)
        assert found.n_solved == 0
        assert found.n_rounds[0] == 5
        assert statuses == [LIMIT, LIMIT]

    @pytest.mark.parametrize("max_rounds", [1, 2, 3])
    def test_rounds_are_bounded_for_each_penalty(self, max_rounds, statuses):
        given = problem(60, 40, shared=1.0)
        alphas = grid(given, n_alphas=3, smallest=1e-3)
        needed = follow_path(given, [L1().kernel(alpha) for alpha in alphas]).n_rounds
        assert needed[0] == 1
        assert needed[1] > 3
        found = follow_path(
            given, [L1().kernel(alpha) for alpha in alphas], None, max_rounds
        )
        assert found.n_solved == 1
        assert list(found.n_rounds) == [1, max_rounds, 0]
        assert statuses[1:] == [LIMIT]

    def test_what_was_reached_at_the_limit_is_gone_on_from(self):
        given = problem(60, 40, shared=1.0)
        alphas = grid(given, n_alphas=3, smallest=1e-3)[1:]
        support, kernels = Support(40), [L1().kernel(alpha) for alpha in alphas]
        first = follow_path(given, kernels, support, 3)
        assert first.n_solved == 0
        height = oracle.objective(given.A, given.b, support.coef, alphas[0], 0.0)
        assert height < oracle.objective(given.A, given.b, np.zeros(40), alphas[0], 0.0)
        residual = given.A.T @ (given.b - given.A @ support.coef)
        np.testing.assert_allclose(support.gradient, residual, atol=1e-12)
        assert_optimal(given, L1(), alphas, follow_path(given, kernels, support))

    def test_a_singular_problem_is_solved_by_exchange(self):
        """The last feature is the sum of the first two, which enter before it."""
        A = np.linalg.qr(np.random.default_rng(0).standard_normal((20, 3)))[0]
        A = np.column_stack([A, 0.9 * (A[:, 0] + A[:, 1])])
        b = A @ np.array([3.0, 2.0, 1.0, 0.0])
        given = Problem(A, b, A.T @ A, A.T @ b, float(b @ b))
        support = Support(4)
        start = np.array([2.5, 1.5, 0.5, 0.0])
        assert support.start_at(start, given.gram, 0.0)
        found = follow_path(given, [L1().kernel(0.1)], support)
        assert_optimal(given, L1(), [0.1], found)
        assert set(np.flatnonzero(found.coefs[0])) == {0, 2, 3}


def test_features_beyond_the_count_are_not_touched():
    """The Gram matrix of a working set has room for features that may still come."""
    given, kernel = problem(60, 12), L1().kernel(0.05)
    gram, correlation = np.full((20, 20), np.nan), np.full(20, np.nan)
    gram[:12, :12], correlation[:12] = given.gram, given.correlation
    support = Support(20)
    solved, n_rounds = support.solve(gram, correlation, 12, kernel, 100, given.y_norm2)
    assert solved
    assert n_rounds >= 1
    np.testing.assert_array_equal(support.coef[12:], 0.0)
    expected = follow_path(given, [kernel]).coefs[0]
    np.testing.assert_allclose(support.coef[:12], expected, atol=1e-14)


@pytest.mark.parametrize("size", SIZES_AROUND_FOUR)
class TestSizes:
    def test_triangular_solves(self, size):
        factor = np.tril(np.random.default_rng(0).uniform(1.0, 2.0, (size + 1, size + 1)))
        given = np.arange(size + 1.0)
        for solve, matrix in ((forward, factor), (backward, factor.T)):
            point = given.copy()
            solve(factor, size, point)
            product = matrix[:size, :size] @ point[:size]
            np.testing.assert_allclose(product, given[:size], rtol=1e-9, atol=1e-9)
            assert point[size] == size

    def test_gradient(self, size):
        given = problem(40, 20)
        features = np.random.default_rng(1).permutation(20)[:size]
        coef, gradient = np.zeros(20), np.full(20, np.nan)
        coef[features] = np.arange(1.0, size + 1.0)
        matrices = given.gram, given.correlation
        set_gradient(*matrices, 15, coef, features, size, gradient)
        expected = (given.correlation - given.gram @ coef)[:15]
        np.testing.assert_allclose(gradient[:15], expected, atol=1e-12)
        assert np.all(np.isnan(gradient[15:]))
