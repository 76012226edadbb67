"""The disk cache of compiled functions: one file per function and argument types.

Numba's own cache keeps an index file per function and numbers the entries. Two
processes that compile different argument types at the same moment can both take
number 1, after which one of them loads the other's machine code. Here the file name
*is* a hash of everything that decides its content (see :mod:`.fingerprint`), files
are put in place by an atomic rename, and there is no index to fall out of step: any
number of processes may compile at once, and an edited source never meets old code.

A folder that cannot be written costs the cache, never the result.
"""

import contextlib
import hashlib
import pickle
import sys
from pathlib import Path

import numba
from numba.core.caching import FunctionCache, NullCache
from numba.core.types.containers import BaseNamedTuple, BaseTuple

from skreg._compile.fingerprint import fingerprint, package_fingerprint

_registered: dict[type, str] = {}


def register_fingerprint(cls, functions):
    """Make the code of `functions` part of the key of every kernel that gets a `cls`."""
    _registered[cls] = _registered.get(cls, "") + fingerprint(*functions)


def enable(dispatcher):
    """Give `dispatcher` a disk cache, or none where no folder can be written."""
    try:
        dispatcher._cache = ContentCache(dispatcher.py_func)
    except (RuntimeError, OSError):  # numba finds no folder for this source file
        dispatcher._cache = NullCache()


class ContentCache(FunctionCache):
    """Numba's function cache with content-addressed files instead of an index."""

    def _load_overload(self, sig, target_context):
        key = self._key(sig, target_context.codegen())
        if not self._enabled or key is None:
            return None
        try:
            stored_key, payload = pickle.loads(self._path(key).read_bytes())
            if stored_key == key:
                return self._impl.rebuild(target_context, payload)
        except Exception:  # missing, cut short or unreadable: compile again
            pass
        return None

    def _save_overload(self, sig, data):
        key = self._key(sig, data.codegen)
        if not self._enabled or key is None or not self._impl.check_cachable(data):
            return
        with contextlib.suppress(OSError):  # folder not writable, disk full
            self._impl.locator.ensure_cache_path()
            payload = self._cache_file._dump((key, self._impl.reduce(data)))
            with self._cache_file._open_for_write(str(self._path(key))) as file:
                file.write(payload)

    def flush(self):
        for path in Path(self._cache_path).glob(f"{self._impl.filename_base}.*.nbc"):
            path.unlink(missing_ok=True)

    def _path(self, key):
        digest = hashlib.sha256(key.encode()).hexdigest()[:20]
        return Path(self._cache_path) / f"{self._impl.filename_base}.{digest}.nbc"

    def _key(self, sig, codegen):
        """All that decides the machine code, as text; None: do not cache this one."""
        classes = [cls for argument in sig for cls in _kernel_classes(argument)]
        if any(cls.__module__ == "__main__" for cls in classes):
            return None  # the class would be stored by value and never match again
        names = [f"{c.__module__}.{c.__qualname__}:{_registered.get(c)}" for c in classes]
        function = (self._py_func.__module__, self._py_func.__qualname__)
        target = (sys.version, numba.__version__, codegen.magic_tuple())
        sources = (package_fingerprint(), fingerprint(self._py_func))
        return repr((function, sig, names, target, sources))


def _kernel_classes(numba_type):
    """The NamedTuple classes in a Numba type, outermost first."""
    found = []
    if isinstance(numba_type, BaseNamedTuple):
        found.append(numba_type.instance_class)
    if isinstance(numba_type, BaseTuple):
        for member in numba_type:
            found += _kernel_classes(member)
    return found
