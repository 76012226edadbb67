"""The exact path, judged in long doubles: is it optimal, and does it say how optimal?

At every alpha and for whatever data (see :mod:`tests.solvers.path_problems`):

honest      the reported gap is not below f(w) - min f, and is the duality gap
promise     where `converged`, the gap is at most max(tol, 1e-12) f(0)
exact       it is at most 1e-12 f(0), whatever tol, unless the columns of the support are
            nearly dependent or rounding of w alone spoils the certificate
"""

import operator
import warnings
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path

from skreg import ElasticNet, Lasso, enet_path, lasso_path
from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample
from skreg.penalties import L1L2
from tests.linear import judge, oracle
from tests.linear.judge import EPS, Objective
from tests.solvers.path_problems import Recipe, Sample, cook, recipes

FRACTIONS = (1.5, 1.0, 0.7, 0.3, 0.1, 1e-2, 1e-4, 1e-6)
EXACT = 1e-12
TINY = np.nextafter(0.0, 1.0)
tolerances = st.sampled_from([1e-4, 1e-14])


def repeatable(max_examples):
    return settings(
        deadline=None, max_examples=max_examples, derandomize=True, database=None
    )


def assert_honest(problem, coef, reported, of_the_mean=0.0):
    """The reported gap is not below the excess, and it is the gap of these numbers.

    `of_the_mean` is what rounding of the intercept adds.
    """
    gap, null = problem.gap(coef), problem.null
    reported = np.longdouble(reported)
    enough = reported * (1 + 1e-6) + EPS * null
    assert np.all(np.isfinite(coef))
    assert not (problem.positive and np.any(coef < 0))
    assert gap <= enough or problem.excess(coef) <= enough
    rounding = problem.slack(coef) + 20 * EPS * null + TINY + of_the_mean
    assert abs(gap - reported) <= 1e-6 * gap + rounding
    assert reported > 0


def assert_good(problem, coef, reported, converged, tol, of_the_mean=0.0):
    """Honest, promise and exact, as above."""
    assert_honest(problem, coef, reported, of_the_mean)
    gap, null = problem.gap(coef), problem.null
    rounding = problem.slack(coef)
    if converged:
        assert gap <= max(tol, EXACT) * null + rounding
    if null > 0 and problem.is_benign(coef):
        assert converged
        assert gap <= EXACT * null
        largest = np.max(problem.lengths) * np.sqrt(problem.b @ problem.b)
        assert np.max(problem.violation(coef)) <= 1e-11 * largest
    if null == 0:
        assert np.all(coef == 0)


def grid(A, b, recipe, fractions=FRACTIONS):
    largest = judge.alpha_max(A, b, recipe.l1_ratio, recipe.positive)
    return largest * np.array(fractions)


def problems_of(A, b, recipe, alphas):
    for alpha in alphas:
        l1, l2 = judge.strengths(alpha, recipe.l1_ratio)
        yield Objective(A, b, l1, l2, recipe.positive)


def solve(recipe, fractions=FRACTIONS, **options):
    """Objectives and the PathResult at these fractions of alpha_max."""
    return solve_sample(cook(recipe), recipe, fractions, **options)


def solve_sample(sample, recipe, fractions=FRACTIONS, **options):
    """The same with other data than those of the recipe."""
    X, y, sample_weight = sample
    A, b = judge.centred(X, y, sample_weight, recipe.fit_intercept)
    alphas = grid(A, b, recipe, fractions)
    options = {"tol": 1e-4, "max_iter": 300, "certified": True, **options}
    path = solve_path(
        make_sample(X, y[:, None], sample_weight, recipe.fit_intercept),
        L1L2(recipe.l1_ratio, recipe.positive),
        alphas,
        **options,
    )
    return list(problems_of(A, b, recipe, alphas)), path


def assert_path_good(problems, path, tol=1e-4):
    found = zip(problems, path.coefs[0], path.dual_gaps[0], path.converged[0], strict=True)
    for problem, coef, gap, converged in found:
        assert_good(problem, coef, gap, converged, tol)


