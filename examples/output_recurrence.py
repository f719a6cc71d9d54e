"""Output recurrence (Jordan) beside hidden recurrence (Elman): what it can know, and how much faster it trains.

Two tasks over white noise. "leaky sum": y(t) = 0.9 y(t-1) + x(t); the output is all that must be remembered. "delay":
y(t) = x(t-3); no output holds the two inputs between. With the targets as the outputs before, the steps of a Jordan
network do not wait for each other, and training is a few matrix products: the longer the series and the fewer at
once, the more that is worth.
"""

from time import perf_counter

import numpy as np

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, SequenceTransducer


def tasks(rng):
    X = [rng.standard_normal((60, 1)) for _ in range(160)]
    leaky = []
    for x in X:
        y = np.zeros_like(x)
        for t in range(len(x)):
            y[t] = (0.9 * y[t - 1] if t else 0) + x[t]
        leaky.append(y)
    return X, {"leaky sum": leaky, "delay": [np.vstack([np.zeros((3, 1)), x[:-3]]) for x in X]}


def seconds_of_training(recurrence):
    """Of four series of 2,000 steps, one at a time, with 128 units: the best of three."""
    rng, times = np.random.default_rng(0), []
    X = [rng.standard_normal((2000, 1)) for _ in range(4)]
    for _ in range(3):
        learning = Learning(5, batch_size=1)
        model = SequenceTransducer(
            "rnn", n_units=128, recurrence=recurrence, learning=learning, random_state=0
        )
        start = perf_counter()
        model.fit(X, X)
        times.append(perf_counter() - start)
    return min(times)


def run(seed):
    X, targets = tasks(np.random.default_rng(seed))
    kinds = {
        "Elman": {"recurrence": "hidden"},
        "Jordan": {"recurrence": "output"},
        "Jordan, mixed": {"recurrence": "output", "teacher_forcing": 0.5},
    }
    figures, shown = {}, {}
    for task, y in targets.items():
        for label, options in kinds.items():
            learning = Learning(40, batch_size=16, optimizer=Adam(0.005))
            model = SequenceTransducer("rnn", n_units=24, learning=learning, random_state=seed, **options)
            said = model.fit(X[:120], y[:120]).predict(X[120:])
            errors = np.concatenate(said) - np.concatenate(y[120:])
            figures[f"R2, {task}, {label}"] = 1 - (errors**2).mean() / np.concatenate(y[120:]).var()
            shown[task, label] = said[0]
    figures["Elman's training time over Jordan's"] = seconds_of_training("hidden") / seconds_of_training(
        "output"
    )

    def draw(figure):
        for axes, (task, y) in zip(figure.subplots(2, 1, sharex=True), targets.items()):
            axes.plot(y[120], "k", label="target")
            for label in ("Elman", "Jordan"):
                axes.plot(shown[task, label], label=label)
            axes.set_title(task)
        axes.legend()
        figure.set_size_inches(8, 5)

    return figures, draw
