"""Slow, obvious twins of the recurrent cells: one series, one step after the other, equation by equation.

Each takes parameters as the cell lays them out and ``x`` (n_steps, n_features), and returns all outputs.
"""

import numpy as np


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


ACTIVATIONS = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "saturated_linear": lambda a: np.clip(a, 0, 1),
}


def rnn(params, x, h, activation="tanh"):
    W, U, b = params
    outputs = []
    for xt in x:
        h = ACTIVATIONS[activation](xt @ W + h @ U + b)
        outputs.append(h)
    return np.array(outputs)


def fast_rnn(params, x, h, activation="tanh"):
    """Kusupati et al. (2018), section 3.1."""
    W, U, b, logits = params
    alpha, beta = sigmoid(logits)
    outputs = []
    for xt in x:
        h = alpha * ACTIVATIONS[activation](xt @ W + h @ U + b) + beta * h
        outputs.append(h)
    return np.array(outputs)


def leaky_rnn(params, x, h, mu, activation="tanh"):
    W, recurrent, b, logits = params
    n, alpha = len(b), sigmoid(logits)
    U, V = recurrent[:n], recurrent[n:]
    outputs = []
    for xt in x:
        mu = alpha * mu + (1 - alpha) * h
        h = ACTIVATIONS[activation](xt @ W + h @ U + mu @ V + b)
        outputs.append(h)
    return np.array(outputs)


def gru(params, x, h, reset="after"):
    """Cho et al. (2014), eq. 5-8; "after" is the form of cuDNN. Columns: n, r, u of W; r, u, n of U."""
    (Wn, Wr, Wu), (Ur, Uu, Un), (bn, br, bu), bm = (
        np.split(params.input_weights, 3, axis=1),
        np.split(params.recurrent_weights, 3, axis=1),
        np.split(params.bias, 3),
        params.recurrent_bias,
    )
    outputs = []
    for xt in x:
        r = sigmoid(xt @ Wr + h @ Ur + br)
        u = sigmoid(xt @ Wu + h @ Uu + bu)
        past = (r * h) @ Un if reset == "before" else r * (h @ Un + bm)
        n = np.tanh(xt @ Wn + past + bn)
        h = (1 - u) * n + u * h
        outputs.append(h)
    return np.array(outputs)


def lstm(params, x, h, c, forget="gate", peepholes=False):
    """Gers and Schmidhuber (2000), switches of Greff et al. (2017). Columns: candidate, input, output, forget."""
    size = len(h)

    def block(array, number):
        return array[..., number * size : (number + 1) * size]

    def drive(xt, h, number):
        weights = block(params.input_weights, number), block(params.recurrent_weights, number)
        return xt @ weights[0] + h @ weights[1] + block(params.bias, number)

    pi, po, pf = (*params.peepholes, 0, 0, 0)[:3] if peepholes else (0, 0, 0)
    outputs = []
    for xt in x:
        i = sigmoid(drive(xt, h, 1) + pi * c)
        if forget == "gate":
            f = sigmoid(drive(xt, h, 3) + pf * c)
        else:
            f = 1 - i if forget == "coupled" else 1
        c = f * c + i * np.tanh(drive(xt, h, 0))
        h = sigmoid(drive(xt, h, 2) + po * c) * np.tanh(c)
        outputs.append(h)
    return np.array(outputs)
