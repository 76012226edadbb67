"""Rows to train on and rows to validate on."""

from typing import Any, NamedTuple

import numpy as np
from sklearn.utils.validation import validate_data

from skreg._validation import FLOATS
from skreg.mlp._network import make_sample


class Data(NamedTuple):
    """Checked rows; those of weight zero are gone."""

    X: Any  # ndarray or CSR
    y: np.ndarray  # as scorers want it: labels or numbers, (n,) or (n, n_outputs)
    target: np.ndarray  # as losses want it, (n, n_outputs)
    weight: np.ndarray  # (n,), positive

    def part(self, rows):
        """Some of the rows."""
        return Data(self.X[rows], self.y[rows], self.target[rows], self.weight[rows])

    def sample(self, dtype):
        """The rows as kernels read them."""
        return make_sample(self.X, self.target, self.weight, dtype)


def read_X_y(model, X, y, *, reset, numeric):
    """Checked X and y; X in the dtype of the computation unless that continues another.

    Parameters
    ----------
    model : estimator with a parameter `dtype`
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    reset : bool
        Whether X defines `n_features_in_`.
    numeric : bool
        Whether y are numbers.

    Returns
    -------
    X : ndarray or CSR
    y : ndarray
    """
    X, y = validate_data(
        model,
        X,
        y,
        accept_sparse=["csr", "csc"],
        dtype=FLOATS if model.dtype is None else np.dtype(model.dtype),
        multi_output=True,
        y_numeric=numeric,
        reset=reset,
    )
    X = X if isinstance(X, np.ndarray) else X.tocsr()
    return X, y if isinstance(y, np.ndarray) else y.toarray()


def check_outputs(data, validation):
    """Refuse validation rows with another number of outputs."""
    if validation is not None and validation.target.shape[1] != data.target.shape[1]:
        raise ValueError(
            f"y_val has {validation.target.shape[1]} outputs, y has "
            f"{data.target.shape[1]}; they must be the same."
        )
