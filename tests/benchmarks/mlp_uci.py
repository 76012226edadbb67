"""Regression with uncertainty: networks with dropout on the UCI sets of Gal & Ghahramani.

``python -m tests.benchmarks.mlp_uci --data DIR --sets concrete energy power-plant yacht``

DIR holds ``uci-regression/NAME.npz``: X, y, and the rows ``train_S``, ``test_S`` of the
official splits S = 0, 1, ... Every split is one experiment of its own: the rate of dropout
and the precision tau of the noise are chosen by log-likelihood on the last fifth of its
training rows, then a network is trained on all of them and meets the test rows once.
Printed are the RMSE of the mean of the passes (Monte-Carlo dropout), that of the full
network, and the mean log-likelihood of the mixture of the passes with normal noise of
precision tau.

Gal, Ghahramani: Dropout as a Bayesian approximation, ICML 2016. `PUBLISHED` are the results
for two hidden layers of 50 units (20,000 epochs) that the authors added to their code.
"""

import argparse
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.special import logsumexp
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skreg import MLPRegressor
from tests.benchmarks.mlp_accuracy import mean_and_error

SETTINGS = {
    "hidden_layer_sizes": (50, 50),
    "batch_size": 128,
    "solver": "adam",
    "learning_rate": "cosine",
    "n_iter_no_change": np.inf,
    "random_state": 0,
    "dtype": "float32",
}
RATES = (0.005, 0.01, 0.05, 0.1)


class Budget(NamedTuple):
    """Of every fit on a data set; the learning rate is where the cosine begins."""

    epochs: int
    learning_rate: float


# Not searched per split. Tried on the validation rows of the first three splits (the first
# one of the power plant, which has ten times the rows of the others).
BUDGET = Budget(4000, 1e-2)
BUDGETS = {"power-plant": Budget(300, 1e-2)}
N_PASSES = 10_000
# Of every candidate; draws are passes times rows.
MAX_VALIDATION_PASSES = 2_000
MAX_VALIDATION_DRAWS = 1_000_000
# Multiples of 1 / (mean squared error on the validation rows).
TAU_FACTORS = np.geomspace(0.1, 100.0, 61)
# RMSE and log-likelihood, each with its standard error.
PUBLISHED = {
    "concrete": "4.50 ± 0.18, -2.82 ± 0.02",
    "energy": "0.47 ± 0.01, -1.48 ± 0.00",
    "power-plant": "3.63 ± 0.04, -2.67 ± 0.01",
    "yacht": "0.66 ± 0.06, -1.37 ± 0.02",
}


class Choice(NamedTuple):
    """What the validation rows decide."""

    rate: float
    tau: float


class Outcome(NamedTuple):
    """What is measured on the test rows of a split."""

    rmse: float
    full_rmse: float
    log_likelihood: float


class Standardized:
    """Network on standardized features and targets, that predicts in the units of y."""

    def __init__(self, rate, budget):
        self.X_scaler, self.y_scaler = StandardScaler(), StandardScaler()
        self.net = MLPRegressor(
            **SETTINGS,
            dropout=rate,
            input_dropout=rate,
            learning_rate_init=budget.learning_rate,
            max_iter=budget.epochs,
        )

    def fit(self, X, y):
        targets = self.y_scaler.fit_transform(y[:, None])[:, 0]
        self.net.fit(self.X_scaler.fit_transform(X).astype(np.float32), targets)
        return self

    def predict(self, X):
        """Of the full network, (n_rows,)."""
        return self._in_units_of_y(self.net.predict(self._scaled(X)))

    def passes(self, X, n_passes):
        """Of thinned networks, (n_passes, n_rows)."""
        X = self._scaled(X)
        return self._in_units_of_y(self.net.sample_predictions(X, n_passes, random_state=0))

    def _scaled(self, X):
        return self.X_scaler.transform(X).astype(np.float32)

    def _in_units_of_y(self, predicted):
        return predicted * self.y_scaler.scale_[0] + self.y_scaler.mean_[0]


