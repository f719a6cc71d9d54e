"""Causal dilated convolutions beside an LSTM on a series with a long period, and what a cache of the past is worth.

A pulse of random height every 97 steps decays, and the next one repeats its height: what comes is written 97 steps
back. Dilations 1, 2, 4, ..., 64 see 128 steps. Mean absolute error of forecasts 24 steps ahead, scaled by that of
repeating the last period.
"""

from time import perf_counter

import numpy as np

from forecasting import ConvolutionalForecaster, LSTMForecaster, RollingOrigin, SeasonalNaive, backtest
from forecasting.networks.cells.wave_net import WaveNet
from forecasting.sequence_models.layers.base_layer import init_weights
from forecasting.sequence_models.layers.compiled_steps import cell_step, linear_step
from forecasting.sequence_models.layers.free_runs import feed_back

PERIOD = 97
SHARED = {
    "max_horizon": 24,
    "window": 120,
    "window_centre": None,
    "window_scale": None,
    "n_epochs": 12,
    "patience": 12,
}
WAYS = "cache, compiled loop", "cache, Python", "all again"


def series(seed, n_periods=26):
    rng = np.random.default_rng(seed)
    t = np.arange(PERIOD)
    shapes = [np.exp(-((t - c) ** 2) / w) for c, w in ((12, 20), (37, 60), (61, 10), (80, 40))]
    heights = rng.uniform(-1, 1, 4)
    y = []
    for _ in range(n_periods):
        heights = 0.95 * heights + 0.3 * rng.standard_normal(4)
        y.append(sum(h * shape for h, shape in zip(heights, shapes)))
    return np.concatenate(y) + 0.03 * rng.standard_normal(PERIOD * n_periods)


def seconds_per_step(n_seen):
    """Time of one further step, in all `WAYS`: from a cache of the past, or computing all of it again."""
    cell, rng = WaveNet(32, dilations=(1, 2, 4, 8, 16, 32, 64)), np.random.default_rng(0)
    params = cell.init_params(1, rng)
    x = rng.standard_normal((n_seen, 1, 1)).astype(np.float32)
    state = cell.forward(params, x).final_state

    def best(function):
        times = []
        for _ in range(15):
            start = perf_counter()
            function()
            times.append(perf_counter() - start)
        return min(times)

    n_steps = 200
    output = linear_step(init_weights(cell.n_units, 1, rng, np.float32), "identity", 1)
    parts = cell_step(cell, params, 1, state), output
    heard, raw, own = *np.zeros((2, n_steps, 1, 1), np.float32), np.ones((n_steps, 1), bool)
    return (
        best(lambda: feed_back(parts, heard, 0, own, False, raw)) / n_steps,
        best(lambda: cell.step(params, x[-1], state)),
        best(lambda: cell.forward(params, x)),
    )


def run(seed):
    y = series(seed)
    cv = RollingOrigin(24, n_windows=16, stride=12)
    models = {
        "convolutions": ConvolutionalForecaster(**SHARED, random_state=seed),
        "LSTM": LSTMForecaster(n_units=32, **SHARED, random_state=seed),
    }
    every = {"naive": SeasonalNaive(season_length=PERIOD), **models}
    errors = backtest(every, y, cv=cv, metrics=["mae"], refit=False).summary["mae"]
    figures = {f"error over seasonal naive's, {label}": errors[label] / errors["naive"] for label in models}
    paths = {label: model.fit(y[:-24]).predict(24) for label, model in models.items()}
    seen = [128, 512, 2048]
    times = [seconds_per_step(n) for n in seen]
    for n, row in zip(seen, times):
        for way, one in zip(WAYS, row):
            figures[f"microseconds a step, {way}, {n} seen"] = 1e6 * one

    def draw(figure):
        left, right = figure.subplots(1, 2)
        left.plot(np.arange(-150, 0), y[-174:-24], "k")
        left.plot(np.arange(24), y[-24:], "k", alpha=0.4, label="true")
        for label, path in paths.items():
            left.plot(np.arange(24), path, label=label)
        left.legend()
        for way, row in zip(WAYS, zip(*times)):
            right.loglog(seen, [1e6 * one for one in row], "o-", label=way)
        right.set(xlabel="steps seen", ylabel="microseconds for one more")
        right.set_xticks(seen, [str(n) for n in seen])
        right.minorticks_off()
        right.legend()
        figure.set_size_inches(10, 4)

    return figures, draw
