"""Gradients by finite differences, and the forward pass against plain numpy."""

import numpy as np
import pytest
from scipy import sparse, special

from skreg._kernels.activations import LEAK
from skreg.mlp._network import (
    ACTIVATIONS,
    coefs,
    forward,
    intercepts,
    objective,
    sample_forward,
)
from tests.mlp.nets import LOSSES, Problem

FORMULAS = {
    "identity": lambda z: z,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, LEAK * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
    "gelu": lambda z: z * special.ndtr(z),
    "silu": lambda z: z * special.expit(z),
    "tanh": np.tanh,
    "logistic": special.expit,
}


def finite_difference(problem, regularization, **noise):
    """Relative error of the gradient against central differences."""

    def value(params):
        return objective(
            problem.network, params, problem.sample, problem.loss, regularization, **noise
        )

    _, gradient = value(problem.params)
    step = 1e-6
    difference = np.empty_like(gradient)
    for j in range(len(gradient)):
        ends = []
        for sign in (1, -1):
            params = problem.params.copy()
            params[j] += sign * step
            ends.append(value(params)[0])
        difference[j] = (ends[0] - ends[1]) / (2 * step)
    return np.abs(gradient - difference).max() / np.abs(gradient).max()


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(loss):
    kernel, n_outputs = LOSSES[loss]
    problem = Problem(loss=kernel, n_outputs=n_outputs, weighted=True)
    assert finite_difference(problem, problem.penalty(3.0, 0.0, 7.0)) < 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation(activation):
    problem = Problem(activation=activation)
    assert finite_difference(problem, problem.penalty()) < 1e-6


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix])
def test_thinned_networks(storage, gaussian):
    X = np.random.default_rng(0).standard_normal((40, 5))
    problem = Problem(X=storage(X), activation=["relu", "gelu"], weighted=True)
    noise = problem.noise([0.3, 0.5], 0.2, gaussian=gaussian)
    options = {"noise": noise, "seed": 4, "step": 9}
    assert finite_difference(problem, problem.penalty([1.0, 2.0, 3.0]), **options) < 1e-6


def test_input_noise():
    problem = Problem()
    options = {"noise": problem.noise(input_noise=0.5), "seed": 4, "step": 9}
    assert finite_difference(problem, problem.penalty(), **options) < 1e-6


