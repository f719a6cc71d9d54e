"""Forecasting as regression on lags: any scikit-learn regressor forecasts."""

from forecasting.reduction.strategies import DirectForecaster, MultiOutputForecaster, RecursiveForecaster

__all__ = ["DirectForecaster", "MultiOutputForecaster", "RecursiveForecaster"]
