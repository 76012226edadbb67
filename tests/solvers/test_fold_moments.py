"""Training moments are those of the training rows, to the last digits."""

from functools import partial

import numpy as np
import pytest

from skreg._solvers import moments as moments_module
from skreg._solvers.fold_moments import sum_of_moments, training_moments
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import make_sample

FIELDS = ("weight_sum", "X_mean", "y_mean", "gram", "correlation", "y_norm2")


def moments_of(X, y, weight=None, fit_intercept=True):
    return make_moments(make_sample(X, y, weight, fit_intercept))


def data(n_samples=60, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, 5)) + rng.standard_normal(5)
    return X, rng.standard_normal((n_samples, 2)) + 3.0, rng.uniform(0.1, 3, n_samples)


def folds_of(n_samples, n_folds):
    return np.array_split(np.random.default_rng(1).permutation(n_samples), n_folds)


def pairs(X, y, weight, n_folds, fit_intercept=True):
    """(from the other folds, from the training rows) for every fold."""
    folds = folds_of(len(y), n_folds)
    parts = [moments_of(X[f], y[f], weight[f], fit_intercept) for f in folds]
    found = list(training_moments(len(parts), partial(sum_of_moments, parts)))
    assert [k for k, _ in found] == list(range(n_folds))
    for (_, moments), fold in zip(found, folds, strict=True):
        rest = np.setdiff1d(np.arange(len(y)), fold)
        yield moments, moments_of(X[rest], y[rest], weight[rest], fit_intercept)


@pytest.mark.parametrize("fit_intercept", [True, False])
@pytest.mark.parametrize("n_folds", [2, 3, 5, 8, 30, 60])
def test_equal_those_of_the_training_rows(n_folds, fit_intercept):
    for found, expected in pairs(*data(), n_folds, fit_intercept):
        for field in FIELDS:
            values = getattr(found, field), getattr(expected, field)
            np.testing.assert_allclose(*values, rtol=1e-13, atol=1e-14, err_msg=field)


@pytest.mark.parametrize("value", [1.0, 3e7])
def test_a_column_that_lives_in_one_fold_leaves_no_trace_in_the_others(value):
    X, y, weight = data()
    folds = folds_of(60, 6)
    X[:, 1] = 0.0
    X[folds[2][:3], 1] = value * np.array([1.0, -0.3, 0.7])
    parts = [moments_of(X[f], y[f], weight[f]) for f in folds]
    for k, moments in training_moments(len(parts), partial(sum_of_moments, parts)):
        if k == 2:
            assert not moments.gram[1].any()
            assert not moments.correlation[1].any()
            assert moments.X_mean[1] == 0.0
        else:
            assert moments.gram[1, 1] > 0.0


@pytest.mark.parametrize("n_folds", [4, 30])
def test_offsets_of_1e8(n_folds):
    """X is exact here (multiples of 1/16), so that only the additions round."""
    X, y, weight = data()
    X = np.round(16 * X) / 16
    shifted = pairs(X + 1e8, y + 1e8, weight, n_folds)
    for (found, _), (plain, _) in zip(shifted, pairs(X, y, weight, n_folds), strict=True):
        np.testing.assert_allclose(found.gram, plain.gram, rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(
            found.correlation, plain.correlation, rtol=1e-6, atol=1e-7
        )
        np.testing.assert_allclose(found.y_norm2, plain.y_norm2, rtol=1e-6)


def test_matrices_alive_at_a_time(monkeypatch):
    """One per halving and those of the sum being formed, whatever the number of parts."""
    alive, most = set(), [0]
    ours = moments_module.Moments

    class Counted(ours):
        def __add__(self, other):
            added = ours.__add__(self, other)
            object.__setattr__(added, "__class__", Counted)
            alive.add(id(added))
            most[0] = max(most[0], len(alive))
            return added

        def __del__(self):
            alive.discard(id(self))

    X, y, _ = data(64)
    parts = [moments_of(X[[i]], y[[i]]) for i in range(64)]
    for part in parts:
        object.__setattr__(part, "__class__", Counted)
    for _ in training_moments(len(parts), partial(sum_of_moments, parts)):
        pass
    assert most[0] <= 2 * 6 + 2


def test_sum_of_moments():
    X, y, weight = data()
    parts = [moments_of(X[f], y[f], weight[f]) for f in folds_of(60, 7)]
    np.testing.assert_allclose(
        sum_of_moments(parts).gram, moments_of(X, y, weight).gram, rtol=1e-13, atol=1e-15
    )
    assert sum_of_moments(parts, 3, 4) is parts[3]


@pytest.mark.parametrize("n_parts", [0, 1])
def test_one_part_has_no_others(n_parts):
    with pytest.raises(ValueError, match="at least 2"):
        training_moments(n_parts, None)
