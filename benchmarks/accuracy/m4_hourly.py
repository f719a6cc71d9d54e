"""M4 Hourly: recurrent networks for 414 series, one and an ensemble, beside one ridge regression per series.

The whole group of the competition, 48 hours ahead from the end of each training series. OWA is the mean of sMAPE and
MASE (season 24), each divided by that of the competition's Naive2 over the group (18.383 and 2.395). Settings were
chosen by training without the last 96 hours of the training series and forecasting their two halves. The held-out
hours were scored once for each row, and before that once for a network of half the size (OWA 0.432).

Networks and regressions see logarithms. Each network is trained on windows of all series together. The forecast of
the ensemble is the median of its members, which differ in how many hours they read, in how windows are scaled and in
their cell. The regressions map the last 168 values of a standardised series to the next 48, each with the penalty
that was best for the last 48 hours of its own training series.

References
----------
S. Makridakis, E. Spiliotis and V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 forecasting methods,
International Journal of Forecasting 36 (2020) 54-74. S. Smyl, A hybrid method of exponential smoothing and recurrent
neural networks for time series forecasting, the same, 75-85.
"""

from collections.abc import Callable, Sequence
from itertools import product
from time import process_time

import numpy as np
from joblib import Parallel, delayed

from benchmarks.machine import cores
from benchmarks.report import described, table
from forecasting import RecurrentForecaster, SeasonalNaive
from forecasting.datasets import fetch_m4_hourly
from forecasting.metrics import mase, smape
from forecasting.networks import Adam

HORIZON, SEASON, WEEK = 48, 24, 168
WINDOWS = ((168, 24), (192, 48), (336, 48))  # of the ensemble: hours that are read, and how many at once
PENALTIES = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
NAIVE2 = (18.383, 2.395)  # sMAPE and MASE over the group
PUBLISHED = """\
Published OWA: best entry for hourly series 0.410 (Doornik et al.), winner of the competition 0.440 (ES-RNN, recurrent
networks with exponential smoothing), second 0.484; the competition's recurrent benchmark, one network per series,
1.036."""


def network(
    seed: int,
    cell: str = "gru",
    window: int = WEEK,
    segment_length: int = SEASON,
    window_scale: str | None = "std",
    quick: bool = False,
) -> RecurrentForecaster:
    """Return the forecaster that is measured, or a relative of it."""
    return RecurrentForecaster(
        cell,
        n_units=128,
        n_layers=2,
        projection=128,
        strategy="direct",
        segment_length=segment_length,
        max_horizon=HORIZON,
        window=window,
        window_centre="mean",
        window_scale=window_scale,
        linear_skip=True,
        head="absolute",
        optimizer=Adam(0.003),
        n_epochs=2 if quick else 60,
        steps_per_epoch=30 if quick else 100,
        batch_size=128,
        early_stopping=False,
        random_state=seed,
    )


def ensemble(quick: bool = False) -> list[RecurrentForecaster]:
    """Return networks of every cell with every window and scale; two if quick."""
    kinds = product(("gru", "lstm"), WINDOWS, ("std", None))
    members = [network(seed, cell, *window, scale, quick) for seed, (cell, window, scale) in enumerate(kinds)]
    return members[::11] if quick else members


def seasonal_naive(series: list) -> np.ndarray:
    """Repeat the last day."""
    return np.array(SeasonalNaive(season_length=SEASON).fit(series).predict(HORIZON))


def ridge(series: list) -> np.ndarray:
    """Forecast each series by a regression of its own, the penalty being the best for its last 48 training values."""
    forecasts = []
    for y in series:
        z = np.log(y)
        centre, scale = z.mean(), z.std()
        z = (z - centre) / scale
        found = [np.exp(path * scale + centre) for path in _regressed(z[:-HORIZON], PENALTIES)]
        best = PENALTIES[int(np.argmin([np.abs(path - y[-HORIZON:]).mean() for path in found]))]
        forecasts.append(np.exp(_regressed(z, [best])[0] * scale + centre))
    return np.array(forecasts)


