"""Forecasting as regression: any scikit-learn regressor over lags, statistics, calendar and exogenous variables.

Three ways to reach `h` steps ahead [1]_: one step at a time on one's own forecasts (`RecursiveForecaster`), a
regressor for each step (`DirectForecaster`), one regressor for all steps together (`MultiOutputForecaster`).

References
----------
.. [1] Ben Taieb, Bontempi, Atiya and Sorjamaa (2012), A review and comparison of strategies for multi-step ahead
   time series forecasting based on the NN5 forecasting competition. Expert Systems with Applications 39,
   7067-7083.
"""

from numbers import Integral
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.reduction.base_reduction import Reduction
from forecasting.reduction.regression import fit_outputs, has_independent_outputs, predictor
from forecasting.series.calendar_features import calendar_width

# Values in a window beyond which the matrix of a linear recursion costs more than it saves.
_LARGEST_WINDOW = 1500


class RecursiveForecaster(Reduction):
    r"""One step at a time: a regressor of the next value, fed its own forecasts.

    .. math:: \hat y(t + 1) = f\big(y(t), \dots, y(t - p), \text{statistics}, \text{calendar}(t+1), x(t + 1)\big)

    Every feature is known or forecast for any step, so that any horizon can be reached.

    Parameters
    ----------
    estimator : regressor, optional
        Any scikit-learn regressor; one that knows one target only is fitted once per target. Default:
        ``Ridge()``. It is cloned.
    lags : int or sequence of int, default=12
        The lagged values seen; an int `n` means 1 to `n`.
    rolling : sequence of (str, int), default=()
        Statistics of the last observations, ``("mean", 7)``; "mean", "median", "min", "max", "std".
    fourier : sequence of (float, int), default=()
        Sines and cosines of a period in steps, counted from the first observation: ``(365.25, 3)`` for three
        harmonics.
    calendar : sequence of str, default=()
        Keys of `forecasting.series.calendar_features.CALENDAR_FEATURES`, such as ``("hour", "day_of_week")``; needs a
        `y` with a calendar.
    subtract : {"last", "mean"}, default=None
        Measure every window, and what follows it, from its last value or its mean. Helps where the level
        wanders, and trees, which cannot forecast values they have not seen.
    scope : {"local", "global"}, default="local"
        A regressor for each series of a panel, or one for all.

    Attributes
    ----------
    estimators_ : list of list of regressors
        By series ("local") and steps ahead.
    feature_names_ : tuple of str
        The columns that the regressors see; calendar and exogenous columns follow.

    Notes
    -----
    For series that grow, or of different sizes in one panel, put it into a `TransformedTargetForecaster` with
    ``Log`` or ``Standardize``.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> y = [0.0, 1.0]
    >>> for _ in range(10):
    ...     y.append(y[-1] + y[-2])
    >>> RecursiveForecaster(LinearRegression(), lags=2).fit(y).predict(3).round(6)
    array([144., 233., 377.])
    """

    def __init__(
        self, estimator=None, lags=12, *, rolling=(), fourier=(), calendar=(), subtract=None, scope="local"
    ):
        self.estimator = estimator
        self.lags = lags
        self.rolling = rolling
        self.fourier = fourier
        self.calendar = calendar
        self.subtract = subtract
        self.scope = scope

    @property
    def _n_ahead(self):
        return 1

    def _learn(self, examples):
        rows = np.concatenate([np.hstack([e.rows, e.exog[:, 0]]) for e in examples])
        return [fit_outputs(self._regressor(), rows, np.concatenate([e.targets[:, 0] for e in examples]))]

    def _ahead(self, estimators, tails, n_seen, n_steps, exog):
        features, predict = self._features(), predictor(estimators[0])
        n_series, span, n_targets = tails.shape
        path = np.concatenate([tails, np.empty((n_series, n_steps, n_targets))], axis=1)

        is_affine = features.is_affine and predict != estimators[0].predict
        if is_affine and n_steps > 2 and span * n_targets <= _LARGEST_WINDOW:
            return self._ahead_affine(features, predict, path, n_seen, exog)
        for t in range(n_steps):
            rows, level = features.rows(path[:, t : t + span], n_seen + t)
            answer = predict(np.hstack([rows, exog[:, t]]) if exog.shape[2] else rows)
            path[:, span + t] = answer.reshape(n_series, n_targets) + level
        return path[:, span:]

    def _ahead_affine(self, features, predict, path, n_seen, exog):
        """Where the next value is a fixed matrix times the window plus a constant, find both once."""
        (n_series, n_steps, n_exog), n_targets = exog.shape, path.shape[2]
        span = path.shape[1] - n_steps
        size = span * n_targets
        impulses, level = features.rows(np.eye(size).reshape(size, span, n_targets), np.zeros(size))
        later = (n_seen[:, np.newaxis] + np.arange(n_steps)).ravel()
        known = np.hstack([features.waves(later), exog.reshape(len(later), n_exog)])
        n_columns, n_lagged = impulses.shape[1] + n_exog, impulses.shape[1] + n_exog - known.shape[1]
        answers = predict(np.eye(n_columns + 1, n_columns)).reshape(-1, n_targets)  # the last row is 0
        coef, intercept = answers[:-1] - answers[-1], answers[-1]
        weights = impulses[:, :n_lagged] @ coef[:n_lagged] + level
        constants = (known @ coef[n_lagged:] + intercept).reshape(n_series, n_steps, n_targets)
        flat = path.reshape(n_series, -1)
        for t in range(n_steps):
            end = (t + span) * n_targets
            flat[:, end : end + n_targets] = flat[:, end - size : end] @ weights + constants[:, t]
        return path[:, span:]


