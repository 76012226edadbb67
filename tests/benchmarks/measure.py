"""One case: find every library's tolerances, then time them in interleaved rounds."""

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from tests.benchmarks.certificate import Certificate, certify
from tests.benchmarks.worker import save_problem

ROOT = Path(__file__).resolve().parents[2]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
ONE_THREAD = dict.fromkeys((*THREADS, "NUMBA_NUM_THREADS"), "1")
TOLS = [10.0**-k for k in range(1, 15)]
REFERENCE_TOLS = (1e-10, 1e-7)
REFERENCE_PATIENCE = 5  # times the limit on a call
START_SECONDS = 180  # import, compilation and a short path
QUICK_ROUNDS = 10  # times the asked rounds, where a case is quick
EXACT_EXCESS = 1e-6
EXACT_GAP = 1e-9
# Roles of skreg alone -> the role of the skreg trial that their times are compared with.
SECOND_ROLES = {"same excess": "exact", "as good as shipped": "as shipped"}


class Options(NamedTuple):
    """The protocol (see :mod:`tests.benchmarks.run` for the words)."""

    rounds: int = 7
    seconds: float = 20.0
    limit: float = 40.0
    quick: float = 3.0  # seconds for which a quick case goes on with its rounds
    gaps: tuple = (1e-4, 1e-6)
    gap_libraries: tuple = ("skreg", "sklearn")
    tols: tuple = ()
    pythons: Mapping = MappingProxyType({})


class GaveUpError(Exception):
    """A worker failed or took too long; it has been stopped."""


class TooSlowError(GaveUpError):
    """It took too long."""


