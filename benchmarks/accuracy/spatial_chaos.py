"""Valid prediction time of spatially extended systems: Kuramoto-Sivashinsky and Lorenz-96, local reservoirs.

A run is valid while sqrt(mean over sites of (forecast - truth)^2 / s^2) stays below a threshold, s^2 being the
variance of a site over time; the time is given in Lyapunov times, 1 / exponent. Every start has read the steps before
it (200 of them) from rest. Kuramoto-Sivashinsky is integrated by ETDRK4 with steps of 0.25, Lorenz-96 by an
extrapolated midpoint rule of order 8 with steps of 0.005. The settings were found on other series, and those of
Lorenz-96 on 20 sites.

ReservoirPy has the one reservoir for all sites of L = 22, whose readout sees no squares: the same weights, inputs,
steps and size of the noise, a readout by normal equations, and the penalty that served it best on another series.

References
----------
J. Pathak et al., Physical Review Letters 120 (2018) 024102: length 200, 64 reservoirs of 5,000 units, 70,000 steps.
R. A. Edson, J. E. Bunder, T. W. Mattner, A. J. Roberts, ANZIAM Journal 61 (2019) 270-285: exponents by length.
P. R. Vlachas et al., Neural Networks 126 (2020) 191-217: 40 sites, threshold 0.5, exponent 1.68.
"""

import warnings
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import clone

from benchmarks import peers
from benchmarks.machine import cores
from benchmarks.report import described, table
from forecasting import LocalReservoirForecaster
from reservoir import EchoState, RidgeReadout
from reservoir.signals import kuramoto_sivashinsky, lorenz96

THRESHOLDS = (0.3, 0.5)
SYNC = 200  # steps that every start has read
PEER_PENALTY = 1e-9  # of 1e-12, 1e-10, 1e-9 on the series of seed 10


class System(NamedTuple):
    """A system with its sampling, its largest Lyapunov exponent per time unit, and how many steps are run free."""

    label: str
    make: Callable[..., np.ndarray]
    sites: int
    dt: float
    exponent: float
    n_free: int


class Setting(NamedTuple):
    """A forecaster, the steps it learns from, and from how many starts it is judged."""

    system: System
    forecaster: LocalReservoirForecaster
    n_training: int
    n_starts: int
    label: str
    by_peer: bool = False


def _ks(length: float, sites: int) -> Callable[..., np.ndarray]:
    return lambda n_steps, seed: kuramoto_sivashinsky(n_steps, length, sites, random_state=seed)


KS22 = System("Kuramoto-Sivashinsky, L = 22", _ks(22.0, 64), 64, 0.25, 0.043, 1400)
KS200 = System("Kuramoto-Sivashinsky, L = 200", _ks(200.0, 512), 512, 0.25, 0.09, 600)
L96 = System(
    "Lorenz-96, 40 sites", lambda n, seed: lorenz96(n, 40, dt=0.01, random_state=seed), 40, 0.01, 1.68, 700
)


# Units that hear ten neighbouring sites weakly are nearly linear, and what they bend are the products of near sites,
# as the law has them. A smooth field has wave numbers of almost no amplitude: the noise tells how they decay.
SMOOTH = {
    "spectral_radius": 0.03,
    "input_weights": "neighbours",
    "input_connectivity": 10,
    "input_scaling": 0.1,
    "bias_scaling": 0.5,
}
SITES = {"spectral_radius": 0.2, "input_scaling": 0.2, "bias_scaling": 1.0}


def local(
    n_units: int, readout: RidgeReadout, options: dict[str, Any], **others: Any
) -> LocalReservoirForecaster:
    """Return a forecaster."""
    return LocalReservoirForecaster(
        EchoState(n_units, topology="circular", **options), readout=readout, **others
    )


def smooth(
    n_units: int,
    patch_size: int,
    overlap: int,
    input_noise: float = 1e-5,
    alpha: float = 1e-12,
    squares: bool = True,
) -> LocalReservoirForecaster:
    """Return a forecaster of Kuramoto-Sivashinsky; the fewer units or steps, the more noise it takes."""
    patches = {"patch_size": patch_size, "overlap": overlap, "input_noise": input_noise, "washout": 20}
    return local(n_units, RidgeReadout(alpha), SMOOTH, squares=squares, **patches)


