"""Is a long free run on the attractor of the data: power spectra and invariant measures compared."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.signal import welch
from scipy.stats import wasserstein_distance

from reservoir.diagnostics.input_checks import positive, spread_of, table_of, whole

_PARTS = 8  # of a series, over whose halves a spectrum is averaged


class PowerSpectrum(NamedTuple):
    """Power spectral density.

    Parameters
    ----------
    frequencies : ndarray of shape (n_frequencies,)
        Cycles per unit of time.
    power : ndarray of shape (n_frequencies, n_dims)
        Density by frequency.
    """

    frequencies: np.ndarray
    power: np.ndarray


class AttractorComparison(NamedTuple):
    """How far a free run is from the data in the long run; 0 is the same.

    Parameters
    ----------
    measure : float
        Hellinger distance, in [0, 1], of the distributions over the plane or space of the first (at most three)
        principal components of the truth.
    marginals : ndarray of shape (n_dims,)
        Wasserstein distance of the distributions of each coordinate, in standard deviations of the truth.
    spectra : ndarray of shape (n_dims,)
        Hellinger distance, in [0, 1], of the normalised power spectra.
    """

    measure: float
    marginals: np.ndarray
    spectra: np.ndarray


def power_spectrum(series: ArrayLike, *, dt: float = 1.0, n_segment: int | None = None) -> PowerSpectrum:
    """Power spectrum by Welch's method.

    Parameters
    ----------
    series : array-like of shape (n_steps,) or (n_steps, n_dims)
    dt : float, default=1.0
        Time between two steps.
    n_segment : int, optional
        Steps of each of the overlapping segments that are averaged. Default: an eighth of the series.

    Returns
    -------
    PowerSpectrum

    Examples
    --------
    >>> import numpy as np
    >>> spectrum = power_spectrum(np.sin(2 * np.pi * 0.1 * np.arange(1000.0)))
    >>> float(spectrum.frequencies[spectrum.power[:, 0].argmax()].round(2))
    0.1
    """
    rows = table_of("series", series)
    n_segment = max(len(rows) // _PARTS, 1) if n_segment is None else whole("n_segment", n_segment, 1)
    if n_segment > len(rows):
        raise ValueError(f"n_segment={n_segment} exceeds the {len(rows)} steps of the series")
    frequencies, power = welch(rows, fs=1 / positive("dt", dt), nperseg=n_segment, axis=0)
    return PowerSpectrum(frequencies, power)


def compare_attractors(truth: ArrayLike, run: ArrayLike, *, n_bins: int = 20) -> AttractorComparison:
    r"""Compare the long-term statistics of a free run with those of the data.

    The Hellinger distance of distributions p and q is :math:`\sqrt{1 - \sum \sqrt{p q}}`.

    Parameters
    ----------
    truth, run : array-like of shape (n_steps,) or (n_steps, n_dims)
        Any lengths; finite sampling alone leaves some distance: compare two pieces of the truth to see it.
    n_bins : int, default=20
        Bins per principal component, over the range of the truth; one more on each side for what leaves it.

    Returns
    -------
    AttractorComparison

    Examples
    --------
    >>> from reservoir.signals import lorenz63
    >>> x = lorenz63(20_000, dt=0.05, random_state=0)
    >>> same = compare_attractors(x[:10_000], x[10_000:])
    >>> wrong = compare_attractors(x[:10_000], x[10_000:] * [1.0, 1.0, 0.9])
    >>> bool(same.measure < 0.3 < wrong.measure), bool(same.marginals.max() < 0.1 < wrong.marginals.max())
    (True, True)
    """
    true, free = table_of("truth", truth), table_of("run", run)
    if true.shape[1] != free.shape[1]:
        raise ValueError(f"truth has {true.shape[1]} dimensions, run {free.shape[1]}: compare like with like")
    n_bins = whole("n_bins", n_bins, 1)
    spread = spread_of(true)
    spread[spread == 0] = 1.0
    marginals = [wasserstein_distance(a / s, b / s) for a, b, s in zip(true.T, free.T, spread)]
    n_segment = max(min(len(true), len(free)) // _PARTS, 1)
    shares = [_shares(rows, n_segment) for rows in (true, free)]
    centre = true.mean(axis=0)
    axes = np.linalg.svd((true - centre) / spread, full_matrices=False)[2][:3].T
    counted = [(rows - centre) / spread @ axes for rows in (true, free)]
    low, high = counted[0].min(axis=0), counted[0].max(axis=0)
    places = [_bins(rows, low, high, n_bins) for rows in counted]
    n_cells = (n_bins + 2) ** axes.shape[1]
    p, q = (np.bincount(place, minlength=n_cells) / len(place) for place in places)
    return AttractorComparison(float(_hellinger(p, q)), np.array(marginals), _hellinger(*shares))


def _shares(rows: np.ndarray, n_segment: int) -> np.ndarray:
    """Power spectra (n_frequencies, n_dims) as distributions: what does not move has all of it at frequency 0."""
    power = power_spectrum(rows, n_segment=n_segment).power
    total = power.sum(axis=0)
    still = np.zeros_like(power)
    still[0] = 1.0
    return np.divide(power, total, out=still, where=(total > 0) & (spread_of(rows) > 0))


def _bins(rows: np.ndarray, low: np.ndarray, high: np.ndarray, n_bins: int) -> np.ndarray:
    """Cell of each row in the grid between ``low`` and ``high``, with a border for what lies outside."""
    width = np.where(high > low, high - low, 1.0)
    cells = np.clip(np.floor((rows - low) / width * n_bins), -1, n_bins).astype(np.int64)
    cells[rows == high] = n_bins - 1  # the largest belongs to the last bin
    return (cells + 1) @ (n_bins + 2) ** np.arange(rows.shape[1])


def _hellinger(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    return np.sqrt(np.maximum(1 - np.sqrt(p * q).sum(axis=0), 0))
