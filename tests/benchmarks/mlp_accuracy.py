"""Accuracy of networks: mean and standard error over seeds.

``python -m tests.benchmarks.mlp_accuracy --data DIR --part mnist``

DIR holds ``mnist/mnist.npz`` and ``fashion-mnist/fashion_mnist.npz`` (X_train, y_train,
X_test, y_test; pixels 0 to 255). ``mnist`` and ``fashion`` train on all training rows with
the settings in `SETTINGS` and print the accuracy on the test rows; ``select-mnist`` and
``select-fashion`` are how those settings were chosen: `CANDIDATES` trained on all training
rows but the last 10,000, which they are compared on. They never read the test rows.
``--libraries skreg scikit-learn`` puts scikit-learn's network of the same shape, epochs and
batches beside ours. ``ladder-mnist`` compares penalties and dropout at one equal budget,
with the settings that ``select-ladder`` found best on the same validation rows.
``early-stopping`` needs no data: repeated 5-fold cross-validation with and without.
"""

import argparse
import time
import warnings
from itertools import pairwise
from pathlib import Path

import numpy as np
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier as ScikitMLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skreg import MLPClassifier, MLPRegressor

FILES = {"mnist": "mnist/mnist.npz", "fashion": "fashion-mnist/fashion_mnist.npz"}
TARGETS = {"mnist": 0.984, "fashion": 0.90}
N_VALIDATION = 10_000
# Of both image sets. No training is cut short: the schedule spans exactly `max_iter`.
COMMON = {
    "hidden_layer_sizes": (512, 512),
    "dropout": 0.2,
    "batch_size": 128,
    "solver": "adam",
    "alpha": 0.0,
    "n_iter_no_change": np.inf,
    "dtype": "float32",
}
CANDIDATES = [
    {"input_dropout": 0.0, "learning_rate": "cosine", "learning_rate_init": 1e-3},
    {"input_dropout": 0.2, "learning_rate": "cosine", "learning_rate_init": 1e-3},
    {"input_dropout": 0.0, "learning_rate": "onecycle", "learning_rate_init": 2e-3},
    {"input_dropout": 0.2, "learning_rate": "onecycle", "learning_rate_init": 2e-3},
]
# Of one seed, 20 epochs of 50,000 rows, validation accuracy in the order above:
# 98.63, 98.50, 98.59, 98.50 % (MNIST), 90.28, 89.95, 90.34, 90.05 % (Fashion-MNIST).
SETTINGS = {"mnist": CANDIDATES[0], "fashion": CANDIDATES[2]}
# What both libraries have; the rest of scikit-learn's settings are its defaults.
SHARED = ("hidden_layer_sizes", "batch_size", "n_iter_no_change")
LIBRARIES = ("skreg", "scikit-learn")
LADDER_COMMON = {
    "hidden_layer_sizes": (512, 512),
    "batch_size": 128,
    "solver": "adam",
    "learning_rate": "cosine",
    "learning_rate_init": 1e-3,
    "n_iter_no_change": np.inf,
    "dtype": "float32",
}
LADDER_EPOCHS = 40
RATES = [
    {"dropout": 0.4, "input_dropout": 0.1},
    {"dropout": 0.5, "input_dropout": 0.2},
]
# Rungs in the order of the errors published for them (Srivastava et al. 2014, table 9).
LADDER_CANDIDATES = {
    "L2": [{"alpha": alpha} for alpha in (0.2, 1.0, 5.0, 20.0)],
    "max-norm": [{"alpha": 0.0, "max_norm": bound} for bound in (0.35, 0.5, 0.75, 1.0)],
    "dropout + L2": [
        RATES[0] | {"alpha": 5.0},
        *(rates | {"alpha": alpha} for rates in RATES for alpha in (0.1, 1.0)),
    ],
    "dropout + max-norm": [
        RATES[0] | {"alpha": 0.0, "max_norm": 0.5},
        *(
            rates | {"alpha": 0.0, "max_norm": bound}
            for rates in RATES
            for bound in (1.0, 2.0)
        ),
    ],
}
# Of one seed, 40 epochs of 50,000 rows, validation error in the order above: 1.61, 1.59,
# 1.52, 1.73; 1.44, 1.34, 1.42, 1.45; 1.27, 1.33, 1.30, 1.39, 1.43; 1.40, 1.27, 1.40, 1.42,
# 1.39 %.
LADDER = {
    "L2": LADDER_CANDIDATES["L2"][2],
    "max-norm": LADDER_CANDIDATES["max-norm"][1],
    "dropout + L2": LADDER_CANDIDATES["dropout + L2"][0],
    "dropout + max-norm": LADDER_CANDIDATES["dropout + max-norm"][1],
}
VARIANTS = {
    "early stopping": {"early_stopping": True},
    "early stopping, refit": {"early_stopping": True, "refit": True},
}


