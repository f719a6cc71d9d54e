"""Memory capacity of reservoirs of 100 units.

MC = sum over k = 1 ... 200 of the squared correlation of u(t - k) with its reconstruction from the states at t.
6,000 steps of u uniform on [-0.8, 0.8]; the first 5,000 train (200 of them washout: the longest delay must lie
within the series), the last 1,000 test; input scaling 0.1, no bias, spectral radius 0.9 but for the orthogonal
reservoir. A reservoir cannot exceed its number of units, but every delay that it does not remember adds about 1 over
the tested steps by chance: the column "chance" is the sum for an independent input. The figure of reservoirs whose
states are numerically singular belongs to their solver. ReservoirPy has the same weights, input and rows; its loop
over the steps differs, and its readout, by normal equations. The seconds are of drawing, driving, learning and
judging.

References
----------
H. Jaeger, Short term memory in echo state networks, GMD Report 152, 2001. A. Ceni and C. Gallicchio, Edge of
stability echo state network, IEEE Trans. Neural Networks and Learning Systems (2024), section 4.1, for the protocol.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks import peers
from benchmarks.report import described, table
from benchmarks.timing import timed
from reservoir import ES2N, EchoState
from reservoir.diagnostics import MemoryCapacity, memory_capacity

MAX_DELAY = 200
SOLVERS = ((0.0, "svd"), (1e-12, "svd"), (1e-8, "svd"), (1e-8, "sums"))
PEER_PENALTIES = (0.0, 1e-12, 1e-8)
N_TRAINING, N_TEST, WASHOUT, AMPLITUDE = 5000, 1000, 100, 0.8  # the defaults of memory_capacity


class Kind(NamedTuple):
    """How a reservoir is made of size and seed, and what was published for it."""

    make: Callable
    published: str


def _echo_state(**options):
    return lambda n_units, seed: EchoState(
        n_units, input_scaling=0.1, bias_scaling=0.0, random_state=seed, **options
    )


KINDS = {
    "random, tanh": Kind(_echo_state(topology="dense"), "30.40 +- 3.76"),
    "random, linear": Kind(_echo_state(topology="dense", activation="identity"), "49.35 +- 17.13"),
    "orthogonal, tanh, radius 1": Kind(
        _echo_state(topology="orthogonal", spectral_radius=1.0), "89.42 +- 1.50"
    ),
    "simple cycle, linear": Kind(_echo_state(topology="ring", activation="identity"), "99.09 +- 0.01"),
    "edge of stability (ES2N)": Kind(
        lambda n_units, seed: ES2N(
            n_units, proximity=0.05, topology="dense", input_scaling=0.1, bias_scaling=0.0, random_state=seed
        ),
        "98.43 +- 0.11",
    ),
}


def measure(
    kind: str, alpha: float, solver: str, seed: int, n_units: int = 100, max_delay: int = MAX_DELAY
) -> MemoryCapacity:
    """Return the memory capacity of one reservoir."""
    reservoir = KINDS[kind].make(n_units, seed)
    rng = np.random.default_rng(seed)
    return memory_capacity(reservoir, max_delay=max_delay, alpha=alpha, solver=solver, random_state=rng)


def measure_peer(
    kind: str, alpha: float, seed: int, n_units: int = 100, max_delay: int = MAX_DELAY
) -> MemoryCapacity:
    """Return the memory capacity that ReservoirPy finds with the same weights and the same input."""
    u, other = AMPLITUDE * np.random.default_rng(seed).uniform(-1, 1, (2, N_TRAINING + N_TEST))
    past = np.zeros((len(u), 2 * max_delay))  # row t, column k - 1: the value k steps before
    for k in range(1, max_delay + 1):
        past[k:, k - 1], past[k:, max_delay + k - 1] = u[:-k], other[:-k]
    inputs = u[:, np.newaxis]
    node = peers.node_of(KINDS[kind].make(n_units, seed).fit(inputs[:1]))
    washout = max(WASHOUT, max_delay)
    model = peers.learned([node], inputs[:N_TRAINING], past[:N_TRAINING], alpha=alpha, washout=washout)
    recalled = model.run(inputs[N_TRAINING:])
    truth = past[N_TRAINING:]
    squares = np.array([np.corrcoef(a, b)[0, 1] ** 2 for a, b in zip(recalled.T, truth.T)])
    own = squares[:max_delay]
    return MemoryCapacity(own.sum(), own, n_units, squares[max_delay:].sum())


def report(quick: bool) -> str:
    """Measure all reservoirs with all solvers."""
    solvers, n_seeds = (SOLVERS[:1], 2) if quick else (SOLVERS, 10)
    peer_penalties = PEER_PENALTIES if peers.INSTALLED and not quick else ()
    rows = []
    for name, kind in KINDS.items():
        for alpha, solver in solvers:
            found = [timed(measure, name, alpha, solver, seed) for seed in range(n_seeds)]
            rows.append([name, kind.published, f"ours, {solver}", f"{alpha:g}", *_summary(found)])
        for alpha in peer_penalties:
            found = [timed(measure_peer, name, alpha, seed) for seed in range(n_seeds)]
            rows.append([name, kind.published, "ReservoirPy", f"{alpha:g}", *_summary(found)])
    heads = ["reservoir", "published", "solver", "alpha", "capacity", "worst", "chance", "seconds"]
    ours = "; ".join(f"`{described(kind.make(100, 0))}`" for kind in KINDS.values())
    return (
        f"Means and standard deviations over {n_seeds} seeds of input and reservoir; seconds are medians.\n\n"
        f"{table(heads, rows)}\n\nPublished: Ceni and Gallicchio, who name the first row the leaky network. "
        f"{peers.about()}\n\nOurs: {ours}"
    )


def _summary(found: list[tuple[MemoryCapacity, float]]) -> list:
    totals = np.array([memory.total for memory, _ in found])
    chance = np.mean([memory.chance for memory, _ in found])
    spread = [f"{totals.mean():.2f} +- {totals.std(ddof=1):.2f}", f"{totals.min():.2f}", f"{chance:.2f}"]
    return [*spread, float(np.median([seconds for _, seconds in found]))]
