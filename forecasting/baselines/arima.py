"""Seasonal ARIMA: statsmodels estimates the parameters, a Kalman filter of a few lines carries the state.

Importing this module imports statsmodels, which takes longer than all the rest; ``import forecasting`` does
not.
"""

import threading
import warnings
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from statsmodels.tsa.statespace.sarimax import SARIMAX, diff

from forecasting.base.local_forecaster import ColumnForecaster
from forecasting.base.tags import ForecasterTags

# warnings.catch_warnings swaps process-wide state: one thread at a time, and only around the start values.
_START_VALUES = threading.Lock()


class _StateSpace(NamedTuple):
    """Weights and state of one column: y(t) = Z a(t) + x(t) β, a(t+1) = T a(t) + c(t) + R η(t), η ~ N(0,
    Q)."""

    design: np.ndarray  # Z, (k,)
    transition: np.ndarray  # T, (k, k)
    state_cov: np.ndarray  # R Q R', (k, k)
    intercept: np.ndarray  # c(t) = intercept[0] + intercept[1] * t, (2, k)
    coef: np.ndarray  # β, (n_features,)
    initial: tuple  # mean and covariance of the first state
    mean: np.ndarray  # of the next state, given all observations, (k,)
    cov: np.ndarray  # (k, k)
    n_seen: int


class ARIMA(ColumnForecaster):
    """Seasonal autoregressive integrated moving average with exogenous variables (SARIMAX).

    Parameters are estimated by maximum likelihood in statsmodels' ``SARIMAX``; every column of every series
    has its own model.

    Parameters
    ----------
    order : tuple of 3 int, default=(1, 1, 1)
        Autoregressive order p, differences d, moving-average order q.
    seasonal_order : tuple of 4 int, default=(0, 0, 0, 0)
        The same at multiples of the season, (P, D, Q, season length). Beyond a season of about 24 steps it is
        slow: the state has more than one entry per step of the season.
    trend : {"n", "c", "t", "ct"}, default="n"
        None, a constant, a linear term, or both, added to the differenced series.
    maxiter : int, default=200
        Iterations of the optimiser.

    Notes
    -----
    ``order=(0, 1, 1), seasonal_order=(0, 1, 1, 12)``, the airline model, is a good first choice for monthly
    data. With `context`, series are filtered from the model's own start; a trend is taken to begin with them.

    Units do not matter: statsmodels sees the series, and every exogenous variable, divided by a power of two
    that brings its differences between 4 and 8 (and rounds nothing).

    References
    ----------
    Box and Jenkins (1970), Time Series Analysis: Forecasting and Control. Durbin and Koopman (2012), Time
    Series Analysis by State Space Methods, section 4.3.

    Examples
    --------
    >>> y = np.cumsum(np.random.default_rng(0).normal(size=200))
    >>> ARIMA(order=(1, 0, 0)).fit(y).predict(2).round(2)
    array([3.01, 2.97])
    """

    _parameter_constraints: ClassVar[dict] = {
        "order": [tuple, list],
        "seasonal_order": [tuple, list],
        "trend": [StrOptions({"n", "c", "t", "ct"})],
        "maxiter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(self, order=(1, 1, 1), seasonal_order=(0, 0, 0, 0), trend="n", maxiter=200):
        self.order = order
        self.seasonal_order = seasonal_order
        self.trend = trend
        self.maxiter = maxiter

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True, accepts_unseen=False)

    def _fit(self, series, exog):
        for name, n in (("order", 3), ("seasonal_order", 4)):
            value = getattr(self, name)
            if len(value) != n or not all(isinstance(v, Integral) and int(v) >= 0 for v in value):
                raise ValueError(f"{name}={value!r} must have {n} integers of at least 0")
        if any(self.seasonal_order[:3]) and self.seasonal_order[3] < 2:
            raise ValueError(
                f"seasonal_order={self.seasonal_order!r} needs a season length of at least 2 at its end"
            )
        return super()._fit(series, exog)

    def _fit_column(self, y, X):
        (p, d, q), (P, D, Q, m) = self.order, self.seasonal_order
        n_parameters = p + q + P + Q + len(self.trend.strip("n")) + (0 if X is None else X.shape[1]) + 1
        needed = d + D * m + max(p + P * m, q + Q * m) + n_parameters
        if len(y) <= needed:
            raise ValueError(
                f"y has {len(y)} steps: ARIMA{tuple(self.order)}{tuple(self.seasonal_order)} needs more "
                f"than {needed}"
            )
        if (y == y[0]).all():
            raise ValueError(f"y is constant ({y[0]:g}): there is nothing for ARIMA to estimate; use Naive")
        unit = _unit(y, d, D, m)
        x_units = np.array([] if X is None else [_unit(x, d, D, m) for x in X.T])
        model = SARIMAX(
            y / unit,
            exog=None if X is None else X / x_units,
            order=tuple(self.order),
            seasonal_order=tuple(self.seasonal_order),
            trend=self.trend,
        )
        with _START_VALUES, warnings.catch_warnings():
            # Start values outside the stationary or invertible region are replaced by zeros: worth no
            # warning.
            warnings.filterwarnings("ignore", message="Non-(stationary|invertible) starting")
            start = model.start_params
        results = model.fit(
            start_params=start, disp=False, maxiter=self.maxiter, cov_type="none", warn_convergence=False
        )
        if not results.mle_retvals["converged"]:
            warnings.warn(
                f"ARIMA: the optimiser did not converge within maxiter={self.maxiter} iterations on a "
                f"series of {len(y)} steps; raise maxiter, or lower the orders",
                ConvergenceWarning,
                stacklevel=2,
            )
        return _state_space(results, unit, x_units)

    def _predict_column(self, model, n_steps, X):
        path = np.zeros(n_steps) if X is None else X @ model.coef
        mean = model.mean
        for k in range(n_steps):
            path[k] += model.design @ mean
            mean = model.transition @ mean + _intercept(model, model.n_seen + k)
        return path

    def _update_column(self, model, y, X):
        return _filter(model, y, X)

    def _restart_column(self, model, y, X):
        mean, cov = model.initial
        return _filter(model._replace(mean=mean, cov=cov, n_seen=0), y, X)


