r"""Compiled state loops: drive one series, run free. They know arrays only.

.. math::

    h(t) = (1 - a) \odot h(t-1) + a \odot f\big(W h(t-1) + W_{in} x(t) + p(t)\big)

with the leak ``a`` per unit and ``f`` one of ``vecmath.ACTIVATIONS``. Inputs ``x(t)`` that are few are
multiplied in the loop, where that costs next to nothing; a constant input carries the bias. Everything else
that does not depend on ``h`` (many inputs, noise) is ``p(t)``: it lies in the rows of ``states``, which the
kernels overwrite with the states. Nothing is allocated per step. Where the old state enters in another way,
a ``Blend`` stands in the place of the leak.

Recurrences: ``recurrence``. Many series at once: ``batch_dynamics``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import njit, types
from numba.extending import overload

from reservoir.recurrence import add_recurrence, is_kind
from reservoir.tiles import TILE, aligned_zeros, get_tile, put_tile, set_inputs
from reservoir.vecmath import ACTIVATIONS, FASTMATH, activate, tanh

_REASSOCIATE = FASTMATH | {"reassoc"}  # sums may be split over vector lanes
_OPTIONS = {"fastmath": _REASSOCIATE, "error_model": "numpy"}
_KERNEL = {"cache": True, "nogil": True, **_OPTIONS}
_TANH = ACTIVATIONS["tanh"]


class Blend(NamedTuple):
    r"""What a state is made of, if not by leaky integration: :math:`h(t) = k \odot O h(t-1) + a \odot f(\dots)`.

    Attributes
    ----------
    keep, leak : array (n_units,)
        ``k`` and ``a``.
    rotation : recurrence or None
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


def _blend(tile, leak, circles, old, n_units, first, heard, share):
    """Mix the old state into a tile of activations, the units from ``first`` on; the last two are workspaces."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_blend, jit_options=_OPTIONS)
def _overload_blend(tile, leak, circles, old, n_units, first, heard, share):
    if not is_kind(leak, Blend):
        return _blend_leaky
    return _blend_kept if leak.types[2] is types.none else _blend_rotated


def _blend_leaky(tile, leak, circles, old, n_units, first, heard, share):
    get_tile(heard, circles, old + first)
    get_tile(share, leak, first)
    one = tile.dtype.type(1)
    for i in range(TILE):
        tile[i] = (one - share[i]) * heard[i] + share[i] * tile[i]


def _blend_kept(tile, leak, circles, old, n_units, first, heard, share):
    get_tile(heard, circles, old + first)
    _mix(tile, leak, heard, first, share)


def _blend_rotated(tile, leak, circles, old, n_units, first, heard, share):
    for i in range(TILE):
        heard[i] = tile.dtype.type(0)
    add_recurrence(heard, leak.rotation, circles, old, n_units, first)
    _mix(tile, leak, heard, first, share)


@njit(**_OPTIONS)
def _mix(tile, leak, heard, first, share):
    get_tile(share, leak.leak, first)
    for i in range(TILE):
        tile[i] *= share[i]
    get_tile(share, leak.keep, first)
    for i in range(TILE):
        tile[i] += share[i] * heard[i]


@njit(**_OPTIONS)
def _in_tiles(values):
    """``values``, and zeros up to a whole number of tiles."""
    padded = np.zeros(-(-values.size // TILE) * TILE, values.dtype)
    padded[: values.size] = values
    return padded


def _prepared(leak):
    """Return the leak in whole tiles, and whether the old state enters through the recurrence alone."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_prepared, jit_options=_OPTIONS)
def _overload_prepared(leak):
    if is_kind(leak, Blend):
        return lambda leak: (Blend(_in_tiles(leak.keep), _in_tiles(leak.leak), leak.rotation), False)
    return lambda leak: (_in_tiles(leak), np.all(leak == 1))


