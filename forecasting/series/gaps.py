"""fill_gaps: put back the labels that an index skips."""

from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd
from pandas.tseries.frequencies import to_offset

from forecasting.series.arrays import ID, TIME
from forecasting.series.calendars import (
    check_increasing,
    commonest_steps,
    date_range,
    inferred_frequency,
    labels_between,
    likely_frequencies,
    share_of_neighbours,
)
from forecasting.series.missing import impute_container
from forecasting.series.polars_frames import from_polars, is_polars, to_polars


def fill_gaps(y: Any, freq: Any = None, rule: Any = None) -> Any:
    """Make an index regular by putting back the labels that it skips.

    Parameters
    ----------
    y : Series, DataFrame, list of them, or long DataFrame, a frame of Polars with a column ``ds``
        With a ``DatetimeIndex``, a ``PeriodIndex`` or integers, in order and without duplicates. In a long frame
        (``unique_id``, ``ds`` and further columns) every series is filled between its own ends.
    freq : str or offset, optional
        Frequency of time stamps, step of integers; periods have their own. Default: the one that most neighbours
        have, if all labels lie on it.
    rule : str or ("seasonal", int), optional
        How missing values are filled, those put back and those that were NaN before: "previous", "linear",
        "mean", "zero" or ``("seasonal", 12)`` (see `forecasting.series.missing`). Without one they stay NaN.

    Returns
    -------
    The container that came in

    Raises
    ------
    TypeError
        If the container has no index.
    ValueError
        If the index is not in order, has duplicates, or labels off the regular ones.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-05"])
    >>> fill_gaps(pd.Series([1.0, 2.0, 3.0, 5.0], days), rule="linear").tolist()
    [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    if isinstance(y, (list, tuple)):
        return [fill_gaps(one, freq, rule) for one in y]
    if is_polars(y) and TIME in getattr(y, "columns", ()):
        frame = from_polars(y)
        timed = frame if ID in frame.columns else frame.set_index(TIME)
        filled = fill_gaps(timed, freq, rule)
        return to_polars(filled, time="" if ID in frame.columns else TIME)
    if not isinstance(y, (pd.Series, pd.DataFrame)):
        raise TypeError(
            f"y is a {type(y).__name__}, which has no index to have gaps: pass a pandas Series or DataFrame"
        )
    if isinstance(y, pd.DataFrame) and {ID, TIME} <= set(y.columns):
        return _fill_long(y, freq, rule)
    return _fill_one(y, freq, rule, "y")


def _fill_long(frame: pd.DataFrame, freq: Any, rule: Any) -> pd.DataFrame:
    parts = []
    for name, rows in frame.groupby(ID, sort=False, observed=True):
        body = rows.drop(columns=ID).set_index(TIME)
        filled = _fill_one(body, freq, rule, f"y of series {name!r}").reset_index()
        filled.insert(0, ID, name)
        parts.append(filled[list(frame.columns)])
    return pd.concat(parts, ignore_index=True)


def _fill_one(y: Any, freq: Any, rule: Any, where: str) -> Any:
    check_increasing(y.index, where)
    index = _regular(y.index, freq, where)
    off = ~y.index.isin(index)
    if off.any():
        freq = getattr(index, "freqstr", None)
        resampled = "" if freq is None else f", or resample it, for example with y.resample({freq!r}).mean()"
        raise ValueError(
            f"{where} has the label {y.index[int(np.argmax(off))]}, which is not among {index[0]}, {index[1]}, ...: "
            f"give another freq{resampled}"
        )
    filled = y.reindex(index)
    return filled if rule is None else impute_container(filled, rule, where)


def _regular(index: pd.Index, freq: Any, where: str) -> pd.Index:
    """Return all labels from the first to the last."""
    if len(index) < 2 and (freq is None or index.empty):
        return index
    if isinstance(index, pd.DatetimeIndex):
        return _regular_stamps(index, freq, where)
    if isinstance(index, pd.PeriodIndex):
        if freq is not None and index.asfreq(freq).freqstr != index.freqstr:
            raise ValueError(
                f"freq={freq!r}, but {where} has periods of {index.freqstr}: use asfreq, or leave freq out"
            )
        return pd.period_range(index[0], index[-1], freq=index.freq, name=index.name)
    if index.dtype.kind not in "iu":
        raise TypeError(
            f"{where} has an index of {index.dtype} labels: convert it with pd.to_datetime or pd.PeriodIndex"
        )
    if freq is not None and (not isinstance(freq, Integral) or isinstance(freq, bool) or freq < 1):
        raise ValueError(f"freq={freq!r} must be an integer of at least 1: {where} has an index of integers")
    steps = commonest_steps(index.to_numpy()) if freq is None else [int(freq)]
    fitting = [step for step in steps if not ((index - index[0]) % step).any()]
    return pd.RangeIndex(int(index[0]), int(index[-1]) + 1, [*fitting, *steps][0], name=index.name)


def _regular_stamps(index: pd.DatetimeIndex, freq: Any, where: str) -> pd.DatetimeIndex:
    if freq is None:
        likely = likely_frequencies(index)
        fitting = (one for one in likely if share_of_neighbours(index, one) > 0)
        labels = labels_between(index, next(fitting, likely[0]))
        if name := inferred_frequency(labels):  # every three months: a quarter
            labels = pd.DatetimeIndex(pd.DatetimeIndex(labels, freq=None), freq=name)  # type: ignore[arg-type]
    else:
        try:
            labels = date_range(index[0], index[-1], freq=to_offset(freq))
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"freq={freq!r} is no frequency of time stamps, such as 'D' or 'MS': {error}"
            ) from error
    if len(labels) < min(2, len(index)):
        raise ValueError(
            f"{where} has no two labels at the frequency {freq!r} from {index[0]} on: give another freq"
        )
    return labels.as_unit(index.unit).rename(index.name)
