"""Time cross-validation with skreg and its peers, and against skreg's own single path.

Usage, from the root of the project, in an environment with the extra ``bench``::

    python -m tests.benchmarks.cross_validation --json cv.jsonl
    python -m tests.benchmarks.cross_validation --cases 200x5000 --orders C F \\
        --python-for adelie=/path/to/python
    python -m tests.benchmarks.cross_validation --growth

One process per library, one thread in each, calls interleaved (A B C A B C ...) after one
that is not counted; reported is the minimum as a multiple of skreg's, with the quartiles
of the ratios within a round. Ten shuffled folds and a grid of 100 alphas, the same for
everyone that takes them (python_glmnet makes its folds itself, adelie too). Tolerances
are those that bring the relative duality gap of scikit-learn and skreg to 1e-6; glmnet and
adelie have 1e-9 of their own scale. ``path`` is one path of skreg on all rows, the input
check included: what a fit without cross-validation costs. ``--growth`` fits time = a + b
(K + 1) over the number of folds K, a in passes over X (``X.T @ X``) and b in paths.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
from scipy import sparse

from tests.benchmarks.cases import autoregressive, heavy_tailed
from tests.benchmarks.measure import ONE_THREAD, ROOT

RATIOS = (0.1, 0.5, 0.7, 0.9, 0.95, 0.99, 1.0)
# name: (data, end of the path, l1_ratios)
CASES = {
    "4000x300": (partial(autoregressive, 4000, 300, 0.6), 1e-3, None),
    "50000x300": (partial(autoregressive, 50_000, 300, 0.6), 1e-3, None),
    "500000x300": (partial(autoregressive, 500_000, 300, 0.6), 1e-3, None),
    "200x5000": (partial(autoregressive, 200, 5000, 0.6), 1e-2, None),
    "4000x300 elastic net": (partial(autoregressive, 4000, 300, 0.6), 1e-3, RATIOS),
    "sparse 20000x20000": (partial(heavy_tailed, 20_000, 20_000, 1e-3, 200), 1e-2, None),
}
GROWTH_FOLDS = (2, 3, 5, 10, 20, 35, 50)


def folds(n_folds=10):
    from sklearn.model_selection import KFold

    return KFold(n_folds, shuffle=True, random_state=0)


def skreg_cv(X, y, eps, ratios, n_folds=10):
    import skreg

    options = {"eps": eps, "tol": 1e-6, "max_iter": 10_000, "cv": folds(n_folds)}
    if ratios is None:
        return skreg.LassoCV(**options).fit(X, y)
    return skreg.ElasticNetCV(l1_ratio=list(ratios), **options).fit(X, y)


def sklearn_cv(X, y, eps, ratios):
    from sklearn import linear_model

    options = {"eps": eps, "tol": 5e-7, "max_iter": 1_000_000, "cv": folds()}
    if ratios is None:
        return linear_model.LassoCV(**options).fit(X, y)
    return linear_model.ElasticNetCV(l1_ratio=list(ratios), **options).fit(X, y)


def glmnet_cv(X, y, eps, ratios):
    from glmnet import ElasticNet

    for ratio in ratios or (1.0,):
        ElasticNet(
            alpha=ratio,
            n_lambda=100,
            min_lambda_ratio=eps,
            standardize=False,
            n_splits=10,
            tol=1e-9,
            max_iter=10**9,
            scoring="mean_squared_error",
        ).fit(X, y)


def adelie_cv(X, y, eps, ratios):
    import adelie

    for ratio in ratios or (1.0,):
        adelie.cv_grpnet(
            X,
            adelie.glm.gaussian(y),
            n_folds=10,
            alpha=ratio,
            min_ratio=eps,
            lmda_path_size=100,
            tol=1e-9,
            progress_bar=False,
        )


def path(X, y, eps, ratios):
    """One path on all rows, as far as LassoCV's grid goes."""
    from skreg._solvers.least_squares import prefers_gram, solve_path
    from skreg._validation import check_arrays
    from skreg.linear._base import measured
    from skreg.paths.alpha_grid import alpha_grid
    from skreg.penalties import L1L2

    data = check_arrays(X, y)
    by_gram = prefers_gram(data.X, 100)
    sample, moments = measured(data, by_gram, fit_intercept=True, standardize=False)
    for ratio in ratios or (1.0,):
        penalty = L1L2(ratio)
        grid = alpha_grid(sample.correlation(sample.y), penalty, eps=eps, n_alphas=100)
        solve_path(sample, penalty, grid, tol=1e-6, max_iter=10_000, moments=moments)


