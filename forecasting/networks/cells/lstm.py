r"""LSTM: long short-term memory, with the gates of its several forms.

.. math::

    i(t) &= \sigma\big(x(t) W_i + h(t-1) U_i + p_i \odot c(t-1) + b_i\big) \\
    g(t) &= \tanh\big(x(t) W_g + h(t-1) U_g + b_g\big) \\
    f(t) &= \sigma\big(x(t) W_f + h(t-1) U_f + p_f \odot c(t-1) + b_f\big) \\
    c(t) &= f(t) \odot c(t-1) + i(t) \odot g(t) \\
    o(t) &= \sigma\big(x(t) W_o + h(t-1) U_o + p_o \odot c(t) + b_o\big) \\
    h(t) &= o(t) \odot \tanh c(t)

The 1997 form has no forget gate, :math:`f = 1` (Hochreiter and Schmidhuber; their squashing functions were scaled
logistic ones). The forget gate is of Gers, Schmidhuber and Cummins (2000), the peepholes ``p`` of Gers and
Schmidhuber (2000), the coupled form :math:`f = 1 - i` is variant CIFG of Greff et al. (2017).

Weights hold the gates side by side in the order candidate, input, output, forget; the last only where it is learned.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

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
from forecasting.networks.initialisation import chrono_bias, glorot_uniform, orthogonal
from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import address
from reservoir.kernels.vecmath import gate, tanh

_FORGET = {"none": 0, "gate": 1, "coupled": 2}


class LSTMParams(NamedTuple):
    """Parameters of `LSTM`; ``n_gates`` is 4 with a forget gate, else 3.

    Attributes
    ----------
    input_weights : array (n_features, n_gates * n_units)
    recurrent_weights : array (n_units, n_gates * n_units)
    bias : array (n_gates * n_units,)
    peepholes : array (n_gates - 1, n_units)
        Of the gates input, output, forget; without peepholes (0, n_units).
    """

    input_weights: np.ndarray
    recurrent_weights: np.ndarray
    bias: np.ndarray
    peepholes: np.ndarray


class LSTMState(NamedTuple):
    """State of an LSTM.

    Attributes
    ----------
    output, memory : array (n_series, n_units)
        h and c.
    """

    output: np.ndarray
    memory: np.ndarray


@each_unit
def _set_units(load, store, full):
    """Turn the drive into gates, memory and output."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (gates, memories, path, peepholes), (forget, peeping) = arrays, options
        candidate, memory = 4 * now * n_units + j, 2 * after * n_units + j
        entry, exit, keep = candidate + n_units, candidate + 2 * n_units, candidate + 3 * n_units
        old, drive = load(memories, 2 * now * n_units + j), load(gates, entry)
        if peeping:
            drive = drive + load(peepholes, j) * old
        g, i, f = tanh(load(gates, candidate)), gate(drive), full(gates, 1.0)
        if forget == 1:
            drive = load(gates, keep)
            if peeping:
                drive = drive + load(peepholes, 2 * n_units + j) * old
            f = gate(drive)
        elif forget == 2:
            f = f - i
        c, drive = f * old + i * g, load(gates, exit)
        if peeping:
            drive = drive + load(peepholes, n_units + j) * c
        o, level = gate(drive), tanh(c)
        store(gates, candidate, g)
        store(gates, entry, i)
        store(gates, exit, o)
        store(gates, keep, f)
        store(memories, memory, c)
        store(memories, memory + n_units, level)
        store(path, after * n_units + j, o * level)

    return unit


@compiled
def forward(params, x, path, memories, gates, forget):
    """Run on from ``path[0]`` and ``memories[0]``, and fill all three.

    ``path`` (n_steps + 1, n_series, n_units); ``memories`` (n_steps + 1, n_series, 2 * n_units), c and tanh of it;
    ``gates`` (n_steps, n_series, 4 * n_units).
    """
    n_steps, n_series, n_features = x.shape
    n_units, width = path.shape[2], params.bias.size
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, 4 * n_units)
    arrays = address(gates), address(memories), address(path), address(params.peepholes)
    options, shape = (forget, params.peepholes.size > 0), shape_of(n_series, n_units, x)
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            drive, heard = at_step(gates, t, 0, width), at_step(path, t, 0, n_units)
            add_onward(drive, heard, params.recurrent_weights, panels, t)
            _set_units(arrays, options, t, start, shape)


