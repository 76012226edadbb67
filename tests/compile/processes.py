"""Run small scripts in fresh Python processes with a cache folder of their own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FIT = """
import json
import numpy as np
from skreg import Lasso
from skreg._kernels.active_set import follow
from skreg._kernels.cd import certify

rng = np.random.default_rng(0)
X = rng.standard_normal((20, 30))
y = X[:, 0] + 0.1 * rng.standard_normal(20)
coef = Lasso(alpha=0.1).fit(X, y).coef_
report = {"coef": coef.tolist(), "hits": 0, "misses": 0}
for kernel in (follow, certify):
    stats = getattr(kernel, "stats", None)
    if stats is not None:
        report["hits"] += sum(stats.cache_hits.values())
        report["misses"] += sum(stats.cache_misses.values())
print(json.dumps(report))
"""


def start(script, cache, *, path=ROOT, **environment):
    """Start `script`; its kernels are cached in the folder `cache`."""
    variables = {**os.environ, "NUMBA_CACHE_DIR": str(cache), **environment}
    variables["PYTHONPATH"] = os.pathsep.join([str(path), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-P", "-c", textwrap.dedent(script)],
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process):
    """Standard output of a process that must succeed."""
    output, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return output


def run(script, cache, **options):
    """Start and finish."""
    return finish(start(script, cache, **options))
