"""Problems on which an active-set method or a Gram matrix can go wrong unnoticed."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skreg import ElasticNet, Lasso, LassoCV, Ridge, RidgeCV
from tests.linear import oracle


def smooth_design(n_samples=60, n_features=80):
    """Overlapping bumps: a condition number beyond 1e15."""
    x = np.linspace(0, 1, n_samples)
    X = np.exp(-((x[:, None] - np.linspace(0, 1, n_features)) ** 2) * 50)
    return (X - X.mean(axis=0)) / X.std(axis=0), x


def powers(n_samples, n_features, seed):
    """Powers of one variable, scaled."""
    rng = np.random.default_rng(seed)
    X = np.vander(rng.uniform(-1, 1, n_samples), n_features)
    spread = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(spread > 0, spread, 1), rng


def true_gap(X, y, model):
    A, b = oracle.explicit(X, y)
    residual = b - A @ model.coef_.astype(np.longdouble)
    gradient = A.T @ residual
    scale = min(1.0, model.alpha / np.max(np.abs(gradient)))
    primal = residual @ residual / 2 + model.alpha * np.abs(model.coef_).sum()
    dual = scale * (residual @ b) - scale**2 * (residual @ residual) / 2
    return float((primal - dual) / (b @ b / 2))


def assert_honest(X, y, model):
    """The certificate is true, and a fit above tol says so.

    With alpha = 1e-8 the rounding of gradients alone moves a gap by some 1e-11.
    """
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y)
    assert true_gap(X, y, model) <= model.relative_gap_ * 1.01 + 1e-10
    assert model.score(X, y) > 0.0
    told = any(issubclass(w.category, ConvergenceWarning) for w in caught)
    assert told == (model.relative_gap_ > model.tol)


@pytest.mark.parametrize("fraction", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("seed", [0, 2])
def test_smooth_design(fraction, seed):
    X, x = smooth_design()
    y = np.sin(6 * x) + 0.1 * np.random.default_rng(seed).standard_normal(len(x))
    alpha_max = np.max(np.abs(X.T @ (y - y.mean()))) / len(y)
    assert_honest(X, y, Lasso(fraction * alpha_max))


@pytest.mark.parametrize(("shape", "seed"), [((100, 40), 2), ((100, 40), 4), ((20, 12), 5)])
def test_powers_end_and_tell(shape, seed):
    X, rng = powers(*shape, seed)
    assert_honest(X, rng.standard_normal(len(X)), Lasso(1e-8))


@pytest.mark.parametrize("convert", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("offset", [1e4, 1e8])
@pytest.mark.parametrize(
    "model", [Lasso(0.1), ElasticNet(0.1), LassoCV(alphas=5), Ridge(), RidgeCV()], ids=repr
)
def test_offsets_of_full_sparse_columns(model, offset, convert):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((30, 5))
    y = X @ [1, 2, 0, 0, 1] + rng.standard_normal(30)
    X = X + offset * np.array([1, 0, -1, 0, 0])
    expected = model.fit(X, y).coef_.copy()
    model.fit(convert(X), y)
    np.testing.assert_allclose(model.coef_, expected, atol=1e-12)
    assert model.relative_gap_ < 1e-12


def test_one_enormous_column_is_not_called_solved_when_it_is_not():
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((40, 5)), rng.standard_normal(40)
    X[:, 0] *= 1e14
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = Lasso(0.1, fit_intercept=False).fit(X, y)
    assert bool(caught) == (model.relative_gap_ > model.tol)


@pytest.mark.parametrize("cls", [Lasso, Ridge, RidgeCV])
def test_weights_beyond_the_range_of_numbers(cls):
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((30, 3)), rng.standard_normal(30)
    with pytest.raises(ValueError, match="sample_weight sums to infinity"):
        cls().fit(X, y, np.full(30, 1e308))
    tiny = np.r_[5e-324, np.full(29, 10.0)]
    found = cls().fit(X, y, tiny).coef_.copy()
    np.testing.assert_array_equal(found, cls().fit(X[1:], y[1:], tiny[1:]).coef_)


def test_leave_one_out_with_one_dominant_weight():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((12, 2)), rng.standard_normal(12)
    weight = np.r_[1e17, np.ones(11)]
    model = RidgeCV([1.0], store_cv_results=True).fit(X, y, weight)
    without = Ridge(1.0).fit(X[1:], y[1:], weight[1:])
    expected = 1e17 * (y[0] - without.predict(X[:1])[0]) ** 2
    assert model.cv_results_[0, 0] == pytest.approx(expected, rel=1e-6)


def test_integers_are_not_the_type_of_coefficients():
    rng = np.random.default_rng(4)
    X, y = rng.integers(-5, 5, (30, 3)), rng.standard_normal(30)
    found = Lasso(0.01).fit(X, y, check_input=False)
    np.testing.assert_array_equal(found.coef_, Lasso(0.01).fit(X, y).coef_)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_positive_ridge_certifies_what_it_stores(dtype):
    rng = np.random.default_rng(5)
    X, y = rng.standard_normal((40, 6)).astype(dtype), rng.standard_normal(40)
    model = Ridge(1.0, positive=True).fit(X, y)
    centred, b = X - X.mean(axis=0, dtype=np.float64), y - y.mean()
    w = model.coef_.astype(np.float64)
    gradient = centred.T @ (b - centred @ w) - w
    violation = np.where(w > 0, np.abs(gradient), np.maximum(gradient, 0.0))
    assert model.dual_gap_ >= 0.1 * np.max(violation) ** 2 / np.linalg.norm(centred) ** 2
    assert model.relative_gap_ < (1e-5 if dtype == np.float32 else 1e-10)