@each_unit_back
def _set_deltas(load, store, full):
    """Set the gradients in the drive; those in h(t), from later steps, and c(t) become the direct ones in h(t-1), 0,
    and c(t-1). Where no forget gate is learned, what stands in its place means nothing.
    """

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        gates, memories, peepholes, outer, in_output, in_memory, deltas = arrays
        forget, peeping, outside = options
        candidate, delta, one = 4 * now * n_units + j, 4 * chunk * n_units + j, full(gates, 1.0)
        g, i = load(gates, candidate), load(gates, candidate + n_units)
        o, f = load(gates, candidate + 2 * n_units), load(gates, candidate + 3 * n_units)
        old, level = load(memories, 2 * now * n_units + j), load(memories, (2 * after + 1) * n_units + j)
        d = load(in_output, here * n_units + j)
        if outside:
            d = d + load(outer, now * n_units + j)
        d_exit = d * level * o * (one - o)
        d_memory = load(in_memory, here * n_units + j) + d * o * (one - level * level)
        if peeping:
            d_memory = d_memory + d_exit * load(peepholes, n_units + j)
        d_entry, d_keep = d_memory * g * i * (one - i), d_memory * old * f * (one - f)
        if forget == 2:
            d_entry = d_entry - d_memory * old * i * (one - i)
        d_old = d_memory * f
        if peeping:
            d_old = d_old + d_entry * load(peepholes, j)
            if forget == 1:
                d_old = d_old + d_keep * load(peepholes, 2 * n_units + j)
        store(deltas, delta, d_memory * i * (one - g * g))
        store(deltas, delta + n_units, d_entry)
        store(deltas, delta + 2 * n_units, d_exit)
        store(deltas, delta + 3 * n_units, d_keep)
        store(in_memory, here * n_units + j, d_old)
        store(in_output, here * n_units + j, full(gates, 0.0))

    return unit


@compiled
def _add_peephole_gradients(grads, memories, deltas, start, stop):
    n_units = grads.shape[1]
    for t in range(start, stop):
        for n in range(deltas.shape[1]):
            before, after, delta = memories[t, n], memories[t + 1, n], deltas[t - start, n]
            for j in range(n_units):
                grads[0, j] += delta[n_units + j] * before[j]
                grads[1, j] += delta[2 * n_units + j] * after[j]
            if len(grads) == 3:
                for j in range(n_units):
                    grads[2, j] += delta[3 * n_units + j] * before[j]


