r"""Elementary functions written so that loops over them vectorise, in float64 and float32.

``math.tanh`` inside a compiled loop is a scalar library call; the functions here have no branch and no
call, so LLVM turns a loop over them into vector instructions. Each takes and returns a scalar and is meant
to be called inside another compiled function; the precision follows the argument.

Method. With :math:`a = n \ln 2 + r`, :math:`|r| \le \tfrac12 \ln 2` and :math:`s = 2^n`,

.. math:: e^r = \frac{R + r}{R - r}, \qquad R = r \coth(r/2) = 2 + r^2/6 - r^4/360 + \dots,

a minimax polynomial in :math:`r^2`. For :math:`a = 2|x|` one division gives

.. math:: \tanh|x| = \frac{e^a - 1}{e^a + 1} = \frac{(s-1) R + (s+1) r}{(s+1) R + (s-1) r},

and for :math:`a = -x` as well, of the logistic function, :math:`\sigma(x) = (R - r) / (s (R + r) + R - r)`.

The rounding to ``n`` adds and subtracts a constant whose last mantissa bits then hold ``n``, and ``2**n`` is
made by shifting those bits into the exponent. Clamps are written so that NaN falls through.

Accuracy against the correctly rounded value: float64 tanh within 4 ulp, sigmoid and exp within 3 ulp, gate within the
spacing of numbers at 1; NaN gives NaN, infinities give the limits, but gate 1e-38 (float64: 1e-307) in place of 0.

References
----------
W. J. Cody and W. Waite, Software Manual for the Elementary Functions, Prentice-Hall 1980.
"""

import math
from collections.abc import Callable

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from reservoir.kernels.compilation import compiled, options
from reservoir.kernels.lanes import Lanes, spread

_LAYOUT = {  # of each type the integer bits, mantissa bits, exponent bias
    types.float64: (64, 52, 1023),
    types.float32: (32, 23, 127),
}


def precision(x):
    """Return the type of the number, or of each of the lanes, that a type of compiled code stands for."""
    return x.dtype if isinstance(x, Lanes) else x


def _bits(builder, value, bits):
    """A number, or numbers, as integers, and the way to a constant of that type."""
    integer = ir.IntType(bits)
    width = value.type.count if isinstance(value.type, ir.VectorType) else None
    kind = integer if width is None else ir.VectorType(integer, width)

    def constant(number):
        return ir.Constant(kind, number if width is None else [number] * width)

    return builder.bitcast(value, kind), constant


@intrinsic
def _power_of_two(typingctx, shifted):
    """``2**n`` from ``shifted = n + magic``, whose low mantissa bits are ``n``."""
    bits, mantissa, bias = _LAYOUT[precision(shifted)]

    def codegen(context, builder, signature, args):
        n, constant = _bits(builder, args[0], bits)
        n = builder.shl(builder.add(n, constant(bias)), constant(mantissa))
        return builder.bitcast(n, args[0].type)

    return shifted(shifted), codegen


@intrinsic
def _copysign(typingctx, magnitude, sign):
    """Magnitude of the first, sign of the second; ``math.copysign`` would be a call."""
    bits = _LAYOUT[precision(magnitude)][0]

    def codegen(context, builder, signature, args):
        a, constant = _bits(builder, args[0], bits)
        b, _ = _bits(builder, args[1], bits)
        sign_bit = 1 << (bits - 1)
        both = builder.or_(builder.and_(a, constant(sign_bit - 1)), builder.and_(b, constant(sign_bit)))
        return builder.bitcast(both, args[0].type)

    return magnitude(magnitude, sign), codegen


@intrinsic
def _magnitude(typingctx, x):
    """``abs(x)``, of lanes as well."""
    bits = _LAYOUT[precision(x)][0]

    def codegen(context, builder, signature, args):
        a, constant = _bits(builder, args[0], bits)
        return builder.bitcast(builder.and_(a, constant((1 << (bits - 1)) - 1)), args[0].type)

    return x(x), codegen


def _limit(beyond):
    """Intrinsic ``limit(x, bound)``: the bound where x lies beyond it; NaN stays NaN."""

    @intrinsic
    def limit(typingctx, x, bound):
        def codegen(context, builder, signature, args):
            x, bound = args
            if isinstance(x.type, ir.VectorType):
                bound = spread(builder, bound, x.type.count)
            return builder.select(builder.fcmp_ordered(beyond, x, bound), bound, x)

        return x(x, bound), codegen

    return limit


_at_most, _at_least = _limit(">"), _limit("<")


def _constants(dtype):
    """Magic number, 1/ln 2, ln 2 in two parts, and the minimax coefficients of (R - 2) / r**2 in r**2."""
    c = np.dtype(dtype).type
    if c is np.float64:
        r = [0.1666666666666666, -0.0027777777777564412, 6.613756471625665e-05]
        r += [-1.6534060036743615e-06, 4.143766370591392e-08]
        magic, ln2_high, ln2_low = 1.5 * 2.0**52, 6.93147180369123816490e-01, 1.90821492927058770002e-10
    else:
        r = [0.16666666657699858, -0.0027777643648180285, 6.58400875485626e-05, 0.0, 0.0]
        magic, ln2_high, ln2_low = 1.5 * 2.0**23, 0.693359375, -2.12194440e-4
    return tuple(c(v) for v in (magic, 1.0 / math.log(2.0), math.log(2.0), ln2_high, ln2_low, *r))


def _is_float(x):
    return isinstance(x, types.Float)


def exp(x):
    """Exponential function, for use inside compiled code."""
    return np.exp(x)


