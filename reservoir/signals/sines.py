"""Sums of incommensurable sines."""

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from reservoir.signals.generator_arguments import COUNT, checked

# Radians per step.
MSO_FREQUENCIES = (0.2, 0.311, 0.42, 0.51, 0.63, 0.74, 0.85, 0.97)


@checked(
    n_steps=[COUNT],
    n_sines=[Interval(Integral, 1, len(MSO_FREQUENCIES), closed="both")],
    frequencies=[None, "array-like"],
)
def multiple_sines(n_steps: int, n_sines: int = 8, *, frequencies: ArrayLike | None = None) -> np.ndarray:
    """Return the multiple superimposed oscillators (MSO) series.

    ::

        y(n) = sum_i sin(frequency_i n),   n = 0, 1, ...

    Nothing is random and nothing is scaled: the values lie within ± the number of sines.

    Parameters
    ----------
    n_steps : int
        Steps to return.
    n_sines : int, default=8
        How many of the published frequencies 0.2, 0.311, 0.42, 0.51, 0.63, 0.74, 0.85, 0.97 to add, in this
        order: 2 gives MSO2, 8 gives MSO8.
    frequencies : array-like of shape (n,), default=None
        Radians per step, instead of the first ``n_sines`` published ones. Twelve-sine variants are quoted
        with different second frequencies (0.311 or 0.331), so they are passed here.

    Returns
    -------
    ndarray of shape (n_steps,)
        float64.

    Raises
    ------
    ValueError
        If a count is out of range, or ``frequencies`` is empty, not one-dimensional or not finite.

    References
    ----------
    H. Jaeger, H. Haas, "Harnessing nonlinearity", Science 304, 78-80 (2004), for the setting; D. Wierstra,
    F. Gomez, J. Schmidhuber, "Modeling systems with internal state using Evolino", GECCO (2005), for MSO2 to
    MSO5; B. Roeschies, C. Igel, "Structure optimization of reservoir networks", Logic J. IGPL 18, 635-669
    (2010), for up to eight.

    Examples
    --------
    >>> multiple_sines(3, n_sines=2).round(4)
    array([0.    , 0.5047, 0.9721])
    """
    omega = np.asarray(MSO_FREQUENCIES[:n_sines] if frequencies is None else frequencies, dtype=np.float64)
    if omega.ndim != 1 or not omega.size or not np.isfinite(omega).all():
        raise ValueError(f"frequencies must be a non-empty list of finite numbers, got {frequencies!r}.")
    steps = np.arange(n_steps)
    series = np.zeros(n_steps)
    for frequency in omega:
        series += np.sin(frequency * steps)
    return series
