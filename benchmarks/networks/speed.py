"""Recurrent layers beside PyTorch's on a CPU.

Forward and backward of one layer, float32, the same inputs and the same gradient of the outputs; gradients of all
weights, none of the inputs, on neither side. Both run in turns in one process; a figure is the median of the ratios
of neighbouring turns. With one thread the time is that of the processor, so that others on the machine count less,
with two that of the clock. With two PyTorch divides its products, and we the series of a batch, as `training.train`
does, once a step has 1,024 numbers: what is smaller runs in one. The load that stands beside a table is what the
machine had to do just before.

The whole training begins with the same weights and goes through the same batches in the same order, with the same
optimizer and clipping. PyTorch's layers have two biases where one suffices, and its optimizer moves both, which is a
longer step; so ours are given a second one too.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from statistics import geometric_mean, median
from time import perf_counter, process_time, sleep

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from threadpoolctl import threadpool_limits

from benchmarks.networks.limits import products
from benchmarks.networks.torch_weights import from_torch
from benchmarks.report import table
from benchmarks.timing import Contest, in_turns
from forecasting import GRUForecaster
from forecasting.networks import CELLS, Adam, train
from forecasting.networks.parameters import ParameterVector

N_FEATURES, N_STEPS = 8, 64
_WINDOW, _AHEAD = 96, 12  # of the whole training
_TURN = 0.02  # seconds of one turn, in one thread
_LONG_TURN = 0.15  # in several: after a pause they take some milliseconds to wake
_PAUSE = 0.05  # seconds before a turn of several threads: PyTorch's spin for a while after their work
_WORTH = 1024  # numbers of a step that are worth a second thread
BATCHES, UNITS = (1, 4, 32, 128), (16, 32, 64, 128)
_WAITING = (
    "PyTorch's threads wait for each other: where others run too, a load above 1, its times of two threads say "
    "nothing, and ours of two little."
)
WANTED = {
    "lstm": "3 at batch 1 and 4, 1.2 elsewhere, 2 on average",
    "gru": "4 everywhere",
    "rnn": "4 everywhere",
}


def report(quick: bool) -> str:
    """Measure everything; ``quick`` a corner of it."""
    import torch

    parts, means = [], []
    batches, units = ((2,), (16,)) if quick else (BATCHES, UNITS)
    with threadpool_limits(1):
        for name in WANTED:
            for n_threads in (1, 2):
                torch.set_num_threads(n_threads)
                text, ratios = _layers(name, batches, units, n_threads, 1 if quick else 7)
                parts.append(text)
                mean, lowest = f"{geometric_mean(ratios):.1f}", f"{min(ratios):.1f}"
                means.append([name.upper(), n_threads, WANTED[name], mean, lowest])
        parts.append(_WAITING)
        torch.set_num_threads(1)
        parts.append(_limits(batches, units, 1 if quick else 5))
        parts.append(_training(quick))
        parts.append(_shards(quick))
        parts.append(_predict(quick))
    heads = ["layer", "threads", "times as fast, wanted", "mean", "lowest"]
    return "\n\n".join([f"PyTorch {torch.__version__}.", table(heads, means), *parts])


def _load():
    return f"load {os.getloadavg()[0]:.1f}"


def _layers(name, batches, units, n_threads, repeats):
    rows, ratios, load = [], [], _load()
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
        f"{name.upper()}, threads: {n_threads} ({load}), {N_STEPS} steps of {N_FEATURES} features. Times as fast "
        f"(lowest to highest pair) and our time; wanted {WANTED[name]}.\n\n{table(heads, rows)}\n\n"
        f"Geometric mean {geometric_mean(ratios):.2f}, lowest {min(ratios):.2f}."
    ), ratios


def _problem(n_series, n_units):
    """Inputs and the gradient of the outputs."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((N_STEPS, n_series, N_FEATURES)).astype(np.float32)
    return x, rng.standard_normal((N_STEPS, n_series, n_units)).astype(np.float32)


def _their_layer(name, x, grad):
    import torch

    layer = getattr(torch.nn, name.upper())(N_FEATURES, grad.shape[2])
    weights, their_x, their_grad = list(layer.parameters()), torch.tensor(x), torch.tensor(grad)
    return lambda: torch.autograd.grad(layer(their_x)[0], weights, their_grad)


