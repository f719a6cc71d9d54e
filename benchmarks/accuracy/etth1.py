"""ETTh1: two years of a power transformer by the protocol of the long-horizon literature.

Rows to 8,640 train, to 11,520 validate, to 14,400 test (12, 4 and 4 months of 30 days). The seven variables are
standardised by mean and standard deviation of the training rows. Every window whose targets lie in the test rows is
forecast, for each variable by itself; the mean squared and mean absolute errors are means over all windows, steps and
variables. Windows may look back into earlier rows. No window is dropped.

The network is one for all variables: a GRU that reads 24 hours at once, forecasts in segments of as many, and learns
what a ridge regression of its window leaves over. It stops where the validation rows are forecast best, and its
settings, the same for all horizons, were chosen on them. The regressions are ridge maps of the last 336 or 720
values, the newest subtracted, one for all variables, their penalty chosen on the validation rows.
The combination is a weighted mean of the networks' mean, that of networks which have to learn everything, and both
regressions; its weights, none negative and one in sum, make the squared error on the validation windows least.

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
from scipy.optimize import nnls

from benchmarks.machine import cores
from benchmarks.report import described, table
from forecasting import RecurrentForecaster
from forecasting.datasets import fetch_ett
from forecasting.networks import AdamW

TRAINING, VALIDATION, TEST = 8640, 11520, 14400
HORIZONS = (96, 192, 336, 720)
WINDOW = 720  # the longest look back
REGRESSIONS = (336, 720)
PENALTIES = (1e2, 1e3, 1e4, 1e5)
PUBLISHED = {
    "SegRNN": (0.351, 0.392, 0.423, 0.466),
    "PatchTST": (0.370, 0.413, 0.422, 0.447),
    "NLinear": (0.374, 0.408, 0.429, 0.440),
    "plain GRU": (1.135, 1.123, 1.080, 1.089),
}

LOOKS = """\
The settings were chosen on the validation rows, among some twenty. The test rows were scored twice with them, before
and after networks without the regression were let into the combination. Earlier they had been scored for other
networks, whose linear part was learned by gradient descent or missing: four times for several horizons, and for 96
steps about a dozen single networks.

