"""One way to compile: the decorator, dispatch on kernel tuples, and the disk cache.

Everything below the estimators that is compiled goes through three names,

* :func:`jit` compiles an entry point, a function that Python calls;
* :func:`inlined` marks a helper that only compiled code calls;
* :func:`dispatched` makes one name stand for many implementations, chosen by the
  class of the first argument, in Python and in compiled code alike;

and :func:`prefetch`, for loops that wait for memory.

This is the lowest layer of the package: it imports numba and the standard library.
"""

from skreg._compile.dispatch import dispatched
from skreg._compile.jit import inlined, jit
from skreg._compile.prefetch import prefetch

__all__ = ["dispatched", "inlined", "jit", "prefetch"]
