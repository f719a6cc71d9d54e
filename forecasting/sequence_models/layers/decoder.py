r"""Decoders: recurrences that write a sequence, conditioned on a vector or on another sequence.

`ContextDecoder`, with a context vector ``c`` (Cho et al. 2014, Sutskever, Vinyals and Le 2014):

.. math:: h(0) = \tanh(c V + v) \text{ (to the state)}, \qquad
    h(t) = \mathrm{cell}\big([y(t-1), c \text{ (to the inputs)}], h(t-1)\big)

`AttentionDecoder`, over the states of an encoder: the lower cell reads what was written so far and asks, the upper
one reads what was found (Luong, Pham and Manning 2015; the upper cell as in Graves 2013, section 5):

.. math:: h(t) = \mathrm{cell}_1\big(y(t-1), h(t-1)\big), \qquad c(t) = \mathrm{attention}(h(t)), \qquad
    g(t) = \mathrm{cell}_2\big([h(t), c(t)], g(t-1)\big)

With teacher forcing all ``y(t-1)`` are known: each recurrence is one compiled run and all looks are one product.
Both have one contract: ``forward(params, x, source, lengths)``, ``backward``, and ``start`` / ``step``, whose states
are nested tuples of arrays with the series first.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import StrOptions

from forecasting.networks.cells import Cell
from forecasting.sequence_models.layers.attention import Attention
from forecasting.sequence_models.layers.base_layer import Pass, init_weights, weights_grad
from forecasting.sequence_models.layers.compiled_steps import cell_step


class ContextDecoderParams(NamedTuple):
    """Parameters of `ContextDecoder`.

    Attributes
    ----------
    cell : NamedTuple
    initial : Weights of shape (n_source, n_units * n_fields) or ()
        For every field of the cell's state side by side.
    """

    cell: Any
    initial: Any = ()


class ContextDecoder(BaseEstimator):
    """A recurrence that is told a vector.

    Parameters
    ----------
    cell : Cell
    context_to : {"state", "inputs", "both"}, default="both"
        Where the context enters: the initial state, every step, or both.
    """

    _parameter_constraints: ClassVar[dict] = {
        "cell": [Cell],
        "context_to": [StrOptions({"state", "inputs", "both"})],
    }

    def __init__(self, cell, *, context_to="both"):
        self.cell = cell
        self.context_to = context_to

    @property
    def n_units(self) -> int:
        """Width of the outputs."""
        return self.cell.n_units

    def init_params(self, n_features: int, n_source: int, rng: np.random.Generator, dtype: Any = np.float32):
        """Draw the parameters: ``n_features`` of what was written, ``n_source`` of the context."""
        self._validate_params()
        heard = n_features + (0 if self.context_to == "state" else n_source)
        n_fields = len(self.cell.State._fields)
        initial: Any = ()
        if self.context_to != "inputs":
            initial = init_weights(n_source, n_fields * self.n_units, rng, dtype)
        return ContextDecoderParams(self.cell.init_params(heard, rng, dtype), initial)

    def forward(self, params: Any, x: np.ndarray, source: np.ndarray, lengths: Any = None) -> Pass:
        """Run over known sequences ``x`` (n_steps, n_series, n_features), told ``source`` (n_series, n_source)."""
        state = self._initial(params, source)
        heard = x if self.context_to == "state" else self._joined(x, source)
        tape = self.cell.forward(params.cell, heard, state)
        return Pass(tape.states, (heard, tape, source, state, x.shape[2]))

    def backward(self, params: Any, tape: Any, grad: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the gradients in the parameters, in ``x`` and in ``source``."""
        heard, inner, source, state, n_features = tape
        cell, grad_heard, grad_state = self.cell.backward(params.cell, heard, inner, grad)
        grad_source = np.zeros_like(source)
        if self.context_to != "state":
            grad_source += grad_heard[..., n_features:].sum(axis=0)
        initial: Any = ()
        if params.initial:
            grad_drive = np.hstack([part * (1 - value * value) for part, value in zip(grad_state, state)])
            initial = weights_grad(source, grad_drive)
            grad_source += grad_drive @ params.initial.weights.T
        return ContextDecoderParams(cell, initial), grad_heard[..., :n_features], grad_source

    def start(self, params: Any, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return the state before the first step."""
        state = self._initial(params, source)
        return (self.cell.zero_state(len(source), source.dtype) if state is None else state), source

    def step(self, params: Any, x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
        """Go one step, ``x`` (n_series, n_features)."""
        inner, source = state
        heard = x if self.context_to == "state" else np.hstack([x, source])
        y, inner = self.cell.step(params.cell, heard, inner)
        return y, (inner, source)

    def parts(self, params: Any, n_features: int, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return parts that go step by step in compiled loops."""
        state, source = self.start(params, source, lengths)
        n_heard = n_features if self.context_to == "state" else n_features + source.shape[1]
        part = cell_step(self.cell, params.cell, n_heard, state)
        part.x[0, :, n_features:] = source if n_heard > n_features else 0
        return (part,)

    def alignment(self, tape: Any) -> None:
        """Return None: a vector has no places to look at."""
        return

    def _initial(self, params, source):
        if not params.initial:
            return None
        drive = np.tanh(source @ params.initial.weights + params.initial.bias)
        return self.cell.State(*np.split(drive, len(self.cell.State._fields), axis=1))

    def _joined(self, x, source):
        told = np.broadcast_to(source, (len(x), *source.shape))
        return np.concatenate([x, told], axis=2)


class AttentionDecoderParams(NamedTuple):
    """Parameters of `AttentionDecoder`.

    Attributes
    ----------
    lower, upper : NamedTuple
        Of the cells.
    attention : AttentionParams
    """

    lower: Any
    attention: Any
    upper: Any


class AttentionDecoder(BaseEstimator):
    """Two recurrences, the upper of which is told what the lower one asks for.

    Parameters
    ----------
    cell : Cell
        Of both.
    attention : Attention
    """

    _parameter_constraints: ClassVar[dict] = {"cell": [Cell], "attention": [Attention]}

    def __init__(self, cell, attention):
        self.cell = cell
        self.attention = attention

    @property
    def n_units(self) -> int:
        """Width of the outputs."""
        return self.cell.n_units

    def init_params(self, n_features: int, n_source: int, rng: np.random.Generator, dtype: Any = np.float32):
        """Draw the parameters: ``n_features`` of what was written, ``n_source`` of the encoder's states."""
        self._validate_params()
        return AttentionDecoderParams(
            self.cell.init_params(n_features, rng, dtype),
            self.attention.init_params(self.n_units, n_source, rng, dtype),
            self.cell.init_params(self.n_units + n_source, rng, dtype),
        )

    def forward(self, params: Any, x: np.ndarray, source: np.ndarray, lengths: Any = None) -> Pass:
        """Run over known sequences ``x``, looking at a padded block ``source`` (n_places, n_series, n_source)."""
        lower = self.cell.forward(params.lower, x)
        memory = self.attention.read(params.attention, source, lengths)
        looked = self.attention.forward(params.attention, lower.states, memory)
        heard = np.concatenate([lower.states, looked.context], axis=2)
        upper = self.cell.forward(params.upper, heard)
        return Pass(upper.states, (x, lower, looked, heard, upper))

    def backward(self, params: Any, tape: Any, grad: np.ndarray) -> tuple[Any, np.ndarray, np.ndarray]:
        """Return the gradients in the parameters, in ``x`` and in ``source``."""
        x, lower, looked, heard, upper = tape
        in_upper, grad_heard, _ = self.cell.backward(params.upper, heard, upper, grad)
        n = self.n_units
        in_attention, grad_asked, grad_source = self.attention.backward(
            params.attention, looked, grad_heard[..., n:]
        )
        grad_states = grad_heard[..., :n] + grad_asked
        in_lower, grad_x, _ = self.cell.backward(params.lower, x, lower, grad_states)
        return AttentionDecoderParams(in_lower, in_attention, in_upper), grad_x, grad_source

    def start(self, params: Any, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return the state before the first step."""
        n_series = source.shape[1]
        rest = self.cell.zero_state(n_series, source.dtype)
        memory = self.attention.read(params.attention, source, lengths)
        return rest, np.zeros(n_series, source.dtype), rest, memory

    def step(self, params: Any, x: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
        """Go one step, ``x`` (n_series, n_features)."""
        lower, position, upper, memory = state
        asked, lower = self.cell.step(params.lower, x, lower)
        looked = self.attention.forward(params.attention, asked[np.newaxis], memory, position)
        y, upper = self.cell.step(params.upper, np.hstack([asked, looked.context[0]]), upper)
        return y, (lower, looked.position, upper, memory)

    def parts(self, params: Any, n_features: int, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return parts that go step by step in compiled loops."""
        lower, _, upper, memory = self.start(params, source, lengths)
        n_heard = self.n_units + source.shape[2]
        return (
            cell_step(self.cell, params.lower, n_features, lower),
            self.attention.part(params.attention, memory),
            cell_step(self.cell, params.upper, n_heard, upper),
        )

    def alignment(self, tape: Any) -> np.ndarray:
        """Return where each step looked: (n_series, n_steps, n_places)."""
        return tape[2].weights
