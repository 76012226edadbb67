"""A network as a function of one flat vector: predictions, objective, gradient."""

import itertools

import numpy as np

from skreg._kernels import activations
from skreg._kernels.mlp import Randomness, Sample, Workspace, batch_gradient, predict_batch
from skreg._kernels.mlp_layers import Network, Noise, layer_output
from skreg._kernels.rows import make_batch, make_rows, n_rows_of, read_only

ACTIVATIONS = {
    "identity": activations.IDENTITY,
    "relu": activations.RELU,
    "leaky_relu": activations.LEAKY_RELU,
    "elu": activations.ELU,
    "gelu": activations.GELU,
    "silu": activations.SILU,
    "tanh": activations.TANH,
    "logistic": activations.LOGISTIC,
}
# Rows per block where no batch size is asked for: even, because two positions share a
# random word; enough for BLAS, few enough for the outputs of wide layers to stay in cache.
BLOCK_ROWS = 256


def make_network(n_features, hidden_layer_sizes, n_outputs, activation):
    """The layout of a network.

    Parameters
    ----------
    n_features, n_outputs : int
    hidden_layer_sizes : sequence of int, may be empty
    activation : str or sequence of str, one per hidden layer
        Keys of `ACTIVATIONS`.

    Returns
    -------
    Network
        The flat vector holds the weights of all layers, (n_in, n_out) in C order, then
        the biases of all layers.
    """
    hidden = list(hidden_layer_sizes)
    names = [activation] * len(hidden) if isinstance(activation, str) else activation
    units = np.array([n_features, *hidden, n_outputs], dtype=np.int64)
    ends = np.cumsum(np.concatenate([units[:-1] * units[1:], units[1:]]))
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    codes = np.array([ACTIVATIONS[name] for name in names], dtype=np.int64)
    return Network(units, codes, starts[: len(hidden) + 1], starts[len(hidden) + 1 :])


def n_parameters(network):
    """Length of the flat vector."""
    return int(network.intercept_start[-1] + network.units[-1])


def coefs(network, params):
    """Weights of each layer, views of shape (n_in, n_out) into the flat vector."""
    return [
        params[start : start + n_in * n_out].reshape(n_in, n_out)
        for start, (n_in, n_out) in zip(
            network.coef_start, itertools.pairwise(network.units), strict=True
        )
    ]


def intercepts(network, params):
    """Biases of each layer, views of shape (n_out,) into the flat vector."""
    return [
        params[start : start + n_out]
        for start, n_out in zip(network.intercept_start, network.units[1:], strict=True)
    ]


def initial_parameters(network, random_state, dtype):
    """Glorot's uniform weights and biases, the draws of scikit-learn's MLP.

    Bounds are sqrt(6 / (n_in + n_out)), with 2 in place of 6 for logistic units; the
    output layer takes the factor of the layer below it. Drawn in float64, then cast.

    Parameters
    ----------
    network : Network
    random_state : numpy.random.RandomState
    dtype : numpy dtype

    Returns
    -------
    params : ndarray of shape (n_parameters(network),)
    """
    params = np.empty(n_parameters(network))
    codes = [*network.activation, *network.activation[-1:]] or [activations.IDENTITY]
    layers = zip(codes, coefs(network, params), intercepts(network, params), strict=True)
    for code, coef, intercept in layers:
        factor = 2.0 if code == activations.LOGISTIC else 6.0
        bound = np.sqrt(factor / sum(coef.shape))
        coef[:] = random_state.uniform(-bound, bound, coef.shape)
        intercept[:] = random_state.uniform(-bound, bound, intercept.shape)
    return params.astype(dtype, copy=False)


def no_noise(network):
    """A forward pass that is not random."""
    return Noise(np.zeros(len(network.units) - 1), False, 0.0)


def make_sample(X, target, sample_weight, dtype):
    """Rows, targets and weights as the kernels read them.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
    target : ndarray of shape (n_samples, n_outputs)
        One-hot for multinomial, 0 and 1 for binary and multilabel classification.
    sample_weight : ndarray of shape (n_samples,) or None
        Rows of weight zero should be dropped before: they are drawn into batches.
    dtype : numpy dtype
        float32 or float64: of X, the targets and all computations.

    Returns
    -------
    Sample
    """
    rows = make_rows(X, dtype)
    if sample_weight is None:
        sample_weight = np.ones(len(target))
    return Sample(rows, read_only(target, dtype), read_only(sample_weight, np.float64))


