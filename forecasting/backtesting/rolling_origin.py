"""Rolling origins: where a series is cut, so that a forecaster is tested as it will be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from numbers import Integral
from typing import Any

import numpy as np

from forecasting.series.polars_frames import column_names
from forecasting.series.rebuilding import ID, TIME


@dataclass(frozen=True)
class RollingOrigin:
    """Train on the past, test on the next ``horizon`` steps, move on, repeat until the series ends.

    ::

        gap=0            train train train train | test test
                         train train train train   train train | test test          stride = horizon
        window=4                     train train   train train | test test          sliding instead of
        expanding

    Works wherever scikit-learn takes ``cv=``. With a ``gap`` its searches over forecasters need the scorer
    ``forecast_scorer(..., gap=)``, as with ``TimeSeriesSplit(gap=)``: by default they take a test to begin right
    after the training set, which an index contradicts with an error, but an array cannot.

    Parameters
    ----------
    horizon : int
        Steps in a test window.
    n_windows : int or None, default=5
        Number of test windows; None means as many as fit after ``initial``.
    stride : int, optional
        Steps from one origin to the next; by default ``horizon``, so that test windows touch and do not
        overlap. With a stride that is a multiple of the season every origin lies at the same point of the
        season; choose another one if that would flatter a method.
    initial : int, optional
        Least length of the first training set; by default ``window``, else 1.
    window : int, optional
        Length of every training set, which then slides; shorter ones come first where ``initial`` is less. By default
        it starts at the first step and expands.
    gap : int, default=0
        Steps between the last training step and the first test step (a delay until data arrive).

    Raises
    ------
    ValueError
        If a number is out of range, ``n_windows`` is None with neither ``initial`` nor ``window``, or (in
        `split`) the series is too short.

    References
    ----------
    L. J. Tashman (2000), "Out-of-sample tests of forecasting accuracy: an analysis and review", International
    Journal of Forecasting 16(4), 437-450.

    Examples
    --------
    >>> for train, test in RollingOrigin(2, n_windows=3).split(range(8)):
    ...     print(train, test)
    [0 1] [2 3]
    [0 1 2 3] [4 5]
    [0 1 2 3 4 5] [6 7]
    >>> RollingOrigin(2, n_windows=None, stride=1, window=4).get_n_splits(range(8))
    3
    """

    horizon: int
    n_windows: int | None = field(default=5, kw_only=True)
    stride: int | None = field(default=None, kw_only=True)
    initial: int | None = field(default=None, kw_only=True)
    window: int | None = field(default=None, kw_only=True)
    gap: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        optional = ("n_windows", "stride", "initial", "window")
        for name in ("horizon", "gap", *optional):
            value = getattr(self, name)
            if value is None and name in optional:
                continue
            least = 0 if name == "gap" else 1
            if not isinstance(value, Integral) or isinstance(value, bool) or value < least:
                raise ValueError(f"{name} must be an integer of at least {least}; got {value!r}.")
        if self.n_windows is None and self.initial is None and self.window is None:
            raise ValueError(
                "n_windows=None takes as many windows as fit after initial; set initial or window."
            )

    @property
    def _first(self) -> int:
        """Least length of the first training set."""
        return self.initial or self.window or 1

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of windows.

        Parameters
        ----------
        X : array-like, optional
            Of the series' length: needed if ``n_windows`` is None.
        y, groups : ignored
            For scikit-learn.

        Returns
        -------
        int
        """
        if self.n_windows is not None:
            return int(self.n_windows)
        if X is None:
            raise ValueError("n_windows=None depends on the length of the series; pass it as X.")
        room = series_length(X) - self._first - self.gap - self.horizon
        return max(0, room // (self.stride or self.horizon) + 1)

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
            Consecutive positions.
        """
        n_steps, stride = series_length(X), self.stride or self.horizon
        n_windows = self.get_n_splits(X)
        needed = self._first + self.gap + self.horizon + (max(n_windows, 1) - 1) * stride
        if n_steps < needed:
            raise ValueError(
                f"the series has {n_steps} steps but {self!r} needs at least {needed}; "
                "use fewer windows, or a shorter horizon, stride or first training set."
            )
        for back in range(n_windows - 1, -1, -1):
            cutoff = n_steps - self.horizon - self.gap - back * stride
            start = 0 if self.window is None else max(0, cutoff - self.window)
            test = cutoff + self.gap
            yield np.arange(start, cutoff), np.arange(test, test + self.horizon)


@dataclass(frozen=True)
class FixedOrigins:
    """Train up to given cutoffs, test on the next ``horizon`` steps: for origins that mean something.

    Works wherever scikit-learn takes ``cv=``, with a ``gap`` as `RollingOrigin` does.

    Parameters
    ----------
    horizon : int
        Steps in a test window.
    cutoffs : sequence of int
        Numbers of training steps, increasing; negative ones count from the end of the series.
    window : int, optional
        Length of every training set; by default it starts at the first step.
    gap : int, default=0
        Steps between the last training step and the first test step.

    Raises
    ------
    ValueError
        If a number is out of range, or (in `split`) the series is too short.

    Examples
    --------
    >>> for train, test in FixedOrigins(2, [3, -2]).split(range(8)):
    ...     print(train, test)
    [0 1 2] [3 4]
    [0 1 2 3 4 5] [6 7]
    """

    horizon: int
    cutoffs: Sequence[int]
    window: int | None = field(default=None, kw_only=True)
    gap: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        RollingOrigin(self.horizon, window=self.window, gap=self.gap)  # raises what is wrong with them
        cutoffs = self.cutoffs if np.ndim(self.cutoffs) == 1 else ()
        if len(cutoffs) == 0 or not all(
            isinstance(cut, Integral) and not isinstance(cut, bool) for cut in cutoffs
        ):
            raise ValueError(
                f"cutoffs must hold at least one integer and nothing else; got {self.cutoffs!r}."
            )

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of windows.

        Parameters
        ----------
        X, y, groups : ignored
            For scikit-learn.

        Returns
        -------
        int
        """
        return len(self.cutoffs)

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
            Consecutive positions.
        """
        n_steps = series_length(X)
        cuts = [int(cut) + (n_steps if cut < 0 else 0) for cut in self.cutoffs]
        if sorted(set(cuts)) != cuts:
            raise ValueError(f"cutoffs={self.cutoffs!r} must increase; in {n_steps} steps they are {cuts}.")
        least = self.window or 1
        if cuts[0] < least or cuts[-1] + self.gap + self.horizon > n_steps:
            raise ValueError(
                f"the series has {n_steps} steps but {self!r} needs training sets of at least {least} and ends at "
                f"{cuts[-1] + self.gap + self.horizon}; choose other cutoffs or a shorter horizon."
            )
        for cut in cuts:
            start = 0 if self.window is None else cut - self.window
            yield np.arange(start, cut), np.arange(cut + self.gap, cut + self.gap + self.horizon)


def series_length(X: Any) -> int:
    """Return the number of steps of whatever ``split`` is given."""
    if {ID, TIME} <= set(column_names(X)):
        raise ValueError(
            f"the series is a long frame, in which several stand one below the other ({ID!r}, {TIME!r}): use backtest"
            " or tune, which cut every series of a panel"
        )
    return int(X.shape[0]) if hasattr(X, "shape") else len(X)
