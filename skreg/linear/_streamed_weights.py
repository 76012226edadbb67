"""`coef_` and `intercept_` of models that learn from streams, read when asked for."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import check_is_fitted

from skreg._validation import check_start
from skreg.exceptions import start_mismatch
from skreg.linear._wide_coef import csr_rows, dense_rows


class StreamedWeights:
    """Attributes that are read from `_stream`, and what can be done with them.

    `_stream` is what is learnt, None if that was dropped; `_shown` the weights as they were
    last read from it or assigned, None if they have to be read: a list of `coef_` for every
    alpha, and an array of `intercept_` for every alpha.
    """

    alphas_: np.ndarray
    n_features_in_: int
    _dtype: Any
    _learnt_with: Any
    _shown: Any
    _stream: Any
    _chosen: Callable[[], int]
    _shaped: Callable[[np.ndarray], np.ndarray]

    def _read_weights(self):
        if self._shown is None:
            columns, coef, intercept = self._stream.weights(self._learnt_with)
            n_alphas = len(self.alphas_)
            parts = np.split(coef, n_alphas, axis=1)
            n_features = self.n_features_in_
            if self._stream.columns.is_narrow:
                coefs = [dense_rows(columns, p, n_features, self._dtype) for p in parts]
                coefs = [self._shaped(rows) for rows in coefs]
            else:
                coefs = [csr_rows(columns, p, n_features, self._dtype) for p in parts]
            intercepts = intercept.astype(self._dtype).reshape(n_alphas, -1)
            self._shown = coefs, intercepts
            self._freeze()
        return self._shown

    def _freeze(self):
        """What is changed in place would not be learnt from: it has to be assigned."""
        coefs, intercepts = self._shown
        intercepts.flags.writeable = False
        for coef in coefs:
            numbers = coef.data if sparse.issparse(coef) else coef
            numbers.flags.writeable = False

    def _weights_at(self, alpha):
        """coef_ and intercept_ at one of the alphas; None: at the chosen one."""
        check_is_fitted(self)
        coefs, intercepts = self._read_weights()
        index = self._chosen() if alpha is None else self._index_of(alpha)
        return coefs[index], intercepts[index]

    def _index_of(self, alpha):
        found = np.flatnonzero(np.isclose(self.alphas_, alpha, rtol=1e-12, atol=0.0))
        if len(found) == 0:
            raise ValueError(
                f"alpha={alpha!r} is not one of the alphas learnt, {self.alphas_.tolist()}."
            )
        return int(found[0])

    def _assign(self, coefs, intercepts):
        self._shown, self._stream = (coefs, intercepts), None

    def _attribute(self, name, index):
        if "_shown" not in vars(self):
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute {name!r} before fit"
            )
        return self._weights_at(None)[index]

    @property
    def coef_(self):
        """Weights, at the chosen alpha."""
        return self._attribute("coef_", 0)

    @coef_.setter
    def coef_(self, coef):
        self._assign([coef] * len(self.alphas_), self._read_weights()[1])

    @property
    def intercept_(self):
        """Intercepts, at the chosen alpha."""
        return self._attribute("intercept_", 1)

    @intercept_.setter
    def intercept_(self, intercept):
        intercepts = np.tile(np.atleast_1d(intercept), (len(self.alphas_), 1))
        self._assign(self._read_weights()[0], intercepts)

    @property
    def coef_path_(self):
        """`coef_` at every alpha: an array, or a list if they are sparse."""
        coefs = self._read_weights()[0]
        return list(coefs) if sparse.issparse(coefs[0]) else np.stack(coefs)

    @property
    def intercept_path_(self):
        """`intercept_` at every alpha, (n_alphas, n_outputs)."""
        return self._read_weights()[1]

    def sparsify(self):
        """Keep the non-zero weights only, as CSR matrices.

        What the solver knows of columns besides their weights is dropped: `partial_fit`
        then starts from these weights with fresh learning rates.

        Returns
        -------
        self : object
        """
        check_is_fitted(self)
        coefs, intercepts = self._read_weights()
        if not sparse.issparse(coefs[0]):
            rows = [np.atleast_2d(coef) for coef in coefs]
            every = np.arange(self.n_features_in_)
            coefs = [csr_rows(every, row.T, row.shape[1], row.dtype) for row in rows]
        self._assign(coefs, intercepts)
        return self

    def densify(self):
        """Weights as ndarrays again, as long as X is wide.

        Returns
        -------
        self : object
        """
        check_is_fitted(self)
        coefs, intercepts = self._read_weights()
        if sparse.issparse(coefs[0]):
            self._shown = [self._shaped(coef.toarray()) for coef in coefs], intercepts
            self._freeze()
        return self

    def _start_at(self, coefs, intercepts):
        """Let the stream begin at weights and intercepts for every alpha."""
        n_outputs = len(self._stream.shares) // len(self.alphas_)
        columns, values = _by_column(coefs, (n_outputs, self.n_features_in_))
        rows = [
            np.zeros((1, n_outputs))
            if row is None
            else check_start(row, (1, n_outputs), "intercept_init")
            for row in intercepts
        ]
        self._stream.start_at(self._learnt_with, columns, values, np.hstack(rows)[0])

    def __getstate__(self):
        state: Any = super().__getstate__()
        if state.get("_stream") is not None:
            state["_shown"] = None
        return state


def _by_column(coefs, shape):
    """Columns that are not zero, and their weights in all models, (n_columns, n_models)."""
    if coefs[0] is None:
        return np.zeros(0, np.int64), np.zeros((0, shape[0] * len(coefs)))
    if not sparse.issparse(coefs[0]):
        rows = [check_start(coef, shape, "coef_init") for coef in coefs]
        return np.arange(shape[1]), np.vstack(rows).T
    for coef in coefs:
        if coef.shape != shape:
            raise ValueError(start_mismatch("coef_init", coef.shape, shape))
    entries = sparse.vstack(coefs).tocoo()
    assert_all_finite(entries.data, input_name="coef_init")
    columns, position = np.unique(entries.col, return_inverse=True)
    values = np.zeros((len(columns), entries.shape[0]))
    np.add.at(values, (position, entries.row), entries.data)  # entries may be repeated
    return columns.astype(np.int64), values
