"""
A cross of latitude and longitude
=================================

Crossing latitude with longitude at the minute gives 233 million columns. Hardly any of them
occur, and of those that do few matter: the weights of the others should be zero, and cost
nothing. The example streams a million rows from one region through `SGDClassifier`, with an
L1 and with an L2 penalty, and draws the weights of the cells as a map. In the model with L1
what differs from the surroundings stands alone; the one with L2 has a weight for everything
that it has seen, and takes as much more memory.

Run ``python examples/plot_feature_cross.py [FOLDER]``: it prints a table and saves
``feature_cross.png`` in FOLDER (default: the current one).
"""

import pickle
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from scipy import sparse

from skreg import SGDClassifier

MINUTES_NORTH, MINUTES_EAST = 180 * 60, 360 * 60
N_MAIN = MINUTES_NORTH + MINUTES_EAST
N_FEATURES = N_MAIN + MINUTES_NORTH * MINUTES_EAST
SIDE = 120  # of the region, in minutes
SOUTH, WEST = 8_000, 11_000  # its corner
CHUNK, N_CHUNKS = 100_000, 10
PENALTIES = {"L1": ("l1", 1.3e-5), "L2": ("l2", 1.3e-5)}

# %%
# The response depends on where a river flows and where a town is: log-odds of 2 in the
# cells along the river, and of -2 in the town. All other cells are the same.


def effects():
    """Log-odds of the response in each cell of the region."""
    north, east = np.mgrid[:SIDE, :SIDE]
    river = np.abs(north - 60 - 25 * np.sin(east / 15.0)) < 1.2
    town = (north - 95) ** 2 + (east - 90) ** 2 < 36
    return 2.0 * river - 2.0 * town


# %%
# A row has three non-zeros: its latitude, its longitude and its cell.


def chunk(log_odds, rng):
    """X with 233 million columns, and y."""
    north, east = rng.integers(SIDE, size=(2, CHUNK))
    latitude, longitude = SOUTH + north, WEST + east
    cell = N_MAIN + latitude.astype(np.int64) * MINUTES_EAST + longitude
    columns = np.column_stack([latitude, MINUTES_NORTH + longitude, cell]).ravel()
    parts = (np.ones(3 * CHUNK), columns, np.arange(0, 3 * CHUNK + 1, 3))
    X = sparse.csr_matrix(parts, shape=(CHUNK, N_FEATURES))
    share = 1.0 / (1.0 + np.exp(-log_odds[north, east]))
    return X, (rng.random(CHUNK) < share).astype(int)


def learnt(penalty, alpha, log_odds):
    """A model that has seen a million rows, chunk by chunk."""
    model = SGDClassifier(
        "log_loss", solver="ftrl", penalty=penalty, alpha=alpha, eta0=0.3, shuffle=False
    )
    rng = np.random.default_rng(0)
    for _ in range(N_CHUNKS):
        X, y = chunk(log_odds, rng)
        model.partial_fit(X, y, classes=[0, 1])
    return model


def map_of(coef):
    """Weights of the cells of the region."""
    north, east = np.mgrid[:SIDE, :SIDE]
    columns = N_MAIN + (SOUTH + north) * MINUTES_EAST + WEST + east
    place = np.minimum(np.searchsorted(coef.indices, columns), coef.nnz - 1)
    return np.where(coef.indices[place] == columns, coef.data[place], 0.0)


def loss_of(model, log_odds):
    """Log-loss of rows that are not in the stream."""
    X, y = chunk(log_odds, np.random.default_rng(1))
    return np.logaddexp(0.0, (1 - 2 * y) * model.decision_function(X)).mean()


def draw(maps, path):
    """The maps side by side; white is zero."""
    figure, axes = plt.subplots(1, len(maps), figsize=(11, 4), layout="constrained")
    for ax, (title, weights) in zip(axes, maps.items(), strict=True):
        image = ax.imshow(weights, origin="lower", cmap="RdBu_r", vmin=-2, vmax=2)
        ax.set(title=title, xlabel="minutes east", ylabel="minutes north")
    figure.colorbar(image, ax=axes, label="weight of the cell")
    figure.savefig(path, dpi=120)
    plt.close(figure)


def main(folder="."):
    """Learn, print, draw."""
    log_odds = effects()
    maps = {"log-odds": log_odds}
    print(f"{N_FEATURES:,} columns, {CHUNK * N_CHUNKS:,} rows, {SIDE**2:,} cells occur")
    print(f"{'':4s}{'non-zero weights':>18s}{'cells':>8s}{'bytes':>10s}{'log-loss':>10s}")
    for name, (penalty, alpha) in PENALTIES.items():
        model = learnt(penalty, alpha, log_odds)
        loss = loss_of(model, log_odds)
        weights = map_of(model.coef_)
        size = len(pickle.dumps(model.sparsify()))
        cells = np.count_nonzero(weights)
        print(f"{name:4s}{model.coef_.nnz:18,d}{cells:8,d}{size:10,d}{loss:10.4f}")
        maps[f"{name}: {cells:,} cells"] = weights
    path = Path(folder) / "feature_cross.png"
    draw(maps, path)
    print(f"saved {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
