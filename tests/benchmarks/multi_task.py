"""One adapter per library that can penalise a feature's row of coefficients (L21 norm).

As :mod:`tests.benchmarks.libraries`, with y of shape (n_samples, n_targets): an adapter
returns coefficients of shape (n_features, n_alphas, n_targets) and intercepts of shape
(n_alphas, n_targets). python_glmnet has no such model.
"""

import numpy as np

from tests.benchmarks.libraries import LIBRARIES, Library, adelie_state, centre


def skreg_path(X, y, alphas, tol, max_iter):
    from sklearn.utils import check_X_y

    from skreg._solvers.multi_task import solve_multi_task_path
    from skreg._solvers.sample import make_sample
    from skreg.penalties import L1

    X, y = check_X_y(X, y, accept_sparse=["csc", "csr"], multi_output=True)
    sample = make_sample(X, y, None, True)
    result = solve_multi_task_path(sample, L1(), alphas, tol=tol, max_iter=max_iter)
    return result.coefs.T, sample.intercept(result.coefs).T


def sklearn_path(X, y, alphas, tol, max_iter):
    from sklearn.linear_model import enet_path

    X, y, X_mean, y_mean = centre(X, y)
    stop = {"tol": tol, "max_iter": max_iter}
    _, coefs, _ = enet_path(X, y, l1_ratio=1.0, alphas=alphas, copy_X=False, **stop)
    return with_intercepts(coefs, X_mean, y_mean)


def celer_path(X, y, alphas, tol, max_iter):
    from celer.homotopy import mtl_path

    X, y, X_mean, y_mean = centre(X, y)
    _, coefs, _ = mtl_path(X, y, alphas=alphas, prune=True, tol=tol, max_iter=max_iter)
    return with_intercepts(coefs, X_mean, y_mean)


def skglm_path(X, y, alphas, tol, max_iter):
    from skglm import MultiTaskLasso

    lasso = MultiTaskLasso(tol=tol, max_iter=max_iter)
    _, coefs, _ = lasso.path(X, y, alphas)
    return coefs[:, :-1].transpose(1, 2, 0), coefs[:, -1].T


def adelie_path(X, y, alphas, tol, max_iter):
    """Its loss is ours over n_targets, its weights sqrt(n_targets) if not given."""
    from adelie import glm

    (n_features, n_targets), n_alphas = (X.shape[1], y.shape[1]), len(alphas)
    state = adelie_state(
        X,
        glm.multigaussian(y),
        alphas / n_targets,
        tol,
        max_iter,
        penalty=np.ones(n_features),
    )
    coefs = state.betas.toarray().reshape(n_alphas, n_features, n_targets)
    return coefs.swapaxes(0, 1), np.asarray(state.intercepts)


def with_intercepts(coefs, X_mean, y_mean):
    """Adapter's answer from coefs of shape (n_targets, n_features, n_alphas)."""
    coefs = coefs.transpose(1, 2, 0)
    return coefs, y_mean - np.tensordot(X_mean, coefs, 1)


MULTI_TASK = {
    "skreg": Library(skreg_path, "skreg", "skreg", "Lasso"),
    "sklearn": Library(
        sklearn_path, "scikit-learn", "sklearn.linear_model", "MultiTaskLasso"
    ),
    "celer": Library(celer_path, "celer", "celer", "MultiTaskLasso"),
    "skglm": Library(skglm_path, "skglm", "skglm", "MultiTaskLasso"),
    "adelie": Library(
        adelie_path, "adelie", "adelie", "grpnet", bound="max_iters", patience=10**8
    ),
}


def adapters(problem):
    """The libraries that have a model for a problem."""
    return MULTI_TASK if problem.y.ndim == 2 else LIBRARIES
