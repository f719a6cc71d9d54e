"""Small real series that come with statsmodels: no network, public domain."""

import numpy as np
import pandas as pd
from statsmodels.datasets import co2, elnino, macrodata, nile, sunspots


def load_sunspots() -> pd.Series:
    """Yearly mean sunspot numbers, 1700 to 2008: 309 values, a cycle of about 11 years, never quite the same.

    Returns
    -------
    pandas.Series
        Named ``"sunspots"``, dimensionless, on a yearly ``DatetimeIndex`` (``"YS"``).

    Notes
    -----
    Source: National Geophysical Data Center, through statsmodels. Public domain.

    Examples
    --------
    >>> load_sunspots().iloc[-2:].tolist()
    [7.5, 2.9]
    """
    values = sunspots.load_pandas().data["SUNACTIVITY"].to_numpy(dtype=np.float64)
    index = pd.date_range("1700-01-01", periods=len(values), freq="YS")
    return pd.Series(values, index=index, name="sunspots")


def load_co2(fill_gaps: bool = True) -> pd.Series:
    """Carbon dioxide at Mauna Loa, monthly, March 1958 to December 2001: 526 values, trend and season.

    Parameters
    ----------
    fill_gaps : bool, default=True
        The weekly samples are averaged over each calendar month. Five months (June and October 1958, February
        to April 1964) have no sample. True fills them linearly between their neighbours; False leaves NaN.

    Returns
    -------
    pandas.Series
        Named ``"co2"``, in parts per million by volume, on a monthly ``DatetimeIndex`` (``"MS"``).

    Notes
    -----
    Source: C. D. Keeling and T. P. Whorf, Scripps Institution of Oceanography, through statsmodels. Public
    domain.

    Examples
    --------
    >>> load_co2().round(2).iloc[:3].tolist()
    [316.1, 317.2, 317.43]
    >>> int(load_co2(fill_gaps=False).isna().sum())
    5
    """
    monthly = co2.load_pandas().data["co2"].resample("MS").mean()
    return monthly.interpolate() if fill_gaps else monthly


def load_macrodata() -> pd.DataFrame:
    """United States macroeconomic series, quarterly, 1959 to 2009: 203 rows, 12 columns.

    Returns
    -------
    pandas.DataFrame
        On a quarterly ``DatetimeIndex`` (``"QS"``): ``realgdp``, ``realcons``, ``realinv``, ``realgovt``,
        ``realdpi`` (billions of chained 2005 dollars), ``cpi`` (index), ``m1`` (billions of dollars),
        ``tbilrate``, ``unemp``, ``infl``, ``realint`` (percent), ``pop`` (millions).

    Notes
    -----
    Source: Federal Reserve Bank of St. Louis and Bureau of Labor Statistics, through statsmodels. Public
    domain.

    Examples
    --------
    >>> load_macrodata()[["realgdp", "unemp"]].tail(1)
                  realgdp  unemp
    2009-07-01  12990.341    9.6
    """
    frame = macrodata.load_pandas().data.drop(columns=["year", "quarter"])
    return frame.set_index(pd.date_range("1959-01-01", periods=len(frame), freq="QS"))


def load_nile() -> pd.Series:
    """Yearly flow of the Nile at Aswan, 1871 to 1970: 100 values, a level that drops in 1899.

    Returns
    -------
    pandas.Series
        Named ``"nile"``, in 10^8 cubic metres, on a yearly ``DatetimeIndex`` (``"YS"``).

    Notes
    -----
    Source: J. Durbin and S. J. Koopman, "Time Series Analysis by State Space Methods", through statsmodels.
    Public domain.

    Examples
    --------
    >>> load_nile().iloc[:2].tolist()
    [1120.0, 1160.0]
    """
    values = nile.load_pandas().data["volume"].to_numpy(dtype=np.float64)
    return pd.Series(values, index=pd.date_range("1871-01-01", periods=len(values), freq="YS"), name="nile")


def load_elnino() -> pd.Series:
    """Sea surface temperature of the eastern Pacific (Nino 1+2), monthly, 1950 to 2010: 732 values.

    Returns
    -------
    pandas.Series
        Named ``"elnino"``, in degrees Celsius, on a monthly ``DatetimeIndex`` (``"MS"``).

    Notes
    -----
    Source: National Oceanic and Atmospheric Administration, ERSST.V3B, through statsmodels. Public domain.

    Examples
    --------
    >>> load_elnino().iloc[:3].tolist()
    [23.11, 24.2, 25.37]
    """
    values = elnino.load_pandas().data.drop(columns="YEAR").to_numpy(dtype=np.float64).ravel()
    return pd.Series(values, index=pd.date_range("1950-01-01", periods=len(values), freq="MS"), name="elnino")
