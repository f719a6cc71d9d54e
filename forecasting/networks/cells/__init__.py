"""Recurrent cells: one file each, with its equations, parameters, and runs forward and backward."""

from forecasting.networks.cells.base_cell import Cell, Output, Tape
from forecasting.networks.cells.fast_rnn import FastRNN
from forecasting.networks.cells.gru import GRU
from forecasting.networks.cells.leaky_rnn import LeakyRNN
from forecasting.networks.cells.lstm import LSTM
from forecasting.networks.cells.rnn import RNN

__all__ = ["CELLS", "GRU", "LSTM", "RNN", "Cell", "FastRNN", "LeakyRNN", "Output", "Tape"]

CELLS: dict[str, type[Cell]] = {
    "rnn": RNN,
    "leaky_rnn": LeakyRNN,
    "fast_rnn": FastRNN,
    "gru": GRU,
    "lstm": LSTM,
}
