"""Coordinate descent: optimality on every design with every penalty."""

import numpy as np
import pytest

from skreg._kernels.cd import certify
from skreg.penalties import L1, L1L2, L2, subdiff_distance, value
from tests.kernels.drive import KINDS, descend, designed, explicit, given
from tests.kernels.test_design import frozen_bytes
from tests.linear import oracle
from tests.penalties.user_penalty import MCP

CONVEX = [
    L1(),
    L1(positive=True),
    L2(),
    L2(positive=True),
    L1L2(0.3),
    L1L2(0.3, positive=True),
]
# float32 differs in how the design reads columns, which test_design covers.
COMPILED = [kind for kind in KINDS if kind != "float32"]
every_kind = pytest.mark.parametrize("kind", COMPILED)
nonconvex_kind = pytest.mark.parametrize("kind", ["dense C", "csc", "gram"])
every_convex = pytest.mark.parametrize("penalty", CONVEX, ids=repr)
every_setting = pytest.mark.parametrize(
    ("weighted", "fit_intercept"), [(False, True), (True, False)]
)
TOL = 1e-13


def worst_distance(data, kernel, coef):
    A, b = explicit(data)
    gradient = A.T @ (b[:, 0] - A @ coef)
    return max(
        subdiff_distance(kernel, j, w, g)
        for j, (w, g) in enumerate(zip(coef, gradient, strict=True))
    )


def objective(data, kernel, coef):
    A, b = explicit(data)
    residual = b[:, 0] - A @ coef
    return residual @ residual / 2 + sum(value(kernel, j, w) for j, w in enumerate(coef))


@every_kind
@every_convex
@every_setting
def test_reaches_the_optimality_conditions(kind, penalty, weighted, fit_intercept):
    data = given(weighted, fit_intercept)
    design, curvature, (start,) = designed(data, kind)
    kernel = penalty.kernel(0.2)
    coef, gap, n_iter = descend(design, curvature, kernel, start, TOL)
    assert gap <= TOL
    assert n_iter > 0
    assert worst_distance(data, kernel, coef) <= 1e-6


@every_kind
@pytest.mark.parametrize("l1_ratio", [0.3, 1.0])
@pytest.mark.parametrize("positive", [False, True])
def test_gap_is_primal_minus_dual(kind, l1_ratio, positive):
    data = given(True)
    design, curvature, (start,) = designed(data, kind)
    kernel = L1L2(l1_ratio, positive).kernel(0.2)
    coef, gap, _ = descend(design, curvature, kernel, start, 1e-3)
    A, b = oracle.explicit(data.X, data.y[:, 0], data.sample_weight)
    l1, l2 = oracle.strengths(0.2, l1_ratio)
    primal = oracle.objective(A, b, coef, l1, l2)
    dual = oracle.best_dual(A, b, coef, l1, l2, positive)
    assert gap <= 1e-3
    np.testing.assert_allclose(gap, float(primal - dual), rtol=1e-8, atol=1e-15)


@every_kind
def test_designs_agree_with_the_exact_solution(kind):
    data = given(True)
    design, curvature, (start,) = designed(data, kind)
    coef, *_ = descend(design, curvature, L1().kernel(0.3), start, 1e-14)
    A, b = oracle.explicit(data.X, data.y[:, 0], data.sample_weight)
    exact = oracle.active_set(A, b, 0.3, 0.0).astype(float)
    assert 0 < np.count_nonzero(exact) < exact.size
    np.testing.assert_allclose(coef, exact, atol=1e-10)


@nonconvex_kind
@pytest.mark.parametrize("gamma", [3.0, 10.0])
def test_user_penalty_reaches_a_stationary_point(kind, gamma):
    data = given(shape=(60, 7), seed=2)
    design, curvature, (start,) = designed(data, kind)
    kernel = MCP(gamma).kernel(0.3)
    coef, gap, _ = descend(design, curvature, kernel, start, TOL)
    assert gap <= TOL
    assert np.any(coef != 0)
    assert worst_distance(data, kernel, coef) <= 1e-6
    assert objective(data, kernel, coef) < objective(data, kernel, 0 * coef)


