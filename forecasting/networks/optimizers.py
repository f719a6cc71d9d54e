"""Optimizers: from a gradient to new parameters. They know one vector, nothing of networks or epochs.

An optimizer holds hyper-parameters; what it remembers goes in and out:

>>> values = np.array([1.0])
>>> optimizer = SGD(learning_rate=0.1, momentum=0.0)
>>> memory = optimizer.start(values)
>>> for _ in range(3):
...     optimizer.step(values, 2 * values, memory)  # the gradient of values**2
>>> values
array([0.512])
"""

from __future__ import annotations

from numbers import Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

from reservoir.kernels.compilation import compiled

_RATE = [Interval(Real, 0, None, closed="neither")]
_DECAY = [Interval(Real, 0, 1, closed="left")]


@compiled
def norm(gradient):
    """Euclidean norm, summed in a fixed order in float64."""
    total = 0.0
    for i in range(gradient.size):
        total += np.float64(gradient[i]) * np.float64(gradient[i])
    return np.sqrt(total)


def clip_by_norm(gradient: np.ndarray, largest: float | None) -> float:
    """Shorten a gradient, in place, to a norm of at most ``largest``, and return the norm that it had.

    Pascanu, Mikolov and Bengio (2013), algorithm 1. None leaves the gradient as it is.

    Examples
    --------
    >>> gradient = np.array([3.0, 4.0])
    >>> clip_by_norm(gradient, 1.0)
    5.0
    >>> gradient
    array([0.6, 0.8])
    """
    length = float(norm(gradient))
    if largest is not None and largest < length < np.inf:
        gradient *= gradient.dtype.type(largest / length)
    return length


@compiled
def _sgd(values, gradient, velocity, rate, momentum, nesterov):
    for i in range(values.size):
        velocity[i] = momentum * velocity[i] + gradient[i]
        ahead = gradient[i] + momentum * velocity[i]
        values[i] -= rate * (ahead if nesterov else velocity[i])


@compiled
def _rmsprop(values, gradient, square, rate, decay, epsilon):
    one = values.dtype.type(1)
    for i in range(values.size):
        square[i] = decay * square[i] + (one - decay) * gradient[i] * gradient[i]
        values[i] -= rate * gradient[i] / (np.sqrt(square[i]) + epsilon)


@compiled
def _adam(values, gradient, mean, square, decayed, rate, shrink, betas, epsilon, corrections):
    """``corrections``: 1 - beta1**t and the root of 1 - beta2**t."""
    one = values.dtype.type(1)
    beta1, beta2 = betas[0], betas[1]
    scaled, root = rate / corrections[0], one / corrections[1]
    for i in range(values.size):
        g = gradient[i]
        mean[i] = beta1 * mean[i] + (one - beta1) * g
        square[i] = beta2 * square[i] + (one - beta2) * g * g
        kept = values[i] - shrink * decayed[i] * values[i]
        values[i] = kept - scaled * mean[i] / (np.sqrt(square[i]) * root + epsilon)


class Optimizer(BaseEstimator):
    """Base of all optimizers: a learning rate, a memory, a step. Concrete ones implement `_start` and `_step`."""

    learning_rate: float

    def start(self, values: np.ndarray, decayed: np.ndarray | None = None) -> dict[str, Any]:
        """Return the memory for a first step.

        Parameters
        ----------
        values : array of shape (n_values,)
            The parameters.
        decayed : array of shape (n_values,), optional
            1 where weight decay acts, 0 elsewhere; by default it acts everywhere.

        Returns
        -------
        dict
        """
        self._validate_params()
        return self._start(values, np.ones_like(values) if decayed is None else decayed)

    def step(
        self, values: np.ndarray, gradient: np.ndarray, memory: dict[str, Any], factor: float = 1.0
    ) -> None:
        """Change parameters and memory in place.

        Parameters
        ----------
        values, gradient : array of shape (n_values,)
            Of one precision.
        memory : dict
            From `start`.
        factor : float, default=1.0
            Of the learning rate.
        """
        self._step(values, gradient, memory, factor * self.learning_rate)

    def _start(self, values, decayed):
        raise NotImplementedError

    def _step(self, values, gradient, memory, rate):
        raise NotImplementedError


