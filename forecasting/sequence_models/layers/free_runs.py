"""Compiled loops over steps whose inputs depend on the outputs before; see `compiled_steps` beside it.

Chance is drawn beforehand and handed in, so that a run is a function of its arguments.
"""

import numpy as np

from forecasting.sequence_models.layers.compiled_steps import advance_all
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import exp


@compiled
def step(parts, x):
    """Take a network one step on and return what it says, (n_series, n_outputs): a buffer of the last part."""
    return advance_all(parts, x)


@compiled
def _most_likely(raw):
    best = 0
    for k in range(1, raw.size):
        if raw[k] > raw[best]:
            best = k
    return best


@compiled
def _drawn(raw, temperature, uniform):
    """Symbol of a softmax, by a number in [0, 1)."""
    top, total = raw[_most_likely(raw)], 0.0
    for k in range(raw.size):
        total += exp((np.float64(raw[k]) - top) / temperature)
    so_far, threshold = 0.0, uniform * total
    for k in range(raw.size - 1):
        so_far += exp((np.float64(raw[k]) - top) / temperature)
        if threshold < so_far:
            return k
    return raw.size - 1


@compiled
def choose_symbols(raw, temperature, uniforms, out):
    """Choose a symbol of every row: by chance, or without numbers to draw by the most likely one."""
    for i in range(raw.shape[0]):
        if uniforms.size > 0:
            out[i] = _drawn(raw[i], temperature, uniforms[i])
        else:
            out[i] = _most_likely(raw[i])


@compiled
def write_symbols(parts, symbols, n_given, temperature, uniforms, end):
    """Let a network write; it hears every symbol that it wrote.

    Parameters
    ----------
    parts : tuple
    symbols : array of int, (n_steps + 1, n_series)
        The first ``n_given`` rows are read, the others filled.
    n_given : int
    temperature : float
    uniforms : array (n_steps + 1, n_series)
        In [0, 1), to draw with; of shape (n_steps + 1, 0) to take the most likely symbol.
    end : int
        A series that wrote it writes nothing else. A negative number never comes.

    Returns
    -------
    int
        Rows that are filled: fewer than there are if all series have ended.
    """
    going = np.ones(symbols.shape[1], np.bool_)
    for t in range(symbols.shape[0] - 1):
        raw = advance_all(parts, symbols[t])
        if t + 1 < n_given:
            continue
        choose_symbols(raw, temperature, uniforms[t + 1], symbols[t + 1])
        for i in range(going.size):
            if not going[i]:
                symbols[t + 1, i] = end
            going[i] = symbols[t + 1, i] != end
        if not going.any():
            return t + 2
    return symbols.shape[0]


@compiled
def feed_back(parts, heard, n_features, own, labels, raw):
    """Run over steps whose inputs end with the outputs before; where ``own``, with those that the network gave.

    Parameters
    ----------
    parts : tuple
    heard : array (n_steps, n_series, n_features + n_outputs)
        Overwritten where ``own``.
    n_features : int
    own : array of bool, (n_steps, n_series)
    labels : bool
        A step hears which output was largest, not the numbers.
    raw : array (n_steps, n_series, n_outputs)
        Filled.
    """
    for t in range(heard.shape[0]):
        for i in range(heard.shape[1]):
            if t > 0 and own[t, i]:
                told = heard[t, i, n_features:]
                if labels:
                    told[:] = 0
                    told[_most_likely(raw[t - 1, i])] = 1
                else:
                    told[:] = raw[t - 1, i]
        raw[t] = advance_all(parts, heard[t])


@compiled
def _draw_offset(raw, bias, uniforms, normals, out):
    """One draw from a `PenMixture`, from raw numbers of one step."""
    n = (raw.size - 1) // 6
    logits, centre1, centre2 = raw[1 : 1 + n], raw[1 + n : 1 + 2 * n], raw[1 + 2 * n : 1 + 3 * n]
    k = _drawn(logits, 1 / (1 + bias), uniforms[0])
    scale1, scale2 = np.exp(raw[1 + 3 * n + k] - bias), np.exp(raw[1 + 4 * n + k] - bias)
    rho = np.tanh(raw[1 + 5 * n + k])
    out[0] = centre1[k] + scale1 * normals[0]
    out[1] = centre2[k] + scale2 * (rho * normals[0] + np.sqrt(1 - rho**2) * normals[1])
    out[2] = uniforms[1] * (1 + np.exp(-raw[0] * (1 + bias))) < 1


@compiled
def draw_path(parts, bias, uniforms, normals, path):
    """Let a network draw with a pen; it hears every offset that it drew.

    Parameters
    ----------
    parts : tuple
    bias : float
        As for `PenMixture.sample`.
    uniforms, normals : array (n_steps, n_series, 2)
        Of component and event, of both directions.
    path : array (n_steps + 1, n_series, 3)
        Row 0 is heard first, the others are filled; a series whose event came goes on to no purpose.

    Returns
    -------
    int
        Rows that are filled: fewer than there are if all series have ended.
    """
    going = np.ones(path.shape[1], np.bool_)
    for t in range(path.shape[0] - 1):
        raw = advance_all(parts, path[t])
        for i in range(going.size):
            _draw_offset(raw[i], bias, uniforms[t, i], normals[t, i], path[t + 1, i])
            going[i] &= path[t + 1, i, 2] == 0
        if not going.any():
            return t + 2
    return path.shape[0]
