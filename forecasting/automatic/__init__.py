"""AutoForecaster: tries many forecasters and their combinations within a time budget, and says why it chose."""

from forecasting.automatic.auto_forecaster import AutoForecaster

__all__ = ["AutoForecaster"]