def kuramoto_settings(quick: bool) -> list[Setting]:
    """Return one reservoir for all sites, and local ones, small and large domain."""
    if quick:
        return [Setting(KS22, smooth(300, 4, 10, 1e-4), 800, 2, "16 of 300 units, shared")]
    one = Setting(KS22, smooth(4000, 64, 0, alpha=1e-10, squares=False), 20_000, 50, "one of 4,000 units")
    peer = [one._replace(label="one of 4,000 units, ReservoirPy", by_peer=True)] if peers.INSTALLED else []
    return [
        one,
        *peer,
        Setting(KS22, smooth(2000, 4, 14), 5000, 50, "16 of 2,000 units, shared"),
        Setting(KS200, smooth(1000, 4, 14), 500, 20, "128 of 1,000 units, shared"),
        Setting(KS200, smooth(2000, 4, 16), 800, 20, "128 of 2,000 units, shared"),
    ]


def lorenz_settings(quick: bool) -> list[Setting]:
    """Return local reservoirs of one site each."""
    n_units, n_training, n_starts = (100, 2000, 2) if quick else (1000, 10_000, 50)
    readout = RidgeReadout(1e-3, solver="sums")  # fast, and far above the rounding noise of the sums
    made = local(n_units, readout, SITES, patch_size=1, overlap=2)
    return [Setting(L96, made, n_training, n_starts, f"40 of {n_units:,} units, shared")]


