"""Memory capacity of reservoirs of 100 units.

MC = sum over k = 1 ... 200 of the squared correlation of u(t - k) with its reconstruction from the states at t.
6,000 steps of u uniform on [-0.8, 0.8]; the first 5,000 train (200 of them washout: the longest delay must lie
within the series), the last 1,000 test; input scaling 0.1, no bias, spectral radius 0.9 but for the orthogonal
reservoir. A reservoir cannot exceed its number of units, but every delay that it does not remember adds about 1 over
the tested steps by chance: the column "chance" is the sum for an independent input. The figure of reservoirs whose
states are numerically singular belongs to their solver.

References
----------
H. Jaeger, Short term memory in echo state networks, GMD Report 152, 2001. A. Ceni and C. Gallicchio, Edge of
stability echo state network, IEEE Trans. Neural Networks and Learning Systems (2024), section 4.1, for the protocol.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.report import described, table
from reservoir import ES2N, EchoState
from reservoir.diagnostics import MemoryCapacity, memory_capacity

MAX_DELAY = 200
SOLVERS = ((0.0, "svd"), (1e-12, "svd"), (1e-8, "svd"), (1e-8, "sums"))


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
    return memory_capacity(reservoir, max_delay=max_delay, alpha=alpha, solver=solver, random_state=seed)


def report(quick: bool) -> str:
    """Measure all reservoirs with all solvers."""
    solvers, n_seeds = (SOLVERS[:1], 2) if quick else (SOLVERS, 10)
    rows = []
    for name, kind in KINDS.items():
        for alpha, solver in solvers:
            found = [measure(name, alpha, solver, seed) for seed in range(n_seeds)]
            totals = np.array([memory.total for memory in found])
            spread = [f"{totals.mean():.2f} +- {totals.std(ddof=1):.2f}", f"{totals.min():.2f}"]
            chance = f"{np.mean([memory.chance for memory in found]):.2f}"
            rows.append([name, kind.published, solver, f"{alpha:g}", *spread, chance])
    heads = ["reservoir", "published", "solver", "alpha", "capacity", "worst", "chance"]
    ours = "; ".join(f"`{described(kind.make(100, 0))}`" for kind in KINDS.values())
    return (
        f"Means and standard deviations over {n_seeds} seeds of input and reservoir.\n\n{table(heads, rows)}\n\n"
        f"Published: Ceni and Gallicchio, who name the first row the leaky network.\n\nOurs: {ours}"
    )
