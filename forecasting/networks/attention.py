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
from scipy.special import expit
from sklearn.base import BaseEstimator

from forecasting.networks.initialisation import glorot_uniform
from forecasting.networks.layer import SIZE, Weights, weights_grad
from forecasting.networks.padding import is_there


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
    keys : array (n_series, n_places, n_units)
    there : array of bool, (n_series, n_places)
    """

    values: np.ndarray
    keys: np.ndarray
    there: np.ndarray


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
        Queries, memory, projected queries, and what the location needs.
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
        return Memory(
            values, values @ params.key, np.ascontiguousarray(is_there(lengths, *block.shape[:2]).T)
        )

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
        asked = queries.swapaxes(0, 1) @ params.query
        scores = asked @ memory.keys.swapaxes(1, 2) * asked.dtype.type(self.n_units**-0.5)
        if position is None:
            position = np.zeros(queries.shape[1], queries.dtype)
        window: Any = ()
        if params.location:
            drive = queries @ params.location.weights + params.location.bias
            forward, sharpness = np.moveaxis(np.logaddexp(drive, drive.dtype.type(0)), -1, 0)
            centre = position + forward.cumsum(axis=0, dtype=queries.dtype)
            distance = np.arange(scores.shape[2], dtype=queries.dtype) - centre.T[..., np.newaxis]
            scores -= sharpness.T[..., np.newaxis] * distance**2
            position, window = centre[-1], (expit(drive), sharpness, distance)
        scores[~np.broadcast_to(memory.there[:, np.newaxis], scores.shape)] = -np.inf
        scores -= scores.max(axis=2, keepdims=True)
        weights = np.exp(scores, out=scores)
        weights /= weights.sum(axis=2, keepdims=True)
        context = (weights @ memory.values).swapaxes(0, 1)
        return AttentionTape(context, weights, position, (queries, memory, asked, window))

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
        queries, memory, asked, window = tape.rest
        weights, grad = tape.weights, grad.swapaxes(0, 1)
        grad_weights = grad @ memory.values.swapaxes(1, 2)
        grad_scores = weights * (grad_weights - (weights * grad_weights).sum(axis=2, keepdims=True))
        scaled = grad_scores * grad.dtype.type(self.n_units**-0.5)
        grad_asked, grad_keys = scaled @ memory.keys, scaled.swapaxes(1, 2) @ asked
        grad_values = weights.swapaxes(1, 2) @ grad + grad_keys @ params.key.T
        rows = queries.swapaxes(0, 1)
        grad_queries = (grad_asked @ params.query.T).swapaxes(0, 1)
        location: Any = ()
        if params.location:
            slopes, sharpness, distance = window
            pull = grad_scores * distance
            in_centre = 2 * sharpness * pull.sum(axis=2).T
            in_forward = in_centre[::-1].cumsum(axis=0, dtype=in_centre.dtype)[::-1]
            in_sharpness = -(pull * distance).sum(axis=2).T
            grad_drive = np.stack([in_forward, in_sharpness], axis=-1) * slopes
            location = weights_grad(queries, grad_drive)
            grad_queries = grad_queries + grad_drive @ params.location.weights.T
        grads = AttentionParams(
            weights_grad(rows, grad_asked).weights, weights_grad(memory.values, grad_keys).weights, location
        )
        return grads, grad_queries, grad_values.swapaxes(0, 1)
