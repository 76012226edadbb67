"""Optimizers against their textbook form, penalties against the models they are."""

import numpy as np
import pytest

from skreg import ElasticNet, Lasso
from skreg._kernels.mlp_optimizers import SGD, Adam, RMSprop
from skreg.mlp._network import coefs, intercepts, objective
from skreg.mlp._optimizers import averaged_parameters
from tests.mlp.nets import Problem

OPTIMIZERS = [SGD(0.0, False), SGD(0.9, False), SGD(0.9, True), Adam(), RMSprop()]


def full_batch(problem, optimizer, n_steps, **settings):
    """Parameters after steps with all rows in one batch."""
    options = {"batch_size": len(problem.sample.weight), "shuffle": False, **settings}
    return problem.train(optimizer, n_steps, **options)[0].params


def textbook(problem, optimizer, n_steps, eta, regularization):
    """The same in numpy, without thresholds."""
    w = problem.params.copy()
    velocity = mean = square = np.zeros_like(w)
    for t in range(1, n_steps + 1):
        _, g = objective(problem.network, w, problem.sample, problem.loss, regularization)
        if isinstance(optimizer, SGD):
            momentum = optimizer.momentum
            velocity = momentum * velocity - eta * g
            w = w + (momentum * velocity - eta * g if optimizer.nesterov else velocity)
        elif isinstance(optimizer, Adam):
            mean = optimizer.beta_1 * mean + (1 - optimizer.beta_1) * g
            square = optimizer.beta_2 * square + (1 - optimizer.beta_2) * g**2
            mean_hat = mean / (1 - optimizer.beta_1**t)
            square_hat = square / (1 - optimizer.beta_2**t)
            w = w - eta * mean_hat / (np.sqrt(square_hat) + optimizer.epsilon)
        else:
            square = optimizer.decay * square + (1 - optimizer.decay) * g**2
            w = w - eta * g / (np.sqrt(square) + optimizer.epsilon)
    return w


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_textbook_steps(optimizer):
    problem = Problem(weighted=True)
    regularization = problem.penalty([1.0, 2.0, 3.0], 0.0, 20.0)
    params = full_batch(
        problem, optimizer, 20, learning_rate=0.01, regularization=regularization
    )
    expected = textbook(problem, optimizer, 20, 0.01, regularization)
    np.testing.assert_allclose(params, expected, rtol=1e-10, atol=1e-11)


def test_decoupled_decay_under_plain_sgd_is_the_l2_penalty():
    problem = Problem(weighted=True)
    total = problem.weight.sum()
    alpha, decay = (
        problem.penalty(5.0, 0.0, total),
        problem.penalty(weight_decay=5.0 / total),
    )
    for batch_size in (40, 7):
        penalised, decayed = (
            problem.train(SGD(0.0, False), 10, regularization=r, batch_size=batch_size)[0]
            for r in (alpha, decay)
        )
        np.testing.assert_allclose(penalised.params, decayed.params, rtol=1e-12, atol=1e-13)
    # Under Adam the penalty is divided by the size of the gradient, decay is not.
    penalised, decayed = (
        full_batch(problem, Adam(), 10, regularization=r) for r in (alpha, decay)
    )
    assert np.abs(penalised - decayed).max() > 1e-3


@pytest.mark.parametrize("optimizer", [SGD(0.9, False), Adam(), RMSprop()], ids=str)
def test_decay_without_a_gradient(optimizer):
    # eta = 0.1, lambda ||w||^2 with lambda = 0.01: weights shrink by 0.998, biases do not.
    problem = Problem()
    first_batch_weighs_nothing = (np.arange(40) >= 20).astype(float)
    problem.sample = problem.sample._replace(weight=first_batch_weighs_nothing)
    state, _ = problem.train(
        optimizer,
        1,
        regularization=problem.penalty(weight_decay=0.02),
        shuffle=False,
        batch_size=20,
        learning_rate=np.array([0.1, 0.0]),
    )
    n_weights = problem.network.intercept_start[0]
    expected = 0.998 * problem.params[:n_weights]
    np.testing.assert_allclose(state.params[:n_weights], expected, rtol=1e-14)
    np.testing.assert_array_equal(state.params[n_weights:], problem.params[n_weights:])


