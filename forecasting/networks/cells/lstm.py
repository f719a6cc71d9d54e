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
from numba import njit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import sigmoid
from forecasting.networks.cells.base import Cell, Tape, zeros_of
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
from forecasting.networks.initialisation import chrono_bias, glorot_uniform, orthogonal
from reservoir.vecmath import tanh

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


@njit(**KERNEL)
def _set_units(gates, memories, path, t, n_series, n_units, forget, peepholes):
    """Turn the drive of step t into gates, memory and output; all arrays but the peepholes are flat."""
    one, double = gates.dtype.type(1), n_units + n_units
    for n in range(t * n_series, t * n_series + n_series):
        before, out = n * double, (n + n_series) * n_units
        candidate, after = before + before, before + n_series * double
        entry, exit, keep = candidate + n_units, candidate + double, candidate + double + n_units
        squashed = after + n_units
        if len(peepholes):
            for j in range(n_units):
                gates[entry + j] += peepholes[0, j] * memories[before + j]
            if forget == 1:
                for j in range(n_units):
                    gates[keep + j] += peepholes[2, j] * memories[before + j]
        for j in range(candidate, entry):
            gates[j] = tanh(gates[j])
        # With peepholes the output gate waits for the memory.
        if len(peepholes):
            for j in range(entry, exit):
                gates[j] = sigmoid(gates[j])
            if forget == 1:
                for j in range(keep, keep + n_units):
                    gates[j] = sigmoid(gates[j])
        else:
            for j in range(entry, keep + n_units if forget == 1 else keep):
                gates[j] = sigmoid(gates[j])
        if forget != 1:
            for j in range(n_units):
                gates[keep + j] = one - gates[entry + j] if forget == 2 else one
        for j in range(n_units):
            kept = gates[keep + j] * memories[before + j]
            memories[after + j] = kept + gates[entry + j] * gates[candidate + j]
        if len(peepholes):
            for j in range(n_units):
                gates[exit + j] = sigmoid(gates[exit + j] + peepholes[1, j] * memories[after + j])
        for j in range(n_units):
            memories[squashed + j] = tanh(memories[after + j])
            path[out + j] = gates[exit + j] * memories[squashed + j]


@njit(**KERNEL)
def _set_plain_units(gates, memories, path, t, n_series, n_units, scales):
    """The same with a forget gate and no peepholes: loop after loop over all series, one for all gates.

    A gate is ``s * tanh(s * a) + 1 - s``, with s = 1 for the candidate and 1 / 2 for sigmoids.
    """
    one, double = gates.dtype.type(1), n_units + n_units
    rows = range(t * n_series, t * n_series + n_series)
    for n in rows:
        for j in range(double + double):
            here = n * (double + double) + j
            gates[here] = scales[j] * tanh(scales[j] * gates[here]) + (one - scales[j])
    for n in rows:
        before, candidate = n * double, n * (double + double)
        after, keep = before + n_series * double, candidate + double + n_units
        for j in range(n_units):
            kept = gates[keep + j] * memories[before + j]
            memories[after + j] = kept + gates[candidate + n_units + j] * gates[candidate + j]
    for n in rows:
        after, out = (n + n_series) * double, (n + n_series) * n_units
        squashed, exit = after + n_units, n * (double + double) + double
        for j in range(n_units):
            memories[squashed + j] = tanh(memories[after + j])
        for j in range(n_units):
            path[out + j] = gates[exit + j] * memories[squashed + j]


@njit(**KERNEL)
def forward(params, x, path, memories, gates, forget):
    """Run on from ``path[0]`` and ``memories[0]``, and fill all three.

    ``path`` (n_steps + 1, n_series, n_units); ``memories`` (n_steps + 1, n_series, 2 * n_units), c and tanh of it;
    ``gates`` (n_steps, n_series, 4 * n_units).
    """
    n_steps, n_series, n_features = x.shape
    n_units, width = path.shape[2], params.bias.size
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, 4 * n_units)
    flat = gates.reshape(-1), memories.reshape(-1), path.reshape(-1)
    shape = np.uint64(n_series), np.uint64(n_units)
    plain, scales = forget == 1 and len(params.peepholes) == 0, np.ones(4 * n_units, x.dtype)
    for j in range(n_units, 4 * n_units):
        scales[j] = 0.5
    panels = in_panels(params.recurrent_weights, n_series, n_steps)
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, params.bias)
        for t in range(start, stop):
            drive, heard = at_step(gates, t, 0, width), at_step(path, t, 0, n_units)
            add_onward(drive, heard, params.recurrent_weights, panels, t)
            if plain:
                _set_plain_units(*flat, np.uint64(t), *shape, scales)
            else:
                _set_units(*flat, np.uint64(t), *shape, forget, params.peepholes)


