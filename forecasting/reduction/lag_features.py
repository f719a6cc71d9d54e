"""What a regressor sees of a series: lagged values, rolling statistics and Fourier terms.

The features of an *origin*, the last observation known, are made from the window that ends with it, so that one
function serves training (all windows of a series) and forecasting (the newest window of many series).
"""

from collections.abc import Callable, Iterable
from numbers import Integral, Real
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Name: function of windows (n_windows, n_steps, n_targets), and whether it moves with the level of the series.
ROLLING: dict[str, tuple[Callable[[np.ndarray], np.ndarray], bool]] = {
    "mean": (lambda windows: windows.mean(axis=1), True),
    "median": (lambda windows: np.median(windows, axis=1), True),
    "min": (lambda windows: windows.min(axis=1), True),
    "max": (lambda windows: windows.max(axis=1), True),
    "std": (lambda windows: windows.std(axis=1), False),
}


class LagFeatures(NamedTuple):
    """The features of an origin.

    Parameters
    ----------
    lags : tuple of int
        1 is the last observation.
    rolling : tuple of (str, int)
        Statistic, a key of ``ROLLING``, and how many of the last observations it covers.
    fourier : tuple of (float, int)
        Period in steps, and how many harmonics of it.
    subtract : {"last", "mean", None}
        Level of each window that lags and statistics are measured from: its last value, or its mean.
    """

    lags: tuple
    rolling: tuple = ()
    fourier: tuple = ()
    subtract: str | None = None

    @property
    def span(self) -> int:
        """How many observations a window holds."""
        return max(*self.lags, *(n_steps for _, n_steps in self.rolling), 1)

    @property
    def uses_newest(self) -> bool:
        """Tell whether the last observation enters."""
        return 1 in self.lags or bool(self.rolling) or self.subtract is not None

    @property
    def is_affine(self) -> bool:
        """Tell whether all features are weighted sums of the window's values, plus a constant."""
        return all(name == "mean" for name, _ in self.rolling)

    def rows(self, windows: np.ndarray, n_seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features and level of each window.

        Parameters
        ----------
        windows : ndarray of shape (n_windows, span, n_targets)
        n_seen : ndarray of shape (n_windows,)
            Steps of the series up to the window's end.

        Returns
        -------
        rows : ndarray of shape (n_windows, n_features)
        level : ndarray of shape (n_windows, n_targets)
            What was subtracted, to be added to the forecast.
        """
        span = windows.shape[1]
        lagged = windows[:, span - np.array(self.lags)]
        if self.subtract is None:
            level = np.zeros((len(windows), windows.shape[2]))
        else:
            level = windows[:, -1] if self.subtract == "last" else windows.mean(axis=1)
            lagged = lagged - level[:, np.newaxis]
        parts = [lagged.reshape(len(windows), -1)]
        for name, n_steps in self.rolling:
            statistic, moves = ROLLING[name]
            values = statistic(windows[:, span - n_steps :])
            parts.append(values - level if moves else values)
        if self.fourier:
            parts.append(self.waves(n_seen))
        return np.hstack(parts) if len(parts) > 1 else parts[0], level

    def waves(self, n_seen: np.ndarray) -> np.ndarray:
        """Return the Fourier terms after so many steps, the last columns of `rows`."""
        parts = [np.empty((len(n_seen), 0))]
        for period, order in self.fourier:
            angles = 2 * np.pi / period * np.outer(n_seen, np.arange(1, order + 1))
            parts += [np.sin(angles), np.cos(angles)]
        return np.hstack(parts)

    def table(self, y: np.ndarray, n_ahead: int) -> tuple[np.ndarray, np.ndarray]:
        """Return features and levels of all origins of a series that `n_ahead` observations follow."""
        windows = sliding_window_view(y, self.span, axis=0).swapaxes(1, 2)[: len(y) - self.span + 1 - n_ahead]
        return self.rows(windows, self.span + np.arange(len(windows)))

    def names(self, targets: Iterable[str]) -> list[str]:
        """Return the names of the features."""
        targets = list(targets)
        found = [f"{target}lag_{lag}" for lag in self.lags for target in targets]
        found += [f"{target}{name}_{n_steps}" for name, n_steps in self.rolling for target in targets]
        for period, order in self.fourier:
            found += [f"{wave}_{period:g}_{k}" for wave in ("sin", "cos") for k in range(1, order + 1)]
        return found


def read_features(lags: Any, rolling: Any, fourier: Any, subtract: str | None) -> LagFeatures:
    """Check what a user asked for.

    Parameters
    ----------
    lags : int or sequence of int
        An int `n` means ``1 ... n``.
    rolling, fourier : sequence of pairs
    subtract : {"last", "mean", None}

    Returns
    -------
    LagFeatures

    Raises
    ------
    ValueError
        If a lag, window or order is not a positive integer, or a statistic unknown.

    Examples
    --------
    >>> read_features(3, [("mean", 7)], (), None)
    LagFeatures(lags=(1, 2, 3), rolling=(('mean', 7),), fourier=(), subtract=None)
    """
    given = list(range(1, int(lags) + 1) if isinstance(lags, Integral) else lags)
    chosen = tuple(int(lag) for lag in given if _is_count(lag))
    if not chosen or len(set(chosen)) < len(given):
        raise ValueError(
            f"lags={lags!r} must be a number of lags, or distinct integers from 1 on, such as 12 or (1, 2, 12)"
        )
    for pair in rolling:
        if len(pair) != 2 or pair[0] not in ROLLING or not _is_count(pair[1]):
            raise ValueError(
                f"rolling holds {pair!r}: give pairs of a statistic ({', '.join(ROLLING)}) and a number of steps, "
                "such as ('mean', 7)"
            )
    for pair in fourier:
        if len(pair) != 2 or not (isinstance(pair[0], Real) and float(pair[0]) > 1) or not _is_count(pair[1]):
            raise ValueError(
                f"fourier holds {pair!r}: give pairs of a period above 1 and a number of harmonics, such as (24, 3)"
            )
    return LagFeatures(chosen, tuple(map(tuple, rolling)), tuple(map(tuple, fourier)), subtract)


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and int(value) >= 1
