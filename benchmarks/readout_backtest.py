"""Backtests of a reservoir that learn the readout alone, beside refitting at every origin.

A reservoir of 500 units, a series of 10,000 steps (a noisy sine), 100 origins 20 steps apart, all else fixed:
`backtest(..., refit="readout")` drives the series once and solves each readout from sums; `refit=True` fits anew.
Both are run one after the other in the same process, on one thread, each after a short run that compiles.
"""

import warnings
from time import perf_counter, process_time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.report import table
from forecasting import ReservoirForecaster, RollingOrigin, backtest
from reservoir import EchoState, RidgeReadout

_WANTED = 20  # times as fast


def forecaster(n_units: int) -> ReservoirForecaster:
    """Return a forecaster of which all but the readout is the same at every origin."""
    fixed: dict[str, Any] = {"standardize": False, "differences": (), "washout": 20, "random_state": 0}
    return ReservoirForecaster(EchoState(n_units), readout=RidgeReadout(1.0), **fixed)


def measure(refit: Any, model: Any, y: np.ndarray, n_folds: int) -> tuple[np.ndarray, float, float]:
    """Return forecasts, wall seconds and processor seconds of a backtest."""
    began, used = perf_counter(), process_time()
    result = backtest(
        model, y, cv=RollingOrigin(20, n_windows=n_folds), refit=refit, metrics="mae", on_error="raise"
    )
    seconds = perf_counter() - began, process_time() - used
    assert result.forecasts is not None
    return result.forecasts["y_pred"].to_numpy(), *seconds


def report(quick: bool) -> str:
    """Measure both, and how far their forecasts lie apart."""
    n_steps, n_units, n_folds = (1500, 50, 10) if quick else (10_000, 500, 100)
    noise = np.random.default_rng(1).normal(size=n_steps)
    y, model = np.sin(0.3 * np.arange(n_steps)) + 0.3 * noise, forecaster(n_units)
    found = {}
    with threadpool_limits(1, "blas"), warnings.catch_warnings():
        warnings.simplefilter("error")
        for refit in ("readout", True):
            measure(refit, model, y[:600], 2)
            found[refit] = measure(refit, model, y, n_folds)
    (alone, *fast), (refitted, *slow) = found["readout"], found[True]
    rows = [
        [clock, a, b, f"{b / a:.1f}", f"{_WANTED}"] for clock, a, b in zip(("wall", "processor"), fast, slow)
    ]
    heads = ["seconds", 'refit="readout"', "refit=True", "times as fast", "wanted"]
    distance = float(np.max(np.abs(alone - refitted) / np.maximum(1, np.abs(refitted))))
    return (
        f"{n_folds} folds, {n_steps} steps, {n_units} units.\n\n{table(heads, rows)}\n\n"
        f"Largest difference of the {alone.size} forecasts from those of refitting: {distance:.1e}; wanted 1e-8."
    )
