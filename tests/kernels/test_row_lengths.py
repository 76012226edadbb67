"""The equations of the lengths of rows, against their dense matrix."""

import numpy as np
import pytest

from skreg._kernels.row_lengths import TOGETHER, solve_lengths


def equations(n_rows, n_samples, n_targets, spare, seed=0):
    """(factor, spare, direction, right, dense S), padded with rows of zeros."""
    rng = np.random.default_rng(seed)
    padded = -(-n_rows // TOGETHER) * TOGETHER
    factor = np.zeros((padded, n_samples), np.float32)
    factor[:n_rows] = rng.standard_normal((n_rows, n_samples)) / np.sqrt(n_samples)
    factor[:n_rows] *= rng.uniform(0.01, 1.0, n_rows)[:, None]
    direction = np.zeros((padded, n_targets), np.float32)
    direction[:n_rows] = rng.standard_normal((n_rows, n_targets))
    direction[:n_rows] /= np.linalg.norm(direction[:n_rows], axis=1)[:, None]
    diagonal = np.zeros(padded, np.float32)
    diagonal[:n_rows] = spare * rng.uniform(size=n_rows)
    right = np.zeros(padded, np.float32)
    right[:n_rows] = rng.standard_normal(n_rows)
    wide = factor.astype(np.float64), direction.astype(np.float64)
    dense = (wide[0] @ wide[0].T) * (wide[1] @ wide[1].T) + np.diag(diagonal)
    return factor, diagonal, direction, right, dense


@pytest.mark.parametrize("n_targets", [1, 2, 5, 10])
@pytest.mark.parametrize("n_rows", [1, 8, 29])
@pytest.mark.parametrize("spare", [0.0, 0.7])
def test_the_equations_are_solved(n_rows, n_targets, spare):
    factor, diagonal, direction, right, dense = equations(n_rows, 40, n_targets, spare)
    weight = np.random.default_rng(1).uniform(1.0, 3.0, len(right)).astype(np.float32)
    solution = np.empty_like(right)
    goal = 1e-4 * np.linalg.norm(weight * right)
    steps, left = solve_lengths(
        factor, diagonal, direction, right, weight, goal, 500, solution
    )
    residual = weight * (right - dense @ solution)
    assert 0 < steps < 500
    assert np.linalg.norm(residual) <= 1.1 * goal
    np.testing.assert_allclose(np.linalg.norm(residual), left, rtol=0.1, atol=0.1 * goal)
    expected = np.linalg.solve(dense[:n_rows, :n_rows], right[:n_rows])
    limit = 2e-3 * np.abs(expected).max() * np.linalg.cond(dense[:n_rows, :n_rows]) ** 0.5
    np.testing.assert_allclose(solution[:n_rows], expected, atol=limit)
    assert not solution[n_rows:].any()


def test_a_bound_on_the_steps_and_a_goal_that_is_met():
    factor, diagonal, direction, right, _ = equations(29, 40, 3, 0.0)
    weight, solution = np.ones_like(right), np.empty_like(right)
    given = factor, diagonal, direction, right, weight
    steps, left = solve_lengths(*given, 0.0, 3, solution)
    assert steps == 3
    assert left < np.linalg.norm(right)
    steps, left = solve_lengths(*given, 2.0 * np.linalg.norm(right), 3, solution)
    assert steps == 0
    assert not solution.any()


def test_rows_that_carry_nothing_are_left_out():
    """Zero rows of the factor, which a right side cannot ask anything of."""
    factor, diagonal, direction, right, _ = equations(24, 40, 3, 0.0)
    factor[5] = 0.0
    solution = np.empty_like(right)
    solve_lengths(
        factor, diagonal, direction, right, np.ones_like(right), 0.0, 50, solution
    )
    assert np.all(np.isfinite(solution))
    assert solution[5] == 0.0
