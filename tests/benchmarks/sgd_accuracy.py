"""How near fifty passes come to the optimum, and how well their zeros agree with its.

    python -m tests.benchmarks.sgd_accuracy --data DIR

DIR holds ``a9a/train.npz`` and ``w8a/data.npz`` (data, indices, indptr, shape, y in -1, 1).
The objective is mean log-loss + alpha |w|_1, the intercept not penalised. Its optimum is
found by L-BFGS-B on w = u - v, u and v >= 0, where zeros are exact; how far the optimality
conditions are from holding is printed.
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
from scipy import optimize, sparse
from scipy.special import expit
from sklearn.exceptions import ConvergenceWarning

from skreg import SGDClassifier

FILES = {"a9a": "a9a/train.npz", "w8a": "w8a/data.npz"}
ALPHAS = (1e-2, 1e-3, 1e-4)
PASSES = 50
SGD = {"solver": "sgd", "learning_rate": "constant"}
# Names -> parameters; "average" is a share of the passes.
SETTINGS = {
    "sgd, averaged": {**SGD, "eta0": 0.01, "average": 0.5},
    "sgd, averaged, faster": {**SGD, "eta0": 0.03, "average": 0.5},
    "sgd, not averaged": {**SGD, "eta0": 0.01, "average": 1.0},
    "ftrl": {"solver": "ftrl", "eta0": 0.5},
    "ftrl, slower": {"solver": "ftrl", "eta0": 0.2},
}


def read(path):
    """X as CSR of float64, and y of -1 and 1."""
    with np.load(path) as kept:
        parts = (kept["data"].astype(float), kept["indices"], kept["indptr"])
        return sparse.csr_matrix(parts, shape=tuple(kept["shape"])), kept["y"].astype(float)


def objective(X, y, alpha, coef, intercept):
    loss = np.logaddexp(0.0, -y * (X @ coef + intercept)).mean()
    return loss + alpha * np.abs(coef).sum()


def gradient(X, y, coef, intercept):
    """Of the mean loss, in coefficients and intercept."""
    slopes = -y * expit(-y * (X @ coef + intercept)) / len(y)
    return X.T @ slopes, slopes.sum()


def optimum(X, y, alpha):
    """Coefficients, intercept, and the largest violation of the optimality conditions."""
    p = X.shape[1]

    def smooth(point):
        coef, intercept = point[:p] - point[p:-1], point[-1]
        slope, last = gradient(X, y, coef, intercept)
        value = np.logaddexp(0.0, -y * (X @ coef + intercept)).mean()
        both = np.concatenate([slope + alpha, alpha - slope, [last]])
        return value + alpha * point[:-1].sum(), both

    bounds = [(0.0, None)] * (2 * p) + [(None, None)]
    options = {
        "maxiter": 20_000,
        "maxfun": 50_000,
        "ftol": 0.0,
        "gtol": 1e-10,
        "maxcor": 50,
    }
    start = np.zeros(2 * p + 1)
    found = optimize.minimize(
        smooth, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options
    ).x
    coef, intercept = found[:p] - found[p:-1], found[-1]
    slope, last = gradient(X, y, coef, intercept)
    broken = np.where(
        coef == 0.0, np.maximum(np.abs(slope) - alpha, 0.0), slope + alpha * np.sign(coef)
    )
    return coef, intercept, max(np.abs(broken).max(), abs(last))


def fitted(X, y, alpha, settings):
    first_averaged = int(settings.get("average", 1.0) * PASSES * len(y))
    average = first_averaged if first_averaged < PASSES * len(y) else False
    model = SGDClassifier(
        "log_loss",
        penalty="l1",
        alpha=alpha,
        max_iter=PASSES,
        tol=None,
        random_state=0,
        **{**settings, "average": average},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y)


def row(cells):
    print("| " + " | ".join(cells) + " |", flush=True)


def measure(name, X, y):
    for alpha in ALPHAS:
        best_coef, best_intercept, broken = optimum(X, y, alpha)
        least = objective(X, y, alpha, best_coef, best_intercept)
        zeros = best_coef == 0.0
        share = f"{zeros.sum()} of {len(zeros)}"
        row(
            [
                name,
                f"{alpha:g}",
                f"optimum {least:.6f} ({broken:.0e})",
                "",
                "",
                "",
                share,
                "",
            ]
        )
        for title, settings in SETTINGS.items():
            start = time.process_time()
            model = fitted(X, y, alpha, settings)
            seconds = time.process_time() - start
            coef = model.coef_[0]
            excess = objective(X, y, alpha, coef, model.intercept_[0]) - least
            agree = np.mean((coef == 0.0) == zeros)
            numbers = [f"{settings['eta0']:g}", f"{excess:.1e}", f"{excess / least:.1e}"]
            numbers += [f"{(coef == 0.0).sum()}, {100 * agree:.1f} %", f"{seconds:.1f} s"]
            row([name, f"{alpha:g}", title, *numbers])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    folder = parser.parse_args().data
    titles = [
        "data",
        "alpha",
        "solver",
        "eta0",
        "excess",
        "relative",
        "zeros, agree",
        "time",
    ]
    row(titles)
    row(["---"] * 8)
    for name, file in FILES.items():
        measure(name, *read(folder / file))


if __name__ == "__main__":
    main()
