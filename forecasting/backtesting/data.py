"""The series of a backtest as arrays, and where each is cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.metrics import Metric
from forecasting.series.arrays import SeriesLayout, read_exog, read_panel, split_covariates


class OneSeries(NamedTuple):
    """One series of the data, as arrays with their labels."""

    layout: SeriesLayout
    values: np.ndarray  # (n_steps, n_targets)
    exog: np.ndarray | None  # (n_steps, n_features)
    exog_names: tuple
    labels: pd.Index | None


class Data(NamedTuple):
    """All series of a backtest."""

    series: list[OneSeries]
    ids: list | None  # of the series of a panel; None for a single series


class Cut(NamedTuple):
    """Positions of the training and the test steps of one series in one window."""

    train: slice
    test: slice


def read_data(y: Any, X: Any, *, keep_missing: bool = False) -> Data:
    """Read the series and their exogenous variables from any container that forecasters take.

    With ``keep_missing`` the missing values of `y` stay (NaN); without they are refused.
    """
    y, X = split_covariates(y, X)
    panel = read_panel(y, keep_missing=keep_missing)
    exog: list = [None] * len(panel.values)
    names: tuple = ()
    if X is not None:
        exog, names = read_exog(X, panel.layout, panel.lengths, future=False)
    series = [
        OneSeries(part, values, x, names, None if part.calendar is None else part.calendar.until(len(values)))
        for part, values, x in zip(panel.layout.parts, panel.values, exog)
    ]
    if panel.layout.kind == "single":
        return Data(series, None)
    return Data(series, list(panel.layout.ids) or list(range(len(series))))


def read_windows(cv: Any, data: Data) -> list[list[Cut]]:
    """Return the windows, oldest first, each cut series by series."""
    if not hasattr(cv, "split"):
        raise TypeError(f"cv must have a split method, such as RollingOrigin(horizon); got {cv!r}.")
    cuts = [[_cut(train, test, cv) for train, test in cv.split(one.values)] for one in data.series]
    if len({len(each) for each in cuts}) > 1:
        raise ValueError(
            f"cv gives the series of the panel {sorted({len(each) for each in cuts})} windows; set n_windows "
            "to give each the same number."
        )
    if not cuts[0]:
        raise ValueError(
            f"cv={cv!r} gives no window for {len(data.series[0].values)} steps; give a longer series."
        )
    for each in cuts:
        if any(new.train.stop < old.train.stop for old, new in pairwise(each)):
            raise ValueError(
                f"cv={cv!r} does not move forward in time; use RollingOrigin or TimeSeriesSplit."
            )
    return [list(window) for window in zip(*cuts)]


def _cut(train: np.ndarray, test: np.ndarray, cv: Any) -> Cut:
    for positions in (train, test):
        if len(positions) == 0 or (np.diff(positions) != 1).any():
            raise ValueError(f"cv={cv!r} gives positions that are not consecutive; use RollingOrigin.")
    if test[0] <= train[-1]:
        raise ValueError(f"cv={cv!r} tests on steps that are not after the training; use RollingOrigin.")
    return Cut(slice(int(train[0]), int(train[-1]) + 1), slice(int(test[0]), int(test[-1]) + 1))


def piece_of(one: OneSeries, cut: slice = slice(None), exog: bool = False) -> Any:
    """Cut a series, or its exogenous variables, and give it back in the container it came in."""
    index = None if one.labels is None else one.labels[cut]
    if exog:
        assert one.exog is not None
        rows = one.exog[cut]
        return rows if index is None else pd.DataFrame(rows, index, list(one.exog_names) or None)
    values = one.values[cut]
    if one.layout.kind == "array":
        return values if one.layout.ndim > 1 else values[:, 0]
    if one.layout.kind == "series":
        return pd.Series(values[:, 0], index, name=one.layout.names[0])
    return pd.DataFrame(values, index, columns=list(one.layout.names))


def observed_steps(truth: np.ndarray, forecast: Sequence, metric: Metric) -> list[np.ndarray]:
    """Return the truth and what was forecast of it, without the steps of which a part was not observed."""
    known = ~np.isnan(truth).any(axis=1)
    if not known.any():
        raise ValueError("no step of the window was observed whole")
    if not metric.skips_steps and not known.all():
        raise ValueError(
            f"{int((~known).sum())} of {len(known)} steps were not observed, and their order counts"
        )
    return [values[known] for values in (truth, *forecast)]
