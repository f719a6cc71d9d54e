"""Jacobians of a reservoir along a driven trajectory."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from reservoir.diagnostics.input_checks import one_series
from reservoir.reservoirs.base_reservoir import Reservoir


class Jacobians(NamedTuple):
    """Jacobians at some steps of a trajectory.

    Parameters
    ----------
    by_state : ndarray of shape (n_steps, state_size, state_size)
        Of the state after the step by the state before it.
    by_input : ndarray of shape (n_steps, state_size, n_features)
        Of the state after the step by the input at the step.
    """

    by_state: np.ndarray
    by_input: np.ndarray


def state_jacobians(
    reservoir: Reservoir,
    X: ArrayLike,
    *,
    steps: ArrayLike | None = None,
    initial_state: ArrayLike | None = None,
) -> Jacobians:
    r"""Jacobians of one step of a reservoir, along the trajectory on which an input drives it.

    For :class:`EchoState`,
    :math:`\partial h(t) / \partial h(t-1) = \mathrm{diag}(1 - a) + \mathrm{diag}(a \odot f'(\cdot)) W`; for
    :class:`LeakyUnits` over it, with :math:`J_h` that matrix, the pair :math:`(h, \mu)` has

    .. math::

        \begin{pmatrix} J_h & 0 \\ \mathrm{diag}(1-\alpha) & \mathrm{diag}(\alpha) \end{pmatrix}.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted.
    X : array-like of shape (n_steps, n_features)
        One series.
    steps : array-like of int, optional
        At which rows of ``X``, in rising order. Default: all; each costs a square matrix of ``state_size``.
    initial_state : array-like of shape (state_size,), optional
        Default: rest.

    Returns
    -------
    Jacobians

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.ones((50, 1))
    >>> units = EchoState(5, activation="identity", leak_rate=0.5, random_state=0).fit(X)
    >>> by_state = state_jacobians(units, X, steps=[49]).by_state[0]
    >>> np.allclose(by_state, 0.5 * np.eye(5) + 0.5 * units.recurrent_weights_)
    True
    """
    rows = one_series(reservoir, X)
    chosen = np.arange(len(rows)) if steps is None else np.asarray(steps)
    whole = chosen.ndim == 1 and (chosen.size == 0 or np.issubdtype(chosen.dtype, np.integer))
    if not whole or not ((chosen >= 0) & (chosen < len(rows))).all() or not (np.diff(chosen) > 0).all():
        raise ValueError(
            f"steps={steps!r} must be whole, rise and lie in 0 ... {len(rows) - 1}, the rows of X"
        )
    rest = reservoir.zero_states(1, np.float64)[0]
    state = rest if initial_state is None else np.array(initial_state, dtype=float)
    if state.shape != rest.shape:
        raise ValueError(f"initial_state has shape {state.shape}, expected {rest.shape}")
    size, n_features = len(state), rows.shape[1]
    by_state, by_input = np.empty((len(chosen), size, size)), np.empty((len(chosen), size, n_features))
    moves = np.hstack([np.eye(size), np.zeros((size, n_features))])
    row_moves = np.hstack([np.zeros((n_features, size)), np.eye(n_features)])
    at = 0
    for i, t in enumerate(chosen):
        if t > at:
            state = reservoir.transform(rows[at:t], initial_state=state, return_state=True)[1]
        _, state, _, tangents = reservoir.tangent_step(rows[t], state, row_moves, moves)
        by_state[i], by_input[i] = tangents[:, :size], tangents[:, size:]
        at = t + 1
    return Jacobians(by_state, by_input)
