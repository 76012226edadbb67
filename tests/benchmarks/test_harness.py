"""The harness itself, on a miniature case; nothing is said about times."""

import json
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from scipy import sparse
from sklearn.linear_model import Lasso, MultiTaskLasso

from tests.benchmarks import bounds, growth, run, startup
from tests.benchmarks.cases import (
    CASES,
    Case,
    autoregressive,
    build,
    friedman,
    heavy_tailed,
    multi_task,
    why_missing,
)
from tests.benchmarks.certificate import certify
from tests.benchmarks.libraries import LIBRARIES, skreg_passes, skreg_path, solve
from tests.benchmarks.measure import (
    EXACT_EXCESS,
    EXACT_GAP,
    Options,
    TooSlowError,
    Trial,
    Worker,
    count_features,
    measure,
    paired_ratios,
)
from tests.benchmarks.multi_task import MULTI_TASK, adapters
from tests.benchmarks.tables import NAMES, bars, details, tables

SMALL = {
    "friedman": Case(partial(friedman, 40, 12, 0.5), 1e-2),
    "autoregressive": Case(partial(autoregressive, 25, 60, 0.6), 5e-2),
    "sparse": Case(partial(heavy_tailed, 60, 80, 0.05, 5), 5e-2),
    "multi-task": Case(partial(multi_task, 30, 20, 3, 0.6, 4), 5e-2),
}


def objective(problem, coef, intercept, alpha):
    """Of coef of shape (n_features,) or (n_features, n_targets)."""
    residual = problem.y - intercept - problem.X @ coef
    sizes = np.linalg.norm(coef.reshape(len(coef), -1), axis=1)
    return np.sum(residual**2) / (2 * len(residual)) + alpha * sizes.sum()


def record(case="1000x100", order="C", library="skreg", role="exact", **fields):
    """One record of a run, of which a test gives what it is about."""
    ratios = {"minima": 1.0, "lower_quartile": 1.0, "median": 1.0, "upper_quartile": 1.0}
    ratios |= fields.pop("ratios", {})
    return {
        "case": case,
        "order": order,
        "library": library,
        "tol": 1e-4,
        "roles": [role],
        "not_reached": {},
        "limit": 9.0,
        "seconds": 0.5,
        "ratios": {role: ratios},
        "max_relative_gap": 2e-4,
        "max_excess": 3e-7,
        "nonzeros": 100,
        "peak_memory_mb": 158.2,
        "memory_above_data_mb": 20.4,
        "passes": None,
        "n_alphas": 100,
        **fields,
    }


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("name", SMALL)
def test_adapters_solve_the_same_problem(name, order):
    problem = build(SMALL[name], order=order, n_alphas=8)
    paths = {}
    for library in ("skreg", "sklearn"):
        adapter = adapters(problem)[library]
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


def test_multi_task_certificate_is_scikit_learns():
    problem = build(SMALL["multi-task"], n_alphas=5)
    alpha = problem.alphas[3]
    lasso = MultiTaskLasso(alpha=alpha, tol=1e-2).fit(problem.X, problem.y)
    one = problem._replace(alphas=np.array([alpha]))
    found = certify(one, lasso.coef_.T[:, None], lasso.intercept_[None])
    null = 0.5 * np.var(problem.y, axis=0).sum()
    here = objective(problem, lasso.coef_.T, lasso.intercept_, alpha)
    np.testing.assert_allclose(found.objective * null, here)
    np.testing.assert_allclose(found.gap * null, lasso.dual_gap_, rtol=1e-6)


@pytest.mark.parametrize("name", ["sparse", "multi-task"])
def test_gap_bounds_the_excess_of_any_coefficients(name):
    problem = build(SMALL[name], n_alphas=6)
    adapter = adapters(problem)["sklearn"]
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
    X, y = multi_task(200, 30, 4, 0.6, 3, np.random.default_rng(0))
    residual = y - X @ np.linalg.lstsq(X, y, rcond=None)[0]
    assert y.shape == (200, 4)
    np.testing.assert_allclose(np.std(y) / np.std(residual), np.sqrt(10.0), rtol=0.2)


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