def make_workspace(network, rows, batch_size, dtype):
    """Room for batches of at most `batch_size` of the rows, for one thread."""
    hidden, n_outputs = int(network.units[1:-1].sum()), int(network.units[-1])
    return Workspace(
        batch=make_batch(rows, batch_size),
        target=np.empty((batch_size, n_outputs), dtype),
        weight=np.empty(batch_size),
        values=np.empty(batch_size * (hidden + n_outputs), dtype),
        slopes=np.empty(batch_size * hidden, dtype),
        gradient=np.empty(n_parameters(network), dtype),
        scratch=np.empty(int(network.units.max()), dtype),
    )


def _blocks(n_rows):
    """First row and row numbers of each block."""
    for start in range(0, n_rows, BLOCK_ROWS):
        yield start, np.arange(start, min(start + BLOCK_ROWS, n_rows))


def forward(network, params, X, noise=None, seed=0, step=0):
    """The linear predictor of the output layer.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_parameters(network),)
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Converted to the dtype of `params` if it has another.
    noise : Noise, optional
        Predict with one thinned network, whose masks `seed` and `step` choose.
    seed, step : int

    Returns
    -------
    eta : ndarray of shape (n_samples, n_outputs)
    """
    noise = no_noise(network) if noise is None else noise
    params = read_only(params)
    return _forward_rows(network, params, make_rows(X, params.dtype), noise, seed, step)


def _forward_rows(network, params, rows, noise, seed, step):
    n_rows = n_rows_of(rows)
    eta = np.empty((n_rows, network.units[-1]), params.dtype)
    work = make_workspace(network, rows, min(BLOCK_ROWS, n_rows), params.dtype)
    last = len(network.units) - 2
    for start, members in _blocks(n_rows):
        randomness = Randomness(seed, step, start)
        predict_batch(network, params, rows, members, noise, randomness, work)
        block = layer_output(network, work.values, len(members), last)
        eta[start : start + len(members)] = block
    return eta


def sample_forward(network, params, X, noise, n_samples, seed):
    """Linear predictors of thinned networks, drawn for every row anew.

    Returns
    -------
    eta : ndarray of shape (n_samples, n_rows, n_outputs)
    """
    params = read_only(params)
    rows = make_rows(X, params.dtype)
    draws = np.empty((n_samples, n_rows_of(rows), network.units[-1]), params.dtype)
    for step in range(n_samples):
        draws[step] = _forward_rows(network, params, rows, noise, seed, step)
    return draws


def smooth_penalty(network, params, regularization):
    """sum over layers of l2 / 2 ||W||^2, and its gradient."""
    gradient = np.zeros(len(params))
    value = 0.0
    layers = zip(
        regularization.l2, coefs(network, params), coefs(network, gradient), strict=True
    )
    for l2, coef, slope in layers:
        np.multiply(coef, l2, out=slope)
        value += 0.5 * float(np.vdot(slope, coef))
    return value, gradient


def penalty_value(network, params, regularization):
    """sum over layers of l2 / 2 ||W||^2 + l1 sum |W|."""
    value = 0.0
    for layer, coef in enumerate(coefs(network, params)):
        l2, l1 = regularization.l2[layer], regularization.l1[layer]
        if l2 > 0.0:
            value += 0.5 * l2 * float(np.vdot(coef, coef))
        if l1 > 0.0:
            value += l1 * float(np.abs(coef).sum(dtype=np.float64))
    return value


def objective(network, params, sample, loss, regularization, noise=None, seed=0, step=0):
    """Weighted mean loss plus L2 penalty on all rows, and its gradient, in float64.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_parameters(network),), of the dtype of the sample
    sample : Sample
    loss : loss kernel
    regularization : Regularization
        Its `l2` is used, and nothing else of it.
    noise, seed, step :
        As in :func:`forward`.

    Returns
    -------
    value : float
    gradient : ndarray of shape (n_parameters(network),), float64
    """
    noise = no_noise(network) if noise is None else noise
    params = np.ascontiguousarray(params, dtype=sample.target.dtype)
    n_rows = len(sample.target)
    scale = 1.0 / sample.weight.sum()
    work = make_workspace(network, sample.rows, min(BLOCK_ROWS, n_rows), params.dtype)
    value, gradient = smooth_penalty(network, params, regularization)
    for start, members in _blocks(n_rows):
        randomness = Randomness(seed, step, start)
        total = batch_gradient(
            network, params, sample, members, 1.0, scale, loss, noise, randomness, work
        )
        value += scale * total
        gradient += work.gradient
    return value, gradient
