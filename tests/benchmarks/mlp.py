"""An epoch of the multilayer perceptron against its bare matrix products.

    python -m tests.benchmarks.mlp [dropout [activation]]

The bound is what a step cannot do without: the products of the forward and the backward
pass through numpy's `@`, with fresh outputs, in one Python loop over batches that are
slices of X. The step has gathered rows, dropout at 0.2, Adam and an L2 penalty besides.
One thread, float32, both in turn in one process, the smaller of `ROUNDS` epochs.
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import itertools  # noqa: E402
import sys  # noqa: E402

import numpy as np  # noqa: E402

from skreg._kernels.mlp_losses import CrossEntropy  # noqa: E402
from skreg._kernels.mlp_optimizers import Adam  # noqa: E402
from skreg.mlp._network import (  # noqa: E402
    coefs,
    initial_parameters,
    make_network,
    make_sample,
    make_workspace,
)
from skreg.mlp._optimizers import (  # noqa: E402
    make_noise,
    make_regularization,
    make_state,
)
from skreg.mlp._training import train_epoch  # noqa: E402
from tests.benchmarks.ridge_cv import interleaved  # noqa: E402

ROUNDS = 5
# n_samples, n_features, hidden layers, batch size, and the ratio to stay below
CASES = (
    (500, 10, (50,), 32, 3.0),
    (2000, 20, (100,), 32, 3.0),
    (20000, 50, (256, 256), 200, 1.5),
    (20000, 784, (512, 512), 128, 1.2),
)
N_CLASSES = 10


def products(X, network, params, batch_size):
    """The matrix products of an epoch."""
    weights = coefs(network, params)

    def run():
        for start in range(0, len(X), batch_size):
            outputs = [X[start : start + batch_size]]
            for coef in weights:
                outputs.append(outputs[-1] @ coef)
            delta = outputs.pop()
            for layer in range(len(weights) - 1, -1, -1):
                outputs[layer].T @ delta
                if layer > 0:
                    delta = delta @ weights[layer].T

    return run


def epoch(sample, network, params, batch_size, dropout):
    """One epoch of training."""
    n_layers = len(network.units) - 1
    optimizer = Adam()
    regularization = make_regularization(n_layers, 1e-4, 0.0, float(len(sample.weight)))
    noise = make_noise(n_layers, dropout)
    state = make_state(params.copy(), optimizer)
    workspace = make_workspace(network, sample.rows, batch_size, params.dtype)

    def run():
        return train_epoch(
            network,
            sample,
            state,
            loss=CrossEntropy(),
            optimizer=optimizer,
            regularization=regularization,
            noise=noise,
            learning_rate=1e-3,
            batch_size=batch_size,
            seed=0,
            workspace=workspace,
        )

    return run


def several(program, n_times):
    """Run a program some times in a row."""

    def run():
        for _ in range(n_times):
            program()

    return run


def measure(n_samples, n_features, hidden, batch_size, bar, dropout, activation):
    """Print one row."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_samples, n_features)).astype(np.float32)
    target = np.eye(N_CLASSES, dtype=np.float32)[rng.integers(0, N_CLASSES, n_samples)]
    network = make_network(n_features, hidden, N_CLASSES, activation)
    params = initial_parameters(network, np.random.RandomState(0), np.float32)
    sample = make_sample(X, target, None, np.float32)
    programs = {
        "products": products(X, network, params, batch_size),
        "epoch": epoch(sample, network, params, batch_size, dropout),
    }
    # Epochs of a fraction of a millisecond are timed a hundred at a time.
    n_epochs = 1 if n_samples > 2000 else 100
    repeated = {name: several(program, n_epochs) for name, program in programs.items()}
    seconds, _ = interleaved(repeated, ROUNDS)
    steps = n_epochs * -(-n_samples // batch_size)
    sizes = "-".join(map(str, itertools.chain([n_features], hidden, [N_CLASSES])))
    bound, own = (seconds[name] / steps * 1e6 for name in programs)
    print(
        f"{n_samples:6d} x {sizes:16s} batch {batch_size:4d}   products {bound:8.1f} us   "
        f"step {own:8.1f} us   ratio {own / bound:5.2f} (bar {bar})"
    )


def main():
    """All cases."""
    dropout = float(sys.argv[1]) if len(sys.argv) > 1 else 0.2
    activation = sys.argv[2] if len(sys.argv) > 2 else "relu"
    for case in CASES:
        measure(*case, dropout, activation)


if __name__ == "__main__":
    main()
