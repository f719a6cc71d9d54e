"""Kernel rank and generalisation rank: how many directions different, and similar, inputs open up.

Many input streams drive a reservoir; the rank of the matrix of their last states is the kernel rank. When the
streams agree in their last steps, it should be small: the generalisation rank. A good reservoir has a large
difference of the two (R. Legenstein, W. Maass, Neural Networks 20 (2007) 323-334; L. Büsing, B. Schrauwen,
R. Legenstein, Neural Computation 22 (2010) 1272-1311).
"""

from typing import NamedTuple

import numpy as np

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import drawn_for_one_input, let_learn, positive, whole
from reservoir.reservoirs.base_reservoir import Reservoir


class StateRank(NamedTuple):
    """Rank of a matrix of states.

    Parameters
    ----------
    rank : int
        Number of singular values above ``tolerance`` times the largest.
    singular_values : ndarray of shape (n,)
        Relative to the largest.
    """

    rank: int
    singular_values: np.ndarray


def kernel_rank(
    reservoir: Reservoir,
    *,
    n_streams: int | None = None,
    n_steps: int = 100,
    amplitude: float = 1.0,
    tolerance: float = 1e-3,
    random_state=None,
) -> StateRank:
    """Rank of the last states after different input streams, uniform on [-amplitude, amplitude].

    Parameters
    ----------
    reservoir : Reservoir
        Unfitted, or fitted for one input.
    n_streams : int, optional
        Default: as many as states.
    n_steps : int, default=100
        Length of each stream.
    amplitude : float, default=1.0
    tolerance : float, default=1e-3
        Singular values below this times the largest count 0: what a readout under noise cannot use.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    StateRank

    Examples
    --------
    >>> from reservoir import EchoState
    >>> line = EchoState(10, topology="delay_line", spectral_radius=None, random_state=0)
    >>> kernel_rank(line, random_state=0).rank
    10
    """
    return generalisation_rank(
        reservoir,
        n_common=0,
        n_streams=n_streams,
        n_steps=n_steps,
        amplitude=amplitude,
        tolerance=tolerance,
        random_state=random_state,
    )


def generalisation_rank(
    reservoir: Reservoir,
    *,
    n_common: int = 20,
    n_streams: int | None = None,
    n_steps: int = 100,
    amplitude: float = 1.0,
    tolerance: float = 1e-3,
    random_state=None,
) -> StateRank:
    """Rank of the last states after streams that agree in their last ``n_common`` steps.

    Parameters
    ----------
    reservoir : Reservoir
        Unfitted, or fitted for one input.
    n_common : int, default=20
    n_streams, n_steps, amplitude, tolerance, random_state : see ``kernel_rank``

    Returns
    -------
    StateRank

    Examples
    --------
    What lies further back than a delay line is long makes no difference.

    >>> from reservoir import EchoState
    >>> line = EchoState(10, topology="delay_line", spectral_radius=None, random_state=0)
    >>> generalisation_rank(line, random_state=0).rank
    1
    """
    rng = make_rng(random_state)
    drawn = drawn_for_one_input(reservoir)
    n_streams = drawn.n_states_ if n_streams is None else whole("n_streams", n_streams, 1)
    if whole("n_common", n_common, 0) > whole("n_steps", n_steps, 1):
        raise ValueError(f"n_common={n_common} exceeds n_steps={n_steps}: streams cannot agree for longer")
    streams = rng.uniform(-1, 1, (n_streams, n_steps, 1))
    streams[:, n_steps - n_common :] = streams[0, n_steps - n_common :]
    streams *= positive("amplitude", amplitude)
    let_learn(drawn, reservoir, streams)
    states = drawn.transform(streams)[:, -1]
    singular = np.linalg.svd(states, compute_uv=False)
    relative = singular / singular[0] if singular[0] > 0 else singular
    return StateRank(int(np.sum(relative > positive("tolerance", tolerance))), relative)
