"""One decomposition: solutions, degrees of freedom and residuals at every strength."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import spectrum as module
from skreg._solvers.moments import make_moments
from skreg._solvers.ridge import solve_ridge
from skreg._solvers.sample import explicit_matrix, make_sample, weighted_targets
from skreg._solvers.spectrum import (
    find_spectrum,
    mean_squared_residuals,
    ridge_path,
    row_products,
    solve_at,
)

L2 = np.array([1.0, 1e-3, 0.1])


def sample_of(
    shape, convert=np.asarray, weighted=True, fit_intercept=True, standardize=False
):
    rng = np.random.default_rng(0)
    X = rng.standard_normal(shape) * (rng.uniform(size=shape) < 0.7)
    X[:, 1] = 3.0
    Y = rng.standard_normal((shape[0], 2)) + 5.0
    weight = rng.uniform(0.2, 3.0, shape[0]) if weighted else None
    return make_sample(convert(X), Y, weight, fit_intercept, standardize)


SAMPLES = [
    pytest.mark.parametrize("shape", [(40, 7), (15, 30)], ids=["tall", "wide"]),
    pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csc_array]),
    pytest.mark.parametrize("weighted", [False, True]),
    pytest.mark.parametrize("fit_intercept", [False, True]),
    pytest.mark.parametrize("standardize", [False, True]),
    pytest.mark.parametrize("condition", [1e-9, 1.0], ids=["Gram", "X"]),
]


def every_sample(test):
    for mark in SAMPLES:
        test = mark(test)
    return test


@every_sample
def test_everything_from_one_decomposition(
    shape, convert, weighted, fit_intercept, standardize, condition
):
    sample = sample_of(shape, convert, weighted, fit_intercept, standardize)
    spectrum = find_spectrum(sample, L2.min(), condition=condition)
    A, goal = explicit_matrix(sample), weighted_targets(sample)
    coefs = spectrum.coefs(sample, L2)
    assert coefs.shape == (3, 2, A.shape[1])
    for k, l2 in enumerate(L2):
        shifted = A.T @ A + l2 * np.eye(A.shape[1])
        expected = np.linalg.solve(shifted, A.T @ goal).T
        np.testing.assert_allclose(coefs[k], expected, rtol=1e-9, atol=1e-11)
        trace = np.trace(A @ np.linalg.solve(shifted, A.T))
        df = spectrum.df(L2, sample.centred)[k]
        assert df == pytest.approx(trace + float(sample.centred), rel=1e-10)
        residual = np.square(goal - A @ expected.T).sum(axis=0)
        found = mean_squared_residuals(sample, spectrum, L2)[k]
        np.testing.assert_allclose(found, residual, rtol=1e-9)
        one = solve_at(sample, spectrum, np.full(2, l2))
        np.testing.assert_allclose(one, expected, rtol=1e-9, atol=1e-11)
    each = solve_at(sample, spectrum, L2[:2])
    np.testing.assert_allclose(each, coefs[[0, 1], [0, 1]], rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("convert", [np.asarray, sparse.csc_array])
def test_row_products_are_fitted_values(convert, monkeypatch):
    monkeypatch.setattr(module, "BLOCK_ELEMENTS", 200)
    sample = sample_of((40, 7), convert, standardize=True)
    coef = np.random.default_rng(1).standard_normal((3, 7))
    blocks = list(row_products(sample, coef))
    assert len(blocks) > 1
    found = np.concatenate([block for _, block in blocks])
    np.testing.assert_allclose(found, sample.fitted(coef), rtol=1e-12, atol=1e-13)


def nearly_dependent():
    rng = np.random.default_rng(2)
    X = rng.standard_normal((40, 5))
    X[:, 4] = X[:, 3] + 1e-7 * X[:, 4]
    return make_sample(X, rng.standard_normal((40, 1)), None, True)


def test_noisy_eigenvalues_are_not_trusted():
    sample = nearly_dependent()
    spectrum = find_spectrum(sample, 1e-12)
    assert spectrum.left is not None
    expected = solve_ridge(sample, np.array([1e-12]), method="svd").coef
    np.testing.assert_allclose(spectrum.coefs(None, np.array([1e-12]))[0], expected)
    assert find_spectrum(sample, 1e-3).left is None


def test_what_is_known_is_used():
    tall, wide = sample_of((40, 7)), sample_of((15, 30))
    scaled = make_moments(tall).scaled(np.full(7, 2.0))
    found = find_spectrum(tall, 0.1, moments=scaled)
    plain = find_spectrum(tall, 0.1)
    np.testing.assert_allclose(found.squares, plain.squares / 4)
    kernel = explicit_matrix(wide) @ explicit_matrix(wide).T
    found = find_spectrum(wide, 0.1, kernel=4 * kernel)
    np.testing.assert_allclose(found.squares, 4 * find_spectrum(wide, 0.1).squares)


def test_sparse_beyond_the_memory_of_a_dense_factor(monkeypatch):
    dense = nearly_dependent()
    sample = make_sample(sparse.csr_array(dense.X), dense.y, None, True)
    monkeypatch.setattr(module, "MAX_DENSE_BYTES", 100)
    assert find_spectrum(sample, 1e-12) is None
    assert find_spectrum(sample, 1e-3) is not None
    coefs, converged = ridge_path(sample, np.array([1e-5]))
    assert converged
    expected = solve_ridge(sample, np.array([1e-5]), method="svd").coef
    np.testing.assert_allclose(coefs[0], expected, rtol=1e-6, atol=1e-9)
