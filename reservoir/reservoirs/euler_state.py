"""EulerState: small steps along an antisymmetric flow, which neither forgets nor explodes."""

from numbers import Real
from typing import ClassVar

import numpy as np
import scipy.sparse as sp
from sklearn.utils._param_validation import Interval

from reservoir.kernels.dynamics import Blend
from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.reservoirs.echo_state import EchoState
from reservoir.topology import make_recurrent_weights
from reservoir.topology.draws import store
from reservoir.topology.recurrent_weights import read_options
from reservoir.topology.spectrum import scale_to


class EulerState(EchoState):
    r"""Euler state network: a step of Euler's method along a flow whose linear part is a rotation.

    .. math::

        h(t) = h(t-1) + \epsilon f\big((A - \gamma I) h(t-1) + W_{in} x(t) + b + \nu(t)\big), \qquad A = U - U^T

    The eigenvalues of the antisymmetric ``A`` are imaginary: states are carried far without growing or
    dying out. The diffusion ``gamma`` makes up for what Euler's method adds. With ``D`` the slopes of ``f``, the
    state Jacobian is :math:`I + \epsilon D (A - \gamma I)`.

    Parameters
    ----------
    n_units : int, default=500
        Number of units.
    step_size : float, default=0.1
        ``epsilon`` > 0.
    diffusion : float, default=0.1
        ``gamma`` >= 0. A linear network is stable from ``step_size * spectral_radius**2 / 2`` on.
    spectral_radius : float or None, default=1.0
        Of ``A``, which is the fastest rotation: ``epsilon`` times it is an angle per step. None leaves ``U`` as
        it is drawn or given.
    input_scaling : float or array-like of shape (n_features,), default=1.0
        See ``EchoState``, as for all parameters below.
    bias_scaling : float, default=0.2
    connectivity : int or float, optional
    topology : str, callable or matrix of shape (n_units, n_units), default="random"
        How ``U`` is drawn.
    topology_options : dict, optional
    activation : {"tanh", "identity", "relu", "saturated_linear", "sigmoid"}, default="tanh"
    input_weights : str or matrix of shape (n_units, n_features), default="uniform"
    input_connectivity : int or float, optional
    noise : float, default=0.0
    n_jobs : int, optional
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    recurrent_weights_ : ndarray, csr_array or ShiftMatrix of shape (n_units, n_units)
        ``A - gamma I``.
    input_weights_, bias_ : see ``EchoState``
    leak_rates_ : ndarray of shape (n_units,)
        The step size, for every unit.

    References
    ----------
    C. Gallicchio, Euler state networks: non-dissipative reservoir computing, Neurocomputing 579 (2024) 127411.

    Examples
    --------
    An input is remembered for hundreds of steps.

    >>> import numpy as np
    >>> X = np.zeros((300, 1))
    >>> X[0] = 0.1
    >>> states = EulerState(100, diffusion=0.06, bias_scaling=0, random_state=0).fit_transform(X)
    >>> 0.3 < float(np.linalg.norm(states[-1]) / np.linalg.norm(states[0])) < 1.0
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "step_size": [Interval(Real, 0, None, closed="neither")],
        "diffusion": [Interval(Real, 0, None, closed="left")],
        **{
            name: constraint
            for name, constraint in EchoState._parameter_constraints.items()
            if name not in ("leak_rate", "singular_value", "plasticity")
        },
    }

    def __init__(
        self,
        n_units=500,
        *,
        step_size=0.1,
        diffusion=0.1,
        spectral_radius=1.0,
        input_scaling=1.0,
        bias_scaling=0.2,
        connectivity=None,
        topology="random",
        topology_options=None,
        activation="tanh",
        input_weights="uniform",
        input_connectivity=None,
        noise=0.0,
        n_jobs=None,
        random_state=None,
    ):
        super().__init__(
            n_units,
            spectral_radius=spectral_radius,
            input_scaling=input_scaling,
            bias_scaling=bias_scaling,
            connectivity=connectivity,
            topology=topology,
            topology_options=topology_options,
            activation=activation,
            input_weights=input_weights,
            input_connectivity=input_connectivity,
            noise=noise,
            n_jobs=n_jobs,
            random_state=random_state,
        )
        self.step_size = step_size
        self.diffusion = diffusion

    def _read_leak_rate(self):
        return np.full(self.n_units, float(self.step_size))

    def _draw_recurrent(self, rng):
        drawn = make_recurrent_weights(
            self.topology,
            self.n_units,
            rng,
            connectivity=self.connectivity,
            **read_options(self.topology_options),
        )
        flow = drawn.antisymmetric() if isinstance(drawn, ShiftMatrix) else drawn - drawn.T
        return _minus_identity(scale_to(flow, spectral_radius=self.spectral_radius, name="A"), self.diffusion)

    def _leak(self, dtype):
        leak = self.leak_rates_.astype(dtype)
        return Blend(np.ones_like(leak), leak)

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
        return states


def _minus_identity(matrix, factor):
    """Subtract ``factor`` times the identity, in the storage of the matrix."""
    n_units = matrix.shape[0]
    if isinstance(matrix, ShiftMatrix):
        diagonal = np.full((1, n_units), -factor)
        return ShiftMatrix(np.append(matrix.offsets, 0), np.vstack([matrix.weights, diagonal]))
    return store(matrix - factor * (sp.eye_array if sp.issparse(matrix) else np.eye)(n_units))
