"""Readouts of a reservoir forecaster for many origins, from one drive of its reservoir.

The rows that a readout learns from at one origin are those of the origin before and a few more. So the series drives
the reservoir once, rows are folded into sums as they come, and at each origin the sums so far are solved: the same
sums, and so the same readout, as from all rows anew. With sliding windows the sums of the pieces between borders are
kept and added up.
"""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from forecasting.reservoirs.free_running import ReservoirForecaster, SeriesState
from reservoir import RidgeReadout
from reservoir.contracts.series_layout import Layout
from reservoir.models.harvest import CHUNK_ROWS, harvest
from reservoir.readouts.centred_rows import CentredRows, GramSums, TriangularFactor


class TrainedReadouts(NamedTuple):
    """What a forecaster knows at one origin.

    ``readouts`` are the fitted readouts, ``states`` where each series stands, ``seconds`` what it took to come here
    from the origin before.
    """

    readouts: list
    states: list
    seconds: float


def check_readout_only(model: Any, name: str) -> None:
    """Raise unless a forecaster's readout can be learned from sums, all else kept."""
    if not isinstance(model, ReservoirForecaster):
        raise TypeError(
            f"refit='readout' needs a ReservoirForecaster, which {name!r} is not; use refit=True."
        )
    readout = model.part("readout")
    if not isinstance(readout, RidgeReadout):
        raise TypeError(f"refit='readout' needs a RidgeReadout; {name!r} has {readout!r}.")
    noisy = {
        key: value for key, value in model.get_params().items() if key.endswith("noise") and np.any(value)
    }
    if noisy:
        raise ValueError(
            f"refit='readout' learns from states without noise, but {name!r} has {noisy}; set it to 0."
        )


def train_readouts(
    model: ReservoirForecaster, series: list, exog: list | None, windows: list
) -> list[TrainedReadouts]:
    """Return readouts and states at the end of every window.

    Parameters
    ----------
    model : ReservoirForecaster
        Fitted on the first window: its reservoir, scaling, differences and penalty are kept.
    series : list of ndarray of shape (n_steps, n_targets)
        Whole.
    exog : list of ndarray of shape (n_steps, n_features) or None
    windows : list of list of slice
        Training steps of each series in each window; their ends do not go back.

    Returns
    -------
    list of TrainedReadouts
        One for each window.
    """
    heads = [_Head.of(model, k) for k in range(len(model.readouts_))]
    try:
        return _train(model, heads, series, exog, windows)
    except _DrownedPenalty:
        exact = [head._replace(template=clone(head.template).set_params(solver="svd")) for head in heads]
        return _train(model, exact, series, exog, windows)


class _DrownedPenalty(Exception):
    """A penalty lies below the rounding noise of the sums."""


class _Head(NamedTuple):
    """A readout to be learned: how, and how many steps ahead its targets reach."""

    template: RidgeReadout
    alpha: np.ndarray  # penalty of each output
    steps: list

    @classmethod
    def of(cls, model: ReservoirForecaster, number: int) -> _Head:
        """Keep the penalty, and the road that was found to be good enough."""
        fitted = model.readouts_[number]
        steps = model.design().steps_ahead(model.n_features_in_ > 0)[number]
        alpha = np.broadcast_to(fitted.alpha_, (len(steps) * model.n_targets_,))
        template = clone(fitted).set_params(solver=fitted.solver_)
        if len(set(alpha)) == 1:
            template.set_params(alpha=float(alpha[0]), alphas=None, selection="auto")
        else:
            template.set_params(alphas=np.unique(alpha), selection="gcv", store_path=True)
        return cls(template, alpha, steps)

    def empty(self, n_features: int) -> CentredRows:
        """Return sums over no rows."""
        kind = GramSums if self.template.solver == "sums" else TriangularFactor
        return kind(n_features, len(self.alpha), self.template.fit_intercept)

    def solved(self, rows: CentredRows) -> RidgeReadout:
        """Return the readout that has learned from rows."""
        if isinstance(rows, GramSums) and not rows.carries(float(self.alpha.min())):
            raise _DrownedPenalty
        readout = clone(self.template).fit_sums(rows, reason="that of the first origin")
        if len(set(self.alpha)) > 1:
            chosen = np.searchsorted(readout.alphas_path_, self.alpha), np.arange(len(self.alpha))
            readout.coef_, readout.intercept_ = readout.coef_path_[chosen], readout.intercept_path_[chosen]
        readout.alpha_ = self.alpha
        return readout


