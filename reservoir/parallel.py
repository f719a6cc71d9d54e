"""ParallelReservoirs and EnsembleReservoirs: several reservoirs side by side."""

from numbers import Integral
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.utils._param_validation import HasMethods, Interval

from reservoir.composition import Composition, check_reservoirs, clones, copies
from reservoir.default_parts import DefaultParts
from reservoir.echo_state import NONE_SQUARED, EchoState
from reservoir.threads import in_threads

_MOST_WEIGHTS = 10**6  # beyond it one step takes so long that nothing is gained by a compiled loop over steps


class SideBySide(Composition):
    """Base of reservoirs that stand side by side: driven together or in threads, run free as one.

    Reservoirs that are plain ``EchoState`` of one activation run as a single network whose recurrent matrix has
    theirs on its diagonal: one compiled loop for all. Driven, they do so if their matrices are sparse and there is
    one thread; others have faster loops of their own.
    """

    n_jobs: int | None

    def _assemble(self, parts, columns, n_features, dtype):
        self.columns_ = columns
        self._fit_parts(parts, [len(chosen) for chosen in columns], dtype)
        self._unite(n_features, dtype)

    def _unite(self, n_features, dtype):
        self._as_one = _block_diagonal(self.reservoirs_, self.columns_, n_features, dtype)
        self._squares_in_free_run = self._as_one is not None
        self._driven_as_one = self._as_one is not None and all(
            sp.issparse(part.recurrent_weights_) for part in self.reservoirs_
        )

    def _pretrain(self, rows, layout):
        super()._pretrain(rows, layout)
        if self._as_one is not None and any(part.plasticity is not None for part in self.reservoirs_):
            self._unite(rows.shape[1], rows.dtype)

    def _seen_by_parts(self, rows, layout):
        return (np.ascontiguousarray(rows[:, chosen]) for chosen in self.columns_)

    def _run(self, rows, layout, initial, noise_rng=None):
        n_threads = 1 if self.n_jobs is None else min(effective_n_jobs(self.n_jobs), len(self.reservoirs_))
        if self._driven_as_one and n_threads == 1 and (noise_rng is None or not self._is_noisy()):
            return self._as_one._run(rows, layout, initial)
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

    def _is_noisy(self):
        return any(part.noise > 0 for part in self.reservoirs_)

    def _run_free(self, outputs, weights, initial, exog, gain, squared=NONE_SQUARED):
        if self._as_one is not None:
            return self._as_one._run_free(outputs, weights, initial, exog, gain, squared=squared)
        return super()._run_free(outputs, weights, initial, exog, gain)


class ParallelReservoirs(SideBySide):
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
        "n_jobs": [Integral, None],
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
        self._assemble(clones(reservoirs, rng), columns, n_features, dtype)

    def _read_columns(self, n_reservoirs, n_features):
        if self.columns is None:
            return [np.arange(n_features)] * n_reservoirs
        columns = [np.array(chosen, dtype=np.intp, ndmin=1) for chosen in self.columns]
        if len(columns) != n_reservoirs:
            raise ValueError(
                f"columns has {len(columns)} entries for {n_reservoirs} reservoirs: give one for each"
            )
        for i, chosen in enumerate(columns):
            if chosen.size == 0 or chosen.min() < 0 or chosen.max() >= n_features:
                raise ValueError(
                    f"columns[{i}] is {chosen.tolist()}: give at least one of the columns 0 to {n_features - 1} of X"
                )
        return columns


def side_by_side(reservoirs: list, columns: list, n_features: int) -> ParallelReservoirs:
    """Let reservoirs that are fitted already stand side by side, each on some columns of ``n_features``."""
    joined = ParallelReservoirs(reservoirs, columns=columns)
    joined.n_features_in_, joined.columns_ = n_features, columns
    joined._join(reservoirs)
    joined._unite(n_features, np.float64)
    return joined


class EnsembleReservoirs(DefaultParts, SideBySide):
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
        "reservoir": [HasMethods(["fit", "transform"]), None],
        "n_members": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [Integral, None],
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
        self._assemble(copies(template, self.n_members, rng), columns, n_features, dtype)


def _block_diagonal(parts, columns, n_features, dtype):
    """One ``EchoState`` that is all of them, or None where they are not plain ones of one activation."""
    if any(type(part) is not EchoState for part in parts) or len({part.activation for part in parts}) > 1:
        return None
    blocks = [_sparse(part.recurrent_weights_) for part in parts]
    if sum(block.nnz for block in blocks) > _MOST_WEIGHTS:
        return None
    one = EchoState(sum(part.n_units for part in parts), activation=parts[0].activation)
    one.recurrent_weights_ = sp.csr_array(sp.block_diag(blocks, format="csr"))
    one.input_weights_ = np.zeros((one.n_units, n_features))
    begin = 0
    for part, chosen in zip(parts, columns):
        of_part = one.input_weights_[begin : begin + part.n_units]
        dense = part.input_weights_.toarray() if sp.issparse(part.input_weights_) else part.input_weights_
        np.add.at(of_part.T, chosen, dense.T)  # a column may be seen twice
        begin += part.n_units
    one.bias_ = np.concatenate([part.bias_ for part in parts])
    one.leak_rates_ = np.concatenate([part.leak_rates_ for part in parts])
    one.n_states_ = one.state_size_ = one.n_units
    one._kernel_arrays_ = one._prepare(dtype)
    return one


def _sparse(matrix):
    return matrix.tocsr() if hasattr(matrix, "tocsr") else sp.csr_array(matrix)
