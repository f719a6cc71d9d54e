"""One step of a network after the other inside compiled loops: for what hears its own outputs.

A network is a tuple of parts, each of which holds parameters, buffers, and the state that a step changes in place.
`advance` takes one part a step on, `advance_all` all of them one after the other: the type of the tuple says which
kernels that are, so that a loop around it is compiled as a whole, for every kind of network by itself.

============= ====================================================== ===========================
part          does                                                   made by
============= ====================================================== ===========================
`Lookup`      symbols (n_series,) -> their vectors                   `Embedding`
`Linear`      ``f(x W + b)``                                         `Dense`, an output layer
`CellStep`    one step of a recurrent cell                           `cell_step`
`WaveNetStep` the same from a cache of the past                      `cell_step`
`Look`        what was asked, and what attention finds, joined       `AttentionDecoder`
============= ====================================================== ===========================
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba.extending import overload

from forecasting.networks.cells import wave_net, wave_net_kernels
from forecasting.networks.cells.base_cell import Cell
from forecasting.networks.cells.step_products import add_product
from forecasting.sequence_models.layers.attention_kernels import look
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import ACTIVATIONS, activate


class Lookup(NamedTuple):
    """Parameters and buffer of an embedding.

    Attributes
    ----------
    vectors : array (n_symbols, n_units)
    out : array (n_series, n_units)
    """

    vectors: np.ndarray
    out: np.ndarray


class Linear(NamedTuple):
    """Parameters and buffer of a layer without memory.

    Attributes
    ----------
    weights : array (n_features, n_units)
    bias : array (n_units,)
    code : int
        Of ``reservoir.kernels.vecmath.ACTIVATIONS``.
    out : array (n_series, n_units)
    """

    weights: np.ndarray
    bias: np.ndarray
    code: int
    out: np.ndarray


class CellStep(NamedTuple):
    """A recurrent cell: parameters, one step of inputs, and its tape of one step, which holds the state.

    Attributes
    ----------
    params : NamedTuple
    x : array (1, n_series, n_features)
        A step sets the first columns, as many as it is given; what stands behind them stays.
    memory : tuple of arrays (1 or 2, n_series, ...)
        Row 0 of those of 2 is the state before, row 1 the state after.
    constants : tuple
    """

    params: Any
    x: np.ndarray
    memory: tuple
    constants: tuple


class Look(NamedTuple):
    """Attention: what is looked at, where the window stands, and buffers of one step.

    Attributes
    ----------
    query : array (n_query, n_units)
    location, location_bias : array (n_query, 2), (2,); without a location (n_query, 0), (0,)
    values, keys, lengths : as in `Memory`
    scale : float
    position : array (n_series,)
    asked : array (n_series, 1, n_units)
    drive : array (n_series, 1, 2) or (n_series, 1, 0)
    rest : tuple of 5 arrays
        What `look` fills: weights, context, slopes, sharpness, centre.
    out : array (n_series, n_query + n_memory)
    """

    query: np.ndarray
    location: np.ndarray
    location_bias: np.ndarray
    values: np.ndarray
    keys: np.ndarray
    lengths: np.ndarray
    scale: Any
    position: np.ndarray
    asked: np.ndarray
    drive: np.ndarray
    rest: tuple
    out: np.ndarray


class WaveNetStep(NamedTuple):
    """A WaveNet with its cache; see `wave_net_kernels.advance`.

    Attributes
    ----------
    params : WaveNetParams
    x : array (1, n_series, n_features)
        As in `CellStep`.
    rings : tuple of arrays (n_past, n_series, n_channels)
    clock : array (1,) of int
    room : tuple of 4 arrays
    skip, out : array (n_series, n_units)
    """

    params: Any
    x: np.ndarray
    rings: tuple
    clock: np.ndarray
    room: tuple
    skip: np.ndarray
    out: np.ndarray


_KERNELS: dict[type, Any] = {}  # of each kind of parameters, entered when a cell is first asked for a step


def cell_step(cell: Cell, params: Any, n_features: int, state: Any) -> CellStep | WaveNetStep:
    """Return the part that takes a cell on from a state; the state that is given stays as it is.

    Parameters
    ----------
    cell : Cell
    params : NamedTuple of arrays
    n_features : int
    state : NamedTuple of arrays

    Returns
    -------
    CellStep or WaveNetStep

    Raises
    ------
    TypeError
        If the cell names no kernel.
    """
    n_series, dtype = len(state[0]), params.bias.dtype
    x = np.zeros((1, n_series, n_features), dtype)
    if isinstance(cell, wave_net.WaveNet):
        c, u = cell.n_channels, cell.n_units
        rings = tuple(wave_net.as_steps(past, c).copy() for past in state.pasts)
        room = tuple(np.empty((n_series, width), dtype) for width in (c, 2 * c, c, c + u))
        skip, out = np.empty((n_series, u), dtype), np.empty((n_series, u), dtype)
        return WaveNetStep(params, x, rings, np.zeros(1, np.int64), room, skip, out)
    if cell.kernel is None:
        raise TypeError(
            f"{type(cell).__name__} has no compiled step: name its compiled loop as `kernel`, see "
            "forecasting.networks.cells.base_cell"
        )
    _KERNELS[type(params)] = cell.kernel
    return CellStep(params, x, cell.forward(params, x, state).memory, cell.kernel_constants(params))


def linear_step(params: Any, activation: str, n_series: int) -> Linear:
    """Return the part of a linear map and an activation.

    Parameters
    ----------
    params : Weights
    activation : str
        One of ``reservoir.kernels.vecmath.ACTIVATIONS``.
    n_series : int

    Returns
    -------
    Linear
    """
    out = np.empty((n_series, params.bias.size), params.bias.dtype)
    return Linear(params.weights, params.bias, ACTIVATIONS[activation], out)


def select(part: Any, rows: np.ndarray) -> None:
    """Let every series of a part go on from the state of another, in place."""
    if isinstance(part, CellStep):
        for array in part.memory:
            array[0] = array[0][rows]
    elif isinstance(part, WaveNetStep):
        for array in part.rings:
            array[:] = array[:, rows]
    elif isinstance(part, Look):
        part.position[:] = part.position[rows]


def advance(part: Any, x: np.ndarray) -> np.ndarray:
    """Take one part a step on, inside compiled code: from what it hears to what it says, (n_series, width)."""
    raise NotImplementedError


def advance_all(parts: tuple, x: np.ndarray) -> np.ndarray:
    """Take parts a step on, each with what the one before says, inside compiled code."""
    raise NotImplementedError


@compiled
def look_up(part, x):
    """Symbols -> vectors."""
    for i in range(x.size):
        part.out[i] = part.vectors[x[i]]
    return part.out


@compiled
def apply(part, x):
    """``f(x W + b)``."""
    part.out[:] = part.bias
    add_product(part.out, x, part.weights)
    activate(part.out.reshape(-1), part.code)
    return part.out


@compiled
def look_at(part, x):
    """What was asked, and what was found."""
    part.asked[:] = 0
    add_product(part.asked[:, 0], x, part.query)
    if part.location_bias.size > 0:
        part.drive[:, 0] = part.location_bias
        add_product(part.drive[:, 0], x, part.location)
    context = part.rest[1]
    memory = part.values, part.keys, part.lengths, part.scale, part.drive, part.position
    look(part.asked, *memory, *part.rest)
    part.out[:, : x.shape[1]] = x
    part.out[:, x.shape[1] :] = context[:, 0]
    return part.out


@compiled
def run_wave_net(part, x):
    """One step from the cache."""
    part.x[0, :, : x.shape[1]] = x
    wave_net_kernels.advance(part.params, part.x, part.rings, part.clock, part.room, part.skip, part.out)
    return part.out


_PARTS = {Lookup: look_up, Linear: apply, Look: look_at, WaveNetStep: run_wave_net}


@overload(advance)
def _advance(part, x):
    if part.instance_class in _PARTS:
        own = _PARTS[part.instance_class]
        return lambda part, x: own(part, x)
    kernel = _KERNELS[part.types[0].instance_class]

    def run_cell(part, x):
        part.x[0, :, : x.shape[1]] = x
        kernel(part.params, part.x, *part.memory, *part.constants)
        for array in part.memory:
            if array.shape[0] > 1:
                array[0] = array[1]
        return part.memory[0][1]

    return run_cell


@overload(advance_all)
def _advance_all(parts, x):
    if len(parts) == 1:
        return lambda parts, x: advance(parts[0], x)
    return lambda parts, x: advance_all(parts[1:], advance(parts[0], x))
