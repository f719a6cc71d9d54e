"""Classical forecasters. Those that statsmodels estimates are imported when first asked for: see `forecasting`."""

from forecasting.base.local_forecaster import ColumnForecaster, LocalForecaster
from forecasting.baselines.analogue import Analogue
from forecasting.baselines.naive import Drift, Naive, SeasonalNaive, WindowAverage

__all__ = [
    "Analogue",
    "ColumnForecaster",
    "Drift",
    "LocalForecaster",
    "Naive",
    "SeasonalNaive",
    "WindowAverage",
]
