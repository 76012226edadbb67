"""RidgeCV on folds: what fitting every fold at every alpha gives."""

import joblib
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import UndefinedMetricWarning
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.metrics import make_scorer, max_error, r2_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import Ridge, RidgeCV
from skreg._solvers import fold_moments, spectrum
from skreg._solvers import ridge as ridge_module
from skreg.paths import ridge_fold_curve
from tests.linear.problems import PROBLEMS, gaussian

ALPHAS = np.array([1.0, 1e-3, 50.0, 0.1, 1.0])


def by_hand(X, y, weight, folds, fit_intercept=True, alphas=ALPHAS, standardize=False):
    """(R2, mean squared errors), shape (n_alphas, n_folds), and predictions of
    (n_alphas, n_samples) of scikit-learn's exact solver.
    """
    weight = np.ones(len(y)) if weight is None else weight
    scores, errors = np.empty((2, len(alphas), len(folds)))
    predictions = np.full((len(alphas), len(y)), np.nan)
    for a, alpha in enumerate(alphas):
        for k, (train, test) in enumerate(folds):
            A, B = X[train], X[test]
            if standardize:
                scaler = StandardScaler(with_mean=False)
                A = scaler.fit_transform(A, sample_weight=weight[train])
                B = scaler.transform(B)
            model = SklearnRidge(alpha, solver="svd", fit_intercept=fit_intercept)
            found = model.fit(A, y[train], weight[train]).predict(B)
            scores[a, k] = r2_score(y[test], found, sample_weight=weight[test])
            errors[a, k] = np.average((y[test] - found) ** 2, weights=weight[test])
            predictions[a, test] = found
    return scores, errors, predictions


