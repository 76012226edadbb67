"""How folds are solved, and errors on them from moments."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.model_selection import KFold, RepeatedKFold, ShuffleSplit

from skreg._solvers import ridge as ridge_module
from skreg._solvers import ridge_folds
from skreg._solvers.measure import measure
from skreg._solvers.ridge_folds import (
    FoldModel,
    FoldProblem,
    held_out_errors,
    is_partition,
    plan_folds,
    shared_kernel,
    solve_fold,
)
from skreg._solvers.sample import make_sample

ALPHAS = np.array([0.1, 10.0])


def problem_of(shape, cv, fit_intercept=True, standardize=False, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal(shape)
    y = rng.standard_normal((shape[0], 2)) + X[:, :2]
    weight = rng.uniform(0.5, 2.0, shape[0])
    folds = list(cv.split(X)) if hasattr(cv, "split") else cv
    return FoldProblem(X, y, weight, folds, ALPHAS, fit_intercept, standardize)


def plan(problem):
    sample = make_sample(problem.X, problem.y, problem.weight, problem.fit_intercept)
    return plan_folds(problem, sample)


OVERLAPPING = ShuffleSplit(3, random_state=0)
TALL, WIDE = (30, 4), (20, 40)
PLANS = {
    "folds": ((TALL, KFold(5)), "moments"),
    "standardized": ((TALL, KFold(5), True, True), "moments"),
    "standardized about zero": ((TALL, KFold(5), False, True), "rows"),
    "overlapping": ((TALL, OVERLAPPING), "rows"),
    "repeated": ((TALL, RepeatedKFold(n_splits=3, n_repeats=2)), "rows"),
    "one fold": ((TALL, [(np.arange(20), np.arange(20, 30))]), "rows"),
    "wide": ((WIDE, KFold(5)), "kernel"),
    "wide and overlapping": ((WIDE, OVERLAPPING), "kernel"),
    "wide and standardized": ((WIDE, KFold(5), True, True), "rows"),
    "wide in training only": (((30, 15), KFold(2)), "kernel"),
}


@pytest.mark.parametrize(("settings", "expected"), PLANS.values(), ids=PLANS)
def test_plan(settings, expected, monkeypatch):
    assert plan(problem_of(*settings)) == expected
    monkeypatch.setattr(ridge_module, "DIRECT_MAX", 2)
    assert plan(problem_of(*settings)) == "rows"


def test_partition():
    folds = list(KFold(3, shuffle=True, random_state=0).split(np.zeros(10)))
    assert is_partition(folds, 10)
    assert not is_partition(folds, 11)
    assert not is_partition(folds[:2], 10)
    assert not is_partition([(train[1:], test) for train, test in folds], 10)
    twice = [(np.append(train, train[0]), test) for train, test in folds]
    assert not is_partition(twice, 10)


def test_two_ways_give_the_same_models():
    problem = problem_of(TALL, KFold(5))
    for k, (train, test) in enumerate(problem.folds):
        training = measure(problem.X[train], problem.y[train], problem.weight[train], True)
        found = solve_fold(problem, k, training=training).model
        expected = solve_fold(problem, k).model
        for left, right in zip(found, expected, strict=True):
            np.testing.assert_allclose(left, right, rtol=1e-10, atol=1e-13)
        rows = problem.X[test]
        np.testing.assert_allclose(found.predict(rows), expected.predict(rows), rtol=1e-9)
        predictions = expected.predict(sparse.csr_array(rows))
        np.testing.assert_allclose(predictions, found.predict(rows), rtol=1e-9)


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_kernel_and_rows_give_the_same_predictions(fit_intercept):
    problem = problem_of(WIDE, OVERLAPPING, fit_intercept)
    sample = make_sample(problem.X, problem.y, problem.weight, fit_intercept)
    kernel = shared_kernel(sample)
    for k, (_, test) in enumerate(problem.folds):
        found = solve_fold(problem, k, kernel=kernel)
        expected = solve_fold(problem, k).model.predict(problem.X[test])
        assert found.model is None
        np.testing.assert_allclose(found.predictions, expected, rtol=1e-10, atol=1e-12)


def test_a_kernel_that_lost_its_digits_is_not_used():
    problem = problem_of(WIDE, KFold(5))
    problem.X[0] += 1e6
    sample = make_sample(problem.X, problem.y, problem.weight, True)
    kernel = shared_kernel(sample)
    assert solve_fold(problem, 0, kernel=kernel).predictions is None  # row 0 is held out


@pytest.mark.parametrize("fit_intercept", [True, False])
def test_errors_from_moments(fit_intercept, monkeypatch):
    problem = problem_of((60, 4), KFold(3), fit_intercept)

    def unexpected(*args):
        raise AssertionError("moments are enough")

    for k in range(3):
        model = solve_fold(problem, k).model
        rows = problem.test(k)
        residual = problem.y[rows] - model.predict(problem.X[rows])
        expected = problem.mean_square(k, residual)
        part = measure(
            problem.X[rows], problem.y[rows], problem.weights(rows), fit_intercept
        )
        with monkeypatch.context() as patch:
            patch.setattr(FoldModel, "predict", unexpected)
            found = held_out_errors(problem, k, model, part)
        np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_errors_far_below_their_terms_are_taken_from_residuals(monkeypatch):
    problem = problem_of((60, 4), KFold(3))
    problem.y[:] = problem.X @ np.ones((4, 2)) + 1e-9 * problem.y
    rows = problem.test(0)
    model = solve_fold(problem.at(slice(0, 1)), 0).model
    exact = model._replace(coefs=np.ones((1, 2, 4)))
    mean = np.average(
        problem.y[rows] - problem.X[rows].sum(axis=1, keepdims=True),
        axis=0,
        weights=problem.weight[rows],
    )
    exact = exact._replace(X_mean=np.zeros(4), y_mean=mean)
    part = measure(problem.X[rows], problem.y[rows], problem.weight[rows], True)
    residual = problem.y[rows] - exact.predict(problem.X[rows])
    expected = problem.mean_square(0, residual)
    found = held_out_errors(problem, 0, exact, part)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    monkeypatch.setattr(ridge_folds, "CANCELLED", -1.0)
    lost = held_out_errors(problem, 0, exact, part)
    assert np.abs(lost / expected - 1.0).max() > 1e-3
