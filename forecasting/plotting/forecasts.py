"""Pictures of forecasts and backtests: Axes in, Axes out.

matplotlib is imported when something is drawn, so the rest of the library does not need it (install the extra
``plot``). Lines are labelled where they end, in their own colour, and colours are told apart by colour-blind
readers (palette of Okabe and Ito, 2008, "Color Universal Design").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.isotonic import isotonic_regression

from forecasting.backtesting.result import BacktestResult
from forecasting.metrics.validation import check_fraction

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#222222"
LABEL_SIZE = 11
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


def plot_forecast(
    history: Any,
    forecast: Any,
    interval: Any = None,
    *,
    truth: Any = None,
    coverage: float | None = None,
    n_history: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a series, its forecast, and the interval around it, or a fan of several.

    Parameters
    ----------
    history : array-like or Series of shape (n_steps,)
        What was observed. An array is drawn over its positions.
    forecast : array-like or Series of shape (n_ahead,), or dict of name to one of these
        What is expected. Of several, the first is drawn in full, the others thinner.
    interval : array-like or DataFrame of shape (n_ahead, 2), or dict of coverage to one of these, optional
        Lower and upper bound around the (first) forecast, as ``predict_interval`` returns them; of several coverages
        a fan.
    truth : array-like or Series of shape (n_ahead,), optional
        What then happened.
    coverage : float, optional
        Nominal coverage of a single interval, for its label.
    n_history : int, optional
        Draw this many of the last observations; by default all.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If a series has several columns, or lengths do not agree.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> ax = plot_forecast([1.0, 2.0, 3.0], [4.0, 5.0], [[3.0, 5.0], [3.5, 6.5]], coverage=0.9)
    >>> [text.get_text() for text in ax.texts]
    ['forecast\\n90 % interval']
    """
    past = _as_series(history, "history")
    named = dict(forecast) if isinstance(forecast, Mapping) else {"forecast": forecast}
    start = len(past) if isinstance(past.index, pd.RangeIndex) else None
    paths = {str(name): _as_series(path, "forecast", start) for name, path in named.items()}
    first = next(iter(paths.values()))
    fan = _as_fan(interval, coverage, first.index)
    shown = past if n_history is None else past.iloc[-n_history:]
    ax = _new_axes() if ax is None else ax

    ax.plot(shown.index, shown, color=INK, linewidth=1.1)
    joint = past.iloc[-1:]
    labels = []
    for number, (name, path) in enumerate(paths.items()):
        colour = COLOURS[number % len(COLOURS)]
        if number == 0 and fan:
            for _, band in fan:
                _shade(ax, path.index, band[:, 0], band[:, 1], colour)
            name += _fan_label([level for level, _ in fan])
        whole = pd.concat([joint, path])
        ax.plot(whole.index, whole, color=colour, linewidth=1.1 if number else 1.9, zorder=2 if number else 3)
        labels.append((path.iloc[-1], name, colour))
    main = [shown, first]
    if truth is not None:
        actual = _as_series(truth, "truth", start)
        main.append(actual)
        ax.plot(actual.index, actual, color=INK, linewidth=1.1, linestyle=(0, (2, 1.5)), zorder=4)
        labels.append((actual.iloc[-1], "truth", INK))
    _hold(ax, main)
    _finish(ax, title, past.name)
    ax.axvline(joint.index[0], color=INK, linewidth=0.6, alpha=0.4)
    _label_ends(ax, labels)
    return ax


