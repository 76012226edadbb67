"""
A small network against a regularized larger one
================================================

Two ways to keep a network from learning by heart: give it few units, or give it many and
regularize them. The example trains networks of 8 to 512 hidden units on a hundred images
of digits, plain and with half of the units dropped, for the same number of epochs, and
measures them on all other images. Dropout is the same for every width, not tuned: for few
units it is far too much.

Run ``python examples/plot_small_against_regularized.py [FOLDER]``: it prints a table and
saves ``small_against_regularized.png`` in FOLDER (default: the current one).
"""

import sys
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier

WIDTHS = [8, 16, 32, 64, 128, 256, 512]
EPOCHS = 150
SPLITS = 5
SETTINGS = {
    "plain": {},
    "dropout 0.5": {"dropout": 0.5},
}


def loss_of(width, settings, rows):
    """Cross-entropy on other images of one network, and its share of errors."""
    X, X_test, y, y_test = rows
    model = MLPClassifier(
        (width,),
        alpha=0.0,
        learning_rate_init=5e-3,
        batch_size=50,
        max_iter=EPOCHS,
        n_iter_no_change=np.inf,
        dtype="float32",
        random_state=0,
        **settings,
    )
    with warnings.catch_warnings():  # all epochs are meant, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    return log_loss(y_test, model.predict_proba(X_test)), 1 - model.score(X_test, y_test)


def measured(settings, splits):
    """Losses and errors, (2, widths, splits)."""
    pairs = [[loss_of(width, settings, rows) for rows in splits] for width in WIDTHS]
    return np.moveaxis(np.array(pairs), 2, 0)


def draw(results, path):
    """Mean and spread of both numbers by width."""
    figure, both = plt.subplots(1, 2, figsize=(9, 4), layout="constrained")
    for axes, part, label in zip(both, (0, 1), ("cross-entropy", "errors"), strict=True):
        for name, values in results.items():
            mean, spread = values[part].mean(axis=1), values[part].std(axis=1)
            axes.plot(WIDTHS, mean, "o-", label=name)
            axes.fill_between(WIDTHS, mean - spread, mean + spread, alpha=0.2)
        axes.set(xscale="log", xticks=WIDTHS, xticklabels=WIDTHS)
        axes.minorticks_off()
        axes.set(xlabel="hidden units", ylabel=f"{label} on other images")
    both[1].legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder="."):
    """Train, print, draw."""
    X, y = load_digits(return_X_y=True)
    splits = [
        train_test_split(X / 16.0, y, train_size=100, random_state=seed, stratify=y)
        for seed in range(SPLITS)
    ]
    results = {name: measured(settings, splits) for name, settings in SETTINGS.items()}
    print("loss and errors on other images, mean of", SPLITS, "training sets")
    print(f"{'units':>6s}" + "".join(f"{name:>22s}" for name in results))
    for row, width in enumerate(WIDTHS):
        cells = (values[:, row].mean(axis=1) for values in results.values())
        print(
            f"{width:6d}" + "".join(f"{loss:12.4f}{error:10.2%}" for loss, error in cells)
        )
    path = Path(folder) / "small_against_regularized.png"
    draw(results, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
