"""Epochs: batches, weights, storage, precision, going on after a pickle."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import sparse

from skreg._kernels.mlp import Randomness, batch_gradient
from skreg._kernels.mlp_losses import CrossEntropy
from skreg._kernels.mlp_optimizers import SGD, Adam, RMSprop
from skreg.mlp._network import coefs, make_workspace, no_noise, objective
from skreg.mlp._training import epoch_order, mixing_shares
from tests.mlp.nets import LOSSES, Problem

OPTIMIZERS = [SGD(), Adam(), RMSprop()]


def batch_of(problem, members, mix=1.0):
    """Loss and gradient of a batch as training forms them."""
    weight = problem.sample.weight
    work = make_workspace(problem.network, problem.sample.rows, 64, problem.params.dtype)
    scale = len(weight) / (len(members) * weight.sum())
    total = batch_gradient(
        problem.network,
        problem.params,
        problem.sample,
        np.asarray(members),
        mix,
        scale,
        problem.loss,
        no_noise(problem.network),
        Randomness(0, 0, 0),
        work,
    )
    return total, work.gradient.copy()


def full_gradient(problem):
    return objective(
        problem.network, problem.params, problem.sample, problem.loss, problem.penalty()
    )[1]


@pytest.mark.parametrize("batch_size", [1, 8, 17, 40])
def test_batches_of_an_epoch_average_to_the_gradient_of_the_weighted_mean(batch_size):
    problem = Problem(weighted=True)
    order = epoch_order(40, 0, 0)
    mean = 0.0
    for start in range(0, 40, batch_size):
        members = order[start : start + batch_size]
        mean += len(members) / 40 * batch_of(problem, members)[1]
    np.testing.assert_allclose(mean, full_gradient(problem), rtol=1e-11, atol=1e-14)


def test_weights_are_repetitions_in_expectation():
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 4, 40)
    weighted = Problem()
    weighted.sample = weighted.sample._replace(weight=counts.astype(float))
    rows = np.repeat(np.arange(40), counts)
    repeated = Problem(X=weighted.X[rows], target=weighted.target[rows])
    # Batches of one row enumerate all draws.
    means = [
        np.mean([batch_of(p, [i])[1] for i in range(len(p.sample.weight))], axis=0)
        for p in (weighted, repeated)
    ]
    np.testing.assert_allclose(*means, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(means[0], full_gradient(weighted), rtol=1e-11, atol=1e-14)


def test_a_step_is_one_batch_gradient():
    problem = Problem(weighted=True)
    state, losses = problem.train(SGD(0.0, False), 1, learning_rate=[0.1, 0.0, 0.0])
    _, gradient = batch_of(problem, epoch_order(40, 3, 0)[:16])
    np.testing.assert_allclose(state.params, problem.params - 0.1 * gradient, rtol=1e-13)
    assert state.step == 3
    assert state.epoch == 1
    assert np.isfinite(losses).all()


def test_loss_of_an_epoch_is_the_weighted_mean():
    problem = Problem(weighted=True)
    _, losses = problem.train(SGD(), 1, learning_rate=0.0)
    value, _ = objective(
        problem.network, problem.params, problem.sample, problem.loss, problem.penalty()
    )
    assert losses[0] == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_a_batch_of_zero_weights_has_no_data_gradient(optimizer):
    problem = Problem()
    weight = np.ones(40)
    weight[:16] = 0.0
    problem.sample = problem.sample._replace(weight=weight)
    state, losses = problem.train(
        optimizer, 1, shuffle=False, learning_rate=[0.1, 0.0, 0.0]
    )
    np.testing.assert_array_equal(batch_of(problem, range(16))[1], 0.0)
    assert np.isfinite(losses).all()
    if not (isinstance(optimizer, SGD) and optimizer.nesterov):
        np.testing.assert_array_equal(state.params, problem.params)


@pytest.mark.parametrize("batch_size", [5, 8, 40])
def test_the_penalty_does_not_depend_on_the_batch(batch_size):
    # Without data the weights shrink by the same factor per step, whatever the batch.
    problem = Problem(X=np.zeros((40, 5)), target=np.zeros((40, 1)), hidden=())
    penalty = problem.penalty(10.0, 0.0, 40.0)
    state, _ = problem.train(
        SGD(0.0, False), 2, regularization=penalty, batch_size=batch_size, learning_rate=0.1
    )
    (after,), (before,) = (
        coefs(problem.network, p) for p in (state.params, problem.params)
    )
    np.testing.assert_allclose(
        after, (1 - 0.1 * 10 / 40) ** state.step * before, rtol=1e-12
    )


def test_slope_norm_is_the_same_for_all_batch_sizes():
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 5))
    y = X @ rng.standard_normal(5) + 0.3 * rng.standard_normal(400)
    design = np.column_stack([X, np.ones(400)])
    ridge = np.linalg.solve(design.T @ design + np.diag([10.0] * 5 + [0.0]), design.T @ y)
    problem = Problem(X=X, target=y[:, None], hidden=())
    for batch_size in (20, 100, 400):
        state = None
        for k in range(60):
            state, _ = problem.train(
                SGD(0.0, False),
                10,
                state=state,
                regularization=problem.penalty(10.0, 0.0, 400.0),
                batch_size=batch_size,
                learning_rate=0.2 / (1 + k),
            )
        norm = np.linalg.norm(coefs(problem.network, state.params)[0])
        assert norm == pytest.approx(np.linalg.norm(ridge[:5]), rel=0.01)


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_sparse_rows_are_dense_rows(mixup):
    X = sparse.random(60, 30, 0.2, "csr", random_state=0)
    states = []
    for rows in (X, X.toarray()):
        problem = Problem(X=rows, target=np.ones((60, 1)), weighted=True)
        noise = problem.noise(0.3, 0.2)
        states.append(problem.train(Adam(), 5, noise=noise, mixup=mixup)[0].params)
    np.testing.assert_allclose(*states, rtol=1e-10, atol=1e-12)
    assert np.abs(states[0] - problem.params).max() > 1e-3


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_single_precision_follows_double(optimizer):
    runs = []
    for dtype in (np.float32, np.float64):
        problem = Problem(200, loss=CrossEntropy(), n_outputs=3, dtype=dtype)
        noise = problem.noise(0.2, 0.1)
        state, losses = problem.train(optimizer, 5, noise=noise, learning_rate=0.003)
        assert all(array.dtype == dtype for array in state[:3])
        runs.append((state.params, losses))
    np.testing.assert_allclose(runs[0][0], runs[1][0], atol=2e-4)
    np.testing.assert_allclose(runs[0][1], runs[1][1], rtol=1e-4)


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_training_goes_on_bit_for_bit_after_a_pickle(optimizer):
    problem = Problem(weighted=True)
    settings = {
        "noise": problem.noise(0.2, 0.1, input_noise=0.1),
        "mixup": 0.3,
        "averaging": True,
        "average_decay": 0.9,
        "regularization": problem.penalty(1.0, 0.3, 40.0, weight_decay=0.01),
    }
    whole, losses = problem.train(optimizer, 6, **settings)
    half, first = problem.train(optimizer, 3, **settings)
    half = pickle.loads(pickle.dumps(half))
    half, second = problem.train(optimizer, 3, state=half, **settings)
    assert first + second == losses
    for one, other in zip(whole, half, strict=True):
        np.testing.assert_array_equal(one, other)


def test_epochs_are_shuffled_differently_and_seeds_matter():
    problem = Problem()
    assert (epoch_order(40, 3, 0) != epoch_order(40, 3, 1)).any()
    runs = [problem.train(Adam(), 2, seed=seed)[0].params for seed in (3, 3, 4)]
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


def test_fits_in_two_threads_are_those_in_one():
    def fit(seed):
        problem = Problem(200, seed=seed)
        return problem.train(Adam(), 20, noise=problem.noise(0.2))[0].params

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(fit, range(6)))
    for seed, params in enumerate(together):
        np.testing.assert_array_equal(params, fit(seed))


@pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=str)
def test_an_epoch_that_diverges_leaves_the_state_before_it(optimizer):
    problem = Problem(activation="relu")
    state, _ = problem.train(optimizer, 2, averaging=True, average_decay=0.5)
    before = pickle.loads(pickle.dumps(state))
    state, losses = problem.train(optimizer, 1, state=state, learning_rate=1e200)
    assert not np.isfinite(losses[0])
    for one, other in zip(before, state, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("loss", ["cross_entropy", "multilabel", "outputs"])
def test_mixup_is_the_loss_of_mixed_rows(loss):
    kernel, n_outputs = LOSSES[loss]
    problem = Problem(loss=kernel, n_outputs=n_outputs, weighted=True)
    members, share = np.array([4, 9, 2]), 0.7
    partners = np.roll(members, -1)
    X = share * problem.X[members] + (1 - share) * problem.X[partners]
    own, other = share * problem.weight[members], (1 - share) * problem.weight[partners]
    both = Problem(
        X=np.vstack([X, X]),
        target=problem.target[np.concatenate([members, partners])],
        loss=kernel,
    )
    both.sample = both.sample._replace(weight=np.concatenate([own, other]))
    both.params = problem.params
    expected = full_gradient(both) * both.sample.weight.sum()
    _, gradient = batch_of(problem, members, share)
    scale = 40 / (3 * problem.weight.sum())
    np.testing.assert_allclose(gradient, scale * expected, rtol=1e-10, atol=1e-13)


def test_mixing_shares():
    np.testing.assert_array_equal(mixing_shares(0.0, 3, 0, 0), 1.0)
    shares = mixing_shares(0.2, 10_000, 1, 2)
    np.testing.assert_array_equal(shares, mixing_shares(0.2, 10_000, 1, 2))
    assert shares.mean() == pytest.approx(0.5, abs=0.02)
    assert shares.var() == pytest.approx(1 / (4 * (2 * 0.2 + 1)), abs=0.01)
