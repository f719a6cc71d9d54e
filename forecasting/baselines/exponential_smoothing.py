"""ETS: statsmodels estimates the parameters, a few lines here carry the state and forecast.

Importing this module imports statsmodels, which takes longer than all the rest; ``import forecasting`` does
not.
"""

import warnings
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from statsmodels.tsa.exponential_smoothing.ets import ETSModel

from forecasting.base.local_forecaster import ColumnForecaster
from forecasting.base.tags import ForecasterTags

# Beyond this, optimising one start value per position in the season takes minutes: they come from a
# decomposition.
LONGEST_ESTIMATED_SEASON = 24
# statsmodels' own start values need this many observations.
SHORTEST_HEURISTIC = 10


class _Smoothing(NamedTuple):
    """Weights and state of one exponentially smoothed column.

    `seasonals` holds the last m seasonal effects, oldest first, so the next step has ``seasonals[0]``.
    """

    seasonal: str  # "", "add" or "mul"
    alpha: float
    beta: float
    gamma: float
    phi: float
    initial: tuple  # level, slope, seasonals before the first observation
    level: float
    slope: float
    seasonals: np.ndarray


class ETS(ColumnForecaster):
    r"""Exponential smoothing in state-space form: error, trend and season, additive, multiplicative or
    absent.

    With level l, slope b, season s of length m, an observation y updates the state by [1]_

    .. math::

        q = l + φ b, \qquad r = y - q \;[- s_{t-m}] \;\text{or}\; y / s_{t-m} - q,

        l ← q + α r, \qquad b ← φ b + β r,

        s_t ← s_{t-m} + γ r \;\text{or}\; s_{t-m} + γ_* (y / l - s_{t-m})

    (the second forms for a multiplicative season, with γ* = γ / (1 - α), as in statsmodels), and the forecast
    is l + (φ + ... + φ^k) b, plus or times the season. The error type changes how the parameters are
    estimated, not this recursion. They are estimated by maximum likelihood in statsmodels; every column of
    every series has its own.

    Parameters
    ----------
    error : {"auto", "add", "mul"}, default="auto"
        Errors of constant size, or proportional to the level. "auto": "mul" where the season is "mul", else
        "add".
    trend : {"auto", "add", None}, default="auto"
    damped : bool, default=True
        Let the trend level off, φ < 1.
    seasonal : {"auto", "add", "mul", None}, default="auto"
        "mul" needs a positive series. "auto" is None if ``season_length=1`` or if there are fewer than two
        seasons.
    season_length : int, default=1
        Steps in a season.
    maxiter : int, default=1000
        Iterations of the optimiser.

    Notes
    -----
    "auto" fits each possibility and keeps the one with the smallest AICc. Start values of the season are
    estimated up to ``season_length=24`` and taken from a decomposition beyond. With `context`, series are
    driven from the start values that were learned; they are taken to begin at the same position in the season
    as the training series. A constant column is continued as it is, and from its last value should it change later.

    Units do not matter: statsmodels sees the series divided by a power of two (which rounds nothing) that brings
    its changes from step to step between 1 and 2.

    References
    ----------
    .. [1] Hyndman, Koehler, Ord and Snyder (2008), Forecasting with Exponential Smoothing, table 2.2 and 2.3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> y = 100.0 + np.arange(40) + np.tile([0.0, 5.0, -5.0, 2.0], 10) + 0.1 * rng.normal(size=40)
    >>> ETS(season_length=4, damped=False).fit(y).predict(4).round()
    array([140., 146., 137., 145.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "error": [StrOptions({"auto", "add", "mul"})],
        "trend": [StrOptions({"auto", "add"}), None],
        "damped": ["boolean"],
        "seasonal": [StrOptions({"auto", "add", "mul"}), None],
        "season_length": [Interval(Integral, 1, None, closed="left")],
        "maxiter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self, error="auto", trend="auto", damped=True, seasonal="auto", season_length=1, maxiter=1000
    ):
        self.error = error
        self.trend = trend
        self.damped = damped
        self.seasonal = seasonal
        self.season_length = season_length
        self.maxiter = maxiter

    def _forecaster_tags(self):
        return ForecasterTags(accepts_unseen=False)

    def _fit_column(self, y, X):
        if (y == y[0]).all():
            return _constant(y[0])
        if len(y) < 4:
            raise ValueError(f"y has {len(y)} steps: ETS needs at least 4 (or a constant series)")
        unit = _unit(y)
        results = [self._estimate(y / unit, *kind) for kind in self._candidates(y)]
        criteria = [_aicc(result) for result in results]
        best = results[int(np.argmin(criteria))]  # the first, simplest one if all are infinite
        if best.mle_retvals is not None and not best.mle_retvals["converged"]:
            warnings.warn(
                f"ETS: the optimiser did not converge within maxiter={self.maxiter} iterations on a series "
                f"of {len(y)} steps; raise maxiter, or fix trend and seasonal",
                ConvergenceWarning,
                stacklevel=2,
            )
        return _in_units(_weights_and_state(best, self.season_length), unit)

    def _candidates(self, y: np.ndarray) -> list[tuple[str, str, str]]:
        """Return (error, trend, seasonal) of all models to be compared, "" for absent parts, simplest
        first."""
        positive, m = y.min() > 0, self.season_length
        trends = {"auto": ["", "add"], "add": ["add"], None: [""]}[self.trend]
        needed = max(2 * m, SHORTEST_HEURISTIC) if m > 1 else np.inf
        if self.seasonal == "auto":
            seasons = ["", "add", "mul"] if positive else ["", "add"]
            seasons = seasons if len(y) >= needed else [""]
        elif self.seasonal and len(y) < needed:
            raise ValueError(
                f"y has {len(y)} steps: seasonal={self.seasonal!r} needs a season_length of at least 2 (now "
                f"{m}) and two seasons, or 10 steps; use seasonal='auto' or None"
            )
        else:
            seasons = [self.seasonal or ""]
        if (self.error == "mul" or "mul" in seasons) and not positive:
            raise ValueError(
                f"y has values down to {y.min():g}: multiplicative error or season needs a positive series; "
                "use 'add'"
            )
        candidates = []
        for seasonal in seasons:
            error = self.error if self.error != "auto" else "mul" if seasonal == "mul" else "add"
            candidates += [(error, trend, seasonal) for trend in trends]
        return candidates

    def _estimate(self, y: np.ndarray, error: str, trend: str, seasonal: str) -> Any:
        start: dict = {"initialization_method": "estimated"}
        if len(y) < SHORTEST_HEURISTIC:
            start = {"initialization_method": "known", "initial_level": y[0]}
            start |= {"initial_trend": np.diff(y).mean()} if trend else {}
        elif seasonal and self.season_length > LONGEST_ESTIMATED_SEASON:
            start = {"initialization_method": "heuristic"}
        model = ETSModel(
            y,
            error=error,
            trend=trend or None,
            damped_trend=bool(trend) and self.damped,
            seasonal=seasonal or None,
            seasonal_periods=self.season_length if seasonal else None,
            **start,
        )
        return model.fit(disp=False, maxiter=self.maxiter, warn_convergence=False)

    def _predict_column(self, model, n_steps, X):
        ahead = np.arange(1, n_steps + 1)
        path = model.level + np.cumsum(model.phi**ahead) * model.slope
        if not model.seasonal:
            return path
        season = model.seasonals[(ahead - 1) % len(model.seasonals)]
        return path + season if model.seasonal == "add" else path * season

    def _update_column(self, model, y, X):
        return _smooth(model, y)

    def _restart_column(self, model, y, X):
        level, slope, seasonals = model.initial
        return _smooth(model._replace(level=level, slope=slope, seasonals=seasonals), y)


def _smooth(model: _Smoothing, y: np.ndarray) -> _Smoothing:
    """Carry the state over observations, by the equations in :class:`ETS`."""
    level, slope, seasonals = model.level, model.slope, list(model.seasonals)
    for t, value in enumerate(y):
        base = level + model.phi * slope
        season = seasonals[t] if model.seasonal else 0.0
        if model.seasonal == "mul":
            error = value / season - base
            level, slope = base + model.alpha * error, model.phi * slope + model.beta * error
            seasonals.append(season + model.gamma / (1 - model.alpha) * (value / level - season))
        else:
            error = value - base - season
            level, slope = base + model.alpha * error, model.phi * slope + model.beta * error
            seasonals.append(season + model.gamma * error)
    kept = np.array(seasonals[len(y) :]) if model.seasonal else model.seasonals
    return model._replace(level=level, slope=slope, seasonals=kept)


def _weights_and_state(results: Any, season_length: int) -> _Smoothing:
    """Take weights and the final state from statsmodels' results."""
    model = results.model
    weights = dict(zip(model.param_names, map(float, results.params)))
    initial, states = np.asarray(results.initial_state, dtype=float), np.asarray(results.states, dtype=float)
    first = 1 + bool(model.has_trend)  # columns: level, slope if any, season if any
    seasonal = model.seasonal if model.has_seasonal else ""
    return _Smoothing(
        seasonal=seasonal,
        alpha=weights["smoothing_level"],
        beta=weights.get("smoothing_trend", 0.0),
        gamma=weights.get("smoothing_seasonal", 0.0),
        phi=weights.get("damping_trend", 1.0),
        initial=(float(initial[0]), float(initial[1]) if model.has_trend else 0.0, initial[first:]),
        level=float(states[-1, 0]),
        slope=float(states[-1, 1]) if model.has_trend else 0.0,
        seasonals=states[-season_length:, first].copy() if seasonal else np.empty(0),
    )


