r"""LeakyRNN: a simple recurrent network that also hears linear leaky units, each with a time constant of its own.

.. math::

    \mu(t) &= \alpha \odot \mu(t-1) + (1 - \alpha) \odot h(t-1), \qquad \alpha = \sigma(a) \\
    h(t) &= f\big(x(t) W + h(t-1) U + \mu(t) V + b\big)

Every unit has a trace ``mu``, linear, with a retention ``alpha`` of its own that is learned; gradients that flow
along a trace shrink by alpha a step and no faster. At :math:`\alpha = 0` the trace is the state before, at
:math:`\alpha = 1` it never changes: both are simple recurrent networks. The traces are those of
`reservoir.LeakyUnits`.

References
----------
S. El Hihi and Y. Bengio, "Hierarchical recurrent neural networks for long-term dependencies", NIPS 1995; I.
Goodfellow, Y. Bengio and A. Courville, Deep Learning, MIT Press 2016, section 10.9.2.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from scipy.special import expit, logit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import set_activated, times_slope
from forecasting.networks.cells.base_cell import Cell, Tape, zeros_of
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

_FOREVER = 40.0  # logit of a retention that is 1 in every precision


class LeakyRNNParams(NamedTuple):
    """Parameters of `LeakyRNN`.

    Attributes
    ----------
    input_weights : array (n_features, n_units)
    recurrent_weights : array (2 * n_units, n_units)
        U, then V.
    bias : array (n_units,)
    retention_logits : array (n_units,)
    """

    input_weights: np.ndarray
    recurrent_weights: np.ndarray
    bias: np.ndarray
    retention_logits: np.ndarray


class LeakyState(NamedTuple):
    """State of a LeakyRNN.

    Attributes
    ----------
    output, trace : array (n_series, n_units)
        h and mu.
    """

    output: np.ndarray
    trace: np.ndarray


@each_unit
def _set_heard(load, store, full):
    """Put what the step hears, h(t-1) and mu(t), side by side."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        path, heard, retention = arrays
        kept, output, trace = load(retention, j), load(path, now * n_units + j), (2 * after + 1) * n_units + j
        fresh = (full(path, 1.0) - kept) * output
        store(heard, trace - n_units, output)
        store(heard, trace, kept * load(heard, (2 * now + 1) * n_units + j) + fresh)

    return unit


@compiled
def forward(params, x, path, heard, code, retention):
    """Run on from ``path[0]`` (h) and the second half of ``heard[0]`` (mu), and fill both.

    ``path`` (n_steps + 1, n_series, n_units), ``heard`` (n_steps + 1, n_series, 2 * n_units).
    """
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, rows = x.reshape(-1, n_features), path[1:].reshape(-1, n_units)
    arrays, shape = (address(path), address(heard), address(retention)), shape_of(n_series, n_units, x)
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            _set_heard(arrays, (), t, start, shape)
            drive = at_step(path, t + 1, 0, n_units)
            add_onward(drive, at_step(heard, t + 1, 0, 2 * n_units), params.recurrent_weights, panels, t)
            set_activated(arrays, code, t, start, shape)


@each_unit_back
def _set_deltas(load, store, full):
    """Set the gradients in the drive; those in what the step heard become 0."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (path, _, _, outer, in_output, _, in_heard, deltas, _), (code, outside) = arrays, options
        d = load(in_output, here * n_units + j)
        if outside:
            d = d + load(outer, now * n_units + j)
        d = times_slope(d, load(path, after * n_units + j), code, full(path, 1.0))
        store(deltas, chunk * n_units + j, d)
        store(in_heard, 2 * here * n_units + j, full(path, 0.0))
        store(in_heard, (2 * here + 1) * n_units + j, full(path, 0.0))

    return unit


@each_unit
def _pass_trace(load, store, full):
    """From the gradients in what the step heard to those in h(t-1), mu(t-1) and the retention."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        path, heard, retention, _, in_output, in_trace, in_heard, _, in_retention = arrays
        kept, at, trace = load(retention, j), here * n_units + j, (2 * here + 1) * n_units + j
        d = load(in_trace, at) + load(in_heard, trace)
        moved = load(heard, (2 * now + 1) * n_units + j) - load(path, now * n_units + j)
        store(in_retention, j, load(in_retention, j) + d * moved)
        store(in_output, at, load(in_heard, trace - n_units) + (full(path, 1.0) - kept) * d)
        store(in_trace, at, kept * d)

    return unit


