"""One or many series <-> one stacked array.

Rows are consecutive time steps. Many series come as a list of ``(n_steps, n_features)`` arrays of any
lengths, as one array ``(n_series, n_steps, n_features)``, or stacked in one ``(n_rows, n_features)`` array with
a label per row in ``groups``; inside the package they are always stacked, with the lengths beside them.

A list of lists of numbers is one series, row by row. A list of one-dimensional arrays alone is refused: it could be
rows, or series of one feature as `forecasting` reads it.
"""

import sys
from typing import NamedTuple

import numpy as np
from sklearn.utils.validation import check_consistent_length, column_or_1d


class Layout(NamedTuple):
    """How stacked rows came in, so that what comes out looks the same.

    Attributes
    ----------
    lengths : ndarray of int, shape (n_series,)
        Number of rows of each series, in order.
    kind : {"single", "stacked", "list", "array"}
        One series; rows with groups; a list; a three-dimensional array.
    """

    lengths: np.ndarray
    kind: str

    @property
    def starts(self) -> np.ndarray:
        """First row of each series."""
        starts = np.zeros(len(self.lengths), dtype=np.intp)
        if len(starts) > 1:
            np.cumsum(self.lengths[:-1], out=starts[1:])
        return starts

    @property
    def is_single(self) -> bool:
        """Whether one series came in without groups."""
        return self.kind == "single"

    def restore(self, rows):
        """Give stacked rows the form in which the series came in."""
        if self.kind == "list":
            return [rows[start : start + n] for start, n in zip(self.starts, self.lengths)]
        if self.kind == "array":
            return rows.reshape(len(self.lengths), self.lengths[0], *rows.shape[1:])
        return rows


def stack(X, groups=None):
    """Stack one or many series.

    Parameters
    ----------
    X : array-like or list of array-like
        See the module.
    groups : array-like of shape (n_rows,), optional
        Label of the series of each row; only for two-dimensional ``X``. The rows of one series stand
        together, in time order.

    Returns
    -------
    rows : array-like of shape (n_rows, n_features)
        ``X`` itself if it was two-dimensional (not yet validated).
    layout : Layout

    Raises
    ------
    ValueError
        If series are empty or of different widths, if groups are given beside a list, if the rows of a group
        do not stand together, if a list holds one-dimensional arrays, if values are masked.

    Examples
    --------
    >>> rows, layout = stack([np.zeros((3, 2)), np.zeros((5, 2))])
    >>> rows.shape, layout.lengths.tolist()
    ((8, 2), [3, 5])
    """
    refuse_masked(X, "X")
    is_list = _is_list_of_series(X)
    if is_list or getattr(X, "ndim", 2) == 3:
        if groups is not None:
            raise ValueError(
                "groups is for rows stacked in one two-dimensional X, but X is a "
                f"{'list of series' if is_list else 'three-dimensional array'}: leave groups out"
            )
        return (_stack_list(X), Layout(_lengths(X), "list")) if is_list else _flatten(np.asarray(X))
    if not hasattr(X, "shape"):
        _refuse_flat_series(X)
        X = np.asarray(X)
    n_rows = X.shape[0] if len(X.shape) else 0  # a scalar is for validation to refuse
    if groups is None:
        return X, Layout(np.array([n_rows]), "single")
    groups = column_or_1d(np.asarray(groups))
    check_consistent_length(X, groups)
    return X, Layout(_run_lengths(groups), "stacked")


def stack_targets(y, layout: Layout):
    """Stack targets that came in the form of ``X``; other forms are returned as they are.

    Raises
    ------
    ValueError
        If a list of targets does not match the series of ``X``, or values are masked.
    """
    refuse_masked(y, "y")
    if layout.kind == "list" and _is_list_of_arrays(y):
        lengths = _lengths(y)
        if lengths.tolist() != layout.lengths.tolist():
            raise ValueError(
                f"y has series of {_shown(lengths)} rows, X of {_shown(layout.lengths)}: each series of y needs as "
                "many rows as its series of X"
            )
        return np.concatenate([np.asarray(v) for v in y])
    if layout.kind == "array" and np.ndim(y) >= 2:
        y = np.asarray(y)
        if y.shape[:2] == (len(layout.lengths), layout.lengths[0]):
            return y.reshape(-1, *y.shape[2:])
    return y


