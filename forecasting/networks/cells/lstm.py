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

Weights hold the gates side by side in the order input, candidate, output, forget; the last only where it is learned.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.base import Cell, Tape
from forecasting.networks.cells.time_chunks import (
    KERNEL,
    add_column_sums,
    set_drive,
    steps_per_chunk,
)
from forecasting.networks.initialisation import glorot_uniform, orthogonal
from reservoir.products import add_product
from reservoir.vecmath import sigmoid, tanh

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
def _set_units(gates, memories, path, t, forget, peepholes):
    """Turn the drive of step t into gates, memory and output. ``memories[t + 1, n]`` is c(t), then tanh of it."""
    one = gates.dtype.type(1)
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        z, before, after, out = gates[t, n], memories[t, n], memories[t + 1, n], path[t + 1, n]
        zi, zg, zo = z[:n_units], z[n_units : 2 * n_units], z[2 * n_units : 3 * n_units]
        zf, squashed = z[3 * n_units :], after[n_units:]
        if len(peepholes):
            for j in range(n_units):
                zi[j] += peepholes[0, j] * before[j]
            if forget == 1:
                for j in range(n_units):
                    zf[j] += peepholes[2, j] * before[j]
        for j in range(n_units):
            i = sigmoid(zi[j])
            f = sigmoid(zf[j]) if forget == 1 else (one if forget == 0 else one - i)
            g = tanh(zg[j])
            zi[j], zg[j], zf[j] = i, g, f
            c = f * before[j] + i * g
            after[j], squashed[j] = c, tanh(c)
        if len(peepholes):
            for j in range(n_units):
                zo[j] += peepholes[1, j] * after[j]
        for j in range(n_units):
            o = sigmoid(zo[j])
            zo[j], out[j] = o, o * squashed[j]


@njit(**KERNEL)
def forward(params, x, path, memories, gates, forget):
    """Run on from ``path[0]`` and ``memories[0]``, and fill all three.

    ``path`` (n_steps + 1, n_series, n_units), ``memories`` (n_steps + 1, n_series, 2 * n_units), ``gates``
    (n_steps, n_series, 4 * n_units).
    """
    n_steps, n_series, n_features = x.shape
    width = params.bias.size
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, gates.shape[2])
    chunk = steps_per_chunk(n_series, gates.shape[2])
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        first, last = start * n_series, stop * n_series
        set_drive(rows[first:last, :width], x_rows[first:last], params.input_weights, params.bias)
        for t in range(start, stop):
            add_product(gates[t, :, :width], path[t], params.recurrent_weights)
            _set_units(gates, memories, path, t, forget, params.peepholes)


@njit(**KERNEL)
def _set_deltas(gates, memories, grad_states, carry, deltas, t, row, forget, peepholes):
    """Gradients in the drive of step t into ``deltas[row]``; ``carry`` is that in (h, c) of t, then in c before."""
    one = gates.dtype.type(1)
    n_units = grad_states.shape[2]
    for n in range(gates.shape[1]):
        z, before, grad, delta = gates[t, n], memories[t, n], grad_states[t, n], deltas[row, n]
        i, g, o = z[:n_units], z[n_units : 2 * n_units], z[2 * n_units : 3 * n_units]
        f, squashed = z[3 * n_units :], memories[t + 1, n, n_units:]
        di, dg, do = delta[:n_units], delta[n_units : 2 * n_units], delta[2 * n_units : 3 * n_units]
        df, dh, dc = delta[3 * n_units :], carry[0, n], carry[1, n]
        for j in range(n_units):
            total = grad[j] + dh[j]
            do[j] = total * squashed[j] * o[j] * (one - o[j])
            dc[j] += total * o[j] * (one - squashed[j] * squashed[j])
        if len(peepholes):
            for j in range(n_units):
                dc[j] += do[j] * peepholes[1, j]
        for j in range(n_units):
            d = dc[j]
            di[j] = (d * g[j] - (d * before[j] if forget == 2 else d - d)) * i[j] * (one - i[j])
            dg[j] = d * i[j] * (one - g[j] * g[j])
            df[j] = d * before[j] * f[j] * (one - f[j])
            dc[j] = d * f[j]
        if len(peepholes):
            for j in range(n_units):
                dc[j] += di[j] * peepholes[0, j]
            if forget == 1:
                for j in range(n_units):
                    dc[j] += df[j] * peepholes[2, j]


