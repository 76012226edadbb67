"""Newton's direction by the lengths of rows, against the dense system."""

import numpy as np
import pytest

from skreg._kernels.row_lengths import solve_lengths
from skreg._kernels.thin_products import aligned_rows, aligned_targets


def equations(n_rows, n_targets, spare, n_samples=40, seed=0):
    """(arguments up to weight, right, dense N (x) I - U U')."""
    rng = np.random.default_rng(seed)
    scaled = rng.standard_normal((n_rows, n_samples)) / np.sqrt(n_samples)
    scaled *= rng.uniform(0.1, 2.0, n_rows)[:, None]
    spread = 1.0 + spare * rng.uniform(size=n_rows)
    inner = np.eye(n_samples) + scaled.T @ (scaled / spread[:, None])
    thin = np.linalg.solve(np.linalg.cholesky(inner), scaled.T / spread).T
    factor = aligned_rows(n_rows, n_samples, np.float32)
    factor[:, :n_samples] = thin
    direction = rng.standard_normal((n_rows, n_targets))
    direction /= np.linalg.norm(direction, axis=1)[:, None]
    dense = np.kron(np.diag(spread) + scaled @ scaled.T, np.eye(n_targets))
    for j, unit in enumerate(direction):
        block = slice(j * n_targets, (j + 1) * n_targets)
        dense[block, block] -= np.outer(unit, unit)
    inverse = (1.0 / spread).astype(np.float32)
    diagonal = 1.0 - inverse + np.vecdot(factor, factor)
    weight = rng.uniform(1.0, 3.0, n_rows).astype(np.float32)
    right = rng.standard_normal((n_rows, n_targets)).astype(np.float32)
    direction = direction.astype(np.float32)
    return (factor, inverse, diagonal, direction, weight), right, dense


def solve(given, right, goal, max_steps):
    total = aligned_targets(right.shape[1], given[0].shape[1], np.float32)
    solution = np.full_like(right, np.nan)
    return solution, *solve_lengths(*given, right, goal, max_steps, total, solution)


@pytest.mark.parametrize("n_targets", [1, 2, 5, 10])
@pytest.mark.parametrize("n_rows", [1, 8, 29])
@pytest.mark.parametrize("spare", [0.0, 0.7])
def test_the_system_is_solved(n_rows, n_targets, spare):
    given, right, dense = equations(n_rows, n_targets, spare)
    goal = 1e-5 * np.linalg.norm(given[-1][:, None] * right)
    solution, steps, left = solve(given, right, goal, 500)
    assert 0 < steps < 500
    assert left <= goal
    expected = np.linalg.solve(dense, right.ravel().astype(np.float64))
    limit = 1e-3 * np.abs(expected).max()
    np.testing.assert_allclose(solution.ravel(), expected, atol=limit)


def test_what_is_left_is_of_the_lengths():
    """The residual of the dense system, along the directions, in the given weights."""
    given, right, dense = equations(29, 3, 0.5)
    weight, direction = given[-1], given[-2]
    solution, steps, left = solve(given, right, 0.0, 4)
    assert steps == 4
    residual = (right.ravel() - dense @ solution.ravel()).reshape(right.shape)
    along = np.vecdot(direction, residual)
    np.testing.assert_allclose(np.linalg.norm(weight * along), left, rtol=1e-3)
    np.testing.assert_allclose(residual, along[:, None] * direction, atol=1e-4)
    assert solve(given, right, 0.0, 8)[2] < left


def test_a_goal_that_is_met_takes_no_steps():
    given, right, _ = equations(29, 3, 0.0)
    solution, steps, _ = solve(given, right, 1e3 * np.linalg.norm(right), 10)
    assert steps == 0
    assert np.all(np.isfinite(solution))


def test_rows_that_carry_nothing_are_left_out():
    """Zero rows of the factor, which a right side cannot ask anything of."""
    given, right, _ = equations(24, 3, 0.0)
    given[0][5], given[2][5], given[3][5] = 0.0, 0.0, 0.0
    solution, _, _ = solve(given, right, 0.0, 50)
    assert np.all(np.isfinite(solution))
    np.testing.assert_array_equal(solution[5], right[5])
