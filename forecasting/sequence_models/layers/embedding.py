r"""Symbols at the two ends of a network: a learned vector for each one that enters, a softmax over what may leave.

.. math:: y(t) = E_{s(t)}, \qquad
    p(s) = \frac{e^{a_s}}{\sum_k e^{a_k}}, \qquad -\frac{\partial \log p(s)}{\partial a_k} = p_k - [k = s]
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from forecasting.sequence_models.layers.base_layer import SIZE, Layer, Pass
from forecasting.sequence_models.layers.compiled_steps import Lookup
from reservoir.kernels.compilation import compiled


@compiled(arithmetic="strict")
def _add_rows(total, places, rows):
    for i in range(places.size):
        for j in range(total.shape[1]):
            total[places[i], j] += rows[i, j]


class Embedding(Layer):
    """A vector for every symbol 0, 1, 2, ...; the first layer of a chain.

    ``n_features`` is the number of symbols, and ``x`` a block of integers (n_steps, n_series).

    Parameters
    ----------
    n_units : int, default=16
        Length of the vectors.

    Examples
    --------
    >>> layer = Embedding(4)
    >>> params = layer.init_params(10, np.random.default_rng(0))
    >>> layer.forward(params, np.array([[1, 2, 3]])).outputs.shape
    (1, 3, 4)
    """

    _parameter_constraints: ClassVar[dict] = {"n_units": SIZE}

    def __init__(self, n_units=16):
        self.n_units = n_units

    def width(self, n_features):
        """Return ``n_units``."""
        return self.n_units

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw standard normal vectors, ``params[0]`` of shape (n_symbols, n_units)."""
        self._validate_params()
        return (rng.standard_normal((n_features, self.n_units)).astype(dtype),)

    def forward(self, params, x, lengths=None, rng=None):
        """Look up whole series."""
        return Pass(params[0][x], x)

    def backward(self, params, tape, grad):
        """Return the gradient in the vectors; symbols have none."""
        total = np.zeros_like(params[0])
        _add_rows(total, tape.reshape(-1), np.ascontiguousarray(grad).reshape(-1, grad.shape[-1]))
        return (total,), None

    def step(self, params, x, state=()):
        """Look up one step, (n_series,)."""
        return params[0][x], state

    def parts(self, params, n_features, n_series):
        """Return the one part."""
        return (Lookup(params[0], np.empty((n_series, self.n_units), params[0].dtype)),)


class Softmax(BaseEstimator):
    """A distribution over symbols, fitted by its likelihood.

    Examples
    --------
    >>> raw = np.array([[0.0, np.log(3.0)]])
    >>> Softmax().probabilities(raw)
    array([[0.25, 0.75]])
    >>> Softmax().loss_and_grad(raw, np.array([1]))[1]
    array([[ 0.25, -0.25]])
    """

    def loss_and_grad(self, raw: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        """Return the mean negative log-likelihood, in nats, and its gradient.

        Parameters
        ----------
        raw : ndarray of shape (n, n_symbols)
        y : ndarray of int, shape (n,)

        Returns
        -------
        loss : float
        grad_raw : ndarray of shape (n, n_symbols)
        """
        logs = self.log_probabilities(raw)
        rows = np.arange(len(y))
        loss = -float(logs[rows, y].mean(dtype=np.float64))
        grad = np.exp(logs)
        grad[rows, y] -= 1
        grad /= grad.dtype.type(len(y))
        return loss, grad

    def log_probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return logarithms of probabilities, of the shape of ``raw``."""
        shifted = raw - raw.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))

    def probabilities(self, raw: np.ndarray) -> np.ndarray:
        """Return probabilities, of the shape of ``raw``."""
        return np.exp(self.log_probabilities(raw))

    def sample(self, raw: np.ndarray, rng: np.random.Generator, temperature: float = 1.0) -> np.ndarray:
        """Draw a symbol for every row: of shape ``raw.shape[:-1]``; a low temperature prefers likely ones."""
        steps = np.exp(self.log_probabilities(raw.astype(np.float64) / temperature)).cumsum(axis=-1)
        drawn = rng.random((*steps.shape[:-1], 1)) * steps[..., -1:]
        return (drawn >= steps[..., :-1]).sum(axis=-1)
