"""ES2N: units that are rotated rather than forgotten, at a set distance from the edge of stability."""

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from reservoir.kernels.batch_dynamics import blend_for_block
from reservoir.kernels.dynamics import Blend
from reservoir.kernels.recurrence import recurrence_of
from reservoir.reservoirs.echo_state import EchoState
from reservoir.topology import ShiftMatrix, make_recurrent_weights
from reservoir.topology.recurrent_weights import own_matrix

_ROUNDING = 1e-8  # relative change of a vector's length by an orthogonal matrix in float64


class ES2N(EchoState):
    r"""Edge-of-stability echo-state network: an orthogonal rotation beside nonlinear units.

    .. math::

        h(t) = \beta f\big(W h(t-1) + W_{in} x(t) + b + \nu(t)\big) + (1 - \beta) O h(t-1)

    ``O`` is orthogonal: what it carries loses nothing, so that the proximity ``beta`` sets how far from the
    edge of stability the units work. Small values remember long, 1 is the plain echo-state network. With
    ``D`` the slopes of ``f``, the state Jacobian is :math:`\beta D W + (1 - \beta) O`.

    Parameters
    ----------
    n_units : int, default=500
        Number of units.
    proximity : float, default=0.1
        ``beta`` in (0, 1].
    rotation : str or matrix of shape (n_units, n_units), default="orthogonal"
        ``O``: "orthogonal" (dense, uniformly distributed), "permutation" or "ring" (one weight per unit: far
        faster), or an orthogonal matrix, dense or sparse.
    spectral_radius : float or None, default=0.9
        Of ``W``; see ``EchoState``, as for all parameters below.
    input_scaling : float or array-like of shape (n_features,), default=1.0
    bias_scaling : float, default=0.2
    connectivity : int or float, optional
    topology : str, callable or matrix of shape (n_units, n_units), default="random"
    topology_options : dict, optional
    activation : {"tanh", "identity", "relu", "saturated_linear", "sigmoid"}, default="tanh"
    input_weights : str or matrix of shape (n_units, n_features), default="uniform"
    input_connectivity : int or float, optional
    noise : float, default=0.0
    n_jobs : int, optional
    random_state : int, RandomState, Generator or None, default=None

    Attributes
    ----------
    rotation_ : ndarray, csr_array or ShiftMatrix of shape (n_units, n_units)
        ``O``.
    recurrent_weights_, input_weights_, bias_ : see ``EchoState``
    leak_rates_ : ndarray of shape (n_units,)
        The proximity, for every unit.

    References
    ----------
    A. Ceni, C. Gallicchio, Edge of stability echo state network, IEEE Transactions on Neural Networks and
    Learning Systems 36 (2025).

    Examples
    --------
    An input is remembered for hundreds of steps.

    >>> import numpy as np
    >>> X = np.zeros((300, 1))
    >>> X[0] = 0.1
    >>> plain = EchoState(100, bias_scaling=0, random_state=0).fit_transform(X)
    >>> rotated = ES2N(100, proximity=0.01, bias_scaling=0, random_state=0).fit_transform(X)
    >>> bool(np.linalg.norm(plain[-1]) < 1e-9), bool(np.linalg.norm(rotated[-1]) > 1e-5)
    (True, True)
    """

    _parameter_constraints: ClassVar[dict] = {
        "proximity": [Interval(Real, 0, 1, closed="right")],
        "rotation": [
            StrOptions({"orthogonal", "permutation", "ring"}),
            "array-like",
            "sparse matrix",
            ShiftMatrix,
        ],
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
        proximity=0.1,
        rotation="orthogonal",
        spectral_radius=0.9,
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
        self.proximity = proximity
        self.rotation = rotation

    def _read_leak_rate(self):
        return np.full(self.n_units, float(self.proximity))

    def _draw_recurrent(self, rng):
        self.rotation_ = self._draw_rotation(rng)
        return super()._draw_recurrent(rng)

    def _draw_rotation(self, rng) -> Any:
        if isinstance(self.rotation, str):
            return make_recurrent_weights(self.rotation, self.n_units, rng)
        matrix = own_matrix(self.rotation, self.n_units, "rotation")
        vectors = rng.standard_normal((self.n_units, 2))
        error = np.abs(np.linalg.norm(matrix @ vectors, axis=0) / np.linalg.norm(vectors, axis=0) - 1).max()
        if error > _ROUNDING:
            raise ValueError(
                f"rotation is not orthogonal: it changes the length of a vector by a factor of 1 +- {error:.2g}; "
                "give a matrix whose transpose is its inverse, or rotation='orthogonal'"
            )
        return matrix

    def _leak(self, dtype):
        leak = self.leak_rates_.astype(dtype)
        return Blend(1 - leak, leak, recurrence_of(self.rotation_, dtype))

    def _leak_for_block(self, leak):
        return blend_for_block(leak, self.rotation_, leak.leak.dtype)

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
        return (1 - self.leak_rates_)[:, np.newaxis] * (self.rotation_ @ states)
