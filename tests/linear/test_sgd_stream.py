"""Learning in pieces, from any storage, of more columns than fit into a vector."""

import contextlib
import io
import json
import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone

from skreg import SGDClassifier, SGDRegressor
from skreg._solvers import column_store
from tests.compile.processes import run
from tests.linear.streams import classification, learned, regression, same_bits

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SETTINGS = {
    "sgd": {"penalty": "l1", "alpha": 0.01},
    "averaged": {"penalty": "elasticnet", "alpha": 0.01, "average": 20},
    "adagrad": {"solver": "adagrad", "penalty": "l1", "alpha": 0.01, "eta0": 0.3},
    "ftrl": {"solver": "ftrl", "penalty": "elasticnet", "alpha": [0.01, 0.1], "eta0": 0.3},
    "standardized": {
        "solver": "ftrl",
        "penalty": "l1",
        "alpha": 0.01,
        "eta0": 0.3,
        "standardize": True,
    },
}
every_setting = pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
STORAGES = {"dense": 2**24, "hash": 0}
every_storage = pytest.mark.parametrize("limit", STORAGES.values(), ids=STORAGES)
WIDE = 200_030_000


def data(n_samples=90, n_classes=3):
    X, y = classification(n_samples, 6, n_classes)
    return np.where(np.abs(X) < 0.7, 0.0, X), y


def wide_data(n_samples=500, n_features=WIDE, seed=0):
    """Three non-zeros in each row; y is the sign of a few of 40 columns."""
    rng = np.random.default_rng(seed)
    columns = rng.choice(n_features, 40, replace=False)
    drawn = np.array([rng.choice(40, 3, replace=False) for _ in range(n_samples)])
    X = sparse.csr_array(
        (
            np.ones(3 * n_samples),
            columns[drawn].ravel(),
            np.arange(0, 3 * n_samples + 1, 3, dtype=np.int64),
        ),
        (n_samples, n_features),
    )
    effect = np.where(np.arange(40) < 10, 2.0, -0.5)[drawn].sum(axis=1)
    return X, (effect > 0).astype(int)


@every_setting
@every_storage
def test_pieces_are_one_pass(settings, limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = data()
    X = sparse.csr_array(X)
    whole = SGDClassifier("log_loss", shuffle=False, **settings)
    part, resumed = clone(whole), clone(whole)
    whole.partial_fit(X, y, classes=[0, 1, 2])
    for rows in np.split(np.arange(90), [1, 30, 31, 77]):
        part.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        resumed.partial_fit(X[rows], y[rows], classes=[0, 1, 2])
        resumed = pickle.loads(pickle.dumps(resumed))
    for model in (part, resumed):
        same_bits(model, whole)
        assert model.t_ == whole.t_ == 91
        assert sparse.issparse(model.coef_) == (limit == 0)
        np.testing.assert_allclose(
            model.progressive_loss_, whole.progressive_loss_, rtol=1e-12
        )
    fitted = SGDClassifier("log_loss", shuffle=False, max_iter=1, tol=None, **settings).fit(
        X, y
    )
    same_bits(fitted, whole)


@every_setting
def test_storage_does_not_matter(settings, monkeypatch):
    X, y = data()
    model = SGDClassifier("log_loss", max_iter=3, tol=None, random_state=0, **settings)
    dense = clone(model).fit(X, y)
    stored = clone(model).fit(sparse.csr_array(X), y)
    # Kernels may meet the zeros of dense rows, and round then too.
    np.testing.assert_allclose(learned(stored), learned(dense), rtol=1e-12, atol=1e-13)
    monkeypatch.setattr(column_store, "DENSE_LIMIT", 0)
    for given in (sparse.csr_array(X), sparse.csc_array(X), sparse.csr_matrix(X), X):
        hashed = clone(model).fit(given, y)
        same_bits(hashed, stored)
        for alpha in hashed.alphas_:
            expected = dense.decision_function(X, alpha=alpha)
            for asked in (X, sparse.csr_array(X), sparse.csc_array(X)):
                found = hashed.decision_function(asked, alpha=alpha)
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)
                found = dense.decision_function(asked, alpha=alpha)
                np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def shuffled_entries(X):
    """Unsorted indices, one entry in two halves, an explicit zero."""
    rows, columns = X.nonzero()
    values = X[rows, columns]
    rows, columns = np.append(rows, [0, 1]), np.append(columns, [columns[0], 5])
    values = np.append(values, [values[0] / 2, 0.0])
    values[0] /= 2
    order = np.lexsort((np.random.default_rng(0).uniform(size=len(rows)), rows))
    indptr = np.searchsorted(rows[order], np.arange(len(X) + 1))
    return sparse.csr_array((values[order], columns[order], indptr), X.shape)


