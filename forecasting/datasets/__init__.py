"""Real series: small ones bundled with statsmodels (``load_*``), public benchmarks (``fetch_*``).

The ``load_*`` functions need no network. The ``fetch_*`` functions download each file once into a cache
folder, or read it from the folder that the environment variable ``FORECASTING_DATA`` names; see
`forecasting.datasets.published`.
"""

from forecasting.datasets.bundled import load_co2, load_elnino, load_macrodata, load_nile, load_sunspots
from forecasting.datasets.published import (
    DATA_VARIABLE,
    cache_folder,
    fetch_dysts,
    fetch_ett,
    fetch_japanese_vowels,
    fetch_m4_hourly,
    fetch_santa_fe,
)

__all__ = [
    "DATA_VARIABLE",
    "cache_folder",
    "fetch_dysts",
    "fetch_ett",
    "fetch_japanese_vowels",
    "fetch_m4_hourly",
    "fetch_santa_fe",
    "load_co2",
    "load_elnino",
    "load_macrodata",
    "load_nile",
    "load_sunspots",
]
