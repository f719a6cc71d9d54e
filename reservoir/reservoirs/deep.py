"""DeepEchoState: reservoirs on top of each other."""

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numba.extending import overload
from sklearn.utils._param_validation import Interval

from reservoir.contracts.default_parts import DefaultParts
from reservoir.kernels.compilation import compiled
from reservoir.kernels.stepping import step, with_step
from reservoir.reservoirs.base_composition import ComposedReservoir, check_reservoirs, clones, copies, moved
from reservoir.reservoirs.base_reservoir import Reservoir, part_of
from reservoir.reservoirs.echo_state import EchoState


class DeepEchoState(DefaultParts, ComposedReservoir):
    r"""Reservoirs on top of each other: each layer is driven by the states of the one below.

    .. math::

        s_1(t) = F_1\big(s_1(t-1), x(t)\big), \qquad
        s_l(t) = F_l\Big(s_l(t-1), \frac{c}{\sqrt{n_{l-1}}} s_{l-1}(t)\Big)

    The readout sees the states of all layers, side by side. The further up, the slower and the more
    abstracted. Weights of the reservoir's inputs are drawn for a few inputs of size one; the root of the
    number ``n`` of states below keeps the drive of an upper layer as large.

    Parameters
    ----------
    reservoir : Reservoir, or list or tuple of Reservoir, optional
        Every layer is a draw of it; or the layers, from below. Default: ``EchoState(100)``.
    n_layers : int, default=3
        Number of draws of one reservoir; not used with a list.
    inter_scaling : float, default=1.0
        ``c``, the strength of the coupling between layers.
    input_to_all : bool, default=False
        Let every layer see the input too, in front of the states below.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the layers: all draws of one reservoir; of a list those whose ``random_state`` is None.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        The fitted layers, from below.

    References
    ----------
    C. Gallicchio, A. Micheli, L. Pedrelli, Deep reservoir computing: a critical experimental analysis,
    Neurocomputing 268 (2017).

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> deep = DeepEchoState(EchoState(30), n_layers=3, random_state=0)
    >>> deep.fit_transform(np.ones((10, 1))).shape
    (10, 90)
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, list, tuple, None],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "inter_scaling": [Interval(Real, 0, None, closed="left")],
        "input_to_all": ["boolean"],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": lambda: EchoState(100)}

    def __init__(
        self, reservoir=None, n_layers=3, *, inter_scaling=1.0, input_to_all=False, random_state=None
    ):
        self.reservoir = reservoir
        self.n_layers = n_layers
        self.inter_scaling = inter_scaling
        self.input_to_all = input_to_all
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        layers = self._draw_layers(rng)
        widths = [n_features]
        for layer in layers:  # a layer's width is known when it is drawn
            layer.fit(np.zeros((1, widths[-1]), dtype=dtype))
            widths.append(layer.n_states_ + self.input_to_all * n_features)
        self._join(layers)

    def _draw_layers(self, rng):
        template = EchoState(100) if self.reservoir is None else self.reservoir
        if isinstance(template, Reservoir):
            return copies(template, self.n_layers, rng)
        check_reservoirs(template, "reservoir")
        return clones(template, rng)

    def _seen_above(self, rows, states):
        """What the layer above sees, of the states of a layer."""
        seen = rows.dtype.type(self.inter_scaling / np.sqrt(states.shape[1])) * states
        return np.hstack([rows, seen]) if self.input_to_all else seen

    def _seen_by_parts(self, rows, layout):
        seen = rows
        for layer in self.reservoirs_:
            yield seen
            states, _ = layer._run(seen, layout, layer._zero_states(len(layout.lengths), rows.dtype))
            seen = self._seen_above(rows, states)

    def _move_parts(self, rows, before):
        seen, states, after = rows, [], []
        for layer, own in zip(self.reservoirs_, before):
            h, carried = moved(layer, seen, own)
            seen = self._seen_above(rows, h)
            states.append(h)
            after.append(carried)
        return states, after

    def _run(self, rows, layout, initial, noise_rng=None):
        states = np.empty((len(rows), self.n_states_), dtype=rows.dtype)
        final = np.empty_like(initial)
        seen = rows
        for layer, place, begin, end in zip(
            self.reservoirs_, self._places(), self._carried(initial), self._carried(final)
        ):
            states[:, place], end[:] = layer._run(seen, layout, begin, noise_rng)
            seen = self._seen_above(rows, states[:, place])
        return states, final

    @classmethod
    def _part(cls, members, states):
        if len(members) > 1:
            return None
        (one,), dtype, layers = members, states.dtype, []
        for reservoir, begin in zip(one.reservoirs_, one._carried(states)):
            part = part_of([reservoir], np.ascontiguousarray(begin))
            if part is None:
                return None
            widths = reservoir.n_features_in_, reservoir.n_states_
            heard, said = (np.empty((len(states), width), dtype) for width in widths)
            scale = dtype.type(one.inter_scaling / np.sqrt(reservoir.n_states_))
            layers.append(ReservoirLayer(part, heard, said, scale))
        return with_step(_step_layers, Layers(tuple(layers)), dtype)


class ReservoirLayer(NamedTuple):
    """One of the layers: a part, room for what it hears and says, and a factor on what the next hears of it."""

    part: Any
    heard: np.ndarray
    said: np.ndarray
    scale: Any


class Layers(NamedTuple):
    """Layers on top of each other, a part in the sense of ``stepping``."""

    layers: tuple
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return np.hstack([layer.part.carried() for layer in self.layers])


def _climb(layers, heard, said, begin):
    """Take the layers a step on, from below, inside compiled code; their states go from ``begin`` on."""
    raise NotImplementedError


@compiled
def _step_layer(layer, said, begin):
    step(layer.part, layer.heard, layer.said)
    for p in range(len(said)):
        for i in range(layer.said.shape[1]):
            said[p, begin + i] = layer.said[p, i]
    return begin + layer.said.shape[1]


@compiled
def _hear_below(layer, below, heard):
    """The input, if the layer hears it too, and the scaled states below."""
    n_states = below.said.shape[1]
    n_inputs = layer.heard.shape[1] - n_states
    for p in range(len(heard)):
        for d in range(n_inputs):
            layer.heard[p, d] = heard[p, d]
        for i in range(n_states):
            layer.heard[p, n_inputs + i] = below.scale * below.said[p, i]


@overload(_climb)
def _overload_climb(layers, heard, said, begin):
    if len(layers) == 1:
        return lambda layers, heard, said, begin: _step_layer(layers[0], said, begin)

    def climb(layers, heard, said, begin):
        begin = _step_layer(layers[0], said, begin)
        _hear_below(layers[1], layers[0], heard)
        return _climb(layers[1:], heard, said, begin)

    return climb


@compiled
def _step_layers(part, heard, said):
    part.layers[0].heard[:] = heard
    _climb(part.layers, heard, said, 0)