def rmse(y, predicted):
    return float(np.sqrt(np.mean((y - predicted) ** 2)))


def log_likelihood(y, passes, tau):
    """Mean over rows of log mean_t N(y; passes_t, 1/tau)."""
    exponents = -0.5 * tau * (y - passes) ** 2
    of_rows = logsumexp(exponents, axis=0) - np.log(len(passes))
    return float(np.mean(of_rows) + 0.5 * np.log(tau / (2.0 * np.pi)))


def best_tau(y, passes):
    """Log-likelihood and tau of the best of `TAU_FACTORS`."""
    scale = 1.0 / np.mean((y - passes.mean(axis=0)) ** 2)
    return max((log_likelihood(y, passes, tau), tau) for tau in scale * TAU_FACTORS)


def chosen(X, y, budget, n_passes):
    """The best `Choice` for these training rows: trained on 4/5, compared on the rest."""
    n_train = int(0.8 * len(X))
    affordable = MAX_VALIDATION_DRAWS // (len(X) - n_train)
    n_passes = min(n_passes, MAX_VALIDATION_PASSES, affordable)
    found = []
    for rate in RATES:
        net = Standardized(rate, budget).fit(X[:n_train], y[:n_train])
        likelihood, tau = best_tau(y[n_train:], net.passes(X[n_train:], n_passes))
        found.append((likelihood, Choice(rate, tau)))
    return max(found)[1]


def measured(train, test, choice, budget, n_passes):
    """`Outcome` of the chosen network, trained on all training rows."""
    X, y = test
    net = Standardized(choice.rate, budget).fit(*train)
    passes = net.passes(X, n_passes)
    return Outcome(
        rmse(y, passes.mean(axis=0)),
        rmse(y, net.predict(X)),
        log_likelihood(y, passes, choice.tau),
    )


def splits(path):
    """(X, y) of training and test rows, for every split of a file."""
    with np.load(path) as arrays:
        X, y = arrays["X"], arrays["y"]
        n_splits = sum(name.startswith("train_") for name in arrays.files)
        rows = [(arrays[f"train_{s}"], arrays[f"test_{s}"]) for s in range(n_splits)]
    return [((X[train], y[train]), (X[test], y[test])) for train, test in rows]


def of_set(name, options):
    """Every split of one data set, and the means over them."""
    budget = BUDGETS.get(name, BUDGET)
    if options.epochs is not None:
        budget = budget._replace(epochs=options.epochs)
    outcomes = []
    for s, (train, test) in enumerate(splits(options.data / f"uci-regression/{name}.npz")):
        if s == options.splits:
            break
        start = time.perf_counter()
        choice = chosen(*train, budget, options.passes)
        outcomes.append(measured(train, test, choice, budget, options.passes))
        seconds = time.perf_counter() - start
        print(f"  {name} {s}: {choice}, {outcomes[-1]}, {seconds:.0f} s", flush=True)
    print(f"{name}: {len(outcomes)} splits, {budget}, {options.passes} passes")
    for label, column in zip(Outcome._fields, zip(*outcomes, strict=True), strict=True):
        mean, error = mean_and_error(column)
        print(f"{name}: {label} {mean:.3f} ± {error:.3f}")
    print(f"{name}: published rmse, log_likelihood {PUBLISHED.get(name)}", flush=True)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--sets", nargs="+", default=list(PUBLISHED))
    parser.add_argument("--epochs", type=int, help="of every fit; by default of `BUDGETS`")
    parser.add_argument("--splits", type=int, help="only the first ones")
    parser.add_argument("--passes", type=int, default=N_PASSES)
    options = parser.parse_args(arguments)
    with threadpool_limits(1), warnings.catch_warnings():
        # A number of epochs is what is asked for here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name in options.sets:
            of_set(name, options)


if __name__ == "__main__":
    main()
