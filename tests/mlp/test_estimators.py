"""MLPClassifier and MLPRegressor: the model they fit."""

import inspect

import numpy as np
import pytest
import sklearn.neural_network
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris, load_wine
from sklearn.linear_model import LogisticRegression, QuantileRegressor
from sklearn.preprocessing import scale

from skreg import ElasticNet, MLPClassifier, MLPRegressor, Ridge
from skreg.mlp._settings import RULES

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
EXACT = {"solver": "lbfgs", "tol": 1e-10, "max_iter": 5000, "max_fun": 100_000}
BOTH = pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
CLASSES = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}


def regression(n_samples=60, n_features=5, n_outputs=None, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    coef = rng.normal(size=(n_features, n_outputs or 1))
    y = X @ coef + 0.3 * rng.normal(size=(n_samples, n_outputs or 1))
    return X, y if n_outputs else y[:, 0]


def classification(n_classes=3, n_samples=90, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    return rng.normal(size=(n_samples, 4)) + 1.5 * rng.normal(size=(n_classes, 4))[y], y


@BOTH
def test_signature_begins_with_scikit_learns(name):
    theirs = inspect.signature(getattr(sklearn.neural_network, name)).parameters
    ours = inspect.signature(CLASSES[name]).parameters
    for own, reference in zip(ours.values(), theirs.values(), strict=False):
        assert own == reference
    added = list(ours.values())[len(theirs) :]
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in added)


@BOTH
def test_every_parameter_has_a_rule(name):
    cls = CLASSES[name]
    assert set(cls().get_params()) == set(cls._rules)
    assert set(RULES) <= set(cls._rules)


@pytest.mark.parametrize("alpha", [0.1, 3.0])
@pytest.mark.parametrize("n_outputs", [None, 2])
def test_without_hidden_layers_it_is_ridge(alpha, n_outputs):
    X, y = regression(n_outputs=n_outputs)
    model = MLPRegressor(hidden_layer_sizes=(), alpha=alpha, **EXACT).fit(X, y)
    ridge = Ridge(alpha).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0].T, np.atleast_2d(ridge.coef_), atol=1e-6)
    np.testing.assert_allclose(model.intercepts_[0], ridge.intercept_, atol=1e-6)
    np.testing.assert_allclose(model.predict(X), ridge.predict(X), atol=1e-6)


@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_without_hidden_layers_it_is_elastic_net(l1_ratio):
    X, y = regression(n_features=8)
    X[:, 3] *= 0.01
    model = MLPRegressor(hidden_layer_sizes=(), alpha=20.0, l1_ratio=l1_ratio, **EXACT)
    model.fit(X, y)
    reference = ElasticNet(20.0 / len(y), l1_ratio=l1_ratio, tol=1e-14).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], reference.coef_, atol=1e-6)
    assert np.any(reference.coef_ == 0.0)
    np.testing.assert_array_equal(model.coefs_[0][:, 0] == 0.0, reference.coef_ == 0.0)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_without_hidden_layers_it_is_logistic_regression(n_classes):
    X, y = classification(n_classes)
    model = MLPClassifier(hidden_layer_sizes=(), alpha=2.0, **EXACT).fit(X, y)
    reference = LogisticRegression(C=0.5, tol=1e-10, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(
        model.predict_proba(X), reference.predict_proba(X), atol=1e-5
    )


def test_median_is_that_of_quantile_regression():
    X, y = regression()
    model = MLPRegressor(
        loss="quantile", quantile=0.3, hidden_layer_sizes=(), alpha=0.0, solver="adam"
    )
    model.set_params(learning_rate="cosine", learning_rate_init=0.05, max_iter=3000)
    model.set_params(n_iter_no_change=np.inf, random_state=0).fit(X, y)
    reference = QuantileRegressor(quantile=0.3, alpha=0.0).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], reference.coef_, atol=2e-2)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_classifier_is_scikit_learns_by_lbfgs(activation, n_classes):
    X, y = classification(n_classes)
    settings = {"hidden_layer_sizes": (4, 3), "activation": activation, "alpha": 5.0}
    settings |= {"random_state": 3, **EXACT}
    model = MLPClassifier(**settings).fit(X, y)
    reference = sklearn.neural_network.MLPClassifier(**settings).fit(X, y)
    assert model.loss_ == pytest.approx(reference.loss_, rel=1e-5)
    np.testing.assert_allclose(
        model.predict_proba(X), reference.predict_proba(X), atol=2e-3
    )
    assert model.out_activation_ == reference.out_activation_


@pytest.mark.parametrize("loss", ["squared_error", "poisson"])
def test_regressor_is_scikit_learns_by_lbfgs(loss):
    X, y = regression()
    y = np.exp(0.5 * y) if loss == "poisson" else y
    settings = {"hidden_layer_sizes": (4,), "activation": "tanh", "alpha": 1.0}
    settings |= {"random_state": 3, **EXACT}
    model = MLPRegressor(loss, **settings).fit(X, y)
    reference = sklearn.neural_network.MLPRegressor(loss, **settings).fit(X, y)
    assert model.loss_ == pytest.approx(reference.loss_, rel=1e-4)
    np.testing.assert_allclose(model.predict(X), reference.predict(X), rtol=0.02, atol=0.02)