@compiled
def backward(params, x, path, heard, code, retention, grad_states, in_output, in_trace, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``in_output`` and ``in_trace`` go from the final to the initial state.

    The gradient in ``retention_logits`` is left to be multiplied by their slope.
    """
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    x_rows, heard_rows = x.reshape(-1, n_features), heard[1:].reshape(-1, 2 * n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, n_units)
    deltas = room_for(chunk * n_series, n_units, x).reshape(chunk, n_series, n_units)
    delta_rows, grad_heard = deltas.reshape(-1, n_units), np.empty((n_series, 2 * n_units), x.dtype)
    tape, carried = (
        (address(path), address(heard), address(retention)),
        (address(in_output), address(in_trace)),
    )
    gradients = address(grad_heard), address(deltas), address(grads.retention_logits)
    arrays, shape = (*tape, address(grad_states), *carried, *gradients), shape_of(n_series, n_units, x)
    options = code, grad_states.size > 0
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(arrays, options, t, start, shape)
            delta = at_step(deltas, t - start, 0, n_units)
            add_back(grad_heard, delta, params.recurrent_weights, transposed, t)
            _pass_trace(arrays, options, t, start, shape)
        first, last = start * n_series, stop * n_series
        add_product(grads.recurrent_weights, heard_rows[first:last].T, delta_rows[: last - first])
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)


class LeakyRNN(Cell):
    """Simple recurrent network that also hears linear traces of its units.

    Parameters
    ----------
    n_units : int, default=32
        Size of the output; the state is twice as large.
    activation : {"tanh", "relu", "saturated_linear"}, default="tanh"
    retention : float, tuple of 2 floats, or array-like of shape (n_units,), default=(0.5, 0.99)
        First alpha, in (0, 1], of every unit. A tuple of two below 1 spreads the time constants 1 / (1 - alpha)
        evenly on a logarithmic scale between both, in random order. A retention of 1 stays there: its unit's trace
        is what the state was at the start.

    Examples
    --------
    >>> cell = LeakyRNN(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.final_state.trace.shape
    (3, 8)
    """

    State = LeakyState
    kernel = staticmethod(forward)

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"tanh", "relu", "saturated_linear"})],
        "retention": [Interval(Real, 0, 1, closed="right"), "array-like", tuple],
    }

    def __init__(self, n_units=32, *, activation="tanh", retention=(0.5, 0.99)):
        self.n_units = n_units
        self.activation = activation
        self.retention = retention

    def init_params(
        self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32
    ) -> LeakyRNNParams:
        """Draw parameters: Glorot-uniform input weights; both recurrences orthogonal over the root of 2; no bias.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        LeakyRNNParams
        """
        self._validate_params()
        recurrences = [orthogonal(self.n_units, 1, rng) / np.sqrt(2) for _ in range(2)]
        return LeakyRNNParams(
            glorot_uniform(n_features, self.n_units, 1, rng).astype(dtype),
            np.vstack(recurrences).astype(dtype),
            np.zeros(self.n_units, dtype),
            np.minimum(logit(self._read_retention(rng)), _FOREVER).astype(dtype),
        )

    def _read_retention(self, rng: np.random.Generator) -> np.ndarray:
        values = np.array(self.retention, dtype=float)
        if not ((values > 0) & (values <= 1)).all():
            raise ValueError(f"retention must lie in (0, 1], got {self.retention!r}: near 0 is no memory.")
        if isinstance(self.retention, tuple) and len(values) == 2:
            if values.max() == 1:
                raise ValueError(
                    f"retention={self.retention!r} is a range, whose ends must be below 1; give an array."
                )
            shortest, longest = 1 / (1 - values)
            constants = np.geomspace(shortest, longest, self.n_units)
            return rng.permutation(1 - 1 / constants)
        if values.ndim == 1 and len(values) != self.n_units:
            raise ValueError(f"retention has {len(values)} values, but there are n_units={self.n_units}.")
        return np.broadcast_to(values, self.n_units)

    def _gates(self, tape: Any) -> dict[str, np.ndarray]:
        """Return the traces of a run."""
        _, heard = tape.memory
        return {"trace": heard[1:, :, self.n_units :]}

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
        return ACTIVATIONS[self.activation], expit(params.retention_logits)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        path = np.empty((len(x) + 1, x.shape[1], self.n_units), x.dtype)
        heard = np.zeros((len(x) + 1, x.shape[1], 2 * self.n_units), x.dtype)
        path[0], heard[0, :, self.n_units :] = state
        forward(params, x, path, heard, *self.kernel_constants(params))
        final = LeakyState(path[-1].copy(), heard[-1, :, self.n_units :].copy())
        return Tape(path[1:], final, (path, heard))

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        grads = zeros_of(params)
        code, retention = self.kernel_constants(params)
        backward(params, x, *tape.memory, code, retention, grad_states, *carry, grads, grad_x)
        grads.retention_logits[:] *= retention * (1 - retention)
        return grads, carry
