"""What every cell does outside its recurrence, for a chunk of time steps at once: products with many rows.

A chunk is as many steps as stay in the second-level cache between being written and being read again.

In all kernels of the cells, rows (n_steps * n_series, width) are in time order, and elementwise loops run over flat
arrays with unsigned positions: a slice would count references, row by row, and a position that may be negative, or
a loop over many arrays that may overlap, would not vectorise.
"""

import numpy as np
from numba import njit

from forecasting.networks.cells.views import repeated
from reservoir import products, transposed_products
from reservoir.compiled_once import compiled_once
from reservoir.products import PANEL_BYTES
from reservoir.vecmath import FASTMATH

KERNEL = {"cache": True, "nogil": True, "fastmath": FASTMATH | {"reassoc"}, "error_model": "numpy"}
_CHUNK = 65536  # numbers
_FEW = 4  # features that leave most of a vector empty: scalar products instead
CACHE_LINE = 64  # bytes: a vector that straddles two of them is read twice
_LANES = 16  # numbers of a vector, or of several
_FIRST_CACHE = 24576  # bytes of weights that stay in the first-level cache beside what else a step touches

# ``set_product(out, base, left, right)``: ``out = base + left @ right``; last axes but that of ``left`` contiguous.
set_product = compiled_once(products.set_product, ("array 2",) * 4)
_add_panels = compiled_once(products.add_panels, ("array 2", "array 2", "rows 3", "integer"))
_add_transposed_product = compiled_once(
    transposed_products.add_transposed_product, ("array 2", "array 2", "array 2", "integer")
)


@njit(**KERNEL, forceinline=True)
def add_product(out, left, right):
    """``out += left @ right``; the last axes of ``out`` and ``right`` are contiguous."""
    set_product(out, out, left, right)


@njit(**KERNEL)
def steps_per_chunk(n_steps, n_series, width):
    """Return how many time steps to treat at once."""
    return min(n_steps, max(1, _CHUNK // max(1, n_series * width)))


@njit(**KERNEL)
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


@njit(**KERNEL)
def _transpose(out, weights):
    n_rows, n_columns = np.uint64(weights.shape[0]), np.uint64(weights.shape[1])
    source, target, block = weights.reshape(-1), out.reshape(-1), np.uint64(16)
    for first in range(np.uint64(0), n_rows, block):
        n_here = min(block, n_rows - first)
        for j in range(n_columns):
            for i in range(n_here):
                target[j * n_rows + first + i] = source[(first + i) * n_columns + j]


_set_transposed = compiled_once(_transpose, ("rows 2", "rows 2"))


@njit(**KERNEL)
def room_for(n_rows, n_columns, like):
    """Return an array that is not set, of the precision of another, from the beginning of a cache line on."""
    size, lanes = n_rows * n_columns, CACHE_LINE // like.itemsize
    room = np.empty(size + lanes, like.dtype)
    begin = -room.ctypes.data % CACHE_LINE // like.itemsize
    return room[begin : begin + size].reshape(n_rows, n_columns)


@njit(**KERNEL)
def transposed(weights):
    """Return a contiguous transposed copy; block by block, or rows a power of two apart would evict each other."""
    out = room_for(weights.shape[1], weights.shape[0], weights)
    _set_transposed(out, weights)
    return out


@njit(**KERNEL)
def turned(weights, n_rows):
    """Return a transposed copy of weights for products with so many rows; nothing, an empty array, for a few."""
    if n_rows <= transposed_products.MOST_ROWS:
        return np.empty((0, 0), weights.dtype)
    return transposed(weights)


@njit(**KERNEL)
def _fill_panels(panels, weights):
    for i in range(panels.shape[0]):
        for k in range(panels.shape[1]):
            for j in range(panels.shape[2]):
                panels[i, k, j] = weights[k, i * panels.shape[2] + j]


_set_panels = compiled_once(_fill_panels, ("rows 3", "array 2"))


@njit(**KERNEL)
def in_panels(weights, n_rows, n_steps):
    """Return a copy of weights for `add_onward`: panels, the first at a cache line; empty if it would not pay."""
    width = PANEL_BYTES // weights.itemsize
    pays = n_rows < 4 and n_steps >= 8 and weights.nbytes > _FIRST_CACHE
    n_panels = weights.shape[1] // width if pays else 0
    panels = room_for(n_panels * len(weights), width, weights).reshape(n_panels, len(weights), width)
    _set_panels(panels, weights)
    return panels


@njit(**KERNEL, inline="always")
def add_onward(out, left, weights, panels, t):
    """``out += left @ weights`` at step t; ``panels`` holds the weights as `in_panels` returns them."""
    n_columns = panels.shape[0] * panels.shape[2]
    if n_columns == 0:
        add_product(out, left, weights)
        return
    _add_panels(out, left, panels, t % 2)
    if n_columns < out.shape[1]:
        add_product(out[:, n_columns:], left, weights[:, n_columns:])


@njit(**KERNEL)
def add_back(out, left, weights, transposed, t):
    """``out += left @ weights.T`` at step t; ``transposed`` is the transposed copy of the weights, or nothing."""
    if transposed.size > 0:
        add_product(out, left, transposed)
    else:
        _add_transposed_product(out, left, weights, t % 2)


@njit(**KERNEL)
def _add(total, values):
    for j in range(np.uint64(total.size)):
        total[j] += values[j]


@njit(**KERNEL)
def _copy(target, source):
    """Copy a matrix; numba's own way of doing so takes seconds to compile, for the errors that it may raise."""
    for i in range(target.shape[0]):
        for j in range(target.shape[1]):
            target[i, j] = source[i, j]


@njit(**KERNEL)
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


@njit(**KERNEL)
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
