"""A growing set of sparse columns, kept by rows."""

import numpy as np
import pytest

from skreg._kernels.sparse_columns import append_products, subtract_fitted
from skreg._solvers.sample import column_design, make_sample
from tests.kernels.drive import explicit, given, stored

every_weighting = pytest.mark.parametrize("weighted", [False, True])
# Features in the order of joining, one list per call.
BATCHES = [[3], [0, 9, 4], [11], [1, 2, 5, 6, 7], [8, 10]]
SHAPE = (25, 12)


def sparse_problem(weighted, fit_intercept=True):
    """(sample, design, dense X); column 4 is empty, and so is row 3."""
    data = given(weighted, fit_intercept, shape=SHAPE)
    data.X[:, 4], data.X[3] = 0.0, 0.0
    sample = make_sample(
        stored(data.X, "csc"), data.y, data.sample_weight, data.fit_intercept
    )
    design, _ = column_design(sample)
    return data, sample, design


def rows_with_room(n_rows, room):
    """(starts, sizes, owners, entries) of an empty set."""
    starts = np.arange(n_rows + 1) * room
    unused = np.full(starts[-1], -1, dtype=np.int32), np.full(starts[-1], np.nan)
    return starts, np.zeros(n_rows, dtype=np.int64), *unused


@every_weighting
def test_products_with_all_columns_so_far(weighted):
    data, sample, design = sparse_problem(weighted)
    rows = rows_with_room(*SHAPE)
    roots = sample.weight_roots()
    order: list[int] = []
    for batch in BATCHES:
        out = np.zeros((len(batch), len(order) + len(batch)))
        append_products(design, np.array(batch), len(order), *rows, out)
        order += batch
        expected = (roots * data.X)[:, batch].T @ (roots * data.X)[:, order]
        np.testing.assert_allclose(out, expected, atol=1e-14)


def test_rows_hold_the_entries_of_the_set():
    data, _, design = sparse_problem(False)
    starts, sizes, owners, entries = rows_with_room(*SHAPE)
    order: list[int] = []
    for batch in BATCHES[:3]:
        out = np.zeros((len(batch), len(order) + len(batch)))
        append_products(
            design, np.array(batch), len(order), starts, sizes, owners, entries, out
        )
        order += batch
    held = np.zeros((SHAPE[0], len(order)))
    for i, (start, size) in enumerate(zip(starts, sizes, strict=False)):
        held[i, owners[start : start + size]] = entries[start : start + size]
        assert np.all(owners[start + size : starts[i + 1]] == -1)
    np.testing.assert_array_equal(held, data.X[:, order])
    np.testing.assert_array_equal(sizes, np.count_nonzero(data.X[:, order], axis=1))


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
