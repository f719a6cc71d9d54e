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

from forecasting.networks.cells.base import Cell, Output, Tape
from forecasting.networks.cells.time_chunks import (
    KERNEL,
    add_column_sums,
    set_drive,
    steps_per_chunk,
)
from forecasting.networks.initialisation import glorot_uniform, orthogonal
from reservoir.products import add_product
from reservoir.vecmath import sigmoid, tanh


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
def _set_units_reset_after(gates, path, t):
    """Turn the drive of step t into n, r, u and the output."""
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        z, before, out = gates[t, n], path[t, n], path[t + 1, n]
        zn, zr, zu = z[:n_units], z[n_units : 2 * n_units], z[2 * n_units : 3 * n_units]
        zm = z[3 * n_units :]
        for j in range(n_units):
            r = sigmoid(zr[j])
            u = sigmoid(zu[j])
            candidate = tanh(zn[j] + r * zm[j])
            zn[j], zr[j], zu[j] = candidate, r, u
            out[j] = candidate + u * (before[j] - candidate)


@njit(**KERNEL)
def _set_gates(gates, path, t):
    """Reset before the product: r, u and r * h of step t."""
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        z, before = gates[t, n], path[t, n]
        zr, zu, reset = z[n_units : 2 * n_units], z[2 * n_units : 3 * n_units], z[3 * n_units :]
        for j in range(n_units):
            r = sigmoid(zr[j])
            zr[j], zu[j], reset[j] = r, sigmoid(zu[j]), r * before[j]


@njit(**KERNEL)
def _set_output(gates, path, t):
    """Reset before the product: n and the output of step t."""
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        z, before, out = gates[t, n], path[t, n], path[t + 1, n]
        zn, u = z[:n_units], z[2 * n_units : 3 * n_units]
        for j in range(n_units):
            candidate = tanh(zn[j])
            zn[j] = candidate
            out[j] = candidate + u[j] * (before[j] - candidate)


@njit(**KERNEL)
def forward(params, x, path, gates):
    """Run on from ``path[0]``, the initial state, and fill both.

    ``path`` (n_steps + 1, n_series, n_units), ``gates`` (n_steps, n_series, 4 * n_units). The reset gate comes after
    the product if there is a recurrent bias.
    """
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    reset_after = params.recurrent_bias.size > 0
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, 4 * n_units)
    chunk = steps_per_chunk(n_series, 4 * n_units)
    for start in range(0, n_steps, chunk):
        stop = min(start + chunk, n_steps)
        first, last = start * n_series, stop * n_series
        set_drive(rows[first:last, : 3 * n_units], x_rows[first:last], params.input_weights, params.bias)
        for t in range(start, stop):
            if reset_after:
                gates[t, :, 3 * n_units :] = params.recurrent_bias
                add_product(gates[t, :, n_units:], path[t], params.recurrent_weights)
                _set_units_reset_after(gates, path, t)
            else:
                weights = params.recurrent_weights
                add_product(gates[t, :, n_units : 3 * n_units], path[t], weights[:, : 2 * n_units])
                _set_gates(gates, path, t)
                add_product(gates[t, :, :n_units], gates[t, :, 3 * n_units :], weights[:, 2 * n_units :])
                _set_output(gates, path, t)


@njit(**KERNEL)
def _set_deltas(gates, path, grad_states, carry, deltas, t, row, reset_after):
    """Gradients in the drive of step t into ``deltas[row]``; ``carry`` goes from h(t) to, directly, h(t-1)."""
    one = gates.dtype.type(1)
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        z, before, grad, delta, dh = gates[t, n], path[t, n], grad_states[t, n], deltas[row, n], carry[n]
        candidate, r = z[:n_units], z[n_units : 2 * n_units]
        u, m = z[2 * n_units : 3 * n_units], z[3 * n_units :]
        dn, dr = delta[:n_units], delta[n_units : 2 * n_units]
        du, dm = delta[2 * n_units : 3 * n_units], delta[3 * n_units :]
        for j in range(n_units):
            total = grad[j] + dh[j]
            d = total * (one - u[j]) * (one - candidate[j] * candidate[j])
            dn[j] = d
            du[j] = total * (before[j] - candidate[j]) * u[j] * (one - u[j])
            dh[j] = total * u[j]
            dr[j] = d * m[j] * r[j] * (one - r[j])
            dm[j] = d * r[j] if reset_after else d - d


