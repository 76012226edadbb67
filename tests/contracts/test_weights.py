"""Weights mean repetition: two is the row twice, zero is the row absent."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.model_selection import GroupKFold, KFold

import skreg
from tests.contracts.estimators import (
    CASES,
    EXACT_CASES,
    MULTI_OUTPUT,
    OWN_CASES,
    PENALIZED,
    PENALIZED_CV,
    SELECTORS,
    STREAMED,
    assert_close,
    crossed,
    every_class,
    every_setting,
    learned,
    make_data,
    of,
    sparsify,
    usual_targets,
)

pytestmark = [
    pytest.mark.filterwarnings("ignore:With alpha=0:UserWarning"),
    pytest.mark.filterwarnings("ignore:The 'svd' mode:FutureWarning"),
]
CONTAINERS = pytest.mark.parametrize(
    "container", [np.asarray, sparse.csr_array, sparse.csc_matrix]
)
SCALE_FREE = of(*PENALIZED, *PENALIZED_CV, *STREAMED)


def weighted_data(n_targets=None, seed=0):
    """Rows in groups of four, and integer weights of which a quarter are zero."""
    X, y = make_data(n_targets=n_targets, seed=seed)
    weight = np.random.default_rng(seed).integers(1, 4, size=len(y)).astype(float)
    weight[1::4] = 0.0
    return sparsify(X), y, weight


def allowed(case, container):
    if container is not np.asarray and case.settings.get("solver") in (
        "svd",
        "cholesky",
    ):
        pytest.skip("refused for sparse X with an intercept")


def comparable(case):
    """Leave-one-out drops a row with its whole weight: fix alpha to compare fits."""
    leaves_one_out = case.cls is skreg.RidgeCV and "cv" not in case.settings
    return {"alphas": 0.5} if leaves_one_out else {}


def repeated_splits(weight, folds=3):
    """The same folds of rows, and of rows repeated `weight` times."""
    origin = np.repeat(np.arange(len(weight)), weight.astype(int))
    once = list(KFold(folds).split(weight))
    repeated = [
        tuple(np.flatnonzero(np.isin(origin, part)) for part in fold) for fold in once
    ]
    return origin, once, repeated


@crossed([case for case in CASES + OWN_CASES if case.cls not in STREAMED])
@CONTAINERS
def test_integer_weights_are_repeated_rows(case, container):
    allowed(case, container)
    X, y, weight = weighted_data(case.n_targets)
    origin, once, repeated = repeated_splits(weight)
    settings = {**case.tight, **comparable(case)}
    folded = case.cls in SELECTORS and not comparable(case)
    cv = [{"cv": once}, {"cv": repeated}] if folded else [{}, {}]
    weighted = case.make(**{**settings, **cv[0]})
    weighted.fit(container(X), y, sample_weight=weight)
    plain = case.make(**{**settings, **cv[1]}).fit(container(X[origin]), y[origin])
    assert_close(learned(weighted), learned(plain), 1e-7)


@crossed([case for case in of(*MULTI_OUTPUT) if "alpha_per_target" not in case.settings])
def test_integer_weights_with_several_targets(case):
    X, y, weight = weighted_data(n_targets=3)
    origin, _, _ = repeated_splits(weight)
    settings = {**case.tight, **comparable(case)}
    if case.settings.get("cv"):
        settings["alphas"] = [0.5]
    weighted = case.make(**settings).fit(X, y, sample_weight=weight)
    plain = case.make(**settings).fit(X[origin], y[origin])
    assert_close(learned(weighted), learned(plain), 1e-7)


@pytest.mark.parametrize("cls", SELECTORS)
def test_scores_of_folds_are_those_of_repeated_rows(cls):
    X, y, weight = weighted_data(usual_targets(cls))
    origin, once, repeated = repeated_splits(weight)
    grid = (0.1, 1.0, 10.0)
    weighted = cls(alphas=grid, cv=once).fit(X, y, sample_weight=weight)
    plain = cls(alphas=grid, cv=repeated).fit(X[origin], y[origin])
    assert weighted.alpha_ == plain.alpha_
    name = "best_score_" if cls is skreg.RidgeCV else "mse_path_"
    np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-7)


# Attributes with one entry for each row as given.
PER_ROW = ("cv_results_", "cv_predictions_")


def assert_same_bits(found, expected, *, except_for=()):
    for name, value in fitted_arrays(expected).items():
        if name not in except_for:
            found_value = fitted_arrays(found)[name]
            np.testing.assert_array_equal(found_value, value, err_msg=name)


def fitted_arrays(model):
    """Fitted attributes; tables of arrays one by one."""
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    table = fitted.pop("alpha_results_", {})
    return {**fitted, **table}


@every_setting
@CONTAINERS
def test_a_row_of_weight_zero_is_absent(case, container):
    allowed(case, container)
    X, y, weight = weighted_data(case.n_targets)
    X[weight == 0.0], y[weight == 0.0] = 1e200, -1e200
    kept = weight > 0.0
    found = case.make().fit(container(X), y, sample_weight=weight)
    expected = case.make().fit(container(X[kept]), y[kept], sample_weight=weight[kept])
    assert_same_bits(found, expected, except_for=PER_ROW)


@every_class
def test_a_row_of_weight_zero_is_absent_in_fortran_order(case):
    X, y, weight = weighted_data(case.n_targets)
    kept = weight > 0.0
    found = case.make().fit(np.asfortranarray(X), y, sample_weight=weight)
    expected = case.make()
    expected.fit(np.asfortranarray(X[kept]), y[kept], sample_weight=weight[kept])
    assert_same_bits(found, expected, except_for=PER_ROW)


@crossed(of(*MULTI_OUTPUT))
def test_a_row_of_weight_zero_is_absent_with_several_targets(case):
    X, y, weight = weighted_data(n_targets=2)
    kept = weight > 0.0
    found = case.make().fit(X, y, sample_weight=weight)
    expected = case.make().fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_same_bits(found, expected, except_for=PER_ROW)


def explicit_splits(weight):
    """Folds of the rows given, and what is left of them when zeros are taken out."""
    kept = np.flatnonzero(weight)
    position = np.full(len(weight), -1)
    position[kept] = np.arange(len(kept))
    folds = list(KFold(4, shuffle=True, random_state=0).split(weight))
    left = [tuple(p[p >= 0] for p in (position[part] for part in f)) for f in folds]
    return kept, folds, left


def as_masks(folds, n_samples):
    return [tuple(np.isin(np.arange(n_samples), part) for part in f) for f in folds]


def as_lists(folds, n_samples):
    return [tuple(part.tolist() for part in fold) for fold in folds]


def counted_from_the_end(folds, n_samples):
    return [tuple(part - n_samples for part in fold) for fold in folds]


@pytest.mark.parametrize("cls", SELECTORS)
@pytest.mark.parametrize("write", [as_lists, as_masks, counted_from_the_end, iter])
@pytest.mark.parametrize("container", [np.asarray, sparse.csr_array])
def test_explicit_splits_count_the_rows_given(cls, write, container):
    X, y, weight = weighted_data(usual_targets(cls))
    kept, folds, left = explicit_splits(weight)
    cv = iter(folds) if write is iter else write(folds, len(y))
    grid = (0.1, 1.0)
    found = cls(alphas=grid, cv=cv).fit(container(X), y, sample_weight=weight)
    expected = cls(alphas=grid, cv=left)
    expected.fit(container(X[kept]), y[kept], sample_weight=weight[kept])
    assert_same_bits(found, expected, except_for=PER_ROW)


@pytest.mark.parametrize("cls", SELECTORS)
@pytest.mark.parametrize("zeros", [False, True], ids=["all rows", "zero weights"])
def test_groups_belong_to_the_rows_given(cls, zeros):
    X, y, weight = weighted_data(usual_targets(cls))
    weight = weight if zeros else weight + 1.0
    groups = np.arange(len(y)) % 7
    kept = weight > 0.0
    with sklearn.config_context(enable_metadata_routing=True):
        model = cls(alphas=(0.1, 1.0), cv=GroupKFold(3))
        model.set_fit_request(sample_weight=True)
        found = sklearn.clone(model).fit(X, y, sample_weight=weight, groups=groups)
        expected = sklearn.clone(model).fit(
            X[kept], y[kept], sample_weight=weight[kept], groups=groups[kept]
        )
    assert_same_bits(found, expected, except_for=PER_ROW)


@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error", "r2"])
@pytest.mark.parametrize("n_targets", [None, 2])
def test_leave_one_out_results_of_rows_of_weight_zero(scoring, n_targets):
    """Their squared errors count nothing, and there is no prediction for them."""
    X, y, weight = weighted_data(n_targets=n_targets)
    kept = weight > 0.0
    model = skreg.RidgeCV(store_cv_results=True, scoring=scoring)
    found = sklearn.clone(model).fit(X, y, sample_weight=weight)
    expected = sklearn.clone(model).fit(X[kept], y[kept], sample_weight=weight[kept])
    assert_same_bits(found, expected, except_for=PER_ROW)
    np.testing.assert_array_equal(found.cv_results_[kept], expected.cv_results_)
    filler = 0.0 if scoring is None else np.nan
    np.testing.assert_array_equal(
        found.cv_results_[~kept], np.full_like(found.cv_results_[~kept], filler)
    )


@crossed(SCALE_FREE)
@pytest.mark.parametrize("factor", [0.25, 3.0, 1e-200, 1e200])
def test_only_the_ratios_of_weights_matter(case, factor):
    X, y, weight = weighted_data(case.n_targets)
    expected = case.make(**case.tight).fit(X, y, sample_weight=weight)
    found = case.make(**case.tight).fit(X, y, sample_weight=factor * weight)
    assert_close(learned(found), learned(expected), 1e-7)


@crossed(of(skreg.Ridge))
@pytest.mark.parametrize("factor", [0.25, 3.0, 1e-100])
def test_the_penalty_of_ridge_scales_with_the_weights(case, factor):
    X, y, weight = weighted_data(case.n_targets)
    alpha = case.settings.get("alpha", 1.0)
    expected = case.make().fit(X, y, sample_weight=weight)
    found = case.make(alpha=factor * alpha).fit(X, y, sample_weight=factor * weight)
    assert_close(learned(found), learned(expected), 1e-9)


@crossed(SCALE_FREE)
@pytest.mark.parametrize("number", [2, 0.5, np.float32(3.0), np.int64(4)])
def test_a_number_weighs_every_row_by_the_same(case, number):
    X, y, _ = weighted_data(case.n_targets)
    expected = case.make().fit(X, y)
    assert_same_bits(case.make().fit(X, y, sample_weight=number), expected)


@crossed(of(skreg.Ridge, skreg.RidgeCV))
@pytest.mark.parametrize("number", [2, 0.5, np.float32(3.0), np.int64(4)])
def test_a_number_weighs_every_row_by_it(case, number):
    X, y, _ = weighted_data(case.n_targets)
    found = case.make().fit(X, y, sample_weight=number)
    expected = case.make().fit(X, y, sample_weight=np.full(len(y), float(number)))
    assert_same_bits(found, expected, except_for=PER_ROW)


@every_setting
def test_weights_of_one_change_nothing(case):
    X, y, _ = weighted_data(case.n_targets)
    found = case.make(**case.tight).fit(X, y, sample_weight=np.ones(len(y)))
    assert_close(learned(found), learned(case.make(**case.tight).fit(X, y)), 1e-7)


WEIGHT_STORES = {
    "list": lambda w: w.tolist(),
    "int": lambda w: w.astype(int),
    "uint8": lambda w: w.astype(np.uint8),
    "float32": lambda w: w.astype(np.float32),
    "strided": lambda w: np.repeat(w, 2)[::2],
    "series": lambda w: pd.Series(w, index=np.arange(len(w))[::-1]),
    "nullable": lambda w: pd.Series(w).astype("Int64"),
}


@every_class
@pytest.mark.parametrize("store", WEIGHT_STORES.values(), ids=WEIGHT_STORES)
def test_storage_of_weights(case, store):
    X, y, weight = weighted_data(case.n_targets)
    expected = case.make().fit(X, y, sample_weight=weight)
    assert_same_bits(case.make().fit(X, y, sample_weight=store(weight)), expected)


@every_class
def test_boolean_weights_select_rows(case):
    X, y, weight = weighted_data(case.n_targets)
    kept = weight > 0.0
    found = case.make(**case.tight).fit(X, y, sample_weight=kept)
    expected = case.make(**case.tight).fit(X[kept], y[kept])
    assert_close(learned(found), learned(expected), 1e-7)


@crossed([case for case in EXACT_CASES if case.settings.get("fit_intercept", True)])
def test_weighted_residuals_sum_to_zero(case):
    X, y, weight = weighted_data(case.n_targets)
    model = case.make().fit(X, y, sample_weight=weight)
    residual = y - model.predict(X)
    assert np.all(np.abs(weight @ residual) <= 1e-10 * (weight @ np.abs(y)))


@pytest.mark.parametrize("path", [skreg.lasso_path, skreg.enet_path])
@pytest.mark.parametrize("n_targets", [None, 2])
@pytest.mark.parametrize("container", [np.asarray, sparse.csc_array])
def test_weights_of_paths_are_repeated_rows(path, n_targets, container):
    X, y, weight = weighted_data(n_targets=n_targets)
    origin, _, _ = repeated_splits(weight)
    found = path(container(X), y, sample_weight=weight, alphas=5, tol=1e-14)
    expected = path(container(X[origin]), y[origin], alphas=5, tol=1e-14)
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-10)
    assert_close(found[1], expected[1], 1e-7)
