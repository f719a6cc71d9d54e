"""ReservoirPy beside ours: the same weights, its own loops and its own readout.

It is optional: where it is not installed, a report leaves its rows out and says so.
"""

import importlib.metadata
import warnings
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import LinAlgWarning

from reservoir import ES2N, EchoState

INSTALLED = find_spec("reservoirpy") is not None
_SPARSE = 0.3  # fraction of non-zeros below which a sparse product is the faster one


def about(what: str = "the same weights, data and penalty; its readout solves normal equations") -> str:
    """Return the sentence about the peer's rows for a report."""
    if not INSTALLED:
        return "ReservoirPy is not installed: its rows are left out."
    return f"ReservoirPy {importlib.metadata.version('reservoirpy')}: {what}."


def node_of(reservoir: EchoState, n_inputs: int | None = None) -> Any:
    """Return ReservoirPy's node with the weights of a fitted reservoir of ours.

    Inputs beyond ``n_inputs`` are always 1: their weights belong to the bias.
    """
    from reservoirpy import nodes

    inputs = reservoir.input_weights_
    constant = inputs[:, inputs.shape[1] if n_inputs is None else n_inputs :]
    weights = {
        "W": _array(reservoir.recurrent_weights_),
        "Win": _array(inputs[:, :n_inputs]),
        "bias": reservoir.bias_ + np.asarray(constant.sum(axis=1)),
        "activation": reservoir.activation,
    }
    if isinstance(reservoir, ES2N):
        return nodes.ES2N(O=_array(reservoir.rotation_), proximity=reservoir.proximity, **weights)
    return nodes.Reservoir(lr=reservoir.leak_rate, **weights)


def _array(matrix: Any) -> Any:
    full = matrix.toarray() if hasattr(matrix, "toarray") else matrix
    return sp.csr_matrix(full) if np.count_nonzero(full) < _SPARSE * full.size else full


def learned(
    nodes: Sequence[Any],
    X: np.ndarray,
    y: np.ndarray,
    *,
    alpha: float,
    washout: int,
    intercept: bool = True,
    input_skip: bool = False,
) -> Any:
    """Return a model of ReservoirPy: ``Ridge`` on the states of nodes side by side and, if asked for, the inputs."""
    from reservoirpy.nodes import Input, Ridge

    source, readout = Input(), Ridge(ridge=alpha, fit_bias=intercept)
    model = source >> list(nodes) >> readout
    if input_skip:
        model = model & (source >> readout)
    with warnings.catch_warnings():  # of sums that are nearly singular: the figures tell
        warnings.simplefilter("ignore", LinAlgWarning)
        model.fit(X, y, warmup=washout)
    return model


class FreeRun:
    """A learned model of ReservoirPy in the place of a closed loop, for ``valid_prediction_times``.

    Parameters
    ----------
    model : Model
        It maps a step to the next one, in standard units.
    centre, scale : ndarray of shape (n_outputs,)
        The data are ``centre + scale * output``.
    """

    def __init__(self, model: Any, centre: np.ndarray, scale: np.ndarray):
        self.model = model
        self.centre = centre
        self.scale = scale

    def closed_loop(self) -> "FreeRun":
        """Return itself."""
        return self

    def synchronise(self, context: np.ndarray) -> np.ndarray:
        """Read a series from rest; return the forecast of its next step, in standard units."""
        self.model.reset()
        return self.model.run((context - self.centre) / self.scale)[-1]

    def run(self, n_steps: int, point: np.ndarray) -> np.ndarray:
        """Run free from the forecast of the first step: (n_steps, n_outputs), in units of the data."""
        rows = np.empty((n_steps, len(point)))
        rows[0] = point
        with np.errstate(over="ignore", invalid="ignore"):
            for i in range(1, n_steps):
                rows[i] = self.model(rows[i - 1])
            return self.centre + self.scale * rows
