"""M4 Hourly: one recurrent network for 414 series, beside one ridge regression per series.

The whole group of the competition, 48 hours ahead from the end of each training series. OWA is the mean of sMAPE and
MASE (season 24), each divided by that of the competition's Naive2 over the group (18.383 and 2.395). Settings were
chosen on the last 48 hours of the training series; the held-out hours were scored once.

Networks and regressions see logarithms. The network is trained on windows of all series together. The regressions map
the last 168 values of a standardised series to the next 48, each with the penalty that was best for the last 48 hours
of its own training series.

References
----------
S. Makridakis, E. Spiliotis and V. Assimakopoulos, The M4 Competition: 100,000 time series and 61 forecasting methods,
International Journal of Forecasting 36 (2020) 54-74. S. Smyl, A hybrid method of exponential smoothing and recurrent
neural networks for time series forecasting, the same, 75-85.
"""

from collections.abc import Callable, Sequence
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
PENALTIES = (1e-2, 1e-1, 1.0, 1e1, 1e2, 1e3)
NAIVE2 = (18.383, 2.395)  # sMAPE and MASE over the group
PUBLISHED = """\
Published OWA: best entry for hourly series 0.410 (Doornik et al.), winner of the competition 0.440 (ES-RNN, recurrent
networks with exponential smoothing), second 0.484; the competition's recurrent benchmark, one network per series,
1.036."""


def network(seed: int, quick: bool = False) -> RecurrentForecaster:
    """Return the forecaster that is measured."""
    return RecurrentForecaster(
        "gru",
        n_units=64,
        projection=64,
        strategy="segments",
        segment_length=24,
        max_horizon=HORIZON,
        window=WEEK,
        linear_skip=True,
        dropout=0.2,
        head="absolute",
        window_centre="mean",
        optimizer=Adam(0.003),
        n_epochs=3 if quick else 60,
        steps_per_epoch=100,
        batch_size=128,
        early_stopping=False,
        random_state=seed,
    )


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


def recurrent(series: list, seed: int, quick: bool = False) -> np.ndarray:
    """Forecast all series by one network."""
    model = network(seed, quick).fit([np.log(y) for y in series])
    return np.exp(model.predict(HORIZON))


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
    n_seeds = 1 if quick else 5
    rows = []
    for name, method in (("seasonal naive", seasonal_naive), ("ridge, one per series", ridge)):
        forecast, seconds = _timed(method, series)
        rows.append([name, *_cells(scores(truth, forecast, series)), seconds])
    answers = Parallel(cores())(delayed(_timed)(recurrent, series, seed, quick) for seed in range(n_seeds))
    found = np.array([scores(truth, forecast, series) for forecast, _ in answers])
    mean, spread = found.mean(axis=0), found[:, 2].std(ddof=n_seeds > 1)
    seconds = float(np.sum([s for _, s in answers]))
    rows.append(["one recurrent network", *_cells(mean), seconds / n_seeds])
    together = np.mean([forecast for forecast, _ in answers], axis=0)
    rows.append([f"mean of {n_seeds} networks", *_cells(scores(truth, together, series)), seconds])
    seeds = ", ".join(f"{value:.4f}" for value in found[:, 2])
    about = (
        f"{len(series)} series. The row of one network is the mean over {n_seeds} seeds; their OWA: {seeds} "
        f"(standard deviation {spread:.4f}). Seconds of one processor, forecasts included."
    )
    ours = f"Ours: `{described(network(0))}`"
    heads = ["forecaster", "sMAPE", "MASE", "OWA", "CPU seconds"]
    return f"{about}\n\n{table(heads, rows)}\n\n{PUBLISHED}\n\n{ours}"


def _cells(values) -> list[str]:
    return [f"{value:.{digits}f}" for value, digits in zip(values, (3, 3, 4))]
