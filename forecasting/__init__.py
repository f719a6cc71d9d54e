"""Time-series forecasting: reservoirs, networks and classical baselines behind one ``fit`` and ``predict``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forecasting.analogue import Analogue
from forecasting.backtesting import FixedOrigins, RollingOrigin, backtest
from forecasting.base import Forecaster
from forecasting.baselines import Drift, Naive, SeasonalNaive, WindowAverage
from forecasting.bootstrap import bootstrap_paths
from forecasting.conformal_forecaster import ConformalForecaster
from forecasting.convolutional import ConvolutionalForecaster
from forecasting.drift import drift_test
from forecasting.ensemble import EnsembleForecaster
from forecasting.gaps import fill_gaps
from forecasting.leaderboard import leaderboard, score_table
from forecasting.left_out_windows import LeaveWindowOut
from forecasting.local_forecaster import ColumnForecaster, LocalForecaster
from forecasting.local_reservoir_model import LocalReservoirForecaster
from forecasting.monitoring import StreamMonitor
from forecasting.online_reservoir import OnlineReservoirForecaster
from forecasting.recurrent import GRUForecaster, LSTMForecaster, RecurrentForecaster
from forecasting.reduction import DirectForecaster, MultiOutputForecaster, RecursiveForecaster
from forecasting.registry import FORECASTERS
from forecasting.reservoir_model import ReservoirForecaster
from forecasting.scoring import forecast_scorer
from forecasting.significance import diebold_mariano, friedman_nemenyi
from forecasting.transformed_target import TransformedTargetForecaster

if TYPE_CHECKING:
    from forecasting.arima import ARIMA
    from forecasting.automatic import AutoForecaster
    from forecasting.checks import FORECASTER_CHECKS, check_forecaster
    from forecasting.exponential_smoothing import ETS
    from forecasting.theta import Theta
    from forecasting.tuning import tune

# Imported when first asked for: statsmodels and the checks take longer to load than everything else together.
_LAZY = {
    "ARIMA": "forecasting.arima",
    "AutoForecaster": "forecasting.automatic",
    "ETS": "forecasting.exponential_smoothing",
    "FORECASTER_CHECKS": "forecasting.checks",
    "Theta": "forecasting.theta",
    "check_forecaster": "forecasting.checks",
    "tune": "forecasting.tuning",
}

__all__ = [
    "ARIMA",
    "ETS",
    "FORECASTERS",
    "FORECASTER_CHECKS",
    "Analogue",
    "AutoForecaster",
    "ColumnForecaster",
    "ConformalForecaster",
    "ConvolutionalForecaster",
    "DirectForecaster",
    "Drift",
    "EnsembleForecaster",
    "FixedOrigins",
    "Forecaster",
    "GRUForecaster",
    "LSTMForecaster",
    "LeaveWindowOut",
    "LocalForecaster",
    "LocalReservoirForecaster",
    "MultiOutputForecaster",
    "Naive",
    "OnlineReservoirForecaster",
    "RecurrentForecaster",
    "RecursiveForecaster",
    "ReservoirForecaster",
    "RollingOrigin",
    "SeasonalNaive",
    "StreamMonitor",
    "Theta",
    "TransformedTargetForecaster",
    "WindowAverage",
    "backtest",
    "bootstrap_paths",
    "check_forecaster",
    "diebold_mariano",
    "drift_test",
    "fill_gaps",
    "forecast_scorer",
    "friedman_nemenyi",
    "leaderboard",
    "score_table",
    "tune",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'forecasting' has no attribute {name!r}")
    value = getattr(import_module(_LAZY[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
