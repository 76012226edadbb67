"""The scores of folds: those of scikit-learn, and of explicit refits."""

import numpy as np
import pytest
import sklearn.linear_model
from scipy import sparse
from sklearn.model_selection import (
    KFold,
    LeaveOneOut,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
    TimeSeriesSplit,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from tests.linear.choosing import (
    REFERENCE_TIGHT,
    TIGHT,
    Settings,
    make_problem,
    mean_square,
    refit,
    refitted_mse,
    refitted_predictions,
)

CLASSES = ["LassoCV", "ElasticNetCV", "MultiTaskLassoCV", "MultiTaskElasticNetCV"]
SHAPES = {"tall": (60, 8), "wide": (24, 60)}
STORAGE = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csc": sparse.csc_array,
    "csr": sparse.csr_array,
    "float32": lambda X: X.astype(np.float32),
}
SHUFFLED = KFold(3, shuffle=True, random_state=1)

every_name = pytest.mark.parametrize("name", CLASSES)
both_shapes = pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
weights = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])
standards = pytest.mark.parametrize("standardize", [False, True], ids=["", "standardized"])
intercepts = pytest.mark.parametrize("fit_intercept", [True, False], ids=["", "no b"])


def targets_of(name):
    return 3 if name.startswith("Multi") else None


def options(name, **more):
    ratio = {"l1_ratio": 0.4} if "Elastic" in name else {}
    return {"alphas": 6, "eps": 0.03, **ratio, **more}


def settings_of(model):
    names = ("fit_intercept", "standardize", "positive")
    found = {name: getattr(model, name) for name in names if hasattr(model, name)}
    return Settings(getattr(model, "l1_ratio_", 1.0), **found)


def assert_scores(model, X, y, weight, folds, rtol=1e-8):
    """Of `mse_path_`, `alpha_`, `coef_`, `cv_predictions_` by explicit refits."""
    settings = settings_of(model)
    expected = refitted_mse(X, y, weight, model.alphas_, folds, settings)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=rtol)
    assert model.alpha_ == model.alphas_[np.argmin(expected.mean(axis=1))]
    line = refit(X, y, weight, model.alpha_, settings)
    np.testing.assert_allclose(model.predict(X), line.predict(X), rtol=1e-6, atol=1e-6)
    expected = refitted_predictions(X, y, weight, model.alpha_, folds, settings)
    np.testing.assert_allclose(model.cv_predictions_, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("storage", STORAGE)
@every_name
@both_shapes
@intercepts
def test_scikit_learn_on_the_same_folds(name, shape, storage, fit_intercept):
    X, y, _ = make_problem(shape, targets_of(name))
    X[np.abs(X) < 0.5 * X.std(axis=0)] = 0.0
    X = X.astype(np.float32).astype(float)  # exact in either dtype
    common = options(name, cv=SHUFFLED, fit_intercept=fit_intercept)
    theirs = getattr(sklearn.linear_model, name)(**common, **REFERENCE_TIGHT).fit(X, y)
    ours = getattr(skreg, name)(**common, **TIGHT).fit(STORAGE[storage](X), y)
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    assert np.argmin(ours.mse_path_.mean(axis=1)) == list(ours.alphas_).index(ours.alpha_)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    tolerance = 1e-4 if storage == "float32" else 1e-6
    scale = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=tolerance * scale)


@pytest.mark.parametrize("name", CLASSES[:2])
@both_shapes
@pytest.mark.parametrize("alphas", [[0.3, 5.0, 0.3, 1.0], [2.0], 1])
def test_scikit_learn_with_weights_and_unsorted_or_repeated_alphas(name, shape, alphas):
    X, y, weight = make_problem(shape)
    common = options(name, cv=SHUFFLED, alphas=alphas)
    if name == "ElasticNetCV":
        common["l1_ratio"] = [0.3, 0.9]
    theirs = getattr(sklearn.linear_model, name)(**common, **REFERENCE_TIGHT)
    theirs.fit(X, y, sample_weight=weight)
    ours = getattr(skreg, name)(**common, **TIGHT).fit(X, y, sample_weight=weight)
    assert ours.mse_path_.shape == theirs.mse_path_.shape
    np.testing.assert_allclose(ours.mse_path_, theirs.mse_path_, rtol=1e-8)
    np.testing.assert_allclose(ours.alphas_, theirs.alphas_, rtol=1e-12)
    assert ours.alpha_ == pytest.approx(theirs.alpha_, rel=1e-12)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-6)


