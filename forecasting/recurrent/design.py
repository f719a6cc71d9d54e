"""From the parameters of a recurrent forecaster to its network, and the units of its windows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import clone

from forecasting.networks.cells import CELLS
from forecasting.networks.heads import Head, make_head
from forecasting.networks.stack import Stack
from forecasting.recurrent.window_network import Network
from forecasting.series.calendar_features import calendar_width

_N_UNITS = 32


def designed(forecaster: Any, n_exog: int) -> Network:
    """Return the network that a `RecurrentForecaster` asks for.

    Parameters
    ----------
    forecaster : RecurrentForecaster
        Its parameters are checked one by one already; here they are checked beside each other.
    n_exog : int

    Raises
    ------
    ValueError
        If parameters contradict each other.
    """
    segment, window = int(forecaster.segment_length), forecaster._window()
    if forecaster.strategy == "recursive" and (segment > 1 or forecaster.linear_skip):
        raise ValueError(
            f"strategy='recursive' goes step by step: segment_length={segment} and "
            f"linear_skip={forecaster.linear_skip!r} need strategy='direct' or 'segments'"
        )
    if window % segment:
        raise ValueError(
            f"window={window} is no multiple of segment_length={segment}: the stack reads whole segments"
        )
    head = make_head(forecaster.head)
    if head.counts and forecaster.linear_skip == "ridge":
        raise ValueError(
            f"linear_skip='ridge' forecasts values, not the logarithms of means that head={forecaster.head!r} has: "
            "take another head, such as 'gaussian' or 'quantile', or linear_skip=True"
        )
    stack = forecaster._stack()
    default = stack.n_units if forecaster.strategy == "segments" else 0
    return Network(
        stack=stack,
        head=head,
        strategy=forecaster.strategy,
        window=window,
        horizon=int(forecaster.max_horizon),
        segment_length=segment,
        projection=int(forecaster.projection or default),
        linear_skip=forecaster.linear_skip,
        dropout=float(forecaster.dropout),
        n_targets=forecaster.n_targets_,
        n_exog=n_exog,
    )


def window_units(forecaster: Any, head: Head) -> tuple[str | None, str | None]:
    """Return what is subtracted from windows and what they are divided by, as `units_of` takes them."""
    centre, scale = forecaster.window_centre, forecaster.window_scale
    if not head.counts:
        scale = "std" if scale == "auto" else scale
        if scale == "std" and forecaster._window() == 1:
            raise ValueError(
                f"window=1 holds one value, which has no standard deviation, but window_scale="
                f"{forecaster.window_scale!r} divides by it: take a longer window, or window_scale='mean' or None"
            )
        return ("last" if centre == "auto" else centre), scale
    if (centre, scale) != ("auto", "auto"):
        raise ValueError(
            f"counts are neither centred nor divided: head={forecaster.head!r} needs window_centre='auto' and "
            f"window_scale='auto', got {centre!r} and {scale!r}"
        )
    return None, None


def past_columns(forecaster: Any, n_exog: int) -> tuple[int, ...]:
    """Return the columns of the exogenous variables that end at the origin; the calendar's, the last, never do."""
    columns, n_exog = tuple(forecaster.past_only), n_exog - calendar_width(forecaster._calendar())
    if columns and forecaster.strategy == "recursive":
        raise ValueError(
            f"strategy='recursive' reads X of every step that it forecasts: past_only={columns} needs "
            "strategy='direct' or 'segments'"
        )
    if not all(isinstance(column, int | np.integer) and 0 <= column < n_exog for column in columns):
        have = f"numbers from 0 to {n_exog - 1}" if n_exog else "and there is no X"
        raise ValueError(f"past_only={columns} must be columns of X, {have}")
    return tuple(int(column) for column in columns)


def window_length(forecaster: Any) -> int:
    """Return how many steps are read: if that is open twice the horizon, in whole segments."""
    if forecaster.window is not None:
        return int(forecaster.window)
    segment = int(forecaster.segment_length)
    return -(-2 * int(forecaster.max_horizon) // segment) * segment


def stack_of(forecaster: Any) -> Stack:
    """Return the layers that ``cell``, ``n_units`` and ``n_layers`` describe."""
    cell, n_units, n_layers = forecaster.cell, forecaster.n_units, forecaster.n_layers
    cell = forecaster._default_cell if cell is None else cell
    if isinstance(cell, str):
        stack = Stack(CELLS[cell](n_units=n_units or _N_UNITS), n_layers=n_layers or 1)
    elif n_units is not None or (n_layers is not None and isinstance(cell, Stack)):
        raise ValueError(
            f"cell={cell!r} brings its own size, but n_units={n_units} and n_layers={n_layers} were given too: "
            "leave them out, or give the cell by name"
        )
    else:
        stack = clone(cell) if isinstance(cell, Stack) else Stack(clone(cell), n_layers=n_layers or 1)
    stack._validate_params()
    if not isinstance(stack.cell, forecaster._kind_of_cell):
        raise ValueError(
            f"{type(forecaster).__name__} is made of {forecaster._kind_of_cell.__name__} cells, got cell={cell!r}: "
            "use RecurrentForecaster"
        )
    return stack


def check_counts(series: list) -> None:
    """Raise if a series holds anything but counts 0, 1, 2, ..."""
    for i, y in enumerate(series):
        wrong = np.flatnonzero(((y < 0) | (y != np.rint(y))).any(axis=1))
        if wrong.size:
            found = ", ".join(f"{value:.6g}" for value in y[wrong[0]])
            raise ValueError(
                f"the head needs counts, whole numbers from 0 on, but series {i} of y or context is {found} at step "
                f"{wrong[0]}: round it, or take another head, such as 'gaussian' or 'quantile'"
            )
