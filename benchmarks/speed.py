"""Speed beside ReservoirPy, and what a fit costs.

Both libraries run in turns in one process, one BLAS thread, float64, D = 1, 10 recurrent inputs per unit; a figure is
the median of the ratios of neighbouring runs. ReservoirPy gets our matrices, so both compute the same states.
"""

import subprocess
import sys
from functools import partial
from statistics import median
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.machine import peak_gflops
from benchmarks.peers import node_of
from benchmarks.report import table
from benchmarks.timing import Contest, in_turns
from forecasting import ReservoirForecaster
from reservoir import EchoState, ESNRegressor, RidgeReadout
from reservoir.models.harvest import CHUNK_ROWS
from reservoir.readouts.centred_rows import GramSums

HEADS = ["what", "ours", "ReservoirPy 0.4.2", "times as fast", "lowest to highest pair", "wanted"]
ALPHA, WASHOUT = 1e-6, 100


def report(quick: bool) -> str:
    """Measure everything; ``quick`` with small sizes and few repeats, for a test."""
    repeats = 1 if quick else 7
    with threadpool_limits(1):
        contests = [*_driving(quick, repeats), *_many_series(quick, repeats), *_fitting(quick, repeats)]
        contests.append(_free_run(quick, repeats))
        parts = [
            table(HEADS, [_row(*contest) for contest in contests]),
            _states_agree(quick),
            "Memory and the Gram product of a fit:\n\n" + _gram_and_memory(quick),
            "A path of 50 penalties beside one, seconds:\n\n" + _paths(quick),
            "Whole processes, seconds (medians):\n\n" + _processes(quick),
        ]
    return "\n\n".join(parts)


def _row(what: str, contest: Contest, wanted: str) -> list:
    ours, theirs = (f"{1e3 * seconds:.3g} ms" for seconds in contest.seconds)
    ratio, lowest, highest = contest.ratios
    return [what, ours, theirs, f"{ratio:.1f}", f"{lowest:.1f} to {highest:.1f}", wanted]


def _inputs(n_steps: int, n_series: int | None = None) -> np.ndarray:
    shape = (n_steps, 1) if n_series is None else (n_series, n_steps, 1)
    return np.random.default_rng(0).uniform(0, 0.5, shape)


def _reservoir(n_units: int, topology: str = "random", **options) -> EchoState:
    return EchoState(n_units, connectivity=10, topology=topology, random_state=0, **options)


def _peer(n_units: int):
    """ReservoirPy's reservoir with our sparse matrices."""
    return node_of(_reservoir(n_units).fit(_inputs(2)))


def _driving(quick: bool, repeats: int) -> list:
    rows = []
    for n_units, targets in ((100, ("15", "15", "")), (1000, ("3", "8, aim 15", ""))):
        X = _inputs(200 if quick else 5000)
        peer = _peer(n_units)
        kinds = (("random", X), ("circular", X), ("circular, float32", X.astype(np.float32)))
        for (kind, own), wanted in zip(kinds, targets):
            reservoir = _reservoir(n_units, kind.partition(",")[0]).fit(own)
            contest = in_turns(
                lambda r=reservoir, x=own: r.transform(x), lambda p=peer, x=X: p.run(x), repeats
            )
            rows.append((f"drive {n_units:,} units, {kind}", contest, wanted))
    return rows


def _many_series(quick: bool, repeats: int) -> list:
    X = _inputs(20 if quick else 2000, 64)
    peer = _peer(500)
    rows = []
    for n_threads, wanted in ((1, "12"), (2, "20")):
        reservoir = _reservoir(500, n_jobs=n_threads).fit(X)
        contest = in_turns(lambda r=reservoir: r.transform(X), lambda: peer.run(X), min(repeats, 3))
        what = f"drive 64 series of {X.shape[1]:,} steps, 500 units, our threads: {n_threads}, theirs: 1"
        rows.append((what, contest, wanted))
    return rows


def _fitting(quick: bool, repeats: int) -> list:
    from reservoirpy.nodes import Reservoir, Ridge

    X = _inputs(1500 if quick else 20_000)
    y = np.roll(X, 3, axis=0)
    rows = []
    for n_units, wanted in ((300, "6"), (1000, "2.5, aim 4")):

        def theirs(n_units=n_units):
            # Weights are drawn inside both fits.
            node = Reservoir(n_units, sr=0.9, rc_connectivity=10 / n_units, input_connectivity=1.0, seed=0)
            (node >> Ridge(ridge=ALPHA)).fit(X, y, warmup=WASHOUT)

        for topology in ("random", "circular"):
            model = ESNRegressor(_reservoir(n_units, topology), RidgeReadout(ALPHA), washout=WASHOUT)
            contest = in_turns(lambda m=model: m.fit(X, y), theirs, min(repeats, 5))
            rows.append((f"fit {n_units:,} units, {topology}, {len(X):,} steps", contest, wanted))
    return rows


def _free_run(quick: bool, repeats: int) -> tuple:
    from reservoirpy.nodes import Ridge

    n_steps = 50 if quick else 10_000
    y = np.sin(0.2 * np.arange(2000.0)) + 0.5 * np.sin(0.31 * np.arange(2000.0))
    parts = {"readout": RidgeReadout(1e-4), "differences": (), "standardize": False, "input_skip": False}
    ours = ReservoirForecaster(_reservoir(1000, "circular"), **parts).fit(y)
    model = _peer(1000) >> Ridge(ridge=1e-4)
    model.fit(y[:-1, np.newaxis], y[1:, np.newaxis], warmup=50)

    def theirs():
        row = y[-1:]
        for _ in range(n_steps):
            row = model(row)

    contest = in_turns(lambda: ours.predict(n_steps), theirs, min(repeats, 5))
    return f"free run of {n_steps:,} steps, 1,000 units, circular", contest, "8"


