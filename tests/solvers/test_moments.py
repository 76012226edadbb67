"""Moments add, scale, and make the designs for covariance updates."""

import numpy as np
import pytest
from scipy import sparse

from skreg._solvers import moments as module
from skreg._solvers.least_squares import prefers_gram, solve_path
from skreg._solvers.moments import (
    check_gram,
    gram_design,
    make_moments,
    moments_from_gram,
)
from skreg._solvers.sample import make_sample
from skreg.penalties import L1

FIELDS = ("weight_sum", "X_mean", "y_mean", "gram", "correlation", "y_norm2")


def data(shape=(40, 6), weighted=False, seed=0, offset=0.0):
    rng = np.random.default_rng(seed)
    X = rng.integers(-32, 33, shape) * (rng.uniform(size=shape) < 0.7) / 16.0 + offset
    y = rng.standard_normal((shape[0], 2)) + 5.0
    return X, y, rng.uniform(0.1, 3.0, shape[0]) if weighted else None


def moments_of(X, y, weight, fit_intercept=True):
    return make_moments(make_sample(X, y, weight, fit_intercept))


def assert_same(found, expected, rtol=1e-12, atol=1e-13):
    for field in FIELDS:
        pair = getattr(found, field), getattr(expected, field)
        np.testing.assert_allclose(*pair, rtol=rtol, atol=atol, err_msg=field)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("convert", [np.asarray, np.asfortranarray, sparse.csr_array])
@pytest.mark.parametrize("cuts", [(20,), (1, 2, 3), (5, 39), (13, 26)])
def test_moments_of_parts_add_to_those_of_the_whole(cuts, convert, weighted, fit_intercept):
    X, y, weight = data(weighted=weighted, offset=0.25)
    parts = np.split(np.arange(40), cuts)
    weights = [None if weight is None else weight[rows] for rows in parts]
    total = moments_of(convert(X[parts[0]]), y[parts[0]], weights[0], fit_intercept)
    for rows, part_weight in zip(parts[1:], weights[1:], strict=True):
        total = total + moments_of(convert(X[rows]), y[rows], part_weight, fit_intercept)
    assert_same(total, moments_of(X, y, weight, fit_intercept))


def test_sums_keep_their_digits_beside_a_large_mean():
    X, y, _ = data(offset=1e8)
    halves = [moments_of(X[rows], y[rows], None) for rows in (slice(17), slice(17, 40))]
    assert_same(halves[0] + halves[1], moments_of(X, y, None), rtol=1e-6)
    centred = X - X.mean(axis=0)
    gram = (halves[0] + halves[1]).gram
    np.testing.assert_allclose(gram, centred.T @ centred / 40, rtol=1e-7, atol=1e-8)


def test_a_column_that_lives_in_one_part():
    X, y, _ = data()
    X[:, 2] = np.where(np.arange(40) == 3, 1.0, 0.0)
    total = moments_of(X[:10], y[:10], None) + moments_of(X[10:], y[10:], None)
    assert_same(total, moments_of(X, y, None))
    alone = moments_of(X[10:20], y[10:20], None) + moments_of(X[20:], y[20:], None)
    assert np.all(alone.gram[2] == 0.0)
    assert alone.correlation[2].tolist() == [0.0, 0.0]


def test_a_column_constant_in_every_part_but_not_in_the_whole():
    X, y, _ = data()
    X[:, 1] = np.where(np.arange(40) < 25, 3.0, 0.1)
    total = moments_of(X[:25], y[:25], None) + moments_of(X[25:], y[25:], None)
    assert_same(total, moments_of(X, y, None))
    same = moments_of(X[:10], y[:10], None) + moments_of(X[10:25], y[10:25], None)
    assert np.all(same.gram[1] == 0.0)


