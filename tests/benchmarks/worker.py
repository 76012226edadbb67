"""The process of one library: requests on stdin, answers on stdout, in JSON lines.

Run by :mod:`tests.benchmarks.measure` as ``python -m tests.benchmarks.worker NAME
FOLDER``. The library is imported and the data are read before the first answer.

A request has "tol" (null: as shipped) and "out", a file for the path or null; one that
has "passes" asks for the number of passes over X at that tolerance instead.
"""

import contextlib
import gc
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse

from tests.benchmarks.cases import Problem
from tests.benchmarks.libraries import solve
from tests.benchmarks.multi_task import adapters

N_ALPHAS_WARM_UP = 3


def save_problem(problem, folder):
    """Write a problem for the workers; the memory order of X is kept."""
    if sparse.issparse(problem.X):
        sparse.save_npz(folder / "X.npz", problem.X, compressed=False)
    else:
        np.save(folder / "X.npy", problem.X)
    np.savez(folder / "rest.npz", y=problem.y, alphas=problem.alphas)


def load_problem(folder):
    """Read what :func:`save_problem` wrote."""
    stored = folder / "X.npz"
    X = sparse.load_npz(stored) if stored.exists() else np.load(folder / "X.npy")
    with np.load(folder / "rest.npz") as rest:
        return Problem(X, rest["y"], rest["alphas"])


def forget_peak():
    """Let :func:`peak_memory` start again from the present size, where Linux can."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory():
    """Largest resident size since :func:`forget_peak`, in MB; elsewhere of all time.

    ru_maxrss of a process starts from the size of its parent on Linux, VmHWM does not.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def serve(name, folder, requests, answer):
    """Answer every request."""
    problem = load_problem(folder)
    library = adapters(problem)[name]
    defaults = library.load()
    gc.collect()
    forget_peak()
    memory = peak_memory()
    few = problem._replace(alphas=problem.alphas[:N_ALPHAS_WARM_UP])
    solve(library, few, None, defaults)
    counts = library.passes is not None
    answer({**defaults, "memory_before_mb": memory, "counts_passes": counts})
    for line in requests:
        request = json.loads(line)
        if "passes" in request:
            answer({"passes": library.passes(*problem, request["passes"])})
            continue
        gc.collect()
        forget_peak()
        start = time.perf_counter()
        coefs, intercepts = solve(library, problem, request["tol"], defaults)
        seconds, memory = time.perf_counter() - start, peak_memory()
        if request["out"] is not None:
            np.savez(request["out"], coefs=coefs, intercepts=intercepts)
        del coefs, intercepts
        answer({"seconds": seconds, "peak_memory_mb": memory})


def main():
    """Keep stdout for the answers: what a library prints goes to stderr."""
    channel = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(message):
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    try:
        serve(sys.argv[1], Path(sys.argv[2]), sys.stdin, answer)
    except Exception as error:
        answer({"error": f"{type(error).__name__}: {error}"})
        raise


if __name__ == "__main__":
    main()