@compiled
def backward(params, x, path, memories, gates, forget, grad_states, in_output, in_memory, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``in_output`` and ``in_memory`` go from the final to the initial state."""
    n_steps, n_series, n_features = x.shape
    n_units, width = path.shape[2], params.bias.size
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    deltas = room_for(chunk * n_series, 4 * n_units, x).reshape(chunk, n_series, 4 * n_units)
    delta_rows = deltas.reshape(-1, 4 * n_units)
    tape = address(gates), address(memories), address(params.peepholes)
    arrays = *tape, address(grad_states), address(in_output), address(in_memory), address(deltas)
    options = forget, params.peepholes.size > 0, grad_states.size > 0
    shape = shape_of(n_series, n_units, x)
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(arrays, options, t, start, shape)
            add_back(in_output, at_step(deltas, t - start, 0, width), params.recurrent_weights, transposed, t)
        first, last = start * n_series, stop * n_series
        add_product(grads.recurrent_weights, rows[first:last].T, delta_rows[: last - first, :width])
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)
        if len(params.peepholes):
            _add_peephole_gradients(grads.peepholes, memories, deltas, start, stop)


class LSTM(Cell):
    """Long short-term memory.

    Parameters
    ----------
    n_units : int, default=32
        Size of the output h and of the memory c.
    forget : {"gate", "coupled", "none"}, default="gate"
        What keeps the memory: a gate of its own; what the input gate leaves, ``f = 1 - i``; or ``f = 1``, the
        form of 1997.
    peepholes : bool, default=False
        Let the gates see the memory.
    forget_bias : float, default=1.0
        First value of the forget gate's bias, for ``forget="gate"``.
    longest_dependency : int, optional
        Steps T over which something is to be remembered, at least 3: the first biases of the gate that keeps are
        ``log(U(1, T - 1))`` in place of ``forget_bias``, those of the input gate the same below 0, so that units
        forget after 2 to T steps (Tallec and Ollivier 2018). Not for ``forget="none"``, which never forgets.

    Examples
    --------
    >>> cell = LSTM(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.final_state.memory.shape
    (3, 8)
    """

    State = LSTMState
    kernel = staticmethod(forward)

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "forget": [StrOptions(set(_FORGET))],
        "peepholes": ["boolean"],
        "forget_bias": [Interval(Real, None, None, closed="neither")],
        "longest_dependency": [Interval(Integral, 3, None, closed="left"), None],
    }

    def __init__(
        self, n_units=32, *, forget="gate", peepholes=False, forget_bias=1.0, longest_dependency=None
    ):
        self.n_units = n_units
        self.forget = forget
        self.peepholes = peepholes
        self.forget_bias = forget_bias
        self.longest_dependency = longest_dependency

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> LSTMParams:
        """Draw parameters: Glorot-uniform input weights, orthogonal recurrences, an open forget gate.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        LSTMParams
        """
        self._validate_params()
        if self.longest_dependency is not None and self.forget == "none":
            raise ValueError(
                f"longest_dependency={self.longest_dependency} sets how long a gate keeps, but forget='none' has no "
                "such gate: leave it out, or take forget='gate' or 'coupled'"
            )
        n_gates = 4 if self.forget == "gate" else 3
        inputs = glorot_uniform(n_features, self.n_units, n_gates, rng).astype(dtype)
        recurrences = orthogonal(self.n_units, n_gates, rng).astype(dtype)
        bias = np.zeros(n_gates * self.n_units, dtype)
        bias[3 * self.n_units :] = self.forget_bias
        if self.longest_dependency is not None:
            kept = chrono_bias(self.n_units, self.longest_dependency, rng)
            bias[self.n_units : 2 * self.n_units] = -kept
            bias[3 * self.n_units :] = kept[: len(bias) - 3 * self.n_units]
        return LSTMParams(
            inputs,
            recurrences,
            bias,
            np.zeros((n_gates - 1 if self.peepholes else 0, self.n_units), dtype),
        )

    def _gates(self, tape: Any) -> dict[str, np.ndarray]:
        """Return the candidate, the gates input, output and forget, and the memory of a run."""
        _, memories, gates = tape.memory
        names = ("candidate", "input", "output_gate", "forget")
        return dict(zip(names, np.split(gates, 4, axis=2)), memory=memories[1:, :, : self.n_units])

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
        return (_FORGET[self.forget],)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        path = np.empty((n_steps + 1, n_series, self.n_units), x.dtype)
        memories = np.empty((n_steps + 1, n_series, 2 * self.n_units), x.dtype)
        gates = np.empty((n_steps, n_series, 4 * self.n_units), x.dtype)
        path[0], memories[0, :, : self.n_units] = state
        forward(params, x, path, memories, gates, *self.kernel_constants(params))
        final = LSTMState(path[-1].copy(), memories[-1, :, : self.n_units].copy())
        return Tape(path[1:], final, (path, memories, gates))

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        grads = zeros_of(params)
        backward(params, x, *tape.memory, _FORGET[self.forget], grad_states, *carry, grads, grad_x)
        return grads, carry