class TestSolvePath:
    @repeatable(600)
    @given(recipes(), st.sampled_from([None, True, False]), tolerances)
    def test_every_alpha(self, recipe, use_gram, tol):
        assert_path_good(*solve(recipe, tol=tol, use_gram=use_gram), tol)

    @repeatable(200)
    @given(
        recipes(X_scale=1.0, y_scale=1.0, column_scale=1.0),
        st.permutations(FRACTIONS),
        st.booleans(),
    )
    def test_any_order_of_the_alphas(self, recipe, fractions, use_gram):
        # Where one alpha is too hard the next suffer: see TestAfterAFailure.
        assume(recipe.design != "nearly equal")
        fractions = [*fractions, fractions[-1], fractions[0], 1.0]
        assert_path_good(*solve(recipe, fractions, use_gram=use_gram))

    @repeatable(200)
    @given(recipes(), st.integers(1, 4), st.booleans(), tolerances)
    def test_early_stops_are_told(self, recipe, max_iter, use_gram, tol):
        """Unfinished coefficients have an honest gap and do not count as converged."""
        options = {"tol": tol, "max_iter": max_iter, "use_gram": use_gram}
        problems, path = solve(recipe, (0.5, 1e-3), **options)
        assert np.all(path.n_iters <= max_iter)
        assert_true(problems, path, tol)

    @repeatable(200)
    @given(recipes(), st.booleans(), st.sampled_from([1e-3, 1.0, 1e3]))
    def test_any_start(self, recipe, use_gram, size):
        """What is said of solutions that were reached from far away is true."""
        assume(recipe.design != "nearly equal" and recipe.column_scale == 1.0)
        rng = np.random.default_rng(recipe.seed)
        start = rng.standard_normal((1, recipe.n_features))
        start *= size * recipe.y_scale / recipe.X_scale
        if recipe.positive:  # see test_a_start_with_the_wrong_signs
            start = np.abs(start)
        problems, path = solve(recipe, (0.5, 0.1), use_gram=use_gram, start=start)
        assert_true(problems, path, 1e-4)


def assert_true(problems, path, tol):
    """Honest and promise, but not exact."""
    for t, problem in enumerate(problems):
        coef, gap = path.coefs[0, t], path.dual_gaps[0, t]
        assert_honest(problem, coef, gap)
        if path.converged[0, t]:
            allowed = max(tol, EXACT) * problem.null + problem.slack(coef)
            assert problem.gap(coef) <= allowed


@repeatable(200)
@given(
    recipes(fit_intercept=False, dtype="float64"),
    st.sampled_from(["auto", True, False]),
    tolerances,
)
def test_path_functions(recipe, precompute, tol):
    """lasso_path and enet_path, and the warning exactly where tol is not reached."""
    X, y, sample_weight = cook(recipe)
    A, b = judge.centred(X, y, sample_weight, False)
    assume(b @ b > 0)  # see test_a_target_of_zeros_has_converged
    path, options = enet_path, {"l1_ratio": recipe.l1_ratio}
    if recipe.l1_ratio == 1.0:
        path, options = lasso_path, {}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        alphas, coefs, gaps = path(
            X,
            y,
            alphas=grid(A, b, recipe),
            precompute=precompute,
            positive=recipe.positive,
            sample_weight=sample_weight,
            tol=tol,
            max_iter=300,
            **options,
        )
    told = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    problems = list(problems_of(A, b, recipe, alphas))
    missed = gaps > max(tol, EXACT) * float(problems[0].null)
    assert told == missed.any()
    for problem, coef, gap, failed in zip(problems, coefs.T, gaps, missed, strict=True):
        assert_good(problem, coef, gap, not failed, tol)


