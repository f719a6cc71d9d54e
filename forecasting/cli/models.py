"""The models of the ``forecast`` command: made, tuned, saved and loaded."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

import reservoir
from forecasting import tuning
from forecasting.backtesting.rolling_origin import RollingOrigin
from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.cli.task import CommandError, ForecastTask
from forecasting.composition.ensemble import EnsembleForecaster
from forecasting.registry import FORECASTERS
from forecasting.series.rebuilding import ID, TARGET, TIME

TUNED = "tuned_reservoir"
_BATCH = 4  # configurations between two looks at the clock


class _WithoutExog(EnsembleForecaster):
    """One forecaster that is given exogenous variables, and does not look at them."""

    def _forecaster_tags(self) -> ForecasterTags:
        tags = super()._forecaster_tags()
        tags.uses_exog = True
        return tags


def make_models(task: ForecastTask) -> dict[str, Any]:
    """Return forecasters that give the same forecast at every run, by name."""
    models = {name: make(name, task.season) for name in task.models}
    if task.tune is not None:
        models[TUNED] = tuned(task)
    if task.X is not None:
        models = {
            name: model if model.own_tags().uses_exog else _WithoutExog([model])
            for name, model in models.items()
        }
    return models


def make(name: str, season: int) -> Any:
    """Make a forecaster that gives the same forecast at every run."""
    model = FORECASTERS[name](season)
    return model.set_params(random_state=0) if model.get_params().get("random_state", 0) is None else model


def tuned(task: ForecastTask) -> Any:
    """Search the settings of a reservoir on what comes before the windows of the backtest, for some seconds."""
    assert task.tune is not None
    past, X = task.before_backtest()
    cv = RollingOrigin(task.horizon, n_windows=min(3, task.windows))
    forecaster = FORECASTERS["reservoir"](task.season).set_params(max_horizon=task.horizon)
    best, seed, end = None, 0, perf_counter() + task.tune
    took = 0.0
    while best is None or perf_counter() + took < end:
        began = perf_counter()
        options: dict[str, Any] = {
            "cv": cv,
            "metric": "mae",
            "n_configurations": _BATCH,
            "random_state": seed,
        }
        try:
            found = tuning.tune(forecaster, past, X, **options)
        except (ValueError, RuntimeError) as error:
            if best is None:
                raise CommandError(f"{task.name}: --tune found no settings; {_line(error)}") from None
            break
        best = found if best is None or found.best_score_ < best.best_score_ else best
        took, seed = perf_counter() - began, seed + 1
    task.notes.append(
        f"{TUNED}: median of the best of {seed * _BATCH} settings, tried on what comes before the backtest"
    )
    return clone(best.best_forecaster_)


def ahead(model: Any, horizon: int, X: Any, coverage: float) -> pd.DataFrame:
    """Return the forecast of a fitted model with its bounds: by time, or by series and time."""
    path = model.predict(horizon, X)
    band = model.predict_interval(horizon, X, coverage=coverage)
    if isinstance(path, pd.DataFrame):
        path, band = (table.set_index([ID, TIME]) for table in (path, band))
        path = path[TARGET]
    if not np.isfinite(path).all():
        raise ValueError("the forecast diverges")
    return pd.DataFrame({"forecast": path, "lower": band["lower"], "upper": band["upper"]})


def save(model: Forecaster, path: Path) -> None:
    """Save a fitted forecaster."""
    try:
        reservoir.save(model, path)
    except (TypeError, OSError) as error:
        raise CommandError(f"{path}: cannot be saved; {_line(error)}") from None


def load(path: Path) -> Forecaster:
    """Load a fitted forecaster."""
    if not path.exists():
        raise CommandError(f"{path}: there is no such file (--load).")
    try:
        model = reservoir.load(path)
    except Exception as error:
        raise CommandError(f"{path}: is no saved model (--load); {_line(error)}") from None
    if not isinstance(model, Forecaster) or not hasattr(model, "layout_"):
        raise CommandError(f"{path}: holds a {type(model).__name__}, which is no fitted forecaster (--load).")
    return model


def _line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
