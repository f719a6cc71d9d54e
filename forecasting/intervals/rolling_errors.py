"""Rolling-origin errors computed once: kept with a fitted forecaster, saved with it, extended by its updates.

One model, fitted on the first part of the series, makes all forecasts whose errors are kept, also those of
observations that arrive later. So an extended calibration holds what a new one with the same first part would hold.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from forecasting.intervals.conformal import (
    MOST_ORIGINS,
    Origins,
    errors_from,
    errors_of_each,
    origins_after,
    series_in_time,
)
from forecasting.series.missing import impute_in_time

# Forecasts from new origins are made in batches of at least so many.
_LEAST_BATCH = 32


class Calibration(NamedTuple):
    """Errors of the forecasts from all origins after the first part of every series, and what extends them.

    Every list has one entry per series.

    Parameters
    ----------
    horizon : int
        Steps ahead.
    initial : int, float or None
        The first part as it was asked for.
    model : Forecaster
        Fitted on the first parts.
    cuts : list of int
        Steps of the first parts.
    first : list
        The states of `model` at the end of the first parts.
    states : list of list
        The states of `model` at the last origins, the last of them at the last observation.
    errors : list of ndarray of shape (n_origins, horizon, n_targets)
        On the scale of the forecaster's errors; NaN where the truth is not known.
    one_step : list of ndarray of shape (n_origins, 1, n_targets), or None
        Errors one step ahead on the scale of `y`; None where `model` does not forecast `y` as the forecaster does.
    n_new : list of int
        Observations since `errors` and `one_step` were computed.
    """

    horizon: int
    initial: int | float | None
    model: Any
    cuts: list
    first: list
    states: list
    errors: list
    one_step: list | None
    n_new: list

    def covers(self, n_steps: int, initial: int | float | None) -> bool:
        """Tell whether it holds the errors of `n_steps` after that first part; None stands for any first part."""
        same_kind = isinstance(initial, Integral) == isinstance(self.initial, Integral)
        if initial is not None and not (same_kind and initial == self.initial):
            return False
        # Where the first steps of a forecast depend on how far it reaches, so do their errors.
        shorter = n_steps < self.horizon and self.model.own_tags().prefix_consistent
        return shorter or n_steps == self.horizon

    def ends(self) -> list:
        """Return the state of the model at the last observation of each series."""
        return [states[-1] for states in self.states]

    def origins(self, forecaster: Any) -> Origins:
        """Return the states of the model at all origins of the forecaster's series, without a fit."""
        series = series_in_time(forecaster, self.cuts)
        return origins_after(self.model, self.first, self.cuts, series, forecaster)

    def known(self, forecaster: Any) -> tuple[list, list | None]:
        """Return `errors` and `one_step` with those that the observations since have brought."""
        if not any(self.n_new):
            return self.errors, self.one_step
        series, observed = forecaster.series_, forecaster.observed_ or forecaster.series_
        cuts = [len(y) - len(states) + 1 for y, states in zip(series, self.states)]
        plain = self.one_step is not None
        origins = Origins(self.model, self.states, cuts, series, observed, forecaster.exog_, plain)
        errors, one_step = _errors(origins, self.horizon)
        return (
            self._joined(self.errors, errors),
            None if self.one_step is None or one_step is None else self._joined(self.one_step, one_step),
        )

    def advanced(
        self, series: list, exog: list | None, observed: list | None = None, rule: Any = None
    ) -> Calibration:
        """Return the calibration with the states after further observations; `refreshed` adds their errors.

        Parameters
        ----------
        series : list of ndarray of shape (n_steps, n_targets)
            The new steps alone.
        exog : list of ndarray of shape (n_steps, n_features), or None
            Of the same steps.
        observed : list of ndarray of shape (n_all_steps, n_targets), optional
            All steps, the new ones included, before missing observations were filled.
        rule : str or tuple, optional
            The rule that fills them.

        Returns
        -------
        Calibration
        """
        if observed is not None and rule is not None:
            seen = zip(series, observed, self.cuts)
            series = [_filled_in_time(y, whole, rule, cut) for y, whole, cut in seen]
        traces = self.model.trace_states(self.ends(), series, exog)
        return self._replace(
            states=[[*states, *trace] for states, trace in zip(self.states, traces)],
            n_new=[n + len(y) for n, y in zip(self.n_new, series)],
        )

    def refreshed(self, forecaster: Any) -> Calibration:
        """Return the calibration with the errors of a whole batch of new origins computed, if there is one.

        So an observation takes the same time on average however many came before, and not much memory is held.
        """
        if max(map(len, self.states)) < self.horizon + max(self.horizon, _LEAST_BATCH):
            return self
        errors, one_step = self.known(forecaster)
        n_kept = [max(MOST_ORIGINS, len(each)) for each in self.errors]
        return self._replace(
            states=[states[-self.horizon :] for states in self.states],
            errors=[each[-n:] for each, n in zip(errors, n_kept)],
            one_step=None if one_step is None else [each[-n:] for each, n in zip(one_step, n_kept)],
            n_new=[0] * len(self.n_new),
        )

    def _joined(self, old: list, new: list) -> list:
        """Put the rows of the last origins, computed again, behind those before."""
        n_before = [len(a) + n - len(b) for a, n, b in zip(old, self.n_new, new)]
        return [np.concatenate([a[:n], b]) for a, n, b in zip(old, n_before, new)]


def calibrated(origins: Origins, horizon: int, initial: Any = None) -> Calibration:
    """Return the errors of the forecasts from all origins.

    Parameters
    ----------
    origins : Origins
    horizon : int
        Steps ahead.
    initial : int or float, optional
        The first part as it was asked for.

    Returns
    -------
    Calibration
    """
    errors, one_step = _errors(origins, horizon)
    first = [states[0] for states in origins.states]
    last = [states[-horizon:] for states in origins.states]
    n_new = [0] * len(last)
    return Calibration(horizon, initial, origins.model, origins.cuts, first, last, errors, one_step, n_new)


def one_step_errors(forecaster: Any, initial: Any) -> list[np.ndarray]:
    """Return the errors of forecasts one step ahead, on the scale of `y` whatever transforms there are.

    Parameters
    ----------
    forecaster : Forecaster
        Fitted; errors that it keeps are read.
    initial : int or float, optional
        Steps or fraction of the series in the first part.

    Returns
    -------
    list of ndarray of shape (n_origins, n_targets)
        One per series, NaN where nothing was observed.
    """
    stored = forecaster.calibration_
    one_step = None
    if stored is not None and stored.covers(1, initial):
        _, one_step = stored.known(forecaster)
    if one_step is None:
        origins = forecaster.rolling_origins(initial)
        one_step = errors_from(origins, 1, origins.model.predict_states, _difference)
    return [errors[:, 0] for errors in one_step]


def _errors(origins: Origins, horizon: int) -> tuple[list, list | None]:
    """Return errors on the scale of the model's errors, and one step ahead on that of `y`."""
    model = origins.model
    kinds = (model._errors, _difference) if origins.plain else (model._errors,)
    errors, *others = errors_of_each(origins, horizon, model.predict_states, kinds)
    return errors, [each[:, :1].copy() for each in others[0]] if others else None


def _filled_in_time(new: np.ndarray, observed: np.ndarray, rule: Any, cut: int) -> np.ndarray:
    """Return the newest steps of a series, each filled from those before it alone."""
    start = len(observed) - len(new)
    if not np.isnan(observed[start:]).any():
        return new
    return impute_in_time(observed, rule, "y", cut)[start:]


def _difference(state: Any, truth: np.ndarray, path: np.ndarray) -> np.ndarray:
    return truth - path
