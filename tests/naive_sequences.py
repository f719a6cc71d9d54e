"""Slow, obvious twins of layers over sequences and trees: one series, one step after the other."""

import math

import numpy as np


def wave_net(params, x, kernel_size, dilations):
    """Van den Oord et al. (2016), by definition, for one series (n_steps, n_features)."""
    n_channels = len(params.bias)
    u = [x[t] @ params.input_weights + params.bias for t in range(len(x))]
    skip = [0.0] * len(x)
    for block, dilation in zip(params.blocks, dilations):
        after = []
        for t in range(len(x)):
            drive = block.filter_bias.copy()
            for k in range(kernel_size):
                place = t - (kernel_size - 1 - k) * dilation
                if place >= 0:
                    drive = drive + u[place] @ block.filters[k * n_channels : (k + 1) * n_channels]
            z = np.tanh(drive[:n_channels]) / (1 + np.exp(-drive[n_channels:]))
            mixed = z @ block.mix + block.mix_bias
            after.append(u[t] + mixed[:n_channels])
            skip[t] = skip[t] + mixed[n_channels:]
        u = after
    rectified = [np.maximum(s, 0) for s in skip]
    return np.array([np.maximum(s @ params.output_weights + params.output_bias, 0) for s in rectified])


def attention(params, queries, memory):
    """Contexts and weights for one query sequence over one memory without padding."""
    contexts, alignment, kappa = [], [], 0.0
    for q in queries:
        scores = []
        if params.location:
            step, sharpness = np.log1p(np.exp(q @ params.location.weights + params.location.bias))
            kappa += step
        for j, m in enumerate(memory):
            score = (q @ params.query) @ (m @ params.key) / math.sqrt(params.query.shape[1])
            scores.append(score - sharpness * (j - kappa) ** 2 if params.location else score)
        weights = np.exp(scores) / np.exp(scores).sum()
        alignment.append(weights)
        contexts.append(weights @ memory)
    return np.array(contexts), np.array(alignment)


def tree(params, node, codes):
    """The vector of a tree, by recursion."""
    symbol, children = (node[0], node[1:]) if isinstance(node, tuple) else (node, ())
    n_units = len(params.bias)
    drive = params.symbols[codes[symbol]] + params.bias
    for k, child in enumerate(children):
        drive = drive + tree(params, child, codes) @ params.weights[k * n_units : (k + 1) * n_units]
    return np.tanh(drive)


def pen_mixture(raw, y):
    """Negative log-likelihood of one target (Graves 2013, equations 23 to 26)."""
    n = (len(raw) - 1) // 6
    e, (a, m1, m2, s1, s2, r) = 1 / (1 + math.exp(-raw[0])), np.split(raw[1:], 6)
    total = 0.0
    for k in range(n):
        rho, d1, d2 = math.tanh(r[k]), y[0] - m1[k], y[1] - m2[k]
        c1, c2 = math.exp(s1[k]), math.exp(s2[k])
        z = d1**2 / c1**2 + d2**2 / c2**2 - 2 * rho * d1 * d2 / (c1 * c2)
        density = math.exp(-z / (2 * (1 - rho**2))) / (2 * math.pi * c1 * c2 * math.sqrt(1 - rho**2))
        total += math.exp(a[k]) / np.exp(a).sum() * density
    return -math.log(total) - math.log(e if y[2] else 1 - e)
