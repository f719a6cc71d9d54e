"""A sequence to a label: who says the vowel? Japanese Vowels, 12 cepstral channels, 7 to 29 frames, 9 speakers.

The data are the real multivariate ones that aeon and sktime bring along, with their division: 270 utterances to train
on, 370 to test.
"""

import numpy as np
from sklearn.metrics import ConfusionMatrixDisplay

from forecasting.datasets import fetch_japanese_vowels
from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, SequenceClassifier

KINDS = {
    "last state": {"pooling": "last"},
    "mean": {"pooling": "mean"},
    "attention": {"pooling": "attention"},
    "mean, bidirectional": {"pooling": "mean", "bidirectional": True},
}


def run(seed):
    data = fetch_japanese_vowels()
    figures = {}
    for label, options in KINDS.items():
        learning = Learning(60, batch_size=16, optimizer=Adam(0.005))
        model = SequenceClassifier(
            "gru", n_units=32, dropout=0.3, learning=learning, random_state=seed, **options
        )
        model.fit(data.X_train, data.y_train)
        figures[f"accuracy, {label}"] = model.score(data.X_test, data.y_test)

    def draw(figure):
        axes = figure.subplots()
        said = model.predict(data.X_test)
        ConfusionMatrixDisplay.from_predictions(data.y_test, said, ax=axes, colorbar=False)
        axes.set_title(f"{label}: {np.mean(said == data.y_test):.3f}")
        figure.set_size_inches(5, 5)

    return figures, draw
