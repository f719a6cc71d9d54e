"""Polars frames and series <-> pandas, without importing Polars before somebody brings one.

Polars has no index: a column ``ds`` tells the time, in long frames and in those of one series alike.
"""

from importlib import import_module
from typing import Any

import pandas as pd


def is_polars(container: Any) -> bool:
    """Tell whether a container is of Polars.

    Parameters
    ----------
    container : object

    Returns
    -------
    bool

    Raises
    ------
    TypeError
        If it is a lazy frame.
    """
    kind = type(container)
    if kind.__module__.partition(".")[0] != "polars":
        return False
    if kind.__name__ == "LazyFrame":
        raise TypeError("a polars LazyFrame holds no values yet: call collect() first")
    return kind.__name__ in ("DataFrame", "Series")


def column_names(container: Any) -> list:
    """Return the names of the columns of a frame, of pandas or Polars; none of anything else."""
    is_polars(container)  # a lazy frame is refused
    return list(getattr(container, "columns", ()))


def from_polars(container: Any) -> pd.DataFrame | pd.Series:
    """Return a Polars frame or series as one of pandas, column by column; null becomes NaN."""
    if type(container).__name__ == "DataFrame":
        return pd.DataFrame({name: from_polars(container.get_column(name)) for name in container.columns})
    values = pd.Series(container.to_numpy(), name=container.name)
    zone = getattr(container.dtype, "time_zone", None)
    return values.dt.tz_localize("UTC").dt.tz_convert(zone) if zone else values


def to_polars(answer: pd.DataFrame | pd.Series, time: str = "") -> Any:
    """Return an answer as Polars: its index, if it has a name to go by, as the first column.

    Parameters
    ----------
    answer : DataFrame or Series
        Two levels of columns become one, ``lower_price``.
    time : str, default=""
        Name of the column for the index; the index is dropped without.

    Returns
    -------
    polars.DataFrame or polars.Series
    """
    polars = import_module("polars")
    if isinstance(answer, pd.Series):
        return polars.Series(answer.name, answer.to_numpy())
    columns = {time: _column(polars, answer.index)} if time else {}
    for name in answer.columns:
        flat = "_".join(map(str, name)) if isinstance(name, tuple) else str(name)
        columns[flat] = _column(polars, answer[name])
    return polars.DataFrame(columns)


def _column(polars: Any, values: Any) -> Any:
    if not isinstance(values.dtype, pd.DatetimeTZDtype):
        array = values.to_numpy()
        # Polars stamps have no unit of seconds: these were dates.
        return polars.Series(array.astype("datetime64[D]") if array.dtype == "datetime64[s]" else array)
    local = getattr(values, "dt", values)
    stamps = polars.Series(local.tz_convert("UTC").tz_localize(None).to_numpy())
    return stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(str(values.dtype.tz))