def _contest(name, n_series, n_units, n_threads, repeats) -> Contest:
    x, grad = _problem(n_series, n_units)
    theirs = _their_layer(name, x, grad)
    cell = CELLS[name](n_units)
    params = ParameterVector(cell.init_params(N_FEATURES, np.random.default_rng(0))).tree  # as in training
    n_shards = min(n_threads, n_series) if n_series * n_units >= _WORTH else 1
    shards = [
        (np.ascontiguousarray(a), np.ascontiguousarray(b))
        for a, b in zip(np.array_split(x, n_shards, axis=1), np.array_split(grad, n_shards, axis=1))
    ]

    def one(shard):
        tape = cell.forward(params, shard[0])
        return cell.backward(params, shard[0], tape, shard[1], input_gradient=False)[0]

    with ThreadPoolExecutor(n_threads) as pool:

        def ours():
            if n_shards == 1:
                return one(shards[0])
            return [sum(parts) for parts in zip(*pool.map(one, shards))]

        return _turns(ours, theirs, repeats, n_threads)


def _limits(batches, units, repeats) -> str:
    """How many times as fast as PyTorch's layer the products are that ours cannot do without."""
    rows = []
    for name in WANTED:
        for n_series in batches:
            ratios = []
            for n_units in units:
                theirs = _their_layer(name, *_problem(n_series, n_units))
                alone = products(name, N_STEPS, n_series, n_units)
                ratios.append(f"{_turns(alone, theirs, repeats, 1).ratios[0]:.1f}")
            rows.append([name.upper(), n_series, *ratios])
    heads = ["layer", "batch", *(f"{n} units" for n in units)]
    return (
        "What bounds the figures of one thread: times as fast as PyTorch's layer that the recurrent products alone "
        "are, forward, backward and of the gradient, without inputs, activations and Python. With few series they "
        f"wait for the weights to come from the second-level cache.\n\n{table(heads, rows)}"
    )


def _turns(ours, theirs, repeats, n_threads) -> Contest:
    """A B A B ..., each turn some runs of one: a single run of a small layer is shorter than a machine's hiccup."""
    clock, length = (process_time, _TURN) if n_threads == 1 else (perf_counter, _LONG_TURN)
    times, n_runs = ([], []), [1, 1]
    for turn in range(-1, repeats):
        for which, task in enumerate((ours, theirs)):
            if n_threads > 1:
                sleep(_PAUSE)
            task()
            start = clock()
            for _ in range(n_runs[which]):
                task()
            seconds = (clock() - start) / n_runs[which]
            if turn < 0:
                n_runs[which] = max(1, round(length / max(seconds, 1e-6)))
            else:
                times[which].append(seconds)
    return Contest(tuple(times[0]), tuple(times[1]))


def _training(quick) -> str:
    """A whole training of a GRU or LSTM that reads windows and forecasts: the same steps, against a plain loop."""
    rows, load = [], _load()
    series = _series()
    for name in ("gru", "lstm"):
        orders = _orders(series, 1 if quick else 5)
        ours, theirs = [], []
        for _ in range(1 if quick else 3):
            network = _their_network(name)
            ours.append(_train_ours(name, network, series, orders))
            theirs.append(_train_theirs(network, series, orders))
        ratios = sorted(b[0] / a[0] for a, b in zip(ours, theirs))
        row = [name.upper(), f"{ours[0][0]:.2f} s", f"{theirs[0][0]:.2f} s", f"{median(ratios):.1f}"]
        losses = [f"{own[1][epoch]:.4f}" for epoch in (0, -1) for own in (ours[0], theirs[0])]
        rows.append([*row, *losses])
    heads = [
        "cell",
        "ours",
        "PyTorch",
        "times as fast",
        "our first epoch",
        "theirs",
        "our last epoch",
        "theirs",
    ]
    return (
        f"A whole training, processor time ({load}): 32 units, windows of {_WINDOW} steps of 20 series, {_AHEAD} "
        "steps ahead by a linear layer on the last state, Adam, gradients clipped, batches of 32, the same first "
        "weights, the same batches in the same order; against a DataLoader and a plain loop. Mean losses of the "
        f"first and the last epoch. Wanted 4 times and the same loss.\n\n{table(heads, rows)}"
    )


def _series():
    rng = np.random.default_rng(0)
    t = np.arange(400)
    waves = [np.sin(2 * np.pi * t / period) for period in rng.uniform(12, 48, 20)]
    return (np.array(waves) + 0.1 * rng.standard_normal((20, len(t)))).astype(np.float32)


def _windows(series):
    return sliding_window_view(series, _WINDOW + _AHEAD, axis=1).reshape(-1, _WINDOW + _AHEAD)


def _orders(series, n_epochs):
    """Batches of 32 windows, epoch by epoch."""
    rng, n = np.random.default_rng(0), len(_windows(series))
    orders = [rng.permutation(n) for _ in range(n_epochs)]
    return [[order[i : i + 32] for i in range(0, n - 31, 32)] for order in orders]


def _their_network(name):
    import torch

    torch.manual_seed(0)
    return getattr(torch.nn, name.upper())(1, 32, batch_first=True), torch.nn.Linear(32, _AHEAD)


