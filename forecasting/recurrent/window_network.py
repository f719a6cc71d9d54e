r"""The network behind `RecurrentForecaster`: a recurrent stack reads a window, an output layer says what follows.

With ``z`` the values of a window in its own units, ``x`` exogenous variables and ``h`` what the stack puts out,

====================  ===================================================================================
strategy              forecast of step ``k`` ahead
====================  ===================================================================================
``recursive``         ``h`` after reading ``[z(t+k-1), x(t+k)]``, one step after the other
``direct``            the newest ``h``, which has read ``[z(t), x(t)]``, through weights of its own
``segments``          one further step of the stack for each segment ahead, all from the newest state, with the
                      segment's learned position as input [1]_
====================  ===================================================================================

then ``raw = h W + b + x(t+k) V`` (the last term for the latter two), which a head reads. Direct reading and
``segments`` may read a window in pieces: ``segment_length`` steps make one step of the stack, through a layer
``relu(s P + p)`` if there is a projection. A linear skip adds ``z S``, an autoregression of the whole window [2]_,
which the network learns, or which is known before.

.. [1] Lin et al. (2023), SegRNN: segment recurrent neural network for long-term time series forecasting.
.. [2] Lai et al. (2018), Modeling long- and short-term temporal patterns with deep neural networks.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from forecasting.networks.parameters import mapped
from forecasting.recurrent.windows import WindowBatch, WindowScale


class LinearLayer(NamedTuple):
    """A linear layer ``x @ weights + bias``.

    Parameters
    ----------
    weights : ndarray of shape (n_inputs, n_outputs)
    bias : ndarray of shape (n_outputs,)
    """

    weights: np.ndarray
    bias: np.ndarray


class Parameters(NamedTuple):
    """What the network learns; parts that it lacks are empty tuples.

    Parameters
    ----------
    stack : nested tuple of arrays
    output : LinearLayer
        Of shape (n_units, steps of one output * n_outputs).
    projection : LinearLayer or ()
        Of shape (segment_length * (n_targets + n_exog), projection).
    positions : ndarray of shape (n_segments_ahead, width of the stack's input) or ()
    future : ndarray of shape (n_exog, n_outputs) or ()
    skip : ndarray of shape (window * n_targets, horizon * n_outputs) or ()
    """

    stack: Any
    output: LinearLayer
    projection: Any = ()
    positions: Any = ()
    future: Any = ()
    skip: Any = ()


class Network(NamedTuple):
    """The shape of a network.

    Parameters
    ----------
    stack : Stack
    head : Head
    strategy : {"recursive", "direct", "segments"}
    window, horizon, segment_length : int
    projection : int
        0 for none.
    linear_skip : bool or "ridge"
        What "ridge" adds comes with a batch, as its offset.
    dropout : float
        Of what the output layer reads, in training.
    n_targets, n_exog : int
    """

    stack: Any
    head: Any
    strategy: str
    window: int
    horizon: int
    segment_length: int
    projection: int
    linear_skip: Any
    dropout: float
    n_targets: int
    n_exog: int

    @property
    def n_ahead(self) -> int:
        """Segments from the origin to the horizon."""
        return -(-self.horizon // self.segment_length)

    @property
    def n_outputs(self) -> int:
        """Raw numbers of one step."""
        return self.head.n_outputs(self.n_targets)

    def init_params(self, rng: np.random.Generator, dtype: Any = np.float32) -> Parameters:
        """Draw parameters: linear layers uniform within ``1 / sqrt(n_inputs)``, what is added to them 0."""
        width = self.segment_length * (self.n_targets + self.n_exog)
        steps = {"recursive": 1, "direct": self.horizon, "segments": self.segment_length}[self.strategy]
        projection = _dense(width, self.projection, rng, dtype) if self.projection else ()
        width = self.projection or width
        ahead = self.strategy != "recursive"
        return Parameters(
            self.stack.init_params(width, rng, dtype),
            _dense(self.stack.n_units, steps * self.n_outputs, rng, dtype),
            projection,
            rng.uniform(-1, 1, (self.n_ahead, width)).astype(dtype) if self.strategy == "segments" else (),
            np.zeros((self.n_exog, self.n_outputs), dtype) if ahead and self.n_exog else (),
            np.zeros((self.window * self.n_targets, self.horizon * self.n_outputs), dtype)
            if self.linear_skip is True
            else (),
        )

    # ------------------------------------------------------------------ in pieces

    def read(self, params: Parameters, z: np.ndarray, exog: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return what the stack is given, (n_segments, n_windows, width), and what it was before the relu."""
        inputs = np.concatenate([z, exog], axis=2) if self.n_exog else z
        k = self.segment_length
        if k > 1:
            n_steps, n_windows, width = inputs.shape
            pieces = inputs.reshape(n_steps // k, k, n_windows, width).swapaxes(1, 2)
            inputs = pieces.reshape(n_steps // k, n_windows, k * width)
        if not self.projection:
            return inputs, None
        return np.maximum(inputs @ params.projection.weights + params.projection.bias, 0), inputs

    def ahead(self, params: Parameters, state: Any) -> tuple[np.ndarray, Any]:
        """Return the inputs of one step for every segment ahead, (1, n_ahead * n_windows, width), and states."""
        n_windows = len(_first(state))
        inputs = np.repeat(params.positions, n_windows, axis=0)[np.newaxis]
        return inputs, mapped(lambda part: np.tile(part, (self.n_ahead, 1)), state)

    def unfolded(self, out: np.ndarray, n_windows: int) -> np.ndarray:
        """Return the output layer's numbers as (horizon, n_windows, n_outputs); not for "recursive"."""
        if self.strategy == "direct":
            return out.reshape(n_windows, self.horizon, -1).swapaxes(0, 1)
        pieces = out.reshape(self.n_ahead, n_windows, self.segment_length, -1).swapaxes(1, 2)
        return pieces.reshape(self.n_ahead * self.segment_length, n_windows, -1)[: self.horizon]

    def folded(self, grad: np.ndarray, n_windows: int) -> np.ndarray:
        """Undo `unfolded`: (rows, n_outputs of the layer)."""
        if self.strategy == "direct":
            return grad.swapaxes(0, 1).reshape(n_windows, -1)
        n_steps = self.n_ahead * self.segment_length
        whole = np.zeros((n_steps, *grad.shape[1:]), grad.dtype)
        whole[: self.horizon] = grad
        pieces = whole.reshape(self.n_ahead, self.segment_length, n_windows, -1).swapaxes(1, 2)
        return pieces.reshape(self.n_ahead * n_windows, -1)

    def added(self, params: Parameters, past: np.ndarray, future_exog: np.ndarray) -> np.ndarray | float:
        """Return what is added to the output layer: exogenous variables of the own step, and the skip."""
        total: Any = 0.0
        if len(params.future):
            total = future_exog @ params.future
        if len(params.skip):
            flat = past.swapaxes(0, 1).reshape(past.shape[1], -1)
            total = total + (flat @ params.skip).reshape(len(flat), self.horizon, -1).swapaxes(0, 1)
        return total


class Scaled(NamedTuple):
    """A batch in the units of its windows.

    Parameters
    ----------
    past, past_exog, future, future_exog : ndarray
        As in `WindowBatch`; ``future`` is what the head is shown: in the same units, or counts as they are.
    fed : ndarray of shape (horizon, n_windows, n_targets)
        The future as the stack reads it.
    offset : ndarray of shape (n_windows, n_outputs) or (horizon, n_windows, n_outputs), or float
        What is added to the raw numbers.
    """

    past: np.ndarray
    past_exog: np.ndarray
    future: np.ndarray
    future_exog: np.ndarray
    fed: np.ndarray
    offset: Any


def scaled(batch: WindowBatch, units: WindowScale, head: Any, dtype: Any) -> Scaled:
    """Bring a batch into the units of its windows and into the type of the parameters.

    Counts stay counts; the logarithm of their window's scale is added to that of the mean [1]_.

    .. [1] Salinas et al. (2020), DeepAR: probabilistic forecasting with autoregressive recurrent networks.
    """
    past, fed = (units.standard(values).astype(dtype) for values in (batch.past, batch.future))
    exog = (batch.past_exog.astype(dtype), batch.future_exog.astype(dtype))
    if not head.counts:
        return Scaled(past, exog[0], fed, exog[1], fed, dtype(0.0))
    offset = np.zeros((*units.scale.shape, head.n_parameters), dtype)
    offset[..., 0] = np.log(units.scale)
    return Scaled(past, exog[0], batch.future.astype(dtype), exog[1], fed, offset.reshape(len(offset), -1))


def loss_and_grad(
    network: Network, params: Parameters, batch: Scaled, rng: np.random.Generator | None = None
) -> tuple[float, Parameters]:
    """Return the loss of a batch and its gradient.

    Parameters
    ----------
    network : Network
    params : Parameters
    batch : Scaled
        Its ``fed`` values are what a recursive network reads after the origin.
    rng : numpy.random.Generator, optional
        Draws what is dropped; nothing is without it.

    Returns
    -------
    loss : float
    grads : Parameters
    """
    return (_recursive if network.strategy == "recursive" else _at_once)(network, params, batch, rng)


def _recursive(network, params, batch, rng):
    z = np.concatenate([batch.past, batch.fed[:-1]])
    exog = np.concatenate([batch.past_exog[1:], batch.future_exog])
    counted = slice(network.window - 1, None)
    return teacher_forced(network, params, z, exog, counted, batch.future, batch.offset, rng)[:2]


def teacher_forced(
    network: Network,
    params: Parameters,
    z: np.ndarray,
    exog: np.ndarray,
    counted: Any,
    targets: np.ndarray,
    offset: Any,
    rng: np.random.Generator | None = None,
    state: Any = None,
) -> tuple[float, Parameters, Any]:
    """Return the loss of forecasts one step ahead, its gradient, and the state after the last step.

    Parameters
    ----------
    network : Network
    params : Parameters
    z, exog : ndarray of shape (n_steps, n_windows, n_targets) and (n_steps, n_windows, n_exog)
        What is read: values, and exogenous variables of the step after each.
    counted : slice or ndarray of bool, shape (n_steps, n_windows)
        The steps whose forecast counts.
    targets : ndarray
        What follows them, as indexing with ``counted`` gives it.
    offset : ndarray or float
        As in `Scaled`; with an array ``counted`` one row for each counted step.
    rng : numpy.random.Generator, optional
    state : nested tuple of arrays, optional
        Before the first step; no gradient goes beyond it. Default: at rest.
    """
    inputs, before = network.read(params, z, exog)
    tape = network.stack.forward(params.stack, inputs, state, rng)
    seen, mask = _dropped(tape.states[counted], network.dropout, rng)
    raw = seen @ params.output.weights + params.output.bias + offset
    loss, grad_raw = network.head.loss_and_grad(raw, targets)
    rows = seen.reshape(-1, seen.shape[-1])
    output, grad_seen = _dense_grad(params.output, rows, grad_raw.reshape(len(rows), -1))
    grad_states = np.zeros_like(tape.states)
    grad_states[counted] = grad_seen.reshape(seen.shape) * mask
    stack, grad_inputs, _ = network.stack.backward(
        params.stack, inputs, tape, grad_states, input_gradient=bool(network.projection)
    )
    projection = _projection_grad(network, params, inputs, before, grad_inputs)
    return loss, Parameters(stack, output, projection), tape.final_state


def _at_once(network, params, batch, rng):
    n_windows = batch.past.shape[1]
    inputs, before = network.read(params, batch.past, batch.past_exog)
    tape = network.stack.forward(params.stack, inputs, rng=rng)
    segments = network.strategy == "segments"
    if segments:
        ahead, state = network.ahead(params, tape.final_state)
        decoder = network.stack.forward(params.stack, ahead, state, rng)
    seen, mask = _dropped((decoder if segments else tape).states[-1], network.dropout, rng)
    out = seen @ params.output.weights + params.output.bias
    raw = network.unfolded(out, n_windows) + network.added(params, batch.past, batch.future_exog)
    loss, grad_raw = network.head.loss_and_grad(raw + batch.offset, batch.future)

    output, grad_seen = _dense_grad(params.output, seen, network.folded(grad_raw, n_windows))
    grad_seen *= mask
    positions, decoding, grad_states = (), None, None
    if segments:
        decoding, grad_ahead, grad_state = network.stack.backward(
            params.stack, ahead, decoder, grad_seen[np.newaxis]
        )
        positions = grad_ahead.reshape(network.n_ahead, n_windows, -1).sum(axis=1)
        grad_state = mapped(lambda part: part.reshape(network.n_ahead, n_windows, -1).sum(axis=0), grad_state)
    else:
        grad_states, grad_state = _in_last(network.stack, tape, grad_seen)
    stack, grad_inputs, _ = network.stack.backward(
        params.stack, inputs, tape, grad_states, grad_state, input_gradient=bool(network.projection)
    )
    if segments:
        stack = _sum(stack, decoding)
    projection = _projection_grad(network, params, inputs, before, grad_inputs)
    return loss, Parameters(
        stack, output, projection, positions, *_added_grad(network, params, batch, grad_raw)
    )


def _in_last(stack, tape, grad):
    """From the gradient in the last output to those in all outputs and in the final state.

    In the latter, which spares a block of zeros, unless the output is a sum of layers.
    """
    if stack.residual and stack.n_layers > 1:
        grad_states = np.zeros_like(tape.states)
        grad_states[-1] = grad
        return grad_states, None
    *below, top = stack.zero_state(len(grad), grad.dtype)
    return None, (*below, type(top)(grad, *top[1:]))


def predict_raw(network: Network, params: Parameters, batch: Scaled) -> np.ndarray:
    """Return raw numbers of all steps up to the horizon at once, (horizon, n_windows, n_outputs).

    For the strategies that do not feed forecasts back.
    """
    inputs, _ = network.read(params, batch.past, batch.past_exog)
    states, state = network.stack.run(params.stack, inputs)
    seen = states[-1]
    if network.strategy == "segments":
        seen = network.stack.forward(params.stack, *network.ahead(params, state)).states[-1]
    raw = network.unfolded(seen @ params.output.weights + params.output.bias, batch.past.shape[1])
    return raw + network.added(params, batch.past, batch.future_exog) + batch.offset


def run_free(
    network: Network, params: Parameters, batch: Scaled, feed: Any, n_steps: int
) -> list[np.ndarray]:
    """Let a recursive network go on from its own forecasts.

    Parameters
    ----------
    network : Network
    params : Parameters
    batch : Scaled
        Exogenous variables of its future are needed for all steps; its future values are not read.
    feed : callable
        ``feed(raw, step)``: from raw numbers (n_windows, n_outputs) to what is read next, (n_windows, n_targets).
    n_steps : int

    Returns
    -------
    list of ndarray of shape (n_windows, n_outputs)
        The raw numbers of every step.
    """
    exog = np.concatenate([batch.past_exog[1:], batch.future_exog[:n_steps]])
    n_read = len(batch.past)
    inputs, _ = network.read(params, batch.past, exog[:n_read])
    states, state = network.stack.run(params.stack, inputs)
    seen, raws = states[-1], []
    for step in range(n_steps):
        raws.append(seen @ params.output.weights + params.output.bias + batch.offset)
        if step + 1 < n_steps:
            z = feed(raws[-1], step).astype(inputs.dtype, copy=False)
            inputs, _ = network.read(params, z[np.newaxis], exog[n_read + step : n_read + step + 1])
            seen, state = network.stack.step(params.stack, inputs[0], state)
    return raws


# ---------------------------------------------------------------------------------------------------- layers


def _dense(n_inputs, n_outputs, rng, dtype):
    bound = n_inputs**-0.5
    weights = rng.uniform(-bound, bound, (n_inputs, n_outputs)).astype(dtype)
    return LinearLayer(weights, np.zeros(n_outputs, dtype))


def _dense_grad(layer, inputs, grad):
    return LinearLayer(inputs.T @ grad, grad.sum(axis=0)), grad @ layer.weights.T


def _projection_grad(network, params, inputs, before, grad_inputs):
    if not network.projection:
        return ()
    grad = (grad_inputs * (inputs > 0)).reshape(-1, inputs.shape[2])
    return _dense_grad(params.projection, before.reshape(-1, before.shape[2]), grad)[0]


def _added_grad(network, params, batch, grad_raw):
    future, skip = (), ()
    if len(params.future):
        future = batch.future_exog.reshape(-1, network.n_exog).T @ grad_raw.reshape(-1, grad_raw.shape[2])
    if len(params.skip):
        n_windows = grad_raw.shape[1]
        flat = batch.past.swapaxes(0, 1).reshape(n_windows, -1)
        skip = flat.T @ grad_raw.swapaxes(0, 1).reshape(n_windows, -1)
    return future, skip


def _dropped(seen, rate, rng):
    """Return what is left after dropout, and the mask that did it: 1 where nothing is dropped."""
    if rng is None or rate == 0:
        return seen, seen.dtype.type(1)
    mask = (rng.random(seen.shape, dtype=np.float32) >= rate).astype(seen.dtype) / seen.dtype.type(1 - rate)
    return seen * mask, mask


def _sum(one, other):
    if isinstance(one, tuple):
        parts = [_sum(a, b) for a, b in zip(one, other)]
        return type(one)(*parts) if hasattr(one, "_fields") else tuple(parts)
    return one + other


def _first(tree):
    return _first(tree[0]) if isinstance(tree, tuple) else tree