@every_name
@both_shapes
@intercepts
@weights
def test_standardize_is_a_scaler_fitted_in_every_fold(name, shape, fit_intercept, weighted):
    X, y, weight = make_problem(shape, targets_of(name))
    weight = weight if weighted else None
    common = options(name, cv=SHUFFLED, fit_intercept=fit_intercept, standardize=True)
    model = getattr(skreg, name)(**common, **TIGHT).fit(X, y, weight)
    assert_scores(model, X, y, weight, list(SHUFFLED.split(X)))


@pytest.mark.parametrize("storage", ["C", "F", "csc"])
@both_shapes
@intercepts
@weights
def test_standardize_is_a_pipeline(storage, shape, fit_intercept, weighted):
    X, y, weight = make_problem(shape)
    X[np.abs(X) < 0.5 * X.std(axis=0)] = 0.0
    common = options("LassoCV", cv=SHUFFLED, fit_intercept=fit_intercept)
    model = skreg.LassoCV(standardize=True, **common, **TIGHT)
    model.fit(STORAGE[storage](X), y, weight if weighted else None)
    expected = np.empty((6, 3))
    for k, (train, test) in enumerate(SHUFFLED.split(X)):
        routed, own = {}, None
        if weighted:
            names = ("standardscaler__sample_weight", "lasso__sample_weight")
            routed, own = dict.fromkeys(names, weight[train]), weight[test]
        for t, alpha in enumerate(model.alphas_):
            pipeline = make_pipeline(
                StandardScaler(with_mean=fit_intercept),
                sklearn.linear_model.Lasso(
                    alpha, fit_intercept=fit_intercept, **REFERENCE_TIGHT
                ),
            ).fit(X[train], y[train], **routed)
            expected[t, k] = mean_square(y[test], pipeline.predict(X[test]), own)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-8)


def spoiled(kind, X, test):
    """X with a column that is a difficulty of some kind; `test` are rows of one fold."""
    X = X.copy()
    if kind == "one fold only":
        X[:, 2] = 0.0
        X[test[:4], 2] = [3.0, -1.0, 0.5, 7.0]
    elif kind == "one row only":
        X[:, 2] = 0.0
        X[test[0], 2] = 1e6
    elif kind == "constant":
        X[:, 2], X[:, 3] = 0.1, 0.0
    elif kind == "constant in training":
        X[:, 2] = 0.1
        X[test, 2] = np.linspace(1.0, 3.0, len(test))
    elif kind == "duplicates":
        X[:, 4], X[:, 5] = X[:, 1], -2.0 * X[:, 1]
    elif kind == "tiny and huge":
        X[:, :3] *= [1e-100, 1e100, 1e-30]
    return X


KINDS = [
    "one fold only",
    "one row only",
    "constant",
    "constant in training",
    "duplicates",
    "tiny and huge",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "storage"),
    [("LassoCV", "C"), ("LassoCV", "csc"), ("MultiTaskElasticNetCV", "F")],
)
@both_shapes
@intercepts
@standards
def test_difficult_columns(kind, name, storage, shape, fit_intercept, standardize):
    if kind == "tiny and huge" and not standardize:
        pytest.skip("the penalty decides everything")
    X, y, _ = make_problem(shape, targets_of(name))
    X[np.abs(X) < 0.5 * X.std(axis=0)] = 0.0
    folds = list(SHUFFLED.split(X))
    X = spoiled(kind, X, folds[1][1])
    common = options(
        name, cv=SHUFFLED, fit_intercept=fit_intercept, standardize=standardize
    )
    model = getattr(skreg, name)(**common, **TIGHT).fit(STORAGE[storage](X), y)
    assert_scores(model, X, y, None, folds)


