"""A minibatch step of a multilayer perceptron, and an epoch of them in one call.

All kernels of networks are strict, without fast-math: training amplifies a difference in
the last bit, and a fit must not depend on whether its code was compiled or loaded. The
loops vectorise all the same, since none of the large ones is a sum.
"""

from typing import Any, NamedTuple

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.mlp_layers import (
    backward_layers,
    coef_of,
    forward_layers,
    layer_output,
)
from skreg._kernels.mlp_losses import output_gradient
from skreg._kernels.mlp_optimizers import average_weights, optimize
from skreg._kernels.rows import load, perturb, product, transposed_product


class Sample(NamedTuple):
    """What is fitted."""

    rows: Any  # DenseRows or SparseRows
    target: np.ndarray  # (n_samples, n_outputs), one-hot for classes
    weight: np.ndarray  # (n_samples,), float64


class Randomness(NamedTuple):
    """Where the random bits of a pass are."""

    seed: int
    step: int
    first_row: int  # of the batch among the rows that share a step


class Workspace(NamedTuple):
    """What a batch overwrites."""

    batch: Any  # DenseBatch or SparseBatch
    target: np.ndarray  # (batch_size, n_outputs)
    weight: np.ndarray  # (batch_size,)
    values: np.ndarray  # (batch_size * (hidden units + n_outputs),)
    slopes: np.ndarray  # (batch_size * hidden units,)
    gradient: np.ndarray  # (n_parameters,)
    scratch: np.ndarray  # (max(units),)


class Descent(NamedTuple):
    """What the batches of an epoch have in common."""

    loss: Any
    optimizer: Any
    regularization: Any
    noise: Any
    batch_size: int
    average_decay: float


@inlined(strict=True)
def load_targets(sample, members, mix, work):
    """Targets and weights of a batch; mixed like the rows, each target with its weight."""
    n_rows, n_outputs = members.shape[0], sample.target.shape[1]
    for r in range(n_rows):
        i, other = members[r], members[(r + 1) % n_rows]
        own_weight = mix * sample.weight[i]
        weight = own_weight + (1.0 - mix) * sample.weight[other]
        share = own_weight / weight if weight > 0.0 and mix < 1.0 else 1.0
        work.weight[r] = weight
        for k in range(n_outputs):
            y = sample.target[i, k]
            work.target[r, k] = y + (1.0 - share) * (sample.target[other, k] - y)


@jit(strict=True)
def predict_batch(network, params, rows, members, noise, randomness, work):
    """Linear predictors of rows `members`, in the last part of work.values."""
    n_rows = members.shape[0]
    seed, step, first_row = randomness
    load(rows, members, 1.0, work.batch)
    perturb(work.batch, n_rows, first_row, noise, seed, step)
    out = layer_output(network, work.values, n_rows, 0)
    product(work.batch, n_rows, coef_of(network, params, 0), out)
    forward_layers(
        network, params, noise, seed, step, first_row, n_rows, work.values, work.slopes
    )


@jit(strict=True)
def batch_gradient(
    network, params, sample, members, mix, scale, loss, noise, randomness, work
):
    """Sum of weight_i loss_i over rows `members`; scale times its gradient in `work`."""
    n_rows = members.shape[0]
    seed, step, first_row = randomness
    load(sample.rows, members, mix, work.batch)
    load_targets(sample, members, mix, work)
    perturb(work.batch, n_rows, first_row, noise, seed, step)
    first = layer_output(network, work.values, n_rows, 0)
    product(work.batch, n_rows, coef_of(network, params, 0), first)
    forward_layers(
        network, params, noise, seed, step, first_row, n_rows, work.values, work.slopes
    )
    eta = layer_output(network, work.values, n_rows, network.units.shape[0] - 2)
    total = output_gradient(loss, eta, work.target, work.weight, scale)
    backward_layers(network, params, n_rows, work.values, work.slopes, work.gradient)
    transposed_product(work.batch, n_rows, first, coef_of(network, work.gradient, 0))
    return total


@jit(strict=True)
def train_batches(
    network, params, moments, average, sample, order, descent, seed, step, etas, mixes, work
):
    """One step per batch of `order`; sum of weight_i loss_i, each before its step.

    `etas` and `mixes` have one number per batch; `step` is how many steps there were
    before. A loss that is not finite ends the epoch at once.
    """
    n_samples = order.shape[0]
    total_weight = 0.0
    for i in range(n_samples):
        total_weight += sample.weight[order[i]]
    total = 0.0
    for k in range(etas.shape[0]):
        start = k * descent.batch_size
        members = order[start : min(start + descent.batch_size, n_samples)]
        # The mean over the draw of the batch is the gradient of the weighted mean loss.
        scale = n_samples / (members.shape[0] * total_weight)
        total += batch_gradient(
            network,
            params,
            sample,
            members,
            mixes[k],
            scale,
            descent.loss,
            descent.noise,
            Randomness(seed, step + k, 0),
            work,
        )
        if not np.isfinite(total):
            return total
        optimize(
            descent.optimizer,
            network,
            descent.regularization,
            params,
            moments,
            work.gradient,
            step + k + 1,
            etas[k],
            work.scratch,
        )
        average_weights(descent.average_decay, params, average)
    return total
