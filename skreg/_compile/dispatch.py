"""One name, many implementations: chosen by the class of the first argument.

The data of a loss, a penalty or a design is a ``NamedTuple``; its behaviour is a set
of plain functions. ``prox(penalty, ...)`` looks up the class of `penalty` in a table.
Compiled code looks in the same table, once, at compile time, so that the chosen
function is inlined: one generic kernel serves every combination at the speed of
hand-written code. (Objects with methods, functions passed as arguments and closures
would do the same but miss Numba's disk cache in every new process.)
"""

import functools
from collections.abc import Callable

import numba
from numba.core.types.containers import BaseNamedTuple
from numba.extending import overload

from skreg._compile.cache import register_fingerprint
from skreg._compile.jit import options


def dispatched(interface=None, *, strict=False, force=False):
    """Turn the signature and docstring of `interface` into a dispatching function.

    The result has an attribute ``register(cls, implementation)``.
    """
    if interface is None:
        return functools.partial(dispatched, strict=strict, force=force)
    table: dict[type, Callable] = {}

    @functools.wraps(interface)
    def call(first, *others):
        return _find(table, type(first), call)(first, *others)

    def register(cls, implementation):
        table[cls] = implementation
        register_fingerprint(cls, [implementation])
        return implementation

    def choose(first, *others):
        if isinstance(first, BaseNamedTuple):
            return _find(table, first.instance_class, call)
        return None

    setattr(call, "register", register)  # noqa: B010 - unknown to type checkers
    if not numba.config.DISABLE_JIT:
        overload(call, jit_options={**options(strict), "forceinline": force}, strict=False)(
            choose
        )
    return call


def _find(table, cls, call):
    try:
        return table[cls]
    except KeyError:
        raise TypeError(
            f"{call.__name__}() is not defined for {cls.__name__}; register it with "
            f"{call.__name__}.register({cls.__name__}, function)."
        ) from None