@njit(**_OPTIONS)
def _workspace(state):
    """Return room for the old state and the new one, and four tiles.

    Behind each lie its first units once more, so that no tile of a circular shift meets a seam.
    """
    n_units, n_tiles = state.size, -(-state.size // TILE)
    circles = aligned_zeros(2 * (n_tiles + 1) * TILE, state)
    circles[:n_units] = state
    for i in range(TILE):
        circles[n_units + i] = circles[i]
    return circles, aligned_zeros(4 * TILE, state).reshape(4, TILE)


@njit(**_KERNEL)
def _advance(rows, circles, tiles, turn, values, weights, recurrence, leak, plain, activation):
    """Do ``len(rows)`` steps: the drive, which stands in ``rows`` or comes from inputs, becomes the state.

    Whole tiles, so that all loops have a fixed length, and one after the other, so that the arithmetic of one
    overlaps with the loads of the next. No array is made within the loop: to count references to a view takes as
    long as a tile.

    Parameters
    ----------
    rows : array (n_steps, n_units)
    circles, tiles : see ``_workspace``
    turn : int
        Which circle holds the old state: 0 or 1.
    leak, plain : see ``_prepared``

    Returns
    -------
    int
        Which circle holds the last state.
    """
    n_units, circle = rows.shape[1], circles.size // 2
    tile, heard, share = tiles[0], tiles[1], tiles[2]
    whole = n_units - n_units % TILE
    for t in range(rows.shape[0]):
        old, new = turn * circle, (1 - turn) * circle
        turn = 1 - turn
        for first in range(0, n_units, TILE):
            if weights.shape[0]:
                set_inputs(tile, values, weights, t, first)
            elif first < whole:
                get_tile(tile, rows, t * n_units + first)
            else:
                for i in range(n_units - whole):
                    tile[i] = rows[t, whole + i]
            add_recurrence(tile, recurrence, circles, old, n_units, first)
            if activation == _TANH:  # inlined: to call ``activate`` takes as long as a tile
                for i in range(TILE):
                    tile[i] = tanh(tile[i])
                if not plain:
                    _blend(tile, leak, circles, old, n_units, first, heard, share)
            put_tile(circles, tile, new + first)
        if activation != _TANH:
            activate(circles[new : new + n_units], activation)
            if not plain:
                for first in range(0, n_units, TILE):
                    get_tile(tile, circles, new + first)
                    _blend(tile, leak, circles, old, n_units, first, heard, share)
                    put_tile(circles, tile, new + first)
        for first in range(0, n_units, TILE):
            get_tile(tile, circles, new + first)
            if first == 0:
                put_tile(circles, tile, new + n_units)
            if first < whole:
                put_tile(rows, tile, t * n_units + first)
            else:
                for i in range(n_units - whole):
                    rows[t, whole + i] = tile[i]
    return turn


@njit(**_KERNEL)
def drive(states, inputs, recurrence, state, leak, activation):
    """Drive one series.

    Parameters
    ----------
    states : array (n_steps, n_units)
        Overwritten by the states. Without inputs, the drive of each step.
    inputs : Inputs
    recurrence : value of a kind in ``recurrence``
    state : array (n_units,)
        Initial state; on return the last state.
    leak : array (n_units,) or Blend
    activation : int
        Code from ``vecmath.ACTIVATIONS``.
    """
    values, weights = inputs
    shares, plain = _prepared(leak)
    circles, tiles = _workspace(state)
    turn = _advance(states, circles, tiles, 0, values, weights, recurrence, shares, plain, activation)
    last = turn * circles.size // 2
    state[:] = circles[last : last + state.size]


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
def run_free(outputs, inputs, recurrence, state, leak, activation, traces, retention, squared, weights, gain):
    r"""Run one series free: each output is the next step's input.

    .. math:: y(t) = o(t) + V [h(t), \mu(t), y(t-1), q(t)], \qquad x(t) = [g\,y(t-1), u(t)]

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
    squared : uint32 array (n_squared,)
        Which of the states and traces have their squares in ``q``.
    weights : array (n_outputs, n_units + n_traces + n_outputs + n_squared)
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
    shares, plain = _prepared(leak)
    circles, tiles = _workspace(state)
    row, features = np.empty((1, n_units), state.dtype), np.zeros(weights.shape[1], state.dtype)
    row[0] = state
    begin_squared = n_units + n_traces + n_outputs
    one = state.dtype.type(1)
    n_done = turn = 0
    finite = True
    while finite and n_done < values.shape[0]:
        t = n_done
        for d in range(n_outputs):
            features[n_units + n_traces + d] = outputs[t, d]
            values[t, d] = gain * outputs[t, d]
        for i in range(n_traces):
            traces[i] = retention[i] * traces[i] + (one - retention[i]) * row[0, i]
            features[n_units + i] = traces[i]
        now = values[t : t + 1]
        turn = _advance(row, circles, tiles, turn, now, input_weights, recurrence, shares, plain, activation)
        for i in range(n_units):
            features[i] = row[0, i]
        for i in range(squared.size):
            features[begin_squared + i] = features[squared[i]] * features[squared[i]]
        for d in range(n_outputs):
            out_of, total = weights[d], outputs.dtype.type(0)
            for i in range(features.size):
                total += out_of[i] * features[i]
            outputs[t + 1, d] += total
            # Not np.isfinite: it asks whether x - x is 0, which "reassoc" and "nsz" fold to true.
            finite &= abs(outputs[t + 1, d]) < np.inf
        n_done += 1
    state[:] = row[0]
    return n_done