def plot_backtest(
    result: BacktestResult,
    *,
    models: Sequence[str] | None = None,
    series: Any = None,
    target: Any = None,
    n_history: int | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what was forecast at every origin of a backtest over what happened.

    Parameters
    ----------
    result : BacktestResult
        Of `forecasting.backtest`, with its forecasts.
    models : sequence of str, optional
        Which models, at most six; by default the two best. The intervals of the first are shaded.
    series : optional
        Which series of a panel, by its label; by default the first.
    target : optional
        Which of several targets; by default the first.
    n_history : int, optional
        Observations to draw before the first origin; by default three times the horizon.
    title : str, optional
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ValueError
        If the result holds no forecasts, or has no such model, series or target.
    ImportError
        If matplotlib is missing.

    Examples
    --------
    >>> from forecasting.backtesting.run import RollingOrigin, backtest
    >>> from forecasting.baselines.naive import Naive
    >>> ax = plot_backtest(backtest(Naive(), [1.0, 2.0, 4.0, 7.0, 11.0], cv=RollingOrigin(1, n_windows=2)))
    >>> [text.get_text() for text in ax.texts]
    ['Naive']
    """
    history, table = _one_series(result, series, target)
    names = [str(name) for name in result.summary.index[:2]] if models is None else list(models)
    unknown = sorted(set(names) - set(table["model"]))
    if unknown or not 0 < len(names) <= len(COLOURS):
        raise ValueError(
            f"models={names!r} must be 1 to {len(COLOURS)} of {sorted(set(table['model']))}; unknown: {unknown}."
        )
    ax = _new_axes() if ax is None else ax
    n_before = 3 * int(table["step"].max()) if n_history is None else n_history
    first = history.index.get_indexer(pd.Index([_stamp(table["cutoff"].iloc[0])]))[0]
    shown = history.iloc[max(0, first + 1 - n_before) :]
    ax.plot(shown.index, shown, color=INK, linewidth=1.1)

    labels = []
    for number, name in enumerate(names):
        colour = COLOURS[number]
        width, order = (1.1, 2) if number else (1.9, 3)
        for _, fold in table[table["model"] == name].groupby("window", sort=False):
            times = _stamps(pd.Index(fold["time"]))
            if number == 0 and "lower" in fold:
                _shade(ax, times, fold["lower"], fold["upper"], colour)
            marker = "o" if len(fold) == 1 else ""
            line: dict[str, Any] = {
                "color": colour,
                "linewidth": width,
                "marker": marker,
                "markersize": 4,
                "zorder": order,
            }
            ax.plot(times, fold["y_pred"], **line)
        labels.append((fold["y_pred"].iloc[-1], name, colour))
    _hold(ax, [shown, table.loc[table["model"] == names[0], "y_pred"]])
    for cutoff in table["cutoff"].unique():
        ax.axvline(_stamp(cutoff), color=INK, linewidth=0.6, alpha=0.25)
    _finish(ax, title, history.name)
    _label_ends(ax, labels)
    return ax


def plot_report(
    history: pd.Series,
    forecasts: Mapping[str, Any],
    interval: Any,
    result: BacktestResult,
    *,
    series: Any = None,
    n_history: int | None = None,
    title: str | None = None,
) -> Figure:
    """Draw a forecast and, below it, the backtest of the same model: the picture of the command line.

    Parameters
    ----------
    history, forecasts, interval, n_history, title
        As for `plot_forecast`; the first of ``forecasts`` is the one chosen.
    result : BacktestResult
        Its backtest.
    series : optional
        The series of a panel.

    Returns
    -------
    matplotlib.figure.Figure
        Not registered with pyplot: save it with ``savefig``.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.5), layout="constrained")
    top, bottom = figure.subplots(2, 1, height_ratios=(3, 2))
    plot_forecast(
        history, forecasts, interval, coverage=result.coverage, n_history=n_history, title=title, ax=top
    )
    chosen = next(iter(forecasts))
    n_windows = int(result.summary["windows"].iloc[0])
    origins = "an earlier origin" if n_windows == 1 else f"{n_windows} earlier origins"
    title = f"Backtest of {chosen}: forecasts made at {origins}"
    plot_backtest(result, models=[chosen], series=series, ax=bottom, title=title)
    return figure


# ------------------------------------------------------------------------------------------------ parts


def _new_axes() -> Axes:
    from matplotlib import pyplot as plt

    return plt.subplots(figsize=(9, 4.5), layout="constrained")[1]


def _stamps(index: pd.Index) -> pd.Index:
    """Return labels that matplotlib can place: the start of a period, everything else as it is."""
    if isinstance(index, pd.PeriodIndex):
        return index.to_timestamp()
    if index.dtype == object and len(index) and isinstance(index[0], pd.Period):
        return pd.PeriodIndex(index).to_timestamp()
    return index


def _stamp(label: Any) -> Any:
    return label.to_timestamp() if isinstance(label, pd.Period) else label


def _as_series(values: Any, name: str, start: int | None = 0) -> pd.Series:
    """Return one series on labels that can be drawn; an array starts at position ``start``."""
    if isinstance(values, (pd.Series, pd.DataFrame)):
        frame = pd.DataFrame(values)
    else:
        frame = pd.DataFrame(np.atleast_1d(np.asarray(values, dtype=np.float64)))
        frame.index = pd.RangeIndex(start or 0, (start or 0) + len(frame))
    if frame.shape[1] != 1 or len(frame) == 0:
        raise ValueError(f"{name} must be one series with at least one step; got shape {frame.shape}.")
    label = values.name if isinstance(values, pd.Series) else None
    return pd.Series(frame.iloc[:, 0].to_numpy(dtype=np.float64), _stamps(frame.index), name=label)


