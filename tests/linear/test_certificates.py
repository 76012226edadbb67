"""Every fit is optimal, and says so: coefficients and gaps by independent formulas."""

import warnings
from itertools import product

import numpy as np
import pytest
from scipy import optimize, sparse

from skreg import ElasticNet, ElasticNetCV, Lasso, LassoCV, Ridge
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

MANY = 100_000
TIGHT = 1e-14
COEF_RTOL = 1e-8
EPS = np.finfo(np.float64).eps

every_problem = pytest.mark.parametrize("name", PROBLEMS)
every_ratio = pytest.mark.parametrize("l1_ratio", [0, 0.01, 0.5, 1])
every_setting = pytest.mark.parametrize(
    ("fit_intercept", "positive"),
    [(True, False), (True, True), (False, False), (False, True)],
)


def alpha_of(problem, l1_ratio, fit_intercept, positive, fraction=0.05):
    largest = oracle.alpha_max(*problem[:3], fit_intercept, positive)
    assert largest > 0
    return fraction * largest / max(l1_ratio, 1e-2)


def fitted(problem, l1_ratio, fit_intercept, positive, **options):
    model = ElasticNet(
        alpha_of(problem, l1_ratio, fit_intercept, positive),
        l1_ratio=l1_ratio,
        fit_intercept=fit_intercept,
        positive=positive,
        max_iter=MANY,
        **options,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(problem.X, problem.y, sample_weight=problem.sample_weight)


def exact(model, problem):
    """(A, b, l1, l2, optimum), the optimum checked by its optimality conditions."""
    A, b = oracle.explicit(*problem[:3], model.fit_intercept)
    l1, l2 = oracle.strengths(model.alpha, model.l1_ratio)
    if l1 > 0 or model.positive:
        optimum = oracle.active_set(A, b, l1, l2, model.positive)
    else:
        optimum = oracle.ridge(A, b, l2)
    violation = oracle.optimality_violation(A, b, optimum, l1, l2, model.positive)
    assert violation <= 1e-12 * np.abs(A.T @ b).max()
    return A, b, l1, l2, optimum


def assert_close(coef, optimum, rtol=COEF_RTOL):
    scale = float(np.abs(optimum).max())
    np.testing.assert_allclose(
        np.asarray(coef, dtype=float), optimum.astype(float), rtol=0, atol=rtol * scale
    )


@every_setting
@every_ratio
@every_problem
def test_coefficients_are_the_optimum(name, l1_ratio, fit_intercept, positive):
    problem = PROBLEMS[name]()
    model = fitted(problem, l1_ratio, fit_intercept, positive, tol=TIGHT)
    A, b, l1, l2, optimum = exact(model, problem)
    if problem.unique or l2 > 0:
        assert_close(model.coef_, optimum)
    reached = oracle.objective(A, b, model.coef_, l1, l2)
    best = oracle.objective(A, b, optimum, l1, l2)
    assert abs(reached - best) <= 1e-14 * float(b @ b)


@every_setting
@every_ratio
@every_problem
def test_gap_is_below_tol_and_equals_primal_minus_dual(
    name, l1_ratio, fit_intercept, positive
):
    problem = PROBLEMS[name]()
    model = fitted(problem, l1_ratio, fit_intercept, positive)
    gap, null = oracle.certificate(model, *problem[:3])
    assert gap <= model.tol * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-6, atol=TIGHT * null)
    assert model.relative_gap_ > 0
    np.testing.assert_allclose(model.relative_gap_, model.dual_gap_ / null, rtol=1e-9)


@every_setting
@every_ratio
@every_problem
def test_gap_bounds_the_distance_from_the_optimum(name, l1_ratio, fit_intercept, positive):
    problem = PROBLEMS[name]()
    model = fitted(problem, l1_ratio, fit_intercept, positive, tol=1e-2)
    A, b, l1, l2, optimum = exact(model, problem)
    reached = oracle.objective(A, b, model.coef_, l1, l2)
    excess = reached - oracle.objective(A, b, optimum, l1, l2)
    step = A @ (model.coef_ - optimum)
    distance = step @ step / 2 + l2 * np.sum((model.coef_ - optimum) ** 2) / 2
    allowed = model.dual_gap_ * (1 + 1e-9) + 1e-15 * float(b @ b)
    assert excess <= allowed
    assert distance <= allowed


