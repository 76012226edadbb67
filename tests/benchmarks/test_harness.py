"""The harness itself, on a miniature case; nothing is said about times."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso

from tests.benchmarks import startup
from tests.benchmarks.cases import (
    CASES,
    Case,
    autoregressive,
    build,
    friedman,
    heavy_tailed,
    why_missing,
)
from tests.benchmarks.certificate import certify
from tests.benchmarks.libraries import LIBRARIES, solve
from tests.benchmarks.measure import (
    EXACT_EXCESS,
    EXACT_GAP,
    GaveUpError,
    Options,
    Trial,
    Worker,
    measure,
    paired_ratios,
)
from tests.benchmarks.tables import tables

SMALL = {
    "friedman": Case(partial(friedman, 40, 12, 0.5), 1e-2),
    "autoregressive": Case(partial(autoregressive, 25, 60, 0.6), 5e-2),
    "sparse": Case(partial(heavy_tailed, 60, 80, 0.05, 5), 5e-2),
}


def objective(problem, coef, intercept, alpha):
    residual = problem.y - intercept - problem.X @ coef
    return residual @ residual / (2 * len(residual)) + alpha * np.abs(coef).sum()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", SMALL)
def test_adapters_solve_the_same_problem(name, order):
    problem = build(SMALL[name], order=order, n_alphas=8)
    paths = {}
    for library in ("skreg", "sklearn"):
        adapter = LIBRARIES[library]
        defaults = adapter.load()
        paths[library] = solve(adapter, problem, 1e-12, defaults)
        assert defaults["tol"] is not None
        assert np.max(certify(problem, *paths[library]).gap) < 1e-10
    for mine, theirs in zip(*paths.values(), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-6)
    np.testing.assert_allclose(paths["skreg"][0][:, 0], 0.0, atol=1e-12)


def test_certificate_is_scikit_learns():
    problem = build(SMALL["friedman"], n_alphas=5)
    alpha = problem.alphas[3]
    lasso = Lasso(alpha=alpha, tol=1e-2).fit(problem.X, problem.y)
    one = problem._replace(alphas=np.array([alpha]))
    found = certify(one, lasso.coef_[:, None], np.array([lasso.intercept_]))
    null = 0.5 * np.var(problem.y)
    here = objective(problem, lasso.coef_, lasso.intercept_, alpha)
    np.testing.assert_allclose(found.objective * null, here)
    np.testing.assert_allclose(found.gap * null, lasso.dual_gap_, rtol=1e-6)


def test_gap_bounds_the_excess_of_any_coefficients():
    problem = build(SMALL["sparse"], n_alphas=6)
    adapter = LIBRARIES["sklearn"]
    coefs, intercepts = solve(adapter, problem, 1e-13, adapter.load())
    best = certify(problem, coefs, intercepts)
    rng = np.random.default_rng(1)
    moved = coefs + 0.1 * rng.standard_normal(coefs.shape)
    worse = certify(problem, moved, intercepts + 0.1)
    assert np.all(worse.objective > best.objective)
    assert np.all(worse.lower_bound <= best.objective + 1e-14)


def test_data_are_those_of_the_words():
    X, y = friedman(4000, 6, 0.5, np.random.default_rng(0))
    correlation = np.corrcoef(X.T)[np.triu_indices(6, 1)]
    np.testing.assert_allclose(correlation, 0.5, atol=0.06)
    j = np.arange(1, 7)
    signal = X @ ((-1.0) ** j * np.exp(-(j - 1) / 10.0))
    np.testing.assert_allclose(np.std(signal) / np.std(y - signal), 3.0)
    X, _ = autoregressive(4000, 5, 0.6, np.random.default_rng(0))
    np.testing.assert_allclose(np.corrcoef(X.T)[0], 0.6 ** np.arange(5), atol=0.06)
    X, _ = heavy_tailed(200, 1000, 0.02, 10, np.random.default_rng(0))
    counts = np.diff(X.indptr)
    assert counts.min() == 1
    assert counts.max() > 20 * np.median(counts)


def test_problem_is_seeded_and_keeps_its_order():
    for order, layout in (("C", "c_contiguous"), ("F", "f_contiguous")):
        first, second = (build(SMALL["friedman"], order=order) for _ in range(2))
        assert getattr(first.X.flags, layout)
        np.testing.assert_array_equal(first.X, second.X)
        np.testing.assert_array_equal(first.alphas, second.alphas)
    assert sparse.issparse(build(SMALL["sparse"], order="C").X)
    assert build(SMALL["sparse"], order="C").X.format == "csr"
    assert build(SMALL["sparse"], order="F").X.format == "csc"


def test_stored_cases_say_what_they_need(tmp_path):
    assert why_missing(CASES["1000x100"], None) is None
    assert "--data DIR" in why_missing(CASES["golub"], None)
    assert "no folder golub" in why_missing(CASES["golub"], tmp_path)


def test_ratios_are_paired_by_round():
    def trial(rounds):
        return Trial("any", None, None, 0, 0.0, 1.0, rounds)

    found = paired_ratios(trial([4.0, 9.0, None]), trial([2.0, 3.0, 1.0]))
    assert found["minima"] == 4.0
    assert found["median"] == 2.5


def test_miniature_case_from_end_to_end():
    problem = build(SMALL["friedman"], n_alphas=10)
    options = Options(rounds=2, limit=100.0, quick=0.0, tols=(1e-3,))
    records = measure(problem, ["skreg", "sklearn"], options)
    records = [{"case": "small", "order": "C", **record} for record in records]
    records = json.loads(json.dumps(records))
    by_role = {(r["library"], role): r for r in records for role in r["roles"]}
    assert by_role["skreg", "exact"]["max_relative_gap"] <= EXACT_GAP
    assert by_role["sklearn", "exact"]["max_excess"] <= EXACT_EXCESS
    for library in ("skreg", "sklearn"):
        assert by_role[library, "gap 1e-06"]["max_relative_gap"] <= 1e-6
        assert by_role[library, "as shipped"]["shipped"]
        looser = by_role[library, "gap 1e-04"]["tol"]
        assert looser >= by_role[library, "gap 1e-06"]["tol"]
        (asked,) = (
            r
            for r in records
            if r["library"] == library and r["tol"] == 1e-3 and not r["shipped"]
        )
        assert len(asked["rounds"]) >= 2
    for record in records:
        assert not record["not_reached"]
        assert record["seconds"] > 0
        assert record["peak_memory_mb"] >= record["memory_before_mb"] > 0
        assert record["max_excess"] <= record["max_relative_gap"] * (1 + 1e-9) + 1e-15
        assert record["best_gap"] <= 1e-9
        assert 0 < record["nonzeros"] <= 12
    text = tables(records)
    assert text.count("small (C) | sklearn") == 4


def test_a_call_over_the_limit_is_given_up_and_said(monkeypatch):
    def slow(worker, tol, timeout, keep=False):
        raise GaveUpError(f"longer than {timeout:g} s")

    monkeypatch.setattr(Worker, "solve", slow)
    problem = build(SMALL["friedman"], n_alphas=4)
    (record,) = measure(problem, ["sklearn"], Options(rounds=1, limit=9.0, quick=0.0))
    assert record["seconds"] is None
    text = tables([{"case": "small", "order": "C", **record}])
    assert "not reached: longer than 9 s at tol 1e-01" in text


def test_a_worker_that_takes_too_long_is_stopped(tmp_path):
    worker = Worker("sklearn", tmp_path, sys.executable)
    worker.process = subprocess.Popen(
        [sys.executable, "-c", "input(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with pytest.raises(GaveUpError, match=r"longer than 0\.1 s"):
        worker.solve(None, 0.1)
    assert worker.process is None


def test_startup_table():
    times = {"a": 1.0, "b": 1.2, "c": 1.3, "c_minus_b": 0.1, "c_minus_b_bar": 0.25}
    record = {"class": "Lasso", **times, "empty_cache": 7.0, "empty_cache_bar": 6.0}
    assert startup.table([record]).endswith("| no |")
    assert set(startup.scripts("Ridge")) == {"a", "b", "c"}