class Worker:
    """The process of one library with one problem, started when first needed."""

    def __init__(self, name, folder, python):
        self.command = [python, "-m", "tests.benchmarks.worker", name, str(folder)]
        self.folder = folder
        self.process = None
        self.hello = {}

    def solve(self, tol, timeout, keep=False):
        """One call; the returned answer has its path if it is to be kept."""
        out = self.folder / "path.npz" if keep else None
        answer = self._ask({"tol": tol, "out": str(out) if out else None}, timeout)
        if keep:
            with np.load(out) as path:
                answer["path"] = path["coefs"], path["intercepts"]
            if not all(np.all(np.isfinite(part)) for part in answer["path"]):
                raise GaveUpError("coefficients that are not finite")
        return answer

    def passes(self, tol, timeout):
        """Passes over X of a path; None if its library does not count them."""
        if not self.hello.get("counts_passes"):
            return None
        return self._ask({"passes": tol}, timeout)["passes"]

    def stop(self):
        """End the process, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            for pipe in (self.process.stdin, self.process.stdout):
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            self.process = None

    def _ask(self, request, timeout):
        if self.process is None:
            self._start()
        with contextlib.suppress(BrokenPipeError):  # a dead process gives no answer
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        return self._answer(timeout)

    def _start(self):
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
        )
        self.hello = self._answer(START_SECONDS)

    def _answer(self, timeout):
        ready, _, _ = select.select([self.process.stdout], [], [], timeout)
        line = self.process.stdout.readline() if ready else b""
        if not line:
            self.stop()
            if not ready:
                raise TooSlowError(f"longer than {timeout:g} s")
            raise GaveUpError("the process died")
        answer = json.loads(line)
        if "error" in answer:
            self.stop()
            raise GaveUpError(answer["error"])
        return answer


@dataclass
class Trial:
    """One library at one tolerance (None: as shipped)."""

    library: str
    tol: float | None
    certificate: Certificate
    nonzeros: int
    peak_memory_mb: float  # the smallest peak of a call: the first may compile
    first_seconds: float
    rounds: list = field(default_factory=list)

    @property
    def spent(self):
        """Seconds spent in rounds."""
        return sum(seconds for seconds in self.rounds if seconds is not None)

    @property
    def seconds(self):
        """The minimum; of the first call where there were no rounds."""
        timed = [seconds for seconds in self.rounds if seconds is not None]
        return min(timed, default=self.first_seconds)


class Measurement:
    """All trials of one problem, and the best objective that any of them reached."""

    def __init__(self, problem, libraries, options, folder):
        self.problem, self.options = problem, options
        self.workers = {
            name: Worker(name, folder, options.pythons.get(name, sys.executable))
            for name in libraries
        }
        self.trials = {}  # (library, tol) -> Trial
        self.failures = {}  # (library, tol) -> why
        self.passes = {}  # library -> passes over X on the exact path

    @property
    def best(self):
        """Smallest objective found by anyone, per alpha."""
        return np.min([t.certificate.objective for t in self._all()], axis=0)

    @property
    def best_gap(self):
        """How far the best objective may be from the optimum, at worst on the path."""
        bounds = [t.certificate.lower_bound for t in self._all()]
        return float(np.max(self.best - np.max(bounds, axis=0)))

    def excess(self, trial):
        """Largest excess over the best objective along the path."""
        return float(np.max(trial.certificate.objective - self.best))

    def gap(self, trial):
        """Largest relative duality gap along the path."""
        return float(np.max(trial.certificate.gap))

    def goals(self, library):
        """Role -> (excess or gap, bound): what the loosest tolerance is sought for."""
        goals = {"exact": (self.excess, EXACT_EXCESS)}
        if library == "skreg":
            goals = {
                "exact": (self.gap, EXACT_GAP),
                "same excess": (self.excess, EXACT_EXCESS),
                "as good as shipped": (self.excess, self._shipped_excess()),
            }
        if library in self.options.gap_libraries:
            goals.update({f"gap {g:.0e}": (self.gap, g) for g in self.options.gaps})
        return goals

    def trials_of(self, library):
        """All trials of a library."""
        return [trial for trial in self._all() if trial.library == library]

    def roles(self, library, tightest=0.0):
        """Role -> trial; the loosest one for a goal, None where a goal was not met."""
        tried = [t for t in self.trials_of(library) if t.tol and t.tol >= tightest]
        tried.sort(key=lambda trial: -trial.tol)
        found = {"as shipped": self.trials.get((library, None))}
        for role, (measure, bound) in self.goals(library).items():
            meeting = (trial for trial in tried if measure(trial) <= bound)
            found[role] = next(meeting, None)
        return found

    def try_reference(self, library):
        """A tight solution first, so that excess means something during the search."""
        patience = REFERENCE_PATIENCE * self.options.limit
        for tol in REFERENCE_TOLS:
            if self._try(library, tol, patience):
                break

    def search(self, library):
        """Tighten until every goal is met or a call takes too long."""
        for tol in (None, *self.options.tols):
            self._try(library, tol, self.options.limit)
        for tol in TOLS:
            if not self._try(library, tol, self.options.limit):
                return
            if None not in self.roles(library, tightest=tol).values():
                return

    def time(self):
        """Interleaved rounds of every trial that has a role or was asked for."""
        timed = [t for t in self._all() if t.tol in self.options.tols]
        for library in self.workers:
            timed += [trial for trial in self.roles(library).values() if trial]
        timed = list({id(trial): trial for trial in timed}.values())
        start, rounds = time.perf_counter(), 0
        while self._goes_on(rounds, time.perf_counter() - start):
            for trial in timed:
                trial.rounds.append(self._time(trial))
            rounds += 1

    def count_passes(self):
        """Ask every worker that counts them for its passes over X."""
        for library, worker in self.workers.items():
            exact = self.roles(library).get("exact")
            if exact is not None:
                with contextlib.suppress(GaveUpError):
                    timeout = REFERENCE_PATIENCE * self.options.limit
                    self.passes[library] = worker.passes(exact.tol, timeout)

    def why_not(self, library, role):
        """Why there is no trial for a role, in a few words."""
        shipped = role == "as shipped"
        reasons = [
            why
            for (name, tol), why in self.failures.items()
            if name == library and (tol is None) == shipped
        ]
        return reasons[-1] if reasons else "not reached at any tol"

    def stop(self):
        """End all workers."""
        for worker in self.workers.values():
            worker.stop()

    def _goes_on(self, rounds, elapsed):
        asked = self.options.rounds
        return rounds < asked or (
            elapsed < self.options.quick and rounds < QUICK_ROUNDS * asked
        )

    def _all(self):
        return list(self.trials.values())

    def _shipped_excess(self):
        """Excess of the peer that is fastest at its defaults, and at least rounding."""
        peers = [t for t in self._all() if t.tol is None and t.library != "skreg"]
        if not peers:
            return np.inf
        fastest = min(peers, key=lambda trial: trial.first_seconds)
        return max(self.excess(fastest), np.finfo(float).eps)

    def _try(self, library, tol, timeout):
        """Solve once and certify; False if the library gave up, now or before."""
        if (library, tol) in self.trials:
            return True
        if (library, tol) in self.failures:
            return False
        worker = self.workers[library]
        try:
            answer = worker.solve(tol, timeout, keep=True)
        except TooSlowError:
            self.failures[library, tol] = f"not reached in {timeout:g} s"
            return False
        except GaveUpError as reason:
            at = "its defaults" if tol is None else f"tol {tol:.0e}"
            self.failures[library, tol] = f"not reached: {reason} at {at}"
            return False
        coefs, intercepts = answer["path"]
        self.trials[library, tol] = Trial(
            library,
            tol,
            certify(self.problem, coefs, intercepts),
            count_features(coefs[:, -1]),
            answer["peak_memory_mb"],
            answer["seconds"],
        )
        return True

    def _time(self, trial):
        """Seconds of one more call; None once the trial has used up its time."""
        if trial.spent >= self.options.seconds:
            return None
        worker = self.workers[trial.library]
        try:
            patience = REFERENCE_PATIENCE * self.options.limit
            answer = worker.solve(trial.tol, patience)
        except GaveUpError:
            return None
        trial.peak_memory_mb = min(trial.peak_memory_mb, answer["peak_memory_mb"])
        return answer["seconds"]


def count_features(coef):
    """Non-zero coefficients, or rows of them."""
    return int(np.count_nonzero(coef.reshape(len(coef), -1).any(axis=1)))


def measure(problem, libraries, options):
    """All records of one problem: one dictionary per library and tolerance."""
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        save_problem(problem, folder)
        measurement = Measurement(problem, libraries, options, folder)
        try:
            reference = "skreg" if "skreg" in libraries else libraries[0]
            measurement.try_reference(reference)
            for library in (*libraries, *libraries):  # again: the best may be better
                measurement.search(library)
            measurement.time()
            measurement.count_passes()
            return records(measurement)
        finally:
            measurement.stop()


def records(measurement):
    """JSON-able records; a library that gave up before any answer has one too."""
    roles = {name: measurement.roles(name) for name in measurement.workers}
    found = []
    for library, worker in measurement.workers.items():
        shared = {
            "library": library,
            "version": worker.hello.get("version"),
            "limit": measurement.options.limit,
            "not_reached": {
                role: measurement.why_not(library, role)
                for role, trial in roles[library].items()
                if trial is None
            },
            "passes": measurement.passes.get(library),
        }
        trials = measurement.trials_of(library)
        for trial in trials:
            mine = [role for role, found_ in roles[library].items() if found_ is trial]
            found.append({**shared, **_record(measurement, trial, mine, roles)})
        if not trials:
            found.append({**shared, "tol": None, "seconds": None, "roles": []})
    return found


def _record(measurement, trial, mine, roles):
    hello = measurement.workers[trial.library].hello
    skreg = roles.get("skreg", {})
    bases = {role: skreg.get(SECOND_ROLES.get(role, role)) for role in mine}
    return {
        "tol": hello.get("tol") if trial.tol is None else trial.tol,
        "shipped": trial.tol is None,
        "roles": mine,
        "seconds": trial.seconds,
        "rounds": trial.rounds,
        "max_relative_gap": measurement.gap(trial),
        "max_excess": measurement.excess(trial),
        "nonzeros": trial.nonzeros,
        "peak_memory_mb": trial.peak_memory_mb,
        "memory_before_mb": hello["memory_before_mb"],
        "memory_above_data_mb": trial.peak_memory_mb - hello["memory_before_mb"],
        "best_gap": measurement.best_gap,
        "ratios": {
            role: paired_ratios(trial, base)
            for role, base in bases.items()
            if base is not None
        },
    }


def paired_ratios(trial, base):
    """Time of `trial` over that of `base`: of the minima, and quartiles over rounds."""
    pairs = [
        (a, b)
        for a, b in zip(trial.rounds, base.rounds, strict=True)
        if a is not None and b is not None
    ]
    ratios = [a / b for a, b in pairs] or [trial.seconds / base.seconds]
    lower, median, upper = np.quantile(ratios, [0.25, 0.5, 0.75])
    return {
        "minima": trial.seconds / base.seconds,
        "lower_quartile": float(lower),
        "median": float(median),
        "upper_quartile": float(upper),
    }
