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
from sklearn.utils._param_validation import Interval, StrOptions

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
from forecasting.networks.initialisation import chrono_bias, glorot_uniform, orthogonal
from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import address
from reservoir.kernels.vecmath import gate, tanh


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


@each_unit
def _set_units(load, store, full):
    """Reset after the product: turn the drive into n, r, u and the output."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        gates, path = arrays
        candidate = 4 * now * n_units + j
        r, u = gate(load(gates, candidate + n_units)), gate(load(gates, candidate + 2 * n_units))
        n = tanh(load(gates, candidate) + r * load(gates, candidate + 3 * n_units))
        store(gates, candidate, n)
        store(gates, candidate + n_units, r)
        store(gates, candidate + 2 * n_units, u)
        store(path, after * n_units + j, n + u * (load(path, now * n_units + j) - n))

    return unit


@each_unit
def _set_gates(load, store, full):
    """Reset before the product: r, u and r * h."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        gates, path = arrays
        reset = (4 * now + 1) * n_units + j
        r = gate(load(gates, reset))
        store(gates, reset, r)
        store(gates, reset + n_units, gate(load(gates, reset + n_units)))
        store(gates, reset + 2 * n_units, r * load(path, now * n_units + j))

    return unit


@each_unit
def _set_outputs(load, store, full):
    """Reset before the product: n and the output."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        gates, path = arrays
        candidate = 4 * now * n_units + j
        n, u = tanh(load(gates, candidate)), load(gates, candidate + 2 * n_units)
        store(gates, candidate, n)
        store(path, after * n_units + j, n + u * (load(path, now * n_units + j) - n))

    return unit


@compiled
def forward(params, x, path, gates):
    """Run on from ``path[0]``, the initial state, and fill both.

    ``path`` (n_steps + 1, n_series, n_units), ``gates`` (n_steps, n_series, 4 * n_units). The reset gate comes after
    the product if there is a recurrent bias.
    """
    n_steps, n_series, n_features = x.shape
    n_units, weights = path.shape[2], params.recurrent_weights
    reset_after = params.recurrent_bias.size > 0
    x_rows, rows = x.reshape(-1, n_features), gates.reshape(-1, 4 * n_units)
    arrays, shape = (address(gates), address(path)), shape_of(n_series, n_units, x)
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
                _set_units(arrays, (), t, start, shape)
            else:
                add_product(gates[t, :, n_units : 3 * n_units], path[t], weights[:, : 2 * n_units])
                _set_gates(arrays, (), t, start, shape)
                add_product(gates[t, :, :n_units], gates[t, :, 3 * n_units :], weights[:, 2 * n_units :])
                _set_outputs(arrays, (), t, start, shape)


@each_unit_back
def _set_deltas(load, store, full):
    """Set the gradients in the drive; that in h(t), from later steps, becomes the direct one in h(t-1)."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        (gates, path, outer, carry, deltas), (reset_after, outside) = arrays, options
        candidate, delta, one = 4 * now * n_units + j, 4 * chunk * n_units + j, full(gates, 1.0)
        n, u = load(gates, candidate), load(gates, candidate + 2 * n_units)
        d = load(carry, here * n_units + j)
        if outside:
            d = d + load(outer, now * n_units + j)
        d_candidate, d_mixed = d * (one - u) * (one - n * n), full(gates, 0.0)
        if reset_after:
            r = load(gates, candidate + n_units)
            d_mixed = d_candidate * r
            d_reset = d_candidate * load(gates, candidate + 3 * n_units) * r * (one - r)
            store(deltas, delta + n_units, d_reset)
        store(deltas, delta, d_candidate)
        store(deltas, delta + 2 * n_units, d * (load(path, now * n_units + j) - n) * u * (one - u))
        store(deltas, delta + 3 * n_units, d_mixed)
        store(carry, here * n_units + j, d * u)

    return unit


@each_unit
def _pass_reset(load, store, full):
    """Reset before the product: from the gradient in ``r * h``, the fourth block, to those in r and h."""

    def unit(j, arrays, options, n_units, now, after, here, chunk):
        gates, path, _, carry, deltas = arrays
        r, d = load(gates, (4 * now + 1) * n_units + j), load(deltas, (4 * chunk + 3) * n_units + j)
        d_reset = d * load(path, now * n_units + j) * r * (full(gates, 1.0) - r)
        store(deltas, (4 * chunk + 1) * n_units + j, d_reset)
        store(carry, here * n_units + j, load(carry, here * n_units + j) + d * r)

    return unit


@compiled
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
    arrays = address(gates), address(path), address(grad_states), address(carry), address(deltas)
    options, shape = (reset_after, grad_states.size > 0), shape_of(n_series, n_units, x)
    for stop in range(n_steps, 0, -chunk):
        start = max(0, stop - chunk)
        for t in range(stop - 1, start - 1, -1):
            _set_deltas(arrays, options, t, start, shape)
            if not reset_after:
                candidate = weights[:, 2 * n_units :], transposed[2 * n_units :]
                mixed = at_step(deltas, t - start, 3 * n_units, 4 * n_units)
                add_back(mixed, at_step(deltas, t - start, 0, n_units), *candidate, t)
                _pass_reset(arrays, (), t, start, shape)
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

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        grads = zeros_of(params)
        backward(params, x, *tape.memory, grad_states, carry.output, grads, grad_x)
        return grads, carry
