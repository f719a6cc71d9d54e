"""Logarithm and Box-Cox transform of the target.

References
----------
Box and Cox (1964), An analysis of transformations. Guerrero (1993), Time-series analysis supported by power
transformations, Journal of Forecasting 12, 37-48.
"""

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import boxcox
from scipy.stats import boxcox_llf
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.transforms.base_transform import Transform

_LEAST = np.nextafter(0.0, 1.0)  # what has powers of all exponents


class _Power(NamedTuple):
    """Exponent of each target, (n_targets,)."""

    exponent: np.ndarray


class BoxCox(Transform):
    r"""Box-Cox transform: powers from the logarithm (0) to the series itself (1) that even out its variation.

    .. math:: z = (y^\lambda - 1) / \lambda, \qquad z = \log y \;\text{if}\; \lambda = 0

    A forecast beyond the transform's range is brought back to its limit: 0 for a positive exponent, infinity
    for a negative one.

    Parameters
    ----------
    exponent : float, "guerrero" or "mle", default="guerrero"
        The exponent λ, or how it is chosen for each series and target: "guerrero" makes the spread within a
        season least dependent on its level, "mle" makes the values most nearly Gaussian.
    season_length : int, default=1
        Steps in a group of "guerrero"; below 2, groups have 2 steps.
    bounds : tuple of 2 float, default=(0, 1)
        Least and largest exponent to choose from. Negative ones make forecasts that explode.

    Examples
    --------
    >>> level = np.repeat(np.exp(np.arange(12.0)), 4)[:, np.newaxis]
    >>> y = level * np.tile([1.0, 1.2, 0.9, 1.1], 12)[:, np.newaxis]
    >>> BoxCox(season_length=4)._learn(y).exponent.round(3)
    array([0.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "exponent": [Interval(Real, None, None, closed="neither"), StrOptions({"guerrero", "mle"})],
        "season_length": [Interval(Integral, 1, None, closed="left")],
        "bounds": [tuple, list],
    }
    linear = False

    def __init__(self, exponent="guerrero", season_length=1, bounds=(0, 1)):
        self.exponent = exponent
        self.season_length = season_length
        self.bounds = bounds

    def _learn(self, y: np.ndarray) -> Any:
        """Return the exponents."""
        if isinstance(self.exponent, Real):
            return _Power(np.full(y.shape[1], float(self.exponent)))
        if len(self.bounds) != 2 or not self.bounds[0] <= self.bounds[1]:
            raise ValueError(
                f"bounds={self.bounds!r} must be the least and the largest exponent, such as (0, 1)"
            )
        _check_positive(y, 0.0, "BoxCox")
        criterion = _unevenness if self.exponent == "guerrero" else _misfit
        group = max(self.season_length, 2)
        return _Power(np.array([self._best(criterion, column, group) for column in y.T]))

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the powers; zero has one if the exponent is positive, and forecasts may reach it."""
        _check_positive(np.where((y == 0) & (model.exponent > 0), 1.0, y), 0.0, "BoxCox")
        return boxcox(y, model.exponent), model

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Return the roots."""
        power = model.exponent
        divisor = np.where(power == 0, 1.0, power)
        with np.errstate(divide="ignore"):  # beyond the range: 0, or infinity
            roots = np.log1p(np.maximum(power * z, -1.0)) / divisor
        y = np.exp(np.where(power == 0, z, roots))
        return np.where(power > 0, y, np.maximum(y, _LEAST))

    def _best(self, criterion, y, group):
        low, high = map(float, self.bounds)
        if len(y) < 2 * group or np.ptp(y) <= 1e-12 * y.max():
            return min(max(1.0, low), high)  # nothing to choose by
        found = minimize_scalar(
            lambda power: criterion(power, y, group), bounds=(low, high), method="bounded"
        )
        # The search stays inside: it only comes near to a bound that is best.
        return min((found.x, low, high), key=lambda power: criterion(power, y, group))


class Log(Transform):
    r"""Natural logarithm: growth becomes a straight line, and errors in per cent become errors of equal size.

    .. math:: z = \log(y + a)

    Parameters
    ----------
    offset : float, default=0.0
        The constant a, for series with zeros.

    Examples
    --------
    >>> from forecasting import Drift, TransformedTargetForecaster
    >>> TransformedTargetForecaster(Drift(), Log()).fit([1.0, 2.0, 4.0]).predict(2).round(9)
    array([ 8., 16.])
    """

    _parameter_constraints: ClassVar[dict] = {"offset": [Interval(Real, None, None, closed="neither")]}
    linear = False

    def __init__(self, offset=0.0):
        self.offset = offset

    def _learn(self, y: np.ndarray) -> Any:
        """Check that there is a logarithm; there is nothing to learn."""
        _check_positive(y, self.offset, "Log")
        return ()

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the logarithm."""
        _check_positive(y, self.offset, "Log")
        return np.log(y + self.offset), model

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Return the exponential, which rounding must not bring to the limit: it has no logarithm."""
        return np.maximum(np.exp(z) - self.offset, np.nextafter(-float(self.offset), np.inf))


def _check_positive(y: np.ndarray, offset: float, name: str) -> None:
    if (y + offset <= 0).any():
        raise ValueError(
            f"y has values down to {y.min():g}: {name} needs values above {0 - offset:g}; use Log(offset=...) with a "
            "constant that makes them positive, or another transform"
        )


def _unevenness(power: float, y: np.ndarray, group: int) -> float:
    """Return Guerrero's coefficient of variation of ``spread / level**(1 - power)`` over whole groups."""
    groups = y[len(y) % group :].reshape(-1, group)
    ratios = groups.std(axis=1, ddof=1) / groups.mean(axis=1) ** (1 - power)
    return float(ratios.std(ddof=1) / ratios.mean()) if ratios.mean() > 0 else 0.0


def _misfit(power: float, y: np.ndarray, group: int) -> float:
    return -float(boxcox_llf(power, y))
