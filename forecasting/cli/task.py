"""What the ``forecast`` command is to do: the series, and all that its arguments leave open."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecasting.cli.csv_data import CsvData, read_data
from forecasting.datasets import load_sunspots
from forecasting.series.rebuilding import ID
from forecasting.series.season_length import find_season, season_of_frequency

DEFAULT_MODELS = ("reservoir", "ets", "theta", "seasonal_naive", "naive")
DEFAULT_WINDOWS = 5
SOLAR_CYCLE = 11  # years: season and horizon of the bundled series


class CommandError(Exception):
    """A run that cannot go on; the message is one line."""


@dataclass(frozen=True)
class ForecastTask:
    """What the arguments and the file amount to."""

    data: CsvData
    name: str
    horizon: int
    season: int
    season_source: str
    models: list[str]
    coverage: float
    windows: int
    tune: float | None
    panel: str | None

    @property
    def series(self) -> pd.Series:
        """The series; of several the first."""
        return next(iter(self.data.parts.values()))

    @property
    def notes(self) -> list[str]:
        """Choices that were made for the reader."""
        return self.data.notes

    @property
    def X(self) -> pd.DataFrame | None:
        """Exogenous variables at the steps of the series."""
        return self.data.X

    @property
    def X_ahead(self) -> pd.DataFrame | None:
        """Exogenous variables of the steps to forecast."""
        ahead = self.data.X_ahead
        if ahead is None:
            return None
        return (
            ahead[: self.horizon] if self.panel is None else ahead.groupby(ID, sort=False).head(self.horizon)
        )

    def before_backtest(self) -> tuple[Any, Any]:
        """Return the series and exogenous variables before the first window."""
        n_left = self.windows * self.horizon
        if self.panel is None:
            return self.data.y[:-n_left], None if self.X is None else self.X[:-n_left]
        frames = [self.data.y, self.X]
        kept = [
            None if frame is None else frame.drop(frame.groupby(ID).tail(n_left).index) for frame in frames
        ]
        return kept[0], kept[1]


def read_task(arguments: argparse.Namespace) -> ForecastTask:
    """Read the file, and settle what the arguments leave open."""
    if arguments.file is None:
        data, name, horizon, inferred = _sunspots(arguments)
    else:
        if arguments.horizon is None and not arguments.exog:
            raise CommandError(f"{arguments.file}: name the number of steps to forecast by --horizon.")
        data = read_data(arguments.file, arguments.time, arguments.target, arguments.panel, arguments.exog)
        name, horizon, inferred = arguments.file, _horizon(arguments, data), _infer_season(data)
    for part, series in data.parts.items():
        if series.nunique() == 1:
            where = f"column {series.name!r}" + (f" of series {part!r}" if arguments.panel else "")
            raise CommandError(f"{name}: {where} is constant; there is nothing to forecast.")
    season, source = inferred if arguments.season is None else (arguments.season, "as given")
    shortest = min(map(len, data.parts.values()))
    if arguments.season is None and shortest < _least_training(horizon, season, arguments.coverage) + horizon:
        data.notes.append(f"{shortest} values are too few for a season of {season}: none is used")
        season, source = 1, "none"
    models = arguments.models
    if models is None:
        models = (
            [*DEFAULT_MODELS[:1], "direct", *DEFAULT_MODELS[1:]] if data.X is not None else DEFAULT_MODELS
        )
        models = [model for model in models if season > 1 or model != "seasonal_naive"]
    windows = _count_windows(name, shortest, horizon, season, arguments)
    settled = (horizon, season, source, list(models), arguments.coverage, windows)
    return ForecastTask(data, str(name), *settled, arguments.tune, arguments.panel)


def _sunspots(arguments: argparse.Namespace) -> tuple[CsvData, str, int, tuple[int, str]]:
    """Return the bundled series, which has nothing but itself."""
    if any(getattr(arguments, option) for option in ("time", "target", "panel", "exog")):
        raise CommandError("--time, --target, --panel and --exog name columns of a file; name the file too.")
    y = load_sunspots()
    notes = ["the series bundled with statsmodels; give a FILE.csv for yours"]
    data = CsvData(y, None, None, {"sunspots": y}, notes)
    return data, "sunspots", arguments.horizon or SOLAR_CYCLE, (SOLAR_CYCLE, "the solar cycle")


def _horizon(arguments: argparse.Namespace, data: CsvData) -> int:
    """Return how many steps to forecast: no more than exogenous variables are known for."""
    if data.X is None:
        return arguments.horizon
    horizon = arguments.horizon or data.n_ahead
    if not 0 < horizon <= data.n_ahead:
        target = next(iter(data.parts.values())).name
        raise CommandError(
            f"{arguments.file}: --exog needs {horizon or 'some'} rows after the last value of {target!r}, with what "
            f"is known of the steps to forecast; there are {data.n_ahead}."
        )
    return horizon


def _infer_season(data: CsvData) -> tuple[int, str]:
    """Return the season of the calendar, or the one found in most of the series."""
    found = [_season_of(series) for series in data.parts.values()]
    return max(dict.fromkeys(found), key=found.count)


def _season_of(series: pd.Series) -> tuple[int, str]:
    freq = getattr(series.index, "freqstr", None)
    season = season_of_frequency(freq) if freq else None
    if season is not None:
        return season, f"of the calendar: {freq}"
    season = find_season(series)
    return season, "the peak of the autocorrelation" if season > 1 else "none stands out"


def _least_training(horizon: int, season: int, coverage: float) -> int:
    """Return how many steps a model must see: two seasons, and enough in each half to calibrate intervals."""
    n_errors = math.ceil(round(coverage / (1 - coverage), 9))
    return max(2 * season + 2, 2 * (horizon - 1 + n_errors))


def _count_windows(name: str, n_steps: int, horizon: int, season: int, arguments: argparse.Namespace) -> int:
    """Return how many windows to test, no more than fit."""
    least = _least_training(horizon, season, arguments.coverage)
    room = (n_steps - least) // horizon
    wanted = arguments.windows or 1
    if room < wanted:
        raise CommandError(
            f"{name}: {n_steps} values are too few; {wanted} window(s) of {horizon} steps with "
            f"{100 * arguments.coverage:g} % intervals and a season of {season} need {least + wanted * horizon}. "
            "Shorten --horizon, --season or --windows, or lower --coverage."
        )
    return arguments.windows or min(DEFAULT_WINDOWS, room)