@nonconvex_kind
def test_gap_without_a_dual_is_the_decrease_that_the_distances_promise(kind):
    data = given(shape=(60, 7), seed=2)
    design, curvature, (start,) = designed(data, kind)
    kernel = MCP(3.0).kernel(0.3)
    coef, gap, _ = descend(design, curvature, kernel, start, 0.0, max_iter=2)
    A, b = explicit(data)
    gradient = A.T @ (b[:, 0] - A @ coef)
    distances = [
        subdiff_distance(kernel, j, w, g)
        for j, (w, g) in enumerate(zip(coef, gradient, strict=True))
    ]
    expected = np.sum(np.square(distances) / (2 * curvature))
    assert expected > 0
    np.testing.assert_allclose(gap, expected, rtol=1e-6, atol=1e-15)


@every_kind
def test_designs_and_starts_are_not_written_to(kind):
    design, curvature, (start,) = designed(given(True), kind)
    before = frozen_bytes(design), start.tobytes(), curvature.tobytes()
    descend(design, curvature, L1().kernel(0.1), start, 1e-10)
    assert (frozen_bytes(design), start.tobytes(), curvature.tobytes()) == before


@every_kind
def test_features_without_curvature_keep_their_coefficient(kind):
    data = given()
    data.X[:, 2] = 0.0
    design, curvature, (start,) = designed(data, kind)
    coef, gap, _ = descend(design, curvature, L1().kernel(0.1), start, TOL)
    assert coef[2] == 0.0
    assert gap <= TOL


@every_kind
def test_a_solution_as_start_is_returned_unchanged(kind):
    design, curvature, (start,) = designed(given(), kind)
    kernel = L1().kernel(0.2)
    first, *_ = descend(design, curvature, kernel, start, TOL)
    again, gap, n_iter = descend(design, curvature, kernel, start, 1e-10, coef=first)
    assert n_iter == 0
    assert gap <= 1e-10
    np.testing.assert_array_equal(again, first)


@every_kind
def test_any_start_leads_to_the_same_solution(kind):
    design, curvature, (start,) = designed(given(), kind)
    kernel = L1().kernel(0.2)
    cold, *_ = descend(design, curvature, kernel, start, TOL)
    far = np.linspace(-5, 5, cold.size)
    warm, gap, _ = descend(design, curvature, kernel, start, TOL, coef=far)
    assert gap <= TOL
    np.testing.assert_allclose(warm, cold, atol=1e-9)


@pytest.mark.parametrize("max_iter", [0, 1, 2, 3])
def test_the_number_of_epochs_is_bounded(max_iter):
    data = given(shape=(30, 25))
    design, curvature, (start,) = designed(data, "dense C")
    kernel = L1().kernel(1e-3)
    coef, gap, n_iter = descend(design, curvature, kernel, start, 0.0, max_iter)
    assert n_iter == max_iter
    assert gap > 0
    assert np.any(coef != 0) == (max_iter > 0)


def test_epochs_never_raise_the_objective():
    data = given(shape=(30, 25))
    design, curvature, (start,) = designed(data, "dense C")
    kernel = L1().kernel(0.01)
    heights = [
        objective(data, kernel, descend(design, curvature, kernel, start, 0.0, t)[0])
        for t in range(15)
    ]
    assert np.all(np.diff(heights) <= 1e-14)


def test_certify_is_the_gap_of_given_coefficients():
    data = given(True)
    A, b = oracle.explicit(data.X, data.y[:, 0], data.sample_weight)
    rng = np.random.default_rng(0)
    scales, alphas = (0.0, 0.1, 1.0, 30.0), (0.3, 0.2, 0.1, 0.3)
    coefs = np.outer(scales, rng.standard_normal(A.shape[1]))
    residuals = b - coefs @ A.T
    gaps = np.empty(4)
    certify(
        L1().kernel(1.0),
        np.array([L1().kernel(alpha) for alpha in alphas], dtype=float),
        np.ones(A.shape[1]),
        coefs,
        (residuals @ A).astype(float),
        np.arange(A.shape[1]),
        np.sum(residuals**2, axis=1).astype(float),
        gaps,
    )
    for coef, alpha, gap in zip(coefs, alphas, gaps, strict=True):
        primal = oracle.objective(A, b, coef, alpha, 0.0)
        dual = oracle.best_dual(A, b, coef, alpha, 0.0)
        np.testing.assert_allclose(gap, float(primal - dual), rtol=1e-10)