@njit(**KERNEL)
def _set_deltas(gates, memories, grad_out, grad_memory, deltas, t, row, n_series, n_units, forget, peepholes):
    """Gradients in the drive of step t into ``deltas``, from its step ``row`` on.

    ``grad_out`` and ``grad_memory`` are those in h(t) and c(t), and become the direct ones in h(t-1), 0, and c(t-1).
    """
    one, zero, double = gates.dtype.type(1), gates.dtype.type(0), n_units + n_units
    for n in range(n_series):
        here, before = n * n_units, (t * n_series + n) * double
        candidate, d_candidate = before + before, (row * n_series + n) * (double + double)
        entry, exit, keep = candidate + n_units, candidate + double, candidate + double + n_units
        d_entry, d_exit, d_keep = d_candidate + n_units, d_candidate + double, d_candidate + double + n_units
        squashed = before + n_series * double + n_units
        for j in range(n_units):
            out, level, d = gates[exit + j], memories[squashed + j], grad_out[here + j]
            deltas[d_exit + j] = d * level * out * (one - out)
            grad_memory[here + j] += d * out * (one - level * level)
        for j in range(n_units):
            grad_out[here + j] = zero
        if len(peepholes):
            for j in range(n_units):
                grad_memory[here + j] += deltas[d_exit + j] * peepholes[1, j]
        for j in range(n_units):
            i, g, d = gates[entry + j], gates[candidate + j], grad_memory[here + j]
            deltas[d_candidate + j] = d * i * (one - g * g)
            deltas[d_entry + j] = d * g * i * (one - i)
        if forget == 2:
            for j in range(n_units):
                i = gates[entry + j]
                deltas[d_entry + j] -= grad_memory[here + j] * memories[before + j] * i * (one - i)
        for j in range(n_units):
            f, d = gates[keep + j], grad_memory[here + j]
            deltas[d_keep + j] = d * memories[before + j] * f * (one - f) if forget == 1 else zero
            grad_memory[here + j] = d * f
        if len(peepholes):
            for j in range(n_units):
                grad_memory[here + j] += deltas[d_entry + j] * peepholes[0, j]
            if forget == 1:
                for j in range(n_units):
                    grad_memory[here + j] += deltas[d_keep + j] * peepholes[2, j]


@njit(**KERNEL)
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


@njit(**KERNEL)
def backward(params, x, path, memories, gates, forget, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one."""
    n_steps, n_series, n_features = x.shape
    n_units, width = path.shape[2], params.bias.size
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    transposed = turned(params.recurrent_weights, n_series)
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    deltas = room_for(chunk * n_series, 4 * n_units, x).reshape(chunk, n_series, 4 * n_units)
    delta_rows = deltas.reshape(-1, 4 * n_units)
    flat = (
        gates.reshape(-1),
        memories.reshape(-1),
        carry[0].reshape(-1),
        carry[1].reshape(-1),
        deltas.reshape(-1),
    )
    grad_flat, grad_out = grad_states.reshape(-1), carry[0]
    shape = np.uint64(n_series), np.uint64(n_units)
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            add_step(flat[2], grad_flat, np.uint64(t))
            _set_deltas(*flat, np.uint64(t), np.uint64(t - start), *shape, forget, params.peepholes)
            add_back(grad_out, at_step(deltas, t - start, 0, width), params.recurrent_weights, transposed, t)
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

    def _constants(self, params: Any) -> tuple:
        return (_FORGET[self.forget],)

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        path = np.empty((n_steps + 1, n_series, self.n_units), x.dtype)
        memories = np.empty((n_steps + 1, n_series, 2 * self.n_units), x.dtype)
        gates = np.empty((n_steps, n_series, 4 * self.n_units), x.dtype)
        path[0], memories[0, :, : self.n_units] = state
        forward(params, x, path, memories, gates, *self._constants(params))
        final = LSTMState(path[-1].copy(), memories[-1, :, : self.n_units].copy())
        return Tape(path[1:], final, (path, memories, gates))

    def _backward(
        self,
        params: Any,
        x: np.ndarray,
        tape: Any,
        grad_states: np.ndarray,
        grad_state: Any,
        grad_x: np.ndarray,
    ) -> Any:
        grads, carry = zeros_of(params), np.array(grad_state)
        backward(params, x, *tape.memory, _FORGET[self.forget], grad_states, carry, grads, grad_x)
        return grads, LSTMState(*carry)
