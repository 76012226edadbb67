"""Optimizers: one fused loop over a flat vector, whatever the network.

One step with gradient g of the smooth objective (data and L2), step eta and the divisor
d_j of the optimizer's metric (1 for SGD, sqrt(v_j) + epsilon for Adam and RMSprop):

    u_j = (1 - eta weight_decay) w_j - eta direction_j / d_j
    w_j = sign(u_j) max(|u_j| - eta l1 / d_j, 0)

The threshold is in the same metric as the step, so that w is a fixed point exactly where
-g_j is a subgradient of l1 |w_j|, for every optimizer. A threshold without d_j has other
fixed points, and subgradients sign(w_j) in place of it never give a zero.
Decay is outside of the moments and of the threshold (Loshchilov and Hutter, Decoupled
weight decay regularization, ICLR 2019). Biases are never penalised.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import dispatched, inlined, jit
from skreg._kernels.mlp_layers import coef_of


class SGD(NamedTuple):
    """Velocity v = momentum v - eta g. Nesterov's form keeps the extrapolated weights.

    Where the threshold acts it is part of the velocity, which otherwise would go on as if
    the weight had moved; a weight that it sets to zero has no velocity.
    """

    momentum: float = 0.9
    nesterov: bool = True


class Adam(NamedTuple):
    """Means of g and g^2 with corrected bias (Kingma and Ba, ICLR 2015)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8


class RMSprop(NamedTuple):
    """Mean of g^2, from zero (Tieleman and Hinton, 2012)."""

    decay: float = 0.9
    epsilon: float = 1e-8


class Regularization(NamedTuple):
    """Penalties and bounds; inf and 0 are off."""

    l2: np.ndarray  # (n_layers,): of l2 / 2 ||W||^2, already divided by the sum of weights
    l1: np.ndarray  # (n_layers,)
    weight_decay: float
    max_norm: float  # of the weights into each hidden unit
    clip_norm: float  # of the gradient


@dispatched(strict=True)
def update(optimizer, w, g, moments, start, step, eta, l2, l1, decay, clip):
    """One step of the parameters from `start` on, w, in place; `step` counts from one."""


@inlined(strict=True)
def threshold(u, size, zero):
    """sign(u) max(|u| - size, 0), without a branch."""
    return max(u - size, zero) + min(u + size, zero)


def _update_sgd(optimizer, w, g, moments, start, step, eta, l2, l1, decay, clip):
    number = w.dtype.type
    velocity = moments[0][start : start + w.shape[0]]
    zero, size, keep = number(0.0), number(eta * l1), number(1.0 - eta * decay)
    momentum = number(optimizer.momentum)
    ahead = number(optimizer.momentum if optimizer.nesterov else 0.0)
    rate, ridge = number(eta * clip), number(l2)
    for j in range(w.shape[0]):
        step_j = rate * (g[j] + ridge * w[j])
        moved = keep * w[j] + (momentum - ahead) * velocity[j] - step_j
        x = threshold(moved, size, zero)
        speed = momentum * velocity[j] - step_j + (x - moved)
        speed = zero if (size > zero and x == zero) else speed
        velocity[j] = speed
        w[j] = x + ahead * speed


def _update_adam(optimizer, w, g, moments, start, step, eta, l2, l1, decay, clip):
    number = w.dtype.type
    first = moments[0][start : start + w.shape[0]]
    second = moments[1][start : start + w.shape[0]]
    zero, one, epsilon = number(0.0), number(1.0), number(optimizer.epsilon)
    old_1, new_1 = number(optimizer.beta_1), number(1.0 - optimizer.beta_1)
    old_2, new_2 = number(optimizer.beta_2), number(1.0 - optimizer.beta_2)
    rate = number(eta / (1.0 - optimizer.beta_1**step))
    correction = number(1.0 / np.sqrt(1.0 - optimizer.beta_2**step))
    size, keep = number(eta * l1), number(1.0 - eta * decay)
    shrink, ridge = number(clip), number(l2)
    for j in range(w.shape[0]):
        slope = shrink * (g[j] + ridge * w[j])
        mean = old_1 * first[j] + new_1 * slope
        square = old_2 * second[j] + new_2 * slope * slope
        first[j], second[j] = mean, square
        inverse = one / (correction * np.sqrt(square) + epsilon)
        w[j] = threshold(keep * w[j] - rate * mean * inverse, size * inverse, zero)


