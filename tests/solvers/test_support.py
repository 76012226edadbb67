"""The memory of the active-set method, and what is done when it would be too large."""

import numpy as np
import pytest

from skreg._solvers import support
from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample
from skreg.penalties import L1


def test_support_beyond_the_limit_is_left_to_descent(monkeypatch):
    monkeypatch.setattr(support, "MAX_SUPPORT", 70)
    monkeypatch.setattr(support, "ROOM", 64)
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 150))
    y = X @ rng.standard_normal(150) + rng.standard_normal(400)
    sample = make_sample(X, y[:, None], None, True)
    alpha_max = np.max(np.abs(sample.correlation(sample.y)))
    alphas = alpha_max * np.array([0.5, 0.1, 0.01])
    for use_gram in (True, False):
        path = solve_path(
            sample, L1(), alphas, tol=1e-10, max_iter=10_000, use_gram=use_gram
        )
        assert np.count_nonzero(path.coefs[0, -1]) > 70
        assert path.converged.all()
        assert np.all(path.dual_gaps <= 1e-10 * path.null_objectives[0])


@pytest.mark.parametrize("shape", [(1, 1), (3, 8), (5, 9), (301, 301)])
def test_rows_begin_with_lines_of_the_cache(shape):
    found = support.aligned(*shape)
    assert found.shape[0] == shape[0]
    assert shape[1] <= found.shape[1] < shape[1] + 8
    assert found.flags.c_contiguous
    assert not found.any()
    assert [row.ctypes.data % 64 for row in found] == [0] * shape[0]
