"""What is refused, and what is left as it was; company of other estimators."""

import pickle
import warnings

import numpy as np
import pytest
import sklearn
import sklearn.linear_model
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.feature_selection import SelectFromModel
from sklearn.metrics import make_scorer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import SGDClassifier, SGDRegressor
from skreg._solvers import column_store
from skreg.exceptions import InvalidParameter
from tests.contracts.test_dropin import assert_extends, public_names
from tests.linear.streams import classification, learned, regression, same_bits

SHORT = {"max_iter": 5, "tol": None, "random_state": 0}
ROUTED = {"enable_metadata_routing": True}
every_storage = pytest.mark.parametrize("limit", [2**24, 0], ids=["dense", "hash"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "poisson"}, "'loss' parameter of SGDClassifier must be a str among"),
        ({"class_weight": "equal"}, "'class_weight' parameter"),
        ({"n_jobs": 1.5}, "'n_jobs' parameter"),
        ({"solver": "adam"}, "'solver' parameter"),
        ({"alpha": -1.0}, "'alpha' parameter"),
    ],
)
def test_parameters_out_of_range(settings, words):
    X, y = classification()
    model = SGDClassifier(**settings)
    with pytest.raises(InvalidParameter, match=words):
        model.fit(X, y)
    with pytest.raises(InvalidParameter, match=words):
        model.partial_fit(X, y, classes=[0, 1])
    assert set(vars(model)) == set(model.get_params())


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"penalty": "elasticnet", "l1_ratio": None}, "l1_ratio must be set when"),
        ({"solver": "ftrl", "average": True}, "average=True needs solver='sgd'"),
        ({"standardize": True}, "standardize=True needs solver='ftrl'.*got solver='sgd'"),
        ({"standardize": True, "solver": "adagrad"}, "got solver='adagrad'"),
        ({"solver": "adagrad", "average": 10}, "average=10 needs solver='sgd'"),
        ({"alpha": 0.0}, "alpha must be > 0 since learning_rate is 'optimal'"),
        ({"alpha": [0.1, 0.0]}, "alpha must be > 0 since learning_rate is 'optimal'"),
        ({"learning_rate": "pa1", "loss": "log_loss"}, "only works with loss 'hinge'"),
        ({"class_weight": {9: 2.0}}, r"The classes, \[0, 1\], are not in class_weight"),
    ],
)
def test_parameters_that_do_not_go_together(settings, words):
    X, y = classification()
    model = SGDClassifier(**settings)
    with pytest.raises(ValueError, match=words):
        model.fit(X, y)
    assert not hasattr(model, "alphas_")


def state_of(model):
    return pickle.dumps(model), learned(model)


def refused(model, words, *data, **given):
    """A call of partial_fit fails and leaves no trace."""
    before, weights = state_of(model)
    with pytest.raises((ValueError, TypeError), match=words):
        model.partial_fit(*data, **given)
    after, weights_after = state_of(model)
    assert before == after
    np.testing.assert_array_equal(weights, weights_after)


@every_storage
@pytest.mark.parametrize("solver", ["sgd", "adagrad", "ftrl"])
def test_rows_that_are_refused_leave_the_state_intact(solver, limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = classification(60, 4, 3)
    X = sparse.csr_array(X)
    model = SGDClassifier("log_loss", solver=solver, random_state=0)
    model.partial_fit(X, y, classes=[0, 1, 2])
    bad = X.copy()
    bad.data[7] = np.nan
    refused(model, "Input X contains NaN", bad, y)
    bad.data[7] = np.inf
    refused(model, "Input X contains infinity", bad, y)
    refused(model, "X has 3 features, but SGDClassifier is expecting 4", X[:, :3], y)
    refused(model, r"labels \[3\] that are not among the classes", X, y + 1)
    refused(model, "is not the same as on last call", X, y, classes=[0, 1])
    refused(model, "Negative values", X, y, sample_weight=-np.ones(60))
    refused(model, "inconsistent numbers of samples", X, y[:50])
    for name, value in (("solver", "x"), ("alpha", [0.1, 0.2])):
        changed = pickle.loads(pickle.dumps(model)).set_params(**{name: value})
        refused(changed, "number of alphas|'solver'", X, y)
    other = "ftrl" if solver == "sgd" else "sgd"
    refused(model.set_params(solver=other), "goes on with the solver of the first", X, y)
    model.set_params(solver=solver).partial_fit(X, y)


def test_classes_in_pieces():
    X, y = classification(60, 4, 3)
    model = SGDClassifier(random_state=0)
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        model.partial_fit(X, y)
    with pytest.raises(ValueError, match=r"labels \[2\] that are not among the classes"):
        model.partial_fit(X, y, classes=[0, 1])
    with pytest.raises(ValueError, match="number of classes has to be greater than one"):
        model.partial_fit(X, 0 * y, classes=[0])
    assert set(vars(model)) == set(model.get_params())
    balanced = SGDClassifier(class_weight="balanced")
    with pytest.raises(ValueError, match="'balanced' is not supported for partial_fit"):
        balanced.partial_fit(X, y, classes=[0, 1, 2])
    # The first rows may all be of one class.
    model.partial_fit(X[y == 1], y[y == 1], classes=[2, 1, 0]).partial_fit(X, y)
    assert model.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="number of classes has to be greater than one"):
        SGDClassifier().fit(X, 0 * y)
    names = np.array(["red", "green", "blue"])
    assert SGDClassifier(**SHORT).fit(X, names[y]).predict(X[:3]).dtype == names.dtype


