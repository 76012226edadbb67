"""The disk cache: hit by a second process, never stale, never in the way."""

import json
import os
import shutil

import numpy as np
import pytest

from tests.compile.processes import FIT, ROOT, finish, run, start

USER_PENALTY = """
from typing import NamedTuple

from helper import shrink
from skreg.penalties import Penalty, register


class CapKernel(NamedTuple):
    alpha: float


def value(penalty, j, coef):
    return penalty.alpha * abs(coef)


def prox(penalty, j, point, step):
    return shrink(point, step * penalty.alpha) * FACTOR


def subdiff_distance(penalty, j, coef, gradient):
    if coef == 0.0:
        return max(abs(gradient) - penalty.alpha, 0.0)
    return abs(gradient - penalty.alpha * (1.0 if coef > 0 else -1.0))


FACTOR = 1.0
register(CapKernel, value=value, prox=prox, subdiff_distance=subdiff_distance)


class Cap(Penalty):
    def kernel(self, alpha):
        return CapKernel(float(alpha))
"""

HELPER = """
from numba.extending import register_jitable


@register_jitable
def shrink(point, threshold):
    if abs(point) <= threshold:
        return 0.0
    return point - threshold if point > 0 else point + threshold
"""

USE_PENALTY = """
import json
import numpy as np
from user_penalty import Cap
from skreg._kernels.cd import coordinate_descent
from skreg._solvers.least_squares import solve_path
from skreg._solvers.sample import make_sample

sample = make_sample(np.eye(4), np.arange(4.0)[:, None], None, False)
path = solve_path(sample, Cap(), [0.25], tol=1e-12, max_iter=3)
stats = coordinate_descent.stats
print(json.dumps({"coef": path.coefs[0, 0].tolist(),
                  "hits": sum(stats.cache_hits.values())}))
"""


def test_second_process_hits_the_cache(tmp_path):
    first = json.loads(run(FIT, tmp_path))
    second = json.loads(run(FIT, tmp_path))
    assert (first["hits"], first["misses"]) == (0, 2)
    assert (second["hits"], second["misses"]) == (2, 0)
    assert second["coef"] == first["coef"]


def test_edited_package_source_is_compiled_again(tmp_path):
    package = tmp_path / "copy"
    shutil.copytree(
        ROOT / "skreg", package / "skreg", ignore=shutil.ignore_patterns("__pycache__")
    )
    cache = tmp_path / "cache"
    before = json.loads(run(FIT, cache, path=package))
    source = package / "skreg" / "penalties" / "_soft_threshold.py"
    text = source.read_text()
    edited = text.replace("return penalty.l1 * sign", "return 0.5 * penalty.l1 * sign")
    assert edited != text
    source.write_text(edited)
    after = json.loads(run(FIT, cache, path=package))
    assert after["hits"] == 0
    assert not np.allclose(after["coef"], before["coef"])
    source.write_text(text)
    again = json.loads(run(FIT, cache, path=package))
    assert again["misses"] == 0
    assert again["coef"] == before["coef"]


@pytest.fixture
def user_module(tmp_path):
    folder = tmp_path / "user"
    folder.mkdir()
    (folder / "user_penalty.py").write_text(USER_PENALTY)
    (folder / "helper.py").write_text(HELPER)
    return folder


@pytest.mark.parametrize(
    ("filename", "old", "new"),
    [
        ("user_penalty.py", "* FACTOR", "* FACTOR * 0.5"),
        ("user_penalty.py", "FACTOR = 1.0", "FACTOR = 0.5"),
        ("helper.py", "point - threshold if", "0.5 * (point - threshold) if"),
    ],
    ids=["prox", "global constant", "callee in another file"],
)
def test_edited_user_penalty_is_never_stale(tmp_path, user_module, filename, old, new):
    cache = tmp_path / "cache"
    before = json.loads(run(USE_PENALTY, cache, path=user_module))
    same = json.loads(run(USE_PENALTY, cache, path=user_module))
    assert same == {"coef": before["coef"], "hits": 1}
    source = user_module / filename
    text = source.read_text()
    assert old in text
    source.write_text(text.replace(old, new))
    after = json.loads(run(USE_PENALTY, cache, path=user_module))
    assert after["hits"] == 0
    assert max(after["coef"]) == pytest.approx(0.5 * max(before["coef"]))


def test_folder_that_cannot_be_written_when_the_process_starts(tmp_path):
    """The next place is tried; a file in its way stops everybody, root included."""
    blocked = tmp_path / "blocked"
    blocked.write_text("")
    assert len(json.loads(run(FIT, blocked))["coef"]) == 30


def test_folder_that_can_no_longer_be_written(tmp_path):
    cache = tmp_path / "cache"
    script = f"""
import shutil
from pathlib import Path
import skreg
shutil.rmtree({str(cache)!r})
Path({str(cache)!r}).write_text("in the way")
"""
    report = json.loads(run(script + FIT, cache))
    assert (report["hits"], report["misses"]) == (0, 2)
    assert len(report["coef"]) == 30


def test_no_folder_for_a_cache_at_all(tmp_path):
    """Neither beside the source nor in the home folder: compile, do not fail."""
    script = """
    from numba.core.caching import CacheImpl
    CacheImpl._locator_classes = []
    """
    report = json.loads(run(script.replace("    ", "") + FIT, tmp_path))
    assert report["hits"] == 0
    assert len(report["coef"]) == 30


def test_damaged_cache_files(tmp_path):
    expected = json.loads(run(FIT, tmp_path))
    damaged = list(tmp_path.rglob("*.nbc"))
    assert damaged
    for path in damaged:
        path.write_bytes(path.read_bytes()[: os.path.getsize(path) // 2])
    repaired = json.loads(run(FIT, tmp_path))
    assert repaired == expected
    assert json.loads(run(FIT, tmp_path))["misses"] == 0


def test_eight_processes_compile_at_once(tmp_path):
    processes = [start(FIT, tmp_path) for _ in range(8)]
    reports = [json.loads(finish(process)) for process in processes]
    assert all(report["coef"] == reports[0]["coef"] for report in reports)
    assert json.loads(run(FIT, tmp_path))["misses"] == 0


def test_without_compilation(tmp_path):
    compiled = json.loads(run(FIT, tmp_path))
    plain = json.loads(run(FIT, tmp_path, NUMBA_DISABLE_JIT="1"))
    np.testing.assert_allclose(plain["coef"], compiled["coef"], rtol=1e-9, atol=1e-12)


def test_kernel_class_of_the_main_module_is_not_cached(tmp_path):
    """Its class is a new one in every process, so a cached kernel could not match."""
    script = HELPER + USER_PENALTY.replace("from helper import shrink", "")
    script += USE_PENALTY.replace("from user_penalty import Cap", "")
    for _ in range(2):
        report = json.loads(run(script, tmp_path))
        assert report["hits"] == 0
        assert report["coef"][3] > 0.0


def test_flush_removes_the_files_of_one_kernel(tmp_path):
    run(FIT, tmp_path)
    count = len(list(tmp_path.rglob("*.nbc")))
    script = "from skreg._kernels.cd import certify; certify._cache.flush()"
    run(script, tmp_path)
    assert len(list(tmp_path.rglob("*.nbc"))) == count - 1
