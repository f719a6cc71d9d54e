"""The looks of `Attention`: softmax gates over all places of another sequence, forward and backward.

Arrays stand series first. ``keys`` is (n_series, n_units, n_places), so that all products run along places.
"""

import numpy as np

from forecasting.networks.cells.step_products import add_product, transposed
from reservoir.kernels.compilation import compiled
from reservoir.kernels.vecmath import exp


@compiled
def softplus(drive):
    """``log(1 + exp(drive))`` and its slope."""
    one, e = type(drive)(1), np.exp(-abs(drive))
    slope = one / (one + e) if drive >= 0 else e / (one + e)
    return max(drive, type(drive)(0)) + np.log1p(e), slope


@compiled
def _softmax(scores, n_places):
    """Turn the first scores into weights; 0 where no place is."""
    top, total = scores[0], scores.dtype.type(0)
    for j in range(n_places):
        top = max(top, scores[j])
    for j in range(n_places):
        scores[j] = exp(scores[j] - top)
    for j in range(n_places):
        total += scores[j]
    for j in range(n_places):
        scores[j] /= total
    scores[n_places:] = 0


@compiled
def look(asked, values, keys, lengths, scale, drive, position, weights, context, slopes, sharpness, centre):
    """Fill ``weights`` and ``context``; with a location move ``position``, and fill the last three.

    Parameters
    ----------
    asked : array (n_series, n_steps, n_units)
    values, keys, lengths : arrays (n_series, n_places, n_memory), (n_series, n_units, n_places), (n_series,)
    scale : float
    drive : array (n_series, n_steps, 2), or (n_series, n_steps, 0) without a location
        Of the step forward and of the sharpness.
    position : array (n_series,)
    weights : array (n_series, n_steps, n_places)
    context : array (n_series, n_steps, n_memory)
    slopes : array shaped as ``drive``
    sharpness, centre : array (n_series, n_steps)
    """
    n_series, n_steps, n_places = weights.shape
    weights[:] = 0
    context[:] = 0
    for i in range(n_series):
        add_product(weights[i], asked[i], keys[i])
        for t in range(n_steps):
            scores = weights[i, t]
            scores *= scale
            if drive.shape[2] > 0:
                forward, slopes[i, t, 0] = softplus(drive[i, t, 0])
                sharpness[i, t], slopes[i, t, 1] = softplus(drive[i, t, 1])
                position[i] += forward
                centre[i, t] = position[i]
                for j in range(n_places):
                    distance = weights.dtype.type(j) - centre[i, t]
                    scores[j] -= sharpness[i, t] * distance * distance
            _softmax(scores, lengths[i])
        add_product(context[i], weights[i], values[i])


@compiled
def look_back(asked, values, keys, scale, weights, slopes, sharpness, centre, grad, outputs):
    """From the gradient in the context, series first, to those in all that a look hears.

    ``outputs``: gradients in ``asked`` and ``drive``, set; in ``values`` and ``keys``, added to.
    """
    grad_asked, grad_drive, grad_values, grad_keys = outputs
    n_series, n_steps, n_places = weights.shape
    grad_scores = np.empty((n_steps, n_places), weights.dtype)
    for i in range(n_series):
        grad_scores[:] = 0
        add_product(grad_scores, grad[i], transposed(values[i]))
        add_product(grad_values[i], weights[i].T, grad[i])
        for t in range(n_steps):
            row, own = grad_scores[t], weights[i, t]
            mean = row.dtype.type(0)
            for j in range(n_places):
                mean += own[j] * row[j]
            for j in range(n_places):
                row[j] = own[j] * (row[j] - mean)
        if grad_drive.shape[2] > 0:
            _window_back(grad_scores, slopes[i], sharpness[i], centre[i], grad_drive[i])
        grad_scores *= scale
        grad_asked[i] = 0
        add_product(grad_asked[i], grad_scores, transposed(keys[i]))
        add_product(grad_keys[i], asked[i].T, grad_scores)


@compiled
def _window_back(grad_scores, slopes, sharpness, centre, grad_drive):
    """From the gradient in the scores of a series to that in what moves its window; later steps stand on earlier."""
    moved = grad_scores.dtype.type(0)
    for t in range(grad_scores.shape[0] - 1, -1, -1):
        pull = squares = grad_scores.dtype.type(0)
        for j in range(grad_scores.shape[1]):
            distance = grad_scores.dtype.type(j) - centre[t]
            pull += grad_scores[t, j] * distance
            squares += grad_scores[t, j] * distance * distance
        moved += (sharpness[t] + sharpness[t]) * pull
        grad_drive[t, 0] = moved * slopes[t, 0]
        grad_drive[t, 1] = -squares * slopes[t, 1]