def test_a_path_on_added_moments_is_the_path_of_the_whole():
    X, y, weight = data((60, 5), weighted=True)
    sample = make_sample(X, y, weight, True)
    added = moments_of(X[:21], y[:21], weight[:21]) + moments_of(
        X[21:], y[21:], weight[21:]
    )
    solve = {"tol": 1e-4, "max_iter": 100}
    whole = solve_path(sample, L1(), [0.2, 0.01], **solve)
    found = solve_path(sample, L1(), [0.2, 0.01], moments=added, **solve)
    np.testing.assert_allclose(found.coefs, whole.coefs, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(
        added.intercept(found.coefs[:, 1]), sample.intercept(found.coefs[:, 1])
    )


def test_centred_and_not_centred_do_not_add():
    X, y, _ = data()
    with pytest.raises(ValueError, match="both are centred"):
        moments_of(X, y, None) + moments_of(X, y, None, fit_intercept=False)


def test_scaled_moments_are_those_of_scaled_columns():
    X, y, weight = data(weighted=True)
    scale = np.array([1.0, 2.0, 0.1, 1e6, 1e-6, 3.0])
    scaled, expected = moments_of(X, y, weight).scaled(scale), X / scale
    assert_same(scaled, moments_of(expected, y, weight), atol=0.0, rtol=1e-9)


def test_moments_from_a_given_gram_matrix():
    X, y, _ = data()
    sample = make_sample(X, y, None, True)
    centred = X - X.mean(axis=0)
    assert_same(moments_from_gram(sample, centred.T @ centred), make_moments(sample))


@pytest.mark.parametrize("shape", [(3, 300), (600, 300), (2000, 520)])
@pytest.mark.parametrize("weighted", [True, False])
def test_blocks_of_a_larger_gram_matrix(shape, weighted, monkeypatch):
    monkeypatch.setattr(module, "GRAM_BLOCK", 256)
    X, y, weight = data(shape, weighted)
    moments = moments_of(X, y, weight)
    omega = np.full(shape[0], 1 / shape[0]) if weight is None else weight / weight.sum()
    centred = X - omega @ X
    np.testing.assert_allclose(
        moments.gram, (centred.T * omega) @ centred, rtol=1e-11, atol=1e-13
    )
    np.testing.assert_allclose(moments.gram, moments.gram.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(
        moments.correlation, (centred.T * omega) @ (y - omega @ y), rtol=1e-9, atol=1e-12
    )


def test_many_sparse_rows_of_few_features_are_worth_a_gram_matrix():
    rng = np.random.default_rng(0)
    tall = sparse.random_array((4000, 50), density=0.05, rng=rng, format="csr")
    y = rng.standard_normal((4000, 1))
    sample = make_sample(tall, y, None, True)
    assert prefers_gram(sample.X, 100)
    assert not prefers_gram(sample.X, 1)
    alphas = np.abs(sample.correlation(y)).max() * np.array([0.5, 0.1, 0.01])
    paths = [
        solve_path(sample, L1(), alphas, tol=1e-4, max_iter=100, use_gram=use)
        for use in (True, False)
    ]
    np.testing.assert_allclose(paths[0].coefs, paths[1].coefs, rtol=1e-9, atol=1e-12)


def test_check_gram():
    X, y, _ = data()
    sample = make_sample(X, y, None, True)
    centred = X - X.mean(axis=0)
    check_gram(sample, centred.T @ centred)
    with pytest.raises(ValueError, match="did not pass validation"):
        check_gram(sample, X.T @ X + 7.0)
    check_gram(sample, X.T @ X + 7.0, skip_element=True)
    with pytest.raises(ValueError, match="shape"):
        check_gram(sample, np.eye(3))


def test_gram_design_is_read_only_and_of_one_target():
    X, y, _ = data()
    moments = make_moments(make_sample(X, y, None, True))
    design, curvature = gram_design(moments, 1)
    assert not design.gram.flags.writeable
    np.testing.assert_array_equal(design.correlation, moments.correlation[:, 1])
    np.testing.assert_array_equal(curvature, np.diag(moments.gram))
    assert design.y_norm2 == moments.y_norm2[1]
