"""Attention: digits spelled one by one, at twice the length of training, beside an encoder-decoder without it.

"407" becomes "four zero seven". Training has up to 6 digits. One vector holds so many digits and no more; a decoder
that looks at the encoder's states through a window that moves forward goes on as it has learned.
"""

import numpy as np

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import EncoderDecoder, Learning

NAMES = "zero one two three four five six seven eight nine"
WORDS = dict(zip("0123456789", NAMES.split()))
LONGEST = 6


def drawn(rng, n, lengths):
    X = ["".join(rng.choice(list(WORDS), rng.choice(lengths))) for _ in range(n)]
    return X, [" ".join(WORDS[digit] for digit in x) for x in X]


def run(seed):
    rng = np.random.default_rng(seed)
    X, y = drawn(rng, 4000, np.arange(1, LONGEST + 1))
    # Half of the short ones are all there are: of the tests, what training saw is left out.
    tests = {n: drawn(rng, 300, [n]) for n in (4, 6, 8, 10, 12)}
    seen = set(X)
    scores = {}
    kinds = {"location": "attention with location", "content": "attention by content", None: "one vector"}
    for kind, label in kinds.items():
        learning = Learning(30, batch_size=32, optimizer=Adam(0.005))
        model = EncoderDecoder(n_units=64, attention=kind, learning=learning, random_state=seed).fit(X, y)
        for n, (sources, targets) in tests.items():
            pairs = [(x, t) for x, t in zip(sources, targets) if x not in seen]
            scores[label, n] = model.score(*map(list, zip(*pairs)))
        if kind == "location":
            example = tests[12][0][0]
            said = model.predict([example])[0]
            weights = model.align([example], [said])[0]

    def draw(figure):
        left, right = figure.subplots(1, 2)
        for label in kinds.values():
            left.plot(list(tests), [scores[label, n] for n in tests], "o-", label=label)
        left.axvspan(1, LONGEST, alpha=0.1, color="grey", label="lengths of training")
        left.set(xlabel="digits", ylabel="exact match")
        left.legend(fontsize=7)
        right.imshow(weights.T, aspect="auto", cmap="Greys")
        right.set_yticks(range(len(example)), list(example))
        right.set_xticks(range(len(said) + 1), [*said, "end"], fontsize=5)
        right.set_title("alignment at twice the length of training")
        figure.set_size_inches(11, 4)

    return {f"{label}, {n} digits": value for (label, n), value in scores.items()}, draw
