"""Forecasters that learn by backpropagation through time."""

from forecasting.recurrent.convolutional import ConvolutionalForecaster
from forecasting.recurrent.gated import GRUForecaster, LSTMForecaster
from forecasting.recurrent.window_forecaster import RecurrentForecaster

__all__ = ["ConvolutionalForecaster", "GRUForecaster", "LSTMForecaster", "RecurrentForecaster"]
