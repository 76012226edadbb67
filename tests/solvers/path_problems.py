"""Regression problems for exact paths, drawn by hypothesis as a few readable numbers."""

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from scipy import sparse


class Recipe(NamedTuple):
    """What :func:`cook` makes a sample of; the repr of a failure is its reproducer."""

    n_samples: int
    n_features: int
    design: str
    edits: tuple = ()
    X_scale: float = 1.0
    column_scale: float = 1.0
    y_scale: float = 1.0
    target: str = "linear"
    weights: str = "none"
    storage: str = "C"
    dtype: str = "float64"
    fit_intercept: bool = True
    positive: bool = False
    l1_ratio: float = 1.0
    seed: int = 0


class Sample(NamedTuple):
    X: object
    y: np.ndarray
    sample_weight: np.ndarray | None


def equicorrelated(correlation):
    def design(rng, n_samples, n_features):
        own = rng.standard_normal((n_samples, n_features))
        shared = rng.standard_normal((n_samples, 1))
        return np.sqrt(1.0 - correlation) * own + np.sqrt(correlation) * shared

    return design


def integers(rng, n_samples, n_features):
    return rng.integers(-2, 3, (n_samples, n_features)).astype(float)


def groups(rng, n_samples, n_features):
    """Indicators of the levels of some factors: each group sums to one."""
    X = np.zeros((n_samples, n_features))
    size = max(1, n_features // 4)
    for start in range(0, n_features, size):
        levels = min(size, n_features - start)
        X[np.arange(n_samples), start + rng.integers(0, levels, n_samples)] = 1.0
    return X


def low_rank(rng, n_samples, n_features):
    rank = rng.integers(1, 4)
    left = rng.standard_normal((n_samples, rank))
    return left @ rng.standard_normal((rank, n_features))


def mostly_zero(rng, n_samples, n_features):
    X = rng.standard_normal((n_samples, n_features))
    return X * (rng.random(X.shape) < 0.15)


DESIGNS = {
    "independent": equicorrelated(0.0),
    "correlated": equicorrelated(0.9),
    "highly correlated": equicorrelated(0.999),
    "nearly equal": equicorrelated(1.0 - 1e-8),
    "integers": integers,
    "groups": groups,
    "low rank": low_rank,
    "mostly zero": mostly_zero,
}
# What happens to one random column (and what it is made of another).
EDITS = {
    "duplicate": lambda column, other: other,
    "negate": lambda column, other: -other,
    "zero": lambda column, other: 0.0,
    "constant": lambda column, other: -3.7,
}
WEIGHTS = {
    "none": lambda rng, n: None,
    "positive": lambda rng, n: rng.uniform(0.1, 3.0, n),
    "zeros": lambda rng, n: np.r_[1.0, rng.integers(0, 3, n - 1)],
}
STORAGE = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "CSR": sparse.csr_array,
    "CSC": sparse.csc_array,
}


def target(kind, rng, X):
    n_samples, n_features = X.shape
    if kind == "constant":
        return np.full(n_samples, 2.5)
    if kind == "integers":
        return rng.integers(-3, 4, n_samples).astype(float)
    chosen = rng.permutation(n_features)[:5]
    fitted = X[:, chosen] @ rng.integers(-3, 4, len(chosen))
    noise = {"linear": 1.0, "little noise": 1e-3, "no noise": 0.0}[kind]
    return fitted + noise * rng.standard_normal(n_samples) + 3.0


def cook(recipe):
    """The :class:`Sample` of a recipe."""
    rng = np.random.default_rng(recipe.seed)
    shape = recipe.n_samples, recipe.n_features
    X = DESIGNS[recipe.design](rng, *shape)
    for edit in recipe.edits:
        j, other = rng.integers(0, shape[1], 2)
        X[:, j] = EDITS[edit](X[:, j], X[:, other])
    y = target(recipe.target, rng, X) * recipe.y_scale
    X = X * recipe.X_scale
    X[:, rng.integers(shape[1])] *= recipe.column_scale
    X = STORAGE[recipe.storage](X.astype(recipe.dtype))
    return Sample(X, y, WEIGHTS[recipe.weights](rng, shape[0]))


def recipes(**fixed):
    """A strategy for recipes, some of whose entries may be fixed."""
    scales = st.sampled_from([1.0, 1.0, 1e-8, 1e8])
    free = {
        "n_samples": st.integers(1, 40),
        "n_features": st.integers(1, 60),
        "design": st.sampled_from(sorted(DESIGNS)),
        "edits": st.lists(st.sampled_from(sorted(EDITS)), max_size=4).map(tuple),
        "X_scale": scales,
        "column_scale": st.sampled_from([1.0, 1.0, 1.0, 1e-8, 1e-4, 1e4, 1e8]),
        "y_scale": scales,
        "target": st.sampled_from(
            ["linear", "linear", "little noise", "no noise", "integers", "constant"]
        ),
        "weights": st.sampled_from(["none", "positive"]),
        "storage": st.sampled_from(sorted(STORAGE)),
        "dtype": st.sampled_from(["float64", "float64", "float32"]),
        "fit_intercept": st.booleans(),
        "positive": st.booleans(),
        "l1_ratio": st.sampled_from([1.0, 1.0, 0.5, 0.05]),
        "seed": st.integers(0, 10_000),
    }
    return st.builds(Recipe, **{**free, **{k: st.just(v) for k, v in fixed.items()}})
