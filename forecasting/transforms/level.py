"""Level, spread and trend of the target."""

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.transforms.base_transform import Transform


class _Moments(NamedTuple):
    """Mean and standard deviation of each target, (n_targets,)."""

    mean: np.ndarray
    spread: np.ndarray


class Standardize(Transform):
    r"""Subtract the mean of the series and divide by its standard deviation, target by target.

    .. math:: z = (y - \bar y) / s

    Every series of a panel has its own; a constant target is centred only.

    Examples
    --------
    >>> z, _ = Standardize()._forward(Standardize()._learn(np.array([[1.0], [3.0]])), np.array([[1.0], [3.0]]))
    >>> z.ravel()
    array([-1.,  1.])
    """

    def _learn(self, y: np.ndarray) -> Any:
        """Return the moments."""
        spread = y.std(axis=0)
        tiny = 10 * np.finfo(float).eps * np.abs(y).max(axis=0)
        return _Moments(y.mean(axis=0), np.where(spread > tiny, spread, 1.0))

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the series in units of its spread."""
        return (y - model.mean) / model.spread, model

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Return the series in its own units."""
        return z * model.spread + model.mean


class _Trend(NamedTuple):
    """Coefficients by power of ``time / unit``, (degree + 1, n_targets), and the steps seen."""

    coef: np.ndarray
    unit: float
    n_seen: int


class Detrend(Transform):
    r"""Subtract the polynomial in time that fits the series best, and continue it under the forecast.

    .. math:: z(t) = y(t) - \sum_{k=0}^{d} b_k t^k

    With `context`, series are taken to begin where the training series did.

    Parameters
    ----------
    degree : int, default=1
        0 the mean, 1 a straight line. Higher polynomials leave the data fast.

    Examples
    --------
    >>> from forecasting import Naive, TransformedTargetForecaster
    >>> TransformedTargetForecaster(Naive(), Detrend()).fit([1.0, 3.0, 5.0]).predict(2).round(12)
    array([7., 9.])
    """

    _parameter_constraints: ClassVar[dict] = {"degree": [Interval(Integral, 0, None, closed="left")]}

    def __init__(self, degree=1):
        self.degree = degree

    def _learn(self, y: np.ndarray) -> Any:
        """Return the coefficients of least squares."""
        if len(y) <= self.degree:
            raise ValueError(
                f"y has {len(y)} step(s): Detrend(degree={self.degree}) needs at least {self.degree + 1}"
            )
        unit = float(len(y))
        coef = np.linalg.lstsq(self._powers(0, len(y), unit), y, rcond=None)[0]
        return _Trend(coef, unit, 0)

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return what is left without the trend."""
        return y - self._trend(model, len(y)), model._replace(n_seen=model.n_seen + len(y))

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Add the trend, continued."""
        return z + self._trend(model, z.shape[-2])

    def _rest(self, model: Any) -> Any:
        """Go back to the first step."""
        return model._replace(n_seen=0)

    def _trend(self, model, n_steps):
        return self._powers(model.n_seen, n_steps, model.unit) @ model.coef

    def _powers(self, start, n_steps, unit):
        return np.vander((start + np.arange(n_steps)) / unit, self.degree + 1, increasing=True)
