"""The estimators in scikit-learn's company: pipelines, searches, routing, threads."""

import copy
import io
import pickle
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import sklearn
import sklearn.linear_model
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, StackingRegressor
from sklearn.exceptions import UnsetMetadataPassedError
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    ShuffleSplit,
    cross_val_predict,
    cross_val_score,
    cross_validate,
)
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.metadata_routing import get_routing_for_object

import skreg
from tests.contracts.estimators import (
    AT_ONE_ALPHA,
    DEFAULTS,
    MULTI_TASK_SINGLE,
    PENALIZED,
    PENALIZED_CV,
    SELECTORS,
    TIGHT,
    assert_close,
    crossed,
    every_case,
    every_class,
    exact_class,
    learned,
    make_data,
    of,
    usual_targets,
)

pytestmark = pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning")
ROUTED = {"enable_metadata_routing": True}


def weights():
    return np.random.default_rng(2).uniform(0.5, 2.0, size=40)


def pair(case):
    """The case and its reference, both close to their solutions."""
    return case.make(**case.tight), case.reference(**case.reference_tight)


@exact_class
def test_pipeline(case):
    X, y = case.data()
    ours, theirs = (make_pipeline(StandardScaler(), m).fit(X, y) for m in pair(case))
    assert_close(ours.predict(X), theirs.predict(X))
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-6)


@every_class
def test_pandas_output_of_a_pipeline(case):
    X, y = case.data()
    frame = pd.DataFrame(X, columns=list("abcdef"), index=np.arange(len(X)) + 100)
    pipeline = make_pipeline(StandardScaler(), case.make())
    pipeline.set_output(transform="pandas").fit(frame, y)
    assert pipeline[-1].feature_names_in_.tolist() == list("abcdef")
    assert isinstance(pipeline.predict(frame), np.ndarray)


@crossed(of(*AT_ONE_ALPHA, cases=DEFAULTS))
def test_grid_search(case):
    X, y = case.data()
    grid = {"alpha": [0.01, 0.1, 1.0, 10.0], "fit_intercept": [True, False]}
    ours, theirs = (GridSearchCV(m, grid, cv=4).fit(X, y) for m in pair(case))
    assert ours.best_params_ == theirs.best_params_
    name = "mean_test_score"
    assert_close(ours.cv_results_[name], theirs.cv_results_[name])


@exact_class
def test_cross_validation_helpers(case):
    X, y = case.data()
    ours, theirs = pair(case)
    folds = KFold(4, shuffle=True, random_state=0)
    for helper in (cross_val_score, cross_val_predict):
        assert_close(helper(ours, X, y, cv=folds), helper(theirs, X, y, cv=folds))


META = {
    "select": lambda m: make_pipeline(SelectFromModel(m), StandardScaler(), clone(m)),
    "rfe": lambda m: RFE(m, n_features_to_select=3),
    "bagging": lambda m: BaggingRegressor(m, n_estimators=3, random_state=0),
    "boosting": lambda m: AdaBoostRegressor(m, n_estimators=3, random_state=0),
    "stacking": lambda m: StackingRegressor([("one", m)], final_estimator=clone(m), cv=3),
    "target": lambda m: TransformedTargetRegressor(m, transformer=StandardScaler()),
    "outputs": lambda m: MultiOutputRegressor(m),
}


def takes(case, name):
    """Meta-estimators that hand on a y of one dimension are not for several targets."""
    return case.n_targets is None or name in ("select", "rfe", "bagging", "target")


@pytest.mark.parametrize(
    ("case", "name"),
    [
        (case, name)
        for case in of(*AT_ONE_ALPHA, cases=DEFAULTS)
        for name in META
        if takes(case, name)
    ],
    ids=str,
)
def test_meta_estimators(case, name):
    X, y = make_data(n_targets=2 if name == "outputs" else case.n_targets)
    alpha = {"alpha": 0.01}
    ours, theirs = (META[name](m.set_params(**alpha)).fit(X, y) for m in pair(case))
    assert_close(ours.predict(X), theirs.predict(X), rtol=1e-5)


@every_case
def test_clone(case):
    X, y = case.data()
    model = case.make().fit(X, y)
    copied = clone(model)
    assert copied.get_params() == model.get_params()
    assert not [name for name in vars(copied) if name.endswith("_")]
    np.testing.assert_array_equal(learned(copied.fit(X, y)), learned(model))


