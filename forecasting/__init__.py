"""Time-series forecasting: reservoirs, networks and classical baselines behind one ``fit`` and ``predict``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from forecasting.backtesting.leaderboard import leaderboard, score_table
from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.backtesting.run import FixedOrigins, RollingOrigin, backtest
from forecasting.backtesting.scoring import forecast_scorer
from forecasting.backtesting.significance import diebold_mariano, friedman_nemenyi
from forecasting.base.forecaster import Forecaster
from forecasting.base.local_forecaster import ColumnForecaster, LocalForecaster
from forecasting.baselines.analogue import Analogue
from forecasting.baselines.naive import Drift, Naive, SeasonalNaive, WindowAverage
from forecasting.composition.bootstrap import bootstrap_paths
from forecasting.composition.conformal_forecaster import ConformalForecaster
from forecasting.composition.ensemble import EnsembleForecaster
from forecasting.composition.transformed_target import TransformedTargetForecaster
from forecasting.monitoring.drift import drift_test
from forecasting.monitoring.stream_monitor import StreamMonitor
from forecasting.recurrent.convolutional import ConvolutionalForecaster
from forecasting.recurrent.gated import GRUForecaster, LSTMForecaster
from forecasting.recurrent.window_forecaster import RecurrentForecaster
from forecasting.reduction.strategies import DirectForecaster, MultiOutputForecaster, RecursiveForecaster
from forecasting.registry import FORECASTERS
from forecasting.reservoirs.free_running import ReservoirForecaster
from forecasting.reservoirs.local_field import LocalReservoirForecaster
from forecasting.reservoirs.online_learning import OnlineReservoirForecaster
from forecasting.series.gaps import fill_gaps

if TYPE_CHECKING:
    from forecasting.automatic import AutoForecaster
    from forecasting.baselines.arima import ARIMA
    from forecasting.baselines.exponential_smoothing import ETS
    from forecasting.baselines.theta import Theta
    from forecasting.checks import FORECASTER_CHECKS, check_forecaster
    from forecasting.tuning import tune

# Imported when first asked for: statsmodels and the checks take longer to load than everything else together.
_LAZY = {
    "ARIMA": "forecasting.baselines.arima",
    "AutoForecaster": "forecasting.automatic",
    "ETS": "forecasting.baselines.exponential_smoothing",
    "FORECASTER_CHECKS": "forecasting.checks",
    "Theta": "forecasting.baselines.theta",
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
