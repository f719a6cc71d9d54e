"""Forecasters that learn by backpropagation through time."""

from forecasting.recurrent.convolutional import ConvolutionalForecaster
from forecasting.recurrent.forecasters import GRUForecaster, LSTMForecaster, RecurrentForecaster

__all__ = ["ConvolutionalForecaster", "GRUForecaster", "LSTMForecaster", "RecurrentForecaster"]
