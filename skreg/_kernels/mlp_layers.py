"""Layers of a network: products, then bias, activation and dropout in one pass.

All parameters are one flat vector: the weights of all layers, then the biases of all
layers; `Network` says where each layer is. Layer l maps units[l] numbers to units[l + 1]
by W_l, stored (units[l], units[l + 1]) in C order.

The forward pass keeps two numbers per hidden unit: its output f d and its slope f' d,
where d is what dropout multiplies by. So the backward pass is the same for every
activation: delta = (delta W^T) * slope. It overwrites outputs by deltas, because each
output is last read when the gradient of the layer above it is formed.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.activations import activate
from skreg._kernels.random_bits import fill_factors, stream_key


class Network(NamedTuple):
    """The shape of a network and where its parameters are."""

    units: np.ndarray  # (n_layers + 1,): of the input, the hidden layers, the output
    activation: np.ndarray  # (n_layers - 1,): codes of the hidden layers
    coef_start: np.ndarray  # (n_layers,): where W_l starts
    intercept_start: np.ndarray  # (n_layers,)


class Noise(NamedTuple):
    """What is random in a forward pass."""

    dropout: np.ndarray  # (n_layers,): rate dropped of the input, then of hidden layers
    gaussian: bool  # multiplicative N(1, rate / (1 - rate)) in place of dropping
    input_noise: float  # standard deviation of noise added to the input


@inlined(strict=True)
def coef_of(network, flat, layer):
    """W of a layer, a view of a flat vector."""
    n_in, n_out = network.units[layer], network.units[layer + 1]
    start = network.coef_start[layer]
    return flat[start : start + n_in * n_out].reshape(n_in, n_out)


@inlined(strict=True)
def intercept_of(network, flat, layer):
    """The biases of a layer, a view of a flat vector."""
    start = network.intercept_start[layer]
    return flat[start : start + network.units[layer + 1]]


@inlined(strict=True)
def layer_output(network, values, n_rows, layer):
    """What a layer puts out for a batch, a view of the flat workspace."""
    start = 0
    for below in range(layer):
        start += network.units[below + 1] * n_rows
    n_out = network.units[layer + 1]
    return values[start : start + n_rows * n_out].reshape(n_rows, n_out)


@inlined(strict=True)
def add_intercept(intercept, out):
    """out += intercept."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            out[i, k] += intercept[k]


@jit(strict=True)
def forward_layers(network, params, noise, seed, step, first_row, n_rows, values, slopes):
    """All but the product of the first layer, which is in `values` already."""
    last = network.units.shape[0] - 2
    for layer in range(last + 1):
        out = layer_output(network, values, n_rows, layer)
        if layer > 0:
            below = layer_output(network, values, n_rows, layer - 1)
            np.dot(below, coef_of(network, params, layer), out)
        intercept = intercept_of(network, params, layer)
        if layer == last:
            add_intercept(intercept, out)
            return
        slope = layer_output(network, slopes, n_rows, layer)
        first = first_row * network.units[layer + 1]
        key = stream_key(seed, layer + 1, step)
        factors = slope.reshape(slope.size)
        fill_factors(noise.dropout[layer + 1], noise.gaussian, key, first, factors)
        activate(network.activation[layer], out, intercept, slope)


@inlined(strict=True)
def column_sums(delta, out):
    """out_k = sum_i delta_ik."""
    for k in range(delta.shape[1]):
        out[k] = 0.0
    for i in range(delta.shape[0]):
        for k in range(delta.shape[1]):
            out[k] += delta[i, k]


@jit(strict=True)
def backward_layers(network, params, n_rows, values, slopes, gradient):
    """Gradient of all but W_0, from the output gradient in `values`.

    What is left in `values` of the first layer is its delta.
    """
    for layer in range(network.units.shape[0] - 2, -1, -1):
        delta = layer_output(network, values, n_rows, layer)
        column_sums(delta, intercept_of(network, gradient, layer))
        if layer > 0:
            below = layer_output(network, values, n_rows, layer - 1)
            np.dot(below.T, delta, coef_of(network, gradient, layer))
            np.dot(delta, coef_of(network, params, layer).T, below)
            slope = layer_output(network, slopes, n_rows, layer - 1)
            for i in range(n_rows):
                for k in range(below.shape[1]):
                    below[i, k] *= slope[i, k]
