"""A growing set of sparse columns, kept by rows."""

import numpy as np
import pytest

from skreg._kernels.sparse_columns import BLOCK, append_products, subtract_fitted
from skreg._solvers.sample import column_design, make_sample
from tests.kernels.drive import explicit, given, stored

every_weighting = pytest.mark.parametrize("weighted", [False, True])
# Features in the order of joining, one list per call.
BATCHES = [[3], [0, 9, 4], [11], [1, 2, 5, 6, 7], [8, 10]]
SHAPE = (25, 12)


def sparse_problem(weighted, fit_intercept=True, shape=SHAPE):
    """(sample, design, dense X); column 4 is empty, and so is row 3."""
    data = given(weighted, fit_intercept, shape=shape)
    data.X[:, 4], data.X[3 % shape[0]] = 0.0, 0.0
    sample = make_sample(
        stored(data.X, "csc"), data.y, data.sample_weight, data.fit_intercept
    )
    design, _ = column_design(sample)
    return data, sample, design


class Rows:
    """An empty set by rows."""

    def __init__(self, n_rows, n_entries):
        self.n_blocks, self.sizes = 0, np.zeros(n_rows, dtype=np.int64)
        self.heads, self.links = np.full(n_rows, -1), np.full(n_entries, -1)
        self.owners = np.full(n_entries * BLOCK, -1, dtype=np.int32)
        self.entries = np.full(n_entries * BLOCK, np.nan)

    def append(self, design, batch, order):
        """Products of the columns `batch` with those of `order`, which they join."""
        out = np.zeros((len(batch), len(order) + len(batch)))
        self.n_blocks = append_products(
            design,
            np.array(batch),
            len(order),
            self.n_blocks,
            self.sizes,
            self.heads,
            self.links,
            self.owners,
            self.entries,
            out,
        )
        order += batch
        return out

    def places(self, i):
        """Where the entries of a row are."""
        block, left, found = self.heads[i], self.sizes[i], []
        while left > 0:
            used = (left - 1) % BLOCK + 1
            found += range(block * BLOCK, block * BLOCK + used)
            block, left = self.links[block], left - used
        return np.array(found, dtype=int)


@pytest.mark.parametrize("shape", [SHAPE, (3, 12)])
@every_weighting
def test_products_with_all_columns_so_far(weighted, shape):
    data, sample, design = sparse_problem(weighted, shape=shape)
    rows = Rows(shape[0], 3 * sample.X.nnz)
    roots = sample.weight_roots()
    order: list[int] = []
    for batch in BATCHES * 3:  # columns may join again: rows of several blocks
        out = rows.append(design, batch, order)
        expected = (roots * data.X)[:, batch].T @ (roots * data.X)[:, order]
        np.testing.assert_allclose(out, expected, atol=1e-13)
    assert rows.sizes.max() > BLOCK


def test_rows_hold_the_entries_of_the_set():
    data, sample, design = sparse_problem(False)
    rows = Rows(SHAPE[0], 2 * sample.X.nnz)
    order: list[int] = []
    for batch in BATCHES + BATCHES[:3]:
        rows.append(design, batch, order)
    held, seen = np.zeros((SHAPE[0], len(order))), []
    for i in range(SHAPE[0]):
        places = rows.places(i)
        held[i, rows.owners[places]] = rows.entries[places]
        seen.extend(places)
    np.testing.assert_array_equal(held, data.X[:, order])
    assert len(seen) == len(set(seen)) == np.count_nonzero(data.X[:, order])
    unused = np.setdiff1d(np.arange(len(rows.owners)), seen)
    assert np.all(rows.owners[unused] == -1)


@every_weighting
@pytest.mark.parametrize("fit_intercept", [False, True])
def test_subtract_fitted(weighted, fit_intercept):
    data, sample, design = sparse_problem(weighted, fit_intercept)
    chosen = np.array([3, 0, 9, 4])
    coef = np.array([0.5, 0.0, -2.0, 1.0])
    residual = sample.y[:, 0].copy()
    subtract_fitted(design, chosen, coef, residual)
    A, b = explicit(data)
    expected = b[:, 0] - A[:, chosen] @ coef
    roots = sample.weight_roots()[:, 0]
    np.testing.assert_allclose(roots * residual, expected, atol=1e-14)
