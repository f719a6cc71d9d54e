"""Answers back in the container that came in, its index continued."""

from typing import Any

import numpy as np
import pandas as pd

from forecasting.series.polars_frames import to_polars

ID, TIME, TARGET = "unique_id", "ds", "y"


def rebuild(layout: Any, steps: np.ndarray, values: list, labels: Any = None) -> Any:
    """Give an answer back in the container that came in, its index continued.

    Parameters
    ----------
    layout : PanelLayout
        See `forecasting.series.arrays`.
    steps : ndarray of int
        Steps after the end of the series, (n_steps,).
    values : list of ndarray
        ``(n_steps, n_targets)`` per series, or ``(n_steps, n_targets, n_labels)`` with `labels`.
    labels : sequence, optional
        Names along the last axis (``("lower", "upper")``, quantiles, numbers of samples). A Series becomes a
        frame with one column per label; a frame becomes one whose columns have two levels, the label
        outermost (so that ``answer["lower"]`` is laid out like a point forecast); arrays get the labels as
        their last axis.

    Returns
    -------
    ndarray, Series, DataFrame, or a list of them
    """
    if layout.kind == "long":
        frame = _rebuild_long(layout, steps, values, labels)
        return to_polars(frame) if layout.parts[0].library == "polars" else frame
    answers = [
        _rebuild_one(part, steps, part_values, labels) for part, part_values in zip(layout.parts, values)
    ]
    if layout.kind == "stack":
        return np.stack(answers)
    return answers[0] if layout.kind == "single" else answers


def _rebuild_one(part, steps, values, labels):
    if part.kind == "array":
        return values[:, 0] if part.ndim == 1 else values
    answer = _rebuild_pandas(part, steps, values, labels)
    if part.library != "polars":
        return answer
    return to_polars(answer, time="" if part.calendar is None else part.calendar.name)


def _rebuild_pandas(part, steps, values, labels):
    index = None
    if part.calendar is not None:
        index = part.calendar.after(int(steps[-1]))
        if len(steps) < len(index):  # a full slice keeps the index's freq
            index = index[steps - 1]
    if part.kind == "series":
        if labels is None:
            return pd.Series(values[:, 0], index=index, name=part.names[0])
        return pd.DataFrame(values[:, 0], index=index, columns=pd.Index(labels))
    if labels is None:
        return pd.DataFrame(values, index=index, columns=pd.Index(part.names))
    names = [name if isinstance(name, tuple) else (name,) for name in part.names]  # columns of several levels
    columns = pd.MultiIndex.from_tuples([(label, *name) for label in labels for name in names])
    return pd.DataFrame(np.swapaxes(values, 1, 2).reshape(len(steps), -1), index=index, columns=columns)


def _rebuild_long(layout, steps, values, labels):
    frames = []
    for name, part, part_values in zip(layout.ids, layout.parts, values):
        answer = _rebuild_pandas(part, steps, part_values, labels)
        frame = answer.to_frame(TARGET) if labels is None else answer
        keys = pd.DataFrame({ID: [name] * len(frame), TIME: frame.index})
        frames.append(pd.concat([keys, frame.reset_index(drop=True)], axis=1))
    return pd.concat(frames, ignore_index=True)


def take_apart(layout: Any, answer: Any, n_targets: int, n_labels: int = 1) -> list[np.ndarray]:
    """Return the numbers of an answer that :func:`rebuild` gave.

    Parameters
    ----------
    layout : PanelLayout
    answer : container
    n_targets : int
    n_labels : int, default=1
        How many labels it has, 1 without.

    Returns
    -------
    list of ndarray of shape (n_steps, n_targets, n_labels)
        One per series.
    """
    if layout.kind == "long":
        columns = [np.asarray(answer[name], dtype=float) for name in answer.columns if name not in (ID, TIME)]
        return list(np.stack(columns, axis=-1).reshape(len(layout.ids), -1, 1, n_labels))
    arrays = []
    for part, one in zip(layout.parts, [answer] if layout.kind == "single" else answer):
        if part.library == "polars" and part.calendar is not None:
            one = one.drop(part.calendar.name)
        values = np.asarray(one, dtype=float)
        if part.kind == "array":
            arrays.append(values.reshape(len(values), n_targets, n_labels))
        else:  # the label is outermost in the columns of a frame
            arrays.append(values.reshape(len(values), n_labels, n_targets).swapaxes(1, 2))
    return arrays
