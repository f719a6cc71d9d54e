"""The forecaster contract.

A forecaster is a scikit-learn estimator whose first argument is a series. :class:`Forecaster` reads
containers, indices and horizons and gives answers back in the container that came in; a subclass only sees
lists of float64 arrays, one ``(n_steps, n_targets)`` array per series, and implements four hooks:

====================================  ========================================================================
hook                                  does
====================================  ========================================================================
``_fit(series, exog)``                learn weights (attributes ending in ``_``), return the states at the end
``_predict(states, n_steps, exog)``   continue every series from its state: list of ``(n_steps, n_targets)``
``_update(states, series, exog)``     the states after further observations, weights kept
``_restart(series, exog)``            the states after other series driven from rest, weights kept
====================================  ========================================================================

A *state* is whatever the model needs about one series to go on from its last observation; `states` is a list
with one entry per series, and every hook but ``_fit`` is a pure function. So one call of ``_predict`` can
continue many origins of one series at once. Weights and states must be made of arrays, numbers, strings and
(named) tuples, so that they can be saved without pickle.

A model that treats every series alone derives from :class:`LocalForecaster`, which asks for the same four for
one series.
"""

from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from forecasting.base.residual_intervals import ResidualIntervals
from forecasting.base.tags import ForecasterTags, TagsOfForecaster
from forecasting.series.arrays import read_continuation, read_panel, split_covariates
from forecasting.series.calendar_features import with_calendar
from forecasting.series.growing_rows import appended
from forecasting.series.horizons import read_horizon
from forecasting.series.rebuilding import rebuild
from reservoir.contracts.settings import check_settings, settings_of


