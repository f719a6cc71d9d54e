"""ParallelReservoirs and EnsembleReservoirs: several reservoirs side by side."""

from functools import partial
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from joblib import effective_n_jobs
from numba.extending import overload
from sklearn.utils._param_validation import Interval

from reservoir.contracts.default_parts import DefaultParts
from reservoir.kernels.compilation import compiled
from reservoir.kernels.dynamics import drive_units, units
from reservoir.kernels.recurrence import DenseRecurrence
from reservoir.kernels.stepping import step, with_step
from reservoir.kernels.threads import N_JOBS, in_threads
from reservoir.reservoirs.base_composition import ComposedReservoir, check_reservoirs, clones, copies
from reservoir.reservoirs.base_reservoir import Reservoir, have_parts, part_of
from reservoir.reservoirs.echo_state import FEW_INPUTS, MIN_SERIES_FOR_BLOCK, EchoState, with_constant


class JoinedReservoirs(ComposedReservoir):
    """Base of reservoirs that stand side by side: driven one after the other or in threads, run free in step.

    Echo states of one size and make are driven together: one call of a compiled loop moves all of them.
    """

    n_jobs: int | None

    def _assemble(self, parts, columns, dtype):
        self.columns_ = columns
        self._fit_parts(parts, [len(chosen) for chosen in columns], dtype)
        self._networks = self._join_networks(dtype)

    def _join_networks(self, dtype):
        """All parts as ``dynamics.Members``, or None; kept, because to join them takes longer than a few steps."""
        parts = self.reservoirs_
        alike = isinstance(parts[0], EchoState) and have_parts(parts)
        return type(parts[0])._joined(parts, dtype) if alike else None

    def _pretrain(self, rows, layout):
        super()._pretrain(rows, layout)
        if self._networks is not None and any(part.plasticity is not None for part in self.reservoirs_):
            self._networks = self._join_networks(rows.dtype)

    def _seen_by_parts(self, rows, layout):
        return (np.ascontiguousarray(rows[:, chosen]) for chosen in self.columns_)

    def _run(self, rows, layout, initial, noise_rng=None):
        n_threads = 1 if self.n_jobs is None else min(effective_n_jobs(self.n_jobs), len(self.reservoirs_))
        if self._run_together(rows, layout, noise_rng):
            return self._run_networks(rows, layout, initial, n_threads)
        states = np.empty((len(rows), self.n_states_), dtype=rows.dtype)
        final = np.empty_like(initial)
        begins, ends = self._carried(initial), self._carried(final)
        noises = [
            None if noise_rng is None else np.random.default_rng(noise_rng.integers(2**63)) for _ in ends
        ]
        places = self._places()

        def run(numbered):
            i, seen = numbered
            states[:, places[i]], ends[i][:] = self.reservoirs_[i]._run(seen, layout, begins[i], noises[i])

        seen = enumerate(self._seen_by_parts(rows, layout))
        in_threads(run, seen, n_threads)
        return states, final

    def _run_together(self, rows, layout, noise_rng):
        """Whether all parts are driven by one call: many series or inputs are faster by other kernels."""
        if self._networks is None or self._networks.weights.dtype != rows.dtype:
            return False
        noisy = noise_rng is not None and self.draws_noise
        few = len(layout.lengths) < MIN_SERIES_FOR_BLOCK and len(self.columns_[0]) < FEW_INPUTS
        return few and not noisy

    def _run_networks(self, rows, layout, initial, n_threads):
        networks, n_members = self._networks, len(self.reservoirs_)
        values = with_constant(rows[:, np.array(self.columns_)].reshape(len(rows) * n_members, -1))
        states, final = np.empty((len(rows), self.n_states_), dtype=rows.dtype), np.empty_like(initial)
        by_member = states.reshape(len(values), -1)
        bounds = np.linspace(0, n_members, n_threads + 1).astype(int).tolist()
        dense = DenseRecurrence in (type(networks.recurrence), type(getattr(networks.leak, "rotation", None)))
        at_once = 1 if dense else n_members  # a dense matrix should stay in the caches
        for s, (start, n_steps) in enumerate(zip(layout.starts, layout.lengths)):
            part = units(networks, initial[s].reshape(n_members, -1))
            own = slice(start * n_members, (start + n_steps) * n_members)
            drive = partial(drive_units, by_member[own], values[own], part, at_once)
            in_threads(drive, pairwise(bounds), n_threads)
            part.turn[0] = n_steps % 2
            final[s] = part.carried().ravel()
        return states, final

    @classmethod
    def _part(cls, members, states):
        if len(members) > 1:
            return None
        (one,) = members
        each = list(zip(one.reservoirs_, one.columns_, one._carried(states)))
        together = _row(each, one._networks)
        if together is not None:
            return together
        rows = [_row([alone]) for alone in each]
        if any(row is None for row in rows):
            return None
        rooms = [np.empty((len(states), part.n_states_), states.dtype) for part in one.reservoirs_]
        return with_step(_step_side, Side(tuple(zip(rows, rooms))), states.dtype)


