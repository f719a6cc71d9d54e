"""Pictures of errors: how they grow with the step ahead, and what is left in them. Axes in, Axes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from forecasting.backtesting.result import BacktestResult
from forecasting.metrics.validation import as_array
from forecasting.plotting.forecasts import COLOURS, INK, _finish, _label_ends, _new_axes, _stamps

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_BAND = 1.96  # standard deviations: 95 of 100 autocorrelations of independent errors lie inside
_MOST_LAGS = 40


def plot_error_by_horizon(
    result: BacktestResult,
    *,
    metric: str = "mae",
    models: Sequence[str] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how the error of each model grows with the step ahead.

    Parameters
    ----------
    result : BacktestResult
    metric : {"mae", "rmse", "coverage"}, default="mae"
        A column of ``result.step_errors``.
    models : sequence of str, optional
        Which, by default all, in the order of the summary.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the backtest has no such metric or model.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from forecasting import Naive, RollingOrigin, backtest
    >>> result = backtest(Naive(), np.arange(12.0), cv=RollingOrigin(3, n_windows=2), metrics="mae")
    >>> plot_error_by_horizon(result).lines[0].get_ydata().tolist()
    [1.0, 2.0, 3.0]
    """
    table = result.step_errors
    if metric not in table or metric in ("model", "step"):
        known = [name for name in table if name not in ("model", "step")]
        raise ValueError(f"metric={metric!r} is not in step_errors; it has {known}.")
    chosen = list(result.summary.index) if models is None else list(models)
    if unknown := [name for name in chosen if name not in result.summary.index]:
        raise ValueError(f"models has {unknown}; the backtest has {list(result.summary.index)}.")
    ax = _new_axes() if ax is None else ax
    labels = []
    for number, name in enumerate(chosen):
        colour = COLOURS[number % len(COLOURS)]
        rows = table[table["model"] == name]
        ax.plot(rows["step"], rows[metric], color=colour, linewidth=1.6, marker="o", markersize=3)
        labels.append((rows[metric].iloc[-1], name, colour))
    if metric == "coverage":
        ax.axhline(result.coverage or np.nan, color=INK, linewidth=0.8, linestyle=(0, (4, 2)))
        ax.set_ylim(0, 1.02)
    else:
        ax.set_ylim(bottom=0)
    _finish(ax, title, metric)
    ax.locator_params(axis="x", integer=True)
    ax.set_xlabel("step ahead", fontsize=12)
    _label_ends(ax, labels)
    return ax


def plot_residuals(
    residuals: Any, *, n_lags: int | None = None, title: str | None = None, axes: Sequence[Axes] | None = None
) -> list[Axes]:
    """Draw errors over time, their distribution, and their autocorrelation.

    What a forecaster has understood leaves errors without pattern: about zero over time, autocorrelations inside the
    grey band, which holds 95 of 100 of independent errors. The curve over the histogram is the normal distribution
    of the same mean and spread.

    Parameters
    ----------
    residuals : array-like or Series of shape (n_steps,)
        Truth minus forecast in order of time, all of the same step ahead: of a backtest with a horizon and stride of
        1, say, ``y_true - y_pred``.
    n_lags : int, optional
        By default up to 40, at most half of the steps.
    title : str, optional
    axes : sequence of three matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    list of matplotlib.axes.Axes
        Over time, histogram, autocorrelation.

    Raises
    ------
    ValueError
        If a residual is not finite, there are fewer than four, they are all equal, or there are not three axes.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> over_time, histogram, autocorrelation = plot_residuals([1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0])
    >>> [round(float(bar.get_height()), 3) for bar in autocorrelation.patches[:2]]
    [-0.875, 0.75]
    """
    index = _stamps(residuals.index) if isinstance(residuals, pd.Series) else pd.RangeIndex(len(residuals))
    errors = as_array(residuals, "residuals", ndim=(1,))
    if len(errors) < 4 or np.ptp(errors) == 0:
        raise ValueError(
            f"residuals has {len(errors)} values that tell nothing: give at least four that differ."
        )
    n_lags = min(_MOST_LAGS, len(errors) // 2) if n_lags is None else int(n_lags)
    if not 1 <= n_lags < len(errors):
        raise ValueError(
            f"n_lags={n_lags} must be at least 1 and below the number of residuals, {len(errors)}."
        )
    if axes is None:
        from matplotlib import pyplot as plt

        axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained", width_ratios=(2, 1, 1.4))[1]
    if len(axes) != 3:
        raise ValueError(f"axes must hold three; got {len(axes)}.")
    over_time, histogram, correlation = axes
    over_time.plot(index, errors, color=COLOURS[0], linewidth=0.9)
    over_time.axhline(0, color=INK, linewidth=0.7)
    _finish(over_time, title, "truth minus forecast")
    histogram.hist(errors, bins="auto", density=True, color=COLOURS[0], alpha=0.4)
    grid = np.linspace(errors.min(), errors.max(), 200)
    histogram.plot(grid, stats.norm.pdf(grid, errors.mean(), errors.std()), color=INK, linewidth=1.0)
    _finish(histogram, None, "density")
    histogram.set_xlabel("truth minus forecast", fontsize=12)
    band = _BAND / np.sqrt(len(errors))
    correlation.bar(np.arange(1, n_lags + 1), _autocorrelation(errors, n_lags), width=0.5, color=COLOURS[0])
    correlation.axhline(0, color=INK, linewidth=0.7)
    _finish(correlation, None, "autocorrelation")
    correlation.set_xlabel("lag", fontsize=12)
    correlation.axhspan(-band, band, color=INK, alpha=0.12, linewidth=0)
    return [over_time, histogram, correlation]


def _autocorrelation(errors: np.ndarray, n_lags: int) -> np.ndarray:
    """Return the autocorrelations of the lags from 1."""
    rest = errors - errors.mean()
    return np.array([rest[k:] @ rest[: len(rest) - k] for k in range(1, n_lags + 1)]) / (rest @ rest)
