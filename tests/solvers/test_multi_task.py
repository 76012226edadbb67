"""solve_multi_task_path: exact row-sparse paths, their certificates, and hard cases."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import MultiTaskElasticNet, MultiTaskLasso

from skreg._solvers import multi_task, row_support
from skreg._solvers.least_squares import solve_path
from skreg._solvers.moments import make_moments
from skreg._solvers.multi_task import solve_multi_task_path
from skreg._solvers.row_lengths import Lengths
from skreg._solvers.row_norms import row_norms
from skreg._solvers.row_products import ColumnProducts, GramProducts
from skreg._solvers.row_support import factorize, make_hessian
from skreg._solvers.sample import column_design, make_sample
from skreg.penalties import L1, L1L2, L2
from tests.linear import oracle
from tests.penalties.user_penalty import MCP

EPS = np.finfo(np.float64).eps
KINDS = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "float32": lambda X: X.astype(np.float32),
    "csc": sparse.csc_array,
    "csr": sparse.csr_array,
}


def data_of(shape=(30, 80), n_targets=4, seed=0, n_active=6):
    """Numbers that float32 holds exactly, with zeros, means, and noise in Y."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-64, 65, shape) * (rng.uniform(size=shape) < 0.7) / 32.0
    X[:, ::7] += 1.0
    W = np.zeros((shape[1], n_targets))
    W[rng.choice(shape[1], n_active, replace=False)] = rng.standard_normal(
        (n_active, n_targets)
    )
    Y = X @ W + 0.3 * rng.standard_normal((shape[0], n_targets)) + 5.0
    return X, Y, rng.uniform(0.2, 3.0, shape[0])


def grid(sample, l1_ratio=1.0, n_alphas=15, end=1e-2):
    largest = row_norms(sample.correlation(sample.y)).max()
    return largest / l1_ratio * np.geomspace(1.0, end, n_alphas)


def explicit(X, Y, weight=None, fit_intercept=True):
    """A and B of 1/2 ||B - A W||^2 in float64."""
    X = X.toarray() if sparse.issparse(X) else np.asarray(X, dtype=np.float64)
    omega = np.full(len(X), 1.0) if weight is None else weight
    omega = omega / omega.sum()
    if fit_intercept:
        X, Y = X - omega @ X, Y - omega @ Y
    roots = np.sqrt(omega)[:, None]
    return roots * X, roots * Y


def gap_of(A, B, coef, l1, l2):
    """Primal minus the better dual: a multiple of the augmented residual, or, with l2, the
    residual itself.
    """
    n_features = A.shape[1]
    residual = B - A @ coef
    slope = A.T @ residual
    other = np.inf
    if l2 > 0:
        size = row_norms(coef)
        other = np.sum(l1 * size + 0.5 * l2 * size**2)
        other += np.sum(np.maximum(row_norms(slope) - l1, 0) ** 2) / (2 * l2)
        other -= np.sum(slope * coef)
    A = np.vstack([A, np.sqrt(l2) * np.eye(n_features)])
    B = np.vstack([B, np.zeros((n_features, B.shape[1]))])
    residual = B - A @ coef
    worst = max(1.0, row_norms(A.T @ residual).max() / l1)
    theta = residual / worst
    primal = 0.5 * np.sum(residual**2) + l1 * row_norms(coef).sum()
    return min(primal - np.sum(B * theta) + 0.5 * np.sum(theta**2), other)


def distance_from_optimality(A, B, coef, l1, l2):
    slope = A.T @ (B - A @ coef) - l2 * coef
    size = row_norms(coef)
    direction = coef / np.where(size > 0, size, 1)[:, None]
    away = row_norms(slope - l1 * direction)
    return np.max(np.where(size > 0, away, np.maximum(row_norms(slope) - l1, 0)))


every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize("shape", [(30, 80), (25, 300), (120, 20)], ids=str)