class Row(NamedTuple):
    """Members of one part side by side, a part in the sense of ``stepping``.

    Attributes
    ----------
    members : NamedTuple
        Their part.
    columns : array (n_members, n_columns) of int
        What each member hears.
    heard, said : array (n_members * n_places, n_columns or n_states)
        Room for what it hears and says.
    """

    members: Any
    columns: np.ndarray
    heard: np.ndarray
    said: np.ndarray
    address: int = 0

    def carried(self):
        """States of all places, (n_places, n_members * state_size)."""
        return np.hstack(np.vsplit(self.members.carried(), len(self.columns)))


def _row(each, networks=None):
    """Reservoirs, their columns and states as a ``Row``, or None where they do not fit together."""
    members, columns, begins = zip(*each)
    if len({(len(seen), one.state_size_, one.n_states_) for one, seen, _ in each}) > 1:
        return None
    states = np.concatenate(begins)
    ready = networks is not None and networks.weights.dtype == states.dtype
    part = units(networks, states) if ready else part_of(list(members), states)
    if part is None:
        return None
    widths = len(columns[0]), members[0].n_states_
    heard, said = (np.empty((len(states), width), states.dtype) for width in widths)
    return with_step(_step_row, Row(part, np.array(columns), heard, said), states.dtype)


@compiled
def _step_row(part, heard, said):
    columns, own_heard, own_said = part.columns, part.heard, part.said
    n_places, n_states, n_members = len(said), own_said.shape[1], len(columns)
    for m in range(n_members):
        for p in range(n_places):
            for d in range(columns.shape[1]):
                own_heard[m * n_places + p, d] = heard[p, columns[m, d]]
    step(part.members, own_heard, own_said)
    for m in range(n_members):
        for p in range(n_places):
            for i in range(n_states):
                said[p, m * n_states + i] = own_said[m * n_places + p, i]


class Side(NamedTuple):
    """Reservoirs of several kinds or sizes side by side, a part in the sense of ``stepping``.

    Attributes
    ----------
    rows : tuple of tuple
        Of each a ``Row`` and room for what it says.
    """

    rows: tuple
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return np.hstack([row.carried() for row, _ in self.rows])


def _step_rows(rows, heard, said, begin):
    """Take the rows a step on, one after the other, inside compiled code; their states go from ``begin`` on."""
    raise NotImplementedError


@compiled
def _place(room, said, begin):
    for p in range(len(room)):
        for i in range(room.shape[1]):
            said[p, begin + i] = room[p, i]
    return begin + room.shape[1]


@overload(_step_rows)
def _overload_step_rows(rows, heard, said, begin):
    if len(rows) == 0:
        return lambda rows, heard, said, begin: None

    def step_rows(rows, heard, said, begin):
        row, room = rows[0]
        step(row, heard, room)
        _step_rows(rows[1:], heard, said, _place(room, said, begin))

    return step_rows


@compiled
def _step_side(part, heard, said):
    _step_rows(part.rows, heard, said, 0)