def mean_and_error(values):
    """Mean, and its standard error (nan for a single value)."""
    values = np.asarray(values)
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.nan
    return values.mean(), error


def read_images(folder, name, part):
    """Rows in [0, 1] and labels of "train" or "test"."""
    with np.load(Path(folder) / FILES[name]) as arrays:
        X, y = arrays[f"X_{part}"], arrays[f"y_{part}"]
    return X.astype(np.float32) / np.float32(255.0), y


def network(library, setting, epochs, seed):
    """Unfitted network of a library; scikit-learn's has only the `SHARED` settings."""
    if library == "skreg":
        return MLPClassifier(**setting, max_iter=epochs, random_state=seed)
    shared = {name: setting[name] for name in SHARED}
    return ScikitMLPClassifier(**shared, max_iter=epochs, random_state=seed)


def accuracies(train, test, setting, seeds, epochs, library="skreg"):
    """Accuracy on `test` of one network per seed."""
    scores = []
    for seed in range(seeds):
        net = network(library, setting, epochs, seed)
        start = time.perf_counter()
        net.fit(*train)
        seconds = time.perf_counter() - start
        scores.append(net.score(*test))
        print(f"  seed {seed}: {100 * scores[-1]:.2f} %, {seconds:.0f} s", flush=True)
    return scores


def described(setting):
    return ", ".join(f"{name}={value}" for name, value in setting.items())


def training_rows(name, options):
    X, y = read_images(options.data, name, "train")
    return X[: options.rows], y[: options.rows]


def validation_split(name, options):
    """Training rows without the last ones, and those."""
    X, y = read_images(options.data, name, "train")
    n_train = len(X) - N_VALIDATION
    rows = slice(min(options.rows or n_train, n_train))
    return (X[rows], y[rows]), (X[n_train:], y[n_train:])


def images(name, options):
    """The chosen setting on the test rows."""
    train = training_rows(name, options)
    test = read_images(options.data, name, "test")
    setting = COMMON | SETTINGS[name]
    wanted = f"wanted of skreg {100 * TARGETS[name]:.1f} %"
    print(f"{name}, {options.epochs} epochs of {len(train[0])} rows, {wanted}")
    for library in options.libraries:
        shown = setting if library == "skreg" else {key: setting[key] for key in SHARED}
        print(f"  {library}: {described(shown)}")
        scores = accuracies(train, test, setting, options.seeds, options.epochs, library)
        mean, error = mean_and_error(scores)
        print(
            f"{name}, {library}: test accuracy {100 * mean:.2f} ± {100 * error:.2f} % over "
            f"{options.seeds} seeds"
        )


def select(name, options):
    """Every candidate on the validation rows."""
    train, validation = validation_split(name, options)
    for setting in CANDIDATES:
        print(f"{name}: {described(setting)}", flush=True)
        scores = accuracies(
            train, validation, COMMON | setting, options.seeds, options.epochs
        )
        mean, error = mean_and_error(scores)
        print(f"{name}: validation accuracy {100 * mean:.2f} ± {100 * error:.2f} %")


def select_ladder(options):
    """Every candidate of every rung on the validation rows, one line each."""
    train, validation = validation_split("mnist", options)
    print(f"{options.epochs} epochs of {len(train[0])} rows, {described(LADDER_COMMON)}")
    for rung, candidates in LADDER_CANDIDATES.items():
        for setting in candidates:
            scores = accuracies(
                train, validation, LADDER_COMMON | setting, options.seeds, options.epochs
            )
            error = 100.0 - 100.0 * np.mean(scores)
            print(f"{rung}: {described(setting)}: validation error {error:.2f} %")


