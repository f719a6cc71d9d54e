"""A language model of characters: perplexity beside smoothed n-gram counts, and text that goes on by itself.

Sequence to sequence of the same length: at every step the distribution of the next character. Text: the Book of
Proverbs; the last tenth is held out. The counts are interpolated by the method of Witten and Bell (1991). Network and
counts err in different places: the mean of both is better than either.
"""

from collections import Counter, defaultdict
from pathlib import Path

import numpy as np

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import LanguageModel, Learning

TEXT = (Path(__file__).parent / "data" / "proverbs.txt").read_text(encoding="utf-8").lower()
CUT = int(0.9 * len(TEXT))


def n_gram_probabilities(train, test, order):
    """Of every character but the first: each order is mixed with the one below by how often its context was followed
    by something new."""
    counts = defaultdict(Counter)
    for n in range(order):
        for i in range(n, len(train)):
            counts[train[i - n : i]][train[i]] += 1
    found, size = [], len(set(train))
    for i in range(1, len(test)):
        p = 1 / size
        for n in range(min(order, i + 1)):
            seen = counts.get(test[i - n : i])
            if seen is None:
                break
            total, kinds = sum(seen.values()), len(seen)
            p = (seen[test[i]] + kinds * p) / (total + kinds)
        found.append(p)
    return np.array(found)


def perplexity(probabilities):
    return float(np.exp(-np.log(probabilities).mean()))


def run(seed):
    train, test = TEXT[:CUT], TEXT[CUT:]
    # Chosen on the last part of the training text.
    learning = Learning(16, batch_size=16, optimizer=Adam(0.005))
    model = LanguageModel(
        "lstm", n_units=256, window=64, dropout=0.5, learning=learning, random_state=seed
    ).fit(train)
    counted = {n: n_gram_probabilities(train, test, n) for n in (1, 2, 3, 4, 5, 6)}
    grams, network = {n: perplexity(p) for n, p in counted.items()}, np.exp(model.log_probabilities(test))
    figures = {"perplexity, LSTM": perplexity(network)}
    figures |= {"perplexity, LSTM and 5-grams, half each": perplexity(0.5 * (network + counted[5]))}
    figures |= {f"perplexity, {n}-grams": value for n, value in grams.items()}
    text = model.sample(400, prompt="the wise ", temperature=0.7, random_state=seed)

    def draw(figure):
        left, right = figure.subplots(1, 2)
        left.plot(list(grams), list(grams.values()), "o-", label="n-grams, held out")
        left.axhline(figures["perplexity, LSTM"], color="C1", label="LSTM, held out")
        left.axhline(figures["perplexity, LSTM and 5-grams, half each"], color="C2", label="both, half each")
        left.set(xlabel="n", ylabel="perplexity", yscale="log")
        left.set_yticks([4, 5, 6, 8, 10, 20], ["4", "5", "6", "8", "10", "20"])
        left.minorticks_off()
        left.legend()
        wrapped = "\n".join(text[i : i + 44] for i in range(0, len(text), 44))
        right.text(0, 1, "the wise ...\n\n" + wrapped, va="top", family="monospace", fontsize=9)
        right.axis("off")
        figure.set_size_inches(10, 4)

    return figures, draw
