"""Where a free run ends: not finite, or off the attractor that it was trained on."""

import warnings

import numpy as np


def escaped(path: np.ndarray, low: np.ndarray, high: np.ndarray, factor: float | None) -> np.ndarray:
    """Return which steps lie outside of the widened training range: bool, (n_steps,); see `without_divergence`."""
    if factor is None:
        return np.zeros(len(path), dtype=bool)
    limit = np.where(high > low, factor * (high - low) / 2, np.inf)
    return (np.abs(path - (low + high) / 2) > limit).any(axis=1)


def without_divergence(
    path: np.ndarray, n_done: int, low: np.ndarray, high: np.ndarray, factor: float | None
) -> np.ndarray:
    """Return a free run with NaN from the step on at which it diverged, and warn which step that is.

    Parameters
    ----------
    path : ndarray of shape (n_steps, n_targets)
    n_done : int
        Steps done; fewer than ``n_steps`` if the last of them was not finite.
    low, high : ndarray of shape (n_targets,)
        Training range, in units of the path.
    factor : float or None
        How many times half the range a run may be away from the middle of it; None lets it run. A column that
        was constant in training has no range to leave.

    Returns
    -------
    ndarray of shape (n_steps, n_targets)
    """
    n_steps = len(path)
    outside = escaped(path, low, high, factor)
    why = ""
    if outside.any():
        n_done, why = int(np.argmax(outside)) + 1, f"it left {factor:g} times the training range; "
        path = np.where(np.arange(n_steps)[:, np.newaxis] < n_done - 1, path, np.nan)
    if why or n_done < n_steps:
        warnings.warn(
            f"the free run diverged at step {n_done} of {n_steps}, forecasts from there on are NaN: {why}lower the "
            "spectral radius, raise alpha of the readout, or train with linearised_noise or noise in the reservoir",
            RuntimeWarning,
            stacklevel=6,
        )
    return path