def _unit(y: np.ndarray) -> float:
    """Return a power of two in whose units the mean change from step to step is between 1 and 2.

    statsmodels' search stops where its absolute tolerances say so: for a series of thousandths at once.
    """
    return float(np.ldexp(0.5, np.frexp(np.abs(np.diff(y)).mean())[1]))


def _in_units(model: _Smoothing, unit: float) -> _Smoothing:
    """Return a model of ``y / unit`` as one of ``y``."""
    seasonal_unit = 1.0 if model.seasonal == "mul" else unit
    level, slope, seasonals = model.initial
    return model._replace(
        initial=(unit * level, unit * slope, seasonal_unit * seasonals),
        level=unit * model.level,
        slope=unit * model.slope,
        seasonals=seasonal_unit * model.seasonals,
    )


def _constant(value: float) -> _Smoothing:
    """Return the model of a constant column, whose likelihood is infinite with any weight.

    With a weight of 1 it goes along should the column ever change.
    """
    start = (float(value), 0.0, np.empty(0))
    return _Smoothing("", 1.0, 0.0, 0.0, 1.0, start, *start)


def _aicc(results: Any) -> float:
    """Return Akaike's criterion with the small-sample correction, infinite where that is undefined."""
    n, k = results.nobs, results.df_model + 1  # and the variance
    return results.aic + 2 * k * (k + 1) / (n - k - 1) if n - k - 1 > 0 else np.inf
