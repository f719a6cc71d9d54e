"""Any forecaster as a model of statsforecast: ``StatsForecast(models=[StatsForecastModel(...)], freq="h")``.

statsforecast asks a model for methods, not for a base class, so that nothing is imported here.
"""

from copy import copy
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from forecasting.intervals.conformal import half_widths
from forecasting.intervals.rolling_errors import one_step_errors


class StatsForecastModel(BaseEstimator):
    """A forecaster with the methods that statsforecast calls.

    Every series gets a clone of its own. Intervals are those of `Forecaster.predict_interval`; statsforecast's
    ``ConformalIntervals`` are refused. Fitted values are out-of-sample forecasts one step ahead over the second half
    of the series, NaN before.

    Parameters
    ----------
    forecaster : Forecaster
        It is cloned.
    alias : str, optional
        Name of the column. Default: the class of the forecaster.

    Attributes
    ----------
    model_ : Forecaster
        The fitted clone.

    Examples
    --------
    >>> from forecasting import Drift
    >>> model = StatsForecastModel(Drift()).fit(np.array([1.0, 2.0, 3.0]))
    >>> model, model.predict(2)["mean"]
    (Drift, array([4., 5.]))
    """

    prediction_intervals: Any = None

    def __init__(self, forecaster, alias=None):
        self.forecaster = forecaster
        self.alias = alias

    def __repr__(self):
        return self.alias or type(self.forecaster).__name__

    @property
    def uses_exog(self) -> bool:
        """Whether exogenous variables enter."""
        return self.forecaster.own_tags().uses_exog

    def new(self) -> "StatsForecastModel":
        """Return an unfitted copy."""
        model = StatsForecastModel(self.forecaster, self.alias)
        model.prediction_intervals = self.prediction_intervals
        return model

    def fit(self, y, X=None) -> "StatsForecastModel":
        """Learn from one series.

        Parameters
        ----------
        y : ndarray of shape (n_steps,)
        X : ndarray of shape (n_steps, n_features), optional
            Left out by forecasters that use none.

        Returns
        -------
        self
        """
        if self.prediction_intervals is not None:
            raise ValueError(
                "prediction_intervals of statsforecast do not apply: leave them out, these models bring conformal "
                "intervals of their own"
            )
        self.model_ = clone(self.forecaster).fit(y, X if self.uses_exog else None)
        return self

    def predict(self, h, X=None, level=None) -> dict:
        """Forecast.

        Parameters
        ----------
        h : int
            Number of steps.
        X : ndarray of shape (h, n_features), optional
        level : list of int, optional
            Coverage of intervals in per cent, statsforecast's convention.

        Returns
        -------
        dict
            ``mean``, ``lo-90``, ``hi-90``.
        """
        X = X if self.uses_exog else None
        answer = {"mean": self.model_.predict(h, X)}
        model = copy(self.model_).calibrate(h) if level else self.model_  # once for all levels
        bounds = {one: model.predict_interval(h, X, coverage=one / 100) for one in sorted(level or ())}
        answer |= {f"lo-{one}": bounds[one][:, 0] for one in reversed(bounds)}
        return answer | {f"hi-{one}": bounds[one][:, 1] for one in bounds}

    def predict_in_sample(self, level=None) -> dict:
        """Return the forecasts one step ahead, out of sample.

        Parameters
        ----------
        level : list of int, optional
            Coverage of intervals in per cent, from the errors of these very forecasts.

        Returns
        -------
        dict
            ``fitted``, ``fitted-lo-90``, ``fitted-hi-90``.
        """
        (series,) = self.model_.series_
        (errors,) = one_step_errors(self.model_, None)
        fitted = np.full(len(series), np.nan)
        fitted[len(series) - len(errors) :] = series[len(series) - len(errors) :, 0] - errors[:, 0]
        widths = {one: half_widths(errors[:, np.newaxis], one / 100).item() for one in sorted(level or ())}
        answer = {"fitted": fitted, **{f"fitted-lo-{one}": fitted - widths[one] for one in reversed(widths)}}
        return answer | {f"fitted-hi-{one}": fitted + widths[one] for one in widths}

    def forecast(self, y, h, X=None, X_future=None, level=None, fitted=False) -> dict:
        """Learn from a series and forecast it, without keeping anything.

        Parameters
        ----------
        y : ndarray of shape (n_steps,)
        h : int
        X, X_future : ndarray of shape (n_steps, n_features) and (h, n_features), optional
        level : list of int, optional
        fitted : bool, default=False
            Add the fitted values.

        Returns
        -------
        dict
            As of ``predict``.
        """
        model = self.new().fit(y, X)
        return model.predict(h, X_future, level) | (model.predict_in_sample(level) if fitted else {})

    def forward(self, y, h, X=None, X_future=None, level=None, fitted=False) -> dict:
        """Forecast another series with the weights that were learned.

        Parameters
        ----------
        y : ndarray of shape (n_steps,)
        h : int
        X, X_future : ndarray of shape (n_steps, n_features) and (h, n_features), optional
        level : list of int, optional
            Not offered.
        fitted : bool, default=False
            Not offered.

        Returns
        -------
        dict
            ``mean``.
        """
        if level or fitted:
            raise ValueError("forward gives the forecast alone: leave level and fitted out, or refit")
        whole = None
        if self.uses_exog and X is not None:
            whole = np.concatenate([X, X_future])
        return {"mean": self.model_.predict(h, whole, context=y)}
