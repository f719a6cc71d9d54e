"""What every diagnostic asks of its numbers."""

from numbers import Integral, Real
from typing import Any

import numpy as np


def whole(name: str, value: Any, least: int) -> int:
    """Return a whole number of at least ``least``, or raise ValueError by name."""
    if not isinstance(value, Integral) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    return int(value)


def positive(name: str, value: Any) -> float:
    """Return a positive finite number, or raise ValueError by name."""
    if not isinstance(value, Real) or not 0 < float(value) < np.inf:
        raise ValueError(f"{name} must be a positive number, got {value!r}")
    return float(value)
