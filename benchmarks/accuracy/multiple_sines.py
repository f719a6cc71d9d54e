"""Multiple sines: 300 steps of free run.

The sum of eight sines (frequencies 0.2, 0.311, 0.42, 0.51, 0.63, 0.74, 0.85, 0.97 per step). A network learns one
step ahead from 6,383 steps, 100 of them washout, by least squares without a penalty (singular values), and runs free.
The published protocol trains with noise of 1e-4 in the states; without it the fit is closer. NRMSE is over all 300
steps, in standard deviations of the truth; the run starts from states that have read the series without noise.

First table: settings that were found on other seeds (101 to 103) than those reported (from 0). ReservoirPy has the
same weights, no penalty either, and the noise inside its activation; its readout solves normal equations.

Second table: settings drawn at random, as the paper compares the two networks, with the noise of the protocol. The
ranges need not be the paper's; they are the same for both networks: spectral radius uniform in [0.8, 1.2], input
scaling of the raw series (within 7.45 of zero) log-uniform in [0.001, 0.1], and proximity or leak rate log-uniform in
[0.01, 1].

References
----------
A. Ceni and C. Gallicchio, Edge of stability echo state network, IEEE Trans. Neural Networks and Learning Systems
(2024), for the protocol.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import LinAlgError

from benchmarks import peers
from benchmarks.report import described, table
from benchmarks.timing import timed
from reservoir import ES2N, EchoState, ESNRegressor, RidgeReadout
from reservoir.signals import multiple_sines

N_TRAINING, WASHOUT, FREE = 6383, 100, 300
NOISE = 1e-4
SUMMARY = ("mean", "standard deviation", "median", "worst", "above 1")
PUBLISHED = """\
Published, means over 10,000 settings drawn at random: 0.05 +- 0.11 with the edge-of-stability network of 100 units,
1.44 +- 13.3 with a leaky network of 600 (Ceni and Gallicchio)."""


def reservoirs(noise: float, seed: int) -> dict[str, Any]:
    """Return what is compared, with the settings chosen for this state noise."""
    options = {"input_scaling": 0.01, "bias_scaling": 0.0, "noise": noise, "random_state": seed}
    return {
        "edge of stability (ES2N)": ES2N(100, proximity=0.02 if noise else 0.1, topology="dense", **options),
        "leaky": EchoState(600, leak_rate=1.0 if noise else 0.5, **options),
    }


def drawn_reservoirs(seed: int) -> tuple[float, dict[str, Any]]:
    """Return a proximity or leak rate, and both networks with it and with other settings drawn at random."""
    rng = np.random.default_rng(seed)
    rate = 10 ** rng.uniform(-2, 0)
    options = {
        "spectral_radius": rng.uniform(0.8, 1.2),
        "input_scaling": 10 ** rng.uniform(-3, -1),
        "bias_scaling": 0.0,
        "noise": NOISE,
        "random_state": seed,
    }
    return rate, {
        "edge of stability (ES2N)": ES2N(100, proximity=rate, topology="dense", **options),
        "leaky": EchoState(600, leak_rate=rate, **options),
    }


def measure(reservoir: Any) -> float:
    """Return the NRMSE of a free run; infinity if it diverged."""
    y = multiple_sines(N_TRAINING)[:, np.newaxis]
    model = ESNRegressor(reservoir, RidgeReadout(alpha=0.0, solver="svd"), washout=WASHOUT)
    loop = model.fit(y[:-1], y[1:]).closed_loop()
    return _error(loop.run(FREE, loop.synchronise(y)))


def measure_peer(reservoir: Any) -> float:
    """Return the NRMSE of ReservoirPy's model with the same weights; infinity if it diverged or was not found."""
    y = multiple_sines(N_TRAINING)[:, np.newaxis]
    node = peers.node_of(reservoir.fit(y[:1]))
    rng = np.random.default_rng(reservoir.random_state)
    node.activation = lambda x: np.tanh(x + reservoir.noise * rng.standard_normal(x.shape))
    try:
        model = peers.learned([node], y[:-1], y[1:], alpha=0.0, washout=WASHOUT)
    except LinAlgError:  # its sums are singular to the last digit
        return np.inf
    node.activation = np.tanh
    loop = peers.FreeRun(model, np.zeros(1), np.ones(1))
    return _error(loop.run(FREE, loop.synchronise(y)))


def _error(run: np.ndarray) -> float:
    truth = multiple_sines(N_TRAINING + FREE)[N_TRAINING:, np.newaxis]
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.sqrt(np.mean((run - truth) ** 2)) / truth.std()
    return float(np.nan_to_num(error, nan=np.inf))


def report(quick: bool) -> str:
    """Measure all reservoirs over several seeds."""
    n_seeds, n_draws = (2, 2) if quick else (10, 200)
    ways: dict[str, Callable] = {"ours": measure} | ({"ReservoirPy": measure_peer} if peers.INSTALLED else {})
    rows = []
    for noise in (NOISE, 0.0):
        for name in list(reservoirs(noise, 0))[: 1 if quick else None]:
            for way, measured in ways.items():
                found = [timed(measured, reservoirs(noise, seed)[name]) for seed in range(n_seeds)]
                errors, seconds = (np.array(values) for values in zip(*found))
                n_units = reservoirs(noise, 0)[name].n_units
                rows.append([name, n_units, way, f"{noise:g}", *_summary(errors), float(np.median(seconds))])
    heads = ["network", "units", "by", "state noise", *SUMMARY, "seconds"]
    ours = "; ".join(
        f"`{described(made)}`" for noise in (NOISE, 0.0) for made in reservoirs(noise, 0).values()
    )
    return (
        f"NRMSE, {n_seeds} seeds; seconds are medians.\n\n{table(heads, rows)}\n\n{peers.about()}\n\n"
        f"Settings drawn at random, the same {n_draws} for both networks.\n\n{_at_random(n_draws, quick)}\n\n"
        f"{PUBLISHED}\n\nOurs: {ours}"
    )


def _summary(errors: np.ndarray) -> list:
    with np.errstate(invalid="ignore"):
        spread = [errors.mean(), errors.std(), np.median(errors), errors.max()]
    return [*(float(value) for value in spread), f"{(errors > 1).sum()} of {len(errors)}"]


def _at_random(n_draws: int, quick: bool) -> str:
    """Table of both networks over settings drawn at random: over all, and by proximity or leak rate."""
    draws = [drawn_reservoirs(seed) for seed in range(n_draws)]
    rates = np.array([rate for rate, _ in draws])
    bands = {"0.01 to 1": rates > 0, "below 0.1": rates < 0.1, "0.1 and above": rates >= 0.1}
    rows = []
    for name in list(draws[0][1])[: 1 if quick else None]:
        errors = np.array([measure(made[name]) for _, made in draws])
        rows += [[name, band, *_summary(errors[chosen])] for band, chosen in bands.items() if chosen.any()]
    return table(["network", "proximity or leak rate", *SUMMARY], rows)