@repeatable(300)
@given(
    recipes(),
    st.sampled_from(["none", "positive", "zeros"]),
    st.sampled_from([1.5, 1.0, 0.3, 1e-2, 1e-4]),
    st.sampled_from([1000, 1000, 2, 1]),
)
def test_estimators(recipe, weights, fraction, max_iter):
    """Lasso and ElasticNet, with the coefficients and the intercept as stored.

    A ConvergenceWarning says that tol is not reached; no warning says that it is.
    """
    recipe = recipe._replace(weights=weights)
    X, y, sample_weight = cook(recipe)
    A, b = judge.centred(X, y, sample_weight, recipe.fit_intercept)
    (alpha,) = grid(A, b, recipe, (fraction,))
    model = Lasso(alpha)
    if recipe.l1_ratio < 1.0:
        model = ElasticNet(alpha, l1_ratio=recipe.l1_ratio)
    model.set_params(fit_intercept=recipe.fit_intercept, positive=recipe.positive)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.set_params(max_iter=max_iter).fit(X, y, sample_weight)
    converged = not any(issubclass(w.category, ConvergenceWarning) for w in caught)
    (problem,) = problems_of(A, b, recipe, [alpha])
    coef, gap, null = model.coef_.astype(float), problem.gap(model.coef_), problem.null
    rounding = problem.slack(coef) + TINY
    missed = missed_by_intercept(model, X, y, sample_weight)
    if converged:
        assert gap <= 1e-4 * null + rounding
    if recipe.dtype == "float32":
        of_the_mean = (EPS * np.max(np.abs(y))) ** 2
        allowed = 1e-4 * (gap + missed) + rounding + 20 * EPS * null + of_the_mean
        assert abs(gap + missed - model.dual_gap_) <= allowed
        return
    assert missed <= 4 * EPS * max(null, EPS * recipe.y_scale**2)
    sizes = np.abs(coef) @ np.max(np.abs(oracle.dense(X)), axis=0, initial=0.0)
    of_the_mean = 2 * (EPS * (np.max(np.abs(y)) + sizes)) ** 2
    assert_honest(problem, coef, model.dual_gap_, of_the_mean)
    if max_iter == 1000:
        assert_good(problem, coef, model.dual_gap_, converged, model.tol, of_the_mean)


def missed_by_intercept(model, X, y, sample_weight):
    """f with the stored intercept - f with the best intercept for the coefficients."""
    if not model.fit_intercept:
        return 0.0
    X = oracle.dense(X)
    omega = oracle.row_weights(len(y), sample_weight)
    residual = judge.long(y) - X.astype(judge.LONG) @ judge.long(model.coef_)
    return (omega @ residual - judge.long(model.intercept_)) ** 2 / 2


def wave(n_samples):
    return np.sin(np.arange(1.0, n_samples + 1.0))


def hadamard():
    X = np.ones((1, 1))
    for _ in range(4):
        X = np.block([[X, X], [X, -X]])
    return X


TIES = {
    "hadamard": (hadamard(), np.eye(16)[0]),
    "identity": (np.eye(12), (-1.0) ** np.arange(12)),
    "two identities": (np.hstack([np.eye(8), np.eye(8)]), np.arange(8.0)),
    "plus and minus identity": (np.hstack([np.eye(8), -np.eye(8)]), np.ones(8)),
    "ones": (np.ones((6, 4)), np.arange(6.0)),
    "rank one": (np.outer(np.arange(1.0, 9.0), np.arange(-5.0, 6.0)), wave(8)),
    "steps": (np.tri(15), (np.arange(15) > 6).astype(float)),
    "two levels": (np.array([[1.0, 0.0], [0.0, 1.0]] * 5), wave(10).round()),
}


@pytest.mark.parametrize("use_gram", [True, False])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("positive", [True, False])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("name", TIES)
def test_exact_ties(name, l1_ratio, positive, fit_intercept, use_gram):
    """Whole groups of features reach the threshold at the same alpha."""
    X, y = TIES[name]
    recipe = Recipe(
        *X.shape,
        name,
        fit_intercept=fit_intercept,
        positive=positive,
        l1_ratio=l1_ratio,
    )
    fractions = [1.5, 1.0, 1.0, 0.75, 0.5, 0.25, 1 / 16, 1e-3, 1e-6]
    found = solve_sample(Sample(X, y, None), recipe, fractions, use_gram=use_gram)
    assert_path_good(*found)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 9), (2, 1), (2, 2), (2, 30), (3, 1), (40, 1)]
)
def test_smallest_shapes(shape, fit_intercept):
    for seed in range(5):
        recipe = Recipe(*shape, "independent", fit_intercept=fit_intercept, seed=seed)
        for use_gram in (True, False):
            problems, path = solve(recipe, use_gram=use_gram)
            if problems[0].null > 0:  # see test_a_target_of_zeros_has_converged
                assert_path_good(problems, path)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csc_array])