@pytest.mark.parametrize("load", [load_iris, load_wine, load_breast_cancer, load_diabetes])
@pytest.mark.parametrize(
    ("settings", "atol"),
    [
        ({"max_iter": 10}, 1e-10),
        ({"activation": "tanh", "max_iter": 20}, 1e-8),
        ({"activation": "tanh", "hidden_layer_sizes": (5,), "alpha": 10.0}, 1e-4),
    ],
)
def test_coefficients_by_lbfgs_are_scikit_learns(load, settings, atol):
    # Iterations amplify rounding: scikit-learn's own coefficients move by 6e-3 on iris
    # (tanh, alpha=1e-4) if rows are given in reverse. So: early, or at a steep minimum.
    X, y = load(return_X_y=True)
    name = "MLPRegressor" if load is load_diabetes else "MLPClassifier"
    y = scale(y) if load is load_diabetes else y
    settings = {"solver": "lbfgs", "random_state": 0, **settings}
    model = CLASSES[name](**settings).fit(scale(X), y)
    reference = getattr(sklearn.neural_network, name)(**settings).fit(scale(X), y)
    for ours, theirs in zip(
        model.coefs_ + model.intercepts_,
        reference.coefs_ + reference.intercepts_,
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=atol)
    assert model.n_iter_ == reference.n_iter_


def test_coefficients_by_lbfgs_on_iris_by_default():
    X, y = load_iris(return_X_y=True)
    settings = {"solver": "lbfgs", "random_state": 0}
    model = MLPClassifier(**settings).fit(scale(X), y)
    reference = sklearn.neural_network.MLPClassifier(**settings).fit(scale(X), y)
    for ours, theirs in zip(model.coefs_, reference.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0.0, atol=1e-4)


