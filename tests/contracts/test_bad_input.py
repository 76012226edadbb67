"""Bad input is refused by name, before anything is changed."""

import re

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import KFold
from sklearn.utils.validation import check_is_fitted

import skreg
from tests.contracts.estimators import (
    MULTI_TASK,
    ONE_TARGET_CV,
    PENALIZED,
    SELECTORS,
    SETTINGS,
    crossed,
    every_case,
    every_class,
    make_data,
    of,
    usual_targets,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning"),
    pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning"),
]
REFUSED = ValueError, TypeError
NAN, INF = float("nan"), float("inf")
NO_BOOLEAN = ["yes", None, 2, 0.5]
NO_INTEGER = [0, -1, 1.5, "10", NAN]
NO_FRACTION = [-0.1, 1.1, NAN, "half", None, 1j]
NO_STRENGTH = [-1.0, NAN, INF, -INF, "1", None, 1j]

SHARED = {
    "fit_intercept": NO_BOOLEAN,
    "copy_X": NO_BOOLEAN,
    "tol": [-1e-4, NAN, "tight", None, 1j],
    "random_state": [-1, 1.5, "seed"],
}
DESCENT = {
    **SHARED,
    "max_iter": NO_INTEGER,
    "selection": ["greedy", None, 1],
}
ONE_BY_ONE = {"precompute": ["yes", None, -1, 0.5], "positive": NO_BOOLEAN}
AT_ALPHA = {
    **DESCENT,
    "alpha": [*NO_STRENGTH, [1.0]],
    "warm_start": NO_BOOLEAN,
    "standardize": NO_BOOLEAN,
}
CROSS_VALIDATED = {
    **DESCENT,
    "eps": [0, -1.0, NAN, "small", None],
    "alphas": [0, -3, 1.5, "auto", None, NAN],
    "cv": [0, 1, -2, 1.5, "five", object()],
    "verbose": [-1, "loud", None],
    "n_jobs": ["all", 1.5],
    "standardize": NO_BOOLEAN,
    "scoring": ["no such score", 3],
    "rule": ["max", None, 1],
    "fold_weighting": ["none", None, 1],
    "relaxed": ["yes", None, 2],
    "saturation": [0.0, 1.1, NAN, "half"],
    "noise_variance": [0.0, -1.0, NAN, "1"],
    "ebic_gamma": [-0.1, NAN, None],
}
FOR_ONE_TARGET = {**CROSS_VALIDATED, **ONE_BY_ONE, "alpha_per_target": NO_BOOLEAN}
BAD_PARAMETERS = {
    skreg.Lasso: {**AT_ALPHA, **ONE_BY_ONE},
    skreg.ElasticNet: {**AT_ALPHA, **ONE_BY_ONE, "l1_ratio": NO_FRACTION},
    skreg.MultiTaskLasso: AT_ALPHA,
    skreg.MultiTaskElasticNet: {**AT_ALPHA, "l1_ratio": NO_FRACTION},
    skreg.Ridge: {
        **SHARED,
        "positive": NO_BOOLEAN,
        "alpha": NO_STRENGTH,
        "max_iter": NO_INTEGER,
        "solver": ["newton", None, 3],
        "standardize": NO_BOOLEAN,
    },
    skreg.LassoCV: FOR_ONE_TARGET,
    skreg.ElasticNetCV: {**FOR_ONE_TARGET, "l1_ratio": NO_FRACTION},
    skreg.MultiTaskLassoCV: CROSS_VALIDATED,
    skreg.MultiTaskElasticNetCV: {**CROSS_VALIDATED, "l1_ratio": NO_FRACTION},
    skreg.RidgeCV: {
        "alphas": [0, -1.0, NAN, INF, "auto", None],
        "fit_intercept": NO_BOOLEAN,
        "scoring": ["no such score", 3],
        "cv": [0, 1, -2, 1.5, "five", object()],
        "gcv_mode": ["lu", 1],
        "store_cv_results": NO_BOOLEAN,
        "alpha_per_target": NO_BOOLEAN,
        "rule": ["max", None, 1],
        "fold_weighting": ["none", None, 1],
        "noise_variance": [0.0, -1.0, NAN, "1"],
        "ebic_gamma": [-0.1, NAN, None],
        "n_jobs": ["all", 1.5],
        "verbose": [-1, "loud", None],
        "standardize": NO_BOOLEAN,
    },
}
BAD_PARAMETERS[skreg.SGDRegressor] = {
    "loss": ["hinge", None, 1],
    "penalty": ["l3", 1, True],
    "alpha": NO_STRENGTH,
    "l1_ratio": [-0.1, 1.1, NAN, "half", 1j],
    "fit_intercept": NO_BOOLEAN,
    "max_iter": NO_INTEGER,
    "tol": [-1e-4, NAN, "tight", 1j],
    "shuffle": NO_BOOLEAN,
    "verbose": [-1, "loud", None],
    "epsilon": NO_STRENGTH,
    "random_state": [-1, 1.5, "seed"],
    "learning_rate": ["fast", None, 0.1],
    "eta0": [0.0, *NO_STRENGTH],
    "power_t": [NAN, "half", None],
    "early_stopping": NO_BOOLEAN,
    "validation_fraction": [0.0, 1.0, NAN, None],
    "n_iter_no_change": NO_INTEGER,
    "warm_start": NO_BOOLEAN,
    "average": [0, -1, 1.5, "yes", None],
    "solver": ["adam", None, 1],
    "beta": [0.0, *NO_STRENGTH],
    "quantile": [0.0, 1.0, NAN, None],
    "standardize": NO_BOOLEAN,
}
BAD_ENTRIES = {
    skreg.SGDRegressor: {"alpha": [[], [1.0, -1.0], [NAN, 1.0], ["a"], [None], [[1.0]]]},
    skreg.Ridge: {"alpha": [[], [1.0, -1.0], [NAN, 1.0], ["a", "b"], [1.0, 2.0, 3.0]]},
    skreg.LassoCV: {
        "alphas": [[], [1.0, -1.0], [NAN], [INF], ["a"], [None], [[1.0]]],
        "relaxed": [[], [0.5, -0.1], [1.1], [NAN], ["a"], [None], [[0.5]]],
    },
    skreg.ElasticNetCV: {
        "alphas": [[], [-1.0], ["a"]],
        "l1_ratio": [[], [0.5, 2.0], [NAN], ["a"], [None], [[0.5]]],
    },
    skreg.MultiTaskElasticNetCV: {"alphas": [[], ["a"]], "l1_ratio": [[], [2.0], ["a"]]},
    skreg.RidgeCV: {
        "alphas": [[], [0.0], [-1.0], [NAN], [INF], ["a"], [None], [[1.0, 2.0]]]
    },
}


