"""What every cell does outside its recurrence, for a chunk of time steps at once: products with many rows.

A chunk is as many steps as stay in the second-level cache between being written and being read again.

In all kernels of the cells, rows (n_steps * n_series, width) are in time order, and elementwise loops run over flat
arrays with unsigned positions: a slice would count references, row by row, and a position that may be negative, or
a loop over many arrays that may overlap, would not vectorise.
"""

import numpy as np
from numba import njit

from reservoir import products
from reservoir.vecmath import FASTMATH

KERNEL = {"cache": True, "nogil": True, "fastmath": FASTMATH | {"reassoc"}, "error_model": "numpy"}
_CHUNK = 65536  # numbers
_FEW = 16  # columns that leave most of a vector empty: scalar products instead


@njit(inline="always")
def add_product(out, left, right):
    """``out += left @ right``; all products of a kernel are of one type, and compiled once.

    A slice of the last axis makes an array one of any layout.
    """
    n_columns, depth = right.shape[1], left.shape[1]
    products.add_product(out[:, 0:n_columns], left[:, 0:depth], right[:, 0:n_columns])


@njit(**KERNEL)
def steps_per_chunk(n_steps, n_series, width):
    """Return how many time steps to treat at once."""
    return min(n_steps, max(1, _CHUNK // max(1, n_series * width)))


@njit(**KERNEL)
def set_drive(rows, first, last, x_rows, weights, bias):
    """``rows[first:last, :n] = x_rows[first:last] @ weights + bias``, n columns of weights."""
    flat, width = rows.reshape(-1), np.uint64(rows.shape[1])
    for i in range(np.uint64(first), np.uint64(last)):
        begin = i * width
        for j in range(np.uint64(bias.size)):
            flat[begin + j] = bias[j]
    add_product(rows[first:last, : bias.size], x_rows[first:last], weights)


@njit(**KERNEL)
def transposed(weights):
    """Return a contiguous transposed copy; block by block, or rows a power of two apart would evict each other."""
    n_rows, n_columns = np.uint64(weights.shape[0]), np.uint64(weights.shape[1])
    out = np.empty((weights.shape[1], weights.shape[0]), weights.dtype)
    source, target, block = weights.reshape(-1), out.reshape(-1), np.uint64(16)
    for first in range(np.uint64(0), n_rows, block):
        n_here = min(block, n_rows - first)
        for j in range(n_columns):
            for i in range(n_here):
                target[j * n_rows + first + i] = source[(first + i) * n_columns + j]
    return out


@njit(**KERNEL)
def add_step(total, values, t):
    """``total += values[t]``, both flat."""
    begin = t * np.uint64(total.size)
    for j in range(np.uint64(total.size)):
        total[j] += values[begin + j]


@njit(**KERNEL)
def add_input_gradients(grads, grad_x_rows, first, last, deltas, n_gates, x_rows, weights):
    """From the gradient in the drive of some rows to those in the input weights, the bias and the input.

    ``deltas[: last - first, :n_gates]`` belongs to rows ``first`` to ``last`` of ``x_rows``.
    """
    used = deltas[: last - first, :n_gates]
    add_product(grads.input_weights, x_rows[first:last].T, used)
    add_product(grads.bias.reshape(1, -1), np.ones((1, last - first), deltas.dtype), used)
    n_features = weights.shape[0]
    if n_features >= _FEW:
        grad_x_rows[first:last] = 0
        add_product(grad_x_rows[first:last], used, transposed(weights))
        return
    flat, width = deltas.reshape(-1), np.uint64(deltas.shape[1])
    for i in range(np.uint64(last - first)):
        for f in range(n_features):
            total = deltas.dtype.type(0)
            for j in range(np.uint64(n_gates)):
                total += flat[i * width + j] * weights[f, j]
            grad_x_rows[first + np.int64(i), f] = total