def test_rows_of_a_class_without_weight_are_nothing():
    X, y = classification(60, 4)
    model = SGDClassifier("log_loss", class_weight={0: 0.0, 1: 1.0}, random_state=0)
    model.partial_fit(X, y, classes=[0, 1])
    before, loss = learned(model), model.progressive_loss_
    model.partial_fit(X[y == 0], y[y == 0])
    np.testing.assert_array_equal(learned(model), before)
    assert model.progressive_loss_ == loss


@pytest.mark.parametrize(
    ("loss", "lowest"),
    [("poisson", "needs y >= 0; got -1"), ("gamma", "needs y > 0; got 0")],
)
def test_targets_outside_of_the_range_of_the_loss(loss, lowest):
    X, y = regression()
    y = np.abs(y) + 1.0
    model = SGDRegressor(loss, **SHORT).partial_fit(X, y)
    y[3] = -1.0 if loss == "poisson" else 0.0
    refused(model, lowest, X, y)
    with pytest.raises(ValueError, match=lowest):
        SGDRegressor(loss).fit(X, y)


@every_storage
def test_divergence_is_named_with_its_learning_rate(limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = regression()
    X = sparse.csr_array(X * 1e160)
    model = SGDRegressor(learning_rate="constant", eta0=3.0, random_state=0)
    with pytest.raises(
        ValueError, match=r"epoch #1: the loss of row \d+ is not finite at "
    ):
        model.fit(X, y)
    assert set(vars(model)) == set(model.get_params())
    with pytest.raises(ValueError, match=r"learning rate 3\. Remedies: a smaller eta0"):
        model.partial_fit(X, y)
    fitted = SGDRegressor(**SHORT).fit(regression()[0], y)
    before = state_of(fitted)[0]
    with pytest.raises(ValueError, match="is not finite at learning rate"):
        fitted.fit(X, y)
    assert state_of(fitted)[0] == before


def test_steep_slopes_are_warned_of():
    X, y = regression()
    model = SGDRegressor(learning_rate="constant", eta0=1.0, max_iter=2, tol=None)
    with pytest.warns(ConvergenceWarning, match="clipped to 1e12 .* at learning rate 1"):
        model.fit(X * 10, y)


def test_negative_power_is_deprecated():
    X, y = regression()
    with pytest.warns(FutureWarning, match="Negative values for `power_t`"):
        SGDRegressor(power_t=-0.1, **SHORT).fit(X, y)


def test_one_model_learns_many_chunks_without_noise():
    X, y = classification()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SGDClassifier(random_state=0)
        for _ in range(3):
            model.partial_fit(X, y, classes=[0, 1]).predict(X)


# Scikit-learn's classes and company


@pytest.mark.parametrize("cls", [SGDClassifier, SGDRegressor])
def test_it_is_scikit_learns_class(cls):
    reference = getattr(sklearn.linear_model, cls.__name__)
    for method in ("__init__", "fit", "partial_fit", "predict", "score"):
        assert_extends(getattr(cls, method), getattr(reference, method))
    added = {"solver": "sgd", "beta": 1.0, "quantile": 0.5, "standardize": False}
    assert cls().get_params() == {**reference().get_params(), **added}
    assert repr(cls()) == repr(reference())
    X, y = classification(60, 4, 3) if cls is SGDClassifier else regression()
    ours, theirs = cls(**SHORT).fit(X, y), reference(**SHORT).fit(X, y)
    assert public_names(theirs) <= public_names(ours)
    for name in ("coef_", "intercept_", "t_", "n_iter_", "n_features_in_"):
        found, expected = getattr(ours, name), getattr(theirs, name)
        assert type(found) is type(expected)
        assert np.shape(found) == np.shape(expected)
    for tag in ("input_tags", "target_tags", "classifier_tags", "regressor_tags"):
        found, expected = (
            getattr(sklearn.utils.get_tags(m), tag) for m in (cls(), reference())
        )
        assert found == expected


TEXTS = ["good film", "bad film", "very good", "very bad", "so good", "so bad"] * 10
LABELS = np.array([1, 0] * 30)


@pytest.mark.parametrize("solver", ["sgd", "adagrad", "ftrl"])
@pytest.mark.parametrize("n_features", [2**18, 2**30])
def test_pipelines_of_hashed_features(solver, n_features):
    model = SGDClassifier("log_loss", solver=solver, penalty="l1", eta0=0.5, **SHORT)
    texts = make_pipeline(HashingVectorizer(n_features=n_features), clone(model))
    assert texts.fit(TEXTS, LABELS).score(TEXTS, LABELS) == 1.0
    hasher = FeatureHasher(n_features=n_features, input_type="string")
    tokens = [text.split() for text in TEXTS]
    assert make_pipeline(hasher, model).fit(tokens, LABELS).score(tokens, LABELS) == 1.0
    assert sparse.issparse(model.coef_) == (n_features > 2**24)


def test_grid_search_and_cross_validation():
    X, y = classification(90, 5, 3)
    grid = {"alpha": [1e-3, 100.0], "solver": ["sgd", "ftrl"], "penalty": ["l1", "l2"]}
    search = GridSearchCV(SGDClassifier("log_loss", eta0=0.5, **SHORT), grid, cv=3)
    search.fit(sparse.csr_array(X), y)
    assert search.best_params_["alpha"] == 1e-3
    model = search.best_estimator_
    same_bits(clone(model).fit(sparse.csr_array(X), y), model)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.6


@pytest.mark.parametrize(
    "around",
    [
        lambda m: CalibratedClassifierCV(m, cv=3),
        OneVsRestClassifier,
        OneVsOneClassifier,
        lambda m: BaggingClassifier(m, n_estimators=3, random_state=0),
        lambda m: make_pipeline(SelectFromModel(m, threshold=1e-5), clone(m)),
        lambda m: make_pipeline(StandardScaler(with_mean=False), m),
    ],
    ids=["calibrated", "rest", "one", "bagging", "selected", "scaled"],
)
def test_meta_estimators(around):
    X, y = classification(90, 5, 3)
    model = around(SGDClassifier(penalty="l1", alpha=1e-3, **SHORT))
    assert model.fit(sparse.csr_array(X), y).score(sparse.csr_array(X), y) > 0.6


def test_several_labels():
    X, y = classification(90, 5, 3)
    labels = np.column_stack([y == 0, y == 1]).astype(int)
    model = MultiOutputClassifier(SGDClassifier(**SHORT)).fit(X, labels)
    alone = SGDClassifier(**SHORT).fit(X, labels[:, 1])
    same_bits(model.estimators_[1], alone)
    in_pieces = MultiOutputClassifier(SGDClassifier(**SHORT))
    in_pieces.partial_fit(X, labels, classes=[[0, 1], [0, 1]])
    assert in_pieces.predict(X).shape == labels.shape


def test_weights_are_routed():
    X, y = classification(90, 5)
    weight = np.linspace(0.1, 2.0, 90)
    with sklearn.config_context(**ROUTED):
        model = SGDClassifier(**SHORT).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=True)
        scaler = StandardScaler().set_fit_request(sample_weight=False)
        pipeline = make_pipeline(scaler, model).fit(X, y, sample_weight=weight)
        accuracy = make_scorer(sklearn.metrics.accuracy_score)
        accuracy.set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"alpha": [1e-3, 1e-2]}, cv=3, scoring=accuracy)
        search.fit(X, y, sample_weight=weight)
        requests = str(model.get_metadata_routing())
    expected = SGDClassifier(**SHORT).fit(scaler.transform(X), y, sample_weight=weight)
    same_bits(pipeline[-1], expected)
    best = SGDClassifier(**SHORT, alpha=search.best_params_["alpha"])
    same_bits(search.best_estimator_, best.fit(X, y, sample_weight=weight))
    assert "alpha" not in requests
