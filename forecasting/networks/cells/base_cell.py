"""The contract of a cell: hyper-parameters, and a recurrence that can be run forward and backward.

A concrete cell is one file: the equations, the NamedTuple of its parameters, the compiled loops, and a class that
names ``n_units`` among its hyper-parameters and implements three hooks over contiguous arrays of one precision:

=================================================  ============================================================
hook                                               does
=================================================  ============================================================
``init_params(n_features, rng, dtype)``            draws the parameters
``_forward(params, x, state)``                     runs the recurrence; returns a `Tape`
``_backward(params, x, tape, grad_states,          runs it back; returns ``(grads, grad_state)`` and fills
carry, grad_x)``                                   ``grad_x``; that and ``grad_states`` may be of no steps: nobody
                                                   asks for it, or there is none. ``carry``, the gradient in the
                                                   final state, is its own and can become ``grad_state``
=================================================  ============================================================

A cell whose compiled loop forward is called ``kernel(params, x, *memory, *constants)``, with the arrays of its tape's
memory and with what ``kernel_constants(params)`` returns, names it as ``kernel``: then networks of it also run step
by step in compiled loops (`forecasting.sequence_models.layers.compiled_steps`), writing, drawing, fed back.

Arrays are time-major: ``x`` (n_steps, n_series, n_features), states (n_steps, n_series, n_units).
"""

from __future__ import annotations

from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.base import BaseEstimator

from forecasting.networks.parameters import mapped

PIECE = 64  # steps that are run at once where nothing has to be remembered


class Output(NamedTuple):
    """State of a cell that remembers its last output alone.

    Parameters
    ----------
    output : array (n_series, n_units)
    """

    output: np.ndarray


class Tape(NamedTuple):
    """What a forward run leaves behind for the backward run.

    Parameters
    ----------
    states : array (n_steps, n_series, n_units)
        The outputs.
    final_state : NamedTuple of arrays (n_series, n_units)
        State after the last step; its first field is the last output.
    memory : tuple of arrays
        What the cell needs besides.
    """

    states: np.ndarray
    final_state: Any
    memory: tuple


def readable(array: Any, dtype: Any) -> np.ndarray:
    """Return an array as kernels know all of theirs, contiguous and writeable; itself if it is that already.

    Parameters
    ----------
    array : array-like
    dtype : dtype

    Returns
    -------
    ndarray
    """
    if isinstance(array, np.ndarray) and array.dtype == dtype and array.flags.carray:
        return array
    return np.require(array, dtype, ["C", "W"])


def zeros_of(params: Any) -> Any:
    """Return a gradient to be added to: zeros in the shapes of parameters, faster than NumPy's ``zeros_like``.

    Parameters
    ----------
    params : NamedTuple of arrays

    Returns
    -------
    NamedTuple of arrays
    """
    return type(params)(*[np.zeros(part.shape, part.dtype) for part in params])


