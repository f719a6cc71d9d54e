"""The loop over epochs and batches: the only place that knows them, and knows neither cells nor forecasts.

A step takes one batch. Its parts ("shards", cut by ``split``) are differentiated each by itself, in threads if there
are some, and their gradients are added in the order of the shards: so the sum is the same to the last bit whatever
the number of threads.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import effective_n_jobs
from sklearn.exceptions import ConvergenceWarning
from tqdm import tqdm

from forecasting.networks.optimizers import Adam, Optimizer, clip_by_norm
from forecasting.networks.parameters import ParameterVector
from forecasting.networks.schedules import Constant, Schedule
from reservoir.contracts.random_source import make_rng
from reservoir.kernels.threads import check_n_jobs


class Training(NamedTuple):
    """What `train` found.

    Parameters
    ----------
    params : nested tuple of arrays
        Those of the best validation, of the last step without one.
    history : DataFrame
        One row per epoch: steps (so far), loss (mean over its steps), gradient_norm (mean, before clipping),
        learning_rate (at its last step), validation (NaN without one), seconds (so far).
    stopped : str
        Why it ended: "epochs", "steps", "patience", "target" or "not finite".
    best_epoch : int
        Epoch, from 1, that the parameters are of; 0: the first ones.
    """

    params: Any
    history: pd.DataFrame
    stopped: str
    best_epoch: int


def train(
    params: Any,
    loss_and_grad: Callable[..., tuple],
    batches: Callable[[np.random.Generator], Iterable],
    *,
    optimizer: Optimizer | None = None,
    schedule: Callable[[int, int], float] | None = None,
    clip_norm: float | None = 1.0,
    n_epochs: int = 100,
    max_steps: int | None = None,
    validate: Callable[[Any], float] | None = None,
    goes_on: bool = False,
    patience: int | None = None,
    target: float | None = None,
    split: Callable[[Any], Sequence[tuple[float, Any]]] | None = None,
    carry_state: bool = False,
    random_state: Any = None,
    n_jobs: int | None = None,
    progress: bool = False,
) -> Training:
    """Minimise a loss over batches by gradient descent.

    Parameters
    ----------
    params : nested tuple of arrays
        Where to start; they are copied.
    loss_and_grad : callable
        ``loss_and_grad(params, shard, rng) -> (loss, grads)``: mean loss over a shard, and its gradient, nested
        like ``params``. With ``carry_state``: ``(params, shard, rng, state) -> (loss, grads, state)``. It is called
        from threads and must not keep ``params``, which change.
    batches : callable
        ``batches(rng)`` returns the batches of one epoch, an iterable.
    optimizer : Optimizer, optional
        Default: ``Adam()``.
    schedule : callable, optional
        ``schedule(step, n_steps)`` returns the factor of the learning rate; see `schedules`. Default: 1. Where
        ``max_steps`` is None and the iterable of ``batches`` has no length, ``n_steps`` is counted after the
        first epoch, and an epoch of it is taken for all before.
    clip_norm : float or None, default=1.0
        Longest gradient, over all parameters together.
    n_epochs : int, default=100
    max_steps : int, optional
        Stop after so many steps.
    validate : callable, optional
        ``validate(params)`` returns a loss on other data, after every epoch. The best parameters are returned.
    goes_on : bool, default=False
        Whether ``params`` are the result of another training: then they are validated as well, and returned if no
        epoch makes them better.
    patience : int, optional
        Stop after so many epochs without a better validation; None never does.
    target : float, optional
        Stop once the validation is at most this.
    split : callable, optional
        ``split(batch)`` returns pairs of a weight and a shard. The loss of the batch is the weighted mean. The cut
        must not depend on the number of threads. Default: the batch is one shard.
    carry_state : bool, default=False
        Hand what ``loss_and_grad`` returns as the state of a shard to the shard of the same number in the next
        step: truncated backpropagation. The state is None at the begin of an epoch.
    random_state : int, RandomState, Generator or None, default=None
        Order of the batches, and what ``loss_and_grad`` draws.
    n_jobs : int, optional
        Threads; None is 1, -1 all processors. It changes no bit of the result.
    progress : bool, default=False
        Show a bar with the loss and the steps per second.

    Returns
    -------
    Training

    Raises
    ------
    ValueError
        If an epoch has no batches, or a batch no shards, or a parameter of optimizer or schedule is out of range.

    Warns
    -----
    ConvergenceWarning
        If the loss, its gradient or the validation is no longer finite. Training ends there, with the best
        parameters so far, which are the first ones until an epoch is through; without validation those after the
        epoch whose mean loss was least.

    Examples
    --------
    >>> def loss_and_grad(params, batch, rng):
    ...     error = params[0] - batch
    ...     return float((error**2).mean()), (2 * error / error.size,)
    >>> done = train((np.zeros(2),), loss_and_grad, lambda rng: [np.array([1.0, -2.0])] * 10, n_epochs=200)
    >>> done.params[0].round(2)
    array([ 1.  , -1.71])
    """
    steps = _Steps(
        params, loss_and_grad, optimizer or Adam(), clip_norm, split, carry_state, random_state, n_jobs
    )
    schedule = schedule or Constant()
    if isinstance(schedule, Schedule):  # any function will do
        schedule._validate_params()
    best, best_values, best_epoch, rows = np.inf, steps.vector.values.copy(), 0, []
    if validate is not None and goes_on:
        best = _validated(validate, steps.vector.tree, np.inf)
    stopped, start = "epochs", perf_counter()
    with steps, tqdm(total=max_steps, disable=not progress, unit=" steps") as bar:
        for epoch in range(1, n_epochs + 1):
            loss, length, stopped = _one_epoch(steps, batches, schedule, n_epochs, max_steps, bar)
            validation = np.nan
            if stopped != "not finite" and validate is not None:
                validation = _validated(validate, steps.vector.tree, np.nan)
                stopped = stopped if np.isfinite(validation) else "not finite"
            seconds = perf_counter() - start
            rows.append((epoch, steps.n_done, loss, length, steps.learning_rate, validation, seconds))
            judged = loss if validate is None else validation
            if stopped != "not finite" and judged < best:
                best, best_epoch, best_values = judged, epoch, steps.vector.values.copy()
            waited = epoch - best_epoch if validate is not None else 0
            if stopped == "epochs" and patience is not None and waited >= patience:
                stopped = "patience"
            if stopped == "epochs" and target is not None and validation <= target:
                stopped = "target"
            if stopped != "epochs":
                break
    if stopped == "not finite":
        _warn_not_finite(rows[-1], steps.learning_rate, best_epoch)
    elif validate is None:
        best_values, best_epoch = steps.vector.values, epoch
    names = ["epoch", "steps", "loss", "gradient_norm", "learning_rate", "validation", "seconds"]
    history = pd.DataFrame(rows, columns=names).set_index("epoch")
    return Training(steps.vector.tree_of(best_values), history, stopped, best_epoch)


class _Steps:
    """The parameters on their way, and one step of it."""

    def __init__(self, params, loss_and_grad, optimizer, clip_norm, split, carry_state, random_state, n_jobs):
        self.vector = ParameterVector(params)
        self.optimizer = optimizer
        self.rng = make_rng(random_state)
        self.n_done = self.steps_per_epoch = 0
        self.learning_rate = np.nan
        self._loss_and_grad = loss_and_grad
        self._clip_norm = clip_norm
        self._split = split or (lambda batch: [(1.0, batch)])
        self._carry_state = carry_state
        self._states: dict[int, Any] = {}
        self._seed = int(self.rng.integers(2**63))
        self._memory = optimizer.start(self.vector.values, self.vector.where(lambda array: array.ndim > 1))
        self._gradients: list[np.ndarray] = []  # one vector per shard
        check_n_jobs(n_jobs)
        n_threads = effective_n_jobs(n_jobs)
        self._pool = ThreadPoolExecutor(n_threads) if n_threads > 1 else None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self._pool is not None:
            self._pool.shutdown()

    def begin_epoch(self):
        self._states.clear()

    def step(self, batch, factor):
        """Return the loss and the norm of its gradient; move only if both are finite."""
        shards = self._split(batch)
        if len(shards) == 0:
            raise ValueError("split returned no shards for a batch; leave empty batches out.")
        while len(self._gradients) < len(shards):
            self._gradients.append(np.zeros_like(self.vector.values))
        go = map if self._pool is None or len(shards) == 1 else self._pool.map
        losses = list(go(self._differentiate, range(len(shards)), (shard for _, shard in shards)))
        total = float(sum(weight for weight, _ in shards))
        gradient, number = self._gradients[0], self.vector.values.dtype.type
        if len(shards) > 1:
            with np.errstate(all="ignore"):  # what is not finite is looked for below
                gradient *= number(shards[0][0] / total)
                for (weight, _), other in zip(shards[1:], self._gradients[1:]):
                    other *= number(weight / total)
                    gradient += other
        loss = sum(weight / total * loss for (weight, _), loss in zip(shards, losses))
        length = clip_by_norm(gradient, self._clip_norm)
        if np.isfinite(loss) and np.isfinite(length):
            self.optimizer.step(self.vector.values, gradient, self._memory, factor)
            self.learning_rate = factor * self.optimizer.learning_rate
            self.n_done += 1
        return loss, length

    def _differentiate(self, shard_number, shard):
        """Write the gradient of one shard to its vector and return its loss."""
        rng = np.random.default_rng((self._seed, self.n_done, shard_number))
        with np.errstate(all="ignore"):  # what is not finite is looked for later; each thread has its own
            if self._carry_state:
                state = self._states.get(shard_number)
                loss, grads, state = self._loss_and_grad(self.vector.tree, shard, rng, state)
                self._states[shard_number] = state
            else:
                loss, grads = self._loss_and_grad(self.vector.tree, shard, rng)
            self.vector.flat(grads, self._gradients[shard_number])
        return float(loss)


def _one_epoch(steps, batches, schedule, n_epochs, max_steps, bar):
    """Go the steps of one epoch: mean loss, mean norm of the gradient, and whether training stops."""
    losses, lengths = [], []
    epoch = batches(steps.rng)
    if max_steps is not None:
        n_steps = max_steps
    else:
        n_steps = n_epochs * (len(epoch) if hasattr(epoch, "__len__") else max(1, steps.steps_per_epoch))
        bar.total = n_steps if hasattr(epoch, "__len__") or steps.steps_per_epoch else None
    steps.begin_epoch()
    for batch in epoch:
        loss, length = steps.step(batch, schedule(steps.n_done, n_steps))
        losses.append(loss)
        lengths.append(length)
        bar.update()
        if not bar.disable:
            bar.set_postfix(loss=f"{loss:.4g}", refresh=False)
        if not (np.isfinite(loss) and np.isfinite(length)):
            return loss, length, "not finite"
        if steps.n_done == max_steps:
            return np.mean(losses), np.mean(lengths), "steps"
    if not losses:
        raise ValueError("batches(rng) returned no batch; the data are shorter than one window, or empty.")
    steps.steps_per_epoch = len(losses)
    return np.mean(losses), np.mean(lengths), "epochs"


def _validated(validate, params, otherwise):
    """Return the loss on other data, something else where it is not finite."""
    with np.errstate(all="ignore"):
        loss = float(validate(params))
    return loss if np.isfinite(loss) else otherwise


def _warn_not_finite(row, learning_rate, best_epoch):
    epoch, n_steps, loss, length, _, validation, _ = row
    warnings.warn(
        f"training stopped in epoch {epoch} after {n_steps} steps: loss {loss:.4g}, norm of the gradient "
        f"{length:.4g}, validation {validation:.4g}. The parameters are those of epoch {best_epoch}. Lower the "
        f"learning rate (now {learning_rate:.4g}), clip gradients shorter (clip_norm), or scale the data.",
        ConvergenceWarning,
        stacklevel=3,
    )