@every_kind
@every_shape
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize(("weighted", "fit_intercept"), [(False, True), (True, False)])
def test_every_alpha_is_exact_and_its_gap_true(
    kind, shape, l1_ratio, weighted, fit_intercept
):
    X, Y, weight = data_of(shape)
    weight = weight if weighted else None
    sample = make_sample(KINDS[kind](X), Y, weight, fit_intercept)
    alphas = grid(sample, l1_ratio)
    path = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=1e-4, max_iter=None)
    A, B = explicit(X, Y, weight, fit_intercept)
    null = 0.5 * np.sum(B * B)
    assert path.converged.all()
    np.testing.assert_allclose(path.null_objectives, [null])
    assert path.dual_gaps.max() <= 1e-12 * null
    assert path.dual_gaps.min() >= EPS * null * (1 - 1e-12)
    scale = row_norms(A.T @ B).max()
    for t, alpha in enumerate(alphas):
        coef = path.coefs[:, t].T
        l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
        assert gap_of(A, B, coef, l1, l2) <= 2e-12 * null
        assert distance_from_optimality(A, B, coef, l1, l2) <= 1e-11 * scale
    assert np.count_nonzero(path.coefs[0, -1]) > 5


@pytest.mark.parametrize("tol", [1e-1, 1e-2, 1e-3])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
def test_a_loose_tolerance_is_kept_and_the_gap_is_true(tol, l1_ratio):
    X, Y, weight = data_of((25, 300))
    sample = make_sample(X, Y, weight, True)
    alphas = grid(sample, l1_ratio)
    path = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=tol, max_iter=None)
    exact = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=1e-4, max_iter=None)
    A, B = explicit(X, Y, weight)
    null = 0.5 * np.sum(B * B)
    for t, alpha in enumerate(alphas):
        l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
        gap = gap_of(A, B, path.coefs[:, t].T, l1, l2)
        assert gap <= tol * null
        np.testing.assert_allclose(path.dual_gaps[0, t], gap, rtol=1e-6, atol=1e-13 * null)
    assert path.n_iters.sum() < exact.n_iters.sum()


@pytest.mark.parametrize("l1_ratio", [1.0, 0.3])
def test_equals_scikit_learn(l1_ratio):
    X, Y, weight = data_of()
    sample = make_sample(X, Y, weight, True)
    alphas = grid(sample, l1_ratio, 4, 0.05)
    path = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=1e-4, max_iter=None)
    A, B = explicit(X, Y, weight)
    root = np.sqrt(len(A))
    settings = {"fit_intercept": False, "tol": 1e-12, "max_iter": 100_000}
    for t, alpha in enumerate(alphas):
        model = MultiTaskElasticNet(alpha, l1_ratio=l1_ratio, **settings)
        if l1_ratio == 1.0:
            model = MultiTaskLasso(alpha, **settings)
        expected = model.fit(root * A, root * B).coef_
        np.testing.assert_allclose(path.coefs[:, t], expected, atol=1e-6)


@pytest.mark.parametrize("kind", ["C", "csc"])
@pytest.mark.parametrize("shape", [(30, 80), (120, 20)], ids=str)
def test_one_target_is_the_lasso(kind, shape):
    X, Y, weight = data_of(shape, n_targets=1)
    sample = make_sample(KINDS[kind](X), Y, weight, True)
    alphas = grid(sample)
    rows = solve_multi_task_path(sample, L1(), alphas, tol=1e-4, max_iter=None)
    single = solve_path(sample, L1(), alphas, tol=1e-12, max_iter=None)
    np.testing.assert_allclose(rows.coefs, single.coefs, atol=1e-9)


def test_quadratic_alphas_are_ridge_on_a_mixed_path():
    X, Y, _ = data_of()
    sample = make_sample(X, Y, None, True)
    path = solve_multi_task_path(sample, L1(), [0.1, 0.0], tol=1e-4, max_iter=None)
    assert path.converged.all()
    assert np.count_nonzero(path.coefs[0, 0]) < np.count_nonzero(path.coefs[0, 1])


@pytest.mark.parametrize("shape", [(30, 80), (120, 20)], ids=str)
def test_more_of_a_path_is_no_different(shape):
    """Cold and warm starts, any order of alphas, given moments: one solution."""
    X, Y, _ = data_of(shape)
    sample = make_sample(X, Y, None, True)
    alphas = grid(sample)
    solve = {"tol": 1e-4, "max_iter": None}
    path = solve_multi_task_path(sample, L1(), alphas, **solve)
    order = np.random.default_rng(0).permutation(len(alphas))
    mixed = solve_multi_task_path(sample, L1(), alphas[order], **solve)
    np.testing.assert_allclose(mixed.coefs, path.coefs[:, order], atol=1e-8)
    start = np.random.default_rng(1).standard_normal(path.coefs[:, 0].shape)
    for options in ({}, {"start": start}, {"moments": make_moments(sample)}):
        one = solve_multi_task_path(sample, L1(), alphas[-1:], **solve, **options)
        assert one.converged.all()
        np.testing.assert_allclose(one.coefs[:, 0], path.coefs[:, -1], atol=1e-8)


