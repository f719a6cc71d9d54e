"""Windows of many series: where they begin, what they hold, and the units that they are read in.

The series of a panel lie one after the other in one array. A window is two numbers, the series and the *origin*
(how many of its steps have been observed); only the windows of one batch are ever copied out. Arrays of a batch
are time-major, ``(n_steps, n_windows, n_columns)``.
"""

from typing import Any, NamedTuple

import numpy as np

CENTRES = ("last", "mean", None)
SCALES = ("std", "mean", None)


class WindowOrigins(NamedTuple):
    """Where windows may end: for each series a range of origins.

    Parameters
    ----------
    first : ndarray of int, shape (n_series,)
        The first origin of each series.
    counts : ndarray of int, shape (n_series,)
        How many follow one another from there, perhaps none.
    """

    first: np.ndarray
    counts: np.ndarray

    @property
    def total(self) -> int:
        """The number of origins of all series."""
        return int(self.counts.sum())

    def draw(self, n_windows: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw series and origins, every origin as likely as any other, with replacement.

        Examples
        --------
        >>> series, origin = WindowOrigins(np.array([5, 7]), np.array([0, 2])).draw(4, np.random.default_rng(0))
        >>> series.tolist(), sorted(set(origin.tolist()))
        ([1, 1, 1, 1], [7, 8])
        """
        return self._located(rng.integers(self.total, size=n_windows))

    def spread(self, n_windows: int) -> tuple[np.ndarray, np.ndarray]:
        """Return at most this many series and origins, spread evenly; all of them if there are fewer."""
        n_chosen = min(n_windows, self.total)
        return self._located(np.linspace(0, self.total - 1, n_chosen).round().astype(np.int64))

    def _located(self, positions):
        ends = np.cumsum(self.counts)
        series = np.searchsorted(ends, positions, side="right")
        return series, self.first[series] + positions - (ends - self.counts)[series]


def divided_origins(
    lengths: np.ndarray, window: int, horizon: int, fraction: float
) -> tuple[WindowOrigins, WindowOrigins | None]:
    """Divide origins into those to train on and those to validate on, the last part of each series.

    Parameters
    ----------
    lengths : ndarray of int, shape (n_series,)
    window : int
        Steps before an origin; a series that is short for it has its first origin where half of it has been observed.
    horizon : int
        Steps from an origin on that must have been observed.
    fraction : float
        Part of each series, at its end, whose steps are forecast from the validation origins and never from the
        training ones; at least `horizon` steps. 0 holds nothing out.

    Returns
    -------
    training : WindowOrigins
    validation : WindowOrigins or None
        None if no series is long enough to train on one part and validate on the other: then all of each series
        is trained on, as it is of every single series that is too short to be divided.

    Examples
    --------
    >>> training, validation = divided_origins(np.array([100, 12]), window=30, horizon=10, fraction=0.2)
    >>> training.first, training.counts
    (array([30,  2]), array([41,  1]))
    >>> validation.first, validation.counts
    (array([80,  2]), array([11,  0]))
    """
    lengths = np.asarray(lengths)
    held = np.maximum(np.ceil(fraction * lengths).astype(np.int64), horizon)
    first = np.clip(np.minimum(lengths // 2, lengths - horizon), 1, window)
    divided = (fraction > 0) & (lengths - held - horizon >= first)
    ends = lengths - np.where(divided, held, 0)
    training = WindowOrigins(first, np.maximum(ends - horizon - first + 1, 0))
    if not divided.any():
        return training, None
    return training, WindowOrigins(np.where(divided, ends, first), np.where(divided, held - horizon + 1, 0))


class WindowBatch(NamedTuple):
    """The numbers of some windows, time-major.

    Parameters
    ----------
    past : ndarray of shape (window, n_windows, n_targets)
        The last observations before each origin.
    past_exog : ndarray of shape (window, n_windows, n_exog)
        Exogenous variables of the same steps; no columns without any.
    future : ndarray of shape (horizon, n_windows, n_targets)
        The observations from the origin on.
    future_exog : ndarray of shape (horizon, n_windows, n_exog)
    """

    past: np.ndarray
    past_exog: np.ndarray
    future: np.ndarray
    future_exog: np.ndarray


class SeriesWindows:
    """The windows of a panel, copied out on demand.

    Parameters
    ----------
    series : list of ndarray of shape (n_steps, n_targets)
    exog : list of ndarray of shape (n_steps, n_exog) or None
    window : int
        Steps before an origin. Where a series has fewer, its first observation is repeated before it.
    horizon : int
        Steps from the origin on.

    Examples
    --------
    >>> windows = SeriesWindows([np.arange(5.0)[:, None], np.arange(10.0, 14.0)[:, None]], None, 3, 2)
    >>> batch = windows.at(np.array([0, 1]), np.array([3, 2]))
    >>> batch.past[:, :, 0].T, batch.future[:, :, 0].T
    (array([[ 0.,  1.,  2.], [10., 10., 11.]]), array([[ 3.,  4.], [12., 13.]]))
    """

    def __init__(self, series: list, exog: list | None, window: int, horizon: int):
        self.values = np.concatenate(series)
        self.exog = np.zeros((len(self.values), 0)) if exog is None else np.concatenate(exog)
        self.lengths = np.array([len(values) for values in series])
        self.starts = np.cumsum(self.lengths) - self.lengths
        self.window, self.horizon = window, horizon

    def at(self, series: np.ndarray, origin: np.ndarray) -> WindowBatch:
        """Copy the windows at some origins out.

        Parameters
        ----------
        series, origin : ndarray of int, shape (n_windows,)
            As `WindowOrigins` gives them. ``origin + horizon`` is at most the length of the series.
        """
        here = self.starts[series] + origin
        past = np.maximum(here + np.arange(-self.window, 0)[:, np.newaxis], self.starts[series])
        future = here + np.arange(self.horizon)[:, np.newaxis]
        return WindowBatch(self.values[past], self.exog[past], self.values[future], self.exog[future])


def filled(values: np.ndarray, window: int) -> np.ndarray:
    """Return the last `window` rows of a series, its first row repeated before them where it is shorter."""
    short = max(window - len(values), 0)
    return np.concatenate([np.repeat(values[:1], short, axis=0), values[len(values) - window + short :]])


class WindowScale(NamedTuple):
    """What windows are divided by after something has been subtracted, one pair for each window and target.

    Parameters
    ----------
    centre, scale : ndarray of shape (n_windows, n_targets)
        A scale of 0 marks a constant window: whatever a network says, it is continued as it is.
    """

    centre: np.ndarray
    scale: np.ndarray

    def standard(self, values: np.ndarray) -> np.ndarray:
        """Return values of shape (n_steps, n_windows, n_targets) in these units, 0 for constant windows."""
        known = self.scale > 0
        return (values - self.centre) * (known / np.where(known, self.scale, 1.0))

    def restore(self, z: np.ndarray) -> np.ndarray:
        """Undo `standard`."""
        return self.centre + self.scale * z


def spread_of(past: np.ndarray, scale: str) -> np.ndarray:
    """Return the standard deviation or the mean absolute value of windows over the first axis, 0 of constant ones."""
    spread = past.std(axis=0) if scale == "std" else np.abs(past).mean(axis=0)
    return np.where(spread > 10 * np.finfo(np.float64).eps * np.abs(past).max(axis=0), spread, 0.0)


def units_of(
    past: np.ndarray, centre, scale, overall: WindowScale, least: Any = 0.0, constant_too: bool = False
) -> WindowScale:
    """Return the units of windows, from their past alone.

    Parameters
    ----------
    past : ndarray of shape (window, n_windows, n_targets)
    centre : {"last", "mean", None}
        What is subtracted: the last value before the origin, so that a trend goes on from where the series stands;
        the mean of the window; or, for None, the mean of the training series.
    scale : {"std", "mean", None}
        What is divided by: the standard deviation of the window; the mean of its absolute values; or, for None, the
        standard deviation of the training series.
    overall : WindowScale
        Mean and standard deviation of the training series, (n_targets,).
    least : float or ndarray of shape (n_targets,), default=0.0
        No window is divided by less, but a constant one,
    constant_too : bool, default=False
        unless this is set.

    Examples
    --------
    >>> past = np.array([1.0, 2.0, 3.0, 6.0]).reshape(4, 1, 1)
    >>> units = units_of(past, "last", "mean", WindowScale(np.zeros(1), np.ones(1)))
    >>> units.centre, units.scale, units.standard(past).ravel()
    (array([[6.]]), array([[3.]]), array([-1.66666667, -1.33333333, -1.        ,  0.        ]))
    """
    shape = past.shape[1:]
    if centre is None:
        middle = np.broadcast_to(overall.centre, shape)
    else:
        middle = past[-1] if centre == "last" else past.mean(axis=0)
    if scale is None:
        return WindowScale(middle, np.broadcast_to(overall.scale, shape))
    spread = spread_of(past, scale)
    middle = np.where(spread > 0, middle, past[-1])
    return WindowScale(middle, np.where((spread > 0) | constant_too, np.maximum(spread, least), 0.0))
