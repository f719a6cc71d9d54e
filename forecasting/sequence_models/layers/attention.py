r"""Attention: every step of a decoder looks at all steps of an encoder through softmax gates.

.. math::

    s(t, j) &= \frac{(q(t) W_q) \cdot (m(j) W_k)}{\sqrt d} - \beta(t) \, \big(j - \kappa(t)\big)^2 \\
    a(t, \cdot) &= \operatorname{softmax}_j s(t, j), \qquad c(t) = \sum_j a(t, j) \, m(j) \\
    \kappa(t) &= \kappa(t-1) + \log(1 + e^{q(t) \cdot u + b_u}), \qquad
    \beta(t) = \log(1 + e^{q(t) \cdot v + b_v})

The first term compares content (Luong, Pham and Manning 2015, scaled as by Vaswani et al. 2017). The second, with
``location=True``, is a window that only moves forward (Graves 2013, section 5.1): it says how far to go from where
the last look was, which means the same in sequences longer than those of training. The position is a running sum of
what all queries say, so that no loop over time is needed while they are known.
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from forecasting.networks.initialisation import glorot_uniform
from forecasting.sequence_models.layers.attention_kernels import look, look_back
from forecasting.sequence_models.layers.base_layer import SIZE, Weights, product, weights_grad
from forecasting.sequence_models.layers.compiled_steps import Look


class AttentionParams(NamedTuple):
    """Parameters of `Attention`.

    Attributes
    ----------
    query : array (n_query, n_units)
    key : array (n_memory, n_units)
    location : Weights of shape (n_query, 2) or ()
        Of the step forward and of the sharpness.
    """

    query: np.ndarray
    key: np.ndarray
    location: Any = ()


class Memory(NamedTuple):
    """What is looked at, series first.

    Attributes
    ----------
    values : array (n_series, n_places, n_memory)
    keys : array (n_series, n_units, n_places)
    lengths : array of int, (n_series,)
    """

    values: np.ndarray
    keys: np.ndarray
    lengths: np.ndarray


class AttentionTape(NamedTuple):
    """What a forward run leaves behind.

    Attributes
    ----------
    context : array (n_steps, n_series, n_memory)
    weights : array (n_series, n_steps, n_places)
        The alignment; rows sum to 1.
    position : array (n_series,)
        Of the window after the last step.
    rest : tuple
        Queries, memory, projected queries, and what `look` left of the location.
    """

    context: np.ndarray
    weights: np.ndarray
    position: np.ndarray
    rest: tuple


class Attention(BaseEstimator):
    """Softmax gates over the steps of another sequence.

    Parameters
    ----------
    n_units : int, default=32
        Width in which queries and places are compared.
    location : bool, default=False
        Add the window that moves forward.

    Examples
    --------
    >>> attention, rng = Attention(4), np.random.default_rng(0)
    >>> params = attention.init_params(3, 2, rng)
    >>> memory = attention.read(params, np.ones((7, 5, 2), np.float32))
    >>> tape = attention.forward(params, np.ones((6, 5, 3), np.float32), memory)
    >>> tape.context.shape, tape.weights.shape
    ((6, 5, 2), (5, 6, 7))
    """

    _parameter_constraints: ClassVar[dict] = {"n_units": SIZE, "location": ["boolean"]}

    def __init__(self, n_units=32, *, location=False):
        self.n_units = n_units
        self.location = location

    def init_params(
        self, n_query: int, n_memory: int, rng: np.random.Generator, dtype: Any = np.float32
    ) -> AttentionParams:
        """Draw Glorot-uniform weights; the window starts slow and wide."""
        self._validate_params()
        location: Any = ()
        if self.location:
            weights = glorot_uniform(n_query, 2, 1, rng).astype(dtype)
            location = Weights(weights, np.array([-1.0, -1.0], dtype))
        return AttentionParams(
            glorot_uniform(n_query, self.n_units, 1, rng).astype(dtype),
            glorot_uniform(n_memory, self.n_units, 1, rng).astype(dtype),
            location,
        )

    def read(self, params: AttentionParams, block: np.ndarray, lengths: np.ndarray | None = None) -> Memory:
        """Prepare a padded block (n_places, n_series, n_memory) to be looked at."""
        values = np.ascontiguousarray(block.swapaxes(0, 1))
        keys = np.ascontiguousarray(product(values, params.key).swapaxes(1, 2))
        if lengths is None:
            lengths = np.full(len(values), len(block))
        return Memory(values, keys, np.ascontiguousarray(lengths, np.int64))

    def forward(
        self, params: AttentionParams, queries: np.ndarray, memory: Memory, position: Any = None
    ) -> AttentionTape:
        """Look, once for every query.

        Parameters
        ----------
        params : AttentionParams
        queries : ndarray of shape (n_steps, n_series, n_query)
        memory : Memory
        position : ndarray of shape (n_series,), optional
            Of the window before the first query. Default: 0.

        Returns
        -------
        AttentionTape
        """
        n_steps, n_series, _ = queries.shape
        rows, dtype = np.ascontiguousarray(queries.swapaxes(0, 1)), queries.dtype
        asked, drive = product(rows, params.query), np.empty((n_series, n_steps, 0), dtype)
        if params.location:
            drive = product(rows, params.location.weights) + params.location.bias
        position = np.zeros(n_series, dtype) if position is None else position.copy()
        weights = np.empty((n_series, n_steps, memory.keys.shape[2]), dtype)
        context = np.empty((n_series, n_steps, memory.values.shape[2]), dtype)
        window = np.empty_like(drive), np.empty(drive.shape[:2], dtype), np.empty(drive.shape[:2], dtype)
        scale = dtype.type(self.n_units**-0.5)
        look(asked, *memory, scale, drive, position, weights, context, *window)
        return AttentionTape(context.swapaxes(0, 1), weights, position, (rows, memory, asked, window))

    def part(self, params: AttentionParams, memory: Memory) -> Look:
        """Return the part that looks step by step in compiled loops."""
        n_series, n_memory, n_places = len(memory.lengths), memory.values.shape[2], memory.keys.shape[2]
        n_query, dtype = len(params.query), params.query.dtype
        location = params.location or Weights(np.empty((n_query, 0), dtype), np.empty(0, dtype))
        drive = np.empty((n_series, 1, location.bias.size), dtype)
        rest = tuple(
            np.empty((n_series, 1, width), dtype) for width in (n_places, n_memory, location.bias.size)
        )
        rest += np.empty((n_series, 1), dtype), np.empty((n_series, 1), dtype)
        position, asked = np.zeros(n_series, dtype), np.empty((n_series, 1, self.n_units), dtype)
        scale, out = dtype.type(self.n_units**-0.5), np.empty((n_series, n_query + n_memory), dtype)
        weights, bias = location
        return Look(params.query, weights, bias, *memory, scale, position, asked, drive, rest, out)

    def backward(
        self, params: AttentionParams, tape: AttentionTape, grad: np.ndarray
    ) -> tuple[AttentionParams, np.ndarray, np.ndarray]:
        """Return the gradients in the parameters, the queries and the block that was read.

        Parameters
        ----------
        params : AttentionParams
        tape : AttentionTape
        grad : ndarray of shape (n_steps, n_series, n_memory)
            In the context.
        """
        rows, memory, asked, window = tape.rest
        grad = np.ascontiguousarray(grad.swapaxes(0, 1))
        outputs = grad_asked, grad_drive, grad_values, grad_keys = (
            np.empty_like(asked),
            np.empty_like(window[0]),
            np.zeros_like(memory.values),
            np.zeros_like(memory.keys),
        )
        scale = grad.dtype.type(self.n_units**-0.5)
        look_back(asked, memory.values, memory.keys, scale, tape.weights, *window, grad, outputs)
        grad_keys = np.ascontiguousarray(grad_keys.swapaxes(1, 2))
        grad_values += product(grad_keys, params.key.T)
        grad_rows, location = product(grad_asked, params.query.T), params.location
        if location:
            location = weights_grad(rows, grad_drive)
            grad_rows += product(grad_drive, params.location.weights.T)
        grads = AttentionParams(
            weights_grad(rows, grad_asked).weights, weights_grad(memory.values, grad_keys).weights, location
        )
        return grads, grad_rows.swapaxes(0, 1), grad_values.swapaxes(0, 1)