LIBRARIES = {
    "skreg": skreg_cv,
    "path": path,
    "sklearn": sklearn_cv,
    "glmnet": glmnet_cv,
    "adelie": adelie_cv,
}


def build(name, order):
    make, eps, ratios = CASES[name]
    X, y = make(np.random.default_rng(0))
    if sparse.issparse(X):
        return X.tocsr() if order == "C" else X.tocsc(), y, eps, ratios
    return np.asarray(X, order=order), y, eps, ratios


def serve(library, name, order):
    """Answer each line of standard input with the seconds and the peak memory of a fit."""
    problem = build(name, order)
    before = resident("VmRSS")
    for _ in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            start = time.perf_counter()
            fitted = LIBRARIES[library](*problem)
            seconds = time.perf_counter() - start
        answer = {"seconds": seconds, "memory_mb": resident("VmHWM") - before}
        if hasattr(fitted, "mse_path_"):
            answer["alpha"] = float(fitted.alpha_)
            answer["mse"] = float(fitted.mse_path_.mean())
        print(json.dumps(answer), flush=True)


def resident(field):
    """A line of /proc/self/status in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise ValueError(field)


def compare(name, order, libraries, rounds, pythons):
    """One line per library: the minimum, the ratios to skreg, memory."""
    command = "-m", "tests.benchmarks.cross_validation", "--serve", name, order
    processes = {
        library: subprocess.Popen(
            [pythons.get(library, sys.executable), *command, library],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
        )
        for library in libraries
    }
    table = {library: [] for library in libraries}
    for _ in range(rounds + 1):
        for library, process in processes.items():
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline()
            table[library].append(json.loads(line) if line else None)
    for process in processes.values():
        process.kill()
    own = np.array([answer["seconds"] for answer in table["skreg"][1:]])
    for library, answers in table.items():
        if None in answers:
            yield {"case": name, "order": order, "library": library, "ratio": None}
            continue
        seconds = np.array([answer["seconds"] for answer in answers[1:]])
        yield {
            "case": name,
            "order": order,
            "library": library,
            "ratio": seconds.min() / own.min(),
            "quartiles": np.quantile(seconds / own, [0.25, 0.75]).tolist(),
            **{key: answers[-1].get(key) for key in ("memory_mb", "alpha", "mse")},
        }


def growth(name="50000x300"):
    """a and b of time = a + b (K + 1), and what they are multiples of."""
    X, y, eps, ratios = build(name, "C")

    def best(function, *arguments, **options):
        times = []
        for _ in range(4):
            start = time.perf_counter()
            function(*arguments, **options)
            times.append(time.perf_counter() - start)
        return min(times)

    times = [best(skreg_cv, X, y, eps, ratios, n_folds=k) for k in GROWTH_FOLDS]
    b, a = np.polyfit(np.array(GROWTH_FOLDS) + 1, times, 1)
    product = best(lambda: X.T @ X)
    whole = best(path, X, y, eps, ratios)
    ratios_ = [round(t / product, 2) for t in times]
    print(f"{name}: K = {GROWTH_FOLDS}, times in products X'X: {ratios_}")
    print(f"a = {a / product:.2f} products, b = {b / product:.3f} products")
    print(f"one path on all rows: {whole / product:.2f} products")


def parse():
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES)
    parser.add_argument("--orders", nargs="+", choices="CF", default=["C"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--python-for", nargs="*", default=[], metavar="LIBRARY=PYTHON")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--growth", action="store_true")
    parser.add_argument("--serve", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = parse()
    if options.serve:
        name, order, library = options.serve
        return serve(library, name, order)
    if options.growth:
        return growth()
    pythons = dict(pair.split("=", 1) for pair in options.python_for)
    libraries = options.libraries or [name for name in LIBRARIES if name != "adelie"]
    for name in options.cases:
        for order in options.orders:
            for row in compare(name, order, libraries, options.rounds, pythons):
                print(json.dumps(row), flush=True)
                if options.json:
                    with options.json.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    return None


if __name__ == "__main__":
    main()
