r"""Criteria that choose among solutions without held-out data; the lower, the better.

With the weighted residual sum of squares RSS, n the sum of the weights (weights mean
repetition) and df the degrees of freedom, the intercept included:

==== =================================================================================
gcv  n RSS / (n - df)^2
aic  n log(RSS / n) + 2 df, or RSS / sigma^2 + 2 df where the noise variance is known
bic  the same with log(n) df in the place of 2 df
ebic bic + 2 gamma log C(p, k), C(p, k) = p! / (k! (p - k)!), k the size of the support
==== =================================================================================

Constants that are the same for every solution are left out: scikit-learn's
``LassoLarsIC`` adds n log(2 pi sigma^2).

A solution with as many degrees of freedom as data (df >= n) interpolates, and says
nothing of its error: it is +inf, except where a known noise variance gives its criterion
a meaning. A perfect fit with df < n keeps the value of the formula: 0 by gcv, -inf by the
others, whose likelihood is unbounded.

References: Golub, Heath and Wahba, Technometrics, 1979 (gcv); Akaike, IEEE Transactions
on Automatic Control, 1974 (aic); Schwarz, Annals of Statistics, 1978 (bic); Chen and
Chen, Biometrika, 2008 (ebic); Zou, Hastie and Tibshirani, Annals of Statistics, 2007.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.special import gammaln

# Degrees of freedom closer to n than this part of it are n.
ROUNDING = 1e-9


class Fits(NamedTuple):
    """What the criteria may ask of solutions; arrays of one shape, or numbers."""

    rss: Any  # sum_i weight_i r_i^2
    df: Any
    n: float  # sum of the weights
    n_features: int
    support_size: Any
    noise_variance: float | None = None
    ebic_gamma: float = 0.5


def gcv(rss, df, n):
    """Generalized cross-validation, n RSS / (n - df)^2.

    Parameters
    ----------
    rss : array_like
        Weighted residual sums of squares, sum_i weight_i r_i^2.
    df : array_like
        Degrees of freedom, of the same shape.
    n : float
        Sum of the weights, or the number of rows.

    Returns
    -------
    ndarray
        +inf where df >= n.
    """
    rss, df = _as_arrays(rss, df)
    left = np.where(_interpolates(df, n), 1.0, n - df)
    return np.where(_interpolates(df, n), np.inf, n * rss / left**2)


def aic(rss, df, n, noise_variance=None):
    """Akaike's criterion, n log(RSS / n) + 2 df.

    Parameters
    ----------
    rss, df, n
        See :func:`gcv`.
    noise_variance : float, optional
        If known, RSS / noise_variance + 2 df is returned.

    Returns
    -------
    ndarray
        -inf where RSS is zero, +inf where df >= n; with `noise_variance`, always finite.
    """
    rss, df = _as_arrays(rss, df)
    return _deviance(rss, df, n, noise_variance) + 2.0 * df


def bic(rss, df, n, noise_variance=None):
    """Schwarz's criterion, n log(RSS / n) + log(n) df; see :func:`aic`."""
    rss, df = _as_arrays(rss, df)
    return _deviance(rss, df, n, noise_variance) + np.log(n) * df


def ebic(rss, df, n, n_features, support_size, ebic_gamma=0.5, noise_variance=None):
    """Extended Bayesian criterion: bic + 2 ebic_gamma log C(n_features, support_size).

    Parameters
    ----------
    rss, df, n, noise_variance
        See :func:`aic`.
    n_features : int
    support_size : array_like of int
        Number of coefficients that are not zero.
    ebic_gamma : float
        0 is bic; 1 has the strongest preference for small supports.

    Returns
    -------
    ndarray
    """
    size = np.asarray(support_size, dtype=np.float64)
    choices = gammaln(n_features + 1.0) - gammaln(size + 1.0)
    choices = choices - gammaln(n_features - size + 1.0)
    return bic(rss, df, n, noise_variance) + 2.0 * ebic_gamma * choices


def _ebic_of(fits):
    sizes = fits.n_features, fits.support_size
    return ebic(fits.rss, fits.df, fits.n, *sizes, fits.ebic_gamma, fits.noise_variance)


# By name, for solutions given as :class:`Fits`.
CRITERIA = {
    "gcv": lambda fits: gcv(fits.rss, fits.df, fits.n),
    "aic": lambda fits: aic(fits.rss, fits.df, fits.n, fits.noise_variance),
    "bic": lambda fits: bic(fits.rss, fits.df, fits.n, fits.noise_variance),
    "ebic": _ebic_of,
}


def _as_arrays(rss, df):
    """In float64; a sum of squares below zero is rounding."""
    rss = np.maximum(np.asarray(rss, dtype=np.float64), 0.0)
    return rss, np.asarray(df, dtype=np.float64)


def _interpolates(df, n):
    return df >= n * (1.0 - ROUNDING)


def _deviance(rss, df, n, noise_variance):
    """-2 log likelihood of normal errors without constants."""
    if noise_variance is not None:
        if not noise_variance > 0.0:
            raise ValueError(
                f"noise_variance must be None or a number > 0; got {noise_variance!r}."
            )
        return rss / noise_variance
    positive = rss > 0.0
    logs = np.log(np.where(positive, rss, 1.0) / n)
    deviance = np.where(positive, n * logs, -np.inf)
    return np.where(_interpolates(df, n), np.inf, deviance)