def test_passes_are_those_of_the_working_set_path():
    wide = build(SMALL["autoregressive"], n_alphas=8)
    assert 0.0 < skreg_passes(*wide, 1e-4) < 2 * len(wide.alphas)
    assert skreg_passes(*build(SMALL["friedman"], n_alphas=8), 1e-4) is None


def test_passes_are_counted_on_the_path_that_is_timed(monkeypatch):
    from skreg._solvers import least_squares

    problem = build(SMALL["autoregressive"], n_alphas=8)
    paths, follow = [], least_squares.Problem.path

    def spy(self, *arguments):
        for step in follow(self, *arguments):
            paths[-1].append(step)
            yield step

    monkeypatch.setattr(least_squares.Problem, "path", spy)
    for function, stop in ((skreg_path, (1e-4, None)), (skreg_passes, (1e-4,))):
        paths.append([])
        function(*problem, *stop)
    for timed, counted in zip(*paths, strict=True):
        np.testing.assert_array_equal(timed.coef, counted.coef)


def test_rows_of_coefficients_are_counted_once():
    assert count_features(np.array([1.0, 0.0, -2.0])) == 2
    assert count_features(np.array([[1.0, 2.0], [0.0, 0.0], [0.0, 3.0]])) == 2


@pytest.mark.parametrize(
    ("name", "libraries"),
    [("autoregressive", ["skreg", "sklearn"]), ("multi-task", ["skreg"])],
)
def test_miniature_case_from_end_to_end(name, libraries):
    problem = build(SMALL[name], n_alphas=10)
    options = Options(rounds=2, limit=100.0, quick=0.0, tols=(1e-3,))
    records = measure(problem, libraries, options)
    shared = run.describe("small", "C", problem)
    records = [{**shared, **record} for record in records]
    records = json.loads(json.dumps(records))
    by_role = {(r["library"], role): r for r in records for role in r["roles"]}
    assert by_role["skreg", "exact"]["max_relative_gap"] <= EXACT_GAP
    for library in libraries:
        assert by_role[library, "exact"]["max_excess"] <= EXACT_EXCESS
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
        assert record["memory_above_data_mb"] >= 0
        counted = record["library"] == "skreg" and name == "autoregressive"
        assert (record["passes"] is not None) == counted
        assert record["max_excess"] <= record["max_relative_gap"] * (1 + 1e-9) + 1e-15
        assert record["best_gap"] <= 1e-9
        assert 0 < record["nonzeros"] <= min(problem.X.shape)
    text = tables(records)
    for library in libraries:
        assert text.count(f"\n| small | {NAMES.get(library, library)} | ") == 4
    assert ("## Passes over X" in text) == (name == "autoregressive")


def test_a_call_over_the_limit_is_given_up_and_said(monkeypatch):
    def slow(worker, tol, timeout, keep=False):
        raise TooSlowError(f"longer than {timeout:g} s")

    monkeypatch.setattr(Worker, "solve", slow)
    problem = build(SMALL["friedman"], n_alphas=4)
    (record,) = measure(problem, ["sklearn"], Options(rounds=1, limit=9.0, quick=0.0))
    assert record["seconds"] is None
    text = tables([{"case": "small", "order": "C", **record}])
    row = "| small | scikit-learn | | not reached in 9 s | | | | | | |"
    assert text.count(row) == 4


def test_a_library_that_is_missing_says_so():
    problem = build(SMALL["friedman"], n_alphas=4)
    options = Options(rounds=1, quick=0.0, pythons={"celer": "/usr/bin/false"})
    (record,) = measure(problem, ["celer"], options)
    assert record["not_reached"]["exact"] == "not reached: the process died at tol 1e-01"


