"""Threads around compiled functions that leave the interpreter's lock alone."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import product
from numbers import Integral
from threading import Lock
from typing import Any, NamedTuple, TypeAlias

from sklearn.utils._param_validation import Interval
from threadpoolctl import ThreadpoolController

# What ``n_jobs`` of an estimator may be, counted as joblib does.
N_JOBS = [Interval(Integral, 1, None, closed="left"), Interval(Integral, None, -1, closed="right"), None]

Restore: TypeAlias = tuple[Callable[[int], Any], int]


def check_n_jobs(n_jobs: Any) -> None:
    """Raise unless joblib knows how many threads are meant."""
    if n_jobs is not None and (not isinstance(n_jobs, Integral) or n_jobs == 0):
        raise ValueError(
            f"n_jobs={n_jobs!r} must be a number of threads, -1 for all processors, or None for 1"
        )


def in_threads(task: Callable, arguments: Iterable, n_threads: int) -> None:
    """Call ``task`` with each argument, in at most ``n_threads`` threads; one thread is this one."""
    if n_threads <= 1:
        for argument in arguments:
            task(argument)
    else:
        with ThreadPoolExecutor(n_threads) as pool:
            list(pool.map(task, arguments))


def blas_threads() -> int:
    """Threads that BLAS would take now: by the environment, ``threadpoolctl``, or a worker's limit."""
    return min((pool.number() for pool in _pools()), default=1)


class OneBlasThread:
    """Context in which BLAS takes one thread, for problems up to a size.

    A small factorisation gains nothing from more threads, takes many times as long where other processes keep the
    cores busy, and rounds differently with every number of them. Threads of Python may be inside together: the limit
    is set by the first and lifted by the last. To enter and leave takes less than ten microseconds.

    Parameters
    ----------
    size : int
        Width of the problem; above ``LARGEST`` the limit is left as it is.
    """

    LARGEST = 512

    _lock = Lock()
    _inside = 0
    _shared: tuple[Restore, ...] = ()

    def __init__(self, size: int):
        self.limits = size <= self.LARGEST
        self._own: tuple[Restore, ...] = ()

    def __enter__(self) -> None:
        if self.limits:
            kind = type(self)
            self._own = _limited(shared=False)
            with kind._lock:
                if kind._inside == 0:
                    kind._shared = _limited(shared=True)
                kind._inside += 1

    def __exit__(self, *_: Any) -> None:
        if self.limits:
            kind = type(self)
            with kind._lock:
                kind._inside -= 1
                if kind._inside == 0:
                    _restore(kind._shared)
            _restore(self._own)


class _Pool(NamedTuple):
    """The threads of one BLAS library; ``shared`` if their number is one for the whole process."""

    number: Callable[[], int]
    limit: Callable[[int], Any]
    shared: bool


def _limited(*, shared: bool) -> tuple[Restore, ...]:
    """Let the shared libraries, or the others, take one thread; return how many they had."""
    found = tuple((pool.limit, pool.number()) for pool in _pools() if pool.shared is shared)
    for limit, _ in found:
        limit(1)
    return found


def _restore(found: tuple[Restore, ...]) -> None:
    for limit, number in found:
        limit(number)


@cache
def _pools() -> tuple[_Pool, ...]:
    """Find what the process has loaded: at the first call NumPy's and SciPy's BLAS."""
    return tuple(map(_pool, ThreadpoolController().select(user_api="blas").lib_controllers))


def _pool(library: Any) -> _Pool:
    """Return the threads of a library as threadpoolctl sets them, but of OpenBLAS as the library itself does.

    OpenBLAS has one number for the process, which threadpoolctl lets a single thread of Python set: from all others
    its calls do nothing, and a limit that another thread is to lift stays.
    """
    if library.internal_api == "openblas" and library.threading_layer != "openmp":
        for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
            limit = getattr(library.dynlib, f"{prefix}openblas_set_num_threads{suffix}", None)
            if limit is not None:
                return _Pool(library.get_num_threads, limit, shared=True)
    return _Pool(library.get_num_threads, library.set_num_threads, shared=False)
