"""EchoState: standard and leaky integrator echo-state reservoirs."""

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from joblib import effective_n_jobs
from sklearn.utils._param_validation import Interval, RealNotInt, StrOptions

from reservoir.kernels.batch_dynamics import drive_block, sliced_for_block
from reservoir.kernels.dynamics import Inputs, drive, members_of, no_inputs, units
from reservoir.kernels.recurrence import alike, recurrence_of
from reservoir.kernels.threads import N_JOBS, in_threads
from reservoir.kernels.tiles import BLOCK, tiled
from reservoir.kernels.vecmath import ACTIVATIONS, SLOPES, activate
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.reservoirs.intrinsic_plasticity import IntrinsicPlasticity
from reservoir.topology import (
    INPUT_WEIGHTS,
    TOPOLOGIES,
    ShiftMatrix,
    make_input_weights,
    make_recurrent_weights,
)
from reservoir.topology.recurrent_weights import read_options

FEW_INPUTS = 8  # with more, a matrix product beforehand beats multiplying in the state loop
_FEW_NONZERO = 0.1  # share of the inputs below which their zeros are worth skipping
MIN_SERIES_FOR_BLOCK = 3  # below it, the transposition in and out costs more than it saves


class EchoState(Reservoir):
    r"""Echo-state reservoir: fixed random recurrent units that turn a series into states.

    .. math::

        h(t) = (1 - a) \odot h(t-1) + a \odot f\big(W h(t-1) + W_{in} x(t) + b + \nu(t)\big)

    Standard units for leak rate ``a`` = 1, leaky integrators below. The weights are drawn once, in ``fit``.

    Parameters
    ----------
    n_units : int, default=500
        Number of units.
    spectral_radius : float or None, default=0.9
        Largest absolute eigenvalue of the recurrent matrix ``W``, set exactly. None leaves the matrix as it
        is drawn or given.
    singular_value : float, optional
        Set the largest singular value of ``W`` to this instead of its spectral radius; below 1 it guarantees
        fading memory for tanh units without leak.
    leak_rate : float or array-like of shape (n_units,), default=1.0
        In (0, 1]; 1 is no leak.
    input_scaling : float or array-like of shape (n_features,), default=1.0
        Factor on the input weights.
    bias_scaling : float, default=0.2
        Biases are drawn uniformly from [-bias_scaling, bias_scaling].
    connectivity : int or float, optional
        Inputs per unit (int) or fraction of non-zero weights (float), for topologies that have it. Default:
        10 inputs per unit, or all units of a smaller reservoir.
    topology : str, callable or matrix of shape (n_units, n_units), default="random"
        A name in ``TOPOLOGIES``, a function ``(n_units, rng, **options)``, or the matrix itself, dense or
        sparse. "circular" is the fastest and forecasts as well as "random".
    topology_options : dict, optional
        Further options of the topology, such as ``{"jump": 5}`` for a ring.
    activation : {"tanh", "identity", "relu", "saturated_linear", "sigmoid"}, default="tanh"
        relu is max(x, 0), saturated_linear is min(max(x, 0), 1).
    input_weights : str or matrix of shape (n_units, n_features), default="uniform"
        A name in ``INPUT_WEIGHTS``, or the matrix itself, which ``input_scaling`` multiplies.
    input_connectivity : int or float, optional
        Inputs per unit or fraction of non-zero input weights. Default: all for "uniform", "normal" and
        "sign", a tenth for "sparse", ten for "neighbours"; the others, and a matrix, have theirs.
    noise : float, default=0.0
        Standard deviation of Gaussian noise inside the activation, in training only: in `fit_transform` and `fit` of
        the networks, of `ForceGenerator` and of the forecasters. States that are carried on from training are those
        without it. `ConceptorMemory` refuses it, diagnostics hear none.
    plasticity : IntrinsicPlasticity, optional
        Rule by which gain and bias of tanh units are learned from the training inputs. Default: none are.
    n_jobs : int, optional
        Threads over series; None is 1, -1 all cores. The result does not depend on it.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    recurrent_weights_ : ndarray, csr_array or ShiftMatrix of shape (n_units, n_units)
        ``W``, scaled; entry (i, j) is the weight from unit j to unit i.
    input_weights_ : ndarray or csr_array of shape (n_units, n_features)
    bias_ : ndarray of shape (n_units,)
    leak_rates_ : ndarray of shape (n_units,)
    gain_ : ndarray of shape (n_units,)
        Factors that plasticity has put on the rows of both matrices; only with ``plasticity``.

    References
    ----------
    H. Jaeger, The "echo state" approach to analysing and training recurrent neural networks, GMD Report 148,
    2001. H. Jaeger, M. Lukosevicius, D. Popovici, U. Siewert, Optimization and applications of echo state
    networks with leaky-integrator neurons, Neural Networks 20 (2007).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.sin(np.arange(100.0)).reshape(-1, 1)
    >>> reservoir = EchoState(50, random_state=0).fit(X)
    >>> states = reservoir.transform(X)
    >>> states.shape
    (100, 50)

    State goes in and comes out: two halves in turn are the whole.

    >>> first, state = reservoir.transform(X[:60], return_state=True)
    >>> second = reservoir.transform(X[60:], initial_state=state)
    >>> np.allclose(np.vstack([first, second]), states)
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "spectral_radius": [Interval(Real, 0, None, closed="left"), None],
        "singular_value": [Interval(Real, 0, None, closed="left"), None],
        "leak_rate": [Interval(Real, 0, 1, closed="right"), "array-like"],
        "input_scaling": [Interval(Real, 0, None, closed="left"), "array-like"],
        "bias_scaling": [Interval(Real, 0, None, closed="left")],
        "connectivity": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "topology": [StrOptions(set(TOPOLOGIES)), callable, "array-like", "sparse matrix", ShiftMatrix],
        "topology_options": [dict, None],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "input_weights": [StrOptions(set(INPUT_WEIGHTS)), "array-like", "sparse matrix"],
        "input_connectivity": [
            Interval(Integral, 1, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="right"),
            None,
        ],
        "noise": [Interval(Real, 0, None, closed="left")],
        "plasticity": [IntrinsicPlasticity, None],
        "n_jobs": N_JOBS,
        "random_state": ["random_state", np.random.Generator],
    }

    states_are_state = True

    def __init__(
        self,
        n_units=500,
        *,
        spectral_radius=0.9,
        singular_value=None,
        leak_rate=1.0,
        input_scaling=1.0,
        bias_scaling=0.2,
        connectivity=None,
        topology="random",
        topology_options=None,
        activation="tanh",
        input_weights="uniform",
        input_connectivity=None,
        noise=0.0,
        plasticity=None,
        n_jobs=None,
        random_state=None,
    ):
        self.n_units = n_units
        self.spectral_radius = spectral_radius
        self.singular_value = singular_value
        self.leak_rate = leak_rate
        self.input_scaling = input_scaling
        self.bias_scaling = bias_scaling
        self.connectivity = connectivity
        self.topology = topology
        self.topology_options = topology_options
        self.activation = activation
        self.input_weights = input_weights
        self.input_connectivity = input_connectivity
        self.noise = noise
        self.plasticity = plasticity
        self.n_jobs = n_jobs
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        self.recurrent_weights_ = self._draw_recurrent(rng)
        self.input_weights_ = make_input_weights(
            self.input_weights,
            self.n_units,
            n_features,
            rng,
            scaling=self.input_scaling,
            connectivity=self.input_connectivity,
        )
        self.bias_ = self.bias_scaling * rng.uniform(-1, 1, self.n_units)
        self.leak_rates_ = self._read_leak_rate()
        self.n_states_ = self.state_size_ = self.n_units
        self._kernel_arrays_ = self._prepare(dtype)
        if self.plasticity is not None:
            self._drawn = self.recurrent_weights_, self.input_weights_, self.bias_

    def _pretrain(self, rows, layout):
        if self.plasticity is None:
            return
        if self.activation != "tanh":
            raise ValueError(f"plasticity is for tanh units, got activation={self.activation!r}")
        weights, input_weights, bias = self._drawn
        heard = rows.astype(float, copy=False) @ input_weights.T
        self.gain_, self.bias_ = self.plasticity.learn(
            heard, weights, bias, self.retained, self.leak_rates_, layout
        )
        self.recurrent_weights_ = with_gain(weights, self.gain_)
        self.input_weights_ = with_gain(input_weights, self.gain_)
        self._kernel_arrays_ = self._prepare(rows.dtype)

    def _draw_recurrent(self, rng):
        by_value = self.singular_value is not None
        return make_recurrent_weights(
            self.topology,
            self.n_units,
            rng,
            connectivity=self.connectivity,
            spectral_radius=None if by_value else self.spectral_radius,
            singular_value=self.singular_value,
            **read_options(self.topology_options),
        )

    def _read_leak_rate(self):
        leak = np.array(self.leak_rate, dtype=float)
        if leak.ndim and leak.shape != (self.n_units,):
            raise ValueError(
                f"leak_rate has shape {leak.shape}, expected one number or ({self.n_units},), one per unit"
            )
        if not ((leak > 0) & (leak <= 1)).all():
            raise ValueError(f"leak_rate must lie in (0, 1] for every unit, got {leak.min()} to {leak.max()}")
        return np.full(self.n_units, leak) if leak.ndim == 0 else leak

    def _prepare(self, dtype):
        """What the kernels need, in one precision: recurrence, input map with the bias last, leak, map in tiles."""
        recurrence = recurrence_of(self.recurrent_weights_, dtype)
        if sp.issparse(self.input_weights_):
            input_map = sp.csr_array(sp.vstack([self.input_weights_.T, self.bias_[np.newaxis]]), dtype=dtype)
        else:
            input_map = np.ascontiguousarray(np.vstack([self.input_weights_.T, self.bias_]), dtype=dtype)
        tiles = None if sp.issparse(input_map) else tiled(input_map, dtype)
        return recurrence, input_map, self._leak(dtype), tiles

    def _leak(self, dtype):
        """How old state and activation mix: leak rates, or a ``dynamics.Blend``."""
        return self.leak_rates_.astype(dtype)

    def _leak_for_block(self, leak):
        return leak

    def retained(self, states):
        """Return what the next states keep of some states.

        Parameters
        ----------
        states : ndarray of shape (n_units, k)
            In columns.

        Returns
        -------
        ndarray of shape (n_units, k)
        """
        return (1 - self.leak_rates_)[:, np.newaxis] * states

    def _arrays(self, dtype):
        prepared = self._kernel_arrays_
        return prepared if prepared[1].dtype == dtype else self._prepare(dtype)

    def _run(self, rows, layout, initial, noise_rng=None):
        recurrence, input_map, leak, tiles = self._arrays(rows.dtype)
        states = np.empty((len(rows), self.n_units), dtype=rows.dtype)
        noisy = noise_rng is not None and self.noise > 0
        if noisy or sp.issparse(input_map) or len(input_map) > FEW_INPUTS:
            _write_drive(rows, input_map, states)
            if noisy:
                states += self.noise * noise_rng.standard_normal(states.shape, dtype=states.dtype)
            inputs = no_inputs(len(rows), rows.dtype)
        else:
            inputs = Inputs(with_constant(rows), tiles)
        run = self._run_each if len(layout.lengths) < MIN_SERIES_FOR_BLOCK else self._run_blocks
        arrays = recurrence, leak, ACTIVATIONS[self.activation]
        return states, run(states, inputs, layout, initial.copy(), arrays)

    def _run_each(self, states, inputs, layout, final, arrays):
        """One series after the other; ``final`` comes with the initial states and leaves with the last."""
        recurrence, leak, code = arrays

        def run(s):
            part = slice(layout.starts[s], layout.starts[s] + layout.lengths[s])
            own = Inputs(inputs.values[part], inputs.weights)
            drive(states[part], own, recurrence, final[s], leak, code)

        self._in_threads(run, range(len(layout.lengths)))
        return final

    def _run_blocks(self, states, inputs, layout, final, arrays):
        """Series of about equal length share a block; a block goes on with those that are longer."""
        recurrence, leak, code = arrays
        sliced = sliced_for_block(recurrence, self.recurrent_weights_, states.dtype)
        leak = self._leak_for_block(leak)
        order = np.argsort(layout.lengths, kind="stable")[::-1]

        def run(series):
            first, left = layout.starts[series], layout.lengths[series]
            while len(series):
                n_steps = int(left[-1])  # sorted: the last is the shortest
                lanes = np.arange(BLOCK) % len(series)
                block = np.ascontiguousarray(final[series[lanes]].T)
                drive_block(states, first[lanes], n_steps, inputs, sliced, block, leak, code)
                final[series] = block[:, : len(series)].T
                going = left > n_steps
                series, first, left = series[going], first[going] + n_steps, left[going] - n_steps

        self._in_threads(run, [order[i : i + BLOCK] for i in range(0, len(order), BLOCK)])
        return final

    def _in_threads(self, task, arguments):
        several = len(arguments) > 1  # joblib takes longer to be asked than one step takes
        in_threads(task, arguments, min(effective_n_jobs(self.n_jobs), len(arguments)) if several else 1)

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        before = np.column_stack([state, state_tangents])
        drive, kept = self.recurrent_weights_ @ before, self.retained(before)
        drive += self.input_weights_ @ np.column_stack([row, row_tangents])
        value = drive[:, 0] + self.bias_
        activate(value, ACTIVATIONS[self.activation])
        new = kept[:, 0] + self.leak_rates_ * value
        gain = self.leak_rates_ * SLOPES[self.activation](value)
        tangents = kept[:, 1:] + gain[:, np.newaxis] * drive[:, 1:]
        return new, new, tangents, tangents

    @classmethod
    def _joined(cls, members, dtype):
        """The networks of one size that some reservoirs are, or None if they are not: a ``dynamics.Members``."""
        prepared = [member._arrays(dtype) for member in members]
        sizes = {(member.n_units, member.n_features_in_, member.activation) for member in members}
        if len(sizes) > 1 or not alike([arrays[::2] for arrays in prepared]):
            return None
        recurrences, maps, leaks, tiles = zip(*prepared)
        dense = [tiled(m.toarray(), dtype) if t is None else t for m, t in zip(maps, tiles)]
        return members_of(dense, recurrences, leaks, ACTIVATIONS[members[0].activation])

    @classmethod
    def _part(cls, members, states):
        networks = cls._joined(members, states.dtype)
        return None if networks is None else units(networks, states)


def with_gain(weights, gain):
    """Multiply the rows of a matrix, in its storage."""
    if isinstance(weights, ShiftMatrix):
        return ShiftMatrix(weights.offsets, weights.weights * gain)
    if sp.issparse(weights):
        return sp.csr_array(sp.diags_array(gain) @ weights)
    return gain[:, np.newaxis] * weights


def with_constant(rows):
    """Rows with a constant input behind, which carries the bias."""
    extended = np.empty((rows.shape[0], rows.shape[1] + 1), dtype=rows.dtype)
    extended[:, :-1] = rows
    extended[:, -1] = 1
    return extended


def _write_drive(rows, input_map, states):
    """Input and bias of every row into ``states``: what does not depend on the state."""
    if sp.issparse(input_map):
        few = np.count_nonzero(rows) < _FEW_NONZERO * rows.size  # such as one-hot inputs: skip the zeros
        states[:] = (sp.csr_array(rows) @ input_map[:-1]).toarray() if few else rows @ input_map[:-1]
        states += input_map[-1:].toarray()
    else:
        np.dot(rows, input_map[:-1], out=states)
        states += input_map[-1]
