"""Many strengths from one Krylov space: each the solution of a run of its own."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import shifted_krylov as module
from skreg._solvers.ridge import certify_ridge, solve_ridge
from skreg._solvers.sample import make_sample
from skreg._solvers.shifted_krylov import krylov_path

L2 = np.array([1.0, 1e-4, 30.0, 1e-2, 1e-4])


def sample_of(
    shape=(60, 25), weighted=True, fit_intercept=True, standardize=False, seed=0, scale=1
):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(shape) * (rng.uniform(size=shape) < 0.4) * scale
    Y = rng.standard_normal((shape[0], 2)) + X[:, :2] + 3.0
    weight = rng.uniform(0.2, 3, shape[0]) if weighted else None
    X = sparse.csr_array(X) if seed % 2 == 0 else X
    return make_sample(X, Y, weight, fit_intercept, standardize)


def assert_solved(sample, coefs, rtol=1e-9):
    for l2, coef in zip(L2, coefs, strict=True):
        expected = solve_ridge(sample, np.full(2, l2), method="svd").coef
        size = np.abs(expected).max()
        np.testing.assert_allclose(coef, expected, rtol=rtol, atol=rtol * size)
        gaps = certify_ridge(sample, np.full(2, l2), coef)
        assert np.all(gaps <= 1e-14 * sample.y_norm2)


@pytest.mark.parametrize("shape", [(60, 25), (25, 60)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("fit_intercept", [False, True])
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("seed", [0, 1], ids=["sparse", "dense"])
def test_equals_the_exact_solution(shape, weighted, fit_intercept, standardize, seed):
    sample = sample_of(shape, weighted, fit_intercept, standardize, seed)
    coefs, converged = krylov_path(sample, L2)
    assert converged
    assert_solved(sample, coefs)


def test_products_with_X_are_those_of_the_smallest_strength(monkeypatch):
    count = [0]
    kept = module._adjoint

    def counted(*args):
        count[0] += 1
        return kept(*args)

    monkeypatch.setattr(module, "_adjoint", counted)
    sample = sample_of()
    krylov_path(sample, np.array([1e-2]))
    alone = count[0]
    krylov_path(sample, np.geomspace(1e-2, 1e3, 50))
    assert count[0] == 2 * alone


def test_columns_of_very_different_length_are_scaled(monkeypatch):
    sample = sample_of(scale=np.geomspace(1e-3, 1e3, 25))

    def unexpected(*args):
        raise AssertionError("one space for all strengths would converge slowly")

    monkeypatch.setattr(module, "_shifted_lsqr", unexpected)
    coefs, converged = krylov_path(sample, L2)
    assert converged
    assert_solved(sample, coefs, rtol=1e-6)


def test_strengths_that_do_not_converge_get_a_run_of_their_own(monkeypatch):
    monkeypatch.setattr(module, "MAX_ROUNDS", 5)
    sample = sample_of()
    coefs, converged = krylov_path(sample, L2)
    assert converged
    assert_solved(sample, coefs)


@pytest.mark.parametrize("what", ["y", "X"])
def test_nothing_to_fit(what):
    X = sparse.csr_array(np.zeros((8, 3)) if what == "X" else np.eye(8, 3))
    y = np.arange(8.0)[:, None] if what == "X" else np.ones((8, 1))
    coefs, converged = krylov_path(make_sample(X, y, None, True), L2)
    assert converged
    assert not coefs.any()
