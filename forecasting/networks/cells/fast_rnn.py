r"""FastRNN: a simple recurrent network with a weighted residual connection along time.

.. math::

    \tilde h(t) &= f\big(x(t) W + h(t-1) U + b\big) \\
    h(t) &= \alpha \tilde h(t) + \beta h(t-1), \qquad \alpha = \sigma(a_1), \; \beta = \sigma(a_2)

Both weights are learned and stay in (0, 1); they begin near 0 and 1, where gradients through long times neither
vanish nor explode.

References
----------
A. Kusupati et al., "FastGRNN: A fast, accurate, stable and tiny kilobyte sized gated recurrent neural network",
NeurIPS 2018, section 3.1.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit
from scipy.special import expit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import multiply_by_slope
from forecasting.networks.cells.base import Cell, Output, Tape, zeros_of
from forecasting.networks.cells.time_chunks import (
    KERNEL,
    add_back,
    add_input_gradients,
    add_onward,
    add_product,
    add_step,
    in_panels,
    room_for,
    set_drive,
    steps_per_chunk,
    turned,
)
from forecasting.networks.cells.views import at_step
from forecasting.networks.initialisation import glorot_uniform, orthogonal
from reservoir.vecmath import ACTIVATIONS, activate


class FastRNNParams(NamedTuple):
    """Parameters of `FastRNN`.

    Attributes
    ----------
    input_weights : array (n_features, n_units)
    recurrent_weights : array (n_units, n_units)
    bias : array (n_units,)
    mixing_logits : array (2,)
        The weights alpha, of what is new, and beta, of what was, as logits.
    """

    input_weights: np.ndarray
    recurrent_weights: np.ndarray
    bias: np.ndarray
    mixing_logits: np.ndarray


@njit(**KERNEL)
def _mix(path, candidates, t, size, mixing):
    """``path[t + 1] = alpha * candidates[t] + beta * path[t]``, all flat, ``size`` numbers a step."""
    before, after = t * size, t * size + size
    for j in range(size):
        path[after + j] = mixing[0] * candidates[before + j] + mixing[1] * path[before + j]


@njit(**KERNEL)
def forward(params, x, path, candidates, code, mixing):
    """Run on from ``path[0]`` and fill ``path``, of one step more than ``x``, and ``candidates``."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), candidates.reshape(-1, n_units)
    flat, size = (path.reshape(-1), candidates.reshape(-1)), np.uint64(n_series * n_units)
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            drive, heard = at_step(candidates, t, 0, n_units), at_step(path, t, 0, n_units)
            add_onward(drive, heard, params.recurrent_weights, panels, t)
            activate(candidates[t].reshape(-1), code)
            _mix(*flat, np.uint64(t), size, mixing)


@njit(**KERNEL)
def _unmix(path, candidates, grad_out, delta, t, mixing, grad_mixing):
    """From the gradient in h(t) to those in both weights, in the candidate, and, in place, directly in h(t-1)."""
    begin = t * np.uint64(grad_out.size)
    new, old = grad_out.dtype.type(0), grad_out.dtype.type(0)
    for j in range(np.uint64(grad_out.size)):
        new += grad_out[j] * candidates[begin + j]
        old += grad_out[j] * path[begin + j]
    grad_mixing[0] += new
    grad_mixing[1] += old
    for j in range(np.uint64(grad_out.size)):
        delta[j] = mixing[0] * grad_out[j]
        grad_out[j] *= mixing[1]


@njit(**KERNEL)
def backward(params, x, path, candidates, code, mixing, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one.

    The gradient in ``mixing_logits`` is left to be multiplied by their slope.
    """
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows, grad_flat, carry_flat = (
        grad_x.reshape(-1, n_features),
        grad_states.reshape(-1),
        carry.reshape(-1),
    )
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    deltas = room_for(chunk * n_series, n_units, x).reshape(chunk, n_series, n_units)
    delta_rows, flat = deltas.reshape(-1, n_units), (path.reshape(-1), candidates.reshape(-1))
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            delta = deltas[t - start]
            add_step(carry_flat, grad_flat, np.uint64(t))
            _unmix(*flat, carry_flat, delta.reshape(-1), np.uint64(t), mixing, grads.mixing_logits)
            multiply_by_slope(delta.reshape(-1), candidates[t].reshape(-1), code)
            add_back(carry, at_step(deltas, t - start, 0, n_units), params.recurrent_weights, transposed, t)
        first, last = start * n_series, stop * n_series
        add_product(grads.recurrent_weights, rows[first:last].T, delta_rows[: last - first])
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)


class FastRNN(Cell):
    """Simple recurrent network with a weighted residual connection along time.

    Parameters
    ----------
    n_units : int, default=32
        Size of the state.
    activation : {"tanh", "relu", "saturated_linear"}, default="tanh"

    Examples
    --------
    >>> cell = FastRNN(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.states.shape
    (5, 3, 8)
    """

    kernel = staticmethod(forward)

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"tanh", "relu", "saturated_linear"})],
    }

    def __init__(self, n_units=32, *, activation="tanh"):
        self.n_units = n_units
        self.activation = activation

    def init_params(
        self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32
    ) -> FastRNNParams:
        """Draw parameters: as of an RNN; alpha = sigmoid(-3) and beta = sigmoid(3) (Kusupati et al.).

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        FastRNNParams
        """
        self._validate_params()
        return FastRNNParams(
            glorot_uniform(n_features, self.n_units, 1, rng).astype(dtype),
            orthogonal(self.n_units, 1, rng).astype(dtype),
            np.zeros(self.n_units, dtype),
            np.array([-3.0, 3.0], dtype),
        )

    def _gates(self, tape: Any) -> dict[str, np.ndarray]:
        """Return the candidates of a run."""
        _, candidates = tape.memory
        return {"candidate": candidates}

    def _constants(self, params: Any) -> tuple:
        return ACTIVATIONS[self.activation], expit(params.mixing_logits)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        path = np.empty((len(x) + 1, x.shape[1], self.n_units), x.dtype)
        candidates = np.empty_like(path[1:])
        path[0] = state.output
        forward(params, x, path, candidates, *self._constants(params))
        return Tape(path[1:], Output(path[-1].copy()), (path, candidates))

    def _backward(
        self,
        params: Any,
        x: np.ndarray,
        tape: Any,
        grad_states: np.ndarray,
        grad_state: Any,
        grad_x: np.ndarray,
    ) -> Any:
        grads, carry = zeros_of(params), grad_state.output.copy()
        code, mixing = self._constants(params)
        backward(params, x, *tape.memory, code, mixing, grad_states, carry, grads, grad_x)
        grads.mixing_logits[:] *= mixing * (1 - mixing)
        return grads, Output(carry)