def _is_list_of_series(X) -> bool:
    return isinstance(X, (list, tuple)) and len(X) > 0 and all(np.ndim(v) == 2 for v in X)


def _is_list_of_arrays(y) -> bool:
    return isinstance(y, (list, tuple)) and len(y) > 0 and all(np.ndim(v) >= 1 for v in y)


def _lengths(series) -> np.ndarray:
    return np.array([len(v) for v in series])


def _stack_list(X):
    widths = [np.shape(v)[1] for v in X]
    lengths = _lengths(X)
    if lengths.min() == 0:
        raise ValueError(f"series {int(lengths.argmin())} of X is empty: leave it out")
    if len(set(widths)) > 1:
        odd = next(i for i, width in enumerate(widths) if width != widths[0])
        raise ValueError(
            f"series {odd} of X has {widths[odd]} features, series 0 has {widths[0]}: all series need the same"
        )
    pandas = sys.modules.get("pandas")
    if pandas is None or not all(isinstance(v, pandas.DataFrame) for v in X):
        return np.concatenate([np.asarray(v) for v in X])
    for i, frame in enumerate(X):
        if list(frame.columns) != list(X[0].columns):
            raise ValueError(
                f"series {i} of X has the columns {list(frame.columns)}, series 0 has {list(X[0].columns)}: all "
                "series need the same"
            )
    return pandas.concat(X)  # keeps the names for validation


def refuse_masked(values, name: str) -> None:
    """Refuse masked values, which NumPy would take for numbers; ``values`` is an array or a list of them.

    Raises
    ------
    ValueError
        If there are any.
    """
    parts = values if isinstance(values, (list, tuple)) else [values]
    if any(np.ma.is_masked(part) for part in parts if isinstance(part, np.ma.MaskedArray)):
        raise ValueError(f"{name} holds masked values: fill them in, or leave out these rows")


def _refuse_flat_series(X) -> None:
    if not (isinstance(X, (list, tuple)) and len(X) and all(np.ndim(v) == 1 for v in X)):
        return
    lengths = _lengths(X)
    if lengths.min() < lengths.max():
        raise ValueError(
            f"X is a list of one-dimensional series of {_shown(lengths)} steps: give each the shape (n_steps, 1)"
        )
    if all(hasattr(v, "shape") for v in X):
        raise ValueError(
            f"X is a list of {len(X)} one-dimensional arrays of {lengths[0]} numbers, rows or series of one feature: "
            "give rows as np.array(X), series as arrays of shape (n_steps, 1)"
        )


def _flatten(X):
    n_series, n_steps, n_features = X.shape
    if n_series == 0 or n_steps == 0:
        raise ValueError(f"X of shape {X.shape} is empty: it needs at least one series of one step")
    return X.reshape(-1, n_features), Layout(np.full(n_series, n_steps), "array")


def _run_lengths(groups) -> np.ndarray:
    starts = np.flatnonzero(np.concatenate([[True], groups[1:] != groups[:-1]]))
    labels = groups[starts]
    values, counts = np.unique(labels, return_counts=True)
    if (counts > 1).any():
        torn = values[counts > 1].tolist()[0]
        raise ValueError(
            f"the rows of group {torn!r} do not stand together: sort X, y and groups so that each "
            "series is one run of consecutive rows in time order"
        )
    return np.diff(np.concatenate([starts, [len(groups)]]))


def _shown(lengths) -> str:
    text = ", ".join(str(int(n)) for n in lengths[:5])
    return f"[{text}, ...]" if len(lengths) > 5 else f"[{text}]"