@both_shapes
@weights
@standards
@pytest.mark.parametrize("where", ["X", "y"])
@pytest.mark.parametrize("offset", [1e8, -3e9])
def test_offsets(shape, weighted, standardize, where, offset):
    """Numbers are multiples of 1/16, so that the offset itself rounds nothing."""
    X, y, weight = make_problem(shape)
    X, y = np.round(16.0 * X) / 16.0, np.round(16.0 * y) / 16.0
    weight = weight if weighted else None
    make = skreg.LassoCV(cv=SHUFFLED, alphas=6, eps=0.03, standardize=standardize, **TIGHT)
    expected = make.fit(X, y, weight)
    mse, coef = expected.mse_path_, expected.coef_
    far = (X + offset * (np.arange(shape[1]) == 1), y) if where == "X" else (X, y + offset)
    model = make.fit(*far, weight)
    rounding = np.finfo(float).eps * abs(offset)  # of each prediction
    np.testing.assert_allclose(model.mse_path_, mse, rtol=1e-8, atol=10 * rounding)
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-9, atol=1e-11)
    assert model.relative_gap_ < 1e-12


@pytest.mark.parametrize("name", ["LassoCV", "MultiTaskLassoCV"])
@weights
@standards
def test_two_rows_per_fold_and_one(name, weighted, standardize):
    X, y, weight = make_problem((30, 5), targets_of(name))
    weight = weight if weighted else None
    for cv in (KFold(15), LeaveOneOut()):
        common = options(name, cv=cv, standardize=standardize, alphas=3)
        model = getattr(skreg, name)(**common, **TIGHT).fit(X, y, weight)
        assert_scores(model, X, y, weight, list(cv.split(X)))


@pytest.mark.parametrize("storage", ["C", "F", "csc"])
@standards
@weights
def test_moments_that_cannot_all_be_kept(storage, standardize, weighted, monkeypatch):
    monkeypatch.setattr("skreg._solvers.fold_moments.KEPT_ENTRIES", 0)
    X, y, weight = make_problem((60, 20))
    weight, cv = weight if weighted else None, KFold(10, shuffle=True, random_state=1)
    settings = options("LassoCV", cv=cv, standardize=standardize, alphas=3)
    model = skreg.LassoCV(**settings, **TIGHT).fit(STORAGE[storage](X), y, weight)
    assert_scores(model, X, y, weight, list(cv.split(X)))


@every_name
@both_shapes
@pytest.mark.parametrize("scale", [1e-100, 1e100])
def test_targets_of_any_scale(name, shape, scale):
    """With alphas of its size and without an l2 part, all scales with y."""
    X, y, weight = make_problem(shape, targets_of(name), noise=8.0)
    common = {**options(name, cv=SHUFFLED, rule="1se"), **TIGHT}
    if "Elastic" in name:
        common["l1_ratio"] = 1.0
    cls = getattr(skreg, name)
    plain = cls(**common).fit(X, y, weight)
    model = cls(**{**common, "alphas": scale * plain.alphas_}).fit(X, scale * y, weight)
    np.testing.assert_allclose(model.mse_path_ / scale**2, plain.mse_path_, rtol=1e-8)
    found, expected = (one.alpha_results_.se_score for one in (model, plain))
    np.testing.assert_allclose(found / scale**2, expected, rtol=1e-8)
    assert model.alpha_ == pytest.approx(scale * plain.alpha_, rel=1e-12)
    np.testing.assert_allclose(model.coef_ / scale, plain.coef_, rtol=1e-7, atol=1e-9)


@pytest.mark.filterwarnings("ignore:.*encountered in:RuntimeWarning")
@pytest.mark.parametrize("cv", [3, "loo", "bic"])
@every_name
def test_targets_whose_squares_overflow(name, cv):
    X, y, _ = make_problem((60, 8), targets_of(name))
    with pytest.raises(ValueError, match="squares beyond 1e308"):
        getattr(skreg, name)(cv=cv).fit(X, 1e160 * y)


@every_name
@both_shapes
@standards
def test_targets_that_are_constant_in_training(name, shape, standardize):
    X, y, _ = make_problem(shape, targets_of(name))
    test = np.arange(4)
    y[4:] = 7.0
    folds = [(np.arange(4, len(y)), test), (np.arange(len(y) - 4), np.arange(6))]
    common = options(name, cv=folds, standardize=standardize, **TIGHT)
    model = getattr(skreg, name)(**common).fit(X, y)
    expected = np.mean((y[test] - 7.0) ** 2)
    np.testing.assert_allclose(model.mse_path_[:, 0], expected, rtol=1e-12)


