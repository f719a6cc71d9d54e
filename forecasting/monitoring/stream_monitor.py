"""StreamMonitor: a forecaster that watches a stream, and says which observations surprise it."""

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from forecasting.base.forecaster import Forecaster
from forecasting.baselines.naive import Naive
from forecasting.intervals.rolling_errors import one_step_errors
from forecasting.monitoring.drift import Watch
from forecasting.series.arrays import PanelLayout, read_continuation, split_covariates
from forecasting.series.rebuilding import ID
from reservoir.contracts.random_source import make_rng


class _Calibration(NamedTuple):
    """Of one series: the unit of each target's errors, (n_targets,), and the scores in order of size."""

    unit: np.ndarray
    scores: np.ndarray


class StreamMonitor(BaseEstimator):
    r"""Watch a stream through the eyes of a forecaster: anomalies one by one, and drift.

    Every observation is forecast one step ahead. Its score is the largest error of its targets, each in units of the
    mean absolute error of that target in the calibration. Two p-values are told of it:

    - ``pvalue``, of the observation alone, the conformal one [1]_

      .. math:: p = \frac{1 + \#\{i : s_i \ge s\}}{n + 1}

      among `n` scores of rolling origins over the later part of the training series. If errors are exchangeable with
      these, it is below any :math:`\alpha` with probability at most :math:`\alpha`: of a stream without anomalies a
      fraction :math:`\alpha` is flagged. It is never below ``1 / (n + 1)``: the calibration must be long enough.
    - ``drift``, of all observations so far: whether errors have stopped being alike (see
      `forecasting.monitoring.drift.drift_test`). It may be watched all the time.

    Then the forecaster is told the observation by `update`, in constant time. The drift test keeps all scores in
    order of size, which takes longer beyond some hundred thousand of them.

    Parameters
    ----------
    forecaster : Forecaster, optional
        Default: ``Naive()``. It is cloned. With an `OnlineReservoirForecaster` the weights go on learning too.
    initial : int or float, optional
        Steps or fraction of the series before the calibration, as in `Forecaster.predict_interval`. Default: half.
    jump_rate : float, default=0.01
        See `forecasting.monitoring.drift.drift_test`.
    random_state : int, RandomState or None, default=0
        Breaks ties of the drift test.

    Attributes
    ----------
    forecaster_ : Forecaster
        The fitted clone, standing after the last observation.
    calibrations_ : list of tuple
        Of each series: units (n_targets,) and scores in order of size.
    watches_ : list of Watch
        Of each series, what the drift test knows.

    References
    ----------
    .. [1] R. Laxhammar and G. Falkman (2011), Sequential conformal anomaly detection in trajectories based on
       Hausdorff distance, FUSION 14; V. Vovk, A. Gammerman and G. Shafer (2005), Algorithmic Learning in a Random
       World, section 2.2.

    Examples
    --------
    >>> from forecasting import DirectForecaster, StreamMonitor
    >>> rng = np.random.default_rng(0)
    >>> y = np.sin(0.3 * np.arange(500.0)) + 0.1 * rng.normal(size=500)
    >>> y[450] += 1.0
    >>> monitor = StreamMonitor(DirectForecaster(lags=10, max_horizon=1)).fit(y[:400])
    >>> seen = monitor.observe(y[400:451])
    >>> seen.loc[seen["pvalue"] < 0.01, ["time", "pvalue"]].round(3).values.tolist()
    [[450.0, 0.005]]
    """

    _parameter_constraints: ClassVar[dict] = {
        "forecaster": [Forecaster, None],
        "initial": [Interval(Integral, 1, None, closed="left"), Interval(Real, 0, 1, closed="neither"), None],
        "jump_rate": [Interval(Real, 0, 1, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(self, forecaster=None, *, initial=None, jump_rate=0.01, random_state=0):
        self.forecaster = forecaster
        self.initial = initial
        self.jump_rate = jump_rate
        self.random_state = random_state

    def fit(self, y, X=None):
        """Fit the forecaster, and calibrate on the later part of the series.

        Parameters
        ----------
        y, X : container
            As for `Forecaster.fit`.

        Returns
        -------
        self
        """
        self._validate_params()
        forecaster = Naive() if self.forecaster is None else clone(self.forecaster)
        self.forecaster_ = forecaster.fit(y, X)
        rolled = [np.abs(each) for each in one_step_errors(forecaster, self.initial)]
        residuals = [errors[~np.isnan(errors).all(axis=1)] for errors in rolled]  # of what was observed
        self.calibrations_ = [_calibrated(each) for each in residuals]
        rng = make_rng(self.random_state)
        self.seeds_ = rng.integers(2**31, size=len(residuals))
        self.watches_ = []
        for errors, one in zip(residuals, self.calibrations_):
            in_time = np.nanmax(errors / one.unit, axis=1)
            self.watches_.append(Watch.over(in_time))
        return self

    def observe(self, y, X=None):
        """Judge the observations right after the last one, one by one, and tell them to the forecaster.

        Parameters
        ----------
        y : container
            As for `Forecaster.update`.
        X : container, optional

        Returns
        -------
        DataFrame
            A row for each observation, (series by series): (``unique_id``), ``time``, (``target``), ``y_true``,
            ``y_pred``, ``score``, ``pvalue``, ``drift``. Of several targets the one with the largest score is shown.
            Where nothing was observed, which a forecaster with a rule for missing values allows, there is nothing to
            judge: NaN, and the drift stays.
        """
        check_is_fitted(self)
        forecaster = self.forecaster_
        layout, n_seen = forecaster.layout_, [len(values) for values in forecaster.series_]
        given, covariates = split_covariates(y, X)
        rule, so_far = forecaster.missing_rule(), forecaster.series_
        series = read_continuation(given, layout, forecaster.n_targets_, rule, so_far)
        seen = read_continuation(given, layout, forecaster.n_targets_, rule, so_far, keep_missing=True)
        lengths = [len(values) for values in series]
        exog = forecaster.read_future_exog(covariates, layout, lengths, observed=True)
        paths = self._one_step_ahead(series, exog)
        forecaster.update(y, X)  # before anything moves: it may refuse the last of them
        tables = []
        for i, (values, path) in enumerate(zip(seen, paths)):
            table = self._judged(i, values, path)
            table.insert(0, "time", _times(layout, i, n_seen[i], len(values)))
            if layout.kind != "single":
                table.insert(0, ID, layout.ids[i] if layout.ids else i)
            tables.append(table)
        found = pd.concat(tables, ignore_index=True)
        return found if forecaster.n_targets_ > 1 else found.drop(columns="target")

    # ---------------------------------------------------------------- private

    def _one_step_ahead(self, series: list, exog: list | None) -> list[np.ndarray]:
        """Forecast every step of every series from the one before."""
        model = self.forecaster_
        paths = []
        for i, (state, values) in enumerate(zip(model.states_, series)):
            future = None if exog is None else exog[i]
            past = None if future is None else [future[:-1]]
            states = (
                [state, *model.trace_states([state], [values[:-1]], past)[0]] if len(values) > 1 else [state]
            )
            ahead = None if future is None else list(future[:, np.newaxis])
            paths.append(np.concatenate(model.predict_states(states, 1, ahead)))
        return paths

    def _judged(self, i: int, values: np.ndarray, path: np.ndarray) -> pd.DataFrame:
        """Return score and p-values of observations of one series, and move its watch."""
        unit, known = self.calibrations_[i]
        watch = self.watches_[i]
        errors = np.abs(values - path) / unit
        errors = np.where(np.isnan(errors), np.inf, errors)  # a forecast that diverged
        errors = np.where(np.isnan(values), -np.inf, errors)
        worst = errors.argmax(axis=1)
        rows, scores = np.arange(len(values)), errors.max(axis=1)
        unseen = np.isneginf(scores)
        pvalues = (1 + len(known) - np.searchsorted(known, scores, "left")) / (len(known) + 1)
        scores, pvalues = np.where(unseen, np.nan, scores), np.where(unseen, np.nan, pvalues)
        drift = []
        for score in scores:
            if np.isnan(score):
                drift.append(1 / watch.highest)
                continue
            rng = np.random.default_rng((int(self.seeds_[i]), len(watch.ordered)))
            watch = watch.after(float(score), self.jump_rate, rng)
            drift.append(1 / watch.highest)
        self.watches_ = [watch if j == i else other for j, other in enumerate(self.watches_)]
        names = self.forecaster_.layout_.parts[i].names or tuple(range(values.shape[1]))
        columns = {
            "target": [names[j] for j in worst],
            "y_true": values[rows, worst],
            "y_pred": path[rows, worst],
        }
        return pd.DataFrame({**columns, "score": scores, "pvalue": pvalues, "drift": drift})


def _calibrated(errors: np.ndarray) -> _Calibration:
    """Return unit and ordered scores of absolute errors (n_errors, n_targets), NaN where one target is missing."""
    if np.isinf(errors).any():
        raise ValueError(
            "the forecaster diverged within one step on the later part of its training series: give it another "
            "model, or a larger initial"
        )
    known = ~np.isnan(errors)
    mean = np.where(known, errors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    unit = np.where(mean > 0, mean, 1.0)
    return _Calibration(unit, np.sort(np.nanmax(errors / unit, axis=1)))


def _times(layout: PanelLayout, i: int, n_seen: int, n_steps: int) -> Any:
    """Return the labels of the steps after the last one, positions where there are none."""
    calendar = layout.parts[i].calendar
    return np.arange(n_seen, n_seen + n_steps) if calendar is None else calendar.after(n_steps)
