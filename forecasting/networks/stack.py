"""Stack: recurrent layers one upon the other, with the contract of a cell.

.. math:: y_l = \\mathrm{cell}_l(\\mathrm{dropout}(y_{l-1})) \\; (+ \\; y_{l-1} \\text{, if residual and } l > 1)

Dropout acts between layers alone, never along time (Zaremba, Sutskever and Vinyals 2014), and keeps expectations:
what stays is divided by its probability to stay.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from forecasting.networks.cells import Cell


class StackTape(NamedTuple):
    """What a forward run of a `Stack` leaves behind.

    Attributes
    ----------
    states : array (n_steps, n_series, n_units)
        Outputs of the last layer.
    final_state : tuple of NamedTuples
        State of every layer after the last step.
    tapes : tuple of Tapes
        One per layer.
    inputs : tuple of arrays
        What each layer heard.
    masks : tuple of arrays
        Factors of dropout before the second, third, ... layer; empty without dropout.
    """

    states: np.ndarray
    final_state: tuple
    tapes: tuple
    inputs: tuple
    masks: tuple


class Stack(BaseEstimator):
    """Layers of one kind of cell, with the methods of a cell.

    Parameters, states and gradients are tuples of those of the layers.

    Parameters
    ----------
    cell : Cell
        The layer.
    n_layers : int, default=1
    dropout : float, default=0.0
        Part of what passes from layer to layer that is set to 0, in ``forward`` with ``rng``.
    residual : bool, default=False
        Add what a layer hears to what it says, from the second layer on.

    Examples
    --------
    >>> from forecasting.networks.cells import GRU
    >>> stack = Stack(GRU(8), n_layers=2)
    >>> params = stack.init_params(3, np.random.default_rng(0))
    >>> tape = stack.forward(params, np.ones((5, 4, 3), np.float32))
    >>> tape.states.shape, len(tape.final_state)
    ((5, 4, 8), 2)
    """

    _parameter_constraints: ClassVar[dict] = {
        "cell": [Cell],
        "n_layers": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "residual": ["boolean"],
    }

    def __init__(self, cell, n_layers=1, *, dropout=0.0, residual=False):
        self.cell = cell
        self.n_layers = n_layers
        self.dropout = dropout
        self.residual = residual

    @property
    def n_units(self) -> int:
        """Width of the output."""
        return self.cell.n_units

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> tuple:
        """Draw the parameters of all layers.

        Parameters
        ----------
        n_features, rng, dtype
            As for `Cell.init_params`.

        Returns
        -------
        tuple of NamedTuples
        """
        self._validate_params()
        widths = [n_features] + [self.n_units] * (self.n_layers - 1)
        return tuple(self.cell.init_params(width, rng, dtype) for width in widths)

    def zero_state(self, n_series: int, dtype: Any = np.float32) -> tuple:
        """Return the state at rest of all layers.

        Parameters
        ----------
        n_series, dtype
            As for `Cell.zero_state`.

        Returns
        -------
        tuple of NamedTuples
        """
        return tuple(self.cell.zero_state(n_series, dtype) for _ in range(self.n_layers))

    def forward(
        self, params: tuple, x: np.ndarray, state: tuple | None = None, rng: np.random.Generator | None = None
    ) -> StackTape:
        """Run all layers and keep what `backward` needs.

        Parameters
        ----------
        params, x, state
            As for `Cell.forward`; ``params`` and ``state`` one per layer.
        rng : numpy.random.Generator, optional
            Draws what is dropped; without it nothing is.

        Returns
        -------
        StackTape
        """
        tapes, inputs, masks = [], [], []
        y = x
        for layer, weights in enumerate(params):
            heard = y
            if layer and rng is not None and self.dropout > 0:
                masks.append(self._draw_mask(y, rng))
                heard = y * masks[-1]
            tapes.append(self.cell.forward(weights, heard, None if state is None else state[layer]))
            inputs.append(heard)
            y = tapes[-1].states + y if layer and self.residual else tapes[-1].states
        return StackTape(
            y, tuple(tape.final_state for tape in tapes), tuple(tapes), tuple(inputs), tuple(masks)
        )

    def backward(
        self,
        params: tuple,
        x: np.ndarray,
        tape: StackTape,
        grad_states: np.ndarray | None,
        grad_final_state: tuple | None = None,
        *,
        input_gradient: bool = True,
    ) -> tuple[tuple, Any, tuple]:
        """Propagate gradients of a loss back through layers and time.

        Parameters
        ----------
        params, x, tape, grad_states, grad_final_state, input_gradient
            As for `Cell.backward`.

        Returns
        -------
        grads : tuple of NamedTuples
        grad_x : array of shape (n_steps, n_series, n_features) or None
        grad_state : tuple of NamedTuples
        """
        grads: list = [None] * len(params)
        grad_state: list = [None] * len(params)
        grad: Any = grad_states
        for layer in reversed(range(len(params))):
            final = None if grad_final_state is None else grad_final_state[layer]
            arguments = params[layer], tape.inputs[layer], tape.tapes[layer], grad, final
            wanted = layer > 0 or input_gradient
            grads[layer], grad_heard, grad_state[layer] = self.cell.backward(
                *arguments, input_gradient=wanted
            )
            if layer and tape.masks:
                grad_heard *= tape.masks[layer - 1]
            grad = grad_heard + grad if layer and self.residual and grad is not None else grad_heard
        return tuple(grads), grad, tuple(grad_state)

    def run(self, params: tuple, x: np.ndarray, state: tuple | None = None) -> tuple[np.ndarray, tuple]:
        """Return the outputs and the final state alone, in the memory of a few steps and without dropout.

        Parameters
        ----------
        params, x, state
            As for `forward`.

        Returns
        -------
        states : array of shape (n_steps, n_series, n_units)
        final_state : tuple of NamedTuples
        """
        finals = []
        y = x
        for layer, weights in enumerate(params):
            states, final = self.cell.run(weights, y, None if state is None else state[layer])
            y = states + y if layer and self.residual else states
            finals.append(final)
        return y, tuple(finals)

    def step(self, params: tuple, x: np.ndarray, state: tuple | None = None) -> tuple[np.ndarray, tuple]:
        """Go one step, without dropout.

        Parameters
        ----------
        params, state
            As for `forward`.
        x : array of shape (n_series, n_features)

        Returns
        -------
        output : array of shape (n_series, n_units)
        state : tuple of NamedTuples
        """
        states, final = self.run(params, x[np.newaxis], state)
        return states[0], final

    def _draw_mask(self, y: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        kept = rng.random(y.shape, dtype=np.float32) >= self.dropout
        return kept.astype(y.dtype) / y.dtype.type(1 - self.dropout)
