"""RidgeCV: leave-one-out and folds at many alphas, against a bound and scikit-learn.

    python -m tests.benchmarks.ridge_cv

One thread, all programs in turn in one process, so that the ratios mean something on a
machine that is not quiet; the smallest of some rounds. The bound is what no exact
leave-one-out does without: one Gram matrix, its eigenvectors, and one product of X with a
matrix of one column per alpha.
"""

import os
import sys
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
import sklearn.linear_model  # noqa: E402
from scipy import linalg, sparse  # noqa: E402
from sklearn.model_selection import GridSearchCV  # noqa: E402

import skreg  # noqa: E402

ALPHAS = np.logspace(-3, 5, 100)


def data(n_samples, n_features, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    noise = np.sqrt(n_features) * rng.standard_normal(n_samples)
    return X, X @ rng.standard_normal(n_features) + noise


def interleaved(programs, rounds):
    """Seconds of each program, the least of `rounds`, and what they returned last."""
    seconds, results = dict.fromkeys(programs, np.inf), {}
    for _ in range(rounds):
        for name, run in programs.items():
            start = time.perf_counter()
            results[name] = run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
    return seconds, results


def bound(X, columns):
    """One Gram matrix, its eigenvectors, one product of X with a column per alpha."""

    def run():
        linalg.eigh(X.T @ X, driver="evd")
        return X @ columns

    return run


def report(title, seconds, base):
    print(title)
    for name, value in seconds.items():
        print(f"  {name:28s} {value:9.3f} s  {value / seconds[base]:8.2f}")


def leave_one_out(rounds):
    X, y = data(20_000, 500)
    ours, theirs = skreg.RidgeCV(ALPHAS), sklearn.linear_model.RidgeCV(ALPHAS)
    columns = np.random.default_rng(1).standard_normal((500, len(ALPHAS)))
    fast = {"bound": bound(X, columns), "skreg": lambda: ours.fit(X, y)}
    fast["skreg, cv='gcv'"] = lambda: skreg.RidgeCV(ALPHAS, cv="gcv").fit(X, y)
    seconds, _ = interleaved(fast, rounds)
    slow, _ = interleaved({"scikit-learn": lambda: theirs.fit(X, y)}, 1)
    report("leave-one-out, 20000 x 500, 100 alphas", {**seconds, **slow}, "bound")
    print(f"  scikit-learn / skreg: {slow['scikit-learn'] / seconds['skreg']:.1f}")
    print(f"  alphas chosen: {ours.alpha_:.6g}, {theirs.alpha_:.6g}")
    print(f"  relative gap: {ours.relative_gap_:.1e}")


def folds(shape, n_alphas, rounds):
    X, y = data(*shape)
    alphas = np.logspace(-2, 4, n_alphas)
    search = GridSearchCV(sklearn.linear_model.Ridge(), {"alpha": alphas}, cv=5)
    programs = {
        "skreg": lambda: skreg.RidgeCV(alphas, cv=5).fit(X, y),
        "scikit-learn": lambda: search.fit(X, y),
    }
    seconds, results = interleaved(programs, rounds)
    report(f"5 folds, {shape[0]} x {shape[1]}, {n_alphas} alphas", seconds, "skreg")
    mean = results["scikit-learn"].cv_results_["mean_test_score"]
    found = results["skreg"].alpha_results_.mean_score[0]
    print(f"  largest difference of mean scores: {np.abs(found - mean).max():.1e}")


def sparse_folds(rounds):
    X = sparse.random_array((20_000, 20_000), density=1e-3, rng=np.random.default_rng(0))
    X = X.tocsr()
    y = X @ np.random.default_rng(1).standard_normal(20_000)
    y += np.random.default_rng(2).standard_normal(len(y))
    for alphas in ([0.1, 1.0, 10.0], np.geomspace(0.1, 1e3, 100)):
        ours = skreg.RidgeCV(alphas, cv=3)
        theirs = sklearn.linear_model.RidgeCV(alphas, cv=3)
        programs = {
            "skreg": lambda ours=ours: ours.fit(X, y),
            "scikit-learn (its tol)": lambda theirs=theirs: theirs.fit(X, y),
        }
        seconds, _ = interleaved(programs, rounds)
        title = f"3 folds, sparse 20000 x 20000, {len(alphas)} alphas"
        report(title, seconds, "skreg")
        print(f"  relative gap: {ours.relative_gap_:.1e}")


def main(rounds=5):
    leave_one_out(rounds)
    folds((20_000, 200), 20, 1)
    folds((300, 2_000), 20, 1)
    sparse_folds(1)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
