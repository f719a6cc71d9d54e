r"""WaveNet: causal dilated convolutions with gates, residual and skip connections (van den Oord et al. 2016).

With ``u(0, t) = x(t) W + b`` and, for block l = 1, 2, ... of dilation :math:`d_l` and K taps,

.. math::

    z_l(t) &= \tanh\Big(\sum_{k<K} u_{l-1}(t - k d_l) F_{l,k} + f_l\Big)
        \odot \sigma\Big(\sum_{k<K} u_{l-1}(t - k d_l) G_{l,k} + g_l\Big) \\
    u_l(t) &= u_{l-1}(t) + z_l(t) R_l + r_l, \qquad s(t) = \sum_l z_l(t) S_l + s_l \\
    y(t) &= \mathrm{relu}\big(\mathrm{relu}(s(t)) O + o\big)

All steps are computed at once. The contract is that of a recurrent cell: the state is the part of the past that the
filters still need, so that one step more costs the same however long the past is (Paine et al. 2016, Fast WaveNet).
"""

from __future__ import annotations

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.networks.cells.base_cell import Cell, Tape, readable
from forecasting.networks.cells.time_chunks import steps_per_chunk
from forecasting.networks.cells.wave_net_kernels import block_backward, block_forward
from forecasting.networks.initialisation import glorot_uniform
from forecasting.networks.parameters import mapped


class Block(NamedTuple):
    """Parameters of one dilated layer.

    Attributes
    ----------
    filters : array (kernel_size * n_channels, 2 * n_channels)
        F and G side by side, the oldest tap first.
    filter_bias : array (2 * n_channels,)
    mix : array (n_channels, n_channels + n_units)
        R and S side by side.
    mix_bias : array (n_channels + n_units,)
    """

    filters: np.ndarray
    filter_bias: np.ndarray
    mix: np.ndarray
    mix_bias: np.ndarray


class WaveNetParams(NamedTuple):
    """Parameters of `WaveNet`.

    Attributes
    ----------
    input_weights : array (n_features, n_channels)
    bias : array (n_channels,)
    blocks : tuple of Block
    output_weights : array (n_units, n_units)
    output_bias : array (n_units,)
    """

    input_weights: np.ndarray
    bias: np.ndarray
    blocks: tuple
    output_weights: np.ndarray
    output_bias: np.ndarray


class WaveNetState(NamedTuple):
    """State of a WaveNet.

    Attributes
    ----------
    output : array (n_series, n_units)
    pasts : tuple of arrays (n_series, (kernel_size - 1) * dilation * n_channels)
        What each block still needs, the oldest step first.
    """

    output: np.ndarray
    pasts: tuple


