"""A network that reads something and writes a sequence: encoder, decoder, output layer, head.

What was written at a step is heard at the next (teacher forcing: in training, what should have been written). Symbols
are integers of which 0 begins and ends a sequence; rows of numbers begin with zeros.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from forecasting.sequence_models.layers.base_layer import Layer, init_weights, product, weights_grad
from forecasting.sequence_models.layers.compiled_steps import linear_step
from forecasting.sequence_models.layers.padding import is_there, masked_loss


class WriterParams(NamedTuple):
    """Parameters of a `Writer`.

    Attributes
    ----------
    encoder, heard, decoder : nested tuples of arrays
    output : Weights of shape (n_units, n_outputs)
    """

    encoder: Any
    heard: Any
    decoder: Any
    output: Any


class SequencePairs(NamedTuple):
    """Sources and targets, padded.

    Attributes
    ----------
    source : ndarray of shape (n_places, n_series, ...), or (n_series, n_features) for vectors
    source_lengths : ndarray of int, shape (n_series,), or None
    target : ndarray of shape (n_steps, n_series) of int, or (n_steps, n_series, n_numbers)
        With the end symbol.
    target_lengths : ndarray of int, shape (n_series,)
    """

    source: np.ndarray
    source_lengths: np.ndarray | None
    target: np.ndarray
    target_lengths: np.ndarray


class Writer(NamedTuple):
    """The parts.

    Attributes
    ----------
    encoder : Layer
        To a vector for a `ContextDecoder`, to a block for an `AttentionDecoder`.
    n_source : int
        Features or symbols of the source.
    heard : Layer
        What the decoder hears of what was written: an `Embedding`, or a `Dense` layer for numbers.
    n_heard : int
        Symbols, or numbers, of a step of the target.
    decoder : ContextDecoder or AttentionDecoder
    head : object
        With ``loss_and_grad(raw, y)``.
    n_outputs : int
    """

    encoder: Layer
    n_source: int
    heard: Layer
    n_heard: int
    decoder: Any
    head: Any
    n_outputs: int

    def init_params(self, rng: np.random.Generator, dtype: Any = np.float32) -> WriterParams:
        """Draw all parameters."""
        told = self.encoder.width(self.n_source)
        return WriterParams(
            self.encoder.init_params(self.n_source, rng, dtype),
            self.heard.init_params(self.n_heard, rng, dtype),
            self.decoder.init_params(self.heard.width(self.n_heard), told, rng, dtype),
            init_weights(self.decoder.n_units, self.n_outputs, rng, dtype),
        )

    def loss_and_grad(self, params: Any, batch: SequencePairs, rng: Any = None) -> tuple[float, WriterParams]:
        """Return the mean loss of a step under teacher forcing, and its gradient."""
        raw, tapes = self._forward(params, batch, rng)
        states = tapes[2].outputs
        there = is_there(batch.target_lengths, *batch.target.shape[:2])
        loss, grad_raw = masked_loss(self.head, raw, batch.target, there)
        output = weights_grad(states, grad_raw)
        decoder, grad_heard, grad_told = self.decoder.backward(
            params.decoder, tapes[2].tape, product(grad_raw, params.output.weights.T)
        )
        heard, _ = self.heard.backward(params.heard, tapes[1].tape, grad_heard)
        encoder, _ = self.encoder.backward(params.encoder, tapes[0].tape, grad_told)
        return loss, WriterParams(encoder, heard, decoder, output)

    def loss(self, params: Any, batch: SequencePairs) -> float:
        """Return the mean loss of a step under teacher forcing."""
        there = is_there(batch.target_lengths, *batch.target.shape[:2])
        return masked_loss(self.head, self._forward(params, batch)[0], batch.target, there)[0]

    def raw(self, params: Any, batch: SequencePairs) -> tuple[np.ndarray, np.ndarray | None]:
        """Return the numbers before the head under teacher forcing, and the alignment if there is one."""
        raw, tapes = self._forward(params, batch)
        return raw, self.decoder.alignment(tapes[2].tape)

    def start(self, params: Any, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return the state before the first step, after reading the source."""
        told = self.encoder.forward(params.encoder, source, lengths).outputs
        return self.decoder.start(params.decoder, told, lengths)

    def step(self, params: Any, written: np.ndarray, state: tuple) -> tuple[np.ndarray, tuple]:
        """Hear what was written and return the numbers before the head, (n_series, n_outputs)."""
        heard, _ = self.heard.step(params.heard, written, ())
        y, state = self.decoder.step(params.decoder, heard, state)
        return y @ params.output.weights + params.output.bias, state

    def parts(self, params: Any, source: np.ndarray, lengths: Any = None) -> tuple:
        """Return parts that go step by step in compiled loops, after reading the source."""
        told = self.encoder.forward(params.encoder, source, lengths).outputs
        n_series = len(source) if lengths is None else len(lengths)
        return (
            *self.heard.parts(params.heard, self.n_heard, n_series),
            *self.decoder.parts(params.decoder, self.heard.width(self.n_heard), told, lengths),
            linear_step(params.output, "identity", n_series),
        )

    def _forward(self, params, batch, rng=None):
        told = self.encoder.forward(params.encoder, batch.source, batch.source_lengths, rng)
        before = np.zeros_like(batch.target)
        before[1:] = batch.target[:-1]
        heard = self.heard.forward(params.heard, before)
        decoded = self.decoder.forward(params.decoder, heard.outputs, told.outputs, batch.source_lengths)
        raw = product(decoded.outputs, params.output.weights)
        raw += params.output.bias
        return raw, (told, heard, decoded)
