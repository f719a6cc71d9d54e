"""Recurrent layers beside PyTorch's on a CPU.

Forward and backward of one layer, float32, the same inputs and the same gradient of the outputs; gradients of all
weights. Both run in turns in one process; a figure is the median of the ratios of neighbouring turns. With one thread
the time is that of the processor, so that others on the machine count less, with two that of the clock. With two
PyTorch divides its products, and we the series of a batch, as `training.train` does: a single series runs in one.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from statistics import geometric_mean, median
from time import perf_counter, process_time

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from benchmarks.report import table
from benchmarks.timing import Contest
from forecasting.networks import CELLS, Adam, train
from forecasting.networks.initialisation import glorot_uniform

N_FEATURES, N_STEPS = 8, 64
_WINDOW, _AHEAD = 96, 12  # of the whole training
_TURN = 0.02  # seconds of one turn
_IDLE = 1.0  # processes that run on a machine where two threads can be timed by the clock
BATCHES, UNITS = (1, 4, 32, 128), (16, 32, 64, 128)
WANTED = {
    "lstm": "3 at batch 1 and 4, 1.2 elsewhere, 2 on average",
    "gru": "4 everywhere",
    "rnn": "4 everywhere",
}


def report(quick: bool) -> str:
    """Measure everything; ``quick`` a corner of it."""
    import torch

    parts = [f"PyTorch {torch.__version__}."]
    batches, units = ((2,), (16,)) if quick else (BATCHES, UNITS)
    n_busy = os.getloadavg()[0]
    threads = (1, 2) if quick or n_busy < _IDLE else (1,)
    if threads == (1,):
        parts.append(f"Two threads were left out: {n_busy:.0f} other processes were running.")
    with threadpool_limits(1):
        for name in WANTED:
            for n_threads in threads:
                torch.set_num_threads(n_threads)
                parts.append(_layers(name, batches, units, n_threads, 1 if quick else 7))
        torch.set_num_threads(1)
        parts.append(_training(quick))
        parts.append(_step(quick))
    return "\n\n".join(parts)


def _layers(name, batches, units, n_threads, repeats):
    rows, ratios = [], []
    for n_series in batches:
        row = [n_series]
        for n_units in units:
            contest = _contest(name, n_series, n_units, n_threads, repeats)
            ratio, lowest, highest = contest.ratios
            ratios.append(ratio)
            row.append(f"{ratio:.1f} ({lowest:.1f} to {highest:.1f}), {1e3 * contest.seconds[0]:.2f} ms")
        rows.append(row)
    heads = ["batch", *(f"{n} units" for n in units)]
    return (
        f"{name.upper()}, threads: {n_threads}, {N_STEPS} steps of {N_FEATURES} features. Times as fast (lowest to "
        f"highest pair) and our time; wanted {WANTED[name]}.\n\n{table(heads, rows)}\n\n"
        f"Geometric mean {geometric_mean(ratios):.2f}, lowest {min(ratios):.2f}."
    )


def _contest(name, n_series, n_units, n_threads, repeats) -> Contest:
    import torch

    rng = np.random.default_rng(0)
    x = rng.standard_normal((N_STEPS, n_series, N_FEATURES)).astype(np.float32)
    grad = rng.standard_normal((N_STEPS, n_series, n_units)).astype(np.float32)
    layer = getattr(torch.nn, name.upper())(N_FEATURES, n_units)
    weights, their_x, their_grad = list(layer.parameters()), torch.tensor(x), torch.tensor(grad)
    cell = CELLS[name](n_units)
    params = cell.init_params(N_FEATURES, rng)
    n_shards = min(n_threads, n_series)
    shards = [
        (np.ascontiguousarray(a), np.ascontiguousarray(b))
        for a, b in zip(np.array_split(x, n_shards, axis=1), np.array_split(grad, n_shards, axis=1))
    ]

    def theirs():
        torch.autograd.grad(layer(their_x)[0], weights, their_grad)

    def one(shard):
        return cell.backward(params, shard[0], cell.forward(params, shard[0]), shard[1])[0]

    with ThreadPoolExecutor(n_threads) as pool:

        def ours():
            if n_shards == 1:
                return one(shards[0])
            return [sum(parts) for parts in zip(*pool.map(one, shards))]

        return _turns(ours, theirs, repeats, n_threads)


def _turns(ours, theirs, repeats, n_threads) -> Contest:
    """A B A B ..., each turn some runs of one: a single run of a small layer is shorter than a machine's hiccup."""
    clock = process_time if n_threads == 1 else perf_counter
    times, n_runs = ([], []), [1, 1]
    for turn in range(-1, repeats):
        for which, task in enumerate((ours, theirs)):
            task()
            start = clock()
            for _ in range(n_runs[which]):
                task()
            seconds = (clock() - start) / n_runs[which]
            if turn < 0:
                n_runs[which] = max(1, round(_TURN / max(seconds, 1e-6)))
            else:
                times[which].append(seconds)
    return Contest(tuple(times[0]), tuple(times[1]))