class SGD(Optimizer):
    r"""Gradient descent with momentum.

    .. math:: v \leftarrow \mu v + g, \qquad \theta \leftarrow \theta - \eta v

    or, of Nesterov's kind, :math:`\theta - \eta (g + \mu v)` (Sutskever et al. 2013).

    Parameters
    ----------
    learning_rate : float, default=0.01
    momentum : float in [0, 1), default=0.9
    nesterov : bool, default=False
    """

    _parameter_constraints: ClassVar[dict] = {
        "learning_rate": _RATE,
        "momentum": _DECAY,
        "nesterov": ["boolean"],
    }

    def __init__(self, learning_rate=0.01, *, momentum=0.9, nesterov=False):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.nesterov = nesterov

    def _start(self, values, decayed):
        return {"velocity": np.zeros_like(values)}

    def _step(self, values, gradient, memory, rate):
        number = values.dtype.type
        _sgd(values, gradient, memory["velocity"], number(rate), number(self.momentum), self.nesterov)


class RMSprop(Optimizer):
    r"""Gradient descent over a running root mean square (Tieleman and Hinton 2012).

    .. math:: s \leftarrow \rho s + (1 - \rho) g^2, \qquad \theta \leftarrow \theta - \eta g / (\sqrt s + \epsilon)

    Parameters
    ----------
    learning_rate : float, default=0.001
    decay : float in [0, 1), default=0.99
        rho.
    epsilon : float, default=1e-8
    """

    _parameter_constraints: ClassVar[dict] = {"learning_rate": _RATE, "decay": _DECAY, "epsilon": _RATE}

    def __init__(self, learning_rate=0.001, *, decay=0.99, epsilon=1e-8):
        self.learning_rate = learning_rate
        self.decay = decay
        self.epsilon = epsilon

    def _start(self, values, decayed):
        return {"square": np.zeros_like(values)}

    def _step(self, values, gradient, memory, rate):
        number = values.dtype.type
        _rmsprop(values, gradient, memory["square"], number(rate), number(self.decay), number(self.epsilon))


class AdamW(Optimizer):
    r"""Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2).

    .. math::

        m &\leftarrow \beta_1 m + (1 - \beta_1) g, \qquad s \leftarrow \beta_2 s + (1 - \beta_2) g^2 \\
        \theta &\leftarrow (1 - \eta \lambda) \theta
        - \eta \frac{m / (1 - \beta_1^t)}{\sqrt{s / (1 - \beta_2^t)} + \epsilon}

    Parameters
    ----------
    learning_rate : float, default=0.001
    weight_decay : float, default=0.01
        lambda. In `training.train` it acts on matrices, not on biases.
    beta1 : float in [0, 1), default=0.9
    beta2 : float in [0, 1), default=0.999
    epsilon : float, default=1e-8
    """

    _parameter_constraints: ClassVar[dict] = {
        "learning_rate": _RATE,
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "beta1": _DECAY,
        "beta2": _DECAY,
        "epsilon": _RATE,
    }

    def __init__(self, learning_rate=0.001, *, weight_decay=0.01, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon

    def _start(self, values, decayed):
        return {"mean": np.zeros_like(values), "square": np.zeros_like(values), "decayed": decayed, "t": 0}

    def _step(self, values, gradient, memory, rate):
        memory["t"] += 1
        number = values.dtype.type
        corrections = number(1 - self.beta1 ** memory["t"]), number(np.sqrt(1 - self.beta2 ** memory["t"]))
        _adam(
            values,
            gradient,
            memory["mean"],
            memory["square"],
            memory["decayed"],
            number(rate),
            number(rate * self.weight_decay),
            (number(self.beta1), number(self.beta2)),
            number(self.epsilon),
            corrections,
        )


class Adam(AdamW):
    """Adam (Kingma and Ba 2015, algorithm 1): `AdamW` without weight decay.

    Parameters
    ----------
    learning_rate : float, default=0.001
    beta1 : float in [0, 1), default=0.9
    beta2 : float in [0, 1), default=0.999
    epsilon : float, default=1e-8
    """

    weight_decay = 0.0
    _parameter_constraints: ClassVar[dict] = {
        name: AdamW._parameter_constraints[name] for name in ("learning_rate", "beta1", "beta2", "epsilon")
    }

    def __init__(self, learning_rate=0.001, *, beta1=0.9, beta2=0.999, epsilon=1e-8):
        self.learning_rate = learning_rate
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon


# By name.
OPTIMIZERS: dict[str, type[Optimizer]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam, "adamw": AdamW}