def _states_agree(quick: bool) -> str:
    X = _inputs(200 if quick else 2000)
    difference = np.abs(_reservoir(1000).fit(X).transform(X) - _peer(1000).run(X)).max()
    return f"Largest difference of the states of 1,000 random units from ReservoirPy's: {difference:.1e}."


def _gram_and_memory(quick: bool) -> str:
    rows = []
    for n_units in (300, 1000):
        states = np.random.default_rng(0).standard_normal((CHUNK_ROWS, n_units))
        targets = states[:, :1]
        peak, speed = [], []
        for _ in range(2 if quick else 9):
            peak.append(peak_gflops())
            sums = GramSums(n_units, 1)
            start = perf_counter()
            for _ in range(8):
                sums.add(states, targets)
            speed.append(8 * len(states) * n_units**2 / (perf_counter() - start) / 1e9)
        share = median(s / p for s, p in zip(speed, peak))
        memory = [_peak_memory(n_units, 2000 if quick else n_steps) for n_steps in (20_000, 80_000)]
        mebibytes = " and ".join(f"{m:.0f}" for m in memory)
        rows.append(
            [f"{n_units:,}", f"{median(speed):.0f}", f"{median(peak):.0f}", f"{share:.0%}", mebibytes]
        )
    heads = [
        "units",
        "Gram sums, GFLOP/s",
        "peak of the core",
        "share",
        "MiB of a fit of 20,000 and 80,000 steps",
    ]
    return table(heads, rows)


# Peak memory of a process by the kernel's own account. (ru_maxrss begins with what the parent process held.)
_PEAK = "int(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1]) / 1024"


def _peak_memory(n_units: int, n_steps: int) -> float:
    """Peak memory of a fit beyond that of the same process before it, in MiB, the data excluded."""
    code = (
        "import numpy as np\n"
        "from reservoir import ESNRegressor, EchoState, RidgeReadout\n"
        f"X = np.random.default_rng(0).uniform(0, 0.5, ({n_steps}, 1))\n"
        f"model = ESNRegressor(EchoState({n_units}, random_state=0), RidgeReadout(1e-6))\n"
        "ESNRegressor(EchoState(20, random_state=0)).fit(X[:300], X[:300])\n"
        f"before = {_PEAK}\nmodel.fit(X, X)\nprint({_PEAK} - before)"
    )
    return float(_output(code))


def _paths(quick: bool) -> str:
    alphas = np.logspace(-8, 2, 50)
    rows = []
    for n_units, n_rows in (
        ((60, 400),) if quick else ((300, 5000), (300, 20_000), (1000, 5000), (1000, 20_000))
    ):
        X = _reservoir(n_units).fit(_inputs(2)).transform(_inputs(n_rows))
        y = np.roll(_inputs(n_rows)[:, 0], 3)
        for solver, selection in (("svd", "loo"), ("svd", "gcv"), ("sums", "gcv"), ("sums", "loo")):
            one = RidgeReadout(1e-4, solver=solver)
            path = RidgeReadout(alphas=np.maximum(alphas, 1e-4), selection=selection, solver=solver)
            contest = in_turns(partial(one.fit, X, y), partial(path.fit, X, y), 1 if quick else 3)
            seconds = [f"{s:.3f}" for s in contest.seconds]
            rows.append([n_units, n_rows, solver, selection, *seconds, f"{contest.ratios[0]:.2f}"])
    return table(["units", "rows", "solver", "chosen by", "one", "50", "times"], rows)


def _processes(quick: bool) -> str:
    first_fit = (
        "import numpy as np, time\nfrom reservoir import ESNRegressor, EchoState\nstart = time.perf_counter()\n"
        "x = np.sin(np.arange(500.0)); X = x[:-1, None]\n"
        "ESNRegressor(EchoState(100, random_state=0)).fit(X, x[1:]).predict(X)\nprint(time.perf_counter() - start)"
    )
    build = (
        "import time\nfrom reservoir.topology import make_recurrent_weights as make\n"
        "start = time.perf_counter()\nmake({!r}, {}, 0, connectivity=10, spectral_radius=0.9)\n"
        f"print(time.perf_counter() - start, {_PEAK})"
    )
    base, ours, first = [], [], []
    for _ in range(1 if quick else 5):
        base.append(_seconds("import sklearn.linear_model, numba"))
        ours.append(_seconds("import reservoir, forecasting"))
        first.append(float(_output(first_fit)))
    rows = [
        ["import reservoir, forecasting", f"{median(ours):.2f}", ""],
        ["import sklearn.linear_model, numba", f"{median(base):.2f}", ""],
        ["ours above it", f"{median(o - b for o, b in zip(ours, base)):.2f}", "at most 1"],
        ["first fit and predict in a new process, warm kernel cache", f"{median(first):.2f}", "below 1"],
    ]
    n_units = 500 if quick else 20_000
    for topology in ("random", "circular"):
        seconds, mebibytes = map(float, _output(build.format(topology, n_units)).split())
        what = f"draw and scale {n_units:,} units, {topology}, peak {mebibytes:,.0f} MiB"
        rows.append([what, f"{seconds:.2f}", "seconds, 2 GiB"])
    return table(["process", "seconds", "wanted"], rows)


def _seconds(code: str) -> float:
    start = perf_counter()
    _output(code)
    return perf_counter() - start


def _output(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
