"""Leave-one-out of lasso paths from one factor, next to n refits of the whole path.

Usage, from the root of the project::

    python -m tests.benchmarks.alo --seeds 20

AR(1) 0.6 columns, n = 300, p = 100 and 600; alphas from alpha_max to a hundredth of it as
far as there are at most n/2 degrees of freedom. For each seed the risk (mean squared
error) at every alpha is compared with that of refits: its largest relative deviation, the
distance of the two minima on the grid, and the time of both next to that of one path. The
same is said of the plain formula, the residual over 1 - leverage.
"""

import argparse
import time
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from skreg._solvers.approximate_leave_one_out import approximate_leave_one_out
from skreg._solvers.least_squares import solve_path
from skreg._solvers.leverage import leverages
from skreg._solvers.sample import make_sample
from skreg._solvers.subsample import errors_at, without_row
from skreg.penalties import L1L2
from tests.benchmarks.cases import autoregressive

N_SAMPLES, SHAPES, L1_RATIOS = 300, (100, 600), (1.0, 0.5)
PATH_END = 1e-2


class Comparison(NamedTuple):
    degrees_of_freedom: np.ndarray  # (n_alphas,), as all arrays
    risk: np.ndarray
    plain_risk: np.ndarray
    refitted_risk: np.ndarray
    seconds: tuple  # one path, leave-one-out, refits

    def deviations(self, risk):
        """Largest relative one, and between the minima in grid points."""
        largest = np.max(np.abs(risk / self.refitted_risk - 1.0))
        return largest, abs(int(risk.argmin()) - int(self.refitted_risk.argmin()))


def solve(sample, penalty, alphas):
    """To rounding."""
    return solve_path(sample, penalty, alphas, tol=1e-12, max_iter=None)


def compare(n_samples, n_features, l1_ratio, seed, n_alphas):
    """One :class:`Comparison`."""
    rng = np.random.default_rng(seed)
    X, y = autoregressive(n_samples, n_features, 0.6, rng)
    sample, penalty = make_sample(X, y[:, None], None, True), L1L2(l1_ratio)
    largest = penalty.alpha_max(sample.correlation(sample.y)[:, 0])
    alphas = np.geomspace(largest, PATH_END * largest, n_alphas)
    start = time.perf_counter()
    coefs = solve(sample, penalty, alphas).coefs[0]
    after_path = time.perf_counter()
    found = approximate_leave_one_out(sample, penalty, alphas, coefs, solve=solve)
    after_all = time.perf_counter()
    few = found.degrees_of_freedom <= n_samples / 2
    alphas, coefs = alphas[few], coefs[few]
    plain = sample.y.T - sample.fitted(coefs).T
    plain /= 1.0 - leverages(sample, penalty, alphas, coefs)
    before_refits = time.perf_counter()
    refitted = np.empty_like(plain)
    for i in range(n_samples):
        rest = without_row(sample, i)
        refit = solve(rest, penalty, alphas).coefs
        refitted[:, i] = errors_at(sample, i, rest, refit)[:, 0]
    seconds = (
        after_path - start,
        after_all - after_path,
        time.perf_counter() - before_refits,
    )
    risks = (np.mean(e**2, axis=1) for e in (found.errors[few], plain, refitted))
    return Comparison(found.degrees_of_freedom[few], *risks, seconds)


def main():
    """Print a table: worst and median over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--n-alphas", type=int, default=20)
    options = parser.parse_args()
    print(
        "| p | l1_ratio | worst risk | grid points | plain: worst | median | points | ",
        end="",
    )
    print("path s | leave-one-out s | refits s |\n" + "|---" * 10 + "|")
    for n_features in SHAPES:
        for l1_ratio in L1_RATIOS:
            all_seeds = [
                compare(N_SAMPLES, n_features, l1_ratio, seed, options.n_alphas)
                for seed in range(options.seeds)
            ]
            ours = np.array([one.deviations(one.risk) for one in all_seeds])
            plain = np.array([one.deviations(one.plain_risk) for one in all_seeds])
            path, fast, refits = np.median([one.seconds for one in all_seeds], axis=0)
            print(
                f"| {n_features} | {l1_ratio} | {ours[:, 0].max():.1e} | "
                f"{ours[:, 1].max():.0f} | {plain[:, 0].max():.1%} | "
                f"{np.median(plain[:, 0]):.1%} | {plain[:, 1].max():.0f} | "
                f"{path:.4f} | {fast:.3f} | {refits:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
