"""The regularization path: `enet_path` and `lasso_path`, with scikit-learn's signatures."""

import sys
import warnings
from dataclasses import replace
from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from skreg._solvers.gaps import recompute_gaps
from skreg._solvers.least_squares import prefers_gram, solve_path
from skreg._solvers.moments import check_gram, make_moments, moments_from_gram
from skreg._solvers.multi_task import recompute_multi_task_gaps, solve_multi_task_path
from skreg._solvers.sample import make_sample
from skreg._validation import (
    ARRAY,
    BOOLEAN,
    NONE,
    RANDOM_STATE,
    VERBOSE,
    check_alphas,
    check_arrays,
    check_parameters,
    check_sample_weight,
    check_start,
    choice,
    integer,
    real,
)
from skreg.exceptions import warn_not_converged
from skreg.paths.alpha_grid import alpha_grid
from skreg.penalties import L1L2

PARAMETERS = {
    "l1_ratio": real(0, 1),
    "eps": real(0, low_open=True),
    "n_alphas": integer(1) | choice("deprecated"),
    "alphas": integer(1) | ARRAY | NONE | choice("warn"),
    "precompute": choice("auto") | BOOLEAN | ARRAY,
    "Xy": ARRAY | NONE,
    "copy_X": BOOLEAN,
    "coef_init": ARRAY | NONE,
    "verbose": VERBOSE,
    "return_n_iter": BOOLEAN,
    "positive": BOOLEAN,
    "check_input": BOOLEAN,
}
SOLVER_PARAMETERS = {
    "tol": real(0),
    "max_iter": integer(1) | NONE,
    "selection": choice("cyclic", "random"),
    "random_state": RANDOM_STATE,
    "do_screening": BOOLEAN,
}
SOLVER_DEFAULTS = {
    "tol": 1e-4,
    "max_iter": 1000,
    "selection": "cyclic",
    "random_state": None,
    "do_screening": True,
}