class WaveNet(Cell):
    """A stack of causal dilated convolutions with the contract of a cell.

    Parameters
    ----------
    n_units : int, default=32
        Width of skip connections and output.
    n_channels : int, default=16
        Width of the residual path.
    kernel_size : int, default=2
        Taps of each filter.
    dilations : sequence of int, default=(1, 2, 4, 8, 16)
        One for each block. The output at a step sees ``1 + (kernel_size - 1) * sum(dilations)`` steps.

    Examples
    --------
    >>> cell = WaveNet(n_units=8, n_channels=4, dilations=(1, 2, 4))
    >>> params = cell.init_params(2, np.random.default_rng(0))
    >>> cell.forward(params, np.ones((20, 3, 2), np.float32)).states.shape
    (20, 3, 8)
    >>> cell.receptive_field
    8
    """

    State: ClassVar[Any] = WaveNetState

    _parameter_constraints: ClassVar[dict] = {
        "n_units": [Interval(Integral, 1, None, closed="left")],
        "n_channels": [Interval(Integral, 1, None, closed="left")],
        "kernel_size": [Interval(Integral, 2, None, closed="left")],
        "dilations": [tuple, list],
    }

    def __init__(self, n_units=32, *, n_channels=16, kernel_size=2, dilations=(1, 2, 4, 8, 16)):
        self.n_units = n_units
        self.n_channels = n_channels
        self.kernel_size = kernel_size
        self.dilations = dilations

    @property
    def receptive_field(self) -> int:
        """Steps that an output depends on, its own among them."""
        return 1 + (self.kernel_size - 1) * sum(self.dilations)

    def init_params(
        self, n_features: int, rng: np.random.Generator, dtype: Any = np.float32
    ) -> WaveNetParams:
        """Draw parameters: Glorot-uniform weights, no biases.

        Parameters
        ----------
        n_features : int
            Width of the input.
        rng : numpy.random.Generator
        dtype : dtype, default=numpy.float32

        Returns
        -------
        WaveNetParams

        Raises
        ------
        ValueError
            If a dilation is no whole number above 0, or there is none.
        """
        self._validate_params()
        whole = all(isinstance(dilation, Integral) for dilation in self.dilations)
        if not self.dilations or not whole or min(self.dilations) < 1:
            raise ValueError(
                f"dilations={self.dilations!r} must be at least one, all of them whole numbers of 1 or more"
            )
        c, u = self.n_channels, self.n_units

        def drawn(n_inputs: int, n_outputs: int) -> np.ndarray:
            return glorot_uniform(n_inputs, n_outputs, 1, rng).astype(dtype)

        blocks = tuple(
            Block(
                drawn(self.kernel_size * c, 2 * c),
                np.zeros(2 * c, dtype),
                drawn(c, c + u),
                np.zeros(c + u, dtype),
            )
            for _ in self.dilations
        )
        return WaveNetParams(
            drawn(n_features, c), np.zeros(c, dtype), blocks, drawn(u, u), np.zeros(u, dtype)
        )

    def zero_state(self, n_series: int, dtype: Any = np.float32) -> WaveNetState:
        """Return the state before the first step: every block remembers zeros.

        Parameters
        ----------
        n_series : int
        dtype : dtype, default=numpy.float32

        Returns
        -------
        WaveNetState
        """
        pasts = (np.zeros((n_series, n), dtype) for n in self._sizes())
        return WaveNetState(np.zeros((n_series, self.n_units), dtype), tuple(pasts))

    def _forward(self, params: Any, x: np.ndarray, state: Any) -> Tape:
        n_steps, n_series, _ = x.shape
        wholes = tuple(self._whole(past, n_steps) for past in state.pasts)
        wholes[0][-n_steps:] = _linear(x, params.input_weights, params.bias)
        gates = np.empty((len(wholes), n_steps * n_series, 2 * self.n_channels), x.dtype)
        skip = np.zeros((n_steps * n_series, self.n_units), x.dtype)
        unused = np.empty((n_steps * n_series, self.n_channels), x.dtype)
        rows = [_rows(whole) for whole in wholes]
        heard = [*(_rows(whole[-n_steps:]) for whole in wholes[1:]), unused]
        for first, last in self._pieces(n_steps, n_series):
            for block, own, opened, after in zip(params.blocks, rows, gates, heard):
                block_forward(block, own, opened, skip, after, first, last)
        np.maximum(skip, 0, out=skip)
        y = np.maximum(_linear(skip, params.output_weights, params.output_bias), 0)
        y = y.reshape(n_steps, n_series, -1)
        pasts = tuple(_as_rows(whole[n_steps:]) for whole in wholes)
        return Tape(y, WaveNetState(y[-1].copy(), pasts), (wholes, gates, skip))

    def _backward(self, params, x, tape, grad_states, carry, grad_x):
        (n_steps, n_series, _), (wholes, gates, skip) = x.shape, tape.memory
        grad_y = grad_states.copy() if grad_states.size else np.zeros_like(tape.states)
        grad_y[-1] += carry.output
        grad_y = _rows(grad_y * (tape.states > 0))
        grad_skip = (grad_y @ params.output_weights.T) * (skip > 0)
        grad_wholes = tuple(map(np.zeros_like, wholes))
        for whole, past in zip(grad_wholes, carry.pasts):
            whole[n_steps:] = as_steps(past, self.n_channels)
        grads = mapped(np.zeros_like, params)
        rows, grad_rows = [_rows(whole) for whole in wholes], [_rows(whole) for whole in grad_wholes]
        unused = np.zeros((n_steps * n_series, self.n_channels), x.dtype)
        grad_heard = [_rows(whole[-n_steps:]) for whole in grad_wholes] + [unused]
        for first, last in self._pieces(n_steps, n_series)[::-1]:
            for b in range(len(rows))[::-1]:
                own = params.blocks[b], grads.blocks[b], rows[b], gates[b]
                block_backward(*own, grad_rows[b], grad_heard[b + 1], grad_skip, first, last)
        weights, bias = _linear_grad(_rows(x), grad_heard[0])
        grads = WaveNetParams(weights, bias, grads.blocks, *_linear_grad(skip, grad_y))
        if grad_x.size:
            np.matmul(grad_heard[0], params.input_weights.T, out=_rows(grad_x))
        pasts = tuple(_as_rows(whole[: len(whole) - n_steps]) for whole in grad_wholes)
        return grads, WaveNetState(np.zeros_like(tape.states[-1]), pasts)

    def _pieces(self, n_steps, n_series):
        """Return the rows to run through all blocks at once: as many as stay in the cache."""
        size = steps_per_chunk(n_steps, n_series, 4 * self.n_channels + self.n_units) * n_series
        return [
            (first, min(first + size, n_steps * n_series)) for first in range(0, n_steps * n_series, size)
        ]

    def _whole(self, past, n_steps):
        """Return room for what a block hears, its past at the begin."""
        past = as_steps(past, self.n_channels)
        whole = np.empty((len(past) + n_steps, *past.shape[1:]), past.dtype)
        whole[: len(past)] = past
        return whole

    def _sizes(self):
        return [(self.kernel_size - 1) * dilation * self.n_channels for dilation in self.dilations]

    def _state_for(self, x: np.ndarray, state: Any, name: str) -> Any:
        if state is None:
            return self.zero_state(x.shape[1], x.dtype)
        shapes = [(x.shape[1], size) for size in (self.n_units, *self._sizes())]
        if not isinstance(state, WaveNetState) or [p.shape for p in (state.output, *state.pasts)] != shapes:
            raise ValueError(f"{name} must be a WaveNetState of arrays of shapes {shapes}; got {state!r}.")
        output, *pasts = (readable(part, x.dtype) for part in (state.output, *state.pasts))
        return WaveNetState(output, tuple(pasts))


def _rows(block):
    """(n_steps, n_series, width) -> (n_steps * n_series, width), without a copy if there is no need."""
    return block.reshape(-1, block.shape[2])


def _linear(x, weights, bias):
    return (x.reshape(-1, x.shape[-1]) @ weights + bias).reshape(*x.shape[:-1], -1)


def _linear_grad(rows, grads):
    return rows.T @ grads, grads.sum(axis=0)


def as_steps(past, n_channels):
    """(n_series, n_steps * n_channels) -> (n_steps, n_series, n_channels)."""
    return past.reshape(len(past), -1, n_channels).swapaxes(0, 1)


def _as_rows(steps):
    """Undo `as_steps`."""
    return np.ascontiguousarray(steps.swapaxes(0, 1)).reshape(steps.shape[1], -1)
