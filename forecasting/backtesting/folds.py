"""Folds of a backtest: a model fitted or carried on window by window, its forecasts scored."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from forecasting.backtesting.data import Cut, Data, observed_steps, piece_of
from forecasting.backtesting.readout_folds import train_readouts
from forecasting.backtesting.result import Fold, SeriesFold
from forecasting.metrics import Metric


@dataclass(frozen=True)
class Job:
    """What all folds share."""

    data: Data
    windows: list[list[Cut]]
    scorers: dict[str, Metric]
    coverage: float | None
    season_length: int
    raises: bool

    @property
    def has_exog(self) -> bool:
        """Whether there are exogenous variables."""
        return self.data.series[0].exog is not None

    def part(self, cuts: list[slice], exog: bool = False) -> Any:
        """Cut every series, in its own container; a single series stands alone."""
        pieces = [piece_of(one, cut, exog) for one, cut in zip(self.data.series, cuts)]
        return pieces[0] if self.data.ids is None else pieces

    def without_exog(self) -> Job:
        """Return the same without exogenous variables."""
        series = [one._replace(exog=None, exog_names=()) for one in self.data.series]
        return replace(self, data=self.data._replace(series=series))

    def of_series(self, chosen: slice) -> Job:
        """Return the same for some of the series of a panel."""
        assert self.data.ids is not None
        data = Data(self.data.series[chosen], self.data.ids[chosen])
        return replace(self, data=data, windows=[window[chosen] for window in self.windows])

    def past(self, cuts: list[slice]) -> tuple:
        """The arguments of ``fit`` or ``update``."""
        return (self.part(cuts), self.part(cuts, exog=True)) if self.has_exog else (self.part(cuts),)


def run_block(job: Job, name: str, model: Any, numbers: range) -> list[Fold]:
    """Fit at the first window, carry the model on through the others, and score every one."""
    folds: list[Fold] = []
    fitted, origin, lost = None, None, None
    for number in numbers:
        window = job.windows[number]
        fold = Fold(name, number, number == numbers[0], _blank(job, window))
        folds.append(fold)
        try:
            if lost is not None:
                raise RuntimeError(f"the model was lost at window {lost}")
            began = perf_counter()
            try:
                fitted = _advance(job, model, fitted, origin, window)
            except Exception:
                lost = number
                raise
            fold.fit_seconds, origin = perf_counter() - began, window
            _forecast(job, fitted, window, fold)
        except Exception as error:
            if job.raises:
                raise
            fold.note(error)
        _score(job, window, fold)
    return folds


def run_readouts(job: Job, name: str, model: Any, numbers: range) -> list[Fold]:
    """Fit at the first window; at every one learn the readout alone, from sums, and score."""
    windows = [job.windows[number] for number in numbers]
    folds = [Fold(name, n, n == numbers[0], _blank(job, window)) for n, window in zip(numbers, windows)]
    try:
        began = perf_counter()
        fitted = clone(model).fit(*job.past([cut.train for cut in windows[0]]))
        folds[0].fit_seconds = perf_counter() - began
        series = [one.values for one in job.data.series]
        exog = [one.exog for one in job.data.series] if job.has_exog else None
        trained = train_readouts(fitted, series, exog, [[cut.train for cut in window] for window in windows])
    except Exception as error:
        if job.raises:
            raise
        for fold in folds:
            fold.note(error)
        return folds
    for fold, window, (readouts, states, seconds) in zip(folds, windows, trained):
        fold.fit_seconds = np.nansum([fold.fit_seconds, seconds])
        try:
            _forecast(job, _standing(job, fitted, windows[0], window, readouts, states), window, fold)
        except Exception as error:
            if job.raises:
                raise
            fold.note(error)
        _score(job, window, fold)
    return folds


def _standing(
    job: Job, fitted: Any, first: list[Cut], window: list[Cut], readouts: list, states: list
) -> Any:
    """Return the forecaster with another readout, standing at the origin of a window."""
    model = copy(fitted)
    ends = [cut.train.stop for cut in window]
    model.readouts_, model.states_ = readouts, states
    model.layout_ = fitted.layout_.advance([end - cut.train.stop for end, cut in zip(ends, first)])
    model.series_ = [one.values[cut.train] for one, cut in zip(job.data.series, window)]
    if job.has_exog:
        model.exog_ = [
            one.exog[cut.train] for one, cut in zip(job.data.series, window) if one.exog is not None
        ]
    return model


def join_series(parts: list[list[Fold]]) -> list[Fold]:
    """Join the folds of the same windows over groups of series."""
    joined = []
    for folds in zip(*parts):
        whole = replace(folds[0], series=[one for fold in folds for one in fold.series], errors=[])
        for name in ("fit_seconds", "predict_seconds", "interval_seconds"):
            setattr(whole, name, float(np.sum([getattr(fold, name) for fold in folds])))
        whole.errors = list(dict.fromkeys(text for fold in folds for text in fold.errors))
        joined.append(whole)
    return joined


def _blank(job: Job, window: list[Cut]) -> list[SeriesFold]:
    """Return what is known of a fold before any forecast."""
    parts = []
    for one, cut, label in zip(job.data.series, window, job.data.ids or [None]):
        labels = pd.RangeIndex(len(one.values)) if one.labels is None else one.labels
        y_true = one.values[cut.test]
        parts.append(
            SeriesFold(
                label=label,
                cutoff=labels[cut.train.stop - 1],
                steps=np.arange(cut.test.start, cut.test.stop) - cut.train.stop + 1,
                times=labels[cut.test],
                targets=one.layout.names or tuple(range(y_true.shape[1])),
                y_true=y_true,
                scores=dict.fromkeys(job.scorers, np.nan),
            )
        )
    return parts


def _advance(job: Job, model: Any, fitted: Any, origin: list[Cut] | None, window: list[Cut]) -> Any:
    """Fit a clone, or tell the fitted one what happened since its origin."""
    if origin is None:
        return clone(model).fit(*job.past([cut.train for cut in window]))
    since = [slice(old.train.stop, new.train.stop) for old, new in zip(origin, window)]
    if since[0].start < since[0].stop:
        fitted.update(*job.past(since))
    return fitted


def _forecast(job: Job, fitted: Any, window: list[Cut], fold: Fold) -> None:
    """Fill in the forecasts of a fold and the time they took."""
    steps = fold.series[0].steps
    horizon = len(steps) if steps[0] == 1 else steps
    future: dict[str, Any] = {}
    if job.has_exog:
        future["X"] = job.part([slice(cut.train.stop, cut.test.stop) for cut in window], exog=True)
    began = perf_counter()
    answer = fitted.predict(horizon, **future)
    fold.predict_seconds = perf_counter() - began
    for one, values in zip(fold.series, _each(job, answer)):
        one.y_pred = _shaped(values, one.y_true.shape, "predict")
    if job.coverage is None:
        return
    began = perf_counter()
    answer = fitted.predict_interval(horizon, **future, coverage=job.coverage)
    fold.interval_seconds = perf_counter() - began
    for one, values in zip(fold.series, _each(job, answer)):
        is_frame = isinstance(values, pd.DataFrame)
        lower, upper = (values["lower"], values["upper"]) if is_frame else (values[..., 0], values[..., 1])
        one.lower = _shaped(lower, one.y_true.shape, "predict_interval")
        one.upper = _shaped(upper, one.y_true.shape, "predict_interval")


def _each(job: Job, answer: Any) -> list:
    return [answer] if job.data.ids is None else list(answer)


def _shaped(values: Any, shape: tuple[int, ...], method: str) -> np.ndarray:
    """Return a forecast as ``(n_steps, n_targets)``, or raise if it is of another size."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in (shape, shape[:1] if shape[1] == 1 else shape):
        raise ValueError(f"{method} returned shape {array.shape} where {shape} was expected")
    return array.reshape(shape)


def _score(job: Job, window: list[Cut], fold: Fold) -> None:
    """Fill in the scores of what was forecast; scaled errors take their scale from the fold's own past.

    Steps where any target was not observed are left out, except by metrics that cannot do without.
    """
    for source, cut, one in zip(job.data.series, window, fold.series):
        context = {
            "y_train": source.values[cut.train],
            "season_length": job.season_length,
            "coverage": job.coverage,
        }
        for name, metric in job.scorers.items():
            forecast = (one.lower, one.upper) if metric.forecast == "interval" else (one.y_pred,)
            if forecast[0] is None:
                continue  # its failure has been noted
            arguments = {key: context[key] for key in metric.context}
            try:
                score = metric.function(*observed_steps(one.y_true, forecast, metric), **arguments)
                one.scores[name] = float(score)
            except Exception as error:
                if job.raises:
                    raise
                fold.note(error, f"{name}: ")
