"""What the checks fit and compare: one seasonal series, its exogenous variables, and a few shorthands."""

from typing import Any

import numpy as np
from numpy.testing import assert_array_equal

from forecasting.base.forecaster import Forecaster
from forecasting.intervals.conformal import reproducible_clone

N_STEPS = 72
N_AHEAD = 8


def example_series(n_targets: int | None = None, n_steps: int = N_STEPS, seed: int = 0) -> np.ndarray:
    """Return a positive series with trend, season of 12 and autocorrelated noise.

    Parameters
    ----------
    n_targets : int, optional
        Number of columns; 1-D if not given.
    n_steps : int, default=72
    seed : int, default=0

    Returns
    -------
    ndarray of shape (n_steps,) or (n_steps, n_targets)
    """
    rng = np.random.default_rng(seed)
    time = np.arange(n_steps)[:, np.newaxis]
    noise = rng.normal(size=(n_steps, n_targets or 1))
    for t in range(1, n_steps):
        noise[t] += 0.6 * noise[t - 1]
    phase = np.arange(noise.shape[1])
    y = 30.0 + 0.05 * time + 4.0 * np.sin(2 * np.pi * (time / 12 + phase / 5)) + noise
    return y if n_targets else y[:, 0]


def example_exog(n_steps: int = N_STEPS + N_AHEAD, seed: int = 1) -> np.ndarray:
    """Return two exogenous variables, (n_steps, 2)."""
    return np.random.default_rng(seed).normal(size=(n_steps, 2))


def fitted(forecaster: Any, y: Any, X: Any = None) -> Any:
    """Fit a copy whose random numbers are fixed."""
    return reproducible_clone(forecaster).fit(y, X)


def uses_exog(forecaster: Forecaster) -> bool:
    """Tell whether a forecaster takes exogenous variables."""
    return forecaster.__sklearn_tags__().forecaster_tags.uses_exog


def with_exog(forecaster: Any) -> Any:
    """Return the cases to try, (y, X, future X): without exogenous variables, and with them where they are
    used."""
    y, X = example_series(), example_exog()
    cases: list = [(y, None, None)]
    if uses_exog(forecaster):
        cases.append((y + X[:N_STEPS] @ np.array([2.0, -1.0]), X[:N_STEPS], X[N_STEPS:]))
    return cases


def assert_same(actual: Any, expected: Any, message: str) -> None:
    """Assert that two forecasts, or lists of them, are bit-equal in values."""
    if isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), message
        for one, other in zip(actual, expected):
            assert_same(one, other, message)
        return
    assert_array_equal(np.asarray(actual), np.asarray(expected), err_msg=message)


def assert_raises(error: Any, words: str, message: str, call: Any, *args: Any, **kwargs: Any) -> None:
    """Assert that a call raises an error whose text contains `words`."""
    try:
        call(*args, **kwargs)
    except error as caught:
        text = str(caught)
    else:
        raise AssertionError(f"{message}: no error was raised")
    assert words in text, f"{message}: the error should mention {words!r}, but says {text}"
