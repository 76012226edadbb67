"""Relaxed refits, saturation, what a fit keeps, and prediction at any alpha."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import KFold, RepeatedKFold, cross_val_predict

import skreg
from skreg import ElasticNetCV, LassoCV, MultiTaskElasticNetCV, MultiTaskLassoCV
from skreg.paths import alpha_search
from skreg.paths.fitted_path import fit_sample
from tests.linear.choosing import (
    TIGHT,
    Settings,
    make_problem,
    mean_square,
    refit,
    relaxed_refit,
    some,
)

CV = KFold(4, shuffle=True, random_state=2)
GRID = {"alphas": 9, "eps": 0.01, "cv": CV, **TIGHT}
MIXINGS = np.array([1.0, 0.75, 0.5, 0.25, 0.0])
SHAPES = {"tall": (60, 8), "wide": (40, 100)}
CLASSES = [LassoCV, ElasticNetCV, MultiTaskLassoCV, MultiTaskElasticNetCV]
both_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
every_class = pytest.mark.parametrize("cls", CLASSES)
weights = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


def data_for(cls, shape=(60, 8), noise=6.0):
    n_targets = 2 if cls.__name__.startswith("Multi") else None
    return make_problem(shape, n_targets, noise=noise)


def blended_mse(X, y, weight, alphas, mixings, settings):
    """Errors of shape (n_alphas, n_mixings, n_folds) by explicit refits."""
    mse = np.empty((len(alphas), len(mixings), 4))
    for k, (train, test) in enumerate(CV.split(X)):
        known = X[train], y[train], some(weight, train)
        for t, alpha in enumerate(alphas):
            path = refit(*known, alpha, settings)
            free = relaxed_refit(*known, path.coef != 0, settings)
            ends = free.predict(X[test]), path.predict(X[test])
            for m, mixing in enumerate(mixings):
                blend = mixing * ends[1] + (1.0 - mixing) * ends[0]
                mse[t, m, k] = mean_square(y[test], blend, some(weight, test))
    return mse


class TestRelaxed:
    @both_shapes
    @weights
    @pytest.mark.parametrize("positive", [False, True], ids=["", "positive"])
    @pytest.mark.parametrize("standardize", [False, True], ids=["", "standardized"])
    @pytest.mark.parametrize("fit_intercept", [True, False], ids=["", "no b"])
    def test_blends(self, shape, weighted, positive, standardize, fit_intercept):
        X, y, weight = data_for(LassoCV, shape)
        weight = weight if weighted else None
        given = {
            "fit_intercept": fit_intercept,
            "standardize": standardize,
            "positive": positive,
        }
        model = LassoCV(relaxed=True, **given, **GRID).fit(X, y, weight)
        settings = Settings(1.0, **given)
        expected = blended_mse(X, y, weight, model.alphas_, MIXINGS, settings)
        results = model.alpha_results_
        np.testing.assert_array_equal(results.mixing, MIXINGS)
        np.testing.assert_allclose(results.fold_scores[0], -expected, rtol=1e-6)
        mean = expected.mean(axis=-1)
        np.testing.assert_allclose(results.mean_score[0], -mean, rtol=1e-6)
        t, m = np.unravel_index(np.argmin(mean), mean.shape)
        assert (model.alpha_, model.mixing_) == (model.alphas_[t], MIXINGS[m])
        np.testing.assert_allclose(model.mse_path_, expected[:, m], rtol=1e-6)
        path = refit(X, y, weight, model.alpha_, settings)
        free = relaxed_refit(X, y, weight, path.coef != 0, settings)
        blend = model.mixing_ * path.coef + (1.0 - model.mixing_) * free.coef
        np.testing.assert_allclose(model.coef_, blend, rtol=1e-6, atol=1e-8)
        if positive:
            assert model.coef_.min() >= 0.0
            assert model.coef_path_.min() >= 0.0
            assert results.support_size.max() > 1
        np.testing.assert_allclose(model.coef_path_[:, t], model.coef_, rtol=1e-9)

    def test_refits_are_linear_regressions(self):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(relaxed=[0.0], **GRID).fit(X, y)
        assert model.mixing_ == 0.0
        for coef in model.coef_path_.T[1:]:
            support = coef != 0
            plain = LinearRegression().fit(X[:, support], y)
            np.testing.assert_allclose(coef[support], plain.coef_, rtol=1e-7)

    @pytest.mark.parametrize("relaxed", [[0.3], (1.0, 0.0), np.array([0.2, 0.9, 0.2])])
    def test_shares_of_ones_own(self, relaxed):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(relaxed=relaxed, **GRID).fit(X, y)
        results = model.alpha_results_
        shape = (1, 9) if len(relaxed) == 1 else (1, 9, len(relaxed))
        assert results.mean_score.shape == results.se_score.shape == shape
        assert model.mixing_ in relaxed
        expected = blended_mse(X, y, None, model.alphas_, relaxed, Settings())
        found = results.fold_scores.reshape(9, len(relaxed), 4)
        np.testing.assert_allclose(found, -expected, rtol=1e-6)

    def test_numpy_booleans(self):
        X, y, _ = data_for(LassoCV)
        assert hasattr(LassoCV(relaxed=np.True_, **GRID).fit(X, y), "mixing_")
        assert not hasattr(LassoCV(relaxed=np.False_, **GRID).fit(X, y), "mixing_")

    def test_share_one_is_the_plain_path(self):
        X, y, weight = data_for(LassoCV)
        plain = LassoCV(**GRID).fit(X, y, weight)
        relaxed = LassoCV(relaxed=[1.0], **GRID).fit(X, y, weight)
        for name in ("mse_path_", "coef_", "coef_path_", "cv_predictions_", "alpha_"):
            np.testing.assert_array_equal(getattr(plain, name), getattr(relaxed, name))

    @pytest.mark.parametrize("cls", CLASSES[1:])
    @both_shapes
    def test_rule_and_predictions(self, cls, shape):
        X, y, _ = data_for(cls, shape)
        model = cls(relaxed=True, rule="1se", **GRID).fit(X, y)
        mean, se = model.alpha_results_.mean_score[0], model.alpha_results_.se_score[0]
        t, m = np.unravel_index(np.argmax(mean), mean.shape)
        near = np.flatnonzero(mean[:, m] >= mean[t, m] - se[t, m])
        assert model.alpha_ == model.alphas_[near[0]] == model.alpha_1se_
        assert model.mixing_ == MIXINGS[m]
        squares = (model.cv_predictions_ - y) ** 2
        folds = [squares[test].mean() for _, test in CV.split(X)]
        np.testing.assert_allclose(folds, model.mse_path_[near[0]], rtol=1e-8)

    @weights
    @pytest.mark.parametrize("fit_intercept", [True, False], ids=["", "no b"])
    def test_blends_of_several_targets(self, weighted, fit_intercept):
        """A target is refitted on the features of all."""
        X, y, weight = data_for(MultiTaskLassoCV)
        weight, settings = weight if weighted else None, Settings(1.0, fit_intercept)
        model = MultiTaskLassoCV(relaxed=[0.4], fit_intercept=fit_intercept, **GRID)
        model.fit(X, y, weight)
        for k, (train, test) in enumerate(CV.split(X)):
            rest = some(weight, train)
            for t, alpha in enumerate(model.alphas_):
                path = refit(X[train], y[train], rest, alpha, settings)
                support, blend = path.coef.any(axis=0), 0.4 * path.predict(X[test])
                for j in range(2):
                    free = relaxed_refit(X[train], y[train, j], rest, support, settings)
                    blend[:, j] += 0.6 * free.predict(X[test])
                expected = mean_square(y[test], blend, some(weight, test))
                assert model.mse_path_[t, k] == pytest.approx(expected, rel=1e-8)

    def test_duplicate_columns_share(self):
        X, y, _ = data_for(LassoCV)
        both = np.column_stack([X, X[:, 0]])
        one = LassoCV(relaxed=True, **GRID).fit(X, y)
        two = LassoCV(relaxed=True, **GRID).fit(both, y)
        np.testing.assert_allclose(one.mse_path_, two.mse_path_, rtol=1e-7)


class TestSaturation:
    @both_shapes
    @weights
    @pytest.mark.parametrize("saturation", [0.5, 0.9])
    def test_the_grid_ends_at_the_first_that_reaches_it(self, shape, weighted, saturation):
        X, y, weight = data_for(LassoCV, shape, noise=2.0)
        weight = weight if weighted else None
        grid = {**GRID, "alphas": 30, "eps": 1e-4}
        whole = LassoCV(**grid).fit(X, y, weight)
        model = LassoCV(saturation=saturation, **grid).fit(X, y, weight)
        fitted = X @ whole.coef_path_ + whole.intercept_path_
        rss = np.average((y[:, None] - fitted) ** 2, axis=0, weights=weight)
        share = 1.0 - rss / rss[0]
        end = int(np.argmax(share >= saturation)) + 1
        assert 1 < end < 30
        np.testing.assert_array_equal(model.alphas_, whole.alphas_[:end])
        np.testing.assert_allclose(model.mse_path_, whole.mse_path_[:end], rtol=1e-12)
        np.testing.assert_array_equal(model.coef_path_, whole.coef_path_[:, :end])
        assert model.intercept_path_.shape == (end,)
        assert {v.shape[1] for k, v in model.alpha_results_.items() if k != "mixing"} == {
            end
        }
        assert model.alpha_ == model.alphas_[np.argmin(model.mse_path_.mean(axis=1))]

    def test_it_needs_every_l1_ratio(self):
        X, y, _ = data_for(ElasticNetCV)
        grid = {**GRID, "alphas": 30, "eps": 1e-4, "saturation": 0.8}
        ratios = [0.2, 1.0]
        alone = [ElasticNetCV(l1_ratio=r, **grid).fit(X, y) for r in ratios]
        model = ElasticNetCV(l1_ratio=ratios, **grid).fit(X, y)
        assert model.alphas_.shape == (2, max(len(one.alphas_) for one in alone))

    def test_what_is_never_reached_cuts_nothing(self):
        X, y, _ = data_for(LassoCV)
        assert LassoCV(saturation=1.0, **GRID).fit(X, y).alphas_.shape == (9,)

    def test_given_alphas_and_criteria(self):
        X, y, _ = data_for(LassoCV)
        alphas = LassoCV(**GRID).fit(X, y).alphas_
        model = LassoCV(alphas=alphas[::-1], cv="bic", saturation=0.5).fit(X, y)
        assert len(model.alphas_) < 9
        np.testing.assert_array_equal(model.alphas_, alphas[: len(model.alphas_)])


class TestKept:
    @pytest.mark.parametrize("setting", [{}, {"rule": "1se"}, {"standardize": True}])
    def test_other_l1_ratios_are_solved_on_all_rows_when_asked_for(
        self, setting, monkeypatch
    ):
        X, y, _ = data_for(ElasticNetCV)
        solved = []

        def watched(solver, sample, penalty, alphas, **known):
            solved.append(penalty.l1_ratio)
            return fit_sample(solver, sample, penalty, alphas, **known)

        monkeypatch.setattr(alpha_search, "fit_sample", watched)
        given = {**GRID, **setting}
        model = ElasticNetCV(l1_ratio=[0.1, 0.5, 1.0], **given).fit(X, y)
        assert solved == [model.l1_ratio_]
        for i, ratio in enumerate([0.1, 0.5, 1.0]):
            alone = ElasticNetCV(l1_ratio=ratio, **given).fit(X, y)
            for key in ("support_size", "df"):
                expected = alone.alpha_results_[key][0]
                np.testing.assert_allclose(model.alpha_results_[key][i], expected)

    @every_class
    @both_shapes
    @pytest.mark.parametrize("n_ratios", [1, 2])
    def test_shapes(self, cls, shape, n_ratios):
        X, y, _ = data_for(cls, shape)
        kind = {"l1_ratio": [0.3, 0.9][:n_ratios]} if "Elastic" in cls.__name__ else {}
        n_ratios = len(kind.get("l1_ratio", [1]))
        model = cls(**kind, **GRID).fit(X, y)
        results = model.alpha_results_
        for key in ("alpha", "l1_ratio", "mean_score", "std_score", "se_score", "df"):
            assert results[key].shape == (n_ratios, 9), key
        assert results.support_size.shape == (n_ratios, 9)
        assert results.fold_scores.shape == (n_ratios, 9, 4)
        targets = y.shape[1:]
        assert model.coef_path_.shape == (*targets, shape[1], 9)
        assert model.intercept_path_.shape == (*targets, 9)
        assert model.cv_predictions_.shape == y.shape
        grid = np.atleast_2d(model.alphas_)
        np.testing.assert_array_equal(results.alpha, grid)
        i = kind.get("l1_ratio", [1]).index(getattr(model, "l1_ratio_", 1))
        t = list(grid[i]).index(model.alpha_)
        np.testing.assert_allclose(model.coef_path_[..., t], model.coef_, rtol=1e-10)
        np.testing.assert_allclose(model.intercept_path_[..., t], model.intercept_)
        used = np.any(model.coef_path_.reshape(-1, shape[1], 9) != 0, axis=0)
        np.testing.assert_array_equal(results.support_size[i], used.sum(axis=0))

    @every_class
    @both_shapes
    def test_every_solution_of_the_path(self, cls, shape):
        X, y, weight = data_for(cls, shape)
        model = cls(standardize=True, **GRID).fit(X, y, weight)
        settings = Settings(getattr(model, "l1_ratio_", 1.0), standardize=True)
        for t, alpha in enumerate(model.alphas_):
            line = refit(X, y, weight, alpha, settings)
            np.testing.assert_allclose(model.coef_path_[..., t], line.coef, atol=1e-6)
            np.testing.assert_allclose(
                model.intercept_path_[..., t], line.intercept, rtol=1e-6, atol=1e-6
            )

    @every_class
    @both_shapes
    @pytest.mark.parametrize("many", [False, True], ids=["", "40 folds"])
    def test_out_of_fold_predictions(self, cls, shape, many):
        X, y, _ = data_for(cls, shape)
        cv = KFold(40, shuffle=True, random_state=0) if many else CV
        model = cls(**{**GRID, "cv": cv, "alphas": 4}).fit(X, y)
        single = getattr(skreg, cls.__name__.removesuffix("CV"))(model.alpha_, **TIGHT)
        expected = cross_val_predict(single, X, y, cv=cv)
        np.testing.assert_allclose(model.cv_predictions_, expected, rtol=1e-6, atol=1e-8)

    @both_shapes
    def test_repeated_folds_are_averaged(self, shape):
        X, y, _ = data_for(LassoCV, shape)
        cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
        model = LassoCV(**{**GRID, "cv": cv}).fit(X, y)
        single, folds = skreg.Lasso(model.alpha_, **TIGHT), list(cv.split(X))
        each = [cross_val_predict(single, X, y, cv=f) for f in (folds[:3], folds[3:])]
        np.testing.assert_allclose(model.cv_predictions_, np.mean(each, axis=0), rtol=1e-6)

    @every_class
    def test_rows_of_weight_zero_have_no_prediction(self, cls):
        X, y, weight = data_for(cls)
        weight[[5, 20]] = 0.0
        model = cls(**GRID).fit(X, y, weight)
        lost = np.isnan(model.cv_predictions_).reshape(60, -1)
        assert list(np.flatnonzero(lost.all(axis=1))) == [5, 20]
        assert lost.sum() == 2 * lost.shape[1]

    @every_class
    def test_float32(self, cls):
        X, y, _ = data_for(cls)
        model = cls(relaxed=True, **GRID).fit(X.astype(np.float32), y)
        for name in ("coef_", "coef_path_", "intercept_path_", "cv_predictions_"):
            assert getattr(model, name).dtype == np.float32, name
        assert (
            model.predict(X.astype(np.float32), alpha=model.alphas_[3]).dtype == np.float32
        )


class TestPredictAtAnyAlpha:
    @every_class
    @pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
    def test_at_grid_points(self, cls, convert):
        X, y, weight = data_for(cls)
        model = cls(**GRID).fit(X, y, weight)
        for t, alpha in enumerate(model.alphas_):
            expected = X @ model.coef_path_[..., t].T + model.intercept_path_[..., t]
            found = model.predict(convert(X), alpha=alpha)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        chosen = model.predict(X, alpha=model.alpha_)
        np.testing.assert_allclose(model.predict(X), chosen, rtol=1e-9)

    def test_exact_while_the_support_is_the_same(self):
        X, y, weight = data_for(LassoCV)
        model = LassoCV(**{**GRID, "alphas": 200}).fit(X, y, weight)
        signs = np.sign(model.coef_path_.T)
        same = np.flatnonzero(np.all(signs[:-1] == signs[1:], axis=1))
        assert len(same) > 100
        for t in same[::20]:
            alpha = 0.3 * model.alphas_[t] + 0.7 * model.alphas_[t + 1]
            line = refit(X, y, weight, alpha)
            found = model.predict(X, alpha=alpha)
            np.testing.assert_allclose(found, line.predict(X), rtol=1e-8, atol=1e-8)

    def test_above_all_alphas_nothing_is_left(self):
        X, y, weight = data_for(LassoCV)
        model = LassoCV(**GRID).fit(X, y, weight)
        expected = np.full(60, np.average(y, weights=weight))
        np.testing.assert_allclose(model.predict(X, alpha=1e9), expected, rtol=1e-12)

    @pytest.mark.parametrize("alpha", [0.0, np.nan, -1.0])
    def test_below_the_grid(self, alpha):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(**GRID).fit(X, y)
        with pytest.raises(ValueError, match="alpha"):
            model.predict(X, alpha=alpha)
        with pytest.raises(ValueError, match="wider grid"):
            model.predict(X, alpha=0.999 * model.alphas_[-1])

    def test_above_a_grid_that_does_not_reach_zero(self):
        X, y, _ = data_for(LassoCV)
        grid = {**GRID, "alphas": [0.2, 0.1]}
        model = LassoCV(**grid).fit(X, y)
        with pytest.raises(ValueError, match="wider grid"):
            model.predict(X, alpha=0.3)
        assert np.isfinite(model.predict(X, alpha=0.15)).all()

    @pytest.mark.parametrize("alpha", ["0.1", [0.1], None])
    def test_what_is_no_number(self, alpha):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(**GRID).fit(X, y)
        if alpha is None:
            np.testing.assert_array_equal(model.predict(X, alpha=None), model.predict(X))
            return
        with pytest.raises(TypeError, match="alpha"):
            model.predict(X, alpha=alpha)

    def test_the_path_is_that_of_the_chosen_l1_ratio(self):
        X, y, _ = data_for(ElasticNetCV)
        model = ElasticNetCV(l1_ratio=[0.1, 0.9], **GRID).fit(X, y)
        i = [0.1, 0.9].index(model.l1_ratio_)
        assert not np.allclose(*model.alphas_)
        for t in (2, 6):
            alpha = model.alphas_[i, t]
            line = refit(X, y, None, alpha, Settings(model.l1_ratio_))
            found = model.predict(X, alpha=alpha)
            np.testing.assert_allclose(found, line.predict(X), rtol=1e-6)

    def test_unsorted_and_repeated_alphas(self):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(**{**GRID, "alphas": [0.5, 2.0, 0.5, 1.0]}).fit(X, y)
        line = refit(X, y, None, 0.5)
        np.testing.assert_allclose(model.predict(X, alpha=0.5), line.predict(X), rtol=1e-7)

    def test_models_of_several_paths_say_so(self):
        X, y, _ = make_problem((60, 8), 2)
        model = LassoCV(alpha_per_target=True, **GRID).fit(X, y)
        with pytest.raises(ValueError, match="alpha_per_target"):
            model.predict(X, alpha=1.0)
