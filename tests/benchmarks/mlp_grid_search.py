"""A grid search over alpha and dropout in two threads against one.

    python -m tests.benchmarks.mlp_grid_search [n_threads]

`GridSearchCV` with joblib's threads, 8 candidates and 4 folds, BLAS limited to one thread,
so that all that runs side by side is what the kernels do without the GIL. Both are timed in
turn, `ROUNDS` times, and the ratio is that of the smaller times.

On a machine that is busy that says little. So there are two more numbers: what the machine
gives to two processes that know nothing of each other (one search in each, against two in
turn: 2 if it is idle), and the share of the processor time of a search that is spent in
kernels, which hold no lock. With a share s, n threads can gain min(n, 1 / (1 - s)).
"""

import os

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import sys  # noqa: E402
import time  # noqa: E402
import warnings  # noqa: E402
from unittest import mock  # noqa: E402

import joblib  # noqa: E402
import numpy as np  # noqa: E402
from sklearn.exceptions import ConvergenceWarning  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from skreg import MLPClassifier  # noqa: E402
from skreg.mlp import _network, _training  # noqa: E402
from tests.benchmarks.ridge_cv import interleaved  # noqa: E402

ROUNDS = 7
GRID = {"alpha": [0.0, 0.1, 1.0, 10.0], "dropout": [0.0, 0.3]}
# n_samples, n_features, hidden layers, batch size, epochs
CASES = (
    (500, 10, (50,), 32, 60),
    (2000, 20, (100,), 32, 20),
    (4000, 50, (256, 256), 200, 4),
)


def sample(n_samples, n_features):
    """Rows of normal numbers in ten classes."""
    rng = np.random.default_rng(0)
    y = rng.integers(0, 10, n_samples)
    X = rng.standard_normal((n_samples, n_features))
    X[np.arange(n_samples), y % n_features] += 2.0
    return X.astype(np.float32), y


def searched(model, X, y, n_threads):
    """Seconds of a search."""
    search = GridSearchCV(model, GRID, cv=4, refit=False, n_jobs=n_threads)
    start = time.perf_counter()
    with joblib.parallel_config("threading"), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # so many epochs are meant
        search.fit(X, y)
    return time.perf_counter() - start


def in_processes(model, X, y, n_workers, workers):
    """Seconds of a search in each of several processes at once."""
    start = time.perf_counter()
    workers(joblib.delayed(searched)(model, X, y, 1) for _ in range(n_workers))
    return time.perf_counter() - start


def without_lock(model, X, y):
    """Share of the processor time of a search that is spent in kernels."""
    spent = []

    def timed(kernel):
        def call(*args):
            start = time.thread_time()
            result = kernel(*args)
            spent.append(time.thread_time() - start)
            return result

        return call

    with (
        mock.patch.object(_training, "train_batches", timed(_training.train_batches)),
        mock.patch.object(_network, "predict_batch", timed(_network.predict_batch)),
    ):
        start = time.thread_time()
        searched(model, X, y, 1)
        return sum(spent) / (time.thread_time() - start)


def measure(case, n_threads, workers):
    """Print what one case gives."""
    n_samples, n_features, hidden, batch_size, epochs = case
    X, y = sample(n_samples, n_features)
    model = MLPClassifier(
        hidden,
        batch_size=batch_size,
        max_iter=epochs,
        n_iter_no_change=np.inf,
        random_state=0,
    )
    searches = {
        "one": lambda: searched(model, X, y, 1),
        "threads": lambda: searched(model, X, y, n_threads),
        "processes": lambda: in_processes(model, X, y, n_threads, workers),
    }
    seconds, _ = interleaved(searches, ROUNDS)
    one, threads, processes = (seconds[name] for name in searches)
    print(
        f"{n_samples:6d} rows, {n_features}-{hidden} batch {batch_size}: one thread "
        f"{one:.2f} s, {n_threads} threads {threads:.2f} s, ratio {one / threads:.2f}; "
        f"{n_threads} processes {n_threads * one / processes:.2f}; in kernels "
        f"{without_lock(model, X, y):.1%}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def main():
    """All cases."""
    n_threads = int(sys.argv[1]) if len(sys.argv) > 1 else 2
    with threadpool_limits(1), joblib.Parallel(n_threads) as workers:
        for case in CASES:
            measure(case, n_threads, workers)


if __name__ == "__main__":
    main()
