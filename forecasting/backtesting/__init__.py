"""How well a forecaster would have done: origins, backtests, scores, comparisons of many."""

from forecasting.backtesting.leaderboard import leaderboard, score_table
from forecasting.backtesting.left_out_windows import LeaveWindowOut
from forecasting.backtesting.rolling_origin import FixedOrigins, RollingOrigin
from forecasting.backtesting.run import backtest
from forecasting.backtesting.scoring import ForecastScorer, forecast_scorer
from forecasting.backtesting.significance import diebold_mariano, friedman_nemenyi

__all__ = [
    "FixedOrigins",
    "ForecastScorer",
    "LeaveWindowOut",
    "RollingOrigin",
    "backtest",
    "diebold_mariano",
    "forecast_scorer",
    "friedman_nemenyi",
    "leaderboard",
    "score_table",
]
