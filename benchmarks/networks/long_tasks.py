"""Long-dependency tasks for networks: input, target, and where the target counts.

Every task draws a batch: ``x`` (n_steps, n_series, n_features), ``y`` (n_steps, n_series), numbers for a regression
and classes otherwise, ``counts`` (n_steps, n_series), True where the target counts, and for grammars ``legal``
(n_steps, n_series, n_symbols), True for what may follow.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Batch(NamedTuple):
    """A batch of a task."""

    x: np.ndarray
    y: np.ndarray
    counts: np.ndarray
    legal: np.ndarray | None = None


class Task(NamedTuple):
    """A task: what is drawn, how many outputs there are (1: regression), what makes it solved.

    ``miss(raw, batch)`` is a number on test data, and the task is solved where it is at most ``solved``.
    """

    draw: Callable
    n_outputs: int
    miss: Callable
    solved: float
    criterion: str


def adding(n_steps):
    """Hochreiter and Schmidhuber (1997), task 4, as Bai et al. (2018) run it: the sum of two marked numbers."""

    def draw(rng, n):
        x = np.zeros((n_steps, n, 2), np.float32)
        x[:, :, 0] = rng.random((n_steps, n))
        marked = np.argsort(rng.random((n_steps, n)), axis=0)[:2]
        np.put_along_axis(x[:, :, 1], marked, 1, axis=0)
        y = np.zeros((n_steps, n), np.float32)
        y[-1] = (x[:, :, 0] * x[:, :, 1]).sum(axis=0)
        return Batch(x, y, _last(n_steps, n))

    def miss(raw, batch):
        return float(((raw[batch.counts][:, 0] - batch.y[batch.counts]) ** 2).mean())

    return Task(draw, 1, miss, 0.005, "mean squared error at most 0.005 (predicting 1: 0.1767)")


def copy_memory(delay, n_symbols=8, n_copied=10):
    """Arjovsky et al. (2016): ten symbols, a delay, a signal, and the ten again."""
    n_steps = delay + 2 * n_copied

    def draw(rng, n):
        symbols = rng.integers(1, n_symbols + 1, (n_copied, n))
        heard = np.zeros((n_steps, n), int)
        heard[:n_copied], heard[-n_copied - 1] = symbols, n_symbols + 1
        y = np.zeros((n_steps, n), int)
        y[-n_copied:] = symbols
        return Batch(np.eye(n_symbols + 2, dtype=np.float32)[heard], y, np.ones((n_steps, n), bool))

    def miss(raw, batch):
        wrong = raw[-n_copied:].argmax(axis=2) != batch.y[-n_copied:]
        return float(wrong.mean())

    return Task(draw, n_symbols + 1, miss, 0.01, "at most 1 % of the ten symbols wrong")


def temporal_order(n_steps):
    """Hochreiter and Schmidhuber (1997), task 6a: in which order two of X and Y came, long ago, among distractors."""

    def draw(rng, n):
        heard = rng.integers(2, 6, (n_steps, n))
        order = rng.integers(0, 2, (2, n))
        first = rng.integers(n_steps // 10, n_steps // 5, n)
        second = rng.integers(n_steps // 2, 6 * n_steps // 10, n)
        heard[first, np.arange(n)], heard[second, np.arange(n)] = order
        y = np.zeros((n_steps, n), int)
        y[-1] = 2 * order[0] + order[1]
        return Batch(np.eye(6, dtype=np.float32)[heard], y, _last(n_steps, n))

    return Task(draw, 4, _share_wrong, 0.01, "at most 1 % wrong")


def parity(n_steps):
    """Whether the number of ones so far is odd, at every step."""

    def draw(rng, n):
        bits = rng.integers(0, 2, (n_steps, n))
        x = (2 * bits - 1)[:, :, np.newaxis].astype(np.float32)
        return Batch(x, bits.cumsum(axis=0) % 2, np.ones((n_steps, n), bool))

    return Task(draw, 2, _share_wrong, 0.01, "at most 1 % wrong")


# State: (symbol, next state) of both ways on; B T S X P V E are 0 to 6 (Reber 1967).
_REBER = [
    ((1, 1), (4, 2)),
    ((2, 1), (3, 3)),
    ((1, 2), (5, 4)),
    ((3, 2), (2, 5)),
    ((4, 3), (5, 5)),
]


def embedded_reber():
    """Hochreiter and Schmidhuber (1997), task 1: the second symbol, T or P, returns as the one before the last."""

    def string(rng):
        """Symbols, and of each step but the last which symbols may follow."""
        ends, inside, legal, state = int(rng.choice((1, 4))), [], [], 0
        while state < 5:
            ways = _REBER[state]
            legal.append([way[0] for way in ways])
            symbol, state = ways[int(rng.integers(2))]
            inside.append(symbol)
        symbols = [0, ends, 0, *inside, 6, ends, 6]
        return symbols, [[1, 4], [0], *legal, [6], [ends], [6]]

    def draw(rng, n):
        strings = [string(rng) for _ in range(n)]
        n_steps = max(len(symbols) for symbols, _ in strings) - 1
        x, y = np.zeros((n_steps, n, 7), np.float32), np.zeros((n_steps, n), int)
        counts, legal = np.zeros((n_steps, n), bool), np.zeros((n_steps, n, 7), bool)
        for s, (symbols, follow) in enumerate(strings):
            for t in range(len(symbols) - 1):
                x[t, s, symbols[t]], y[t, s], counts[t, s] = 1, symbols[t + 1], True
                legal[t, s, follow[t]] = True
        return Batch(x, y, counts, legal)

    def miss(raw, batch):
        """Share of strings with a step where a symbol that may not follow is thought likelier than one that may."""
        lowest = np.where(batch.legal, raw, np.inf).min(axis=2)
        highest = np.where(batch.legal, -np.inf, raw).max(axis=2)
        return float(((lowest <= highest) & batch.counts).any(axis=0).mean())

    return Task(draw, 7, miss, 0.0, "in 256 strings every symbol that may follow likelier than all others")


def _last(n_steps, n):
    counts = np.zeros((n_steps, n), bool)
    counts[-1] = True
    return counts


def _share_wrong(raw, batch):
    return float((raw[batch.counts].argmax(axis=1) != batch.y[batch.counts]).mean())