def ladder(options):
    """Test errors of the rungs, and each against its neighbour and the first."""
    train = training_rows("mnist", options)
    test = read_images(options.data, "mnist", "test")
    print(f"{options.epochs} epochs of {len(train[0])} rows, {described(LADDER_COMMON)}")
    errors = {}
    for rung, setting in LADDER.items():
        scores = accuracies(
            train, test, LADDER_COMMON | setting, options.seeds, options.epochs
        )
        errors[rung] = 100.0 - 100.0 * np.asarray(scores)
        mean, error = mean_and_error(errors[rung])
        print(f"{rung} ({described(setting)}): test error {mean:.3f} ± {error:.3f} %")
    rungs = list(errors)
    for first, second in [*pairwise(rungs), (rungs[0], rungs[-1])]:
        mean, error = difference(errors[first], errors[second])
        print(f"{first} - {second}: {mean:+.3f} ± {error:.3f}, {mean / error:+.1f} s.e.")


def difference(first, second):
    """Difference of the means of two independent samples, and its standard error."""
    (a, error_a), (b, error_b) = mean_and_error(first), mean_and_error(second)
    return a - b, np.hypot(error_a, error_b)


def small_data():
    """Name, rows, targets, and whether they are classes."""
    digits = load_digits(return_X_y=True)
    chosen = np.random.default_rng(0).permutation(len(digits[1]))[:150]
    return [
        ("wine", *load_wine(return_X_y=True), True),
        ("breast cancer", *load_breast_cancer(return_X_y=True), True),
        ("digits, 150 rows", digits[0][chosen], digits[1][chosen], True),
        ("diabetes", *load_diabetes(return_X_y=True), False),
    ]


def standardized(is_classes, **params):
    """Network of the default settings on standardized features (and targets)."""
    if is_classes:
        return make_pipeline(StandardScaler(), MLPClassifier(**params))
    net = TransformedTargetRegressor(MLPRegressor(**params), transformer=StandardScaler())
    return make_pipeline(StandardScaler(), net)


def fold_scores(X, y, is_classes, repeats, **params):
    """Accuracy or R2 of every fold of every repeat; the seed is that of the repeat."""
    splitter = StratifiedKFold if is_classes else KFold
    scores = []
    for seed in range(repeats):
        folds = splitter(5, shuffle=True, random_state=seed)
        model = standardized(is_classes, random_state=seed, **params)
        scores.append(cross_val_score(model, X, y, cv=folds))
    return np.concatenate(scores)


def early_stopping(options):
    """Differences, paired by fold.

    The standard errors take the folds as independent, which they are not quite: they share
    rows, so that the true ones are larger, and the comparison stricter than it looks.
    """
    print(f"{options.seeds} x 5-fold, max_iter={options.epochs}, defaults otherwise:")
    for name, X, y, is_classes in small_data():
        without = fold_scores(X, y, is_classes, options.seeds, max_iter=options.epochs)
        print(f"{name}: {without.mean():.4f} without")
        for variant, params in VARIANTS.items():
            scores = fold_scores(
                X, y, is_classes, options.seeds, max_iter=options.epochs, **params
            )
            mean, error = mean_and_error(scores - without)
            # Where a single fold differs, both are the same number up to rounding.
            verdict = "ok" if mean + error > -1e-9 else "WORSE by more than one s.e."
            print(f"  {variant}: {mean:+.4f} ± {error:.4f}, {verdict}", flush=True)


PARTS = {
    "select-mnist": lambda options: select("mnist", options),
    "select-fashion": lambda options: select("fashion", options),
    "mnist": lambda options: images("mnist", options),
    "fashion": lambda options: images("fashion", options),
    "select-ladder": select_ladder,
    "ladder-mnist": ladder,
    "early-stopping": early_stopping,
}
EPOCHS = {
    "early-stopping": 200,
    "select-ladder": LADDER_EPOCHS,
    "ladder-mnist": LADDER_EPOCHS,
}


def parsed(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of the image sets")
    parser.add_argument("--part", choices=PARTS, required=True)
    parser.add_argument("--seeds", type=int, default=5, help="or repeats of 5 folds")
    parser.add_argument("--epochs", type=int, help="20, or of the part in `EPOCHS`")
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=["skreg"])
    parser.add_argument("--rows", type=int, help="train on the first rows only")
    options = parser.parse_args(arguments)
    if options.data is None and options.part != "early-stopping":
        parser.error(f"--part {options.part} needs --data")
    if options.epochs is None:
        options.epochs = EPOCHS.get(options.part, 20)
    return options


def main(arguments=None):
    options = parsed(arguments)
    with threadpool_limits(1), warnings.catch_warnings():
        # A number of epochs is what is asked for here.
        warnings.simplefilter("ignore", ConvergenceWarning)
        PARTS[options.part](options)


if __name__ == "__main__":
    main()
