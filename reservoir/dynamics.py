r"""Compiled state loops: drive one series, run free. They know arrays only.

.. math::

    h(t) = (1 - a) \odot h(t-1) + a \odot f\big(W h(t-1) + W_{in} x(t) + p(t)\big)

with the leak ``a`` per unit and ``f`` one of ``vecmath.ACTIVATIONS``. Inputs ``x(t)`` that are few are
multiplied in the loop, where that costs next to nothing; a constant input carries the bias. Everything else
that does not depend on ``h`` (many inputs, noise) is ``p(t)``: it lies in the rows of ``states``, which the
kernels overwrite with the states. Nothing is allocated per step. Where the old state enters in another way,
a ``Blend`` stands in the place of the leak.

The recurrence is one of three values; a further one is a NamedTuple and an overload of ``_add_recurrence``:

``Dense(weights)``
    ``weights`` (n_units, n_units).
``Sliced(weights, indices, starts)``
    Sparse rows in slices of ``LANES``, padded to the longest row of the slice: ``weights`` and ``indices``
    (n_entries, LANES), slice ``s`` owning entries ``starts[s]:starts[s + 1]``. See ``slice_rows``.
``Shifted(weights, offsets)``
    Unit ``i`` hears units ``(i + offsets[k]) % n_units``: contiguous loads only. ``weights`` are in tiles, see
    ``tile_shifts``.

Many series at once: ``batch_dynamics``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

from reservoir.tiles import LANES, TILE, add_shifted, add_slice, set_inputs, tiled
from reservoir.vecmath import ACTIVATIONS, FASTMATH, activate, tanh

_REASSOCIATE = FASTMATH | {"reassoc"}  # sums may be split over vector lanes
_OPTIONS = {"fastmath": _REASSOCIATE, "error_model": "numpy"}
_KERNEL = {"cache": True, "nogil": True, **_OPTIONS}
_TANH = ACTIVATIONS["tanh"]


class Dense(NamedTuple):
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
    offsets: np.ndarray


class Blend(NamedTuple):
    r"""What a state is made of, if not by leaky integration: :math:`h(t) = k \odot O h(t-1) + a \odot f(\dots)`.

    Attributes
    ----------
    keep, leak : array (n_units,)
        ``k`` and ``a``.
    rotation : Dense, Sliced, Shifted or None
        ``O``; None is the identity.
    """

    keep: np.ndarray
    leak: np.ndarray
    rotation: Any = None


class Inputs(NamedTuple):
    """Inputs to be multiplied in the loop.

    Attributes
    ----------
    values : array (n_steps, n_inputs)
        With no inputs at all, the rows of ``states`` hold the whole drive.
    weights : array (n_tiles * n_inputs, TILE)
        Transposed input matrix, in tiles.
    """

    values: np.ndarray
    weights: np.ndarray


def no_inputs(n_steps, dtype) -> Inputs:
    """Inputs of a series whose whole drive lies in the rows of ``states``."""
    return Inputs(np.zeros((n_steps, 0), dtype), np.zeros((0, TILE), dtype))


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


def tile_shifts(weights, offsets, dtype) -> Shifted:
    """Lay ``weights`` (n_shifts, n_units) of circular shifts out in tiles."""
    return Shifted(tiled(weights, dtype), np.asarray(offsets, dtype=np.int64) % weights.shape[1])


def _add_recurrence(tile, recurrence, previous, around, first):
    """Add ``W @ previous`` to a tile, the units from ``first`` on; ``around`` from ``_continue_around``."""
    raise TypeError(f"recurrence must be Dense, Sliced or Shifted, got {type(recurrence).__name__}")


def is_kind(value, kind) -> bool:
    """Whether the numba type ``value`` is that of a NamedTuple ``kind``."""
    return getattr(value, "instance_class", None) is kind


@overload(_add_recurrence, jit_options=_OPTIONS)
def _overload_add_recurrence(tile, recurrence, previous, around, first):
    if is_kind(recurrence, Dense):
        return _add_dense
    if is_kind(recurrence, Sliced):
        return _add_slices
    if is_kind(recurrence, Shifted):
        return _add_shifts
    return None


def _add_dense(tile, recurrence, previous, around, first):
    weights = recurrence.weights[first : first + TILE]
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


def _add_slices(tile, recurrence, previous, around, first):
    weights, indices, starts = recurrence
    for s in range(first // LANES, min((first + TILE) // LANES, starts.size - 1)):
        add_slice(tile, previous, weights, indices, s * LANES - first, starts[s], starts[s + 1])


def _add_shifts(tile, recurrence, previous, around, first):
    add_shifted(tile, previous, around, recurrence.weights, recurrence.offsets, first)


def _is_plain(leak):
    """Whether the old state enters through the recurrence alone."""
    return np.all(leak == 1)


@overload(_is_plain, jit_options=_OPTIONS)
def _overload_is_plain(leak):
    return (lambda leak: False) if is_kind(leak, Blend) else (lambda leak: np.all(leak == 1))


def _blend(here, leak, previous, around, tile, first):
    """Mix the old state into a tile of activations, the units from ``first`` on; ``tile`` is overwritten."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_blend, jit_options=_OPTIONS)
