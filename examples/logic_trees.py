"""A recursive network over trees: logical expressions, true or false, deeper than those of training.

Expressions of and, or, not, xor over the constants; three operands now and then. Training has trees of height up to
4, tests go up to 9. The same composition acts at every node: what holds for one height can hold for all.
"""

import numpy as np

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, TreeClassifier

OPERATORS = {
    "and": all,
    "or": any,
    "xor": lambda parts: sum(parts) % 2 == 1,
    "not": lambda parts: not parts[0],
}


def drawn(rng, height):
    """Return a tree of exactly this height, and its truth."""
    if height == 0:
        truth = bool(rng.integers(2))
        return str(truth).lower(), truth
    operator = str(rng.choice(list(OPERATORS)))
    n = 1 if operator == "not" else int(rng.choice([2, 3]))
    heights = [height - 1] + [int(rng.integers(min(height, 3))) for _ in range(n - 1)]
    parts = [drawn(rng, h) for h in rng.permutation(heights)]
    return (operator, *(tree for tree, _ in parts)), bool(OPERATORS[operator]([truth for _, truth in parts]))


def run(seed):
    rng = np.random.default_rng(seed)
    trees, truths = zip(*(drawn(rng, int(rng.integers(5))) for _ in range(3000)))
    learning = Learning(60, batch_size=50, optimizer=Adam(0.005))
    model = TreeClassifier(32, learning=learning, random_state=seed).fit(trees, truths)
    tests = {height: list(zip(*(drawn(rng, height) for _ in range(400)))) for height in range(3, 10)}
    figures = {f"accuracy, height {h}": model.score(list(X), list(y)) for h, (X, y) in tests.items()}

    def draw(figure):
        axes = figure.subplots()
        axes.plot(list(tests), list(figures.values()), "o-")
        axes.axvspan(0, 4, alpha=0.1, color="grey", label="heights of training")
        axes.set(xlabel="height", ylabel="accuracy", ylim=(0.45, 1.02))
        axes.legend()
        figure.set_size_inches(6, 4)

    return figures, draw
