"""Does a reservoir forget where it started, and how fast: echo-state index, effective spectral radius."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import one_series, positive, whole
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.reservoirs.echo_state import EchoState
from reservoir.topology.spectrum import spectral_radius


class EchoIndex(NamedTuple):
    """How many responses to one input a reservoir has.

    Parameters
    ----------
    n_responses : int
        Number of different states that the starts ended in; 1 is the echo-state property, for this input.
    distances : ndarray of shape (n_steps,)
        Largest distance between any run and the one from rest, at each step.
    rate : float
        Mean growth per step of the logarithm of that distance, until it falls below ``tolerance``; negative
        where runs converge, minus infinity where the first step leaves no distance, NaN for a single step.
    """

    n_responses: int
    distances: np.ndarray
    rate: float


def echo_state_index(
    reservoir: Reservoir,
    X: ArrayLike,
    *,
    n_starts: int = 10,
    spread: float = 1.0,
    tolerance: float = 1e-6,
    random_state=None,
) -> EchoIndex:
    """Echo-state index of a reservoir under an input: do different initial states converge.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted.
    X : array-like of shape (n_steps, n_features)
        One series, long enough to forget.
    n_starts : int, default=10
        Initial states: rest, and others uniform on [-spread, spread].
    spread : float, default=1.0
    tolerance : float, default=1e-6
        States nearer than this are the same.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    EchoIndex

    References
    ----------
    A. Ceni, P. Ashwin, L. Livi, C. Postlethwaite, The echo index and multistability in input-driven recurrent
    neural networks, Physica D 412 (2020) 132609.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.zeros((500, 1))
    >>> fading, alive = (EchoState(30, spectral_radius=r, bias_scaling=0, random_state=0) for r in (0.8, 1.5))
    >>> [echo_state_index(r.fit(X), X, random_state=0).n_responses > 1 for r in (fading, alive)]
    [False, True]
    """
    rows = one_series(reservoir, X)
    n_starts, tolerance = whole("n_starts", n_starts, 2), positive("tolerance", tolerance)
    shape = n_starts, reservoir.state_size_
    starts = make_rng(random_state).uniform(-1, 1, shape) * positive("spread", spread)
    starts[0] = reservoir.zero_states(1, np.float64)[0]
    states = reservoir.transform(np.repeat(rows[np.newaxis], n_starts, axis=0), initial_state=starts)
    if not np.isfinite(states).all():
        raise ValueError(
            f"the states of {reservoir!r} grew beyond all numbers: it has no echo states under X, lower the spectral "
            "radius"
        )
    distances = np.linalg.norm(states[1:] - states[0], axis=2).max(axis=0)
    return EchoIndex(_count_different(states[:, -1], tolerance), distances, _rate(distances, tolerance))


def _rate(distances: np.ndarray, tolerance: float) -> float:
    """Mean growth per step of the logarithm of distances, until they fall below the tolerance."""
    below = distances < tolerance
    last = max(int(np.argmax(below)), 1) if below.any() else len(distances) - 1
    if last >= len(distances) or last == 0:
        return np.nan  # a single step
    if distances[0] == 0:
        return -np.inf
    smallest = np.finfo(float).tiny
    return float((np.log(max(distances[last], smallest)) - np.log(distances[0])) / last)


def _count_different(points: np.ndarray, tolerance: float) -> int:
    found: list[np.ndarray] = []
    for point in points:
        if all(np.linalg.norm(point - other) >= tolerance for other in found):
            found.append(point)
    return len(found)


def effective_spectral_radius(reservoir: EchoState) -> float:
    r"""Spectral radius of a reservoir's linear part, the leak included.

    .. math:: \rho\big((1 - a) I + a W\big)

    for leaky units (Jaeger et al. 2007), and of the corresponding sum for ``ES2N`` and ``EulerState``: the
    Jacobian of one step where the activation has slope 1. It says how slowly small signals fade.

    Parameters
    ----------
    reservoir : EchoState
        Fitted.

    Returns
    -------
    float

    References
    ----------
    H. Jaeger, M. Lukosevicius, D. Popovici, U. Siewert, Optimization and applications of echo state networks with
    leaky-integrator neurons, Neural Networks 20 (2007) 335-352.

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> units = EchoState(50, spectral_radius=0.6, leak_rate=0.1, topology="ring", random_state=0).fit([[0.0]])
    >>> round(effective_spectral_radius(units), 6)
    0.96
    """
    if not isinstance(reservoir, EchoState):
        raise TypeError(f"{type(reservoir).__name__} has no recurrent matrix of its own: give an EchoState")
    check_is_fitted(reservoir)
    eye = np.eye(reservoir.n_units)
    heard = reservoir.leak_rates_[:, np.newaxis] * (reservoir.recurrent_weights_ @ eye)
    return spectral_radius(reservoir.retained(eye) + heard)