@every_class
def test_set_params(case):
    X, y = case.data()
    model = case.make()
    assert model.set_params(fit_intercept=False) is model
    assert model.get_params()["fit_intercept"] is False
    assert model.fit(X, y).intercept_ == 0.0
    with pytest.raises(ValueError, match="Invalid parameter 'lambda_'"):
        model.set_params(lambda_=1.0)


@every_case
def test_fit_keeps_parameters_as_given(case):
    model = case.make()
    before = dict(vars(model))
    model.fit(*case.data())
    assert all(getattr(model, name) is value for name, value in before.items())


def through_joblib(model):
    buffer = io.BytesIO()
    joblib.dump(model, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


COPIES = {
    **{f"pickle {p}": p for p in range(pickle.HIGHEST_PROTOCOL + 1)},
    "joblib": through_joblib,
    "deepcopy": copy.deepcopy,
}


def copied_by(way, model):
    return way(model) if callable(way) else pickle.loads(pickle.dumps(model, way))


@every_class
@pytest.mark.parametrize("way", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("fitted", [True, False], ids=["fitted", "unfitted"])
def test_copies(case, way, fitted):
    X, y = case.data()
    model = case.make().fit(X, y) if fitted else case.make()
    copied = copied_by(way, model)
    assert copied.get_params() == model.get_params()
    assert vars(copied).keys() == vars(model).keys()
    model.fit(X, y)
    again = copied if fitted else copied.fit(X, y)
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


@every_class
def test_html_representation(case):
    html = case.make().fit(*case.data())._repr_html_()
    assert case.cls.__name__ in html


def routed_reference(case):
    """Routing of the MultiTask classes raises in scikit-learn 1.9: Ridge's is the same."""
    return (
        sklearn.linear_model.Ridge() if case.cls in MULTI_TASK_SINGLE else case.reference()
    )


@every_class
def test_routing_requests_are_those_of_scikit_learn(case):
    with sklearn.config_context(**ROUTED):
        ours, theirs = map(get_routing_for_object, (case.make(), routed_reference(case)))
        assert str(ours) == str(theirs)


@every_class
def test_weights_through_a_pipeline(case):
    X, y = case.data()
    with sklearn.config_context(**ROUTED):
        model = case.make().set_fit_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weights())
    expected = case.make().fit(scaler.fit_transform(X), y, sample_weight=weights())
    np.testing.assert_array_equal(learned(pipeline[-1]), learned(expected))


@crossed(of(*MULTI_TASK_SINGLE, cases=DEFAULTS))
def test_weights_through_a_grid_search_of_several_targets(case):
    X, y = case.data()
    grid, weight = [0.01, 1.0, 10.0], weights()
    with sklearn.config_context(**ROUTED):
        model = case.make().set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": grid}, cv=3)
        search.fit(X, y, sample_weight=weight)
    for k, (train, test) in enumerate(KFold(3).split(X)):
        expected = [
            case.make(alpha=alpha)
            .fit(X[train], y[train], weight[train])
            .score(X[test], y[test], weight[test])
            for alpha in grid
        ]
        np.testing.assert_array_equal(search.cv_results_[f"split{k}_test_score"], expected)


@crossed(of(skreg.Lasso, skreg.ElasticNet, skreg.Ridge, cases=DEFAULTS))
def test_weights_through_a_grid_search(case):
    X, y = case.data()
    results = []
    with sklearn.config_context(**ROUTED):
        for model in pair(case):
            model.set_fit_request(sample_weight=True)
            model.set_score_request(sample_weight=True)
            search = GridSearchCV(model, {"alpha": [0.01, 1.0, 10.0]}, cv=3)
            search.fit(X, y, sample_weight=weights())
            results.append(search.cv_results_["mean_test_score"])
    assert_close(*results)


@every_class
def test_weights_nobody_asked_for_are_refused(case):
    X, y = case.data()
    with sklearn.config_context(**ROUTED), pytest.raises(UnsetMetadataPassedError):
        make_pipeline(StandardScaler(), case.make()).fit(X, y, sample_weight=weights())


CV_CLASSES = pytest.mark.parametrize("cls", SELECTORS)


def data_for(cls, *shape, seed=0):
    return make_data(*shape, n_targets=usual_targets(cls), seed=seed)


GROUPS = np.arange(40) % 5


@CV_CLASSES
def test_groups_reach_the_splitter(cls):
    X, y = data_for(cls)
    grid = (0.1, 1.0, 10.0)
    with sklearn.config_context(**ROUTED):
        found = cls(alphas=grid, cv=GroupKFold(3)).fit(X, y, groups=GROUPS)
    splits = list(GroupKFold(3).split(X, y, GROUPS))
    expected = cls(alphas=grid, cv=splits).fit(X, y)
    np.testing.assert_array_equal(learned(found), learned(expected))
    for name in ("mse_path_", "best_score_"):
        if hasattr(expected, name):
            np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


@CV_CLASSES
def test_groups_through_nested_cross_validation(cls):
    X, y = data_for(cls)
    model = cls(alphas=(0.1, 1.0), cv=GroupKFold(2))
    with sklearn.config_context(**ROUTED):
        result = cross_validate(
            model,
            X,
            y,
            cv=GroupKFold(3),
            params={"groups": GROUPS},
            return_estimator=True,
            error_score="raise",
        )
    folds = list(GroupKFold(3).split(X, y, GROUPS))
    for fitted, (train, _) in zip(result["estimator"], folds, strict=True):
        inner = list(GroupKFold(2).split(X[train], y[train], GROUPS[train]))
        expected = clone(model).set_params(cv=inner).fit(X[train], y[train])
        np.testing.assert_array_equal(learned(fitted), learned(expected))


@CV_CLASSES
def test_groups_without_routing_are_refused(cls):
    with pytest.raises(ValueError, match=r"enable_metadata_routing=True.*groups"):
        cls(cv=GroupKFold(3)).fit(*data_for(cls), groups=GROUPS)


@CV_CLASSES
def test_a_splitter_that_lacks_its_groups_says_so(cls):
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        cls(cv=GroupKFold(3)).fit(*data_for(cls))


@CV_CLASSES
def test_unknown_metadata_is_refused(cls):
    with sklearn.config_context(**ROUTED), pytest.raises(TypeError, match="colour"):
        cls().fit(*data_for(cls), colour=GROUPS)


@pytest.mark.parametrize("cls", AT_ONE_ALPHA)
def test_unknown_argument_of_fit_is_refused(cls):
    with pytest.raises(TypeError, match="unexpected keyword argument 'groups'"):
        cls().fit(*data_for(cls), groups=GROUPS)


@pytest.mark.parametrize("cv", [None, 4])
@pytest.mark.parametrize("asked", [True, False])
def test_weights_reach_the_scorer_of_ridge_cv(cv, asked):
    X, y = make_data()
    scores = []
    with sklearn.config_context(**ROUTED):
        for library in (skreg, sklearn.linear_model):
            scorer = get_scorer("neg_mean_absolute_error")
            scorer.set_score_request(sample_weight=asked)
            model = library.RidgeCV(scoring=scorer, cv=cv)
            model.set_fit_request(sample_weight=True)
            scores.append(model.fit(X, y, sample_weight=weights()).best_score_)
    assert scores[0] == pytest.approx(scores[1], rel=1e-9)


@pytest.mark.parametrize("cls", PENALIZED_CV)
@pytest.mark.parametrize("backend", ["threading", "loky", "sequential"])
def test_parallel_folds_give_the_same_numbers(cls, backend):
    X, y = data_for(cls)
    expected = cls(alphas=10, cv=4).fit(X, y)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        found = cls(alphas=10, cv=4, n_jobs=2).fit(X, y)
    assert_close(learned(found), learned(expected), 1e-9)
    assert_close(found.mse_path_, expected.mse_path_, 1e-9)


def test_processes_of_a_grid_search_give_the_same_numbers():
    X, y = make_data()
    grid = {"alpha": [0.1, 1.0]}
    with joblib.parallel_config(backend="loky", n_jobs=2):
        found = GridSearchCV(skreg.ElasticNet(), grid, cv=3, n_jobs=2).fit(X, y)
    expected = GridSearchCV(skreg.ElasticNet(), grid, cv=3).fit(X, y)
    name = "mean_test_score"
    assert_close(found.cv_results_[name], expected.cv_results_[name], 1e-9)


@every_case
def test_four_threads_at_once(case):
    data = [case.data(seed=seed) for seed in range(4)]
    expected = [learned(case.make().fit(X, y)) for X, y in data]
    with ThreadPoolExecutor(4) as pool:
        models = pool.map(lambda i: case.make().fit(*data[i % 4]), range(12))
        for i, model in enumerate(models):
            np.testing.assert_array_equal(learned(model), expected[i % 4])


@every_case
def test_fitting_again_gives_the_same_bits(case):
    X, y = case.data()
    model = case.make().fit(X, y)
    first = learned(model)
    if case.settings.get("warm_start"):
        model = case.make()
    np.testing.assert_array_equal(learned(model.fit(X, y)), first)


@crossed([case for case in DEFAULTS if case.cls in SELECTORS])
def test_random_splits_with_a_seed_give_the_same_bits(case):
    X, y = case.data()
    cv = ShuffleSplit(4, random_state=3)
    first, second = (case.make(cv=cv).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(learned(first), learned(second))


@every_case
def test_global_random_state_is_left_alone(case):
    np.random.seed(0)  # noqa: NPY002
    expected = np.random.get_state()[1].copy()  # noqa: NPY002
    case.make().fit(*case.data())
    np.testing.assert_array_equal(np.random.get_state()[1], expected)  # noqa: NPY002


@pytest.mark.parametrize("cls", PENALIZED)
@pytest.mark.parametrize("n_targets", [1, 3])
def test_refit_at_the_solution_takes_no_epoch(cls, n_targets):
    X, y = make_data(n_targets=n_targets)
    model = cls(warm_start=True, **TIGHT).fit(X, y)
    model.set_params(tol=1e-10)
    solution = model.coef_.copy()
    assert np.all(np.array(model.fit(X, y).n_iter_) == 0)
    np.testing.assert_array_equal(model.coef_, solution)


@pytest.mark.parametrize("cls", PENALIZED)
def test_warm_start_takes_fewer_epochs_to_the_same_solution(cls):
    X, y = data_for(cls, 200, 50)
    cold = cls(alpha=0.99, **TIGHT).fit(X, y)
    warm = cls(alpha=1.0, warm_start=True, tol=1e-14).fit(X, y)
    warm.set_params(alpha=0.99).fit(X, y)
    assert warm.n_iter_ <= cold.n_iter_
    assert_close(warm.coef_, cold.coef_)


@pytest.mark.parametrize("cls", PENALIZED)
def test_warm_start_uses_coefficients_set_by_hand(cls):
    X, y = data_for(cls)
    solution = cls(**TIGHT).fit(X, y)
    model = cls(warm_start=True, tol=1e-8)
    model.coef_ = solution.coef_.copy()
    assert model.fit(X, y).n_iter_ == 0


@pytest.mark.parametrize("cls", PENALIZED)
@pytest.mark.parametrize(("before", "after"), [(3, 1), (1, 3), (3, 2)])
def test_warm_start_goes_on_with_another_number_of_targets(cls, before, after):
    X, y = make_data(n_targets=3)
    model = cls(warm_start=True, **TIGHT).fit(X, y[:, :before])
    model.fit(X, y[:, :after])
    assert_close(learned(model), learned(cls(**TIGHT).fit(X, y[:, :after])))
    assert model.predict(X).shape == cls().fit(X, y[:, :after]).predict(X).shape


@pytest.mark.parametrize("cls", PENALIZED)
def test_without_warm_start_nothing_is_remembered(cls):
    X, y = data_for(cls)
    once, twice = cls(), cls(alpha=100.0).fit(X, y)
    twice.set_params(alpha=1.0).fit(X, y)
    np.testing.assert_array_equal(twice.coef_, once.fit(X, y).coef_)
    assert twice.n_iter_ == once.n_iter_


@pytest.mark.parametrize("cls", PENALIZED)
def test_warm_start_leaves_the_previous_coefficients_alone(cls):
    X, y = data_for(cls)
    model = cls(warm_start=True).fit(X, y)
    previous = model.coef_
    before = previous.copy()
    model.set_params(alpha=0.1).fit(X, y)
    np.testing.assert_array_equal(previous, before)


@every_class
def test_refit_forgets_attributes_of_the_previous_fit(case):
    X, y = case.data()
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = case.make().fit(frame, y).fit(X[:, :4], y)
    assert vars(model).keys() == vars(case.make().fit(X[:, :4], y)).keys()
    assert model.coef_.shape[-1] == 4


def test_results_of_a_previous_choice_are_forgotten():
    X, y = make_data()
    model = skreg.RidgeCV(store_cv_results=True).fit(X, y)
    assert not hasattr(model.set_params(store_cv_results=False).fit(X, y), "cv_results_")
