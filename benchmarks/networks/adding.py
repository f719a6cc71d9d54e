"""The adding problem at T = 600 until the published error: a GRU and an LSTM of some 70,000 parameters.

As in `classics`, but for the criterion, which is what Bai et al. (2018) report of their GRU, and the learning rate,
which falls along half a cosine.
"""

from benchmarks.networks import long_tasks
from benchmarks.networks.classics import Trial, report_of
from forecasting.networks import GRU, LSTM
from forecasting.networks.schedules import Cosine


def trials() -> list[Trial]:
    """Return what is tried."""
    task = long_tasks.adding(600)._replace(
        solved=5e-5, criterion="mean squared error at most 5e-5 (predicting 1: 0.1767)"
    )
    cells = GRU(150, longest_dependency=600), LSTM(130, longest_dependency=600)
    published = "Bai et al. (2018), at the end of training: GRU 5e-5, LSTM 0.164, RNN 0.177"
    return [Trial("adding, T = 600", task, cells, 32, 4000, 0.004, published, Cosine())]


def report(quick: bool) -> str:
    """Run both cells; ``quick`` a few steps of each."""
    return report_of(trials, quick)
