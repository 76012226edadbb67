"""Samples, their designs, and calls of the descent kernels with fresh work arrays."""

from typing import NamedTuple

import numpy as np
from scipy import sparse

from skreg._kernels.cd import N_KEPT, coordinate_descent
from skreg._kernels.group_cd import group_coordinate_descent
from skreg._solvers.moments import gram_design, make_moments
from skreg._solvers.sample import (
    column_design,
    make_sample,
    start_state,
)
from tests.linear import oracle

UNBOUNDED = np.iinfo(np.int64).max
KINDS = ("dense C", "dense F", "float32", "csc", "csr", "gram", "sparse gram")


class Given(NamedTuple):
    X: np.ndarray
    y: np.ndarray
    sample_weight: np.ndarray | None
    fit_intercept: bool


def given(weighted=False, fit_intercept=True, shape=(30, 7), seed=0, n_targets=1):
    """Data with many zeros that float32 holds exactly."""
    rng = np.random.default_rng(seed)
    X = rng.integers(-64, 65, shape) * (rng.uniform(size=shape) < 0.6) / 32.0
    coef = np.where(np.arange(shape[1]) < 4, 1.5, 0.0)
    y = (X @ coef)[:, None] + rng.standard_normal((shape[0], n_targets)) + 2.0
    weight = rng.uniform(0.2, 3.0, shape[0]) if weighted else None
    return Given(X, y, weight, fit_intercept)


def stored(X, kind):
    convert = {
        "dense C": np.ascontiguousarray,
        "dense F": np.asfortranarray,
        "float32": lambda X: X.astype(np.float32),
        "csc": sparse.csc_array,
        "csr": sparse.csr_array,
        "gram": np.ascontiguousarray,
        "sparse gram": sparse.csc_array,
    }
    return convert[kind](X)


def designed(data, kind):
    """(design, curvature, one start state per target)."""
    sample = make_sample(
        stored(data.X, kind), data.y, data.sample_weight, data.fit_intercept
    )
    targets = range(data.y.shape[1])
    if kind.endswith("gram"):
        moments = make_moments(sample)
        pairs = [gram_design(moments, k) for k in targets]
        states = [design.correlation.copy() for design, _ in pairs]
        return *pairs[0], states
    design, curvature = column_design(sample)
    return design, curvature, [start_state(design, sample, k) for k in targets]


def explicit(data):
    """A and b of 1/2 ||b - A w||^2, in float64."""
    A, b = oracle.explicit(data.X, data.y, data.sample_weight, data.fit_intercept)
    return A.astype(float), b.astype(float)


def descend(
    design,
    curvature,
    kernel,
    start,
    tol,
    max_iter=UNBOUNDED,
    coef=None,
    n_kept=N_KEPT,
):
    """(coef, gap, n_iter) of a cold start, or from `coef`.

    With `n_kept` above the number of epochs nothing is extrapolated.
    """
    n_features = curvature.size
    coef = np.zeros(n_features) if coef is None else np.array(coef, dtype=float)
    gap, n_iter = coordinate_descent(
        design,
        curvature,
        kernel,
        kernel,
        False,
        start,
        tol,
        max_iter,
        coef,
        np.empty_like(start),
        np.zeros(n_features),
        np.arange(n_features),
        (np.empty((n_kept, n_features)), np.empty((n_kept, start.size))),
    )
    return coef, gap, n_iter


def descend_rows(design, curvature, kernel, starts, tol, max_iter=UNBOUNDED):
    """(coef of shape (n_features, n_targets), gap, n_iter) of a cold start."""
    states = np.stack(starts)
    shape = curvature.size, len(starts)
    coef = np.zeros(shape)
    gap, n_iter = group_coordinate_descent(
        design,
        curvature,
        kernel,
        kernel,
        False,
        states,
        tol,
        max_iter,
        coef,
        np.empty_like(states),
        np.zeros(shape),
        np.arange(shape[0]),
        np.empty(shape[1]),
    )
    return coef, gap, n_iter
