"""Masks, noise and shuffles: their law, and that they depend on where they are only."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skreg._compile import jit
from skreg._kernels.random_bits import factor_at, fill_factors, shuffle, stream_key
from skreg.mlp._training import epoch_order


@jit(strict=True)
def fill(seed, stream, step, first, rate, gaussian, out):
    fill_factors(rate, gaussian, stream_key(seed, stream, step), first, out)


@jit(strict=True)
def fill_one_by_one(seed, stream, step, first, rate, gaussian, out):
    key = stream_key(seed, stream, step)
    for i in range(out.shape[0]):
        out[i] = factor_at(rate, gaussian, key, first + i)


def factors(size, rate, *, gaussian=False, where=(0, 1, 0), first=0, dtype=np.float64):
    out = np.empty(size, dtype)
    fill(*where, first, rate, gaussian, out)
    return out


def test_two_point_law():
    values, counts = np.unique(3.0 * factors(1_000_000, 0.4), return_counts=True)
    np.testing.assert_allclose(values, [0.0, 5.0], rtol=1e-15)
    # Standard error of the frequency: 0.0005.
    assert abs(counts[1] / counts.sum() - 0.6) < 0.002


@pytest.mark.parametrize("gaussian", [False, True])
@pytest.mark.parametrize("rate", [0.05, 0.5, 0.9])
def test_factors_have_mean_one_and_the_variance_of_dropout(rate, gaussian):
    draws = factors(1_000_000, rate, gaussian=gaussian)
    variance = rate / (1.0 - rate)
    assert abs(draws.mean() - 1.0) < 4.0 * np.sqrt(variance / draws.size)
    assert draws.var() == pytest.approx(variance, rel=0.02)


def test_gaussian_factors_are_normal():
    z = (factors(1_000_000, 0.5, gaussian=True) - 1.0).reshape(-1, 2)
    assert abs((z**3).mean()) < 0.02
    assert (z**4).mean() == pytest.approx(3.0, abs=0.04)
    # Both numbers of a word, and their squares.
    assert abs(np.corrcoef(z.T)[0, 1]) < 0.006
    assert abs(np.corrcoef((z**2).T)[0, 1]) < 0.006


@pytest.mark.parametrize("other", [(1, 1, 0), (0, 2, 0), (0, 1, 1)])
def test_seeds_streams_and_steps_are_independent(other):
    a, b = factors(1_000_000, 0.5), factors(1_000_000, 0.5, where=other)
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.005
    assert abs(np.corrcoef(a[1:], a[:-1])[0, 1]) < 0.005


@pytest.mark.parametrize("gaussian", [False, True])
def test_bits_depend_on_the_position_only(gaussian):
    whole = factors(1001, 0.3, gaussian=gaussian)
    parts = [
        factors(size, 0.3, gaussian=gaussian, first=first)
        for first, size in ((0, 500), (500, 252), (752, 249))
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    single = np.empty(1001)
    fill_one_by_one(0, 1, 0, 0, 0.3, gaussian, single)
    np.testing.assert_allclose(single, whole, rtol=1e-15)


def test_both_dtypes_drop_the_same_units():
    single, double = factors(999, 0.3, dtype=np.float32), factors(999, 0.3)
    np.testing.assert_array_equal(single, double.astype(np.float32))
    noise = factors(999, 0.3, gaussian=True, dtype=np.float32)
    np.testing.assert_array_equal(
        noise, factors(999, 0.3, gaussian=True).astype(np.float32)
    )


def test_rate_zero_multiplies_by_one():
    np.testing.assert_array_equal(factors(7, 0.0), np.ones(7))
    np.testing.assert_array_equal(factors(7, 0.0, gaussian=True), np.ones(7))


def test_shuffle_is_uniform():
    counts = np.zeros((4, 4))
    for epoch in range(4000):
        order = epoch_order(4, 5, epoch)
        assert sorted(order) == [0, 1, 2, 3]
        counts[np.arange(4), order] += 1
    assert np.abs(counts / 4000 - 0.25).max() < 0.03
    np.testing.assert_array_equal(epoch_order(5, 0, 0, shuffle=False), np.arange(5))


def test_bits_are_those_of_the_first_release():
    # A fit that is repeated years later gives the same network.
    order = np.empty(8, np.int64)
    shuffle(7, 2, order)
    assert order.tolist() == ORDER
    assert (factors(16, 0.5, where=(7, 1, 2)) > 0).astype(int).tolist() == KEPT


ORDER = [0, 3, 1, 4, 2, 6, 7, 5]
KEPT = [1, 0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]

SCRIPT = """
import hashlib
import numpy as np
from tests.mlp.nets import Problem
from tests.mlp.test_random_bits import factors
from skreg._kernels.mlp_optimizers import Adam
from skreg.mlp._training import epoch_order

def digest(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()

problem = Problem(200, 30, hidden=(40,))
print(digest(epoch_order(10_000, 1, 2)), digest(factors(10_000, 0.3)))
state, _ = problem.train(Adam(), 3, noise=problem.noise(0.2))
print(digest(state.params))
"""


def run(threads, cache):
    root = Path(__file__).resolve().parents[2]
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    variables = dict.fromkeys(names, str(threads))
    environment = {**os.environ, **variables, "PYTHONPATH": str(root)}
    environment["NUMBA_CACHE_DIR"] = str(cache)
    command = [sys.executable, "-P", "-c", SCRIPT]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_same_bits_for_any_number_of_threads_and_in_every_process(tmp_path):
    # The first process compiles, the others load.
    one, again, two = run(1, tmp_path), run(1, tmp_path), run(2, tmp_path)
    assert one == again
    assert one[0] == two[0]
