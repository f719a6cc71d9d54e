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
from scipy.special import expit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import activated, times_slope
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
from forecasting.networks.cells.units import each_unit, each_unit_back, shape_of
from forecasting.networks.cells.views import at_step
from forecasting.networks.initialisation import glorot_uniform, orthogonal
from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import address
from reservoir.kernels.vecmath import ACTIVATIONS


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


@each_unit
def _set_units(load, store, full):
    """Turn the drive into the candidate, and mix."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (path, candidates), (code, alpha, beta) = arrays, options
        at = now * n_units + j
        candidate = activated(load(candidates, at), code, full(path, 1.0))
        store(candidates, at, candidate)
        store(path, after * n_units + j, alpha * candidate + beta * load(path, at))

    return unit


@compiled
def forward(params, x, path, candidates, code, mixing):
    """Run on from ``path[0]`` and fill ``path``, of one step more than ``x``, and ``candidates``."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), candidates.reshape(-1, n_units)
    arrays, shape = (address(path), address(candidates)), shape_of(n_series, n_units, x)
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            drive, heard = at_step(candidates, t, 0, n_units), at_step(path, t, 0, n_units)
            add_onward(drive, heard, params.recurrent_weights, panels, t)
            _set_units(arrays, (code, mixing[0], mixing[1]), t, start, shape)


@each_unit_back
def _set_deltas(load, store, full):
    """Set the gradients in the drive; that in h(t), from later steps, becomes the direct one in h(t-1).

    ``sums`` adds up, unit by unit, the gradients in alpha and beta.
    """

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (path, candidates, outer, carry, deltas, sums), (code, alpha, beta, outside) = arrays, options
        at, d = now * n_units + j, load(carry, here * n_units + j)
        if outside:
            d = d + load(outer, at)
        candidate = load(candidates, at)
        store(sums, j, load(sums, j) + d * candidate)
        store(sums, n_units + j, load(sums, n_units + j) + d * load(path, at))
        store(deltas, chunk * n_units + j, times_slope(alpha * d, candidate, code, full(path, 1.0)))
        store(carry, here * n_units + j, beta * d)

    return unit


@compiled
def backward(params, x, path, candidates, code, mixing, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one.

    The gradient in ``mixing_logits`` is left to be multiplied by their slope.
    """
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    deltas = room_for(chunk * n_series, n_units, x).reshape(chunk, n_series, n_units)
    delta_rows, sums = deltas.reshape(-1, n_units), np.zeros((2, n_units), x.dtype)
    carried = address(grad_states), address(carry), address(deltas), address(sums)
    arrays, shape = (address(path), address(candidates), *carried), shape_of(n_series, n_units, x)
    options = code, mixing[0], mixing[1], grad_states.size > 0
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(arrays, options, t, start, shape)
            add_back(carry, at_step(deltas, t - start, 0, n_units), params.recurrent_weights, transposed, t)
        first, last = start * n_series, stop * n_series
        add_product(grads.recurrent_weights, rows[first:last].T, delta_rows[: last - first])
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)
    for of_one in range(2):
        grads.mixing_logits[of_one] += sums[of_one].sum()


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
        return ACTIVATIONS[self.activation], expit(params.mixing_logits)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        path = np.empty((len(x) + 1, x.shape[1], self.n_units), x.dtype)
        candidates = np.empty_like(path[1:])
        path[0] = state.output
        forward(params, x, path, candidates, *self.kernel_constants(params))
        return Tape(path[1:], Output(path[-1].copy()), (path, candidates))

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        grads = zeros_of(params)
        code, mixing = self.kernel_constants(params)
        backward(params, x, *tape.memory, code, mixing, grad_states, carry.output, grads, grad_x)
        grads.mixing_logits[:] *= mixing * (1 - mixing)
        return grads, carry
