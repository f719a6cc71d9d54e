"""What an automatic search tries: forecasters by name, made for the season and the lengths at hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from forecasting.base.forecaster import Forecaster
from forecasting.baselines.naive import SeasonalNaive
from forecasting.composition.transformed_target import TransformedTargetForecaster
from forecasting.reduction.strategies import DirectForecaster, RecursiveForecaster
from forecasting.registry import FORECASTERS
from forecasting.transforms import Log, Standardize
from reservoir import RidgeReadout

_MANY_SERIES = 20  # from which one network of many weights is worth its time
BENCHMARK = "seasonal_naive"  # always tried; what is chosen is never worse on the backtest


class Situation(NamedTuple):
    """What candidates are made for.

    ``shortest`` is the least length of a training series in the backtest; ``positive`` tells whether all values are.
    """

    season_length: int
    horizon: int
    shortest: int
    positive: bool
    n_series: int = 1


class CandidateModel(NamedTuple):
    """A forecaster to try, and whether its training takes about as long on much data as on little."""

    name: str
    forecaster: Forecaster
    same_cost: bool = False


def make_candidates(given: Any, situation: Situation) -> list[CandidateModel]:
    """Return what is to be tried, the benchmark first.

    Parameters
    ----------
    given : None, sequence of str or dict of str to Forecaster
        None for `DEFAULTS`; names in them or in ``FORECASTERS``; or forecasters.
    situation : Situation

    Raises
    ------
    ValueError
        If a name is unknown, or a forecaster is none.
    """
    first = CandidateModel(BENCHMARK, SeasonalNaive(season_length=situation.season_length))
    if isinstance(given, Mapping):
        wrong = {name: value for name, value in given.items() if not isinstance(value, Forecaster)}
        if wrong:
            raise ValueError(f"candidates holds {wrong}, which are no forecasters")
        return [
            first,
            *(CandidateModel(str(name), value) for name, value in given.items() if name != BENCHMARK),
        ]
    return [first, *_named(list(DEFAULTS) if given is None else given, situation)]


def _named(names: Sequence[str], situation: Situation) -> list[CandidateModel]:
    made = []
    for name in names:
        if name == BENCHMARK:
            continue
        if name in DEFAULTS:
            forecaster = DEFAULTS[name](situation)
        elif name in FORECASTERS:
            forecaster = FORECASTERS[name](situation.season_length)
        else:
            known = ", ".join(dict.fromkeys([*DEFAULTS, *FORECASTERS]))
            raise ValueError(f"candidates names {name!r}; known are {known}")
        if forecaster is not None:
            made.append(CandidateModel(name, forecaster, name in SAME_COST))
    return made


def _naive(situation: Situation) -> Any:
    """Return the naive method, but where the benchmark is just that."""
    return FORECASTERS["naive"]() if situation.season_length > 1 else None


def _of_registry(name: str) -> Callable[[Situation], Any]:
    return lambda situation: FORECASTERS[name](situation.season_length)


def _ridge(
    seasons: int, log: bool, subtract: str | None = None, recursive: bool = False
) -> Callable[[Situation], Any]:
    """Ridge regression on the last seasons, of all steps ahead or one after the other.

    None where series are too short, or not positive for a logarithm.
    """

    def make(situation: Situation) -> Any:
        if log and not situation.positive:
            return None
        room = max(1, (situation.shortest - situation.horizon) // 3)
        lags = seasons * max(situation.season_length, 4)
        if lags > room and seasons > 2:
            return None
        regressor = RidgeReadout(alphas=np.logspace(-2, 2, 5))  # by leave-one-out, for every step its own
        options: dict[str, Any] = {"lags": min(lags, room), "subtract": subtract}
        if recursive:
            forecaster: Forecaster = RecursiveForecaster(regressor, **options)
        else:
            forecaster = DirectForecaster(regressor, max_horizon=situation.horizon, **options)
        return TransformedTargetForecaster(forecaster, [Log(), Standardize()] if log else Standardize())

    return make


def _arima(situation: Situation) -> Any:
    """Return the airline model, or its form without season; a long season makes a state too large."""
    return FORECASTERS["arima"](situation.season_length)


def _reservoir(situation: Situation) -> Any:
    forecaster = FORECASTERS["reservoir"](max_horizon=situation.horizon, differences=(), random_state=None)
    scaled = [Log(), Standardize()] if situation.positive else [Standardize()]
    return TransformedTargetForecaster(forecaster, scaled)


def _network(name: str) -> Callable[[Situation], Any]:
    def make(situation: Situation) -> Any:
        options: dict[str, Any] = {"n_units": 32, "n_epochs": 30, "steps_per_epoch": 50, "random_state": None}
        window = 2 * max(situation.season_length, situation.horizon)
        network = FORECASTERS[name](max_horizon=situation.horizon, window=window, linear_skip=True, **options)
        return TransformedTargetForecaster(network, Log()) if situation.positive else network

    return make


def _panel_network(situation: Situation) -> Any:
    """Return a network of many weights that steps from season to season, for panels of many series."""
    season, many = situation.season_length, situation.n_series >= _MANY_SERIES
    n_seasons = min(7, (situation.shortest - situation.horizon) // max(season, 1))
    if not many or season == 1 or n_seasons < 2:
        return None
    network = FORECASTERS["gru"](
        n_units=128,
        n_layers=2,
        projection=128,
        strategy="direct",
        segment_length=season,
        max_horizon=situation.horizon,
        window=n_seasons * season,
        linear_skip=True,
        head="absolute",
        window_centre="mean",
        n_epochs=60,
        steps_per_epoch=100,
        batch_size=128,
        early_stopping=False,
        random_state=None,
    )
    return TransformedTargetForecaster(network, Log()) if situation.positive else network


# In the order in which they are tried: what is cheap first.
DEFAULTS: dict[str, Callable[[Situation], Any]] = {
    "naive": _naive,
    "drift": _of_registry("drift"),
    "ridge": _ridge(2, log=False),
    "log_ridge": _ridge(2, log=True),
    "long_ridge": _ridge(7, log=False),
    "log_long_ridge": _ridge(7, log=True),
    "log_long_ridge_from_last": _ridge(7, log=True, subtract="last"),
    "log_long_recursive": _ridge(7, log=True, recursive=True),
    "theta": _of_registry("theta"),
    "panel_network": _panel_network,
    "reservoir": _reservoir,
    "gru": _network("gru"),
    "ets": _of_registry("ets"),
    "arima": _arima,
    "lstm": _network("lstm"),
}
SAME_COST = ("gru", "lstm", "panel_network")  # so many batches, however many series


def situation_of(series: list, season_length: int, horizon: int, shortest: int) -> Situation:
    """Return what candidates are made for."""
    positive = all(bool((y > 0).all()) for y in series)
    return Situation(season_length, horizon, shortest, positive, len(series))


def common_season(series: list, find: Callable[[np.ndarray], int], most: int = 30) -> int:
    """Return the season found in most of some series, spread over all."""
    places = np.unique(np.linspace(0, len(series) - 1, min(most, len(series))).round().astype(int))
    found = [find(column) for i in places for column in series[i].T]
    values, counts = np.unique(found, return_counts=True)
    return int(values[counts.argmax()])