def regression(n_samples=200, n_features=12, seed=1):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features)) * rng.uniform(0.5, 2.0, n_features)
    coef = np.where(np.arange(n_features) < 5, rng.standard_normal(n_features), 0.0)
    y = 1.0 + X @ coef + 0.5 * rng.standard_normal(n_samples)
    return X, y


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    ("optimizer", "eta", "n_steps"),
    [
        (SGD(0.0, False), 0.1, 500),
        (SGD(0.9, False), 0.02, 500),
        (SGD(0.9, True), 0.02, 500),
        (Adam(), 0.002, 5000),
        (RMSprop(), 0.002, 4000),
    ],
    ids=str,
)
def test_thresholds_lead_to_the_lasso(optimizer, eta, n_steps, dtype):
    X, y = regression()
    lasso = Lasso(alpha=0.1).fit(X, y)
    assert 3 <= np.count_nonzero(lasso.coef_) <= 9
    problem = Problem(X=X, target=y[:, None], hidden=(), dtype=dtype)
    penalty = problem.penalty(0.1 * len(X), 1.0, float(len(X)))
    # Adaptive steps do not shrink by themselves: eta goes to zero.
    state = None
    for part in (1.0, 0.3, 0.1, 0.03, 0.01):
        options = {"regularization": penalty, "learning_rate": part * eta}
        state, _ = problem.train(optimizer, n_steps, state=state, batch_size=200, **options)
    (coef,) = coefs(problem.network, state.params)
    np.testing.assert_array_equal(coef[:, 0] == 0.0, lasso.coef_ == 0.0)
    np.testing.assert_allclose(coef[:, 0], lasso.coef_, atol=1e-3)
    (intercept,) = intercepts(problem.network, state.params)
    assert intercept[0] == pytest.approx(lasso.intercept_, abs=1e-3)


def test_elastic_net():
    X, y = regression()
    model = ElasticNet(alpha=0.3, l1_ratio=0.4).fit(X, y)
    problem = Problem(X=X, target=y[:, None], hidden=())
    penalty = problem.penalty(0.3 * len(X), 0.4, float(len(X)))
    params = full_batch(
        problem, SGD(0.9, True), 1500, regularization=penalty, learning_rate=0.02
    )
    np.testing.assert_allclose(params[:-1], model.coef_, atol=1e-10)


def test_biases_are_not_thresholded():
    problem = Problem()
    penalty = problem.penalty(1e6, 1.0)
    params = full_batch(problem, SGD(), 3, regularization=penalty)
    assert all((coef == 0.0).all() for coef in coefs(problem.network, params))
    assert all((b != 0.0).any() for b in intercepts(problem.network, params)[:2])


def test_max_norm_bounds_incoming_weights_of_hidden_units():
    problem = Problem(activation="relu")
    problem.params *= 3.0
    free = full_batch(problem, SGD(0.0, False), 1)
    bound = full_batch(
        problem, SGD(0.0, False), 1, regularization=problem.penalty(max_norm=1.5)
    )
    layers = zip(coefs(problem.network, free), coefs(problem.network, bound), strict=True)
    for layer, (before, after) in enumerate(layers):
        norms = np.linalg.norm(before, axis=0)
        scale = np.minimum(1.0, 1.5 / norms) if layer < 2 else np.ones_like(norms)
        np.testing.assert_allclose(after, before * scale, rtol=1e-12)
        assert layer == 2 or (scale < 1.0).any()


def test_clipping_by_norm():
    problem = Problem()
    eta, bound = 0.5, 0.01
    penalty = problem.penalty(4.0, clip_norm=bound)
    _, g = objective(problem.network, problem.params, problem.sample, problem.loss, penalty)
    assert np.linalg.norm(g) > bound
    params = full_batch(
        problem, SGD(0.0, False), 1, regularization=penalty, learning_rate=eta
    )
    expected = problem.params - eta * bound * g / np.linalg.norm(g)
    np.testing.assert_allclose(params, expected, rtol=1e-12, atol=1e-14)
    loose = problem.penalty(4.0, clip_norm=1.01 * np.linalg.norm(g))
    params = full_batch(
        problem, SGD(0.0, False), 1, regularization=loose, learning_rate=eta
    )
    np.testing.assert_allclose(params, problem.params - eta * g, rtol=1e-12, atol=1e-14)


def test_averaged_weights():
    problem = Problem()
    state, history = None, []
    for _ in range(5):
        state, _ = problem.train(
            Adam(), 1, state=state, averaging=True, average_decay=0.7, batch_size=40
        )
        history.append(state.params.copy())
    shares = 0.7 ** np.arange(4, -1, -1)
    expected = np.average(history, axis=0, weights=shares)
    np.testing.assert_allclose(averaged_parameters(state, 0.7), expected, rtol=1e-12)
