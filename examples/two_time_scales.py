"""Multi-scale memory: leaky traces and skips through time beside a plain network and an LSTM, on two time scales.

Noise of 120 steps. The answer is the product of two memories: the mean sign of a slow cue that was given in the first
10 steps, and the difference of the last two inputs. The dilated network is an LSTM, and on it one whose step t
follows step t - 10: the cue is 12 steps back. R2 on sequences held out.
"""

import numpy as np

from forecasting.networks.cells import LSTM, RNN
from forecasting.networks.cells.leaky_rnn import LeakyRNN
from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, SequenceRegressor
from forecasting.sequence_models.layers.base_layer import Recurrent
from forecasting.sequence_models.layers.combinators import Chain, Dilated

N_STEPS = 120
CELLS = {
    "RNN": RNN(24),
    "LSTM": LSTM(24),
    "leaky traces": LeakyRNN(24, retention=(0.5, 0.995)),
    "dilated LSTM": Chain([Recurrent(LSTM(24)), Dilated(Recurrent(LSTM(24)), 10)]),
}


def drawn(rng, n):
    X = 0.5 * rng.standard_normal((n, N_STEPS, 2))
    X[:, :, 1] = 0
    cue = rng.choice([-1.0, 1.0], n)
    X[:, :10, 1] = cue[:, np.newaxis]
    return X, cue * (X[:, -1, 0] - X[:, -2, 0])


def run(seed):
    rng = np.random.default_rng(seed)
    X, y = drawn(rng, 600)
    X_test, y_test = drawn(rng, 300)
    figures, losses = {}, {}
    for label, cell in CELLS.items():
        learning = Learning(40, batch_size=20, optimizer=Adam(0.004))
        model = SequenceRegressor(cell, learning=learning, random_state=seed).fit(X, y)
        figures[f"R2, {label}"] = model.score(X_test, y_test)
        losses[label] = model.losses_

    def draw(figure):
        axes = figure.subplots()
        for label, values in losses.items():
            axes.semilogy(np.arange(1, len(values) + 1), values, label=label)
        axes.set(xlabel="epoch", ylabel="training loss")
        axes.legend()
        figure.set_size_inches(6, 4)

    return figures, draw
