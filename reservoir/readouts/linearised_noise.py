r"""Noise on the inputs of a reservoir in training, without drawing any: its expected cost, linearised.

Independent noise of variance :math:`\sigma^2` on the inputs of the last K steps moves the features
:math:`\phi(t)` that a readout sees by the Jacobians :math:`G_k(t) = \partial \phi(t) / \partial u(t - k)`. To first
order its squared error then grows, on average over all noise, by

.. math:: \sigma^2 \sum_t \sum_{k=0}^{K-1} \| V G_k(t) \|_F^2 ,

a quadratic penalty on the readout ``V``, which is added to its normal equations as rows with target 0. With K = 1
it is the penalty on the Jacobian of one step. The sum over t is taken over at most a thousand steps, spread evenly.

References
----------
A. Wikner, J. Harvey, M. Girvan, B. R. Hunt, A. Pomerance, T. Antonsen, E. Ott, Stabilizing machine learning
prediction of dynamical systems: novel noise-inspired regularization tested with reservoir computing, Neural
Networks 170 (2024) 94-110.
"""

from collections.abc import Iterator

import numpy as np

from reservoir.contracts.series_layout import Layout
from reservoir.reservoirs.base_reservoir import Reservoir

_BLOCK_ROWS = 1024  # enough for matrix products at full speed
MOST_STEPS = 1000


def noise_penalties(
    reservoir: Reservoir,
    inputs: np.ndarray,
    layout: Layout,
    usable: np.ndarray,
    *,
    std: float,
    n_memory: int,
    noisy: np.ndarray,
    seen: np.ndarray,
) -> Iterator[np.ndarray]:
    """Yield blocks of rows g: their (g'b)^2 are what the noise adds to the squared error of coefficients b.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted, with a linearised step.
    inputs : ndarray of shape (n_rows, n_features)
        Stacked series.
    layout : Layout
    usable : ndarray of bool, shape (n_rows,)
        Rows that the readout learns from.
    std : float
        Standard deviation of the noise.
    n_memory : int
        Steps ``K`` whose noise counts.
    noisy, seen : ndarray of int
        Columns of the inputs that carry noise, and those that the readout sees behind the states.

    Yields
    ------
    ndarray of shape (n, n_states + n_seen)

    Raises
    ------
    ValueError
        If no state feels the noise, as those do not that spikes are made of.
    """
    rows = np.flatnonzero(usable)
    chosen = np.zeros(len(usable), dtype=bool)
    chosen[rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_STEPS)).round().astype(int)]] = True
    std *= np.sqrt(len(rows) / chosen.sum())  # each stands for several
    n_noisy = len(noisy)
    width = n_memory * n_noisy
    row_tangents = np.zeros((inputs.shape[1], width))
    row_tangents[noisy, np.arange(n_noisy)] = std
    beside = row_tangents[seen]
    gathered: list[np.ndarray] = []
    felt = False
    for start, n_steps in zip(layout.starts, layout.lengths):
        state = reservoir.zero_states(1, np.float64)[0]
        tangents = np.zeros((len(state), width))
        for t in range(start, start + n_steps):
            tangents[:, n_noisy:] = tangents[:, : width - n_noisy].copy()  # one step older
            tangents[:, :n_noisy] = 0
            row = inputs[t].astype(np.float64, copy=False)
            _, state, moved, tangents = reservoir.tangent_step(row, state, row_tangents, tangents)
            if chosen[t]:
                gathered.append(np.concatenate([moved, beside]).T)
                felt = felt or bool(moved.any())
            if len(gathered) * width >= _BLOCK_ROWS:
                yield np.concatenate(gathered)
                gathered.clear()
    if gathered:
        yield np.concatenate(gathered)
    if not felt:
        raise ValueError(
            f"no state of {type(reservoir).__name__} feels small noise on what is fed back, so linearised_noise has "
            "nothing to withstand: leave it out, or give the reservoir noise"
        )
