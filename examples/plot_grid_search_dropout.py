"""
A grid over alpha and dropout
=============================

An L2 penalty and dropout both keep a network from learning its training images by heart,
and how much of each is best is a question to the data. ``GridSearchCV`` asks it by
cross-validation, as for any estimator of scikit-learn: the map shows the loss on held out
images for every pair. A penalty that is the same in every batch (``alpha`` is divided by
the number of training images, not of the batch) makes alphas comparable.

Run ``python examples/plot_grid_search_dropout.py [FOLDER]``: it prints the best pair and
its errors on other images, and saves ``grid_search_dropout.png`` in FOLDER (default: the
current one).
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
from sklearn.model_selection import GridSearchCV, train_test_split

from skreg import MLPClassifier

ALPHAS = [0.0, 0.1, 0.3, 1.0, 3.0]
RATES = [0.0, 0.25, 0.5, 0.75, 0.9]
EPOCHS = 80
FOLDS = 5


def searched(X, y):
    """The search, fitted."""
    model = MLPClassifier(
        (200,),
        learning_rate_init=3e-3,
        batch_size=32,
        max_iter=EPOCHS,
        n_iter_no_change=np.inf,
        dtype="float32",
        random_state=0,
    )
    grid = {"alpha": ALPHAS, "dropout": RATES}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=FOLDS)
    with warnings.catch_warnings():  # all epochs are meant, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        return search.fit(X, y)


def loss_table(search):
    """Mean loss of the folds, (alphas, rates)."""
    losses = np.empty((len(ALPHAS), len(RATES)))
    results = search.cv_results_
    for settings, score in zip(results["params"], results["mean_test_score"], strict=True):
        row, column = ALPHAS.index(settings["alpha"]), RATES.index(settings["dropout"])
        losses[row, column] = -score
    return losses


def draw(losses, path):
    """A heat map with its numbers; the best pair is framed."""
    figure, axes = plt.subplots(figsize=(6, 4.5), layout="constrained")
    image = axes.imshow(losses, cmap="viridis_r", origin="lower", aspect="auto")
    figure.colorbar(image, label="cross-entropy on held out images")
    middle = 0.5 * (losses.min() + losses.max())
    for (row, column), loss in np.ndenumerate(losses):
        color = "black" if loss < middle else "white"
        axes.text(column, row, f"{loss:.3f}", ha="center", va="center", color=color)
    row, column = np.unravel_index(np.argmin(losses), losses.shape)
    frame = plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="C3", lw=3)
    axes.add_patch(frame)
    axes.set_xticks(range(len(RATES)), RATES)
    axes.set_yticks(range(len(ALPHAS)), ALPHAS)
    axes.set(xlabel="dropout", ylabel="alpha")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder="."):
    """Search, print, draw."""
    X, y = load_digits(return_X_y=True)
    X, X_test, y, y_test = train_test_split(
        X / 16.0, y, train_size=200, random_state=0, stratify=y
    )
    search = searched(X, y)
    losses = loss_table(search)
    print(f"{'':10s}" + "".join(f"{f'dropout {rate}':>13s}" for rate in RATES))
    for alpha, row in zip(ALPHAS, losses, strict=True):
        print(f"alpha {alpha:<4}" + "".join(f"{loss:13.4f}" for loss in row))
    print(f"best: {search.best_params_}, loss {losses.min():.4f} in cross-validation")
    print(f"on other images: loss {-search.score(X_test, y_test):.4f}, ", end="")
    print(f"errors {1 - search.best_estimator_.score(X_test, y_test):.2%}")
    path = Path(folder) / "grid_search_dropout.png"
    draw(losses, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
