"""Columns have slots as they are seen, and memory for those only."""

import pickle
import tracemalloc

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import column_store
from skreg._solvers.column_store import ColumnStore

WIDE = 2**40


def numbered(columns):
    """Slots in the order of first sight, by a dictionary."""
    seen: dict[int, int] = {}
    return [seen.setdefault(int(column), len(seen)) for column in columns], list(seen)


COLUMNS = {
    "random": np.random.default_rng(0).integers(0, WIDE, 50_000),
    "repeated": np.random.default_rng(1).zipf(1.2, 50_000) % WIDE,
    "multiples of a power of two": np.arange(20_000) * 2**20,
    "descending": np.arange(WIDE - 1, WIDE - 30_000, -1),
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
@pytest.mark.parametrize("n_calls", [1, 7])
def test_slots_are_numbers_in_order_of_first_sight(columns, n_calls):
    store = ColumnStore(WIDE, 1, 1)
    assert not store.is_dense
    found = [store.slots_of(part) for part in np.array_split(columns, n_calls)]
    slots, seen = numbered(columns)
    np.testing.assert_array_equal(np.concatenate(found), slots)
    np.testing.assert_array_equal(store.columns(), seen)
    assert store.n_slots == len(seen) <= len(store.state)
    np.testing.assert_array_equal(store.slots_of(columns), slots)


def test_state_stays_with_its_column_when_the_table_grows():
    rng = np.random.default_rng(2)
    store, expected = ColumnStore(WIDE, 2, 3), {}
    for size in (3, 500, 20_000, 1, 90_000):
        columns = rng.integers(0, 200_000, size) * 3
        slots = store.slots_of(columns)
        store.state[slots] += 1.0
        for column in set(columns.tolist()):
            expected[column] = expected.get(column, 0.0) + 1.0
    state = store.state[: store.n_slots]
    found = dict(zip(store.columns().tolist(), state[:, 1, 2], strict=True))
    assert found == expected


@pytest.mark.parametrize("limit", [0, 2**24])
def test_a_pickle_has_the_columns_that_are_not_zero(limit, monkeypatch):
    monkeypatch.setattr(column_store, "DENSE_LIMIT", limit)
    n_features = 2**20
    store = ColumnStore(n_features, 2, 1)
    columns = np.random.default_rng(3).choice(n_features, 1000, replace=False)
    slots = store.slots_of(columns)
    store.state[slots[:300], 1, 0] = np.arange(1, 301)
    kept = pickle.dumps(store)
    assert len(kept) < 300 * 3 * 8 + 1000
    again = pickle.loads(kept)
    assert again.is_dense == store.is_dense
    np.testing.assert_array_equal(
        again.state[again.slots_of(columns)], store.state[store.slots_of(columns)]
    )


@pytest.mark.parametrize(
    ("n_features", "n_models", "is_dense", "is_narrow"),
    [
        (2**24, 1, True, True),
        (2**24 + 1, 1, False, False),
        (2**20, 16, True, True),
        (2**20, 17, False, True),
    ],
)
def test_which_storage(n_features, n_models, is_dense, is_narrow):
    store = ColumnStore(n_features, 1, n_models)
    assert (store.is_dense, store.is_narrow) == (is_dense, is_narrow)


def test_rows_have_slots_for_columns():
    X = sparse.csr_array(
        (np.ones(4), np.array([2**35, 7, 7, 2**33]), np.array([0, 2, 4])), (2, WIDE)
    )
    store = ColumnStore(WIDE, 1, 1)
    rows = store.rows_of(X)
    assert rows.indices.tolist() == [0, 1, 1, 2]
    assert rows.n_features == WIDE
    assert X.indices.tolist() == [2**35, 7, 7, 2**33]


def test_memory_is_that_of_columns_seen():
    tracemalloc.start()
    store = ColumnStore(WIDE, 2, 1)
    store.slots_of(np.random.default_rng(4).integers(0, WIDE, 100_000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100_000 * 200


def test_dense_rows_have_slots_too():
    store = ColumnStore(2**20, 1, 17)
    store.slots_of(np.array([2**19]))
    X = np.zeros((3, 2**20))
    X[0, [5, 2**19]] = 1.0, 2.0
    X[2, 7] = 3.0
    rows = store.rows_of(X)
    assert rows.indices.tolist() == [1, 0, 2]
    assert rows.data.tolist() == [1.0, 2.0, 3.0]
    assert rows.indptr.tolist() == [0, 2, 2, 3]