def _regressed(z: np.ndarray, penalties: Sequence[float]) -> list[np.ndarray]:
    """Continue a series by a map of its last week, the newest value subtracted, for each of some penalties."""
    rows = np.lib.stride_tricks.sliding_window_view(z, WEEK + HORIZON)
    rows = rows - rows[:, WEEK - 1 : WEEK]
    past, ahead = rows[:, :WEEK], rows[:, WEEK:]
    middle, level = past.mean(axis=0), ahead.mean(axis=0)
    gram, cross = (past - middle).T @ (past - middle), (past - middle).T @ (ahead - level)
    newest = z[-WEEK:] - z[-1] - middle
    weights = [np.linalg.solve(gram + penalty * np.eye(WEEK), cross) for penalty in penalties]
    return [newest @ each + level + z[-1] for each in weights]


def recurrent(series: list, model: RecurrentForecaster) -> np.ndarray:
    """Forecast all series by one network."""
    return np.exp(model.fit([np.log(y) for y in series]).predict(HORIZON))


def scores(truth: np.ndarray, forecast: np.ndarray, series: list) -> tuple[float, float, float]:
    """Return sMAPE, MASE and OWA, means over series."""
    errors = np.array(
        [
            (smape(y, f), mase(y, f, y_train=past, season_length=SEASON))
            for y, f, past in zip(truth, forecast, series)
        ]
    ).mean(axis=0)
    return float(errors[0]), float(errors[1]), float(np.mean(errors / NAIVE2))


def _timed(call: Callable, *arguments: object) -> tuple[np.ndarray, float]:
    start = process_time()
    return call(*arguments), process_time() - start


def report(quick: bool) -> str:
    """Measure all ways to forecast."""
    data = fetch_m4_hourly()
    series, truth = (data.train[:30], data.test[:30]) if quick else (data.train, data.test)
    rows = []
    for name, method in (("seasonal naive", seasonal_naive), ("ridge, one per series", ridge)):
        forecast, seconds = _timed(method, series)
        rows.append([name, *_cells(scores(truth, forecast, series)), seconds])
    alike = [network(seed, quick=quick) for seed in range(1 if quick else 5)]
    others = ensemble(quick)
    answers = Parallel(cores())(delayed(_timed)(recurrent, series, model) for model in alike + others)
    forecasts, seconds = map(np.array, zip(*answers))
    n = len(alike)
    found = np.array([scores(truth, forecast, series) for forecast in forecasts[:n]])
    rows.append(["one recurrent network", *_cells(found.mean(axis=0)), seconds[:n].mean()])
    together = forecasts[:n].mean(axis=0)
    rows.append([f"mean of {n} of them", *_cells(scores(truth, together, series)), seconds[:n].sum()])
    together = np.median(forecasts[n:], axis=0)
    kind = f"median of {len(others)}, GRU and LSTM"
    rows.append([kind, *_cells(scores(truth, together, series)), seconds[n:].sum()])
    seeds = ", ".join(f"{value:.4f}" for value in found[:, 2])
    about = (
        f"{len(series)} series. The row of one network is the mean over {n} seeds; their OWA: {seeds} (standard "
        f"deviation {found[:, 2].std(ddof=n > 1):.4f}). Seconds of one processor, forecasts included."
    )
    windows = ", ".join(f"{window} ({segment} at once)" for window, segment in WINDOWS)
    ours = (
        f"Ours: `{described(network(0))}`; in the ensemble each of the windows {windows}, with and without "
        "`window_scale`, with both cells."
    )
    heads = ["forecaster", "sMAPE", "MASE", "OWA", "CPU seconds"]
    return f"{about}\n\n{table(heads, rows)}\n\n{PUBLISHED}\n\n{ours}"


def _cells(values) -> list[str]:
    return [f"{value:.{digits}f}" for value, digits in zip(values, (3, 3, 4))]
