"""The loops of `WaveNet`: a block forward and backward over a piece of the rows, and one step from a cache.

Rows are steps of series, (n_steps * n_series, width), in time order.
"""

import numpy as np

from forecasting.networks.cells.step_products import add_product, transposed
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import activate, gate, tanh

_RELU = 2  # code of reservoir.kernels.vecmath.ACTIVATIONS


@compiled
def _open_gates(drive, z, n_channels):
    """Drive -> filter and gate in place, and their product; flat arrays of rows in order."""
    for row in range(np.uint64(z.size) // n_channels):
        at, here = row * (n_channels + n_channels), row * n_channels
        for j in range(n_channels):
            drive[at + j] = tanh(drive[at + j])
        for j in range(n_channels, n_channels + n_channels):
            drive[at + j] = gate(drive[at + j])
        for j in range(n_channels):
            z[here + j] = drive[at + j] * drive[at + n_channels + j]


@compiled
def _close_gates(gates, grad_z, deltas, n_channels):
    """From the gradient in the product of filter and gate to that in their drive; flat arrays."""
    one = gates.dtype.type(1)
    for row in range(np.uint64(grad_z.size) // n_channels):
        at, here = row * (n_channels + n_channels), row * n_channels
        for j in range(n_channels):
            filtered, gate = gates[at + j], gates[at + n_channels + j]
            deltas[at + j] = grad_z[here + j] * gate * (one - filtered * filtered)
        for j in range(n_channels):
            filtered, gate = gates[at + j], gates[at + n_channels + j]
            deltas[at + n_channels + j] = grad_z[here + j] * filtered * gate * (one - gate)


@compiled
def block_forward(block, rows, gates, skip, after, first, last):
    """Run a block over rows ``first`` to ``last``: fill ``gates`` and ``after``, add to ``skip``.

    Parameters
    ----------
    rows : array (n_past + n_rows, n_channels)
        What the block hears, with its past before it.
    gates : array (n_rows, 2 * n_channels)
    skip : array (n_rows, n_units)
    after : array (n_rows, n_channels)
        What the next block hears.
    """
    c, n_past = rows.shape[1], rows.shape[0] - gates.shape[0]
    n_taps, n = block.filters.shape[0] // c, last - first
    shift = n_past // (n_taps - 1)
    for k in range(n_taps):
        taps, begin = block.filters[k * c : (k + 1) * c], k * shift + first
        if k == 0:
            gates[first:last] = block.filter_bias
        add_product(gates[first:last], rows[begin : begin + n], taps)
    z, mixed = np.empty((n, c), rows.dtype), np.empty((n, block.mix.shape[1]), rows.dtype)
    _open_gates(gates[first:last].reshape(-1), z.reshape(-1), np.uint64(c))
    mixed[:] = block.mix_bias
    add_product(mixed, z, block.mix)
    after[first:last] = rows[n_past + first : n_past + last] + mixed[:, :c]
    skip[first:last] += mixed[:, c:]


@compiled
def block_backward(block, grads, rows, gates, grad_rows, grad_after, grad_skip, first, last):
    """From the gradients in what a block put out in rows ``first`` to ``last`` to what it heard and its parameters.

    Adds to ``grads`` and to ``grad_rows``, shaped as ``rows``; the other arrays are as in `block_forward`.
    """
    c, n_past = rows.shape[1], rows.shape[0] - gates.shape[0]
    n_taps, n = block.filters.shape[0] // c, last - first
    shift, own = n_past // (n_taps - 1), gates[first:last]
    z, grad_z = np.empty((n, c), rows.dtype), np.zeros((n, c), rows.dtype)
    deltas, grad_mixed = np.empty((n, 2 * c), rows.dtype), np.empty((n, block.mix.shape[1]), rows.dtype)
    ones = np.ones((1, n), rows.dtype)
    grad_mixed[:, :c], grad_mixed[:, c:] = grad_after[first:last], grad_skip[first:last]
    z[:] = own[:, :c] * own[:, c:]
    add_product(grads.mix, z.T, grad_mixed)
    add_product(grads.mix_bias.reshape(1, -1), ones, grad_mixed)
    add_product(grad_z, grad_mixed, transposed(block.mix))
    _close_gates(own.reshape(-1), grad_z.reshape(-1), deltas.reshape(-1), np.uint64(c))
    add_product(grads.filter_bias.reshape(1, -1), ones, deltas)
    for k in range(n_taps):
        taps, begin = slice(k * c, (k + 1) * c), k * shift + first
        add_product(grads.filters[taps], rows[begin : begin + n].T, deltas)
        add_product(grad_rows[begin : begin + n], deltas, transposed(block.filters[taps]))
    grad_rows[n_past + first : n_past + last] += grad_after[first:last]


@compiled
def advance(params, x, rings, clock, room, skip, y):
    """One step, ``x`` (1, n_series, n_features), in place, at a cost that the past does not change.

    ``rings`` holds for each block what its filters still need, (n_past, n_series, n_channels): the step of time t in
    row ``t % n_past``. ``clock`` (1,) counts steps. ``room`` has space for what a block hears and makes, ``skip`` and
    ``y`` for a row of each series.
    """
    heard, drive, z, mixed = room
    c, now = params.bias.size, clock[0]
    heard[:] = params.bias
    add_product(heard, x[0], params.input_weights)
    skip[:] = 0
    for b in range(len(params.blocks)):
        block, ring = params.blocks[b], rings[b]
        n_taps, n_past = block.filters.shape[0] // c, ring.shape[0]
        drive[:], mixed[:] = block.filter_bias, block.mix_bias
        add_product(drive, heard, block.filters[(n_taps - 1) * c :])
        for k in range(n_taps - 1):
            delay = (n_taps - 1 - k) * (n_past // (n_taps - 1))
            add_product(drive, ring[(now - delay) % n_past], block.filters[k * c : (k + 1) * c])
        ring[now % n_past] = heard
        _open_gates(drive.reshape(-1), z.reshape(-1), np.uint64(c))
        add_product(mixed, z, block.mix)
        heard += mixed[:, :c]
        skip += mixed[:, c:]
    activate(skip.reshape(-1), _RELU)
    y[:] = params.output_bias
    add_product(y, skip, params.output_weights)
    activate(y.reshape(-1), _RELU)
    clock[0] += 1
