"""Pictures of an evaluation: calibration, and which models ranks tell apart. Axes in, Axes out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from forecasting.backtesting.significance import RankTest
from forecasting.metrics import calibration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INK, _COLOURS = "#222222", ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_BAND = 1.96  # standard deviations of a fraction: 95 of 100 points of calibrated forecasts lie inside


def plot_calibration(
    y_true: Any, quantiles: Any, levels: Sequence[float], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the fraction of observations below forecast quantiles over what these promise.

    Calibrated forecasts lie on the diagonal, up to chance: the grey band holds 95 of 100 points of independent
    observations. A curve flatter than the diagonal tells of intervals that are too narrow.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    quantiles : array-like of the shape of ``y_true`` and a last axis of n_levels, or dict of name to one of these
        Forecast quantiles, as ``predict_quantiles`` returns them for arrays.
    levels : sequence of float
        Which quantiles, as fractions.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        As `forecasting.metrics.calibration`, or for more than six curves.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> y = np.arange(10.0)
    >>> ax = plot_calibration(y, np.stack([y - 1, y, y + 1], axis=1), [0.1, 0.5, 0.9])
    >>> ax.lines[-1].get_ydata().tolist()
    [0.0, 1.0, 1.0]
    """
    named = dict(quantiles) if isinstance(quantiles, Mapping) else {"": quantiles}
    if len(named) > len(_COLOURS):
        raise ValueError(
            f"quantiles holds {len(named)} forecasts; at most {len(_COLOURS)} can be told apart."
        )
    found = {str(name): calibration(y_true, values, levels) for name, values in named.items()}
    ax = _new_axes(4.5, 4.5) if ax is None else ax
    grid = np.linspace(0, 1, 101)
    spread = _BAND * np.sqrt(grid * (1 - grid) / np.size(y_true))
    ax.fill_between(grid, grid - spread, grid + spread, color=_INK, alpha=0.12, linewidth=0)
    ax.plot(grid, grid, color=_INK, linewidth=0.8)
    for (name, observed), colour in zip(found.items(), _COLOURS):
        ax.plot(levels, observed, color=colour, marker="o", markersize=4, linewidth=1.5, label=name)
    if len(found) > 1:
        ax.legend(frameon=False)
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="quantile", ylabel="observations below", aspect="equal")
    return _finished(ax, title)


def plot_critical_difference(test: RankTest, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw mean ranks, with bars over models that the Nemenyi test does not tell apart.

    Parameters
    ----------
    test : RankTest
        Of `forecasting.friedman_nemenyi`.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ImportError
        If matplotlib is missing.

    References
    ----------
    J. Demsar (2006), "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 1-30, figure 1.

    Examples
    --------
    >>> from forecasting.backtesting.significance import friedman_nemenyi
    >>> scores = np.random.default_rng(0).normal(size=(20, 3)) + [0.0, 0.1, 3.0]
    >>> ax = plot_critical_difference(friedman_nemenyi(scores))
    >>> [text.get_text() for text in ax.texts][0]
    '0  1.50'
    """
    ranks, n_models = test.ranks, len(test.ranks)
    ax = _new_axes(7.0, 1.2 + 0.3 * n_models) if ax is None else ax
    places = ranks.to_numpy()
    height = dict(zip(map(str, ranks.index), range(n_models)))
    for name, place, level in zip(ranks.index, places, range(n_models)):
        ax.plot([place, place], [-0.6, level], color=_INK, linewidth=0.7)
        ax.plot([place], [level], marker="o", markersize=5, color=_COLOURS[0])
        paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}  # lines of others end behind the name
        text = f"{name}  {place:.2f}"
        ax.annotate(text, (place, level), (7, 0), textcoords="offset points", va="center", bbox=paper)
    for number, group in enumerate(test.groups):
        first, last = (places[height[name]] for name in (group[0], group[-1]))
        bar = -1.2 - 0.5 * number
        ax.plot([first - 0.03, last + 0.03], [bar, bar], color=_COLOURS[1], linewidth=4)
    lowest = -1.7 - 0.5 * len(test.groups)
    ax.set(xlim=(1, n_models + 0.8), ylim=(n_models - 0.4, lowest), yticks=[])
    ax.set_xticks(range(1, n_models + 1))
    ax.set_xlabel(
        f"mean rank over {test.n_cases} cases (1 is best); not told apart within {test.critical_difference:.2f}"
    )
    ax.spines["left"].set_visible(False)
    return _finished(ax, title)


def _new_axes(width: float, height: float) -> Axes:
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(width, height), layout="constrained")[1]


def _finished(ax: Axes, title: str | None) -> Axes:
    ax.spines[["top", "right"]].set_visible(False)
    if title:
        ax.set_title(title, loc="left")
    return ax
