r"""Compiled state loops: drive one series, move many states a step on. They know arrays only.

.. math::

    h(t) = (1 - a) \odot h(t-1) + a \odot f\big(W h(t-1) + W_{in} x(t) + p(t)\big)

with the leak ``a`` per unit and ``f`` one of ``vecmath.ACTIVATIONS``. Inputs ``x(t)`` that are few are
multiplied in the loop, where that costs next to nothing; a constant input carries the bias. Everything else
that does not depend on ``h`` (many inputs, noise) is ``p(t)``: it lies in the rows of ``states``, which the
kernels overwrite with the states. Nothing is allocated per step. Where the old state enters in another way,
a ``Blend`` stands in the place of the leak.

Recurrences: ``recurrence``. Many series at once: ``batch_dynamics``. Free runs: ``stepping``.
"""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

from reservoir.kernels.compilation import compiled, options
from reservoir.kernels.recurrence import add_recurrence, in_whole_tiles, is_kind, joined
from reservoir.kernels.stepping import borrowed, with_step
from reservoir.kernels.tiles import TILE, aligned_zeros, get_tile, put_tile, set_inputs
from reservoir.kernels.vecmath import ACTIVATIONS, activate, tanh

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


def _blend(tile, leak, circles, old, n_units, first, member, heard, share):
    """Mix the old state of a member into a tile of activations, the units from ``first`` on, in two workspaces."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_blend, jit_options=options())
def _overload_blend(tile, leak, circles, old, n_units, first, member, heard, share):
    if not is_kind(leak, Blend):
        return _blend_leaky
    return _blend_kept if leak.types[2] is types.none else _blend_rotated


def _blend_leaky(tile, leak, circles, old, n_units, first, member, heard, share):
    get_tile(heard, circles, old + first)
    get_tile(share, leak, in_whole_tiles(n_units) * member + first)
    one = tile.dtype.type(1)
    for i in range(TILE):
        tile[i] = (one - share[i]) * heard[i] + share[i] * tile[i]


def _blend_kept(tile, leak, circles, old, n_units, first, member, heard, share):
    get_tile(heard, circles, old + first)
    _mix(tile, leak, heard, in_whole_tiles(n_units) * member + first, share)


def _blend_rotated(tile, leak, circles, old, n_units, first, member, heard, share):
    for i in range(TILE):
        heard[i] = tile.dtype.type(0)
    add_recurrence(heard, leak.rotation, circles, old, n_units, first, member)
    _mix(tile, leak, heard, in_whole_tiles(n_units) * member + first, share)


@compiled(cached=False)
def _mix(tile, leak, heard, first, share):
    get_tile(share, leak.leak, first)
    for i in range(TILE):
        tile[i] *= share[i]
    get_tile(share, leak.keep, first)
    for i in range(TILE):
        tile[i] += share[i] * heard[i]


@compiled(cached=False)
def _in_tiles(values):
    """``values``, and zeros up to a whole number of tiles."""
    padded = np.zeros(-(-values.size // TILE) * TILE, values.dtype)
    padded[: values.size] = values
    return padded


def _prepared(leak):
    """Return the leak in whole tiles, and whether the old state enters through the recurrence alone."""
    raise TypeError(f"leak must be an array or a Blend, got {type(leak).__name__}")


@overload(_prepared, jit_options=options())
def _overload_prepared(leak):
    if is_kind(leak, Blend):
        return lambda leak: (Blend(_in_tiles(leak.keep), _in_tiles(leak.leak), leak.rotation), False)
    return lambda leak: (_in_tiles(leak), np.all(leak == 1))


@compiled
def _workspace(states):
    """Return room for the old and the new one of each of some states, and four tiles.

    Behind each lie its first units once more, so that no tile of a circular shift meets a seam.
    """
    n_units = states.shape[1]
    size = 2 * (in_whole_tiles(n_units) + TILE)
    circles = aligned_zeros(len(states) * size, states)
    for p in range(len(states)):
        circles[p * size : p * size + n_units] = states[p]
        for i in range(p * size, p * size + TILE):
            circles[n_units + i] = circles[i]
    return circles, aligned_zeros(4 * TILE, states).reshape(4, TILE)


@compiled
def _advance(rows, places, circles, tiles, turn, values, weights, recurrence, leak, plain, activation):
    """Do some steps: the drive, which stands in ``rows`` or comes from inputs, becomes the state.

    Whole tiles, so that all loops have a fixed length, and one after the other, so that the arithmetic of one
    overlaps with the loads of the next. No array is made within the loop: to count references to a view takes as
    long as a tile.

    Parameters
    ----------
    rows : array (n_steps * n_places, n_units)
        The places of a step one behind the other; so are those of ``values``.
    places : tuple of 4 int
        How many there are, the first to be moved, the end, how many are of one member: have the same weights.
    circles, tiles : see ``_workspace``
    turn : int
        Which circle holds the old state: 0 or 1.
    leak, plain : see ``_prepared``

    Returns
    -------
    int
        Which circle holds the last state.
    """
    tile, heard, share = tiles[0], tiles[1], tiles[2]
    n_places, first_place, end_place, n_each = places
    n_units = rows.shape[1]
    padded = in_whole_tiles(n_units)
    circle, whole = padded + TILE, n_units - n_units % TILE
    for first_row in range(0, len(rows), n_places):
        for place in range(first_place, end_place):
            row, member = first_row + place, place // n_each
            old, new = (2 * place + turn) * circle, (2 * place + 1 - turn) * circle
            for first in range(0, n_units, TILE):
                if weights.shape[0]:
                    set_inputs(tile, values, weights, row, member * padded + first)
                elif first < whole:
                    get_tile(tile, rows, row * n_units + first)
                else:
                    for i in range(n_units - whole):
                        tile[i] = rows[row, whole + i]
                add_recurrence(tile, recurrence, circles, old, n_units, first, member)
                if activation == _TANH:  # inlined: to call ``activate`` takes as long as a tile
                    for i in range(TILE):
                        tile[i] = tanh(tile[i])
                    if not plain:
                        _blend(tile, leak, circles, old, n_units, first, member, heard, share)
                put_tile(circles, tile, new + first)
            if activation != _TANH:
                activate(circles[new : new + n_units], activation)
                if not plain:
                    for first in range(0, n_units, TILE):
                        get_tile(tile, circles, new + first)
                        _blend(tile, leak, circles, old, n_units, first, member, heard, share)
                        put_tile(circles, tile, new + first)
            for first in range(0, n_units, TILE):
                get_tile(tile, circles, new + first)
                if first == 0:
                    put_tile(circles, tile, new + n_units)
                if first < whole:
                    put_tile(rows, tile, row * n_units + first)
                else:
                    for i in range(n_units - whole):
                        rows[row, whole + i] = tile[i]
        turn = 1 - turn
    return turn


@compiled
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
    circles, tiles = _workspace(state.reshape(1, -1))
    parts = values, weights, recurrence, shares, plain, activation
    turn = _advance(states, (1, 0, 1, 1), circles, tiles, 0, *parts)
    last = turn * circles.size // 2
    state[:] = circles[last : last + state.size]


class Members(NamedTuple):
    """Echo-state units of one or several networks of one size.

    Attributes
    ----------
    n_units, n_members : int
    weights : array (n_members * n_tiles * n_inputs, TILE)
        Transposed input matrices, in tiles.
    recurrence, leak : values of a kind in ``recurrence``, arrays or Blend
        Those of all members ``joined``, the leak in whole tiles.
    plain : bool
        Whether the old state enters through the recurrence alone.
    activation : int
    """

    n_units: int
    n_members: int
    weights: np.ndarray
    recurrence: Any
    leak: Any
    plain: bool
    activation: int


class DrivenUnits(NamedTuple):
    """Members and the states of their places, a part in the sense of ``stepping``.

    Attributes
    ----------
    members : Members
    values : array (n_places, n_inputs)
        What a step sets the first columns of; the constant behind them stays.
    circles, tiles : see ``_workspace``
    turn : array (1,) of int
        Which of the circles hold the states.
    """

    members: Members
    values: np.ndarray
    circles: np.ndarray
    tiles: np.ndarray
    turn: np.ndarray
    address: int = 0

    def carried(self):
        """States of all places, (n_places, n_units)."""
        both = self.circles.reshape(len(self.values), 2, -1)
        return both[:, self.turn[0], : self.members.n_units].copy()


def members_of(weights, recurrences, leaks, activation) -> Members:
    """Put networks together: of each the input map in tiles, the recurrence, and the leak."""
    shares, plain = zip(*map(_prepared_leak, leaks))
    n_units = len(leaks[0].leak if isinstance(leaks[0], Blend) else leaks[0])
    together = joined(weights), joined(recurrences), joined(shares)
    return Members(n_units, len(weights), *together, all(plain), activation)


def units(members: Members, states) -> DrivenUnits:
    """Let members start from ``states`` (n_places, n_units)."""
    n_tiles = members.n_members * -(-members.n_units // TILE)
    values = np.ones((len(states), len(members.weights) // n_tiles), states.dtype)
    circles, tiles = _workspace(states)
    part = DrivenUnits(members, values, circles, tiles, np.zeros(1, dtype=np.int64))
    return with_step(_step_units, part, states.dtype)


@compiled
def _prepared_leak(leak):
    return _prepared(leak)


@compiled
def drive_units(states, values, part, at_once, ends):
    """Drive some places, ``at_once`` of them in step; whoever calls sets ``part.turn``, once for all places.

    Parameters
    ----------
    states : array (n_steps * n_places, n_units)
        Overwritten by the states, the places of a step one behind the other.
    values : array (n_steps * n_places, n_inputs)
    part : DrivenUnits
    at_once : int
    ends : tuple of 2 int
        The first of the places, and the first that is none of them.
    """
    part = borrowed(part)
    n_members, arrays = part.members.n_members, part.members[2:]
    n_places = len(part.values)
    tiles = np.zeros_like(part.tiles)
    for p in range(ends[0], ends[1], at_once):
        places = n_places, p, min(p + at_once, ends[1]), n_places // n_members
        _advance(states, places, part.circles, tiles, part.turn[0], values, *arrays)


@compiled
def _step_units(part, heard, said):
    n_members, arrays = part.members.n_members, part.members[2:]
    n_places = len(heard)
    for p in range(n_places):
        for d in range(heard.shape[1]):
            part.values[p, d] = heard[p, d]
    places = n_places, 0, n_places, n_places // n_members
    part.turn[0] = _advance(said, places, part.circles, part.tiles, part.turn[0], part.values, *arrays)


@compiled
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