@every_problem
@pytest.mark.parametrize("precompute", [False, True])
def test_residual_and_covariance_updates_agree(name, precompute):
    problem = PROBLEMS[name]()
    model = fitted(problem, 0.5, True, False, tol=TIGHT, precompute=precompute)
    *_, optimum = exact(model, problem)
    assert_close(model.coef_, optimum)


@pytest.mark.parametrize(
    ("name", "fraction"),
    [
        *product(["diabetes", "correlated", "sparse_tall"], [0.5, 1e-2, 1e-4]),
        *product(["wide", "sparse_wide"], [0.5, 0.1, 0.03]),
    ],
)
def test_lasso_along_the_path(name, fraction):
    problem = PROBLEMS[name]()
    alpha = alpha_of(problem, 1, True, False, fraction)
    model = Lasso(alpha, tol=TIGHT, max_iter=MANY).fit(problem.X, problem.y)
    A, b = oracle.explicit(problem.X, problem.y)
    assert_close(model.coef_, oracle.active_set(A, b, alpha, 0.0))
    gap, null = oracle.certificate(model, problem.X, problem.y)
    assert gap <= 1e-12 * null


@pytest.mark.parametrize("name", ["diabetes", "breast_cancer"])
@every_ratio
def test_standardized_real_data(name, l1_ratio):
    problem = PROBLEMS[name]()
    X = (problem.X - problem.X.mean(axis=0)) / problem.X.std(axis=0)
    problem = problem._replace(X=X)
    model = fitted(problem, l1_ratio, True, False, tol=TIGHT)
    *_, optimum = exact(model, problem)
    assert_close(model.coef_, optimum)


@every_ratio
def test_several_targets_are_separate_problems(l1_ratio):
    problem = PROBLEMS["weighted"]()
    Y = np.column_stack([problem.y, problem.y[::-1], 100 * problem.X[:, 3]])
    model = ElasticNet(0.2, l1_ratio=l1_ratio, max_iter=MANY)
    model.fit(problem.X, Y, sample_weight=problem.sample_weight)
    assert model.coef_.shape == (3, problem.X.shape[1])
    for k in range(3):
        single = ElasticNet(0.2, l1_ratio=l1_ratio, max_iter=MANY)
        single.coef_, single.intercept_ = model.coef_[k], model.intercept_[k]
        gap, null = oracle.certificate(single, problem.X, Y[:, k], problem.sample_weight)
        assert gap <= model.tol * null
        np.testing.assert_allclose(model.dual_gap_[k], gap, rtol=1e-6, atol=TIGHT * null)
        np.testing.assert_allclose(
            model.relative_gap_[k], model.dual_gap_[k] / null, rtol=1e-9
        )


@every_setting
@every_ratio
@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall", "diabetes"])
def test_float32_fits_to_its_own_precision(name, l1_ratio, fit_intercept, positive):
    problem = PROBLEMS[name]()
    problem = problem._replace(X=problem.X.astype(np.float32))
    model = fitted(problem, l1_ratio, fit_intercept, positive, tol=TIGHT)
    assert model.coef_.dtype == np.float32
    *_, optimum = exact(model, problem)
    assert_close(model.coef_, optimum, rtol=2e-5)
    gap, null = oracle.certificate(model, *problem[:3])
    assert gap <= 1e-6 * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-4, atol=TIGHT * null)