class Cell(BaseEstimator):
    """Base of all cells; holds hyper-parameters only, and is never fitted."""

    State: ClassVar[Any] = Output
    kernel: ClassVar[Any] = None
    n_units: int

    def init_params(self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32) -> Any:
        """Draw parameters.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        NamedTuple of arrays
        """
        raise NotImplementedError

    def zero_state(self, n_series: int, dtype: Any = np.float32) -> Any:
        """Return the state at rest, before the first step.

        Parameters
        ----------
        n_series : int
        dtype : dtype, default=numpy.float32

        Returns
        -------
        NamedTuple of arrays (n_series, n_units)
        """
        return self.State(*np.zeros((len(self.State._fields), n_series, self.n_units), dtype))

    def forward(self, params: Any, x: np.ndarray, state: Any = None) -> Any:
        """Run the recurrence and keep what `backward` needs.

        Parameters
        ----------
        params : NamedTuple of arrays
            As `init_params` returns them.
        x : array of shape (n_steps, n_series, n_features)
            Inputs, in the precision of the parameters.
        state : NamedTuple of arrays, optional
            State before the first step, for instance ``tape.final_state`` of the steps before; default: zeros.

        Returns
        -------
        Tape

        Raises
        ------
        ValueError
            If the shapes or the precision of inputs, state and parameters do not agree.
        """
        x = self._readable(x, params)
        return self._forward(params, x, self._state_for(x, state, "state"))

    def backward(
        self,
        params: Any,
        x: np.ndarray,
        tape: Any,
        grad_states: np.ndarray | None,
        grad_final_state: Any = None,
        *,
        input_gradient: bool = True,
    ) -> tuple[Any, Any, Any]:
        """Propagate gradients of a loss back through time.

        Parameters
        ----------
        params, x
            As they were given to `forward`.
        tape : Tape
            What `forward` returned.
        grad_states : array of shape (n_steps, n_series, n_units) or None
            Gradient of the loss in ``tape.states``; None stands for zeros.
        grad_final_state : NamedTuple of arrays, optional
            Gradient in ``tape.final_state``, beyond what its output contributes to ``tape.states``.
        input_gradient : bool, default=True
            Whether to return ``grad_x``; nobody asks for it where ``x`` are data.

        Returns
        -------
        grads : NamedTuple of arrays
            Gradient in the parameters, of their type.
        grad_x : array of shape (n_steps, n_series, n_features) or None
        grad_state : NamedTuple of arrays
            Gradient in the state before the first step.
        """
        x = self._readable(x, params)
        if grad_states is None:
            grad_states = np.empty((0, *tape.states.shape[1:]), x.dtype)
        else:
            grad_states = readable(grad_states, x.dtype)
            if grad_states.shape != tape.states.shape:
                raise ValueError(
                    f"grad_states must be of shape {tape.states.shape}; got {grad_states.shape}."
                )
        carry = self._state_for(x, grad_final_state, "grad_final_state")
        if grad_final_state is not None:
            carry = mapped(np.copy, carry)
        grad_x = np.empty((len(x) if input_gradient else 0, *x.shape[1:]), x.dtype)
        grads, grad_state = self._backward(params, x, tape, grad_states, carry, grad_x)
        return grads, grad_x if input_gradient else None, grad_state

    def run(self, params: Any, x: np.ndarray, state: Any = None) -> tuple[np.ndarray, Any]:
        """Return the outputs and the final state alone: `forward` in the memory of a few steps.

        Parameters
        ----------
        params, x, state
            As for `forward`.

        Returns
        -------
        states : array of shape (n_steps, n_series, n_units)
        final_state : NamedTuple of arrays
        """
        if len(x) <= PIECE:
            tape = self.forward(params, x, state)
            return tape.states, tape.final_state
        states = np.empty((*x.shape[:2], self.n_units), x.dtype)
        for start in range(0, len(x), PIECE):
            tape = self.forward(params, x[start : start + PIECE], state)
            states[start : start + PIECE] = tape.states
            state = tape.final_state
        return states, state

    def step(self, params: Any, x: np.ndarray, state: Any = None) -> tuple[np.ndarray, Any]:
        """Go one step.

        Parameters
        ----------
        params, state
            As for `forward`.
        x : array of shape (n_series, n_features)

        Returns
        -------
        output : array of shape (n_series, n_units)
        state : NamedTuple of arrays
        """
        tape = self.forward(params, x[np.newaxis], state)
        return tape.states[0], tape.final_state

    def gates(self, tape: Any) -> dict[str, np.ndarray]:
        """Return what stands behind the outputs of a run, by name.

        Parameters
        ----------
        tape : Tape
            What `forward` returned.

        Returns
        -------
        dict of str to array of shape (n_steps, n_series, n_units)
            Views of the tape; nothing for an RNN.
        """
        return self._gates(tape)

    def _gates(self, tape: Any) -> dict[str, np.ndarray]:
        return {}

    def kernel_constants(self, params: Any) -> tuple:
        """Return the arguments of the compiled step that do not change from step to step.

        Parameters
        ----------
        params : NamedTuple
            Parameters of the cell.

        Returns
        -------
        tuple
        """
        return ()

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Any:
        raise NotImplementedError

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        raise NotImplementedError

    def _readable(self, x: np.ndarray, params: Any) -> np.ndarray:
        """Return inputs as the kernels want them: contiguous, and writeable as everything they know."""
        weights = params.input_weights
        if x.ndim != 3 or x.shape[2] != weights.shape[0] or len(x) == 0 or x.dtype != weights.dtype:
            raise ValueError(
                f"x must be {weights.dtype} of shape (n_steps, n_series, {weights.shape[0]}), with at least one "
                f"step, for these parameters; got {x.dtype} of shape {x.shape}."
            )
        return readable(x, x.dtype)

    def _state_for(self, x: np.ndarray, state: Any, name: str) -> Any:
        """Return a state that belongs to some inputs: zeros for None, what was given once it fits."""
        shape = (x.shape[1], self.n_units)
        if state is None:
            return self.zero_state(x.shape[1], x.dtype)
        if not isinstance(state, self.State) or any(part.shape != shape for part in state):
            raise ValueError(
                f"{name} must be a {self.State.__name__} of arrays of shape {shape}; got {type(state).__name__} of "
                f"{[np.shape(part) for part in state]}."
            )
        return self.State(*(readable(part, x.dtype) for part in state))