@pytest.mark.parametrize("seed", range(6))
def test_many_features_in_leaps(seed, storage):
    """Screening: features are excluded by bounds that no leap of alpha may break."""
    rng = np.random.default_rng(seed)
    shape = n_samples, n_features = rng.integers(5, 30), rng.integers(400, 900)
    factors = rng.standard_normal((n_samples, 8))
    X = 0.3 * rng.standard_normal(shape) + factors[:, rng.integers(0, 8, n_features)]
    X *= 10.0 ** rng.uniform(-2, 2, n_features)
    X[:, rng.random(n_features) < 0.2] = 0.0
    copies = rng.integers(0, n_features, (2, n_features // 8))
    X[:, copies[0]] = -X[:, copies[1]]
    y = X[:, :9].sum(axis=1) + rng.standard_normal(n_samples)
    recipe = Recipe(
        *shape,
        "factors",
        fit_intercept=bool(seed % 2),
        positive=seed == 3,
        l1_ratio=1.0 if seed % 3 else 0.5,
    )
    fractions = rng.permutation([1.2, 1.0, 0.9, 0.6, 0.3, 0.05, 1e-2, 1e-3])
    sample = Sample(storage(X), y, rng.uniform(0.1, 2.0, n_samples) if seed > 3 else None)
    assert_path_good(*solve_sample(sample, recipe, fractions, use_gram=False))


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_almost_all_columns_are_empty(fit_intercept):
    rng = np.random.default_rng(0)
    X = sparse.random(40, 2000, 3e-4, format="csc", random_state=0)
    assert np.count_nonzero(np.diff(X.indptr)) < 50
    recipe = Recipe(40, 2000, "empty", fit_intercept=fit_intercept)
    sample = Sample(sparse.csc_array(X), rng.standard_normal(40), None)
    assert_path_good(*solve_sample(sample, recipe, (1.0, 0.5, 0.1, 0.01)))
    sample = sample._replace(X=sparse.csc_array((40, 7)))
    problems, path = solve_sample(sample, recipe, (1.0, 0.1))
    assert np.all(path.coefs == 0)
    assert_path_good(problems, path)


@pytest.mark.parametrize("use_gram", [True, False])
@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
@pytest.mark.parametrize("digits", [3, 6, 8])
def test_columns_of_all_sizes(digits, shape, use_gram):
    """Every column in units of its own."""
    for seed in range(4):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal(shape)
        y = X[:, :3].sum(axis=1) + rng.standard_normal(len(X))
        X *= 10.0 ** rng.uniform(-digits, digits, shape[1])
        found = solve_sample(
            Sample(X, y, None), Recipe(*shape, "any size"), FRACTIONS[:6], use_gram=use_gram
        )
        assert_path_good(*found)


@pytest.mark.parametrize("storage", [np.asarray, sparse.csc_array])
@pytest.mark.parametrize("shape", [(30, 12), (12, 30)])
def test_columns_far_from_zero(shape, storage):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal(shape) + 1e6, rng.standard_normal(shape[0])
    recipe = Recipe(*shape, "offset")
    for use_gram in (True, False):
        problems, path = solve_sample(
            Sample(storage(X), y, None), recipe, FRACTIONS[:6], use_gram=use_gram
        )
        for problem, coef in zip(problems, path.coefs[0], strict=True):
            assert problem.excess(coef) <= EPS * problem.null
            # The means are rounded to 1e-10, which moves the certificate.
            assert problem.gap(coef) <= 1e-11 * problem.null
        assert path.converged.all()


def drawn(n_samples, n_features):
    rng = np.random.default_rng(n_samples)
    X = rng.standard_normal((n_samples, n_features)) + rng.standard_normal((n_samples, 1))
    coef = np.where(np.arange(n_features) < 8, rng.uniform(-1, 2, n_features), 0.0)
    return X, X @ coef + rng.standard_normal(n_samples)


def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X, y - y.mean()


LARS = {
    **{f"{n} x {p}": drawn(n, p) for n, p in [(60, 12), (40, 39), (25, 80), (9, 50)]},
    "diabetes": diabetes(),
}


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("name", LARS)
class TestKnots:
    """The lasso path is the one that least angle regression follows knot by knot."""

    @staticmethod
    def knots(X, y, positive):
        """Alphas and coefficients; they end where least squares solutions differ."""
        knots, _, coefs = lars_path(
            X, y, method="lasso", positive=positive, max_iter=10_000
        )
        keep = knots >= 1e-4 * knots[0]
        if positive:
            keep[-1] = False  # no solution there, as scikit-learn's LassoLars tells
        assert np.count_nonzero(keep) >= 5
        return knots[keep], coefs[:, keep]

    @pytest.mark.parametrize("use_gram", [True, False])
    def test_equals_lars(self, name, use_gram, positive):
        X, y = LARS[name]
        knots, coefs = self.knots(X, y, positive)
        sample = make_sample(X, y[:, None], None, False)
        penalty = L1L2(1.0, positive)
        path = solve_path(sample, penalty, knots, tol=1e-4, max_iter=99, use_gram=use_gram)
        size = np.max(np.abs(coefs))
        np.testing.assert_allclose(path.coefs[0].T, coefs, rtol=0, atol=1e-8 * size)

    def test_is_linear_between_the_knots(self, name, positive):
        X, y = LARS[name]
        knots, coefs = self.knots(X, y, positive)
        between = 0.3 * knots[:-1] + 0.7 * knots[1:]
        expected = 0.3 * coefs[:, :-1] + 0.7 * coefs[:, 1:]
        _, found, _ = lasso_path(X, y, alphas=between, positive=positive)
        size = np.max(np.abs(coefs))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-8 * size)


def cluster(n_samples, n_features, spread, seed=0):
    """Columns that differ by `spread` from a shared one: a condition of 10 / spread."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 1))
    X = X + spread * rng.standard_normal((n_samples, n_features))
    y = X[:, :4] @ [1.0, -1.0, 2.0, -2.0] / spread + rng.standard_normal(n_samples)
    return Sample(X, y, None)


def known(reason):
    return pytest.mark.xfail(strict=True, reason=reason)


@pytest.mark.parametrize("use_gram", [True, False])
class TestAfterAFailure:
    """One alpha or one start that the exact method cannot handle spoils no other."""

    def test_start_with_more_coefficients_than_rows(self, use_gram):
        recipe = Recipe(30, 40, "independent")
        start = np.ones((1, 40))
        assert_path_good(*solve(recipe, (0.5, 0.1), start=start, use_gram=use_gram))

    def test_a_hard_alpha_before_an_easy_one(self, use_gram):
        """A gap of 1e4 f(0) at an alpha that takes seven rounds from zero."""
        sample = cluster(20, 50, 1e-5)
        recipe = Recipe(20, 50, "cluster")
        easy, path = solve_sample(sample, recipe, (0.5,), use_gram=use_gram)
        assert path.converged.all()
        assert easy[0].is_benign(path.coefs[0, 0])
        problems, path = solve_sample(sample, recipe, (1e-6, 0.5), use_gram=use_gram)
        assert problems[1].gap(path.coefs[0, 1]) <= EXACT * problems[1].null

    def test_equal_columns_with_hardly_any_l2(self, use_gram):
        half = np.random.default_rng(0).standard_normal((10, 3))
        sample = Sample(np.hstack([half, half]), half.sum(axis=1) + wave(10), None)
        recipe = Recipe(10, 6, "twice the same", l1_ratio=0.5)
        found = solve_sample(sample, recipe, (0.5, 1e-12, 0.5), use_gram=use_gram)
        coef, problem = found[1].coefs[0, 2], found[0][2]
        assert problem.gap(coef) <= EXACT * problem.null

    def test_a_tighter_tol_is_not_worse(self, use_gram):
        """Gaps of 1e-10 f(0) with tol=1e-4, of 0.3 f(0) with tol=1e-12."""
        recipe = Recipe(28, 17, "correlated", fit_intercept=False)
        for seed in range(12):
            rng = np.random.default_rng(seed)
            X = 3e-3 * rng.standard_normal((28, 17)) + rng.standard_normal((28, 1))
            X[:, 7], X[:, 9] = X[:, 1], X[:, 2]
            y = X[:, :5] @ [3.0, -2.0, 1.0, 2.0, -3.0] + rng.standard_normal(28)
            sample, fractions = Sample(X, y, None), (1e-2, 1e-4, 1e-6)
            for tol in (1e-4, 1e-12):
                problems, path = solve_sample(
                    sample, recipe, fractions, tol=tol, use_gram=use_gram
                )
                for problem, coef in zip(problems, path.coefs[0], strict=True):
                    assert problem.gap(coef) <= 1e-8 * problem.null, (seed, tol)


@known("the Gram matrix of columns with a condition of 1e6 has no factor; descent crawls")
@pytest.mark.parametrize("use_gram", [True, False])
def test_a_condition_of_1e6(use_gram):
    """A QR factor of the columns would do: np.linalg.lstsq has ten digits here."""
    sample, recipe = cluster(50, 20, 1e-6), Recipe(50, 20, "cluster")
    problems, path = solve_sample(sample, recipe, (1e-6,), max_iter=1000, use_gram=use_gram)
    assert problems[0].gap(path.coefs[0, 0]) <= 1e-4 * problems[0].null


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("precompute", [True, False])
def test_a_start_with_the_wrong_signs(precompute):
    X, y, _ = cook(Recipe(20, 4, "independent"))
    start = {"coef_init": -np.ones(4), "precompute": precompute}
    _, coefs, _ = lasso_path(X, y, alphas=[0.5, 0.1], positive=True, **start)
    _, expected, _ = lasso_path(X, y, alphas=[0.5, 0.1], positive=True)
    np.testing.assert_allclose(coefs, expected, atol=1e-10)


@pytest.mark.parametrize("precompute", [True, False])
def test_a_target_of_zeros_has_converged(precompute):
    X, *_ = cook(Recipe(20, 4, "independent"))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        _, coefs, gaps = lasso_path(X, np.zeros(20), alphas=[0.5], precompute=precompute)
    assert np.all(coefs == 0)
    assert np.all(gaps > 0)


@pytest.mark.parametrize("precompute", [True, False])
def test_gaps_of_a_float32_path_are_those_of_what_is_returned(precompute):
    recipe = Recipe(60, 12, "correlated", dtype="float32", fit_intercept=False)
    X, y, _ = cook(recipe)
    alphas, coefs, gaps = lasso_path(X, y, alphas=[0.5, 0.01], precompute=precompute)
    A, b = judge.centred(X, y, None, False)
    problems = problems_of(A, b, recipe, alphas)
    assert coefs.dtype == np.float32
    for problem, coef, gap in zip(problems, coefs.T.astype(float), gaps, strict=True):
        assert_honest(problem, coef, gap)


def test_the_intercept_as_stored_is_certified():
    """With means of 1e11 a rounded intercept alone costs 1e-12 f(0); 2e-16 is reported."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((30, 5)) + 1e11, rng.standard_normal(30)
    model = Lasso(0.02).fit(X, y)
    rows = [
        Fraction(target) - sum(map(operator.mul, map(Fraction, row), coef))
        for row, target, coef in zip(
            X, y, [list(map(Fraction, model.coef_))] * 30, strict=True
        )
    ]
    missed = sum(rows) / 30 - Fraction(float(model.intercept_))
    assert np.any(model.coef_)
    assert model.dual_gap_ >= float(missed**2 / 2)
