"""A vector to a sequence: an image of a digit is read, its name is written letter by letter.

Scikit-learn's 8 x 8 digits, a quarter held out; training sees each image also one pixel to each side.
The context is the decoder's first state and is heard at every step.
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from forecasting.networks.optimizers import AdamW
from forecasting.sequence_models import Learning, VectorToSequence

NAMES = "zero one two three four five six seven eight nine"


def shifted(images):
    """Return images and their copies one pixel to the left, to the right, up and down."""
    squares = images.reshape(-1, 8, 8)
    moves = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0)]
    padded = np.pad(squares, ((0, 0), (1, 1), (1, 1)))
    return np.concatenate([padded[:, 1 + i : 9 + i, 1 + j : 9 + j].reshape(-1, 64) for i, j in moves])


def run(seed):
    images, codes = load_digits(return_X_y=True)
    words = [NAMES.split()[code] for code in codes]
    X, X_test, y, y_test = train_test_split(images, words, stratify=codes, random_state=seed)
    learning = Learning(12, batch_size=32, optimizer=AdamW(0.005, weight_decay=0.3))
    model = VectorToSequence(n_units=48, n_hidden=128, learning=learning, random_state=seed).fit(
        shifted(X), y * 5
    )
    figures = {"exact match, greedy": model.score(X_test, y_test)}
    figures["exact match, beam of 3"] = model.set_params(beam_width=3).score(X_test, y_test)
    said = model.predict(X_test)
    wrong = [i for i, (one, other) in enumerate(zip(said, y_test)) if one != other]

    def draw(figure):
        shown = [*wrong[:4], *range(12 - min(4, len(wrong)))]
        for axes, i in zip(figure.subplots(2, 6).ravel(), shown):
            axes.imshow(X_test[i].reshape(8, 8), cmap="Greys")
            axes.set_title(said[i] if said[i] == y_test[i] else f"{said[i]} (is {y_test[i]})", fontsize=8)
            axes.axis("off")
        figure.set_size_inches(9, 3.5)

    return figures | {"images held out": float(np.size(said))}, draw
