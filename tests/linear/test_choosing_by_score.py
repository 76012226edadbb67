"""Scorers, rules, weights of folds; what is refused, and what a failure leaves behind."""

import numpy as np
import pytest
from sklearn import config_context
from sklearn.metrics import make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, LeaveOneGroupOut

import skreg
from skreg import ElasticNetCV, LassoCV, MultiTaskElasticNetCV, MultiTaskLassoCV
from skreg.exceptions import InvalidParameter
from tests.linear.choosing import (
    TIGHT,
    Settings,
    make_problem,
    mean_square,
    refit,
    refitted_mse,
)

UNEQUAL = [
    (np.arange(25, 60), np.arange(25)),
    (np.r_[0:25, 32:60], np.arange(25, 32)),
    (np.arange(32), np.arange(32, 60)),
]
GRID = {"alphas": 12, "eps": 1e-3, **TIGHT}
CLASSES = [LassoCV, ElasticNetCV, MultiTaskLassoCV, MultiTaskElasticNetCV]
every_class = pytest.mark.parametrize("cls", CLASSES)


def data_for(cls, shape=(60, 8)):
    """So noisy that the best alpha is inside the grid."""
    return make_problem(shape, 2 if cls.__name__.startswith("Multi") else None, noise=15.0)


def worst_error(model, X, y):
    return -np.max(np.abs(y - model.predict(X)))


def absolute(model, X, y, sample_weight=None):
    return -mean_absolute_error(y, model.predict(X), sample_weight=sample_weight)


SCORERS = {
    "r2": "r2",
    "median": "neg_median_absolute_error",
    "absolute": "neg_mean_absolute_error",
    "made": make_scorer(mean_absolute_error, greater_is_better=False),
    "function": worst_error,
}


class TestScoring:
    @pytest.mark.parametrize("scoring", SCORERS.values(), ids=SCORERS)
    @pytest.mark.parametrize("shape", [(60, 8), (60, 150)], ids=["tall", "wide"])
    @pytest.mark.parametrize("cls", [LassoCV, MultiTaskLassoCV])
    def test_grid_search_gives_the_same_scores(self, cls, shape, scoring):
        X, y, _ = data_for(cls, shape)
        model = cls(scoring=scoring, cv=UNEQUAL, **GRID).fit(X, y)
        single = getattr(skreg, cls.__name__.removesuffix("CV"))(**TIGHT)
        grid = {"alpha": model.alphas_}
        search = GridSearchCV(single, grid, scoring=scoring, cv=UNEQUAL).fit(X, y)
        found, expected = model.alpha_results_, search.cv_results_
        np.testing.assert_allclose(
            found.mean_score[0], expected["mean_test_score"], rtol=1e-8
        )
        folds = [expected[f"split{k}_test_score"] for k in range(3)]
        np.testing.assert_allclose(found.fold_scores[0], np.transpose(folds), rtol=1e-8)
        assert model.alpha_ == search.best_params_["alpha"]

    def test_scores_do_not_change_the_squared_errors(self):
        X, y, _ = data_for(LassoCV)
        plain = LassoCV(cv=UNEQUAL, **GRID).fit(X, y)
        scored = LassoCV(cv=UNEQUAL, scoring="r2", **GRID).fit(X, y)
        np.testing.assert_allclose(scored.mse_path_, plain.mse_path_, rtol=1e-12)
        np.testing.assert_array_equal(plain.alpha_results_.fold_scores[0], -plain.mse_path_)

    def test_weights_reach_the_scorer(self):
        X, y, weight = data_for(LassoCV)
        model = LassoCV(cv=UNEQUAL, scoring=absolute, **GRID).fit(X, y, weight)
        expected = [
            [
                -mean_absolute_error(
                    y[test],
                    refit(X[train], y[train], weight[train], alpha).predict(X[test]),
                    sample_weight=weight[test],
                )
                for train, test in UNEQUAL
            ]
            for alpha in model.alphas_
        ]
        np.testing.assert_allclose(model.alpha_results_.fold_scores[0], expected, rtol=1e-7)

    def test_the_best_score_is_chosen_not_the_best_squared_error(self):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(cv=3, scoring=lambda m, X, y: -np.ptp(m.predict(X)), **GRID)
        model.fit(X, y)
        assert model.alpha_ == model.alphas_[0] == model.alpha_min_
        assert np.argmin(model.mse_path_.mean(axis=1)) > 0

    @pytest.mark.parametrize("cv", [3, "loo"])
    def test_nan_everywhere(self, cv):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(cv=cv, scoring=lambda m, X, y: np.nan)
        with pytest.raises(ValueError, match=r"scoring gave NaN at every alpha"):
            model.fit(X, y)
        assert not hasattr(model, "coef_")
        assert not hasattr(model, "n_features_in_")

    @pytest.mark.parametrize("cv", [3, "loo"])
    @pytest.mark.parametrize("relaxed", [False, True])
    def test_nan_somewhere_warns_once_and_is_not_chosen(self, cv, relaxed):
        X, y, _ = data_for(LassoCV)

        def score(model, X, y):
            spread = np.ptp(model.predict(X))
            return np.nan if spread < 0.05 * np.ptp(y) else -spread

        if cv == "loo" and relaxed:
            pytest.skip("refused")
        model = LassoCV(cv=cv, scoring=score, relaxed=relaxed, **GRID)
        with pytest.warns(UserWarning, match="scoring gave NaN at") as caught:
            model.fit(X, y)
        assert len(caught) == 1
        mean = model.alpha_results_.mean_score
        bad = np.isnan(mean).reshape(12, -1)
        assert bad[0, 0]
        t = list(model.alphas_).index(model.alpha_)
        m = list(model.alpha_results_.mixing).index(model.mixing_) if relaxed else 0
        assert mean.reshape(12, -1)[t, m] == np.nanmax(mean)


