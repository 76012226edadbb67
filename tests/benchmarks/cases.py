"""The data of every case: seeded, built once and given to every library as it is."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import signal, sparse

SIGNAL_TO_NOISE = 3.0  # standard deviation of the signal over that of the noise
REAL_PATH_END = 1e-2


class Problem(NamedTuple):
    """One lasso path: data that are not centred, and the grid that everyone solves.

    A y of two dimensions makes it a multi-task path: the norm of a feature's row of
    coefficients is penalised.
    """

    X: np.ndarray | sparse.csr_matrix | sparse.csc_matrix
    y: np.ndarray  # (n_samples,) or (n_samples, n_targets)
    alphas: np.ndarray


class Case(NamedTuple):
    """How to make a problem, and the speed-up asked of skreg."""

    make: Callable  # (rng) -> X, y; for a stored case (folder) -> X, y
    path_end: float
    bar: float | None = None
    bar_peer: str | None = None  # whom the bar is over; None: the fastest peer
    folder: str | None = None


def friedman(n_samples, n_features, rho, rng):
    """Friedman, Hastie and Tibshirani (2010), section 5.1: equicorrelated columns."""
    X = rng.standard_normal((n_samples, n_features))
    X *= np.sqrt(1.0 - rho)
    X += np.sqrt(rho) * rng.standard_normal((n_samples, 1))
    j = np.arange(1, n_features + 1)
    return X, noisy(X @ ((-1.0) ** j * np.exp(-2.0 * (j - 1) / 20.0)), rng)


def autoregressive(n_samples, n_features, rho, rng):
    """AR(1) columns; max(10, min(n, p) / 20) coefficients +-1 at random places."""
    X = autoregressive_columns(n_samples, n_features, rho, rng)
    n_active = min(max(10, min(n_samples, n_features) // 20), n_features)
    active = rng.choice(n_features, n_active, replace=False)
    return X, noisy(X[:, active] @ rng.choice([-1.0, 1.0], n_active), rng)


def multi_task(n_samples, n_features, n_targets, rho, n_active, rng):
    """AR(1) columns; `n_active` rows of standard normal coefficients."""
    X = autoregressive_columns(n_samples, n_features, rho, rng)
    active = rng.choice(n_features, n_active, replace=False)
    return X, noisy(X[:, active] @ rng.standard_normal((n_active, n_targets)), rng)


def autoregressive_columns(n_samples, n_features, rho, rng):
    """Standard normal columns, those k apart with correlation rho^k."""
    innovations = rng.standard_normal((n_samples, n_features))
    innovations[:, 1:] *= np.sqrt(1.0 - rho**2)
    return signal.lfilter([1.0], [1.0, -rho], innovations, axis=1)


def heavy_tailed(n_samples, n_features, density, n_active, rng):
    """Sparse X with log-normal column counts (sigma 1.5): some long, most short.

    Every column has at least one entry and none more than half of the rows; the
    non-zero coefficients +-1 are anywhere. So a few long columns carry the signal and
    the path ends with over a thousand features. Counts by Zipf's law, or coefficients
    where the counts are large, gave a path of some hundred features that even the
    loosest tolerance solves.
    """
    share = rng.lognormal(sigma=1.5, size=n_features)
    counts = np.rint(density * n_samples * share / share.mean())
    counts = np.clip(counts, 1, n_samples // 2).astype(int)
    rows = [rng.choice(n_samples, count, replace=False) for count in counts]
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    indices = np.concatenate(rows).astype(np.int32)
    values = rng.standard_normal(len(indices))
    X = sparse.csc_matrix((values, indices, indptr), shape=(n_samples, n_features))
    X.sort_indices()
    active = rng.choice(n_features, n_active, replace=False)
    return X, noisy(X[:, active] @ rng.choice([-1.0, 1.0], n_active), rng)


def noisy(fitted, rng):
    """The signal plus noise."""
    noise = rng.standard_normal(fitted.shape)
    return fitted + noise * (np.std(fitted) / (SIGNAL_TO_NOISE * np.std(noise)))


def stored_dense(folder):
    """X and y of `data.npz`; class codes are taken as numbers."""
    with np.load(folder / "data.npz") as data:
        return data["x"].astype(np.float64), data["y"].astype(np.float64)


def stored_sparse(folder):
    """X and y of the rows in `train.npz`."""
    with np.load(folder / "train.npz") as data:
        parts = (
            data["data"].astype(np.float64),
            data["indices"].astype(np.int32),
            data["indptr"].astype(np.int32),
        )
        X = sparse.csr_matrix(parts, shape=tuple(data["shape"]))
        return X, data["y"].astype(np.float64)


CASES = {
    "1000x100": Case(partial(friedman, 1000, 100, 0.5), 1e-4, 1.5),
    "5000x100": Case(partial(friedman, 5000, 100, 0.5), 1e-4, 1.5),
    "100x1000": Case(partial(friedman, 100, 1000, 0.5), 5e-2, 2.0),
    "100x20000": Case(partial(friedman, 100, 20_000, 0.5), 5e-2, 1.5),
    "100x50000": Case(partial(friedman, 100, 50_000, 0.95), 5e-2, 1.5),
    "500x20000": Case(partial(autoregressive, 500, 20_000, 0.6), 1e-2, 2.0),
    "2000x2000": Case(partial(autoregressive, 2000, 2000, 0.6), 1e-3, 4.0),
    "100000x500": Case(partial(autoregressive, 100_000, 500, 0.6), 1e-3, 1.5),
    "sparse": Case(partial(heavy_tailed, 20_000, 100_000, 1e-3, 200), 1e-2, 1.0),
    "multi-task": Case(
        partial(multi_task, 200, 5000, 10, 0.6, 10), 1e-2, 5.0, bar_peer="sklearn"
    ),
    "leukemia": Case(stored_dense, REAL_PATH_END, folder="leukemia_dettling"),
    "golub": Case(stored_dense, REAL_PATH_END, folder="golub"),
    "alon": Case(stored_dense, REAL_PATH_END, folder="alon"),
    "rcv1": Case(stored_sparse, REAL_PATH_END, folder="rcv1_small"),
}


def why_missing(case, data):
    """Why a case cannot be built, in a few words; None if it can."""
    if case.folder is None:
        return None
    if data is None:
        return f"needs --data DIR with the folder {case.folder}"
    if not (Path(data) / case.folder).is_dir():
        return f"no folder {case.folder} in the --data directory"
    return None


def build(case, *, order="C", data=None, n_alphas=100, seed=0):
    """Make the problem of a case; sparse X is CSR in order C and CSC in order F."""
    if case.folder is None:
        X, y = case.make(np.random.default_rng(seed))
    else:
        X, y = case.make(Path(data) / case.folder)
    if sparse.issparse(X):
        X = X.tocsr() if order == "C" else X.tocsc()
    else:
        X = np.asarray(X, order=order)
    gradient = (X.T @ (y - y.mean(axis=0))).reshape(X.shape[1], -1)
    alpha_max = np.max(np.linalg.norm(gradient, axis=1)) / len(y)
    return Problem(X, y, np.geomspace(alpha_max, alpha_max * case.path_end, n_alphas))
