"""Products of long rows with a few vectors, against numpy's."""

import numpy as np
import pytest

from skreg._kernels.thin_products import (
    aligned_rows,
    aligned_targets,
    combine_rows,
    project_rows,
)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_rows", [0, 1, 4, 13])
@pytest.mark.parametrize("n_targets", [1, 2, 5, 10])
@pytest.mark.parametrize("length", [1, 16, 45])
def test_products_are_those_of_numpy(dtype, n_rows, n_targets, length):
    rng = np.random.default_rng(0)
    rows = aligned_rows(n_rows, length, dtype)
    rows[:, :length] = rng.standard_normal((n_rows, length))
    coef = rng.standard_normal((n_rows, n_targets)).astype(dtype)
    total = aligned_targets(n_targets, length, dtype)
    total[:] = 7.0
    combine_rows(rows, coef, total)
    tolerance = {"rtol": 0.0, "atol": 2000 * np.finfo(dtype).eps}
    np.testing.assert_allclose(
        total[:n_targets, :length], coef.T @ rows[:, :length], **tolerance
    )
    assert not total[n_targets:].any()
    assert not total[:, length:].any()
    out = np.full((n_rows, n_targets), np.nan, dtype)
    project_rows(rows, total, out)
    np.testing.assert_allclose(out, rows @ total[:n_targets].T, **tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("length", [1, 31, 32, 200])
def test_every_row_starts_a_cache_line(dtype, length):
    rows = aligned_rows(3, length, dtype)
    assert rows.shape[1] >= length
    assert rows.flags.c_contiguous
    assert rows.ctypes.data % 64 == 0
    assert rows.strides[0] % 64 == 0
    assert not rows.any()
