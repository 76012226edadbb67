"""
Diabetes with uncertainty: Monte-Carlo dropout
==============================================

A network with dropout is many thinned networks. Where they disagree the prediction is
uncertain: ``predict(X, return_std=True)`` returns their mean and standard deviation. That
is the uncertainty of the fit; a band that holds a new patient has the noise of the disease
progression besides, estimated here on rows that are held out of training.

Run ``python examples/plot_uncertainty.py [FOLDER]``: it prints how many test patients are
inside of their bands and saves ``uncertainty.png`` in FOLDER (default: the current one).
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor

WIDTH = 1.645  # standard deviations on either side: nine of ten, if errors are normal


def fit_with_noise(X, y):
    """A network, and the standard deviation of what it cannot know.

    The noise is what is left of the squared errors of held out rows when the spread of
    the thinned networks is taken away.
    """
    X, X_held, y, y_held = train_test_split(X, y, test_size=0.25, random_state=0)
    model = MLPRegressor(
        hidden_layer_sizes=(50, 50),
        dropout=0.2,
        alpha=10.0,
        learning_rate_init=5e-3,
        early_stopping=True,
        random_state=0,
    )
    model.fit(X, y, X_val=X_held, y_val=y_held)
    mean, std = model.predict(X_held, return_std=True, n_samples=200)
    return model, np.sqrt(np.mean((y_held - mean) ** 2 - std**2))


def draw(y, mean, std, noise, path):
    """Test patients in the order of their predictions, with both bands."""
    order = np.argsort(mean)
    y, mean, std = y[order], mean[order], std[order]
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    place = np.arange(len(y))
    for spread, label in ((np.hypot(std, noise), "fit and noise"), (std, "fit")):
        low, high = mean - WIDTH * spread, mean + WIDTH * spread
        axes.fill_between(place, low, high, alpha=0.3, label=label)
    axes.plot(place, mean, color="k", label="prediction")
    axes.plot(place, y, ".", color="C3", label="observed")
    axes.set(xlabel="test patients, by prediction", ylabel="disease progression")
    axes.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder="."):
    """Fit, count, draw."""
    X, y = load_diabetes(return_X_y=True)
    X, X_test, y, y_test = train_test_split(X, y, test_size=0.25, random_state=1)
    scaler = StandardScaler().fit(X)
    center, scale = y.mean(), y.std()
    model, noise = fit_with_noise(scaler.transform(X), (y - center) / scale)
    mean, std = model.predict(scaler.transform(X_test), return_std=True, n_samples=200)
    mean, std, noise = center + scale * mean, scale * std, scale * noise
    inside = np.abs(y_test - mean) < WIDTH * np.hypot(std, noise)
    print(f"noise {noise:.1f}, spread of the fit {std.min():.1f} to {std.max():.1f}")
    print(f"{inside.mean():.0%} of {len(y_test)} test patients are inside of the 90 % band")
    path = Path(folder) / "uncertainty.png"
    draw(y_test, mean, std, noise, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
