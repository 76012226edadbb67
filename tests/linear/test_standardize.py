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
from skreg._solvers.row_norms import row_norms
from tests.linear import judge, oracle

TIGHT = {"tol": 1e-14, "max_iter": 100_000}
MODELS = {
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


def without_zero_weights(data):
    """The rows that count."""
    X, y, weight = data
    if weight is None:
        return data
    kept = weight > 0
    return Data(X[kept], y[kept], weight[kept])


def behind_scaler(model, data):
    """The pipeline, and its coefficients and intercept for X as it is."""
    X, y, weight = data
    scaler = StandardScaler(with_mean=model.fit_intercept and not sparse.issparse(X))
    pipeline = make_pipeline(scaler, clone(model))
    step = (
        {}
        if weight is None
        else {
            "standardscaler__sample_weight": weight,
            f"{type(model).__name__.lower()}__sample_weight": weight,
        }
    )
    pipeline.fit(X, y, **step)
    coef = pipeline[-1].coef_ / scaler.scale_
    means = scaler.mean_ if scaler.with_mean else np.zeros(X.shape[1])
    return pipeline, coef, pipeline[-1].intercept_ - coef @ means


def standardized(model, data):
    X, y, weight = data
    return clone(model).set_params(standardize=True).fit(X, y, sample_weight=weight)


def assert_as_behind_scaler(model, data, rtol=1e-8):
    """To `rtol` of the largest coefficient of standardized columns; zeros are zeros."""
    found = standardized(model, data)
    pipeline, _, intercept = behind_scaler(model, data)
    scale, coef = pipeline[0].scale_, pipeline[-1].coef_
    atol = rtol * np.abs(coef).max()
    np.testing.assert_allclose(found.coef_ * scale, coef, rtol=rtol, atol=atol)
    np.testing.assert_array_equal(found.coef_ == 0.0, coef == 0.0)
    np.testing.assert_allclose(found.intercept_, intercept, rtol=rtol, atol=rtol)
    X = data.X[:7]
    expected = pipeline.predict(X)
    atol = rtol * np.abs(expected).max()
    np.testing.assert_allclose(found.predict(X), expected, rtol=rtol, atol=atol)
    assert np.max(found.relative_gap_) <= 1e-12
    return found


@every_model
@every_storage
@every_shape
@every_intercept
@every_weight
def test_as_behind_a_standard_scaler(name, storage, shape, fit_intercept, weighted):
    X, y, weight = make(name, shape, weighted)
    model = clone(MODELS[name]).set_params(fit_intercept=fit_intercept)
    assert_as_behind_scaler(model, Data(STORAGE[storage](X), y, weight))


@pytest.mark.parametrize("solver", ["svd", "cholesky"])
@every_shape
@every_weight
def test_dense_solvers_of_ridge(solver, shape, weighted):
    data = make("ridge", shape, weighted)
    assert_as_behind_scaler(skreg.Ridge(3.0, solver=solver), data)


@pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning")
@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet, skreg.Ridge])
@every_shape
def test_without_a_penalty_the_norm_of_standardized_coefficients_is_smallest(cls, shape):
    data = make(shape=shape)
    assert_as_behind_scaler(cls(alpha=0.0), data, rtol=1e-7)


def standardized_problem(data, fit_intercept=True):
    """A and b of the oracle with columns of standard deviation one, and the scale."""
    X, y, weight = data
    centred, _ = oracle.explicit(X, y, weight)
    scale = np.sqrt(np.sum(centred**2, axis=0))
    A, b = oracle.explicit(X, y, weight, fit_intercept)
    return A / scale, b, scale


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("positive", [False, True])
@every_shape
@every_intercept
@every_weight
@pytest.mark.parametrize("max_iter", [2, 100_000])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_gap_is_that_of_the_stored_coefficients_in_the_standardized_problem(
    l1_ratio, positive, shape, fit_intercept, weighted, max_iter
):
    data = make(shape=shape, weighted=weighted)
    settings = {"l1_ratio": l1_ratio, "positive": positive, "fit_intercept": fit_intercept}
    model = skreg.ElasticNet(0.1, **settings, tol=1e-14, max_iter=max_iter)
    found = standardized(model, data)
    A, b, scale = standardized_problem(data, fit_intercept)
    problem = judge.Objective(A, b, 0.1 * l1_ratio, 0.1 * (1.0 - l1_ratio), positive)
    coef = found.coef_ * scale
    assert found.dual_gap_ <= problem.gap(coef) + 1e-14 * problem.null
    assert found.dual_gap_ >= problem.excess(coef) * (1.0 - 1e-6)
    assert found.relative_gap_ == pytest.approx(found.dual_gap_ / float(problem.null))


