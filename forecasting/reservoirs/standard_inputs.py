"""From a series to the inputs of a reservoir, and back: standardised differences beside exogenous variables."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecasting.series.differencing import Differences
from forecasting.series.standard_units import moments


class StandardInputs(NamedTuple):
    """Differences and scales that were learned in training.

    Attributes
    ----------
    lags : tuple of int
        Of the differences, taken one after the other.
    centre, scale : ndarray of shape (n_targets,)
        Of the differences.
    limits : ndarray of shape (2, n_targets)
        Smallest and largest differences in training.
    exog_centre, exog_scale : ndarray of shape (n_features,)
    """

    lags: tuple
    centre: np.ndarray
    scale: np.ndarray
    limits: np.ndarray
    exog_centre: np.ndarray
    exog_scale: np.ndarray

    @classmethod
    def learned(cls, series: list, exog: list | None, lags: tuple, standardize: bool) -> StandardInputs:
        """Learn the scales of training series, all together.

        Parameters
        ----------
        series : list of ndarray of shape (n_steps, n_targets)
        exog : list of ndarray of shape (n_steps, n_features), or None
        lags : tuple of int
        standardize : bool
            False leaves all scales as they are.

        Returns
        -------
        StandardInputs
        """
        values = np.concatenate([Differences(lags).apply(y) for y in series])
        known = np.zeros((1, 0)) if exog is None else np.concatenate(exog)
        limits = np.array([values.min(axis=0), values.max(axis=0)])
        return cls(lags, *moments(values, standardize), limits, *moments(known, standardize))

    @property
    def n_kept(self) -> int:
        """Observations from which a series is continued."""
        return sum(self.lags) + 1

    @property
    def standard_limits(self) -> tuple[np.ndarray, np.ndarray]:
        """Smallest and largest values in training, in standard units."""
        low, high = (self.limits - self.centre) / self.scale
        return low, high

    def standardised(self, y: np.ndarray) -> np.ndarray:
        """Return the differences of a series in standard units, shorter by the sum of the lags."""
        return (Differences(self.lags).apply(y) - self.centre) / self.scale

    def exog(self, X: np.ndarray | None, n_steps: int) -> np.ndarray:
        """Return the exogenous variables of the last ``n_steps`` rows in standard units; no columns without any."""
        if X is None:
            return np.zeros((n_steps, 0))
        return (X[len(X) - n_steps :] - self.exog_centre) / self.exog_scale

    def rows(self, y: np.ndarray, X: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs (n_rows, n_targets + n_features) and their targets, the next values (n_rows, n_targets)."""
        z = self.standardised(y)
        return np.hstack([z[:-1], self.exog(X, len(z) - 1)]), z[1:]

    def undone(self, z: np.ndarray, tail: np.ndarray) -> np.ndarray:
        """Return the series that follows its last observations ``tail`` with the standardised differences ``z``."""
        return Differences(self.lags).undo(z * self.scale + self.centre, tail)
