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
from scipy.special import expit
from sklearn.utils._param_validation import Interval

from forecasting.networks.cells.base import Cell, Tape
from forecasting.networks.initialisation import glorot_uniform


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
            If a dilation is not positive, or there is none.
        """
        self._validate_params()
        if len(self.dilations) == 0 or min(self.dilations) < 1:
            raise ValueError(f"dilations={self.dilations!r} must be at least one, all of them 1 or more")
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
        u, skip = x @ params.input_weights + params.bias, x.dtype.type(0)
        tapes, pasts, c = [], [], self.n_channels
        for block, dilation, past in zip(params.blocks, self.dilations, state.pasts):
            whole = np.concatenate([_as_steps(past, c), u])
            taps = self._taps(whole, dilation, len(x))
            drive = taps @ block.filters + block.filter_bias
            filtered, gate = np.tanh(drive[..., :c]), expit(drive[..., c:])
            z = filtered * gate
            mixed = z @ block.mix + block.mix_bias
            tapes.append((taps, filtered, gate, z))
            pasts.append(_as_rows(whole[len(x) :]))
            u, skip = u + mixed[..., :c], skip + mixed[..., c:]
        rectified = np.maximum(skip, 0)
        y = np.maximum(rectified @ params.output_weights + params.output_bias, 0)
        return Tape(y, WaveNetState(y[-1].copy(), tuple(pasts)), (tapes, rectified))

    def _backward(
        self, params: Any, x: np.ndarray, tape: Any, grad_states: np.ndarray, grad_state: Any
    ) -> Any:
        tapes, rectified = tape.memory
        positive = tape.states > 0
        grad_y = grad_states * positive
        grad_y[-1] += grad_state.output * positive[-1]
        output_weights, output_bias = _linear_grad(rectified, grad_y)
        grad_skip = (grad_y @ params.output_weights.T) * (rectified > 0)
        grad_u = np.zeros((*x.shape[:2], self.n_channels), x.dtype)
        blocks, pasts = [], []
        layers = list(zip(params.blocks, self.dilations, tapes, grad_state.pasts))
        for block, dilation, memory, grad_past in layers[::-1]:
            own, grad_u, grad_past = self._block_backward(
                block, dilation, memory, grad_past, grad_u, grad_skip
            )
            blocks.append(own)
            pasts.append(grad_past)
        weights, bias = _linear_grad(x, grad_u)
        grads = WaveNetParams(weights, bias, tuple(blocks[::-1]), output_weights, output_bias)
        before = WaveNetState(np.zeros_like(tape.states[-1]), tuple(pasts[::-1]))
        return grads, grad_u @ params.input_weights.T, before

    def _block_backward(self, block, dilation, memory, grad_past, grad_u, grad_skip):
        """From the gradients in what a block put out to those in its parameters, inputs and past."""
        taps, filtered, gate, z = memory
        grad_mixed = np.concatenate([grad_u, grad_skip], axis=2)
        mix = _linear_grad(z, grad_mixed)
        grad_z = grad_mixed @ block.mix.T
        in_filter, in_gate = grad_z * gate * (1 - filtered**2), grad_z * filtered * gate * (1 - gate)
        grad_drive = np.concatenate([in_filter, in_gate], axis=2)
        filters = _linear_grad(taps, grad_drive)
        grad_taps = grad_drive @ block.filters.T
        c, n_steps = self.n_channels, len(taps)
        n_past = (self.kernel_size - 1) * dilation
        grad_whole = np.zeros((n_past + n_steps, taps.shape[1], c), taps.dtype)
        grad_whole[n_steps:] = _as_steps(grad_past, c)
        for k in range(self.kernel_size):
            grad_whole[k * dilation : k * dilation + n_steps] += grad_taps[..., k * c : (k + 1) * c]
        return Block(*filters, *mix), grad_u + grad_whole[n_past:], _as_rows(grad_whole[:n_past])

    def _taps(self, whole, dilation, n_steps):
        """What the taps of a filter see, side by side."""
        shifts = range(0, self.kernel_size * dilation, dilation)
        return np.concatenate([whole[shift : shift + n_steps] for shift in shifts], axis=2)

    def _sizes(self):
        return [(self.kernel_size - 1) * dilation * self.n_channels for dilation in self.dilations]

    def _state_for(self, x: np.ndarray, state: Any, name: str) -> Any:
        if state is None:
            return self.zero_state(x.shape[1], x.dtype)
        shapes = [(x.shape[1], size) for size in (self.n_units, *self._sizes())]
        if not isinstance(state, WaveNetState) or [p.shape for p in (state.output, *state.pasts)] != shapes:
            raise ValueError(f"{name} must be a WaveNetState of arrays of shapes {shapes}; got {state!r}.")
        output, *pasts = (np.asarray(part, x.dtype) for part in (state.output, *state.pasts))
        return WaveNetState(output, tuple(pasts))


def _linear_grad(x, grad):
    rows, grads = x.reshape(-1, x.shape[2]), grad.reshape(-1, grad.shape[2])
    return rows.T @ grads, grads.sum(axis=0)


def _as_steps(past, n_channels):
    """(n_series, n_steps * n_channels) -> (n_steps, n_series, n_channels)."""
    return past.reshape(len(past), -1, n_channels).swapaxes(0, 1)


def _as_rows(steps):
    """Undo `_as_steps`."""
    return np.ascontiguousarray(steps.swapaxes(0, 1)).reshape(steps.shape[1], -1)
