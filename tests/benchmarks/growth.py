"""How the time of a path grows with samples, features and alphas.

Usage, from the root of the project::

    python -m tests.benchmarks.growth --picture growth.png --json growth.jsonl

Three kinds of data: tall (skreg forms the Gram matrix), wide and sparse (it keeps a
working set). From a middle size, one number is halved and doubled at a time. At every
size skreg and scikit-learn solve the same path to a relative gap of at most 1e-4, one
thread each, in turns: a first call that is not counted, then rounds for ``--seconds``
and at least three; the minimum counts. scikit-learn stops growing where a call takes,
or is expected to take, more than ``--limit`` seconds. The slope is that of the straight
line through log2(seconds) over log2(size), by least squares: 1 is proportional.
"""

import argparse
import json
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from tests.benchmarks.cases import Case, autoregressive, build, heavy_tailed
from tests.benchmarks.certificate import certify
from tests.benchmarks.libraries import LIBRARIES
from tests.benchmarks.measure import count_features
from tests.benchmarks.tables import NAMES, markdown

GAP = 1e-4
# scikit-learn's gap is relative to ||y||^2 / n, twice the objective of the null model.
TOLS = {"skreg": GAP, "sklearn": GAP / 2}
ROUNDS, MOST_ROUNDS = 3, 50
NOTHING = {"seconds": 0.0}
COLOURS = {"skreg": "C0", "sklearn": "C1"}


class Size(NamedTuple):
    """Of one path."""

    n_samples: int
    n_features: int
    n_alphas: int


class Kind(NamedTuple):
    """Data that grow: each number is `middle` times powers of two, one at a time."""

    make: Callable  # (n_samples, n_features, rng=) -> X, y
    path_end: float
    middle: Size
    powers: dict  # name of a number -> range of exponents

    def sizes(self, varied):
        """The sizes of one series, from small to large."""
        middle = getattr(self.middle, varied)
        values = [round(middle * 2.0**k) for k in self.powers[varied]]
        return [self.middle._replace(**{varied: value}) for value in values]


class Budget(NamedTuple):
    """How long to measure."""

    seconds: float = 1.5  # of rounds, per size
    rounds: int = ROUNDS  # at least
    limit: float = 3.0  # seconds of one call of scikit-learn


KINDS = {
    "tall": Kind(
        partial(autoregressive, rho=0.6),
        1e-3,
        Size(4000, 100, 64),
        {"n_samples": range(-2, 5), "n_features": range(-2, 4), "n_alphas": range(-3, 3)},
    ),
    "wide": Kind(
        partial(autoregressive, rho=0.6),
        1e-2,
        Size(200, 8000, 64),
        {"n_samples": range(-2, 3), "n_features": range(-3, 3), "n_alphas": range(-3, 3)},
    ),
    "sparse": Kind(
        partial(heavy_tailed, density=2e-3, n_active=50),
        1e-2,
        Size(4000, 8000, 64),
        {"n_samples": range(-2, 3), "n_features": range(-2, 3), "n_alphas": range(-3, 3)},
    ),
}
QUICK = Size(4, 4, 2)  # by how much --quick divides the sizes
QUICK_BUDGET = Budget(seconds=0.05, rounds=1, limit=0.2)


