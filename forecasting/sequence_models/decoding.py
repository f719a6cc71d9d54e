"""From a trained `Writer` to sequences of symbols: one step after the other, by chance, or by beam search."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecasting.sequence_models.layers.compiled_steps import select
from forecasting.sequence_models.layers.embedding import Softmax
from forecasting.sequence_models.layers.free_runs import step, write_symbols
from forecasting.sequence_models.layers.writer import Writer

END = 0  # begins and ends a sequence


def written(
    writer: Writer,
    params: Any,
    source: np.ndarray,
    lengths: np.ndarray | None,
    n_steps: int,
    rng: np.random.Generator | None = None,
    temperature: float = 1.0,
) -> list[np.ndarray]:
    """Write until the end symbol, at most ``n_steps`` symbols; all series side by side.

    Parameters
    ----------
    writer : Writer
    params : WriterParams
    source, lengths
        As in `Batch`.
    n_steps : int
    rng : numpy.random.Generator, optional
        Draws symbols; without it every step takes the most likely one.
    temperature : float, default=1.0
        Below 1 prefers likely symbols.

    Returns
    -------
    list of ndarray of int
        Without the end symbol.
    """
    n_series = len(source) if lengths is None else len(lengths)
    symbols = np.full((n_steps + 1, n_series), END)
    uniforms = np.empty((n_steps + 1, 0)) if rng is None else rng.random(symbols.shape)
    parts = writer.parts(params, source, lengths)
    block = symbols[1 : write_symbols(parts, symbols, 1, float(temperature), uniforms, END)]
    ends = np.where((block == END).any(axis=0), (block == END).argmax(axis=0), len(block))
    return [block[:end, i] for i, end in enumerate(ends)]


def beam_search(
    writer: Writer,
    params: Any,
    source: np.ndarray,
    lengths: np.ndarray | None,
    n_steps: int,
    width: int,
) -> tuple[list[np.ndarray], np.ndarray]:
    """Search the most likely sequence of every series, with the ``width`` best beginnings at every step.

    A sequence that has ended is kept, and the search stops when no other can become better. What is cut off at
    ``n_steps`` counts without the probability of an end. Beams are rows of one batch like any others.

    Parameters
    ----------
    writer : Writer
    params : WriterParams
    source, lengths
        As in `Batch`.
    n_steps : int
        Longest sequence.
    width : int

    Returns
    -------
    codes : list of ndarray of int
        Without the end symbol.
    log_probabilities : ndarray of shape (n_series,)
        Of the sequences, their ends included.
    """
    n_series = len(source) if lengths is None else len(lengths)
    many = np.repeat(source, width, axis=0 if lengths is None else 1)
    parts = writer.parts(params, many, None if lengths is None else np.repeat(lengths, width))
    beams, last = np.zeros((n_series, width, 0), int), np.full((n_series, width), END)
    scores = np.full((n_series, width), -np.inf)
    scores[:, 0] = 0  # one empty beginning each
    codes, best = [np.zeros(0, int)] * n_series, np.full(n_series, -np.inf)

    def keep(beams, scores):
        """Keep the best of some sequences of each series, if it is better than what is kept."""
        for i in np.flatnonzero(scores.max(axis=1) > best):
            winner = scores[i].argmax()
            codes[i], best[i] = beams[i, winner], scores[i, winner]

    series = np.arange(n_series)[:, np.newaxis]
    for _ in range(n_steps):
        raw = step(parts, last.reshape(-1))
        totals = scores[..., np.newaxis] + Softmax().log_probabilities(raw).reshape(n_series, width, -1)
        keep(beams, totals[..., END])
        totals[..., END] = -np.inf
        flat = totals.reshape(n_series, -1)
        order = np.argsort(-flat, axis=1, kind="stable")[:, :width]
        parents, last = np.divmod(order, totals.shape[2])
        scores = np.take_along_axis(flat, order, axis=1)
        beams = np.concatenate([beams[series, parents], last[..., np.newaxis]], axis=2)
        if (best >= scores[:, 0]).all():
            break
        for part in parts:
            select(part, (series * width + parents).reshape(-1))
    keep(beams, scores)
    return codes, best
