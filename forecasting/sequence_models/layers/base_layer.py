"""The contract of layers: pieces of a network that run forward and backward over whole padded blocks.

=================================================  ============================================================
method                                             does
=================================================  ============================================================
``width(n_features)``                              the width of what comes out
``init_params(n_features, rng, dtype)``            draws the parameters, a nested tuple of arrays
``forward(params, x, lengths, rng)``               returns a `Pass`: the outputs, and what `backward` needs
``backward(params, tape, grad)``                   returns the gradients in the parameters and in ``x``
``start(params, n_series)``, ``step(params, x,     the same one step at a time, for layers that look back only:
state)``                                           the cost of a step does not grow with what went before
``parts(params, n_features, n_series)``            the same for compiled loops, see `compiled_steps`
=================================================  ============================================================

Blocks are time-major, ``(n_steps, n_series, n_features)``; ``lengths`` (n_series,) says where series end and None
that all go to the end. ``rng`` is given in training alone and draws what is dropped. A layer holds hyper-parameters
only: it is a value, to be cloned and saved.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells import Cell
from forecasting.networks.cells.activations import multiply_by_slope
from forecasting.networks.initialisation import glorot_uniform
from forecasting.sequence_models.layers.compiled_steps import cell_step, linear_step
from reservoir.kernels.vecmath import ACTIVATIONS, SLOPES, activate

SIZE = [Interval(Integral, 1, None, closed="left")]


class Pass(NamedTuple):
    """What a forward run returns.

    Parameters
    ----------
    outputs : ndarray of shape (n_steps, n_series, width)
    tape : object
        For `Layer.backward`.
    """

    outputs: np.ndarray
    tape: Any


class Layer(BaseEstimator):
    """Base of all layers."""

    _parameter_constraints: ClassVar[dict] = {}

    def width(self, n_features: int) -> int:
        """Return the width of the outputs for inputs of some width."""
        raise NotImplementedError

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> Any:
        """Draw the parameters."""
        raise NotImplementedError

    def forward(
        self,
        params: Any,
        x: np.ndarray,
        lengths: np.ndarray | None = None,
        rng: np.random.Generator | None = None,
    ) -> Pass:
        """Run over whole series."""
        raise NotImplementedError

    def backward(self, params: Any, tape: Any, grad: np.ndarray) -> tuple[Any, Any]:
        """Return the gradients in the parameters and in ``x``."""
        raise NotImplementedError

    def start(self, params: Any, n_series: int) -> Any:
        """Return the state before the first step: a nested tuple of arrays (n_series, ...)."""
        return ()

    def step(self, params: Any, x: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """Go one step: from ``x`` (n_series, n_features) to (n_series, width), and the new state."""
        raise TypeError(
            f"{type(self).__name__} needs whole sequences and cannot go step by step: use layers that look back only"
        )

    def parts(self, params: Any, n_features: int, n_series: int) -> tuple:
        """Return parts that go step by step from rest in compiled loops."""
        raise TypeError(
            f"{type(self).__name__} has no compiled steps: use Embedding, Dense, Recurrent, Chain, Dropout"
        )


class Weights(NamedTuple):
    """A linear map ``x @ weights + bias``.

    Parameters
    ----------
    weights : ndarray of shape (n_features, n_units)
    bias : ndarray of shape (n_units,)
    """

    weights: np.ndarray
    bias: np.ndarray


def init_weights(n_features: int, n_units: int, rng: np.random.Generator, dtype: Any) -> Weights:
    """Draw Glorot-uniform weights, no bias."""
    return Weights(glorot_uniform(n_features, n_units, 1, rng).astype(dtype), np.zeros(n_units, dtype))


def product(block: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return ``block @ weights`` as one product of two matrices, whatever axes come before the last."""
    return (block.reshape(-1, block.shape[-1]) @ weights).reshape(*block.shape[:-1], weights.shape[1])


def weights_grad(x: np.ndarray, grad: np.ndarray) -> Weights:
    """Return the gradient in the weights of a linear map; leading axes of both are summed over."""
    rows, grads = x.reshape(-1, x.shape[-1]), grad.reshape(-1, grad.shape[-1])
    return Weights(rows.T @ grads, grads.sum(axis=0))


class Dense(Layer):
    r"""A layer without memory: :math:`y(t) = f(x(t) W + b)`, each step by itself.

    Parameters
    ----------
    n_units : int, default=32
    activation : {"identity", "tanh", "relu", "sigmoid", "saturated_linear"}, default="identity"

    Examples
    --------
    >>> layer = Dense(4, activation="tanh")
    >>> params = layer.init_params(3, np.random.default_rng(0))
    >>> layer.forward(params, np.ones((5, 2, 3), np.float32)).outputs.shape
    (5, 2, 4)
    """

    _parameter_constraints: ClassVar[dict] = {"n_units": SIZE, "activation": [StrOptions(set(SLOPES))]}

    def __init__(self, n_units=32, *, activation="identity"):
        self.n_units = n_units
        self.activation = activation

    def width(self, n_features):
        """Return ``n_units``."""
        return self.n_units

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw Glorot-uniform weights, no bias."""
        self._validate_params()
        return init_weights(n_features, self.n_units, rng, dtype)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        y = self.step(params, x)[0]
        return Pass(y, (x, y))

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        x, y = tape
        if self.activation == "sigmoid":
            grad = grad * SLOPES["sigmoid"](y)
        elif self.activation != "identity":
            grad = np.array(grad, y.dtype, order="C")
            multiply_by_slope(grad.reshape(-1), y.reshape(-1), ACTIVATIONS[self.activation])
        return weights_grad(x, grad), product(grad, params.weights.T)

    def parts(self, params, n_features, n_series):
        """Return the one part."""
        return (linear_step(params, self.activation, n_series),)

    def step(self, params, x, state=()):
        """Go one step; there is no state. All steps that are known go at once, as one product."""
        drive = product(x, params.weights)
        drive += params.bias
        activate(drive.reshape(-1), ACTIVATIONS[self.activation])
        return drive, state


class Recurrent(Layer):
    """A recurrent cell as a layer, from rest: state in, state out, hidden recurrence.

    Parameters
    ----------
    cell : Cell

    Examples
    --------
    >>> from forecasting.networks.cells import GRU
    >>> layer = Recurrent(GRU(4))
    >>> params = layer.init_params(3, np.random.default_rng(0))
    >>> layer.forward(params, np.ones((5, 2, 3), np.float32)).outputs.shape
    (5, 2, 4)
    """

    _parameter_constraints: ClassVar[dict] = {"cell": [Cell]}

    def __init__(self, cell):
        self.cell = cell

    def width(self, n_features):
        """Return the number of units."""
        return self.cell.n_units

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of the cell."""
        self._validate_params()
        return self.cell.init_params(n_features, rng, dtype)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series; what stands after the end of one is run over too, and never looked at."""
        tape = self.cell.forward(params, x)
        return Pass(tape.states, (x, tape))

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        return self.cell.backward(params, *tape, grad)[:2]

    def start(self, params, n_series):
        """Return the state at rest."""
        return self.cell.zero_state(n_series, params.bias.dtype)

    def step(self, params, x, state):
        """Go one step."""
        return self.cell.step(params, x, state)

    def parts(self, params, n_features, n_series):
        """Return the one part."""
        return (cell_step(self.cell, params, n_features, self.start(params, n_series)),)
