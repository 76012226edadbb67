"""`standardize=True` is a StandardScaler in front, with coefficients of X as it is."""

import warnings
from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skreg
from skreg._kernels.design import CSC, Dense, Scaled, column_dot, column_update
from skreg._solvers.leave_one_out import leave_one_out
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import (
    column_design,
    explicit_matrix,
    make_kernel_matrix,
    make_sample,
    standard_scale,
    start_state,
)
from skreg.linear._base import LinearRegressor

TIGHT = {"tol": 1e-14, "max_iter": 100_000}
MODELS: dict[str, LinearRegressor] = {
    "lasso": skreg.Lasso(0.1, **TIGHT),
    "lasso, positive": skreg.Lasso(0.1, positive=True, **TIGHT),
    "lasso, Gram": skreg.Lasso(0.1, precompute=True, **TIGHT),
    "enet": skreg.ElasticNet(0.1, l1_ratio=0.7, **TIGHT),
    "enet, ridge": skreg.ElasticNet(0.1, l1_ratio=0.0, **TIGHT),
    "multi lasso": skreg.MultiTaskLasso(0.2, **TIGHT),
    "multi enet": skreg.MultiTaskElasticNet(0.2, l1_ratio=0.7, **TIGHT),
    "ridge": skreg.Ridge(3.0),
    "ridge, positive": skreg.Ridge(3.0, positive=True, tol=1e-7),
    "ridge, per target": skreg.Ridge([3.0, 0.1, 30.0]),
    "ridge, lsqr": skreg.Ridge(3.0, solver="lsqr"),
}
DENSE_ONLY = {
    "ridge, svd": skreg.Ridge(3.0, solver="svd"),
    "ridge, cholesky": skreg.Ridge(3.0, solver="cholesky"),
}
STORAGE = {
    "C": np.ascontiguousarray,
    "F": np.asfortranarray,
    "csr": sparse.csr_array,
    "csc": sparse.csc_array,
}
# Columns of very different means and scales, one without any zero.
SCALES = np.array([1.0, 1e3, 1e-3, 7.0, 0.02, 40.0])

every_model = pytest.mark.parametrize("name", MODELS)
every_storage = pytest.mark.parametrize("storage", STORAGE)
every_shape = pytest.mark.parametrize("shape", [(50, 8), (20, 45)], ids=["tall", "wide"])
every_intercept = pytest.mark.parametrize("fit_intercept", [True, False], ids=["b", "0"])
every_weight = pytest.mark.parametrize("weighted", [False, True], ids=["", "weighted"])


class Data(NamedTuple):
    X: Any
    y: np.ndarray
    sample_weight: np.ndarray | None


def make(name="lasso", shape=(50, 8), weighted=False, seed=0):
    """Columns with zeros and scales of their own, and some rows of weight zero."""
    rng = np.random.default_rng(seed)
    scale = np.resize(SCALES, shape[1])
    X = rng.normal(0.5, 1.0, shape) * (rng.uniform(size=shape) < 0.7)
    X[:, 1] += 3.0
    n_targets = 3 if "multi" in name or "per target" in name else 1
    coef = rng.normal(size=(shape[1], n_targets)) * (np.arange(shape[1]) < 6)[:, None]
    y = X @ coef + 0.3 * rng.normal(size=(shape[0], n_targets)) + 2.0
    y = y if n_targets > 1 else y[:, 0]
    weight = rng.integers(0, 4, shape[0]) * 0.7 if weighted else None
    return Data(X * scale, y, weight)


def scaler_for(X, sample_weight, *, fit_intercept=True):
    """Without a mean where that is algebra: the model behind it centres anyway."""
    centres = fit_intercept and not sparse.issparse(X)
    return StandardScaler(with_mean=centres).fit(X, sample_weight=sample_weight)


def fitted_pair(model, data):
    """(coef, intercept, gap) of standardize=True, and through an explicit StandardScaler."""
    X, y, weight = data
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = clone(model).set_params(standardize=True).fit(X, y, sample_weight=weight)
        scaler = scaler_for(X, weight, fit_intercept=model.fit_intercept)
        behind = clone(model).fit(scaler.transform(X), y, sample_weight=weight)
    coef, intercept = behind.coef_ / scaler.scale_, behind.intercept_
    if scaler.with_mean:
        intercept = intercept - coef @ scaler.mean_
    return found, (coef, intercept), behind, scaler


def assert_same(found, expected, rtol=1e-8):
    """Each coefficient relative to the largest in units of standard deviations."""
    coef, intercept = expected
    np.testing.assert_allclose(found.intercept_, intercept, rtol=rtol, atol=rtol)
    np.testing.assert_allclose(found.coef_, coef, rtol=rtol, atol=0.0)


@every_model
@every_storage
@every_shape
@every_intercept
@every_weight
def test_as_behind_a_standard_scaler(name, storage, shape, fit_intercept, weighted):
    X, y, weight = make(name, shape, weighted)
    model = clone(MODELS[name]).set_params(fit_intercept=fit_intercept)
    found, expected, behind, scaler = fitted_pair(
        model, Data(STORAGE[storage](X), y, weight)
    )
    size = np.abs(behind.coef_).max()
    scaled = found.coef_ * scaler.scale_
    np.testing.assert_allclose(scaled, behind.coef_, rtol=1e-8, atol=1e-8 * size)
    np.testing.assert_allclose(found.intercept_, expected[1], rtol=1e-8, atol=1e-8)
    assert np.max(found.relative_gap_) <= 1e-12
    np.testing.assert_array_equal(found.coef_ == 0.0, behind.coef_ == 0.0)