def _drawn(setting: Setting, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a field and the starts in it."""
    gap = max(setting.system.n_free // 4, 50)
    field = setting.system.make(
        setting.n_training + SYNC + gap * setting.n_starts + setting.system.n_free, seed
    )
    return field, setting.n_training + SYNC + gap * np.arange(setting.n_starts)


def measure(setting: Setting, seed: int) -> tuple[np.ndarray, float, float]:
    """Return valid times (n_thresholds, n_starts) in Lyapunov times, seconds of training, seconds of all runs."""
    field, starts = _drawn(setting, seed)
    begin = perf_counter()
    model = setting.forecaster.set_params(random_state=seed).fit(field[: setting.n_training])
    seconds = perf_counter() - begin
    begin = perf_counter()
    with warnings.catch_warnings():
        warnings.filterwarnings(
            "ignore", "the free run diverged", RuntimeWarning
        )  # no longer valid long before
        paths = model.predict(setting.system.n_free, context=[field[s - SYNC : s] for s in starts])
    return _valid_times(setting.system, field, starts, paths), seconds, perf_counter() - begin


def measure_peer(setting: Setting, seed: int) -> tuple[np.ndarray, float, float]:
    """Measure ReservoirPy with the weights of the setting's one reservoir."""
    field, starts = _drawn(setting, seed)
    begin = perf_counter()
    y = field[: setting.n_training]
    centre, scale = np.full(y.shape[1], y.mean()), np.full(y.shape[1], y.std())
    z = (y - centre) / scale
    forecaster = clone(setting.forecaster).set_params(random_state=seed)
    node = peers.node_of(
        forecaster.fit(field[: 2 * forecaster.washout]).reservoirs_[0]
    )  # drawn before any data
    heard = z[:-1] + forecaster.input_noise * np.random.default_rng(seed).standard_normal(z[:-1].shape)
    options = {"alpha": PEER_PENALTY, "washout": forecaster.washout, "input_skip": True}
    loop = peers.FreeRun(peers.learned([node], heard, z[1:], **options), centre, scale)
    seconds = perf_counter() - begin
    begin = perf_counter()
    paths = [loop.run(setting.system.n_free, loop.synchronise(field[s - SYNC : s])) for s in starts]
    return _valid_times(setting.system, field, starts, paths), seconds, perf_counter() - begin


def _valid_times(
    system: System, field: np.ndarray, starts: np.ndarray, paths: Sequence[np.ndarray]
) -> np.ndarray:
    variance = field.var(axis=0)
    times = np.empty((len(THRESHOLDS), len(starts)))
    for i, (start, path) in enumerate(zip(starts, paths)):
        with np.errstate(over="ignore", invalid="ignore"):
            error = np.sqrt(((path - field[start : start + system.n_free]) ** 2 / variance).mean(axis=1))
        for k, threshold in enumerate(THRESHOLDS):
            wrong = ~(error <= threshold)
            times[k, i] = (np.argmax(wrong) if wrong.any() else system.n_free) * system.dt * system.exponent
    return times


def _report(settings: list[Setting], n_seeds: int, published: str) -> str:
    rows = []
    for setting in settings:
        system = setting.system
        found = Parallel(n_jobs=min(n_seeds, cores()))(
            delayed(measure_peer if setting.by_peer else measure)(setting, seed)
            for seed in range(20, 20 + n_seeds)
        )
        times = np.concatenate([each[0] for each in found], axis=1)
        spread = [v for row in times for v in (float(row.mean()), float(np.median(row)), float(row.min()))]
        seconds = [float(np.mean(values)) for values in list(zip(*found))[1:]]
        rows.append(
            [
                system.label,
                setting.label,
                setting.n_training,
                f"{n_seeds} x {setting.n_starts}",
                *spread,
                *seconds,
            ]
        )
    heads = ["system", "reservoirs", "steps", "seeds x starts"]
    heads += [f"{what}, {threshold}" for threshold in THRESHOLDS for what in ("mean", "median", "worst")]
    how = "; ".join(
        f"dt {s.dt}, exponent {s.exponent}" for s in dict.fromkeys(one.system for one in settings)
    )
    ours = "; ".join(f"`{described(setting.forecaster)}`" for setting in settings if not setting.by_peer)
    return (
        f"Lyapunov times over all starts, for thresholds {' and '.join(map(str, THRESHOLDS))} ({how}).\n\n"
        f"{table([*heads, 'seconds of training', 'of all runs'], rows)}\n\n{published}\n\nOurs: {ours}"
    )


def measured_exponent(length: float, sites: int, seed: int, n_times: int = 300, apart: float = 1e-7) -> float:
    """Return the largest exponent of Kuramoto-Sivashinsky: growth between two neighbours, drawn together again."""
    field = kuramoto_sivashinsky(1, length, sites, random_state=seed)[0]
    offset = np.random.default_rng(seed).standard_normal(sites)
    growth = np.empty(n_times)
    for i in range(n_times):
        offset *= apart / np.linalg.norm(offset)
        near = kuramoto_sivashinsky(11, length, sites, initial_state=field + offset)[-1]
        field = kuramoto_sivashinsky(11, length, sites, initial_state=field)[-1]
        offset = near - field
        growth[i] = np.log(np.linalg.norm(offset) / apart)
    return float(growth[n_times // 5 :].mean() / 2.5)


def kuramoto_report(quick: bool) -> str:
    """Measure Kuramoto-Sivashinsky."""
    n_seeds, n_times = (1, 20) if quick else (4, 300)
    found = [measured_exponent(200.0, 512, seed, n_times) for seed in range(n_seeds)]
    peer = peers.about(
        "the weights and steps of ours, noise of the same size; its readout solves normal equations"
    )
    published = (
        f"{peer}\n\n"
        "Published: about 8 Lyapunov times for L = 200 with 64 reservoirs of 5,000 units, 70,000 steps (Pathak et "
        "al. 2018, read off a picture). Exponents: 0.043 for L = 22 (Edson et al. 2019, as in most work on it); for "
        "L = 200 a careful 0.09: two neighbouring solutions, from "
        f"{len(found)} starts, give {np.mean(found):.3f} ({min(found):.3f} to {max(found):.3f})."
    )
    return _report(kuramoto_settings(quick), 1 if quick else 2, published)


def lorenz_report(quick: bool) -> str:
    """Measure Lorenz-96."""
    published = (
        "Published, threshold 0.5, 100,000 steps: one reservoir 2.31, GRU 1.34, LSTM 0.97 (Vlachas et al. 2020, "
        "the best of their settings)."
    )
    return _report(lorenz_settings(quick), 1 if quick else 3, published)
