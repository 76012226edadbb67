"""What training is configured by and what it carries along."""

from typing import NamedTuple

import numpy as np

from skreg._kernels.mlp_layers import Noise
from skreg._kernels.mlp_optimizers import SGD, Adam, Regularization, RMSprop

# Vectors of the length of the parameters that an optimizer keeps.
N_MOMENTS = {SGD: 1, Adam: 2, RMSprop: 1}


class TrainingState(NamedTuple):
    """All that changes in training: pickle it, and training goes on bit for bit.

    The arrays are updated in place; `step` and `epoch` are those of the state returned.
    """

    params: np.ndarray  # (n_parameters,)
    moments: np.ndarray  # (N_MOMENTS, n_parameters)
    average: np.ndarray  # (n_parameters,) or (0,): exponential mean of params, from zero
    step: int  # batches so far
    epoch: int  # epochs so far


def make_state(params, optimizer, averaging=False):
    """The state before the first step; `params` is not copied."""
    moments = np.zeros((N_MOMENTS[type(optimizer)], len(params)), params.dtype)
    average = np.zeros(len(params) if averaging else 0, params.dtype)
    return TrainingState(params, moments, average, 0, 0)


def averaged_parameters(state, average_decay):
    """The exponential mean of the parameters after each step, corrected for its start."""
    if state.step == 0:
        return state.params.copy()
    correction = 1.0 - average_decay**state.step
    return (state.average / correction).astype(state.params.dtype, copy=False)


def make_regularization(
    n_layers,
    alpha=0.0,
    l1_ratio=0.0,
    total_weight=1.0,
    *,
    weight_decay=0.0,
    max_norm=np.inf,
    clip_norm=np.inf,
):
    """Penalties of a network with `n_layers` matrices of weights.

    Parameters
    ----------
    n_layers : int
    alpha : float or sequence of n_layers floats
        Strength: alpha (1 - l1_ratio) / 2 ||W||^2 + alpha l1_ratio sum |W|, divided by
        `total_weight`.
    l1_ratio : float
    total_weight : float
        Sum of the sample weights of the training set (never of a batch); 1.0 for a
        penalty that is added to the mean loss undivided.
    weight_decay : float
        Decoupled: w <- (1 - eta weight_decay) w.
    max_norm, clip_norm : float
        Bound on the incoming weights of each hidden unit; on the gradient of data and L2.
    """
    alphas = (
        np.broadcast_to(np.asarray(alpha, dtype=np.float64), (n_layers,)) / total_weight
    )
    return Regularization(
        l2=alphas * (1.0 - l1_ratio),
        l1=alphas * l1_ratio,
        weight_decay=float(weight_decay),
        max_norm=float(max_norm),
        clip_norm=float(clip_norm),
    )


def make_noise(
    n_layers, dropout=0.0, input_dropout=0.0, *, gaussian=False, input_noise=0.0
):
    """Dropout rates (one or one per hidden layer), of the input, and input noise.

    Parameters
    ----------
    n_layers : int
        Matrices of weights: hidden layers and one.
    dropout : float or sequence of n_layers - 1 floats
        Rates dropped, in [0, 1).
    input_dropout : float
    gaussian : bool
        Multiply by N(1, rate / (1 - rate)) in place of dropping.
    input_noise : float
        Standard deviation of normal noise added to dense X.
    """
    rates = np.empty(n_layers)
    rates[0] = input_dropout
    rates[1:] = dropout
    return Noise(rates, bool(gaussian), float(input_noise))
