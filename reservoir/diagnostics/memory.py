r"""Linear memory capacity: how much of its past input a reservoir's states hold, delay by delay.

.. math:: MC_k = r^2\big(u(t-k), \hat u_k(t)\big), \qquad MC = \sum_{k=1}^{K} MC_k \le N

with the reconstruction :math:`\hat u_k(t)` by a linear readout of the states at ``t``, for independent inputs
(H. Jaeger, Short term memory in echo state networks, GMD Report 152, 2001). Finite tests add chance: every delay
that is not remembered still correlates a little. It is measured beside, with inputs that the reservoir never saw.
"""

from typing import NamedTuple

import numpy as np

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import drawn_for_one_input, let_learn, positive, whole
from reservoir.readouts.ridge import RidgeReadout
from reservoir.reservoirs.base_reservoir import Reservoir


class MemoryCapacity(NamedTuple):
    """What a reservoir remembers.

    Parameters
    ----------
    total : float
        Sum over all delays.
    per_delay : ndarray of shape (max_delay,)
        Squared correlation at delays 1, 2, ...
    bound : int
        Number of states, which the capacity for independent inputs cannot exceed, but for chance.
    chance : float
        Sum of the squared correlations with an independent input that the reservoir never saw.
    """

    total: float
    per_delay: np.ndarray
    bound: int
    chance: float


def memory_capacity(
    reservoir: Reservoir,
    *,
    max_delay: int | None = None,
    n_training: int = 5000,
    n_test: int = 1000,
    washout: int = 100,
    amplitude: float = 0.8,
    alpha: float = 0.0,
    solver: str = "svd",
    random_state=None,
) -> MemoryCapacity:
    """Linear memory capacity, for an input uniform on [-amplitude, amplitude].

    The defaults are the protocol of Ceni and Gallicchio (2024). The figure of a reservoir whose states are
    numerically singular belongs to its solver: state ``alpha`` and ``solver`` with it.

    Parameters
    ----------
    reservoir : Reservoir
        Unfitted, or fitted for one input.
    max_delay : int, optional
        Longest delay. Default: twice the number of states.
    n_training, n_test : int, default=5000, 1000
        Steps that train, washout included, and steps that test.
    washout : int, default=100
        Steps left out at the start; at least ``max_delay`` are.
    amplitude : float, default=0.8
    alpha : float, default=0.0
        Penalty of the readout.
    solver : {"svd", "sums", "auto"}, default="svd"
        Solver of the readout.
    random_state : int, RandomState, Generator or None, default=None
        Draws the input.

    Returns
    -------
    MemoryCapacity

    References
    ----------
    A. Ceni, C. Gallicchio, Edge of stability echo state network, IEEE Transactions on Neural Networks and
    Learning Systems (2024), section 4.1.

    Examples
    --------
    A delay line of 20 units remembers 20 steps: the newest is the present one, which is not counted.

    >>> from reservoir import EchoState
    >>> line = EchoState(20, topology="delay_line", spectral_radius=None, activation="identity", bias_scaling=0,
    ...                  input_weights=[[1.0]] + 19 * [[0.0]], random_state=0)
    >>> memory = memory_capacity(line, random_state=0)
    >>> float(memory.per_delay[:19].round(6).min()), bool(memory.per_delay[19:].max() < 0.02)
    (1.0, True)
    """
    rng = make_rng(random_state)
    drawn = drawn_for_one_input(reservoir)
    n_states = drawn.n_states_
    max_delay = 2 * n_states if max_delay is None else whole("max_delay", max_delay, 1)
    n_steps = whole("n_training", n_training, 1) + whole("n_test", n_test, 3)
    first = max(whole("washout", washout, 0), max_delay)
    if first >= n_training - 1:
        raise ValueError(
            f"n_training={n_training} leaves no rows after washout={washout} and max_delay={max_delay}: raise it"
        )
    u, other = positive("amplitude", amplitude) * rng.uniform(-1, 1, (2, n_steps))
    let_learn(drawn, reservoir, u[:n_training, np.newaxis])
    states = drawn.transform(u[:, np.newaxis])[first:]
    delays = range(1, max_delay + 1)
    past = np.stack([series[first - k : n_steps - k] for series in (u, other) for k in delays], axis=1)
    n_fitted = n_training - first
    readout = RidgeReadout(alpha=alpha, solver=solver).fit(states[:n_fitted], past[:n_fitted])
    squares = _squared_correlations(readout.predict(states[n_fitted:]), past[n_fitted:])
    own = squares[:max_delay]
    return MemoryCapacity(float(own.sum()), own, n_states, float(squares[max_delay:].sum()))


def _squared_correlations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Squared correlation of each column of both; 0 where one is constant."""
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    squares = np.einsum("ij,ij->j", a, a) * np.einsum("ij,ij->j", b, b)
    return np.divide(np.einsum("ij,ij->j", a, b) ** 2, squares, out=np.zeros(len(squares)), where=squares > 0)
