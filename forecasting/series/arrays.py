"""Containers of series <-> lists of float64 arrays, and the answer back in the container that came in.

============================  =============================================  =========================
given                         read as                                        a forecast comes back as
============================  =============================================  =========================
1-D array, list of numbers    one series, one target                         ``(n_steps,)``
2-D array                     one series, columns are targets                ``(n_steps, n_targets)``
``pandas.Series``             one series, one target, indexed                ``Series``
``pandas.DataFrame``          one series, columns are targets, indexed       ``DataFrame``
list of any of these          a panel: series of any lengths                 list of the same
3-D array                     a panel ``(n_series, n_steps, n_targets)``     3-D array
long ``DataFrame``            a panel: columns ``unique_id, ds, y``          long ``DataFrame``
============================  =============================================  =========================

Series and frames of Polars are read alike; their time, if any, stands in a column ``ds``. A long frame may hold
exogenous variables beside ``y``.

Inside the library a panel is a list of ``(n_steps, n_targets)`` float64 arrays, one per series.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.series.calendars import Calendar, read_calendar
from forecasting.series.missing import impute
from forecasting.series.numbers import LARGEST, check_finite, to_float
from forecasting.series.polars_frames import column_names, from_polars, is_polars
from forecasting.series.rebuilding import ID, TARGET, TIME
from forecasting.series.rebuilding import rebuild as rebuild


class SeriesLayout(NamedTuple):
    """How one series was given: its container, and where its index stands.

    Parameters
    ----------
    kind : {"array", "series", "frame"}
    ndim : int
        1 if the container has no axis of targets.
    names : tuple
        Column names of a frame, or the one name of a Series; empty for arrays.
    calendar : Calendar or None
        None for arrays, and where Polars tells no time.
    library : {"", "polars"}
        Empty for NumPy and pandas.
    """

    kind: str
    ndim: int
    names: tuple = ()
    calendar: Calendar | None = None
    library: str = ""


class PanelLayout(NamedTuple):
    """How a panel was given: one layout per series, and what holds them together.

    Parameters
    ----------
    kind : {"single", "list", "stack", "long"}
        One series, a list, a 3-D array, or a long frame.
    parts : tuple of SeriesLayout
    ids : tuple
        The ``unique_id`` of each series of a long frame, in order of appearance.
    """

    kind: str
    parts: tuple
    ids: tuple = ()

    def advance(self, lengths: Any) -> "PanelLayout":
        """Return the layout after each series has grown by its number of steps in `lengths`."""
        parts = (
            part if part.calendar is None else part._replace(calendar=part.calendar.advance(n))
            for part, n in zip(self.parts, lengths)
        )
        return self._replace(parts=tuple(parts))

    def label(self, i: int) -> str:
        """Return words that point at series `i` in a message, empty for a single series."""
        if self.kind == "single":
            return ""
        return f" of series {self.ids[i]!r}" if self.ids else f" of series {i}"


class Panel(NamedTuple):
    """Series as arrays, with the layout to give answers back.

    Parameters
    ----------
    values : list of ndarray of shape (n_steps, n_targets)
        float64 copies, finite and not beyond ``LARGEST``.
    layout : PanelLayout
    observed : list of ndarray of shape (n_steps, n_targets), or None
        The same before a rule filled them: NaN is missing. None without a rule.
    """

    values: list
    layout: PanelLayout
    observed: list | None = None

    @property
    def lengths(self) -> list[int]:
        """Number of steps of each series."""
        return [len(values) for values in self.values]


class _RawSeries(NamedTuple):
    """One series before its index has been understood."""

    values: np.ndarray
    labels: pd.Index | None
    part: SeriesLayout


def read_panel(y: Any, argument: str = "y", missing: Any = None, *, keep_missing: bool = False) -> Panel:
    """Read one or many series from any container.

    Parameters
    ----------
    y : array-like, Series, DataFrame, list of them, 3-D array or long DataFrame
        See the table at the top of this module.
    argument : str, default="y"
        The argument's name in messages.
    missing : str or tuple, optional
        The rule that fills missing values, see `forecasting.series.missing`; they are refused without.
    keep_missing : bool, default=False
        Leave missing values (NaN) where they are, for those who have rules of their own.

    Returns
    -------
    Panel

    Raises
    ------
    TypeError
        If the container or its numbers are of no known kind.
    ValueError
        If it is empty, holds NaN, infinity or numbers beyond 1e100, if the series of a panel have different numbers
        of targets, or if an index has no regular step.

    Examples
    --------
    >>> panel = read_panel(pd.Series([1.0, 2.0, 4.0], index=pd.period_range("2024-11", periods=3, freq="M")))
    >>> panel.values[0].ravel(), str(panel.layout.parts[0].calendar.after(1)[0])
    (array([1., 2., 4.]), '2025-02')
    """
    kind, pieces, ids = _split(y, argument, (TARGET,))
    layout = PanelLayout(kind, (None,) * len(pieces), ids)
    parts = []
    for i, piece in enumerate(pieces):
        calendar = None if piece.labels is None else read_calendar(piece.labels, argument + layout.label(i))
        parts.append(piece.part._replace(calendar=calendar))
    values = []
    for i, piece in enumerate(pieces):
        where = argument + layout.label(i)
        if keep_missing:
            check_finite(piece.values, piece.labels, where, np.abs(piece.values) > LARGEST)
        values.append(piece.values if keep_missing else _whole(piece, where, missing))
    observed = None if missing is None else [piece.values for piece in pieces]
    return Panel(values, layout._replace(parts=tuple(parts)), observed)


def read_continuation(
    y: Any,
    layout: PanelLayout,
    n_targets: int,
    missing: Any = None,
    before: list | None = None,
    *,
    keep_missing: bool = False,
) -> list[np.ndarray]:
    """Read the observations that follow a known panel, series by series.

    Indexed input must start right after the last known stamp; arrays are taken to do so.

    Parameters
    ----------
    y : container
        As for :func:`read_panel`, with as many series as `layout` has (a long frame: the same ids).
    layout : PanelLayout
        What came before.
    n_targets : int
        Number of columns to expect.
    missing : str or tuple, optional
        The rule that fills missing values.
    before : list of ndarray, optional
        The observations so far, which the rule may need.
    keep_missing : bool, default=False
        Leave missing values (NaN) as they are.

    Returns
    -------
    list of ndarray of shape (n_steps, n_targets)
    """
    pieces = _matching(y, layout, "y", (TARGET,))
    series = []
    for i, (piece, part) in enumerate(zip(pieces, layout.parts)):
        where = "y" + layout.label(i)
        _check_width(piece, n_targets, part.names, where)
        if piece.labels is not None and part.calendar is not None:
            expected = part.calendar.after(len(piece.labels))
            rule = f"start right after the last observation ({part.calendar.cutoff}) and go on without gaps"
            part.calendar.check_equal(expected, piece.labels, where, rule)
        filled = _whole(piece, where, missing, None if before is None else before[i])
        series.append(piece.values if keep_missing else filled)
    return series


def read_exog(
    X: Any,
    layout: PanelLayout,
    lengths: list,
    *,
    future: bool,
    n_features: int | None = None,
    names: tuple = (),
    unknown: tuple = (),
    n_ahead: int = 0,
) -> tuple[list[np.ndarray], tuple]:
    """Read exogenous variables that go with a panel.

    Parameters
    ----------
    X : container
        As for :func:`read_panel`; a long frame has ``unique_id``, ``ds`` and one column per feature.
    layout : PanelLayout
        The series that `X` belongs to.
    lengths : list of int
        Number of rows to expect for each series.
    future : bool
        True if the rows follow the end of the series, False if they end with it.
    n_features : int, optional
        Number of columns to expect.
    names : tuple, default=()
        Column names to expect; empty if unknown.
    unknown : tuple of int, default=()
        Columns that may be missing in the last ``n_ahead`` rows of each series: NaN becomes 0 there.
    n_ahead : int, default=0
        Rows that are not observed yet; after those of a context, if ``future`` is False.

    Returns
    -------
    exog : list of ndarray of shape (n_steps, n_features)
    names : tuple
        Column names, empty if `X` has none.
    """
    of_context = n_ahead > 0 and not future
    pieces = _matching(X, layout, "X", None, owner="context" if of_context else "y")
    for i, (piece, part, n_steps) in enumerate(zip(pieces, layout.parts, lengths)):
        where = "X" + layout.label(i)
        if len(piece.values) != n_steps:
            steps = "the horizon" if future and n_ahead else "y"
            steps = (
                f"context ({n_steps - n_ahead}) and then of the horizon ({n_ahead})" if of_context else steps
            )
            raise ValueError(
                f"{where} has {len(piece.values)} rows, expected {n_steps} rows, one per step of {steps}"
            )
        _check_width(piece, n_features or pieces[0].values.shape[1], names or pieces[0].part.names, where)
        if piece.labels is not None and part.calendar is not None:
            expected = part.calendar.after(n_steps) if future else part.calendar.until(n_steps)
            rule = (
                f"have the {n_steps} labels after {part.calendar.cutoff}" if future else "have the index of y"
            )
            rule = f"have the index of context and the {n_ahead} labels after it" if of_context else rule
            part.calendar.check_equal(expected, piece.labels, where, rule)
    pieces = [_zero_where_unknown(piece, list(unknown), n_ahead) for piece in pieces]
    return [_whole(piece, "X" + layout.label(i)) for i, piece in enumerate(pieces)], pieces[0].part.names


def _zero_where_unknown(piece: _RawSeries, columns: list, n_ahead: int) -> _RawSeries:
    values = piece.values.copy()
    ahead = values[max(len(values) - n_ahead, 0) :]
    ahead[:, columns] = np.where(np.isnan(ahead[:, columns]), 0, ahead[:, columns])
    return piece._replace(values=values)


def split_covariates(y: Any, X: Any) -> tuple[Any, Any]:
    """Take the exogenous variables out of a long frame that holds them beside ``y``.

    Parameters
    ----------
    y, X : container or None

    Returns
    -------
    y, X : container or None
        As they came, unless `y` is a long frame with further columns and `X` is None.
    """
    columns = column_names(y)
    if X is not None or not {ID, TIME, TARGET} < set(columns):
        return y, X
    covariates = [name for name in columns if name != TARGET]
    return y[[ID, TIME, TARGET]], y[covariates]


def _split(y: Any, argument: str, long_columns: Any) -> tuple[str, list[_RawSeries], tuple]:
    """Tell one series from a panel, and take the panel apart: (kind, pieces, ids)."""
    if {ID, TIME} <= set(column_names(y)):
        return _split_long(y, argument, long_columns)
    if isinstance(y, np.ndarray) and y.ndim == 3:
        return "stack", [_read_piece(values, f"{argument} of series {i}") for i, values in enumerate(y)], ()
    if isinstance(y, (list, tuple)) and len(y) and not all(np.ndim(item) == 0 for item in y):
        if any(isinstance(item, (list, tuple)) for item in y):
            raise TypeError(
                f"{argument} is a list of lists, which may mean one multivariate series or several series: "
                f"pass np.asarray({argument}) for one series, a list of arrays for several"
            )
        return (
            "list",
            _equally_wide([_read_piece(v, f"{argument} of series {i}") for i, v in enumerate(y)], argument),
            (),
        )
    return "single", [_read_piece(y, argument)], ()


def _split_long(given: Any, argument: str, columns: Any) -> tuple[str, list[_RawSeries], tuple]:
    library = "polars" if is_polars(given) else ""
    frame = from_polars(given) if library else given
    wanted = [name for name in frame.columns if name not in (ID, TIME)]
    if columns is not None and tuple(wanted) != tuple(columns):
        raise ValueError(
            f"{argument} is a long frame with the columns {list(frame.columns)}, expected "
            f"{[ID, TIME, *columns]}: pass further columns as exogenous X"
        )
    if frame[[ID, TIME]].isna().to_numpy().any():
        raise ValueError(f"{argument} has missing values in {ID!r} or {TIME!r}: drop or repair these rows")
    pieces, ids = [], []
    for name, rows in frame.groupby(ID, sort=False, observed=True):
        where = f"{argument} of series {name!r}"
        body = rows[wanted].set_axis(pd.Index(rows[TIME], name=None), axis=0)
        piece = _read_piece(body[TARGET] if columns == (TARGET,) else body, where)
        pieces.append(piece._replace(part=piece.part._replace(library=library)))
        ids.append(name.item() if isinstance(name, np.generic) else name)
    if not ids:
        raise ValueError(f"{argument} is empty: a series needs at least one step")
    return "long", pieces, tuple(ids)


def _matching(
    y: Any, layout: PanelLayout, argument: str, long_columns: Any, owner: str = "y"
) -> list[_RawSeries]:
    """Take `y` apart into the series of `layout`, that of `owner`, in its order."""
    _, pieces, ids = _split(y, argument, long_columns)
    if len(pieces) != len(layout.parts):
        raise ValueError(
            f"{argument} has {len(pieces)} series, expected {len(layout.parts)}, one per series of {owner}"
        )
    if ids and layout.ids:
        if set(ids) != set(layout.ids):
            missing = sorted(map(repr, set(layout.ids) ^ set(ids)))
            raise ValueError(
                f"{argument} must have the same {ID} values as {owner}; these differ: {', '.join(missing)}"
            )
        return [pieces[ids.index(name)] for name in layout.ids]
    return pieces


def _equally_wide(pieces: list[_RawSeries], argument: str) -> list[_RawSeries]:
    widths = [piece.values.shape[1] for piece in pieces]
    if len(set(widths)) > 1:
        odd = next(i for i, width in enumerate(widths) if width != widths[0])
        raise ValueError(
            f"{argument} must have the same number of columns in every series: series 0 has {widths[0]}, "
            f"series {odd} has {widths[odd]}"
        )
    frames = [(i, piece.part.names) for i, piece in enumerate(pieces) if piece.part.kind == "frame"]
    for i, names in frames:
        if names != frames[0][1]:
            raise ValueError(
                f"{argument} must have the same columns in every series: series {frames[0][0]} has "
                f"{list(frames[0][1])}, series {i} has {list(names)}"
            )
    return pieces


def _check_width(piece: _RawSeries, n_columns: int, names: tuple, where: str) -> None:
    if piece.values.shape[1] != n_columns:
        raise ValueError(f"{where} has {piece.values.shape[1]} column(s), expected {n_columns} as in fit")
    if piece.part.kind == "frame" and len(names) == n_columns and piece.part.names != names:
        raise ValueError(
            f"{where} has the columns {list(piece.part.names)}, expected {list(names)} as in fit"
        )


def _read_piece(y: Any, where: str) -> _RawSeries:
    if is_polars(y):
        frame = from_polars(y)
        timed = isinstance(frame, pd.DataFrame) and TIME in frame.columns
        piece = _read_piece(frame.set_index(TIME) if timed else frame, where)
        return piece._replace(
            labels=piece.labels if timed else None, part=piece.part._replace(library="polars")
        )
    if isinstance(y, pd.DataFrame):
        if y.columns.has_duplicates:
            raise ValueError(
                f"{where} has the column {y.columns[y.columns.duplicated()][0]!r} twice: rename it"
            )
        part = SeriesLayout("frame", 2, tuple(y.columns))
    elif isinstance(y, pd.Series):
        part = SeriesLayout("series", 1, (y.name,))
    elif isinstance(y, (pd.Index, pd.api.extensions.ExtensionArray)) or np.ndim(y) == 0:
        raise TypeError(
            f"{where} is a {type(y).__name__}: pass an array, a pandas Series or DataFrame, or a list of them"
        )
    else:
        part = SeriesLayout("array", np.ndim(y))
    index = y.index if part.kind != "array" else None
    values = to_float(y, where)
    if values.ndim > 2:
        raise ValueError(
            f"{where} has {values.ndim} dimensions: one series has 1, or 2 if it has several columns"
        )
    if values.ndim == 1:
        values = values[:, np.newaxis]
    if values.size == 0:
        raise ValueError(
            f"{where} is empty, of shape {np.shape(y)}: a series needs at least one step and one column"
        )
    return _RawSeries(values, index, part)


def _whole(
    piece: _RawSeries, where: str, missing: Any = None, before: np.ndarray | None = None
) -> np.ndarray:
    """Return the values without missing ones: filled by a rule, or refused."""
    values = piece.values if missing is None else impute(piece.values, missing, where, before)
    check_finite(values, piece.labels, where)
    return values
