"""Forecast by analogy: continue the earlier stretch of the series that looks most like its end.

The honest baseline for chaotic series: no model, no training, only memory [1]_. Given a query of `w`
observations, all earlier stretches are compared with it by

    d(s)^2 = mean over lags i = 0 ... w-1 and targets j of (z[s - i, j] - q[t - i, j])^2 ,

with values in units of each target's standard deviation (``match="value"``) or with every stretch centred and
divided by its own standard deviation (``match="shape"``). The forecast is what followed the best stretch;
where that runs into the end of what is remembered, the search starts again from the forecast so far.

References
----------
.. [1] Lorenz (1969), Atmospheric predictability as revealed by naturally occurring analogues. Journal of the
   Atmospheric Sciences 26, 636-646. Exclusion of neighbours in time: Theiler (1986), Physical Review A 34,
   2427.
"""

from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.base.forecaster import Forecaster


class _Query(NamedTuple):
    """The newest observations of a series, (at most window, n_targets)."""

    tail: np.ndarray


class Analogue(Forecaster):
    """Continue the best-matching earlier stretch of the training series.

    The training series, all of a panel's, are the library that is searched; it is learned in `fit` and stays
    as it is in `update`, which only moves the query.

    Parameters
    ----------
    window : int, default=10
        Length of the stretches compared.
    n_neighbors : int, default=1
        How many of the best stretches are averaged.
    match : {"value", "shape"}, default="value"
        Compare values, or shapes apart from level and size; then the continuation is brought to the level and
        size of the query.
    exclusion : int, optional
        The last `exclusion` stretches of each training series are not candidates: they overlap the newest
        observations and would match by mere continuity. Default: `window`.

    Attributes
    ----------
    library_ : list of ndarray of shape (n_steps, n_targets)
        The training series.
    scale_ : ndarray of shape (n_targets,)
        Standard deviation of each target over the library, 1 where it is constant.

    Examples
    --------
    >>> y = np.tile([0.0, 1.0, 3.0, 2.0], 5)
    >>> Analogue(window=3).fit(y).predict(5)
    array([0., 1., 3., 2., 0.])
    """

    _settings = ("window", "n_neighbors", "match", "exclusion")
    _parameter_constraints: ClassVar[dict] = {
        "window": [Interval(Integral, 1, None, closed="left")],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "match": [StrOptions({"value", "shape"})],
        "exclusion": [Interval(Integral, 0, None, closed="left"), None],
    }

    def __init__(self, window=10, n_neighbors=1, match="value", exclusion=None):
        self.window = window
        self.n_neighbors = n_neighbors
        self.match = match
        self.exclusion = exclusion

    def _fit(self, series, exog):
        exclusion = self.window if self.exclusion is None else self.exclusion
        # A stretch must be followed by at least one observation, so the newest is no candidate in any case.
        ends = [len(y) - max(exclusion, 1) for y in series]
        n_candidates = sum(max(end - self.window + 1, 0) for end in ends)
        if n_candidates < self.n_neighbors:
            raise ValueError(
                f"y has {max(map(len, series))} step(s), which leaves {n_candidates} earlier stretches of "
                f"window={self.window} steps, fewer than n_neighbors={self.n_neighbors}: give a longer "
                f"series (at least {self.window + max(exclusion, 1)} steps) or a shorter window"
            )
        spread = np.concatenate(series).std(axis=0)
        self.library_ = series
        self.scale_ = np.where(spread > 0, spread, 1.0)
        self.ends_ = ends
        return self._restart(series, exog)

    def _restart(self, series, exog):
        short = min(map(len, series))
        if short < self.window:
            raise ValueError(
                f"y has {short} step(s), fewer than window={self.window}: there is nothing to compare"
            )
        return [_Query(y[-self.window :]) for y in series]

    def _update(self, states, series, exog):
        return [_Query(np.concatenate([s.tail, y])[-self.window :]) for s, y in zip(states, series)]

    def _predict(self, states, n_steps, exog):
        return [self._continue(state.tail, n_steps) for state in states]

    def _continue(self, query: np.ndarray, n_steps: int) -> np.ndarray:
        path = np.empty((self.window + n_steps, query.shape[1]))
        path[: self.window] = query
        done = 0
        while done < n_steps:
            piece = self._best_continuation(path[done : done + self.window])[: n_steps - done]
            path[self.window + done : self.window + done + len(piece)] = piece
            done += len(piece)
        return path[self.window :]

    def _best_continuation(self, query: np.ndarray) -> np.ndarray:
        """Return what followed the best stretches, averaged, as far as all of them were followed."""
        candidates = [
            (distance, i, end)
            for i, (y, stop) in enumerate(zip(self.library_, self.ends_))
            if stop >= self.window
            for distance, end in self._nearest(y[:stop], query)
        ]
        best = sorted(candidates)[: self.n_neighbors]
        n_followed = min(len(self.library_[i]) - 1 - end for _, i, end in best)
        return np.mean([self._followers(i, end, n_followed, query) for _, i, end in best], axis=0)

    def _nearest(self, y: np.ndarray, query: np.ndarray) -> list[tuple[float, int]]:
        """Return the `n_neighbors` nearest stretches of one series as (squared distance, last index)."""
        n_stretches = len(y) - self.window + 1
        mean, spread = self._level_and_size(y)
        query_mean, query_spread = self._level_and_size(query)
        target = (query - query_mean) / query_spread
        # Lag by lag over all stretches at once: exact differences (no cancellation), memory for one lag only.
        distances = np.zeros(n_stretches)
        for lag in range(self.window):
            error = (y[lag : lag + n_stretches] - mean) / spread - target[lag]
            distances += np.einsum("ij,ij->i", error, error)
        kept = min(self.n_neighbors, n_stretches)
        nearest = np.argpartition(distances, kept - 1)[:kept]
        return [(float(distances[s]), int(s) + self.window - 1) for s in nearest]

    def _level_and_size(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what every stretch of `y` is centred with and divided by, (n_stretches or 1, n_targets)."""
        if self.match == "value":
            return np.zeros((1, y.shape[1])), self.scale_[np.newaxis]
        n_stretches = len(y) - self.window + 1
        stretches = [y[lag : lag + n_stretches] for lag in range(self.window)]
        mean = sum(stretches) / self.window
        spread = np.sqrt(sum((values - mean) ** 2 for values in stretches) / self.window)
        # A flat stretch has no shape: it is left at size 1 and matches other flat ones.
        return mean, np.where(spread > 1e-12 * (np.abs(mean) + self.scale_), spread, 1.0)

    def _followers(self, i: int, end: int, n_steps: int, query: np.ndarray) -> np.ndarray:
        """Return the observations after index `end` of library series `i`, brought to the query's level and
        size."""
        followers = self.library_[i][end + 1 : end + 1 + n_steps]
        if self.match == "value":
            return followers
        mean, spread = self._level_and_size(self.library_[i][end + 1 - self.window : end + 1])
        query_mean, query_spread = self._level_and_size(query)
        return query_mean + (followers - mean) * (query_spread / spread)