class TestRules:
    @every_class
    @pytest.mark.parametrize("weighting", ["equal", "size"])
    @pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
    def test_formulas(self, cls, weighting, weighted):
        X, y, weight = data_for(cls)
        weight = weight if weighted else None
        model = cls(cv=UNEQUAL, fold_weighting=weighting, rule="1se", **GRID)
        model.fit(X, y, weight)
        mse = model.mse_path_
        share = np.full(3, 1 / 3)
        if weighting == "size":
            sizes = [len(k) if weight is None else weight[k].sum() for _, k in UNEQUAL]
            share = np.array(sizes) / np.sum(sizes)
        mean = mse @ share
        se = np.sqrt((mse - mean[:, None]) ** 2 @ share / (3 - 1))
        if weighting == "equal":
            np.testing.assert_allclose(se, mse.std(axis=1, ddof=1) / np.sqrt(3))
        found = model.alpha_results_
        np.testing.assert_allclose(found.mean_score[0], -mean, rtol=1e-12)
        np.testing.assert_allclose(found.se_score[0], se, rtol=1e-10)
        np.testing.assert_allclose(found.std_score[0], se * np.sqrt(3), rtol=1e-10)
        best = np.argmin(mean)
        near = np.flatnonzero(mean <= mean[best] + se[best])
        assert model.alpha_min_ == model.alphas_[best]
        assert model.alpha_1se_ == model.alphas_[near[0]] == model.alpha_
        assert near[0] < best
        by_min = cls(cv=UNEQUAL, fold_weighting=weighting, **GRID).fit(X, y, weight)
        assert by_min.alpha_ == by_min.alpha_min_ == model.alpha_min_
        assert by_min.alpha_1se_ == model.alpha_1se_

    def test_sizes_matter(self):
        X, y, _ = data_for(LassoCV)
        one, other = (
            LassoCV(cv=UNEQUAL, fold_weighting=w, **GRID).fit(X, y)
            for w in ("equal", "size")
        )
        ratio = one.alpha_results_.mean_score / other.alpha_results_.mean_score
        assert np.abs(ratio - 1.0).max() > 0.01

    def test_one_standard_error_stays_within_the_best_l1_ratio(self):
        X, y, _ = data_for(ElasticNetCV)
        model = ElasticNetCV(l1_ratio=[0.1, 0.5, 1.0], cv=4, rule="1se", **GRID).fit(X, y)
        mean = model.alpha_results_.mean_score
        i, t = np.unravel_index(np.argmax(mean), mean.shape)
        assert model.l1_ratio_ == [0.1, 0.5, 1.0][i]
        limit = mean[i, t] - model.alpha_results_.se_score[i, t]
        assert model.alpha_ == model.alphas_[i][mean[i] >= limit].max() > model.alpha_min_
        assert np.any(mean[np.arange(3) != i] >= limit)  # others would have qualified

    @pytest.mark.parametrize("relaxed", [False, True])
    def test_a_callable_sees_the_results_and_its_choice_is_fitted(self, relaxed):
        X, y, _ = data_for(ElasticNetCV)
        seen, place = [], (1, 3, 2) if relaxed else (1, 3)

        def rule(results):
            seen.append(results)
            return place

        model = ElasticNetCV(
            l1_ratio=[0.2, 0.7], cv=3, rule=rule, relaxed=relaxed, **GRID
        ).fit(X, y)
        (results,) = seen
        assert results.mean_score.shape == ((2, 12, 5) if relaxed else (2, 12))
        assert results is model.alpha_results_
        assert (model.l1_ratio_, model.alpha_) == (0.7, model.alphas_[1, 3])
        if relaxed:
            assert model.mixing_ == 0.5
        else:
            line = refit(X, y, None, model.alpha_, Settings(l1_ratio=0.7))
            np.testing.assert_allclose(model.coef_, line.coef, atol=1e-8)

    @pytest.mark.parametrize("index", [-1, 12, None, 2.0, (0, 0, 0), (1, 0), True, "min"])
    def test_a_callable_that_returns_no_index(self, index):
        X, y, _ = data_for(LassoCV)
        model = LassoCV(cv=3, **GRID).fit(X, y)
        before = dict(vars(model))
        model.set_params(rule=lambda results: index)
        with pytest.raises(
            ValueError, match=r"rule=.* returned .*; expected an int below 12"
        ):
            model.fit(X, y)
        assert {**before, "rule": model.rule} == vars(model)


