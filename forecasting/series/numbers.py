"""What users call numbers -> float64 arrays."""

from typing import Any

import numpy as np
import pandas as pd

LARGEST = 1e100  # sums of squares of such numbers, and their products, are finite


def to_float(y: Any, where: str) -> np.ndarray:
    """Return a C-ordered float64 copy, which shares no memory with the user's: the forecaster keeps it."""
    if isinstance(y, (pd.Series, pd.DataFrame)):
        types = [y.dtype] if isinstance(y, pd.Series) else list(y.dtypes)
        real = [pd.api.types.is_numeric_dtype(t) and not pd.api.types.is_complex_dtype(t) for t in types]
        if not all(ok or pd.api.types.is_object_dtype(t) for ok, t in zip(real, types)):
            raise TypeError(
                f"{where} has columns of type {sorted({str(t) for t in types})}: convert them to numbers"
            )
        if not any(map(pd.api.types.is_object_dtype, types)):
            y = y.to_numpy(dtype=np.float64, na_value=np.nan)
    raw = np.ma.filled(y.astype(float), np.nan) if isinstance(y, np.ma.MaskedArray) else np.asarray(y)
    if raw.dtype.kind not in "fiubO":
        raise TypeError(f"{where} has values of type {raw.dtype}: convert them to numbers")
    try:
        return np.array(raw, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise TypeError(f"{where} has values that are not numbers ({error}): convert them") from error


def check_finite(values: np.ndarray, index: Any, where: str, bad: np.ndarray | None = None) -> None:
    """Raise if there are numbers that forecasters cannot reckon with: by default NaN, infinite and too large ones."""
    bad = ~(np.abs(values) <= LARGEST) if bad is None else bad
    if not bad.any():
        return
    row, column = np.argwhere(bad)[0]
    value = values[row, column]
    stamp = "" if index is None else f" ({index[row]})"
    if np.isfinite(value):
        raise ValueError(
            f"{where} contains {value:g} at step {row}{stamp}, column {column}, beyond {LARGEST:g}: squares of such "
            "numbers are no longer finite; choose a larger unit, or put NaN where the number means a missing value"
        )
    what = "NaN" if np.isnan(value) else "infinity"
    filled = "forecasting.fill_gaps(X, rule='linear')"
    if not where.startswith("X"):
        filled = "forecasting.fill_gaps(y, rule='linear') or "
        filled += "TransformedTargetForecaster(..., missing='linear') around the whole forecaster"
    raise ValueError(
        f"{where} contains {what} at step {row}{stamp}, column {column}: fill it first, for example with {filled}, "
        "or cut the series there"
    )