The figures of SegRNN were published when its evaluation left out the last windows, those that do not fill a batch,
here taken to be one of 256; the row "windows that fill batches" scores the combination in that way."""

BATCH = 256  # of the published evaluation


class Errors(NamedTuple):
    """Means over windows, steps and variables."""

    squared: float
    absolute: float


def values() -> np.ndarray:
    """Return the rows of the protocol, standardised, (14400, 7)."""
    rows = fetch_ett().to_numpy()[:TEST]
    return (rows - rows[:TRAINING].mean(axis=0)) / rows[:TRAINING].std(axis=0)


QUICK = {"n_epochs": 2, "steps_per_epoch": 20, "batch_size": 32}


def network(
    horizon: int, seed: int, quick: bool = False, linear_skip: str | bool = "ridge"
) -> RecurrentForecaster:
    """Return the forecaster that is measured, or one without a regression."""
    settings = {
        "n_units": 128,
        "strategy": "segments",
        "segment_length": 24,
        "max_horizon": horizon,
        "window": 480,
        "linear_skip": linear_skip,
        "dropout": 0.5,
        "window_scale": None,
        "optimizer": AdamW(0.0003, weight_decay=0.1),
        "n_epochs": 40,
        "steps_per_epoch": 50,
        "batch_size": 128,
        "validation_fraction": (VALIDATION - TRAINING) / VALIDATION,
        "random_state": seed,
        **(QUICK if quick else {}),
    }
    return RecurrentForecaster("gru", **settings)


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


def trained(rows: np.ndarray, model: RecurrentForecaster) -> float:
    """Train a network and return the seconds that it took."""
    start = process_time()
    model.fit(list(rows[:VALIDATION].T))
    return process_time() - start


def ridge(rows: np.ndarray, horizon: int, window: int) -> tuple[Callable, float]:
    """Return what the best of some ridge regressions forecasts, and the seconds of learning."""
    start = process_time()
    gram, cross = np.zeros((window, window)), np.zeros((window, horizon))
    for column in rows[:TRAINING].T:
        windows = sliding_window_view(column, window + horizon)
        newest = windows[:, window - 1 : window]
        past, ahead = windows[:, :window] - newest, windows[:, window:] - newest
        gram += past.T @ past
        cross += past.T @ ahead

    def forecaster(penalty):
        weights = np.linalg.solve(gram + penalty * np.eye(window), cross)
        return lambda pasts: pasts[:, -1:] + (pasts[:, -window:] - pasts[:, -1:]) @ weights

    candidates = [forecaster(penalty) for penalty in PENALTIES]
    pasts, truth = windows_of(rows, horizon, TRAINING, VALIDATION, stride=10)
    found = [errors(forecast(pasts), truth).squared for forecast in candidates]
    return candidates[int(np.argmin(found))], process_time() - start


def stacking_weights(forecasts: list, truth: np.ndarray) -> np.ndarray:
    """Return the weights, none negative and one in sum, whose combination has the least squared error."""
    misses = np.stack([(forecast - truth).ravel() for forecast in forecasts])
    root = np.linalg.cholesky(misses @ misses.T / misses.shape[1]).T
    weights, _ = nnls(np.vstack([root, np.full(len(root), 1e3)]), np.r_[np.zeros(len(root)), 1e3])
    return weights / weights.sum()


class Column(NamedTuple):
    """What is found for one horizon."""

    networks: list
    unaided: list  # networks without a regression
    members: list  # the means of both, then the regressions
    combination: Errors
    in_batches: Errors
    weights: np.ndarray
    seconds: float
    regression_seconds: float


def column(rows: np.ndarray, horizon: int, n_seeds: int, quick: bool) -> Column:
    """Train, weigh on the validation windows, and score on the test windows."""
    kinds = [[network(horizon, seed, quick, skip) for seed in range(n_seeds)] for skip in ("ridge", False)]
    seconds = [[trained(rows, model) for model in models] for models in kinds]
    regressions = [ridge(rows, horizon, window) for window in REGRESSIONS]
    n_windows = rows.shape[1], -1, horizon

    def members(begin, end, stride):
        pasts, truth = windows_of(rows, horizon, begin, end, stride)
        each = [[np.array(m.predict(horizon, context=list(pasts))) for m in models] for models in kinds]
        means = [np.mean(forecasts, axis=0) for forecasts in each]
        return each, [*means, *(forecast(pasts) for forecast, _ in regressions)], truth

    _, forecasts, truth = members(TRAINING, VALIDATION, 20 if quick else 5)
    weights = stacking_weights(forecasts, truth)
    each, forecasts, truth = members(VALIDATION, TEST, 20 if quick else 1)
    together = np.tensordot(weights, forecasts, 1)
    by_variable = together.reshape(n_windows), truth.reshape(n_windows)
    n_kept = by_variable[0].shape[1] // BATCH * BATCH or None
    return Column(
        *([errors(forecast, truth) for forecast in forecasts] for forecasts in each),
        [errors(forecast, truth) for forecast in forecasts],
        errors(together, truth),
        errors(*(values[:, :n_kept] for values in by_variable)),
        weights,
        float(np.mean(seconds[0])),
        sum(time for _, time in regressions),
    )


def report(quick: bool) -> str:
    """Measure all horizons."""
    rows = values()
    horizons, n_seeds = (HORIZONS[:1], 1) if quick else (HORIZONS, 3)
    found = Parallel(cores())(
        delayed(column)(rows, horizon, n_seeds, quick) for horizon in reversed(horizons)
    )
    columns = [_cells(k, one) for k, one in enumerate(reversed(found))]
    names = [
        *(
            "one network",
            "one without the regression",
            f"mean of {n_seeds} networks",
            f"mean of {n_seeds} without it",
            *(f"ridge, {window} values" for window in REGRESSIONS),
        ),
        *("all of them, weighted", "the same, windows that fill batches"),
        *PUBLISHED,
        *("one network, over the best other", f"mean of {n_seeds}, over the best other"),
        "all of them, over the best other",
        *(
            "weights",
            "CPU seconds of training, one network",
            "CPU seconds, both ridges",
        ),
    ]
    lines = [[name, *cells] for name, cells in zip(names, zip(*columns))]
    seeds = [
        f"{horizon}: " + ", ".join(f"{one.squared:.4f}" for one in at.networks)
        for horizon, at in zip(horizons, reversed(found))
    ]
    return (
        f"Mean squared error (mean absolute error); one network: the mean over {n_seeds} seeds. The rows from "
        f"{next(iter(PUBLISHED))} to {list(PUBLISHED)[-1]} are published; the best other is the best of them and of "
        f"both ridges. The weights are those of the means of networks, with and without the regression, and of the "
        f"ridges.\n\n{table(['forecaster', *map(str, horizons)], lines)}\n\nOf each seed: {'; '.join(seeds)}."
        f"\n\n{LOOKS}\n\nOurs: `{described(network(HORIZONS[-1], 0))}`, with `max_horizon` as above."
    )


def _cells(k: int, at: Column) -> list[str]:
    alone, unaided = np.mean(at.networks, axis=0), np.mean(at.unaided, axis=0)
    ours = alone[0], at.members[0].squared, at.combination.squared
    bar = min(*(one.squared for one in at.members[2:]), *(row[k] for row in PUBLISHED.values()))
    return [
        *(_cell(found) for found in (alone, unaided, *at.members, at.combination, at.in_batches)),
        *(f"{row[k]:.3f}" for row in PUBLISHED.values()),
        *(f"{value / bar:.3f}" for value in ours),
        " ".join(f"{weight:.2f}" for weight in at.weights),
        f"{at.seconds:.0f}",
        f"{at.regression_seconds:.1f}",
    ]


def _cell(found) -> str:
    return f"{found[0]:.3f} ({found[1]:.3f})"
