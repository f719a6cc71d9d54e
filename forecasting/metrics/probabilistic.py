"""Scores of intervals, quantiles, samples and Gaussian forecasts.

The conventions stand in `forecasting.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist
from scipy.special import ndtr

from forecasting.metrics.validation import FloatArray, as_array, check_fraction, paired


def pinball(y_true: ArrayLike, y_pred: ArrayLike, *, quantile: float | Sequence[float] = 0.5) -> float:
    r"""Pinball (quantile) loss :math:`\max(q e, (q - 1) e)`, :math:`e = y - \hat y_q`.

    In units of the series; its expectation is least at the true quantile; at ``quantile=0.5`` it is half of
    `mae`. Averaged over a dense grid of quantiles, twice the loss tends to the CRPS.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    y_pred : array-like of the shape of ``y_true``, or that shape and a last axis of n_quantiles
        Forecast quantiles.
    quantile : float or sequence of n_quantiles floats, default=0.5
        Which quantile, as a fraction; a sequence scores the mean over the last axis of ``y_pred``.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if a quantile lies outside (0, 1).

    References
    ----------
    R. Koenker, G. Bassett (1978), "Regression Quantiles", Econometrica 46(1), 33-50.

    Examples
    --------
    >>> pinball([10.0], [8.0], quantile=0.9)
    1.8
    >>> pinball([10.0], [[8.0, 12.0]], quantile=[0.25, 0.75])
    0.5
    """
    true = as_array(y_true, "y_true")
    if np.ndim(quantile) == 0:
        levels = np.array([check_fraction(quantile, "quantile")])  # type: ignore[arg-type]
        pred = paired(y_true, y_pred=y_pred)[1][..., None]
    else:
        levels = np.array([check_fraction(level, "quantile") for level in quantile])  # type: ignore[union-attr]
        pred = as_array(y_pred, "y_pred", ndim=(true.ndim + 1,))
        if pred.shape != (*true.shape, len(levels)):
            raise ValueError(
                f"y_pred has shape {pred.shape}; {len(levels)} quantiles of y_true need shape "
                f"{(*true.shape, len(levels))}."
            )
    error = true[..., None] - pred
    return float(np.mean(np.maximum(levels * error, (levels - 1) * error)))


def crps(y_true: ArrayLike, samples: ArrayLike, *, fair: bool = False) -> float:
    r"""Continuous ranked probability score of a sample, exact for the sample's empirical distribution.

    .. math:: \mathrm{CRPS} = \frac1k \sum_i |x_i - y| - \frac{1}{2 k^2} \sum_{i,j} |x_i - x_j|

    in units of the series; the double sum costs one sort, since
    :math:`\sum_{i,j} |x_i - x_j| = 2 \sum_i (2 i - k - 1) x_{(i)}`. For one sample it is the absolute error.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    samples : array-like of shape (n_steps, n_samples) or (n_steps, n_targets, n_samples)
        Draws from the forecast distribution, as ``sample`` of a forecaster returns them for arrays; each step
        and target is scored by its own margin.
    fair : bool, default=False
        Divide the double sum by :math:`2 k (k - 1)` instead: an unbiased estimate of the score of the
        distribution that the samples come from, whatever their number (needs two samples).

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shape of ``samples`` before its last axis is not that of ``y_true``, or a value is not finite.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 102,
    359-378, eq. 20. C. A. T. Ferro (2014), "Fair scores for ensemble forecasts", QJRMS 140, 1917-1923.

    Examples
    --------
    >>> crps([0.0], [[-1.0, 1.0]])
    0.5
    >>> crps([2.0], [[5.0]])
    3.0
    """
    true, draws = _with_samples(y_true, samples)
    k = draws.shape[-1]
    if fair and k < 2:
        raise ValueError("fair=True needs at least 2 samples; got 1.")
    weights = (2 * np.arange(1, k + 1) - k - 1) / (k * (k - 1) if fair else k * k)
    spread = np.sort(draws, axis=-1) @ weights
    return float(np.mean(np.abs(draws - true[..., None])) - np.mean(spread))


def energy_score(y_true: ArrayLike, samples: ArrayLike, *, joint: str = "targets") -> float:
    r"""Energy score of a sample: the CRPS of vectors, exact for the sample's empirical distribution.

    .. math:: \mathrm{ES} = \frac1k \sum_i \| x_i - y \| - \frac{1}{2 k^2} \sum_{i,j} \| x_i - x_j \|

    in units of the series. Unlike the mean CRPS of the margins it also scores how targets, or steps, hang together.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    samples : array-like of shape (n_steps, n_samples) or (n_steps, n_targets, n_samples)
        Draws from the forecast distribution, as ``sample`` of a forecaster returns them for arrays.
    joint : {"targets", "path"}, default="targets"
        What makes a vector: the targets of one step, the score being the mean over steps; or all steps and targets
        of a path.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shape of ``samples`` before its last axis is not that of ``y_true``, a value is not finite, or
        ``joint`` is unknown.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), "Strictly Proper Scoring Rules, Prediction, and Estimation", JASA 102,
    359-378, eq. 22.

    Examples
    --------
    >>> energy_score([[0.0, 0.0]], [[[3.0, -3.0], [4.0, -4.0]]])
    2.5
    """
    if joint not in ("targets", "path"):
        raise ValueError(f"joint must be 'targets' or 'path'; got {joint!r}.")
    true, draws = _with_samples(y_true, samples)
    true, draws = true.reshape(len(true), -1), draws.reshape(len(true), -1, draws.shape[-1])
    if joint == "path":
        true, draws = true.reshape(1, -1), draws.reshape(1, -1, draws.shape[-1])
    scores = []
    for y, x in zip(true, draws):
        points = np.ascontiguousarray(x.T)
        near = np.linalg.norm(points - y, axis=1).mean()
        scores.append(near - pdist(points).sum() / len(points) ** 2)
    return float(np.mean(scores))


def _with_samples(y_true: ArrayLike, samples: ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Read observations and the samples of each."""
    true = as_array(y_true, "y_true")
    draws = as_array(samples, "samples", ndim=(true.ndim + 1,))
    if draws.shape[:-1] != true.shape:
        raise ValueError(
            f"samples has shape {draws.shape}; y_true of shape {true.shape} needs that shape and a last axis "
            "of samples."
        )
    return true, draws


