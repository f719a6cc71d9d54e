"""One or many series out of a CSV file, with exogenous variables that may reach beyond them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.cli.csv_series import (
    _MISSING,
    FileError,
    _check_regular,
    _known,
    _labels,
    _numbers,
    _read_table,
    _target_column,
    _time_column,
    _with_frequency,
)
from forecasting.series.calendars import Calendar
from forecasting.series.rebuilding import ID, TARGET, TIME


class CsvData(NamedTuple):
    """What was read.

    Parameters
    ----------
    y : pandas.Series or DataFrame
        A Series named by its column, or for many series a long frame of ``unique_id``, ``ds``, ``y``.
    X : DataFrame or None
        Exogenous variables at the steps of ``y``: of its index, or long.
    X_ahead : DataFrame or None
        Those of the steps after it; None if there are none.
    parts : dict of str to pandas.Series
        Every series by its name.
    notes : list of str
        Choices that were made for the reader.
    """

    y: Any
    X: Any
    X_ahead: Any
    parts: dict[str, pd.Series]
    notes: list[str]

    @property
    def n_ahead(self) -> int:
        """Steps after the end of each series whose exogenous variables are known."""
        return 0 if self.X_ahead is None else len(self.X_ahead) // len(self.parts)


class _FileSeries(NamedTuple):
    """One series, and its exogenous variables on the same labels and further ones."""

    y: pd.Series
    X: pd.DataFrame


def read_data(
    path: str | Path,
    time: str | None = None,
    target: str | None = None,
    panel: str | None = None,
    exog: Sequence[str] = (),
    before: Calendar | None = None,
) -> CsvData:
    """Read one regular series, or one for each value of a column, from a CSV file.

    Columns are found as `forecasting.cli.csv_series.read_series` finds them. With exogenous columns the last rows may
    have no target: they hold what is known of the steps to forecast.

    Parameters
    ----------
    path : str or pathlib.Path
    time, target : str, optional
        Names of columns.
    panel : str, optional
        The column that names the series of a row.
    exog : sequence of str, default=()
        Columns of exogenous variables.
    before : Calendar, optional
        Where the series that the rows go on ended: then one row is enough, and dates that can be read in several
        ways are those that follow.

    Returns
    -------
    CsvData

    Raises
    ------
    FileError
        As `read_series`; if a column is named twice; if the rows without target differ between series.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "sales.csv")
    ...     _ = path.write_text("year,shop,sold\\n2001,a,3\\n2002,a,4\\n2003,a,7\\n2001,b,1\\n2002,b,2\\n2003,b,2\\n")
    ...     read_data(path, panel="shop").y["unique_id"].tolist()
    ['a', 'a', 'a', 'b', 'b', 'b']
    """
    notes: list[str] = []
    try:
        table = _read_table(Path(path))
        for name, option in [(panel, "--panel"), *((name, "--exog") for name in exog)]:
            if name is not None:
                _known(table, name, option)
        clock = _time_column(table.drop(columns=[panel] if panel else []), time)
        column = _target_column(
            table.drop(columns=[*exog, *([panel] if panel else [])]), target, clock, notes
        )
        named = [name for name in (clock, column, panel, *exog) if name is not None]
        if twice := [name for name in named if named.count(name) > 1]:
            raise FileError(f"column {twice[0]!r} cannot be two things at once; choose another.")
        if names := [name for name in exog if name in (ID, TIME)]:
            raise FileError(
                f"column {names[0]!r} (--exog) has the name of a column of long frames; rename it."
            )
        parts = dict(_parts(table, clock, column, panel, list(exog), notes, before))
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    n_ahead = {name: len(part.X) - len(part.y) for name, part in parts.items()}
    if len(set(n_ahead.values())) > 1:
        few, many = min(n_ahead, key=n_ahead.__getitem__), max(n_ahead, key=n_ahead.__getitem__)
        raise FileError(
            f"{path}: series {few!r} has {n_ahead[few]} rows after its last value of {column!r}, series {many!r} has "
            f"{n_ahead[many]}; give all as many."
        )
    return _assembled(parts, exog, panel, notes)


def _parts(
    table: pd.DataFrame,
    clock: str | None,
    column: str,
    panel: str | None,
    exog: list,
    notes: list,
    before: Calendar | None,
) -> Iterator[tuple[str, _FileSeries]]:
    """Read the series one by one."""
    if panel is None:
        yield column, _part(table, clock, column, exog, notes, before)
        return
    if (nameless := table[panel] == "").any():
        raise FileError(
            f"column {panel!r} has no value in line {nameless.idxmax()}; name the series of every row."
        )
    for name, rows in table.groupby(panel, sort=False):
        own: list[str] = []
        try:
            yield str(name), _part(rows, clock, column, exog, own, before)
        except FileError as error:
            raise FileError(f"series {name!r}: {error}") from None
        notes += [note for note in own if note not in notes]


def _part(
    rows: pd.DataFrame, clock: str | None, column: str, exog: list, notes: list, before: Calendar | None
) -> _FileSeries:
    if clock is None:
        notes.append("no column of dates, so rows are numbered")
        labels: Any = pd.RangeIndex(1, len(rows) + 1)
    else:
        given = _labels(rows[clock], notes, before)
        _check_regular(given, rows[clock], before)
        order = np.argsort(given, kind="stable")
        if (np.diff(order) < 0).any():
            notes.append(f"rows were put in order of {clock!r}")
        rows, labels = rows.iloc[order], _with_frequency(given[order])
    n_known = len(rows)
    if exog:
        known = ~rows[column].str.lower().isin(_MISSING).to_numpy()
        n_known = int(np.flatnonzero(known)[-1]) + 1 if known.any() else 0
    y = pd.Series(_numbers(rows[column].iloc[:n_known]), labels[:n_known], name=column)
    if n_known == 0 and before is None:  # of a series that is known already all rows may lie ahead
        raise FileError(f"column {column!r} has no value.")
    return _FileSeries(y, pd.DataFrame({name: _numbers(rows[name]) for name in exog}, index=labels))


def _assembled(parts: dict[str, _FileSeries], exog: Sequence[str], panel: str | None, notes: list) -> CsvData:
    series = {name: part.y for name, part in parts.items()}
    past = {name: part.X.iloc[: len(part.y)] for name, part in parts.items()}
    ahead = {name: part.X.iloc[len(part.y) :] for name, part in parts.items()}
    has_ahead = bool(exog) and len(next(iter(ahead.values()))) > 0
    if panel is None:
        ((name, y),) = series.items()
        return CsvData(y, past[name] if exog else None, ahead[name] if has_ahead else None, series, notes)
    long = _long({name: one.to_frame(TARGET) for name, one in series.items()})
    return CsvData(long, _long(past) if exog else None, _long(ahead) if has_ahead else None, series, notes)


def _long(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Stack frames by their labels into one of ``unique_id``, ``ds`` and their columns."""
    tables = [frame.rename_axis(TIME).reset_index() for frame in frames.values()]
    whole = pd.concat(tables, ignore_index=True)
    whole.insert(0, ID, np.repeat(list(frames), [len(frame) for frame in frames.values()]))
    return whole