@pytest.mark.parametrize("name", ["tall", "diabetes", "weighted", "constant_columns"])
@pytest.mark.parametrize("make", [Lasso, ElasticNet])
@pytest.mark.filterwarnings("ignore:With alpha=0")
def test_alpha_zero_is_least_squares(name, make):
    problem = PROBLEMS[name]()
    model = make(alpha=0).fit(*problem[:3])
    A, b = oracle.explicit(*problem[:3])
    varies = np.ptp(problem.X, axis=0) > 0
    optimum = oracle.least_squares(A[:, varies], b)
    assert_close(model.coef_[varies], optimum, rtol=1e-11)
    np.testing.assert_allclose(model.coef_[~varies], 0, atol=1e-13)
    assert 0 < model.dual_gap_ <= 1e-12 * float(b @ b / 2)
    assert 0 < model.relative_gap_ <= 1e-12


@pytest.mark.filterwarnings("ignore:With alpha=0")
def test_alpha_zero_with_more_features_than_samples_has_minimum_norm():
    problem = PROBLEMS["wide"]()
    model = Lasso(alpha=0).fit(problem.X, problem.y)
    A, b = oracle.explicit(problem.X, problem.y)
    optimum = np.linalg.lstsq(A.astype(float), b.astype(float), rcond=1e-12)[0]
    assert_close(model.coef_, optimum, rtol=1e-10)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall", "diabetes"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.filterwarnings("ignore:With alpha=0")
def test_positive_alpha_zero_is_nonnegative_least_squares(name, fit_intercept):
    problem = PROBLEMS[name]()
    model = Lasso(
        alpha=0, positive=True, fit_intercept=fit_intercept, tol=TIGHT, max_iter=MANY
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UserWarning)
        model.fit(*problem[:3])
    A, b = oracle.explicit(*problem[:3], fit_intercept)
    optimum, _ = optimize.nnls(A.astype(float), b.astype(float))
    assert np.all(model.coef_ >= 0)
    fit, best = (np.sum((b - A @ w) ** 2) for w in (model.coef_, optimum))
    assert fit <= best + 1e-13 * (b @ b)
    if A.shape[0] > A.shape[1]:
        assert_close(model.coef_, optimum)


@pytest.mark.parametrize("make", [LassoCV, ElasticNetCV])
@pytest.mark.parametrize("name", ["diabetes", "weighted", "sparse_tall"])
def test_the_final_fit_of_cross_validation_is_certified(make, name):
    problem = PROBLEMS[name]()
    model = make(cv=3, alphas=20, max_iter=MANY).fit(*problem[:3])
    final = ElasticNet(model.alpha_, l1_ratio=getattr(model, "l1_ratio_", 1.0))
    final.coef_, final.intercept_ = model.coef_, model.intercept_
    gap, null = oracle.certificate(final, *problem[:3])
    assert gap <= model.tol * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-6, atol=TIGHT * null)
    np.testing.assert_allclose(model.relative_gap_, model.dual_gap_ / null, rtol=1e-9)


def ridge_problem(problem, fit_intercept):
    """A and b with the scale of Ridge: sums, not means."""
    A, b = oracle.explicit(*problem[:3], fit_intercept)
    weight = problem.sample_weight
    total = len(problem.y) if weight is None else np.sum(weight)
    return A * np.sqrt(np.longdouble(total)), b * np.sqrt(np.longdouble(total))


RIDGE_SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg")
DENSE_PROBLEMS = [name for name in PROBLEMS if not name.startswith("sparse")]


@every_problem
@pytest.mark.parametrize("alpha", [1e-3, 1.0, 1e3])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_gradient_vanishes(name, alpha, fit_intercept):
    problem = PROBLEMS[name]()
    model = Ridge(alpha, fit_intercept=fit_intercept).fit(*problem[:3])
    A, b = ridge_problem(problem, fit_intercept)
    gradient = A.T @ (b - A @ model.coef_) - alpha * model.coef_
    scale = np.abs(A.T @ b).max()
    assert np.abs(gradient).max() <= 1e-12 * scale
    assert EPS <= model.relative_gap_ <= 1e-12
    np.testing.assert_allclose(
        model.relative_gap_, model.dual_gap_ / float(b @ b), rtol=1e-9
    )