def assert_folds(model, X, y, weight, folds, rtol=1e-8, **how):
    """Scores, errors, choice and predictions are those of refits."""
    alphas = model.alphas_
    scores, errors, predictions = by_hand(X, y, weight, folds, alphas=alphas, **how)
    results = model.alpha_results_
    np.testing.assert_allclose(results.fold_scores[0], scores, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(model.mse_path_, errors, rtol=rtol)
    mean = scores.mean(axis=1)
    np.testing.assert_allclose(results.mean_score[0], mean, rtol=rtol, atol=rtol)
    std = scores.std(axis=1, ddof=1)
    np.testing.assert_allclose(results.std_score[0], std, rtol=1e-6, atol=rtol)
    se = std / np.sqrt(len(folds))
    np.testing.assert_allclose(results.se_score[0], se, rtol=1e-6, atol=rtol)
    best = np.argmax(mean)
    assert model.alpha_ == model.alpha_min_ == alphas[best]
    assert model.best_score_ == pytest.approx(mean[best], rel=rtol)
    scale = np.abs(y).max()
    np.testing.assert_allclose(
        model.cv_predictions_, predictions[best], rtol=rtol, atol=rtol * scale
    )


SPLITTERS = {
    "5": KFold(5),
    "shuffled": KFold(4, shuffle=True, random_state=0),
    "2": KFold(2),
    "overlapping": ShuffleSplit(3, random_state=1),
    "incomplete": PredefinedSplit(np.repeat([-1, 0, 1], 20)),
}


@pytest.mark.parametrize("cv", SPLITTERS.values(), ids=SPLITTERS)
@pytest.mark.parametrize("name", ["tall", "weighted", "constant_columns", "correlated"])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_tall(name, cv, fit_intercept):
    X, y, weight, _ = PROBLEMS[name]()
    X, y = X[:60], y[:60]
    if isinstance(cv, PredefinedSplit) and len(y) < 60:
        cv = PredefinedSplit(np.arange(len(y)) % 3 - 1)
    model = RidgeCV(ALPHAS, cv=cv, fit_intercept=fit_intercept).fit(X, y, weight)
    folds = list(cv.split(X))
    scores, errors, predictions = by_hand(X, y, weight, folds, fit_intercept)
    if isinstance(cv, ShuffleSplit):  # a row may be held out twice
        np.testing.assert_allclose(model.mse_path_, errors, rtol=1e-8)
        assert model.alpha_ == ALPHAS[np.argmax(scores.mean(axis=1))]
    else:
        assert_folds(model, X, y, weight, folds, fit_intercept=fit_intercept)
        assert np.isnan(predictions[0]).any() == isinstance(cv, PredefinedSplit)


@pytest.mark.parametrize("cv", [KFold(5), KFold(2), ShuffleSplit(3, random_state=1)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_wide(cv, weighted, fit_intercept, convert):
    X, y, *_ = PROBLEMS["sparse_wide"]()
    X = X.toarray()
    weight = np.random.default_rng(3).uniform(0.2, 3, len(y)) if weighted else None
    model = RidgeCV(ALPHAS, cv=cv, fit_intercept=fit_intercept)
    model.fit(convert(X), y, weight)
    scores, errors, _ = by_hand(X, y, weight, list(cv.split(X)), fit_intercept)
    np.testing.assert_allclose(model.mse_path_, errors, rtol=1e-8)
    np.testing.assert_allclose(model.alpha_results_.fold_scores[0], scores, rtol=1e-8)


@pytest.mark.parametrize("name", ["sparse_tall", "sparse_weighted"])
@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_array])
def test_sparse(name, convert):
    X, y, weight, _ = PROBLEMS[name]()
    kept = np.ones(len(y), bool) if weight is None else weight > 0
    X, y, weight = X.toarray()[kept], y[kept], None if weight is None else weight[kept]
    model = RidgeCV(ALPHAS, cv=KFold(5)).fit(convert(X), y, weight)
    assert_folds(model, X, y, weight, list(KFold(5).split(X)))


def krylov(monkeypatch):
    monkeypatch.setattr(ridge_module, "DIRECT_MAX", 0)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_too_large_for_a_factor(convert, monkeypatch):
    X, y, weight, _ = PROBLEMS["sparse_weighted"]()
    X, y, weight = X.toarray()[weight > 0], y[weight > 0], weight[weight > 0]
    krylov(monkeypatch)
    model = RidgeCV([0.1, 1.0, 50.0], cv=KFold(4)).fit(convert(X), y, weight)
    assert_folds(model, X, y, weight, list(KFold(4).split(X)), rtol=1e-7)
    assert np.isnan(model.alpha_results_.df).all()
    assert model.relative_gap_ <= 1e-12


def test_two_rows_per_fold():
    X, y, weight, _ = PROBLEMS["weighted"]()
    model = RidgeCV(ALPHAS, cv=KFold(30)).fit(X, y, weight)
    assert_folds(model, X, y, weight, list(KFold(30).split(X)))


def test_many_rows_per_fold():
    """More test rows than features: errors come from moments, not from predictions."""
    X, y = gaussian(400, 4, 3, seed=20)
    model = RidgeCV(ALPHAS, cv=5).fit(X, y)
    assert_folds(model, X, y, None, list(KFold(5).split(X)))


def test_a_fit_so_good_that_moments_do_not_tell_the_error():
    """R^2 = 1 - 1e-12: the error is twelve digits below the terms it is left of."""
    X, y = gaussian(300, 4, 3, seed=21)
    y = X @ np.ones(4) + 1e-6 * y
    model = RidgeCV([1e-9, 1e-7, 1.0], cv=5).fit(X, y)
    _, errors, _ = by_hand(X, y, None, list(KFold(5).split(X)), alphas=model.alphas_)
    assert errors.min() < 1e-11
    np.testing.assert_allclose(model.mse_path_, errors, rtol=1e-8)


def test_a_column_that_lives_in_one_fold():
    X, y = gaussian(60, 5, 3, seed=22)
    X[:, 4] = 0.0
    X[13:16, 4] = [3e4, -1e4, 2e4]
    model = RidgeCV(ALPHAS, cv=KFold(5)).fit(X, y)
    assert_folds(model, X, y, None, list(KFold(5).split(X)))


@pytest.mark.parametrize("shape", [(60, 5), (30, 40)], ids=["tall", "wide"])
def test_large_offsets(shape):
    """X and y are multiples of 1/16, so that the offset rounds nothing away."""
    X, y = gaussian(*shape, 3, seed=23)
    X, y = np.round(16 * X) / 16, np.round(16 * y) / 16
    plain = RidgeCV(ALPHAS, cv=KFold(5)).fit(X, y)
    moved = RidgeCV(ALPHAS, cv=KFold(5)).fit(X + 1e8, y - 1e8)
    np.testing.assert_allclose(moved.mse_path_, plain.mse_path_, rtol=1e-5)
    assert moved.alpha_ == plain.alpha_


def test_a_row_far_away_in_a_wide_problem():
    """The other rows, centred about themselves, are small beside what is shared."""
    X, y = gaussian(20, 30, 3, seed=24)
    X[3] += 1e7
    model = RidgeCV(ALPHAS, cv=KFold(5)).fit(X, y)
    _, errors, _ = by_hand(X, y, None, list(KFold(5).split(X)))
    np.testing.assert_allclose(model.mse_path_[:, 0], errors[:, 0], rtol=1e-6)
    np.testing.assert_allclose(model.mse_path_[:, 1:], errors[:, 1:], rtol=1e-4)


@pytest.mark.parametrize("shape", [(40, 6), (20, 30)], ids=["tall", "wide"])
def test_alpha_zero_is_least_squares_of_smallest_norm(shape):
    X, y = gaussian(*shape, 3, seed=25)
    X[:, 1] = X[:, 0]
    model = RidgeCV([0.0, 1.0], cv=KFold(4)).fit(X, y)
    errors = []
    for train, test in KFold(4).split(X):
        A, b = X[train] - X[train].mean(axis=0), y[train] - y[train].mean()
        coef = np.linalg.pinv(A) @ b
        found = (X[test] - X[train].mean(axis=0)) @ coef + y[train].mean()
        errors.append(np.mean((y[test] - found) ** 2))
    np.testing.assert_allclose(model.mse_path_[0], errors, rtol=1e-8)


@pytest.mark.parametrize("shape", [(60, 6), (24, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_standardize_is_a_scaler_fitted_in_every_fold(
    shape, weighted, fit_intercept, convert
):
    rng = np.random.default_rng(26)
    X, y = gaussian(*shape, 3, seed=26)
    X *= np.geomspace(1e-2, 1e2, shape[1]) * (rng.uniform(size=shape) < 0.6)
    weight = rng.uniform(0.2, 3, len(y)) if weighted else None
    folds = list(KFold(4).split(X))
    model = RidgeCV(ALPHAS, cv=folds, standardize=True, fit_intercept=fit_intercept)
    model.fit(convert(X), y, weight)
    how = {"fit_intercept": fit_intercept, "standardize": True}
    assert_folds(model, X, y, weight, folds, **how)
    ridge = Ridge(model.alpha_, standardize=True, fit_intercept=fit_intercept)
    ridge.fit(X, y, weight)
    np.testing.assert_allclose(model.coef_, ridge.coef_, rtol=1e-9)
    assert model.relative_gap_ <= 1e-12


def test_standardize_equals_a_pipeline():
    X, y = gaussian(60, 6, 3, seed=27)
    X *= np.geomspace(1e-2, 1e2, 6)
    model = RidgeCV(ALPHAS, cv=5, standardize=True).fit(X, y)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), SklearnRidge()), {"ridge__alpha": ALPHAS}, cv=5
    ).fit(X, y)
    assert model.alpha_ == search.best_params_["ridge__alpha"]
    assert model.best_score_ == pytest.approx(search.best_score_, rel=1e-10)
    np.testing.assert_allclose(model.predict(X), search.predict(X), rtol=1e-9)


@pytest.mark.parametrize("cv", [4, ShuffleSplit(3, random_state=0)])
@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error"])
@pytest.mark.parametrize("shape", [(50, 5), (20, 30)], ids=["tall", "wide"])
def test_every_target_chooses(cv, scoring, shape):
    X, y = gaussian(*shape, 4, seed=28)
    noise = np.random.default_rng(28).standard_normal(len(y))
    Y = np.column_stack([X @ np.ones(shape[1]), noise, y + 5 * noise])
    model = RidgeCV(ALPHAS, cv=cv, scoring=scoring, alpha_per_target=True).fit(X, Y)
    assert model.alpha_results_.mean_score.shape == (1, 5, 3)
    assert model.alpha_results_.fold_scores.shape[3] == 3
    for k in range(3):
        single = RidgeCV(ALPHAS, cv=cv, scoring=scoring).fit(X, Y[:, k])
        assert model.alpha_[k] == single.alpha_
        assert model.alpha_1se_[k] == single.alpha_1se_
        assert model.best_score_[k] == pytest.approx(single.best_score_, rel=1e-9)
        np.testing.assert_allclose(model.coef_[k], single.coef_, rtol=1e-9)
        np.testing.assert_allclose(
            model.cv_predictions_[:, k], single.cv_predictions_, rtol=1e-8
        )
    assert len(np.unique(model.alpha_)) > 1


def test_several_targets_with_one_alpha():
    X, y = gaussian(50, 5, 4, seed=29)
    Y = np.column_stack([y, y[::-1], np.ones(50)])
    model = RidgeCV(ALPHAS, cv=4).fit(X, Y)
    search = GridSearchCV(SklearnRidge(), {"alpha": ALPHAS}, cv=4).fit(X, Y)
    assert model.alpha_ == search.best_params_["alpha"]
    found = model.alpha_results_.mean_score[0]
    np.testing.assert_allclose(found, search.cv_results_["mean_test_score"], rtol=1e-8)
    held_out = cross_val_predict(SklearnRidge(model.alpha_), X, Y, cv=4)
    np.testing.assert_allclose(model.cv_predictions_, held_out, rtol=1e-9, atol=1e-9)


def test_predictions_of_repeated_folds_are_means():
    X, y = gaussian(30, 4, 3, seed=30)
    cv = RepeatedKFold(n_splits=3, n_repeats=2, random_state=0)
    model = RidgeCV([1.0], cv=cv).fit(X, y)
    total = np.zeros(30)
    for train, test in cv.split(X):
        total[test] += SklearnRidge(1.0).fit(X[train], y[train]).predict(X[test])
    np.testing.assert_allclose(model.cv_predictions_, total / 2, rtol=1e-10)


def test_rows_never_held_out_and_rows_of_weight_zero_have_no_prediction():
    X, y = gaussian(30, 4, 3, seed=31)
    weight = np.ones(30)
    weight[[2, 25]] = 0.0
    cv = [(np.arange(10, 30), np.arange(5)), (np.arange(20), np.arange(24, 30))]
    model = RidgeCV([1.0], cv=cv).fit(X, y, weight)
    expected = np.isin(np.arange(30), [0, 1, 3, 4, 24, 26, 27, 28, 29])
    np.testing.assert_array_equal(~np.isnan(model.cv_predictions_), expected)


@pytest.mark.parametrize("shape", [(60, 5), (24, 40)], ids=["tall", "wide"])
@pytest.mark.parametrize("per_target", [False, True])
def test_nothing_depends_on_what_fits_into_memory(shape, per_target, monkeypatch):
    X, y = gaussian(*shape, 4, seed=32)
    Y = np.column_stack([y, y[::-1]])
    model = RidgeCV(ALPHAS, cv=4, alpha_per_target=per_target).fit(X, Y)
    monkeypatch.setattr(ridge_fold_curve, "_fits_into_memory", lambda problem: False)
    monkeypatch.setattr(fold_moments, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(spectrum, "BLOCK_ELEMENTS", 100)
    again = RidgeCV(ALPHAS, cv=4, alpha_per_target=per_target).fit(X, Y)
    np.testing.assert_allclose(again.cv_predictions_, model.cv_predictions_, rtol=1e-10)
    np.testing.assert_allclose(again.mse_path_, model.mse_path_, rtol=1e-10)


@pytest.mark.parametrize("backend", ["threading", "loky"])
@pytest.mark.parametrize("shape", [(60, 5), (24, 40)], ids=["tall", "wide"])
def test_parallel_folds_give_the_same_numbers(backend, shape):
    X, y = gaussian(*shape, 3, seed=33)
    expected = RidgeCV(ALPHAS, cv=4).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = RidgeCV(ALPHAS, cv=4, n_jobs=2).fit(X, y)
    np.testing.assert_allclose(found.mse_path_, expected.mse_path_, rtol=1e-12)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-12)


def test_sizes_of_folds_as_weights():
    X, y = gaussian(40, 4, 3, seed=34)
    weight = np.random.default_rng(34).uniform(0.5, 3, 40)
    cv = PredefinedSplit(np.repeat([0, 1, 2], [5, 12, 23]))
    model = RidgeCV(ALPHAS, cv=cv, fold_weighting="size").fit(X, y, weight)
    scores = model.alpha_results_.fold_scores[0]
    sizes = [weight[test].sum() for _, test in cv.split()]
    mean = np.average(scores, axis=1, weights=sizes)
    np.testing.assert_allclose(model.alpha_results_.mean_score[0], mean, rtol=1e-12)
    spread = np.average((scores - mean[:, None]) ** 2, axis=1, weights=sizes)
    np.testing.assert_allclose(
        model.alpha_results_.se_score[0], np.sqrt(spread / 2), rtol=1e-9
    )


def own_columns(estimator, X, y):
    """A scorer that looks at the rows it is given."""
    assert X.shape == (10, 4)
    return -np.mean(np.abs(X[:, 0]) * (y - estimator.predict(X)) ** 2)


def test_a_scorer_sees_the_rows_of_the_fold():
    X, y = gaussian(40, 4, 3, seed=35)
    model = RidgeCV(ALPHAS, cv=4, scoring=own_columns).fit(X, y)
    search = GridSearchCV(SklearnRidge(), {"alpha": ALPHAS}, cv=4, scoring=own_columns)
    search.fit(X, y)
    assert model.best_score_ == pytest.approx(search.best_score_, rel=1e-9)


def other_rows(estimator, X, y):
    return -np.mean(np.abs(estimator.predict(X[:3]) - y[:3]))


def test_a_scorer_that_asks_for_other_rows_is_told():
    X, y = gaussian(40, 4, 3, seed=35)
    with pytest.raises(ValueError, match=r"scoring asked for predictions of 3 rows"):
        RidgeCV(ALPHAS, cv=4, scoring=other_rows).fit(X, y)


def test_a_scorer_without_weights_gets_none():
    X, y = gaussian(40, 4, 3, seed=36)
    weight = np.random.default_rng(36).uniform(0.5, 3, 40)
    scorer = make_scorer(max_error, greater_is_better=False)
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        model = RidgeCV(ALPHAS, cv=4, scoring=scorer).fit(X, y, weight)
    search = GridSearchCV(SklearnRidge(), {"alpha": ALPHAS}, cv=4, scoring=scorer)
    with pytest.warns(UserWarning, match="does not support sample_weight"):
        search.fit(X, y, sample_weight=weight)
    assert model.best_score_ == pytest.approx(search.best_score_, rel=1e-9)


class NaNAt:
    """Minus the absolute error, or NaN in some of the calls."""

    def __init__(self, calls):
        self.calls, self.count = calls, -1

    def __call__(self, estimator, X, y):
        self.count += 1
        score = -np.mean(np.abs(estimator.predict(X) - y))
        return np.nan if self.count in self.calls else score


def test_alphas_with_a_score_that_is_nan_are_not_chosen():
    X, y = gaussian(40, 4, 3, seed=37)
    free = RidgeCV([1e-3, 1.0, 1e3], cv=4, scoring=NaNAt([])).fit(X, y)
    best = int(np.flatnonzero(free.alphas_ == free.alpha_)[0])
    model = RidgeCV([1e-3, 1.0, 1e3], cv=4, scoring=NaNAt([best]))
    with pytest.warns(UserWarning, match="NaN at 1 of 3"):
        model.fit(X, y)
    assert model.alpha_ != free.alpha_


def test_scores_that_are_nan_everywhere_are_an_error():
    X, y = gaussian(40, 4, 3, seed=37)
    with pytest.raises(ValueError, match="NaN at every alpha"):
        RidgeCV(cv=4, scoring=NaNAt(range(100))).fit(X, y)


def test_one_row_test_folds():
    X, y = gaussian(20, 4, 3, seed=38)
    cv = LeaveOneOut()
    scored = RidgeCV(ALPHAS, cv=cv, scoring="neg_mean_squared_error").fit(X, y)
    exact = RidgeCV(ALPHAS).fit(X, y)
    assert scored.alpha_ == exact.alpha_
    np.testing.assert_allclose(scored.cv_predictions_, exact.cv_predictions_, rtol=1e-8)
    np.testing.assert_allclose(
        scored.alpha_results_.mean_score, exact.alpha_results_.mean_score, rtol=1e-8
    )
    np.testing.assert_allclose(
        scored.alpha_results_.se_score, exact.alpha_results_.se_score, rtol=1e-8
    )
    with (
        pytest.warns(UndefinedMetricWarning, match="less than two samples"),
        pytest.warns(UserWarning, match="undefined on test folds of one row"),
    ):
        first = RidgeCV(ALPHAS, cv=cv).fit(X, y)
    assert first.alpha_ == ALPHAS[0]
    assert np.isnan(first.best_score_)
    np.testing.assert_allclose(
        first.mse_path_.mean(axis=1), -exact.alpha_results_.mean_score[0], rtol=1e-8
    )


def test_constant_targets_on_a_fold_score_as_in_scikit_learn():
    X, y = gaussian(30, 3, 2, seed=39)
    y[:10] = 2.0
    model = RidgeCV(ALPHAS, cv=3).fit(X, y)
    search = GridSearchCV(SklearnRidge(), {"alpha": ALPHAS}, cv=3).fit(X, y)
    found = model.alpha_results_.mean_score[0]
    np.testing.assert_allclose(found, search.cv_results_["mean_test_score"], rtol=1e-8)
