"""Probabilistic generation: pen trajectories of digits, drawn step by step from a mixture of Gaussians.

Every digit is a single stroke through a few points, written by a hand of its own size, slant and tremor. Some digits
are written in two ways (a seven with or without its serif, a zero to the left or to the right), as by two people:
what comes next is then one of two things, which a single Gaussian can only average. Words of two digits;
log-likelihood of a step on trajectories held out.
"""

import numpy as np
from scipy.interpolate import splev, splprep

from forecasting.networks.optimizers import Adam
from forecasting.sequence_models import Learning, TrajectoryGenerator

# Points in tenths, hexadecimal: first across, then up.
STROKES = {
    "0": ["52 73 95 98 7A 3A 08 05 23 52", "52 23 05 08 3A 7A 98 95 73 52"],
    "1": ["08 4A 45 40"],
    "2": ["08 3A 7A 97 43 00 40 90"],
    "3": ["0A 5A 8A 57 36 67 93 60 20 02"],
    "6": ["8A 37 03 20 60 83 65 25 13"],
    "7": ["0A 5A 9A 65 30", "18 0A 5A 9A 65 30"],
}


def written(rng, digits, n_points=12):
    """Return offsets and the mark of the last step."""
    scale, slant = rng.uniform(0.8, 1.2), rng.uniform(-0.15, 0.35)
    path = []
    for place, digit in enumerate(digits):
        ways = STROKES[digit]
        points = (
            np.array([[int(c, 16) for c in pair] for pair in ways[rng.integers(len(ways))].split()]) / 10.0
        )
        points = points + rng.normal(0, 0.03, points.shape)
        curve = np.array(splev(np.linspace(0, 1, n_points), splprep(points.T, s=0, k=3)[0])).T
        path.append(curve + np.array([1.4 * place, 0]))
    whole = np.concatenate(path) @ np.array([[1, 0], [slant, 1]]) * scale
    steps = np.diff(whole, axis=0) + rng.normal(0, 0.008, (len(whole) - 1, 2))
    return np.column_stack([steps, np.arange(len(steps)) == len(steps) - 1]).astype(float)


def run(seed):
    rng = np.random.default_rng(seed)
    words = ["".join(rng.choice(list(STROKES), 2)) for _ in range(1200)]
    paths = [written(rng, word) for word in words]
    figures, models = {}, {}
    for n_components in (1, 8):
        learning = Learning(100, batch_size=32, optimizer=Adam(0.005))
        model = TrajectoryGenerator(
            n_units=64, n_components=n_components, learning=learning, random_state=seed
        )
        models[n_components] = model.fit(words[:1000], paths[:1000])
        label = "a single Gaussian" if n_components == 1 else f"{n_components} Gaussians"
        figures[f"nats per step, {label}"] = model.score(words[1000:], paths[1000:])

    def draw(figure):
        wanted = ["07", "23", "61", "70"]
        rows = [
            [paths[words.index(word)] for word in wanted],
            *(models[n].sample(wanted, bias=1.0, random_state=seed) for n in (8, 1)),
        ]
        for axes, row, label in zip(figure.subplots(3, 4), rows, ("data", "8 Gaussians", "1 Gaussian")):
            for ax, path, word in zip(axes, row, wanted):
                x, y = np.cumsum(path[:, :2], axis=0).T
                ax.plot(x, y, "k", lw=2)
                ax.set_aspect("equal")
                ax.set_title(f"{word}, {label}", fontsize=8)
                ax.axis("off")
        figure.set_size_inches(8, 6)

    return figures, draw