REFUSED = {
    "1se of a criterion": ({"cv": "bic", "rule": "1se"}, ["rule=", "cv="]),
    "1se of scored rows": (
        {"cv": "loo", "rule": "1se", "scoring": "r2"},
        ["rule=", "scoring=", "cv="],
    ),
    "scored criterion": ({"cv": "gcv", "scoring": "r2"}, ["scoring=", "cv="]),
    "relaxed rows": ({"cv": "loo", "relaxed": True}, ["relaxed", "cv="]),
    "relaxed criterion": ({"cv": "aic", "relaxed": [0.5]}, ["relaxed", "cv="]),
    "unknown cv": ({"cv": "LOO"}, ["'cv' parameter"]),
    "one fold": ({"cv": 1}, ["'cv' parameter"]),
    "unknown rule": ({"rule": "2se"}, ["'rule' parameter"]),
    "unknown weighting": ({"fold_weighting": "rows"}, ["'fold_weighting' parameter"]),
    "unknown scorer": ({"scoring": "r3"}, ["'scoring' parameter"]),
    "no share": ({"relaxed": []}, ["'relaxed' parameter"]),
    "share above one": ({"relaxed": [0.5, 1.1]}, ["'relaxed' parameter"]),
    "share below zero": ({"relaxed": (-0.1,)}, ["'relaxed' parameter"]),
    "share that is no number": ({"relaxed": ["1"]}, ["'relaxed' parameter"]),
    "share that is a bool": ({"relaxed": [True, False]}, ["'relaxed' parameter"]),
    "missing share": ({"relaxed": [np.nan]}, ["'relaxed' parameter"]),
    "shares in rows": ({"relaxed": [[0.5, 1.0]]}, ["'relaxed' parameter"]),
    "one share": ({"relaxed": 0.5}, ["'relaxed' parameter"]),
    "saturation of nothing": ({"saturation": 0.0}, ["'saturation' parameter"]),
    "saturation above one": ({"saturation": 1.01}, ["'saturation' parameter"]),
    "no noise": ({"cv": "aic", "noise_variance": 0.0}, ["'noise_variance' parameter"]),
    "infinite noise": ({"noise_variance": np.inf}, ["'noise_variance' parameter"]),
    "negative gamma": ({"cv": "ebic", "ebic_gamma": -0.5}, ["'ebic_gamma' parameter"]),
    "standardize": ({"standardize": "yes"}, ["'standardize' parameter"]),
}


