"""Scores of point forecasts: absolute, squared and percentage errors, and the valid prediction time.

The conventions stand in `forecasting.metrics`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forecasting.metrics.validation import FloatArray, as_array, paired


def mae(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Mean absolute error, :math:`\frac1n\sum_t |y_t - \hat y_t|`, in the units of the series.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)
        Observed and forecast values.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes differ, an array is empty, or a value is not finite.

    Examples
    --------
    >>> mae([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    1.0
    """
    true, pred = paired(y_true, y_pred=y_pred)
    return float(np.mean(np.abs(true - pred)))


def mse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Mean squared error, :math:`\frac1n\sum_t (y_t - \hat y_t)^2`, in squared units of the series.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`.

    Examples
    --------
    >>> mse([1.0, 2.0, 3.0], [1.0, 2.0, 6.0])
    3.0
    """
    true, pred = paired(y_true, y_pred=y_pred)
    return float(np.mean((true - pred) ** 2))


def rmse(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Root mean squared error, in the units of the series; the mean over targets of each target's root.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`.

    Examples
    --------
    >>> rmse([1.0, 2.0], [1.0, 4.0])
    1.4142135623730951
    """
    true, pred = paired(y_true, y_pred=y_pred)
    return float(np.mean(np.sqrt(np.mean((true - pred) ** 2, axis=0))))


def _spread(true: FloatArray, normaliser: Any, name: str = "normaliser") -> FloatArray:
    """Turn the ``normaliser`` argument of `nrmse` (or another of that `name`) into one positive scale per target."""
    named: dict[str, Callable[[FloatArray], FloatArray]] = {
        "std": lambda y: np.std(y, axis=0) * (np.ptp(y, axis=0) > 0),  # rounding gives constants a tiny std
        "range": lambda y: np.ptp(y, axis=0),
        "mean": lambda y: np.abs(np.mean(y, axis=0)),
    }
    if isinstance(normaliser, str):
        if normaliser not in named:
            raise ValueError(
                f"{name} must be one of {sorted(named)} or a number per target; got {normaliser!r}."
            )
        scale = np.asarray(named[normaliser](true))
    else:
        scale = as_array(normaliser, name, ndim=(0, 1))
        if scale.size != 1 and scale.shape != true.shape[1:]:
            raise ValueError(f"{name} has shape {scale.shape}; give one number, or one per target of y_true.")
    if not (scale > 0).all():
        raise ValueError(
            f"{name}={normaliser!r} of y_true is not positive ({scale}); give the scale of the training data as a "
            "number, or use rmse."
        )
    return scale


def nrmse(y_true: ArrayLike, y_pred: ArrayLike, *, normaliser: str | ArrayLike = "std") -> float:
    r"""Root mean squared error divided by a scale; 1 is what forecasting the mean scores under the default.

    .. math:: \mathrm{NRMSE} = \sqrt{\tfrac1n \textstyle\sum_t (y_t - \hat y_t)^2} \; / \; s

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)
    normaliser : {"std", "range", "mean"} or float or array-like of shape (n_targets,), default="std"
        The scale :math:`s`, per target: the population standard deviation (divisor n), the range, or the
        absolute mean of ``y_true``; or numbers of your own, such as the standard deviation of the training
        data. Say which one you used next to the number.

    Returns
    -------
    float
        Without unit.

    Raises
    ------
    ValueError
        As for `mae`, and if the scale is zero (a constant ``y_true``).

    See Also
    --------
    nmse : its square.

    Examples
    --------
    >>> nrmse([0.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0])
    1.0
    >>> nrmse([0.0, 2.0, 0.0, 2.0], [1.0, 1.0, 1.0, 1.0], normaliser="range")
    0.5
    """
    true, pred = paired(y_true, y_pred=y_pred)
    return float(np.mean(np.sqrt(np.mean((true - pred) ** 2, axis=0)) / _spread(true, normaliser)))


def nmse(y_true: ArrayLike, y_pred: ArrayLike, *, normaliser: str | ArrayLike = "std") -> float:
    r"""Mean squared error divided by a squared scale: with the default, by the variance of ``y_true``.

    For one target it is the square of `nrmse`; papers on reservoir computing print either, so print both.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)
    normaliser : {"std", "range", "mean"} or float or array-like of shape (n_targets,), default="std"
        The scale, per target, as for `nrmse`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `nrmse`.

    Examples
    --------
    >>> nmse([0.0, 2.0, 0.0, 2.0], [0.5, 1.5, 0.5, 1.5])
    0.25
    """
    true, pred = paired(y_true, y_pred=y_pred)
    return float(np.mean(np.mean((true - pred) ** 2, axis=0) / _spread(true, normaliser) ** 2))


def smape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Symmetric mean absolute percentage error of the M4 competition, between 0 and 200.

    .. math:: \mathrm{sMAPE} = \frac{200}{n} \sum_t \frac{|y_t - \hat y_t|}{|y_t| + |\hat y_t|}

    A step where observation and forecast are both exactly zero (0 / 0) is a perfect forecast and counts 0.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`.

    Notes
    -----
    Some libraries leave out the factor 2 (0 to 100) or give a fraction (0 to 2); double or scale before
    comparing.

    References
    ----------
    S. Makridakis, E. Spiliotis, V. Assimakopoulos (2020), "The M4 Competition: 100,000 time series and 61
    forecasting methods", International Journal of Forecasting 36(1), 54-74.

    Examples
    --------
    >>> smape([100.0, 100.0], [100.0, 300.0])
    50.0
    >>> smape([0.0, 1.0], [0.0, 1.0])
    0.0
    """
    true, pred = paired(y_true, y_pred=y_pred)
    size = np.abs(true) + np.abs(pred)
    ratio = np.divide(np.abs(true - pred), size, out=np.zeros_like(size), where=size > 0)
    return float(200 * np.mean(ratio))


