"""What the ``forecast`` command is to do: the series, and all that its arguments leave open."""

from __future__ import annotations

import argparse
import math
from dataclasses import dataclass

import pandas as pd

from forecasting.csv_series import read_series
from forecasting.datasets import load_sunspots
from forecasting.seasons import find_season, season_of_frequency

DEFAULT_MODELS = ("reservoir", "ets", "theta", "seasonal_naive", "naive")
DEFAULT_WINDOWS = 5
SOLAR_CYCLE = 11  # years: season and horizon of the bundled series


class CommandError(Exception):
    """A run that cannot go on; the message is one line."""


@dataclass(frozen=True)
class Task:
    """What the arguments and the series amount to."""

    series: pd.Series
    name: str
    horizon: int
    season: int
    season_source: str
    models: list[str]
    coverage: float
    windows: int
    notes: list[str]


def read_task(arguments: argparse.Namespace) -> Task:
    """Read the series, and settle what the arguments leave open."""
    if arguments.file is None:
        if arguments.time or arguments.target:
            raise CommandError("--time and --target name columns of a file; name the file too.")
        series, name, notes = (
            load_sunspots(),
            "sunspots",
            ["the series bundled with statsmodels; give a FILE.csv for yours"],
        )
        horizon, inferred = arguments.horizon or SOLAR_CYCLE, (SOLAR_CYCLE, "the solar cycle")
    else:
        if arguments.horizon is None:
            raise CommandError(f"{arguments.file}: name the number of steps to forecast by --horizon.")
        series, notes = read_series(arguments.file, arguments.time, arguments.target)
        name, horizon, inferred = arguments.file, arguments.horizon, _infer_season(series)
    if series.nunique() == 1:
        raise CommandError(f"{name}: column {series.name!r} is constant; there is nothing to forecast.")
    season, source = inferred if arguments.season is None else (arguments.season, "as given")
    if (
        arguments.season is None
        and len(series) < _least_training(horizon, season, arguments.coverage) + horizon
    ):
        notes.append(f"{len(series)} values are too few for a season of {season}: none is used")
        season, source = 1, "none"
    models = arguments.models
    if models is None:
        models = [model for model in DEFAULT_MODELS if season > 1 or model != "seasonal_naive"]
    windows = _count_windows(name, len(series), horizon, season, arguments)
    return Task(series, name, horizon, season, source, models, arguments.coverage, windows, notes)


def _infer_season(series: pd.Series) -> tuple[int, str]:
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
