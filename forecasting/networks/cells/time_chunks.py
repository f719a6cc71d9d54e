"""What every cell does outside its recurrence, for a chunk of time steps at once: products with many rows.

A chunk is as many steps as stay in the second-level cache between being written and being read again. In all kernels
of the cells, rows (n_steps * n_series, width) are in time order.
"""

import numpy as np

from forecasting.networks.cells.step_products import add_product, set_product
from forecasting.networks.cells.views import repeated
from reservoir.kernels.compilation import compiled
from reservoir.kernels.pointer_calls import compiled_once

_CHUNK = 65536  # numbers
_FEW = 4  # features that leave most of a vector empty: scalar products instead
_LANES = 16  # numbers of a vector, or of several


@compiled
def steps_per_chunk(n_steps, n_series, width):
    """Return how many time steps to treat at once."""
    return min(n_steps, max(1, _CHUNK // max(1, n_series * width)))


@compiled
def _set_drive(rows, first, last, x_rows, weights, bias):
    flat, width = rows.reshape(-1), np.uint64(rows.shape[1])
    n_features, n_columns = weights.shape
    few = 0 < n_features < _FEW
    if not few:
        part = rows[first:last, :n_columns]
        set_product(part, repeated(bias, last - first, n_columns), x_rows[first:last], weights)
        for i in range(np.uint64(first), np.uint64(last)):
            for j in range(np.uint64(n_columns), np.uint64(bias.size)):
                flat[i * width + j] = bias[j]
        return
    for i in range(np.uint64(first), np.uint64(last)):
        begin = i * width
        heard = x_rows[i, 0]
        for j in range(np.uint64(n_columns)):
            flat[begin + j] = bias[j] + heard * weights[0, j]
        for j in range(np.uint64(n_columns), np.uint64(bias.size)):
            flat[begin + j] = bias[j]
        for f in range(1, n_features):
            heard = x_rows[i, f]
            for j in range(np.uint64(n_columns)):
                flat[begin + j] += heard * weights[f, j]


# ``rows[first:last] = x_rows[first:last] @ weights + bias``, both for as many columns as they have.
set_drive = compiled_once(_set_drive, ("rows 2", "integer", "integer", "rows 2", "rows 2", "rows 1"))


@compiled
def _add(total, values):
    for j in range(np.uint64(total.size)):
        total[j] += values[j]


@compiled
def _copy(target, source):
    """Copy a matrix; numba's own way of doing so takes seconds to compile, for the errors that it may raise."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = source[i, j]


@compiled
def _add_input_gradients(in_weights, in_bias, grad_x_rows, first, last, deltas, x_rows, weights):
    used = deltas[: last - first, : weights.shape[1]]
    # One product for both: for a few features it reads ``used`` once.
    n_features = weights.shape[0]
    heard = np.ones((n_features + 1, last - first), deltas.dtype)
    sums = np.zeros((n_features + 1, used.shape[1]), deltas.dtype)
    _copy(heard[:n_features], x_rows[first:last].T)
    add_product(sums, heard, used)
    _add(in_weights.reshape(-1), sums[:n_features].reshape(-1))
    _add(in_bias, sums[n_features])
    if grad_x_rows.size == 0:
        return
    if n_features < _FEW:
        _set_scalar_products(grad_x_rows, first, used.shape[0], deltas, weights)
        return
    n_columns = -(-n_features // _LANES) * _LANES
    wide, grads = (
        np.zeros((used.shape[1], n_columns), deltas.dtype),
        np.zeros((last - first, n_columns), deltas.dtype),
    )
    _copy(wide[:, :n_features], weights.T)
    add_product(grads, used, wide)
    _copy(grad_x_rows[first:last], grads[:, :n_features])


@compiled
def _set_scalar_products(grad_x_rows, first, n_rows, deltas, weights):
    flat, width = deltas.reshape(-1), np.uint64(deltas.shape[1])
    for i in range(np.uint64(n_rows)):
        for f in range(weights.shape[0]):
            total = deltas.dtype.type(0)
            for j in range(np.uint64(weights.shape[1])):
                total += flat[i * width + j] * weights[f, j]
            grad_x_rows[first + np.int64(i), f] = total


# From the gradient in the drive of some rows to those in the input weights, the bias and the input.
# ``deltas[: last - first, : bias.size]`` belongs to rows ``first`` to ``last`` of ``x_rows``. Arguments: both
# gradients that are added to, that in the input, first, last, deltas, x_rows, input weights.
add_input_gradients = compiled_once(
    _add_input_gradients,
    ("rows 2", "rows 1", "rows 2", "integer", "integer", "rows 2", "rows 2", "rows 2"),
)
