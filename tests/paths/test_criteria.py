"""The criteria against their formulas, and against scikit-learn's information criteria."""

import math
import warnings

import numpy as np
import pytest
from sklearn.linear_model import LassoLarsIC, lars_path

from skreg.paths.criteria import CRITERIA, Fits, aic, bic, ebic, gcv
from tests.linear.problems import PROBLEMS

RSS, DF, N = np.array([10.0, 4.0, 2.0]), np.array([1.0, 3.5, 8.0]), 20.0


def test_formulas():
    np.testing.assert_allclose(gcv(RSS, DF, N)[1], 20 * 4 / 16.5**2)
    np.testing.assert_allclose(aic(RSS, DF, N)[1], 20 * math.log(0.2) + 7)
    np.testing.assert_allclose(bic(RSS, DF, N)[1], 20 * math.log(0.2) + 3.5 * math.log(20))
    np.testing.assert_allclose(aic(RSS, DF, N, 0.5)[1], 8 + 7)
    np.testing.assert_allclose(bic(RSS, DF, N, 0.5)[1], 8 + 3.5 * math.log(20))


@pytest.mark.parametrize("noise_variance", [None, 0.5])
def test_extended(noise_variance):
    sizes = np.array([0, 3, 7])
    found = ebic(RSS, DF, N, 7, sizes, 0.25, noise_variance)
    choices = np.log([math.comb(7, k) for k in sizes])
    np.testing.assert_allclose(found, bic(RSS, DF, N, noise_variance) + 0.5 * choices)


@pytest.mark.parametrize("name", ["gcv", "aic", "bic", "ebic"])
def test_by_name(name):
    fits = Fits(RSS, DF, N, 7, np.array([0, 3, 7]), None, 0.25)
    more = {"ebic": (7, fits.support_size, 0.25)}.get(name, ())
    expected = globals()[name](RSS, DF, N, *more)
    np.testing.assert_array_equal(CRITERIA[name](fits), expected)


@pytest.mark.parametrize("name", ["gcv", "aic", "bic", "ebic"])
def test_interpolation_is_never_chosen(name):
    rss = np.array([3.0, 0.0, 1e-30, -1e-18, 0.0])
    df = np.array([2.0, 20.0, 20.0 - 1e-12, 25.0, 2.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = CRITERIA[name](Fits(rss, df, N, 30, np.array([1, 19, 19, 24, 1])))
    assert np.isfinite(found[0])
    assert np.all(found[1:4] == np.inf)
    assert found[4] == (0.0 if name == "gcv" else -np.inf)


def test_known_noise_gives_interpolation_a_meaning():
    assert aic(0.0, 25.0, N, 2.0) == 50.0


@pytest.mark.parametrize("variance", [0.0, -1.0, np.nan])
def test_refuses_a_variance_that_is_none(variance):
    with pytest.raises(ValueError, match="noise_variance"):
        bic(RSS, DF, N, variance)


@pytest.mark.parametrize(("name", "function"), [("aic", aic), ("bic", bic)])
def test_same_as_scikit_learn(name, function):
    """Up to the constant, and to the intercept, which it does not count."""
    X, y, *_ = PROBLEMS["diabetes"]()
    theirs = LassoLarsIC(criterion=name, noise_variance=3000.0).fit(X, y)
    X, y = X - X.mean(axis=0), y - y.mean()
    coefs = lars_path(X, y, method="lasso")[2]
    rss = np.sum((y[:, None] - X @ coefs) ** 2, axis=0)
    df = np.sum(np.abs(coefs) > np.finfo(float).eps, axis=0)
    ours = function(rss, df, len(y), 3000.0)
    constant = len(y) * np.log(2 * np.pi * 3000.0)
    np.testing.assert_allclose(ours + constant, theirs.criterion_, rtol=1e-12)
