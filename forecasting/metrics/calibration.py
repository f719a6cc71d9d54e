"""Calibration: whether as many observations lie below forecast quantiles as these say.

The conventions stand in `forecasting.metrics`; this is a curve, not a score.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from forecasting.metrics.validation import FloatArray, as_array, check_fraction


def calibration(y_true: ArrayLike, y_pred: ArrayLike, quantile: Sequence[float]) -> FloatArray:
    """Return the fraction of observations at or below each forecast quantile.

    A calibrated forecast returns ``quantile`` itself, up to chance: of `n` independent observations each number has
    the standard deviation ``sqrt(q (1 - q) / n)``.

    Parameters
    ----------
    y_true : array-like of shape (n_steps,) or (n_steps, n_targets)
    y_pred : array-like of the shape of ``y_true`` and a last axis of n_quantiles
        Forecast quantiles, as ``predict_quantiles`` returns them for arrays.
    quantile : sequence of float
        Which quantiles, as fractions.

    Returns
    -------
    ndarray of shape (n_quantiles,)

    Raises
    ------
    ValueError
        If shapes do not agree, a value is not finite, or a quantile lies outside (0, 1).

    Examples
    --------
    >>> calibration([1.0, 2.0, 3.0, 4.0], [[0.0, 2.5]] * 4, [0.1, 0.5])
    array([0. , 0.5])
    """
    true = as_array(y_true, "y_true")
    if np.ndim(quantile) != 1:
        raise ValueError(
            f"quantile must be a sequence, one for each in the last axis of y_pred; got {quantile!r}."
        )
    levels = [check_fraction(level, "quantile") for level in quantile]
    pred = as_array(y_pred, "y_pred", ndim=(true.ndim + 1,))
    if pred.shape != (*true.shape, len(levels)):
        raise ValueError(
            f"y_pred has shape {pred.shape}; {len(levels)} quantiles of y_true need shape "
            f"{(*true.shape, len(levels))}."
        )
    inside = true[..., None] <= pred
    return inside.reshape(-1, len(levels)).mean(axis=0)
