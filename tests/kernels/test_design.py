"""Dense, CSC and Gram designs say the same about X, and what explicit centring says."""

import numpy as np
import pytest
from scipy import sparse

from skreg._kernels.design import (
    CSC,
    Dense,
    Gram,
    RowWeights,
    UniformWeights,
    column_dot,
    column_update,
    has_gradient,
    residual_norm2,
    row_weight,
)
from tests.kernels.drive import KINDS, designed, explicit, given

every_kind = pytest.mark.parametrize("kind", KINDS)
every_setting = pytest.mark.parametrize(
    ("weighted", "fit_intercept"),
    [(False, True), (False, False), (True, True), (True, False)],
)
N_FEATURES = 7
COEF = np.array([0.7, -1.1, 0.0, 2.0, 0.3, 0.0, -0.4])


def frozen_bytes(design):
    """Everything a design holds, to see whether it was written to."""
    return [
        part.tobytes() if isinstance(part, np.ndarray) else repr(part) for part in design
    ]


@every_kind
@every_setting
def test_column_dot_is_the_weighted_product_with_the_centred_column(
    kind, weighted, fit_intercept
):
    data = given(weighted, fit_intercept)
    design, curvature, (state,) = designed(data, kind)
    A, b = explicit(data)
    found = [column_dot(design, j, state) for j in range(N_FEATURES)]
    np.testing.assert_allclose(found, A.T @ b[:, 0], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(curvature, np.sum(A**2, axis=0), rtol=1e-12)


@every_kind
@every_setting
def test_column_update_moves_the_residual(kind, weighted, fit_intercept):
    data = given(weighted, fit_intercept)
    design, _, (state,) = designed(data, kind)
    A, b = explicit(data)
    for j, delta in enumerate(COEF):
        column_update(design, j, delta, state)
    residual = b[:, 0] - A @ COEF
    found = [column_dot(design, j, state) for j in range(N_FEATURES)]
    np.testing.assert_allclose(found, A.T @ residual, rtol=1e-11, atol=1e-12)
    norm2 = residual_norm2(design, COEF, state)
    np.testing.assert_allclose(norm2, residual @ residual, rtol=1e-11)


@every_kind
@every_setting
def test_updates_cancel(kind, weighted, fit_intercept):
    design, _, (state,) = designed(given(weighted, fit_intercept), kind)
    before = state.copy()
    for delta in (0.5, -0.25, -0.25):
        column_update(design, 3, delta, state)
    np.testing.assert_allclose(state, before, atol=1e-14)


@every_kind
@every_setting
def test_residual_norm_at_zero_is_that_of_the_target(kind, weighted, fit_intercept):
    data = given(weighted, fit_intercept)
    design, _, (state,) = designed(data, kind)
    _, b = explicit(data)
    found = residual_norm2(design, np.zeros(N_FEATURES), state)
    np.testing.assert_allclose(found, np.sum(b**2), rtol=1e-12)


@every_kind
def test_designs_are_not_written_to(kind):
    design, _, (state,) = designed(given(True), kind)
    before = frozen_bytes(design)
    for j in range(N_FEATURES):
        column_dot(design, j, state)
        column_update(design, j, 0.5, state)
    residual_norm2(design, COEF, state)
    assert frozen_bytes(design) == before


@pytest.mark.parametrize("kind", ["dense C", "dense F", "csc", "gram"])
def test_big_arrays_are_read_only(kind):
    design, *_ = designed(given(), kind)
    big = design[0]
    assert not big.flags.writeable


@pytest.mark.parametrize(
    ("kind", "design_class", "keeps"),
    [
        ("dense F", Dense, False),
        ("csr", CSC, False),
        ("gram", Gram, True),
        ("sparse gram", Gram, True),
    ],
)
def test_kinds_of_design(kind, design_class, keeps):
    design, *_ = designed(given(), kind)
    assert isinstance(design, design_class)
    assert has_gradient(design) == keeps


def test_fortran_order_is_not_copied():
    data = given()
    X = np.asfortranarray(data.X)
    design, *_ = designed(data._replace(X=X), "dense F")
    assert np.shares_memory(design.columns, X)


def test_sparse_is_not_densified():
    data = given(shape=(40, 7))
    design, *_ = designed(data, "csc")
    assert design.data.size == np.count_nonzero(data.X)


def test_row_weights_are_means():
    weights = RowWeights(np.array([0.25, 0.75]))
    assert [row_weight(weights, i) for i in range(2)] == [0.25, 0.75]
    assert row_weight(UniformWeights(0.5), 1) == 0.5
    design, *_ = designed(given(True), "dense C")
    total = sum(row_weight(design.weights, i) for i in range(30))
    np.testing.assert_allclose(total, 1.0)


@pytest.mark.parametrize("kind", ["dense C", "csc", "gram"])
def test_constant_columns_have_no_curvature(kind):
    data = given()
    data.X[:, 2] = 0.1
    _, curvature, _ = designed(data, kind)
    assert curvature[2] == 0.0
    assert np.all(np.delete(curvature, 2) > 0)


def test_duplicate_entries_of_a_sparse_matrix_are_summed():
    X = sparse.coo_array(
        (np.array([1.0, 2.0, 4.0, 1.0]), ([0, 0, 1, 2], [0, 0, 0, 0])), shape=(3, 1)
    )
    raw = sparse.csc_array((3, 1))
    raw.data = np.array([1.0, 2.0, 4.0, 1.0])
    raw.indices = np.array([0, 0, 1, 2], dtype=np.int32)
    raw.indptr = np.array([0, 4], dtype=np.int32)
    data = given(shape=(3, 1))
    dense = data._replace(X=X.toarray())
    design, curvature, (state,) = designed(data._replace(X=raw), "csc")
    A, b = explicit(dense)
    np.testing.assert_allclose(column_dot(design, 0, state), (A.T @ b)[0, 0])
    np.testing.assert_allclose(curvature, np.sum(A**2, axis=0))
