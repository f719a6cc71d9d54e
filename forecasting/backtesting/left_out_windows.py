"""Windows left out of the middle of a series: every part of it judges, and nearly all of it trains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from forecasting.backtesting.rolling_origin import series_length


@dataclass(frozen=True)
class LeaveWindowOut:
    """Blocked cross-validation: each window is a test, and all other steps train, those after it too.

    ::

        train train | test test | train train train train train
        train train train train train | test test | train train

    For choosing among settings where the law of the series does not change: no window sees the true future alone,
    but the training sets are as long as the one of the final fit, and the windows lie all over the series. Its
    errors are not an estimate of future errors; `RollingOrigin` gives one. Only `tune` over a reservoir forecaster
    can train on both sides of a window.

    Parameters
    ----------
    horizon : int
        Steps in a window.
    n_windows : int, default=5
        Windows, evenly spread over the steps after ``initial``; they overlap if there is no room, and are fewer if
        there are fewer places to begin.
    initial : int, optional
        Steps before the first window; by default ``horizon``, but no more than a fifth of the series.

    Raises
    ------
    ValueError
        If a number is out of range or (in `split`) the series is too short.

    References
    ----------
    C. Bergmeir and J. M. Benitez, On the use of cross-validation for time series predictor evaluation, Information
    Sciences 191 (2012) 192-213.

    Examples
    --------
    >>> for train, test in LeaveWindowOut(2, n_windows=2, initial=3).split(range(8)):
    ...     print(train, test)
    [0 1 2 5 6 7] [3 4]
    [0 1 2 3 4 5] [6 7]
    """

    horizon: int
    n_windows: int = field(default=5, kw_only=True)
    initial: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("horizon", "n_windows", "initial"):
            value = getattr(self, name)
            if value is None and name == "initial":
                continue
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be an integer of at least 1; got {value!r}.")

    def starts(self, n_steps: int) -> np.ndarray:
        """Return the first steps of the windows, in order.

        Parameters
        ----------
        n_steps : int
            Of the series.

        Returns
        -------
        ndarray of int
        """
        first = min(self.horizon, n_steps // 5) if self.initial is None else self.initial
        last = n_steps - self.horizon
        if last < max(first, 1):
            raise ValueError(
                f"the series has {n_steps} steps but {self!r} needs at least {max(first, 1) + self.horizon}; "
                "use a shorter horizon or a smaller initial."
            )
        return np.unique(np.linspace(max(first, 1), last, self.n_windows).round().astype(int))

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of windows.

        Parameters
        ----------
        X : array-like, optional
            Of the series' length: a short one has room for fewer.
        y, groups : ignored
            For scikit-learn.

        Returns
        -------
        int
        """
        return int(self.n_windows) if X is None else len(self.starts(series_length(X)))

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the training and test positions of each window, oldest first.

        Parameters
        ----------
        X : sized
            The series, or anything of its length.
        y, groups : ignored
            For scikit-learn.

        Yields
        ------
        train, test : ndarray of int
        """
        n_steps = series_length(X)
        for start in self.starts(n_steps):
            test = np.arange(start, start + self.horizon)
            yield np.setdiff1d(np.arange(n_steps), test), test
