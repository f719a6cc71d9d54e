"""Which candidates are judged on which windows: all on all, or by successive halving."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from forecasting.tuning.configurations import Configuration

FACTOR = 3  # of the candidates, one in so many goes on to a round of so many times the windows


def run_rounds(
    candidates: Sequence[Configuration], rounds: list[tuple[int, int]], n_jobs: Any, progress: bool
) -> list[Configuration]:
    """Judge round after round and return the candidates that were in the last one.

    A round is the number of candidates that enter it, the best of the one before, and of the windows that they
    will then have been judged on. Linear algebra gets one thread: the last digits, which a free run magnifies,
    must not depend on how many trials run side by side.
    """
    order = spread(len(candidates[0].costs))
    n_trials = sum(n for n, _ in rounds)
    with threadpool_limits(1, "blas"), tqdm(total=n_trials, disable=not progress, desc="tune") as bar:
        seen = 0
        for n_candidates, n_windows in rounds:
            candidates = sorted(candidates, key=lambda one: one.cost)[:n_candidates]
            windows = sorted(order[seen:n_windows])
            Parallel(n_jobs=n_jobs, require="sharedmem")(
                delayed(one.judge)(windows, bar.update) for one in candidates
            )
            seen = n_windows
    return list(candidates)


def plan(method: str, n_candidates: int, n_windows: int) -> list[tuple[int, int]]:
    """Return the rounds of a method: (candidates, windows) each.

    Examples
    --------
    >>> plan("random", 50, 9), plan("halving", 50, 9), plan("halving", 50, 4)
    ([(50, 9)], [(50, 1), (17, 3), (6, 9)], [(50, 1), (17, 4)])
    """
    if method == "random":
        return [(n_candidates, n_windows)]
    n_rounds = 1
    while FACTOR**n_rounds <= min(n_candidates, n_windows):
        n_rounds += 1
    shares = [FACTOR**k for k in range(n_rounds)]
    return [(-(-n_candidates // share), n_windows * share // shares[-1]) for share in shares]


def spread(n_windows: int) -> list[int]:
    """Order the windows so that the first few are spread over all: steps of the golden section.

    Examples
    --------
    >>> spread(5)
    [0, 2, 4, 1, 3]
    """
    return np.argsort(np.arange(n_windows) * ((np.sqrt(5) - 1) / 2) % 1, kind="stable").tolist()
