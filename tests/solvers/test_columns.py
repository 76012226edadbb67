"""The columns of a working set: products and residuals of a set that grows."""

import numpy as np
import pytest

from skreg._solvers import columns as module
from skreg._solvers.columns import DenseColumns, SparseColumns, pack_columns
from skreg._solvers.sample import column_design, make_sample
from tests.kernels.drive import explicit, given, stored

every_kind = pytest.mark.parametrize("kind", ["dense C", "dense F", "float32", "csc"])
every_setting = pytest.mark.parametrize(
    ("weighted", "fit_intercept"), [(False, True), (False, False), (True, True)]
)
N_FEATURES = 150


@pytest.fixture(autouse=True)
def sparse_stays_sparse(monkeypatch):
    """However many entries the small example has."""
    monkeypatch.setattr(module, "DENSE_SHARE", 1.0)


def packed(kind, weighted=False, fit_intercept=True):
    """(empty store, sample, A, b)."""
    data = given(weighted, fit_intercept, shape=(30, N_FEATURES))
    sample = make_sample(
        stored(data.X, kind), data.y, data.sample_weight, data.fit_intercept
    )
    design, _ = column_design(sample)
    A, b = explicit(data)
    return pack_columns(sample, design), sample, A, b[:, 0]


def batches(sizes, seed=0):
    """A permutation of features in parts of these sizes."""
    order = np.random.default_rng(seed).permutation(N_FEATURES)
    return np.split(order, np.cumsum(sizes))[:-1]


@every_kind
@every_setting
@pytest.mark.parametrize(
    "sizes",
    [[1] * 90, [1, 2, 4, 8, 16, 32, 64], [150], [63, 1, 1, 80]],
    ids=["ones", "doubled", "all", "uneven"],
)
def test_products_and_residuals_are_those_of_dense_columns(
    kind, weighted, fit_intercept, sizes
):
    store, sample, A, b = packed(kind, weighted, fit_intercept)
    roots, rng = sample.weight_roots()[:, 0], np.random.default_rng(1)
    order = np.zeros(0, dtype=np.int64)
    for new in batches(sizes):
        order = np.append(order, new)
        products = store.append(new)
        np.testing.assert_allclose(products, A[:, new].T @ A[:, order], atol=1e-13)
        coef = rng.standard_normal(len(order))
        y = sample.y[:, 0].copy()
        residual = store.residual(y, coef)
        np.testing.assert_allclose(roots * residual, b - A[:, order] @ coef, atol=1e-12)
        np.testing.assert_array_equal(y, sample.y[:, 0])


def test_room_is_made_now_and_then():
    """Each time for twice the entries: few moves for many columns."""
    store, _, A, _ = packed("csc")
    moves, order = 0, np.zeros(0, dtype=np.int64)
    links = store._links
    for new in batches([1] * N_FEATURES):
        order = np.append(order, new)
        products = store.append(new)
        np.testing.assert_allclose(products, A[:, new].T @ A[:, order], atol=1e-13)
        moves += store._links is not links
        links = store._links
        assert store._n_blocks <= len(links)
    assert 2 <= moves <= 12


def test_kinds(monkeypatch):
    assert isinstance(packed("csc")[0], SparseColumns)
    assert isinstance(packed("dense C")[0], DenseColumns)
    monkeypatch.setattr(module, "DENSE_SHARE", 0.0)
    assert isinstance(packed("csc")[0], DenseColumns)


@every_setting
def test_well_filled_sparse_columns_are_packed_dense(monkeypatch, weighted, fit_intercept):
    sparse_store, _, A, _ = packed("csc", weighted, fit_intercept)
    monkeypatch.setattr(module, "DENSE_SHARE", 0.0)
    store, sample, A, b = packed("csc", weighted, fit_intercept)
    order = np.zeros(0, dtype=np.int64)
    for new in batches([3, 80, 7]):
        order = np.append(order, new)
        products = store.append(new)
        np.testing.assert_allclose(products, A[:, new].T @ A[:, order], atol=1e-13)
        np.testing.assert_allclose(products, sparse_store.append(new), atol=1e-13)
    coef, roots = np.ones(len(order)), sample.weight_roots()[:, 0]
    residual = store.residual(sample.y[:, 0], coef)
    np.testing.assert_allclose(roots * residual, b - A[:, order] @ coef, atol=1e-12)


@every_kind
def test_entries_are_what_an_epoch_reads(kind):
    store, sample, *_ = packed(kind)
    chosen = np.array([5, 0, 149])
    expected = 90 if kind != "csc" else np.diff(sample.X.indptr)[chosen].sum()
    assert store.count_entries(chosen) == expected
    assert store.count_entries(chosen[:0]) == 0
