"""Coordinate descent: optimality on every design with every penalty."""

import numpy as np
import pytest

from skreg._kernels.cd import N_KEPT, certify, extrapolate, mixing_weights
from skreg._kernels.design import column_update
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


def ill_conditioned():
    """Columns with much in common: hundreds of epochs without extrapolation."""
    data = given(shape=(40, 8))
    X = data.X + 2.0 * np.random.default_rng(1).integers(-4, 5, (40, 1))
    coef = np.where(np.arange(8) % 2, 1.5, -1.0)
    noise = np.random.default_rng(2).standard_normal((40, 1))
    return data._replace(X=X, y=(X @ coef)[:, None] + noise)


class TestExtrapolation:
    """Helpers are inlined into compiled code; called from Python they run as Python."""

    @staticmethod
    def iterates(data, kind, penalty, coefs):
        """(design, kernel, coef, state, history) after the iterates `coefs`."""
        design, _, (start,) = designed(data, kind)
        states = np.array([start] * len(coefs))
        for coef, state in zip(coefs, states, strict=True):
            for j, w in enumerate(coef):
                column_update(design, j, w, state)
        return design, coefs[-1].copy(), states[-1].copy(), (coefs.copy(), states)

    @staticmethod
    def epochs(data, kernel, n_epochs):
        """Iterates of coordinate descent from zero, none of them extrapolated."""
        design, curvature, (start,) = designed(data, "gram")
        return np.array(
            [
                descend(design, curvature, kernel, start, 0.0, t, n_kept=n_epochs + 1)[0]
                for t in range(n_epochs)
            ]
        )

    @pytest.mark.parametrize("kind", ["dense C", "csc", "gram"])
    @pytest.mark.parametrize("penalty", [L1(), L1L2(0.9), L1(positive=True)], ids=repr)
    def test_saves_epochs_of_ill_conditioned_problems(self, kind, penalty):
        data = ill_conditioned()
        design, curvature, (start,) = designed(data, kind)
        kernel = penalty.kernel(1e-3)
        results = {}
        for n_kept in (N_KEPT, 20_000):
            coef, gap, n_iter = descend(
                design, curvature, kernel, start, 1e-9, 19_000, n_kept=n_kept
            )
            assert gap <= 1e-9
            results[n_kept] = coef, n_iter
        assert results[N_KEPT][1] < 0.25 * results[20_000][1]
        np.testing.assert_allclose(results[N_KEPT][0], results[20_000][0], atol=1e-3)

    @pytest.mark.parametrize("kind", ["dense C", "csc", "gram"])
    @pytest.mark.parametrize("penalty", [L1(), L1L2(0.3), MCP(3.0)], ids=repr)
    @pytest.mark.parametrize("seed", range(5))
    def test_never_raises_the_objective(self, kind, penalty, seed):
        """Random iterates as well as true ones: what is worse is taken back."""
        data, rng = given(True, shape=(30, 7)), np.random.default_rng(seed)
        kernel = penalty.kernel(0.1)
        coefs = self.epochs(data, kernel, N_KEPT)
        coefs += (seed / 4) * rng.standard_normal(coefs.shape)
        design, coef, state, history = self.iterates(data, kind, penalty, coefs)
        order = rng.permutation(7)
        history[0][:] = coefs[:, order]
        extrapolate(design, kernel, coef, state, order, 7, history)
        after, before = objective(data, kernel, coef), objective(data, kernel, coefs[-1])
        assert after <= before * (1 + 1e-12)
        taken_back = np.array_equal(coef, coefs[-1])
        assert taken_back or after < before
        _, _, expected, _ = self.iterates(data, kind, penalty, np.array([coef]))
        np.testing.assert_allclose(state, expected, atol=1e-9)

    def test_lowers_the_objective_of_true_iterates(self):
        data = ill_conditioned()
        kernel = L2().kernel(1e-4)
        coefs = self.epochs(data, kernel, 30)[-N_KEPT:]
        design, coef, state, history = self.iterates(data, "gram", L2(), coefs)
        extrapolate(design, kernel, coef, state, np.arange(8), 8, history)
        A, b = explicit(data)
        best = np.linalg.solve(A.T @ A + 1e-4 * np.eye(8), A.T @ b[:, 0])
        lowest = objective(data, kernel, best)
        left = objective(data, kernel, coef) - lowest
        assert left < 0.2 * (objective(data, kernel, coefs[-1]) - lowest)

    def test_what_the_penalty_forbids_is_taken_back(self):
        """The mixture -0.1, -0.01, ... of a decreasing coefficient would fit better."""
        data = given(shape=(30, 2))
        data.y[:, 0] = -(data.X @ np.ones(2))
        kernel = L1(positive=True).kernel(0.01)
        falling = 0.1 + 0.5 ** np.arange(N_KEPT)
        coefs = np.column_stack([falling - 0.11, np.zeros(N_KEPT)])
        assert np.all(coefs >= 0.0)
        design, coef, state, history = self.iterates(data, "dense C", None, coefs)
        extrapolate(design, L1().kernel(0.01), coef, state, np.arange(2), 2, history)
        assert coef[0] < 0.0
        design, coef, state, history = self.iterates(data, "dense C", None, coefs)
        before = state.copy()
        extrapolate(design, kernel, coef, state, np.arange(2), 2, history)
        np.testing.assert_array_equal(coef, coefs[-1])
        np.testing.assert_array_equal(state, before)

    def test_iterates_that_do_not_move_stay(self):
        data = given(shape=(30, 7))
        coefs = np.tile(np.linspace(-1, 1, 7), (N_KEPT, 1))
        design, coef, state, history = self.iterates(data, "dense C", None, coefs)
        before = state.copy()
        with np.errstate(all="ignore"):
            extrapolate(design, L1().kernel(0.1), coef, state, np.arange(7), 7, history)
        np.testing.assert_array_equal(coef, coefs[-1])
        np.testing.assert_array_equal(state, before)


