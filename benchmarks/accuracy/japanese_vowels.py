"""Japanese Vowels: which of nine speakers said it.

270 utterances train, 370 test: 12 cepstral coefficients, 7 to 29 frames, standardised by mean and standard deviation
of the training frames. The reservoir hears each utterance together with itself backwards, 24 inputs, one to a unit.
Settings were chosen by cross-validation of the training utterances alone, in blocks of each speaker's utterances.
Those that shuffled cross-validation had chosen before (one direction, the means of four segments) made 5.8 errors in
the test on average, so the test has been looked at twice.

References
----------
M. Kudo, J. Toyama and M. Shimbo, Multidimensional curve classification using passing-through regions, Pattern
Recognition Letters 20 (1999) 1103-1111. H. Jaeger, M. Lukosevicius, D. Popovici and U. Siewert, Optimization and
applications of echo state networks with leaky-integrator neurons, Neural Networks 20 (2007) 335-352.
"""

import numpy as np
from sklearn.preprocessing import StandardScaler

from benchmarks.report import described, table
from forecasting.datasets import fetch_japanese_vowels
from reservoir import EchoState, ESNClassifier, RidgeReadout

PUBLISHED = """\
Published, errors of 370: about 0.6 on average for ensembles of leaky networks, 0 for 1,000 of them (Jaeger et al.
2007); bidirectional reservoir with a model-space readout 7 (accuracy 0.981, Bianchi et al.)."""


def classifier(seed: int, n_units: int = 1000) -> ESNClassifier:
    """Return the classifier that is measured: it sees the mean and the last state of an utterance."""
    reservoir = EchoState(
        n_units,
        spectral_radius=0.3,
        input_scaling=0.6,
        bias_scaling=1.0,
        input_weights="one_per_unit",
        random_state=seed,
    )
    return ESNClassifier(reservoir, RidgeReadout(alpha=10.0), pooling="mean_last", input_skip=True)


def _both_ways(utterances: list, scaler: StandardScaler) -> list:
    standard = [scaler.transform(x) for x in utterances]
    return [np.hstack([x, x[::-1]]) for x in standard]


def measure(seed: int, n_units: int = 1000) -> int:
    """Return the number of wrong answers of one reservoir."""
    data = fetch_japanese_vowels()
    scaler = StandardScaler().fit(np.vstack(data.X_train))
    training, tested = (_both_ways(part, scaler) for part in (data.X_train, data.X_test))
    model = classifier(seed, n_units).fit(training, data.y_train)
    return int((model.predict(tested) != data.y_test).sum())


def report(quick: bool) -> str:
    """Measure five seeds."""
    n_units, n_seeds = (100, 1) if quick else (1000, 5)
    errors = [measure(seed, n_units) for seed in range(n_seeds)]
    heads = ["units", "mean errors of 370", "of each seed", "accuracy"]
    row = [n_units, f"{np.mean(errors):.1f}", ", ".join(map(str, errors)), f"{1 - np.mean(errors) / 370:.4f}"]
    return f"{n_seeds} seeds.\n\n{table(heads, [row])}\n\n{PUBLISHED}\n\nOurs: `{described(classifier(0, n_units))}`"
