"""ReservoirForecaster without arguments, beside baselines, on series of many kinds.

Rolling origins: every window is refitted on all that came before it. MASE with the season as scale; below 1 is
better than the seasonal naive forecast one step ahead in the training part. Its mean over series is geometric.

References
----------
R. J. Hyndman and A. B. Koehler, Another look at measures of forecast accuracy, International Journal of Forecasting
22 (2006) 679-688.
"""

import warnings
from typing import Any, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from benchmarks.report import table
from forecasting import ARIMA, ETS, Naive, ReservoirForecaster, RollingOrigin, SeasonalNaive, Theta, backtest
from forecasting.datasets import load_co2, load_elnino, load_macrodata, load_nile, load_sunspots
from reservoir.signals import mackey_glass


class Task(NamedTuple):
    """A series, the steps to forecast, and its season."""

    y: np.ndarray
    horizon: int
    season_length: int = 1


def tasks() -> dict[str, Task]:
    """Return the series: chaotic, cyclic, seasonal, trended, noisy."""
    economy = load_macrodata()
    return {
        "Mackey-Glass": Task(mackey_glass(1200), 50),
        "sunspots": Task(load_sunspots().to_numpy(), 11),
        "CO2": Task(load_co2().to_numpy(), 24, 12),
        "El Nino": Task(load_elnino().to_numpy(), 12, 12),
        "Nile": Task(load_nile().to_numpy(), 8),
        "log GDP": Task(np.log(economy["realgdp"].to_numpy()), 8),
        "unemployment": Task(economy["unemp"].to_numpy(), 8),
        "noisy AR(2)": Task(_autoregression(400), 12),
        "growing season": Task(_growing_season(180), 12, 12),
    }


def _autoregression(n_steps: int) -> np.ndarray:
    noise = np.random.default_rng(0).standard_normal(n_steps)
    y = np.zeros(n_steps)
    for t in range(2, n_steps):
        y[t] = 1.5 * y[t - 1] - 0.75 * y[t - 2] + noise[t]
    return y


def _growing_season(n_steps: int) -> np.ndarray:
    """Monthly data whose season and noise grow with their level, like counts of passengers."""
    t = np.arange(n_steps)
    season = 0.15 * np.sin(2 * np.pi * t / 12) + 0.08 * np.cos(4 * np.pi * t / 12)
    walk = 0.02 * np.random.default_rng(1).standard_normal(n_steps).cumsum()
    return 100 * np.exp(0.01 * t + season + walk)


def forecasters(season_length: int) -> dict[str, Any]:
    """Return what is compared."""
    return {
        "ReservoirForecaster()": ReservoirForecaster(random_state=0),
        "Naive": Naive(),
        "SeasonalNaive": SeasonalNaive(season_length=season_length),
        "ETS": ETS(season_length=season_length),
        "Theta": Theta(season_length=season_length),
        # the airline model where there is a season
        "ARIMA": ARIMA((0, 1, 1), (0, 1, 1, season_length)) if season_length > 1 else ARIMA((1, 1, 1)),
    }


def measure(task: Task, models: dict[str, Any], n_windows: int) -> dict[str, float]:
    """Return the MASE of each model on one series."""
    cv = RollingOrigin(task.horizon, n_windows=n_windows)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "ARIMA: the optimiser did not converge", ConvergenceWarning)
        found = backtest(models, task.y, cv=cv, metrics="mase", season_length=task.season_length)
    return {str(model): float(score) for model, score in found.summary["mase"].items()}


def report(quick: bool) -> str:
    """Measure all series."""
    chosen = {"sunspots": tasks()["sunspots"]} if quick else tasks()
    scores = {
        name: measure(task, forecasters(task.season_length), 2 if quick else 8)
        for name, task in chosen.items()
    }
    models = list(forecasters(1))
    rows = [[name, *(score[model] for model in models)] for name, score in scores.items()]
    for label, left_out in (("geometric mean", ()), ("the same without Mackey-Glass", ("Mackey-Glass",))):
        logs = [[np.log(score[m]) for m in models] for name, score in scores.items() if name not in left_out]
        rows.append([label, *map(float, np.exp(np.mean(logs, axis=0)))])
    return f"MASE, means over {2 if quick else 8} windows.\n\n{table(['series', *models], rows)}"
