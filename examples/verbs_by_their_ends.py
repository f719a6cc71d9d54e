"""Bidirectional tagging: does the word that this letter begins end in "eth"? The letter itself cannot know.

Verses of the Book of Proverbs, a tag at every letter: 1 in the words that end in "eth" (giveth, loveth), else 0.
Forwards, the network learns of the end when it comes; both ways, it knows at the first letter. Scores are F1, over
all letters and over the first letters of words.
"""

import re
from pathlib import Path

import numpy as np
from sklearn.metrics import f1_score

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, SequenceTagger

VERSES = (Path(__file__).parent / "data" / "proverbs.txt").read_text(encoding="utf-8").lower().splitlines()
LETTERS = " abcdefghijklmnopqrstuvwxyz"


def tagged(verse):
    """Return one-hot letters, tags, and which letters begin a word."""
    text = re.sub("[^a-z]+", " ", verse).strip()
    X = np.eye(len(LETTERS))[[LETTERS.index(letter) for letter in text]]
    tags, firsts = np.zeros(len(text), int), np.zeros(len(text), bool)
    for word in re.finditer("[a-z]+", text):
        tags[slice(*word.span())] = word[0].endswith("eth") and len(word[0]) > 4
        firsts[word.start()] = True
    return X, tags, firsts


def run(seed):
    rng = np.random.default_rng(seed)
    data = [tagged(VERSES[i]) for i in rng.permutation(len(VERSES))]
    X, y, firsts = zip(*data)
    n = 700
    truth, at_first = np.concatenate(y[n:]), np.concatenate(firsts[n:])
    shown_verse = max(range(n, len(X)), key=lambda i: y[i][:40].sum())
    figures, shown = {}, {}
    for label, both in (("forwards", False), ("both ways", True)):
        learning = Learning(6, batch_size=16, optimizer=Adam(0.01))
        model = SequenceTagger("gru", n_units=24, bidirectional=both, learning=learning, random_state=seed)
        model.fit(list(X[:n]), list(y[:n]))
        said = np.concatenate(model.predict(list(X[n:])))
        figures[f"F1, {label}"] = f1_score(truth, said)
        figures[f"F1, first letters, {label}"] = f1_score(truth[at_first], said[at_first], zero_division=0)
        shown[label] = model.predict_proba([X[shown_verse]])[0][:40, 1]

    def draw(figure):
        axes = figure.subplots()
        for label, p in shown.items():
            axes.step(np.arange(len(p)), p, where="mid", label=label)
        axes.fill_between(np.arange(len(p)), y[shown_verse][: len(p)], step="mid", alpha=0.2, label="true")
        axes.set_xticks(np.arange(len(p)), [LETTERS[i] for i in X[shown_verse][: len(p)].argmax(axis=1)])
        axes.set(ylabel="probability of a word in -eth")
        axes.legend()
        figure.set_size_inches(9, 3)

    return figures, draw
