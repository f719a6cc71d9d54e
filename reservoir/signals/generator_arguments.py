"""What every generator asks of its arguments, and how it finds its start."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval, validate_params

from reservoir.contracts.random_source import make_rng

Generator = TypeVar("Generator", bound=Callable[..., Any])
Seed = int | np.random.RandomState | np.random.Generator | None

COUNT = Interval(Integral, 1, None, closed="left")
WASHOUT = [None, Interval(Integral, 0, None, closed="left")]
FINITE = Interval(Real, None, None, closed="neither")
POSITIVE = Interval(Real, 0, None, closed="neither")
SEED = ["random_state", np.random.Generator]
STATE = [None, "array-like"]


def checked(**constraints: list[Any]) -> Callable[[Generator], Generator]:
    """Refuse arguments outside ``constraints``, with scikit-learn's errors; the function's type stays."""
    return validate_params(constraints, prefer_skip_nested_validation=True)


def start_state(
    initial_state: ArrayLike | None, random_state: Seed, default: np.ndarray, spread: float
) -> np.ndarray:
    """Return the state to start from: the user's, or ``default``, or one drawn around ``default``.

    Parameters
    ----------
    initial_state : array-like of shape ``default.shape`` or None
        The user's own start, copied.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator
        Anything but None draws the start uniformly within ``spread`` of ``default``.
    default : ndarray
        The start of the deterministic series.
    spread : float
        Half the width of the drawn interval.

    Raises
    ------
    ValueError
        If both are given, or if the user's start has the wrong shape or is not finite.
    """
    if initial_state is None:
        if random_state is None:
            return default
        return default + make_rng(random_state).uniform(-spread, spread, default.shape)
    if random_state is not None:
        raise ValueError(
            "initial_state fixes the start and random_state draws one: give one and leave the other None."
        )
    start = np.array(initial_state, dtype=np.float64)
    if start.shape != default.shape:
        raise ValueError(f"initial_state has shape {start.shape}, this system needs {default.shape}.")
    if not np.isfinite(start).all():
        raise ValueError(f"initial_state must be finite, got {start}.")
    return start


def discarded_steps(
    washout: int | None, initial_state: ArrayLike | None, transient: float, dt: float = 1.0
) -> int:
    """Return how many steps to discard; None means ``transient`` time units, or none from a given start."""
    if washout is not None:
        return int(washout)
    return 0 if initial_state is not None else int(np.ceil(transient / dt))


def whole_steps(duration: float, step: float, name: str) -> int:
    """Return ``duration / step``, which must be a whole number of at least one."""
    ratio = duration / step
    count = round(ratio)
    if count < 1 or abs(ratio - count) > 1e-6:
        raise ValueError(
            f"{name}={duration} is not a whole number of steps of {step} ({ratio:.6g} of them): "
            f"choose a step that divides it, such as step={duration / max(count, 1):.12g}."
        )
    return count


def finite(series: np.ndarray, remedy: str) -> np.ndarray:
    """Return ``series``, or say where it left the numbers and what to do about it."""
    lost = ~np.isfinite(series.reshape(len(series), -1)).all(axis=1)
    if lost.any():
        raise ValueError(f"the orbit diverged by step {int(lost.argmax())} of the series: {remedy}.")
    return series