def _update_rmsprop(optimizer, w, g, moments, start, step, eta, l2, l1, decay, clip):
    number = w.dtype.type
    second = moments[0][start : start + w.shape[0]]
    zero, one, epsilon = number(0.0), number(1.0), number(optimizer.epsilon)
    old, new = number(optimizer.decay), number(1.0 - optimizer.decay)
    rate, size, keep = number(eta), number(eta * l1), number(1.0 - eta * decay)
    shrink, ridge = number(clip), number(l2)
    for j in range(w.shape[0]):
        slope = shrink * (g[j] + ridge * w[j])
        square = old * second[j] + new * slope * slope
        second[j] = square
        inverse = one / (np.sqrt(square) + epsilon)
        w[j] = threshold(keep * w[j] - rate * slope * inverse, size * inverse, zero)


update.register(SGD, _update_sgd)
update.register(Adam, _update_adam)
update.register(RMSprop, _update_rmsprop)


@inlined(strict=True)
def part_of(network, part, n_parameters):
    """Start and end of the weights of a layer; after the last one come all biases."""
    if part == network.coef_start.shape[0]:
        return network.intercept_start[0], n_parameters, True
    start = network.coef_start[part]
    return start, start + network.units[part] * network.units[part + 1], False


@inlined(strict=True)
def squared_slope(w, g, l2, j):
    """(g_j + l2 w_j)^2."""
    slope = float(g[j]) + l2 * w[j]
    return slope * slope


@inlined(strict=True)
def squared_norm(w, g, l2):
    """||g + l2 w||^2, in four sums: a single one would wait for each addition."""
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    whole = w.shape[0] - w.shape[0] % 4
    for j in range(0, whole, 4):
        a += squared_slope(w, g, l2, j)
        b += squared_slope(w, g, l2, j + 1)
        c += squared_slope(w, g, l2, j + 2)
        d += squared_slope(w, g, l2, j + 3)
    for j in range(whole, w.shape[0]):
        a += squared_slope(w, g, l2, j)
    return (a + b) + (c + d)


@inlined(strict=True)
def clipping(network, l2, params, gradient, clip_norm):
    """The factor that brings the gradient of data and L2 to norm clip_norm, at most 1."""
    if clip_norm == np.inf:
        return 1.0
    total = 0.0
    for layer in range(network.coef_start.shape[0] + 1):
        start, stop, biases = part_of(network, layer, params.shape[0])
        ridge = 0.0 if biases else l2[layer]
        total += squared_norm(params[start:stop], gradient[start:stop], ridge)
    norm = np.sqrt(total)
    return clip_norm / norm if norm > clip_norm else 1.0


@inlined(strict=True)
def project_columns(coef, bound, scratch):
    """Scale columns of coef that are longer than `bound` back to it."""
    n_in, n_out = coef.shape
    for k in range(n_out):
        scratch[k] = 0.0
    for j in range(n_in):
        for k in range(n_out):
            scratch[k] += coef[j, k] * coef[j, k]
    for k in range(n_out):
        norm = np.sqrt(scratch[k])
        scratch[k] = bound / norm if norm > bound else 1.0
    for j in range(n_in):
        for k in range(n_out):
            coef[j, k] *= scratch[k]


@jit(strict=True)
def optimize(
    optimizer, network, regularization, params, moments, gradient, step, eta, scratch
):
    """One step of all parameters."""
    n_layers = network.coef_start.shape[0]
    clip = clipping(network, regularization.l2, params, gradient, regularization.clip_norm)
    for part in range(n_layers + 1):
        start, stop, biases = part_of(network, part, params.shape[0])
        l2 = 0.0 if biases else regularization.l2[part]
        l1 = 0.0 if biases else regularization.l1[part]
        decay = 0.0 if biases else regularization.weight_decay
        update(
            optimizer,
            params[start:stop],
            gradient[start:stop],
            moments,
            start,
            step,
            eta,
            l2,
            l1,
            decay,
            clip,
        )
    if regularization.max_norm < np.inf:
        for layer in range(n_layers - 1):
            project_columns(
                coef_of(network, params, layer), regularization.max_norm, scratch
            )


@inlined(strict=True)
def average_weights(decay, params, average):
    """average = decay average + (1 - decay) params."""
    old, new = params.dtype.type(decay), params.dtype.type(1.0 - decay)
    for j in range(average.shape[0]):
        average[j] = old * average[j] + new * params[j]
