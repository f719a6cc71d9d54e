"""Reduction to regression: M4 Hourly by ridges, and the time beside skforecast and sktime.

Accuracy: the 414 hourly series of the M4 competition, 48 steps ahead, from 168 lags, a ridge for each series on its
logarithm. OWA divides sMAPE and MASE (season 24) by those of the competition's Naive2. Penalty, level and intercept
of the row "chosen" are those with the best OWA over the last 48 steps of the training series, forecast from what
comes before.

Time: one series, a ridge over 48 lags; every library with its own fit and predict, in turns.

References
----------
S. Makridakis, E. Spiliotis and V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 forecasting methods,
International Journal of Forecasting 36 (2020) 54-74.
"""

import importlib.metadata
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from itertools import product
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.linear_model import Ridge

from benchmarks.report import table
from benchmarks.timing import in_turns
from forecasting import (
    DirectForecaster,
    MultiOutputForecaster,
    RecursiveForecaster,
    SeasonalNaive,
    TransformedTargetForecaster,
)
from forecasting.datasets import fetch_m4_hourly
from forecasting.metrics import mase, smape
from forecasting.transforms import Log, Standardize

HORIZON, SEASON, WEEK = 48, 24, 168
NAIVE2 = (18.383, 2.395)  # sMAPE and MASE over the whole group, as published
PUBLISHED = "Published OWA: best entry for hourly series 0.410, winner of the competition 0.440, Theta 1.006."


def direct(alpha: float = 1.0, subtract: str | None = "last", intercept: bool = False, **options: Any) -> Any:
    """Return a ridge for each step ahead of the standardised logarithm."""
    ridge = Ridge(alpha, fit_intercept=intercept)
    inner = DirectForecaster(ridge, lags=WEEK, max_horizon=HORIZON, subtract=subtract, **options)
    return TransformedTargetForecaster(inner, [Log(), Standardize()])


def forecasters() -> dict[str, Any]:
    """Return what is measured with settings that were not searched for."""
    plain = DirectForecaster(Ridge(), lags=WEEK, max_horizon=HORIZON)
    recursive = RecursiveForecaster(Ridge(fit_intercept=False), lags=WEEK, subtract="last")
    return {
        f"SeasonalNaive({SEASON})": SeasonalNaive(SEASON),
        "DirectForecaster(Ridge()) of the logarithm": TransformedTargetForecaster(plain, Log()),
        "the same, standardised, from its last value, no intercept": direct(),
        "RecursiveForecaster, likewise": TransformedTargetForecaster(recursive, [Log(), Standardize()]),
        "DirectForecaster, likewise, one for all series": direct(scope="global"),
    }


def owa(series: list, truth: np.ndarray, forecast: Any) -> tuple[float, float, float]:
    """Return sMAPE, MASE and OWA over the group."""
    triples = list(zip(truth, forecast, series))
    percent = float(np.mean([smape(y, f) for y, f, _ in triples]))
    scaled = float(np.mean([mase(y, f, y_train=past, season_length=SEASON) for y, f, past in triples]))
    return percent, scaled, (percent / NAIVE2[0] + scaled / NAIVE2[1]) / 2


def choose(series: list) -> tuple[Any, str]:
    """Return the direct ridge that forecasts the last steps of the training series best, and its settings."""
    past = [y[:-HORIZON] for y in series]
    last = np.array([y[-HORIZON:] for y in series])
    scores = {}
    for setting in product((0.1, 1.0, 10.0), (None, "last", "mean"), (False, True)):
        scores[setting] = owa(past, last, direct(*setting).fit(past).predict(HORIZON))[2]
    best = min(scores, key=lambda setting: scores[setting])
    words = f"alpha={best[0]:g}, subtract={best[1]!r}, fit_intercept={best[2]}"
    return direct(*best), words


