"""Forecasters compared on the last windows of the training series, within a time budget."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from forecasting.automatic.candidate_models import BENCHMARK, CandidateModel
from forecasting.composition.ensemble import EnsembleForecaster

MOST_MEMBERS = 5
_PROBED_STEPS = 1000  # fewer are not worth a look at how long all will take
_PROBED_SERIES = 3
_MARGIN = 1.2  # by how much the last fit, on everything, may take longer than the slowest before


class Trial(NamedTuple):
    """What was tried.

    ``score`` is the metric over ``windows``; NaN where it was not measured. ``note`` tells what went wrong.
    """

    name: str
    score: float
    windows: int
    seconds: float
    note: str


class Option(NamedTuple):
    """What may be chosen: one forecaster, or several combined."""

    score: float
    members: tuple
    method: str

    @property
    def name(self) -> str:
        """Words for it."""
        return self.members[0] if len(self.members) == 1 else f"{self.method} of {', '.join(self.members)}"


class RaceWindows(NamedTuple):
    """Windows of equal length at the end of every series."""

    horizon: int
    n_windows: int

    @classmethod
    def of(cls, shortest: int, horizon: int, n_windows: int) -> RaceWindows:
        """Take as much of what is wanted as fits into the later half of the shortest series."""
        room = shortest // 2
        horizon = min(horizon, room)
        return cls(horizon, min(n_windows, room // horizon)) if horizon else cls(0, 0)

    def cuts(self, lengths: Sequence[int]) -> list[list[int]]:
        """Return the ends of the training parts, window by window."""
        return [[n - self.horizon * back for n in lengths] for back in range(self.n_windows, 0, -1)]


class Race:
    """Candidates tried one after the other, and what is known of them.

    Parameters
    ----------
    series, exog : list of ndarray
    plan : RaceWindows
    season_length : int
    deadline : float
        Of ``time.perf_counter``, for the last fit too.
    metric : {"mase", "smape", "owa"}
    """

    def __init__(
        self,
        series: list,
        exog: list | None,
        plan: RaceWindows,
        season_length: int,
        deadline: float,
        metric: str = "mase",
    ):
        self.metric = metric
        self.series, self.exog, self.plan, self.deadline = series, exog, plan, deadline
        self.cuts = plan.cuts([len(y) for y in series])
        self.units = (
            [_unit(y[:cut], season_length) for y, cut in zip(series, self.cuts[0])] if self.cuts else []
        )
        self.truth = self._scaled(
            [[y[cut : cut + plan.horizon] for y, cut in zip(series, c)] for c in self.cuts]
        )
        self.trials: list[Trial] = []
        self.paths: dict[str, np.ndarray] = {}
        self.refit_seconds: dict[str, float] = {}

    def run(self, candidates: Sequence[CandidateModel]) -> None:
        """Try all candidates for which there is time; the first one in any case."""
        for number, candidate in enumerate(candidates):
            began = perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what they say of single fits is not what is asked here
                score, windows, note = self._try(candidate, always=number == 0)
            self.trials.append(Trial(candidate.name, score, windows, perf_counter() - began, note))

    def options(self) -> list[Option]:
        """Return single forecasters and combinations of the best, best first."""
        order = sorted(self.paths, key=lambda name: self._score(self.paths[name]))
        found = [Option(self._score(self.paths[name]), (name,), "mean") for name in order]
        chosen = order[:1]
        while len(chosen) < min(MOST_MEMBERS, len(order)):
            rest = [name for name in order if name not in chosen]
            added = [
                Option(self._combined((*chosen, name), "mean"), (*chosen, name), "mean") for name in rest
            ]
            found.append(min(added, key=lambda option: option.score))
            chosen = list(found[-1].members)
            best = tuple(order[: len(chosen)])
            if len(best) > 2:
                found.append(Option(self._combined(best, "median"), best, "median"))
        in_time = [option for option in found if len(option.members) == 1 or self._fits(option)]
        return sorted(in_time, key=lambda option: option.score)

    def _combined(self, members: tuple, method: str) -> float:
        paths = np.stack([self.paths[name] for name in members])
        return self._score(paths.mean(axis=0) if method == "mean" else np.median(paths, axis=0))

    def _fits(self, option: Option) -> bool:
        """Tell whether there is time to fit all members on everything."""
        return sum(self.refit_seconds[name] for name in option.members) <= self.deadline - perf_counter()

    # ---------------------------------------------------------------- one candidate

    def _try(self, candidate: CandidateModel, always: bool) -> tuple[float, int, str]:
        """Return score, number of windows and a note."""
        windows: list = []
        try:
            expected = 0.0 if always else self._expected(candidate)
            left = self._left()
            if not always and expected * (self.plan.n_windows + _MARGIN) > left:
                return np.nan, 0, f"left out: a fit takes about {expected:.3g} s, with {left:.3g} s left"
            slowest = 0.0
            for number in range(self.plan.n_windows):
                if not always and slowest * (self.plan.n_windows - number + _MARGIN) > self._left():
                    return np.nan, number, f"given up for time: a fit takes {slowest:.3g} s"
                began = perf_counter()
                windows.append(self._forecast(candidate, number))
                slowest = max(slowest, perf_counter() - began)
        except Exception as error:
            return np.nan, len(windows), "failed: " + " ".join(f"{type(error).__name__}: {error}".split())
        path = self._scaled(windows)
        if not np.isfinite(path).all():
            return np.nan, len(windows), "failed: a forecast diverged"
        self.paths[candidate.name], self.refit_seconds[candidate.name] = path, _MARGIN * slowest
        return self._score(path), len(windows), ""

    def _forecast(self, candidate: CandidateModel, number: int) -> list[np.ndarray]:
        """Forecast one window of every series after a fit on what came before."""
        cuts, horizon = self.cuts[number], self.plan.horizon
        model = EnsembleForecaster([clone(candidate.forecaster)])
        past = None if self.exog is None else [X[:cut] for X, cut in zip(self.exog, cuts)]
        future = None if self.exog is None else [X[cut : cut + horizon] for X, cut in zip(self.exog, cuts)]
        states = model.fit_arrays([y[:cut] for y, cut in zip(self.series, cuts)], past)
        return model.predict_states(states, horizon, future)

    def _expected(self, candidate: CandidateModel) -> float:
        """Return about how long a fit on everything takes, from one on a small part; 0 where all is small."""
        total = sum(map(len, self.series))
        if len(self.series) > _PROBED_SERIES:
            places = np.linspace(0, len(self.series) - 1, _PROBED_SERIES).round().astype(int)
            part, whole = [self.series[i] for i in places], list(places)
        else:
            part, whole = [y[-_PROBED_STEPS:] for y in self.series], list(range(len(self.series)))
        n_part = sum(map(len, part))
        if n_part > total / 2 or total < _PROBED_STEPS:
            return 0.0
        exog = None if self.exog is None else [self.exog[i][-len(y) :] for i, y in zip(whole, part)]
        forecaster, factor = _rehearsal(candidate, total / n_part)
        for _ in range(2):  # the first time it may have been compiled
            began = perf_counter()
            EnsembleForecaster([clone(forecaster)]).fit_arrays(part, exog)
            took = perf_counter() - began
            expected = factor * took
            if expected * (self.plan.n_windows + _MARGIN) <= self._left() or 5 * took > self._left():
                break
        return expected

    def _left(self) -> float:
        """Seconds left for trials, when the best so far have been fitted in the end."""
        best = sorted(self.paths, key=lambda name: self._score(self.paths[name]))[:MOST_MEMBERS]
        return self.deadline - perf_counter() - sum(self.refit_seconds[name] for name in best)

    # ---------------------------------------------------------------- scores

    def _scaled(self, windows: list) -> np.ndarray:
        """Lay values (n_steps, n_targets) of windows and series out in one row, in each series' unit."""
        parts = [(y / unit).ravel() for window in windows for y, unit in zip(window, self.units)]
        return np.concatenate(parts) if parts else np.empty(0)

    def _score(self, path: np.ndarray) -> float:
        mase, smape = self._errors(path)
        if self.metric == "owa" and BENCHMARK in self.paths:
            reference = self._errors(self.paths[BENCHMARK])
            if min(reference) > 0:
                return (mase / reference[0] + smape / reference[1]) / 2
        return smape if self.metric == "smape" else mase

    def _errors(self, path: np.ndarray) -> tuple[float, float]:
        """Return MASE and sMAPE, which do not change with the unit of a series."""
        error, size = np.abs(path - self.truth), np.abs(path) + np.abs(self.truth)
        ratio = np.divide(error, size, out=np.zeros_like(error), where=size > 0)
        return float(error.mean()), float(200 * ratio.mean())


