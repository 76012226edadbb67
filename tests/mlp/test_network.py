"""Layout of the flat vector and initial weights."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skreg._kernels.mlp_losses import CrossEntropy
from skreg.mlp._network import (
    coefs,
    forward,
    initial_parameters,
    intercepts,
    make_network,
    n_parameters,
    objective,
    penalty_value,
)
from tests.mlp.nets import Problem


def test_layers_are_views_that_cover_the_vector():
    network = make_network(3, (4, 5), 2, "relu")
    params = np.zeros(n_parameters(network))
    for layer, view in enumerate([*coefs(network, params), *intercepts(network, params)]):
        view += layer + 1
    shapes = [view.shape for view in coefs(network, params)]
    assert shapes == [(3, 4), (4, 5), (5, 2)]
    assert [view.shape for view in intercepts(network, params)] == [(4,), (5,), (2,)]
    counts = np.bincount(params.astype(int))
    assert counts.tolist() == [0, 12, 20, 10, 4, 5, 2]


@pytest.mark.parametrize("activation", ["relu", "logistic", "tanh"])
@pytest.mark.parametrize("hidden", [(4, 5), ()])
def test_initial_weights_are_those_of_scikit_learn(activation, hidden):
    X = np.random.default_rng(0).standard_normal((20, 3))
    reference = MLPRegressor(
        hidden_layer_sizes=hidden,
        activation=activation,
        solver="sgd",
        learning_rate_init=1e-14,
        random_state=3,
        max_iter=1,
        n_iter_no_change=1,
    )
    with pytest.warns(Warning, match="Maximum iterations"):
        reference.fit(X, X[:, 0])
    network = make_network(3, hidden, 1, activation)
    params = initial_parameters(network, np.random.RandomState(3), np.float64)
    layers = [*coefs(network, params), *intercepts(network, params)]
    if not hidden:  # scikit-learn asks the only activation, this module the layer below
        factor = 1.0 if activation != "logistic" else np.sqrt(3.0)
        layers = [layer / factor for layer in layers]
    expected = [*reference.coefs_, *reference.intercepts_]
    for layer, other in zip(layers, expected, strict=True):
        np.testing.assert_allclose(layer, other, atol=1e-10)


def test_dtypes_start_from_the_same_numbers():
    network = make_network(3, (4,), 1, "relu")
    double = initial_parameters(network, np.random.RandomState(0), np.float64)
    single = initial_parameters(network, np.random.RandomState(0), np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(single, double.astype(np.float32))


def test_objective_is_that_of_scikit_learn_with_lbfgs():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((60, 3)), rng.integers(0, 3, 60)
    reference = MLPClassifier(
        (5,), "tanh", solver="lbfgs", alpha=2.0, random_state=0, tol=1e-9, max_iter=5000
    ).fit(X, y)
    problem = Problem(X=X, target=np.eye(3)[y], hidden=(5,))
    parts = [*reference.coefs_, *reference.intercepts_]
    params = np.concatenate([part.ravel() for part in parts])
    value, gradient = objective(
        problem.network,
        params,
        problem.sample,
        CrossEntropy(),
        problem.penalty(2.0, 0.0, 60.0),
    )
    assert value == pytest.approx(reference.loss_, rel=1e-9)
    assert np.abs(gradient).max() < 1e-4
    proba = np.exp(forward(problem.network, params, X))
    proba /= proba.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(proba, reference.predict_proba(X), atol=1e-10)


def test_penalty_value():
    problem = Problem()
    weights = coefs(problem.network, problem.params)
    alphas = np.array([1.0, 0.5, 2.0])
    expected = sum(
        a / 10 * (0.75 / 2 * (w**2).sum() + 0.25 * np.abs(w).sum())
        for a, w in zip(alphas, weights, strict=True)
    )
    regularization = problem.penalty(alphas, 0.25, 10.0)
    value = penalty_value(problem.network, problem.params, regularization)
    assert value == pytest.approx(expected, rel=1e-13)