def test_a_start_at_the_solution_costs_nothing():
    X, Y, _ = data_of()
    sample = make_sample(X, Y, None, True)
    alphas = grid(sample)[-1:]
    first = solve_multi_task_path(sample, L1(), alphas, tol=1e-4, max_iter=None)
    again = solve_multi_task_path(
        sample, L1(), alphas, tol=1e-4, max_iter=None, start=first.coefs[:, 0]
    )
    assert again.n_iters[0, 0] == 0
    np.testing.assert_array_equal(again.coefs, first.coefs)


@pytest.mark.parametrize("shape", [(25, 300), (120, 20)], ids=str)
@pytest.mark.parametrize("max_iter", [1, 2, 4])
def test_a_bound_on_the_rounds_is_told(shape, max_iter):
    X, Y, _ = data_of(shape)
    sample = make_sample(X, Y, None, True)
    alphas = grid(sample)[-1:]
    path = solve_multi_task_path(sample, L1(), alphas, tol=1e-9, max_iter=max_iter)
    assert not path.converged.any()
    assert path.n_iters[0, 0] == max_iter
    A, B = explicit(X, Y)
    gap = gap_of(A, B, path.coefs[:, 0].T, alphas[0], 0.0)
    np.testing.assert_allclose(path.dual_gaps[0, 0], gap, rtol=1e-8)


@pytest.mark.parametrize("kind", ["C", "csc"])
def test_user_penalty_by_descent(kind):
    X, Y, _ = data_of((120, 20))
    sample = make_sample(KINDS[kind](X), Y, None, True)
    alphas = grid(sample, n_alphas=5, end=0.05)
    path = solve_multi_task_path(
        sample, MCP(gamma=20.0), alphas, tol=1e-13, max_iter=10_000
    )
    assert path.converged.all()
    A, B = explicit(X, Y)
    for t, alpha in enumerate(alphas):
        coef = path.coefs[:, t].T
        slope, size = A.T @ (B - A @ coef), row_norms(coef)
        direction = coef / np.where(size > 0, size, 1)[:, None]
        inside = np.maximum(alpha - size / 20.0, 0.0)[:, None]
        away = row_norms(slope - inside * direction)
        at_zero = np.maximum(row_norms(slope) - alpha, 0.0)
        assert np.max(np.where(size == 0, at_zero, away)) <= 1e-5
    assert np.count_nonzero(row_norms(path.coefs[:, -1].T)) > 2


def test_one_sided_ridge_is_ridge():
    """A row norm is never negative: `positive` changes nothing, l1 = 0 is no error."""
    X, Y, _ = data_of((120, 20))
    sample = make_sample(X, Y, None, True)
    one = solve_multi_task_path(sample, L2(positive=True), [0.3], tol=1e-12, max_iter=None)
    two = solve_multi_task_path(sample, L2(), [0.3], tol=1e-12, max_iter=None)
    assert one.converged.all()
    np.testing.assert_allclose(one.coefs, two.coefs, atol=1e-4)


def hard_cases():
    X, Y, _ = data_of((25, 60), seed=3)
    yield "duplicates", np.column_stack([X, X, X[:, :5]]), Y
    yield "opposites", np.column_stack([X, -X]), Y
    yield "constant columns", np.column_stack([X, np.full((25, 3), 7.0)]), Y
    yield "large means", X + 1e6, Y
    yield "constant Y", X, np.ones_like(Y)
    yield "zero Y", X, np.zeros_like(Y)
    yield "a zero target", X, np.column_stack([Y, np.zeros(25)])
    yield "equal targets", X, Y[:, [0, 0, 0]]
    yield "one row", X[:1], Y[:1]
    yield "two rows", X[:2], Y[:2]
    yield "one column", X[:, :1], Y
    yield "more rows than columns of rank", X[:, :3] @ np.ones((3, 40)), Y
    yield "two scales", X * np.where(np.arange(60) % 2, 1e-4, 1e4), Y
    for power in (-8, 8):
        yield f"X 1e{power}", X * 10.0**power, Y
        yield f"Y 1e{power}", X, Y * 10.0**power
        yield f"X 1e{power}, Y 1e{-power}", X * 10.0**power, Y * 10.0**-power