def plain(value):
    return "object" if type(value) is object else repr(value)


def flat(table):
    return [
        pytest.param(cls, name, value, id=f"{cls.__name__}-{name}-{plain(value)}")
        for cls, parameters in table.items()
        for name, values in parameters.items()
        for value in values
    ]


def default(cls):
    return cls(**SETTINGS[cls][0])


def data_for(cls):
    return make_data(n_targets=usual_targets(cls))


def snapshot(estimator):
    return dict(vars(estimator))


def assert_unchanged(estimator, before):
    after = vars(estimator)
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def refuse(estimator, X, y, sample_weight=None, match=""):
    """The fit fails, and the estimator is what it was."""
    before = snapshot(estimator)
    with pytest.raises(REFUSED, match=match):
        estimator.fit(X, y, sample_weight=sample_weight)
    assert_unchanged(estimator, before)


def refuse_fresh_and_fitted(estimator, X, y, sample_weight=None, match="", **settings):
    """Unfitted it stays unfitted; fitted, it goes on predicting as before."""
    fresh = type(estimator)(**{**estimator.get_params(), **settings})
    refuse(fresh, X, y, sample_weight, match)
    with pytest.raises(NotFittedError):
        check_is_fitted(fresh)
    good_X, good_y = data_for(type(estimator))
    estimator.fit(good_X, good_y)
    expected = estimator.predict(good_X)
    estimator.set_params(**settings)
    refuse(estimator, X, y, sample_weight, match)
    np.testing.assert_array_equal(estimator.predict(good_X), expected)


def test_every_parameter_is_in_the_table():
    for cls, parameters in BAD_PARAMETERS.items():
        assert parameters.keys() == cls().get_params().keys()


@pytest.mark.parametrize(("cls", "name", "value"), flat(BAD_PARAMETERS))
def test_parameter(cls, name, value):
    got = f"{re.escape(repr(value))}|{re.escape(str(value))}"
    match = rf"(?s)(?=.*\b{name}\b)(?=.*({got}))"
    refuse_fresh_and_fitted(default(cls), *data_for(cls), match=match, **{name: value})


@pytest.mark.parametrize(("cls", "name", "value"), flat(BAD_ENTRIES))
def test_parameter_with_bad_entries(cls, name, value):
    X, y = make_data(n_targets=2) if name == "alpha" else data_for(cls)
    refuse_fresh_and_fitted(default(cls), X, y, match=name, **{name: value})