def enet_path(
    X,
    y,
    *,
    l1_ratio=0.5,
    eps=1e-3,
    n_alphas="deprecated",
    alphas="warn",
    precompute="auto",
    Xy=None,
    copy_X=True,
    coef_init=None,
    verbose=False,
    return_n_iter=False,
    positive=False,
    check_input=True,
    **params,
):
    r"""Elastic net path: the coefficients at every alpha, without an intercept.

    .. math::

        \frac{1}{2 n} \|y - X w\|_2^2 + \alpha \rho \|w\|_1
        + \frac{\alpha (1 - \rho)}{2} \|w\|_2^2, \qquad \rho = \mathtt{l1\_ratio}

    With several targets, :math:`\|W\|_{21}`, the sum of the Euclidean norms of the rows
    (one row per feature), takes the place of :math:`\|w\|_1`, and Frobenius norms that
    of the others.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        Not centred: centre X and y first, or use :class:`skreg.ElasticNet`, if the
        model has an intercept. Never written to.
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    l1_ratio : float, default=0.5
        1 is the lasso, 0 is ridge (its automatic grid is that of 0.001, as in glmnet).
    eps : float, default=1e-3
        Ratio of the smallest to the largest alpha of an automatic grid.
    n_alphas : int
        Deprecated as in scikit-learn 1.9; give an int to `alphas` instead.
    alphas : int or array-like, default=100
        Number of alphas of an automatic grid, or the alphas.
    precompute : 'auto', bool or array-like of shape (n_features, n_features), \
            default='auto'
        Chooses how, not what: True uses the Gram matrix, 'auto' and False let skreg
        choose, an array is used as ``X.T @ X`` (dense X, one target).
    Xy : array-like of shape (n_features,), default=None
        ``X.T @ y``, used together with a Gram matrix given as `precompute`.
    copy_X : bool, default=True
        Accepted; X is never written to.
    coef_init : array-like of shape (n_features,) or (n_targets, n_features), \
            default=None
        Where the first alpha starts.
    verbose : bool or int, default=False
        Write one line per alpha to standard error.
    return_n_iter : bool, default=False
        Whether to return the numbers of epochs too.
    positive : bool, default=False
        Restrict the coefficients to non-negative values (one target only).
    check_input : bool, default=True
        If False, X and y are taken as they are: float arrays or CSC/CSR matrices
        without missing or infinite values.
    **params : dict
        `tol` (1e-4), `max_iter` (1000), `sample_weight` (None), and, accepted because
        they choose how and not what, `selection`, `random_state` and `do_screening`.

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
        Decreasing.
    coefs : ndarray of shape (n_features, n_alphas) or \
            (n_targets, n_features, n_alphas)
    dual_gaps : ndarray of shape (n_alphas,)
        Duality gap of the objective above; at most `tol` times
        ``||y||^2 / (2 n_samples)`` where converged.
    n_iters : list of int
        Rounds of the active-set method and epochs of coordinate descent per alpha;
        only with `return_n_iter`.

    Raises
    ------
    ValueError
        For parameters out of range, or unknown `params`.

    References
    ----------
    Friedman, J., Hastie, T. and Tibshirani, R. Regularization paths for generalized
    linear models via coordinate descent. Journal of Statistical Software, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skreg import enet_path
    >>> X, y = load_diabetes(return_X_y=True)
    >>> alphas, coefs, dual_gaps = enet_path(X, y - y.mean(), l1_ratio=0.8, alphas=5)
    >>> coefs.shape
    (10, 5)
    >>> [int(n) for n in (coefs != 0).sum(axis=0)]
    [0, 9, 9, 10, 10]
    """
    given = locals()
    check_parameters("enet_path", given, PARAMETERS)
    options = {**SOLVER_DEFAULTS, **params}
    sample_weight = options.pop("sample_weight", None)
    if unknown := set(options) - set(SOLVER_DEFAULTS):
        raise ValueError("Unexpected parameters in params", sorted(unknown))
    check_parameters("enet_path", options, SOLVER_PARAMETERS)
    alphas = _resolve_alphas(n_alphas, alphas)
    if check_input:
        X, y, sample_weight, y_ndim, *_ = check_arrays(X, y, sample_weight)
    else:
        y_ndim, y = y.ndim, y.reshape(len(y), -1)
        sample_weight = check_sample_weight(sample_weight, len(y))
    if y_ndim > 1 and positive:
        raise ValueError("positive=True is not allowed for multi-output (y.ndim != 1)")
    sample = make_sample(X, y, sample_weight, fit_intercept=False)
    penalty = L1L2(l1_ratio, positive)
    moments = None
    if y_ndim == 1:
        moments = _path_moments(sample, precompute, Xy, alphas, check_input)
    if isinstance(alphas, Integral):
        correlation = sample.correlation(y) if moments is None else moments.correlation
        alphas = alpha_grid(correlation, penalty, eps=eps, n_alphas=alphas)
    else:
        alphas = np.sort(check_alphas(alphas))[::-1]
    start = None
    if coef_init is not None:
        start = check_start(coef_init, (y.shape[1], X.shape[1]), "coef_init")
    solve = {"tol": options["tol"], "max_iter": options["max_iter"], "start": start}
    if y_ndim == 1:
        result = solve_path(
            sample,
            penalty,
            alphas,
            moments=moments,
            use_gram=False,
            certified=True,
            **solve,
        )
    else:
        result = solve_multi_task_path(sample, penalty, alphas, **solve)
    coefs = result.coefs.astype(X.dtype, copy=False)
    if coefs.dtype != np.float64:
        result = result._replace(dual_gaps=_gaps_of(sample, penalty, alphas, coefs, y_ndim))
    warn_if_not_converged(result, options)
    if verbose:
        _report(result)
    coefs = coefs[0].T if y_ndim == 1 else np.swapaxes(coefs, 1, 2)
    returned = alphas, coefs, result.dual_gaps[0]
    return (*returned, result.n_iters[0].tolist()) if return_n_iter else returned


