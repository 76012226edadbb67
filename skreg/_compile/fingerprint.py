"""A hash of all that decides what a function compiles to.

Numba notices an edit of the file that holds a compiled function, not an edit of a
function that it calls in another file. The fingerprint closes that hole: it covers
the bytecode and constants of a function, the values of the globals and closure
variables that it reads (Numba freezes them at compile time), the file it lives in,
and, recursively, every Python function it reaches.
"""

import functools
import hashlib
import types
from pathlib import Path

import numpy as np

PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = ("_compile", "_kernels", "losses", "penalties")


@functools.cache
def package_fingerprint():
    """Hash of every source file of skreg that can end up in compiled code."""
    digest = hashlib.sha256()
    for folder in COMPILED_FOLDERS:
        for path in sorted((PACKAGE / folder).glob("*.py")):
            digest.update(path.name.encode())
            digest.update(_file_bytes(str(path)))
    return digest.hexdigest()


def fingerprint(*functions):
    """Hash of `functions` and of every function and constant they reach."""
    digest = hashlib.sha256()
    seen: set[types.FunctionType] = set()
    for function in functions:
        _feed(digest, function, seen)
    return digest.hexdigest()


def _feed(digest, value, seen):
    value = getattr(value, "py_func", value)  # a Numba dispatcher holds the function
    if not isinstance(value, types.FunctionType):
        digest.update(_constant_bytes(value))
        return
    if value in seen or _is_foreign(value.__module__):
        return
    seen.add(value)
    digest.update(_file_bytes(value.__code__.co_filename))
    closure = [cell.cell_contents for cell in value.__closure__ or ()]
    closure += [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    for reached in [*_feed_code(digest, value.__code__, value.__globals__), *closure]:
        _feed(digest, reached, seen)


def _feed_code(digest, code, namespace):
    """Hash one code object; return the objects that its names stand for."""
    digest.update(code.co_code)
    reached = []
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            reached += _feed_code(digest, constant, namespace)
        else:
            digest.update(_constant_bytes(constant))
    for name in code.co_names:
        digest.update(name.encode())
        if name in namespace:
            value = namespace[name]
            reached.append(value)
            if isinstance(value, types.ModuleType) and not _is_foreign(value.__name__):
                members = (getattr(value, other, None) for other in code.co_names)
                reached += [member for member in members if member is not None]
    return reached


def _constant_bytes(value):
    """The value of a constant that compiled code can hold; the same in every process."""
    if isinstance(value, np.ndarray):
        return repr((value.dtype.str, value.shape)).encode() + value.tobytes()
    if isinstance(value, frozenset):
        return repr(sorted(map(repr, value))).encode()
    if isinstance(value, tuple):
        return b"(" + b",".join(map(_constant_bytes, value)) + b")"
    if isinstance(value, (int, float, complex, str, bytes, np.generic, type(None))):
        return repr(value).encode()
    return type(value).__qualname__.encode()


def _is_foreign(module_name):
    """Released packages whose version Numba or the user pins, not sources under edit."""
    root = (module_name or "").partition(".")[0]
    return root in {"builtins", "math", "numba", "numpy", "scipy", "skreg"}


@functools.cache
def _file_bytes(filename):
    try:
        return Path(filename).read_bytes()
    except OSError:  # a notebook cell, a zip archive: the bytecode has to do
        return b""