class DirectForecaster(Reduction):
    r"""A regressor for each step ahead, all of which see the same window.

    .. math::

        \hat y(t + k) = f_k\big(y(t), \dots, y(t - p), \text{statistics}, \text{calendar}(t+k), x(t + k)\big),
        \qquad k = 1 \dots H

    All learn from the origins that H observations follow. Beyond H it goes on from its own forecasts. Without
    calendar and exogenous columns, regressors whose outputs do not influence each other (`Ridge`,
    `LinearRegression`, `RidgeReadout`, nearest neighbours and the like) are fitted for all steps at once, with the
    same result.

    Parameters
    ----------
    estimator, lags, rolling, fourier, calendar, subtract, scope
        As for `RecursiveForecaster`. The phase of Fourier terms is that of the first step ahead.
    max_horizon : int, default=12
        The number of steps H.

    Attributes
    ----------
    estimators_ : list of list of regressors
        By series ("local") and steps ahead; one for all steps if they are fitted at once.
    feature_names_ : tuple of str
        The columns that the regressors see; calendar and exogenous columns follow.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.sin(0.3 * np.arange(200.0))
    >>> forecast = DirectForecaster(lags=20, max_horizon=5).fit(y[:190]).predict(10)
    >>> bool(np.abs(forecast - y[190:]).max() < 0.1)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        **Reduction._parameter_constraints,
        "max_horizon": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator=None,
        lags=12,
        max_horizon=12,
        *,
        rolling=(),
        fourier=(),
        calendar=(),
        subtract=None,
        scope="local",
    ):
        self.estimator = estimator
        self.lags = lags
        self.max_horizon = max_horizon
        self.rolling = rolling
        self.fourier = fourier
        self.calendar = calendar
        self.subtract = subtract
        self.scope = scope

    def _learn(self, examples):
        rows = np.concatenate([e.rows for e in examples])
        targets = np.concatenate([e.targets for e in examples])
        exog = np.concatenate([e.exog for e in examples])
        if not exog.shape[2] and has_independent_outputs(self._regressor()):
            return [fit_outputs(self._regressor(), rows, targets.reshape(len(rows), -1))]
        return [
            fit_outputs(self._regressor(), np.hstack([rows, exog[:, k]]), targets[:, k])
            for k in range(self.max_horizon)
        ]

    def _ahead(self, estimators, tails, n_seen, n_steps, exog):
        return self._in_blocks(estimators, tails, n_seen, n_steps, exog)

    def _block(self, estimators, rows, exog, n_ahead):
        if len(estimators) < self.max_horizon:
            return predictor(estimators[0])(rows).reshape(len(rows), self.max_horizon, -1)[:, :n_ahead]
        steps = [
            predictor(estimators[k])(np.hstack([rows, exog[:, k]])).reshape(len(rows), -1)
            for k in range(n_ahead)
        ]
        return np.stack(steps, axis=1)


class MultiOutputForecaster(Reduction):
    r"""One regressor that gives all steps ahead together.

    .. math::

        \big(\hat y(t + 1), \dots, \hat y(t + H)\big) =
        f\big(y(t), \dots, y(t - p), \text{statistics}, \text{calendar}(t+1), x(t + 1), \dots, x(t + H)\big)

    A tree or a network shares its parts among the steps; a linear regressor gives what `DirectForecaster` does.
    Beyond H it goes on from its own forecasts.

    Parameters
    ----------
    estimator, lags, rolling, fourier, calendar, subtract, scope
        As for `RecursiveForecaster`. Calendar and Fourier terms are those of the first step ahead.
    max_horizon : int, default=12
        The number of steps H.

    Attributes
    ----------
    estimators_ : list of list of regressors
        By series ("local"), one each; with `X` one for each number of steps asked for.
    feature_names_ : tuple of str
        The columns that the regressors see; calendar and exogenous columns follow.

    Notes
    -----
    The regressor sees the exogenous variables of all steps asked for, so those of a later step change the forecast of
    an earlier one. Asked for fewer than H it can see fewer: with `X` there is a regressor for every number of steps,
    which has learned from the variables of so many, and `fit` takes H fits.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> y = np.tile([1.0, 4.0, 2.0, 8.0], 10)
    >>> MultiOutputForecaster(KNeighborsRegressor(1), lags=4, max_horizon=4).fit(y).predict(6)
    array([1., 4., 2., 8., 1., 4.])
    """

    _parameter_constraints: ClassVar[dict] = DirectForecaster._parameter_constraints

    def __init__(
        self,
        estimator=None,
        lags=12,
        max_horizon=12,
        *,
        rolling=(),
        fourier=(),
        calendar=(),
        subtract=None,
        scope="local",
    ):
        self.estimator = estimator
        self.lags = lags
        self.max_horizon = max_horizon
        self.rolling = rolling
        self.fourier = fourier
        self.calendar = calendar
        self.subtract = subtract
        self.scope = scope

    def _learn(self, examples):
        rows = np.concatenate([e.rows for e in examples])
        targets = np.concatenate([e.targets for e in examples])
        exog = np.concatenate([e.exog for e in examples])
        varies = exog.shape[2] > calendar_width(self.calendar)
        sizes = range(1, self.max_horizon + 1) if varies else [self.max_horizon]
        return [
            fit_outputs(
                self._regressor(),
                np.hstack([rows, self._joined(exog[:, :n], self.calendar)]),
                targets[:, :n].reshape(len(rows), -1),
            )
            for n in sizes
        ]

    def _ahead(self, estimators, tails, n_seen, n_steps, exog):
        return self._in_blocks(estimators, tails, n_seen, n_steps, exog)

    def _block(self, estimators, rows, exog, n_ahead):
        size = n_ahead if len(estimators) > 1 else self.max_horizon
        answer = predictor(estimators[size - 1 if len(estimators) > 1 else 0])(
            np.hstack([rows, self._joined(exog, self.calendar_)])
        )
        return answer.reshape(len(rows), size, -1)[:, :n_ahead]

    def _joined(self, exog, calendar):
        """Exogenous variables of some steps and the first step's calendar, (n_rows, n_columns)."""
        n_exog = exog.shape[2] - calendar_width(calendar)
        return np.hstack([exog[:, :, :n_exog].reshape(len(exog), -1), exog[:, 0, n_exog:]])

    def _forecaster_tags(self):
        tags = super()._forecaster_tags()
        tags.prefix_consistent = not getattr(self, "n_features_in_", 0)
        return tags
