"""From a trained `Writer` to sequences of symbols: one step after the other, by chance, or by beam search.

A state is a nested tuple of arrays with the series first, so that series that have ended stay where they are and the
beams of a search are rows like any others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from forecasting.networks.embedding import Softmax
from forecasting.networks.parameters import mapped
from forecasting.networks.writer import Writer

END = 0  # begins and ends a sequence


def written(
    writer: Writer,
    params: Any,
    source: np.ndarray,
    lengths: np.ndarray | None,
    n_steps: int,
    choose: Callable[[np.ndarray], np.ndarray],
) -> list[np.ndarray]:
    """Write until the end symbol, at most ``n_steps`` symbols; all series side by side.

    Parameters
    ----------
    writer : Writer
    params : WriterParams
    source, lengths
        As in `Batch`.
    n_steps : int
    choose : callable
        From raw numbers (n_series, n_symbols) to codes (n_series,).

    Returns
    -------
    list of ndarray of int
        Without the end symbol.
    """
    state = writer.start(params, source, lengths)
    n_series = source.shape[0] if lengths is None else len(lengths)
    last, going = np.full(n_series, END), np.ones(n_series, bool)
    steps = []
    for _ in range(n_steps):
        raw, state = writer.step(params, last, state)
        last = np.where(going, choose(raw), END)
        steps.append(last)
        going = going & (last != END)
        if not going.any():
            break
    block = np.array(steps)
    ends = np.where((block == END).any(axis=0), (block == END).argmax(axis=0), len(block))
    return [block[:end, i] for i, end in enumerate(ends)]


def most_likely(raw: np.ndarray) -> np.ndarray:
    """Choose the symbol of the highest probability."""
    return raw.argmax(axis=1)


def beam_search(
    writer: Writer,
    params: Any,
    source: np.ndarray,
    lengths: np.ndarray | None,
    n_steps: int,
    width: int,
) -> tuple[np.ndarray, float]:
    """Search the most likely sequence of one series, with the ``width`` best beginnings at every step.

    A sequence that has ended is kept, and the search stops when no other can become better. What is cut off at
    ``n_steps`` counts without the probability of an end.

    Parameters
    ----------
    writer : Writer
    params : WriterParams
    source, lengths
        Of one series.
    n_steps : int
        Longest sequence.
    width : int

    Returns
    -------
    codes : ndarray of int
        Without the end symbol.
    log_probability : float
        Of the sequence, its end included.
    """
    state = writer.start(params, source, lengths)
    beams, scores = np.zeros((1, 0), int), np.zeros(1)
    ended: list[tuple[float, np.ndarray]] = []
    last = np.array([END])
    for step in range(n_steps):
        raw, state = writer.step(params, last, state)
        totals = scores[:, np.newaxis] + Softmax().log_probabilities(raw.astype(np.float64))
        ended += [(float(totals[i, END]), beam) for i, beam in enumerate(beams)]
        totals[:, END] = -np.inf
        best = np.argsort(-totals, axis=None, kind="stable")[: min(width, totals.size - len(totals))]
        parents, last = np.divmod(best, totals.shape[1])
        scores = totals.ravel()[best]
        beams = np.column_stack([beams[parents], last])
        if step == n_steps - 1:
            ended += [(float(score), beam) for score, beam in zip(scores, beams)]
        if max(score for score, _ in ended) >= scores[0]:
            break
        state = mapped(lambda part: part[parents], state)  # noqa: B023 - used at once
    score, codes = max(ended, key=lambda pair: pair[0])
    return codes, score


def sampled(rng: np.random.Generator, temperature: float) -> Callable[[np.ndarray], np.ndarray]:
    """Return a choice by chance."""
    return lambda raw: Softmax().sample(raw, rng, temperature)