@njit(**KERNEL)
def _pass_reset(gates, path, carry, deltas, t, row):
    """Reset before the product: from the gradient in ``r * h``, the fourth block, to those in r and h."""
    one = gates.dtype.type(1)
    n_units = path.shape[2]
    for n in range(path.shape[1]):
        before, delta, dh = path[t, n], deltas[row, n], carry[n]
        r = gates[t, n, n_units : 2 * n_units]
        dr, dm = delta[n_units : 2 * n_units], delta[3 * n_units :]
        for j in range(n_units):
            dr[j] = dm[j] * before[j] * r[j] * (one - r[j])
            dh[j] += dm[j] * r[j]


@njit(**KERNEL)
def backward(params, x, path, gates, grad_states, carry, grads, grad_x):
    """Add to ``grads``, set ``grad_x``; ``carry`` goes from the final state to the initial one."""
    n_steps, n_series, n_features = x.shape
    n_units = path.shape[2]
    reset_after = params.recurrent_bias.size > 0
    x_rows, rows = x.reshape(-1, n_features), path.reshape(-1, n_units)
    gate_rows, grad_x_rows = gates.reshape(-1, 4 * n_units), grad_x.reshape(-1, n_features)
    input_transposed = params.input_weights.T.copy()
    recurrent_transposed = params.recurrent_weights.T.copy()
    chunk = min(n_steps, steps_per_chunk(n_series, 4 * n_units))
    deltas = np.empty((chunk, n_series, 4 * n_units), x.dtype)
    delta_rows = deltas.reshape(-1, 4 * n_units)
    # Of r, u and (after the product) n: what hears h(t-1) itself.
    heard = 4 * n_units if reset_after else 3 * n_units
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            row = t - start
            _set_deltas(gates, path, grad_states, carry, deltas, t, row, reset_after)
            if not reset_after:
                add_product(
                    deltas[row, :, 3 * n_units :],
                    deltas[row, :, :n_units],
                    recurrent_transposed[2 * n_units :],
                )
                _pass_reset(gates, path, carry, deltas, t, row)
            add_product(carry, deltas[row, :, n_units:heard], recurrent_transposed[: heard - n_units])
        first, last = start * n_series, stop * n_series
        used = delta_rows[: last - first]
        weights = grads.recurrent_weights[:, : heard - n_units]
        add_product(weights, rows[first:last].T, used[:, n_units:heard])
        if reset_after:
            add_column_sums(grads.recurrent_bias, used[:, 3 * n_units :])
        else:
            candidate = grads.recurrent_weights[:, 2 * n_units :]
            add_product(candidate, gate_rows[first:last, 3 * n_units :].T, used[:, :n_units])
        used = used[:, : 3 * n_units]
        add_product(grads.input_weights, x_rows[first:last].T, used)
        add_column_sums(grads.bias, used)
        grad_x_rows[first:last] = 0
        add_product(grad_x_rows[first:last], used, input_transposed)


class GRU(Cell):
    """Gated recurrent unit.

    Parameters
    ----------
    n_units : int, default=32
        Size of the state.
    reset : {"after", "before"}, default="after"
        Where the reset gate acts: on the recurrent product, or on the state that enters it.

    Examples
    --------
    >>> cell = GRU(n_units=8)
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> tape = cell.forward(params, np.ones((5, 3, 2), np.float32))
    >>> tape.states.shape
    (5, 3, 8)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "reset": [StrOptions({"after", "before"})],
    }

    def __init__(self, n_units=32, *, reset="after"):
        self.n_units = n_units
        self.reset = reset

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> GRUParams:
        """Draw parameters: Glorot-uniform input weights, orthogonal recurrences, no biases.

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
        return GRUParams(
            glorot_uniform(n_features, self.n_units, 3, rng).astype(dtype),
            orthogonal(self.n_units, 3, rng).astype(dtype),
            np.zeros(3 * self.n_units, dtype),
            np.zeros(self.n_units if self.reset == "after" else 0, dtype),
        )

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        path = np.empty((n_steps + 1, n_series, self.n_units), x.dtype)
        gates = np.empty((n_steps, n_series, 4 * self.n_units), x.dtype)
        path[0] = state.output
        forward(params, x, path, gates)
        return Tape(path[1:], Output(path[-1].copy()), (path, gates))

    def _backward(
        self, params: Any, x: np.ndarray, tape: Any, grad_states: np.ndarray, grad_state: Any
    ) -> Any:
        grads = GRUParams(*map(np.zeros_like, params))
        grad_x = np.empty_like(x)
        carry = grad_state.output.copy()
        backward(params, x, *tape.memory, grad_states, carry, grads, grad_x)
        return grads, grad_x, Output(carry)
