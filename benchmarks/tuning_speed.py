"""Seconds of a search of 50 configurations: 5,000 steps, 500 units.

Mackey-Glass; free runs of 84 steps from five windows that are left out, eight penalties each.
"""

from time import perf_counter, process_time

from benchmarks.machine import cores
from benchmarks.report import table
from forecasting import LeaveWindowOut, ReservoirForecaster, tune
from reservoir import EchoState
from reservoir.signals import mackey_glass


def measure(n_steps: int, n_units: int, n_configurations: int, method: str) -> tuple[float, float, float]:
    """Return seconds and processor seconds of a search, compilation left out, and its best mean absolute error."""
    forecaster = ReservoirForecaster(EchoState(n_units, topology="circular"))
    y = mackey_glass(n_steps)
    options = {"cv": LeaveWindowOut(84), "method": method, "random_state": 0, "n_jobs": cores()}
    tune(forecaster, y[:600], n_configurations=2, **options)
    start, used = perf_counter(), process_time()
    found = tune(forecaster, y, n_configurations=n_configurations, **options)
    return perf_counter() - start, process_time() - used, found.best_score_


def report(quick: bool) -> str:
    """Measure both methods."""
    sizes = (800, 50, 6) if quick else (5000, 500, 50)
    rows = [[method, *measure(*sizes, method)] for method in ("random", "halving")]
    heads = ["method", "seconds", "processor seconds", "mean absolute error of the best"]
    n_steps, n_units, n_configurations = sizes
    return (
        f"{n_configurations} configurations, {n_steps} steps, {n_units} units, {cores()} threads; the best is "
        f"refitted.\n\n{table(heads, rows)}"
    )