def _training(quick) -> str:
    """A whole training of a GRU or LSTM that reads windows and forecasts: the same steps, against a plain loop."""
    import torch

    rows = []
    series = _series()
    for name in ("gru", "lstm"):
        n_epochs = 1 if quick else 5
        ours, theirs = [], []
        for _ in range(1 if quick else 3):
            ours.append(_train_ours(name, series, n_epochs))
            torch.manual_seed(0)
            theirs.append(_train_theirs(name, series, n_epochs))
        ratios = sorted(b[0] / a[0] for a, b in zip(ours, theirs))
        row = [name.upper(), f"{ours[0][0]:.2f} s", f"{theirs[0][0]:.2f} s", f"{median(ratios):.1f}"]
        rows.append([*row, f"{ours[0][1]:.4f}", f"{theirs[0][1]:.4f}"])
    heads = ["cell", "ours", "PyTorch", "times as fast", "our last loss", "their last loss"]
    return (
        f"A whole training, processor time: 32 units, windows of {_WINDOW} steps of 20 series, {_AHEAD} steps ahead "
        "by a linear layer on the last state, Adam, batches of 32, the same number of steps; against a DataLoader "
        f"and a plain loop. Wanted 4 times.\n\n{table(heads, rows)}"
    )


def _series():
    rng = np.random.default_rng(0)
    t = np.arange(400)
    waves = [np.sin(2 * np.pi * t / period) for period in rng.uniform(12, 48, 20)]
    return (np.array(waves) + 0.1 * rng.standard_normal((20, len(t)))).astype(np.float32)


def _train_ours(name, series, n_epochs):
    cell, rng = CELLS[name](32), np.random.default_rng(0)
    params = (
        cell.init_params(1, rng),
        glorot_uniform(32, _AHEAD, 1, rng).astype(np.float32),
        np.zeros(_AHEAD, np.float32),
    )
    windows = sliding_window_view(series, _WINDOW + _AHEAD, axis=1).reshape(-1, _WINDOW + _AHEAD)

    def loss_and_grad(params, chosen, rng):
        layer, weights, bias = params
        batch = windows[chosen]
        x = np.ascontiguousarray(batch[:, :_WINDOW].T)[:, :, np.newaxis]
        tape = cell.forward(layer, x)
        last = tape.states[-1]
        error = last @ weights + bias - batch[:, _WINDOW:]
        grad = 2 * error / error.size
        in_last = tape.final_state._replace(output=grad @ weights.T)
        rest = {name: np.zeros_like(last) for name in in_last._fields[1:]}
        grads, _, _ = cell.backward(layer, x, tape, None, in_last._replace(**rest))
        return float((error**2).mean()), (grads, last.T @ grad, grad.sum(axis=0))

    def batches(rng):
        order = rng.permutation(len(windows))
        return [order[i : i + 32] for i in range(0, len(order) - 31, 32)]

    start = process_time()
    done = train(params, loss_and_grad, batches, optimizer=Adam(), n_epochs=n_epochs, random_state=0)
    return process_time() - start, done.history["loss"].iloc[-1]


def _train_theirs(name, series, n_epochs):
    import torch

    windows = torch.tensor(series).unfold(1, _WINDOW + _AHEAD, 1).reshape(-1, _WINDOW + _AHEAD)
    data = torch.utils.data.TensorDataset(windows[:, :_WINDOW, None], windows[:, _WINDOW:])
    loader = torch.utils.data.DataLoader(data, batch_size=32, shuffle=True, drop_last=True)
    layer, head = getattr(torch.nn, name.upper())(1, 32, batch_first=True), torch.nn.Linear(32, _AHEAD)
    weights = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights)
    start = process_time()
    for _ in range(n_epochs):
        losses = []
        for x, y in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(head(layer(x)[0][:, -1]), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            losses.append(loss.item())
    return process_time() - start, float(np.mean(losses))


def _step(quick) -> str:
    cell = CELLS["gru"](32)
    rng = np.random.default_rng(0)
    params, weights = cell.init_params(1, rng), glorot_uniform(32, 1, 1, rng).astype(np.float32)

    def free_run():
        value, state = np.ones((1, 1), np.float32), None
        for _ in range(24):
            output, state = cell.step(params, value, state)
            value = output @ weights

    contest = _turns(free_run, free_run, 1 if quick else 7, 1)
    milliseconds = 1e3 * contest.seconds[0]
    return (
        f"24 steps of a free run of a GRU of 32 units with a linear head: {milliseconds:.2f} ms; wanted 1 ms."
    )