class ParallelReservoirs(JoinedReservoirs):
    r"""Several reservoirs side by side, each on all columns of the input or on its own.

    .. math:: s(t) = [s_1(t), \dots, s_m(t)], \qquad s_i(t) = F_i\big(s_i(t-1), x_{C_i}(t)\big)

    Their states stand next to each other for one readout: grouped reservoirs, with different time scales, say.

    Parameters
    ----------
    reservoirs : list or tuple of Reservoir, optional
        They are cloned. Default: ``EchoState(100)`` and ``EchoState(100, leak_rate=0.1)``.
    columns : list or tuple of array-like of int, optional
        For each reservoir the columns of the input that it sees. Default: all see all.
    n_jobs : int, optional
        Threads over reservoirs; None is 1, -1 all cores. The result does not depend on it.
    random_state : int, RandomState, Generator or None, default=None
        Seeds every part whose own ``random_state`` is None.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        The fitted clones.
    columns_ : list of ndarray of int
        Columns that each of them sees.

    References
    ----------
    C. Gallicchio, A. Micheli, L. Pedrelli, Deep reservoir computing: a critical experimental analysis,
    Neurocomputing 268 (2017): the grouped network.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.random.default_rng(0).normal(size=(100, 2))
    >>> fast, slow = EchoState(30), EchoState(20, leak_rate=0.1)
    >>> ParallelReservoirs([fast, slow], random_state=0).fit_transform(X).shape
    (100, 50)
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoirs": [list, tuple, None],
        "columns": [list, tuple, None],
        "n_jobs": N_JOBS,
        "random_state": ["random_state", np.random.Generator],
    }

    def __init__(self, reservoirs=None, *, columns=None, n_jobs=None, random_state=None):
        self.reservoirs = reservoirs
        self.columns = columns
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        reservoirs = self.reservoirs
        if reservoirs is None:
            reservoirs = EchoState(100), EchoState(100, leak_rate=0.1)
        check_reservoirs(reservoirs, "reservoirs")
        columns = self._read_columns(len(reservoirs), n_features)
        self._assemble(clones(reservoirs, rng), columns, dtype)

    def _read_columns(self, n_reservoirs, n_features):
        if self.columns is None:
            return [np.arange(n_features)] * n_reservoirs
        columns = [np.array(chosen, ndmin=1) for chosen in self.columns]
        if len(columns) != n_reservoirs:
            raise ValueError(
                f"columns has {len(columns)} entries for {n_reservoirs} reservoirs: give one for each"
            )
        for i, chosen in enumerate(columns):
            whole = chosen.ndim == 1 and chosen.size and np.issubdtype(chosen.dtype, np.integer)
            if not whole or chosen.min() < 0 or chosen.max() >= n_features:
                raise ValueError(
                    f"columns[{i}] is {chosen.tolist()}: give at least one of the columns 0 to {n_features - 1} of X"
                )
        return [chosen.astype(np.intp) for chosen in columns]


def side_by_side(reservoirs: list, columns: list, n_features: int) -> ParallelReservoirs:
    """Let reservoirs that are fitted already stand side by side, each on some columns of ``n_features``."""
    joined = ParallelReservoirs(reservoirs, columns=columns)
    joined.n_features_in_, joined.columns_ = n_features, columns
    joined._join(reservoirs)
    joined._networks = joined._join_networks(np.float64)
    return joined


class EnsembleReservoirs(DefaultParts, JoinedReservoirs):
    r"""Many draws of one reservoir, driven by the same input.

    .. math:: s(t) = [s_1(t), \dots, s_m(t)], \qquad s_i(t) = F_i\big(s_i(t-1), x(t)\big)

    One readout over all of them. The recurrent matrix of the ensemble has those of the members on its diagonal.

    Parameters
    ----------
    reservoir : Reservoir, optional
        Default: ``EchoState(100)``.
    n_members : int, default=5
    n_jobs : int, optional
        Threads over members; None is 1, -1 all cores. The result does not depend on it.
    random_state : int, RandomState, Generator or None, default=None
        Seeds the members, whatever the ``random_state`` of ``reservoir``.

    Attributes
    ----------
    reservoirs_ : list of Reservoir
        The fitted members.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> ensemble = EnsembleReservoirs(EchoState(30), n_members=4, random_state=0)
    >>> ensemble.fit_transform(np.ones((10, 1))).shape
    (10, 120)
    """

    _parameter_constraints: ClassVar[dict] = {
        "reservoir": [Reservoir, None],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": N_JOBS,
        "random_state": ["random_state", np.random.Generator],
    }

    _default_parts: ClassVar[dict] = {"reservoir": lambda: EchoState(100)}

    def __init__(self, reservoir=None, n_members=5, *, n_jobs=None, random_state=None):
        self.reservoir = reservoir
        self.n_members = n_members
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        template = EchoState(100) if self.reservoir is None else self.reservoir
        columns = [np.arange(n_features)] * self.n_members
        self._assemble(copies(template, self.n_members, rng), columns, dtype)
