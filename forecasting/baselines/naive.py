"""Baselines that any forecaster has to beat: they learn nothing beyond what they remember of the series.

References
----------
Hyndman and Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.base.local_forecaster import LocalForecaster
from forecasting.base.tags import ForecasterTags


class _Memory(NamedTuple):
    """The last observations of a series, (n_kept, n_targets)."""

    tail: np.ndarray


class _Line(NamedTuple):
    """The ends of a series: its first and last observation, (n_targets,), and how many there are."""

    first: np.ndarray
    last: np.ndarray
    n_seen: int


class Naive(LocalForecaster):
    """Repeat the last observation: ``y(t + k) = y(t)``. Optimal for a random walk.

    Examples
    --------
    >>> Naive().fit([1.0, 2.0, 4.0]).predict(2)
    array([4., 4.])
    """

    def _fit_one(self, y, X):
        return _Memory(y[-1:])

    def _predict_one(self, model, n_steps, X):
        return np.repeat(model.tail, n_steps, axis=0)

    def _update_one(self, model, y, X):
        return _Memory(y[-1:])


class SeasonalNaive(LocalForecaster):
    """Repeat the last season: ``y(t + k) = y(t + k - m)``, `m` the season length, over and over.

    Parameters
    ----------
    season_length : int, default=1
        Steps in a season: 12 for months, 24 for hours with a daily rhythm. 1 is :class:`Naive`.

    Examples
    --------
    >>> SeasonalNaive(season_length=3).fit([1.0, 2.0, 3.0, 5.0, 6.0, 7.0]).predict(4)
    array([5., 6., 7., 5.])
    """

    _parameter_constraints: ClassVar[dict] = {"season_length": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, season_length=1):
        self.season_length = season_length

    def _fit_one(self, y, X):
        if len(y) < self.season_length:
            raise ValueError(
                f"y has {len(y)} step(s), fewer than season_length={self.season_length}: give at least one "
                "season"
            )
        return _Memory(y[-self.season_length :])

    def _predict_one(self, model, n_steps, X):
        return model.tail[np.arange(n_steps) % self.season_length]

    def _update_one(self, model, y, X):
        return _Memory(np.concatenate([model.tail, y])[-self.season_length :])

    def _forecaster_tags(self):
        return ForecasterTags(uses_newest=self.season_length == 1)


class Drift(LocalForecaster):
    """Continue the line through the first and the last observation.

    ``y(t + k) = y(t) + k (y(t) - y(1)) / (t - 1)``: the naive forecast plus the mean change.

    Examples
    --------
    >>> Drift().fit([1.0, 5.0, 3.0]).predict(2)
    array([4., 5.])
    """

    def _fit_one(self, y, X):
        if len(y) < 2:
            raise ValueError("y has 1 step: a drift needs at least 2")
        return _Line(y[0], y[-1], len(y))

    def _predict_one(self, model, n_steps, X):
        slope = (model.last - model.first) / (model.n_seen - 1)
        return model.last + np.arange(1, n_steps + 1)[:, np.newaxis] * slope

    def _update_one(self, model, y, X):
        return _Line(model.first, y[-1], model.n_seen + len(y))


class WindowAverage(LocalForecaster):
    """Repeat the mean of the last observations.

    Parameters
    ----------
    window : int, default=7
        How many observations are averaged.

    Examples
    --------
    >>> WindowAverage(window=2).fit([9.0, 2.0, 4.0]).predict(2)
    array([3., 3.])
    """

    _parameter_constraints: ClassVar[dict] = {"window": [Interval(Integral, 1, None, closed="left")]}

    def __init__(self, window=7):
        self.window = window

    def _fit_one(self, y, X):
        if len(y) < self.window:
            raise ValueError(
                f"y has {len(y)} step(s), fewer than window={self.window}: give a shorter window"
            )
        return _Memory(y[-self.window :])

    def _predict_one(self, model, n_steps, X):
        return np.repeat(model.tail.mean(axis=0, keepdims=True), n_steps, axis=0)

    def _update_one(self, model, y, X):
        return _Memory(np.concatenate([model.tail, y])[-self.window :])
