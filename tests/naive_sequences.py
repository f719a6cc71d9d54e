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


def written(writer, params, source, lengths, n_steps, uniforms=None, temperature=1.0):
    """Symbols that a writer writes, one step after the other; row t of ``uniforms`` draws what step t writes."""
    state = writer.start(params, source, lengths)
    last = np.zeros(len(source) if lengths is None else len(lengths), int)
    going, rows = last == 0, []
    for t in range(n_steps):
        raw, state = writer.step(params, last, state)
        if uniforms is None:
            chosen = raw.argmax(axis=1)
        else:
            shares = np.exp(raw / temperature)
            steps = (shares / shares.sum(axis=1, keepdims=True)).cumsum(axis=1)
            chosen = (uniforms[t + 1][:, np.newaxis] >= steps[:, :-1]).sum(axis=1)
        last = np.where(going, chosen, 0)
        going = going & (last != 0)
        rows.append(last)
    return np.array(rows)


def fed_back(network, params, x, told, own, labels):
    """Raw outputs of a network that hears its outputs before, where ``own``, and else what it is told."""
    state, heard, rows = network.start(params, x.shape[1]), told.copy(), []
    for t in range(len(x)):
        if t:
            said = np.eye(told.shape[2])[rows[-1].argmax(axis=1)] if labels else rows[-1]
            heard[t] = np.where(own[t][:, np.newaxis], said, told[t])
        raw, state = network.step(params, np.hstack([x[t], heard[t]]), state)
        rows.append(raw)
    return np.array(rows), np.concatenate([x, heard], axis=2)


def drawn_path(writer, params, source, lengths, bias, uniforms, normals):
    """Offsets that a writer with a `PenMixture` draws (Graves 2013, section 5.5)."""
    state, last, rows = writer.start(params, source, lengths), np.zeros((len(lengths), 3)), []
    for u, z in zip(uniforms, normals):
        raw, state = writer.step(params, last, state)
        last = np.zeros_like(last)
        for i, row in enumerate(raw):
            logits, m1, m2, s1, s2, r = np.split(row[1:], 6)
            shares = np.exp(logits * (1 + bias))
            k = int((u[i, 0] >= (shares / shares.sum()).cumsum()[:-1]).sum())
            rho = math.tanh(r[k])
            last[i, 0] = m1[k] + math.exp(s1[k] - bias) * z[i, 0]
            last[i, 1] = m2[k] + math.exp(s2[k] - bias) * (rho * z[i, 0] + math.sqrt(1 - rho**2) * z[i, 1])
            last[i, 2] = u[i, 1] < 1 / (1 + math.exp(-row[0] * (1 + bias)))
        rows.append(last)
    return np.array(rows)
