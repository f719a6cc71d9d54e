"""Mackey-Glass: error after 84 steps of free run.

Protocol of Jaeger (2001, section 6) and of Jaeger and Haas (2004). The series (tau 17, Euler steps of 0.1, one
value a time unit) is squashed by tanh(y - 1). The forecaster learns one step ahead from the first steps, of
which 1,000 are washout. Then come blocks of 1,084 steps, one behind the other: 1,000 are read, 84 forecast. With
both brought back by arctanh, and the variance s^2 of the series,

    NRMSE84 = sqrt(mean over blocks of (forecast - truth)^2 at step 84 / s^2).

A run has diverged if a value of it is not finite or leaves (-1, 1), where arctanh ends; at step 84 it then counts
as at 0.999 on that side.

The settings were found on other series and reservoirs (seeds 101 to 406) than those reported (seeds 0 to 19, and the
one series that the literature uses for all). How much of the attractor the training steps happen to visit matters as
much as the reservoir: hence both rows.

References
----------
H. Jaeger, The "echo state" approach to analysing and training recurrent neural networks, GMD Report 148, 2001.
H. Jaeger and H. Haas, Harnessing nonlinearity, Science 304 (2004) 78-80.
"""

import warnings
from typing import NamedTuple

import numpy as np

from benchmarks.report import described, table
from forecasting import ReservoirForecaster
from reservoir import EchoState, RidgeReadout
from reservoir.signals import mackey_glass

WASHOUT, FORCED, FREE = 1000, 1000, 84
PUBLISHED = """\
Published, log10 NRMSE84: -3.6 with 400 units and 3,000 steps (Jaeger 2001); -4.2 with 1,000 units and 3,000 steps,
refined -5.1 (Jaeger and Haas 2004). Their network of 1,000 units, rebuilt with float64 least squares: -4.7."""


class Setting(NamedTuple):
    """A reservoir's size, the length of its training series, and the penalty of its readout."""

    n_units: int
    n_training: int
    alpha: float


SETTINGS = (Setting(1000, 3000, 1e-17), Setting(2000, 6000, 1e-18))


def forecaster(setting: Setting, seed: int) -> ReservoirForecaster:
    """Return the forecaster that is measured: the readout sees every digit, hence the singular values."""
    reservoir = EchoState(
        setting.n_units,
        spectral_radius=0.9,
        leak_rate=0.7,
        bias_scaling=0.1,
        connectivity=20,
        input_connectivity=0.5,
        random_state=seed,
    )
    readout = RidgeReadout(alpha=setting.alpha, solver="svd")
    return ReservoirForecaster(reservoir, readout=readout, differences=(), washout=WASHOUT, standardize=False)


def measure(setting: Setting, seed: int, series_seed: int | None, n_blocks: int = 50) -> tuple[float, int]:
    """Return log10 NRMSE84 of one reservoir on one series, and how many of its runs diverged."""
    block = FORCED + FREE
    y = mackey_glass(setting.n_training + n_blocks * block, random_state=series_seed)
    z = np.tanh(y - 1)
    model = forecaster(setting, seed).fit(z[: setting.n_training])
    starts = setting.n_training + block * np.arange(n_blocks)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "the free run diverged", RuntimeWarning)  # counted below
        runs = np.array([model.predict(FREE, context=z[s : s + FORCED]) for s in starts])
    diverged = ~(np.abs(runs) < 1).all(axis=1)
    last = np.clip(np.nan_to_num(runs[:, -1], nan=np.inf), -0.999, 0.999)
    errors = np.arctanh(last) + 1 - y[starts + block - 1]
    return float(np.log10(np.sqrt(np.mean(errors**2) / y.var()))), int(diverged.sum())


def report(quick: bool) -> str:
    """Measure all settings, once with a series per seed, once with the same series for all."""
    settings = (Setting(200, 2000, 1e-13),) if quick else SETTINGS
    n_seeds, n_blocks = (2, 5) if quick else (20, 50)
    rows = []
    for setting in settings:
        for what, fixed in (("its own for each seed", False), ("the same for all", True)):
            found = [measure(setting, s, None if fixed else s, n_blocks) for s in range(n_seeds)]
            logs, diverged = np.array([log for log, _ in found]), sum(n for _, n in found)
            spread = [f"{v:.2f}" for v in (logs.mean(), np.median(logs), logs.min(), logs.max())]
            rows.append(
                [setting.n_units, setting.n_training, what, *spread, f"{diverged} of {n_seeds * n_blocks}"]
            )
    ours = "; ".join(f"`{described(forecaster(setting, 0))}`" for setting in settings)
    heads = ["units", "steps", "series", "mean", "median", "best", "worst", "diverged runs"]
    return (
        f"log10 NRMSE84 over {n_seeds} seeds x {n_blocks} starts; mean and so on are of the log10 of each seed.\n\n"
        f"{table(heads, rows)}\n\n{PUBLISHED}\n\nOurs: {ours}"
    )
