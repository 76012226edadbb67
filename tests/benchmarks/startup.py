"""How long the first fit takes in a fresh process.

Usage, from the root of the project::

    python -m tests.benchmarks.startup --repeats 7 --json startup.jsonl

Every time is that of a whole process, from start to exit: (a) scikit-learn's first fit
of a class; (b) the same, ``import numba`` and one call of a one-line function that is
in Numba's disk cache; (c) skreg's first fit of the same class with a warm cache. The
three are interleaved; c - b, of the minima, is what skreg adds to an import of Numba.
The fit with an empty cache is made once per class. The caches are in temporary folders.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.measure import ONE_THREAD, ROOT
from tests.benchmarks.tables import markdown

CLASSES = ("Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "Ridge", "RidgeCV")
BARS = {"Lasso": (0.25, 6.0)}  # seconds: c - b, empty cache
OTHER_BARS = (0.4, 12.0)

FIT = """
import numpy as np
from {package} import {name}
rng = np.random.default_rng(0)
X = rng.standard_normal((100, 10))
{name}().fit(X, X[:, 0] + rng.standard_normal(100))
"""
CACHED = """
import numba

@numba.njit(cache=True)
def double(number):
    return 2.0 * number
"""
CALL = """
import numba
from one_cached_function import double
double(1.0)
"""


def scripts(name):
    """What the three processes run."""
    peer = FIT.format(package="sklearn.linear_model", name=name)
    return {
        "a": peer,
        "b": peer + CALL,
        "c": FIT.format(package="skreg", name=name),
    }


def seconds(script, cache, modules):
    """Wall time of one process, from start to exit."""
    path = os.pathsep.join([str(ROOT), str(modules)])
    places = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": path}
    command = [sys.executable, "-c", script]
    start = time.perf_counter()
    subprocess.run(command, env={**os.environ, **ONE_THREAD, **places}, check=True)
    return time.perf_counter() - start


def measure(name, repeats, folder):
    """The record of one class."""
    (folder / "one_cached_function.py").write_text(CACHED)
    warm = folder / "warm"
    processes = scripts(name)
    for script in processes.values():
        seconds(script, warm, folder)
    times = {key: [] for key in processes}
    for _ in range(repeats):
        for key, script in processes.items():
            times[key].append(seconds(script, warm, folder))
    best = {key: min(found) for key, found in times.items()}
    empty = seconds(processes["c"], folder / f"empty_{name}", folder)
    warm_bar, empty_bar = BARS.get(name, OTHER_BARS)
    return {
        "class": name,
        **best,
        "c_minus_b": best["c"] - best["b"],
        "c_minus_b_bar": warm_bar,
        "empty_cache": empty,
        "empty_cache_bar": empty_bar,
        "times": times,
    }


def table(records):
    """One row per class; seconds."""
    head = ("class", "scikit-learn (a)", "a + numba (b)", "skreg (c)", "c - b", "bar")
    head += ("empty cache", "bar", "met")
    keys = ("a", "b", "c", "c_minus_b", "c_minus_b_bar")
    keys += ("empty_cache", "empty_cache_bar")
    rows = []
    for record in records:
        met = record["c_minus_b"] <= record["c_minus_b_bar"]
        met = met and record["empty_cache"] <= record["empty_cache_bar"]
        numbers = [f"{record[key]:.2f}" for key in keys]
        rows.append((record["class"], *numbers, "yes" if met else "no"))
    return markdown(head, rows)


def main():
    """Measure the classes asked for and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--classes", nargs="+", choices=CLASSES, default=CLASSES)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", metavar="FILE", help="append the records to FILE")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        records = [
            measure(name, arguments.repeats, Path(folder)) for name in arguments.classes
        ]
    if arguments.json:
        with Path(arguments.json).open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
    sys.stdout.write(table(records) + "\n")


if __name__ == "__main__":
    main()
