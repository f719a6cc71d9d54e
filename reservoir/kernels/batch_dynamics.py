r"""Compiled state loop over many series at once, the series index innermost.

The same equation as ``dynamics``, for ``BLOCK`` series in step. The state of the block is an array
(n_units, BLOCK): whatever the pattern of the recurrent matrix, each non-zero weight meets ``BLOCK``
contiguous numbers, so there is no gather, and it is loaded once for all of them. States, and a drive that is
given, are transposed on the way out and in, four series at a time.
"""

import numpy as np
from numba import types
from numba.extending import overload

from reservoir.kernels.compilation import compiled, options
from reservoir.kernels.dynamics import Blend
from reservoir.kernels.recurrence import DenseRecurrence, Sliced, is_kind, slice_rows
from reservoir.kernels.tiles import (
    BLOCK,
    LANES,
    ROWS,
    TILE,
    add_rows_of_slice,
    set_rows_of_slice,
    store_past_caches,
)
from reservoir.kernels.vecmath import activate

_LARGE = 2**25  # bytes of states that no cache holds until they are read


def sliced_for_block(recurrence, matrix, dtype) -> Sliced:
    """The recurrence as slices of ``LANES`` rows; a dense one has no ``indices``."""
    if isinstance(recurrence, Sliced):
        return recurrence
    if not isinstance(recurrence, DenseRecurrence):
        return slice_rows(matrix.tocsr(), dtype)
    n_units = recurrence.weights.shape[0]
    n_slices = -(-n_units // LANES)
    padded = np.zeros((n_slices * LANES, n_units), dtype=dtype)
    padded[:n_units] = recurrence.weights
    weights = padded.reshape(n_slices, LANES, n_units).transpose(0, 2, 1).reshape(-1, LANES)
    return Sliced(
        np.ascontiguousarray(weights), np.zeros((0, LANES), np.uint32), np.arange(n_slices + 1) * n_units
    )


@compiled(arithmetic="elementwise")
def _four_rows(states, first, t, b):
    return states[first[b] + t], states[first[b + 1] + t], states[first[b + 2] + t], states[first[b + 3] + t]


@compiled(arithmetic="elementwise")
def _read_block(states, first, t, target):
    """Rows ``first + t`` of BLOCK series, transposed, into ``target`` (n_units or more, BLOCK)."""
    for b in range(0, BLOCK, 4):
        r0, r1, r2, r3 = _four_rows(states, first, t, b)
        for i in range(states.shape[1]):
            target[i, b] = r0[i]
            target[i, b + 1] = r1[i]
            target[i, b + 2] = r2[i]
            target[i, b + 3] = r3[i]


@compiled(arithmetic="elementwise")
def _write_block(source, states, first, t):
    """The inverse of ``_read_block``."""
    past_caches = states.nbytes > _LARGE
    for b in range(0, BLOCK, 4):
        r0, r1, r2, r3 = _four_rows(states, first, t, b)
        if past_caches:
            for i in range(states.shape[1]):
                store_past_caches(r0, i, source[i, b])
                store_past_caches(r1, i, source[i, b + 1])
                store_past_caches(r2, i, source[i, b + 2])
                store_past_caches(r3, i, source[i, b + 3])
        else:
            for i in range(states.shape[1]):
                r0[i] = source[i, b]
                r1[i] = source[i, b + 1]
                r2[i] = source[i, b + 2]
                r3[i] = source[i, b + 3]


@compiled(arithmetic="elementwise")
def _set_inputs(target, values, heard, first, t, weights, everything):
    """Weighted inputs of step t of BLOCK series into ``target`` (n_padded, BLOCK), by way of ``heard``."""
    n_inputs = heard.shape[0]
    for b in range(BLOCK):
        for d in range(n_inputs):
            heard[d, b] = values[first[b] + t, d]
    for unit in range(0, target.shape[0], ROWS):
        tile, lane = unit // TILE, unit % TILE
        begin = tile * n_inputs
        set_rows_of_slice(target, heard, weights, everything, unit, lane, begin, begin + n_inputs)


def blend_for_block(leak, rotation, dtype):
    """The leak, or the blend with its rotation, whose matrix is ``rotation``, as slices."""
    if not isinstance(leak, Blend) or leak.rotation is None:
        return leak
    return leak._replace(rotation=sliced_for_block(leak.rotation, rotation, dtype))


@compiled(arithmetic="elementwise")
def _add_product(target, source, recurrence):
    """Add ``W @ source``; both are (n_padded, BLOCK)."""
    weights, indices, starts = recurrence
    for s in range(starts.size - 1):
        for lane in range(0, LANES, ROWS):
            first = s * LANES + lane
            add_rows_of_slice(target, source, weights, indices, first, lane, starts[s], starts[s + 1])


def _blend_block(block, leak, old, rotated):
    """Mix the old states into a block of activations; ``rotated`` is overwritten."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_blend_block, jit_options=options("elementwise"))
def _overload_blend_block(block, leak, old, rotated):
    if not is_kind(leak, Blend):
        return _blend_leaky
    return _blend_kept if leak.types[2] is types.none else _blend_rotated


def _blend_leaky(block, leak, old, rotated):
    one = block.dtype.type(1)
    for i in range(leak.size):
        a = leak[i]
        if a != one:
            for b in range(BLOCK):
                block[i, b] = (one - a) * old[i, b] + a * block[i, b]


def _blend_kept(block, leak, old, rotated):
    for i in range(leak.keep.size):
        for b in range(BLOCK):
            block[i, b] = leak.keep[i] * old[i, b] + leak.leak[i] * block[i, b]


def _blend_rotated(block, leak, old, rotated):
    rotated[:] = 0
    _add_product(rotated, old, leak.rotation)
    for i in range(leak.keep.size):
        for b in range(BLOCK):
            block[i, b] = leak.keep[i] * rotated[i, b] + leak.leak[i] * block[i, b]


@compiled(arithmetic="elementwise")
def drive_block(states, first_rows, n_steps, inputs, recurrence, block, leak, activation):
    """Drive BLOCK series of equal length.

    Parameters
    ----------
    states : array (n_rows, n_units)
        Overwritten by the states. Without inputs, the drive of each step of each series.
    first_rows : int64 array (BLOCK,)
        Row of the first step of each series, in ``states`` and inputs. A series may stand in it several times
        (to fill the block): it is then driven once, from the drive as it was.
    n_steps : int
    inputs : Inputs
    recurrence : Sliced
        From ``sliced_for_block``.
    block : array (n_units, BLOCK)
        Initial states; on return the last states.
    leak : array (n_units,) or Blend
        From ``blend_for_block``.
    activation : int
    """
    n_units = block.shape[0]
    n_padded = (recurrence.starts.size - 1) * LANES
    current = np.zeros((n_padded, BLOCK), states.dtype)
    following = np.zeros((n_padded, BLOCK), states.dtype)
    rotated = np.zeros((n_padded, BLOCK), states.dtype)
    current[:n_units] = block
    values, input_weights = inputs
    heard, everything = np.zeros((values.shape[1], BLOCK), states.dtype), recurrence.indices[:0]
    for t in range(n_steps):
        if values.shape[1]:
            _set_inputs(following, values, heard, first_rows, t, input_weights, everything)
        else:
            _read_block(states, first_rows, t, following)
        _add_product(following, current, recurrence)
        activate(following[:n_units].reshape(-1), activation)
        _blend_block(following, leak, current, rotated)
        _write_block(following, states, first_rows, t)
        current, following = following, current
    block[:] = current[:n_units]