@pytest.mark.parametrize("cv", [3, "loo", "bic"])
@standards
@weights
def test_a_given_gram_matrix(cv, standardize, weighted):
    X, y, weight = make_problem((60, 6))
    weight = weight * 60 / weight.sum() if weighted else np.ones(60)
    X = X - np.average(X, axis=0, weights=weight)
    settings = {"cv": cv, "standardize": standardize, "alphas": 5, "eps": 0.05}
    plain = skreg.LassoCV(**settings).fit(X, y, weight)
    model = skreg.LassoCV(precompute=(X.T * weight) @ X, **settings).fit(X, y, weight)
    np.testing.assert_allclose(model.coef_path_, plain.coef_path_, rtol=1e-9, atol=1e-12)
    found, expected = (one.alpha_results_.mean_score for one in (model, plain))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("noise", [1e-6, 1e-9, 0.0])
@weights
def test_errors_that_are_nearly_nothing(noise, weighted):
    """R^2 = 1 - 1e-12 and beyond: from moments, such an error would be rounding."""
    X, y, weight = make_problem((80, 5), noise=noise)
    weight = weight if weighted else None
    alphas = np.array([1.0, 1e-6, 1e-9, 1e-12])
    model = skreg.LassoCV(alphas=alphas, cv=SHUFFLED, **TIGHT).fit(X, y, weight)
    folds = list(SHUFFLED.split(X))
    expected = refitted_mse(X, y, weight, alphas, folds)
    assert expected[1:].max() < 1e-9 * np.var(y)
    np.testing.assert_allclose(model.mse_path_, expected, rtol=1e-4, atol=1e-26 * y @ y)


def masks(n_samples):
    thirds = np.arange(n_samples) % 3
    return [(thirds != k, thirds == k) for k in range(3)]


def repeated_rows(n_samples):
    """A bootstrap: training rows several times, test sets overlap."""
    rng = np.random.default_rng(0)
    for _ in range(3):
        train = rng.integers(0, n_samples, n_samples)
        yield train, np.setdiff1d(np.arange(n_samples), train)


SPLITTERS = {
    "shuffle": lambda n: ShuffleSplit(4, random_state=0),
    "repeated": lambda n: RepeatedKFold(n_splits=3, n_repeats=2, random_state=0),
    "series": lambda n: TimeSeriesSplit(3),
    "predefined": lambda n: PredefinedSplit(np.arange(n) % 4 - 1),
    "pairs": lambda n: list(KFold(3).split(np.empty((n, 1)))),
    "masks": masks,
    "generator": repeated_rows,
    "train in test": lambda n: [(np.arange(n), np.arange(n))],
    "half": lambda n: [(np.arange(n // 2), np.arange(n // 2, n))],
    "test rows twice": lambda n: [(np.arange(5, n), [0, 0, 1, 2]), (np.arange(n - 5), [3])],
    "negative": lambda n: [(np.arange(n - 5), [-1, -2, -3])],
}


@pytest.mark.parametrize("kind", SPLITTERS)
@both_shapes
@standards
def test_splitters(kind, shape, standardize):
    X, y, weight = make_problem(shape)
    make = SPLITTERS[kind]
    cv = make(len(y))
    model = skreg.LassoCV(cv=cv, alphas=5, eps=0.05, standardize=standardize, **TIGHT)
    model.fit(STORAGE["csc" if standardize else "C"](X), y, weight)
    again = make(len(y))
    folds = list(again.split(X) if hasattr(again, "split") else again)
    rows = np.arange(len(y))
    folds = [tuple(rows[np.asarray(part)] for part in fold) for fold in folds]
    settings = Settings(standardize=standardize)
    expected = refitted_mse(X, y, weight, model.alphas_, folds, settings)
    np.testing.assert_allclose(np.atleast_2d(model.mse_path_.T).T, expected, rtol=1e-8)
    counted = [np.unique(test, return_counts=True) for _, test in folds]
    expected = refitted_predictions(X, y, weight, model.alpha_, folds, settings)
    never = np.setdiff1d(rows, np.concatenate([part[0] for part in counted]))
    assert np.array_equal(np.flatnonzero(np.isnan(model.cv_predictions_)), never)
    np.testing.assert_allclose(model.cv_predictions_, expected, rtol=1e-6, atol=1e-6)