def tanh(x):
    """Hyperbolic tangent, for use inside compiled code."""
    return np.tanh(x)


def sigmoid(x):
    """Logistic function ``1 / (1 + exp(-x))``, for use inside compiled code."""
    return 1.0 / (1.0 + np.exp(-x))


def gate(x):
    """Logistic function to an absolute error of rounding, for use inside compiled code: faster than `sigmoid`."""
    return 1.0 / (1.0 + np.exp(-x))


@overload(tanh, jit_options=options("elementwise"))
def _overload_tanh(x):
    if not _is_float(precision(x)):
        return None
    c = np.float64 if precision(x) == types.float64 else np.float32
    magic, inverse_ln2, ln2, _, _, *coefficients = _constants(c)
    inverse_ln2, ln2, one = c(2.0) * inverse_ln2, c(0.5) * ln2, c(1.0)
    r1, r2, r3, r4, r5 = (c(2.0 ** (2 * k - 1)) * r for k, r in enumerate(coefficients, 1))
    # Beyond it tanh rounds to 1 and the power of two stays finite. A single ln 2 suffices: its rounding
    # matters only where n is large and tanh flat.
    largest = c(20.0) if c is np.float64 else c(10.0)
    wide = c is np.float64

    # a, r and R are halved: that saves doubling |x|, and changes no bit.
    def implementation(x):
        a = _at_most(_magnitude(x), largest)
        shifted = a * inverse_ln2 + magic
        r = a - (shifted - magic) * ln2
        s = _power_of_two(shifted)
        z = r * r
        p = r3
        if wide:
            p = (r5 * z + r4) * z + r3
        p = ((p * z + r2) * z + r1) * z + one
        return _copysign(((s - one) * p + (s + one) * r) / ((s + one) * p + (s - one) * r), x)

    return implementation


@overload(exp, jit_options=options("elementwise"))
def _overload_exp(x):
    if not _is_float(x):
        return None
    c = np.float64 if x == types.float64 else np.float32
    magic, inverse_ln2, _, ln2_high, ln2_low, r1, r2, r3, r4, r5 = _constants(c)
    half, two = c(0.5), c(2.0)
    lowest, largest = (c(-746.0), c(710.0)) if c is np.float64 else (c(-105.0), c(89.0))
    wide = c is np.float64

    def implementation(x):
        a = largest if x > largest else x
        a = lowest if a < lowest else a
        n = (a * inverse_ln2 + magic) - magic
        r = (a - n * ln2_high) - n * ln2_low
        z = r * r
        p = r3
        if wide:
            p = (r5 * z + r4) * z + r3
        p = ((p * z + r2) * z + r1) * z + two
        # Two factors, because 2**n alone overflows before the product does and has no subnormal form.
        shifted = n * half + magic
        rest = (n - (shifted - magic)) + magic
        return ((p + r) / (p - r) * _power_of_two(shifted)) * _power_of_two(rest)

    return implementation


@overload(gate, jit_options=options("elementwise"))
def _overload_gate(x):
    if not _is_float(precision(x)):
        return None
    c = np.float64 if precision(x) == types.float64 else np.float32
    magic, inverse_ln2, ln2, _, _, r1, r2, r3, r4, r5 = _constants(c)
    two, largest = c(2.0), c(708.0) if c is np.float64 else c(87.0)  # 2**n keeps a finite form
    wide = c is np.float64

    def implementation(x):
        a = _at_least(_at_most(x, largest), -largest)
        shifted = magic - a * inverse_ln2
        r = a + (shifted - magic) * ln2
        z = r * r
        p = r3
        if wide:
            p = (r5 * z + r4) * z + r3
        p = ((p * z + r2) * z + r1) * z + two
        kept = p + r
        return kept / (_power_of_two(shifted) * (p - r) + kept)

    return implementation


@overload(sigmoid, jit_options=options("elementwise"))
def _overload_sigmoid(x):
    if not _is_float(x):
        return None
    c = np.float64 if x == types.float64 else np.float32
    one, zero = c(1.0), c(0.0)

    def implementation(x):
        e = exp(-abs(x))
        return (one if x >= zero else e) / (one + e)

    return implementation


# Names of the activations and the codes by which kernels know them.
ACTIVATIONS = {"tanh": 0, "identity": 1, "relu": 2, "saturated_linear": 3, "sigmoid": 4}


@compiled(arithmetic="elementwise")
def activate(values, code):
    """Apply the activation with this code of ``ACTIVATIONS`` to a one-dimensional array, in place.

    relu is max(x, 0); saturated_linear is min(max(x, 0), 1). NaN stays NaN.
    """
    zero = values.dtype.type(0)
    one = values.dtype.type(1)
    if code == 0:
        for i in range(values.size):
            values[i] = tanh(values[i])
    elif code == 2:
        for i in range(values.size):
            values[i] = zero if values[i] < zero else values[i]
    elif code == 3:
        for i in range(values.size):
            v = zero if values[i] < zero else values[i]
            values[i] = one if v > one else v
    elif code == 4:
        for i in range(values.size):
            values[i] = sigmoid(values[i])


# Slopes of the activations as functions of their values; 0 at a corner.
SLOPES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": lambda value: 1 - value * value,
    "identity": np.ones_like,
    "relu": lambda value: np.where(value > 0, 1.0, 0.0),
    "saturated_linear": lambda value: np.where((value > 0) & (value < 1), 1.0, 0.0),
    "sigmoid": lambda value: value * (1 - value),
}
