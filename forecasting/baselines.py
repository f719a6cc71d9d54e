"""Baselines that any forecaster has to beat: they learn nothing beyond what they remember of the series.

References
----------
Hyndman and Athanasopoulos (2021), Forecasting: Principles and Practice, 3rd ed., section 5.2.
"""

from typing import NamedTuple

import numpy as np

from forecasting.local_forecaster import LocalForecaster


class _Memory(NamedTuple):
    """The last observations of a series, (n_kept, n_targets)."""

    tail: np.ndarray


class Naive(LocalForecaster):
    """Repeat the last observation: ``y(t + k) = y(t)``. Optimal for a random walk.

    Examples
    --------
    >>> Naive().fit([1.0, 2.0, 4.0]).predict(2)
    array([4., 4.])
    """

    def _fit_one(self, y, X):
        return _Memory(y[-1:].copy())

    def _predict_one(self, model, n_steps, X):
        return np.repeat(model.tail, n_steps, axis=0)

    def _update_one(self, model, y, X):
        return _Memory(y[-1:].copy())
