"""Time whole lasso paths with skreg and its peers, and print the tables.

Usage, from the root of the project::

    python -m pip install ".[bench]"
    python -m tests.benchmarks.run --cases 1000x100 100x1000 \\
        --libraries skreg sklearn celer glmnet --json results.jsonl
    python -m tests.benchmarks.run --cases leukemia golub alon rcv1 --data DIR
    python -m tests.benchmarks.run --libraries skreg adelie \\
        --python-for adelie=/path/to/python
    python -m tests.benchmarks.tables results.jsonl

What is timed: a path of 100 alphas from alpha_max down to a fraction of it, with an
intercept, the same grid and the same data for everyone; X is not centred beforehand,
and what a library has to do about that is inside the timed call (see
:mod:`tests.benchmarks.libraries`).

Protocol: one process per library, one thread in each. A warm-up call and a search for
tolerances come first and are not counted: every library is called at 1e-1, 1e-2, ...
of its own `tol` until its path is good enough for the tables it is to appear in. For
*exact* that is an objective within 1e-6 of the best anyone found, relative to the null
model, and for skreg a relative duality gap of 1e-9; for *same gap* a relative duality
gap of 1e-4 and 1e-6. A library gives up where one call takes more than ``--limit``
seconds. Then all libraries and tolerances are timed in interleaved rounds (A B C A B C
...), each until ``--rounds`` rounds are made or its own calls have taken ``--seconds``;
quick cases go on for some seconds. Reported are minima, and quartiles of the ratios to
skreg within a round. Objective, gap and excess are recomputed in float64 from the
returned coefficients. Peak memory is that of a call: the process, X, its copies. "MB
above data" is what that is more than the process had with libraries and data loaded;
for a library that compiles it holds the machine code, and the compiler too where the
disk cache was empty, so run once before.

In a multi-task case y has several columns and the norm of a feature's row of
coefficients is penalised; libraries that have no such model are left out (see
:mod:`tests.benchmarks.multi_task`).

Every (case, order, library, tol) is one JSON line; those that were tried in the search
only have no rounds and the time of one call.
"""

import argparse
import json
import sys
from pathlib import Path

from tests.benchmarks.cases import CASES, build, why_missing
from tests.benchmarks.libraries import LIBRARIES
from tests.benchmarks.measure import Options, measure
from tests.benchmarks.multi_task import adapters
from tests.benchmarks.tables import tables


def parse(arguments=None):
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Options()
    peers = [name for name in LIBRARIES if name != "adelie"]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--libraries", nargs="+", choices=LIBRARIES, default=peers)
    parser.add_argument("--orders", nargs="+", choices="CF", default=["C"])
    parser.add_argument("--data", metavar="DIR", help="folder of the stored data")
    parser.add_argument("--rounds", type=int, default=default.rounds)
    parser.add_argument("--seconds", type=float, default=default.seconds)
    parser.add_argument("--limit", type=float, default=default.limit)
    parser.add_argument("--gaps", nargs="*", type=float, default=list(default.gaps))
    parser.add_argument(
        "--gap-libraries", nargs="+", choices=LIBRARIES, default=default.gap_libraries
    )
    parser.add_argument(
        "--tols", nargs="*", type=float, default=[], help="also time everyone at these"
    )
    parser.add_argument(
        "--python-for",
        nargs="+",
        action="extend",
        default=[],
        metavar="LIBRARY=PYTHON",
        help="interpreter for the worker of a library",
    )
    parser.add_argument("--json", metavar="FILE", help="append the records to FILE")
    return parser.parse_args(arguments)


def run(arguments):
    """Measure all that was asked for; yields (case, order, records)."""
    options = Options(
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        limit=arguments.limit,
        gaps=tuple(arguments.gaps),
        gap_libraries=tuple(arguments.gap_libraries),
        tols=tuple(arguments.tols),
        pythons=dict(pair.split("=", 1) for pair in arguments.python_for),
    )
    for name in arguments.cases:
        if reason := why_missing(CASES[name], arguments.data):
            sys.stderr.write(f"{name} skipped: {reason}\n")
            continue
        for order in arguments.orders:
            problem = build(CASES[name], order=order, data=arguments.data)
            libraries = [lib for lib in arguments.libraries if lib in adapters(problem)]
            if not libraries:
                sys.stderr.write(f"{name} skipped: none of the libraries has the model\n")
                continue
            found = measure(problem, libraries, options)
            yield [{**describe(name, order, problem), **record} for record in found]


def describe(name, order, problem):
    """The fields that all records of a problem share."""
    return {
        "case": name,
        "order": order,
        "n_samples": problem.X.shape[0],
        "n_features": problem.X.shape[1],
        "n_targets": problem.y.reshape(len(problem.y), -1).shape[1],
        "n_alphas": len(problem.alphas),
        "path_end": problem.alphas[-1] / problem.alphas[0],
    }


def main():
    """Run, write every case's records as soon as it is done, print the tables."""
    arguments = parse()
    everything = []
    for found in run(arguments):
        everything += found
        lines = "".join(json.dumps(record) + "\n" for record in found)
        if arguments.json:
            with Path(arguments.json).open("a") as file:
                file.write(lines)
        else:
            sys.stdout.write(lines)
        sys.stderr.write(f"{found[0]['case']} ({found[0]['order']}) done\n")
    sys.stdout.write(tables(everything) + "\n")


if __name__ == "__main__":
    main()