class Forecaster(ResidualIntervals, BaseEstimator):
    """Base of all forecasters: `fit`, `predict` and everything that follows from a subclass's four hooks.

    Attributes
    ----------
    states_ : list
        One state per series, at its last observation.
    series_ : list of ndarray of shape (n_steps, n_targets)
        The observations so far, missing ones filled; intervals are calibrated on them.
    observed_ : list of ndarray of shape (n_steps, n_targets), or None
        The same before they were filled: NaN is missing. None without a rule for missing observations.
    exog_ : list of ndarray of shape (n_steps, n_features) or None
        The exogenous variables so far.
    layout_ : PanelLayout
        The container of `y` and the end of its index.
    calibration_ : tuple or None
        The errors that `calibrate` has computed, and the model that made them.
    naive_scale_ : ndarray of shape (n_series, n_targets)
        Mean absolute one-step change of the series in `fit`, the unit of `score`; of changes between two
        observations.
    n_targets_ : int
        Number of columns of `y`.
    n_features_in_ : int
        Number of columns of `X`, 0 without `X`.
    exog_names_ : tuple
        Column names of `X`, empty if it had none.
    """

    _parameter_constraints: ClassVar[dict] = {}
    # Parameters that are read after `fit` as well, and must stay what they were.
    _settings: ClassVar[tuple] = ()
    observed_: list | None = None

    # ------------------------------------------------------------------ hooks

    def _fit(self, series: list, exog: list | None) -> list:
        """Learn from the series, return their states at the end."""
        raise NotImplementedError

    def _predict(self, states: list, n_steps: int, exog: list | None) -> list:
        """Continue from each state by `n_steps`: list of (n_steps, n_targets). `exog` has `n_steps` rows
        each."""
        raise NotImplementedError

    def _update(self, states: list, series: list, exog: list | None) -> list:
        """Return the states after further observations."""
        raise NotImplementedError

    def _restart(self, series: list, exog: list | None) -> list:
        """Return the states at the end of other series, driven from rest with the learned weights."""
        raise NotImplementedError

    def _trace(self, states: list, series: list, exog: list | None) -> list[list]:
        """Return, per series, the list of states after each further observation.

        Override where one pass gives all of them at once.
        """
        traces = []
        for i, (state, values) in enumerate(zip(states, series)):
            trace = []
            for t in range(len(values)):
                past = None if exog is None else [exog[i][t : t + 1]]
                (state,) = self._update([state], [values[t : t + 1]], past)
                trace.append(state)
            traces.append(trace)
        return traces

    def _forecaster_tags(self) -> ForecasterTags:
        """Return what this forecaster can do; override to change it."""
        return ForecasterTags()

    # --------------------------------------- arrays, for forecasters made of forecasters

    def predict_states(self, states: list, n_steps: int, exog: list | None) -> list:
        """Continue series from their states; one call takes any number of origins.

        Parameters
        ----------
        states : list
            As `update_states` and `trace_states` return them; ``states_`` are those at the ends of the series.
        n_steps : int
        exog : list of ndarray of shape (n_steps, n_features), or None
            Exogenous variables of the steps ahead.

        Returns
        -------
        list of ndarray of shape (n_steps, n_targets)
        """
        return self._predict(states, n_steps, exog)

    def update_states(self, states: list, series: list, exog: list | None) -> list:
        """Return the states after further observations, the weights kept.

        Parameters
        ----------
        states : list
        series : list of ndarray of shape (n_steps, n_targets)
            The further observations of each series.
        exog : list of ndarray of shape (n_steps, n_features), or None

        Returns
        -------
        list
        """
        return self._update(states, series, exog)

    def trace_states(self, states: list, series: list, exog: list | None) -> list[list]:
        """Return the states after each of some further observations.

        Parameters
        ----------
        states, series, exog
            As for `update_states`.

        Returns
        -------
        list of list
            Per series, one state for each observation.
        """
        return self._trace(states, series, exog)

    def restart_states(self, series: list, exog: list | None) -> list:
        """Return the states at the ends of other series, driven from rest with the fitted weights.

        Parameters
        ----------
        series : list of ndarray of shape (n_steps, n_targets)
        exog : list of ndarray of shape (n_steps, n_features), or None

        Returns
        -------
        list
        """
        return self._restart(series, exog)

    def missing_rule(self) -> Any:
        """Return the rule by which missing observations are filled, None without one."""
        return self._missing()

    def own_tags(self) -> ForecasterTags:
        """Return what this forecaster can do; scikit-learn's tags contain them as ``forecaster_tags``."""
        return self._forecaster_tags()

    # ----------------------------------------------------------------- public

    def fit(self, y, X=None, *, calibrate=None):
        """Fit the model to one or many series.

        Parameters
        ----------
        y : container of shape (n_steps,) or (n_steps, n_targets)
            Array, list of numbers, Series, DataFrame, list of series, 3-D array, or long frame with the
            columns ``unique_id``, ``ds``, ``y`` (see :mod:`forecasting.series.arrays`).
        X : container of shape (n_steps, n_features), optional
            Exogenous variables at the same steps; a long frame may hold them beside ``y``.
        calibrate : int, array-like of int, or pandas index, optional
            The horizon of intervals to come: calls `calibrate` at the end. Default: no calibration.

        Returns
        -------
        self
        """
        self._validate_params()
        y, X = split_covariates(y, X)
        panel = read_panel(y, missing=self._missing())
        exog, names = self._read_training_exog(X, panel)
        n_features = 0 if exog is None else exog[0].shape[1]
        exog = with_calendar(exog, self._calendar(), panel.layout, panel.lengths, future=False)
        self.fit_arrays(panel.values, exog, panel.observed)
        self.n_features_in_, self.exog_names_ = n_features, names
        self.layout_ = panel.layout
        return self if calibrate is None else self.calibrate(calibrate)

    def fit_arrays(self, series: list, exog: list | None, observed: list | None = None) -> list:
        """Fit on arrays that have been read and validated: how one forecaster fits another inside it.

        Parameters
        ----------
        series : list of ndarray of shape (n_steps, n_targets)
            Missing observations filled.
        exog : list of ndarray of shape (n_steps, n_features), or None
        observed : list of ndarray of shape (n_steps, n_targets), optional
            The series before missing observations were filled, if there is a rule that fills them.

        Returns
        -------
        list
            The states at the ends of the series.
        """
        self._validate_params()
        self.n_targets_ = series[0].shape[1]
        self.n_features_in_ = 0 if exog is None else exog[0].shape[1]
        self.naive_scale_ = np.array([_mean_change(values) for values in observed or series])
        self.series_, self.exog_, self.observed_, self.calibration_ = series, exog, observed, None
        self.states_ = self._fit(series, exog)
        self.settings_ = settings_of(self, self._settings)
        self.calendar_ = self._calendar()  # as it was learned from, whatever `set_params` says later
        return self.states_

    def predict(self, horizon, X=None, context=None):
        """Forecast the steps after the last observation.

        Parameters
        ----------
        horizon : int, array-like of int, or pandas index
            An int `h` means steps 1 to `h`; an array names steps; an index names labels after the last
            observation.
        X : container of shape (n_steps, n_features), optional
            Exogenous variables of all steps from the first after the last observation to the last one asked
            for. With `context` it covers the context's own steps first.
        context : container, optional
            Other series of as many targets: synchronise on them, with the weights that were learned, and
            forecast from their ends.

        Returns
        -------
        forecast : the container of `y` (or of `context`)
            Its index continued.
        """
        check_is_fitted(self)
        check_settings(self)
        if context is None:
            layout, states = self.layout_, self.states_
            steps = read_horizon(horizon, layout)
            future = self.read_future_exog(X, layout, [steps.n_steps] * len(states))
        else:
            panel = self._read_context(context)
            layout = panel.layout
            steps = read_horizon(horizon, layout)
            past, future = self._read_context_exog(X, panel, steps.n_steps)
            states = self._restart(panel.values, past)
        paths = self._predict(states, steps.n_steps, future)
        return rebuild(layout, steps.steps, [path[steps.steps - 1] for path in paths])

    def update(self, y, X=None):
        """Advance the state over further observations; the weights stay as they were learned.

        A calibration is extended by the errors that the observations bring. In a stream of single observations each
        takes the same time, however many came before.

        Parameters
        ----------
        y : container
            The observations right after the last one; as many series and targets as in `fit`.
        X : container, optional
            Exogenous variables at the same steps.

        Returns
        -------
        self
        """
        check_is_fitted(self)
        check_settings(self)
        y, X = split_covariates(y, X)
        before, rule = self.series_, self._missing()
        series = read_continuation(y, self.layout_, self.n_targets_, rule, before)
        lengths = [len(values) for values in series]
        exog = self.read_future_exog(X, self.layout_, lengths, observed=True)
        states = self._update(self.states_, series, exog)
        longer, observed = [appended(*pair) for pair in zip(before, series)], self.observed_
        if observed is not None:
            given = read_continuation(y, self.layout_, self.n_targets_, rule, before, keep_missing=True)
            observed = [appended(*pair) for pair in zip(observed, given)]
        calibration = self.calibration_
        if calibration is not None:
            calibration = calibration.advanced(series, exog, observed, rule)
        self.states_, self.series_, self.observed_ = states, longer, observed
        if exog is not None and self.exog_ is not None:
            self.exog_ = [appended(*pair) for pair in zip(self.exog_, exog)]
        self.calibration_ = calibration if calibration is None else calibration.refreshed(self)
        self.layout_ = self.layout_.advance(lengths)
        return self

    def score(self, y, X=None):
        """Return the negative mean absolute scaled error of forecasting `y`: larger is better, 0 is perfect.

        Errors are divided by the mean absolute one-step change of the series seen in `fit` [1]_, so -1 is as
        bad as a one-step naive forecast was on average in training.

        Parameters
        ----------
        y : container
            The observations right after the last one. An index must say so; an array is taken to. Missing ones (NaN),
            where there is a rule that fills them, are left out.
        X : container, optional
            Exogenous variables at the same steps.

        Returns
        -------
        float
            Mean over steps, targets and series.

        Raises
        ------
        ValueError
            If the index of `y` does not follow the last observation, if nothing in it was observed, or if the
            training series is constant.

        References
        ----------
        .. [1] Hyndman and Koehler (2006), Another look at measures of forecast accuracy.
        """
        check_is_fitted(self)
        check_settings(self)
        if (self.naive_scale_ == 0).any():
            raise ValueError(
                "score is scaled by the mean change of the training series, which is 0: the series is "
                "constant or has one step; use a metric that is not scaled"
            )
        y, X = split_covariates(y, X)
        truths = read_continuation(
            y, self.layout_, self.n_targets_, self._missing(), self.series_, keep_missing=True
        )
        lengths = [len(truth) for truth in truths]
        if X is not None and len(set(lengths)) > 1:
            raise ValueError(f"y has {lengths} steps per series: with X they must be equal")
        exog = self.read_future_exog(X, self.layout_, [max(lengths)] * len(lengths))
        paths = self._predict(self.states_, max(lengths), exog)
        known = [~np.isnan(truth) for truth in truths]
        errors = [
            _mean_of(np.abs(path[: len(truth)] - truth), seen) / scale
            for path, truth, seen, scale in zip(paths, truths, known, self.naive_scale_)
        ]
        scored = np.array([seen.any(axis=0) for seen in known])
        if not scored.any():
            raise ValueError("y has no observation that could be scored: leave it out")
        return -float(np.mean(np.array(errors)[scored]))

    @property
    def cutoff_(self):
        """The label of the last observation, a list of them for a panel; without an index the number of
        steps."""
        check_is_fitted(self, "layout_")
        cutoffs = [
            len(values) if part.calendar is None else part.calendar.cutoff
            for values, part in zip(self.series_, self.layout_.parts)
        ]
        return cutoffs[0] if self.layout_.kind == "single" else cutoffs

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        own = {item.name: getattr(tags, item.name) for item in fields(tags)}
        tags = TagsOfForecaster(**own, forecaster_tags=self._forecaster_tags())
        tags.estimator_type = "forecaster"
        tags.input_tags.one_d_array = True
        tags.input_tags.two_d_array = False
        tags.input_tags.allow_nan = self._missing() is not None
        return tags


def _mean_change(values: np.ndarray) -> np.ndarray:
    """Return the mean absolute change of each column between neighbours, NaN missing; 0 if there are none."""
    changes = np.abs(np.diff(values, axis=0))
    return _mean_of(changes, ~np.isnan(changes))


def _mean_of(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the mean of the known values of each column, 0 if there are none."""
    return np.where(known, values, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
