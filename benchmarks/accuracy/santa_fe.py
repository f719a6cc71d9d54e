"""Santa Fe laser: one step ahead.

The first 2,000 values train (200 of them washout), those from 7,000 on test; settings were chosen on the 5,000 in
between. Values are standardised by mean and standard deviation of the training part. NMSE is the mean squared error
over the variance of the tested values. The network is driven over the values in between, its weights stay.

References
----------
A. Rodan and P. Tino, Minimum complexity echo state network, IEEE Trans. Neural Networks 22 (2011) 131-144.
"""

import numpy as np

from benchmarks.report import described, table
from forecasting.datasets import fetch_santa_fe
from reservoir import EchoState, ESNRegressor, RidgeReadout

N_TRAINING, TEST_FROM, WASHOUT = 2000, 7000, 200
SIZES = (50, 100, 200, 500)
PUBLISHED = """\
By the same protocol, NMSE: about 0.0065 to 0.02 with 200 units (Rodan and Tino 2011); a plain echo state network,
tuned by a small random search, 0.0173, 0.0127, 0.0112 and 0.0086 with 50, 100, 200 and 500 units."""


def network(n_units: int, seed: int) -> ESNRegressor:
    """Return the network that is measured: only half of the units hear the input itself."""
    reservoir = EchoState(
        n_units,
        leak_rate=0.9,
        input_scaling=0.4,
        bias_scaling=0.5,
        connectivity=0.1,
        input_connectivity=0.5,
        random_state=seed,
    )
    readout = RidgeReadout(alphas=[10.0**k for k in range(-10, 3)])
    return ESNRegressor(reservoir, readout, washout=WASHOUT, input_skip=True)


def measure(n_units: int, seed: int) -> float:
    """Return the NMSE of one reservoir."""
    x = fetch_santa_fe()
    z = (x - x[:N_TRAINING].mean()) / x[:N_TRAINING].std()
    X, target = z[:-1, np.newaxis], z[1:]
    model = network(n_units, seed).fit(X[: N_TRAINING - 1], target[: N_TRAINING - 1])
    predicted = model.predict(X[N_TRAINING - 1 :])[TEST_FROM - N_TRAINING :]
    tested = target[TEST_FROM - 1 :]
    return float(np.mean((predicted - tested) ** 2) / tested.var())


def report(quick: bool) -> str:
    """Measure all sizes."""
    sizes, n_seeds = ((50,), 2) if quick else (SIZES, 10)
    rows = []
    for n_units in sizes:
        errors = np.array([measure(n_units, seed) for seed in range(n_seeds)])
        roots = np.sqrt(errors)
        rows.append([n_units, *map(float, (errors.mean(), errors.std(ddof=1), errors.max(), roots.mean()))])
    heads = ["units", "NMSE", "std over seeds", "worst", "NRMSE"]
    ours = f"Ours: `{described(network(sizes[-1], 0))}`"
    return f"Means over {n_seeds} seeds.\n\n{table(heads, rows)}\n\n{PUBLISHED}\n\n{ours}"
