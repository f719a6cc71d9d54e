"""How many steps a season has: from the calendar where it says, else from the series itself."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pandas.tseries.frequencies import to_offset

# Steps a year, or a week for working days, by the beginning of pandas' frequency names.
_PER_SEASON = {"M": 12, "BM": 12, "SM": 24, "WOM": 12, "Q": 4, "BQ": 4, "BY": 1, "W": 52, "B": 5, "D": 7}
_LONGEST_DAY = 288  # steps: a day of five-minute data; finer data get the season of an hour or a minute


def season_of_frequency(freq: str) -> int | None:
    """Return the usual season of a pandas frequency, in steps.

    =========================================  ==========================================================
    frequency                                  season
    =========================================  ==========================================================
    monthly, quarterly, weekly                 a year: 12, 4, 52
    daily, business days                       a week: 7, 5
    hours, and minutes from 5 upwards          a day: 24 for hours, 48 for half hours, 288 for 5 minutes
    minutes, seconds                           an hour, a minute: 60 steps
    yearly and longer                          None: look into the series (`find_season`)
    =========================================  ==========================================================

    Parameters
    ----------
    freq : str
        Such as ``"MS"``, ``"h"`` or ``"15min"``. A multiple divides the season, if it divides it evenly
        (``"2MS"``: 6).

    Returns
    -------
    int or None

    Examples
    --------
    >>> [season_of_frequency(freq) for freq in ("MS", "QS", "W", "D", "h", "15min", "min", "YS")]
    [12, 4, 52, 7, 24, 96, 60, None]
    """
    offset = to_offset(freq)
    n, name = offset.n, offset.rule_code.partition("-")[0]
    if isinstance(offset, pd.offsets.Tick):
        step, day = pd.Timedelta(offset.nanos), pd.Timedelta(days=1)
        if step < day or step % day:
            periods = [day, pd.Timedelta(hours=1), pd.Timedelta(minutes=1)]
            whole = [period // step for period in periods if not period % step]
            return next((season for season in whole if 1 < season <= _LONGEST_DAY), None)
        n, name = step // day, "D"
    if name == "D" and n % 7 == 0:
        n, name = n // 7, "W"
    steps = next((_PER_SEASON[key] for key in (name, name[:2], name[:1]) if key in _PER_SEASON), None)
    return None if steps is None or steps % n or steps == n else steps // n


def find_season(y: ArrayLike) -> int:
    """Return the period that a series repeats itself with, in steps; 1 if none stands out.

    The autocorrelation of the series without its straight-line trend is searched for peaks between 2 steps
    and a quarter of the length. A peak counts if it reaches ``max(0.2, 3.5 / sqrt(n))`` and rises by as much
    above the lowest value before it: of white noise and random walks fewer than one in fifty have such a
    peak. The answer is the shortest peak that is nearly (nine tenths) as high as the highest, so that one
    period is found and not two.

    Parameters
    ----------
    y : array-like of shape (n_steps,)
        Finite numbers.

    Returns
    -------
    int

    Examples
    --------
    >>> t = np.arange(120)
    >>> find_season(np.sin(2 * np.pi * t / 12) + 0.01 * t), find_season(t)
    (12, 1)
    """
    values = np.asarray(y, dtype=np.float64)
    n_steps, longest = len(values), len(values) // 4
    if longest < 3:
        return 1
    time = np.arange(n_steps)
    rest = values - np.polyval(np.polyfit(time, values, 1), time)
    spectrum = np.fft.rfft(rest, 2 * n_steps)
    products = np.fft.irfft(np.abs(spectrum) ** 2)[: longest + 2]
    if products[0] <= 1e-20 * (values**2).sum():  # a straight line, but for rounding
        return 1
    correlation = products / products[0]
    threshold = max(0.2, 3.5 / np.sqrt(n_steps))
    lags = np.arange(2, longest + 1)
    here = correlation[lags]
    lowest_before = np.minimum.accumulate(correlation)[lags - 1]
    is_peak = (here > correlation[lags - 1]) & (here >= correlation[lags + 1])
    is_peak &= (here > threshold) & (here - lowest_before > threshold)
    if not is_peak.any():
        return 1
    return int(lags[is_peak & (here >= 0.9 * here[is_peak].max())][0])
