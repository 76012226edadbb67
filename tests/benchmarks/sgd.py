"""One pass over a million rows, beside scikit-learn's SGD and Vowpal Wabbit's FTRL.

    python -m tests.benchmarks.sgd [--rows N] [--rounds N] [--vw PYTHON]

Rows have 30 words of a Zipf distribution hashed to 2^20 columns, log-loss, one thread. Like
with like: the same schedule, penalty and order of rows, whole fits, input check included.
PYTHON is an interpreter that can import vowpalwabbit. Its time is that of the thread that
learns, while another one reads the binary cache; skreg's that of a whole fit. Programs take
turns, so that ratios mean something on a machine that is not quiet; processor times, the
least of the rounds, with the quartiles of the ratios of each round.
"""

import argparse
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from scipy import sparse  # noqa: E402
from sklearn.linear_model import SGDClassifier as Reference  # noqa: E402

from skreg import SGDClassifier  # noqa: E402

N_COLUMNS, N_WORDS = 2**20, 30
COMMON = {"loss": "log_loss", "max_iter": 1, "tol": None, "random_state": 0}
SGD = {**COMMON, "alpha": 1e-6, "learning_rate": "invscaling", "eta0": 0.5}
FTRL = {"solver": "ftrl", "penalty": "l1", "eta0": 0.1, "beta": 1.0}
VW = """
import sys, time, json
import vowpalwabbit
start = time.thread_time()
vw = vowpalwabbit.Workspace(sys.argv[1])  # learns, as it has data
seconds = time.thread_time() - start
print(json.dumps([seconds, vw.get_sum_loss() / vw.get_weighted_examples()]))
"""


def data(n_rows, seed=0):
    """Counts of hashed words, and labels of a linear model in a tenth of the columns."""
    rng = np.random.default_rng(seed)
    words = np.exp(rng.random((n_rows, N_WORDS)) * np.log(3e6)).astype(np.int64)
    columns = (((words * 2654435761) >> 8) % N_COLUMNS).astype(np.int32)
    columns.sort(axis=1)
    starts = np.arange(0, columns.size + 1, N_WORDS)
    parts = (np.ones(columns.size), columns.ravel(), starts)
    X = sparse.csr_matrix(parts, shape=(n_rows, N_COLUMNS))
    X.sum_duplicates()
    coef = rng.standard_normal(N_COLUMNS) * (rng.random(N_COLUMNS) < 0.1)
    return X, (X @ coef + rng.standard_normal(n_rows) > 0).astype(int)


def write_for_vw(X, y, path):
    with open(path, "w") as file:
        for i, label in enumerate(y):
            part = slice(X.indptr[i], X.indptr[i + 1])
            pairs = zip(X.indices[part].tolist(), X.data[part].tolist(), strict=True)
            row = " ".join(str(j) if x == 1.0 else f"{j}:{x:g}" for j, x in pairs)
            file.write(f"{2 * label - 1} | {row}\n")


def vw_options(source, fit_intercept):
    """FTRL as `FTRL` has it, without a penalty."""
    options = f"--ftrl --ftrl_alpha {FTRL['eta0']} --ftrl_beta {FTRL['beta']} -b 20 --quiet"
    options += f" --loss_function logistic -d {source} --cache_file {source}.cache"
    return options + ("" if fit_intercept else " --noconstant")


def run_vw(python, options):
    """Seconds, and progressive loss."""
    command = [python, "-c", VW, options]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def fit(kind, X, y, **settings):
    """A program that fits, and returns seconds and progressive loss if there is one."""

    def run():
        start = time.process_time()
        model = kind(**settings).fit(X, y)
        seconds = time.process_time() - start
        return seconds, getattr(model, "progressive_loss_", np.nan)

    return run


def interleaved(programs, rounds):
    """Seconds of every round and last loss of each program."""
    seconds, losses = {name: [] for name in programs}, {}
    for _ in range(rounds):
        for name, run in programs.items():
            spent, losses[name] = run()
            seconds[name].append(spent)
    return {name: np.array(spent) for name, spent in seconds.items()}, losses


def report(title, bar, ours, theirs, losses, n_rows):
    low, high = np.quantile(theirs / ours, [0.25, 0.75])
    least, other = ours.min() / n_rows * 1e9, theirs.min() / n_rows * 1e9
    print(
        f"| {title} | {bar} | {other / least:.2f} | {low:.2f}-{high:.2f} | {least:.0f} |"
        f" {other:.0f} | {losses} |",
        flush=True,
    )


def against_scikit_learn(X, y, rounds):
    for penalty, bar in (("l1", 3), ("l2", 2)):
        for shuffle in (False, True):
            settings = {**SGD, "penalty": penalty, "shuffle": shuffle}
            kinds = {"skreg": SGDClassifier, "scikit-learn": Reference}
            programs = {name: fit(kind, X, y, **settings) for name, kind in kinds.items()}
            seconds, losses = interleaved(programs, rounds)
            title = f"{penalty}, {'shuffled' if shuffle else 'in order'}"
            loss = f"{losses['skreg']:.4f}"
            report(title, bar, *seconds.values(), loss, X.shape[0])


def against_vw(X, y, rounds, python):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.txt"
        write_for_vw(X, y, source)
        for intercept in (False, True):
            options = vw_options(source, intercept)
            run_vw(python, options)  # writes the cache
            settings = {**COMMON, **FTRL, "shuffle": False, "fit_intercept": intercept}
            programs = {
                "skreg": fit(SGDClassifier, X, y, alpha=0.0, **settings),
                "vw": lambda options=options: run_vw(python, options),
            }
            seconds, losses = interleaved(programs, rounds)
            title = f"ftrl, {'with' if intercept else 'without'} intercept"
            loss = f"{losses['skreg']:.5f}, vw {losses['vw']:.5f}"
            report(title, 1, *seconds.values(), loss, X.shape[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--vw", help="Python that has vowpalwabbit")
    given = parser.parse_args()
    X, y = data(given.rows)
    fit(SGDClassifier, X[:100], y[:100], **SGD)()  # compiles, or loads what is compiled
    fit(SGDClassifier, X[:100], y[:100], alpha=0.0, **COMMON, **FTRL)()
    print(
        "| case | bar | their time / skreg's | quartiles | skreg, ns a row | theirs |"
        " loss |"
    )
    print("|---|---|---|---|---|---|---|")
    against_scikit_learn(X, y, given.rounds)
    if given.vw:
        against_vw(X, y, given.rounds, given.vw)


if __name__ == "__main__":
    main()
