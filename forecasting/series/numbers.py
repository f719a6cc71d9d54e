"""What users call numbers -> float64 arrays."""

from typing import Any

import numpy as np
import pandas as pd


def to_float(y: Any, where: str) -> np.ndarray:
    """Return a C-ordered float64 copy, which shares no memory with the user's: the forecaster keeps it."""
    if isinstance(y, (pd.Series, pd.DataFrame)):
        types = [y.dtype] if isinstance(y, pd.Series) else list(y.dtypes)
        if not all(pd.api.types.is_numeric_dtype(t) or pd.api.types.is_object_dtype(t) for t in types):
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