def _rehearsal(candidate: CandidateModel, factor: float) -> tuple[Any, float]:
    """Return what a look at a small part is taken with, and how many times as long all will take."""
    if not candidate.same_cost:
        return candidate.forecaster, factor
    epochs = {
        name: value
        for name, value in candidate.forecaster.get_params().items()
        if name.rpartition("__")[2] == "n_epochs"
    }
    return clone(candidate.forecaster).set_params(**dict.fromkeys(epochs, 1)), float(max(epochs.values()))


def _unit(y: np.ndarray, season_length: int) -> np.ndarray:
    """Return the mean change over a season of each target, over a step where that is nothing, 1 for constants."""
    for lag in (season_length, 1):
        change = np.abs(y[lag:] - y[:-lag]).mean(axis=0) if len(y) > lag else np.zeros(y.shape[1])
        if (change > 0).all():
            return change
    return np.where(change > 0, change, 1.0)


def reason(option: Option, race: Race) -> str:
    """Say in one sentence why an option was chosen."""
    if not race.cuts:
        return f"{option.name}: the series are too short to compare forecasters"
    tried = [trial for trial in race.trials if np.isfinite(trial.score)]
    if not tried:
        return (
            f"{option.name}: the first that could be fitted on all steps; none could be scored, see report()"
        )
    benchmark = next((trial.score for trial in tried if trial.name == BENCHMARK), np.nan)
    single = min(tried, key=lambda trial: trial.score)
    text = (
        f"{option.name}: {race.metric} {option.score:.4g} over {race.plan.n_windows} windows of {race.plan.horizon} "
        f"steps, seasonal naive {benchmark:.4g}, best of {len(tried)} single forecasters {single.name} "
        f"{single.score:.4g}"
    )
    missed = [trial.name for trial in race.trials if not np.isfinite(trial.score)]
    return text + (f"; without a score: {', '.join(missed)}" if missed else "")
