"""SquaredStates: squares among, or beside, the states of any reservoir."""

from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import StrOptions

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import seed_open_parts
from reservoir.kernels.compilation import compiled
from reservoir.kernels.stepping import step, with_step
from reservoir.reservoirs.base_reservoir import Reservoir, part_of
from reservoir.reservoirs.echo_state import EchoState


class SquaredStates(DefaultParts, Reservoir):
    r"""Squares of the states of any reservoir, for a linear readout to see.

    .. math::

        s(t) = [h_1, h_2^2, h_3, h_4^2, \dots] \qquad \text{or} \qquad s(t) = [h, h \odot h]

    A reservoir of odd units without bias turns the sign of its states with the sign of its input, and so does
    any linear readout of them; squares break this symmetry, which the Lorenz system in ``z`` and the
    Kuramoto-Sivashinsky equation do not have.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState()``. It is cloned.
    squares : {"every_second", "beside"}, default="every_second"
        Square every second state, or put the squares of all states behind them, which doubles their number.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the reservoir if its own ``random_state`` is None.

    Attributes
    ----------
    reservoir_ : Reservoir
        The fitted clone.

    References
    ----------
    Z. Lu, J. Pathak, B. Hunt, M. Girvan, R. Brockett, E. Ott, Reservoir observers, Chaos 27 (2017). J. Pathak, B.
    Hunt, M. Girvan, Z. Lu, E. Ott, Model-free prediction of large spatiotemporally chaotic systems from data,
    Physical Review Letters 120 (2018).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[1.0], [-0.5]])
    >>> plain = EchoState(4, random_state=0)
    >>> h = plain.fit_transform(X)
    >>> bool((SquaredStates(plain).fit_transform(X)[:, 1::2] == h[:, 1::2] ** 2).all())
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "squares": [StrOptions({"every_second", "beside"})],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": EchoState}

    def __init__(self, reservoir=None, *, squares="every_second", random_state=None):
        self.reservoir = reservoir
        self.squares = squares
        self.random_state = random_state

    @property
    def is_causal(self):
        """Whether no state depends on later inputs."""
        return self.reservoir_.is_causal

    @property
    def draws_noise(self):
        """Whether its states are noisy in training."""
        return self.reservoir_.draws_noise

    def _build(self, n_features, dtype, rng):
        self.reservoir_ = EchoState() if self.reservoir is None else clone(self.reservoir)
        if self.random_state is not None:
            seed_open_parts(self.reservoir_, rng)
        self.reservoir_.fit(np.zeros((1, n_features), dtype=dtype))
        self._measure()

    def _measure(self):
        self.state_size_ = self.reservoir_.state_size_
        self.n_states_ = self.reservoir_.n_states_ * (1 + (self.squares == "beside"))

    def _pretrain(self, rows, layout):
        self.reservoir_._pretrain(rows, layout)

    def _zero_states(self, n_series, dtype):
        return self.reservoir_._zero_states(n_series, dtype)

    def _run(self, rows, layout, initial, noise_rng=None):
        h, final = self.reservoir_._run(rows, layout, initial, noise_rng)
        if self.squares == "beside":
            return np.hstack([h, h * h]), final
        states = h.copy()  # the carried state may be a view of h
        states[:, 1::2] *= states[:, 1::2]
        return states, final

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        h, final, d_h, d_final = self.reservoir_._tangent_step(row, state, row_tangents, state_tangents)
        slopes = 2 * h[:, np.newaxis] * d_h
        if self.squares == "beside":
            return np.concatenate([h, h * h]), final, np.concatenate([d_h, slopes]), d_final
        states, tangents = h.copy(), d_h.copy()
        states[1::2] *= h[1::2]
        tangents[1::2] = slopes[1::2]
        return states, final, tangents, d_final

    @classmethod
    def _part(cls, members, states):
        inner = part_of([member.reservoir_ for member in members], states)
        if inner is None or len({member.squares for member in members}) > 1:
            return None
        h = np.empty((len(states), members[0].reservoir_.n_states_), states.dtype)
        return with_step(_step_squares, Squares(inner, h, members[0].squares == "beside"), h.dtype)


class Squares(NamedTuple):
    """Squares of the states of a part, a part in the sense of ``stepping``: ``h`` is room for them."""

    inner: Any
    h: np.ndarray
    beside: bool
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return self.inner.carried()


@compiled
def _step_squares(part, heard, said):
    h = part.h
    step(part.inner, heard, h)
    n_places, n_states = h.shape
    for p in range(n_places):
        for i in range(n_states):
            said[p, i] = h[p, i]
        if part.beside:
            for i in range(n_states):
                said[p, n_states + i] = h[p, i] * h[p, i]
        else:
            for i in range(1, n_states, 2):
                said[p, i] *= h[p, i]


def with_squares(reservoir: Reservoir) -> SquaredStates:
    """Put squares in the place of every second state of a reservoir that is fitted already."""
    squared = SquaredStates(reservoir)
    squared.reservoir_, squared.n_features_in_ = reservoir, reservoir.n_features_in_
    squared._measure()
    return squared
