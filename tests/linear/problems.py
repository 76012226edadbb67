"""The regression problems that the tests of the linear models share."""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy import sparse
from sklearn.datasets import load_breast_cancer, load_diabetes


class Problem(NamedTuple):
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None = None
    unique: bool = True  # whether the lasso's optimum is unique


def gaussian(n_samples, n_features, n_informative, seed, correlation=0.0):
    """Equicorrelated columns and a sparse truth."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    shared = rng.standard_normal((n_samples, 1))
    X = np.sqrt(1.0 - correlation) * X + np.sqrt(correlation) * shared
    coef = np.zeros(n_features)
    coef[:n_informative] = rng.uniform(0.5, 2.0, n_informative)
    coef[1:n_informative:2] *= -1.0
    return X, X @ coef + rng.standard_normal(n_samples) + 3.0


def tall():
    return Problem(*gaussian(60, 12, 6, seed=0))


def wide():
    return Problem(*gaussian(30, 80, 5, seed=1))


def duplicate_columns():
    X, y = gaussian(50, 10, 8, seed=2)
    X[:, 7] = X[:, 1]
    return Problem(X, y, unique=False)


def constant_columns():
    X, y = gaussian(50, 8, 4, seed=3)
    X[:, 2], X[:, 5] = 4.7, 0.0
    return Problem(X, y)


def correlated():
    return Problem(*gaussian(80, 15, 8, seed=4, correlation=0.99))


def weighted():
    X, y = gaussian(60, 12, 6, seed=5)
    return Problem(X, y, np.random.default_rng(5).uniform(0.1, 3.0, 60))


def zero_weights():
    X, y = gaussian(40, 9, 5, seed=6)
    weight = np.random.default_rng(6).integers(0, 4, 40).astype(float)
    return Problem(X, y, weight)


def sparse_tall():
    return _sparse(120, 15, 0.2, seed=7)


def sparse_wide():
    return _sparse(40, 90, 0.3, seed=8)


def sparse_weighted():
    problem = _sparse(80, 12, 0.3, seed=9)
    return problem._replace(
        sample_weight=np.random.default_rng(9).uniform(0.0, 2.0, 80).round(1)
    )


def _sparse(n_samples, n_features, density, seed):
    rng = np.random.default_rng(seed)
    X = sparse.random(n_samples, n_features, density, format="csc", random_state=seed) * 3.0
    coef = np.where(np.arange(n_features) < 6, rng.uniform(-2, 2, n_features), 0.0)
    return Problem(sparse.csc_array(X), X @ coef + 0.3 * rng.standard_normal(n_samples))


def diabetes():
    return Problem(*load_diabetes(return_X_y=True))


def breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    return Problem(X, y.astype(float))


PROBLEMS = {
    make.__name__: cache(make)
    for make in (
        tall,
        wide,
        duplicate_columns,
        constant_columns,
        correlated,
        weighted,
        zero_weights,
        sparse_tall,
        sparse_wide,
        sparse_weighted,
        diabetes,
        breast_cancer,
    )
}


def with_targets(problem, n_targets=3):
    """The problem with a matrix y: targets that share features, each with its own noise."""
    rng = np.random.default_rng(n_targets)
    noise = rng.standard_normal((len(problem.y), n_targets)) * np.std(problem.y)
    scale = np.linspace(1.0, -2.0, n_targets)
    return problem._replace(y=np.outer(problem.y, scale) + 0.3 * noise)
