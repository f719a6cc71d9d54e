"""One series out of a CSV file, with every fault of the file told in one line."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.series.calendars import Calendar

#: Column names that mean time, and names that are preferred as target, in lower case.
TIME_NAMES = (
    "time",
    "date",
    "datetime",
    "timestamp",
    "ds",
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "period",
)
TARGET_NAMES = ("y", "target", "value")

_MISSING = ("", "na", "n/a", "nan", "nat", "null", "none", "-", "?")


class FileError(ValueError):
    """A file that cannot be forecast; the message is one line that names file, place and remedy."""


class CsvSeries(NamedTuple):
    """What was read.

    Parameters
    ----------
    series : pandas.Series
        Named by its column, on a ``DatetimeIndex`` with a frequency, an index of integers, or row numbers
        from 1.
    notes : list of str
        Choices that were made for the reader.
    """

    series: pd.Series
    notes: list[str]


def read_series(path: str | Path, time: str | None = None, target: str | None = None) -> CsvSeries:
    """Read one regular series from a CSV file.

    The delimiter (comma, semicolon, tab or bar) is taken from the header line. *Time* is the column ``time``,
    else the first one of a usual name (``time``, ``date``, ``ds``, ``year``, ...), else the first column of
    text that reads as dates; without any the rows are numbered. Dates are read in any usual form (month first
    where day and month could be either), whole numbers as they are (years, hours, ...). Rows are put in order
    of time. *Target* is the column ``target``, else one named ``y``, ``target`` or ``value``, else the first
    numeric column with a name.

    Parameters
    ----------
    path : str or pathlib.Path
    time, target : str, optional
        Names of columns.

    Returns
    -------
    CsvSeries

    Raises
    ------
    FileError
        If the file is missing, empty, or no CSV with a header; if a column is missing; if dates do not parse,
        repeat, or leave a gap; if the target holds text, nothing, or infinity.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "sales.csv")
    ...     _ = path.write_text("month,sales\\n2024-01,3\\n2024-02,4\\n2024-03,7\\n")
    ...     read_series(path).series.rename_axis(None)
    2024-01-01    3.0
    2024-02-01    4.0
    2024-03-01    7.0
    Freq: MS, Name: sales, dtype: float64
    """
    notes: list[str] = []
    try:
        table = _read_table(Path(path))
        clock = _time_column(table, time)
        column = _target_column(table, target, clock, notes)
        series = pd.Series(_numbers(table[column]), name=column)
        if clock is None:
            notes.append("no column of dates, so rows are numbered")
            return CsvSeries(series.set_axis(pd.RangeIndex(1, len(series) + 1)), notes)
        labels = _labels(table[clock], notes)
        _check_regular(labels, table[clock])
    except FileError as error:
        raise FileError(f"{path}: {error}") from None
    if not labels.is_monotonic_increasing:
        notes.append(f"rows were put in order of {clock!r}")
    order = np.argsort(labels, kind="stable")
    return CsvSeries(series.iloc[order].set_axis(_with_frequency(labels[order])), notes)


# ----------------------------------------------------------------------------------------------- columns


def _read_table(path: Path) -> pd.DataFrame:
    """Read all cells as text; the index is the number of the line."""
    if not path.exists():
        raise FileError("there is no such file.")
    if path.is_dir():
        raise FileError("is a folder; name a CSV file.")
    options: dict[str, Any] = {
        "dtype": str,
        "keep_default_na": False,
        "index_col": False,
        "skip_blank_lines": False,
    }
    try:
        with path.open(encoding="utf-8-sig") as stream:
            delimiter = max(",;\t|", key=stream.readline().count)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # pandas would cut lines with too many cells
            table = pd.read_csv(path, sep=delimiter, encoding="utf-8-sig", **options)
    except pd.errors.EmptyDataError:
        raise FileError("is empty.") from None
    except pd.errors.ParserWarning:
        raise FileError("cannot be read as CSV: its lines have more cells than the header line.") from None
    except (UnicodeDecodeError, pd.errors.ParserError, ValueError) as error:
        what = "it is not text in UTF-8" if isinstance(error, UnicodeDecodeError) else str(error).strip()
        raise FileError(f"cannot be read as CSV: {' '.join(what.split())}.") from None
    except OSError as error:
        raise FileError(f"cannot be read: {error.strerror}.") from None
    table = table.fillna("").map(str.strip).rename(columns=str.strip)
    table.index = pd.RangeIndex(2, len(table) + 2)
    if delimiter != ",":
        table = table.apply(_with_decimal_points)
    numeric = [name for name in table.columns if _is_number(name)]
    if numeric:
        raise FileError(f"has no header line: a column is called {numeric[0]!r}; name the columns.")
    table = table[(table != "").any(axis=1)]
    if table.empty:
        raise FileError("has a header but no rows.")
    return table


def _with_decimal_points(cells: pd.Series) -> pd.Series:
    """Write numbers with decimal commas as the others are written; a column that holds anything else stays."""
    given = cells[~cells.str.lower().isin(_MISSING)]
    number = r"[+-]?(\d*|\d{1,3}(\.\d{3})+)(,\d+)?"
    with_commas = given.str.fullmatch(number).all() and given.str.contains(",").any()
    return cells.str.replace(".", "").str.replace(",", ".") if with_commas else cells


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _share_of_numbers(cells: pd.Series) -> float:
    """Return the share of numbers among the cells that are not missing."""
    given = cells[~cells.str.lower().isin(_MISSING)]
    return pd.to_numeric(given, errors="coerce").notna().mean() if len(given) else 0.0


def _known(table: pd.DataFrame, name: str, option: str) -> str:
    if name not in table.columns:
        raise FileError(
            f"has no column {name!r} ({option}); its columns are {', '.join(map(repr, table.columns))}."
        )
    return name


def _time_column(table: pd.DataFrame, wanted: str | None) -> str | None:
    if wanted is not None:
        return _known(table, wanted, "--time")
    for name, cells in table.items():
        if str(name).lower() in TIME_NAMES and not cells.str.fullmatch(r"[+-]?\d*\.\d+").any():
            return str(name)
    for name, cells in table.items():
        if _share_of_numbers(cells) < 0.5 and _dates(cells, dayfirst=False).notna().all():
            return str(name)
    return None


def _target_column(table: pd.DataFrame, wanted: str | None, clock: str | None, notes: list[str]) -> str:
    if wanted is not None:
        if wanted == clock:
            raise FileError(f"column {wanted!r} cannot be time and target at once; name another --target.")
        return _known(table, wanted, "--target")
    others = [str(name) for name in table.columns if name != clock]
    numeric = [name for name in others if _share_of_numbers(table[name]) > 0.5]
    preferred = [name for name in numeric if name.lower() in TARGET_NAMES]
    preferred = preferred or [name for name in numeric if not name.startswith("Unnamed: ")] or numeric
    if not preferred:
        raise FileError(f"has no column of numbers; its columns are {', '.join(map(repr, table.columns))}.")
    if len(numeric) > 1:
        notes.append(f"target is {preferred[0]!r} of {len(numeric)} columns of numbers; choose by --target")
    return preferred[0]


# ------------------------------------------------------------------------------------------------- values


def _numbers(cells: pd.Series) -> np.ndarray:
    missing = cells.str.lower().isin(_MISSING)
    if missing.any():
        raise FileError(
            f"column {cells.name!r} has no value in line {missing.idxmax()} ({missing.sum()} of {len(cells)} are "
            "missing); fill them in."
        )
    _check_thousands(cells)
    values = pd.to_numeric(cells, errors="coerce").astype(np.float64)
    bad = ~values.abs().lt(np.inf)
    if bad.any():
        line: Any = bad.idxmax()
        raise FileError(f"column {cells.name!r} holds {cells[line]!r} in line {line}, which is not a number.")
    return values.to_numpy()


def _check_thousands(cells: pd.Series) -> None:
    """Raise where dots may set thousands apart: every number with a dot has three digits behind it, others none."""
    dotted = cells.str.fullmatch(r"[+-]?[1-9]\d{0,2}\.\d{3}")
    if not dotted.any() or dotted.all() or not cells[~dotted].str.fullmatch(r"[+-]?\d{1,3}").all():
        return
    line: Any = dotted.idxmax()
    raise FileError(
        f"column {cells.name!r} holds {cells[line]!r} in line {line} beside {cells[~dotted].iloc[0]!r}: are these "
        f"thousands? Write {cells[line].replace('.', '')!r}, or every number with its decimals."
    )


# --------------------------------------------------------------------------------------------------- time


def _dates(cells: pd.Series, dayfirst: bool) -> pd.Series:
    """Read dates, NaT where a cell is none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about formats that pandas guesses cell by cell
        try:
            dates = pd.to_datetime(cells, errors="coerce", dayfirst=dayfirst)
            if dates.dtype != object:
                return dates
        except ValueError:  # several offsets from UTC; pandas 2 gives objects instead of an error
            pass
        return pd.to_datetime(cells, errors="coerce", dayfirst=dayfirst, utc=True)


