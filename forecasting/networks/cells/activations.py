"""Activation functions, and slopes of activation functions from what the function returned."""

from forecasting.networks.cells.units import each_unit
from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import where_positive
from reservoir.kernels.vecmath import tanh


@compiled(cached=False)
def activated(x, code, one):
    """Return the activation of a number, or lanes; ``one`` is 1 in the same form. NaN stays NaN.

    ``code`` is one of ``reservoir.kernels.vecmath.ACTIVATIONS``: tanh, relu or saturated_linear.
    """
    if code == 0:
        return tanh(x)
    zero = one - one
    x = where_positive(zero - x, zero, x)
    return where_positive(x - one, one, x) if code == 3 else x


@compiled(cached=False)
def times_slope(d, y, code, one):
    """Return ``d`` times the slope of an activation where it gave ``y``, with the arguments of `activated`."""
    if code == 0:
        return d * (one - y * y)
    zero = one - one
    d = where_positive(y, d, zero)
    return where_positive(one - y, d, zero) if code == 3 else d


@each_unit
def set_activated(load, store, full):
    """Turn the drive, which lies in the path of the outputs, the first of the arrays, into the output."""

    def unit(j, arrays, code, n_units, now, after, here, chunk):
        path, at = arrays[0], after * n_units + j
        store(path, at, activated(load(path, at), code, full(path, 1.0)))

    return unit


@compiled
def multiply_by_slope(gradient, output, code):
    """Turn the gradient in ``f(a)`` into that in ``a``, in place, given ``output = f(a)``.

    ``code`` is one of ``reservoir.kernels.vecmath.ACTIVATIONS``: tanh, relu or saturated_linear.
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