def _overload_blend(here, leak, previous, around, tile, first):
    if not is_kind(leak, Blend):
        return _blend_leaky
    return _blend_kept if leak.types[2] is types.none else _blend_rotated


def _blend_leaky(here, leak, previous, around, tile, first):
    old, share = previous[first : first + TILE], leak[first : first + TILE]
    one = here.dtype.type(1)
    for i in range(here.size):
        here[i] = (one - share[i]) * old[i] + share[i] * here[i]


def _blend_kept(here, leak, previous, around, tile, first):
    old, kept, share = previous[first : first + TILE], leak.keep[first:], leak.leak[first:]
    for i in range(here.size):
        here[i] = kept[i] * old[i] + share[i] * here[i]


def _blend_rotated(here, leak, previous, around, tile, first):
    kept, share = leak.keep[first:], leak.leak[first:]
    for i in range(tile.size):
        tile[i] = here.dtype.type(0)
    _add_recurrence(tile, leak.rotation, previous, around, first)
    for i in range(here.size):
        here[i] = kept[i] * tile[i] + share[i] * here[i]


@njit(**_KERNEL)
def _continue_around(around, state):
    """Write the last TILE units of a circle and then the first, so that no tile that is read has a seam."""
    n_units = state.size
    for i in range(min(n_units, TILE)):
        around[TILE + i] = state[i]
        around[TILE - 1 - i] = state[n_units - 1 - i]
    for i in range(n_units, TILE):
        around[TILE + i] = around[TILE + i - n_units]
        around[TILE - 1 - i] = around[TILE - 1 - i + n_units]


@njit(**_KERNEL)
def _step(out, previous, around, tile, inputs, weights, recurrence, leak, plain, activation):
    """One step in place: the drive, which stands in ``out`` or comes from inputs, becomes the state.

    Tile by tile, so that the arithmetic of one overlaps with the loads of the next.
    """
    n_units = out.size
    _continue_around(around, previous)
    for first in range(0, n_units, TILE):
        here = out[first : first + TILE]  # shorter than a tile at the end
        if inputs.size:
            set_inputs(tile, inputs, weights, first)
        else:
            for i in range(here.size):
                tile[i] = here[i]
        _add_recurrence(tile, recurrence, previous, around, first)
        if activation == _TANH:  # inlined: to call ``activate`` takes as long as a tile
            for i in range(here.size):
                here[i] = tanh(tile[i])
        else:
            for i in range(here.size):
                here[i] = tile[i]
        if activation == _TANH and not plain:
            _blend(here, leak, previous, around, tile, first)
    if activation != _TANH:
        activate(out, activation)
        if not plain:
            for first in range(0, n_units, TILE):
                _blend(out[first : first + TILE], leak, previous, around, tile, first)