def test_libraries_without_the_model_are_left_out(capsys, monkeypatch):
    monkeypatch.setitem(CASES, "multi-task", SMALL["multi-task"])
    arguments = run.parse(["--cases", "multi-task", "--libraries", "glmnet"])
    assert list(run.run(arguments)) == []
    assert "multi-task skipped" in capsys.readouterr().err
    assert set(MULTI_TASK) < set(LIBRARIES)


class TestTables:
    def test_rows_are_those_of_the_docs(self):
        ratios = {"minima": 4.9, "lower_quartile": 4.721, "upper_quartile": 4.83}
        peer = record(library="sklearn", ratios=ratios)
        lines = details([record(), peer], "exact").splitlines()
        assert lines[0].startswith("| case | library | tol | time / skreg's | quartiles |")
        assert lines[1] == "|" + "---|" * 10
        assert (
            lines[2]
            == "| 1000x100 | skreg | 1e-04 | 1 | | 2e-04 | 3e-07 | 100 | 158 | 20 |"
        )
        assert lines[3] == (
            "| 1000x100 | scikit-learn | 1e-04 | 4.90 | 4.72-4.83 | 2e-04 | 3e-07 | 100 "
            "| 158 | 20 |"
        )

    def test_two_orders_have_a_column(self):
        lines = details([record(order="C"), record(order="F")], "exact").splitlines()
        assert lines[0].startswith("| case | order | library |")
        assert [line[:18] for line in lines[2:]] == [
            "| 1000x100 | C | s",
            "| 1000x100 | F | s",
        ]

    def test_the_last_run_counts_and_libraries_keep_their_order(self):
        celer, sklearn = record(library="celer"), record(library="sklearn", tol=1e-5)
        failed = record(library="sklearn", roles=[], not_reached={"exact": "not reached"})
        lines = details([celer, failed, sklearn, record()], "exact").splitlines()[2:]
        assert [line.split(" | ")[1] for line in lines] == [
            "skreg",
            "scikit-learn",
            "celer",
        ]
        assert "| 1e-05 |" in lines[1]

    def test_skreg_has_a_second_row_where_its_solution_is_another(self):
        first = record(max_relative_gap=1e-14)
        for gap, n_rows in ((2e-14, 1), (1e-6, 2)):
            second = record(role="same excess", max_relative_gap=gap)
            lines = details([first, second], "exact").splitlines()[2:]
            assert len(lines) == n_rows
        assert "| skreg at the peers' excess | 1e-04 | 1.00 | 1.00-1.00 |" in lines[1]

    @pytest.mark.parametrize(
        ("in_c", "in_f", "expected"),
        [
            ((1.6, 1.5), (2.0, 1.9), "| **1.60 celer** | 2.00 celer | yes |"),
            ((1.6, 1.5), (1.4, 1.4), "| 1.60 celer | **1.40 celer** | no |"),
            (
                (2.0, 1.3),
                (1.6, 1.5),
                "| 2.00 celer | **1.60 celer** | no: lower quartile 1.30 in C |",
            ),
        ],
    )
    def test_the_slower_order_decides_about_a_bar(self, in_c, in_f, expected):
        records = []
        for order, (minima, quartile) in (("C", in_c), ("F", in_f)):
            ratios = {"minima": minima, "lower_quartile": quartile}
            records += [
                record(order=order),
                record(order=order, library="celer", ratios=ratios),
                record(order=order, library="adelie", ratios={"minima": 3.0}),
            ]
        assert bars(records).splitlines()[2] == f"| 1000x100 | 1.5 {expected}"

    def test_a_bar_over_one_peer_that_took_too_long(self):
        late = {"roles": [], "not_reached": {"exact": "not reached in 9 s"}}
        records = [
            record("multi-task", seconds=0.5),
            record("multi-task", library="sklearn", **late),
            record("multi-task", library="celer", ratios={"minima": 2.0}),
        ]
        expected = "| multi-task | 5 (scikit-learn) | > 18.00 scikit-learn | | yes |"
        assert bars(records).splitlines()[2] == expected
        assert bars(records[:1]).count("\n") == 1


