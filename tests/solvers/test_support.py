"""The active-set method hands over when its factor would be too large."""

import numpy as np

from skreg._solvers import support
from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample
from skreg.penalties import L1


def test_support_beyond_the_limit_is_left_to_descent(monkeypatch):
    monkeypatch.setattr(support, "MAX_SUPPORT", 70)
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
