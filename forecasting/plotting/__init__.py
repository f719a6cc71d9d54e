"""Pictures of forecasts: matplotlib Axes in, Axes out; nothing of the library imports them but the command line."""

from forecasting.plotting.dynamical_systems import plot_attractor, plot_states
from forecasting.plotting.evaluation import plot_calibration, plot_critical_difference
from forecasting.plotting.forecasts import plot_backtest, plot_forecast, plot_report
from forecasting.plotting.residuals import plot_error_by_horizon, plot_residuals

__all__ = [
    "plot_attractor",
    "plot_backtest",
    "plot_calibration",
    "plot_critical_difference",
    "plot_error_by_horizon",
    "plot_forecast",
    "plot_report",
    "plot_residuals",
    "plot_states",
]
