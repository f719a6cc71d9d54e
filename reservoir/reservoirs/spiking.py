"""SpikingUnits: leaky integrate-and-fire units whose spikes are filtered into states."""

from numbers import Real
from typing import ClassVar, NamedTuple

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from reservoir.contracts.series_layout import Layout
from reservoir.kernels.compilation import compiled
from reservoir.kernels.stepping import with_step
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.reservoirs.echo_state import EchoState
from reservoir.reservoirs.leaky_units import read_retention
from reservoir.topology import make_input_weights, make_recurrent_weights
from reservoir.topology.recurrent_weights import read_options


class SpikingUnits(Reservoir):
    r"""Spiking reservoir (liquid state machine): leaky integrate-and-fire units and traces of their spikes.

    .. math::

        v(t) &= (1 - a) v(t-1) - \theta z(t-1) + W z(t-1) + W_{in} x(t) + b + \nu(t) \\
        z(t) &= 1 \text{ where } v(t) \ge \theta, \text{ else } 0 \\
        r(t) &= \alpha \odot r(t-1) + (1 - \alpha) \odot z(t)

    A unit whose potential ``v`` reaches the threshold spikes and loses it; what it has beyond stays. The states
    are the traces ``r``, in [0, 1]: the rate of spikes in the recent past. Only units that spike are looked at in
    the recurrence. The derivative of a spike by the potential is 0 wherever it exists, so the Jacobian,
    ``[[(1 - a) I, 0], [0, diag(alpha)]]``, is exact for changes too small to move a spike, and what spikes carry on
    is not in it, nor in Lyapunov exponents made of it.

    Parameters
    ----------
    n_units : int, default=500
        Number of units.
    spectral_radius : float or None, default=0.9
        Of the weights ``W`` of spikes, whose signs are mixed. See ``EchoState``, as for those not described.
    leak_rate : float, default=0.1
        ``a`` in (0, 1], the part of the potential that is lost in a step.
    threshold : float, default=1.0
        ``theta`` > 0.
    retention : float, tuple of 2 floats, or array-like of shape (n_units,), default=(0.5, 0.97)
        ``alpha`` in [0, 1] per unit. A tuple of two below 1 spreads the time constants 1 / (1 - alpha) evenly on a
        logarithmic scale between both, in random order.
    input_scaling : float or array-like of shape (n_features,), default=1.0
    bias_scaling : float, default=0.2
        Biases are drawn uniformly from [-bias_scaling, bias_scaling]; above ``leak_rate * threshold`` a unit spikes
        without input.
    connectivity : int or float, optional
    topology : str, callable or matrix of shape (n_units, n_units), default="random"
    topology_options : dict, optional
    input_weights : str or matrix of shape (n_units, n_features), default="uniform"
    input_connectivity : int or float, optional
    noise : float, default=0.0
        Standard deviation of Gaussian noise on the potential, in training only.
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    recurrent_weights_ : csc_array of shape (n_units, n_units)
        ``W``.
    input_weights_ : ndarray or csr_array of shape (n_units, n_features)
    bias_ : ndarray of shape (n_units,)
    retention_ : ndarray of shape (n_units,)

    References
    ----------
    W. Maass, T. Natschlager, H. Markram, Real-time computing without stable states: a new framework for neural
    computation based on perturbations, Neural Computation 14 (2002).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.sin(0.1 * np.arange(300.0)).reshape(-1, 1)
    >>> states = SpikingUnits(100, random_state=0).fit_transform(X)
    >>> states.shape, float(states.min()) >= 0, float(states.max()) <= 1
    ((300, 100), True, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        **{
            name: EchoState._parameter_constraints[name]
            for name in (
                "n_units",
                "spectral_radius",
                "input_scaling",
                "bias_scaling",
                "connectivity",
                "topology",
                "topology_options",
                "input_weights",
                "input_connectivity",
                "noise",
                "random_state",
            )
        },
        "leak_rate": [Interval(Real, 0, 1, closed="right")],
        "threshold": [Interval(Real, 0, None, closed="neither")],
        "retention": [Interval(Real, 0, 1, closed="both"), "array-like", tuple],
    }

    def __init__(
        self,
        n_units=500,
        *,
        spectral_radius=0.9,
        leak_rate=0.1,
        threshold=1.0,
        retention=(0.5, 0.97),
        input_scaling=1.0,
        bias_scaling=0.2,
        connectivity=None,
        topology="random",
        topology_options=None,
        input_weights="uniform",
        input_connectivity=None,
        noise=0.0,
        random_state=None,
    ):
        self.n_units = n_units
        self.spectral_radius = spectral_radius
        self.leak_rate = leak_rate
        self.threshold = threshold
        self.retention = retention
        self.input_scaling = input_scaling
        self.bias_scaling = bias_scaling
        self.connectivity = connectivity
        self.topology = topology
        self.topology_options = topology_options
        self.input_weights = input_weights
        self.input_connectivity = input_connectivity
        self.noise = noise
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        weights = make_recurrent_weights(
            self.topology,
            self.n_units,
            rng,
            connectivity=self.connectivity,
            spectral_radius=self.spectral_radius,
            **read_options(self.topology_options),
        )
        self.recurrent_weights_ = sp.csc_array(weights.tocsr() if hasattr(weights, "tocsr") else weights)
        self.input_weights_ = make_input_weights(
            self.input_weights,
            self.n_units,
            n_features,
            rng,
            scaling=self.input_scaling,
            connectivity=self.input_connectivity,
        )
        self.bias_ = self.bias_scaling * rng.uniform(-1, 1, self.n_units)
        self.retention_ = read_retention(self.retention, self.n_units, rng)
        self.n_states_, self.state_size_ = self.n_units, 2 * self.n_units

    def _run(self, rows, layout, initial, noise_rng=None):
        dtype = rows.dtype
        states = np.ascontiguousarray(rows @ self.input_weights_.T.astype(dtype), dtype=dtype)
        states += self.bias_.astype(dtype)
        if noise_rng is not None and self.noise > 0:
            states += self.noise * noise_rng.standard_normal(states.shape, dtype=dtype)
        final, arrays = initial.copy(), self._arrays(dtype)
        for carried, start, n_steps in zip(final, layout.starts, layout.lengths):
            potential, trace = carried[: self.n_units], carried[self.n_units :]
            _drive(states[start : start + n_steps], potential, trace, *arrays)
        return states, final

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        after, (carried,) = self._run(row[np.newaxis], Layout(np.array([1]), "single"), state[np.newaxis])
        d_potential, d_trace = np.vsplit(state_tangents, 2)
        d_potential = (1 - self.leak_rate) * d_potential + self.input_weights_ @ row_tangents
        d_trace = self.retention_[:, np.newaxis] * d_trace  # spikes stay as they are
        return after[0], carried, d_trace, np.vstack([d_potential, d_trace])

    def _arrays(self, dtype):
        """What ``_drive`` takes behind the states, in one precision."""
        weights, retention = self.recurrent_weights_.data.astype(dtype), self.retention_.astype(dtype)
        pattern = self.recurrent_weights_.indices, self.recurrent_weights_.indptr
        return weights, *pattern, retention, dtype.type(self.leak_rate), dtype.type(self.threshold)

    @classmethod
    def _part(cls, members, states):
        if len(members) > 1:
            return None
        (one,), dtype = members, states.dtype
        weights = one.input_weights_.toarray() if sp.issparse(one.input_weights_) else one.input_weights_
        input_map = np.ascontiguousarray(np.vstack([one.bias_, weights.T]), dtype=dtype)
        potential, trace = (half.copy() for half in np.hsplit(states, 2))
        part = Spikes(input_map, one._arrays(dtype), potential, trace)
        return with_step(_step_spikes, part, dtype)


class Spikes(NamedTuple):
    """Spiking units, a part in the sense of ``stepping``: one member.

    Attributes
    ----------
    input_map : array (1 + n_features, n_units)
        Bias and transposed input weights.
    arrays : tuple
        See ``_drive``.
    potential, trace : array (n_places, n_units)
    """

    input_map: np.ndarray
    arrays: tuple
    potential: np.ndarray
    trace: np.ndarray
    address: int = 0

    def carried(self):
        """States of all places, (n_places, state_size)."""
        return np.hstack([self.potential, self.trace])


@compiled(arithmetic="elementwise")
def _drive(states, potential, trace, weights, targets, starts, retention, leak, threshold):
    """Drive one series: rows of ``states`` (n_steps, n_units) are the drive and become the traces.

    ``potential`` and ``trace`` (n_units,) before the first step become those of the last. Unit ``j`` adds
    ``weights[k]`` to unit ``targets[k]`` for ``k`` from ``starts[j]`` to ``starts[j + 1]``.
    """
    n_units = potential.size
    one = states.dtype.type(1)
    spiked = np.zeros(n_units, np.bool_)
    for i in range(n_units):
        spiked[i] = potential[i] >= threshold
    for t in range(states.shape[0]):
        row = states[t]
        for i in range(n_units):
            lost = threshold if spiked[i] else states.dtype.type(0)
            potential[i] = (one - leak) * potential[i] - lost + row[i]
        for j in range(n_units):
            if spiked[j]:
                for k in range(starts[j], starts[j + 1]):
                    potential[targets[k]] += weights[k]
        for i in range(n_units):
            spiked[i] = potential[i] >= threshold
            trace[i] *= retention[i]
            if spiked[i]:
                trace[i] += one - retention[i]
            row[i] = trace[i]


@compiled(arithmetic="elementwise")
def _step_spikes(part, heard, said):
    for p in range(len(heard)):
        row = said[p]
        for i in range(row.size):
            row[i] = part.input_map[0, i]
        for d in range(heard.shape[1]):
            for i in range(row.size):
                row[i] += part.input_map[1 + d, i] * heard[p, d]
        _drive(said[p : p + 1], part.potential[p], part.trace[p], *part.arrays)
