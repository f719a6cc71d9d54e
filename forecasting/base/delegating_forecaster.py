"""Base of forecasters that let one other forecaster do the forecasting."""

from copy import copy
from typing import Any

from forecasting.base.forecaster import Forecaster


class DelegatingForecaster(Forecaster):
    """Base of forecasters with one fitted forecaster, ``forecaster_``, whose states are theirs.

    A subclass fits ``forecaster_`` on the arrays that it gets itself and returns its states.
    """

    forecaster_: Any

    def _predict(self, states, n_steps, exog):
        return self.forecaster_.predict_states(states, n_steps, exog)

    def _update(self, states, series, exog):
        return self.forecaster_.update_states(states, series, exog)

    def _restart(self, series, exog):
        return self.forecaster_.restart_states(series, exog)

    def _trace(self, states, series, exog):
        return self.forecaster_.trace_states(states, series, exog)

    def _rolling_origins(self, initial):
        return self._standing()._rolling_origins(initial)

    def _origins_of_errors(self, initial):
        return self._standing()._origins_of_errors(initial)

    def _unknown_ahead(self):
        return self.forecaster_._unknown_ahead()

    def _has_model_of_each(self):
        return self.forecaster_._has_model_of_each()

    def _errors(self, state, truth, path):
        return self.forecaster_._errors(state, truth, path)

    def _centres(self, n_steps, exog, ends):
        return self._standing()._centres(n_steps, exog, ends)

    def _standing(self) -> Any:
        """Return the inner forecaster where this one stands now: it has not followed the updates itself."""
        inner = copy(self.forecaster_)
        inner.series_, inner.exog_, inner.states_ = self.series_, self.exog_, self.states_
        inner.observed_, inner.calibration_ = self.observed_, self.calibration_
        return inner