def _as_fan(interval: Any, coverage: float | None, index: pd.Index) -> list[tuple[float | None, np.ndarray]]:
    """Return coverages and bounds, the widest first, so that the others are drawn upon it."""
    if interval is None:
        return []
    if not isinstance(interval, Mapping):
        return [(coverage, _as_band(interval, index))]
    for level in interval:
        check_fraction(level, "the coverages of interval")
    return [(float(level), _as_band(interval[level], index)) for level in sorted(interval, reverse=True)]


def _fan_label(levels: list) -> str:
    if levels == [None]:
        return "\ninterval"
    shown = ", ".join(f"{100 * level:g}" for level in sorted(levels))
    return f"\n{shown} % interval" + "s" * (len(levels) > 1)


def _shade(ax: Axes, index: pd.Index, lower: Any, upper: Any, colour: str) -> None:
    """Draw an interval: a band, of a single step a bar, since a band of no width is not seen."""
    if len(index) > 1:
        ax.fill_between(index, lower, upper, color=colour, alpha=0.2, linewidth=0)
    else:
        ax.vlines(index, lower, upper, color=colour, alpha=0.3, linewidth=5)


def _as_band(interval: Any, index: pd.Index) -> np.ndarray:
    """Return lower and upper bound as (n_ahead, 2)."""
    band = interval[["lower", "upper"]] if isinstance(interval, pd.DataFrame) else interval
    bounds = np.asarray(band, dtype=np.float64)
    if bounds.shape != (len(index), 2):
        raise ValueError(
            f"interval must be lower and upper bound of the {len(index)} steps; got shape {bounds.shape}."
        )
    return bounds


def _one_series(result: BacktestResult, series: Any, target: Any) -> tuple[pd.Series, pd.DataFrame]:
    """Return one series of a backtest and its forecasts."""
    if result.forecasts is None:
        raise ValueError("the backtest kept no forecasts; run it with return_forecasts=True.")
    table, number = result.forecasts, 0
    for name, wanted in (("series", series), ("target", target)):
        if name not in table:
            if wanted is not None:
                raise ValueError(
                    f"{name}={wanted!r}, but the backtest has one {name} alone; leave {name} out."
                )
            continue
        known = list(table[name].unique())
        wanted = known[0] if wanted is None else wanted
        if wanted not in known:
            raise ValueError(f"{name}={wanted!r} is not in the backtest; it has {known}.")
        table = table[table[name] == wanted]
        number = known.index(wanted) if name == "series" else number
    history = pd.DataFrame(result.history[number])
    column = history.columns[0] if "target" not in table else table["target"].iloc[0]
    values = history[column]
    label = column if isinstance(column, str) else None
    return pd.Series(values.to_numpy(), _stamps(history.index), name=label), table


def _hold(ax: Axes, main: list[pd.Series]) -> None:
    """Let intervals and rivals widen the picture by three quarters of the height of ``main``, not squash it."""
    values = pd.concat(main)
    values = values[np.isfinite(values)]
    low, high = (values.min(), values.max()) if len(values) else (0.0, 0.0)
    room = 0.75 * (high - low) if high > low else 1.0
    drawn_low, drawn_high = ax.get_ylim()
    ax.set_ylim(max(drawn_low, low - room), min(drawn_high, high + room))


def _finish(ax: Axes, title: str | None, name: Any) -> None:
    """Take away what carries no information, make the rest readable."""
    from matplotlib import dates

    if isinstance(ax.xaxis.get_major_formatter(), dates.AutoDateFormatter):
        ax.xaxis.set_major_formatter(dates.ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", linewidth=0.5, alpha=0.35)
    ax.set_axisbelow(True)
    ax.tick_params(labelsize=LABEL_SIZE)
    ax.margins(x=0.01)
    if name is not None:
        ax.set_ylabel(str(name), fontsize=12)
    if title:
        ax.set_title(title, fontsize=13, loc="left")


def _label_ends(ax: Axes, labels: list[tuple[float, str, str]]) -> None:
    """Write each name to the right of the axes at the height where its line ends, pushed apart to be readable."""
    labels = sorted(labels, key=lambda label: label[0])
    low, high = ax.get_ylim()
    ends = np.nan_to_num(np.clip([value for value, _, _ in labels], low, high), nan=low)
    # Half the height of two neighbours must lie between them; nearest such places: an isotonic regression.
    inches = ax.get_window_extent().height / ax.figure.dpi
    line = 1.5 * LABEL_SIZE / 72 * (high - low) / inches
    heights = np.array([line * (text.count("\n") + 1) for _, text, _ in labels])
    offsets = np.cumsum(heights) - heights / 2
    places = isotonic_regression(ends - offsets) + offsets
    for place, (_, text, colour) in zip(places, labels):
        ax.annotate(
            text,
            (1.0, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            color=colour,
            fontsize=LABEL_SIZE,
            va="center",
            annotation_clip=False,
        )
