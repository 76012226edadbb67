"""One adapter per library: a whole lasso path with its intercept.

An adapter gets X and y as users have them and returns coefficients of shape
(n_features, n_alphas) and intercepts of shape (n_alphas,). All that a user of the
library waits for, checks and centring included, is inside it. Where the library's path
function has no intercept, X is centred as the library's own estimators do it: a
centred Fortran copy if dense, column means handed over if sparse.
"""

import importlib
import inspect
import warnings
from collections.abc import Callable
from importlib.metadata import version
from typing import NamedTuple

import numpy as np
from scipy import sparse


class Library(NamedTuple):
    """An adapter, and where its library keeps the defaults it is shipped with."""

    path: Callable  # (X, y, alphas, tol, bound on iterations) -> coefs, intercepts
    distribution: str
    module: str
    shipped: str  # the class or function in `module` whose defaults are "as shipped"
    bound: str = "max_iter"
    patience: int = 100_000  # bound on iterations once `tol` is chosen
    passes: Callable | None = None  # (X, y, alphas, tol) -> passes over X, if counted

    def load(self):
        """Import the library and read its version and its defaults."""
        found = getattr(importlib.import_module(self.module), self.shipped)
        parameters = inspect.signature(found).parameters
        return {
            "version": version(self.distribution),
            "tol": parameters["tol"].default,
            "bound": parameters[self.bound].default,
        }


def skreg_path(X, y, alphas, tol, max_iter):
    from skreg._solvers.least_squares import prefers_gram, solve_path
    from skreg._validation import check_arrays
    from skreg.linear._base import measured
    from skreg.penalties import L1

    data = check_arrays(X, y)
    by_gram = prefers_gram(data.X, len(alphas))
    sample, moments = measured(data, by_gram, fit_intercept=True, standardize=False)
    stop = {"tol": tol, "max_iter": max_iter}
    result = solve_path(sample, L1(), alphas, moments=moments, **stop)
    return result.coefs[0].T, sample.intercept(result.coefs)[0]


def skreg_passes(X, y, alphas, tol):
    """Columns read to check the features left out, over the number of columns.

    Solves as ``solve_path`` does; None where it would form the Gram matrix. Not counted:
    centring, the first look at y, packing the columns that join the working set.
    """
    from skreg._solvers import least_squares
    from skreg._solvers.results import Stop
    from skreg._solvers.sample import column_design, make_sample, start_state
    from skreg._solvers.working_set import WorkingSet
    from skreg.penalties import L1

    sample = make_sample(X, y[:, None], None, True)
    if least_squares.prefers_gram(sample.X, len(alphas)):
        return None
    design, curvature = column_design(sample)
    working_set = WorkingSet(sample, 0, design, curvature)
    state = start_state(design, sample, 0)
    descent = least_squares.Descent(design, curvature, state)
    null = 0.5 * sample.y_norm2[0]
    stop = Stop(null, tol, least_squares.UNBOUNDED)
    for _ in least_squares.Problem(working_set, descent).path(L1(), alphas, None, stop):
        pass
    return working_set.n_passes


def sklearn_path(X, y, alphas, tol, max_iter):
    from sklearn.linear_model import lasso_path

    X, y, X_mean, y_mean = centre(X, y)
    offsets = sparse_offsets(X, X_mean)
    stop = {"tol": tol, "max_iter": max_iter}
    _, coefs, _ = lasso_path(X, y, alphas=alphas, copy_X=False, **stop, **offsets)
    return coefs, y_mean - X_mean @ coefs


def celer_path(X, y, alphas, tol, max_iter):
    from celer.homotopy import celer_path

    X, y, X_mean, y_mean = centre(X, y)
    offsets = sparse_offsets(X, X_mean)
    stop = {"tol": tol, "max_iter": max_iter}
    _, coefs, _ = celer_path(X, y, "lasso", alphas=alphas, prune=1, **stop, **offsets)
    return coefs, y_mean - X_mean @ coefs


def skglm_path(X, y, alphas, tol, max_iter):
    from skglm import Lasso

    lasso = Lasso(tol=tol, max_iter=max_iter)
    _, coefs, _ = lasso.path(X, y, alphas, return_n_iter=False)
    return coefs[:-1], coefs[-1]


def glmnet_path(X, y, alphas, tol, max_iter):
    from glmnet import ElasticNet

    model = ElasticNet(
        alpha=1,
        lambda_path=alphas,
        standardize=False,
        n_splits=0,
        tol=tol,
        max_iter=max_iter,
    )
    model.fit(X, y)
    missing = len(alphas) - model.n_lambda_  # glmnet stops where it did not converge
    coefs = np.pad(model.coef_path_, ((0, 0), (0, missing)), mode="edge")
    return coefs, np.pad(model.intercept_path_, (0, missing), mode="edge")


def adelie_path(X, y, alphas, tol, max_iter):
    from adelie import glm

    state = adelie_state(X, glm.gaussian(y), alphas, tol, max_iter)
    return state.betas.T.toarray(), np.asarray(state.intercepts)


def adelie_state(X, loss, alphas, tol, max_iter, **options):
    """What adelie's solver returns for one of its losses."""
    import adelie

    wrap = adelie.matrix.sparse if sparse.issparse(X) else adelie.matrix.dense
    return adelie.grpnet(
        wrap(X),
        loss,
        lmda_path=alphas,
        tol=tol,
        max_iters=max_iter,
        early_exit=False,
        progress_bar=False,
        **options,
    )


def centre(X, y):
    """A centred copy of dense X in Fortran order; sparse X as CSC; and the means."""
    y_mean = y.mean(axis=0)
    if sparse.issparse(X):
        X = X.tocsc()
        return X, y - y_mean, np.asarray(X.mean(axis=0)).ravel(), y_mean
    X = np.array(X, order="F")
    X_mean = X.mean(axis=0)
    X -= X_mean
    return X, y - y_mean, X_mean, y_mean


def sparse_offsets(X, X_mean):
    """What scikit-learn and celer take in place of a centred sparse X."""
    if sparse.issparse(X):
        return {"X_offset": X_mean, "X_scale": np.ones_like(X_mean)}
    return {}


LIBRARIES = {
    "skreg": Library(skreg_path, "skreg", "skreg", "Lasso", passes=skreg_passes),
    "sklearn": Library(sklearn_path, "scikit-learn", "sklearn.linear_model", "Lasso"),
    "celer": Library(celer_path, "celer", "celer", "Lasso"),
    "skglm": Library(skglm_path, "skglm", "skglm", "Lasso"),
    "glmnet": Library(glmnet_path, "python-glmnet", "glmnet", "ElasticNet", patience=10**9),
    "adelie": Library(
        adelie_path, "adelie", "adelie", "grpnet", bound="max_iters", patience=10**8
    ),
}


def solve(library, problem, tol, defaults):
    """A path at `tol`; None is as shipped: the library's tolerance and its patience."""
    stop = (defaults["tol"], defaults["bound"])
    if tol is not None:
        stop = (tol, library.patience)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return library.path(*problem, *stop)
