"""Long-dependency classics: steps until solved.

One layer of a cell, a linear readout, Adam with gradients clipped at 1, its learning rate constant but for the long
run of copy memory, where it falls along half a cosine. Batches are drawn afresh, and every check is on test data
drawn once from another seed; training ends when the task is solved. Tasks and criteria: `long_tasks`.

Cells "for T" begin with gates that keep for up to T steps, T being the longest dependency of the task (Tallec and
Ollivier 2018, Can recurrent neural networks warp time?, ICLR); the others as the library's defaults.
"""

from collections.abc import Callable
from statistics import median
from time import process_time
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed

from benchmarks.networks import long_tasks
from benchmarks.report import table
from forecasting.networks import GRU, LSTM, RNN, Adam, FastRNN, LeakyRNN, train
from forecasting.networks.initialisation import glorot_uniform
from forecasting.networks.parameters import arrays_of
from forecasting.networks.schedules import Cosine, Schedule

N_SEEDS, N_TEST = 5, 256


class Trial(NamedTuple):
    """One line of the report."""

    name: str
    task: long_tasks.Task
    cells: tuple
    batch: int
    max_steps: int
    learning_rate: float
    published: str = ""
    schedule: Schedule | None = None


def trials() -> list[Trial]:
    """Return what is tried; the limits of steps are those of a budget of minutes."""
    reber = "1997: 8,440 to 39,740 sequences, all trials"
    bai = "T = 600, 70,000 parameters (Bai et al. 2018): GRU 5e-5, LSTM 0.164, RNN 0.177"
    forms = (LSTM(8, forget="none"), LSTM(8), GRU(8), RNN(8))
    gated = (GRU(64), LSTM(64))
    simple = (RNN(64), LeakyRNN(64), FastRNN(64))
    order = (GRU(32), LSTM(32), LSTM(32, forget="none"), LeakyRNN(32), RNN(32))
    keeping = GRU(32, longest_dependency=100), LSTM(32, longest_dependency=100)
    added = (*gated, *simple, *(cell(64, longest_dependency=200) for cell in (GRU, LSTM)))
    copying = (LSTM(128, longest_dependency=120),)
    far = (
        GRU(64),
        *(cell(64, longest_dependency=600) for cell in (GRU, LSTM)),
        GRU(150, longest_dependency=600),
    )
    return [
        Trial("embedded Reber grammar", long_tasks.embedded_reber(), forms, 8, 5000, 0.005, reber),
        Trial("parity, T = 50", long_tasks.parity(50), (RNN(32), GRU(32), LSTM(32)), 32, 3000, 0.003),
        Trial("adding, T = 200", long_tasks.adding(200), added, 32, 1500, 0.004),
        Trial("temporal order, T = 100", long_tasks.temporal_order(100), (*order, *keeping), 32, 3000, 0.005),
        Trial("copy memory, T = 100", long_tasks.copy_memory(100), gated, 32, 1500, 0.004),
        Trial(
            "copy memory, T = 100, longer",
            long_tasks.copy_memory(100),
            copying,
            32,
            24000,
            0.004,
            "",
            Cosine(),
        ),
        Trial("adding, T = 600", long_tasks.adding(600), far, 32, 2000, 0.004, bai),
    ]


def report(quick: bool) -> str:
    """Run all trials; ``quick`` a few steps of each."""
    return report_of(trials, quick)


def report_of(trials: Callable[[], list[Trial]], quick: bool) -> str:
    """Run the trials that a function of a module returns."""
    seeds = range(1 if quick else N_SEEDS)
    pairs = [(number, place) for number, trial in enumerate(trials()) for place in range(len(trial.cells))]
    tasks = (delayed(_solve_at)(trials, *pair, seed, quick) for pair in pairs for seed in seeds)
    done = Parallel(n_jobs=1 if quick else 2, return_as="generator")(tasks)
    rows = []
    for number, place in pairs:
        trial = trials()[number]
        rows.append(_row(trial, trial.cells[place], [next(done) for _ in seeds]))
        print(*rows[-1], sep=", ", flush=True)  # it takes minutes
    heads = [
        "task",
        "cell",
        "parameters",
        "solved",
        "steps until solved",
        "best miss of each seed",
        "batch",
        "CPU s",
    ]
    notes = [f"- {t.name}: {t.task.criterion}. {t.published}".rstrip() for t in trials()]
    limits = ", ".join(f"{t.name} {t.max_steps:,}" for t in trials())
    return f"{table(heads, rows)}\n\nSolved means\n\n" + "\n".join(notes) + f"\n\nMost steps: {limits}."


