"""Activation functions of gates, and slopes of activation functions from what the function returned."""

from numba import njit

from forecasting.networks.cells.time_chunks import KERNEL
from reservoir.vecmath import tanh


@njit(**KERNEL)
def sigmoid(x):
    """Logistic function by way of tanh: to an absolute error of rounding, a fifth faster than to a relative one."""
    half = type(x)(0.5)
    return half * tanh(half * x) + half


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
