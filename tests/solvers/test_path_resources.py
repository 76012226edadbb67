"""What a path takes of the machine: threads and memory."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skreg import lasso_path
from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample
from skreg.penalties import L1, L1L2
from tests.linear.problems import gaussian

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 2**20

on_linux = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="reads /proc, which is Linux"
)


def report_of(script, *arguments):
    """What `script`, after the lines below, prints as JSON in a process of its own."""
    preamble = """
    import json, os, sys, threading
    import numpy as np
    from skreg._solvers.least_squares import solve_path
    from skreg._solvers.sample import make_sample
    from skreg._solvers.working_set import WorkingSet
    from skreg.penalties import L1

    def status(name):
        with open("/proc/self/status") as lines:
            found = [line.split()[1] for line in lines if line.startswith(name + ":")]
        return int(found[0])

    def problem(n_samples, n_features, order):
        rng = np.random.default_rng(0)
        X = np.empty((n_samples, n_features), order=order)
        rows = X.T if order == "F" else X  # filled without a second copy
        for row in rows:
            row[:] = rng.standard_normal(len(row))
        return X, X[:, :10].sum(axis=1) + rng.standard_normal(n_samples)

    def solve(X, y, use_gram, smallest=0.1):
        sample = make_sample(X, y[:, None], None, True)
        largest = L1().alpha_max(sample.correlation(sample.y)[:, 0])
        alphas = largest * np.geomspace(1.0, smallest, 20)
        return solve_path(sample, L1(), alphas, tol=1e-4, max_iter=1000, use_gram=use_gram)

    """
    found = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(preamble) + textwrap.dedent(script)]
        + [str(argument) for argument in arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def pools():
    """Number of threads of every thread pool that is loaded."""
    return {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}


class TestThreads:
    @pytest.mark.parametrize("use_gram", [True, False])
    @pytest.mark.parametrize("shape", [(900, 300), (200, 1200)])
    @pytest.mark.parametrize("penalty", [L1(), L1L2(0.5, positive=True)], ids=repr)
    def test_results_do_not_depend_on_their_number(self, penalty, shape, use_gram):
        X, y = gaussian(*shape, 60, seed=0)
        results = []
        for threads in (1, 2):
            with threadpool_limits(threads):
                assert threads in pools().values()
                sample = make_sample(X, y[:, None], None, True)
                largest = penalty.alpha_max(sample.correlation(sample.y)[:, 0])
                alphas = largest * np.geomspace(1.0, 0.01, 15)
                results.append(
                    solve_path(
                        sample, penalty, alphas, tol=1e-4, max_iter=99, use_gram=use_gram
                    )
                )
        one, two = results
        assert np.count_nonzero(one.coefs[0, -1]) > 30
        size = np.max(np.abs(one.coefs))
        np.testing.assert_allclose(two.coefs, one.coefs, rtol=0, atol=1e-12 * size)
        np.testing.assert_array_equal(two.coefs != 0, one.coefs != 0)
        np.testing.assert_array_equal(two.n_iters, one.n_iters)

    @pytest.mark.parametrize("threads", [1, 2])
    def test_limits_are_left_as_they_are(self, threads):
        X, y = gaussian(300, 100, 10, seed=0)
        with threadpool_limits(threads):
            before = pools()
            lasso_path(X, y, alphas=10)
            lasso_path(X.T.copy(), y[:100], alphas=10)
            assert pools() == before
            assert threads in before.values()

    @on_linux
    @pytest.mark.parametrize(("shape", "use_gram"), [((4000, 200), 1), ((200, 4000), 0)])
    def test_none_is_started(self, shape, use_gram):
        """Counted all the time by a thread that is the only one to be added."""
        report = report_of(
            """
            from threadpoolctl import threadpool_limits
            n_samples, n_features, use_gram = map(int, sys.argv[1:])
            counts, done = [], threading.Event()

            def count():
                while not done.is_set():
                    counts.append(len(os.listdir("/proc/self/task")))
                    done.wait(1e-4)

            with threadpool_limits(1):
                np.ones((300, 300)) @ np.ones((300, 300))
                before = len(os.listdir("/proc/self/task"))
                watcher = threading.Thread(target=count)
                watcher.start()
                for order in "CF":
                    solve(*problem(n_samples, n_features, order), bool(use_gram))
                done.set()
                watcher.join()
            import numba
            try:
                layer = numba.threading_layer()
            except ValueError:
                layer = None
            print(json.dumps([before, max(counts), len(counts), layer]))
            """,
            *shape,
            use_gram,
        )
        before, largest, n_looks, layer = report
        assert n_looks > 20
        assert largest <= before + 1
        assert layer is None


@on_linux
class TestMemory:
    """Growth of the largest resident set size, kernels being loaded already.

    No copy of X: what is added are the coefficients, the packed columns of the working
    set W (room for up to 2 |W|) and their Gram matrix (2 |W| squared, and the one that
    is outgrown while it is copied), or the Gram matrix of all features.
    """

    script = """
    order, n_samples, n_features, use_gram = sys.argv[1], *map(int, sys.argv[2:])
    for shape in ((30, 80), (80, 30)):
        solve(*problem(*shape, order), bool(use_gram))
    sizes, join = [0], WorkingSet.join

    def watched(self, features):
        join(self, features)
        sizes.append(len(self.features))

    WorkingSet.join = watched
    X, y = problem(n_samples, n_features, order)
    before = status("VmRSS")
    assert status("VmHWM") <= before + 1024
    path = solve(X, y, bool(use_gram))
    assert path.converged.all()
    print(json.dumps([1024 * (status("VmHWM") - before), sizes[-1], path.coefs.nbytes]))
    """

    @pytest.mark.parametrize("order", ["F", "C"])
    def test_wide(self, order):
        n_samples, n_features = 300, 20_000
        growth, working, coefs = report_of(self.script, order, n_samples, n_features, 0)
        data = 8 * n_samples * n_features
        bound = coefs + 5 * 8 * working**2 + 3 * 8 * working * n_samples + 8 * MEGABYTE
        assert working > 50
        assert bound < data / 2
        transposed = data if order == "C" else 0  # columns have to be contiguous
        assert growth <= bound + transposed

    @pytest.mark.parametrize("order", ["F", "C"])
    def test_tall(self, order):
        n_samples, n_features = 20_000, 300
        growth, *_ = report_of(self.script, order, n_samples, n_features, 1)
        data, gram = 8 * n_samples * n_features, 8 * n_features**2
        bound = 4 * gram + 10 * MEGABYTE
        assert bound < data / 2
        assert growth <= bound