def _loss_and_grad(cell, windows):
    """Mean squared error of a linear layer on the last state, and its gradient, of a batch of windows.

    The second bias, of the last gates as many as it has numbers for, is added to that of the cell.
    """

    def loss_and_grad(params, chosen, rng):
        layer, second, weights, bias = params
        layer = layer._replace(bias=layer.bias.copy())
        layer.bias[layer.bias.size - second.size :] += second
        batch = windows[chosen]
        x = np.ascontiguousarray(batch[:, :_WINDOW].T)[:, :, np.newaxis]
        tape = cell.forward(layer, x)
        last = tape.states[-1]
        error = last @ weights + bias - batch[:, _WINDOW:]
        grad = 2 * error / error.size
        in_last = tape.final_state._replace(output=grad @ weights.T)
        rest = {name: np.zeros_like(last) for name in in_last._fields[1:]}
        grads, _, _ = cell.backward(layer, x, tape, None, in_last._replace(**rest), input_gradient=False)
        in_second = grads.bias[grads.bias.size - second.size :]
        return float((error**2).mean()), (grads, in_second, last.T @ grad, grad.sum(axis=0))

    return loss_and_grad


def _train_ours(name, network, series, orders):
    """Seconds, and the mean loss of every epoch."""
    layer, head = network
    cell, kind = CELLS[name](32), type(CELLS[name](1).init_params(1, np.random.default_rng(0)))
    params = kind(*from_torch(name, layer))
    # Of PyTorch's GRU the candidate, our first gate, has a second bias that is no other's twin.
    second = np.zeros(params.bias.size - (32 if name == "gru" else 0), np.float32)
    weights, bias = (parameter.detach().numpy() for parameter in head.parameters())
    epochs = iter(orders)
    loss_and_grad = _loss_and_grad(cell, _windows(series))
    begin = process_time()
    done = train(
        (params, second, weights.T.copy(), bias.copy()),
        loss_and_grad,
        lambda rng: next(epochs),
        optimizer=Adam(),
        n_epochs=len(orders),
        random_state=0,
    )
    return process_time() - begin, done.history["loss"].to_numpy()


def _train_theirs(network, series, orders):
    import torch

    layer, head = network
    windows = torch.tensor(_windows(series).copy())
    data = torch.utils.data.TensorDataset(windows[:, :_WINDOW, None], windows[:, _WINDOW:])
    weights = [*layer.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights)
    means = []
    begin = process_time()
    for order in orders:
        losses = []
        for x, y in torch.utils.data.DataLoader(data, batch_sampler=order):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(head(layer(x)[0][:, -1]), y)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            losses.append(loss.item())
        means.append(float(np.mean(losses)))
    return process_time() - begin, means


def _shards(quick) -> str:
    """The gain of a second thread in `train`, whose every step is cut into two shards in any case."""
    n_series, n_units = (8, 16) if quick else (128, 64)
    rng, cell = np.random.default_rng(0), CELLS["lstm"](n_units)
    params = cell.init_params(1, rng)
    windows = rng.standard_normal((n_series, _WINDOW + _AHEAD)).astype(np.float32)
    head = 0.1 * rng.standard_normal((n_units, _AHEAD)).astype(np.float32)
    start, load = (params, np.zeros(0, np.float32), head, np.zeros(_AHEAD, np.float32)), _load()
    halves = [(0.5, half) for half in np.array_split(np.arange(n_series), 2)]

    def run(n_jobs):
        return train(
            start,
            _loss_and_grad(cell, windows),
            lambda rng: [None] * (2 if quick else 40),
            n_epochs=1,
            split=lambda batch: halves,
            n_jobs=n_jobs,
            random_state=0,
        )

    contest = in_turns(lambda: run(2), lambda: run(1), 1 if quick else 7)
    one, two = (ParameterVector(run(n_jobs).params).values for n_jobs in (1, 2))
    same = "the same to the last bit" if (one == two).all() else "NOT the same"
    return (
        f"Data-parallel training of an LSTM of {n_units} units on batches of {n_series} series ({load}): two threads "
        f"are {contest.ratios[0]:.2f} times as fast as one by the clock; the weights are {same}."
    )


def _predict(quick) -> str:
    """24 steps from trained forecasters."""
    y, rows = _series()[0], []
    for strategy in ("direct", "recursive"):
        model = GRUForecaster(n_units=32, strategy=strategy, n_epochs=1, steps_per_epoch=5, random_state=0)
        predict = partial(model.fit(y).predict, 24)
        contest = _turns(predict, predict, 1 if quick else 7, 1)
        rows.append([strategy, f"{1e3 * min(contest.seconds):.2f} ms"])
    head = "One `predict(24)` of a fitted GRUForecaster of 32 units; wanted 1 ms."
    return f"{head}\n\n{table(['strategy', 'time'], rows)}"
