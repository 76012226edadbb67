"""cv='loo' against real refits without each row; criteria against their formulas."""

import numpy as np
import pytest
from scipy import sparse
from scipy.special import comb
from sklearn.metrics import mean_absolute_error, r2_score

from skreg import ElasticNetCV, LassoCV, MultiTaskElasticNetCV, MultiTaskLassoCV
from tests.linear.choosing import TIGHT, Settings, left_out_errors, make_problem, refit

GRID = {"alphas": 8, "eps": 0.01, **TIGHT}
BOTH = [False, True]
weights = pytest.mark.parametrize("weighted", BOTH, ids=["", "weighted"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False], ids=["", "no b"])
standards = pytest.mark.parametrize("standardize", BOTH, ids=["", "standardized"])
shapes = pytest.mark.parametrize("shape", [(30, 6), (20, 30)], ids=["tall", "wide"])
CRITERIA = ["gcv", "aic", "bic", "ebic"]


def problem(shape, n_targets=None, noise=6.0):
    X, y, _ = make_problem(shape, n_targets, noise=noise)
    return X, y, np.random.default_rng(1).integers(1, 4, shape[0]).astype(float)


class TestLeaveOneOut:
    @shapes
    @weights
    @intercepts
    @standards
    def test_lasso(self, shape, weighted, fit_intercept, standardize):
        """With `standardize`, the scale is that of all rows."""
        X, y, weight = problem(shape)
        weight = weight if weighted else None
        common = {"fit_intercept": fit_intercept, "standardize": standardize}
        model = LassoCV(cv="loo", **common, **GRID).fit(X, y, weight)
        errors = left_out_errors(X, y, weight, model.alphas_, Settings(1.0, **common))
        self.assert_chosen_by(model, y, errors, weight)

    @staticmethod
    def assert_chosen_by(model, y, errors, weight, rtol=1e-6):
        results = model.alpha_results_
        np.testing.assert_allclose(model.mse_path_, errors**2, rtol=rtol, atol=1e-7)
        np.testing.assert_array_equal(results.fold_scores[0], -model.mse_path_)
        weight = np.ones(len(y)) if weight is None else weight
        mean = np.average(errors**2, axis=1, weights=weight)
        np.testing.assert_allclose(results.mean_score[0], -mean, rtol=rtol)
        spread = np.average((errors**2 - mean[:, None]) ** 2, axis=1, weights=weight)
        se = np.sqrt(spread / (len(y) - 1))
        np.testing.assert_allclose(results.se_score[0], se, rtol=10 * rtol)
        best = int(np.argmin(mean))
        assert model.alpha_ == model.alpha_min_ == model.alphas_[best]
        near = np.flatnonzero(mean <= mean[best] + se[best])[0]
        assert model.alpha_1se_ == model.alphas_[near]
        np.testing.assert_allclose(model.cv_predictions_, y - errors[best], rtol=1e-5)

    @pytest.mark.parametrize("l1_ratio", [0.9, 0.3])
    @pytest.mark.parametrize("positive", BOTH)
    @shapes
    def test_elastic_net(self, l1_ratio, positive, shape):
        X, y, _ = problem(shape)
        model = ElasticNetCV(l1_ratio=l1_ratio, positive=positive, cv="loo", **GRID)
        model.fit(X, y)
        settings = Settings(l1_ratio, positive=positive)
        errors = left_out_errors(X, y, None, model.alphas_, settings)
        self.assert_chosen_by(model, y, errors, None)

    @weights
    def test_no_l1_part_is_ridge(self, weighted):
        X, y, weight = problem((30, 6))
        weight = weight if weighted else None
        model = ElasticNetCV(l1_ratio=0.0, cv="loo", **GRID).fit(X, y, weight)
        errors = left_out_errors(X, y, weight, model.alphas_, Settings(0.0))
        # the strength in the sum is another for every row if weights differ
        tolerance = {"rtol": 0.02, "atol": 0.01 * np.var(y)} if weighted else {"rtol": 1e-7}
        np.testing.assert_allclose(model.mse_path_, errors**2, **tolerance)

    @pytest.mark.parametrize("cls", [MultiTaskLassoCV, MultiTaskElasticNetCV])
    @weights
    def test_several_targets(self, cls, weighted):
        """Row norms are no piecewise linear: a few percent of the risk."""
        X, y, weight = problem((60, 8), 3)
        weight = weight if weighted else None
        model = cls(cv="loo", alphas=5, eps=0.05, **TIGHT).fit(X, y, weight)
        settings = Settings(getattr(model, "l1_ratio_", 1.0))
        errors = left_out_errors(X, y, weight, model.alphas_, settings)
        expected = np.average(errors**2, axis=1, weights=weight).mean(axis=-1)
        np.testing.assert_allclose(-model.alpha_results_.mean_score[0], expected, rtol=0.06)
        assert model.alpha_ == model.alphas_[np.argmin(expected)]
        assert model.cv_predictions_.shape == y.shape

    @pytest.mark.parametrize("scoring", ["neg_mean_absolute_error", "r2"])
    @weights
    def test_scorer_of_all_left_out_predictions(self, scoring, weighted):
        X, y, weight = problem((30, 6))
        weight = weight if weighted else None
        model = LassoCV(cv="loo", scoring=scoring, **GRID).fit(X, y, weight)
        errors = left_out_errors(X, y, weight, model.alphas_)

        def score(y, predictions):
            if scoring == "r2":
                return r2_score(y, predictions, sample_weight=weight)
            return -mean_absolute_error(y, predictions, sample_weight=weight)

        expected = [score(y, y - some) for some in errors]
        np.testing.assert_allclose(model.alpha_results_.mean_score[0], expected, rtol=1e-6)
        assert model.alpha_ == model.alphas_[np.argmax(expected)]
        assert np.isnan(model.alpha_results_.se_score).all()
        assert not hasattr(model, "alpha_1se_")

    @pytest.mark.parametrize("convert", [np.asfortranarray, sparse.csr_array])
    @standards
    def test_storage(self, convert, standardize):
        X, y, weight = problem((20, 30))
        X = np.where(np.abs(X) < 0.5, 0.0, X)
        model = LassoCV(cv="loo", standardize=standardize, **GRID)
        expected = model.fit(X, y, weight).mse_path_
        found = model.fit(convert(X), y, weight).mse_path_
        np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)

    def test_rows_of_weight_zero_have_no_prediction(self):
        X, y, weight = problem((30, 6))
        weight[[3, 17]] = 0.0
        model = LassoCV(cv="loo", **GRID).fit(X, y, weight)
        assert model.mse_path_.shape == (8, 28)
        assert list(np.flatnonzero(np.isnan(model.cv_predictions_))) == [3, 17]
        kept = weight > 0
        other = LassoCV(cv="loo", **GRID).fit(X[kept], y[kept], weight[kept])
        np.testing.assert_array_equal(model.mse_path_, other.mse_path_)

    def test_two_rows_are_the_fewest(self):
        X, y, _ = problem((30, 6))
        assert LassoCV(cv="loo", **GRID).fit(X[:2], y[:2]).mse_path_.shape == (8, 2)
        with pytest.raises(ValueError, match="at least two rows"):
            LassoCV(cv="loo", **GRID).fit(X[:1], y[:1])


