"""solve_path: solutions and certificates at every alpha, by any algorithm."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers.gaps import gap_floor, recompute_gaps, relative_gap
from skreg._solvers.least_squares import solve_moments_path, solve_path
from skreg._solvers.moments import make_moments
from skreg._solvers.multi_task import solve_multi_task_path
from skreg._solvers.sample import make_sample
from skreg._solvers.support import Support
from skreg.penalties import L1, L1L2, L2
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian
from tests.penalties.user_penalty import MCP

EPS = np.finfo(np.float64).eps
NAMES = ["tall", "wide", "weighted", "sparse_tall", "sparse_wide", "constant_columns"]


def sample_of(name, fit_intercept=True):
    problem = PROBLEMS[name]()
    sample = make_sample(
        problem.X, problem.y[:, None], problem.sample_weight, fit_intercept
    )
    return sample, *oracle.explicit(*problem[:3], fit_intercept)


def grid(A, b, l1_ratio=1.0, n_alphas=12, eps=0.05):
    largest = float(np.abs(A.T @ b).max()) / l1_ratio
    return largest * np.geomspace(1.0, eps, n_alphas)


def gaps_of(sample, penalty, alpha, coef):
    """Recomputed gaps of one solution for the only target."""
    return recompute_gaps(sample, penalty, np.array([alpha]), coef, np.array([0]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("use_gram", [None, True, False])
def test_every_alpha_is_solved(name, l1_ratio, positive, use_gram):
    sample, A, b = sample_of(name)
    alphas = grid(A, b, l1_ratio)
    penalty = L1L2(l1_ratio, positive)
    path = solve_path(sample, penalty, alphas, tol=1e-14, max_iter=None, use_gram=use_gram)
    null = float(b @ b / 2)
    assert path.converged.all()
    np.testing.assert_allclose(path.null_objectives, [null])
    np.testing.assert_array_equal(path.alphas, alphas)
    for alpha, coef, gap in zip(alphas, path.coefs[0], path.dual_gaps[0], strict=True):
        l1, l2 = oracle.strengths(alpha, l1_ratio)
        exact = oracle.active_set(A, b, l1, l2, positive).astype(float)
        np.testing.assert_allclose(coef, exact, atol=1e-7 * max(np.abs(exact).max(), 1))
        assert EPS * null <= gap * (1 + 1e-12) <= 2e-14 * null


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("penalty", [L1(), L1L2(0.5), L1L2(0.5, positive=True)], ids=repr)
@pytest.mark.parametrize("tol", [1e-2, 1e-6])
def test_gaps_are_below_tol_and_true(name, penalty, tol):
    sample, A, b = sample_of(name)
    ratio = getattr(penalty, "l1_ratio", 1.0)
    alphas = grid(A, b, ratio)
    path = solve_path(sample, penalty, alphas, tol=tol, max_iter=None)
    null = float(b @ b / 2)
    for alpha, coef, gap in zip(alphas, path.coefs[0], path.dual_gaps[0], strict=True):
        l1, l2 = oracle.strengths(alpha, ratio)
        primal = oracle.objective(A, b, coef, l1, l2)
        dual = oracle.best_dual(A, b, coef, l1, l2, penalty.positive)
        assert primal - dual <= tol * null
        np.testing.assert_allclose(gap, float(primal - dual), rtol=1e-5, atol=1e-14 * null)


@pytest.mark.parametrize("name", NAMES)
def test_the_order_of_the_alphas_does_not_matter(name):
    sample, A, b = sample_of(name)
    alphas = grid(A, b)
    order = np.random.default_rng(0).permutation(len(alphas))
    solve = {"tol": 1e-14, "max_iter": None}
    down = solve_path(sample, L1(), alphas, **solve)
    mixed = solve_path(sample, L1(), alphas[order], **solve)
    np.testing.assert_allclose(mixed.coefs[0], down.coefs[0][order], atol=1e-7)


@pytest.mark.parametrize("name", ["tall", "wide", "sparse_tall"])
def test_start_and_moments_lead_to_the_same_solution(name):
    sample, A, b = sample_of(name)
    alpha = grid(A, b)[-1:]
    solve = {"tol": 1e-14, "max_iter": None}
    cold = solve_path(sample, L1(), alpha, **solve)
    far = np.random.default_rng(0).standard_normal((1, A.shape[1]))
    warm = solve_path(sample, L1(), alpha, start=far, **solve)
    given = solve_path(sample, L1(), alpha, moments=make_moments(sample), **solve)
    for other in (warm, given):
        np.testing.assert_allclose(other.coefs, cold.coefs, atol=1e-7)


def test_several_targets_are_separate_problems():
    problem = PROBLEMS["tall"]()
    Y = np.column_stack([problem.y, problem.y[::-1]])
    solve = {"tol": 1e-12, "max_iter": None}
    both = solve_path(make_sample(problem.X, Y, None, True), L1(), [1.0, 0.1], **solve)
    for k in range(2):
        one = make_sample(problem.X, Y[:, [k]], None, True)
        single = solve_path(one, L1(), [1.0, 0.1], **solve)
        np.testing.assert_allclose(both.coefs[k], single.coefs[0], atol=1e-9)


@pytest.mark.parametrize("name", ["tall", "wide", "sparse_tall"])
def test_quadratic_penalties_are_solved_directly(name):
    sample, A, b = sample_of(name)
    path = solve_path(sample, L2(), [0.5, 0.01], tol=1e-4, max_iter=1)
    assert path.converged.all()
    assert np.all(path.n_iters == 1)
    for alpha, coef in zip(path.alphas, path.coefs[0], strict=True):
        expected = oracle.ridge(A, b, alpha).astype(float)
        np.testing.assert_allclose(coef, expected, atol=1e-10)


@pytest.mark.parametrize("use_gram", [True, False])
def test_a_bound_on_the_iterations_is_told(use_gram):
    sample, A, b = sample_of("correlated")
    alphas = [1e-4 * float(np.abs(A.T @ b).max())]
    path = solve_path(sample, L1(), alphas, tol=1e-10, max_iter=1, use_gram=use_gram)
    assert not path.converged.any()
    assert path.n_iters[0, 0] == 1
    assert gaps_of(sample, L1(), alphas[0], path.coefs[:, 0])[0] > 1e-10 * float(b @ b)


@pytest.mark.parametrize("name", ["tall", "sparse_tall"])
@pytest.mark.parametrize("use_gram", [True, False])
def test_user_penalty_on_a_path(name, use_gram):
    """Nothing in the solver knows the penalty; each alpha ends at a stationary point."""
    sample, A, b = sample_of(name)
    alphas = grid(A, b, n_alphas=6)
    path = solve_path(
        sample, MCP(gamma=20.0), alphas, tol=1e-13, max_iter=10_000, use_gram=use_gram
    )
    assert path.converged.all()
    for alpha, coef in zip(alphas, path.coefs[0], strict=True):
        slope = (A.T @ (b - A @ coef)).astype(float)
        inside = np.maximum(alpha - np.abs(coef) / 20.0, 0.0)
        away = np.abs(slope - np.sign(coef) * inside)
        at_zero = np.maximum(np.abs(slope) - alpha, 0.0)
        assert np.max(np.where(coef == 0, at_zero, away)) <= 1e-5
    assert np.count_nonzero(path.coefs[0, -1]) > 2


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("l1_ratio", [0.2, 1.0])
def test_recomputed_gaps_of_any_coefficients(name, l1_ratio):
    sample, A, b = sample_of(name)
    alpha = grid(A, b, l1_ratio)[5]
    coef = np.random.default_rng(0).standard_normal((1, A.shape[1]))
    found = gaps_of(sample, L1L2(l1_ratio), alpha, coef)
    l1, l2 = oracle.strengths(alpha, l1_ratio)
    primal = oracle.objective(A, b, coef[0], l1, l2)
    dual = oracle.best_dual(A, b, coef[0], l1, l2)
    np.testing.assert_allclose(found, [float(primal - dual)], rtol=1e-9)


def test_recomputed_gaps_of_several_targets_and_alphas():
    problem = PROBLEMS["weighted"]()
    Y = np.column_stack([problem.y, problem.y[::-1]])
    sample = make_sample(problem.X, Y, problem.sample_weight, True)
    rng = np.random.default_rng(0)
    coef = rng.standard_normal((5, problem.X.shape[1]))
    alphas = np.array([0.3, 0.0, 1.0, 0.3, 0.7])
    targets = np.array([1, 0, 0, 1, 1])
    found = recompute_gaps(sample, L1(), alphas, coef, targets)
    for gap, alpha, w, k in zip(found, alphas, coef, targets, strict=True):
        alone = sample.select(np.array([k]))
        np.testing.assert_allclose(gap, gaps_of(alone, L1(), alpha, w[None])[0], rtol=1e-9)


def test_relative_gap_and_floor():
    np.testing.assert_allclose(relative_gap([1.0, 0.0], [4.0, 4.0]), [0.25, EPS])
    np.testing.assert_allclose(relative_gap([0.0], [0.0]), [EPS])
    np.testing.assert_allclose(gap_floor(np.array([4.0])), [4 * EPS])
    assert gap_floor(np.array([0.0])) > 0


class TestMultiTask:
    @staticmethod
    def sample(fit_intercept=True, convert=np.asarray):
        X, y = gaussian(40, 9, 4, seed=81)
        Y = np.column_stack([y, y[::-1], X[:, 0] + 2 * X[:, 5]])
        A, B = oracle.explicit(X, Y, None, fit_intercept)
        return make_sample(convert(X), Y, None, fit_intercept), A, B

    @pytest.mark.parametrize("convert", [np.asarray, sparse.csc_array])
    @pytest.mark.parametrize("fit_intercept", [True, False])
    def test_gap_of_every_alpha(self, convert, fit_intercept):
        sample, A, B = self.sample(fit_intercept, convert)
        largest = float(np.linalg.norm((A.T @ B).astype(float), axis=1).max())
        alphas = largest * np.geomspace(1, 0.05, 8)
        path = solve_multi_task_path(sample, L1(), alphas, tol=1e-8, max_iter=None)
        null = float(np.sum(B * B) / 2)
        assert path.converged.all()
        for t, alpha in enumerate(alphas):
            coef = path.coefs[:, t].T
            residual = B - A @ coef
            norms = np.sqrt(np.sum((A.T @ residual) ** 2, axis=1))
            theta = min(1, alpha / norms.max()) * residual
            primal = np.sum(residual**2) / 2
            primal += alpha * np.sqrt(np.sum(coef**2, axis=1)).sum()
            gap = primal - np.sum(B * theta) + np.sum(theta**2) / 2
            assert gap <= 1e-8 * null
            np.testing.assert_allclose(
                path.dual_gaps[0, t], float(gap), rtol=1e-4, atol=1e-13 * null
            )

    def test_quadratic_penalty_is_ridge_per_target(self):
        sample, A, B = self.sample()
        path = solve_multi_task_path(sample, L2(), [0.3], tol=1e-4, max_iter=1)
        expected = oracle.ridge(A, B[:, 0], 0.3).astype(float)
        np.testing.assert_allclose(path.coefs[0, 0], expected, atol=1e-10)


class TestScoredOnly:
    """Where solutions are only scored, what does not matter to scores is left."""

    def solve(self, tol, l1_ratio, **options):
        X, y = gaussian(300, 60, 30, seed=3)
        sample = make_sample(X, y[:, None], None, True)
        moments = make_moments(sample)
        alphas = np.max(np.abs(moments.correlation)) / l1_ratio * np.geomspace(1, 1e-3, 50)
        settings = {"tol": tol, "max_iter": 1000, **options}
        return solve_moments_path(moments, L1L2(l1_ratio), alphas, **settings)

    @pytest.mark.parametrize("tol", [1e-4, 1e-6, 1e-8, 1e-9])
    @pytest.mark.parametrize("l1_ratio", [0.1, 0.9, 1.0])
    def test_gaps_and_solutions(self, tol, l1_ratio):
        exact = self.solve(tol, l1_ratio)
        found = self.solve(tol, l1_ratio, scored_only=True)
        assert found.converged.all()
        assert np.all(found.dual_gaps <= min(tol, 1e-10) * found.null_objectives[0])
        assert l1_ratio == 1.0 or not np.array_equal(found.coefs, exact.coefs)
        np.testing.assert_allclose(found.coefs, exact.coefs, rtol=0.0, atol=1e-6)

    @pytest.mark.parametrize("l1_ratio", [0.1, 1.0])
    def test_a_tol_that_asks_for_more_gets_it(self, l1_ratio):
        exact = self.solve(1e-12, l1_ratio)
        found = self.solve(1e-12, l1_ratio, scored_only=True)
        np.testing.assert_array_equal(found.coefs, exact.coefs)
        np.testing.assert_array_equal(found.dual_gaps, exact.dual_gaps)

    def test_what_is_not_true_is_solved_exactly(self, monkeypatch):
        exact = self.solve(1e-4, 0.5)
        monkeypatch.setattr(Support, "_is_true", lambda *arguments: False)
        found = self.solve(1e-4, 0.5, scored_only=True)
        np.testing.assert_array_equal(found.coefs, exact.coefs)
        np.testing.assert_array_equal(found.n_iters, exact.n_iters)
