"""Activation functions of gates, and slopes of activation functions from what the function returned."""

import numpy as np
from numba import njit, types
from numba.extending import overload

from forecasting.networks.cells.time_chunks import KERNEL
from reservoir.lanes import where_positive
from reservoir.vecmath import precision, tanh

_OPTIONS = {key: KERNEL[key] for key in ("fastmath", "error_model")}


def sigmoid(x):
    """Logistic function by way of tanh: to an absolute error of rounding, a fifth faster than to a relative one."""
    return 0.5 * np.tanh(0.5 * x) + 0.5


@overload(sigmoid, jit_options=_OPTIONS)
def _overload_sigmoid(x):
    half = (np.float64 if precision(x) == types.float64 else np.float32)(0.5)

    def implementation(x):
        return half * tanh(half * x) + half

    return implementation


@njit(**_OPTIONS)
def activated(x, code, one):
    """Return the activation of a number, or lanes; ``one`` is 1 in the same form. NaN stays NaN.

    ``code`` is one of ``reservoir.vecmath.ACTIVATIONS``: tanh, relu or saturated_linear.
    """
    if code == 0:
        return tanh(x)
    zero = one - one
    x = where_positive(zero - x, zero, x)
    return where_positive(x - one, one, x) if code == 3 else x


@njit(**_OPTIONS)
def times_slope(d, y, code, one):
    """Return ``d`` times the slope of an activation where it gave ``y``, with the arguments of `activated`."""
    if code == 0:
        return d * (one - y * y)
    zero = one - one
    d = where_positive(y, d, zero)
    return where_positive(one - y, d, zero) if code == 3 else d


@njit(**KERNEL)
def multiply_by_slope(gradient, output, code):
    """Turn the gradient in ``f(a)`` into that in ``a``, in place, given ``output = f(a)``.

    ``code`` is one of ``reservoir.vecmath.ACTIVATIONS``: tanh, relu or saturated_linear.
    """
    zero, one = output.dtype.type(0), output.dtype.type(1)
    if code == 0:
        for i in range(gradient.size):
            gradient[i] *= one - output[i] * output[i]
    elif code == 2:
        for i in range(gradient.size):
            gradient[i] = gradient[i] if output[i] > zero else zero
    elif code == 3:
        for i in range(gradient.size):
            gradient[i] = gradient[i] if (output[i] > zero) & (output[i] < one) else zero