def lasso_path(
    X,
    y,
    *,
    eps=1e-3,
    n_alphas="deprecated",
    alphas="warn",
    precompute="auto",
    Xy=None,
    copy_X=True,
    coef_init=None,
    verbose=False,
    return_n_iter=False,
    positive=False,
    **params,
):
    r"""Lasso path: the coefficients at every alpha, without an intercept.

    .. math:: \frac{1}{2 n} \|y - X w\|_2^2 + \alpha \|w\|_1

    This is :func:`enet_path` with ``l1_ratio=1``; see there for the parameters, the
    returned values and several targets.

    Parameters
    ----------
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
    eps : float, default=1e-3
    n_alphas : int
        Deprecated; give an int to `alphas` instead.
    alphas : int or array-like, default=100
    precompute : 'auto', bool or array-like of shape (n_features, n_features), \
            default='auto'
    Xy : array-like of shape (n_features,), default=None
    copy_X : bool, default=True
    coef_init : array-like of shape (n_features,), default=None
    verbose : bool or int, default=False
    return_n_iter : bool, default=False
    positive : bool, default=False
    **params : dict

    Returns
    -------
    alphas : ndarray of shape (n_alphas,)
    coefs : ndarray of shape (n_features, n_alphas) or \
            (n_targets, n_features, n_alphas)
    dual_gaps : ndarray of shape (n_alphas,)
    n_iters : list of int
        Only with `return_n_iter`.

    References
    ----------
    Tibshirani, R. Regression shrinkage and selection via the lasso. Journal of the
    Royal Statistical Society B, 1996.

    Examples
    --------
    >>> import numpy as np
    >>> from skreg import lasso_path
    >>> X = np.array([[1, 2, 3.1], [2.3, 5.4, 4.3]]).T
    >>> y = np.array([1, 2, 3.1])
    >>> _, coefs, _ = lasso_path(X, y, alphas=[5.0, 1.0, 0.5])
    >>> print(np.round(coefs, 4))
    [[0.     0.     0.4692]
     [0.2159 0.4426 0.2367]]
    """
    return enet_path(
        X,
        y,
        l1_ratio=1.0,
        eps=eps,
        n_alphas=n_alphas,
        alphas=alphas,
        precompute=precompute,
        Xy=Xy,
        copy_X=copy_X,
        coef_init=coef_init,
        verbose=verbose,
        return_n_iter=return_n_iter,
        positive=positive,
        **params,
    )


def warn_if_not_converged(result, options, stacklevel=4):
    """Warn once per path, for the alpha with the largest gap that was left."""
    if result.converged.all():
        return
    gaps = np.where(result.converged, -1.0, result.dual_gaps)
    k, t = np.unravel_index(np.argmax(gaps), gaps.shape)
    warn_not_converged(
        result.alphas[t],
        result.dual_gaps[k, t],
        options["tol"] * result.null_objectives[k],
        options["max_iter"],
        stacklevel=stacklevel,
    )


def _resolve_alphas(n_alphas, alphas):
    """scikit-learn 1.9's two ways of asking for a grid, and their deprecations."""
    if n_alphas != "deprecated":
        warnings.warn(
            "'n_alphas' was deprecated in 1.9 and will be removed in 1.11 of "
            "scikit-learn, whose signature this is; give the number to 'alphas'.",
            FutureWarning,
            stacklevel=4,
        )
        default = n_alphas
    else:
        default = 100
    if alphas is None:
        warnings.warn(
            "'alphas=None' is deprecated and will be removed in 1.11 of scikit-learn, "
            "whose signature this is. Set 'alphas=100' instead.",
            FutureWarning,
            stacklevel=4,
        )
        return default
    return default if isinstance(alphas, str) else alphas


def _path_moments(sample, precompute, Xy, alphas, check_input):
    """Moments if the path is to run on a Gram matrix: given, asked for or cheaper."""
    if not isinstance(sample.X, np.ndarray):
        return None
    if not isinstance(precompute, (bool, str, np.bool_)):
        gram = check_array(precompute, dtype=np.float64, input_name="precompute")
        check_gram(sample, gram, skip_element=not check_input)
        moments = moments_from_gram(sample, gram)
        if Xy is not None:
            correlation = check_start(Xy, (1, sample.X.shape[1]), "Xy").T
            moments = replace(moments, correlation=correlation / len(sample.y))
        return moments
    count = alphas if isinstance(alphas, Integral) else len(alphas)
    if precompute is True or prefers_gram(sample.X, count):
        return make_moments(sample)
    return None


def _gaps_of(sample, penalty, alphas, coefs, y_ndim):
    """Certificates of the coefficients as they are returned, rounded to float32."""
    if y_ndim == 1:
        targets = np.zeros(len(alphas), dtype=np.int64)
        return recompute_gaps(sample, penalty, alphas, coefs[0], targets)[None]
    coefs = np.swapaxes(coefs, 0, 1)
    return recompute_multi_task_gaps(sample, penalty, alphas, coefs)[None]


def _report(result):
    for t, alpha in enumerate(result.alphas):
        sys.stderr.write(
            f"alpha {t + 1:03d} of {len(result.alphas):03d}: {alpha:.6g}, "
            f"gap {result.dual_gaps[0, t]:.3e}, {result.n_iters[0, t]} rounds\n"
        )
