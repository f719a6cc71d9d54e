"""The horizon: which steps after the end of a series are asked for."""

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecasting.series.arrays import PanelLayout


class Horizon(NamedTuple):
    """Steps after the last observation.

    Parameters
    ----------
    steps : ndarray of int64, shape (n,)
        Strictly increasing; 1 is the first step after the last observation.
    """

    steps: np.ndarray

    @property
    def n_steps(self) -> int:
        """How far the forecast must run: the last step asked for."""
        return int(self.steps[-1])


def read_horizon(horizon: Any, layout: PanelLayout) -> Horizon:
    """Read a horizon.

    Parameters
    ----------
    horizon : int, array-like of int, or pandas index
        An int `h` means the steps ``1 ... h``; an array names the steps; an index names the labels after the
        last observation (``DatetimeIndex``, ``PeriodIndex``, or integers for a series indexed by integers).
    layout : PanelLayout
        The series that are forecast.

    Returns
    -------
    Horizon

    Raises
    ------
    TypeError
        If it is of another kind.
    ValueError
        If it is empty, not positive, not strictly increasing, or if a label is not after the last
        observation.

    Examples
    --------
    >>> from forecasting.series.arrays import read_panel
    >>> layout = read_panel([1.0, 2.0]).layout
    >>> read_horizon(3, layout).steps, read_horizon([2, 5], layout).steps
    (array([1, 2, 3]), array([2, 5]))
    """
    if isinstance(horizon, pd.Index):
        steps = _steps_of_index(horizon, layout)
    elif isinstance(horizon, Integral) and not isinstance(horizon, bool):
        if horizon < 1:
            raise ValueError(
                f"horizon={horizon} must be at least 1: the first step after the last observation"
            )
        return Horizon(np.arange(1, int(horizon) + 1, dtype=np.int64))
    else:
        steps = np.asarray(horizon)
        if steps.ndim != 1 or (steps.size and steps.dtype.kind not in "iu"):
            raise TypeError(
                f"horizon={horizon!r} must be an int, a 1-D array of int steps, or a pandas index of labels "
                "after the last observation"
            )
        steps = steps.astype(np.int64)
    if steps.size == 0:
        raise ValueError("horizon is empty: name at least one step")
    if steps[0] < 1 or (np.diff(steps) < 1).any():
        raise ValueError(
            f"horizon={horizon!r} must be positive and strictly increasing: sort it and drop repeated steps"
        )
    return Horizon(steps)


def _steps_of_index(index: pd.Index, layout: PanelLayout) -> np.ndarray:
    calendars = [part.calendar for part in layout.parts]
    if any(calendar is None for calendar in calendars):
        raise ValueError("horizon is a pandas index, but y has no index: give the number of steps as an int")
    steps = [calendar.steps_to(index, "horizon") for calendar in calendars]
    if any((other != steps[0]).any() for other in steps):
        raise ValueError(
            "horizon is a pandas index, but the series end at different labels: give a number of steps"
        )
    return steps[0]
