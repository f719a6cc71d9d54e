r"""RNN: the simple recurrent network of Elman (1990).

.. math:: h(t) = f\big(x(t) W + h(t-1) U + b\big)

with ``f`` one of tanh, relu and saturated_linear, ``min(max(a, 0), 1)``. Series are rows, so weights stand on the
right: ``W`` is (n_features, n_units), ``U`` (n_units, n_units).

References
----------
J. L. Elman, "Finding structure in time", Cognitive Science 14, 1990.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import set_activated, times_slope
from forecasting.networks.cells.base_cell import Cell, Output, Tape, zeros_of
from forecasting.networks.cells.step_products import (
    add_back,
    add_onward,
    add_product,
    in_panels,
    room_for,
    turned,
)
from forecasting.networks.cells.time_chunks import add_input_gradients, set_drive, steps_per_chunk
from forecasting.networks.cells.units import each_unit_back, shape_of
from forecasting.networks.cells.views import at_step
from forecasting.networks.initialisation import glorot_uniform, orthogonal
from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import address
from reservoir.kernels.vecmath import ACTIVATIONS


class RNNParams(NamedTuple):
    """Parameters of `RNN`.

    Attributes
    ----------
    input_weights : array (n_features, n_units)
    recurrent_weights : array (n_units, n_units)
    bias : array (n_units,)
    """

    input_weights: np.ndarray
    recurrent_weights: np.ndarray
    bias: np.ndarray


@compiled
def forward(params, x, path, code):
    """Run on from ``path[0]``, the initial state; ``path`` (n_steps + 1, n_series, n_units)."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), path[1:].reshape(-1, n_units)
    shape = shape_of(n_series, n_units, x)
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            drive, heard = at_step(path, t + 1, 0, n_units), at_step(path, t, 0, n_units)
            add_onward(drive, heard, params.recurrent_weights, panels, t)
            set_activated((address(path),), code, t, start, shape)


@each_unit_back
def _set_deltas(load, store, full):
    """Set the gradients in the drive; that in h(t), from later steps, becomes 0."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (path, outer, carry, deltas), (code, outside) = arrays, options
        d = load(carry, here * n_units + j)
        if outside:
            d = d + load(outer, now * n_units + j)
        d = times_slope(d, load(path, after * n_units + j), code, full(path, 1.0))
        store(deltas, chunk * n_units + j, d)
        store(carry, here * n_units + j, full(path, 0.0))

    return unit


@compiled
def backward(params, x, path, code, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    deltas = room_for(chunk * n_series, n_units, x).reshape(chunk, n_series, n_units)
    delta_rows, shape = deltas.reshape(-1, n_units), shape_of(n_series, n_units, x)
    arrays = address(path), address(grad_states), address(carry), address(deltas)
    options = code, grad_states.size > 0
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(arrays, options, t, start, shape)
            add_back(carry, at_step(deltas, t - start, 0, n_units), params.recurrent_weights, transposed, t)
        first, last = start * n_series, stop * n_series
        used = delta_rows[: last - first]
        add_product(grads.recurrent_weights, rows[first:last].T, used)
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)


class RNN(Cell):
    """Simple recurrent network: the new state is a function of the input and the state before.

    Parameters
    ----------
    n_units : int, default=32
        Size of the state.
    activation : {"tanh", "relu", "saturated_linear"}, default="tanh"

    Examples
    --------
    >>> cell = RNN(n_units=8)
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

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> RNNParams:
        """Draw parameters: Glorot-uniform input weights, an orthogonal recurrence, no bias.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        RNNParams
        """
        self._validate_params()
        return RNNParams(
            glorot_uniform(n_features, self.n_units, 1, rng).astype(dtype),
            orthogonal(self.n_units, 1, rng).astype(dtype),
            np.zeros(self.n_units, dtype),
        )

    def kernel_constants(self, params: Any) -> tuple:
        """Return the arguments of the compiled step that do not change from step to step.

        Parameters
        ----------
        params : NamedTuple
            Parameters of the cell.

        Returns
        -------
        tuple
        """
        return (ACTIVATIONS[self.activation],)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        path = np.empty((len(x) + 1, x.shape[1], self.n_units), x.dtype)
        path[0] = state.output
        forward(params, x, path, *self.kernel_constants(params))
        return Tape(path[1:], Output(path[-1].copy()), (path,))

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        grads = zeros_of(params)
        backward(
            params, x, *tape.memory, ACTIVATIONS[self.activation], grad_states, carry.output, grads, grad_x
        )
        return grads, carry
