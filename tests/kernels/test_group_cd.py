"""Block coordinate descent: row-sparse solutions for several targets."""

import numpy as np
import pytest
from sklearn.linear_model import MultiTaskElasticNet, MultiTaskLasso

from skreg._kernels.group_cd import certify_rows
from skreg.penalties import L1, L1L2
from tests.kernels.drive import descend, descend_rows, designed, explicit, given
from tests.kernels.test_design import frozen_bytes
from tests.penalties.user_penalty import MCP

every_kind = pytest.mark.parametrize("kind", ["dense C", "dense F", "csc", "csr"])
every_setting = pytest.mark.parametrize(
    ("weighted", "fit_intercept"), [(False, True), (False, False), (True, True)]
)


def data_of(weighted=False, fit_intercept=True, shape=(40, 9), seed=0):
    return given(weighted, fit_intercept, shape=shape, n_targets=3, seed=seed)


def scikit_learn(data, model):
    """Its objective on the explicit centred rows is ours, times their number."""
    A, b = explicit(data)
    root = np.sqrt(len(A))
    model.set_params(fit_intercept=False, tol=1e-12, max_iter=100_000)
    return model.fit(root * A, root * b).coef_.T


@every_kind
@every_setting
@pytest.mark.parametrize("alpha", [0.05, 0.5])
def test_lasso_equals_scikit_learn(kind, weighted, fit_intercept, alpha):
    data = data_of(weighted, fit_intercept)
    design, curvature, starts = designed(data, kind)
    coef, gap, _ = descend_rows(design, curvature, L1().kernel(alpha), starts, 1e-13)
    assert gap <= 1e-13
    expected = scikit_learn(data, MultiTaskLasso(alpha))
    np.testing.assert_allclose(coef, expected, atol=1e-6)


@every_kind
@every_setting
@pytest.mark.parametrize("l1_ratio", [0.1, 0.7])
def test_elastic_net_equals_scikit_learn(kind, weighted, fit_intercept, l1_ratio):
    data = data_of(weighted, fit_intercept)
    design, curvature, starts = designed(data, kind)
    kernel = L1L2(l1_ratio).kernel(0.3)
    coef, gap, _ = descend_rows(design, curvature, kernel, starts, 1e-14)
    assert gap <= 1e-14
    expected = scikit_learn(data, MultiTaskElasticNet(0.3, l1_ratio=l1_ratio))
    np.testing.assert_allclose(coef, expected, atol=1e-6)


def row_optimality(data, coef, l1, l2):
    """Worst distance of a row of the gradient from the subdifferential."""
    A, b = explicit(data)
    slope = A.T @ (b - A @ coef) - l2 * coef
    sizes = np.linalg.norm(coef, axis=1)
    direction = coef / np.where(sizes > 0, sizes, 1)[:, None]
    at_zero = np.maximum(np.linalg.norm(slope, axis=1) - l1, 0)
    away = np.linalg.norm(slope - l1 * direction, axis=1)
    return np.max(np.where(sizes > 0, away, at_zero))


@every_kind
@pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
def test_reaches_the_optimality_conditions(kind, l1_ratio):
    data = data_of(True, seed=4)
    design, curvature, starts = designed(data, kind)
    kernel = L1L2(l1_ratio).kernel(0.4)
    coef, _, _ = descend_rows(design, curvature, kernel, starts, 1e-14)
    assert row_optimality(data, coef, 0.4 * l1_ratio, 0.4 * (1 - l1_ratio)) <= 1e-6


def group_gap(data, coef, l1):
    A, b = explicit(data)
    residual = b - A @ coef
    largest = np.linalg.norm(A.T @ residual, axis=1).max()
    theta = min(1.0, l1 / largest) * residual
    primal = np.sum(residual**2) / 2 + l1 * np.linalg.norm(coef, axis=1).sum()
    return primal - np.sum(b * theta) + np.sum(theta**2) / 2


