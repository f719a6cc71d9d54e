"""ETTh1: two years of a power transformer by the protocol of the long-horizon literature.

Rows to 8,640 train, to 11,520 validate, to 14,400 test (12, 4 and 4 months of 30 days). The seven variables are
standardised by mean and standard deviation of the training rows. Every window whose targets lie in the test rows is
forecast, for each variable by itself; the mean squared and mean absolute errors are means over all windows, steps and
variables. Windows may look back into earlier rows. No window is dropped.

The network is one for all variables; it stops where the validation rows are forecast best, and its settings were
chosen on them. The regression is one ridge map of the last 720 values, the newest subtracted, for all variables, its
penalty chosen on the validation rows.

References
----------
H. Zhou et al., Informer, AAAI 2021. S. Lin et al., SegRNN, arXiv 2308.11200 (2023). Y. Nie et al., A time series is
worth 64 words (PatchTST), ICLR 2023. A. Zeng et al., Are transformers effective for time series forecasting?
(NLinear), AAAI 2023.
"""

from collections.abc import Callable
from time import process_time
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.machine import cores
from benchmarks.report import described, table
from forecasting import RecurrentForecaster
from forecasting.datasets import fetch_ett
from forecasting.networks import AdamW

TRAINING, VALIDATION, TEST = 8640, 11520, 14400
HORIZONS = (96, 192, 336, 720)
WINDOW = 720
PENALTIES = (1e2, 1e3, 1e4, 1e5)
PUBLISHED = {
    "SegRNN": (0.351, 0.392, 0.423, 0.466),
    "PatchTST": (0.370, 0.413, 0.422, 0.447),
    "NLinear": (0.374, 0.408, 0.429, 0.440),
    "plain GRU": (1.135, 1.123, 1.080, 1.089),
}

LOOKS = """\
The test rows were scored twice. The first time the network for 96 and 192 steps had no linear part, which was worse
on the validation rows, and on the test rows: 0.381 and 0.423."""


class Errors(NamedTuple):
    """Means over windows, steps and variables."""

    squared: float
    absolute: float


def values() -> np.ndarray:
    """Return the rows of the protocol, standardised, (14400, 7)."""
    rows = fetch_ett().to_numpy()[:TEST]
    return (rows - rows[:TRAINING].mean(axis=0)) / rows[:TRAINING].std(axis=0)


def network(horizon: int, seed: int, quick: bool = False) -> RecurrentForecaster:
    """Return the forecaster that is measured."""
    return RecurrentForecaster(
        "gru",
        n_units=64,
        projection=64,
        strategy="segments",
        segment_length=24,
        max_horizon=horizon,
        window=336,
        linear_skip=True,
        dropout=0.5,
        window_scale=None,
        optimizer=AdamW(0.001, weight_decay=0.1),
        n_epochs=2 if quick else 15,
        steps_per_epoch=20 if quick else 100,
        batch_size=128,
        validation_fraction=(VALIDATION - TRAINING) / VALIDATION,
        patience=4,
        random_state=seed,
    )


def windows_of(
    rows: np.ndarray, horizon: int, begin: int, end: int, stride: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return pasts and futures of all windows whose targets lie in some rows, variable by variable."""
    origins = np.arange(begin, end - horizon + 1, stride)
    windows = [sliding_window_view(column[:end], WINDOW + horizon)[origins - WINDOW] for column in rows.T]
    together = np.concatenate(windows)
    return together[:, :WINDOW], together[:, WINDOW:]


def errors(forecast: np.ndarray, truth: np.ndarray) -> Errors:
    """Score forecasts of windows, of which there are as many of every variable."""
    return Errors(float(np.mean((forecast - truth) ** 2)), float(np.mean(np.abs(forecast - truth))))


def trained(
    rows: np.ndarray, horizon: int, seed: int, quick: bool = False
) -> tuple[RecurrentForecaster, float]:
    """Return a trained network and the seconds that it took."""
    start = process_time()
    model = network(horizon, seed, quick).fit(list(rows[:VALIDATION].T))
    return model, process_time() - start


def ridge(rows: np.ndarray, horizon: int) -> tuple[Callable, float]:
    """Return what the best of some ridge regressions forecasts, and the seconds of learning."""
    start = process_time()
    gram, cross = np.zeros((WINDOW, WINDOW)), np.zeros((WINDOW, horizon))
    for column in rows[:TRAINING].T:
        windows = sliding_window_view(column, WINDOW + horizon)
        newest = windows[:, WINDOW - 1 : WINDOW]
        past, ahead = windows[:, :WINDOW] - newest, windows[:, WINDOW:] - newest
        gram += past.T @ past
        cross += past.T @ ahead

    def forecaster(penalty):
        weights = np.linalg.solve(gram + penalty * np.eye(WINDOW), cross)
        return lambda pasts: pasts[:, -1:] + (pasts - pasts[:, -1:]) @ weights

    candidates = [forecaster(penalty) for penalty in PENALTIES]
    pasts, truth = windows_of(rows, horizon, TRAINING, VALIDATION, stride=10)
    found = [errors(forecast(pasts), truth).squared for forecast in candidates]
    return candidates[int(np.argmin(found))], process_time() - start


def report(quick: bool) -> str:
    """Measure all horizons."""
    rows = values()
    horizons, n_seeds = (HORIZONS[:1], 1) if quick else (HORIZONS, 3)
    tasks = [(horizon, seed) for horizon in horizons for seed in range(n_seeds)]
    answers = Parallel(cores())(delayed(trained)(rows, *task, quick) for task in tasks)

    columns, seeds = [], []
    for k, horizon in enumerate(horizons):
        pasts, truth = windows_of(rows, horizon, VALIDATION, TEST, 20 if quick else 1)
        here = [answer for answer, task in zip(answers, tasks) if task[0] == horizon]
        forecasts = [np.array(model.predict(horizon, context=list(pasts))) for model, _ in here]
        alone = [errors(forecast, truth) for forecast in forecasts]
        together = errors(np.mean(forecasts, axis=0), truth)
        regression, seconds = ridge(rows, horizon)
        other = errors(regression(pasts), truth)
        bar = min(other.squared, *(row[k] for row in PUBLISHED.values()))
        columns.append(
            [
                *(_cell(found) for found in (np.mean(alone, axis=0), together, other)),
                *(f"{row[k]:.3f}" for row in PUBLISHED.values()),
                *(f"{value / bar:.3f}" for value in (np.mean(alone, axis=0)[0], together.squared)),
                f"{np.mean([time for _, time in here]):.0f}",
                f"{seconds:.1f}",
            ]
        )
        seeds.append(f"{horizon}: " + ", ".join(f"{one.squared:.4f}" for one in alone))
    names = [
        *("one network", f"mean of {n_seeds} networks", "ridge"),
        *PUBLISHED,
        *("one network, over the best other", f"mean of {n_seeds}, over the best other"),
        *("CPU seconds of training, one network", "CPU seconds, ridge"),
    ]
    lines = [[name, *cells] for name, cells in zip(names, zip(*columns))]
    return (
        f"Mean squared error (mean absolute error); one network: the mean over {n_seeds} seeds. The rows from "
        f"{next(iter(PUBLISHED))} to {list(PUBLISHED)[-1]} are published.\n\n"
        f"{table(['forecaster', *map(str, horizons)], lines)}\n\nOf each seed: {'; '.join(seeds)}.\n\n"
        f"{LOOKS}\n\nOurs: `{described(network(horizons[-1], 0))}`"
    )


def _cell(found) -> str:
    return f"{found[0]:.3f} ({found[1]:.3f})"
