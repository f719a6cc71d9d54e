r"""GRU: the gated recurrent unit, its reset gate before or after the recurrent product.

.. math::

    r(t) &= \sigma\big(x(t) W_r + h(t-1) U_r + b_r\big) \\
    u(t) &= \sigma\big(x(t) W_u + h(t-1) U_u + b_u\big) \\
    n(t) &= \tanh\big(x(t) W_n + (r(t) \odot h(t-1)) U_n + b_n\big) && \text{(before)} \\
    n(t) &= \tanh\big(x(t) W_n + r(t) \odot (h(t-1) U_n + b_m) + b_n\big) && \text{(after)} \\
    h(t) &= (1 - u(t)) \odot n(t) + u(t) \odot h(t-1)

"Before" is the form of Cho et al. (2014); "after", which needs one product a step in place of two, that of cuDNN and
PyTorch.

``W`` holds the columns of n, r, u side by side and ``U`` those of r, u, n: so the drive of one step, (n_series, 4 *
n_units), takes ``x W + b`` in its first three blocks and ``h U`` in its last three, each in one product. The fourth
block is ``h U_n + b_m``, and before the product ``r * h``.
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba import njit
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.networks.cells.activations import sigmoid
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
from forecasting.networks.initialisation import chrono_bias, glorot_uniform, orthogonal
from reservoir.vecmath import tanh


class GRUParams(NamedTuple):
    """Parameters of `GRU`.

    Attributes
    ----------
    input_weights : array (n_features, 3 * n_units)
        Of n, r, u.
    recurrent_weights : array (n_units, 3 * n_units)
        Of r, u, n.
    bias : array (3 * n_units,)
        Of n, r, u.
    recurrent_bias : array (n_units,)
        b_m; with the reset gate before the product (0,).
    """

    input_weights: np.ndarray
    recurrent_weights: np.ndarray
    bias: np.ndarray
    recurrent_bias: np.ndarray


@njit(**KERNEL)
def _set_units(gates, path, t, n_series, n_units):
    """Reset after the product: turn the drive of step t into n, r, u and the output; flat arrays."""
    double = n_units + n_units
    for row in range(t * n_series, t * n_series + n_series):
        before, candidate = row * n_units, row * (double + double)
        reset, update, mixed = candidate + n_units, candidate + double, candidate + double + n_units
        out = before + n_series * n_units
        for j in range(reset, mixed):
            gates[j] = sigmoid(gates[j])
        for j in range(n_units):
            path[out + j] = tanh(gates[candidate + j] + gates[reset + j] * gates[mixed + j])
        for j in range(n_units):
            gates[candidate + j] = path[out + j]
        for j in range(n_units):
            n = path[out + j]
            path[out + j] = n + gates[update + j] * (path[before + j] - n)


@njit(**KERNEL)
def _set_gates(gates, path, t, n_series, n_units):
    """Reset before the product: r, u and r * h of step t; flat arrays."""
    double = n_units + n_units
    for row in range(t * n_series, t * n_series + n_series):
        before, candidate = row * n_units, row * (double + double)
        reset, mixed = candidate + n_units, candidate + double + n_units
        for j in range(reset, mixed):
            gates[j] = sigmoid(gates[j])
        for j in range(n_units):
            gates[mixed + j] = gates[reset + j] * path[before + j]


@njit(**KERNEL)
def _set_output(gates, path, t, n_series, n_units):
    """Reset before the product: n and the output of step t; flat arrays."""
    double = n_units + n_units
    for row in range(t * n_series, t * n_series + n_series):
        before, candidate = row * n_units, row * (double + double)
        update, out = candidate + double, before + n_series * n_units
        for j in range(n_units):
            gates[candidate + j] = tanh(gates[candidate + j])
        for j in range(n_units):
            n = gates[candidate + j]
            path[out + j] = n + gates[update + j] * (path[before + j] - n)


@njit(**KERNEL)
def forward(params, x, path, gates):
    """Run on from ``path[0]``, the initial state, and fill both.

    ``path`` (n_steps + 1, n_series, n_units), ``gates`` (n_steps, n_series, 4 * n_units). The reset gate comes after
    the product if there is a recurrent bias.
    """
    n_steps, n_series, n_features = x.shape
    n_units, weights = path.shape[2], params.recurrent_weights
    reset_after = params.recurrent_bias.size > 0
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, 4 * n_units)
    flat = gates.reshape(-1), path.reshape(-1)
    shape = np.uint64(n_series), np.uint64(n_units)
    biases = np.concatenate((params.bias, params.recurrent_bias))
    panels = in_panels(weights, n_series, n_steps if reset_after else 0)
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        set_drive(rows, start * n_series, stop * n_series, x_rows, params.input_weights, biases)
        for t in range(start, stop):
            if reset_after:
                drive, heard = at_step(gates, t, n_units, 4 * n_units), at_step(path, t, 0, n_units)
                add_onward(drive, heard, weights, panels, t)
                _set_units(*flat, np.uint64(t), *shape)
            else:
                add_product(gates[t, :, n_units : 3 * n_units], path[t], weights[:, : 2 * n_units])
                _set_gates(*flat, np.uint64(t), *shape)
                add_product(gates[t, :, :n_units], gates[t, :, 3 * n_units :], weights[:, 2 * n_units :])
                _set_output(*flat, np.uint64(t), *shape)


@njit(**KERNEL)
def _set_deltas(gates, path, grad_out, deltas, t, step, n_series, n_units, reset_after):
    """Gradients in the drive of step t into ``deltas``, from its step ``step`` on; flat arrays.

    ``grad_out``, the gradient in h(t), becomes the direct one in h(t-1).
    """
    one, zero, double = gates.dtype.type(1), gates.dtype.type(0), n_units + n_units
    for row in range(n_series):
        before, here = (t * n_series + row) * n_units, row * n_units
        candidate = (t * n_series + row) * (double + double)
        d_candidate = (step * n_series + row) * (double + double)
        reset, update, mixed = candidate + n_units, candidate + double, candidate + double + n_units
        d_reset, d_update, d_mixed = (
            d_candidate + n_units,
            d_candidate + double,
            d_candidate + double + n_units,
        )
        for j in range(n_units):
            n, u, d = gates[candidate + j], gates[update + j], grad_out[here + j]
            deltas[d_candidate + j] = d * (one - u) * (one - n * n)
        for j in range(n_units):
            n, u, d = gates[candidate + j], gates[update + j], grad_out[here + j]
            deltas[d_update + j] = d * (path[before + j] - n) * u * (one - u)
        if reset_after:
            for j in range(n_units):
                n, u, d = gates[candidate + j], gates[update + j], grad_out[here + j]
                deltas[d_mixed + j] = d * (one - u) * (one - n * n) * gates[reset + j]
            for j in range(n_units):
                n, u, r, d = gates[candidate + j], gates[update + j], gates[reset + j], grad_out[here + j]
                deltas[d_reset + j] = d * (one - u) * (one - n * n) * gates[mixed + j] * r * (one - r)
        else:
            for j in range(n_units):
                deltas[d_mixed + j] = zero
        for j in range(n_units):
            grad_out[here + j] *= gates[update + j]


@njit(**KERNEL)
def _pass_reset(gates, path, grad_out, deltas, t, step, n_series, n_units):
    """Reset before the product: from the gradient in ``r * h``, the fourth block, to those in r and h."""
    one, double = gates.dtype.type(1), n_units + n_units
    for row in range(n_series):
        before, here = (t * n_series + row) * n_units, row * n_units
        reset = (t * n_series + row) * (double + double) + n_units
        d_reset = (step * n_series + row) * (double + double) + n_units
        d_mixed = d_reset + double
        for j in range(n_units):
            r, d = gates[reset + j], deltas[d_mixed + j]
            deltas[d_reset + j] = d * path[before + j] * r * (one - r)
            grad_out[here + j] += d * r


@njit(**KERNEL)
def backward(params, x, path, gates, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    reset_after = params.recurrent_bias.size > 0
    # Of r, u and, after the product, n: what hears h(t-1) itself.
    heard = 4 * n_units if reset_after else 3 * n_units
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    gate_rows, grad_x_rows = gates.reshape(-1, 4 * n_units), grad_x.reshape(-1, n_features)
    weights = params.recurrent_weights
    transposed = turned(weights, n_series)
    heard_by = weights[:, : heard - n_units], transposed[: heard - n_units]
    chunk = steps_per_chunk(n_steps, n_series, 4 * n_units)
    deltas = room_for(chunk * n_series, 4 * n_units, x).reshape(chunk, n_series, 4 * n_units)
    delta_rows = deltas.reshape(-1, 4 * n_units)
    flat = gates.reshape(-1), path.reshape(-1), carry.reshape(-1), deltas.reshape(-1)
    grad_flat, shape = grad_states.reshape(-1), (np.uint64(n_series), np.uint64(n_units))
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            delta, place = deltas[t - start], (np.uint64(t), np.uint64(t - start))
            add_step(flat[2], grad_flat, place[0])
            _set_deltas(*flat, *place, *shape, reset_after)
            if not reset_after:
                candidate = weights[:, 2 * n_units :], transposed[2 * n_units :]
                add_back(delta[:, 3 * n_units :], delta[:, :n_units], *candidate, t)
                _pass_reset(*flat, *place, *shape)
            add_back(carry, at_step(deltas, t - start, n_units, heard), *heard_by, t)
        first, last = start * n_series, stop * n_series
        used = delta_rows[: last - first]
        add_product(grads.recurrent_weights[:, : heard - n_units], rows[first:last].T, used[:, n_units:heard])
        if reset_after:
            ones = np.ones((1, last - first), x.dtype)
            add_product(grads.recurrent_bias.reshape(1, -1), ones, used[:, 3 * n_units :])
        else:
            candidate = grads.recurrent_weights[:, 2 * n_units :]
            add_product(candidate, gate_rows[first:last, 3 * n_units :].T, used[:, :n_units])
        inputs = grad_x_rows, first, last, delta_rows, x_rows, params.input_weights
        add_input_gradients(grads.input_weights, grads.bias, *inputs)


class GRU(Cell):
    """Gated recurrent unit.

    Parameters
    ----------
    n_units : int, default=32
        Size of the state.
    reset : {"after", "before"}, default="after"
        Where the reset gate acts: on the recurrent product, or on the state that enters it.
    longest_dependency : int, optional
        Steps T over which something is to be remembered, at least 3: the first biases of the update gate are
        ``log(U(1, T - 1))``, so that units forget after 2 to T steps (Tallec and Ollivier 2018). Default: 0.

    Examples
    --------
    >>> cell = GRU(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.states.shape
    (5, 3, 8)
    """

    kernel = staticmethod(forward)

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "reset": [StrOptions({"after", "before"})],
        "longest_dependency": [Interval(Integral, 3, None, closed="left"), None],
    }

    def __init__(self, n_units=32, *, reset="after", longest_dependency=None):
        self.n_units = n_units
        self.reset = reset
        self.longest_dependency = longest_dependency

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> GRUParams:
        """Draw parameters: Glorot-uniform input weights, orthogonal recurrences, biases for what is to be kept.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        GRUParams
        """
        self._validate_params()
        inputs = glorot_uniform(n_features, self.n_units, 3, rng).astype(dtype)
        recurrences = orthogonal(self.n_units, 3, rng).astype(dtype)
        bias = np.zeros(3 * self.n_units, dtype)
        if self.longest_dependency is not None:
            bias[2 * self.n_units :] = chrono_bias(self.n_units, self.longest_dependency, rng)
        return GRUParams(
            inputs,
            recurrences,
            bias,
            np.zeros(self.n_units if self.reset == "after" else 0, dtype),
        )

    def _gates(self, tape: Any) -> dict[str, np.ndarray]:
        """Return the candidate and the gates reset and update of a run."""
        _, gates = tape.memory
        return dict(zip(("candidate", "reset", "update"), np.split(gates, 4, axis=2)))

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        path = np.empty((n_steps + 1, n_series, self.n_units), x.dtype)
        gates = np.empty((n_steps, n_series, 4 * self.n_units), x.dtype)
        path[0] = state.output
        forward(params, x, path, gates)
        return Tape(path[1:], Output(path[-1].copy()), (path, gates))

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
        backward(params, x, *tape.memory, grad_states, carry, grads, grad_x)
        return grads, Output(carry)
