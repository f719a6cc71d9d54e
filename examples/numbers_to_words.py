"""Encoder-decoder: numbers to English words, 4096 to "four thousand and ninety six".

The encoder reads the digits, its last outputs are the context, the decoder writes letters until the end symbol. Of
the numbers below 10,000 a quarter is never seen in training.
"""

import numpy as np

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import EncoderDecoder, Learning

NAMES = """zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
ONES, TENS = NAMES.split()[:20], NAMES.split()[20:]


def words(n):
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10 - 2] + (" " + ONES[n % 10] if n % 10 else "")
    unit, name = (1000, "thousand") if n >= 1000 else (100, "hundred")
    rest = n % unit
    joint = " and " if rest and rest < 100 else " "
    return f"{words(n // unit)} {name}" + (joint + words(rest) if rest else "")


def run(seed):
    numbers = np.random.default_rng(seed).permutation(10000)
    X, y = [str(n) for n in numbers], [words(int(n)) for n in numbers]
    learning = Learning(14, batch_size=64, optimizer=Adam(0.01))
    model = EncoderDecoder(n_units=96, attention=None, learning=learning, random_state=seed).fit(
        X[:7500], y[:7500]
    )
    said = model.predict(X[7500:])
    right = np.array([one == other for one, other in zip(said, y[7500:])])
    figures = {"exact match, held out": right.mean()}

    def draw(figure):
        axes = figure.subplots()
        axes.semilogy(np.arange(1, len(model.losses_) + 1), model.losses_)
        axes.set(xlabel="epoch", ylabel="nats per letter", title=f"{X[7500]}: {said[0]}")
        figure.set_size_inches(7, 4)

    return figures, draw
