"""Gaps from residuals: moments spare a look at many features, and overlook none."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skreg import lasso_path
from skreg._solvers import gaps as gaps_module
from skreg._solvers.gaps import recompute_gaps
from skreg._solvers.least_squares import solve_path
from skreg._solvers.moments import make_moments
from skreg._solvers.sample import make_sample
from skreg.penalties import L1L2

N_ALPHAS = 50


def make_case(seed, n_samples, n_features, order, weighted, centred, standardize, offset):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) @ rng.normal(size=(n_features, n_features))
    X = np.asarray(X + offset * rng.normal(size=n_features), order=order)
    y = rng.normal(size=(n_samples, 2)) + X[:, :1] - offset
    weights = rng.uniform(0.1, 3.0, n_samples) if weighted else None
    return make_sample(X, y, weights, centred, standardize)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    n_samples=st.integers(1, 60),
    n_features=st.integers(1, 12),
    order=st.sampled_from("CF"),
    weighted=st.booleans(),
    centred=st.booleans(),
    standardize=st.booleans(),
    offset=st.sampled_from([0.0, 1.0, 1e6]),
    l1_ratio=st.sampled_from([1.0, 0.5]),
    positive=st.booleans(),
    noise=st.sampled_from([0.0, 1e-12, 1e-3, 1.0]),
)
def test_moments_change_nothing(l1_ratio, positive, noise, **case):
    """Of solutions, and of coefficients that are more or less wrong."""
    sample = make_case(**case)
    moments = make_moments(sample)
    penalty = L1L2(l1_ratio, positive)
    largest = np.abs(moments.correlation).max() + 1e-300
    alphas = largest / l1_ratio * np.geomspace(1.1, 1e-3, N_ALPHAS)
    path = solve_path(sample, penalty, alphas, tol=1e-10, max_iter=1000, moments=moments)
    rng = np.random.default_rng(0)
    coef = np.concatenate(path.coefs)
    coef = coef * (1.0 + noise * rng.normal(size=coef.shape))
    coef = np.maximum(coef, 0.0) if positive else coef
    targets = np.repeat([0, 1], N_ALPHAS)
    both = np.tile(alphas, 2)
    plain = recompute_gaps(sample, penalty, both, coef, targets)
    found = recompute_gaps(sample, penalty, both, coef, targets, moments)
    scale = sample.y_norm2[targets] + 1e-300
    np.testing.assert_allclose(found, plain, rtol=1e-9, atol=1e-13 * scale.max())


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_gram_matrix_that_is_wrong_hides_nothing(order):
    sample = make_case(0, 50, 8, order, False, False, False, 0.0)
    right = make_moments(sample)
    wrong = replace(right, correlation=np.zeros_like(right.correlation), measured=False)
    arguments = L1L2(1.0), np.array([1e-3]), np.zeros((1, 8)), np.array([0])
    found = recompute_gaps(sample, *arguments, moments=wrong)
    np.testing.assert_array_equal(found, recompute_gaps(sample, *arguments))
    assert found[0] > 0.01 * sample.y_norm2[0]


def test_few_features_are_looked_at(monkeypatch):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(500, 40))
    y = X[:, 3] + 0.1 * rng.normal(size=500)
    read = []
    tiles = gaps_module.row_tiles

    def counted(sample, features):
        read.append(len(features))
        return tiles(sample, features)

    monkeypatch.setattr(gaps_module, "row_tiles", counted)
    _, _, gaps = lasso_path(X, y, alphas=[0.5, 0.3, 0.1])
    assert read == [1]
    assert np.all(gaps < 1e-14)


@pytest.mark.parametrize("positive", [False, True])
@pytest.mark.parametrize("order", ["C", "F"])
def test_a_violation_in_the_fifth_digit_is_seen(order, positive):
    """At coef = 0 the gap below alpha_max = a is y'y/2 (1 - alpha / a)^2, above it zero."""
    sample = make_case(3, 50, 8, order, True, True, False, 1.0)
    moments = make_moments(sample)
    correlation = moments.correlation[:, 0]
    largest = correlation.max() if positive else np.abs(correlation).max()
    for share in (1.1, 1.00001, 0.99999, 0.999, 0.9):  # alone: a group shares features
        arguments = L1L2(1.0, positive), np.array([largest * share]), np.zeros((1, 8))
        found = recompute_gaps(sample, *arguments, np.array([0]), moments)
        expected = 0.5 * sample.y_norm2[0] * max(1.0 - share, 0.0) ** 2
        assert found[0] == pytest.approx(expected, rel=1e-4, abs=1e-15 * sample.y_norm2[0])
