"""The Theta method: statsmodels estimates the parameters, a few lines here carry the state and forecast.

Importing this module imports statsmodels, which takes longer than all the rest; ``import forecasting`` does
not.
"""

import warnings
from numbers import Integral, Real
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from statsmodels.tsa.seasonal import seasonal_decompose
from statsmodels.tsa.statespace.exponential_smoothing import ExponentialSmoothing
from statsmodels.tsa.stattools import acf

from forecasting.base.local_forecaster import ColumnForecaster
from forecasting.base.tags import ForecasterTags


class _ThetaModel(NamedTuple):
    """Weights and state of one column: slope and smoothing of the deseasonalised values, seasonal effects."""

    multiplicative: bool
    seasonals: np.ndarray  # by position in the season, (m,); empty if there is none
    alpha: float = 0.0
    slope: float = 0.0
    initial: float = 0.0
    level: float = 0.0
    n_seen: int = 0


class Theta(ColumnForecaster):
    r"""The Theta method: exponential smoothing plus half the slope of the linear trend.

    The series is deseasonalised by classical decomposition if a test finds a season, then continued by

    .. math::

        ŷ(T + k) = \tilde y + \frac{θ - 1}{θ} b_0 \left[k - 1 + \frac{1 - (1 - α)^T}{α}\right]

    with the exponentially smoothed level ỹ, its parameter α and the slope b₀ of the least-squares line [1]_
    [2]_. statsmodels estimates them; every column of every series has its own.

    Parameters
    ----------
    season_length : int, default=1
        Steps in a season.
    deseasonalize : {"auto", "add", "mul", None}, default="auto"
        "auto" divides by the season where the series is positive, else subtracts it, and does neither if the
        autocorrelation at `season_length` is not significant (10 %) or there are fewer than two seasons.
    theta : float, default=2
        Curvature given to the smoothed part, at least 1.

    Notes
    -----
    With `context`, series are taken to begin at the same position in the season as the training series. A
    constant column is continued as it is, and from its last value should it change later.

    References
    ----------
    .. [1] Assimakopoulos and Nikolopoulos (2000), The theta model. International Journal of Forecasting 16,
    521-530.
    .. [2] Hyndman and Billah (2003), Unmasking the Theta method. International Journal of Forecasting 19,
    287-290.

    Examples
    --------
    >>> y = 100.0 + np.tile([0.0, 5.0, -5.0, 2.0], 10)
    >>> Theta(season_length=4).fit(y).predict(4).round(1)
    array([100., 105.,  95., 102.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "season_length": [Interval(Integral, 1, None, closed="left")],
        "deseasonalize": [StrOptions({"auto", "add", "mul"}), None],
        "theta": [Interval(Real, 1, None, closed="left")],
    }

    def __init__(self, season_length=1, deseasonalize="auto", theta=2.0):
        self.season_length = season_length
        self.deseasonalize = deseasonalize
        self.theta = theta

    def _forecaster_tags(self):
        return ForecasterTags(accepts_unseen=False)

    def _fit_column(self, y, X):
        if (y == y[0]).all():
            return _ThetaModel(False, np.empty(0), 1.0, 0.0, float(y[0]), float(y[0]), len(y))
        if len(y) < 3:
            raise ValueError(f"y has {len(y)} steps: Theta needs at least 3 (or a constant series)")
        multiplicative, seasonals = self._seasonal_effects(y)
        rest = _without_season(_ThetaModel(multiplicative, seasonals), y)
        slope = float(np.polyfit(np.arange(len(y)), rest, 1)[0])
        model = _ThetaModel(multiplicative, seasonals, self._smoothing_weight(rest), slope, float(rest[0]))
        return _smooth(model, y)

    def _seasonal_effects(self, y: np.ndarray) -> tuple[bool, np.ndarray]:
        """Return whether the season is multiplicative, and its effects by position; empty if there is
        none."""
        m = self.season_length
        short = m == 1 or len(y) < 2 * m
        if self.deseasonalize is None or (self.deseasonalize == "auto" and short):
            return False, np.empty(0)
        if short:
            raise ValueError(
                f"y has {len(y)} steps: deseasonalize={self.deseasonalize!r} needs a season_length of at "
                f"least 2 (now {m}) and two seasons; use 'auto' or None"
            )
        if self.deseasonalize == "mul" and y.min() <= 0:
            raise ValueError(
                f"y has values down to {y.min():g}: deseasonalize='mul' needs a positive series; use 'add'"
            )
        if self.deseasonalize == "auto" and not _is_seasonal(y, m):
            return False, np.empty(0)
        if self.deseasonalize != "add" and y.min() > 0:
            effects = seasonal_decompose(y, model="mul", period=m).seasonal[:m]
            if effects.min() > 0:
                return True, effects
        return False, seasonal_decompose(y, model="add", period=m).seasonal[:m]

    def _smoothing_weight(self, y: np.ndarray) -> float:
        """Return the maximum-likelihood weight of simple exponential smoothing."""
        if np.ptp(y) <= 1e-10 * np.abs(y).max():
            return 1.0  # a constant: any weight is right; this one goes along should it ever change
        model = ExponentialSmoothing(y, initial_level=y[0], initialization_method="known")
        results = model.fit(disp=False, warn_convergence=False)
        if not results.mle_retvals["converged"]:
            warnings.warn(
                f"Theta: the optimiser of the smoothing weight did not converge on a series of {len(y)} "
                "steps; the forecast may be poor",
                ConvergenceWarning,
                stacklevel=2,
            )
        return float(results.params[0])

    def _predict_column(self, model, n_steps, X):
        ahead = np.arange(n_steps)
        memory = (1 - (1 - model.alpha) ** model.n_seen) / model.alpha if model.alpha > 0 else model.n_seen
        path = model.level + (self.theta - 1) / self.theta * model.slope * (ahead + memory)
        if not len(model.seasonals):
            return path
        season = model.seasonals[(model.n_seen + ahead) % len(model.seasonals)]
        return path * season if model.multiplicative else path + season

    def _update_column(self, model, y, X):
        return _smooth(model, y)

    def _restart_column(self, model, y, X):
        return _smooth(model._replace(n_seen=0), y)


def _is_seasonal(y: np.ndarray, m: int) -> bool:
    """Test the autocorrelation at lag `m` against a chi-squared variable with one degree of freedom, at 10
    %."""
    rho = acf(y, nlags=m, fft=True)
    return len(y) * rho[m] ** 2 / np.sum(rho[:m] ** 2) > 2.705543454095404


def _without_season(model: _ThetaModel, y: np.ndarray) -> np.ndarray:
    if not len(model.seasonals):
        return y
    season = model.seasonals[(model.n_seen + np.arange(len(y))) % len(model.seasonals)]
    return y / season if model.multiplicative else y - season


def _smooth(model: _ThetaModel, y: np.ndarray) -> _ThetaModel:
    """Carry the exponentially smoothed level over observations."""
    level = model.level if model.n_seen else model.initial
    for value in _without_season(model, y):
        level += model.alpha * (value - level)
    return model._replace(level=level, n_seen=model.n_seen + len(y))
