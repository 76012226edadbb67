"""How signs and support change when a row is left out: one small problem for each row.

The coordinates y_j of row i, first `n_active` coefficients that are not zero, then the
gradients of coefficients that are, answer to multipliers z and the prediction error e by

    y = base + omega_i tilt - omega_i e effect_i - tableau z
    margin_i e = error_i + sum_{j < n_active} effect_ij z_j - sum_{other j} effect_ij z_j

and either z_j = 0 and low_j <= y_j <= high_j, or y_j is at one of these bounds and z_j
has its sign. The bounds are those of the objective with row i, hence times 1 - omega_i,
and so is `reach`: a coefficient whose |z_j| is beyond it comes back with the other sign.

The tableau is a principal pivot of a positive definite matrix, so that there is one
solution. It is found by block principal pivoting: all coordinates that violate something
change, and, should that go on for long, only the last of them (Murty's rule), which
cannot cycle. References: Júdice and Pires, A block principal pivoting algorithm for
large-scale strictly monotone linear complementarity problems, Computers and Operations
Research, 1994.
"""

from typing import NamedTuple

import numpy as np

from skreg._compile import inlined, jit

# Rounds of changing all violated coordinates, and rounds in all.
BLOCK_ROUNDS, ALL_ROUNDS = 10, 100
# More changed coordinates than this are not followed.
MAX_CHANGED = 200
# Bounds may be violated by this part of the size of a coordinate.
ROUNDING = 1e-9


class Coordinates(NamedTuple):
    """What all rows have in common."""

    n_active: int
    tableau: np.ndarray  # (m, m)
    base: np.ndarray  # (m,), as all others
    tilt: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reach: np.ndarray


class Work(NamedTuple):
    """What is written for each row."""

    state: np.ndarray  # (m,), int: -1 and 1 at the lower and upper bound, else 0
    changed: np.ndarray  # (m,), int: where it is not 0
    response: np.ndarray  # (m,): y
    matrix: np.ndarray  # (MAX_CHANGED + 1, MAX_CHANGED + 1)
    right: np.ndarray  # (MAX_CHANGED + 1,): z of the changed ones, then e


@inlined
def eliminate(matrix, right, size):
    """Solve matrix x = right in place by elimination with pivoting; False if singular."""
    for k in range(size):
        pivot = k
        for i in range(k + 1, size):
            if abs(matrix[i, k]) > abs(matrix[pivot, k]):
                pivot = i
        if matrix[pivot, k] == 0.0:
            return False
        if pivot != k:
            for j in range(k, size):
                matrix[k, j], matrix[pivot, j] = matrix[pivot, j], matrix[k, j]
            right[k], right[pivot] = right[pivot], right[k]
        for i in range(k + 1, size):
            factor = matrix[i, k] / matrix[k, k]
            for j in range(k + 1, size):
                matrix[i, j] -= factor * matrix[k, j]
            right[i] -= factor * right[k]
    for k in range(size - 1, -1, -1):
        for j in range(k + 1, size):
            right[k] -= matrix[k, j] * right[j]
        right[k] /= matrix[k, k]
    return True


@inlined
def revise(given, weight, work, all_at_once):
    """Change the states that are wrong, or only the last of them; how many there were."""
    n_wrong, last, last_state, position = 0, 0, 0, 0
    for j in range(work.state.size):
        old = work.state[j]
        new = old
        if old != 0:
            if old * work.right[position] < 0.0:
                new = 0
            position += 1
        else:
            slack = ROUNDING * abs(given.base[j])
            if work.response[j] < (1.0 - weight) * given.low[j] - slack:
                new = -1
            elif work.response[j] > (1.0 - weight) * given.high[j] + slack:
                new = 1
        if new != old:
            n_wrong += 1
            last, last_state = j, new
            if all_at_once:
                work.state[j] = new
    if n_wrong > 0:
        work.state[last] = last_state
    return n_wrong


@inlined
def solve_changed(given, weight, effect, error, margin, size, work):
    """Multipliers of the changed coordinates and the error, then y; False if singular."""
    for a in range(size):
        j = work.changed[a]
        for b in range(size):
            work.matrix[a, b] = given.tableau[j, work.changed[b]]
        work.matrix[a, size] = weight * effect[j]
        work.matrix[size, a] = -effect[j] if j < given.n_active else effect[j]
        bound = given.high[j] if work.state[j] > 0 else given.low[j]
        work.right[a] = given.base[j] + weight * given.tilt[j] - (1.0 - weight) * bound
    work.matrix[size, size], work.right[size] = margin, error
    if not eliminate(work.matrix, work.right, size + 1):
        return False
    for j in range(effect.size):
        total = given.base[j] + weight * (given.tilt[j] - work.right[size] * effect[j])
        for a in range(size):
            total -= given.tableau[j, work.changed[a]] * work.right[a]
        work.response[j] = total
    return True


@inlined
def list_changed(work):
    """Fill `changed`; how many there are."""
    size = 0
    for j in range(work.state.size):
        if work.state[j] != 0:
            work.changed[size] = j
            size += 1
    return size


@inlined
def settle(given, weight, effect, error, margin, work):
    """Find the states of one row; False if that failed. The error is left in `right`."""
    work.state[:] = 0
    size = 0
    for t in range(ALL_ROUNDS):
        if size > MAX_CHANGED or not solve_changed(
            given, weight, effect, error, margin, size, work
        ):
            return False
        if revise(given, weight, work, t < BLOCK_ROUNDS) == 0:
            for a in range(size):
                reach = (1.0 - weight) * given.reach[work.changed[a]]
                if abs(work.right[a]) > reach:
                    return False
            return True
        size = list_changed(work)
    return False


@jit
def remove_rows(given, effects, weights, margin, error):
    """Prediction errors at rows that are left out; the first line of this file says how.

    Parameters
    ----------
    given : Coordinates
    effects : ndarray of shape (n_rows, m)
    weights, margin : ndarray of shape (n_rows,)
    error : ndarray of shape (n_rows,)
        Overwritten by e, or by error / margin where no solution was found.

    Returns
    -------
    ndarray of bool of shape (n_rows,)
        Where one was found.
    """
    n_rows, size = effects.shape
    found = np.empty(n_rows, dtype=np.bool_)
    capacity = min(size, MAX_CHANGED) + 1
    work = Work(
        np.empty(size, dtype=np.int64),
        np.empty(size, dtype=np.int64),
        np.empty(size),
        np.empty((capacity, capacity)),
        np.empty(capacity),
    )
    for i in range(n_rows):
        found[i] = settle(given, weights[i], effects[i], error[i], margin[i], work)
        if found[i]:
            error[i] = work.right[list_changed(work)]
        else:
            error[i] /= margin[i]
    return found
