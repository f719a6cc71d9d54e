r"""From a sequence to one vector: the last state, the mean, or a mean whose weights are learned.

.. math:: \text{attention: } y = \sum_t a_t h(t), \qquad
    a = \operatorname{softmax}_t\big(\tanh(h(t) W + b) \cdot v\big)

(Lin et al. 2017, A structured self-attentive sentence embedding, with one row of attention.) Outputs are
(n_series, width): the axis of time is gone.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import numpy as np

from forecasting.sequence_models.layers.base_layer import (
    SIZE,
    Layer,
    Pass,
    Weights,
    init_weights,
    weights_grad,
)
from forecasting.sequence_models.layers.padding import is_there


class Pooling(Layer):
    """Base of layers that leave one vector of a sequence."""

    def width(self, n_features):
        """Return the width of the inputs."""
        return n_features

    def init_params(self, n_features, rng, dtype=np.float32):
        """Return no parameters."""
        return ()


class LastStep(Pooling):
    """The output at the last step of each series."""

    def forward(self, params, x, lengths=None, rng=None):
        """Pick the last step that is there."""
        last = np.full(x.shape[1], len(x)) if lengths is None else lengths
        place = last - 1, np.arange(x.shape[1])
        return Pass(x[place], (x.shape, place))

    def backward(self, params, tape, grad):
        """Return the gradient in ``x``."""
        shape, place = tape
        grad_x = np.zeros(shape, grad.dtype)
        grad_x[place] = grad
        return (), grad_x


class BothEnds(Pooling):
    """What two directions, joined, know of the whole: the first half's last step, the second half's first.

    For the output of `bidirectional`.
    """

    def forward(self, params, x, lengths=None, rng=None):
        """Pick the two steps."""
        half = x.shape[2] // 2
        last, tape = LastStep().forward((), x[..., :half], lengths)
        return Pass(np.hstack([last, x[0, :, half:]]), (tape, x.shape))

    def backward(self, params, tape, grad):
        """Return the gradient in ``x``."""
        inner, shape = tape
        half = shape[2] // 2
        grad_x = np.zeros(shape, grad.dtype)
        grad_x[..., :half] = LastStep().backward((), inner, grad[:, :half])[1]
        grad_x[0, :, half:] = grad[:, half:]
        return (), grad_x


class MeanPooling(Pooling):
    """The mean over the steps of each series."""

    def forward(self, params, x, lengths=None, rng=None):
        """Average over the steps that are there."""
        there = is_there(lengths, *x.shape[:2])
        shares = (there / there.sum(axis=0)).astype(x.dtype)[..., np.newaxis]
        return Pass((x * shares).sum(axis=0), shares)

    def backward(self, params, tape, grad):
        """Return the gradient in ``x``."""
        return (), tape * grad


class AttentionPoolingParams(NamedTuple):
    """Parameters of `AttentionPooling`.

    Attributes
    ----------
    hidden : Weights of shape (n_features, n_units)
    score : array (n_units,)
    """

    hidden: Weights
    score: np.ndarray


class AttentionPooling(Pooling):
    """A weighted mean over the steps of each series; the weights are learned from the steps.

    Parameters
    ----------
    n_units : int, default=16
        Width of the layer that scores a step.
    """

    _parameter_constraints: ClassVar[dict] = {"n_units": SIZE}

    def __init__(self, n_units=16):
        self.n_units = n_units

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw Glorot-uniform weights."""
        self._validate_params()
        score = rng.uniform(-1, 1, self.n_units) * np.sqrt(3 / self.n_units)
        return AttentionPoolingParams(init_weights(n_features, self.n_units, rng, dtype), score.astype(dtype))

    def forward(self, params, x, lengths=None, rng=None):
        """Average with weights that are 0 where no step is."""
        hidden = np.tanh(x @ params.hidden.weights + params.hidden.bias)
        scores = np.where(is_there(lengths, *x.shape[:2]), hidden @ params.score, -np.inf)
        shares = np.exp(scores - scores.max(axis=0))
        shares = (shares / shares.sum(axis=0)).astype(x.dtype)
        return Pass((shares[..., np.newaxis] * x).sum(axis=0), (x, hidden, shares))

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        x, hidden, shares = tape
        grad_shares = (x * grad).sum(axis=2)
        grad_scores = shares * (grad_shares - (shares * grad_shares).sum(axis=0))
        grad_drive = grad_scores[..., np.newaxis] * params.score * (1 - hidden * hidden)
        grads = AttentionPoolingParams(
            weights_grad(x, grad_drive), (hidden * grad_scores[..., np.newaxis]).sum(axis=(0, 1))
        )
        return grads, shares[..., np.newaxis] * grad + grad_drive @ params.hidden.weights.T


# By name; each is called without arguments.
POOLINGS: dict[str, type[Pooling]] = {"last": LastStep, "mean": MeanPooling, "attention": AttentionPooling}
