"""Slopes of activation functions, from what the function returned."""

from numba import njit

from forecasting.networks.cells.time_chunks import KERNEL


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
