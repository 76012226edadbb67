"""Several targets as one problem: optimal, certified, and what follows from symmetry."""

import warnings

import numpy as np
import pytest
import sklearn.linear_model
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skreg import (
    ElasticNet,
    Lasso,
    MultiTaskElasticNet,
    MultiTaskElasticNetCV,
    MultiTaskLasso,
    MultiTaskLassoCV,
)
from skreg._solvers import multi_task
from skreg._solvers.sample import make_sample
from skreg.penalties import L1L2
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian, with_targets

TIGHT = {"tol": 1e-14, "max_iter": 100_000}
# A gap of 1e-14 leaves about its root in the optimality conditions.
SLOPE_RTOL = 1e-6

every_problem = pytest.mark.parametrize("name", PROBLEMS)
every_ratio = pytest.mark.parametrize("l1_ratio", [0, 0.01, 0.5, 1])
with_and_without_intercept = pytest.mark.parametrize("fit_intercept", [True, False])


def joint(name, n_targets=3):
    return with_targets(PROBLEMS[name](), n_targets)


def alpha_of(problem, l1_ratio, fit_intercept=True, fraction=0.05):
    A, B = oracle.explicit(*problem[:3], fit_intercept)
    return fraction * float(oracle.row_sizes(A.T @ B).max()) / max(l1_ratio, 1e-2)


def strictly(model, problem):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(problem.X, problem.y, sample_weight=problem.sample_weight)


def fitted(problem, l1_ratio, fit_intercept=True, **options):
    alpha = alpha_of(problem, l1_ratio, fit_intercept)
    options = {"max_iter": 100_000, "fit_intercept": fit_intercept, **options}
    return strictly(MultiTaskElasticNet(alpha, l1_ratio=l1_ratio, **options), problem)


@with_and_without_intercept
@every_ratio
@every_problem
def test_optimality_conditions(name, l1_ratio, fit_intercept):
    problem = joint(name)
    model = fitted(problem, l1_ratio, fit_intercept, tol=1e-14)
    A, B = oracle.explicit(*problem[:3], fit_intercept)
    l1, l2 = oracle.strengths(model.alpha, l1_ratio)
    violation = oracle.joint_violation(A, B, model.coef_.T, l1, l2)
    assert violation <= SLOPE_RTOL * oracle.row_sizes(A.T @ B).max()
    assert model.relative_gap_ <= 1e-12


@with_and_without_intercept
@every_ratio
@every_problem
def test_gap_is_below_tol_and_equals_primal_minus_dual(name, l1_ratio, fit_intercept):
    problem = joint(name)
    model = fitted(problem, l1_ratio, fit_intercept)
    gap, null = oracle.joint_certificate(model, *problem[:3])
    assert gap <= model.tol * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-6, atol=1e-14 * null)
    assert model.relative_gap_ > 0
    np.testing.assert_allclose(model.relative_gap_, model.dual_gap_ / null, rtol=1e-9)


@every_ratio
@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall", "diabetes"])
def test_gap_bounds_the_distance_from_the_optimum(name, l1_ratio):
    problem = joint(name)
    loose = fitted(problem, l1_ratio, tol=1e-2)
    tight = fitted(problem, l1_ratio, tol=1e-14)
    A, B = oracle.explicit(*problem[:3])
    l1, l2 = oracle.strengths(loose.alpha, l1_ratio)
    reached, best = (
        oracle.joint_objective(A, B, model.coef_.T, l1, l2) for model in (loose, tight)
    )
    assert reached - best <= loose.dual_gap_ * (1 + 1e-9) + 1e-13 * float(np.sum(B**2))


@pytest.mark.parametrize("name", ["tall", "correlated", "sparse_wide"])
def test_the_gap_is_honest_after_an_early_stop(name):
    problem = joint(name)
    model = MultiTaskLasso(alpha_of(problem, 1, fraction=1e-3), tol=0.0, max_iter=2)
    with pytest.warns(ConvergenceWarning, match="^Objective did not converge") as caught:
        model.fit(problem.X, problem.y)
    assert len(caught) == 1
    gap, _ = oracle.joint_certificate(model, problem.X, problem.y)
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-9)
    assert f"{gap:.3e}" in str(caught[0].message)


@with_and_without_intercept
@pytest.mark.parametrize("l1_ratio", [0, 0.5, 1])
@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall", "diabetes"])
def test_float32_certifies_what_it_stores(name, l1_ratio, fit_intercept):
    problem = joint(name)
    problem = problem._replace(X=problem.X.astype(np.float32))
    model = fitted(problem, l1_ratio, fit_intercept, tol=1e-14)
    assert model.coef_.dtype == np.float32
    gap, null = oracle.joint_certificate(model, *problem[:3])
    assert gap <= 1e-6 * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-4, atol=1e-14 * null)