@pytest.mark.parametrize("learning_rate", ["constant", "invscaling", "adaptive"])
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_one_batch_of_sgd_is_scikit_learns_step(cls, learning_rate):
    X, y = classification()
    settings = {"hidden_layer_sizes": (6,), "solver": "sgd", "alpha": 2.0, "max_iter": 30}
    settings |= {"learning_rate": learning_rate, "learning_rate_init": 0.1}
    settings |= {"random_state": 0, "shuffle": False, "activation": "tanh"}
    model = cls(**settings).fit(X, y)
    reference = getattr(sklearn.neural_network, cls.__name__)(**settings).fit(X, y)
    for ours, theirs in zip(model.coefs_, reference.coefs_, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    assert model.t_ == reference.t_
    assert model.n_iter_ == reference.n_iter_
    assert model.n_layers_ == reference.n_layers_
    assert model.n_outputs_ == reference.n_outputs_


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam", "rmsprop"])
def test_penalty_does_not_depend_on_batches(solver):
    X, y = regression(n_samples=400)
    norms = []
    for batch_size in (20, 100, 400):
        model = MLPRegressor(
            hidden_layer_sizes=(),
            alpha=100.0,
            solver=solver,
            batch_size=batch_size,
            learning_rate="cosine",
            learning_rate_init=0.02,
            n_iter_no_change=np.inf,
            max_iter=300,
            random_state=0,
        )
        norms.append(np.linalg.norm(model.fit(X, y).coefs_[0]))
    expected = np.linalg.norm(Ridge(100.0).fit(X, y).coef_)
    np.testing.assert_allclose(norms, expected, rtol=0.01)


@pytest.mark.parametrize("container", [sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("settings", [EXACT, {"dropout": 0.3, "input_dropout": 0.2}])
def test_sparse_is_dense(container, settings):
    X, y = classification()
    X[np.abs(X) < 1.0] = 0.0
    settings = {"hidden_layer_sizes": (5,), "random_state": 0, "alpha": 9.0, **settings}
    settings["activation"] = "tanh"
    dense = MLPClassifier(**{"max_iter": 20, **settings}).fit(X, y)
    other = MLPClassifier(**{"max_iter": 20, **settings}).fit(container(X), y)
    np.testing.assert_allclose(
        dense.predict_proba(X), other.predict_proba(container(X)), atol=1e-5
    )


def test_multilabel():
    X, y = classification(4)
    Y = np.column_stack([y % 2, y // 2])
    settings = {"hidden_layer_sizes": (5,), "alpha": 1.0, "random_state": 0, **EXACT}
    model = MLPClassifier(activation="tanh", **settings).fit(X, Y)
    reference = sklearn.neural_network.MLPClassifier(activation="tanh", **settings)
    reference.fit(X, Y)
    assert model.loss_ == pytest.approx(reference.loss_, rel=1e-4)
    np.testing.assert_array_equal(model.predict(X), reference.predict(X))
    assert model.predict_proba(X).shape == (len(X), 2)


def test_labels_may_be_strings():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor", "virginica"])[y]
    model = MLPClassifier((8,), alpha=1.0, random_state=0, **EXACT).fit(scale(X), names)
    assert model.score(scale(X), names) > 0.95
    assert list(model.classes_) == ["setosa", "versicolor", "virginica"]


def test_alpha_per_matrix_and_scaling():
    X, y = regression()
    settings = {"hidden_layer_sizes": (4,), "activation": "tanh", "random_state": 0}
    one = MLPRegressor(alpha=6.0, **settings, **EXACT).fit(X, y)
    two = MLPRegressor(alpha=[6.0, 6.0], **settings, **EXACT).fit(X, y)
    mean = MLPRegressor(alpha=0.1, alpha_scaling="mean", **settings, **EXACT).fit(X, y)
    other = MLPRegressor(alpha=[6.0, 0.0], **settings, **EXACT).fit(X, y)
    np.testing.assert_array_equal(one.predict(X), two.predict(X))
    np.testing.assert_allclose(one.loss_, mean.loss_, rtol=1e-8)
    assert np.linalg.norm(other.coefs_[1]) > 1.5 * np.linalg.norm(one.coefs_[1])


@pytest.mark.parametrize("solver", ["sgd", "adam", "rmsprop"])
def test_minibatches_find_the_zeros_of_the_lasso(solver):
    X, y = regression(n_samples=100, n_features=8)
    y = y - X[:, :3] @ np.linalg.lstsq(X, y, rcond=None)[0][:3]
    model = MLPRegressor(hidden_layer_sizes=(), alpha=15.0, l1_ratio=1.0, solver=solver)
    model.set_params(learning_rate="cosine", learning_rate_init=0.02, max_iter=1500)
    model.set_params(n_iter_no_change=np.inf, random_state=0, batch_size=100).fit(X, y)
    reference = ElasticNet(0.15, l1_ratio=1.0).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], reference.coef_, atol=1e-3)
    np.testing.assert_array_equal(model.coefs_[0][:, 0] == 0.0, reference.coef_ == 0.0)
    assert np.any(reference.coef_ == 0.0)


def test_multiplication_by_the_published_factor():
    X, y = np.zeros((4, 2)), np.zeros(4)
    model = MLPRegressor(hidden_layer_sizes=(), solver="sgd", alpha=0.0, momentum=0.0)
    model.set_params(weight_decay=0.02, learning_rate_init=0.1, random_state=0)
    start = model.partial_fit(X, y).coefs_[0].copy()
    after = model.partial_fit(X, y).coefs_[0]
    np.testing.assert_allclose(after, 0.998 * start, rtol=1e-12)


def test_decay_is_the_l2_penalty_under_sgd_but_not_under_adam():
    X, y = regression()
    settings = {"max_iter": 20, "random_state": 0, "hidden_layer_sizes": (5,)}
    settings |= {"activation": "tanh", "momentum": 0.0, "nesterovs_momentum": False}
    decayed, penalised = (
        {
            solver: MLPRegressor(solver=solver, **penalty, **settings).fit(X, y).coefs_[0]
            for solver in ("sgd", "adam")
        }
        for penalty in ({"alpha": 0.0, "weight_decay": 0.5}, {"alpha": 0.5 * len(y)})
    )
    np.testing.assert_allclose(decayed["sgd"], penalised["sgd"], rtol=1e-12)
    assert np.abs(decayed["adam"] - penalised["adam"]).max() > 1e-3


def test_float32():
    X, y = regression()
    single = MLPRegressor(dtype="float32", max_iter=5, random_state=0).fit(X, y)
    assert single.coefs_[0].dtype == np.float32
    assert single.predict(X).dtype == np.float32
    double = MLPRegressor(max_iter=5, random_state=0).fit(X, y)
    np.testing.assert_allclose(single.predict(X), double.predict(X), atol=1e-4)
    narrow = MLPRegressor(max_iter=5, random_state=0).fit(X.astype(np.float32), y)
    np.testing.assert_array_equal(narrow.coefs_[0], single.coefs_[0])


@pytest.mark.parametrize("loss", ["huber", "quantile", "poisson", "squared_error"])
def test_losses_of_a_regressor_fall(loss):
    X, y = regression(n_outputs=2)
    y = np.abs(y)
    model = MLPRegressor(loss, activation=["gelu", "silu"], hidden_layer_sizes=(9, 7))
    model.set_params(random_state=0, max_iter=50, learning_rate_init=0.01).fit(X, y)
    assert model.loss_curve_[-1] < 0.8 * model.loss_curve_[0]
    assert model.predict(X).shape == y.shape


def test_every_regularizer_at_once():
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(
        hidden_layer_sizes=(20, 10),
        activation=["relu", "elu"],
        dropout=[0.1, 0.2],
        input_dropout=0.1,
        dropout_noise="gaussian",
        input_noise=0.1,
        mixup=0.2,
        max_norm=3.0,
        clip_norm=1.0,
        average_decay=0.9,
        weight_decay=1e-3,
        l1_ratio=0.3,
        alpha=[1.0, 0.5, 0.0],
        learning_rate="onecycle",
        learning_rate_init=0.01,
        max_iter=100,
        random_state=0,
    )
    assert model.fit(scale(X), scale(y)).score(scale(X), scale(y)) > 0.4