def mape(y_true: ArrayLike, y_pred: ArrayLike) -> float:
    r"""Mean absolute percentage error, :math:`\frac{100}{n}\sum_t |y_t - \hat y_t| / |y_t|`, in percent.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if an observation is zero: the error is undefined there and nothing is clipped.

    Examples
    --------
    >>> mape([100.0, 200.0], [110.0, 180.0])
    10.0
    """
    true, pred = paired(y_true, y_pred=y_pred)
    zeros = int((true == 0).sum())
    if zeros:
        raise ValueError(
            f"mape is undefined where y_true is zero ({zeros} of {true.size} values); use smape or mase."
        )
    return float(100 * np.mean(np.abs((true - pred) / true)))


def valid_prediction_time(
    y_true: ArrayLike,
    y_pred: ArrayLike,
    *,
    threshold: float = 0.5,
    dt: float = 1.0,
    lyapunov_exponent: float = 1.0,
    scale: ArrayLike | None = None,
) -> float:
    r"""How long a forecast of a chaotic system stays near the truth, in Lyapunov times.

    .. math:: \mathrm{VPT} = \lambda \, \Delta t \, \max \{ k : E_1, \ldots, E_k \le \theta \}, \quad
              E_t = \sqrt{\frac1d \sum_j \left( \frac{y_{tj} - \hat y_{tj}}{s_j} \right)^2}

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    y_pred : array-like of the shape of ``y_true``
        A free-running forecast. NaN or infinity counts as an error above every threshold: a diverged run ends
        there.
    threshold : float, default=0.5
        :math:`\theta`. The literature uses 0.3, 0.4 and 0.5; print it with the result.
    dt : float, default=1.0
        Time between two steps, :math:`\Delta t`.
    lyapunov_exponent : float, default=1.0
        Largest Lyapunov exponent :math:`\lambda` per unit of time; 1 leaves the answer in the time unit of
        ``dt``.
    scale : float or array-like of shape (n_targets,), optional
        :math:`s`, per target; by default the standard deviation of ``y_true``. For short forecasts give that
        of the training data: a few steps do not span the attractor.

    Returns
    -------
    float
        0 if the first step is already too far; a lower bound, the whole length, if no step is.

    Raises
    ------
    ValueError
        If shapes differ, ``y_true`` is not finite, or a number is not positive.

    References
    ----------
    P. R. Vlachas et al. (2020), "Backpropagation algorithms and Reservoir Computing in Recurrent Neural
    Networks for the forecasting of complex spatiotemporal dynamics", Neural Networks 126, 191-217 (threshold
    0.5).

    Examples
    --------
    >>> truth = [0.0, 2.0, 0.0, 2.0]
    >>> valid_prediction_time(truth, [0.0, 2.0, 0.3, 0.0], dt=0.5, lyapunov_exponent=0.9)
    1.35
    """
    for name, value in (("threshold", threshold), ("dt", dt), ("lyapunov_exponent", lyapunov_exponent)):
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a positive number; got {value!r}.")
    true, pred = paired(y_true, finite=False, y_pred=y_pred)
    true, pred = (array.reshape(len(array), -1) for array in (true, pred))
    unit = _spread(true, "std" if scale is None else scale, "scale")
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.sqrt(np.mean(((true - pred) / unit) ** 2, axis=1))
    bad = ~(error <= threshold)
    n_valid = int(np.argmax(bad)) if bad.any() else len(bad)
    return float(n_valid * dt * lyapunov_exponent)
