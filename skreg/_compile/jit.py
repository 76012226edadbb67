"""The one decorator through which skreg compiles."""

import functools

import numba
from numba.extending import register_jitable

from skreg._compile import cache

# The subset of fast-math that lets loops be vectorised (sums may be reordered and
# fused) and keeps the meaning of NaN and infinity. It took a dense epoch of
# coordinate descent from 6.5 to 1.35 ms.
FASTMATH = {"reassoc", "contract", "arcp", "nsz"}
OPTIONS = {"fastmath": FASTMATH, "error_model": "numpy"}
# Fast-math lets the optimizer round the same source differently in each copy of a
# function. A process that compiles runs other copies than one that loads them from disk:
# where results must be the same bits in both, the code is strict.
STRICT_OPTIONS = {"fastmath": False, "error_model": "numpy"}


def options(strict):
    """How to compile."""
    return STRICT_OPTIONS if strict else OPTIONS


def jit(function=None, *, strict=False):
    """Compile an entry point: a function called from Python.

    It releases the GIL and is cached on disk. Keep entry points few: each one is
    loaded from disk once per process. Never parallel: threads are made above.
    Strict code rounds as it is written: the same bits in every process.
    """
    if function is None:
        return functools.partial(jit, strict=strict)
    dispatcher = numba.njit(nogil=True, **options(strict))(function)
    if not numba.config.DISABLE_JIT:
        cache.enable(dispatcher)
    return dispatcher


def inlined(function=None, *, strict=False, force=False):
    """Mark a helper that compiled code calls; from Python it stays a plain function.

    LLVM leaves long helpers as calls, and loops over a call do not vectorise: `force`
    them in.
    """
    if function is None:
        return functools.partial(inlined, strict=strict, force=force)
    return register_jitable(forceinline=force, **options(strict))(function)