def _solve_at(trials, number, place, seed, quick):
    """Solve in a process of its own, which makes the trial itself: functions within functions do not travel."""
    trial = trials()[number]
    return solve(trial, trial.cells[place], seed, quick)


def _row(trial, cell, done):
    steps = [n for n, *_ in done if n is not None]
    seconds = sum(line[3] for line in done)
    shown = f"{median(steps):,.0f} ({min(steps):,} to {max(steps):,})" if steps else "-"
    form = f", {cell.forget}" if isinstance(cell, LSTM) else ""
    longest = getattr(cell, "longest_dependency", None)
    form += f", for {longest}" if longest else ""
    misses = " ".join(f"{miss:.2g}" for _, miss, *_ in done)
    name = f"{type(cell).__name__}({cell.n_units}{form})"
    size = f"{done[0][2]:,}"
    return [
        trial.name,
        name,
        size,
        f"{len(steps)} of {len(done)}",
        shown,
        misses,
        trial.batch,
        f"{seconds:.0f}",
    ]


def solve(trial: Trial, cell, seed: int, quick: bool = False) -> tuple:
    """Return the steps until solved or None, the best miss, the number of parameters, and processor seconds."""
    start = process_time()
    rng, task = np.random.default_rng((seed, 1)), trial.task
    test = task.draw(np.random.default_rng((seed, 2)), N_TEST)
    n_features, size = test.x.shape[2], task.n_outputs
    readout = glorot_uniform(cell.n_units, size, 1, rng).astype(np.float32), np.zeros(size, np.float32)
    params = cell.init_params(n_features, rng), *readout
    per_check = 10 if quick else 50

    def loss_and_grad(params, batch, rng):
        layer, weights, bias = params
        tape = cell.forward(layer, batch.x)
        seen = tape.states[batch.counts]
        loss, grad = (_squares if size == 1 else _cross_entropy)(seen @ weights + bias, batch.y[batch.counts])
        in_states = np.zeros_like(tape.states)
        in_states[batch.counts] = grad @ weights.T
        grads, _, _ = cell.backward(layer, batch.x, tape, in_states, input_gradient=False)
        return loss, (grads, seen.T @ grad, grad.sum(axis=0))

    def validate(params):
        layer, weights, bias = params
        return task.miss(cell.run(layer, test.x)[0] @ weights + bias, test)

    done = train(
        params,
        loss_and_grad,
        lambda rng: [task.draw(rng, trial.batch) for _ in range(per_check)],
        optimizer=Adam(trial.learning_rate),
        schedule=trial.schedule,
        n_epochs=1 if quick else trial.max_steps // per_check,
        validate=validate,
        target=task.solved,
        random_state=seed,
    )
    steps = int(done.history["steps"].iloc[-1]) if done.stopped == "target" else None
    n_params = sum(array.size for array in arrays_of(params))
    return steps, float(done.history["validation"].min()), n_params, process_time() - start


def _squares(raw, y):
    error = raw[:, 0] - y
    return float((error**2).mean()), (2 * error / len(error))[:, np.newaxis]


def _cross_entropy(raw, y):
    shifted = raw - raw.max(axis=1, keepdims=True)
    shares = np.exp(shifted)
    total = shares.sum(axis=1, keepdims=True)
    rows = np.arange(len(y))
    loss = float((np.log(total[:, 0]) - shifted[rows, y]).mean())
    grad = shares / total
    grad[rows, y] -= 1
    return loss, grad / len(y)
