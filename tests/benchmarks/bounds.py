"""How far a path is from what bounds it: one pass over X, one product X' X.

Usage, from the root of the project::

    python -m tests.benchmarks.bounds --cases 1000x100 500x20000

For every case a row of a markdown table: the time of skreg's path as a multiple of one
product X' r with the data in memory, of one product X' X where the path runs on the Gram
matrix, and of the time that the counted passes over X would take at the speed of that one
product. Interleaved, one thread, minima.
"""

import argparse
import sys
import time

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from tests.benchmarks.cases import CASES, build
from tests.benchmarks.libraries import skreg_passes, skreg_path

MADE = [
    name for name, case in CASES.items() if case.folder is None and name != "multi-task"
]
HEADER = """| case | order | path / X'r | path / X'X | passes counted | path / passes |
|---|---|---|---|---|---|"""


def fastest(functions, seconds):
    """Minimum time of each function, called in turns for so many seconds."""
    best, end = [np.inf] * len(functions), time.perf_counter() + seconds
    while time.perf_counter() < end or not np.all(np.isfinite(best)):
        for position, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[position] = min(best[position], time.perf_counter() - start)
    return best


def row(name, order, problem, seconds):
    """One line of the table."""
    X, y, alphas = problem
    columns = X.tocsc() if sparse.issparse(X) else X
    passes = skreg_passes(X, y, alphas, 1e-4)
    products = [
        lambda: skreg_path(X, y, alphas, 1e-4, 100_000),
        lambda: columns.T @ y,
    ]
    if passes is None:
        products.append(lambda: X.T @ X)
    path, one, *gram = fastest(products, seconds)
    cells = [name, order, f"{path / one:.0f}", "", "", ""]
    if gram:
        cells[3] = f"{path / gram[0]:.2f}"
    else:
        cells[4:] = f"{passes:.1f}", f"{path / (passes * one):.1f}"
    return "| " + " | ".join(cells) + " |"


def main():
    """Print the table, a row as soon as it is measured."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=MADE, default=MADE)
    parser.add_argument("--orders", nargs="+", choices="CF", default=["C", "F"])
    parser.add_argument("--seconds", type=float, default=3.0)
    arguments = parser.parse_args()
    sys.stdout.write(HEADER + "\n")
    with threadpool_limits(1):
        for name in arguments.cases:
            for order in arguments.orders:
                problem = build(CASES[name], order=order)
                sys.stdout.write(row(name, order, problem, arguments.seconds) + "\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main()
