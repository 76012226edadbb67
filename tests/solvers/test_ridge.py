"""solve_ridge: every method solves the same normal equations."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import ridge
from skreg._solvers.ridge import certify_ridge, decompose, solve_ridge
from skreg._solvers.sample import make_sample
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

METHODS = ("cholesky", "svd", "lsqr")
every_method = pytest.mark.parametrize("method", METHODS)
every_problem = pytest.mark.parametrize(
    "name",
    [name for name in PROBLEMS if name not in ("breast_cancer", "zero_weights")],
)
EPS = np.finfo(np.float64).eps


def sample_of(name, fit_intercept=True):
    problem = PROBLEMS[name]()
    X, weight = problem.X, problem.sample_weight
    y = np.column_stack([problem.y, problem.y[::-1]])
    if weight is not None:
        kept = weight > 0
        X = sparse.csr_array(X)[kept] if sparse.issparse(X) else X[kept]
        y, weight = y[kept], weight[kept]
    sample = make_sample(X, y, weight, fit_intercept)
    return sample, *oracle.explicit(X, y, weight, fit_intercept)


@every_method
@every_problem
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_vanishes(name, method, fit_intercept):
    sample, A, b = sample_of(name, fit_intercept)
    l2 = np.array([0.02, 3.0])
    result = solve_ridge(sample, l2, method=method)
    gradient = A.T @ (b - A @ result.coef.T) - result.coef.T * l2
    assert result.converged
    assert np.abs(gradient).max() <= 1e-10 * np.abs(A.T @ b).max()


@every_method
@pytest.mark.parametrize("shape", [(50, 8), (8, 50), (20, 20)])
def test_methods_agree_with_long_doubles(shape, method):
    X, y = gaussian(*shape, 5, seed=91)
    sample = make_sample(X, y[:, None], None, True)
    A, b = oracle.explicit(X, y)
    result = solve_ridge(sample, [0.1], method=method)
    expected = oracle.ridge(A, b, 0.1).astype(float)
    np.testing.assert_allclose(result.coef[0], expected, atol=1e-10)
    assert result.method == method


@pytest.mark.parametrize("l2", [1e-4, 0.1, 10.0])
def test_gap_of_given_coefficients_bounds_their_excess(l2):
    X, y = gaussian(40, 8, 5, seed=92)
    sample = make_sample(X, y[:, None], None, True)
    A, b = oracle.explicit(X, y)
    optimum = oracle.ridge(A, b, l2)
    best = oracle.objective(A, b, optimum, 0.0, l2)
    null = float(b @ b / 2)
    rng = np.random.default_rng(0)
    for size in (0.0, 1e-9, 1e-4, 1.0):
        coef = (optimum + size * rng.standard_normal(8)).astype(float)
        excess = float(oracle.objective(A, b, coef, 0.0, l2) - best)
        gap = certify_ridge(sample, np.array([l2]), coef[None])[0]
        assert gap >= (1 - 8 * EPS) * excess - EPS * null
        assert gap <= max((1 + 1e-6) * gradient_bound(A, b, coef, l2), 2 * EPS * null)


def gradient_bound(A, b, coef, l2):
    gradient = A.T @ (b - A @ coef) - l2 * coef
    return float(gradient @ gradient / (2 * l2))


@every_method
@pytest.mark.parametrize("shape", [(40, 6), (6, 40)])
def test_zero_strength_is_the_minimum_norm_solution(method, shape):
    X, y = gaussian(*shape, 4, seed=93)
    sample = make_sample(X, y[:, None], None, True)
    A, b = (part.astype(float) for part in oracle.explicit(X, y))
    expected = np.linalg.lstsq(A, b, rcond=1e-12)[0]
    result = solve_ridge(sample, [0.0], method=method)
    np.testing.assert_allclose(result.coef[0], expected, atol=1e-8)
    assert 0 < result.dual_gap[0] <= 1e-12 * float(b @ b)


def test_cholesky_hands_over_to_singular_values_when_it_must():
    rng = np.random.default_rng(94)
    X = rng.standard_normal((40, 5))
    X[:, 4] = X[:, 0] + 1e-9 * X[:, 4]
    sample = make_sample(X, X[:, :1] + rng.standard_normal((40, 1)), None, True)
    assert solve_ridge(sample, [1e-18]).method == "svd"
    assert solve_ridge(sample, [1.0]).method == "cholesky"


def test_large_problems_iterate(monkeypatch):
    monkeypatch.setattr(ridge, "DIRECT_MAX", 5)
    X, y = gaussian(60, 12, 5, seed=95)
    A, b = oracle.explicit(X, y)
    result = solve_ridge(make_sample(X, y[:, None], None, True), [0.1])
    assert result.method == "lsqr"
    expected = oracle.ridge(A, b, 0.1).astype(float)
    np.testing.assert_allclose(result.coef[0], expected, atol=1e-9)
    assert 0 < result.dual_gap[0] <= 1e-12 * float(b @ b)


def test_sparse_with_a_gram_matrix_that_would_not_fit_iterates():
    X = sparse.random(3000, 1500, 1e-4, format="csr", random_state=0)
    y = np.random.default_rng(0).standard_normal((3000, 1))
    result = solve_ridge(make_sample(X, y, None, True), [1e-3])
    assert result.method == "lsqr"
    assert result.converged
    centred = X.toarray() - X.toarray().mean(axis=0)
    gradient = centred.T @ (y[:, 0] - y.mean() - centred @ result.coef[0]) / 3000
    gradient -= 1e-3 * result.coef[0]
    assert np.abs(gradient).max() <= 1e-12


def test_a_bound_on_the_iterations_is_told():
    sample, *_ = sample_of("diabetes")
    result = solve_ridge(sample, [1e-8, 1e-8], method="lsqr", max_iter=2)
    assert not result.converged
    np.testing.assert_array_equal(result.n_iter, [2, 2])


@pytest.mark.parametrize("name", ["tall", "wide", "constant_columns", "sparse_wide"])
def test_decomposition_has_no_null_space(name):
    sample, A, _ = sample_of(name)
    left, values, right = decompose(sample)
    rank = np.linalg.matrix_rank(A.astype(float))
    assert len(values) == rank
    assert np.all(values > 0)
    np.testing.assert_allclose((left * values) @ right, A.astype(float), atol=1e-12)
    np.testing.assert_allclose(left.T @ left, np.eye(rank), atol=1e-12)