@every_setting
@every_storage
@pytest.mark.parametrize("learning_rate", ["optimal", "pa1"])
def test_unsorted_and_duplicate_entries(settings, limit, learning_rate, monkeypatch):
    X, y = data()
    model = SGDClassifier(max_iter=2, tol=None, random_state=0, **settings)
    model.set_params(learning_rate=learning_rate)
    expected = learned(clone(model).fit(X, y))
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    given = shuffled_entries(X)
    before = given.copy()
    found = learned(model.fit(given, y))
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert (given.data == before.data).all()
    assert (given.indices == before.indices).all()
    scores = model.decision_function(given)
    np.testing.assert_allclose(scores, model.decision_function(X), rtol=1e-9, atol=1e-12)


@every_setting
@every_storage
def test_memory_maps_and_indices_of_64_bits(settings, limit, tmp_path, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = data()
    X = sparse.csr_array(X)
    model = SGDClassifier(max_iter=2, tol=None, random_state=0, **settings)
    expected = learned(clone(model).fit(X, y))
    parts = []
    for name in ("data", "indices", "indptr"):
        array = getattr(X, name)
        array = array.astype(np.int64) if name != "data" else array
        np.save(tmp_path / f"{name}.npy", array)
        parts.append(np.load(tmp_path / f"{name}.npy", mmap_mode="r"))
    mapped = sparse.csr_array(tuple(parts), X.shape)
    np.testing.assert_array_equal(learned(model.fit(mapped, y)), expected)
    assert mapped.indices.dtype == np.int64


@every_storage
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_of_weights_is_that_of_features(dtype, limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = data()
    X = np.round(X * 8) / 8
    settings = {"max_iter": 2, "tol": None, "random_state": 0}
    model = SGDClassifier(**settings).fit(sparse.csr_array(X, dtype=dtype), y)
    assert model.coef_.dtype == model.intercept_.dtype == dtype
    assert model.decision_function(sparse.csr_array(X, dtype=dtype)).dtype == dtype
    double = SGDClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(learned(model), learned(double).astype(dtype))


@every_setting
def test_one_row_empty_rows_and_constant_columns(settings):
    model = SGDRegressor(max_iter=3, tol=None, **settings)
    one = clone(model).fit(np.ones((1, 2)), [1.0])
    assert 0.0 < one.predict([[1.0, 1.0]])[0] <= 1.5
    X = sparse.csr_array((20, 4))
    empty = clone(model).fit(X, np.ones(20))
    assert np.all(empty.coef_ == 0.0)
    assert empty.intercept_[0] > 0.0
    no_intercept = clone(model).set_params(fit_intercept=False).fit(X, np.ones(20))
    assert not learned(no_intercept).any()
    constant = clone(model).fit(np.ones((20, 3)), np.ones(20))
    assert constant.coef_[0] == constant.coef_[1] == constant.coef_[2]
    # A column without a standard deviation is the intercept again.
    assert (constant.coef_[0] > 0.0) == (not model.standardize)
    alone = clone(model).set_params(fit_intercept=False).fit(np.ones((20, 3)), np.ones(20))
    assert alone.coef_[0] > 0.0


@pytest.mark.parametrize("n_features", [2**24 + 1, WIDE, 2**40])
@every_setting
def test_no_vector_is_as_long_as_x_is_wide(settings, n_features):
    X, y = wide_data(n_features=n_features)
    model = SGDClassifier("log_loss", random_state=0, max_iter=5, tol=None, **settings)
    clone(model).fit(X, y).predict(X)  # compiles
    tracemalloc.start()
    model.fit(X, y)
    model.partial_fit(X, y)
    score = model.score(X, y)
    kept = pickle.dumps(model)
    again = pickle.loads(kept)
    model.sparsify()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5e6
    assert score > 0.9
    assert sparse.issparse(model.coef_)
    assert model.coef_.shape == (1, n_features)
    assert 0 < model.coef_.nnz <= 40
    assert len(kept) < 20_000
    assert again.score(X, y) == score


@pytest.mark.parametrize("interface", [sparse.csr_array, sparse.csr_matrix])
def test_predictions_from_csr_need_memory_for_the_non_zeros(interface):
    X, y = wide_data(20_000)
    X = interface(X)
    model = SGDClassifier(random_state=0, max_iter=1, tol=None).fit(X, y)
    tracemalloc.start()
    model.predict(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * X.nnz
    rows = X[:5].tocoo()
    w = dict(zip(model.coef_.indices.tolist(), model.coef_.data.tolist(), strict=True))
    expected = np.full(5, model.intercept_[0])
    for row, column, entry in zip(rows.row, rows.col, rows.data, strict=True):
        expected[row] += entry * w.get(int(column), 0.0)
    np.testing.assert_allclose(model.decision_function(X[:5]), expected, rtol=1e-12)


def test_many_classes_of_hashed_text_have_dense_coefficients():
    """Slots for columns, since 2^20 columns times 20 classes are many; arrays as ever."""
    X, _ = wide_data(200, 2**20)
    y = np.arange(200) % 20
    model = SGDClassifier(random_state=0, max_iter=2, tol=None).fit(X, y)
    assert isinstance(model.coef_, np.ndarray)
    assert model.coef_.shape == (20, 2**20)
    assert not model._stream.columns.is_dense
    assert model.score(X, y) > 0.1


def test_pickles_of_a_dense_store_hold_the_columns_in_use():
    X, y = wide_data(200, 2**20)
    model = SGDClassifier(random_state=0, max_iter=2, tol=None).fit(X, y)
    kept = pickle.dumps(model)
    assert len(kept) < 10_000
    same_bits(pickle.loads(kept), model)


@every_setting
@every_storage
def test_sparsify_and_densify(settings, limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = data()
    X = sparse.csr_array(X)
    model = SGDClassifier(random_state=0, max_iter=3, tol=None, **settings).fit(X, y)
    expected, scores = learned(model), model.decision_function(X)
    assert model.sparsify() is model
    assert model._stream is None
    assert all(coef.format == "csr" for coef in model._shown[0])
    np.testing.assert_array_equal(learned(model), expected)
    assert model.coef_.nnz == np.count_nonzero(model.coef_.toarray())
    np.testing.assert_allclose(model.decision_function(X), scores, rtol=1e-12)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(learned(again), expected)
    assert model.densify() is model
    assert isinstance(model.coef_, np.ndarray)
    np.testing.assert_array_equal(learned(model), expected)
    # Both go on from these weights.
    np.testing.assert_array_equal(
        learned(model.partial_fit(X, y)), learned(again.partial_fit(X, y))
    )


@pytest.mark.parametrize("name", [name for name in SETTINGS if name != "ftrl"])
def test_assigned_weights_are_where_learning_goes_on(name):
    X, y = regression()
    settings = {**SETTINGS[name], "random_state": 0}
    coef, intercept = np.linspace(-1, 1, 5), np.array([0.5])
    model = SGDRegressor(**settings).fit(X, y)
    model.coef_, model.intercept_ = coef, intercept
    np.testing.assert_array_equal(model.predict(X), X @ coef + 0.5)
    np.testing.assert_array_equal(model.coef_, coef)
    model.partial_fit(X, y)
    settings |= {"max_iter": 1, "tol": None}
    started = SGDRegressor(**settings).fit(X, y, coef_init=coef, intercept_init=intercept)
    warm = SGDRegressor(**settings, warm_start=True).fit(X, y)
    warm.coef_, warm.intercept_ = coef, 0.5
    warm.fit(X, y)
    expected = SGDRegressor(**settings).fit(X, y, coef_init=coef, intercept_init=0.5)
    for found in (started, warm):
        same_bits(found, expected)
    assert np.abs(learned(expected) - np.append(coef, 0.5)).max() > 0.01
    # partial_fit shuffles by a fresh seed, fit by one that goes on: same rows, other order.
    np.testing.assert_allclose(learned(model), learned(expected), atol=0.3)


def test_warm_start_goes_on_from_the_last_weights():
    X, y = regression()
    model = SGDRegressor(warm_start=True, max_iter=1, tol=None, random_state=0).fit(X, y)
    before = model.coef_
    expected = SGDRegressor(max_iter=1, tol=None, random_state=0)
    expected.fit(X, y, coef_init=before, intercept_init=model.intercept_)
    same_bits(model.fit(X, y), expected)
    with pytest.raises(ValueError, match="Provided coef_init does not match dataset"):
        model.fit(X[:, :3], y)


@pytest.mark.parametrize("n_features", [2**10, WIDE])
def test_a_sparse_start(n_features):
    X, y = wide_data(n_features=n_features)
    settings = {"max_iter": 1, "tol": None, "random_state": 0}
    model = SGDClassifier(**settings).fit(X, y).sparsify()
    again = SGDClassifier(**settings).fit(X, y, model.coef_, model.intercept_)
    warm = clone(model).set_params(warm_start=True).fit(X, y).fit(X, y)
    same_bits(again, warm)
    with pytest.raises(ValueError, match=r"coef_init has shape \(1, 2\); expected \("):
        SGDClassifier().fit(X, y, coef_init=sparse.csr_array((1, 2)))
    bad = model.coef_.copy()
    bad.data[0] = np.nan
    with pytest.raises(ValueError, match="Input coef_init contains NaN"):
        SGDClassifier().fit(X, y, coef_init=bad)


@every_storage
def test_every_alpha_starts_warm_from_its_own_weights(limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = regression()
    settings = {"warm_start": True, "max_iter": 2, "tol": None, "random_state": 0}
    together = SGDRegressor(alpha=[0.01, 1.0], **settings).fit(X, y).fit(X, y)
    alone = [SGDRegressor(alpha=alpha, **settings).fit(X, y) for alpha in (0.01, 1.0)]
    for k, model in enumerate(alone):
        model.fit(X, y)
        np.testing.assert_array_equal(
            together.predict(X, alpha=together.alphas_[k]), model.predict(X)
        )
    chosen = together.coef_
    together.set_params(alpha=0.5, max_iter=1, eta0=1e-12).fit(X, y)
    difference = together.coef_ - chosen
    assert np.abs(difference).max() < 1e-9


@every_storage
def test_attributes_are_read_only(limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    X, y = regression()
    model = SGDRegressor().fit(X, y)
    coef = model.coef_.data if sparse.issparse(model.coef_) else model.coef_
    for array in (coef, model.intercept_, model.densify().coef_):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1.0
    assert not hasattr(SGDRegressor(), "coef_")


PLAIN = """
import json
import numpy as np
from scipy import sparse
from skreg import SGDClassifier

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5)) * (rng.uniform(size=(40, 5)) < 0.5)
y = (X[:, 0] + X[:, 1] > 0) + (X[:, 2] > 1)
out = []
for solver in ("sgd", "adagrad", "ftrl"):
    for given in (X, sparse.csr_array(X)):
        model = SGDClassifier("log_loss", penalty="elasticnet", solver=solver, eta0=0.1)
        model.set_params(alpha=[1e-3, 1e-2], random_state=0, max_iter=3, tol=None)
        out.append(model.fit(given, y).coef_path_.tolist())
wide = sparse.csr_array((np.ones(3), np.array([5, 2**30, 7]), np.arange(4)), (3, 2**31))
model = SGDClassifier(random_state=0, tol=None, max_iter=2).fit(wide, [0, 1, 0])
out.append(model.coef_.data.tolist())
print(json.dumps(out))
"""


def test_plain_python_computes_the_same(tmp_path):
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(PLAIN, {})
    compiled = json.loads(printed.getvalue())
    plain = json.loads(run(PLAIN, tmp_path, NUMBA_DISABLE_JIT="1"))
    for one, other in zip(compiled, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