class TestMixingWeights:
    @staticmethod
    def mixed(differences):
        """(weights, norm of the combination) of iterates with these differences."""
        coefs = np.vstack([np.zeros(differences.shape[1]), np.cumsum(differences, axis=0)])
        weights = np.full(len(differences), np.nan)
        mixing_weights(coefs, coefs.shape[1], weights)
        return weights, np.linalg.norm(weights @ differences)

    @staticmethod
    def smallest_norm(differences):
        """By least squares in the differences from the last one."""
        last, others = differences[-1], differences[:-1] - differences[-1]
        share = np.linalg.lstsq(others.T, -last, rcond=1e-12)[0]
        return np.linalg.norm(last + share @ others)

    @pytest.mark.parametrize("seed", range(5))
    @pytest.mark.parametrize("n_features", [1, 3, 5, 20])
    def test_minimise_the_combination(self, seed, n_features):
        rng = np.random.default_rng(seed)
        differences = rng.standard_normal((N_KEPT - 1, n_features))
        weights, norm = self.mixed(differences)
        np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-8)
        expected = self.smallest_norm(differences)
        np.testing.assert_allclose(norm, expected, rtol=1e-6, atol=1e-4)

    def test_only_the_working_set_counts(self):
        differences = np.random.default_rng(0).standard_normal((N_KEPT - 1, 12))
        coefs = np.vstack([np.zeros(12), np.cumsum(differences, axis=0)])
        few, all_of_few = np.empty(N_KEPT - 1), np.empty(N_KEPT - 1)
        mixing_weights(coefs, 9, few)
        mixing_weights(coefs[:, :9], 9, all_of_few)
        np.testing.assert_array_equal(few, all_of_few)

    @pytest.mark.parametrize(
        "differences",
        [
            np.outer(0.5 ** np.arange(N_KEPT - 1), np.ones(4)),
            np.outer(np.ones(N_KEPT - 1), np.arange(4.0)),
            np.vstack([np.eye(4)[[0, 0, 1, 1]], np.zeros(4)]),
            1e-60 * np.outer(0.5 ** np.arange(N_KEPT - 1), np.ones(4)),
        ],
        ids=["collinear", "equal", "a zero", "tiny"],
    )
    def test_dependent_differences(self, differences):
        weights, norm = self.mixed(differences)
        assert np.all(np.isfinite(weights))
        np.testing.assert_allclose(weights.sum(), 1.0, rtol=1e-3)
        largest = np.linalg.norm(differences, axis=1).max()
        assert norm <= self.smallest_norm(differences) + 1e-4 * largest
