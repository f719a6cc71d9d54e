"""What every diagnostic asks of its arguments."""

from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from reservoir.contracts.series_layout import stack
from reservoir.reservoirs.base_reservoir import Reservoir


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``, or raise ValueError by name."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def positive(name: str, value: Any) -> float:
    """Return a positive finite number, or raise ValueError by name."""
    if not isinstance(value, Real) or not 0 < float(value) < np.inf:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(value)


def drawn_for_one_input(reservoir: Reservoir) -> Reservoir:
    """Return a reservoir that reads one input: itself if it was fitted for one, else a fitted clone."""
    if not hasattr(reservoir, "n_features_in_"):
        return clone(reservoir).fit(np.zeros((1, 1)))
    if reservoir.n_features_in_ != 1:
        raise ValueError(
            f"the reservoir was fitted for {reservoir.n_features_in_} inputs, memory is measured with one: give it "
            "unfitted or fitted for one input"
        )
    return reservoir


def let_learn(drawn: Reservoir, given: Reservoir, inputs: np.ndarray) -> None:
    """Let a reservoir that was drawn here, not given fitted, learn from the inputs what it learns without targets."""
    if drawn is not given:
        drawn.pretrain(*stack(inputs))


def one_series(reservoir: Reservoir, X: Any) -> np.ndarray:
    """Return inputs of a fitted reservoir as a finite float64 array (n_steps, n_features), or raise ValueError."""
    check_is_fitted(reservoir)
    rows = np.asarray(X, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != reservoir.n_features_in_ or len(rows) == 0:
        raise ValueError(
            f"X has shape {rows.shape}, expected (n_steps, {reservoir.n_features_in_}), one series"
        )
    if not np.isfinite(rows).all():
        raise ValueError("X holds NaN or infinity: fill gaps, or cut them off")
    return rows


def table_of(name: str, values: Any) -> np.ndarray:
    """Return a series as a finite float64 array (n_steps, n_dims), or raise ValueError by name."""
    rows = np.asarray(values, dtype=float)
    rows = rows[:, np.newaxis] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.size == 0:
        raise ValueError(f"{name} has shape {np.shape(values)}, expected (n_steps,) or (n_steps, n_dims)")
    if not np.isfinite(rows).all():
        raise ValueError(f"{name} holds NaN or infinity: cut it off before, or see where the run diverged")
    return rows


def spread_of(rows: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each column; 0 where it is no more than rounding."""
    spread = rows.std(axis=0)
    return np.where(spread > 10 * np.finfo(float).eps * np.abs(rows).max(axis=0), spread, 0.0)