@every_problem
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_equals_stacked_least_squares(name, fit_intercept):
    problem = PROBLEMS[name]()
    A, b = ridge_problem(problem, fit_intercept)
    optimum = oracle.ridge(A, b, 0.7)
    model = Ridge(0.7, fit_intercept=fit_intercept).fit(*problem[:3])
    assert_close(model.coef_, optimum, rtol=1e-9)


@pytest.mark.parametrize("name", DENSE_PROBLEMS)
@pytest.mark.parametrize("solver", RIDGE_SOLVERS)
def test_ridge_solvers_agree(name, solver):
    problem = PROBLEMS[name]()
    A, b = ridge_problem(problem, True)
    optimum = oracle.ridge(A, b, 0.7)
    model = Ridge(0.7, solver=solver).fit(*problem[:3])
    assert_close(model.coef_, optimum)


@pytest.mark.parametrize("name", ["sparse_tall", "sparse_wide", "sparse_weighted"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("solver", ["auto", "lsqr"])
@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_matrix])
def test_ridge_sparse_equals_dense(name, fit_intercept, solver, convert):
    problem = PROBLEMS[name]()
    model = Ridge(2.0, fit_intercept=fit_intercept, solver=solver)
    model.fit(convert(problem.X), problem.y, problem.sample_weight)
    direct = Ridge(2.0, fit_intercept=fit_intercept, solver="auto")
    direct.fit(problem.X.toarray(), problem.y, problem.sample_weight)
    assert_close(model.coef_, direct.coef_)
    np.testing.assert_allclose(model.intercept_, direct.intercept_, rtol=1e-8)


def with_split_entries(X):
    """A CSC matrix that stores every entry of X as the sum of two."""
    n_samples, n_features = X.shape
    data = np.concatenate([0.25 * X.T, 0.75 * X.T], axis=1).ravel()
    rows = np.tile(np.arange(n_samples, dtype=np.int32), 2 * n_features)
    ends = 2 * n_samples * np.arange(n_features + 1, dtype=np.int32)
    return sparse.csc_array((data, rows, ends), shape=X.shape)


@pytest.mark.parametrize("shape", [(40, 6), (6, 20)])
@pytest.mark.parametrize(
    "make",
    [
        lambda: Ridge(1.0),
        lambda: Ridge(1.0, solver="lsqr"),
        lambda: Lasso(0.1, tol=TIGHT),
        lambda: ElasticNet(0.1, tol=TIGHT),
    ],
    ids=["ridge", "krylov ridge", "lasso", "elastic net"],
)
def test_duplicate_entries_of_sparse_input_add_up(make, shape):
    X, y = gaussian(*shape, 4, seed=13)
    split = make().fit(with_split_entries(X), y)
    assert_close(split.coef_, make().fit(X, y).coef_)
    assert split.relative_gap_ <= 1e-12


def test_ridge_on_more_features_than_samples_uses_the_kernel_side():
    problem = PROBLEMS["wide"]()
    A, b = (part.astype(float) for part in ridge_problem(problem, True))
    dual = A.T @ np.linalg.solve(A @ A.T + 0.3 * np.eye(len(b)), b)
    primal = np.linalg.solve(A.T @ A + 0.3 * np.eye(A.shape[1]), A.T @ b)
    model = Ridge(0.3).fit(problem.X, problem.y)
    assert_close(model.coef_, dual, rtol=1e-10)
    assert_close(model.coef_, primal, rtol=1e-10)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted"])
@pytest.mark.parametrize("solver", RIDGE_SOLVERS)
def test_ridge_alpha_per_target(name, solver):
    problem = PROBLEMS[name]()
    Y = np.column_stack([problem.y, problem.y**2, np.roll(problem.y, 3)])
    alphas = [0.01, 3.0, 0.01]
    model = Ridge(alphas, solver=solver).fit(problem.X, Y, problem.sample_weight)
    for k, alpha in enumerate(alphas):
        single = Ridge(alpha).fit(problem.X, Y[:, k], problem.sample_weight)
        assert_close(model.coef_[k], single.coef_)
        np.testing.assert_allclose(model.intercept_[k], single.intercept_, rtol=1e-7)


