"""Missing observations: named rules that fill them, for a user to choose; without one they are refused."""

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import numpy as np
import pandas as pd

from forecasting.series.numbers import to_float


def _previous(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the index of the last known value before each step, -1 if there is none."""
    return np.maximum.accumulate(np.where(known, np.arange(len(values)), -1))


def fill_previous(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Repeat the last observation; what comes before the first one stays missing."""
    last = _previous(values, known)
    return np.where(last >= 0, values[np.maximum(last, 0)], np.nan)


def fill_linear(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Join the observations on both sides by a straight line, and repeat the outermost ones at the ends."""
    steps = np.arange(len(values))
    return np.interp(steps, steps[known], values[known])


def fill_mean(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put the mean of all observations."""
    return np.where(known, values, values[known].mean())


def fill_zero(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Put zero: where nothing was recorded, nothing happened."""
    return np.where(known, values, 0.0)


def fill_seasonal(values: np.ndarray, known: np.ndarray, season_length: int) -> np.ndarray:
    """Repeat the observation one season before, or more seasons; the first season takes from the next ones."""
    filled = values.copy()
    for start in range(min(season_length, len(values))):
        phase = slice(start, None, season_length)
        if known[phase].any():
            forwards = fill_previous(values[phase], known[phase])
            filled[phase] = fill_previous(forwards[::-1], ~np.isnan(forwards[::-1]))[::-1]
    return filled


IMPUTATIONS: dict[str, Callable[..., np.ndarray]] = {
    "previous": fill_previous,
    "linear": fill_linear,
    "mean": fill_mean,
    "zero": fill_zero,
    "seasonal": fill_seasonal,
}


def impute(values: np.ndarray, rule: Any, where: str, before: np.ndarray | None = None) -> np.ndarray:
    """Fill the missing observations of a series.

    Parameters
    ----------
    values : ndarray of shape (n_steps, n_targets)
        NaN is missing.
    rule : str or ("seasonal", int)
        A key of ``IMPUTATIONS``; "seasonal" needs a season length.
    where : str
        The series, in messages.
    before : ndarray of shape (n_before, n_targets), optional
        Observations before it, none missing.

    Returns
    -------
    ndarray of shape (n_steps, n_targets)

    Raises
    ------
    ValueError
        If the rule is unknown, or cannot fill a value.

    Examples
    --------
    >>> y = np.array([[1.0], [np.nan], [3.0], [np.nan]])
    >>> [impute(y, rule, "y").ravel().tolist() for rule in ("previous", "linear", "mean", "zero")]
    [[1.0, 1.0, 3.0, 3.0], [1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0, 2.0], [1.0, 0.0, 3.0, 0.0]]
    """
    fill, options = _read_rule(rule)
    if not np.isnan(values).any():
        return values
    whole = values if before is None else np.concatenate([before, values])
    filled = whole.copy()
    for j, column in enumerate(whole.T):
        known = ~np.isnan(column)
        if not known.any():
            raise ValueError(f"{where} has no observation in column {j}: leave this series out")
        filled[:, j] = fill(column, known, *options)
    filled = filled[len(whole) - len(values) :]
    if np.isnan(filled).any():
        step = int(np.argmax(np.isnan(filled).any(axis=1)))
        raise ValueError(
            f"{where} is missing at step {step}, and the rule {rule!r} finds nothing to put there: cut the series "
            "before, or choose another rule, such as 'linear'"
        )
    return filled


def impute_in_time(values: np.ndarray, rule: Any, where: str, n_first: int) -> np.ndarray:
    """Fill the first part of a series from itself, and each later step from the steps before it alone.

    So what stands at a step is what a forecaster would have known there that was fitted on the first part and then
    updated step by step.

    Parameters
    ----------
    values : ndarray of shape (n_steps, n_targets)
        NaN is missing.
    rule, where
        As for `impute`.
    n_first : int
        Steps of the first part.

    Returns
    -------
    ndarray of shape (n_steps, n_targets)

    Examples
    --------
    >>> y = np.array([[1.0], [np.nan], [3.0], [np.nan], [7.0]])
    >>> impute_in_time(y, "linear", "y", 3).ravel().tolist()
    [1.0, 2.0, 3.0, 3.0, 7.0]
    """
    filled = values.copy()
    filled[:n_first] = impute(values[:n_first], rule, where)
    for t in n_first + np.flatnonzero(np.isnan(values[n_first:]).any(axis=1)):
        filled[t] = impute(values[t : t + 1], rule, where, filled[:t])[0]
    return filled


def shared_rule(rules: Iterable[Any]) -> Any:
    """Return the rule that all share; None where they differ, or there is none."""
    known = list(rules)
    return known[0] if known and all(rule == known[0] for rule in known) else None


def _read_rule(rule: Any) -> tuple[Callable, tuple]:
    name, *options = (rule,) if isinstance(rule, str) else tuple(rule) or (None,)
    counts = [isinstance(option, Integral) and int(option) >= 1 for option in options]
    if name not in IMPUTATIONS or counts != [True] * (name == "seasonal"):
        names = ", ".join(repr(known) for known in IMPUTATIONS if known != "seasonal")
        raise ValueError(f"missing={rule!r} is no rule: choose from {names}, ('seasonal', 12)")
    return IMPUTATIONS[name], tuple(options)


def impute_container(y: pd.Series | pd.DataFrame, rule: Any, where: str) -> pd.Series | pd.DataFrame:
    """Fill the missing observations of a Series or of every column of a frame."""
    values = impute(to_float(y, where).reshape(len(y), -1), rule, where)
    if isinstance(y, pd.Series):
        return pd.Series(values[:, 0], y.index, name=y.name)
    return pd.DataFrame(values, y.index, columns=y.columns)
