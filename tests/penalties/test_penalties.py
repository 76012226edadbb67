"""One table of penalties, crossed with what every penalty promises."""

import importlib

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import optimize
from sklearn.base import clone

from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample
from skreg.penalties import (
    L1,
    L1L2,
    L2,
    conjugate,
    dual_norm,
    has_dual,
    prox,
    register,
    strong_convexity,
    subdiff_distance,
    value,
    with_numbers,
)
from tests.linear.problems import PROBLEMS
from tests.penalties.user_penalty import MCP, PlainElasticNet

PENALTIES = [
    L1(),
    L1(positive=True),
    L2(),
    L2(positive=True),
    L1L2(l1_ratio=0.0),
    L1L2(l1_ratio=0.01),
    L1L2(l1_ratio=0.5),
    L1L2(l1_ratio=0.99),
    L1L2(l1_ratio=1.0),
    L1L2(l1_ratio=0.5, positive=True),
    MCP(gamma=3.0),
    MCP(gamma=1.2),
]
CONVEX = [p for p in PENALTIES if not isinstance(p, MCP)]
ALPHAS = (0.0, 0.3, 1.0, 4.0)

each = pytest.mark.parametrize("penalty", PENALTIES, ids=repr)
each_convex = pytest.mark.parametrize("penalty", CONVEX, ids=repr)

POINTS = st.floats(-20, 20)
STRENGTHS = st.sampled_from([0.1, 0.5, 1.0, 2.5])
STEPS = st.floats(0.05, 1.0)
by_hypothesis = settings(deadline=None, derandomize=True, max_examples=40)


def positive(penalty):
    return bool(getattr(penalty, "positive", False))


def feasible(penalty, coef):
    return abs(coef) if positive(penalty) else coef


def numerical_slopes(kernel, coef, h=1e-6):
    """Left and right derivatives of the penalty at `coef`, by differences."""
    here = value(kernel, 0, coef)
    right = (value(kernel, 0, coef + h) - here) / h
    left = (here - value(kernel, 0, coef - h)) / h
    return left, right


def prox_objective(kernel, u, point, step):
    return 0.5 * (u - point) ** 2 + step * value(kernel, 0, u)


