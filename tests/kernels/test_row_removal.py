"""remove_rows against an enumeration of all states, and against its own conditions."""

from itertools import product

import numpy as np
import pytest

from skreg._kernels import row_removal
from skreg._kernels.row_removal import Coordinates, remove_rows


def problem(n_active, m, seed):
    """A principal pivot of a Gram matrix that is definite without one row, and the row."""
    rng = np.random.default_rng(seed)
    root, x, weight = rng.standard_normal((m, m + 2)), rng.standard_normal(m), 0.2
    gram = root @ root.T / m + weight / (1.0 - weight) * np.outer(x, x)
    A, B = np.arange(n_active), np.arange(n_active, m)
    inverse = np.linalg.inv(gram[np.ix_(A, A)])
    side = inverse @ gram[np.ix_(A, B)]
    schur = gram[np.ix_(B, B)] - gram[np.ix_(B, A)] @ side
    tableau = np.block([[inverse, side], [-side.T, schur]])
    effect = np.append(inverse @ x[A], x[B] - side.T @ x[A])
    signs, n_other = rng.choice([-1.0, 1.0], n_active), m - n_active
    base = np.append(signs * rng.uniform(0.0, 0.5, n_active), rng.uniform(-1, 1, n_other))
    low = np.append(np.where(signs > 0, 0.0, -np.inf), -np.ones(n_other))
    high = np.append(np.where(signs > 0, np.inf, 0.0), np.ones(n_other))
    reach = np.append(np.full(n_active, 2.0), np.full(n_other, np.inf))
    tilt = 0.1 * rng.standard_normal(m)
    margin = 1.0 - weight - weight * x[A] @ inverse @ x[A]
    given = Coordinates(n_active, tableau.T.copy(), base, tilt, low, high, reach)
    return given, tableau, effect, weight, margin, 3.0 * rng.standard_normal()


def respond(given, tableau, effect, weight, margin, error, states):
    """(z, y, e) of given states, by one dense linear system."""
    m, A = len(effect), given.n_active
    signed = np.append(effect[:A], -effect[A:])
    shrink = 1.0 - weight
    # Unknowns z, y, e.
    system, right = np.zeros((2 * m + 1, 2 * m + 1)), np.zeros(2 * m + 1)
    system[:m, :m], system[:m, m : 2 * m] = tableau, np.eye(m)
    system[:m, -1], right[:m] = weight * effect, given.base + weight * given.tilt
    for j, state in enumerate(states):
        row = m + j
        if state == 0 or abs(state) == 2:
            system[row, j] = 1.0
            right[row] = 0.5 * state * shrink * given.reach[j] if state else 0.0
        else:
            system[row, m + j] = 1.0
            right[row] = shrink * (given.high[j] if state > 0 else given.low[j])
    system[-1, :m], system[-1, -1], right[-1] = -signed, margin, error
    solution = np.linalg.solve(system, right)
    return solution[:m], solution[m : 2 * m], solution[-1]


def is_solution(given, weight, states, z, y):
    shrink, states = 1.0 - weight, np.array(states)
    inside = (shrink * given.low <= y) & (y <= shrink * given.high)
    at_bound = (states * z >= 0.0) & (np.abs(z) <= shrink * given.reach)
    beyond = states * y >= 0.0
    kind = np.abs(states)
    return bool(np.all(np.choose(kind, [inside, at_bound, beyond])))


def allowed(given):
    """States that each coordinate may have: the bounds it has."""
    for j, (low, high) in enumerate(zip(given.low, given.high, strict=True)):
        sides = [s for s, bound in ((-1, low), (1, high)) if np.isfinite(bound)]
        yield [0, *sides, *(2 * s for s in sides if j < given.n_active)]


def test_the_only_solution_of_all():
    changes, returns = 0, 0
    for seed in range(60):
        given, tableau, effect, weight, margin, error = problem(2, 4, seed)
        solutions = []
        for states in product(*allowed(given)):
            z, y, e = respond(given, tableau, effect, weight, margin, error, states)
            if is_solution(given, weight, states, z, y):
                solutions.append((e, states))
        errors = np.array([error])
        args = np.array([weight]), np.array([margin]), errors
        found = remove_rows(given, effect[None], *args)
        assert len(solutions) == 1
        assert found[0]
        np.testing.assert_allclose(errors[0], solutions[0][0], rtol=1e-9)
        changes += any(solutions[0][1])
        returns += any(abs(state) == 2 for state in solutions[0][1])
    assert changes > 20
    assert returns > 0


def test_nothing_changes_where_nothing_has_to():
    given, _, effect, weight, *_ = problem(3, 6, seed=0)
    errors = np.array([1e-3, -2e-3])
    roomy = given._replace(tilt=np.zeros(6), base=np.sign(given.base) * 0.5)
    found = remove_rows(
        roomy,
        np.array([effect, -effect]),
        np.full(2, weight),
        np.array([0.5, 0.25]),
        errors,
    )
    assert found.all()
    np.testing.assert_allclose(errors, [2e-3, -8e-3], rtol=1e-12)


@pytest.mark.parametrize("n_rows", [0, 1])
def test_without_coordinates(n_rows):
    nothing = np.zeros(0)
    given = Coordinates(0, np.zeros((0, 0)), *[nothing] * 5)
    errors = np.full(n_rows, 3.0)
    row = np.full(n_rows, 0.5)
    assert remove_rows(given, np.zeros((n_rows, 0)), row, row, errors).all()
    assert list(errors) == [6.0] * n_rows


def test_a_row_without_which_the_rest_is_singular_is_given_up():
    given, _, effect, weight, *_ = problem(3, 6, seed=0)
    errors = np.array([1.0])
    least = 0.5 * row_removal.LEAST_MARGIN
    found = remove_rows(given, effect[None], np.array([weight]), np.array([least]), errors)
    assert not found[0]
    assert errors[0] == 1.0 / least