def accuracy(quick: bool) -> str:
    """Measure on M4 Hourly."""
    try:
        data = fetch_m4_hourly(naive2=True)
    except FileNotFoundError:
        data = fetch_m4_hourly()
    n = 20 if quick else len(data.train)
    series, truth = data.train[:n], data.test[:n]
    rows: list = []
    if data.naive2 is not None:
        rows.append(["Naive2, the competition's forecasts", *owa(series, truth, data.naive2[:n]), ""])
    chosen, words = choose(series)
    for name, model in [*forecasters().items(), (f"chosen: {words}", chosen)]:
        start = perf_counter()
        forecast = model.fit(series).predict(HORIZON)
        seconds = perf_counter() - start
        rows.append([name, *owa(series, truth, forecast), seconds])
    return table(["forecaster", "sMAPE", "MASE", "OWA", "seconds"], rows)


# ---------------------------------------------------------------------------------------------------------- time


def _ours(y: pd.Series, make: Callable[[], Any], steps: int) -> Any:
    return make().fit(y).predict(steps)


def _skforecast(y: pd.Series, kind: str, steps: int) -> Any:
    from skforecast.direct import ForecasterDirect
    from skforecast.recursive import ForecasterRecursive

    if kind == "recursive":
        forecaster = ForecasterRecursive(Ridge(), lags=SEASON * 2)
    else:
        forecaster = ForecasterDirect(Ridge(), lags=SEASON * 2, steps=steps, n_jobs=1)
    forecaster.fit(y)
    return forecaster.predict(steps)


def _sktime(y: pd.Series, kind: str, steps: int) -> Any:
    from sktime.forecasting.compose import make_reduction

    return (
        make_reduction(Ridge(), window_length=SEASON * 2, strategy=kind)
        .fit(y, fh=np.arange(1, steps + 1))
        .predict()
    )


def times(quick: bool) -> str:
    """Time fit and predict of each library that is installed."""
    n_steps, ahead = (1000, 50) if quick else (5000, 1000)
    index = pd.date_range("2020-01-01", periods=n_steps, freq="h")
    hours = np.arange(n_steps)
    noise = np.random.default_rng(0).normal(size=n_steps)
    y = pd.Series(10 + np.sin(2 * np.pi * hours / SEASON) + 0.3 * noise, index, name="y")
    lags = 2 * SEASON
    tasks = {
        f"recursive, {ahead} steps": ("recursive", ahead, lambda: RecursiveForecaster(Ridge(), lags=lags)),
        f"direct, {SEASON} steps": ("direct", SEASON, lambda: DirectForecaster(Ridge(), lags, SEASON)),
        f"many outputs, {SEASON} steps": (
            "multioutput",
            SEASON,
            lambda: MultiOutputForecaster(Ridge(), lags, SEASON),
        ),
    }
    peers = {"skforecast": _skforecast, "sktime": _sktime}
    rows = []
    for name, (kind, steps, make) in tasks.items():
        for peer, call in peers.items():
            if find_spec(peer) is None or (peer == "skforecast" and kind == "multioutput"):
                continue
            ours, theirs = partial(_ours, y, make, steps), partial(call, y, kind, steps)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                contest = in_turns(ours, theirs, 2 if quick else 5)
                same = np.allclose(ours(), np.ravel(theirs()), rtol=1e-6)
            median, low, high = contest.ratios
            rows.append(
                [
                    name,
                    peer,
                    *contest.seconds,
                    f"{median:.3g} ({low:.3g} to {high:.3g})",
                    "yes" if same else "no",
                ]
            )
    if not rows:
        return "Neither skforecast nor sktime is installed (the extra `interop`)."
    versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in peers if find_spec(p))
    heads = ["task", "peer", "seconds, ours", "seconds, peer", "times as long", "same forecast"]
    return f"{table(heads, rows)}\n\n{n_steps} steps of training; {versions}; pairs of runs: median, lowest, highest."


def report(quick: bool) -> str:
    """Measure both."""
    return f"{accuracy(quick)}\n\n{PUBLISHED}\n\n{times(quick)}"
