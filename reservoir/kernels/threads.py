"""Threads around compiled functions that leave the interpreter's lock alone."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from numbers import Integral
from threading import Lock
from typing import Any

from sklearn.utils._param_validation import Interval
from threadpoolctl import ThreadpoolController

# What ``n_jobs`` of an estimator may be, counted as joblib does.
N_JOBS = [Interval(Integral, 1, None, closed="left"), Interval(Integral, None, -1, closed="right"), None]


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
    return min((library["num_threads"] for library in _blas().info()), default=1)


class OneBlasThread:
    """Context in which BLAS takes one thread, for problems up to a size.

    A small factorisation gains nothing from more threads, takes many times as long where other processes keep the
    cores busy, and rounds differently with every number of them. Threads of Python may be inside together: the limit
    is set by the first and lifted by the last. Newer releases of threadpoolctl let one thread alone set limits.

    Parameters
    ----------
    size : int
        Width of the problem; above ``LARGEST`` the limit is left as it is.
    """

    LARGEST = 512

    _lock = Lock()
    _inside = 0
    _limit: Any = None

    def __init__(self, size: int):
        self.limits = size <= self.LARGEST

    def __enter__(self) -> None:
        if self.limits:
            kind = type(self)
            with kind._lock:
                if kind._inside == 0:
                    kind._limit = _blas().limit(limits=1)
                kind._inside += 1

    def __exit__(self, *_: Any) -> None:
        if self.limits:
            kind = type(self)
            with kind._lock:
                kind._inside -= 1
                if kind._inside == 0:
                    kind._limit.restore_original_limits()
                    kind._limit = None


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