def smaller(kind):
    """The kind at the sizes of --quick."""
    pairs = zip(kind.middle, QUICK, strict=True)
    return kind._replace(middle=Size(*(number // divisor for number, divisor in pairs)))


def grow(name, kind, varied, budget):
    """Yield one record per size of a series."""
    libraries, found = list(TOLS), {}
    for size in kind.sizes(varied):
        make = partial(kind.make, size.n_samples, size.n_features)
        case = Case(lambda rng, make=make: make(rng=rng), kind.path_end)
        problem = build(case, n_alphas=size.n_alphas)
        if 2.0 * found.get("sklearn", NOTHING)["seconds"] > budget.limit:
            libraries = ["skreg"]
        found = measure(problem, libraries, budget)
        yield {"kind": name, "varied": varied, **size._asdict(), "libraries": found}


def measure(problem, libraries, budget):
    """Of every library the best time, the largest relative gap and the last support."""
    calls, times, found = {}, {}, {}
    for library in libraries:
        call = partial(LIBRARIES[library].path, *problem, TOLS[library], 100_000)
        first, (coefs, intercepts) = timed(call)
        gap = float(np.max(certify(problem, coefs, intercepts).gap))
        found[library] = {"gap": gap, "nonzeros": count_features(coefs[:, -1])}
        times[library] = [first]
        if library == "skreg" or first <= budget.limit:
            calls[library], times[library] = call, []
    start, rounds = time.perf_counter(), 0
    while rounds < budget.rounds or (
        time.perf_counter() - start < budget.seconds and rounds < MOST_ROUNDS
    ):
        for library, call in calls.items():
            times[library].append(timed(call)[0])
        rounds += 1
    for library, taken in times.items():
        found[library]["seconds"] = min(taken)
    return found


def timed(call):
    """Seconds of a call, and its answer."""
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = call()
    return time.perf_counter() - start, answer


def series_of(records):
    """(kind, varied) -> library -> (sizes, seconds)."""
    found = {}
    for record in records:
        lines = found.setdefault((record["kind"], record["varied"]), {})
        for library, measured in record["libraries"].items():
            sizes, times = lines.setdefault(library, ([], []))
            sizes.append(record[record["varied"]])
            times.append(measured["seconds"])
    return found


def slope(sizes, times):
    """Of the line through log2(times) over log2(sizes); nan for less than two."""
    if len(sizes) < 2:
        return float("nan")
    return float(np.polyfit(np.log2(sizes), np.log2(times), 1)[0])


def table(records):
    """One row per series: slopes, and at both ends the support and the speed-up.

    Where scikit-learn stopped growing, its slope says up to where, and the second
    speed-up is from there.
    """
    head = ("data", "what grows", "from", "to", "non-zeros", "slope, skreg")
    head += ("slope, scikit-learn", "scikit-learn / skreg")
    rows = []
    for (kind, varied), lines in series_of(records).items():
        (sizes, mine), (common, theirs) = lines["skreg"], lines.get("sklearn", ([], []))
        support = [
            record["libraries"]["skreg"]["nonzeros"]
            for record in records
            if (record["kind"], record["varied"]) == (kind, varied)
        ]
        other, speed_up = "", ""
        if common:
            reach = "" if len(common) == len(sizes) else f" (to {common[-1]})"
            steep = slope(common, theirs)
            other = "too slow" if np.isnan(steep) else f"{steep:.2f}{reach}"
            last = len(common) - 1
            speed_up = f"{theirs[0] / mine[0]:.1f} to {theirs[last] / mine[last]:.1f}"
        row = (kind, varied, str(sizes[0]), str(sizes[-1]))
        row += (f"{support[0]} to {support[-1]}", f"{slope(sizes, mine):.2f}")
        rows.append((*row, other, speed_up))
    return markdown(head, rows)


def draw(records, file):
    """One log-log picture: kinds of data below each other, what grows side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    series = series_of(records)
    kinds = list(dict.fromkeys(kind for kind, _ in series))
    varied = list(dict.fromkeys(name for _, name in series))
    figure = Figure(figsize=(3.6 * len(varied), 3.0 * len(kinds)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(kinds), len(varied), squeeze=False)
    for (kind, name), lines in series.items():
        ax = axes[kinds.index(kind), varied.index(name)]
        for library, (sizes, times) in lines.items():
            label = f"{NAMES.get(library, library)}, slope {slope(sizes, times):.2f}"
            ax.plot(sizes, times, "o-", color=COLOURS[library], label=label)
        ax.set_xscale("log", base=2)
        ax.set_yscale("log")
        ax.set_title(kind)
        ax.set_xlabel(name)
        ax.set_ylabel("seconds")
        ax.grid(alpha=0.3)
        ax.legend(fontsize="small")
    figure.savefig(file, dpi=150)


def parse(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Budget()
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument(
        "--varied", nargs="+", choices=Size._fields, default=list(Size._fields)
    )
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--limit", type=float, default=default.limit)
    parser.add_argument("--quick", action="store_true", help="small sizes, one round")
    parser.add_argument("--json", metavar="FILE", help="append the records to FILE")
    parser.add_argument("--picture", metavar="FILE", help="draw the series, log-log")
    return parser.parse_args(arguments)


def run(arguments):
    """Measure the series asked for; yields records."""
    budget = Budget(seconds=arguments.seconds, limit=arguments.limit)
    budget = QUICK_BUDGET if arguments.quick else budget
    for name in arguments.kinds:
        kind = smaller(KINDS[name]) if arguments.quick else KINDS[name]
        for varied in arguments.varied:
            with threadpool_limits(1):
                yield from grow(name, kind, varied, budget)
            sys.stderr.write(f"{name}, {varied} done\n")


def main(arguments=None):
    """Measure, write the records, draw the picture, print the table."""
    arguments = parse(arguments)
    records = list(run(arguments))
    if arguments.json:
        with Path(arguments.json).open("a") as file:
            file.writelines(json.dumps(record) + "\n" for record in records)
    if arguments.picture:
        draw(records, arguments.picture)
    sys.stdout.write(table(records) + "\n")


if __name__ == "__main__":
    main()