class _OneSeries:
    """The rows of one series: driven as far as asked, handed out once to every head."""

    def __init__(self, model: ReservoirForecaster, values: np.ndarray, exog: np.ndarray | None):
        self.model, self.values = model, values
        self.rows, self.targets = model.inputs_.rows(values, exog)
        self.first = len(values) - len(self.rows)  # the step that is the target of row 0
        self.state = model.reservoir_.zero_states(1, self.rows.dtype)
        self.kept_from, self.n_driven = 0, 0
        self.kept = np.empty((0, model.reservoir_.n_states_))

    def part(self, train: slice, n_ahead: int) -> tuple[int, int]:
        """Rows that refitting on some training steps would use, with targets up to ``n_ahead`` steps later."""
        end = train.stop - self.first - n_ahead
        return train.start + min(self.model.washout, max(end - train.start, 0) // 2), end

    def drive(self, end: int, needed_from: int) -> None:
        """Drive on to a row, and forget the states before another."""
        kept = [self.kept[max(0, needed_from - self.kept_from) :]]
        self.kept_from = max(self.kept_from, min(needed_from, self.n_driven))
        layout = Layout(np.array([end - self.n_driven]), "single")
        found = harvest(self.model.reservoir_, self.rows[self.n_driven : end], layout, self.state)
        kept += [states for _, _, states in found]
        self.kept, self.n_driven = np.concatenate(kept), end

    def examples(self, begin: int, end: int, steps: list) -> tuple[np.ndarray, np.ndarray]:
        """Features and targets of some rows."""
        later = self.rows[np.minimum(np.arange(len(self.rows)) + steps[0], len(self.rows) - 1)]
        features = self.model.design().features(self.rows, later[:, self.model.n_targets_ :])
        states = self.kept[begin - self.kept_from : end - self.kept_from]
        targets = np.hstack([self.targets[begin + k : end + k] for k in steps])
        return features(states, slice(begin, end)), targets

    def standing(self, stop: int) -> SeriesState:
        """Where the series stands when all rows before a step have been driven."""
        n_kept = self.first
        return SeriesState(self.state[0].copy(), self.values[stop - n_kept : stop].copy())


def _train(model, heads, series, exog, windows) -> list[TrainedReadouts]:
    """Drive through all windows; raise `_DrownedPenalty` where sums do not carry a penalty."""
    known = [_OneSeries(model, y, None if exog is None else exog[i]) for i, y in enumerate(series)]
    learners = [_Learner(head, known, windows) for head in heads]
    found = []
    for number, window in enumerate(windows):
        began = perf_counter()
        for s, (one, train) in enumerate(zip(known, window)):
            while one.n_driven < train.stop - one.first:
                end = min(train.stop - one.first, one.n_driven + CHUNK_ROWS)
                one.drive(end, min(learner.done[s] for learner in learners))
                for learner in learners:
                    learner.take(s, end - learner.head.steps[-1])
        readouts = [learner.learn(number) for learner in learners]
        states = [one.standing(train.stop) for one, train in zip(known, window)]
        found.append(TrainedReadouts(readouts, states, perf_counter() - began))
    return found


class _Learner:
    """The readouts of one head, window after window."""

    def __init__(self, head: _Head, known: list, windows: list):
        self.head, self.known = head, known
        self.parts = [
            [one.part(train, head.steps[-1]) for one, train in zip(known, window)] for window in windows
        ]
        begins = [[begin for begin, _ in of_window] for of_window in self.parts]
        self.borders = [sorted({of_window[s] for of_window in begins}) for s in range(len(known))]
        self.expands = all(len(border) == 1 for border in self.borders)
        self.done = [border[0] for border in self.borders]  # of each series, the rows before are folded away
        self.total: CentredRows | None = None
        self.pieces: list = []  # (series, first row, sums)

    def learn(self, number: int) -> RidgeReadout:
        """Return the readout of a window."""
        part = self.parts[number]
        if not self.expands:
            self.pieces = [piece for piece in self.pieces if piece[1] >= part[piece[0]][0]]
            self.total = None
            for *_, rows in self.pieces:
                self.total = self.head.empty(rows.n_features) if self.total is None else self.total
                self.total.merge(rows)
        if self.total is None:
            raise ValueError(
                f"window {number} has no rows to learn from: let cv begin later, or lower washout"
            )
        return self.head.solved(self.total)

    def take(self, s: int, end: int) -> None:
        """Fold the rows of a series before a certain one away, in pieces that windows share."""
        inner = [border for border in self.borders[s] if self.done[s] < border < end]
        for begin, stop in pairwise([self.done[s], *inner, end]):
            if begin < stop:
                self._fold(s, begin, stop)
        self.done[s] = max(self.done[s], end)

    def _fold(self, s: int, begin: int, end: int) -> None:
        features, targets = self.known[s].examples(begin, end, self.head.steps)
        rows = None if not self.expands else self.total
        if rows is None:
            rows = self.head.empty(features.shape[1])
            if self.expands:
                self.total = rows
            else:
                self.pieces.append((s, begin, rows))
        rows.add(features, targets)
