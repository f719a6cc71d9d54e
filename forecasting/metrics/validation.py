"""What every metric asks of its arguments: shapes, finite numbers, fractions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def as_array(values: Any, name: str, ndim: tuple[int, ...] = (1, 2), finite: bool = True) -> FloatArray:
    """Return ``values`` as a float64 array of an allowed number of dimensions, or raise naming ``name``."""
    masked = isinstance(values, np.ma.MaskedArray)
    raw = np.ma.filled(values.astype(float), np.nan) if masked else np.asarray(values)
    if raw.dtype.kind not in "biufO":  # NumPy would parse text, and drop an imaginary part
        raise ValueError(f"{name} must be an array of real numbers; its values are of type {raw.dtype}.")
    try:
        array = np.asarray(raw, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be an array of real numbers: {error}.") from error
    if array.ndim not in ndim or array.size == 0:
        allowed = " or ".join(f"{n}-D" for n in ndim)
        raise ValueError(f"{name} must be a non-empty {allowed} array; got shape {array.shape}.")
    if finite and not np.isfinite(array).all():
        bad = int((~np.isfinite(array)).sum())
        raise ValueError(f"{name} has {bad} NaN or infinite values of {array.size}; fill or drop them first.")
    return array


def paired(y_true: Any, finite: bool = True, **forecasts: Any) -> list[FloatArray]:
    """Return ``y_true`` and each of ``forecasts`` as arrays of one shape."""
    true = as_array(y_true, "y_true")
    arrays = [true]
    for name, values in forecasts.items():
        array = as_array(values, name, finite=finite)
        if array.shape != true.shape:
            raise ValueError(
                f"{name} has shape {array.shape} but y_true has {true.shape}; give both the same shape "
                "(nothing is broadcast)."
            )
        arrays.append(array)
    return arrays


def check_fraction(value: float, name: str) -> float:
    """Return ``value`` as a float strictly between 0 and 1, or raise naming ``name``."""
    if not 0 < value < 1:
        raise ValueError(
            f"{name} must be a fraction between 0 and 1, both excluded (0.9, not 90); got {value!r}."
        )
    return float(value)
