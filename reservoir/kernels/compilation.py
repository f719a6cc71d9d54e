"""The decorator of all compiled functions: their options, and a cache on disk that is never stale.

numba keeps compiled functions on disk and stamps each with the contents of its own file alone. A function of another
file that was inlined into it may change, by an edit or an upgrade, and the old machine code would go on being used.
Here the stamp also holds a hash of all sources that a function can depend on. Entries are checked when they are read:
a damaged one, or one that two processes wrote at once, is compiled again. Where no cache can be written, functions
are compiled in memory, with one warning.
"""

import hashlib
import pickle
import sys
import warnings
import zlib
from functools import cache
from pathlib import Path

from numba import njit

try:
    from numba.core.caching import FunctionCache, IndexDataCacheFile
except ImportError:  # a numba that is organised otherwise: see `_attach_cache`
    FunctionCache = IndexDataCacheFile = object

# What LLVM may do with floating-point arithmetic. NaN and infinity keep their meaning: neither "nnan" nor "ninf".
ELEMENTWISE = frozenset({"contract", "nsz", "arcp"})
_ARITHMETIC = {
    "strict": frozenset(),
    "elementwise": ELEMENTWISE,
    "reassociated": ELEMENTWISE | {"reassoc"},  # sums may be split over vector lanes
}


def options(arithmetic="reassociated"):
    """Return numba's options of a compiled function, for `numba.extending.overload` and the like.

    Parameters
    ----------
    arithmetic : {"reassociated", "elementwise", "strict"}, default="reassociated"
        What LLVM may change: also the order of sums, or the form of single operations (fused multiply-add,
        multiplication by the reciprocal, the sign of zero), or nothing.

    Returns
    -------
    dict
        Division by zero gives infinity or NaN: an exception would be a hidden branch that stops the vectoriser.
    """
    return {"fastmath": set(_ARITHMETIC[arithmetic]), "error_model": "numpy"}


def compiled(function=None, *, arithmetic="reassociated", cached=True, **others):
    """Compile a function with numba, without the interpreter's lock, and keep the result on disk.

    Parameters
    ----------
    function : callable, optional
        Without it a decorator is returned.
    arithmetic : {"reassociated", "elementwise", "strict"}, default="reassociated"
        See `options`.
    cached : bool, default=True
        Whether to keep the result on disk. Functions that are inlined into others need not be kept.
    **others
        Further options of `numba.njit`, such as ``inline="always"``.

    Returns
    -------
    numba dispatcher, or a decorator that returns one

    Examples
    --------
    >>> import numpy as np
    >>> @compiled(arithmetic="strict", cached=False)
    ... def total(values):
    ...     result = 0.0
    ...     for value in values:
    ...         result += value
    ...     return result
    >>> total(np.ones(3))
    3.0
    """

    def decorate(function):
        dispatcher = njit(nogil=True, **options(arithmetic), **others)(function)
        if cached:
            _attach_cache(dispatcher, function)
        return dispatcher

    return decorate if function is None else decorate(function)


def _attach_cache(dispatcher, function):
    """Give a dispatcher a cache, unless none can be written.

    numba has no public way to give a dispatcher another cache. Should a release name its parts otherwise, functions
    are compiled in memory rather than read from a cache that may be stale.
    """
    try:
        new = _Cache(function)
        dispatcher._cache  # noqa: B018 - raises where numba calls it otherwise
    except RuntimeError as error:  # numba found no folder to write to
        _warn_once(str(error))
    except (AttributeError, TypeError) as error:
        _warn_once(f"this release of numba keeps caches in another way ({error})")
    else:
        dispatcher._cache = new


class _Cache(FunctionCache):
    """numba's cache of one function, stamped with all sources; failing to read or write it is no error."""

    def __init__(self, function):
        super().__init__(function)
        sources = _hash_of_sources(function.__module__.partition(".")[0])
        stamp = (self._impl.locator.get_source_stamp(), sources)
        self._cache_file = _CheckedFile(self.cache_path, self._impl.filename_base, stamp)

    def load_overload(self, sig, target_context):
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # whatever a damaged file makes of unpickling
            return None

    def save_overload(self, sig, data):
        try:
            self._save(sig, data)
        except OSError as error:
            self.disable()
            _warn_once(f"cannot write to {self.cache_path}: {error}")

    def _save(self, sig, data):
        try:
            super().save_overload(sig, data)
        except OSError:
            raise
        except Exception:  # a damaged index, which numba reads before it writes
            self.flush()
            super().save_overload(sig, data)


class _CheckedFile(IndexDataCacheFile):
    """Entries with a checksum, the stamp and the key.

    The index and the entries are separate files: between the two, another process may have written.
    """

    def save(self, key, data):
        entry = self._dump((self._source_stamp, key, data))
        super().save(key, (zlib.crc32(entry), entry))

    def load(self, key):
        found = super().load(key)
        if found is None:
            return None
        checksum, entry = found
        if zlib.crc32(entry) != checksum:
            return None
        stamp, own_key, data = pickle.loads(entry)
        return data if (stamp, own_key) == (self._source_stamp, key) else None


@cache
def _hash_of_sources(package):
    """Hash the sources of `reservoir`, and of the package that a function belongs to."""
    digest, n_sources = hashlib.sha256(), 0
    folders = {
        Path(__file__).parents[1],
        *(Path(path) for path in getattr(sys.modules.get(package), "__path__", ())),
    }
    for folder in sorted(folders):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0" + path.read_bytes())
            n_sources += 1
    if n_sources == 0:
        raise RuntimeError("the sources of the library are not files of a folder")
    return digest.hexdigest()


_warned: list = []


def _warn_once(reason):
    """Warn in a process for the first of a hundred functions alone."""
    if not _warned:
        _warned.append(reason)
        warnings.warn(
            "compiled functions cannot be stored on disk, so every process compiles them again, which takes seconds "
            "to a minute; set the environment variable NUMBA_CACHE_DIR to a folder that can be written to "
            f"({reason})",
            UserWarning,
            stacklevel=2,
        )
