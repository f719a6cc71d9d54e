"""One gradient check for everything that is differentiated: central differences in float64."""

import numpy as np

from forecasting.networks.parameters import ParameterVector, arrays_of, mapped


def shaken(params, seed=0, scale=0.3):
    """Return parameters of the same shapes none of which is 0, in float64."""
    rng = np.random.default_rng(seed)
    return mapped(lambda array: array + scale * rng.standard_normal(array.shape), params)


def assert_gradient(loss, params, grads, *, step=1e-5, rtol=1e-6, atol=1e-9):
    """Compare a gradient with central differences of a loss, number by number.

    ``loss(params)`` returns a float; ``grads`` is nested like ``params``, arrays of float64.
    """
    vector = ParameterVector(params)
    shapes = [array.shape for array in arrays_of(grads)]
    assert shapes == [array.shape for array in arrays_of(vector.tree)]
    for number, (array, grad) in enumerate(zip(arrays_of(vector.tree), arrays_of(grads))):
        expected = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept, losses = array[place], []
            for sign in (1, -1):
                array[place] = kept + sign * step
                losses.append(loss(vector.tree))
            array[place] = kept
            expected[place] = (losses[0] - losses[1]) / (2 * step)
        np.testing.assert_allclose(grad, expected, rtol=rtol, atol=atol, err_msg=f"array {number}")