@njit(**_KERNEL)
def drive(states, inputs, recurrence, state, leak, activation):
    """Drive one series.

    Parameters
    ----------
    states : array (n_steps, n_units)
        Overwritten by the states. Without inputs, the drive of each step.
    inputs : Inputs
    recurrence : Dense, Sliced or Shifted
    state : array (n_units,)
        Initial state; on return the last state.
    leak : array (n_units,) or Blend
    activation : int
        Code from ``vecmath.ACTIVATIONS``.
    """
    values, weights = inputs
    plain = _is_plain(leak)
    around, tile = np.zeros(2 * TILE, state.dtype), np.zeros(TILE, state.dtype)
    previous = state
    for t in range(states.shape[0]):
        _step(states[t], previous, around, tile, values[t], weights, recurrence, leak, plain, activation)
        previous = states[t]
    state[:] = previous


@njit(**_KERNEL)
def trace(states, last, traces, retention):
    r"""Linear traces of a series of states, :math:`\mu(t) = \alpha \mu(t-1) + (1-\alpha) h(t-1)`.

    Parameters
    ----------
    states : array (n_steps, 2 * n_units)
        ``h`` in the left half; the right half is overwritten by ``mu``.
    last, traces : array (n_units,)
        ``h`` and ``mu`` before the first step; on return of the last one.
    retention : array (n_units,)
        ``alpha``.
    """
    n_units = retention.size
    one = states.dtype.type(1)
    for t in range(states.shape[0]):
        row = states[t]
        for i in range(n_units):
            traces[i] = retention[i] * traces[i] + (one - retention[i]) * last[i]
        for i in range(n_units):
            row[n_units + i] = traces[i]
        for i in range(n_units):
            last[i] = row[i]


@njit(**_KERNEL)
def run_free(outputs, inputs, recurrence, state, leak, activation, traces, retention, weights, gain):
    r"""Run one series free: each output is the next step's input.

    .. math:: y(t) = o(t) + V [h(t), \mu(t), y(t-1)], \qquad x(t) = [g\,y(t-1), u(t)]

    Parameters
    ----------
    outputs : array (n_steps + 1, n_outputs)
        Row 0 holds the last output before the run, row t + 1 holds ``o(t)``: intercept and whatever does
        not depend on state or output; overwritten by the outputs.
    inputs : Inputs
        The first n_outputs of the values are overwritten by what is fed back; the others are ``u``.
    recurrence, state, leak, activation : see ``drive``
    traces, retention : array (n_traces,), n_traces being 0 or n_units
        Linear traces of the state and their retention; on return the last traces.
    weights : array (n_outputs, n_units + n_traces + n_outputs)
        ``V``, the readout.
    gain : float
        ``g``.

    Returns
    -------
    int
        Number of steps done: less than ``n_steps`` when an output was not finite, that step being the last.
    """
    n_units, n_traces, n_outputs = state.size, traces.size, outputs.shape[1]
    values, input_weights = inputs
    plain = _is_plain(leak)
    around, tile = np.zeros(2 * TILE, state.dtype), np.zeros(TILE, state.dtype)
    both = np.zeros((2, weights.shape[1]), state.dtype)
    both[1, :n_units] = state
    one = state.dtype.type(1)
    n_done = 0
    finite = True
    while finite and n_done < values.shape[0]:
        t = n_done
        features, previous = both[t % 2], both[1 - t % 2, :n_units]
        for d in range(n_outputs):
            features[n_units + n_traces + d] = outputs[t, d]
            values[t, d] = gain * outputs[t, d]
        for i in range(n_traces):
            traces[i] = retention[i] * traces[i] + (one - retention[i]) * previous[i]
            features[n_units + i] = traces[i]
        _step(
            features[:n_units],
            previous,
            around,
            tile,
            values[t],
            input_weights,
            recurrence,
            leak,
            plain,
            activation,
        )
        for d in range(n_outputs):
            out_of, total = weights[d], outputs.dtype.type(0)
            for i in range(features.size):
                total += out_of[i] * features[i]
            outputs[t + 1, d] += total
            # Not np.isfinite: it asks whether x - x is 0, which "reassoc" and "nsz" fold to true.
            finite &= abs(outputs[t + 1, d]) < np.inf
        n_done += 1
    state[:] = both[1 - n_done % 2, :n_units]
    return n_done