BAD_GRAM = {
    "wrong shape": (np.eye(5), r"precompute.*\(6, 6\).*\(5, 5\)"),
    "one-dimensional": (np.ones(6), "1D array"),
    "NaN": (np.full((6, 6), NAN), "precompute contains NaN"),
    "text": (np.full((6, 6), "a"), "could not convert string"),
    "not that of X": (50 * np.ones((6, 6)), "'precompute' parameter did not pass"),
}


@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet, skreg.LassoCV])
@pytest.mark.parametrize(("gram", "match"), BAD_GRAM.values(), ids=BAD_GRAM)
def test_gram_matrix(cls, gram, match):
    estimator = default(cls).set_params(precompute=gram, fit_intercept=False)
    refuse(estimator, *make_data(), match=match)


def put(array, value, *place):
    array = np.array(array)
    array[place] = value
    return array


def as_text(array):
    return np.char.add("row ", np.asarray(array).astype(str))


BAD_X = {
    "NaN": (lambda X: put(X, NAN, 3, 2), "X contains NaN"),
    "inf": (lambda X: put(X, INF, 3, 2), "X contains infinity"),
    "minus inf": (lambda X: put(X, -INF, 3, 2), "X contains infinity"),
    "one-dimensional": (lambda X: X[:, 0], "Expected 2D array, got 1D array"),
    "three-dimensional": (lambda X: X[:, :, None], "X with dim 3|array with dim 3"),
    "no rows": (lambda X: X[:0], r"0 sample\(s\) \(shape=\(0, 6\)\)"),
    "no columns": (lambda X: X[:, :0], r"0 feature\(s\) \(shape=\(40, 0\)\)"),
    "text": (as_text, "could not convert string to float: .*row"),
    "complex": (lambda X: X + 1j, "Complex data not supported"),
    "None": (lambda X: None, "None|scalar array|0-?D"),
    "scalar": (lambda X: 3.0, "Expected 2D array, got scalar array"),
    "one row less": (lambda X: X[1:], r"inconsistent numbers of samples: \[39, 40\]"),
    "ragged": (lambda X: [*X[1:].tolist(), [1.0]], "inhomogeneous"),
    "sparse NaN": (lambda X: sparse.csr_array(put(X, NAN, 3, 2)), "X contains NaN"),
    "sparse inf": (lambda X: sparse.csc_matrix(put(X, INF, 3, 2)), "X contains inf"),
    "sparse complex": (lambda X: sparse.csr_array(X + 1j), "Complex data"),
    "sparse empty": (lambda X: sparse.csr_array(X[:0]), r"0 sample\(s\)"),
    "too large for float64": (
        lambda X: put(X.astype(np.longdouble), "1e999", 0, 0),
        "X",
    ),
}
BAD_Y = {
    "NaN": (lambda y: put(y, NAN, 3), "y contains NaN"),
    "inf": (lambda y: put(y, INF, 3), "y contains infinity"),
    "text": (as_text, "could not convert string to float: .*row"),
    "complex": (lambda y: y + 1j, "Complex data not supported"),
    "None": (lambda y: None, "requires y to be passed.*None|y contains NaN"),
    "scalar": (lambda y: 3.0, "y|scalar|Singleton"),
    "one less": (lambda y: y[1:], r"inconsistent numbers of samples: \[40, 39\]"),
    "empty": (lambda y: y[:0], r"0|inconsistent"),
    "three-dimensional": (lambda y: y.reshape(len(y), -1, 1), "dim 3"),
    "no columns": (lambda y: np.empty((40, 0)), "y|0 feature|0 target"),
    "NaN in a column": (lambda y: put(y.reshape(len(y), -1), NAN, 3, 0), "y contains NaN"),
    "objects": (lambda y: put(y.astype(object), {}, 3), "float"),
}
BAD_WEIGHT = {
    "NaN": (lambda w: put(w, NAN, 3), "sample_weight contains NaN"),
    "inf": (lambda w: put(w, INF, 3), "sample_weight contains infinity"),
    "negative": (lambda w: put(w, -0.5, 3), r"sample_weight\[3\] is -0.5"),
    "all zero": (np.zeros_like, "sample_weight with all of its 40 values zero"),
    "one less": (lambda w: w[1:], r"sample_weight.shape == \(39,\), expected \(40,\)"),
    "empty": (lambda w: w[:0], r"sample_weight|0 sample"),
    "a column": (lambda w: w[:, None], "Sample weights must be 1D array or scalar"),
    "a matrix": (lambda w: np.outer(w, w), "Sample weights must be 1D array or scalar"),
    "text": (as_text, "could not convert string to float: .*row"),
    "one word": (lambda w: "balanced", "sample_weight|balanced"),
    "complex": (lambda w: w + 1j, "Complex data not supported"),
    "negative number": (lambda w: -1.0, r"sample_weight.*-1\.0"),
    "zero": (lambda w: 0.0, r"sample_weight.*0\.0"),
    "NaN number": (lambda w: NAN, "sample_weight.*nan"),
    "infinite number": (lambda w: INF, "sample_weight.*inf"),
    "complex number": (lambda w: 1j, "sample_weight.*1j"),
    "sparse": (lambda w: sparse.csr_array(w[:, None]), "[Ss]parse"),
}


