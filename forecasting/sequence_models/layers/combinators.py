"""Networks made of layers, without a new loop over time.

======================  ==================================================================================
combinator              does
======================  ==================================================================================
`Chain`                 one layer after the other
`SideBySide`            several layers hear the same; outputs joined or summed
`Reverse`               a layer that hears every series from its end
`Residual`              adds what a layer hears to what it says (He et al. 2016)
`Dilated`               a layer that jumps: step t follows step t - d (Chang et al. 2017)
`Dropout`               drops between layers in training (Srivastava et al. 2014)
`repeated`              a chain of copies: a deep network
`bidirectional`         a layer forwards beside its like backwards (Schuster and Paliwal 1997)
======================  ==================================================================================
"""

from __future__ import annotations

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import Interval, StrOptions

from forecasting.sequence_models.layers.base_layer import SIZE, Layer, Pass
from forecasting.sequence_models.layers.padding import reversed_in_time


class Chain(Layer):
    """Layers one after the other.

    Parameters
    ----------
    layers : sequence of Layer

    Examples
    --------
    >>> from forecasting.sequence_models.layers.base_layer import Dense
    >>> network = Chain([Dense(8, activation="tanh"), Dense(2)])
    >>> params = network.init_params(3, np.random.default_rng(0))
    >>> network.forward(params, np.ones((5, 4, 3), np.float32)).outputs.shape
    (5, 4, 2)
    """

    _parameter_constraints: ClassVar[dict] = {"layers": [list, tuple]}

    def __init__(self, layers):
        self.layers = layers

    def width(self, n_features):
        """Return the width of the last layer."""
        for layer in self.layers:
            n_features = layer.width(n_features)
        return n_features

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of every layer."""
        params = []
        for layer in self.layers:
            params.append(layer.init_params(n_features, rng, dtype))
            n_features = layer.width(n_features)
        return tuple(params)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        tapes = []
        for layer, own in zip(self.layers, params):
            x, tape = layer.forward(own, x, lengths, rng)
            tapes.append(tape)
        return Pass(x, tapes)

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        grads = []
        for layer, own, mine in zip(self.layers[::-1], params[::-1], tape[::-1]):
            own_grads, grad = layer.backward(own, mine, grad)
            grads.append(own_grads)
        return tuple(grads[::-1]), grad

    def start(self, params, n_series):
        """Return the state of every layer before the first step."""
        return tuple(layer.start(own, n_series) for layer, own in zip(self.layers, params))

    def step(self, params, x, state):
        """Go one step."""
        after = []
        for layer, own, before in zip(self.layers, params, state):
            x, new = layer.step(own, x, before)
            after.append(new)
        return x, tuple(after)

    def parts(self, params, n_features, n_series):
        """Return the parts of all layers."""
        parts = []
        for layer, own in zip(self.layers, params):
            parts += layer.parts(own, n_features, n_series)
            n_features = layer.width(n_features)
        return tuple(parts)


class SideBySide(Layer):
    """Layers that hear the same.

    Parameters
    ----------
    layers : sequence of Layer
    merge : {"concatenate", "sum"}, default="concatenate"
        What becomes of their outputs; a sum needs equal widths.

    Examples
    --------
    >>> from forecasting.sequence_models.layers.base_layer import Dense
    >>> SideBySide([Dense(8), Dense(2)]).width(3)
    10
    """

    _parameter_constraints: ClassVar[dict] = {
        "layers": [list, tuple],
        "merge": [StrOptions({"concatenate", "sum"})],
    }

    def __init__(self, layers, *, merge="concatenate"):
        self.layers = layers
        self.merge = merge

    def width(self, n_features):
        """Return the joint width."""
        widths = [layer.width(n_features) for layer in self.layers]
        return sum(widths) if self.merge == "concatenate" else widths[0]

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of every layer."""
        self._validate_params()
        widths = {layer.width(n_features) for layer in self.layers}
        if self.merge == "sum" and len(widths) > 1:
            raise ValueError(f"merge='sum' needs layers of one width, got {sorted(widths)}")
        return tuple(layer.init_params(n_features, rng, dtype) for layer in self.layers)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        passes = [layer.forward(own, x, lengths, rng) for layer, own in zip(self.layers, params)]
        outputs = [one.outputs for one in passes]
        tape = [one.tape for one in passes], [y.shape[-1] for y in outputs]
        return Pass(self._merged(outputs), tape)

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        tapes, widths = tape
        if self.merge == "concatenate":
            parts = np.split(grad, np.cumsum(widths)[:-1], axis=-1)
        else:
            parts = [grad] * len(tapes)
        pairs = [
            layer.backward(own, mine, part)
            for layer, own, mine, part in zip(self.layers, params, tapes, parts)
        ]
        grad_x = None if pairs[0][1] is None else sum(grad_x for _, grad_x in pairs)
        return tuple(grads for grads, _ in pairs), grad_x

    def start(self, params, n_series):
        """Return the state of every layer before the first step."""
        return tuple(layer.start(own, n_series) for layer, own in zip(self.layers, params))

    def step(self, params, x, state):
        """Go one step."""
        pairs = [layer.step(own, x, before) for layer, own, before in zip(self.layers, params, state)]
        return self._merged([y for y, _ in pairs]), tuple(after for _, after in pairs)

    def _merged(self, outputs):
        return np.concatenate(outputs, axis=-1) if self.merge == "concatenate" else sum(outputs)


