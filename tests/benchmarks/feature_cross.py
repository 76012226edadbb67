"""A latitude x longitude cross of two hundred million columns, learnt from a stream.

    python -m tests.benchmarks.feature_cross [--rows N] [--case NAME]

10,000 latitudes, 20,000 longitudes, and a column for each pair: 200,030,000 columns, three
non-zeros in a row. Rows come in chunks from a generator and are forgotten. They fall into
100,000 inhabited cells, the k-th of them with a probability proportional to k^-1.1; 1,000
cells have an effect of 2 or -2 on the log-odds of the response, everything else has none.
With "anywhere" these are drawn from all inhabited cells, so that most are hardly ever seen;
with "frequent" from those that should be seen a hundred times.

Every case runs in a process of its own. "Found" are non-zero weights; recall is that of
planted cells seen at least a hundred times, precision that of found cells seen as often.
Plain L1, with one threshold for all cells, keeps a little of the noise of cells with very
many rows; so both are also given for weights above 0.1. Log-loss is that of fresh rows,
over that of the true log-odds.
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import time

import numpy as np
from scipy import sparse

from skreg import SGDClassifier

N_LATITUDES, N_LONGITUDES = 10_000, 20_000
N_MAIN = N_LATITUDES + N_LONGITUDES
N_FEATURES = N_MAIN + N_LATITUDES * N_LONGITUDES
N_CELLS, N_PLANTED, EFFECT, OFTEN, SIZEABLE = 100_000, 1_000, 2.0, 100, 0.1
CHUNK, N_FRESH = 100_000, 1_000_000
# Of a sum of gradients: six standard errors (1/2 sqrt(100)) of a cell of 100 rows.
THRESHOLD = 32.0
ERRORS = 4.0  # the same in standard errors, of every cell
PLAIN = {"solver": "ftrl", "penalty": "l1", "eta0": 0.3}
L1 = {**PLAIN, "standardize": True}
TEN = tuple(np.geomspace(0.5, 2.0, 10))
# Name -> where effects are planted, thresholds, settings.
CASES = {
    "L1, one alpha, anywhere": ("anywhere", (1.0,), L1),
    "L1, one alpha, frequent": ("frequent", (1.0,), L1),
    "L1, ten alphas, frequent": ("frequent", TEN, L1),
    "L2, one alpha, frequent": ("frequent", (1.0,), {**L1, "penalty": "l2"}),
    "plain L1, one alpha, anywhere": ("anywhere", (1.0,), PLAIN),
    "plain L1, one alpha, frequent": ("frequent", (1.0,), PLAIN),
}


class World:
    """Cells, their effects, and rows drawn from them."""

    def __init__(self, where, n_rows, seed=0):
        rng = np.random.default_rng(seed)
        self.cells = rng.choice(N_LATITUDES * N_LONGITUDES, N_CELLS, replace=False)
        share = np.arange(1, N_CELLS + 1) ** -1.1
        self.cumulated = np.cumsum(share / share.sum())
        often = n_rows * share / share.sum() >= OFTEN
        n_eligible = N_CELLS if where == "anywhere" else int(often.sum())
        planted = rng.choice(n_eligible, min(N_PLANTED, n_eligible // 3), replace=False)
        self.effect = np.zeros(N_CELLS)
        self.effect[planted] = rng.choice([-EFFECT, EFFECT], len(planted))

    @property
    def columns(self):
        """The column of each cell."""
        return N_MAIN + self.cells

    def chunk(self, n_rows, rng):
        """X, y, and the cell of each row."""
        cell = np.searchsorted(self.cumulated, rng.random(n_rows))
        cell = np.minimum(cell, N_CELLS - 1)
        latitude, longitude = np.divmod(self.cells[cell], N_LONGITUDES)
        columns = [latitude, N_LATITUDES + longitude, self.columns[cell]]
        indices = np.column_stack(columns).astype(np.int64).ravel()
        starts = np.arange(0, len(indices) + 1, 3)
        shape = (n_rows, N_FEATURES)
        X = sparse.csr_matrix((np.ones(len(indices)), indices, starts), shape=shape)
        odds = np.exp(-self.effect[cell])
        return X, (rng.random(n_rows) < 1.0 / (1.0 + odds)).astype(int), cell


def learnt(model, world, n_rows):
    """Teach the model from one read; rows of each cell, and seconds of learning."""
    rng = np.random.default_rng(1)
    counts, seconds = np.zeros(N_CELLS, int), 0.0
    for start in range(0, n_rows, CHUNK):
        X, y, cell = world.chunk(min(CHUNK, n_rows - start), rng)
        counts += np.bincount(cell, minlength=N_CELLS)
        begin = time.process_time()
        model.partial_fit(X, y, classes=[0, 1])
        seconds += time.process_time() - begin
    return counts, seconds


def weights_of_cells(coef, columns):
    """Entries of a CSR row at some columns."""
    position = np.searchsorted(coef.indices, columns)
    position = np.minimum(position, len(coef.indices) - 1)
    return np.where(coef.indices[position] == columns, coef.data[position], 0.0)


def found(weights, world, counts, size):
    """Precision and recall of weights larger than `size`, of cells seen often."""
    often = counts >= OFTEN
    chosen, planted = often & (np.abs(weights) > size), often & (world.effect != 0.0)
    both = (chosen & planted).sum()
    return both / max(chosen.sum(), 1), both / max(planted.sum(), 1)


def loss_over_best(model, world, alpha):
    """Log-loss of fresh rows over that of the true log-odds, less one."""
    rng = np.random.default_rng(2)
    own, best = 0.0, 0.0
    for _ in range(N_FRESH // CHUNK):
        X, y, cell = world.chunk(CHUNK, rng)
        sign = 2.0 * y - 1.0
        own += np.logaddexp(0.0, -sign * model.decision_function(X, alpha=alpha)).sum()
        best += np.logaddexp(0.0, -sign * world.effect[cell]).sum()
    return own / best - 1.0


def strength_of(settings, n_rows):
    """The alpha of a threshold: of sums of gradients, or of those of standardized cells."""
    if settings.get("standardize"):
        return ERRORS * 0.5 / np.sqrt(n_rows)
    return THRESHOLD / n_rows


def measure(name, n_rows):
    """Numbers of a case."""
    where, strengths, settings = CASES[name]
    world = World(where, n_rows)
    alphas = np.array(strengths) * strength_of(settings, n_rows)
    alpha = float(alphas[0]) if len(alphas) == 1 else alphas
    model = SGDClassifier("log_loss", alpha=alpha, shuffle=False, **settings)
    counts, seconds = learnt(model, world, n_rows)
    numbers = {"rows": n_rows, "alphas": len(alphas), "rows_per_second": n_rows / seconds}
    numbers["peak_rss"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    numbers["touched"] = int(model._stream.columns.n_slots)
    weights = weights_of_cells(model.coef_, world.columns)
    numbers |= {
        "alpha": float(model.alpha_),
        "non_zeros": int(sum(coef.nnz for coef in model.coef_path_)),
        "non_zeros_at_alpha": int(model.coef_.nnz),
        "planted_often": int(((counts >= OFTEN) & (world.effect != 0.0)).sum()),
        "exact": found(weights, world, counts, 0.0),
        "sizeable": found(weights, world, counts, SIZEABLE),
        "loss": loss_over_best(model, world, model.alpha_),
        "peak_rss_predicting": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "to_resume": len(pickle.dumps(model)),
        "sparsified": len(pickle.dumps(model.sparsify())),
    }
    return numbers


def line(name, numbers):
    exact, sizeable = (
        "/".join(f"{x:.2f}" for x in numbers[k]) for k in ("exact", "sizeable")
    )
    cells = [
        name,
        f"{N_FEATURES:,}",
        f"{numbers['touched']:,}",
        f"{numbers['non_zeros']:,}",
        f"{numbers['sparsified'] / 1e3:,.0f} kB",
        f"{numbers['to_resume'] / 1e6:.1f} MB",
        f"{numbers['peak_rss'] / 1e9:.2f} GB",
        f"{numbers['rows_per_second'] / 1e6:.2f} M",
        f"{numbers['planted_often']}",
        exact,
        sizeable,
        f"{100 * numbers['loss']:+.2f} %",
    ]
    return "| " + " | ".join(cells) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=5_000_000)
    parser.add_argument("--case", choices=[*CASES])
    given = parser.parse_args()
    if given.case:
        print(json.dumps(measure(given.case, given.rows)))
        return
    titles = ["case", "columns", "touched", "non-zeros", "on disk, sparsified"]
    titles += ["on disk, to resume", "peak RSS", "rows/s", "planted, seen 100 times"]
    titles += ["precision/recall", "of weights > 0.1", "log-loss over the true model's"]
    print("| " + " | ".join(titles) + " |\n|" + "---|" * len(titles), flush=True)
    for name in CASES:
        command = [sys.executable, "-m", __spec__.name, "--rows", str(given.rows)]
        done = subprocess.run([*command, "--case", name], capture_output=True, check=True)
        print(line(name, json.loads(done.stdout)), flush=True)


if __name__ == "__main__":
    main()