def untouched(array):
    return array.tobytes() if isinstance(array, np.ndarray) else repr(array)


def refuse_data(case, X, y, sample_weight, match):
    before = [untouched(part) for part in (X, y, sample_weight)]
    refuse_fresh_and_fitted(case.make(), X, y, sample_weight, match)
    assert [untouched(part) for part in (X, y, sample_weight)] == before


@every_class
@pytest.mark.parametrize(("spoil", "match"), BAD_X.values(), ids=BAD_X)
def test_features(case, spoil, match):
    X, y = case.data()
    refuse_data(case, spoil(X), y, None, match)


@every_class
@pytest.mark.parametrize(("spoil", "match"), BAD_Y.values(), ids=BAD_Y)
@pytest.mark.filterwarnings("ignore:A column-vector")
def test_targets(case, spoil, match):
    X, y = case.data()
    refuse_data(case, X, spoil(y), None, match)


@every_class
@pytest.mark.parametrize(("spoil", "match"), BAD_WEIGHT.values(), ids=BAD_WEIGHT)
def test_sample_weight(case, spoil, match):
    X, y = case.data()
    refuse_data(case, X, y, spoil(np.ones(len(y))), match)


@crossed(of(skreg.Lasso, skreg.ElasticNet))
@pytest.mark.parametrize("name", ["negative", "one less", "NaN", "all zero"])
def test_sample_weight_with_unchecked_features(case, name):
    X, y = case.data()
    spoil, match = BAD_WEIGHT[name]
    estimator = case.make()
    with pytest.raises(REFUSED, match=match):
        estimator.fit(X, y, spoil(np.ones(len(y))), check_input=False)


@every_case
def test_nan_in_every_setting(case):
    X, y = case.data()
    refuse_data(case, put(X, NAN, 0, 0), y, None, "X contains NaN")
    refuse_data(case, X, put(y, NAN, 0), None, "y contains NaN")


@crossed(of(*MULTI_TASK))
def test_one_target_where_several_are_expected(case):
    match = rf"use {case.cls.__name__[9:]}\..* one dimension; .*y.reshape\(-1, 1\)"
    refuse_data(case, *make_data(), None, match)


@crossed(of(*ONE_TARGET_CV))
def test_several_targets_where_one_is_expected(case):
    X, y = make_data(n_targets=2)
    refuse_data(case, X, y, None, "y with 2 columns; expected shape")


class NoSplits:
    def split(self, X, y=None, groups=None):
        return iter(())

    def get_n_splits(self, *args, **kwargs):
        return 0


BAD_SPLITS = {
    "none": [],
    "index out of range": [(np.arange(30), np.arange(30, 50))],
    "empty test": [(np.arange(40), np.arange(0))],
    "empty train": [(np.arange(0), np.arange(40))],
    "no pairs": [1, 2, 3],
    "text": [("a", "b")],
    "float indices": [(np.arange(30.0), np.arange(30.0, 40.0))],
    "mask of another length": [(np.ones(7, dtype=bool), np.ones(7, dtype=bool))],
    "splitter without splits": NoSplits(),
    "more folds than rows": 41,
    "splitter with more folds than rows": KFold(41),
}


@pytest.mark.parametrize("cls", SELECTORS)
@pytest.mark.parametrize("cv", BAD_SPLITS.values(), ids=BAD_SPLITS)
def test_splits(cls, cv):
    match = r"(?i)\bcv\b|n_splits|fold|splits|fits failed"
    refuse_fresh_and_fitted(default(cls), *data_for(cls), match=match, cv=cv)


def failing_scorer(estimator, X, y):
    raise RuntimeError("the scorer failed")