def test_the_gap_counts_the_rounding_of_the_intercepts():
    """An offset of 1e6 is stored in float32 with an error far above that of the rest."""
    X, y = gaussian(60, 4, 3, seed=0)
    Y = np.column_stack([y, -y]) + 1e6 / 3
    model = MultiTaskLasso(0.1, **TIGHT).fit(X.astype(np.float32), Y)
    gap, _ = oracle.joint_certificate(model, X.astype(np.float32), Y)
    missed = Y.mean(axis=0) - model.intercept_.astype(float)
    missed -= X.astype(np.float32).astype(float).mean(axis=0) @ model.coef_.T.astype(float)
    assert np.sum(missed**2) / 2 > 1e-6
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-6)


@pytest.mark.parametrize("name", ["tall", "weighted", "constant_columns", "wide"])
@pytest.mark.parametrize("make", [MultiTaskLasso, MultiTaskElasticNet])
def test_alpha_zero_is_least_squares_of_smallest_norm(name, make):
    problem = joint(name)
    model = strictly(make(alpha=0), problem)
    A, B = (part.astype(float) for part in oracle.explicit(*problem[:3]))
    optimum = np.linalg.lstsq(A, B, rcond=1e-12)[0].T
    np.testing.assert_allclose(model.coef_, optimum, atol=1e-9 * np.abs(optimum).max())
    assert 0 < model.relative_gap_ <= 1e-12
    assert model.n_iter_ == 1


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_weighted"])
@every_ratio
def test_one_target_is_the_elastic_net(name, l1_ratio):
    problem = PROBLEMS[name]()
    alpha = alpha_of(problem._replace(y=problem.y[:, None]), l1_ratio)
    single = ElasticNet(alpha, l1_ratio=l1_ratio, **TIGHT).fit(*problem[:3])
    model = MultiTaskElasticNet(alpha, l1_ratio=l1_ratio, **TIGHT)
    model.fit(problem.X, problem.y[:, None], problem.sample_weight)
    assert model.coef_.shape == (1, problem.X.shape[1])
    assert model.intercept_.shape == (1,)
    scale = np.abs(single.coef_).max()
    np.testing.assert_allclose(model.coef_[0], single.coef_, atol=1e-6 * scale)
    np.testing.assert_allclose(model.intercept_[0], single.intercept_, rtol=1e-6)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall"])
def test_copies_of_one_target_are_the_lasso_at_a_smaller_alpha(name):
    """T copies: T/2 ||y - Xw||^2 + alpha sqrt(T) ||w||_1, the lasso at alpha/sqrt(T)."""
    problem = PROBLEMS[name]()
    model = MultiTaskLasso(0.2, **TIGHT)
    model.fit(problem.X, np.column_stack([problem.y] * 4), problem.sample_weight)
    single = Lasso(0.1, **TIGHT).fit(*problem[:3])
    expected = np.tile(single.coef_, (4, 1))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(model.coef_, expected, atol=1e-6 * scale)


@pytest.mark.parametrize("name", ["tall", "wide", "weighted", "sparse_tall"])
@pytest.mark.parametrize("l1_ratio", [0.5, 1])
def test_rotated_targets_have_rotated_coefficients(name, l1_ratio):
    problem = joint(name)
    rotation, _ = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))
    model = fitted(problem, l1_ratio, **TIGHT)
    turned = fitted(problem._replace(y=problem.y @ rotation), l1_ratio, **TIGHT)
    expected = rotation.T @ model.coef_
    scale = np.abs(expected).max()
    np.testing.assert_allclose(turned.coef_, expected, atol=1e-6 * scale)
    np.testing.assert_allclose(turned.intercept_, model.intercept_ @ rotation, rtol=1e-6)


@every_problem
def test_everything_is_zero_at_alpha_max_and_not_below(name):
    problem = joint(name)
    largest = alpha_of(problem, 1, fraction=1.0)
    assert not strictly(MultiTaskLasso(largest * (1 + 1e-9)), problem).coef_.any()
    below = strictly(MultiTaskLasso(0.99 * largest, tol=1e-10), problem).coef_
    assert set(np.count_nonzero(below, axis=0)) == {0, 3}


def test_scikit_learn_tolerance_attribute():
    problem = joint("weighted")
    ours = MultiTaskElasticNet(tol=1e-3).fit(*problem[:3])
    theirs = sklearn.linear_model.MultiTaskElasticNet(tol=1e-3).fit(*problem[:3])
    assert ours.eps_ == pytest.approx(theirs.eps_, rel=1e-10)


