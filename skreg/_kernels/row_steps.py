"""Rows of coefficients on the way to a solution: how far they are, and where a step leads.

In the notation of :mod:`skreg._solvers.row_support`, one pass over the rows each.
"""

import numpy as np

from skreg._compile import jit
from skreg._kernels.group_cd import row_norm


@jit
def look_at_rows(coef, gradient, l1, l2, features, size, direction, right, excess):
    """How far all rows are from optimality.

    Parameters
    ----------
    coef, gradient : ndarray of shape (n_rows, n_targets)
    l1, l2 : float
    features, size : ndarray of shape (n_rows,)
        Written, a place for each row that is not zero: which one, and its norm.
    direction, right : ndarray of shape (n_rows, n_targets)
        Written, as `features`: the row divided by its norm, and minus the gradient of the
        objective there.
    excess : ndarray of shape (n_rows,)
        Written for all rows: by how much a gradient is too long for a row that is zero;
        zero for the others.

    Returns
    -------
    count : int
        Number of rows that are not zero.
    left : float
        Largest norm of the rows of `right`.
    """
    count, left = 0, 0.0
    for j in range(coef.shape[0]):
        length = row_norm(coef, j)
        if length == 0.0:
            excess[j] = row_norm(gradient, j) - l1
            continue
        excess[j] = 0.0
        features[count], size[count] = j, length
        for k in range(coef.shape[1]):
            unit = coef[j, k] / length
            direction[count, k] = unit
            right[count, k] = gradient[j, k] - l1 * unit - l2 * coef[j, k]
        left = max(left, row_norm(right, count))
        count += 1
    return count, left


@jit
def step_rows(
    coef, gradient, features, size, direction, newton, known, threshold, length, moved
):
    """Go along Newton's direction for v_j, of which the rows are the proximal operator.

    Parameters
    ----------
    coef, gradient : ndarray of shape (n_features, n_targets)
    features, size : ndarray of shape (n_rows,)
    direction, newton : ndarray of shape (n_rows, n_targets)
    known : ndarray of shape (n_rows,)
        The norms with which Newton's direction was computed.
    threshold : ndarray of shape (n_rows,)
        t_j l1.
    length : float
    moved : ndarray of shape (n_rows, n_targets)
        Written: the change of the rows.

    Returns
    -------
    total, squares : float
        By how much the sum of the norms changes, and that of their squares.
    product : float
        Of `moved` and the gradient.
    """
    total, squares, product = 0.0, 0.0, 0.0
    for place in range(features.size):
        j, bound = features[place], threshold[place]
        along = 0.0
        for k in range(newton.shape[1]):
            along += direction[place, k] * newton[place, k]
        beyond = size[place] + length * along
        stretch = length * (1.0 + bound / known[place])
        for k in range(newton.shape[1]):
            across = newton[place, k] - along * direction[place, k]
            moved[place, k] = stretch * across
        turn = row_norm(moved, place)
        norm = np.hypot(bound + beyond, turn)
        # norm - bound, without cancellation
        after = beyond * ((2.0 * bound + beyond) / (norm + bound))
        after = max(after + turn * (turn / (norm + bound)), 0.0)
        share = after / norm if after > 0.0 else 0.0
        for k in range(newton.shape[1]):
            point = share * ((bound + beyond) * direction[place, k] + moved[place, k])
            moved[place, k] = point - coef[j, k]
            product += moved[place, k] * gradient[j, k]
        total += after - size[place]
        squares += (after - size[place]) * (after + size[place])
    return total, squares, product