HARD = {name: (X, Y) for name, X, Y in hard_cases()}


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("kind", ["C", "csc"])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.9])
def test_hard_cases(name, kind, l1_ratio):
    X, Y = HARD[name]
    sample = make_sample(KINDS[kind](X), Y, None, True)
    null = 0.5 * sample.y_norm2.sum()
    largest = row_norms(sample.correlation(sample.y)).max(initial=0.0)
    alphas = max(largest, 1e-3) * np.geomspace(1, 1e-2, 10)
    if name == "large means":  # Y is known to 1e-16, X beyond its mean to 1e-10
        alphas = alphas[:6]
    path = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=1e-4, max_iter=100_000)
    assert path.converged.all()
    assert path.dual_gaps.max() <= 1e-12 * max(null, 1e-300) + np.nextafter(0.0, 1.0)
    A, B = explicit(X, Y)
    for t, alpha in enumerate(alphas):
        l1, l2 = alpha * l1_ratio, alpha * (1 - l1_ratio)
        gap = gap_of(A, B, path.coefs[:, t].T, l1, l2)
        assert gap <= 1e-9 * max(null, 1e-300)


class TestNewton:
    """The factors against the dense Hessian, and that against finite differences."""

    l1, l2 = 0.3, 0.05

    def problem(self, n_rows):
        """G, C, coef and both kinds of products at `n_rows` features."""
        X, Y, weight = data_of((12, 20), n_targets=3)
        sample = make_sample(X, Y, weight, True)
        design, _ = column_design(sample)
        products = ColumnProducts(sample, design)
        products.join(np.arange(20))
        moments = make_moments(sample)
        chosen = np.random.default_rng(2).permutation(20)[:n_rows]
        coef = np.random.default_rng(3).standard_normal((n_rows, 3))
        coef[0] *= 1e-3
        gram = moments.gram[np.ix_(chosen, chosen)]
        both = products, GramProducts(None, moments.gram)
        return gram, moments.correlation[chosen], coef, chosen, both

    def gradient(self, gram, correlation, coef):
        size = row_norms(coef)[:, None]
        return gram @ coef - correlation + self.l1 * coef / size + self.l2 * coef

    @pytest.mark.parametrize("n_rows", [1, 5, 18])
    def test_factors_solve_with_the_hessian(self, n_rows):
        gram, correlation, coef, chosen, both = self.problem(n_rows)
        columns = []
        for position in range(coef.size):
            step = np.zeros(coef.size)
            step[position] = 1e-6 * row_norms(coef)[position // 3]
            ends = [
                self.gradient(gram, correlation, coef + sign * step.reshape(coef.shape))
                for sign in (1, -1)
            ]
            columns.append((ends[0] - ends[1]).ravel() / (2 * step[position]))
        dense = np.column_stack(columns)
        size = row_norms(coef)
        rows = row_support.Rows(chosen, size, coef / size[:, None])
        right = np.random.default_rng(4).standard_normal(coef.shape)
        for products in both:
            hessian = make_hessian(products.restrict(chosen), rows, self.l1, self.l2)
            scale = hessian.scale
            point = hessian.times((right / scale).astype(hessian.products.dtype)) / scale
            np.testing.assert_allclose(
                point.ravel(), dense @ right.ravel(), rtol=1e-4, atol=1e-4
            )
            factors = factorize(hessian)
            found = factors.solve((scale * right).astype(factors.dtype)) * scale
            expected = np.linalg.solve(dense, right.ravel())
            np.testing.assert_allclose(
                found.ravel(), expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max()
            )

    @pytest.mark.parametrize("n_rows", [5, 18])
    @pytest.mark.parametrize("l2", [0.0, 0.05])
    def test_lengths_solve_with_the_hessian(self, n_rows, l2):
        """More rows than the 12 samples, and fewer."""
        gram, _, coef, chosen, (products, _) = self.problem(n_rows)
        rows, size = self.rows(chosen, coef), row_norms(coef)
        dense = np.kron(gram + l2 * np.eye(n_rows), np.eye(3))
        for j, unit in enumerate(rows.direction):
            block = slice(3 * j, 3 * j + 3)
            across = np.eye(3) - np.outer(unit, unit)
            dense[block, block] += self.l1 / size[j] * across
        right = np.random.default_rng(4).standard_normal(coef.shape)
        lengths = Lengths(products.restrict(chosen), rows, self.l1, l2)
        found, known, left = lengths.solve(self.outlook(rows, right), 1e-6, 1000)
        assert left <= 1e-6
        np.testing.assert_array_equal(known, size)
        expected = np.linalg.solve(dense, right.ravel())
        np.testing.assert_allclose(
            found.ravel(), expected, rtol=2e-3, atol=2e-3 * np.abs(expected).max()
        )

    def rows(self, chosen, coef):
        size = row_norms(coef)
        return row_support.Rows(chosen, size, coef / size[:, None])

    def outlook(self, rows, right):
        return row_support.Outlook(
            rows, right, row_norms(right).max(), rows.features[:0], 0, 0
        )

    def equations(self, l1=None):
        """Lengths at all rows, of which one is small; the problem, and the coefficients."""
        gram, correlation, coef, chosen, (products, _) = self.problem(18)
        order = np.argsort(chosen)
        chosen, coef, diagonal = chosen[order], coef[order], np.diag(gram)[order]
        rows = self.rows(chosen, coef)
        lengths = Lengths(products.restrict(chosen), rows, self.l1, 0.0)
        curvature = np.ones(20)
        curvature[chosen] = diagonal
        l1 = self.l1 if l1 is None else l1
        problem = row_support.Problem(products, correlation, curvature, l1, 0, 0, 1, 0)
        return lengths, rows, problem, coef

    def test_lengths_know_how_far_rows_have_moved(self):
        lengths, rows, problem, coef = self.equations()
        assert lengths.change(rows, problem) == 0.0
        bound = self.l1 * problem.steps(rows.features)
        moved = coef.copy()
        moved[3] *= 1.2
        expected = 0.2 * rows.size[3] / (rows.size[3] + bound[3])
        found = lengths.change(self.rows(rows.features, moved), problem)
        np.testing.assert_allclose(found, expected)
        fewer = row_support.Rows(*(np.delete(part, 3, axis=0) for part in rows))
        expected = rows.size[3] / (rows.size[3] + bound[3])
        np.testing.assert_allclose(lengths.change(fewer, problem), expected)
        more = rows._replace(features=np.append(rows.features[:-1], 20))
        assert lengths.change(more, problem) == np.inf
        assert lengths.change(rows, problem._replace(l1=0.5 * self.l1)) > 0.1

    def test_lengths_go_on_without_rows_that_left(self):
        """As if these were there, but neither grew nor had a right side."""
        lengths, rows, _, coef = self.equations()
        right = np.random.default_rng(4).standard_normal(coef.shape)
        right[3] = 0.0
        direction = rows.direction.copy()
        direction[3] = 0.0
        whole = self.outlook(rows._replace(direction=direction), right)
        expected, _, _ = lengths.solve(whole, 1e-6, 1000)
        fewer = row_support.Rows(*(np.delete(part, 3, axis=0) for part in rows))
        part = self.outlook(fewer, np.delete(right, 3, axis=0))
        found, known, left = lengths.solve(part, 1e-6, 1000)
        assert left <= 1e-6
        np.testing.assert_array_equal(known, fewer.size)
        np.testing.assert_allclose(found, np.delete(expected, 3, axis=0), atol=1e-5)


class Expecting(row_support.RowSupport):
    """Remembers which rows were there, and which were expected."""

    def _predict(self, problem):
        self.before = self.coef.any(axis=1)
        now = super()._predict(problem)
        self.guess = self.coef.any(axis=1)
        return now


def test_the_next_support_is_expected():
    """A straight line in v through two solutions finds most rows that enter or leave."""
    X, Y, _ = data_of((25, 300), n_targets=8)
    sample = make_sample(X, Y, None, True)
    design, curvature = column_design(sample)
    products = ColumnProducts(sample, design)
    products.join(np.arange(300))
    start = sample.correlation(sample.y)
    support = Expecting(8)
    alphas = grid(sample, n_alphas=100, end=0.05)
    expected, changed, null = 0, 0, 0.5 * sample.y_norm2.sum()
    for l1 in alphas:
        aims = 1e-13 * null, null, 1e-15 * alphas[0]
        problem = row_support.Problem(products, start, curvature, l1, 0.0, *aims)
        assert support.solve(problem, 100)[0]
        now = support.coef.any(axis=1)
        expected += np.count_nonzero(support.guess != now)
        changed += np.count_nonzero(support.before != now)
    assert changed > 30
    assert expected < 0.3 * changed


@pytest.mark.parametrize("l1_ratio", [1.0, 0.8])
@pytest.mark.parametrize("weighted", [False, True])
def test_more_rows_than_samples_need_no_factors(monkeypatch, l1_ratio, weighted):
    made = []
    monkeypatch.setattr(
        row_support,
        "factorize",
        lambda hessian: made.append(hessian.rows.size.size) or factorize(hessian),
    )
    X, Y, weight = data_of((25, 300), n_targets=8)
    sample = make_sample(X, Y, weight if weighted else None, True)
    alphas = grid(sample, l1_ratio, n_alphas=30, end=0.02)
    path = solve_multi_task_path(sample, L1L2(l1_ratio), alphas, tol=1e-4, max_iter=None)
    assert np.count_nonzero(path.coefs[0, -1]) > 50
    assert path.dual_gaps.max() <= 1e-12 * path.null_objectives[0]
    assert made
    assert max(made) <= 25


def test_screening_leaves_most_features_unread(monkeypatch):
    """All of X is read far less often than there are alphas."""
    X, Y, _ = data_of((25, 300))
    sample = make_sample(X, Y, None, True)
    passes = []
    look = multi_task.RowWorkingSet._look_at_all
    monkeypatch.setattr(
        multi_task.RowWorkingSet,
        "_look_at_all",
        lambda self, residual: passes.append(1) or look(self, residual),
    )
    alphas = grid(sample, n_alphas=100)
    path = solve_multi_task_path(sample, L1(), alphas, tol=1e-4, max_iter=None)
    assert path.converged.all()
    assert len(passes) < 30


def test_descent_takes_over_where_newton_fails(monkeypatch):
    monkeypatch.setattr(row_support, "MAX_ROWS", 3)
    X, Y, _ = data_of((120, 20))
    sample = make_sample(X, Y, None, True)
    alphas = grid(sample, n_alphas=6)
    path = solve_multi_task_path(sample, L1(), alphas, tol=1e-8, max_iter=None)
    assert path.converged.all()
    A, B = explicit(X, Y)
    for t, alpha in enumerate(alphas):
        gap = gap_of(A, B, path.coefs[:, t].T, alpha, 0.0)
        assert gap <= 1e-8 * path.null_objectives[0]


def test_many_samples_use_the_gram_matrix_of_the_working_set(monkeypatch):
    X, Y, _ = data_of((25, 300))
    sample = make_sample(X, Y, None, True)
    alphas = grid(sample)
    by_columns = solve_multi_task_path(sample, L1(), alphas, tol=1e-4, max_iter=None)
    monkeypatch.setattr(multi_task, "FEW_SAMPLES", 10)
    by_gram = solve_multi_task_path(sample, L1(), alphas, tol=1e-4, max_iter=None)
    assert by_gram.converged.all()
    np.testing.assert_allclose(by_gram.coefs, by_columns.coefs, atol=1e-7)


def test_oracle_of_one_target_agrees():
    """The independent active-set oracle of the scalar solvers."""
    X, Y, weight = data_of((40, 15), n_targets=1)
    sample = make_sample(X, Y, weight, True)
    A, b = oracle.explicit(X, Y[:, 0], weight, True)
    alpha = grid(sample)[8]
    path = solve_multi_task_path(sample, L1(), [alpha], tol=1e-4, max_iter=None)
    expected = oracle.active_set(A, b, *oracle.strengths(alpha, 1.0), False).astype(float)
    np.testing.assert_allclose(path.coefs[0, 0], expected, atol=1e-10)
