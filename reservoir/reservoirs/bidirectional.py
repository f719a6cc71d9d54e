"""BidirectionalReservoir: a series read forwards and backwards."""

from typing import ClassVar

import numpy as np

from reservoir.contracts.default_parts import DefaultParts
from reservoir.reservoirs.base_composition import ComposedReservoir, copies
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.reservoirs.echo_state import EchoState


class BidirectionalReservoir(DefaultParts, ComposedReservoir):
    r"""Two draws of a reservoir, one reading the series forwards, one backwards.

    .. math::

        s(t) = [s_f(t), s_b(t)], \qquad s_f(t) = F_f\big(s_f(t-1), x(t)\big), \qquad
        s_b(t) = F_b\big(s_b(t+1), x(t)\big)

    A state knows the whole series, the future too. That is for classifying and labelling: what forecasts, runs
    free or feeds targets back refuses it. The state that is carried is the forward one; backwards, every
    piece of a series that is given starts from rest at its last row.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState(100)``.
    random_state : int, RandomState, Generator or None, default=None
        Seeds both draws, whatever the ``random_state`` of ``reservoir``.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        The forward and the backward one.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.zeros((10, 1))
    >>> X[5] = 1.0
    >>> units = BidirectionalReservoir(EchoState(20, bias_scaling=0), random_state=0)
    >>> states = units.fit_transform(X)
    >>> bool(states[:5, :20].any()), bool(states[:5, 20:].any())  # only the backward one knows before
    (False, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": lambda: EchoState(100)}

    states_are_state = False
    is_causal = False

    def __init__(self, reservoir=None, *, random_state=None):
        self.reservoir = reservoir
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        template = EchoState(100) if self.reservoir is None else self.reservoir
        self._fit_parts(copies(template, 2, rng), [n_features] * 2, dtype)
        self.state_size_ = self.reservoirs_[0].state_size_

    def _zero_states(self, n_series, dtype):
        return self.reservoirs_[0]._zero_states(n_series, dtype)

    def _seen_by_parts(self, rows, layout):
        return rows, np.ascontiguousarray(rows[_mirror(layout)])

    def _run(self, rows, layout, initial, noise_rng=None):
        forward, backward = self.reservoirs_
        seen_forward, seen_backward = self._seen_by_parts(rows, layout)
        states, final = forward._run(seen_forward, layout, initial, noise_rng)
        rest = backward._zero_states(len(layout.lengths), rows.dtype)
        behind, _ = backward._run(seen_backward, layout, rest, noise_rng)
        return np.hstack([states, behind[_mirror(layout)]]), final


def _mirror(layout):
    """Rows of stacked series, each series backwards."""
    first_and_last = np.repeat(2 * layout.starts + layout.lengths - 1, layout.lengths)
    return first_and_last - np.arange(len(first_and_last))
