"""Memory capacity of a linear simple cycle reservoir of 100 units.

MC = sum over k = 1 ... 200 of the squared correlation of u(t - k) with its reconstruction from the states at t.
6,000 steps of u uniform on [-0.8, 0.8]; the first 5,000 train (100 of them washout), the last 1,000 test; input
scaling 0.1, spectral radius 0.9. A linear reservoir cannot exceed its number of units, but chance adds about
(number of units) / (tested steps) for every delay that it does not remember. The figure of reservoirs whose states
are numerically singular belongs to their solver; a cycle's hardly does, as the three penalties show.

References
----------
H. Jaeger, Short term memory in echo state networks, GMD Report 152, 2001. A. Ceni and C. Gallicchio, Edge of
stability echo state network, IEEE Trans. Neural Networks and Learning Systems (2024), section 4.1, for the protocol.
"""

import numpy as np

from benchmarks.report import described, table
from reservoir import EchoState, RidgeReadout

N_STEPS, N_TRAINING, WASHOUT, MAX_DELAY = 6000, 5000, 100, 200
PUBLISHED = """\
Published by the same protocol: linear simple cycle reservoir 99.09 +- 0.01, edge-of-stability network 98.43 +- 0.11,
orthogonal 89.42 +- 1.50, linear random 49.35 +- 17.13, leaky 30.40 +- 3.76 (Ceni and Gallicchio)."""


def reservoir_of(seed: int, n_units: int = 100) -> EchoState:
    """Return the reservoir that is measured."""
    return EchoState(
        n_units,
        topology="ring",
        activation="identity",
        input_scaling=0.1,
        bias_scaling=0.0,
        random_state=seed,
    )


def measure(alpha: float, seed: int, n_units: int = 100, max_delay: int = MAX_DELAY) -> float:
    """Return the memory capacity of one reservoir."""
    u = np.random.default_rng(seed).uniform(-0.8, 0.8, N_STEPS)
    states = reservoir_of(seed, n_units).fit_transform(u[:, np.newaxis])
    first = max(WASHOUT, max_delay)  # the longest delay must lie within the series
    past = np.stack([u[first - k : N_STEPS - k] for k in range(1, max_delay + 1)], axis=1)
    states, n_training = states[first:], N_TRAINING - first
    readout = RidgeReadout(alpha=alpha, solver="svd").fit(states[:n_training], past[:n_training])
    recalled, tested = readout.predict(states[n_training:]), past[n_training:]
    return float(sum(np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(recalled.T, tested.T)))


def report(quick: bool) -> str:
    """Measure for several penalties."""
    alphas, n_seeds = ((0.0,), 2) if quick else ((0.0, 1e-12, 1e-8), 10)
    rows = []
    for alpha in alphas:
        found = np.array([measure(alpha, seed) for seed in range(n_seeds)])
        rows.append([f"{alpha:g}", *(f"{v:.2f}" for v in (found.mean(), found.std(ddof=1), found.min()))])
    heads = ["alpha", "capacity", "std over seeds", "worst"]
    return (
        f'Means over {n_seeds} seeds of input and input weights; solver "svd".\n\n{table(heads, rows)}\n\n'
        f"{PUBLISHED}\n\nOurs: `{described(reservoir_of(0))}`"
    )
