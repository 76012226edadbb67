"""One fit of `Lasso` at one alpha, beside scikit-learn's, at the defaults of both.

    python -m tests.benchmarks.one_alpha [--rounds N]

A path shares its work between alphas; a single fit has nothing to share, and skreg's goes
on to the exact solution where scikit-learn's stops at its tolerance. Data as in the other
benchmarks (AR(1) 0.6, signal-to-noise 3), C and F order, alpha a share of the smallest one
that gives zero. Fits take turns; one thread; the figure is the ratio of the least times.
The gaps are relative to the null model and computed from the coefficients.
"""

import argparse
import os
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np  # noqa: E402
from sklearn.linear_model import Lasso as Reference  # noqa: E402

from skreg import Lasso  # noqa: E402
from tests.benchmarks.cases import Problem, autoregressive  # noqa: E402
from tests.benchmarks.certificate import certify  # noqa: E402

SIZES = [(1000, 100), (1000, 500), (5000, 500), (50000, 500), (200, 2000), (500, 5000)]
SHARES = (0.3, 0.1, 0.03, 0.003)
ROUNDS = 5


def fit_in_turns(models, X, y, rounds):
    """Least times."""
    least = dict.fromkeys(models, np.inf)
    for _ in range(rounds):
        for name, model in models.items():
            start = time.perf_counter()
            model.fit(X, y)
            least[name] = min(least[name], time.perf_counter() - start)
    return least


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    rounds = parser.parse_args().rounds
    titles = ["case", "alpha / largest", "non-zeros", "time / scikit-learn's in C, F"]
    titles += ["relative gap", "scikit-learn's"]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles), flush=True)
    for n_samples, n_features in SIZES:
        X, y = autoregressive(n_samples, n_features, rho=0.6, rng=np.random.default_rng(0))
        largest = np.abs((X - X.mean(axis=0)).T @ (y - y.mean())).max() / n_samples
        for share in SHARES:
            ratios = []
            for order in "CF":
                models = {"skreg": Lasso(share * largest)}
                models["sklearn"] = Reference(share * largest)
                seconds = fit_in_turns(models, np.asarray(X, order=order), y, rounds)
                ratios.append(seconds["skreg"] / seconds["sklearn"])
            gaps = [gap_of(model, X, y, share * largest) for model in models.values()]
            cells = [f"{n_samples}x{n_features}", share]
            cells += [np.count_nonzero(models["skreg"].coef_)]
            cells += [
                f"{ratios[0]:.2f}, {ratios[1]:.2f}",
                f"{gaps[0]:.0e}",
                f"{gaps[1]:.0e}",
            ]
            print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def gap_of(model, X, y, alpha):
    """Relative gap of a fitted model."""
    problem = Problem(X, y, np.array([alpha]))
    return certify(problem, model.coef_[:, None], np.array([model.intercept_])).gap[0]


if __name__ == "__main__":
    main()