@pytest.mark.parametrize("name", ["wide", "duplicate_columns", "constant_columns"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_ridge_alpha_zero_is_the_minimum_norm_solution(name, fit_intercept):
    problem = PROBLEMS[name]()
    A, b = (part.astype(float) for part in ridge_problem(problem, fit_intercept))
    optimum = np.linalg.lstsq(A, b, rcond=1e-12)[0]
    model = Ridge(0.0, fit_intercept=fit_intercept).fit(problem.X, problem.y)
    assert_close(model.coef_, optimum, rtol=1e-10)
    assert 0 < model.relative_gap_ <= 1e-12


def ill_conditioned(n_samples, n_features, condition, seed):
    """A matrix with singular values from 1 to 1 / condition."""
    rng = np.random.default_rng(seed)
    left, _ = np.linalg.qr(rng.standard_normal((n_samples, n_features)))
    right, _ = np.linalg.qr(rng.standard_normal((n_features, n_features)))
    values = np.geomspace(1.0, 1.0 / condition, n_features)
    return left * values @ right, rng.standard_normal(n_samples)


@pytest.mark.parametrize("alpha", [1e-8, 1e-12, 1e-16, 1e-20])
@pytest.mark.parametrize("solver", ["auto", "svd"])
def test_ridge_ill_conditioned(alpha, solver):
    X, y = ill_conditioned(40, 8, 1e10, seed=0)
    optimum = oracle.ridge(X.astype(np.longdouble), y, alpha)
    model = Ridge(alpha, fit_intercept=False, solver=solver).fit(X, y)
    condition = np.sqrt(2.0 / (alpha + 1e-20))
    assert_close(model.coef_, optimum, rtol=20 * EPS * condition)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall"])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("alpha", [1e-2, 10.0])
def test_positive_ridge_is_nnls_on_the_stacked_system(name, fit_intercept, alpha):
    problem = PROBLEMS[name]()
    A, b = (part.astype(float) for part in ridge_problem(problem, fit_intercept))
    n_features = A.shape[1]
    stacked = np.vstack([A, np.sqrt(alpha) * np.eye(n_features)])
    optimum, _ = optimize.nnls(stacked, np.append(b, np.zeros(n_features)))
    model = Ridge(
        alpha, positive=True, fit_intercept=fit_intercept, tol=TIGHT, max_iter=MANY
    )
    model.fit(*problem[:3])
    assert np.all(model.coef_ >= 0)
    assert_close(model.coef_, optimum)
    assert model.relative_gap_ <= 1e-12


@pytest.mark.parametrize("shape", [(200, 20), (20, 200)])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_float32_ridge(shape, fit_intercept):
    X, y = gaussian(*shape, 5, seed=11)
    X32 = X.astype(np.float32)
    model = Ridge(1.0, fit_intercept=fit_intercept).fit(X32, y)
    assert model.coef_.dtype == np.float32
    exact = Ridge(1.0, fit_intercept=fit_intercept).fit(X32.astype(float), y)
    assert_close(model.coef_, exact.coef_, rtol=1e-6)
    assert 0 < model.relative_gap_ <= 1e-6


def test_ridge_gap_bounds_the_excess_of_rounded_coefficients():
    X, y = gaussian(50, 10, 5, seed=12)
    X = X.astype(np.float32)
    model = Ridge(1.0).fit(X, y)
    A, b = ridge_problem(PROBLEMS["tall"]()._replace(X=X, y=y), True)
    loss = 2 * len(y) * oracle.mean_squares(X, y, model.coef_, model.intercept_)
    reached = loss + np.sum(model.coef_.astype(np.longdouble) ** 2)
    best = 2 * oracle.objective(A, b, oracle.ridge(A, b, 1.0), 0.0, 1.0)
    assert reached - best <= model.dual_gap_ * (1 + 1e-6) + 1e-14 * float(b @ b)
    assert model.dual_gap_ <= 10 * max(reached - best, EPS * float(b @ b))