def _filter(model: _StateSpace, y: np.ndarray, X: np.ndarray | None) -> _StateSpace:
    """Carry mean and covariance of the state over observations: Kalman's filter."""
    Z, T = model.design, model.transition
    mean, cov = model.mean, model.cov
    innovations = y if X is None else y - X @ model.coef
    for t, value in enumerate(innovations):
        M = cov @ Z
        F = Z @ M
        gain = T @ M / F
        mean = T @ mean + gain * (value - Z @ mean) + _intercept(model, model.n_seen + t)
        cov = T @ cov @ T.T - np.outer(gain, gain) * F + model.state_cov
        cov = (cov + cov.T) / 2
    return model._replace(mean=mean, cov=cov, n_seen=model.n_seen + len(y))


def _intercept(model: _StateSpace, t: int) -> np.ndarray:
    return model.intercept[0] + model.intercept[1] * t


def _unit(values: np.ndarray, d: int, D: int, m: int) -> float:
    """Return a power of two in whose units innovations are between 4 and 8, roughly.

    statsmodels takes gradients by steps of 1e-5 in every parameter: too long for the variance of a series of
    thousandths, which stayed at its start value. With 4 to 8 the search stops short least often.
    """
    rounding = 1e-12 * np.abs(values).max()  # all that differencing leaves of a straight line
    spreads = [
        spread
        for steps in (diff(values, d, D, m), diff(values, d + 1, D, m), values)
        if (spread := np.abs(steps - steps.mean()).mean()) > rounding
    ]
    return float(np.ldexp(0.125, np.frexp(min(spreads))[1])) if spreads else 1.0


def _state_space(results: Any, unit: float, x_units: np.ndarray) -> _StateSpace:
    """Take the matrices and the final state from statsmodels' results, made in these units.

    The state stays in units of its own; Z and the coefficients lead to those of y.
    """
    ssm, filtered = results.model.ssm, results.filter_results
    R, Q = ssm["selection"], ssm["state_cov"]
    intercepts = ssm["state_intercept"]
    if intercepts.ndim == 1:
        intercepts = intercepts[:, np.newaxis]
    slope = intercepts[:, 1] - intercepts[:, 0] if intercepts.shape[1] > 1 else np.zeros(len(intercepts))
    names = dict(zip(results.model.param_names, results.params))
    coef = [names[name] for name in (results.model.exog_names or [])] if results.model.k_exog else []
    return _StateSpace(
        design=unit * ssm["design"][0],
        transition=ssm["transition"].copy(),
        state_cov=R @ Q @ R.T,
        intercept=np.stack([intercepts[:, 0], slope]),
        coef=unit * np.array(coef, dtype=float) / x_units,
        initial=(filtered.predicted_state[:, 0].copy(), filtered.predicted_state_cov[:, :, 0].copy()),
        mean=filtered.predicted_state[:, -1].copy(),
        cov=filtered.predicted_state_cov[:, :, -1].copy(),
        n_seen=int(results.nobs),
    )
