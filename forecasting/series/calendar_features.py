"""What the calendar says about a step: hour, day of the week, month, as columns beside exogenous variables."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.series.arrays import PanelLayout


class _Feature(NamedTuple):
    """A feature: its value from an index, and the number of categories, or the period of a wave."""

    value: Callable[[Any], Any]
    n_categories: int = 0
    period: float = 0.0


# Categories become indicator columns, waves a sine and a cosine.
CALENDAR_FEATURES: dict[str, _Feature] = {
    "second": _Feature(lambda index: index.second, period=60),
    "minute": _Feature(lambda index: index.minute, period=60),
    "hour": _Feature(lambda index: index.hour, 24),
    "day_of_week": _Feature(lambda index: index.day_of_week, 7),
    "weekend": _Feature(lambda index: index.day_of_week >= 5, period=0),
    "day_of_month": _Feature(lambda index: index.day - 1, period=30.4375),
    "day_of_year": _Feature(lambda index: index.day_of_year - 1, period=365.25),
    "month": _Feature(lambda index: index.month - 1, 12),
    "quarter": _Feature(lambda index: index.quarter - 1, 4),
}


def calendar_columns(index: pd.Index, names: Sequence[str]) -> np.ndarray:
    """Return the columns of some features.

    Parameters
    ----------
    index : DatetimeIndex or PeriodIndex
        Time stamps with a zone tell its local time.
    names : sequence of str
        Keys of ``CALENDAR_FEATURES``.

    Returns
    -------
    ndarray of shape (n_steps, n_columns)

    Examples
    --------
    >>> calendar_columns(pd.date_range("2024-01-05", periods=3), ["weekend"]).ravel()
    array([0., 1., 1.])
    """
    columns = []
    for name in names:
        feature = CALENDAR_FEATURES[name]
        values = np.asarray(feature.value(index), dtype=float)[:, np.newaxis]
        if feature.n_categories:
            columns.append((values == np.arange(feature.n_categories)).astype(float))
        elif feature.period:
            angles = 2 * np.pi / feature.period * values
            columns += [np.sin(angles), np.cos(angles)]
        else:
            columns.append(values)
    return np.hstack(columns)


def calendar_width(names: Sequence[str]) -> int:
    """Return the number of columns of some features."""
    features = [CALENDAR_FEATURES[name] for name in names]
    return sum(feature.n_categories or (2 if feature.period else 1) for feature in features)


def check_calendar(names: Sequence[str]) -> None:
    """Raise unless all names are keys of ``CALENDAR_FEATURES``."""
    known = ", ".join(CALENDAR_FEATURES)
    if isinstance(names, str) or (unknown := [name for name in names if name not in CALENDAR_FEATURES]):
        wrong = names if isinstance(names, str) else unknown[0]
        raise ValueError(f"calendar holds {wrong!r}: give a list of {known}")


def with_calendar(
    exog: list | None, names: Sequence[str], layout: PanelLayout, lengths: Sequence[int], *, future: bool
) -> list | None:
    """Put calendar columns behind exogenous variables.

    Parameters
    ----------
    exog : list of ndarray or None
    names : sequence of str
    layout : PanelLayout
        The series, which tell the time.
    lengths : sequence of int
        Rows of each series.
    future : bool
        True if the rows follow the end of the series, False if they end with it.

    Returns
    -------
    list of ndarray of shape (n_steps, n_features + n_columns), or `exog` itself without names

    Raises
    ------
    ValueError
        If a feature is unknown, or the series have no calendar.
    """
    if len(names) == 0:
        return exog
    check_calendar(names)
    columns = []
    for part, n_steps in zip(layout.parts, lengths):
        if part.calendar is None or part.calendar.kind == "range":
            raise ValueError(
                f"calendar={tuple(names)!r} needs a y with a DatetimeIndex or PeriodIndex: give one, or leave "
                "calendar out"
            )
        labels = part.calendar.after(n_steps) if future else part.calendar.until(n_steps)
        columns.append(calendar_columns(labels, names))
    return columns if exog is None else [np.hstack(pair) for pair in zip(exog, columns)]
