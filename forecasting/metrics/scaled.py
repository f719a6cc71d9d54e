"""Errors in units of a naive method's error: MASE, RMSSE and the overall weighted average (OWA).

The conventions stand in `forecasting.metrics`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from forecasting.metrics.point import smape
from forecasting.metrics.validation import FloatArray, as_array, paired


def _naive_scale(y_train: Any, n_targets: int, season_length: int, power: int) -> FloatArray:
    """Mean of ``|y_t - y_{t-m}| ** power`` over the training series, per target; NaN is a missing value."""
    train = as_array(y_train, "y_train", finite=False)
    if np.isinf(train).any():
        raise ValueError(f"y_train has {int(np.isinf(train).sum())} infinite values of {train.size}.")
    train = train.reshape(len(train), -1)
    if train.shape[1] != n_targets:
        raise ValueError(
            f"y_train has {train.shape[1]} targets but y_true has {n_targets}; give the same targets."
        )
    if not isinstance(season_length, (int, np.integer)) or season_length < 1:
        raise ValueError(f"season_length must be an integer of at least 1; got {season_length!r}.")
    if len(train) <= season_length:
        raise ValueError(
            f"y_train has {len(train)} steps but season_length={season_length} needs at least "
            f"{season_length + 1}; give a longer training series or a shorter season."
        )
    changes = np.abs(train[season_length:] - train[:-season_length]) ** power
    known = ~np.isnan(changes)
    if not known.any(axis=0).all():
        raise ValueError(
            f"y_train has no two known values season_length={season_length} steps apart, so a scaled error is "
            "undefined; use mae or rmse."
        )
    scale = np.mean(changes, axis=0, where=known)
    if not (scale > 0).all():
        raise ValueError(
            f"y_train repeats itself exactly every season_length={season_length} steps, so a scaled error is "
            "undefined; use mae or rmse."
        )
    return scale


def mase(y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1) -> float:
    r"""Mean absolute scaled error: the error in units of the seasonal naive method's in-sample error.

    .. math:: \mathrm{MASE} = \frac{\frac1h \sum_t |y_t - \hat y_t|}
              {\frac{1}{n-m} \sum_{t=m+1}^n |x_t - x_{t-m}|}

    with the training series :math:`x` and season length :math:`m`. The scale looks at the past alone; below 1
    beats the one-season-ahead naive method on its own training data.

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)
    y_train : array-like of shape (n_train,) or (n_train, n_targets)
        The series up to the forecast origin. NaN is a missing value: the changes that it is part of are left out of
        the scale.
    season_length : int, default=1
        Steps in a season, :math:`m` (24 for hourly data with a daily season); 1 scales by the naive method.

    Returns
    -------
    float
        Without unit; for several targets the mean of each target's own ratio.

    Raises
    ------
    ValueError
        As for `mae`, if ``y_train`` is not longer than the season, or repeats itself exactly (zero scale).

    References
    ----------
    R. J. Hyndman, A. B. Koehler (2006), "Another look at measures of forecast accuracy", International
    Journal of Forecasting 22(4), 679-688.

    Examples
    --------
    >>> mase([5.0, 6.0], [5.0, 7.0], y_train=[1.0, 2.0, 3.0, 4.0])
    0.5
    """
    true, pred = paired(y_true, y_pred=y_pred)
    error = np.atleast_1d(np.mean(np.abs(true - pred), axis=0))
    return float(np.mean(error / _naive_scale(y_train, error.size, season_length, power=1)))


def rmsse(y_true: ArrayLike, y_pred: ArrayLike, *, y_train: ArrayLike, season_length: int = 1) -> float:
    r"""Root mean squared scaled error, the score of the M5 competition (there with ``season_length=1``).

    .. math:: \mathrm{RMSSE} = \sqrt{\frac{\frac1h \sum_t (y_t - \hat y_t)^2}
              {\frac{1}{n-m} \sum_{t=m+1}^n (x_t - x_{t-m})^2}}

    Parameters
    ----------
    y_true, y_pred : array-like of shape (n_steps,) or (n_steps, n_targets)
    y_train : array-like of shape (n_train,) or (n_train, n_targets)
    season_length : int, default=1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As for `mase`.

    References
    ----------
    S. Makridakis, E. Spiliotis, V. Assimakopoulos (2022), "M5 accuracy competition: Results, findings, and
    conclusions", International Journal of Forecasting 38(4), 1346-1364.

    Examples
    --------
    >>> rmsse([5.0, 6.0], [5.0, 8.0], y_train=[1.0, 3.0, 5.0, 7.0])
    0.7071067811865476
    """
    true, pred = paired(y_true, y_pred=y_pred)
    error = np.atleast_1d(np.mean((true - pred) ** 2, axis=0))
    return float(np.mean(np.sqrt(error / _naive_scale(y_train, error.size, season_length, power=2))))


def owa(
    y_true: Sequence[ArrayLike],
    y_pred: Sequence[ArrayLike],
    y_benchmark: Sequence[ArrayLike],
    *,
    y_train: Sequence[ArrayLike],
    season_length: int = 1,
) -> float:
    r"""Overall weighted average of the M4 competition: sMAPE and MASE relative to a benchmark's.

    .. math:: \mathrm{OWA} = \frac12 \left( \frac{\overline{\mathrm{sMAPE}}}{\overline{\mathrm{sMAPE}}_b} +
              \frac{\overline{\mathrm{MASE}}}{\overline{\mathrm{MASE}}_b} \right)

    where bars are means over the series, taken before dividing, and :math:`b` is the benchmark (the
    competition's was Naive2, the naive method on seasonally adjusted data). 1 equals the benchmark.

    Parameters
    ----------
    y_true, y_pred, y_benchmark : list of n_series array-likes of shape (n_steps,) or (n_steps, n_targets)
        Observed values, the forecasts, and the benchmark's forecasts, series by series. One series is a list
        of one.
    y_train : list of n_series array-likes
        The training series.
    season_length : int, default=1

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the lists differ in length or are empty, as for `smape` and `mase`, and if the benchmark is
        perfect.

    References
    ----------
    As for `smape`.

    Examples
    --------
    >>> owa([[4.0, 6.0]], [[4.0, 5.0]], [[4.0, 4.0]], y_train=[[1.0, 2.0, 3.0]])
    0.47727...
    """
    lengths = {
        "y_true": len(y_true),
        "y_pred": len(y_pred),
        "y_benchmark": len(y_benchmark),
        "y_train": len(y_train),
    }
    if len(set(lengths.values())) != 1 or not len(y_true):
        raise ValueError(f"owa takes one entry per series in every list; got {lengths}.")
    of_model, of_benchmark = (
        np.mean(
            [
                (smape(true, pred), mase(true, pred, y_train=train, season_length=season_length))
                for true, pred, train in zip(y_true, forecasts, y_train)
            ],
            axis=0,
        )
        for forecasts in (y_pred, y_benchmark)
    )
    if not (of_benchmark > 0).all():
        raise ValueError(
            "y_benchmark is a perfect forecast of y_true, so owa is undefined; use smape or mase."
        )
    return float(np.mean(of_model / of_benchmark))
