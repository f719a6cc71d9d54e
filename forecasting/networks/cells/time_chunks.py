"""What every cell does outside its recurrence, for a chunk of time steps at once: products with many rows.

A chunk is as many steps as stay in the second-level cache between being written and being read again. Arrays are
rows (n_steps * n_series, width), in time order.
"""

from numba import njit

from reservoir.products import add_product
from reservoir.vecmath import FASTMATH

KERNEL = {"cache": True, "nogil": True, "fastmath": FASTMATH | {"reassoc"}, "error_model": "numpy"}
_CHUNK = 65536  # numbers


@njit(**KERNEL)
def steps_per_chunk(n_series, width):
    """Return how many time steps to treat at once."""
    return max(1, _CHUNK // max(1, n_series * width))


@njit(**KERNEL)
def set_drive(drive, x, weights, bias):
    """``drive = x @ weights + bias``, row by row."""
    for i in range(drive.shape[0]):
        for j in range(bias.size):
            drive[i, j] = bias[j]
    add_product(drive, x, weights)


@njit(**KERNEL)
def add_column_sums(total, rows):
    """``total += rows.sum(axis=0)``."""
    for i in range(rows.shape[0]):
        for j in range(total.size):
            total[j] += rows[i, j]