def _labels(cells: pd.Series, notes: list[str], before: Calendar | None = None) -> pd.Index:
    """Return the labels of the rows, in the order of the file; of several readings what follows ``before``."""
    if cells.str.fullmatch(r"(1[89]|20)\d{2}(0[1-9]|1[0-2])").all():
        cells = cells.str[:4] + "-" + cells.str[4:]
    if cells.str.fullmatch(r"[^\W\d]{3,}[-/]\d{2}").all():  # "Jan-24" is a month, not a day of this year
        cells = cells.str[:-3] + pd.to_datetime(cells.str[-2:], format="%y").dt.strftime(" %Y")
    if cells.str.fullmatch(r"[+-]?\d+").all() and not cells.str.fullmatch(r"(1[89]|20)\d{6}").all():
        return pd.Index(cells.astype(np.int64))
    either = cells.str.fullmatch(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}.*").all()  # day or month first
    german = cells.str.match(r"\d+\.\d+\.").all()
    readings = [
        _dates(cells, dayfirst) for dayfirst in ((False, True) if either and not german else (bool(german),))
    ]
    whole = [pd.DatetimeIndex(reading) for reading in readings if reading.notna().all()]
    if not whole:
        line: Any = readings[0].isna().idxmax()
        raise FileError(f"column {cells.name!r} holds {cells[line]!r} in line {line}, which is not a date.")
    if going_on := [labels for labels in _readings_after(whole, before) if _goes_on(labels, before)]:
        return going_on[0]
    regular = [labels for labels in map(_snap, whole) if not len(_steps(labels.sort_values()))]
    if not regular:
        return whole[0]
    chosen = regular[0]
    if len(regular) > 1 and (chosen != regular[1]).any():
        k = int(np.argmax(chosen != regular[1]))
        notes.append(f"{cells.iloc[k]!r} was read as {chosen[k]:%d %B %Y}; write it as {chosen[k]:%Y-%m-%d}")
    if not any((chosen == labels).all() for labels in whole):
        notes.append(
            f"one row a month (or quarter, year): {cells.iloc[0]!r} was taken as {chosen[0]:%Y-%m-%d}"
        )
    return chosen


