"""Forecasters that learn by backpropagation through time."""

from forecasting.recurrent.convolutional import ConvolutionalForecaster
from forecasting.recurrent.forecasters import RecurrentForecaster
from forecasting.recurrent.gated import GRUForecaster, LSTMForecaster

__all__ = ["ConvolutionalForecaster", "GRUForecaster", "LSTMForecaster", "RecurrentForecaster"]
