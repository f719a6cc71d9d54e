"""A configuration of a reservoir forecaster, judged by free runs with all work done once.

The series drives the reservoir once. Its states, cut where a training part begins or ends, are folded into one
readout per piece; the pieces that a window trains on are added up, one factorisation of the sum gives the
coefficients for every penalty, and what is left for each window and penalty is a free run from the state at its
origin. The scale of the series is that of the first window's training part, or of all of it where windows are left
out of the middle.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from forecasting.backtesting.data import Cut
from forecasting.reservoirs.divergence import escaped
from forecasting.reservoirs.free_run_validation import wants_free_run
from forecasting.reservoirs.free_running import ReservoirForecaster
from forecasting.tuning.configurations import Configuration
from forecasting.tuning.spaces import with_parts
from reservoir import RidgeReadout
from reservoir.contracts.series_layout import Layout
from reservoir.models.harvest import harvest

# Wider than a readout by itself needs: series without noise want tiny penalties, noisy ones large.
ALPHAS = np.logspace(-12, 2, 8)


def runs_free(forecaster: Any, space: Mapping[str, Any]) -> bool:
    """Whether a forecaster can be judged here: recursive, its penalty open, its reservoir without noise."""
    if not isinstance(forecaster, ReservoirForecaster) or forecaster.strategy != "recursive":
        return False
    if forecaster.own_tags().learns_from_updates:
        return False
    if any(name == "strategy" or name.startswith("readout") for name in space):
        return False
    settings = {**with_parts(forecaster).get_params(deep=True), **space}
    if any(name.endswith("noise") and np.any(value) for name, value in settings.items()):
        return False
    return forecaster.readout is None or wants_free_run(forecaster.readout)


class _Piece(NamedTuple):
    """Steps of one series, and the readout that has seen the rows whose targets they are (None for no rows)."""

    series: int
    begin: int
    end: int
    readout: RidgeReadout | None


@dataclass
class FreeRunCandidate(Configuration):
    """A configuration of a reservoir forecaster; ``chosen`` is the readout with the best penalty."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pieces: list[_Piece] = []
        self.shared: RidgeReadout | None = None  # sum of the pieces that every window trains on
        self.states: dict[tuple[int, int], np.ndarray] = {}  # (series, origin): of the reservoir, before it

    def _judge(self, windows: list[int]) -> None:
        if not self.pieces:
            self._drive()
        alive = ~np.isinf(self.by_penalty).any(axis=1)
        for window in windows:
            path = self._trained(window)
            for k in np.flatnonzero(alive):
                self.by_penalty[k, window] = self._cost(path.coef_path_[k], path.intercept_path_[k], window)
            alive &= ~np.isinf(self.by_penalty[:, window])
            if not alive.any():  # no later window can save it
                self.costs[windows] = np.inf
                self.error = f"with every penalty a free run diverged by window {window}"
                return
        judged = ~np.isnan(self.by_penalty).all(axis=0)
        means = np.where(alive, self.by_penalty[:, judged].mean(axis=1), np.inf)
        order = np.argsort(-self.alphas, kind="stable")  # among equals the largest
        best = order[np.argmin(means[order])]
        self.costs[judged] = self.by_penalty[best, judged]
        self.chosen = {"readout": clone(self.readout).set_params(alpha=float(self.alphas[best]), alphas=None)}

    # ---------------------------------------------------------------- training

    def _drive(self) -> None:
        """Drive the reservoir over every series and fold its states away, piece by piece."""
        model = self.fitted = with_parts(self.model)
        if self.task.forecaster.readout is None:
            model.readout = RidgeReadout(alphas=ALPHAS)
        self.readout, self.alphas = model.readout, np.asarray(model.readout.alphas, dtype=np.float64)
        self.by_penalty = np.full((len(self.alphas), len(self.task.windows)), np.nan)
        self._scale_and_draw(model)
        for s, one in enumerate(self.task.series):
            rows, targets = model.inputs_.rows(one.values, one.exog)
            features = model.design().features(rows, rows[:, model.n_targets_ :])
            first = len(one.values) - len(rows)  # the step that is the target of row 0
            washed = first + min(model.washout, len(rows) // 2)
            state = model.reservoir_.zero_states(1, rows.dtype)
            for begin, end in pairwise(self._borders(s, first, washed)):
                self.states[s, begin] = state[0].copy()
                at, readout = begin - first, None
                for index, _, states in harvest(
                    model.reservoir_, rows[at : end - first], _one(end - begin), state
                ):
                    if begin >= washed:
                        here = slice(at + index.start, at + index.stop)
                        readout = readout or clone(self.readout).set_params(store_path=True, selection="gcv")
                        readout.partial_fit(features(states, here), targets[here])
                self.pieces.append(_Piece(s, begin, end, readout))

    def _scale_and_draw(self, model: Any) -> None:
        """Do what fitting does before it learns a readout."""
        whole = slice(None)
        parts = [whole if self.task.leaves_out else cut.train for cut in self.task.windows[0]]
        series = [one.values[part] for one, part in zip(self.task.series, parts)]
        exog = None
        if self.task.has_exog:
            exog = [one.exog[part] for one, part in zip(self.task.series, parts) if one.exog is not None]
        model._validate_params()
        model.n_targets_ = series[0].shape[1]
        model.prepare(series, exog)

    def _borders(self, s: int, first: int, washed: int) -> list[int]:
        """Steps of a series at which pieces begin, and its end."""
        n_steps = len(self.task.series[s].values)
        cuts = [part for window in self.task.windows for part in window[s]]
        steps = {first, washed, n_steps, *(part.start for part in cuts), *(part.stop for part in cuts)}
        return sorted(step for step in steps if first <= step <= n_steps)

    def _trained(self, window: int) -> RidgeReadout:
        """Return the readout of all penalties for a window."""
        here = [p for p in self.pieces if p.readout is not None and self._trains(p, window)]
        if not here:
            raise ValueError(f"window {window} has no rows to train on: let cv begin later, or lower washout")
        everywhere = [p for p in here if all(self._trains(p, w) for w in range(len(self.task.windows)))]
        if self.shared is None and everywhere:
            self.shared = reduce(add, (p.readout for p in everywhere))
        others: list[Any] = [p.readout for p in here if p not in everywhere]
        return reduce(add, others if self.shared is None else [self.shared, *others])

    def _trains(self, piece: _Piece, window: int) -> bool:
        train, test = self.task.windows[window][piece.series]
        if self.task.leaves_out:
            return piece.end <= test.start or test.stop <= piece.begin
        return train.start <= piece.begin and piece.end <= train.stop

    # ------------------------------------------------------------- forecasting

    def _cost(self, coef: np.ndarray, intercept: np.ndarray, window: int) -> float:
        """Mean cost over the series of a window, infinite if a run diverges."""
        values = []
        for s, (one, cut) in enumerate(zip(self.task.series, self.task.windows[window])):
            path = self._free_run(coef, intercept, s, cut)
            if path is None:
                return np.inf
            values.append(self.task.value(one.values, path, cut))
        return self.task.cost(float(np.mean(values)))

    def _free_run(self, coef: np.ndarray, intercept: np.ndarray, s: int, cut: Cut) -> np.ndarray | None:
        """Forecast of the test steps of one series, None if it diverges."""
        model, one, origin = self.fitted, self.task.series[s], cut.train.stop
        n_steps = cut.test.stop - origin
        units = model.inputs_
        tail = one.values[origin - units.n_kept : origin]
        future = None if one.exog is None else one.exog[origin : cut.test.stop]
        last, exog = units.standardised(tail)[-1], units.exog(future, n_steps)
        state = self.states[s, origin]
        z, n_done = model.design().run_free(model.reservoir_, coef, intercept, state, last, exog)
        low, high = units.standard_limits
        if n_done < n_steps or escaped(z, low, high, model.escape_factor).any():
            return None
        path = units.undone(z, tail)[cut.test.start - origin :]
        return path if np.isfinite(path).all() else None


def _one(n_rows: int) -> Layout:
    return Layout(np.array([n_rows]), "single")


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
