"""Truncated backpropagation through time [1]_: long windows read in pieces, the state carried from one to the next.

Every piece is one step of training. The stack goes on from where the piece before left it, no gradient reaches
further back than the first step of the piece, and the forecast of every step that has been observed counts: so a
window may be as long as a series at the cost of a short one.

.. [1] Williams and Peng (1990), An efficient gradient-based algorithm for on-line training of recurrent network
   trajectories.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from forecasting.networks.parameters import mapped
from forecasting.recurrent.prediction import TrainedNetwork
from forecasting.recurrent.window_network import Parameters, teacher_forced
from forecasting.recurrent.windows import SeriesWindows, WindowOrigins


class Piece(NamedTuple):
    """Some steps of some windows.

    Parameters
    ----------
    z, exog : ndarray of shape (n_steps, n_windows, n_targets) and (n_steps, n_windows, n_exog)
        What is read, in units of the windows; exogenous variables are those of the step after.
    targets : ndarray of shape (n_steps, n_windows, n_targets)
        What follows each step, as the head is shown it.
    counted : ndarray of bool, shape (n_steps, n_windows)
        False before the second observation of a series, where its first is repeated.
    offset : ndarray of shape (n_windows, n_outputs) or float
        Added to the raw numbers.
    is_first : bool
        Whether the state is at rest before.
    """

    z: np.ndarray
    exog: np.ndarray
    targets: np.ndarray
    counted: np.ndarray
    offset: Any
    is_first: bool


class Pieces:
    """The pieces of windows, as training asks for them.

    Parameters
    ----------
    trained : TrainedNetwork
    windows : SeriesWindows
    origins : WindowOrigins
        From which windows are drawn.
    batch_size : int
        Windows that are read side by side.
    length : int
        Steps of a piece.

    Attributes
    ----------
    per_draw : int
        Pieces of every draw of windows.
    """

    def __init__(
        self,
        trained: TrainedNetwork,
        windows: SeriesWindows,
        origins: WindowOrigins,
        batch_size: int,
        length: int,
    ):
        self.trained, self.windows, self.origins = trained, windows, origins
        self.batch_size = batch_size
        longest = int((origins.first + origins.counts - 1)[origins.counts > 0].max())
        first = max(windows.window - longest, 0)  # no window has observations before
        last = windows.window + windows.horizon - 1
        self.cuts = [(start, min(start + length, last)) for start in range(first, last, length)]
        self.per_draw = len(self.cuts)

    def draw(self, progress: float, rng: np.random.Generator) -> Iterator[tuple[Piece, tuple[int, int]]]:
        """Draw windows and go through their pieces: the whole windows, and where to cut."""
        series, origin = self.origins.draw(self.batch_size, rng)
        windows = self._whole(self.windows.at(series, origin), np.maximum(self.windows.window - origin, 0))
        for cut in self.cuts:
            yield windows, cut

    def split(self, drawn: tuple, size: int) -> list[tuple[float, Piece]]:
        """Cut a piece into shards of some windows, each with the number of steps that count in it."""
        windows, (start, stop) = drawn
        shards = []
        for first in range(0, windows.counted.shape[1], size):
            part = slice(start, stop), slice(first, first + size)
            z, exog, targets, counted = (array[part] for array in windows[:4])
            offset = windows.offset[part[1]] if np.ndim(windows.offset) else windows.offset
            piece = Piece(z, exog, targets, counted, offset, start == self.cuts[0][0])
            shards.append((float(max(counted.sum(), 1)), piece))
        return shards

    def loss_and_grad(
        self, params: Parameters, piece: Piece, rng: np.random.Generator | None, state: Any
    ) -> tuple[float, Parameters, Any]:
        """Return the loss of a piece, its gradient, and the state after it; where nothing counts, zeros."""
        network, state = self.trained.network, None if piece.is_first else state
        if not piece.counted.any():
            inputs, _ = network.read(params, piece.z, piece.exog)
            return 0.0, mapped(np.zeros_like, params), network.stack.run(params.stack, inputs, state)[1]
        counted, offset = piece.counted, piece.offset
        if np.ndim(offset):
            offset = np.broadcast_to(offset, (*counted.shape, offset.shape[-1]))[counted]
        targets = piece.targets[counted]
        return teacher_forced(network, params, piece.z, piece.exog, counted, targets, offset, rng, state)

    def _whole(self, batch, missing):
        """Windows as one piece: scaled once, however many pieces are cut from it."""
        scaled, _ = self.trained.scaled(batch)
        z = np.concatenate([scaled.past, scaled.fed])
        targets = z
        if self.trained.network.head.counts:
            targets = np.concatenate([batch.past, batch.future]).astype(z.dtype)
        exog = np.concatenate([scaled.past_exog, scaled.future_exog])
        counted = np.arange(len(z) - 1)[:, np.newaxis] >= missing
        return Piece(z[:-1], exog[1:], targets[1:], counted, scaled.offset, True)
