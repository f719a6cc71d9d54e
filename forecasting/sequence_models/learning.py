"""How the estimators over networks learn: one plan, one loop, the same optimizers as the forecasters."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from forecasting.networks.optimizers import Adam, Optimizer
from forecasting.networks.parameters import mapped
from forecasting.networks.schedules import Cosine, Schedule
from forecasting.networks.training import train
from forecasting.sequence_models.layers.padding import buckets
from reservoir.contracts.default_parts import DefaultParts


class Learned(NamedTuple):
    """What training found.

    Attributes
    ----------
    params : nested tuple of arrays
    losses, validation_losses : ndarray of shape (n_epochs,)
    stopped : str
        Why it ended, see `forecasting.networks.training.Training`.
    """

    params: Any
    losses: np.ndarray
    validation_losses: np.ndarray
    stopped: str


class Learning(DefaultParts, BaseEstimator):
    """The plan of a training: epochs, batches, optimizer, early stopping.

    Parameters
    ----------
    n_epochs : int, default=100
    batch_size : int, default=16
        Sequences; those of a batch are of similar length.
    optimizer : Optimizer, optional
        Default: ``Adam(0.005)``.
    schedule : Schedule, optional
        Default: ``Cosine()``.
    clip_norm : float or None, default=1.0
        Longest gradient.
    validation_fraction : float, default=0.0
        Part of the sequences that is held out, at least one; the parameters that do best on it are kept.
    patience : int, optional
        Epochs without improvement on what is held out after which training stops.
    progress : bool, default=False
        Show a bar.

    Examples
    --------
    >>> Learning(n_epochs=10, optimizer=Adam(0.01)).n_epochs
    10
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_epochs": [Interval(Integral, 1, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "optimizer": [Optimizer, None],
        "schedule": [Schedule, None],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "patience": [Interval(Integral, 1, None, closed="left"), None],
        "progress": ["boolean"],
    }
    _default_parts: ClassVar[dict] = {"optimizer": lambda: Adam(0.005), "schedule": Cosine}

    def __init__(
        self,
        n_epochs=100,
        *,
        batch_size=16,
        optimizer=None,
        schedule=None,
        clip_norm=1.0,
        validation_fraction=0.0,
        patience=None,
        progress=False,
    ):
        self.n_epochs = n_epochs
        self.batch_size = batch_size
        self.optimizer = optimizer
        self.schedule = schedule
        self.clip_norm = clip_norm
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.progress = progress

    def run(
        self,
        params: Any,
        loss_and_grad: Callable[..., tuple],
        loss: Callable[..., float],
        lengths: np.ndarray,
        rng: np.random.Generator,
    ) -> Learned:
        """Train.

        Parameters
        ----------
        params : nested tuple of arrays
            Where to start.
        loss_and_grad : callable
            ``loss_and_grad(params, places, rng, progress)``: of the sequences at these places; progress is the part
            of training that is over.
        loss : callable
            ``loss(params, places)``.
        lengths : ndarray of int, shape (n_sequences,)
        rng : numpy.random.Generator

        Returns
        -------
        Learned

        Raises
        ------
        ValueError
            If nothing can be held out that was asked for, or patience waits for nothing.
        """
        self._validate_params()
        order = rng.permutation(len(lengths))
        n_held_out = self._n_held_out(len(lengths))
        held_out, used = order[:n_held_out], np.sort(order[n_held_out:])
        n_batches = -(-len(used) // self.batch_size)
        n_done = 0

        def batches(rng: np.random.Generator) -> list[tuple[np.ndarray, float]]:
            nonlocal n_done
            places = buckets(lengths[used], self.batch_size, rng)
            begun, n_done = n_done, n_done + 1
            n_steps = self.n_epochs * n_batches
            return [(used[batch], (begun * n_batches + i) / n_steps) for i, batch in enumerate(places)]

        done = train(
            params,
            lambda params, batch, rng: loss_and_grad(params, batch[0], rng, batch[1]),
            batches,
            optimizer=self.optimizer or Adam(0.005),
            schedule=self.schedule or Cosine(),
            clip_norm=self.clip_norm,
            n_epochs=self.n_epochs,
            validate=(lambda params: self._mean(loss, params, held_out)) if n_held_out else None,
            patience=self.patience,
            random_state=rng,
            progress=self.progress,
        )
        losses, validation = (done.history[name].to_numpy() for name in ("loss", "validation"))
        return Learned(done.params, losses, validation, done.stopped)

    def _n_held_out(self, n_sequences):
        if self.validation_fraction == 0:
            if self.patience is not None:
                raise ValueError(
                    f"patience={self.patience} waits for what is held out to improve, but validation_fraction=0: set "
                    "it to 0.1, say, or leave patience out"
                )
            return 0
        if n_sequences == 1:
            raise ValueError(
                f"validation_fraction={self.validation_fraction} leaves nothing of 1 sequence to learn from: give "
                "more, or set it to 0"
            )
        return max(1, int(self.validation_fraction * n_sequences))

    def _mean(self, loss, params, places):
        parts = [places[i : i + self.batch_size] for i in range(0, len(places), self.batch_size)]
        return float(np.average([loss(params, part) for part in parts], weights=list(map(len, parts))))


class NetworkModel(DefaultParts):
    """Base of estimators over networks.

    Attributes
    ----------
    params_ : nested tuple of arrays
        What was learned, in float32.
    losses_, validation_losses_ : ndarray of shape (n_epochs,)
        Mean loss of every epoch; validation is NaN where nothing was held out.
    """

    _default_parts: ClassVar[dict] = {"learning": Learning}

    def _learn(self, params, loss_and_grad, loss, lengths, rng):
        learning = Learning() if self.learning is None else self.learning
        done = learning.run(params, loss_and_grad, loss, np.asarray(lengths), rng)
        self.params_ = done.params
        self.losses_, self.validation_losses_ = done.losses, done.validation_losses

    def _exact_params(self):
        """Return the parameters in float64: answers do not depend on who stands in the batch."""
        check_is_fitted(self, "params_")
        return mapped(lambda array: array.astype(np.float64), self.params_)
