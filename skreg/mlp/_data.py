"""Rows to train on and rows to validate on."""

import contextlib
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.validation import validate_data

from skreg._validation import FLOATS, check_sample_weight
from skreg.mlp._network import make_sample


class Data(NamedTuple):
    """Checked rows."""

    X: Any  # ndarray or CSR
    y: np.ndarray  # as scorers want it: labels or numbers, (n,) or (n, n_outputs)
    target: np.ndarray  # as losses want it, (n, n_outputs)
    weight: np.ndarray  # (n,), positive
    groups: np.ndarray | None = None  # (n,): rows of a group are held out together

    def part(self, rows):
        """Some of the rows."""
        return Data._make(None if values is None else values[rows] for values in self)

    def weighted(self, sample_weight):
        """The rows with weights, if any are given, without those of weight zero."""
        weight = check_sample_weight(sample_weight, len(self.y), scalar=True)
        if weight is None:
            return self
        data = self._replace(weight=weight)
        return data if np.all(weight > 0.0) else data.part(np.flatnonzero(weight))

    def sample(self, dtype):
        """The rows as kernels read them."""
        return make_sample(self.X, self.target, self.weight, dtype)


def read_rows(model, X, y, sample_weight, groups=None, *, reset, numeric):
    """Checked rows of positive weight, with y as their target.

    X is in the dtype of the computation, unless that continues another.

    Parameters
    ----------
    model : estimator with a parameter `dtype`
    X : array-like or sparse matrix of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_outputs)
    sample_weight : float, array-like of shape (n_samples,) or None
    groups : array-like of shape (n_samples,) or None
    reset : bool
        Whether X defines `n_features_in_`.
    numeric : bool
        Whether y are numbers.

    Returns
    -------
    Data
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
    y = y if isinstance(y, np.ndarray) else y.toarray()
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    groups = check_groups(groups, len(y))
    data = Data(X, y, y.reshape(len(y), -1), np.ones(len(y)), groups)
    return data.weighted(sample_weight)


def check_groups(groups, n_samples):
    """The number of each row's group, or None."""
    if groups is None:
        return None
    groups = check_array(groups, ensure_2d=False, dtype=None, input_name="groups")
    if groups.shape != (n_samples,):
        raise ValueError(
            f"groups has shape {groups.shape}; expected {(n_samples,)}, the group of each "
            "row of X."
        )
    try:
        return np.unique(groups, return_inverse=True)[1]
    except TypeError as error:
        raise ValueError(
            f"groups has labels of kinds that have no order ({error}); give numbers, or "
            "strings, for all rows."
        ) from error


@contextlib.contextmanager
def naming(arguments):
    """Errors about X, y and sample_weight say that others are meant."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"In {arguments}: {error}") from error


def check_validation(X, y, sample_weight, groups):
    """Refuse rows to validate on that are incomplete, or not the only ones."""
    rows = {"X_val": X, "y_val": y, "sample_weight_val": sample_weight}
    if X is None or y is None:
        given = next(name for name, values in rows.items() if values is not None)
        raise ValueError(
            f"X_val and y_val must be given together, or none of them; got {given} alone."
        )
    if groups is not None:
        raise ValueError(
            "groups says which rows early_stopping holds out together, and X_val replaces "
            "what it holds out; give one of them."
        )


def check_outputs(data, validation):
    """Refuse validation rows with another number of outputs."""
    if validation.target.shape[1] != data.target.shape[1]:
        raise ValueError(
            f"y_val has {validation.target.shape[1]} outputs, y has "
            f"{data.target.shape[1]}; they must be the same."
        )