def test_failure_inside_a_scorer_leaves_the_estimator_as_it_was():
    model = skreg.RidgeCV().fit(*make_data())
    model.set_params(scoring=failing_scorer)
    before = snapshot(model)
    with pytest.raises(RuntimeError, match="the scorer failed"):
        model.fit(*make_data(seed=1))
    assert_unchanged(model, before)


@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet, skreg.LassoCV, *MULTI_TASK])
@pytest.mark.parametrize("shape", [(10, 2), (200, 30)])
@pytest.mark.parametrize("container", [np.asarray, sparse.csc_array])
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_overflow_is_an_error(cls, shape, container):
    X = np.finfo(float).max * np.random.default_rng(0).uniform(size=shape)
    y = np.random.default_rng(1).integers(0, 2, size=len(X))
    y = y if usual_targets(cls) is None else np.column_stack([y, 1 - y])
    match = "non-finite parameter values"
    refuse_fresh_and_fitted(default(cls), container(X), y, match=match)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
def test_overflow_is_an_error_for_ridge(fit_intercept):
    X = np.finfo(float).max * np.random.default_rng(0).uniform(size=(10, 2))
    y = np.random.default_rng(1).integers(0, 2, size=len(X))
    refuse(skreg.Ridge(fit_intercept=fit_intercept), X, y)


@pytest.mark.parametrize("cls", PENALIZED)
def test_warm_start_from_coefficients_of_other_features(cls):
    X, y = data_for(cls)
    model = cls(warm_start=True).fit(X, y)
    refuse(model, X[:, :5], y, match="warm_start")


@pytest.mark.parametrize("shape", [(40, 7), (40, 5), (40,)])
@every_class
def test_predict(case, shape):
    model = case.make().fit(*case.data())
    match = r"X has \d features, but .* is expecting 6 features|Expected 2D array"
    with pytest.raises(ValueError, match=match):
        model.predict(np.ones(shape))
    with pytest.raises(ValueError, match="X contains NaN"):
        model.predict(np.full((2, 6), NAN))


@every_class
def test_predict_before_fit(case):
    with pytest.raises(NotFittedError, match=f"This {case.cls.__name__} instance"):
        case.make().predict(case.data()[0])


PATHS = [skreg.lasso_path, skreg.enet_path]
BAD_PATH_PARAMETERS = {
    "eps": [0, -1.0, NAN, "small"],
    "alphas": [0, -1, 1.5, "auto", [], [-1.0], [NAN], [INF], ["a"], [[1.0, 2.0]]],
    "precompute": ["yes", None, np.eye(5), np.full((6, 6), NAN)],
    "Xy": ["text", np.ones(5), np.full(6, NAN)],
    "coef_init": ["zeros", np.ones(5), np.ones((2, 6)), np.full(6, NAN)],
    "verbose": [-1, "loud"],
    "return_n_iter": ["yes", 2],
    "positive": ["yes", None],
    "copy_X": ["yes", None],
    "tol": [-1.0, NAN, "tight"],
    "max_iter": [0, 1.5, "many"],
    "selection": ["greedy", None],
    "random_state": [-1, "seed"],
    "sample_weight": [np.ones(39), -np.ones(40), np.zeros(40), np.full(40, NAN)],
    "normalize": [True],
}


def flat_path_parameters():
    return [
        pytest.param(name, value, id=f"{name}-{position}")
        for name, values in BAD_PATH_PARAMETERS.items()
        for position, value in enumerate(values)
    ]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("name", "value"), flat_path_parameters())
def test_parameter_of_path(path, name, value):
    X, y = make_data()
    settings = {"precompute": X.T @ X} if name == "Xy" else {}
    settings = {"alphas": 3, **settings, name: value}
    match = "[Ss]ample.weight" if name == "sample_weight" else rf"\b{name}\b"
    with pytest.raises(REFUSED, match=match):
        path(X, y, **settings)


@pytest.mark.parametrize("value", NO_FRACTION)
def test_l1_ratio_of_path(value):
    with pytest.raises(REFUSED, match="l1_ratio"):
        skreg.enet_path(*make_data(), l1_ratio=value, alphas=3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("spoil", "match"), BAD_X.values(), ids=BAD_X)
def test_features_of_path(path, spoil, match):
    X, y = make_data()
    with pytest.raises(REFUSED, match=match):
        path(spoil(X), y, alphas=3)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(("spoil", "match"), BAD_Y.values(), ids=BAD_Y)
def test_targets_of_path(path, spoil, match):
    X, y = make_data()
    with pytest.raises(REFUSED, match=match):
        path(X, spoil(y), alphas=3)
