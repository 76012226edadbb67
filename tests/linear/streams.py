"""Data and settings for the models that learn row by row."""

import numpy as np
from scipy import sparse

from skreg import losses

# Long enough for three digits of the objective.
CONVERGED = {
    "random_state": 0,
    "tol": None,
    "max_iter": 200,
    "learning_rate": "invscaling",
    "eta0": 0.1,
    "power_t": 0.25,
}
KERNELS = {
    "squared_error": lambda epsilon=0.1, level=0.5: losses.SquaredError(),
    "huber": lambda epsilon=0.1, level=0.5: losses.Huber(epsilon),
    "epsilon_insensitive": lambda epsilon=0.1, level=0.5: losses.EpsilonInsensitive(
        epsilon
    ),
    "squared_epsilon_insensitive": lambda epsilon=0.1, level=0.5: (
        losses.SquaredEpsilonInsensitive(epsilon)
    ),
    "quantile": lambda epsilon=0.1, level=0.5: losses.Quantile(level),
    "poisson": lambda epsilon=0.1, level=0.5: losses.Poisson(),
    "gamma": lambda epsilon=0.1, level=0.5: losses.Gamma(),
    "hinge": lambda: losses.Hinge(1.0),
    "log_loss": losses.LogLoss,
    "modified_huber": losses.ModifiedHuber,
    "squared_hinge": losses.SquaredHinge,
}


def regression(n_samples=100, n_features=5, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features))
    coef = np.r_[1.5, -1.0, 0.5, np.zeros(n_features - 3)]
    return X, X @ coef + 0.7 + noise * rng.normal(size=n_samples)


def classification(n_samples=100, n_features=5, n_classes=2, seed=0):
    rng = np.random.default_rng(seed)
    y = np.arange(n_samples) % n_classes
    centres = rng.normal(size=(n_classes, n_features))
    return rng.normal(size=(n_samples, n_features)) + centres[y], y


def learned(model):
    """All that predicts, as one vector."""
    coefs, intercepts = model._read_weights()
    rows = [numbers_of(coef) for coef in coefs]
    return np.concatenate([np.ravel(part) for part in [*rows, intercepts]])


def numbers_of(coef):
    """Zeros included, unless there are too many."""
    if not sparse.issparse(coef):
        return coef
    if coef.shape[1] < 2**16:
        return coef.toarray()
    return np.concatenate([coef.indptr, coef.indices, coef.data])


def same_bits(one, other):
    np.testing.assert_array_equal(learned(one), learned(other))
