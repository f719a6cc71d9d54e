"""Any forecaster as one of sktime. Importing this module imports sktime."""

from copy import copy
from typing import ClassVar

import numpy as np
import pandas as pd
from sklearn.base import clone
from sktime.forecasting.base import BaseForecaster, ForecastingHorizon

from forecasting.baselines.naive import Drift, Naive
from forecasting.intervals.conformal import TooFewResiduals
from forecasting.reduction.strategies import RecursiveForecaster
from forecasting.series.rebuilding import take_apart


class SktimeForecaster(BaseForecaster):
    """A forecaster inside sktime's pipelines, reducers, tuners and evaluations.

    Quantiles and intervals are those of `Forecaster.predict_quantiles`, from rolling-origin residuals; infinite where
    these are too few for a level, as the finite-sample guarantee then demands. With
    ``update_params=False``, ``update`` moves the state and keeps the weights; with True it refits, as sktime does.

    Parameters
    ----------
    forecaster : Forecaster, optional
        Default: ``Naive()``. It is cloned.

    Attributes
    ----------
    forecaster_ : Forecaster
        The fitted clone.

    Examples
    --------
    >>> import pandas as pd
    >>> from forecasting import Drift
    >>> from forecasting.interop.sktime import SktimeForecaster
    >>> model = SktimeForecaster(Drift()).fit(pd.Series([1.0, 2.0, 3.0]), fh=[1, 3])
    >>> model.predict().tolist()
    [4.0, 6.0]
    """

    _tags: ClassVar[dict] = {
        "authors": ["reservoir-forecasting"],
        "y_inner_mtype": "pd.DataFrame",
        "X_inner_mtype": "pd.DataFrame",
        "capability:multivariate": True,
        "capability:exogenous": True,
        "capability:insample": False,
        "capability:pred_int": True,
        "capability:pred_int:insample": False,
        "capability:missing_values": False,
        "capability:non_contiguous_X": False,
        "capability:update": True,
        "capability:categorical_in_X": False,
        "requires-fh-in-fit": False,
        "enforce_index_type": None,
    }

    # The forecaster inside keeps its series; a second copy would serve nothing. From 1.3 on it is sktime's default.
    _config: ClassVar[dict] = {"remember_data": False}
    _y = _X = None  # which sktime sets only where it remembers from the start

    def __init__(self, forecaster=None):
        self.forecaster = forecaster
        super().__init__()
        inner = self._inner()
        self.set_tags(
            **{
                "capability:exogenous": inner.own_tags().uses_exog,
                "capability:missing_values": inner.missing_rule() is not None,
            }
        )

    def _inner(self):
        return Naive() if self.forecaster is None else self.forecaster

    def _fit(self, y, X, fh):
        self.forecaster_ = clone(self._inner()).fit(y, X)
        return self

    def _predict(self, fh, X):
        return self.forecaster_.predict(self._steps(fh), self._rows(fh, X)).set_axis(self._labels(fh))

    def _predict_quantiles(self, fh, X, alpha):
        steps, rows = self._steps(fh), self._rows(fh, X)
        forecaster = copy(self.forecaster_).calibrate(steps)  # once for all levels
        tables = [_quantile(forecaster, steps, rows, float(level)) for level in alpha]
        columns = pd.MultiIndex.from_product([self._get_varnames(), alpha])
        values = np.stack(tables, axis=-1).reshape(len(steps), -1)
        return pd.DataFrame(values, index=self._labels(fh), columns=columns)

    def _update(self, y, X=None, update_params=True):
        forecaster = self.forecaster_
        new = y.index > forecaster.cutoff_
        if new.any():
            forecaster.update(y[new], None if X is None else X.loc[y.index[new]])
        if update_params:  # refitted on all that it remembers, in place: its index has moved on
            n_features = forecaster.n_features_in_
            forecaster.fit_arrays(forecaster.series_, forecaster.exog_, forecaster.observed_)
            forecaster.n_features_in_ = n_features
        return self

    def _steps(self, fh):
        return np.asarray(fh.to_relative(self.cutoff).to_numpy(), dtype=np.int64)

    def _labels(self, fh):
        return fh.to_absolute_index(self.cutoff)

    def _rows(self, fh, X):
        """Exogenous variables of all steps to the last one asked for."""
        if X is None:
            return None
        steps = ForecastingHorizon(np.arange(1, self._steps(fh)[-1] + 1), is_relative=True)
        return X.reindex(steps.to_absolute_index(self.cutoff))

    @classmethod
    def get_test_params(cls, parameter_set="default"):
        """Return settings that sktime's tests run over.

        Parameters
        ----------
        parameter_set : str, default="default"

        Returns
        -------
        list of dict
        """
        return [{}, {"forecaster": Drift()}, {"forecaster": RecursiveForecaster(lags=2)}]


def _quantile(forecaster, steps, rows, level):
    try:
        answer = forecaster.predict_quantiles(steps, rows, [level])
    except TooFewResiduals:
        return np.full((len(steps), forecaster.n_targets_), np.inf if level > 0.5 else -np.inf)
    return take_apart(forecaster.layout_, answer, forecaster.n_targets_)[0][:, :, 0]
