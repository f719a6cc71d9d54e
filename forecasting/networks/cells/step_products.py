"""Matrix products of cells: any, and those of one step with the recurrent weights.

A step multiplies the few or many rows of what its series remember by the same weights as the step before.
"""

import numpy as np

from reservoir.kernels import products, transposed_products
from reservoir.kernels.compilation import compiled
from reservoir.kernels.pointer_calls import compiled_once
from reservoir.kernels.products import PANEL_BYTES

CACHE_LINE = 64  # bytes: a vector that straddles two of them is read twice
_FIRST_CACHE = 24576  # bytes of weights that stay in the first-level cache beside what else a step touches

# ``set_product(out, base, left, right)``: ``out = base + left @ right``; last axes but that of ``left`` contiguous.
set_product = compiled_once(products.set_product, ("array 2",) * 4)
_add_panels = compiled_once(products.add_panels, ("array 2", "array 2", "rows 3", "integer"))
_add_transposed_product = compiled_once(
    transposed_products.add_transposed_product, ("array 2", "array 2", "array 2", "integer")
)


@compiled(forceinline=True)
def add_product(out, left, right):
    """``out += left @ right``; the last axes of ``out`` and ``right`` are contiguous."""
    set_product(out, out, left, right)


@compiled
def _transpose(out, weights):
    n_rows, n_columns = np.uint64(weights.shape[0]), np.uint64(weights.shape[1])
    source, target, block = weights.reshape(-1), out.reshape(-1), np.uint64(16)
    for first in range(np.uint64(0), n_rows, block):
        n_here = min(block, n_rows - first)
        for j in range(n_columns):
            for i in range(n_here):
                target[j * n_rows + first + i] = source[(first + i) * n_columns + j]


_set_transposed = compiled_once(_transpose, ("rows 2", "rows 2"))


@compiled
def room_for(n_rows, n_columns, like):
    """Return an array that is not set, of the precision of another, from the beginning of a cache line on."""
    size, lanes = n_rows * n_columns, CACHE_LINE // like.itemsize
    room = np.empty(size + lanes, like.dtype)
    begin = -room.ctypes.data % CACHE_LINE // like.itemsize
    return room[begin : begin + size].reshape(n_rows, n_columns)


@compiled
def transposed(weights):
    """Return a contiguous transposed copy; block by block, or rows a power of two apart would evict each other."""
    out = room_for(weights.shape[1], weights.shape[0], weights)
    _set_transposed(out, weights)
    return out


@compiled
def turned(weights, n_rows):
    """Return a transposed copy of weights for products with so many rows; nothing, an empty array, for a few."""
    if n_rows <= transposed_products.MOST_ROWS:
        return np.empty((0, 0), weights.dtype)
    return transposed(weights)


@compiled
def _fill_panels(panels, weights):
    n_columns, depth, width = (
        np.uint64(weights.shape[1]),
        np.uint64(panels.shape[1]),
        np.uint64(panels.shape[2]),
    )
    target, source = panels.reshape(-1), weights.reshape(-1)
    for i in range(np.uint64(panels.shape[0])):
        for k in range(depth):
            for j in range(width):
                target[(i * depth + k) * width + j] = source[k * n_columns + i * width + j]


_set_panels = compiled_once(_fill_panels, ("rows 3", "rows 2"))


@compiled
def in_panels(weights, n_rows, n_steps):
    """Return a copy of weights for `add_onward`: panels, the first at a cache line; empty if it would not pay."""
    width = PANEL_BYTES // weights.itemsize
    # From four rows on the multiplications take as long as the reading; for some steps the copy does.
    pays = n_rows < 4 and n_steps >= 8 and weights.nbytes > _FIRST_CACHE
    n_panels = weights.shape[1] // width if pays else 0
    panels = room_for(n_panels * len(weights), width, weights).reshape(n_panels, len(weights), width)
    _set_panels(panels, weights)
    return panels


@compiled(inline="always")
def add_onward(out, left, weights, panels, t):
    """``out += left @ weights`` at step t; ``panels`` holds the weights as `in_panels` returns them."""
    n_columns = panels.shape[0] * panels.shape[2]
    if n_columns == 0:
        add_product(out, left, weights)
        return
    _add_panels(out, left, panels, t % 2)
    if n_columns < out.shape[1]:
        add_product(out[:, n_columns:], left, weights[:, n_columns:])


@compiled
def add_back(out, left, weights, transposed, t):
    """``out += left @ weights.T`` at step t; ``transposed`` is the transposed copy of the weights, or nothing."""
    if transposed.size > 0:
        add_product(out, left, transposed)
    else:
        _add_transposed_product(out, left, weights, t % 2)
