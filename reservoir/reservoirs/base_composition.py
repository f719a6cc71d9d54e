"""ComposedReservoir: what reservoirs that are made of reservoirs share."""

from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone

from reservoir.contracts.random_source import seed_open_parts
from reservoir.reservoirs.base_reservoir import Reservoir


class ComposedReservoir(Reservoir):
    """Base of reservoirs made of others, whose states stand side by side, as do the states they carry.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        The fitted parts.
    """

    reservoirs_: list

    @property
    def states_are_state(self) -> bool:
        """Whether the last row of the states is what is carried: if it is so for every part."""
        return all(part.states_are_state for part in self.reservoirs_)

    @property
    def is_causal(self) -> bool:
        """Whether no state depends on later inputs: if it is so for every part."""
        return all(part.is_causal for part in self.reservoirs_)

    @property
    def draws_noise(self) -> bool:
        """Whether its states are noisy in training: if those of any part are."""
        return any(part.draws_noise for part in self.reservoirs_)

    def _fit_parts(self, parts, widths, dtype):
        """Draw each part for inputs of its width."""
        for part, width in zip(parts, widths):
            part.fit(np.zeros((1, width), dtype=dtype))
        self._join(parts)

    def _join(self, parts):
        """Let fitted parts stand side by side."""
        self.reservoirs_ = parts
        self.n_states_ = sum(part.n_states_ for part in parts)
        self.state_size_ = sum(part.state_size_ for part in parts)

    def _pretrain(self, rows, layout):
        for part, seen in zip(self.reservoirs_, self._seen_by_parts(rows, layout)):
            part._pretrain(seen, layout)

    def _seen_by_parts(self, rows, layout):
        """Yield the inputs of each part, which may depend on the parts before it."""
        raise NotImplementedError

    def _zero_states(self, n_series, dtype):
        return np.hstack([part._zero_states(n_series, dtype) for part in self.reservoirs_])

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        """See the base; a change is carried as one more row beside the point itself."""
        if not self.is_causal:
            return super()._tangent_step(row, state, row_tangents, state_tangents)
        rows = np.vstack([row, row_tangents.T])
        before = self._carried(np.vstack([state, state_tangents.T]))
        states, after = self._move_parts(rows, before)
        both = np.hstack(states), np.hstack(after)
        (h, d_h), (carried, d_carried) = ((stacked[0], stacked[1:].T) for stacked in both)
        return h, carried, d_h, d_carried

    def _move_parts(self, rows, before):
        """States and carried states of the parts after one step, each with its changes in further rows."""
        seen = self._seen_by_parts(rows, None)
        return zip(*map(moved, self.reservoirs_, seen, before))

    def _carried(self, states):
        """Carried states (n_series, state_size) of each part."""
        return [states[:, own] for own in _slices(part.state_size_ for part in self.reservoirs_)]

    def _places(self):
        """Columns of the states of each part."""
        return _slices(part.n_states_ for part in self.reservoirs_)


def _slices(widths) -> list[slice]:
    """Neighbouring slices of these widths."""
    ends = list(accumulate(widths, initial=0))
    return [slice(begin, end) for begin, end in pairwise(ends)]


def moved(part, rows, before):
    """States and carried state of a part after one step, a point in the first row and its changes below."""
    h, carried, d_h, d_carried = part._tangent_step(rows[0], before[0], rows[1:].T, before[1:].T)
    return np.vstack([h, d_h.T]), np.vstack([carried, d_carried.T])


def copies(reservoir, n_copies: int, rng: np.random.Generator) -> list[Any]:
    """Unfitted copies of a reservoir that draw different numbers, whatever its own ``random_state``."""
    drawn = []
    for _ in range(n_copies):
        copy = clone(reservoir)
        for part in parts_of(copy):
            if "random_state" in part.get_params(deep=False):
                part.set_params(random_state=None)
        seed_open_parts(copy, rng)
        drawn.append(copy)
    return drawn


def parts_of(estimator: BaseEstimator) -> Iterator[BaseEstimator]:
    """Yield an estimator and all that its parameters hold, in lists too."""
    yield estimator
    for value in estimator.get_params(deep=False).values():
        for part in value if isinstance(value, (list, tuple)) else [value]:
            if isinstance(part, BaseEstimator):
                yield from parts_of(part)


def clones(reservoirs, rng: np.random.Generator) -> list[Any]:
    """Clones of reservoirs; those without a ``random_state`` are given one."""
    cloned = [clone(reservoir) for reservoir in reservoirs]
    for reservoir in cloned:
        seed_open_parts(reservoir, rng)
    return cloned


def check_reservoirs(reservoirs, name: str) -> None:
    """Refuse what is not a sequence of at least one reservoir."""
    wrong = [part for part in reservoirs if not isinstance(part, Reservoir)]
    if wrong or len(reservoirs) == 0:
        raise ValueError(
            f"{name}={reservoirs!r} must hold at least one reservoir and nothing else"
            + (f", {wrong[0]!r} is none" if wrong else "")
        )
