"""Which columns have been seen, and the slot of each: a hash table with linear probing.

`keys` has a power of two of places, at most half of them taken; `FREE` marks the others.
The slot of a column is its number in the order in which columns were first seen.
"""

import numpy as np

from skreg._compile import inlined, jit
from skreg._kernels.random_bits import GOLDEN

FREE = -1


@inlined(strict=True)
def _place(keys, shift, column):
    """Where a column is, or the free place where it belongs."""
    place = np.int64((np.uint64(column) * GOLDEN) >> shift)
    while keys[place] != column and keys[place] != FREE:
        place = (place + 1) & (keys.size - 1)
    return place


@jit(strict=True)
def intern(columns, keys, slots, shift, n_slots, out, seen):
    """Slots of columns; those not seen before get the next ones.

    Parameters
    ----------
    columns : ndarray of int64 of shape (n,)
    keys, slots : ndarrays of int64 of shape (n_places,)
        The table; changed. At least n + n_slots places must be free.
    shift : uint64
        64 less the binary logarithm of n_places.
    n_slots : int
        Columns seen so far.
    out : ndarray of int32 of shape (n,)
    seen : ndarray of int64 of shape (n_slots + n,) at least
        The column of each slot; changed.

    Returns
    -------
    int
        Columns seen now.
    """
    for position in range(columns.size):
        column = columns[position]
        place = _place(keys, shift, column)
        if keys[place] == FREE:
            keys[place] = column
            slots[place] = n_slots
            seen[n_slots] = column
            n_slots += 1
        out[position] = slots[place]
    return n_slots
