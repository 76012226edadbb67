"""The working set looks at few columns, and only where one threshold serves all."""

from typing import NamedTuple

import numpy as np

from skreg._solvers.least_squares import solve_path
from skreg._solvers.results import Stop
from skreg._solvers.sample import column_design, make_sample
from skreg._solvers.working_set import WorkingSet
from skreg.penalties import L1, Penalty, register


class WeightedKernel(NamedTuple):
    thresholds: np.ndarray


def value(penalty, j, coef):
    return penalty.thresholds[j] * abs(coef)


def prox(penalty, j, point, step):
    size = max(abs(point) - step * penalty.thresholds[j], 0.0)
    return size if point > 0.0 else -size


def subdiff_distance(penalty, j, coef, gradient):
    if coef == 0.0:
        return max(abs(gradient) - penalty.thresholds[j], 0.0)
    sign = 1.0 if coef > 0.0 else -1.0
    return abs(gradient - penalty.thresholds[j] * sign)


def dual_norm(penalty, j, point):
    return abs(point) / penalty.thresholds[j]


def conjugate(penalty, j, point):
    return 0.0 if abs(point) <= penalty.thresholds[j] else float("inf")


def slope_at_zero(penalty, j, sign):
    return penalty.thresholds[j] * sign


register(
    WeightedKernel,
    value=value,
    prox=prox,
    subdiff_distance=subdiff_distance,
    dual_norm=dual_norm,
    conjugate=conjugate,
    slope_at_zero=slope_at_zero,
)


class WeightedL1(Penalty):
    def __init__(self, weights=None):
        self.weights = weights

    def kernel(self, alpha):
        return WeightedKernel(alpha * np.asarray(self.weights, dtype=np.float64))


def wide(n_samples, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    y = X[:, :5].sum(axis=1) + 0.5 * rng.standard_normal(n_samples)
    return make_sample(X, y[:, None], None, True)


def test_penalty_that_differs_between_features():
    sample = wide(40, 200)
    weights = np.r_[100.0, np.ones(199)]
    path = solve_path(
        sample, WeightedL1(weights), [0.1], tol=1e-10, max_iter=100_000, use_gram=False
    )
    coef = path.coefs[0, 0]
    gradient = sample.correlation(sample.y - sample.fitted(coef[None]))[:, 0]
    assert np.count_nonzero(coef) > 5
    assert np.all(np.abs(gradient) <= 0.1 * weights * (1 + 1e-4))
    assert path.converged.all()


def test_most_columns_are_left_alone():
    sample = wide(60, 3000)
    design, curvature = column_design(sample)
    working = WorkingSet(sample, 0, design, curvature)
    alpha_max = np.max(np.abs(sample.correlation(sample.y)))
    alphas = np.geomspace(alpha_max, 0.05 * alpha_max, 60)
    steps = list(working.path(L1(), alphas, None, Stop(0.5 * sample.y_norm2[0], 1e-4, 100)))
    assert len(steps) == len(alphas)
    for step in steps:
        assert step.done
        assert step.gap <= 1e-12 * sample.y_norm2[0]
    assert working.n_passes / len(alphas) < 0.5
    assert len(working.features) < 1000