@every_shape
@every_intercept
@every_weight
def test_gap_of_ridge_is_that_of_the_standardized_problem(shape, fit_intercept, weighted):
    """Krylov iterations that end early leave a gap to be seen."""
    data = make("ridge", shape, weighted)
    model = skreg.Ridge(
        3.0, fit_intercept=fit_intercept, solver="lsqr", tol=1e5, max_iter=1000
    )
    found = standardized(model, data)
    A, b, scale = standardized_problem(data, fit_intercept)
    total = len(b) if data.sample_weight is None else data.sample_weight.sum()
    problem = judge.Objective(A, b, 0.0, 3.0 / total)
    slope = problem.slope(found.coef_ * scale)
    expected = 2.0 * total * float(slope @ slope) / (2.0 * problem.l2)
    assert found.relative_gap_ > 1e-12
    assert found.dual_gap_ <= expected * (1.0 + 1e-6)
    hessian = (A.T @ A).astype(float) + problem.l2 * np.eye(len(scale))
    decrement = slope.astype(float) @ np.linalg.solve(hessian, slope.astype(float))
    assert found.dual_gap_ >= total * decrement * (1.0 - 1e-6)


@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@every_shape
@every_weight
def test_several_targets_meet_the_optimality_condition(l1_ratio, shape, weighted):
    X, Y, weight = make("multi", shape, weighted)
    model = skreg.MultiTaskElasticNet(0.2, l1_ratio=l1_ratio, **TIGHT)
    found = standardized(model, Data(X, Y, weight))
    A, B, scale = standardized_problem(Data(X, Y, weight))
    W = (found.coef_ * scale).T
    slope = A.T @ (B - A @ W) - 0.2 * (1.0 - l1_ratio) * W
    size = row_norms(W.astype(float))
    direction = W / np.where(size > 0.0, size, 1.0)[:, None]
    away = row_norms((slope - 0.2 * l1_ratio * direction).astype(float))
    assert np.any(size > 0.0)
    assert np.all(away[size > 0.0] <= 1e-9)
    assert np.all(row_norms(slope.astype(float))[size == 0.0] <= 0.2 * l1_ratio + 1e-9)


@every_model
@every_storage
def test_a_constant_column_changes_nothing_and_gets_no_coefficient(name, storage):
    X, y, weight = make(name, weighted=True)
    expected = standardized(MODELS[name], Data(STORAGE[storage](X), y, weight))
    extended = np.column_stack([X, np.full(len(X), 0.1)])
    found = standardized(MODELS[name], Data(STORAGE[storage](extended), y, weight))
    assert not np.any(found.coef_[..., -1])
    np.testing.assert_allclose(found.coef_[..., :-1], expected.coef_, rtol=1e-9)
    np.testing.assert_allclose(found.intercept_, expected.intercept_, rtol=1e-9)


def test_a_constant_column_without_an_intercept_is_left_as_it_is():
    X, y, _ = make()
    X[:, 3] = 3.0
    model = skreg.Lasso(0.1, fit_intercept=False, **TIGHT)
    found = assert_as_behind_scaler(model, Data(X, y, None))
    assert found.coef_[3] > 0.0  # it stands for the intercept


@every_model
@every_storage
@every_shape
@pytest.mark.parametrize("size", [1e6, 1e-100, 1e100])
def test_the_unit_of_a_column_only_changes_its_coefficient(name, storage, shape, size):
    X, y, weight = make(name, shape)
    before = standardized(MODELS[name], Data(STORAGE[storage](X), y, weight))
    scale = X.std(axis=0)
    largest = np.abs(before.coef_ * scale).max()
    changed = np.argmax(np.abs(before.coef_ * scale)) % shape[1]
    units = np.where(np.arange(shape[1]) == changed, size, 1.0)
    after = standardized(MODELS[name], Data(STORAGE[storage](X * units), y, weight))
    assert largest > 0.0
    np.testing.assert_allclose(
        after.coef_ * units * scale, before.coef_ * scale, rtol=1e-9, atol=1e-9 * largest
    )
    np.testing.assert_allclose(after.intercept_, before.intercept_, rtol=1e-9)
    assert np.max(after.relative_gap_) <= 1e-12


