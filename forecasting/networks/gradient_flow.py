"""Looking inside a network: how far gradients reach back in time, and what gates do over a series."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecasting.networks.parameters import arrays_of
from reservoir.contracts.random_source import make_rng


def gradient_norms(
    network: Any, params: Any, x: np.ndarray, *, n_directions: int = 8, random_state: Any = 0
) -> np.ndarray:
    """Return how strongly the last output depends on the state at every step before.

    For a loss whose gradient in the last output is a random unit vector v, that is the norm of its gradient in the
    state before step t, the root mean square over ``n_directions`` of them: an estimate of the root mean square of
    the singular values of the Jacobian. Where it falls towards 0 as t goes back gradients vanish, where it grows they
    explode (Pascanu, Mikolov and Bengio 2013).

    Parameters
    ----------
    network : Cell or Stack
    params : nested tuple of arrays
        Fresh from ``network.init_params`` or trained.
    x : array of shape (n_steps, n_series, n_features)
        What the network hears, in the precision of the parameters.
    n_directions : int, default=8
    random_state : int, RandomState, Generator or None, default=0
        Draws the directions.

    Returns
    -------
    array of shape (n_steps, n_series)
        Row t: of the state before step t.

    Raises
    ------
    ValueError
        If ``x`` is of another shape.

    Examples
    --------
    A saturated network forgets, and so do its gradients.

    >>> from forecasting.networks.cells import RNN
    >>> cell = RNN(16)
    >>> params = cell.init_params(1, np.random.default_rng(0))
    >>> norms = gradient_norms(cell, params, np.full((30, 1, 1), 5, np.float32))
    >>> bool(norms[0, 0] < 1e-6 * norms[-1, 0])
    True
    """
    if np.ndim(x) != 3 or len(x) == 0:
        raise ValueError(
            f"x has shape {np.shape(x)}, expected (n_steps, n_series, n_features) with at least one step: the inputs "
            "of a fitted forecaster's layers are forecaster.heard()"
        )
    if n_directions < 1:
        raise ValueError(f"n_directions={n_directions} must be at least 1")
    x = np.asarray(x)
    n_steps, n_series, _ = x.shape
    rng = make_rng(random_state)
    repeated = np.repeat(x, n_directions, axis=1)
    tapes, state = [], None
    for t in range(n_steps):
        tapes.append(network.forward(params, repeated[t : t + 1], state))
        state = tapes[-1].final_state
    direction = rng.standard_normal(tapes[-1].states.shape).astype(x.dtype)
    grad: Any = direction / np.linalg.norm(direction, axis=-1, keepdims=True)
    carried, norms = None, np.empty((n_steps, n_series))
    for t in range(n_steps - 1, -1, -1):
        _, _, carried = network.backward(params, repeated[t : t + 1], tapes[t], grad, carried)
        grad = None
        squares = sum(np.square(part, dtype=np.float64).sum(axis=-1) for part in arrays_of(carried))
        norms[t] = np.sqrt(np.asarray(squares).reshape(n_series, n_directions).mean(axis=1))
    return norms


def gate_activations(cell: Any, params: Any, x: np.ndarray, state: Any = None) -> dict[str, np.ndarray]:
    """Return what the gates of a cell, and the numbers behind its output, do over a series.

    Parameters
    ----------
    cell : Cell
    params : NamedTuple of arrays
    x : array of shape (n_steps, n_series, n_features)
    state : NamedTuple of arrays, optional
        Before the first step; default: zeros.

    Returns
    -------
    dict of str to array of shape (n_steps, n_series, n_units)
        "output", and for an LSTM "candidate", "input", "output_gate", "forget", "memory", for a GRU "candidate",
        "reset", "update", for a FastRNN "candidate", for a LeakyRNN "trace".

    Raises
    ------
    TypeError
        If it is no cell.

    Examples
    --------
    >>> from forecasting.networks.cells import GRU
    >>> cell = GRU(4)
    >>> params = cell.init_params(1, np.random.default_rng(0))
    >>> sorted(gate_activations(cell, params, np.ones((3, 1, 1), np.float32)))
    ['candidate', 'output', 'reset', 'update']

    Those of a trained forecaster, over its newest window:

    >>> from forecasting import GRUForecaster
    >>> y = np.sin(0.5 * np.arange(100))
    >>> forecaster = GRUForecaster(n_units=4, max_horizon=4, n_epochs=1, random_state=0).fit(y)
    >>> trained = forecaster.trained_
    >>> gate_activations(trained.network.stack.cell, trained.params.stack[0], forecaster.heard())["update"].shape
    (8, 1, 4)
    """
    if not hasattr(cell, "gates"):
        raise TypeError(
            f"{cell!r} is no cell: of a Stack give its cell, its layer's parameters (params[0]) and what it hears"
        )
    tape = cell.forward(params, x, state)
    inside = {"output": tape.states, **cell.gates(tape)}
    return {name: array.copy() for name, array in inside.items()}
