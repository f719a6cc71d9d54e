"""Weights of PyTorch's recurrent layers, read in the order of ours."""

import numpy as np

# Places of a layer's gates, r, z, n (GRU) and i, f, g, o (LSTM), in the order of our weights.
_GATES = {"rnn": (0,), "lstm": (2, 0, 3, 1), "gru": (2, 0, 1)}


def torch_weights(layer, blocks):
    """Input weights, recurrent weights and both biases of a PyTorch layer, its gates in some order."""
    parts = []
    for parameter in (layer.weight_ih_l0, layer.weight_hh_l0, layer.bias_ih_l0, layer.bias_hh_l0):
        gates = np.split(parameter.detach().numpy(), max(blocks) + 1)
        parts.append(np.concatenate([gates[g] for g in blocks]).T.copy())
    return parts


def from_torch(name, layer):
    """Our parameters from a PyTorch layer: ``"rnn"``, ``"lstm"`` or ``"gru"``, as a tuple."""
    size = layer.hidden_size
    W, U, b, c = torch_weights(layer, _GATES[name])
    if name == "rnn":
        return W, U, b + c
    if name == "lstm":
        return W, U, b + c, np.zeros((0, size), W.dtype)
    _, U, _, c = torch_weights(layer, (0, 1, 2))
    bias = b + np.concatenate([np.zeros(size, W.dtype), c[: 2 * size]])
    return W, U, bias, c[2 * size :]