def test_a_worker_that_takes_too_long_is_stopped(tmp_path):
    worker = Worker("sklearn", tmp_path, sys.executable)
    worker.process = subprocess.Popen(
        [sys.executable, "-c", "input(); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with pytest.raises(TooSlowError, match=r"longer than 0\.1 s"):
        worker.solve(None, 0.1)
    assert worker.process is None


def test_startup_table():
    times = {"a": 1.0, "b": 1.2, "c": 1.3, "c_minus_b": 0.1, "c_minus_b_bar": 0.25}
    record = {"class": "Lasso", **times, "empty_cache": 7.0, "empty_cache_bar": 6.0}
    assert startup.table([record]).endswith("| no |")
    assert set(startup.scripts("Ridge")) == {"a", "b", "c"}


class TestGrowth:
    def test_slope_is_the_exponent(self):
        sizes = np.array([10, 20, 40, 80, 160])
        np.testing.assert_allclose(growth.slope(sizes, 0.3 * sizes**1.7), 1.7)
        assert np.isnan(growth.slope([10], [1.0]))

    @pytest.mark.parametrize("shrink", [growth.smaller, lambda kind: kind])
    def test_a_series_has_five_sizes_and_stays_with_its_algorithm(self, shrink):
        for name, kind in growth.KINDS.items():
            kind = shrink(kind)
            for varied in growth.Size._fields:
                sizes = kind.sizes(varied)
                assert len(sizes) >= 5
                assert kind.middle in sizes
                for size in sizes:
                    if name == "tall":
                        assert size.n_features <= 2 * size.n_samples
                    if name == "wide":
                        assert size.n_features > 2 * size.n_samples

    def test_command(self, tmp_path, monkeypatch, capsys):
        few = {name: range(-1, 2) for name in growth.Size._fields}
        kind = growth.KINDS["tall"]._replace(middle=growth.Size(120, 24, 8), powers=few)
        monkeypatch.setattr(growth, "KINDS", {"tall": kind})
        picture, records = tmp_path / "growth.png", tmp_path / "growth.jsonl"
        files = ["--json", str(records), "--picture", str(picture)]
        growth.main(["--quick", *files])
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(" | ")[1] for line in lines[2:]] == list(growth.Size._fields)
        assert picture.read_bytes().startswith(b"\x89PNG")
        for line in records.read_text().splitlines():
            found = json.loads(line)["libraries"]
            assert found["skreg"]["gap"] <= found["sklearn"]["gap"] <= growth.GAP
            assert found["skreg"]["seconds"] > 0

    def test_scikit_learn_stops_growing_at_the_limit(self):
        kind = growth.smaller(growth.KINDS["tall"])
        kind = kind._replace(middle=growth.Size(60, 6, 4))
        budget = growth.Budget(seconds=0.0, rounds=1, limit=0.0)
        first, *others = growth.grow("tall", kind, "n_samples", budget)
        assert set(first["libraries"]) == {"skreg", "sklearn"}
        assert all(set(record["libraries"]) == {"skreg"} for record in others)
        row = growth.table([first, *others]).splitlines()[2]
        assert "| too slow |" in row


@pytest.mark.parametrize("name", ["autoregressive", "friedman", "sparse"])
def test_bounds_are_a_row_of_the_table(name):
    cells = bounds.row(name, "C", build(SMALL[name], n_alphas=5), 0.0).split("|")
    assert len(cells) == bounds.HEADER.splitlines()[0].count("|") + 1
    assert cells[1:3] == [f" {name} ", " C "]
    assert float(cells[3]) > 0.0
    by_gram = name == "friedman"
    assert (cells[4].strip() != "") == by_gram
    assert (cells[5].strip() == "") == by_gram
