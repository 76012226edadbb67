"""
Digits with and without dropout
===============================

A hundred images of digits are too few for 600 hidden units: the loss on other images
falls, and then rises while the network learns the training images by heart. Dropout trains
a new thinned network in every step, so that no unit can rely on another one. The example
trains the same network without dropout, with dropout, and with dropout and a bound on the
weights of each unit, and shows both losses after every epoch.

Run ``python examples/plot_dropout.py [FOLDER]``: it prints a table and saves
``dropout.png`` in FOLDER (default: the current one).
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
from sklearn.model_selection import train_test_split

from skreg import MLPClassifier

EPOCHS = 120
SETTINGS = {
    "no dropout": {},
    "dropout 0.5": {"dropout": 0.5},
    "dropout 0.5, max-norm 1": {"dropout": 0.5, "max_norm": 1.0},
}

# %%
# Rows to validate on are measured after every epoch. Nothing is stopped early, to see
# what would happen.


def trained(settings, rows):
    """A network after all epochs, with its history."""
    X, X_val, y, y_val = rows
    model = MLPClassifier(
        (300, 300),
        alpha=0.0,
        learning_rate_init=2e-3,
        max_iter=EPOCHS,
        n_iter_no_change=np.inf,
        batch_size=50,
        monitor_training=True,
        dtype="float32",
        random_state=0,
        **settings,
    )
    with warnings.catch_warnings():  # all epochs are meant, converged or not
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(X, y, X_val=X_val, y_val=y_val)


def draw(models, path):
    """Training and validation loss of each network."""
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for color, (name, model) in enumerate(models.items()):
        history, epochs = model.history_, np.arange(1, EPOCHS + 1)
        axes.plot(epochs, history["validation_loss"], color=f"C{color}", label=name)
        axes.plot(epochs, history["training_loss"], "--", color=f"C{color}", alpha=0.6)
    axes.set(yscale="log", xlabel="epoch", ylabel="cross-entropy")
    axes.set_title("Solid: other images. Dashed: training images.")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder="."):
    """Train, print, draw."""
    X, y = load_digits(return_X_y=True)
    rows = train_test_split(X / 16.0, y, train_size=100, random_state=0, stratify=y)
    models = {name: trained(settings, rows) for name, settings in SETTINGS.items()}
    print(f"{'':26s}{'smallest loss':>15s}{'last loss':>12s}{'last errors':>13s}")
    for name, model in models.items():
        loss, score = (model.history_[f"validation_{what}"] for what in ("loss", "score"))
        print(f"{name:26s}{min(loss):15.4f}{loss[-1]:12.4f}{1 - score[-1]:13.2%}")
    path = Path(folder) / "dropout.png"
    draw(models, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