@each
@by_hypothesis
@given(point=POINTS, step=STEPS, alpha=STRENGTHS)
def test_prox_minimises_its_objective(penalty, point, step, alpha):
    kernel = penalty.kernel(alpha)
    found = prox(kernel, 0, point, step)
    reached = prox_objective(kernel, found, point, step)
    low = 0.0 if positive(penalty) else -abs(point) - 1
    grid = np.linspace(low, abs(point) + 1, 401)
    heights = np.array([prox_objective(kernel, u, point, step) for u in grid])
    k = int(np.argmin(heights))
    bounds = grid[max(k - 1, 0)], grid[min(k + 1, 400)]
    polished = optimize.minimize_scalar(
        lambda u: prox_objective(kernel, u, point, step),
        bounds=bounds,
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert reached <= min(heights[k], polished.fun) + 1e-10 * (1 + abs(reached))


@each
@pytest.mark.parametrize("step", [3.0, 10.0])
def test_prox_minimises_with_long_steps(penalty, step):
    kernel = penalty.kernel(0.7)
    grid = np.linspace(0.0 if positive(penalty) else -8.0, 8.0, 3201)
    for point in np.linspace(-7.9, 7.9, 61):
        reached = prox_objective(kernel, prox(kernel, 0, point, step), point, step)
        best = min(prox_objective(kernel, u, point, step) for u in grid)
        assert reached <= best + 1e-12


@each_convex
@by_hypothesis
@given(first=POINTS, second=POINTS, step=STEPS, alpha=STRENGTHS)
def test_prox_is_firmly_nonexpansive(penalty, first, second, step, alpha):
    kernel = penalty.kernel(alpha)
    change = prox(kernel, 0, first, step) - prox(kernel, 0, second, step)
    assert change * change <= change * (first - second) + 1e-12


@each
@by_hypothesis
@given(point=POINTS, step=STEPS, alpha=STRENGTHS)
def test_what_prox_returns_is_optimal(penalty, point, step, alpha):
    """u = prox(v) if and only if (v - u) / step is in the subdifferential at u."""
    kernel = penalty.kernel(alpha)
    u = prox(kernel, 0, point, step)
    distance = subdiff_distance(kernel, 0, u, (point - u) / step)
    assert distance <= 1e-12 * (1 + abs(point) / step)


@each_convex
@by_hypothesis
@given(coef=POINTS, gradient=POINTS, step=STEPS, alpha=STRENGTHS)
def test_prox_moves_exactly_where_the_distance_is_positive(
    penalty, coef, gradient, step, alpha
):
    kernel = penalty.kernel(alpha)
    coef = feasible(penalty, coef)
    distance = subdiff_distance(kernel, 0, coef, gradient)
    move = abs(prox(kernel, 0, coef + step * gradient, step) - coef)
    assert move <= step * distance + 1e-12 * (1 + abs(coef))
    if distance > 1e-6 and abs(coef) > 1e-6:
        assert move > 0
    if coef == 0.0 and distance > 1e-6:
        assert move > 0


@each_convex
@by_hypothesis
@given(coef=POINTS, share=st.floats(0, 1), step=STEPS, alpha=STRENGTHS)
def test_subgradients_are_fixed_points(penalty, coef, share, step, alpha):
    kernel = penalty.kernel(alpha)
    assume(abs(coef) > 1e-3 or coef == 0.0)
    coef = feasible(penalty, coef)
    left, right = numerical_slopes(kernel, coef)
    left = right - 1.0 if np.isinf(left) else left
    gradient = left + share * (right - left)
    assert subdiff_distance(kernel, 0, coef, gradient) <= 1e-5 * (1 + abs(coef))
    moved = prox(kernel, 0, coef + step * gradient, step)
    np.testing.assert_allclose(moved, coef, atol=1e-5 * (1 + abs(coef)))


@each
@by_hypothesis
@given(coef=POINTS, gradient=POINTS, alpha=STRENGTHS)
def test_subdiff_distance_by_one_sided_derivatives(penalty, coef, gradient, alpha):
    kernel = penalty.kernel(alpha)
    assume(abs(coef) > 1e-3)
    for at in (feasible(penalty, coef), 0.0):
        left, right = numerical_slopes(kernel, at)
        left = -np.inf if np.isinf(left) else left
        expected = max(left - gradient, gradient - right, 0.0)
        found = subdiff_distance(kernel, 0, at, gradient)
        np.testing.assert_allclose(found, expected, atol=2e-5 * (1 + abs(coef)))


@each
def test_infeasible_coefficients(penalty):
    kernel = penalty.kernel(0.5)
    if positive(penalty):
        assert value(kernel, 0, -1.0) == np.inf
        assert subdiff_distance(kernel, 0, -1.0, 0.0) == np.inf
        assert prox(kernel, 0, -3.0, 0.5) == 0.0
    else:
        assert value(kernel, 0, -1.0) == value(kernel, 0, 1.0)
        assert prox(kernel, 0, -3.0, 0.5) == -prox(kernel, 0, 3.0, 0.5)


@each
@pytest.mark.parametrize("alpha", ALPHAS)
def test_value_is_zero_at_zero_and_not_negative(penalty, alpha):
    kernel = penalty.kernel(alpha)
    assert value(kernel, 0, 0.0) == 0.0
    assert all(value(kernel, 0, u) >= 0.0 for u in np.linspace(-5, 5, 101))


@pytest.mark.parametrize(
    ("penalty", "expected"),
    [
        (L1(), lambda u, a: a * abs(u)),
        (L2(), lambda u, a: a * u * u / 2),
        (L1L2(0.3), lambda u, a: a * (0.3 * abs(u) + 0.7 * u * u / 2)),
    ],
    ids=["L1", "L2", "L1L2"],
)
def test_value_is_the_documented_formula(penalty, expected):
    for alpha in ALPHAS:
        for u in (-2.0, 0.0, 0.5, 7.0):
            found = value(penalty.kernel(alpha), 0, u)
            np.testing.assert_allclose(found, expected(u, alpha))


@each_convex
@by_hypothesis
@given(coef=POINTS, point=POINTS, alpha=STRENGTHS)
def test_fenchel_young_inequality(penalty, coef, point, alpha):
    kernel = penalty.kernel(alpha)
    coef = feasible(penalty, coef)
    total = value(kernel, 0, coef) + conjugate(kernel, 0, point)
    assert total >= coef * point - 1e-9 * (1 + abs(coef * point))


@each_convex
@by_hypothesis
@given(point=POINTS, step=STEPS, alpha=STRENGTHS)
def test_fenchel_young_equality_at_a_subgradient(penalty, point, step, alpha):
    kernel = penalty.kernel(alpha)
    coef = prox(kernel, 0, point, step)
    gradient = (point - coef) / step * (1 - 1e-12)
    total = value(kernel, 0, coef) + conjugate(kernel, 0, gradient)
    np.testing.assert_allclose(total, coef * gradient, rtol=1e-9, atol=1e-9)


@each_convex
@by_hypothesis
@given(point=POINTS, alpha=STRENGTHS)
def test_conjugate_is_a_supremum(penalty, point, alpha):
    kernel = penalty.kernel(alpha)
    bound = conjugate(kernel, 0, point)
    if np.isinf(bound):
        far = np.copysign(1e9, point)
        assert far * point - value(kernel, 0, far) > 1.0
        return
    best = optimize.minimize_scalar(
        lambda u: value(kernel, 0, u) - u * point,
        bounds=(0.0, 1e5) if positive(penalty) else (-1e5, 1e5),
        method="bounded",
        options={"xatol": 1e-8, "maxiter": 1000},
    )
    np.testing.assert_allclose(bound, -best.fun, rtol=1e-6, atol=1e-6)


@each_convex
@by_hypothesis
@given(point=POINTS, alpha=STRENGTHS)
def test_dual_norm_is_the_smallest_feasible_scale(penalty, point, alpha):
    kernel = penalty.kernel(alpha)
    assume(abs(point) > 1e-6)
    t = dual_norm(kernel, 0, point)
    if t == 0.0:
        assert subdiff_distance(kernel, 0, 0.0, point * 1e9) == 0.0
    elif np.isinf(t):
        assert subdiff_distance(kernel, 0, 0.0, point * 1e-9) > 0.0
    else:
        assert subdiff_distance(kernel, 0, 0.0, point / t) <= 1e-12 * abs(point / t)
        assert subdiff_distance(kernel, 0, 0.0, point / (0.999 * t)) > 0.0


@each_convex
@by_hypothesis
@given(point=POINTS, factor=st.floats(0.1, 10), alpha=STRENGTHS)
def test_dual_norm_is_homogeneous(penalty, point, factor, alpha):
    kernel = penalty.kernel(alpha)
    np.testing.assert_allclose(
        dual_norm(kernel, 0, factor * point), factor * dual_norm(kernel, 0, point)
    )


@each_convex
@pytest.mark.parametrize("alpha", [0.3, 4.0])
def test_strong_convexity_is_the_largest(penalty, alpha):
    kernel = penalty.kernel(alpha)
    l2 = strong_convexity(kernel)

    def midpoint_excess(curvature, u, v):
        def rest(w):
            return value(kernel, 0, w) - curvature * w * w / 2

        return (rest(u) + rest(v)) / 2 - rest((u + v) / 2)

    grid = np.linspace(0.0 if positive(penalty) else -3.0, 3.0, 13)
    pairs = [(u, v) for u in grid for v in grid if u != v]
    assert all(midpoint_excess(l2, u, v) >= -1e-12 for u, v in pairs)
    assert any(midpoint_excess(l2 + 0.1, u, v) < -1e-6 for u, v in pairs)


@each
def test_a_dual_is_known_for_the_convex_ones_only(penalty):
    assert has_dual(penalty.kernel(1.0)) == (not isinstance(penalty, MCP))


@pytest.mark.parametrize("gamma", [1.2, 3.0])
def test_without_a_dual_the_bounds_are_void(gamma):
    kernel = MCP(gamma).kernel(1.0)
    assert strong_convexity(kernel) == 0.0
    assert dual_norm(kernel, 0, 1.0) == np.inf
    assert conjugate(kernel, 0, 1.0) == np.inf


GRADIENTS = [
    np.array([0.3, -1.7, 0.9]),
    np.array([-0.3, -1.7, -0.9]),
    np.array([2.0]),
    np.zeros(3),
    np.zeros(0),
]


@each
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_alpha_max_is_the_smallest_that_gives_zeros(penalty, gradient):
    largest = penalty.alpha_max(gradient)

    def zeros_are_optimal(alpha):
        kernel = penalty.kernel(alpha)
        return all(subdiff_distance(kernel, 0, 0.0, g) <= 1e-12 for g in gradient)

    if np.isinf(largest):
        assert not zeros_are_optimal(1e12)
    else:
        assert largest >= 0.0
        assert zeros_are_optimal(largest)
        if largest > 0.0:
            assert not zeros_are_optimal(0.999 * largest)


@each
@pytest.mark.parametrize("alpha", ALPHAS)
def test_quadratic_strength_names_pure_quadratics_only(penalty, alpha):
    l2 = penalty.quadratic_strength(alpha)
    kernel = penalty.kernel(alpha)
    grid = np.linspace(-3, 3, 13)
    heights = np.array([value(kernel, 0, u) for u in grid])
    if l2 is not None:
        np.testing.assert_allclose(heights, l2 * grid**2 / 2)
    elif not isinstance(penalty, MCP) or alpha > 0:
        by_last = heights[-1] * (grid / grid[-1]) ** 2
        assert not np.allclose(heights, by_last)


@each
def test_parameters_and_clone(penalty):
    copy = clone(penalty)
    assert copy is not penalty
    assert copy.get_params() == penalty.get_params()
    assert copy.kernel(0.7) == penalty.kernel(0.7)
    name = next(iter(penalty.get_params()))
    changed = clone(penalty).set_params(**{name: 0.25})
    assert changed.get_params()[name] == 0.25
    assert penalty.get_params() == copy.get_params()


@each
def test_kernel_is_a_named_tuple_of_an_importable_module(penalty):
    kernel = penalty.kernel(0.7)
    assert isinstance(kernel, tuple)
    assert kernel._fields
    assert kernel == type(kernel)(**kernel._asdict())
    module = importlib.import_module(type(kernel).__module__)
    assert getattr(module, type(kernel).__name__) is type(kernel)


@each
def test_kernel_types_do_not_depend_on_the_type_of_alpha(penalty):
    kinds = [
        tuple(type(field) for field in penalty.kernel(alpha))
        for alpha in (1, 1.0, np.float64(1.0), np.float32(1.0))
    ]
    assert set(kinds) == {kinds[0]}


def test_soft_thresholding():
    kernel = L1().kernel(1.0)
    points = [-3.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0]
    found = [prox(kernel, 0, v, 1.0) for v in points]
    assert found == [-2.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]


def test_registering_half_a_dual_is_refused():
    kernel_class = type(MCP().kernel(1.0))
    parts = {"value": value, "prox": prox, "subdiff_distance": subdiff_distance}
    with pytest.raises(TypeError, match="dual_norm and conjugate"):
        register(kernel_class, **parts, dual_norm=dual_norm)


def test_a_kernel_that_was_not_registered_is_refused():
    with pytest.raises(TypeError, match=r"prox\(\) is not defined for tuple"):
        prox((1.0,), 0, 1.0, 1.0)


@each_convex
@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_kernel_is_rebuilt_from_its_numbers(penalty, alpha):
    kernel = penalty.kernel(alpha)
    numbers = np.array(kernel, dtype=np.float64)
    for other in (kernel, penalty.kernel(7.0)):
        rebuilt = with_numbers(other, numbers)
        assert rebuilt == kernel
        assert type(rebuilt) is type(kernel)


def test_without_a_rule_the_numbers_are_ignored():
    kernel = PlainElasticNet().kernel(1.0)
    assert with_numbers(kernel, np.zeros(3)) == kernel


class TestPathWithoutNumbers:
    """A penalty that cannot be rebuilt from its numbers is solved one by one."""

    @staticmethod
    def differences(l1_ratio, alphas, use_gram):
        """Largest difference to the coefficients of L1L2, relative, at every alpha."""
        problem = PROBLEMS["tall"]()
        sample = make_sample(problem.X, problem.y[:, None], None, True)
        largest = L1L2(l1_ratio).alpha_max(sample.correlation(sample.y)[:, 0])
        solve = {"tol": 1e-4, "max_iter": 1000, "use_gram": use_gram}
        strengths = largest * np.array(alphas)
        path = solve_path(sample, PlainElasticNet(l1_ratio), strengths, **solve)
        known = solve_path(sample, L1L2(l1_ratio), strengths, **solve)
        assert path.converged.all()
        size = np.max(np.abs(known.coefs))
        return np.max(np.abs(path.coefs - known.coefs), axis=-1) / size

    @pytest.mark.parametrize("use_gram", [True, False])
    def test_l1(self, use_gram):
        assert np.all(self.differences(1.0, [0.5, 0.2, 0.1, 0.01], use_gram) <= 1e-12)

    @pytest.mark.parametrize("l1_ratio", [0.5, 1.0])
    def test_one_alpha_twice(self, l1_ratio):
        assert np.all(self.differences(l1_ratio, [0.1, 0.1], True) <= 1e-12)

    @pytest.mark.parametrize("use_gram", [True, False])
    def test_l2_that_changes(self, use_gram):
        assert np.all(self.differences(0.5, [0.5, 0.2, 0.1, 0.01], use_gram) <= 1e-12)

    @pytest.mark.parametrize("use_gram", [True, False])
    def test_last_alpha_equal_to_the_first(self, use_gram):
        assert np.all(self.differences(1.0, [0.5, 0.1, 0.5], use_gram) <= 1e-12)
