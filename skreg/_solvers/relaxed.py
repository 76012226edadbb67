r"""The relaxed path: every solution refitted on its support, without shrinkage.

For the support A of a solution w of a penalty that selects features, the refit solves

    min over v, v_j = 0 outside A, of  1/2 sum_i omega_i (y_i - b - x_i' v)^2

from the Gram matrix and correlations of A, with iterative refinement. Let F be features
whose columns are independent and span the others of A, X_A = X_F C. Then v = C' (C C')^-1
beta with beta the refit on F is, of all that fit as well, the one of smallest norm; there
is no other if F = A. C C' >= I, so this costs no digits. It covers duplicate columns and
supports with as many features as samples.

The caller blends the two, gamma w + (1 - gamma) v: glmnet's ``relax``.

With `positive`, v >= 0 too: a plain refit may leave the orthant that was asked for, and
its blends with it. Where that happens the refit is found by the method of Lawson and
Hanson, on L^-1 G_FA with L the factor of G_FF, which has as many rows as F.

Reference: Meinshausen, Relaxed lasso, Computational Statistics and Data Analysis, 2007.
"""

import numpy as np
from scipy import optimize

from skreg._solvers.leverage import factorize
from skreg._solvers.subsample import GramBlocks

EPS = np.finfo(np.float64).eps


def relax(sample, coefs, *, moments=None, target=0, positive=False):
    """The least squares refit of each solution on its support.

    Parameters
    ----------
    sample : Sample or None
        None if there are `moments`.
    coefs : ndarray of shape (n_alphas, n_features)
        Solutions for one target; only where they are zero matters.
    moments : Moments, optional
        Of the sample, if known; otherwise the Gram matrix of the features that are ever
        non-zero is made.
    target : int
        Which column of y.
    positive : bool
        Restrict the refits to non-negative coefficients.

    Returns
    -------
    ndarray of shape (n_alphas, n_features)
    """
    ever = np.flatnonzero(np.any(coefs, axis=0))
    gram = GramBlocks(sample, ever, moments)
    if moments is None:
        correlation = sample.correlation(sample.y[:, [target]])[:, 0]
    else:
        correlation = moments.correlation[:, target]
    relaxed, last = np.zeros(coefs.shape), np.zeros(0, dtype=int)
    for t, coef in enumerate(coefs):
        features = np.flatnonzero(coef)
        if t > 0 and np.array_equal(features, last):
            relaxed[t] = relaxed[t - 1]
            continue
        refit = _refit(gram, features, correlation)
        if positive and refit.min(initial=0.0) < 0.0:
            refit = _non_negative_refit(gram, features, correlation)
        relaxed[t, features], last = refit, features
    return relaxed


def _refit(gram, features, correlation):
    """Least squares on `features`, of smallest norm."""
    factor = factorize(gram.block(features, features), features, 0.0)
    independent = factor.features
    block, right = gram.block(independent, independent), correlation[independent]
    refit = factor.solve(right)
    refit += factor.solve(right - block @ refit)
    if len(independent) < len(features):
        span = factor.solve(gram.block(independent, features))
        return span.T @ np.linalg.solve(span @ span.T, refit)
    place = np.searchsorted(features, independent)  # the factor may be in another order
    ordered = np.empty_like(refit)
    ordered[place] = refit
    return ordered


def _non_negative_refit(gram, features, correlation):
    """The same with v >= 0."""
    factor = factorize(gram.block(features, features), features, 0.0)
    matrix = factor.scores(gram.block(features, factor.features))
    goal = factor.scores(correlation[None, factor.features])[:, 0]
    lengths = np.linalg.norm(matrix, axis=0)
    lengths[lengths == 0.0] = 1.0
    return optimize.nnls(matrix / lengths, goal)[0] / lengths