@every_kind
@pytest.mark.parametrize("tol", [1e-1, 1e-3, 1e-5])
def test_gap_bounds_primal_minus_dual(kind, tol):
    data = data_of(True, seed=5)
    design, curvature, starts = designed(data, kind)
    coef, gap, _ = descend_rows(design, curvature, L1().kernel(0.1), starts, tol)
    assert gap <= tol
    np.testing.assert_allclose(gap, group_gap(data, coef, 0.1), rtol=1e-6, atol=1e-13)


@every_kind
def test_rows_enter_and_leave_together(kind):
    data = data_of(seed=6)
    design, curvature, starts = designed(data, kind)
    A, b = explicit(data)
    largest = np.linalg.norm(A.T @ b, axis=1).max()
    coef, *_ = descend_rows(design, curvature, L1().kernel(0.2 * largest), starts, 1e-12)
    counts = np.count_nonzero(coef, axis=1)
    assert set(counts) == {0, 3}
    kernel = L1().kernel(largest * (1 + 1e-12))
    coef, *_ = descend_rows(design, curvature, kernel, starts, 1e-12)
    assert not np.any(coef)


def test_one_target_is_the_lasso():
    data = given()
    design, curvature, starts = designed(data, "dense C")
    kernel = L1().kernel(0.3)
    rows, *_ = descend_rows(design, curvature, kernel, starts, 1e-14)
    single, *_ = descend(design, curvature, kernel, starts[0], 1e-14)
    np.testing.assert_allclose(rows[:, 0], single, atol=1e-10)


@every_kind
def test_designs_are_not_written_to(kind):
    design, curvature, starts = designed(data_of(True), kind)
    before = frozen_bytes(design), [start.tobytes() for start in starts]
    descend_rows(design, curvature, L1().kernel(0.1), starts, 1e-8)
    assert (frozen_bytes(design), [start.tobytes() for start in starts]) == before


@pytest.mark.parametrize("max_iter", [0, 1, 4])
def test_the_number_of_epochs_is_bounded(max_iter):
    design, curvature, starts = designed(data_of(), "dense C")
    kernel = L1().kernel(1e-3)
    _, gap, n_iter = descend_rows(design, curvature, kernel, starts, 0.0, max_iter)
    assert n_iter == max_iter
    assert gap > 0


def row_case():
    """Coefficients with a zero row, and any gradient."""
    rng = np.random.default_rng(9)
    coef, gradient = rng.standard_normal((2, 5, 3))
    coef[2] = 0.0
    return coef, gradient, np.arange(5)


def test_without_a_dual_the_certificate_is_the_distance_of_rows():
    coef, gradient, order = row_case()
    found = certify_rows(MCP(gamma=3.0).kernel(0.7), coef, gradient, order, 1.0)
    size = np.linalg.norm(coef, axis=1)
    direction = coef / np.where(size > 0, size, 1)[:, None]
    slope = np.maximum(0.7 - size / 3.0, 0.0)[:, None]
    away = np.linalg.norm(gradient - slope * direction, axis=1)
    at_zero = np.maximum(np.linalg.norm(gradient, axis=1) - 0.7, 0.0)
    distance = np.where(size > 0, away, at_zero)
    np.testing.assert_allclose(found, 0.5 * np.sum(distance**2))


def test_certificate_is_the_smaller_of_two_dual_bounds():
    coef, gradient, order = row_case()
    l1, l2, norm2 = 0.3, 0.4, 2.0
    found = certify_rows(L1L2(l1 / (l1 + l2)).kernel(l1 + l2), coef, gradient, order, norm2)
    size = np.linalg.norm(coef, axis=1)
    inner = np.sum(gradient * coef)
    s = min(1.0, l1 / np.linalg.norm(gradient - l2 * coef, axis=1).max())
    quadratic = 0.5 * l2 * np.sum(size**2)
    scaled = 0.5 * (1 - s) ** 2 * (norm2 + 2 * quadratic)
    scaled += l1 * size.sum() - s * (inner - 2 * quadratic)
    excess = np.maximum(np.linalg.norm(gradient, axis=1) - l1, 0.0)
    conjugated = l1 * size.sum() + quadratic + np.sum(excess**2) / (2 * l2) - inner
    np.testing.assert_allclose(found, min(scaled, conjugated))