@every_model
@pytest.mark.parametrize("storage", ["C", "F", "csc"])
def test_a_large_offset_only_changes_the_intercept(name, storage):
    """Columns that are exact beside an offset of 1e8."""
    X, y, weight = make(name, weighted=True)
    X = np.round(X / np.resize(SCALES, 8) * 2**20) / 2**20
    before = standardized(MODELS[name], Data(STORAGE[storage](X), y, weight))
    after = standardized(MODELS[name], Data(STORAGE[storage](X + 1e8), y, weight))
    np.testing.assert_allclose(after.coef_, before.coef_, rtol=1e-6, atol=1e-9)


@every_model
@every_storage
@every_shape
def test_float32_has_the_coefficients_of_the_same_numbers_in_float64(name, storage, shape):
    X, y, weight = make(name, shape, weighted=True)
    X = X.astype(np.float32)
    single = standardized(MODELS[name], Data(STORAGE[storage](X), y, weight))
    double = standardized(MODELS[name], Data(STORAGE[storage](X.astype(float)), y, weight))
    assert single.coef_.dtype == np.float32
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-6)
    np.testing.assert_allclose(single.intercept_, double.intercept_, rtol=1e-5, atol=1e-5)
    assert np.max(single.relative_gap_) <= 1e-5


WARM = ["lasso", "lasso, positive", "lasso, Gram", "enet", "multi lasso", "multi enet"]


@pytest.mark.parametrize("name", WARM)
@every_storage
@every_shape
def test_a_warm_start_at_the_solution_needs_nothing(name, storage, shape):
    X, y, _ = make(name, shape)
    X = STORAGE[storage](X)
    model = clone(MODELS[name]).set_params(standardize=True, warm_start=True, tol=1e-10)
    coef = model.fit(X, y).coef_.copy()
    assert np.max(model.fit(X, y).n_iter_) <= 1
    np.testing.assert_allclose(model.coef_, coef, rtol=1e-12)
    model.set_params(alpha=0.05).fit(X, y)
    cold = clone(model).fit(X, y)
    np.testing.assert_allclose(model.coef_, cold.coef_, rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet])
@every_intercept
@every_weight
def test_a_given_gram_matrix_is_that_of_X_as_it_is(cls, fit_intercept, weighted):
    X, y, weight = without_zero_weights(make(weighted=weighted))
    root = np.ones(len(X)) if weight is None else weight / weight.mean()
    X = X - np.average(X, axis=0, weights=weight)
    gram = X.T @ (root[:, None] * X)
    model = cls(0.1, fit_intercept=fit_intercept, standardize=True, **TIGHT)
    expected = clone(model).fit(X, y, sample_weight=weight)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = model.set_params(precompute=gram).fit(X, y, sample_weight=weight)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-8)


def test_a_given_gram_matrix_of_small_columns_that_are_not_centred_is_refused():
    X, y, _ = make()
    X = 1e-12 * X
    model = skreg.Lasso(0.1, precompute=X.T @ X, standardize=True, **TIGHT)
    with pytest.warns(UserWarning, match="Gram matrix was provided but X was centered"):
        found = model.fit(X, y)
    expected = clone(model).set_params(precompute=False).fit(X, y)
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-9)


@every_model
def test_a_single_row(name):
    X, y, _ = make(name, (1, 8))
    found = standardized(MODELS[name], Data(X, y, None))
    assert not np.any(found.coef_)
    np.testing.assert_allclose(found.intercept_, y[0])


@every_model
def test_weights_are_repetition(name):
    X, y, _ = make(name)
    count = np.random.default_rng(3).integers(0, 4, len(X))
    found = standardized(MODELS[name], Data(X, y, count.astype(float)))
    rows = np.repeat(np.arange(len(X)), count)
    repeated = standardized(MODELS[name], Data(X[rows], y[rows], None))
    largest = np.abs(repeated.coef_ * X.std(axis=0)).max()
    np.testing.assert_allclose(
        found.coef_ * X.std(axis=0),
        repeated.coef_ * X.std(axis=0),
        rtol=1e-8,
        atol=1e-8 * largest,
    )


@every_model
def test_parameter_is_cloned_and_set(name):
    model = clone(MODELS[name]).set_params(standardize=True)
    assert clone(model).get_params()["standardize"] is True
    assert type(model)().standardize is False
    assert "standardize=True" in repr(model)
