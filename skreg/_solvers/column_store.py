"""The columns of a stream: what is kept of each, without a vector as long as X is wide.

Up to `DENSE_LIMIT` columns in all models the slot of a column is the column itself.
Beyond, columns get slots as they are seen (`_kernels/column_table.py`), and memory grows
with those.
"""

import numpy as np

from skreg._kernels.column_table import FREE, intern
from skreg._kernels.rows import SparseRows, make_rows

DENSE_LIMIT = 2**24
BLOCK = 2**16  # columns looked up between two looks at the size of the table
SMALLEST_TABLE = 2**10


class ColumnStore:
    """State of columns by slots.

    Parameters
    ----------
    n_features : int
        Columns of X.
    n_fields, n_models : int
        Numbers kept of a column.

    Attributes
    ----------
    state : ndarray of shape (n_rooms, n_fields, n_models)
        Zero for columns not seen.
    is_dense : bool
        Whether the slot of a column is the column itself.
    is_narrow : bool
        Whether a vector as long as X is wide may be made.
    """

    def __init__(self, n_features, n_fields, n_models):
        self.n_features = n_features
        self.is_narrow = n_features <= DENSE_LIMIT
        self.is_dense = n_features * n_models <= DENSE_LIMIT
        n_rooms = n_features if self.is_dense else SMALLEST_TABLE
        self.state = np.zeros((n_rooms, n_fields, n_models))
        self._forget_columns()

    def _forget_columns(self):
        n_places = 0 if self.is_dense else 2 * SMALLEST_TABLE
        self._keys = np.full(n_places, FREE)
        self._slots = np.zeros(n_places, np.int64)
        self._seen = np.zeros(0 if self.is_dense else len(self.state), np.int64)
        self._n_seen = 0

    @property
    def n_slots(self):
        """Slots in use."""
        return self.n_features if self.is_dense else self._n_seen

    def columns(self):
        """The column of each slot in use."""
        return np.arange(self.n_features) if self.is_dense else self._seen[: self._n_seen]

    def rows_of(self, X):
        """X as kernels read it, with slots in place of columns."""
        if self.is_dense:
            return make_rows(X, X.dtype, np.int32)
        if isinstance(X, np.ndarray):
            rows = _stored_entries(X)
        else:
            rows = make_rows(X, X.dtype, X.indices.dtype)
        return rows._replace(indices=self.slots_of(rows.indices))

    def slots_of(self, columns):
        """The slot of each column, a new one if it has none."""
        if self.is_dense:
            return columns
        out = np.empty(len(columns), np.int32)
        for start in range(0, len(columns), BLOCK):
            part = slice(start, start + BLOCK)
            self._make_room(len(columns[part]))
            wanted = columns[part].astype(np.int64)
            self._n_seen = self._intern(wanted, out[part])
        return out

    def _intern(self, columns, out):
        shift = np.uint64(64 - (len(self._keys).bit_length() - 1))
        return intern(
            columns, self._keys, self._slots, shift, self._n_seen, out, self._seen
        )

    def _make_room(self, n_more):
        needed = self._n_seen + n_more
        if needed > len(self._seen):
            n_rooms = max(needed, 2 * len(self._seen))
            state = np.zeros((n_rooms, *self.state.shape[1:]))
            state[: self._n_seen] = self.state[: self._n_seen]
            seen = np.zeros(n_rooms, np.int64)
            seen[: self._n_seen] = self._seen[: self._n_seen]
            self.state, self._seen = state, seen
        if 2 * needed > len(self._keys):
            n_places = 1 << (4 * needed - 1).bit_length()
            columns, self._n_seen = self.columns(), 0
            self._keys = np.full(n_places, FREE)
            self._slots = np.zeros(n_places, np.int64)
            self._n_seen = self._intern(columns, np.empty(len(columns), np.int32))

    def __getstate__(self):
        """Only columns that are not zero."""
        state = self.state[: self.n_slots]
        used = np.flatnonzero(state.any(axis=(1, 2)))
        shape = (self.n_features, *state.shape[1:])
        return {"shape": shape, "columns": self.columns()[used], "state": state[used]}

    def __setstate__(self, kept):
        ColumnStore.__init__(self, *kept["shape"])
        slots = self.slots_of(kept["columns"])
        self.state[slots] = kept["state"]


def _stored_entries(X):
    """Dense rows as sparse ones."""
    row, column = np.nonzero(X)
    indptr = np.searchsorted(row, np.arange(len(X) + 1))
    return SparseRows(X[row, column], column, indptr, X.shape[1])