def explicit_df(X, weight, coef, l2, fit_intercept):
    """Trace of the hat matrix on the support, by its definition."""
    share = weight / weight.sum()
    A = X[:, coef != 0] - fit_intercept * (share @ X[:, coef != 0])
    hat = np.zeros((len(X), len(X)))
    if A.shape[1]:
        gram = A.T @ (share[:, None] * A) + l2 * np.eye(A.shape[1])
        hat = A @ np.linalg.solve(gram, A.T * share)
    return np.trace(hat) + np.trace(np.tile(share, (len(X), 1))) * fit_intercept


def formula(name, rss, df, n, n_features, size, variance=None, gamma=0.5):
    if name == "gcv":
        return n * rss / (n - df) ** 2
    deviance = n * np.log(rss / n) if variance is None else rss / variance
    extra = 2 * gamma * np.log(comb(n_features, size)) if name == "ebic" else 0.0
    return deviance + (2 if name == "aic" else np.log(n)) * df + extra


class TestCriteria:
    @pytest.mark.parametrize("name", CRITERIA)
    @pytest.mark.parametrize("variance", [None, 30.0], ids=["", "known"])
    @pytest.mark.parametrize("l1_ratio", [1.0, 0.4, 0.0])
    @weights
    @intercepts
    @standards
    def test_formulas(self, name, variance, l1_ratio, weighted, fit_intercept, standardize):
        X, y, weight = problem((40, 8))
        common = {"fit_intercept": fit_intercept, "standardize": standardize}
        model = ElasticNetCV(l1_ratio=l1_ratio, cv=name, noise_variance=variance)
        model.set_params(ebic_gamma=0.7, **common, **GRID)
        model.fit(X, y, weight if weighted else None)
        weight = weight if weighted else np.ones(40)
        n, coefs = weight.sum(), model.coef_path_.T
        rss = [
            weight @ (y - X @ coef - b) ** 2
            for coef, b in zip(coefs, model.intercept_path_, strict=True)
        ]
        scale = np.ones(8)
        if standardize:
            scale = np.sqrt(np.average((X - np.average(X, 0, weight)) ** 2, 0, weight))
        l2 = model.alphas_ * (1.0 - l1_ratio)
        df = np.array(
            [
                explicit_df(X / scale, weight, coef, some, fit_intercept)
                for coef, some in zip(coefs, l2, strict=True)
            ]
        )
        size = np.count_nonzero(coefs, axis=1)
        expected = formula(name, np.array(rss), df, n, 8, size, variance, 0.7)
        results = model.alpha_results_
        np.testing.assert_allclose(results.df[0], df, rtol=1e-9, atol=1e-9)
        np.testing.assert_array_equal(results.support_size[0], size)
        np.testing.assert_allclose(results.mean_score[0], -expected, rtol=1e-9)
        assert model.alpha_ == model.alphas_[np.argmin(expected)]
        assert np.isnan(results.se_score).all()
        assert not hasattr(model, "alpha_1se_")
        assert not hasattr(model, "mse_path_")
        assert not hasattr(model, "cv_predictions_")
        line = refit(X, y, weight, model.alpha_, Settings(l1_ratio, **common))
        np.testing.assert_allclose(model.coef_, line.coef, rtol=1e-6, atol=1e-8)

    @pytest.mark.parametrize("cls", [LassoCV, MultiTaskLassoCV, MultiTaskElasticNetCV])
    @pytest.mark.parametrize("name", CRITERIA)
    def test_weights_are_repetitions(self, cls, name):
        X, y, weight = problem((30, 6), None if cls is LassoCV else 2)
        often = np.repeat(np.arange(30), weight.astype(int))
        one = cls(cv=name, **GRID).fit(X, y, weight)
        other = cls(cv=name, **GRID).fit(X[often], y[often])
        for key in ("mean_score", "df"):
            np.testing.assert_allclose(
                one.alpha_results_[key], other.alpha_results_[key], rtol=1e-7
            )
        assert one.alpha_ == pytest.approx(other.alpha_, rel=1e-9)

    def test_multi_task_degrees_of_freedom_are_a_derivative(self):
        X, y, _ = problem((25, 6), 2)
        model = MultiTaskLassoCV(cv="gcv", alphas=4, eps=0.1, **TIGHT).fit(X, y)
        for t, alpha in enumerate(model.alphas_[1:], start=1):
            total = 0.0
            for i in range(25):
                for k in range(2):
                    near = [y.copy(), y.copy()]
                    near[0][i, k] += 1e-4
                    near[1][i, k] -= 1e-4
                    high, low = (refit(X, some, None, alpha).predict(X) for some in near)
                    total += (high - low)[i, k] / 2e-4
            assert model.alpha_results_.df[0, t] == pytest.approx(total, rel=1e-5)

    @pytest.mark.parametrize("name", CRITERIA)
    def test_interpolation_is_never_chosen(self, name):
        X, y, _ = problem((12, 40))
        model = LassoCV(cv=name, alphas=30, eps=1e-8, **TIGHT).fit(X, y)
        results = model.alpha_results_
        full = results.df[0] >= 12 - 1e-9
        assert full.any()
        assert np.all(results.mean_score[0][full] == -np.inf)
        assert np.isfinite(results.mean_score[0][~full]).all()
        assert not full[list(model.alphas_).index(model.alpha_)]

    def test_the_l1_ratio_is_chosen_too(self):
        X, y, _ = problem((40, 8))
        ratios = [0.1, 0.6, 1.0]
        model = ElasticNetCV(l1_ratio=ratios, cv="bic", **GRID).fit(X, y)
        alone = [ElasticNetCV(l1_ratio=r, cv="bic", **GRID).fit(X, y) for r in ratios]
        best = max(alone, key=lambda one: one.alpha_results_.mean_score.max())
        assert (model.l1_ratio_, model.alpha_) == (best.l1_ratio_, best.alpha_)
        np.testing.assert_array_equal(model.coef_, best.coef_)
        for row, one in enumerate(alone):
            np.testing.assert_allclose(
                model.alpha_results_.mean_score[row], one.alpha_results_.mean_score[0]
            )