def _snap(labels: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Move dates that follow no frequency, but lie one in each month, quarter or year, to its first day."""
    if len(_steps(labels.sort_values())):
        for freq in ("M", "Q", "Y"):
            firsts = _first_days(labels, freq)
            if (np.diff(np.sort(firsts.to_period(freq).asi8)) == 1).all():
                return firsts
    return labels


def _first_days(labels: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    """Return the first days of the months, quarters or years that dates lie in."""
    return pd.DatetimeIndex(labels.tz_localize(None).to_period(freq).to_timestamp())


def _readings_after(whole: list[pd.DatetimeIndex], before: Calendar | None) -> list[pd.DatetimeIndex]:
    """Return dates as they are, and where a calendar of first days came before, as such days."""
    freq = "" if before is None else before.freq.partition("-")[0]
    starts = {"MS": "M", "QS": "Q", "YS": "Y"}
    return whole + ([_first_days(labels, starts[freq]) for labels in whole] if freq in starts else [])


def _goes_on(labels: pd.DatetimeIndex, before: Calendar | None) -> bool:
    """Tell whether the dates after the end of a calendar are its next ones."""
    if before is None or before.kind != "datetime" or (labels.tz is None) != (not before.tz):
        return False
    later = labels[labels > before.cutoff].sort_values()
    return len(later) > 0 and bool((later == before.after(len(later))).all())


def _with_frequency(labels: Any) -> Any:
    """Return sorted labels; dates with the frequency they follow, or None if they follow none."""
    if not isinstance(labels, pd.DatetimeIndex) or len(labels) < 3:
        return labels
    return pd.DatetimeIndex(labels, freq="infer")


def _check_regular(labels: pd.Index, cells: pd.Series, before: Calendar | None = None) -> None:
    """Raise at the first label that repeats, or the first step that is not the usual one.

    The step of fewer than three rows is told by the calendar that came ``before``.
    """
    column = f"column {cells.name!r}"
    if len(labels) < 3 and before is None:
        raise FileError(f"has only {len(labels)} rows, too few to tell the step of time from; give more.")
    repeated = labels.duplicated()
    if repeated.any():
        first, again = cells.index[labels == labels[repeated][0]][:2]
        raise FileError(
            f"{column} has {cells[first]!r} more than once, in lines {first} and {again}; keep one row for each time "
            "(many series: --panel)."
        )
    if len(labels) < 3:
        return
    order = np.argsort(labels, kind="stable")
    steps = _steps(labels[order])
    late = np.flatnonzero(steps > 1.5 * np.median(steps)) if len(steps) else steps
    if len(late):
        before, after = (cells.iloc[order[late[0] + i]] for i in (0, 1))
        raise FileError(f"{column} has a gap: after {before!r} comes {after!r}; add the missing rows.")
    if len(steps):
        raise FileError(f"{column} has steps of changing length; make them equal.")


def _steps(labels: pd.Index) -> np.ndarray:
    """Return the distances between sorted labels, working days if all are such; empty if they are regular."""
    if not isinstance(labels, pd.DatetimeIndex):
        steps = np.diff(labels.to_numpy())
        return steps[:0] if (steps == steps[0]).all() else steps
    if _with_frequency(labels).freq is not None:
        return np.empty(0)
    days = labels.tz_localize(None).to_numpy().astype("datetime64[D]")
    if (labels == labels.normalize()).all() and np.is_busday(days).all():
        return np.busday_count(days[:-1], days[1:])
    return np.diff(labels.asi8)
