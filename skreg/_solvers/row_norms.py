"""Norms of rows of any size, and what is made of them."""

import numpy as np

# Sums of squares of this size have lost nothing.
SAFE = 1e-200, 1e280


def row_norms(rows):
    """Euclidean norm of each row; rows are divided by their largest entries where squares
    would leave the range of numbers.
    """
    with np.errstate(over="ignore"):
        squares = np.vecdot(rows, rows)
    largest = float(squares.max(initial=0.0))
    if SAFE[0] < largest < SAFE[1] or not rows.any():
        return np.sqrt(squares)
    units = np.abs(rows).max(axis=1)
    units[units == 0.0] = 1.0
    scaled = rows / units[:, None]
    return units * np.sqrt(np.vecdot(scaled, scaled))


def norm(array):
    """Euclidean norm of all entries."""
    return row_norms(array.reshape(1, -1))[0]


def proximal(rows, thresholds):
    """Rows that are shorter by a threshold each, or zero."""
    size = row_norms(rows)
    share = np.divide(thresholds, size, out=np.ones_like(size), where=size > thresholds)
    return (1.0 - share)[:, None] * rows


def inner(left, right):
    """Inner product of each row of `left` with that of `right`."""
    return np.vecdot(left, right)
