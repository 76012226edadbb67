"""What dropout is, exactly: identities that hold for a linear network."""

import numpy as np
import pytest
from scipy import linalg, sparse

from skreg._kernels.mlp_optimizers import SGD, Adam
from skreg.mlp._network import coefs, forward, intercepts, objective
from tests.mlp.nets import Problem
from tests.mlp.test_random_bits import factors


@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_matrix])
def test_input_dropout_is_a_ridge_penalty_on_average_over_all_masks(storage):
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((3, 2)), rng.standard_normal(3)
    rate = 0.4
    keep = 1.0 - rate
    problem = Problem(X=storage(X), target=y[:, None], hidden=())
    w, b = problem.params[:2], problem.params[2]
    noise = problem.noise(input_dropout=rate)
    losses = {}
    for step in range(4000):
        mask = tuple(factors(6, rate, where=(1, 0, step)) > 0)
        value, _ = objective(
            problem.network,
            problem.params,
            problem.sample,
            problem.loss,
            problem.penalty(),
            noise,
            1,
            step,
        )
        # The same mask has the same loss: nothing else is random.
        assert losses.setdefault(mask, value) == value
    assert len(losses) == 2**6
    expected = sum(
        keep ** sum(mask) * rate ** (6 - sum(mask)) * 2 * 3 * value
        for mask, value in losses.items()
    )
    ridge = rate / keep * (w**2 * (X**2).sum(axis=0)).sum()
    assert expected == pytest.approx(((y - b - X @ w) ** 2).sum() + ridge, rel=1e-12)


@pytest.mark.parametrize("gaussian", [False, True])
def test_training_with_input_dropout_reaches_the_ridge_solution(gaussian):
    rng = np.random.default_rng(1)
    X = 1.0 + rng.standard_normal((100, 4))
    y = X @ [1.0, -2.0, 0.5, 0.0] + 1.0
    rate = 0.3
    design = np.column_stack([X, np.ones(100)])
    penalty = np.diag(np.append(rate / (1 - rate) * (X**2).sum(axis=0), 0.0))
    expected = linalg.solve(design.T @ design + penalty, design.T @ y)
    problem = Problem(X=X, target=y[:, None], hidden=())
    noise = problem.noise(input_dropout=rate, gaussian=gaussian)
    state = None
    for k in range(400):
        state, _ = problem.train(
            SGD(0.0, False),
            50,
            state=state,
            noise=noise,
            learning_rate=0.1 / (1 + k),
            batch_size=100,
        )
    np.testing.assert_allclose(state.params, expected, atol=1e-2)


@pytest.mark.parametrize("gaussian", [False, True])
def test_rate_zero_is_no_dropout_bit_for_bit(gaussian):
    problem = Problem(activation="relu")
    plain, _ = problem.train(Adam(), 3)
    zero, _ = problem.train(
        Adam(), 3, noise=problem.noise([0.0, 0.0], 0.0, gaussian=gaussian)
    )
    np.testing.assert_array_equal(plain.params, zero.params)
    some, _ = problem.train(Adam(), 3, noise=problem.noise([0.0, 0.1]))
    assert (some.params != plain.params).any()


def test_classical_dropout_is_the_same_model():
    # Srivastava et al. train masks without division and predict with weights times p: a
    # network of theirs with next weights w / p trains and predicts as ours with w.
    problem = Problem(hidden=(6,), activation="relu")
    keep = 0.6
    noise = problem.noise(1.0 - keep)
    thinned = forward(problem.network, problem.params, problem.X, noise, 1, 2)
    mask = factors(40 * 6, 1.0 - keep, where=(1, 1, 2)).reshape(40, 6) > 0
    coef, intercept = (
        part(problem.network, problem.params)[0] for part in (coefs, intercepts)
    )
    hidden = np.maximum(problem.X @ coef + intercept, 0)
    classical = coefs(problem.network, problem.params)[1] / keep
    bias = problem.params[-1]
    np.testing.assert_allclose(thinned, (mask * hidden) @ classical + bias, rtol=1e-12)
    full = forward(problem.network, problem.params, problem.X)
    np.testing.assert_allclose(full, hidden @ (keep * classical) + bias, rtol=1e-12)
