"""Coefficients of more columns than a vector should have, and predictions with them."""

import numpy as np
from scipy import sparse
from sklearn import get_config

BLOCK = 2**22  # stored entries of X at a time


def csr_rows(columns, coef, n_features, dtype):
    """A CSR matrix (n_models, n_features) of the weights that are not zero.

    Parameters
    ----------
    columns : ndarray of int of shape (n,)
    coef : ndarray of shape (n, n_models)
    n_features : int
    dtype : dtype
    """
    order = np.argsort(columns, kind="stable")
    values = coef[order].T
    model, position = np.nonzero(values)
    indptr = np.searchsorted(model, np.arange(len(values) + 1))
    data = values[model, position].astype(dtype)
    parts = (data, columns[order][position], indptr)
    shape = (len(values), n_features)
    if get_config().get("sparse_interface") == "sparray":
        return sparse.csr_array(parts, shape=shape)
    return sparse.csr_matrix(parts, shape=shape)


def dense_rows(columns, coef, n_features, dtype):
    """The same as an ndarray, zeros included."""
    if np.array_equal(columns, np.arange(n_features)):
        return coef.T.astype(dtype, order="C")
    rows = np.zeros((coef.shape[1], n_features), dtype)
    rows[:, columns] = coef.T
    return rows


def product(X, coef):
    """X @ coef.T as an ndarray of shape (n_samples, n_models).

    With sparse `coef`, memory is that of blocks of the entries of X: scipy's product would
    make a vector as long as X is wide.
    """
    if not sparse.issparse(coef):
        eta = X @ coef.T
        return eta.toarray() if sparse.issparse(eta) else eta
    if not sparse.issparse(X):
        return np.asarray(coef.dot(X.T)).T
    out = np.zeros((X.shape[0], coef.shape[0]), np.result_type(X.dtype, coef.dtype))
    for model in range(coef.shape[0]):
        part = slice(coef.indptr[model], coef.indptr[model + 1])
        _add_product(X, coef.indices[part], coef.data[part], out[:, model])
    return out


def _add_product(X, columns, values, out):
    """out += X[:, columns] @ values, for ascending columns."""
    if len(columns) == 0:
        return
    first = 0
    while first < len(out):
        end = X.indptr[first] + BLOCK
        last = max(int(np.searchsorted(X.indptr, end, "right")) - 1, first + 1)
        _add_block(X, columns, values, first, last, out)
        first = last


def _add_block(X, columns, values, first, last, out):
    """The same for some rows."""
    entries = slice(X.indptr[first], X.indptr[last])
    wanted = X.indices[entries]
    position = np.minimum(np.searchsorted(columns, wanted), len(columns) - 1)
    terms = np.where(columns[position] == wanted, values[position] * X.data[entries], 0.0)
    row = np.repeat(np.arange(last - first), np.diff(X.indptr[first : last + 1]))
    out[first:last] += np.bincount(row, terms, minlength=last - first)
