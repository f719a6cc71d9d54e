"""How a recurrent forecaster learns: batches of windows drawn from all series, and early stopping on their ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from forecasting.networks.training import train
from forecasting.recurrent.prediction import TrainedNetwork
from forecasting.recurrent.truncated_learning import Pieces
from forecasting.recurrent.window_network import Scaled, loss_and_grad, predict_raw, run_free
from forecasting.recurrent.windows import (
    SeriesWindows,
    WindowBatch,
    WindowOrigins,
    WindowScale,
    divided_origins,
)

MOST_VALIDATED = 1024  # windows: more would not sharpen the choice
_SHARD = 64  # windows that one thread differentiates


class TrainingPlan(NamedTuple):
    """How to train.

    Parameters
    ----------
    n_epochs, steps_per_epoch, batch_size : int
    validation_fraction : float
        0 without early stopping.
    teacher_forcing : float
        Part of the true values that a recursive network is fed at the end of training; 1 at its begin.
    truncation : int or None
        Steps that gradients of a recursive network go back.
    options : dict
        For `train`.
    """

    n_epochs: int
    steps_per_epoch: int
    batch_size: int
    validation_fraction: float
    teacher_forcing: float
    truncation: int | None
    options: dict


class History(NamedTuple):
    """What training went through, one number per epoch.

    Parameters
    ----------
    names : tuple of str
    columns : tuple of ndarray
    stopped : str
        Why it ended: "epochs", "patience" or "not finite".
    best_epoch : int
        The epoch whose parameters were kept, from 1; 0: those it began with.
    """

    names: tuple
    columns: tuple
    stopped: str
    best_epoch: int


class _BatchPart(NamedTuple):
    """Some windows of a batch, and which part of its true values a recursive network is fed."""

    batch: Scaled
    units: WindowScale
    teacher_forcing: float


def learn(
    trained: TrainedNetwork, series: list, exog: list | None, plan: TrainingPlan, rng: np.random.Generator
) -> tuple[Any, History]:
    """Train the parameters of a network, starting from those it has.

    Parameters
    ----------
    trained : TrainedNetwork
        The network as it starts.
    series : list of ndarray of shape (n_steps, n_targets)
    exog : list of ndarray of shape (n_steps, n_exog) or None
        In standard units.
    plan : TrainingPlan
    rng : numpy.random.Generator

    Returns
    -------
    params : Parameters
    history : History

    Raises
    ------
    ValueError
        If no series is long enough for one window.
    """
    network = trained.network
    windows = SeriesWindows(series, exog, network.window, network.horizon)
    training, validation = divided_origins(
        windows.lengths, network.window, network.horizon, plan.validation_fraction
    )
    if training.total == 0:
        raise ValueError(
            f"no series has the {network.horizon + 1} steps that max_horizon={network.horizon} needs, the longest "
            f"has {windows.lengths.max()}: give longer series or a smaller max_horizon"
        )
    validate = None
    if validation is not None:
        held_out = [
            trained.scaled(windows.at(*places)) for places in _parts(validation.spread(MOST_VALIDATED), 256)
        ]
        validate = _validation(trained, held_out)

    drawn_from = trained, windows, training, plan.batch_size
    if plan.truncation is None:
        batches: Any = _WholeWindows(*drawn_from, plan.teacher_forcing)
    else:
        batches = Pieces(*drawn_from, plan.truncation)
    done = train(
        trained.params,
        batches.loss_and_grad,
        _Epochs(batches, plan.n_epochs, plan.steps_per_epoch).next_epoch,
        n_epochs=plan.n_epochs,
        validate=validate,
        split=lambda batch: batches.split(batch, _SHARD),
        carry_state=plan.truncation is not None,
        random_state=rng,
        **plan.options,
    )
    names = tuple(map(str, done.history.columns))
    columns = tuple(done.history[name].to_numpy() for name in names)
    return done.params, History(names, columns, done.stopped, int(done.best_epoch))


class _WholeWindows:
    """Batches of windows that are read in one go, the counterpart of `Pieces`."""

    per_draw = 1

    def __init__(
        self,
        trained: TrainedNetwork,
        windows: SeriesWindows,
        origins: WindowOrigins,
        batch_size: int,
        teacher_forcing: float,
    ):
        self.trained, self.windows, self.origins = trained, windows, origins
        self.batch_size, self.teacher_forcing = batch_size, teacher_forcing

    def draw(self, progress: float, rng: np.random.Generator) -> Iterator[tuple[WindowBatch, float]]:
        drawn = self.windows.at(*self.origins.draw(self.batch_size, rng))
        yield drawn, 1 - progress * (1 - self.teacher_forcing)

    def split(self, drawn: tuple, size: int) -> list[tuple[float, _BatchPart]]:
        batch, teacher_forcing = drawn
        cuts = range(0, batch.past.shape[1], size)
        shards = [WindowBatch(*(part[:, cut : cut + size] for part in batch)) for cut in cuts]
        return [
            (float(one.past.shape[1]), _BatchPart(*self.trained.scaled(one), teacher_forcing))
            for one in shards
        ]

    def loss_and_grad(self, params: Any, part: _BatchPart, rng: np.random.Generator) -> tuple:
        network, batch = self.trained.network, part.batch
        if network.strategy == "recursive" and part.teacher_forcing < 1:
            batch = _sampled(self.trained._replace(params=params), part, rng)
        return loss_and_grad(network, params, batch, rng)


class _Epochs:
    """Batches as `train` asks for them: those of every draw of windows, told how far training has come."""

    def __init__(self, batches: Any, n_epochs: int, n_draws: int):
        self.batches, self.n_epochs, self.n_draws = batches, n_epochs, n_draws
        self.n_begun = 0

    def next_epoch(self, rng: np.random.Generator) -> _Epoch:
        self.n_begun += 1
        return _Epoch(self, rng, self.n_begun - 1)


class _Epoch:
    def __init__(self, epochs: _Epochs, rng: np.random.Generator, number: int):
        self.epochs, self.rng, self.number = epochs, rng, number

    def __len__(self) -> int:
        return self.epochs.n_draws * self.epochs.batches.per_draw

    def __iter__(self) -> Iterator:
        n_draws = self.epochs.n_draws
        for draw in range(n_draws):
            progress = (self.number * n_draws + draw) / (self.epochs.n_epochs * n_draws)
            yield from self.epochs.batches.draw(progress, self.rng)


def _sampled(trained: TrainedNetwork, part: _BatchPart, rng: np.random.Generator) -> Scaled:
    """Scheduled sampling (Bengio et al. 2015): some of what is fed after the origin are the network's forecasts.

    The network runs free over them first; no gradient goes through what it said.
    """
    batch, head = part.batch, trained.network.head
    fed = batch.fed.copy()
    true = rng.random(fed.shape[:2]) < part.teacher_forcing

    def feed(raw, step):
        fed[step] = np.where(true[step][:, np.newaxis], fed[step], _said(head, raw, part.units))
        return fed[step]

    run_free(trained.network, trained.params, batch, feed, len(fed))
    return batch._replace(fed=fed)


def _said(head: Any, raw: np.ndarray, units: WindowScale) -> np.ndarray:
    """Return the point forecast as the stack reads it."""
    said = head.mean(raw)
    return units.standard(said[np.newaxis])[0] if head.counts else said


def _validation(trained: TrainedNetwork, held_out: list) -> Callable[[Any], float]:
    """Return the loss of forecasts as they are made after training: points running free where that is how.

    A distribution that hears its own mean says what follows that; its likelihood is judged a step ahead.
    """
    network, head = trained.network, trained.network.head

    def loss(params, batch, units):
        if network.strategy != "recursive":
            raw = predict_raw(network, params, batch)
        elif head.is_distribution:
            return loss_and_grad(network, params, batch)[0]
        else:
            paths = run_free(network, params, batch, lambda raw, _: _said(head, raw, units), network.horizon)
            raw = np.stack(paths)
        return head.loss_and_grad(raw, batch.future)[0]

    def validate(params):
        sizes = [batch.past.shape[1] for batch, _ in held_out]
        losses = [loss(params, batch, units) for batch, units in held_out]
        return float(np.average(losses, weights=sizes))

    return validate


def _parts(places: tuple, size: int) -> Iterator[tuple]:
    for start in range(0, len(places[0]), size):
        yield tuple(part[start : start + size] for part in places)
