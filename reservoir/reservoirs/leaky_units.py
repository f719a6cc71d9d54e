"""LeakyUnits: linear traces with time constants of their own beside any reservoir."""

from numbers import Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval

from reservoir.contracts.default_parts import DefaultParts
from reservoir.contracts.random_source import seed_open_parts
from reservoir.kernels.compilation import compiled
from reservoir.kernels.dynamics import trace
from reservoir.kernels.stepping import step, with_step
from reservoir.reservoirs.base_reservoir import Reservoir, part_of
from reservoir.reservoirs.echo_state import EchoState


class LeakyUnits(DefaultParts, Reservoir):
    r"""Linear leaky units beside any reservoir: the states are the pair (h, mu).

    .. math:: \mu(t) = \alpha \odot \mu(t-1) + (1 - \alpha) \odot h(t-1)

    Every state ``h`` of the reservoir is averaged over the past by a unit of its own retention ``alpha``:
    from 0 (the previous state) to near 1 (a long memory). At rest h and mu are 0.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState()``. It is cloned.
    retention : float, tuple of 2 floats, or array-like of shape (n_states,), default=(0.5, 0.99)
        ``alpha`` in [0, 1] per state of the reservoir. A tuple of two below 1 spreads the time constants
        1 / (1 - alpha) evenly on a logarithmic scale between both, in random order.
    random_state : int, RandomState, Generator or None, default=None
        Order of the spread; also seeds the reservoir if its own ``random_state`` is None.

    Attributes
    ----------
    reservoir_ : Reservoir
        The fitted clone.
    retention_ : ndarray of shape (n_units,)
        ``alpha``.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.ones((200, 1))
    >>> units = LeakyUnits(EchoState(20, random_state=0), retention=0.9).fit(X)
    >>> states = units.transform(X)
    >>> states.shape
    (200, 40)

    On a constant input the traces approach the states.

    >>> bool(np.allclose(states[-1, :20], states[-1, 20:], atol=1e-6))
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "retention": [Interval(Real, 0, 1, closed="both"), "array-like", tuple],
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": EchoState}

    def __init__(self, reservoir=None, *, retention=(0.5, 0.99), random_state=None):
        self.reservoir = reservoir
        self.retention = retention
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
        n_traces = self.reservoir_.n_states_
        self.retention_ = read_retention(self.retention, n_traces, rng)
        self.n_states_ = 2 * n_traces
        self._extra = 0 if self.reservoir_.states_are_state else n_traces
        self.state_size_ = self.reservoir_.state_size_ + self._extra + n_traces

    def _pretrain(self, rows, layout):
        self.reservoir_._pretrain(rows, layout)

    def _split(self, state):
        """The reservoir's own state, its last output h, and the traces, of states (n_series, state_size)."""
        own, n_traces = self.reservoir_.state_size_, len(self.retention_)
        return (
            state[:, :own],
            state[:, own + self._extra - n_traces : own + self._extra],
            state[:, -n_traces:],
        )

    def _run(self, rows, layout, initial, noise_rng=None):
        own, last, traces = (part.copy() for part in self._split(initial))
        h, final = self.reservoir_._run(rows, layout, own, noise_rng)
        n_traces = h.shape[1]
        states = np.empty((len(h), 2 * n_traces), dtype=h.dtype)
        states[:, :n_traces] = h
        retention = self.retention_.astype(h.dtype)
        for s, (start, n_steps) in enumerate(zip(layout.starts, layout.lengths)):
            trace(states[start : start + n_steps], last[s], traces[s], retention)
        return states, np.hstack([final, last, traces] if self._extra else [final, traces])

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        own, last, traces = (part[0] for part in self._split(state[np.newaxis]))
        d_own, d_last, d_traces = (part.T for part in self._split(state_tangents.T))
        h, final, d_h, d_final = self.reservoir_._tangent_step(row, own, row_tangents, d_own)
        kept = self.retention_
        traces = kept * traces + (1 - kept) * last
        kept = kept[:, np.newaxis]
        d_traces = kept * d_traces + (1 - kept) * d_last
        carried = [final, h, traces] if self._extra else [final, traces]
        d_carried = [d_final, d_h, d_traces] if self._extra else [d_final, d_traces]
        return (
            np.concatenate([h, traces]),
            np.concatenate(carried),
            np.concatenate([d_h, d_traces]),
            np.concatenate(d_carried),
        )

    @classmethod
    def _part(cls, members, states):
        first = members[0]
        own, last, traces = (part.copy() for part in first._split(states))
        inner = part_of([member.reservoir_ for member in members], own)
        if inner is None:
            return None
        retention = np.array([member.retention_ for member in members], states.dtype)
        part = Traces(inner, retention, last, traces, bool(first._extra))
        return with_step(_step_traces, part, states.dtype)


class Traces(NamedTuple):
    """Leaky units beside a part, a part in the sense of ``stepping``.

    Attributes
    ----------
    inner : NamedTuple
    retention : array (n_members, n_traces)
    last, traces : array (n_places, n_traces)
        States of the inner part, and their traces.
    extra : bool
        Whether the states before are carried beside what the inner part carries.
    """

    inner: Any
    retention: np.ndarray
    last: np.ndarray
    traces: np.ndarray
    extra: bool
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return np.hstack([self.inner.carried(), *([self.last] if self.extra else []), self.traces])


@compiled
def _step_traces(part, heard, said):
    last, traces, retention = part.last, part.traces, part.retention
    n_places, n_traces = last.shape
    one = last.dtype.type(1)
    for p in range(n_places):
        own = retention[p * len(retention) // n_places]
        for i in range(n_traces):
            traces[p, i] = own[i] * traces[p, i] + (one - own[i]) * last[p, i]
        for i in range(n_traces):  # a slice set as a whole takes three times as long
            said[p, n_traces + i] = traces[p, i]
    step(part.inner, heard, last)
    for p in range(n_places):
        for i in range(n_traces):
            said[p, i] = last[p, i]


def read_retention(retention, n_traces: int, rng: np.random.Generator) -> np.ndarray:
    """Retention of every trace, of one number, a tuple of two to spread between, or an array.

    Raises
    ------
    ValueError
        If it lies outside [0, 1], or its shape fits nothing.
    """
    values = np.array(retention, dtype=float)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"retention must lie in [0, 1], got {retention!r}: 0 is no memory")
    if values.ndim == 0:
        return np.full(n_traces, values)
    if isinstance(retention, tuple) and len(values) == 2:
        if values.max() == 1:
            raise ValueError(f"retention={retention!r}: the end of a spread must lie below 1")
        low, high = -np.log1p(-values)
        return rng.permutation(-np.expm1(-np.linspace(low, high, n_traces)))
    if values.shape != (n_traces,):
        raise ValueError(
            f"retention has shape {values.shape}, expected one number, a tuple of two, or ({n_traces},), "
            "one per state of the reservoir"
        )
    return values
