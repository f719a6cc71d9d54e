"""Drive a reservoir over any amount of data in pieces, so that its states never stand in memory at once."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from reservoir.contracts.series_layout import Layout
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import Reservoir

# Rows of states produced at a time: enough for the matrix products over them to run at full speed, and few enough
# to stay in the caches until they are used.
CHUNK_ROWS = 512
_SERIES_AT_ONCE = 64
_SHORTEST_PIECE = 64


def harvest(reservoir: Reservoir, rows, layout: Layout, state, noise_rng=None) -> Iterator[tuple]:
    """Yield the states of stacked series piece by piece.

    Series are driven side by side where there are many and one after the other where there are few; within a
    series pieces come in time order. A reservoir that is not causal is given each series whole.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted.
    rows : ndarray of shape (n_rows, n_features)
        Validated inputs of all series.
    layout : Layout
    state : ndarray of shape (n_series, state_size)
        States to start from; overwritten by the states at the end of what has been yielded.
    noise_rng : numpy.random.Generator, optional
        Source of state noise.

    Yields
    ------
    index : slice or ndarray
        Rows that this piece covers.
    position : ndarray
        Position of each of them in its series.
    states : ndarray of shape (len(position), n_states)
        A new array each time.
    """
    if len(layout.lengths) == 1:
        size = CHUNK_ROWS if reservoir.is_causal else len(rows)
        for start in range(0, len(rows), size):
            stop = min(start + size, len(rows))
            piece = Layout(np.array([stop - start]), "single")
            states, state[:] = reservoir.drive(rows[start:stop], piece, state, noise_rng)
            yield slice(start, stop), np.arange(start, stop), states
        return
    for series in _waves(layout.lengths):
        for begin, n_steps in _pieces(layout.lengths[series], reservoir.is_causal):
            running = n_steps > 0
            now, piece = series[running], Layout(n_steps[running], "stacked")
            position = np.concatenate([begin + np.arange(n) for n in piece.lengths])
            index = np.repeat(layout.starts[now], piece.lengths) + position
            states, state[now] = reservoir.drive(rows[index], piece, state[now], noise_rng)
            yield index, position, states


def _waves(lengths) -> Iterator[np.ndarray]:
    """Series to drive side by side: of similar length, about CHUNK_ROWS rows at a time."""
    order = np.argsort(lengths, kind="stable")[::-1]
    begin = 0
    while begin < len(order):
        at_once = max(_SERIES_AT_ONCE, CHUNK_ROWS // max(int(lengths[order[begin]]), 1))
        yield order[begin : begin + at_once]
        begin += at_once


def _pieces(lengths, divided: bool) -> Iterator[tuple[int, np.ndarray]]:
    """First step and number of steps of each series, piece by piece, if they are to be divided."""
    size = max(_SHORTEST_PIECE, CHUNK_ROWS // len(lengths)) if divided else int(lengths.max())
    for begin in range(0, int(lengths.max()), size):
        yield begin, np.clip(lengths - begin, 0, size)


def after_washout(washout: int, layout: Layout) -> np.ndarray:
    """Which rows lie after the washout of their series, which is at most half of it: bool, (n_rows,)."""
    position = np.arange(layout.lengths.sum()) - np.repeat(layout.starts, layout.lengths)
    return position >= np.repeat(np.minimum(washout, layout.lengths // 2), layout.lengths)


def train_readout(
    readout: Any,
    reservoir: Reservoir,
    inputs,
    targets,
    layout: Layout,
    features: Callable,
    usable,
    noise_seed: int = 0,
    make_penalties: Callable | None = None,
) -> np.ndarray:
    """Fit a readout on the states of stacked series, from rest, without holding them where it can.

    Parameters
    ----------
    readout : regressor or classifier
        ``RidgeReadout`` is fed piece by piece; others get all features at once.
    reservoir : Reservoir
        Fitted.
    inputs, targets : ndarray of shape (n_rows, n_features) and (n_rows, ...)
    layout : Layout
    features : callable
        ``features(states, index)`` gives what the readout sees of the rows ``index``.
    usable : ndarray of bool, shape (n_rows,)
        Rows to learn from.
    noise_seed : int, default=0
    make_penalties : callable, optional
        See ``RidgeReadout.fit_stream``, which alone takes them.

    Returns
    -------
    ndarray of shape (n_series, state_size)
        States at the end of each series, without noise.
    """
    final = reservoir.zero_states(len(layout.lengths), inputs.dtype)

    def blocks():
        final[:] = reservoir.zero_states(len(final), inputs.dtype)
        noise_rng = np.random.default_rng(noise_seed)
        for index, _, states in harvest(reservoir, inputs, layout, final, noise_rng):
            kept = usable[index]
            seen = features(states, index)
            if kept.all():
                yield seen, targets[index], None
            elif kept.any():
                yield seen[kept], targets[index][kept], None

    if make_penalties is not None and not isinstance(readout, RidgeReadout):
        raise ValueError(
            f"readout={readout!r} takes no penalties beside its own: with linearised_noise use RidgeReadout"
        )
    try:
        with np.errstate(invalid="ignore"):  # of states that are not finite
            _fit_on_blocks(readout, blocks, int(usable.sum()), make_penalties)
    except ValueError:
        refuse_boundless(reservoir, final)
        with np.errstate(over="ignore", invalid="ignore"):
            for seen, *_ in blocks():  # where the carried state is not what is seen of it
                refuse_boundless(reservoir, seen)
        raise
    if reservoir.draws_noise:  # it belongs to training: what follows starts from states without it
        final[:] = reservoir.zero_states(len(final), inputs.dtype)
        for _ in harvest(reservoir, inputs, layout, final):
            pass
    return final


def refuse_boundless(reservoir: Reservoir, states: np.ndarray) -> None:
    """Refuse states that are not finite: inputs and targets have been looked at, so nothing else is to blame.

    Raises
    ------
    ValueError
        Naming the reservoir.
    """
    if not np.isfinite(states).all():
        raise ValueError(
            f"the states of {reservoir!r} grew beyond all numbers: its activation does not bound them, so lower "
            "spectral_radius or the scale of the inputs"
        )


def _fit_on_blocks(readout, blocks, n_rows, make_penalties):
    if isinstance(readout, RidgeReadout):
        readout.fit_stream(blocks, n_rows=n_rows, make_penalties=make_penalties)
    else:
        parts, answers, _ = zip(*blocks())
        wanted = np.concatenate(answers)
        is_column = wanted.shape[1:] == (1,)  # scikit-learn warns of one column where it wants a vector
        readout.fit(np.concatenate(parts), wanted[:, 0] if is_column else wanted)
