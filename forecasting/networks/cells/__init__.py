"""Recurrent cells: one file each, with its equations, parameters, and runs forward and backward."""

from forecasting.networks.cells.base import Cell, Output, Tape
from forecasting.networks.cells.gru import GRU
from forecasting.networks.cells.lstm import LSTM
from forecasting.networks.cells.rnn import RNN

__all__ = ["CELLS", "GRU", "LSTM", "RNN", "Cell", "Output", "Tape"]

CELLS: dict[str, type[Cell]] = {"rnn": RNN, "lstm": LSTM, "gru": GRU}
