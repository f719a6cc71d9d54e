"""How long something takes; two ways of doing the same thing, timed in turns."""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any, NamedTuple


class Contest(NamedTuple):
    """Seconds of two ways, run in turns, and the ratios of neighbouring runs.

    A machine whose clock moves, or that works for others too, slows both runs of a pair alike: the ratio of a
    pair is steadier than either time, and the median of the ratios is what counts.
    """

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def seconds(self) -> tuple[float, float]:
        """Median seconds of both."""
        return median(self.ours), median(self.theirs)

    @property
    def ratios(self) -> tuple[float, float, float]:
        """How many times longer the second takes: median, lowest and highest of the pairs."""
        pairs = sorted(b / a for a, b in zip(self.ours, self.theirs))
        return median(pairs), pairs[0], pairs[-1]


def timed(task: Callable, *arguments: Any) -> tuple[Any, float]:
    """Return what a task returns, and its seconds."""
    begin = perf_counter()
    return task(*arguments), perf_counter() - begin


def in_turns(ours: Callable[[], object], theirs: Callable[[], object], repeats: int) -> Contest:
    """Time A B A B ... after one run of each that does not count."""
    times: tuple[list[float], list[float]] = [], []
    for turn in range(repeats + 1):
        for which, task in enumerate((ours, theirs)):
            start = perf_counter()
            task()
            if turn:
                times[which].append(perf_counter() - start)
    return Contest(tuple(times[0]), tuple(times[1]))
