"""Degenerate shapes, constants, extreme scales, and the ends of the parameters."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import LeaveOneOut

from skreg import ElasticNet, ElasticNetCV, Lasso, LassoCV, Ridge, RidgeCV
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

MODELS = {
    "lasso": Lasso(0.1, tol=1e-12, max_iter=100_000),
    "elastic net": ElasticNet(0.1, tol=1e-18, max_iter=100_000),
    "gram": Lasso(0.1, tol=1e-12, max_iter=100_000, precompute=True),
    "positive lasso": Lasso(0.1, positive=True, tol=1e-12, max_iter=100_000),
    "ridge": Ridge(0.1),
    "svd ridge": Ridge(0.1, solver="svd"),
    "krylov ridge": Ridge(0.1, solver="lsqr"),
    "positive ridge": Ridge(0.1, positive=True),
}
every_model = pytest.mark.parametrize("kind", MODELS)
storage = pytest.mark.parametrize("convert", [np.asarray, sparse.csc_array])


def model_of(kind):
    model = MODELS[kind]
    return type(model)(**model.get_params())


def fit_strictly(model, X, y, sample_weight=None):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return model.fit(X, y, sample_weight=sample_weight)


def supports(kind, convert):
    return not (kind == "svd ridge" and convert is sparse.csc_array)


def assert_certified(model):
    assert np.all(np.isfinite(model.coef_))
    assert np.all(np.isfinite(model.intercept_))
    assert 0 < model.dual_gap_ < np.inf
    assert 0 < model.relative_gap_ <= 1e-10


@every_model
@storage
def test_one_row(kind, convert):
    if not supports(kind, convert):
        return
    model = fit_strictly(model_of(kind), convert([[1.0, -2.0, 3.0]]), [7.0])
    np.testing.assert_allclose(model.coef_, 0, atol=1e-15)
    np.testing.assert_allclose(model.intercept_, 7.0)
    assert_certified(model)


@pytest.mark.parametrize("make", [Lasso, ElasticNet, Ridge])
def test_one_row_without_intercept(make):
    model = make(0.01, fit_intercept=False).fit([[2.0]], [6.0])
    gram, l2 = (4.0, 0.0) if make is Lasso else (4.0, 0.005)
    expected = (12.0 - (0.01 if make is Lasso else 0.005)) / (gram + l2)
    if make is Ridge:
        expected = 12.0 / 4.01
    np.testing.assert_allclose(model.coef_, [expected], rtol=1e-4)


@every_model
def test_one_column(kind):
    rng = np.random.default_rng(0)
    x = rng.standard_normal(20) + 5
    y = 3 * x + rng.standard_normal(20)
    model = fit_strictly(model_of(kind), x[:, None], y)
    centred, target = x - x.mean(), y - y.mean()
    dot, square = centred @ target / 20, centred @ centred / 20
    l1, l2 = {
        "elastic net": (0.05, 0.05),
        "ridge": (0.0, 0.1 / 20),
        "svd ridge": (0.0, 0.1 / 20),
        "krylov ridge": (0.0, 0.1 / 20),
        "positive ridge": (0.0, 0.1 / 20),
    }.get(kind, (0.1, 0.0))
    np.testing.assert_allclose(model.coef_, [(dot - l1) / (square + l2)], rtol=1e-9)
    np.testing.assert_allclose(
        model.intercept_, y.mean() - model.coef_[0] * x.mean(), rtol=1e-9
    )
    assert_certified(model)


@every_model
def test_two_rows(kind):
    X, y = np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([1.0, 5.0])
    model = fit_strictly(model_of(kind), X, y)
    l1, l2 = {"elastic net": (0.05, 0.05)}.get(kind, (0.1, 0.0))
    if "ridge" in kind:
        l1, l2 = 0.0, 0.05
    np.testing.assert_allclose(model.coef_, [(2 - l1) / (1 + l2), 0], atol=1e-9)
    assert_certified(model)


@every_model
@storage
def test_constant_target(kind, convert):
    if not supports(kind, convert):
        return
    X, _ = gaussian(20, 4, 2, seed=0)
    model = fit_strictly(model_of(kind), convert(X), np.full(20, 0.1))
    np.testing.assert_allclose(model.coef_, 0, atol=1e-14)
    np.testing.assert_allclose(model.intercept_, 0.1, rtol=1e-14)
    assert np.isfinite(model.dual_gap_)
    assert model.dual_gap_ > 0
    assert np.isfinite(model.relative_gap_)


@every_model
@storage
@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -1e6, 1e-6])
def test_constant_columns_get_no_coefficient(kind, convert, value):
    if not supports(kind, convert):
        return
    X, y = gaussian(30, 5, 3, seed=1)
    X[:, 2] = value
    model = fit_strictly(model_of(kind), convert(X), y)
    others = np.delete(np.arange(5), 2)
    rest = fit_strictly(model_of(kind), convert(X[:, others]), y)
    assert abs(model.coef_[2] * value) <= 1e-9
    np.testing.assert_allclose(model.coef_[others], rest.coef_, atol=1e-8)
    np.testing.assert_allclose(model.intercept_, rest.intercept_, rtol=1e-8)


@every_model
@storage
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_zero_matrix(kind, convert, fit_intercept):
    if not supports(kind, convert):
        return
    y = np.array([1.0, 2.0, 6.0, -1.0])
    model = model_of(kind).set_params(fit_intercept=fit_intercept)
    fit_strictly(model, convert(np.zeros((4, 3))), y)
    assert np.all(model.coef_ == 0)
    assert model.intercept_ == (2.0 if fit_intercept else 0.0)
    assert_certified(model)


@every_model
def test_zero_target_without_intercept(kind):
    X, _ = gaussian(20, 4, 2, seed=2)
    model = model_of(kind).set_params(fit_intercept=False)
    fit_strictly(model, X, np.zeros(20))
    assert np.all(model.coef_ == 0)
    assert np.isfinite(model.relative_gap_)


HUGE, TINY = 1e150, 1e-150
SCALES = [
    (HUGE, 1.0),
    (TINY, 1.0),
    (1.0, HUGE),
    (1.0, TINY),
    (HUGE, HUGE),
    (TINY, TINY),
    (HUGE, TINY),
    (TINY, HUGE),
]


@every_model
@storage
@pytest.mark.parametrize(("scale_X", "scale_y"), SCALES)
def test_extreme_scales_are_the_same_problem(kind, convert, scale_X, scale_y):
    if not supports(kind, convert) or (kind == "elastic net" and scale_X < scale_y):
        return  # 1 - l1_ratio, the share of the L2 part, would round to zero
    X, y = gaussian(40, 5, 3, seed=3)
    base = fit_strictly(model_of(kind), convert(X), y)
    model = model_of(kind)
    if kind == "elastic net":
        l1, l2 = 0.05 * scale_X * scale_y, 0.05 * scale_X**2
        model.set_params(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2))
    elif "ridge" in kind:
        model.set_params(alpha=0.1 * scale_X**2)
    else:
        model.set_params(alpha=0.1 * scale_X * scale_y)
    fit_strictly(model, convert(X * scale_X), y * scale_y)
    back = model.coef_ * scale_X / scale_y
    np.testing.assert_allclose(back, base.coef_, atol=1e-7)
    np.testing.assert_allclose(model.intercept_ / scale_y, base.intercept_, rtol=1e-7)
    assert_certified(model)


@every_model
@pytest.mark.parametrize("sd", [1.0, 100.0])
def test_a_mean_of_1e8_keeps_the_digits_of_the_columns(kind, sd):
    X, y = gaussian(60, 6, 4, seed=4)
    shifted = sd * X + 1e8
    centred = (shifted - 1e8) - (shifted - 1e8).mean(axis=0)
    with_offset = fit_strictly(model_of(kind), shifted, y)
    without = fit_strictly(model_of(kind), centred, y)
    np.testing.assert_allclose(
        with_offset.coef_, without.coef_, atol=1e-7 * np.abs(without.coef_).max()
    )
    assert with_offset.relative_gap_ <= 1e-10


@pytest.mark.parametrize("kind", ["lasso", "gram", "elastic net", "ridge"])
def test_a_target_with_a_mean_of_1e8(kind):
    X, y = gaussian(60, 6, 4, seed=5)
    shifted = fit_strictly(model_of(kind), X, y + 1e8)
    base = fit_strictly(model_of(kind), X, (y + 1e8) - 1e8)
    np.testing.assert_allclose(shifted.coef_, base.coef_, atol=1e-7)


@every_model
@storage
def test_overflow_is_a_clear_error(kind, convert):
    if not supports(kind, convert):
        return
    X, y = gaussian(20, 3, 2, seed=6)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model_of(kind).fit(convert(X * 1e200), y)


def test_failed_fit_leaves_the_model_unfitted():
    X, y = gaussian(20, 3, 2, seed=6)
    model = Lasso(0.1)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        model.fit(X * 1e200, y)
    assert not hasattr(model, "coef_")


class TestConvergence:
    sentence = "^Objective did not converge"

    @pytest.mark.parametrize("make", [Lasso, ElasticNet])
    def test_one_epoch_warns_once(self, make):
        problem = PROBLEMS["correlated"]()
        model = make(1e-4, max_iter=1)
        with pytest.warns(ConvergenceWarning, match=self.sentence) as caught:
            model.fit(problem.X, problem.y)
        assert len(caught) == 1
        assert model.n_iter_ == 1

    @pytest.mark.parametrize("make", [LassoCV, ElasticNetCV])
    def test_cross_validation_warns_once(self, make):
        problem = PROBLEMS["correlated"]()
        with pytest.warns(ConvergenceWarning, match=self.sentence) as caught:
            make(max_iter=1, cv=3, alphas=10).fit(problem.X, problem.y)
        assert len(caught) == 1

    def test_several_targets_warn_once(self):
        problem = PROBLEMS["correlated"]()
        Y = np.column_stack([problem.y, problem.y[::-1]])
        with pytest.warns(ConvergenceWarning, match=self.sentence) as caught:
            Lasso(1e-4, max_iter=1).fit(problem.X, Y)
        assert len(caught) == 1

    def test_the_warning_names_the_gap_that_is_left(self):
        problem = PROBLEMS["correlated"]()
        model = Lasso(1e-4, max_iter=3)
        with pytest.warns(ConvergenceWarning) as caught:
            model.fit(problem.X, problem.y)
        gap, _ = oracle.certificate(model, problem.X, problem.y)
        assert f"{gap:.3e}" in str(caught[0].message)
        assert "max_iter" in str(caught[0].message)

    def test_the_gap_is_honest_after_an_early_stop(self):
        problem = PROBLEMS["correlated"]()
        model = Lasso(1e-3, max_iter=2)
        with pytest.warns(ConvergenceWarning):
            model.fit(problem.X, problem.y)
        gap, null = oracle.certificate(model, problem.X, problem.y)
        np.testing.assert_allclose(model.dual_gap_, gap, rtol=1e-9)
        assert gap > model.tol * null

    @pytest.mark.parametrize("make", [Lasso, ElasticNet])
    @pytest.mark.parametrize("name", ["tall", "wide", "correlated", "sparse_tall"])
    def test_no_bound_on_the_epochs(self, make, name):
        problem = PROBLEMS[name]()
        model = fit_strictly(make(0.01, max_iter=None), problem.X, problem.y)
        gap, null = oracle.certificate(model, problem.X, problem.y)
        assert gap <= 1e-4 * null

    @pytest.mark.parametrize("fit_intercept", [True, False])
    @pytest.mark.parametrize("name", ["tall", "wide", "correlated", "sparse_wide"])
    def test_tol_zero_ends_at_the_optimum(self, name, fit_intercept):
        """A tol that rounding cannot reach still gives the best the precision allows."""
        problem = PROBLEMS[name]()
        largest = oracle.alpha_max(problem.X, problem.y, None, fit_intercept)
        alpha = 0.05 * largest
        model = Lasso(alpha, tol=0.0, fit_intercept=fit_intercept, max_iter=200_000)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(problem.X, problem.y)
        A, b = oracle.explicit(problem.X, problem.y, None, fit_intercept)
        optimum = oracle.active_set(A, b, alpha, 0.0).astype(float)
        np.testing.assert_allclose(model.coef_, optimum, atol=1e-10 * np.abs(optimum).max())

    @pytest.mark.parametrize("name", ["tall", "sparse_tall"])
    def test_tol_zero_knows_that_it_is_done(self, name):
        problem = PROBLEMS[name]()
        model = Lasso(0.05, tol=0.0, max_iter=100_000)
        fit_strictly(model, problem.X, problem.y)
        assert model.n_iter_ < 10_000


class TestCrossValidation:
    @pytest.mark.parametrize("make", [LassoCV, ElasticNetCV])
    @pytest.mark.parametrize("alphas", [1, [0.3]])
    def test_one_alpha(self, make, alphas):
        X, y = gaussian(30, 5, 3, seed=7)
        model = fit_strictly(make(alphas=alphas, cv=3), X, y)
        assert model.alphas_.shape == (1,)
        assert model.alpha_ == model.alphas_[0]
        assert np.shape(model.mse_path_)[-1] == 3

    @pytest.mark.parametrize("alpha", [0.3, [0.3], (0.3,)])
    def test_one_alpha_of_ridge(self, alpha):
        X, y = gaussian(30, 5, 3, seed=7)
        model = fit_strictly(RidgeCV(alpha), X, y)
        assert model.alpha_ == 0.3
        np.testing.assert_allclose(model.coef_, Ridge(0.3).fit(X, y).coef_)

    def test_folds_of_one_row(self):
        X, y = gaussian(12, 3, 2, seed=8)
        model = LassoCV(cv=LeaveOneOut(), alphas=[0.5, 0.1], tol=1e-12).fit(X, y)
        assert model.mse_path_.shape == (2, 12)
        for t, alpha in enumerate(model.alphas_):
            for i in range(12):
                rest = np.arange(12) != i
                single = Lasso(alpha, tol=1e-12).fit(X[rest], y[rest])
                error = y[i] - single.predict(X[i : i + 1])[0]
                np.testing.assert_allclose(model.mse_path_[t, i], error**2, rtol=1e-7)

    def test_training_folds_of_one_row(self):
        X, y = gaussian(6, 3, 2, seed=9)
        folds = [(np.array([i]), np.delete(np.arange(6), i)) for i in range(6)]
        model = fit_strictly(LassoCV(cv=folds, alphas=[1.0, 0.1]), X, y)
        for i, (train, test) in enumerate(folds):
            expected = np.mean((y[test] - y[train]) ** 2)
            np.testing.assert_allclose(model.mse_path_[:, i], expected, rtol=1e-12)

    @pytest.mark.parametrize("make", [LassoCV, ElasticNetCV])
    def test_constant_target(self, make):
        X, _ = gaussian(20, 4, 2, seed=10)
        model = make(cv=3, alphas=5).fit(X, np.full(20, 2.5))
        assert np.all(model.coef_ == 0)
        assert model.intercept_ == 2.5
        np.testing.assert_allclose(model.mse_path_, 0, atol=1e-25)

    def test_leave_one_out_with_two_rows(self):
        X, y = np.array([[1.0], [2.0]]), np.array([3.0, 7.0])
        model = RidgeCV([0.1, 1.0], store_cv_results=True).fit(X, y)
        np.testing.assert_allclose(model.cv_results_, 16.0, rtol=1e-12)