class Reverse(Layer):
    """A layer that hears every series from its own end: its output at step t depends on t and what comes after.

    Parameters
    ----------
    layer : Layer
    """

    _parameter_constraints: ClassVar[dict] = {"layer": [Layer]}

    def __init__(self, layer):
        self.layer = layer

    def width(self, n_features):
        """Return the width of the layer."""
        return self.layer.width(n_features)

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of the layer."""
        return self.layer.init_params(n_features, rng, dtype)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        y, tape = self.layer.forward(params, reversed_in_time(x, lengths), lengths, rng)
        return Pass(reversed_in_time(y, lengths), (tape, lengths))

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        inner, lengths = tape
        grads, grad_x = self.layer.backward(params, inner, reversed_in_time(grad, lengths))
        return grads, None if grad_x is None else reversed_in_time(grad_x, lengths)


class Residual(Layer):
    """``y = x + layer(x)``.

    Parameters
    ----------
    layer : Layer
        As wide as what it hears.
    """

    _parameter_constraints: ClassVar[dict] = {"layer": [Layer]}

    def __init__(self, layer):
        self.layer = layer

    def width(self, n_features):
        """Return the width of the inputs."""
        return n_features

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of the layer."""
        if self.layer.width(n_features) != n_features:
            raise ValueError(
                f"a residual layer must be as wide as its inputs, {n_features}; got {self.layer.width(n_features)}"
            )
        return self.layer.init_params(n_features, rng, dtype)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        y, tape = self.layer.forward(params, x, lengths, rng)
        return Pass(x + y, tape)

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        grads, grad_x = self.layer.backward(params, tape, grad)
        return grads, grad + grad_x

    def start(self, params, n_series):
        """Return the state of the layer before the first step."""
        return self.layer.start(params, n_series)

    def step(self, params, x, state):
        """Go one step."""
        y, state = self.layer.step(params, x, state)
        return x + y, state


class Dilated(Layer):
    """A causal layer whose step t follows step t - ``dilation``: skip connections through time.

    The series is dealt out to ``dilation`` interleaved ones, which the layer runs over side by side.

    Parameters
    ----------
    layer : Layer
        One that looks back only.
    dilation : int, default=2
    """

    _parameter_constraints: ClassVar[dict] = {"layer": [Layer], "dilation": SIZE}

    def __init__(self, layer, dilation=2):
        self.layer = layer
        self.dilation = dilation

    def width(self, n_features):
        """Return the width of the layer."""
        return self.layer.width(n_features)

    def init_params(self, n_features, rng, dtype=np.float32):
        """Draw the parameters of the layer."""
        self._validate_params()
        return self.layer.init_params(n_features, rng, dtype)

    def forward(self, params, x, lengths=None, rng=None):
        """Run over whole series."""
        y, tape = self.layer.forward(params, self._dealt(x), None, rng)
        return Pass(self._gathered(y, x.shape[1])[: len(x)], (tape, x.shape[:2]))

    def backward(self, params, tape, grad):
        """Return the gradients in the parameters and in ``x``."""
        inner, (n_steps, n_series) = tape
        grads, grad_x = self.layer.backward(params, inner, self._dealt(grad))
        return grads, None if grad_x is None else self._gathered(grad_x, n_series)[:n_steps]

    def start(self, params, n_series):
        """Return the states of all interleaved series; the next one to move stands first."""
        return tuple(self.layer.start(params, n_series) for _ in range(self.dilation))

    def step(self, params, x, state):
        """Go one step."""
        y, after = self.layer.step(params, x, state[0])
        return y, (*state[1:], after)

    def _dealt(self, x):
        missing = -len(x) % self.dilation
        if missing:
            x = np.concatenate([x, np.zeros((missing, *x.shape[1:]), x.dtype)])
        return x.reshape(len(x) // self.dilation, self.dilation * x.shape[1], *x.shape[2:])

    def _gathered(self, y, n_series):
        return y.reshape(len(y) * self.dilation, n_series, *y.shape[2:])


class Dropout(Layer):
    """Set a part of what passes to 0 in training; what stays is divided by its probability to stay.

    Parameters
    ----------
    rate : float, default=0.1
    """

    _parameter_constraints: ClassVar[dict] = {"rate": [Interval(Real, 0, 1, closed="left")]}

    def __init__(self, rate=0.1):
        self.rate = rate

    def width(self, n_features):
        """Return the width of the inputs."""
        return n_features

    def init_params(self, n_features, rng, dtype=np.float32):
        """Return no parameters."""
        self._validate_params()
        return ()

    def forward(self, params, x, lengths=None, rng=None):
        """Drop, if there is ``rng``."""
        if rng is None or self.rate == 0:
            return Pass(x, None)
        mask = (rng.random(x.shape, dtype=np.float32) >= self.rate).astype(x.dtype)
        mask /= x.dtype.type(1 - self.rate)
        return Pass(x * mask, mask)

    def backward(self, params, tape, grad):
        """Return the gradient in ``x``."""
        return (), grad if tape is None else grad * tape

    def step(self, params, x, state=()):
        """Let all pass."""
        return x, state

    def parts(self, params, n_features, n_series):
        """Return no part: all passes."""
        return ()


def repeated(layer: Layer, n_layers: int) -> Chain:
    """Return a chain of copies of a layer.

    Examples
    --------
    >>> from forecasting.networks.cells import GRU
    >>> from forecasting.sequence_models.layers.base_layer import Recurrent
    >>> len(repeated(Recurrent(GRU(8)), 3).layers)
    3
    """
    return Chain([clone(layer) for _ in range(n_layers)])


def bidirectional(layer: Layer, merge: str = "concatenate") -> SideBySide:
    """Return a layer forwards beside its like backwards: outputs depend on past and future.

    Examples
    --------
    >>> from forecasting.networks.cells import GRU
    >>> from forecasting.sequence_models.layers.base_layer import Recurrent
    >>> bidirectional(Recurrent(GRU(8))).width(3)
    16
    """
    return SideBySide([clone(layer), Reverse(clone(layer))], merge=merge)