@njit(**KERNEL)
def _add_peephole_gradients(grads, memories, deltas, start, stop):
    n_units = grads.shape[1]
    for t in range(start, stop):
        for n in range(deltas.shape[1]):
            before, after, delta = memories[t, n], memories[t + 1, n], deltas[t - start, n]
            for j in range(n_units):
                grads[0, j] += delta[j] * before[j]
                grads[1, j] += delta[2 * n_units + j] * after[j]
            if len(grads) == 3:
                for j in range(n_units):
                    grads[2, j] += delta[3 * n_units + j] * before[j]


@njit(**KERNEL)
def backward(params, x, path, memories, gates, forget, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``.

    ``carry`` (2, n_series, n_units), the gradient in the final state, becomes that in the initial one.
    """
    n_steps, n_series, n_features = x.shape
    n_units, width = path.shape[2], params.bias.size
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    grad_x_rows = grad_x.reshape(-1, n_features)
    input_transposed = params.input_weights.T.copy()
    recurrent_transposed = params.recurrent_weights.T.copy()
    chunk = min(n_steps, steps_per_chunk(n_series, 4 * n_units))
    deltas = np.empty((chunk, n_series, 4 * n_units), x.dtype)
    delta_rows = deltas.reshape(-1, 4 * n_units)
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(gates, memories, grad_states, carry, deltas, t, t - start, forget, params.peepholes)
            carry[0] = 0
            add_product(carry[0], deltas[t - start, :, :width], recurrent_transposed)
        first, last = start * n_series, stop * n_series
        used = delta_rows[: last - first, :width]
        add_product(grads.input_weights, x_rows[first:last].T, used)
        add_product(grads.recurrent_weights, rows[first:last].T, used)
        add_column_sums(grads.bias, used)
        if len(params.peepholes):
            _add_peephole_gradients(grads.peepholes, memories, deltas, start, stop)
        grad_x_rows[first:last] = 0
        add_product(grad_x_rows[first:last], used, input_transposed)


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

    Examples
    --------
    >>> cell = LSTM(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.final_state.memory.shape
    (3, 8)
    """

    State = LSTMState

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "forget": [StrOptions(set(_FORGET))],
        "peepholes": ["boolean"],
        "forget_bias": [Interval(Real, None, None, closed="neither")],
    }

    def __init__(self, n_units=32, *, forget="gate", peepholes=False, forget_bias=1.0):
        self.n_units = n_units
        self.forget = forget
        self.peepholes = peepholes
        self.forget_bias = forget_bias

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
        n_gates = 4 if self.forget == "gate" else 3
        bias = np.zeros(n_gates * self.n_units, dtype)
        bias[3 * self.n_units :] = self.forget_bias
        return LSTMParams(
            glorot_uniform(n_features, self.n_units, n_gates, rng).astype(dtype),
            orthogonal(self.n_units, n_gates, rng).astype(dtype),
            bias,
            np.zeros((n_gates - 1 if self.peepholes else 0, self.n_units), dtype),
        )

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        path = np.empty((n_steps + 1, n_series, self.n_units), x.dtype)
        memories = np.empty((n_steps + 1, n_series, 2 * self.n_units), x.dtype)
        gates = np.empty((n_steps, n_series, 4 * self.n_units), x.dtype)
        path[0], memories[0, :, : self.n_units] = state
        forward(params, x, path, memories, gates, _FORGET[self.forget])
        final = LSTMState(path[-1].copy(), memories[-1, :, : self.n_units].copy())
        return Tape(path[1:], final, (path, memories, gates))

    def _backward(
        self, params: Any, x: np.ndarray, tape: Any, grad_states: np.ndarray, grad_state: Any
    ) -> Any:
        grads = LSTMParams(*map(np.zeros_like, params))
        grad_x = np.empty_like(x)
        carry = np.stack(grad_state)
        backward(params, x, *tape.memory, _FORGET[self.forget], grad_states, carry, grads, grad_x)
        return grads, grad_x, LSTMState(*carry)