@pytest.mark.parametrize("hidden", [(), (4,), (3, 4, 5)])
def test_every_depth(hidden):
    problem = Problem(hidden=hidden, activation=["tanh", "elu", "silu"][: len(hidden)])
    assert finite_difference(problem, problem.penalty(2.0)) < 1e-6


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("n_samples", [1, 255, 513])
def test_forward(activation, n_samples):
    problem = Problem(n_samples, activation=activation, n_outputs=2)
    out = problem.X
    weights = coefs(problem.network, problem.params)
    biases = intercepts(problem.network, problem.params)
    for layer, (coef, intercept) in enumerate(zip(weights, biases, strict=True)):
        out = out @ coef + intercept
        if layer < 2:
            out = FORMULAS[activation](out)
    eta = forward(problem.network, problem.params, problem.X)
    np.testing.assert_allclose(eta, out, rtol=1e-12, atol=1e-13)
    eta = forward(problem.network, problem.params, sparse.csr_matrix(problem.X))
    np.testing.assert_allclose(eta, out, rtol=1e-12, atol=1e-13)
    eta = forward(problem.network, problem.params.astype(np.float32), problem.X)
    assert eta.dtype == np.float32
    np.testing.assert_allclose(eta, out, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations_of_tiny_and_huge_numbers(activation):
    sizes = np.concatenate([[0.0], 10.0 ** np.linspace(-12, 3, 200)])
    z = np.concatenate([-sizes, sizes])
    problem = Problem(X=z[:, None], target=z[:, None], hidden=(1,), activation=activation)
    eta = forward(problem.network, np.array([1.0, 1.0, 0.0, 0.0]), problem.X)
    np.testing.assert_allclose(eta[:, 0], FORMULAS[activation](z), rtol=2e-13, atol=1e-300)
    nan = forward(problem.network, np.array([1.0, 1.0, 0.0, 0.0]), np.array([[np.nan]]))
    assert np.isnan(nan).all()


def loss_formula(name, y, eta):
    """The loss of every row, from its textbook form."""
    kernel, n_outputs = LOSSES[name]
    if name in ("cross_entropy", "smoothed"):
        smooth = (1 - kernel.label_smoothing) * y + kernel.label_smoothing / n_outputs
        return -(smooth * special.log_softmax(eta, axis=1)).sum(axis=1)
    if "binary" in name or name == "multilabel":
        smooth = (1 - kernel.label_smoothing) * y + kernel.label_smoothing / 2
        p = special.expit(eta)
        return -(special.xlogy(smooth, p) + special.xlogy(1 - smooth, 1 - p)).sum(axis=1)
    if name == "huber":
        return special.huber(kernel.delta, y - eta).sum(axis=1)
    if name == "poisson":
        return (special.xlogy(y, y) - y - y * eta + np.exp(eta)).sum(axis=1)
    if name == "quantile":
        r = y - eta
        return np.maximum(kernel.level * r, (kernel.level - 1) * r).sum(axis=1)
    return 0.5 * ((y - eta) ** 2).sum(axis=1)


@pytest.mark.parametrize("loss", LOSSES)
def test_objective_is_the_weighted_mean_loss_and_the_penalty(loss):
    kernel, n_outputs = LOSSES[loss]
    problem = Problem(300, loss=kernel, n_outputs=n_outputs, weighted=True)
    eta = forward(problem.network, problem.params, problem.X)
    rows = loss_formula(loss, problem.target, eta)
    alphas = np.array([1.0, 2.0, 3.0])
    weights = coefs(problem.network, problem.params)
    squares = sum(a / 2 * (w**2).sum() for a, w in zip(alphas, weights, strict=True))
    expected = np.average(rows, weights=problem.weight) + squares / problem.weight.sum()
    regularization = problem.penalty(alphas, 0.0, problem.weight.sum())
    value, _ = objective(
        problem.network, problem.params, problem.sample, kernel, regularization
    )
    assert value == pytest.approx(expected, rel=1e-12)


def test_extreme_predictions_have_finite_losses():
    for name in ("cross_entropy", "binary", "multilabel"):
        kernel, n_outputs = LOSSES[name]
        problem = Problem(hidden=(), loss=kernel, n_outputs=n_outputs)
        value, gradient = objective(
            problem.network, 1e5 * problem.params, problem.sample, kernel, problem.penalty()
        )
        assert np.isfinite(value)
        assert np.isfinite(gradient).all()


def test_thinned_predictions_do_not_depend_on_the_rows_before():
    problem = Problem(600)
    noise = problem.noise(0.3, 0.1)
    draws = sample_forward(problem.network, problem.params, problem.X, noise, 3, seed=1)
    assert draws.shape == (3, 600, 1)
    assert len(np.unique(draws)) > 1700
    few = sample_forward(problem.network, problem.params, problem.X[:300], noise, 3, seed=1)
    np.testing.assert_allclose(few, draws[:, :300], rtol=1e-12)


def test_thinned_predictions_of_a_linear_output_average_to_the_full_network():
    # The layer above the thinned one is linear, so that E[h~] = h carries over.
    problem = Problem(1, hidden=(6,))
    noise = problem.noise(0.4)
    draws = sample_forward(
        problem.network, problem.params, problem.X, noise, 20_000, seed=1
    )
    full = forward(problem.network, problem.params, problem.X)
    error = draws.std(axis=0) / np.sqrt(len(draws))
    assert np.abs(draws.mean(axis=0) - full).max() < 4 * error.max()
