"""The recurrent matrix as the kernels read it, and its product with the old state, tile by tile.

The recurrence is one of four values; a further one is a NamedTuple and an overload of ``add_recurrence``:

``DenseRecurrence(weights)``
    ``weights`` (n_units, n_units).
``Sliced(weights, indices, starts)``
    Sparse rows in slices of ``LANES``, padded to the longest row of the slice: ``weights`` and ``indices``
    (n_entries, LANES), slice ``s`` owning entries ``starts[s]:starts[s + 1]``. See ``slice_rows``.
``Shifted(weights, heard)``, ``Shared(weights, heard)``
    Unit ``i`` hears units ``(i + offset[k]) % n_units``: contiguous loads only. ``weights`` are in tiles; where
    ``SHARED`` neighbours have the same, one stands for all. ``heard[tile, k]`` is what the first of a tile hears. See
    ``tile_shifts``.

The matrices of several members, networks of one size that do not hear each other, stand in one such value, one behind
the other: see ``joined``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import scipy.sparse as sp
from numba.extending import overload

from reservoir.kernels.compilation import compiled, options
from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.kernels.tiles import LANES, SHARED, TILE, add_shared, add_shifted, add_slice, aligned, tiled


class DenseRecurrence(NamedTuple):
    """Full recurrent matrix."""

    weights: np.ndarray


class Sliced(NamedTuple):
    """Sparse recurrent matrix, rows in slices of ``LANES``."""

    weights: np.ndarray
    indices: np.ndarray
    starts: np.ndarray


class Shifted(NamedTuple):
    """Sum of circular shifts with a weight per unit."""

    weights: np.ndarray
    heard: np.ndarray


class Shared(NamedTuple):
    """Sum of circular shifts with a weight for every ``SHARED`` units."""

    weights: np.ndarray
    heard: np.ndarray


def recurrence_of(weights, dtype) -> DenseRecurrence | Sliced | Shifted | Shared:
    """Lay a recurrent matrix out for the kernels."""
    if isinstance(weights, ShiftMatrix):
        return tile_shifts(weights.weights, weights.offsets, dtype)
    if sp.issparse(weights):
        return slice_rows(weights, dtype)
    return DenseRecurrence(np.ascontiguousarray(weights, dtype=dtype))


def slice_rows(matrix, dtype) -> Sliced:
    """Lay a ``scipy.sparse.csr_array`` out in slices of ``LANES`` rows.

    Padding entries have weight 0 and point at unit 0.
    """
    n_units = matrix.shape[0]
    n_slices = -(-n_units // LANES)
    lengths = np.zeros(n_slices * LANES, dtype=np.intp)
    lengths[:n_units] = np.diff(matrix.indptr)
    starts = np.concatenate([[0], np.cumsum(lengths.reshape(n_slices, LANES).max(axis=1))])
    weights = np.zeros((starts[-1], LANES), dtype=dtype)
    indices = np.zeros((starts[-1], LANES), dtype=np.uint32)
    rows = np.repeat(np.arange(n_units), lengths[:n_units])
    position = np.arange(matrix.nnz) - matrix.indptr[rows]
    entry = starts[rows // LANES] + position
    weights[entry, rows % LANES] = matrix.data
    indices[entry, rows % LANES] = matrix.indices
    return Sliced(weights, indices, starts)


def tile_shifts(weights, offsets, dtype) -> Shifted | Shared:
    """Lay ``weights`` (n_shifts, n_units) of circular shifts out in tiles."""
    n_units = weights.shape[1]
    heard = (np.arange(0, n_units, TILE)[:, np.newaxis] + np.asarray(offsets, dtype=np.int64)) % n_units
    leading = weights[:, ::SHARED]
    if np.array_equal(np.repeat(leading, SHARED, axis=1)[:, :n_units], weights):
        return Shared(tiled(leading, dtype, TILE // SHARED), heard)
    return Shifted(tiled(weights, dtype), heard)


def alike(values: Sequence) -> bool:
    """Whether values are of one kind and width throughout, so that they can be ``joined``."""
    return len({_kind(value) for value in values}) == 1


def _kind(value):
    if isinstance(value, tuple):
        return type(value), *map(_kind, value)
    return None if value is None else value.shape[1:]


def joined(values: Sequence):
    """Put what several members have, arrays or recurrences that are ``alike``, one behind the other."""
    first = values[0]
    if first is None or len(values) == 1:
        return first
    if isinstance(first, Sliced):
        ends = np.cumsum([0, *(value.starts[-1] for value in values)])
        starts = [value.starts[:-1] + end for value, end in zip(values, ends)]
        weights, indices, _ = zip(*values)
        return Sliced(joined(weights), joined(indices), np.append(np.concatenate(starts), ends[-1]))
    if isinstance(first, tuple):
        return type(first)(*map(joined, zip(*values)))
    return np.concatenate(values, out=aligned((sum(map(len, values)), *first.shape[1:]), first.dtype))


def add_recurrence(tile, recurrence, circles, old, n_units, first, member):
    """Add ``W @ h`` to a tile, the units from ``first`` on; h begins at ``circles[old]``, ``W`` is a member's."""
    raise TypeError(
        f"recurrence must be DenseRecurrence, Sliced, Shifted or Shared, got {type(recurrence).__name__}"
    )


@compiled(cached=False)
def in_whole_tiles(n_units):
    """Room for this many units."""
    return -(-n_units // TILE) * TILE


def is_kind(value, kind) -> bool:
    """Whether the numba type ``value`` is that of a NamedTuple ``kind``."""
    return getattr(value, "instance_class", None) is kind


@overload(add_recurrence, jit_options=options())
def _overload_add_recurrence(tile, recurrence, circles, old, n_units, first, member):
    if is_kind(recurrence, DenseRecurrence):
        return _add_dense
    if is_kind(recurrence, Sliced):
        return _add_slices
    if is_kind(recurrence, Shifted):
        return _add_shifts
    if is_kind(recurrence, Shared):
        return _add_shared
    return None


def _add_dense(tile, recurrence, circles, old, n_units, first, member):
    previous, before = circles[old : old + n_units], member * n_units
    weights = recurrence.weights[before + first : before + min(first + TILE, n_units)]
    n_rows = len(weights)
    whole = n_rows - n_rows % 4
    for i in range(0, whole, 4):
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        a0 = a1 = a2 = a3 = tile.dtype.type(0)
        for j in range(previous.size):
            h = previous[j]
            a0 += w0[j] * h
            a1 += w1[j] * h
            a2 += w2[j] * h
            a3 += w3[j] * h
        tile[i] += a0
        tile[i + 1] += a1
        tile[i + 2] += a2
        tile[i + 3] += a3
    for i in range(whole, n_rows):
        w0 = weights[i]
        a0 = tile.dtype.type(0)
        for j in range(previous.size):
            a0 += w0[j] * previous[j]
        tile[i] += a0


def _add_slices(tile, recurrence, circles, old, n_units, first, member):
    n_slices = -(-n_units // LANES)
    for s in range(first // LANES, min((first + TILE) // LANES, n_slices)):
        add_slice(tile, circles, recurrence, old, member * n_slices + s, s * LANES - first)


def _add_shifts(tile, recurrence, circles, old, n_units, first, member):
    add_shifted(tile, circles, recurrence, old, in_whole_tiles(n_units) * member + first)


def _add_shared(tile, recurrence, circles, old, n_units, first, member):
    add_shared(tile, circles, recurrence, old, in_whole_tiles(n_units) * member + first)
