"""However the data are stored, the fit is the same and they stay unchanged."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from scipy import sparse

import skreg
from tests.contracts.estimators import (
    CASES,
    SELECTORS,
    assert_close,
    crossed,
    every_case,
    every_class,
    learned,
    make_data,
    sparsify,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning"),
    pytest.mark.filterwarnings("ignore:The 'svd' mode:FutureWarning"),
]


def read_only(array):
    array = np.array(array)
    array.flags.writeable = False
    return array


def memory_map(array, tmp_path, name):
    np.save(tmp_path / name, array)
    return np.load(tmp_path / name, mmap_mode="r")


def misaligned(array):
    shifted = np.empty(array.nbytes + 1, dtype=np.uint8)[1:]
    view = shifted.view(array.dtype).reshape(array.shape)
    view[...] = array
    return view


DENSE = {
    "C order": np.ascontiguousarray,
    "F order": np.asfortranarray,
    "every second row": lambda A: np.repeat(A, 2, axis=0)[::2],
    "every second column": lambda A: np.repeat(A, 2, axis=-1)[..., ::2],
    "reversed": lambda A: np.ascontiguousarray(A[::-1])[::-1],
    "read-only": read_only,
    "read-only, F order": lambda A: read_only(np.asfortranarray(A)),
    "misaligned": misaligned,
    "big endian": lambda A: A.astype(">f8"),
    "list": lambda A: A.tolist(),
    "object": lambda A: A.astype(object),
    "longdouble": lambda A: A.astype(np.longdouble),
    "pandas": lambda A: pd.DataFrame(A) if A.ndim > 1 else pd.Series(A),
    "pandas nullable": lambda A: (
        pd.DataFrame(A).astype("Float64") if A.ndim > 1 else pd.Series(A).astype("Float64")
    ),
}


def fit(case, X, y, sample_weight=None, **changes):
    return case.make(**changes).fit(X, y, sample_weight=sample_weight)


def rounded_data(case=None):
    """Numbers that float32 holds exactly, with targets for `case`."""
    X, y = make_data() if case is None else case.data()
    X, y = np.round(X, 1).astype(np.float32), np.round(y).astype(np.float32)
    weight = np.random.default_rng(3).integers(1, 4, size=len(y)).astype(float)
    return X.astype(float), y.astype(float), weight


@every_class
@pytest.mark.parametrize("store", DENSE.values(), ids=DENSE)
def test_dense_storage_of_features(case, store):
    X, y, weight = rounded_data(case)
    expected = learned(fit(case, X, y, weight, **case.tight))
    assert_close(learned(fit(case, store(X), y, weight, **case.tight)), expected, 1e-9)


@every_class
@pytest.mark.parametrize("store", DENSE.values(), ids=DENSE)
def test_storage_of_y_and_weights(case, store):
    X, y, weight = rounded_data(case)
    expected = learned(fit(case, X, y, weight, **case.tight))
    found = learned(fit(case, X, store(y), store(weight), **case.tight))
    assert_close(found, expected, 1e-9)


@every_case
def test_memory_maps(case, tmp_path):
    X, y, weight = rounded_data(case)
    expected = learned(fit(case, X, y, weight))
    mapped = [memory_map(a, tmp_path, f"{i}.npy") for i, a in enumerate((X, y, weight))]
    np.testing.assert_array_equal(learned(fit(case, *mapped)), expected)


@every_class
def test_polars(case):
    X, y, weight = rounded_data(case)
    frame = pl.DataFrame({f"x{j}": column for j, column in enumerate(X.T)})
    y_frame = pl.Series(y) if y.ndim == 1 else pl.DataFrame(y)
    model = fit(case, frame, y_frame, weight, **case.tight)
    assert_close(learned(model), learned(fit(case, X, y, weight, **case.tight)), 1e-9)
    assert model.feature_names_in_.tolist() == frame.columns


INTEGERS = [np.int8, np.int64, np.uint16, bool, np.float16]


@every_class
@pytest.mark.parametrize("dtype", INTEGERS, ids=lambda dtype: np.dtype(dtype).name)
def test_narrow_dtypes_are_float64(case, dtype):
    X, y, weight = rounded_data(case)
    X = (np.abs(X) > 1).astype(dtype) if dtype is bool else np.abs(X).astype(dtype)
    model = fit(case, X, y, weight)
    expected = fit(case, X.astype(np.float64), y, weight)
    assert model.coef_.dtype == expected.coef_.dtype
    np.testing.assert_array_equal(learned(model), learned(expected))


@every_class
@pytest.mark.parametrize("dtype", ["Int64", "boolean", "Float32", "category"])
def test_pandas_extension_dtypes(case, dtype):
    X, y, weight = rounded_data(case)
    X = (np.abs(X) > 1).astype(int)
    frame = pd.DataFrame(X).astype(dtype)
    expected = learned(fit(case, X.astype(float), y, weight, **case.tight))
    rtol = 1e-5 if dtype == "Float32" else 1e-9
    found = learned(fit(case, frame, y, weight, **case.tight))
    assert_close(found, expected, rtol)


def halves(X):
    """COO parts in which every entry is stored as two halves, rows in disorder."""
    coo = sparse.coo_array(X)
    order = np.random.default_rng(0).permutation(2 * coo.nnz)
    entries = np.tile(coo.data / 2, 2)[order]
    return entries, tuple(np.tile(index, 2)[order] for index in coo.coords)


def with_duplicates_in(cls):
    """CSR or CSC with every entry twice and unsorted indices."""

    def build(X):
        data, (rows, columns) = halves(X)
        major, minor = (rows, columns) if "csr" in cls.__name__ else (columns, rows)
        order = np.argsort(major, kind="stable")
        n_major = X.shape[0] if "csr" in cls.__name__ else X.shape[1]
        indptr = np.searchsorted(major[order], np.arange(n_major + 1))
        return cls((data[order], minor[order], indptr), shape=X.shape)

    return build


def unsorted(cls):
    """CSR or CSC whose indices run backwards within each row or column."""

    def build(X):
        stored = cls(X)
        for start, stop in zip(stored.indptr[:-1], stored.indptr[1:], strict=True):
            stored.indices[start:stop] = stored.indices[start:stop][::-1].copy()
            stored.data[start:stop] = stored.data[start:stop][::-1].copy()
        stored.has_sorted_indices = False
        return stored

    return build


def explicit_zeros(X):
    full = sparse.csr_array(np.where(X == 0.0, 1.0, X))
    full.data[X.ravel() == 0.0] = 0.0
    return full


def indexed(cls, dtype):
    def build(X):
        stored = cls(X)
        stored.indices = stored.indices.astype(dtype)
        stored.indptr = stored.indptr.astype(dtype)
        return stored

    return build


def read_only_sparse(cls):
    def build(X):
        stored = cls(X)
        for part in (stored.data, stored.indices, stored.indptr):
            part.flags.writeable = False
        return stored

    return build


CLASSES = [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array, sparse.csc_array]
OTHERS = [sparse.coo_matrix, sparse.coo_array, sparse.lil_array, sparse.dok_array]
SPARSE = {
    **{cls.__name__: cls for cls in CLASSES + OTHERS},
    **{f"{c.__name__}, int32": indexed(c, np.int32) for c in CLASSES},
    **{f"{c.__name__}, int64": indexed(c, np.int64) for c in CLASSES},
    **{f"{c.__name__}, unsorted": unsorted(c) for c in CLASSES},
    **{f"{c.__name__}, duplicates": with_duplicates_in(c) for c in CLASSES},
    **{f"{c.__name__}, read-only": read_only_sparse(c) for c in CLASSES},
    "coo, duplicates": lambda X: sparse.coo_array(halves(X), shape=X.shape),
    "explicit zeros": explicit_zeros,
    "integers": lambda X: sparse.csr_array(X.astype(int)),
}


@every_class
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_storage(case, name):
    X, y, weight = rounded_data(case)
    X = sparsify(X, 1.0)
    X = np.trunc(X) if name == "integers" else X
    expected = learned(fit(case, X, y, weight, **case.tight))
    assert_close(learned(fit(case, SPARSE[name](X), y, weight, **case.tight)), expected)


@every_case
@pytest.mark.parametrize("cls", [sparse.csr_array, sparse.csc_array])
def test_duplicate_entries_add_up(case, cls):
    if case.settings.get("solver") in ("svd", "cholesky"):
        pytest.skip("refused for sparse X with an intercept")
    X, y, weight = rounded_data(case)
    expected = learned(fit(case, X, y, weight, **case.tight))
    found = learned(fit(case, with_duplicates_in(cls)(X), y, weight, **case.tight))
    assert_close(found, expected)


@every_class
@pytest.mark.parametrize("cls", CLASSES)
def test_sparse_float32(case, cls):
    X, y, weight = rounded_data(case)
    X = sparsify(X, 1.0)
    model = fit(case, cls(X.astype(np.float32)), y, weight, **case.tight)
    assert model.coef_.dtype == np.float32
    assert_close(learned(model), learned(fit(case, X, y, weight, **case.tight)), 1e-4)


@every_case
@pytest.mark.parametrize("order", ["C", "F"])
def test_float32_stays_float32(case, order):
    X, y, weight = rounded_data(case)
    narrow = X.astype(np.float32, order=order)
    model = fit(case, narrow, y.astype(np.float32), weight, **case.tight)
    assert model.coef_.dtype == np.float32
    assert np.asarray(model.predict(narrow)).dtype == np.float32
    if case.settings.get("fit_intercept", True):
        assert np.asarray(model.intercept_).dtype == np.float32
    assert_close(learned(model), learned(fit(case, X, y, weight, **case.tight)), 1e-4)


def parts_of(X):
    if sparse.issparse(X):
        names = ("data", "indices", "indptr", "row", "col")
        return {name: getattr(X, name) for name in names if hasattr(X, name)}
    return {"values": X}


def bytes_of(*arrays):
    return [
        {name: (part.tobytes(), part.dtype, part.shape) for name, part in p.items()}
        for p in map(parts_of, arrays)
    ]


STORES = {
    "C order": np.ascontiguousarray,
    "F order": np.asfortranarray,
    "float32": lambda X: np.asfortranarray(X, dtype=np.float32),
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_array,
    "csr, duplicates": with_duplicates_in(sparse.csr_matrix),
    "csc, duplicates": with_duplicates_in(sparse.csc_array),
    "csc, unsorted": unsorted(sparse.csc_matrix),
    "coo, duplicates": SPARSE["coo, duplicates"],
}


@every_case
@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
@pytest.mark.parametrize("copy_X", [True, False])
def test_nothing_given_is_written_to(case, store, copy_X):
    accepts = "copy_X" in case.make().get_params()
    changes = {"copy_X": copy_X} if accepts else {}
    X, y, weight = rounded_data(case)
    X = store(sparsify(X, 1.0))
    if sparse.issparse(X) and case.settings.get("solver") in ("svd", "cholesky"):
        pytest.skip("refused for sparse X with an intercept")
    weight[:3] = 0.0
    before = bytes_of(X, y, weight)
    model = fit(case, X, y, weight, **changes)
    model.predict(X)
    assert bytes_of(X, y, weight) == before


@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_unchecked_input(cls, order, dtype):
    X, y, weight = rounded_data()
    X = X.astype(dtype, order=order)
    before = bytes_of(X, y, weight)
    found = cls(copy_X=False, tol=1e-12).fit(X, y, weight, check_input=False)
    assert bytes_of(X, y, weight) == before
    expected = cls(tol=1e-12).fit(X, y, weight)
    np.testing.assert_array_equal(learned(found), learned(expected))


@pytest.mark.parametrize("cls", [skreg.Lasso, skreg.ElasticNet])
def test_given_gram_matrix_is_not_written_to(cls):
    X, y, _ = rounded_data()
    X = X - X.mean(axis=0)
    gram = X.T @ X
    before = gram.copy()
    found = cls(precompute=gram, tol=1e-12).fit(X, y)
    np.testing.assert_array_equal(gram, before)
    assert_close(learned(found), learned(cls(tol=1e-12).fit(X, y)), 1e-5)


@pytest.mark.parametrize("path", [skreg.lasso_path, skreg.enet_path])
@pytest.mark.parametrize("store", STORES.values(), ids=STORES)
def test_paths_write_to_nothing(path, store):
    X, y, _ = rounded_data()
    X, start = store(sparsify(X, 1.0)), np.ones(6)
    before = bytes_of(X, y, start)
    coefs = path(X, y, alphas=4, coef_init=start, copy_X=False)[1]
    assert bytes_of(X, y, start) == before
    assert not np.shares_memory(coefs, start)


@pytest.mark.parametrize("path", [skreg.lasso_path, skreg.enet_path])
@pytest.mark.parametrize("name", SPARSE)
def test_sparse_storage_of_paths(path, name):
    X, y, _ = rounded_data()
    X = sparsify(X, 1.0)
    X = np.trunc(X) if name == "integers" else X
    expected = path(X, y, alphas=4, tol=1e-14)[1]
    assert_close(path(SPARSE[name](X), y, alphas=4, tol=1e-14)[1], expected)


@every_class
def test_prediction_from_every_storage(case):
    X, y, _ = rounded_data(case)
    X = sparsify(X, 1.0)
    model = fit(case, X, y)
    expected = X @ model.coef_.T + model.intercept_
    for store in [*DENSE.values(), *SPARSE.values()]:
        if store is SPARSE["integers"]:
            continue
        np.testing.assert_allclose(model.predict(store(X)), expected, rtol=1e-12)


@every_class
def test_feature_names(case):
    X, y, _ = rounded_data(case)
    names = [f"column {j}" for j in range(X.shape[1])]
    frame = pd.DataFrame(X, columns=names)
    model = fit(case, frame, y)
    assert model.feature_names_in_.tolist() == names
    assert model.n_features_in_ == len(names)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[names[::-1]])
    assert not hasattr(model.fit(X, y), "feature_names_in_")


@crossed([case for case in CASES if case.cls not in SELECTORS])
def test_sparse_interface_setting_does_not_matter(case):
    X, y, _ = rounded_data(case)
    if case.settings.get("solver") in ("svd", "cholesky"):
        pytest.skip("refused for sparse X with an intercept")
    expected = learned(fit(case, sparse.csr_matrix(X), y))
    with sklearn.config_context(sparse_interface="sparray"):
        found = learned(fit(case, sparse.csr_array(X), y))
    np.testing.assert_array_equal(found, expected)
