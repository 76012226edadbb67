"""Epochs of minibatch training."""

import numpy as np

from skreg._kernels.mlp import Descent, train_batches
from skreg._kernels.random_bits import shuffle as shuffle_order
from skreg.mlp._network import make_workspace


def n_batches(n_samples, batch_size):
    """Batches per epoch, the last of which may be smaller."""
    return -(-n_samples // batch_size)


def epoch_order(n_samples, seed, epoch, shuffle=True):
    """The order of rows in an epoch: a function of its arguments only."""
    order = np.arange(n_samples)
    if shuffle:
        shuffle_order(seed, epoch, order)
    return order


def mixing_shares(mixup, size, seed, epoch):
    """One share per batch, from Beta(mixup, mixup); ones if mixup is 0."""
    if mixup == 0.0:
        return np.ones(size)
    return np.random.Generator(np.random.Philox(key=[seed, epoch])).beta(mixup, mixup, size)


def train_epoch(
    network,
    sample,
    state,
    *,
    loss,
    optimizer,
    regularization,
    noise,
    learning_rate,
    batch_size,
    seed,
    shuffle=True,
    mixup=0.0,
    average_decay=0.0,
    workspace=None,
):
    """One pass over the sample in random batches.

    The gradient of a batch of b rows is n / (b sum_i w_i) sum_batch w_i grad_i, whose
    mean over the draw is that of the weighted mean loss. A batch of zero weights has no
    data gradient, and a step of penalty and momentum only.

    Parameters
    ----------
    network : Network
    sample : Sample
    state : TrainingState
        Its arrays are updated in place.
    loss : loss kernel
    optimizer : SGD, Adam or RMSprop
    regularization : Regularization
    noise : Noise
    learning_rate : float or ndarray of shape (n_batches,)
    batch_size : int
    seed : int
        Of shuffles, masks, noise and mixing, in [0, 2^63).
    shuffle : bool
    mixup : float
        0, or the parameter of the Beta distribution of mixing shares.
    average_decay : float
        Of `state.average`, if the state has one.
    workspace : Workspace, optional
        From :func:`make_workspace` for at least `batch_size` rows, to be used again.

    Returns
    -------
    state : TrainingState
        The same arrays, with the counters advanced.
    mean_loss : float
        Weighted mean of the data losses, each at the weights before its step. Not finite:
        the epoch diverged, and the state is the one before it.
    """
    n_samples = len(sample.weight)
    batch_size = min(batch_size, n_samples)
    size = n_batches(n_samples, batch_size)
    if workspace is None:
        workspace = make_workspace(network, sample.rows, batch_size, sample.target.dtype)
    arrays = (state.params, state.moments, state.average)
    before = [array.copy() for array in arrays]
    total = train_batches(
        network,
        state.params,
        state.moments,
        state.average,
        sample,
        epoch_order(n_samples, seed, state.epoch, shuffle),
        Descent(loss, optimizer, regularization, noise, batch_size, float(average_decay)),
        seed,
        state.step,
        np.array(np.broadcast_to(learning_rate, (size,)), dtype=np.float64),
        mixing_shares(mixup, size, seed, state.epoch),
        workspace,
    )
    if not (np.isfinite(total) and np.isfinite(state.params).all()):
        for array, old in zip(arrays, before, strict=True):
            array[:] = old
        return state, np.nan
    state = state._replace(step=state.step + size, epoch=state.epoch + 1)
    return state, total / sample.weight.sum()
