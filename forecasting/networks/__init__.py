"""Recurrent networks trained by backpropagation through time: compiled, without a deep-learning framework."""

from forecasting.networks.cells import CELLS, GRU, LSTM, RNN, Cell, FastRNN, LeakyRNN
from forecasting.networks.optimizers import OPTIMIZERS, SGD, Adam, AdamW, RMSprop
from forecasting.networks.schedules import SCHEDULES, Constant, Cosine, Exponential
from forecasting.networks.stack import Stack
from forecasting.networks.training import Training, train

__all__ = [
    "CELLS",
    "GRU",
    "LSTM",
    "OPTIMIZERS",
    "RNN",
    "SCHEDULES",
    "SGD",
    "Adam",
    "AdamW",
    "Cell",
    "Constant",
    "Cosine",
    "Exponential",
    "FastRNN",
    "LeakyRNN",
    "RMSprop",
    "Stack",
    "Training",
    "train",
]