IMPOSSIBLE = {
    "empty test": ({"cv": [(np.arange(60), [])]}, "0 test rows"),
    "empty train": ({"cv": [([], np.arange(60))]}, "0 training"),
    "empty mask": ({"cv": [(np.zeros(60, bool), np.ones(60, bool))]}, "0 training"),
    "no folds": ({"cv": iter([])}, "no folds"),
    "too many folds": ({"cv": KFold(61)}, "n_splits=61"),
    "groups that are missing": ({"cv": LeaveOneGroupOut()}, "groups"),
    "index beyond": ({"cv": [(np.arange(50), [60])]}, "the index 60"),
    "index far below": ({"cv": [([-61, 5], [3])]}, "the index -61"),
    "one row": ({"cv": [(0, 1)]}, r"cv contains"),
}


class TestFailures:
    @every_class
    @pytest.mark.parametrize("given", REFUSED.values(), ids=REFUSED)
    def test_refused_before_any_work(self, cls, given):
        settings, words = given
        with pytest.raises(InvalidParameter) as caught:
            cls(**settings).fit(None, None)
        assert all(word in str(caught.value) for word in words), str(caught.value)

    @every_class
    @pytest.mark.parametrize("given", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
    @pytest.mark.parametrize("fitted", [False, True], ids=["fresh", "fitted"])
    def test_impossible_folds_leave_nothing_half_fitted(self, cls, given, fitted):
        X, y, _ = data_for(cls)
        model = cls(cv=3, relaxed=True, **GRID)
        if fitted:
            model.fit(X, y)
        settings, text = given
        model.set_params(relaxed=False, **settings)
        before = dict(vars(model))
        with pytest.raises(ValueError, match=text):
            model.fit(X[:, :5], 2.0 * y)
        assert before.keys() == vars(model).keys()
        assert all(before[name] is value for name, value in vars(model).items())

    @every_class
    def test_groups_that_cannot_be_split(self, cls):
        X, y, _ = data_for(cls)
        with config_context(enable_metadata_routing=True):
            model = cls(cv=GroupKFold(3))
            with pytest.raises(ValueError, match=r"splits.*number of groups"):
                model.fit(X, y, groups=np.zeros(60, dtype=int))
            model = cls(cv=LeaveOneGroupOut())
            with pytest.raises(ValueError, match=r"groups"):
                model.fit(X, y, groups=np.zeros(60, dtype=int))
        assert not hasattr(model, "coef_")


@every_class
@pytest.mark.parametrize("shape", [(60, 8), (60, 150)], ids=["tall", "wide"])
def test_groups_through_metadata_routing(cls, shape):
    X, y, weight = data_for(cls, shape)
    groups = np.random.default_rng(3).integers(0, 7, 60)
    with config_context(enable_metadata_routing=True):
        settings = {**GRID, "alphas": 5, "eps": 0.1, "standardize": True}
        model = cls(cv=GroupKFold(3), **settings).set_fit_request(sample_weight=True)
        model.fit(X, y, groups=groups, sample_weight=weight)
    folds = list(GroupKFold(3).split(X, y, groups))
    settings = Settings(getattr(model, "l1_ratio_", 1.0), standardize=True)
    expected = refitted_mse(X, y, weight, model.alphas_, folds, settings)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-8)


def test_mean_square_of_the_judge():
    """Weighted over the rows, not over the targets."""
    y = np.array([[1.0, 2.0], [3.0, 5.0]])
    assert mean_square(y, np.zeros((2, 2)), [1.0, 3.0]) == (28.0 / 4 + 79.0 / 4) / 2
