"""One configuration under trial, judged window by window: refitted at each, as a backtest does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone

from forecasting.backtesting.data import Cut, Data, OneSeries, read_data, read_windows
from forecasting.backtesting.folds import Job, run_block
from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.backtesting.run import read_metrics
from forecasting.metrics import Metric


class SearchTask(NamedTuple):
    """What all configurations are judged by."""

    forecaster: Any
    job: Job
    metric: Metric
    metric_name: str
    leaves_out: bool  # whether the steps after a window train too

    @property
    def windows(self) -> list[list[Cut]]:
        """Where each series is cut, oldest window first."""
        return self.job.windows

    @property
    def series(self) -> list[OneSeries]:
        """The series, as arrays."""
        return self.job.data.series

    @property
    def has_exog(self) -> bool:
        """Whether there are exogenous variables."""
        return self.job.has_exog

    def value(self, values: np.ndarray, path: np.ndarray, cut: Cut) -> float:
        """Score the forecast of a window's test steps; scaled metrics take the scale from the steps before."""
        context = {"y_train": values[cut.train], "season_length": self.job.season_length}
        arguments = {name: context[name] for name in self.metric.context}
        return float(self.metric.function(values[cut.test], path, **arguments))

    def cost(self, value: float) -> float:
        """Turn a value of the metric so that lower is better; infinite if it is not finite."""
        turned = -value if self.metric.best == "high" else value
        return float(turned) if np.isfinite(turned) else np.inf


def read_task(forecaster: Any, y: Any, X: Any, cv: Any, metric: Any, season_length: int) -> SearchTask:
    """Read the series, its windows and the metric, or raise what is wrong with them."""
    scorers = read_metrics(
        {getattr(metric, "__name__", "metric"): metric} if callable(metric) else metric, None
    )
    if len(scorers) > 1:
        raise ValueError(f"metric={metric!r} names {len(scorers)} metrics; a search needs one")
    data = read_data(y, X, keep_missing=True)
    leaves_out = isinstance(cv, LeaveWindowOut)
    windows = _around(cv, data) if leaves_out else read_windows(cv, data)
    job = Job(data, windows, scorers, None, season_length, raises=True)
    ((name, scorer),) = scorers.items()
    return SearchTask(forecaster, job, scorer, name, leaves_out)


def _around(cv: LeaveWindowOut, data: Data) -> list[list[Cut]]:
    """Return the windows that are left out, each with the steps before it."""
    starts = [cv.starts(len(one.values)) for one in data.series]
    if len({len(each) for each in starts}) > 1:
        raise ValueError(f"{cv!r} finds no room for its windows in the shortest series; use fewer")
    return [
        [Cut(slice(0, int(s)), slice(int(s), int(s) + cv.horizon)) for s in each] for each in zip(*starts)
    ]


@dataclass
class Configuration:
    """A configuration and what is known of it.

    ``costs`` (n_windows,) holds the metric, turned so that lower is better; NaN where it has not been judged yet,
    infinite where it failed. ``chosen`` are parameters that judging it has set.
    """

    task: SearchTask
    configuration: dict[str, Any]
    chosen: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    error: str = ""

    def __post_init__(self) -> None:
        self.costs = np.full(len(self.task.windows), np.nan)

    @property
    def n_judged(self) -> int:
        """Number of windows judged so far."""
        return int((~np.isnan(self.costs)).sum())

    @property
    def cost(self) -> float:
        """Mean over the windows judged so far; infinite for none, or where one failed."""
        return float(np.nanmean(self.costs)) if self.n_judged else np.inf

    @property
    def model(self) -> Any:
        """The forecaster with this configuration, unfitted."""
        return clone(self.task.forecaster).set_params(**self.configuration, **self.chosen)

    def judge(self, windows: Sequence[int], tick: Callable[[], Any]) -> None:
        """Find the cost of the windows of these numbers; a failure is noted and costs infinity."""
        began = perf_counter()
        try:
            self._judge(list(windows))
        except Exception as error:
            self.error = " ".join(f"{type(error).__name__}: {error}".split())
            self.costs[list(windows)] = np.inf
        self.seconds += perf_counter() - began
        tick()

    def _judge(self, windows: list[int]) -> None:
        for window in windows:
            (fold,) = run_block(self.task.job, "model", self.model, range(window, window + 1))
            values = [one.scores[self.task.metric_name] for one in fold.series]
            self.costs[window] = self.task.cost(float(np.mean(values)))
