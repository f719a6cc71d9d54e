"""Base of forecasters that may know the distribution of what they forecast."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.intervals import conformal
from forecasting.series.arrays import rebuild
from forecasting.series.horizons import read_horizon
from reservoir.contracts.random_source import make_rng
from reservoir.contracts.settings import check_settings


class DistributionForecaster(Forecaster):
    """A forecaster whose model may give quantiles and samples by itself.

    Where it does, intervals come from it; where it does not, or where a call names ``initial``, they come from
    residuals as for every forecaster. A subclass implements three more hooks:

    ==========================================================  ==============================================
    hook                                                        does
    ==========================================================  ==============================================
    ``_has_distribution()``                                     tells whether the model gives the other two
    ``_predict_quantile_paths(states, n_steps, exog, levels)``  list of (n_steps, n_targets, n_levels)
    ``_sample_paths(states, n_steps, exog, n_samples, rng)``    list of (n_samples, n_steps, n_targets)
    ==========================================================  ==============================================
    """

    def _has_distribution(self) -> bool:
        raise NotImplementedError

    def _predict_quantile_paths(self, states: list, n_steps: int, exog: list | None, levels: list) -> list:
        raise NotImplementedError

    def _sample_paths(
        self, states: list, n_steps: int, exog: list | None, n_samples: int, rng: np.random.Generator
    ) -> list:
        raise NotImplementedError

    def calibrate(self, horizon, *, initial=None):
        """Compute the rolling-origin errors behind intervals once, and keep them, if intervals come from errors.

        Parameters
        ----------
        horizon
            As for `Forecaster.calibrate`.
        initial : int or float, optional
            Steps (int) or fraction (float) of the series in the first part. Without it nothing is computed if the
            model knows a distribution.

        Returns
        -------
        self
        """
        if self._by_residuals(initial):
            return super().calibrate(horizon, initial=initial)
        read_horizon(horizon, self.layout_)
        return self

    def predict_interval(self, horizon, X=None, coverage=0.9, *, initial=None):
        """Forecast intervals.

        Parameters
        ----------
        horizon, X
            As for `predict`.
        coverage : float, default=0.9
            Fraction of the future inside, in (0, 1). Never a percentage.
        initial : int or float, optional
            Steps (int) or fraction (float) of the series in the first part, for intervals from residuals of a fit on
            it, see `Forecaster.predict_interval`. Default: if the model knows a distribution, what lies between its
            quantiles ``(1 - coverage) / 2`` and ``(1 + coverage) / 2``; if not, the residuals after the first half.

        Returns
        -------
        interval : ndarray or frame
            As `Forecaster.predict_interval`.
        """
        if self._by_residuals(initial):
            return super().predict_interval(horizon, X, coverage, initial=initial)
        conformal.check_fraction(coverage, "coverage")
        return self._quantiles(horizon, X, [(1 - coverage) / 2, (1 + coverage) / 2], ("lower", "upper"))

    def predict_quantiles(self, horizon, X=None, quantiles=(0.1, 0.5, 0.9), *, initial=None):
        """Forecast quantiles.

        Parameters
        ----------
        horizon, X, initial
            As for `predict_interval`.
        quantiles : sequence of float, default=(0.1, 0.5, 0.9)
            Strictly increasing, in (0, 1).

        Returns
        -------
        forecast : ndarray or frame
            As `Forecaster.predict_quantiles`.
        """
        if self._by_residuals(initial):
            return super().predict_quantiles(horizon, X, quantiles, initial=initial)
        levels = conformal.check_quantiles(quantiles)
        return self._quantiles(horizon, X, levels, levels)

    def sample(self, horizon, n_samples=100, X=None, random_state=None, *, initial=None):
        """Draw possible futures.

        Parameters
        ----------
        horizon, X, initial
            As for `predict_interval`: without ``initial`` from the model's distribution, if it knows one.
        n_samples : int, default=100
        random_state : int, RandomState, Generator or None, default=None

        Returns
        -------
        samples : ndarray or frame
            As `Forecaster.sample`.
        """
        if self._by_residuals(initial):
            return super().sample(horizon, n_samples, X, random_state, initial=initial)
        n_samples = conformal.check_n_samples(n_samples)
        steps, exog = self._steps_and_exog(horizon, X)
        rng = make_rng(random_state)
        drawn = self._sample_paths(self.states_, steps.n_steps, exog, n_samples, rng)
        values = [np.moveaxis(paths[:, steps.steps - 1], 0, -1) for paths in drawn]
        return rebuild(self.layout_, steps.steps, values, range(n_samples))

    def _by_residuals(self, initial: Any) -> bool:
        check_is_fitted(self)
        check_settings(self)
        return initial is not None or not self._has_distribution()

    def _quantiles(self, horizon, X, levels, labels):
        steps, exog = self._steps_and_exog(horizon, X)
        paths = self._predict_quantile_paths(self.states_, steps.n_steps, exog, levels)
        return rebuild(self.layout_, steps.steps, [path[steps.steps - 1] for path in paths], labels)

    def _steps_and_exog(self, horizon, X):
        steps = read_horizon(horizon, self.layout_)
        return steps, self.read_future_exog(X, self.layout_, [steps.n_steps] * len(self.states_))
