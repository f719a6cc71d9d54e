"""Threads around compiled functions that leave the interpreter's lock alone."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from threadpoolctl import ThreadpoolController


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


@cache
def _blas() -> ThreadpoolController:
    return ThreadpoolController().select(user_api="blas")