@pytest.mark.parametrize("make", [MultiTaskLasso, MultiTaskElasticNet])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csc_array])
class TestExtremes:
    def test_one_row(self, make, convert):
        model = make(0.1).fit(convert([[1.0, -2.0, 3.0]]), [[7.0, 8.0]])
        np.testing.assert_allclose(model.coef_, np.zeros((2, 3)), atol=1e-15)
        np.testing.assert_allclose(model.intercept_, [7.0, 8.0])
        assert 0 < model.dual_gap_ < 1e-14

    def test_constant_targets(self, make, convert):
        X, y = gaussian(30, 4, 3, seed=1)
        model = make(0.1, **TIGHT).fit(convert(X), np.column_stack([y, np.full(30, 2.5)]))
        assert model.coef_[0].any()
        np.testing.assert_allclose(model.coef_[1], 0, atol=1e-14)
        np.testing.assert_allclose(model.intercept_[1], 2.5)
        model.fit(convert(X), np.full((30, 2), 2.5))
        assert not model.coef_.any()
        assert 0 < model.dual_gap_ < 1e-14

    def test_constant_columns_get_no_coefficient(self, make, convert):
        X, y = gaussian(40, 6, 4, seed=2)
        X[:, 2], X[:, 4] = 1e3 / 3, 0.0
        model = make(0.01, **TIGHT).fit(convert(X), np.column_stack([y, -y]))
        assert not model.coef_[:, [2, 4]].any()
        assert model.coef_[:, [0, 1, 3, 5]].all()

    def test_a_mean_of_1e8_keeps_the_digits_of_the_columns(self, make, convert):
        X, y = gaussian(60, 6, 4, seed=4)
        Y, shifted = np.column_stack([y, y[::-1]]), X + 1e8
        near = (shifted - 1e8) - (shifted - 1e8).mean(axis=0)
        found = make(0.1, **TIGHT).fit(convert(shifted), Y).coef_
        expected = make(0.1, **TIGHT).fit(convert(near), Y).coef_
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(expected).max())

    def test_no_bound_on_the_iterations(self, make, convert):
        X, y = gaussian(40, 6, 4, seed=3)
        model = make(0.01, max_iter=None).fit(convert(X), np.column_stack([y, -y]))
        assert model.relative_gap_ <= 1e-4

    @pytest.mark.parametrize("scale", [1e-150, 1e-100, 1e-70, 1e78, 1e150])
    def test_extreme_scales_are_the_same_problem(self, make, convert, scale):
        X, y = gaussian(40, 5, 3, seed=3)
        Y = np.column_stack([y, y[::-1]])
        base = make(0.1, **TIGHT).fit(convert(X), Y)
        scaled = make(0.1 * scale**2, **TIGHT).fit(convert(scale * X), scale * Y)
        np.testing.assert_allclose(scaled.coef_, base.coef_, atol=1e-7)
        np.testing.assert_allclose(scaled.relative_gap_, base.relative_gap_, atol=1e-12)


@pytest.mark.parametrize("make", [MultiTaskLassoCV, MultiTaskElasticNetCV])
@pytest.mark.parametrize("name", ["diabetes", "weighted", "sparse_tall"])
def test_the_final_fit_of_cross_validation_is_certified(make, name):
    problem = joint(name)
    model = make(cv=3, alphas=20, max_iter=100_000).fit(*problem[:3])
    final = MultiTaskElasticNet(model.alpha_, l1_ratio=getattr(model, "l1_ratio_", 1.0))
    final.coef_, final.intercept_ = model.coef_, model.intercept_
    gap, null = oracle.joint_certificate(final, *problem[:3])
    assert gap <= model.tol * null
    np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-6, atol=1e-14 * null)
    np.testing.assert_allclose(model.relative_gap_, model.dual_gap_ / null, rtol=1e-9)


@pytest.mark.parametrize("name", ["tall", "sparse_weighted"])
@pytest.mark.parametrize("at_once", [1, 1000])
def test_gaps_of_many_solutions(name, at_once, monkeypatch):
    """Zero, arbitrary and ridge coefficients, in portions of any size."""
    problem = joint(name)
    keep = slice(None)
    if problem.sample_weight is not None:
        keep = problem.sample_weight > 0
    X, Y = oracle.dense(problem.X)[keep], problem.y[keep]
    weight = None if problem.sample_weight is None else problem.sample_weight[keep]
    sample = make_sample(sparse.csc_array(X), Y, weight, True)
    rng = np.random.default_rng(0)
    coefs = (
        rng.standard_normal((4, 3, X.shape[1])) * np.array([0, 1, 1e-3, 1])[:, None, None]
    )
    alphas = np.array([0.1, 0.3, 2.0, 0.0])
    monkeypatch.setattr(multi_task, "RESIDUAL_ELEMENTS", at_once)
    gaps = multi_task.recompute_multi_task_gaps(sample, L1L2(0.7), alphas, coefs)
    A, B = oracle.explicit(X, Y, weight)
    for alpha, coef, gap in zip(alphas[:3], coefs[:3], gaps[:3], strict=True):
        l1, l2 = oracle.strengths(alpha, 0.7)
        primal = oracle.joint_objective(A, B, coef.T, l1, l2)
        expected = float(primal - oracle.joint_dual(A, B, coef.T, l1, l2))
        np.testing.assert_allclose(gap, expected, rtol=1e-9)
    A, B = A.astype(float), B.astype(float)
    best = np.linalg.lstsq(A, B, rcond=None)[0]
    excess = np.sum((B - A @ coefs[3].T) ** 2) - np.sum((B - A @ best) ** 2)
    np.testing.assert_allclose(gaps[3], excess / 2, rtol=1e-7)
