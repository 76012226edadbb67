"""Small networks and samples that the tests of this folder share."""

import numpy as np

from skreg._kernels.mlp_losses import (
    BinaryCrossEntropy,
    CrossEntropy,
    Huber,
    Poisson,
    Quantile,
    SquaredError,
)
from skreg.mlp._network import initial_parameters, make_network, make_sample
from skreg.mlp._optimizers import make_noise, make_regularization, make_state
from skreg.mlp._training import train_epoch

# Every loss with the number of outputs it is tested with.
LOSSES = {
    "cross_entropy": (CrossEntropy(), 3),
    "smoothed": (CrossEntropy(0.1), 3),
    "binary": (BinaryCrossEntropy(), 1),
    "multilabel": (BinaryCrossEntropy(), 3),
    "binary_smoothed": (BinaryCrossEntropy(0.2), 1),
    "squared_error": (SquaredError(), 1),
    "outputs": (SquaredError(), 2),
    "huber": (Huber(0.7), 2),
    "poisson": (Poisson(), 2),
    "quantile": (Quantile(0.3), 2),
}


def targets(loss, n_samples, n_outputs, rng):
    """Targets that suit a loss."""
    if isinstance(loss, CrossEntropy):
        return np.eye(n_outputs)[rng.integers(0, n_outputs, n_samples)]
    if isinstance(loss, BinaryCrossEntropy):
        return rng.integers(0, 2, (n_samples, n_outputs)).astype(float)
    if isinstance(loss, Poisson):
        return rng.poisson(2.0, (n_samples, n_outputs)).astype(float)
    return rng.standard_normal((n_samples, n_outputs))


class Problem:
    """A network with its sample, parameters and settings; keywords override settings."""

    def __init__(
        self,
        n_samples=40,
        n_features=5,
        hidden=(7, 6),
        activation="tanh",
        loss=None,
        n_outputs=1,
        *,
        dtype=np.float64,
        weighted=False,
        X=None,
        target=None,
        seed=0,
    ):
        rng = np.random.default_rng(seed)
        self.loss = SquaredError() if loss is None else loss
        self.X = rng.standard_normal((n_samples, n_features)) if X is None else X
        self.target = (
            targets(self.loss, self.X.shape[0], n_outputs, rng)
            if target is None
            else target
        )
        self.weight = rng.uniform(0.2, 3.0, self.X.shape[0]) if weighted else None
        self.sample = make_sample(self.X, self.target, self.weight, dtype)
        shape = (self.X.shape[1], hidden, self.target.shape[1])
        self.network = make_network(*shape, activation)
        self.n_layers = len(hidden) + 1
        self.params = initial_parameters(self.network, np.random.RandomState(seed), dtype)

    def penalty(self, *args, **kwargs):
        return make_regularization(self.n_layers, *args, **kwargs)

    def noise(self, *args, **kwargs):
        return make_noise(self.n_layers, *args, **kwargs)

    def train(self, optimizer, n_epochs, *, state=None, averaging=False, **settings):
        """State and mean losses after some epochs."""
        state = (
            make_state(self.params.copy(), optimizer, averaging) if state is None else state
        )
        options = {
            "loss": self.loss,
            "regularization": self.penalty(),
            "noise": self.noise(),
            "learning_rate": 0.01,
            "batch_size": 16,
            "seed": 3,
            **settings,
        }
        losses = []
        for _ in range(n_epochs):
            state, loss = train_epoch(
                self.network, self.sample, state, optimizer=optimizer, **options
            )
            losses.append(loss)
        return state, losses
