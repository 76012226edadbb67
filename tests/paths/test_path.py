"""lasso_path and enet_path: certified at every alpha, whatever the way there."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import enet_path as sklearn_enet_path

from skreg import enet_path, lasso_path
from skreg.paths.alpha_grid import alpha_grid
from skreg.penalties import L1, L1L2, L2
from tests.linear import oracle
from tests.linear.problems import PROBLEMS, gaussian

NAMES = ["tall", "wide", "weighted", "correlated", "sparse_tall", "sparse_wide"]
every_problem = pytest.mark.parametrize("name", NAMES)
TIGHT = {"tol": 1e-14, "max_iter": 100_000}


def centred(name):
    """X, y and the weights as a keyword; dense X and y are centred, as users do."""
    problem = PROBLEMS[name]()
    weight = problem.sample_weight
    params = {} if weight is None else {"sample_weight": weight}
    if sparse.issparse(problem.X):
        return problem.X, problem.y, params
    mean = np.average(problem.X, axis=0, weights=weight)
    return problem.X - mean, problem.y - np.average(problem.y, weights=weight), params


def explicit(X, y, params):
    return oracle.explicit(X, y, params.get("sample_weight"), fit_intercept=False)


@every_problem
@pytest.mark.parametrize("l1_ratio", [0.2, 1.0])
@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("tol", [1e-4, 1e-8])
def test_gaps_along_the_path(name, l1_ratio, positive, tol):
    X, y, params = centred(name)
    alphas, coefs, gaps = enet_path(
        X,
        y,
        l1_ratio=l1_ratio,
        positive=positive,
        alphas=15,
        eps=1e-2,
        tol=tol,
        max_iter=100_000,
        **params,
    )
    A, b = explicit(X, y, params)
    null = float(b @ b / 2)
    assert gaps.shape == alphas.shape == (15,)
    for alpha, coef, gap in zip(alphas, coefs.T, gaps, strict=True):
        l1, l2 = oracle.strengths(alpha, l1_ratio)
        primal = oracle.objective(A, b, coef, l1, l2)
        independent = float(primal - oracle.best_dual(A, b, coef, l1, l2, positive))
        assert independent <= tol * null
        np.testing.assert_allclose(gap, independent, rtol=1e-5, atol=1e-13 * null)
        assert gap > 0


@every_problem
def test_coefficients_along_the_path(name):
    X, y, params = centred(name)
    alphas, coefs, _ = lasso_path(X, y, alphas=12, eps=0.05, **TIGHT, **params)
    A, b = explicit(X, y, params)
    for alpha, coef in zip(alphas, coefs.T, strict=True):
        exact = oracle.active_set(A, b, alpha, 0.0).astype(float)
        scale = max(float(np.abs(exact).max()), 1e-3)
        np.testing.assert_allclose(coef, exact, atol=1e-8 * scale)


@every_problem
def test_lasso_path_is_enet_path_with_l1_ratio_one(name):
    X, y, params = centred(name)
    for first, second in zip(
        lasso_path(X, y, alphas=7, **params),
        enet_path(X, y, l1_ratio=1.0, alphas=7, **params),
        strict=True,
    ):
        np.testing.assert_array_equal(first, second)


@every_problem
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_automatic_grid(name, l1_ratio):
    X, y, params = centred(name)
    alphas, coefs, _ = enet_path(
        X, y, l1_ratio=l1_ratio, alphas=9, eps=1e-2, **TIGHT, **params
    )
    A, b = explicit(X, y, params)
    largest = float(np.abs(A.T @ b).max()) / l1_ratio
    np.testing.assert_allclose(alphas, largest * np.geomspace(1, 1e-2, 9), rtol=1e-10)
    assert np.abs(coefs[:, 0]).max() <= 1e-10
    assert np.all(np.any(coefs[:, 1:] != 0, axis=0))


def test_given_alphas_are_sorted():
    X, y, _ = centred("tall")
    given = [0.1, 1.0, 0.01, 0.5]
    alphas, coefs, _ = lasso_path(X, y, alphas=given, **TIGHT)
    np.testing.assert_array_equal(alphas, [1.0, 0.5, 0.1, 0.01])
    for k, alpha in enumerate(alphas):
        _, single, _ = lasso_path(X, y, alphas=[alpha], **TIGHT)
        np.testing.assert_allclose(coefs[:, k], single[:, 0], atol=1e-9)
    assert given == [0.1, 1.0, 0.01, 0.5]


@pytest.mark.parametrize("name", ["tall", "wide", "sparse_tall"])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_any_start_leads_to_the_same_path(name, l1_ratio):
    X, y, _ = centred(name)
    solve = {"l1_ratio": l1_ratio, "alphas": [0.5, 0.1], **TIGHT}
    _, cold, _ = enet_path(X, y, **solve)
    start = np.random.default_rng(0).standard_normal(X.shape[1])
    _, warm, _ = enet_path(X, y, coef_init=start, **solve)
    np.testing.assert_allclose(warm, cold, atol=1e-7)


@pytest.mark.parametrize("name", ["tall", "wide", "sparse_tall"])
def test_a_solution_as_start_is_where_it_stays(name):
    X, y, _ = centred(name)
    _, coefs, _ = lasso_path(X, y, alphas=[0.1], **TIGHT)
    _, again, _, n_iters = lasso_path(
        X, y, alphas=[0.1], coef_init=coefs[:, 0], tol=1e-8, return_n_iter=True
    )
    np.testing.assert_array_equal(again, coefs)
    assert n_iters[0] <= 1


@pytest.mark.parametrize("name", ["tall", "wide", "correlated"])
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
@pytest.mark.parametrize("with_Xy", [False, True])
def test_a_given_gram_matrix(name, l1_ratio, with_Xy):
    X, y, _ = centred(name)
    solve = {"l1_ratio": l1_ratio, "alphas": [0.5, 0.1], **TIGHT}
    given = {"precompute": X.T @ X, "Xy": X.T @ y if with_Xy else None}
    _, direct, _ = enet_path(X, y, precompute=False, **solve)
    _, found, gaps = enet_path(X, y, **given, **solve)
    np.testing.assert_allclose(found, direct, atol=1e-7)
    assert np.all(gaps > 0)


@pytest.mark.parametrize("precompute", [True, False, "auto"])
@pytest.mark.parametrize("name", ["tall", "wide", "sparse_tall", "weighted"])
def test_precompute_chooses_how_and_not_what(name, precompute):
    X, y, params = centred(name)
    _, coefs, _ = lasso_path(
        X, y, alphas=[0.3, 0.05], precompute=precompute, **TIGHT, **params
    )
    A, b = explicit(X, y, params)
    for alpha, coef in zip([0.3, 0.05], coefs.T, strict=True):
        exact = oracle.active_set(A, b, alpha, 0.0).astype(float)
        np.testing.assert_allclose(coef, exact, atol=1e-7)


def test_a_wrong_gram_matrix_is_refused():
    X, y, _ = centred("tall")
    with pytest.raises(ValueError, match="Gram matrix"):
        lasso_path(X, y, alphas=[0.1], precompute=X.T @ X + 1.0)


@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
def test_several_targets_share_their_support(l1_ratio):
    X, y = gaussian(40, 10, 4, seed=101)
    Y = np.column_stack([y - y.mean(), X[:, 0] - X[:, 5]])
    solve = {"l1_ratio": l1_ratio, "alphas": 8, "eps": 0.05}
    alphas, coefs, gaps = enet_path(X, Y, tol=1e-13, max_iter=100_000, **solve)
    reference, expected, _ = sklearn_enet_path(X, Y, tol=1e-13, max_iter=100_000, **solve)
    assert coefs.shape == (2, 10, 8)
    assert gaps.shape == (8,)
    np.testing.assert_allclose(alphas, reference)
    np.testing.assert_allclose(coefs, expected, atol=1e-6)
    supports = coefs != 0
    np.testing.assert_array_equal(supports[0], supports[1])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array])
def test_coefficients_have_the_dtype_of_X(dtype, convert):
    X, y, _ = centred("tall")
    _, coefs, _ = lasso_path(convert(X.astype(dtype)), y, alphas=[0.1])
    assert coefs.dtype == dtype


def test_return_n_iter():
    X, y, _ = centred("correlated")
    *_, n_iters = lasso_path(X, y, alphas=5, return_n_iter=True)
    assert len(n_iters) == 5
    assert all(isinstance(n, int) for n in n_iters)


def test_input_is_not_written_to():
    X, y, _ = centred("tall")
    start = np.full(X.shape[1], 0.3)
    gram = X.T @ X
    before = [part.copy() for part in (X, y, start, gram)]
    lasso_path(X, y, alphas=[0.1], coef_init=start, precompute=gram)
    for part, kept in zip((X, y, start, gram), before, strict=True):
        np.testing.assert_array_equal(part, kept)


class TestAlphaGrid:
    correlation = np.array([[0.5], [-2.0], [1.0]])

    @pytest.mark.parametrize(
        ("penalty", "largest"),
        [
            (L1(), 2.0),
            (L1(positive=True), 1.0),
            (L1L2(0.5), 4.0),
            (L1L2(0.5, positive=True), 2.0),
        ],
        ids=repr,
    )
    def test_from_alpha_max_down(self, penalty, largest):
        grid = alpha_grid(self.correlation, penalty, eps=1e-3, n_alphas=5)
        np.testing.assert_allclose(grid, largest * np.geomspace(1, 1e-3, 5))
        assert grid[0] == largest

    @pytest.mark.parametrize("size", [1.0, 1e200])
    def test_several_targets_by_row_norm(self, size):
        correlation = size * np.array([[3.0, 4.0], [-1.0, 1.0]])
        grid = alpha_grid(correlation, L1(), eps=0.1, n_alphas=2)
        np.testing.assert_allclose(grid, [5.0 * size, 0.5 * size])

    def test_one_alpha(self):
        grid = alpha_grid(self.correlation, L1(), eps=1e-3, n_alphas=1)
        np.testing.assert_array_equal(grid, [2.0])

    def test_no_correlation_gives_positive_alphas(self):
        grid = alpha_grid(np.zeros((3, 1)), L1(), eps=1e-3, n_alphas=4)
        assert grid.shape == (4,)
        assert np.all(grid > 0)

    def test_the_grid_of_ridge_is_that_of_a_thousandth_of_l1(self):
        grid = alpha_grid(self.correlation, L2(), eps=1e-3, n_alphas=4)
        expected = alpha_grid(self.correlation, L1L2(1e-3), eps=1e-3, n_alphas=4)
        np.testing.assert_allclose(grid, expected, rtol=1e-12)
