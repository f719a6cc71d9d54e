"""Chaotic systems: the forecasting benchmark of Gilpin, 131 systems.

Univariate, 100 points a period, no noise. The hyper-parameters are chosen on the training series of each system
(1,200 points from another initial condition); then the forecaster is refitted to the first 1,000 points of the
test series and forecasts the other 200 in closed loop. sMAPE runs from 0 to 200. The ranges that `tune` searches
were found on the training series of 44 of the systems; no value of a test series was looked at for any choice.

A forecast with values that are not finite counts as 200.

References
----------
W. Gilpin (2021), "Chaos as an interpretable benchmark for forecasting and data-driven modelling", NeurIPS Datasets
and Benchmarks. W. Gilpin (2023), "Model scale versus domain knowledge in statistical forecasting of chaotic systems",
Physical Review Research 5, 043252.
"""

import warnings
from time import perf_counter, process_time
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from benchmarks.machine import cores
from benchmarks.report import table
from forecasting import Analogue, ReservoirForecaster, tune
from forecasting.datasets import fetch_dysts
from forecasting.metrics import smape

N_FITTED, HORIZON = 1000, 200
PUBLISHED = {
    "NBEATSModel": "N-BEATS",
    "RNNModel": "LSTM",
    "TransformerModel": "Transformer",
    "AutoARIMA": "ARIMA",
}


class Found(NamedTuple):
    """sMAPE of each forecast of one system, which of ours were not finite, and processor seconds of the search."""

    scores: dict[str, float]
    not_finite: dict[str, bool]
    seconds: float


def measure(
    training: np.ndarray, history: np.ndarray, future: np.ndarray, seed: int = 0, **options: Any
) -> Found:
    """Choose on one series, refit to the history of another, forecast its future."""
    begin = process_time()
    found = tune(
        ReservoirForecaster(),
        training,
        horizon=len(future),
        metric="smape",
        method="halving",
        random_state=seed,
        **options,
    )
    seconds = process_time() - begin
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the free run diverged", RuntimeWarning)  # counted
        forecasts = {
            "tune (median of the best 5)": clone(found.best_forecaster_).fit(history).predict(len(future)),
            "tune, the best alone": found.top(1)[0].fit(history).predict(len(future)),
            "ReservoirForecaster()": ReservoirForecaster(random_state=seed).fit(history).predict(len(future)),
            "Analogue()": Analogue().fit(history).predict(len(future)),
        }
    finite = {name: bool(np.isfinite(path).all()) for name, path in forecasts.items()}
    scores = {name: smape(future, path) if finite[name] else 200.0 for name, path in forecasts.items()}
    return Found(scores, {name: not good for name, good in finite.items()}, seconds)


def report(quick: bool) -> str:
    """Measure all systems, two or more at a time."""
    data = fetch_dysts(published=True)
    assert data.published is not None
    names = sorted(data.published)[:: 60 if quick else 1]
    start = perf_counter()
    found = Parallel(n_jobs=cores())(
        delayed(measure)(data.train[name], data.test[name][:N_FITTED], data.test[name][N_FITTED:])
        for name in names
    )
    wall = perf_counter() - start
    columns = {key: [one.scores[key] for one in found] for key in found[0].scores}
    lost: dict[str, Any] = {key: sum(one.not_finite[key] for one in found) for key in columns}
    theirs = {
        label: [
            smape(row["values"], row[key][: len(row["values"])]) for row in map(data.published.get, names)
        ]
        for key, label in PUBLISHED.items()
    }
    everything = {**columns, **{f"{label} (published)": values for label, values in theirs.items()}}
    rows = [
        [
            key,
            float(np.median(values)),
            float(np.mean(values)),
            share_won(values, theirs["N-BEATS"]),
            lost.get(key, ""),
        ]
        for key, values in everything.items()
    ]
    ours = f"tune(ReservoirForecaster(), y, horizon={HORIZON}, metric='smape', method='halving')"
    heads = ["forecaster", "median sMAPE", "mean sMAPE", "better than N-BEATS", "not finite"]
    return (
        f"{len(names)} systems, {HORIZON} points ahead. `{ours}` takes {sum(one.seconds for one in found):.0f} "
        f"processor seconds in all; everything together {wall:.0f} s on {cores()} cores.\n\n{table(heads, rows)}"
    )


def share_won(ours: list[float], theirs: list[float]) -> str:
    """Return in how many of 100 cases ours is lower."""
    return f"{100 * np.mean(np.array(ours) < np.array(theirs)):.0f} %"
