"""Lyapunov spectrum of a reservoir trained on Lorenz-63.

A reservoir learns one step ahead from 100 time units (dt 0.01; extrapolated midpoint rule of order 8, integrated to
rounding error), then runs free; the exponents of the closed loop come from its Jacobians by the QR method, over 500
time units after a transient of 20. Nothing but the series is known to it. Beside them those of the equations
themselves, with the standard error of ten parts of the orbit.

References
----------
J. Pathak, Z. Lu, B. R. Hunt, M. Girvan, E. Ott, Using machine learning to replicate chaotic attractors and calculate
Lyapunov exponents from data, Chaos 27 (2017) 121102. J. C. Sprott, Chaos and Time-Series Analysis, Oxford, 2003, for
the exponents of the equations.
"""

import numpy as np

from benchmarks.accuracy.valid_time_lorenz import DT, N_TRAINING, Setting, chosen_network, trained
from benchmarks.report import described, table
from reservoir.diagnostics import LyapunovSpectrum, lyapunov_spectrum
from reservoir.signals import lorenz63

EQUATIONS = (0.9056, 0.0, -14.5723)
DIMENSION = 2.062


def measure(setting: Setting, seed: int, n_steps: int, n_training: int = N_TRAINING) -> LyapunovSpectrum:
    """Return the three largest exponents of the closed loop of one reservoir."""
    y = lorenz63(n_training, dt=DT, random_state=seed)
    loop = trained(setting, seed, y)
    return lyapunov_spectrum(
        loop, n_steps, n_exponents=3, n_transient=2000, interval=5, dt=DT, random_state=seed
    )


def report(quick: bool) -> str:
    """Measure several seeds of series and reservoir."""
    n_seeds, n_steps = (2, 2000) if quick else (5, 50_000)
    setting = Setting(100, 1e-12, chosen_network) if quick else Setting(300, 1e-15, chosen_network)
    rows = [["equations", *(f"{value:.4f}" for value in EQUATIONS), f"{DIMENSION:.3f}"]]
    found = [measure(setting, seed, n_steps) for seed in range(n_seeds)]
    for seed, spectrum in enumerate(found):
        pairs = zip(spectrum.exponents, spectrum.errors)
        rows.append([f"seed {seed}", *(f"{v:.4f} +- {e:.4f}" for v, e in pairs), f"{spectrum.dimension:.3f}"])
    mean = np.mean([spectrum.exponents for spectrum in found], axis=0)
    dimension = np.mean([spectrum.dimension for spectrum in found])
    rows.append(["mean", *(f"{value:.4f}" for value in mean), f"{dimension:.3f}"])
    heads = ["", "first", "second", "third", "Kaplan-Yorke dimension"]
    return (
        f"Exponents per time unit, {n_seeds} seeds of series and reservoir, {n_steps * DT:g} time units each.\n\n"
        f"{table(heads, rows)}\n\nOurs: `{described(setting.make(setting, 0))}`, alpha {setting.alpha:g}"
    )
