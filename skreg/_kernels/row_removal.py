"""How signs and support change when a row is left out: one small problem for each row.

The coordinates y_j of row i, first `n_active` coefficients that are not zero, then the
gradients of coefficients that are, answer to multipliers z and the prediction error e by

    y = base + omega_i tilt - omega_i e effect_i - tableau z
    margin_i e = error_i + sum_{j < n_active} effect_ij z_j - sum_{other j} effect_ij z_j

and either z_j = 0 and low_j <= y_j <= high_j, or y_j is at one of these bounds and z_j
has its sign. The bounds are those of the objective with row i, hence times 1 - omega_i,
and so is `reach`: once |z_j| is that large, the coefficient comes back with the other
sign, z_j stays where it is and y_j goes beyond the bound.

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

# Rounds of changing all wrong coordinates without having fewer of them, and rounds in all.
CHANCES, ALL_ROUNDS = 3, 50
# More changed coordinates than this are not followed.
MAX_CHANGED = 64
# A pivot below this fraction of its diagonal entry: columns are dependent.
DEPENDENT = 1e-9
# With the changes made a row must not have a larger leverage than 1 minus this.
LEAST_MARGIN = 1e-4
# Which wrong states are changed.
NONE, LAST, ALL = 0, 1, 2
# Bounds may be violated by this part of the size of a coordinate.
ROUNDING = 1e-9


class Coordinates(NamedTuple):
    """What all rows have in common."""

    n_active: int
    columns: np.ndarray  # (m, m), the transpose of the tableau
    base: np.ndarray  # (m,), as all others
    tilt: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reach: np.ndarray


class Work(NamedTuple):
    """What is written for each row."""

    state: np.ndarray  # (m,), int: -1, 1 at the lower, upper bound, -2, 2 beyond, else 0
    changed: np.ndarray  # (m,), int: which are at a bound
    response: np.ndarray  # (m,): y
    matrix: np.ndarray  # (MAX_CHANGED + 2, MAX_CHANGED + 2)
    right: np.ndarray  # (MAX_CHANGED + 2,): z of the changed ones, then e


@inlined
def eliminate(matrix, right, size):
    """Solve matrix x = right in place; False if that is too close to singular.

    The pivots of all but the last row are those of a tableau, positive in any order; the
    last one is 1 - leverage with the changes made.
    """
    for k in range(size):
        least = DEPENDENT * matrix[size, k] if k < size - 1 else LEAST_MARGIN
        if not matrix[k, k] > least:
            return False
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
def revised(old, multiplier, response, low, high, reach, slack):
    """The state of a coordinate that its sign asks for."""
    if old == 0:
        if response < low - slack:
            return -1
        return 1 if response > high + slack else 0
    if abs(old) == 1:
        if old * multiplier < 0.0:
            return 0
        return 2 * old if abs(multiplier) > reach else old
    return old // 2 if old * response < -slack else old


@inlined
def revise(given, shrink, work, how):
    """Change the states that are wrong: NONE, LAST or ALL of them; how many there were."""
    n_wrong, last, last_state, position = 0, 0, 0, 0
    for j in range(work.state.size):
        old = work.state[j]
        new = revised(
            old,
            work.right[position],
            work.response[j],
            shrink * given.low[j],
            shrink * given.high[j],
            shrink * given.reach[j],
            ROUNDING * abs(given.base[j]),
        )
        if abs(old) == 1:
            position += 1
        if new != old:
            n_wrong += 1
            last, last_state = j, new
            if how == ALL:
                work.state[j] = new
    if how == LAST:
        work.state[last] = last_state
    return n_wrong


@inlined
def subtract_column(given, j, multiplier, work):
    """What z_j does to y."""
    column = given.columns[j]
    for i in range(work.response.size):
        work.response[i] -= multiplier * column[i]


@inlined
def start_response(given, weight, effect, error, work):
    """y at e = 0 and with the multipliers that stay where they are; the error by them."""
    for j in range(effect.size):
        work.response[j] = given.base[j] + weight * given.tilt[j]
    for j in range(given.n_active):
        if abs(work.state[j]) == 2:
            multiplier = 0.5 * work.state[j] * (1.0 - weight) * given.reach[j]
            subtract_column(given, j, multiplier, work)
            error += effect[j] * multiplier
    return error


@inlined
def solve_changed(given, weight, effect, error, margin, size, work):
    """Multipliers of the changed coordinates and the error, then y; False if singular."""
    work.right[size] = start_response(given, weight, effect, error, work)
    for a in range(size):
        j = work.changed[a]
        for b in range(size):
            work.matrix[a, b] = given.columns[work.changed[b], j]
        work.matrix[size + 1, a] = work.matrix[a, a]  # what pivots are compared with
        work.matrix[a, size] = weight * effect[j]
        work.matrix[size, a] = -effect[j] if j < given.n_active else effect[j]
        bound = given.high[j] if work.state[j] > 0 else given.low[j]
        work.right[a] = work.response[j] - (1.0 - weight) * bound
    work.matrix[size, size] = margin
    if not eliminate(work.matrix, work.right, size + 1):
        return False
    for j in range(effect.size):
        work.response[j] -= weight * work.right[size] * effect[j]
    for a in range(size):
        subtract_column(given, work.changed[a], work.right[a], work)
    return True


@inlined
def list_changed(work):
    """Fill `changed`; how many there are."""
    size = 0
    for j in range(work.state.size):
        if abs(work.state[j]) == 1:
            work.changed[size] = j
            size += 1
    return size


@inlined
def settle(given, weight, effect, error, margin, work):
    """Find the states of one row; False if that failed. The error is left in `right`."""
    work.state[:] = 0
    size, fewest, chances = 0, effect.size + 1, CHANCES
    for _ in range(ALL_ROUNDS):
        if size > MAX_CHANGED or not solve_changed(
            given, weight, effect, error, margin, size, work
        ):
            return False
        n_wrong = revise(given, 1.0 - weight, work, NONE)
        if n_wrong == 0:
            return True
        if n_wrong < fewest:
            fewest, chances = n_wrong, CHANCES + 1
        chances -= 1
        revise(given, 1.0 - weight, work, ALL if chances > 0 else LAST)
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
    capacity = min(size, MAX_CHANGED) + 2
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