def crps_gaussian(y_true: ArrayLike, mean: ArrayLike, std: ArrayLike) -> float:
    r"""Continuous ranked probability score of Gaussian forecasts, in closed form, in units of the series.

    .. math:: \mathrm{CRPS} = \sigma \left( z \, (2 \Phi(z) - 1) + 2 \varphi(z) - \pi^{-1/2} \right),
              \quad z = (y - \mu) / \sigma

    Parameters
    ----------
    y_true, mean, std : array-like of shape (n_steps,) or (n_steps, n_targets)
        Observations, and the forecast's mean and standard deviation; a standard deviation of 0 is a point
        forecast and scores its absolute error.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if a standard deviation is negative.

    References
    ----------
    T. Gneiting, A. E. Raftery (2007), JASA 102, 359-378, eq. 21.

    Examples
    --------
    >>> round(crps_gaussian([0.0], [0.0], [1.0]), 6)
    0.233695
    """
    true, mu, sigma = paired(y_true, mean=mean, std=std)
    if (sigma < 0).any():
        raise ValueError(f"std must not be negative; its smallest value is {sigma.min()}.")
    error = true - mu
    z = np.divide(error, sigma, out=np.zeros_like(error), where=sigma > 0)
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    score = sigma * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return float(np.mean(np.where(sigma > 0, score, np.abs(error))))


def _interval(y_true: Any, lower: Any, upper: Any) -> list[FloatArray]:
    """Read an interval; its bounds may be infinite (nothing is known), but neither NaN, crossed nor one infinity."""
    true, low, high = paired(y_true, finite=False, lower=lower, upper=upper)
    crossed = int((~((low <= high) & (low < np.inf) & (high > -np.inf))).sum())
    if crossed:
        raise ValueError(
            f"lower exceeds upper, one of them is NaN, or both are the same infinity, at {crossed} of {low.size} "
            "values; sort the bounds, or repair them."
        )
    return [true, low, high]


def winkler_score(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike, *, coverage: float = 0.9) -> float:
    r"""Winkler (interval) score: the width, plus a fine for every observation outside; in the units of y.

    .. math:: W = (u - l) + \frac{2}{\alpha} \max(l - y, 0) + \frac{2}{\alpha} \max(y - u, 0),
              \quad \alpha = 1 - \mathrm{coverage}

    Its expectation is least for the interval between the true :math:`\alpha/2` and :math:`1 - \alpha/2`
    quantiles.

    Parameters
    ----------
    y_true, lower, upper : array-like of shape (n_steps,) or (n_steps, n_targets)
        A bound may be infinite; the score is then infinite too.
    coverage : float, default=0.9
        Nominal coverage of the interval, as a fraction.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, if ``lower`` exceeds ``upper`` anywhere, or ``coverage`` lies outside (0, 1).

    References
    ----------
    R. L. Winkler (1972), "A Decision-Theoretic Approach to Interval Estimation", JASA 67, 187-191.

    Examples
    --------
    >>> winkler_score([5.0, 12.0], [0.0, 0.0], [10.0, 10.0], coverage=0.5)
    14.0
    """
    alpha = 1 - check_fraction(coverage, "coverage")
    true, low, high = _interval(y_true, lower, upper)
    outside = np.maximum(low - true, 0) + np.maximum(true - high, 0)
    return float(np.mean(high - low + 2 / alpha * outside))


def interval_coverage(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Fraction of observations inside their interval, bounds included; to be near the nominal coverage.

    Parameters
    ----------
    y_true, lower, upper : array-like of shape (n_steps,) or (n_steps, n_targets)

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if ``lower`` exceeds ``upper`` anywhere.

    Examples
    --------
    >>> interval_coverage([1.0, 2.0, 3.0, 9.0], [0.0, 2.0, 2.0, 2.0], [2.0, 2.5, 4.0, 4.0])
    0.75
    """
    true, low, high = _interval(y_true, lower, upper)
    return float(np.mean((low <= true) & (true <= high)))


def interval_width(y_true: ArrayLike, lower: ArrayLike, upper: ArrayLike) -> float:
    """Mean width of the intervals, in units of the series; read it next to `interval_coverage`.

    Parameters
    ----------
    y_true, lower, upper : array-like of shape (n_steps,) or (n_steps, n_targets)
        Of ``y_true`` the shape alone counts.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mae`, and if ``lower`` exceeds ``upper`` anywhere.

    Examples
    --------
    >>> interval_width([1.0, 2.0], [0.0, 1.0], [2.0, 5.0])
    3.0
    """
    _, low, high = _interval(y_true, lower, upper)
    return float(np.mean(high - low))
