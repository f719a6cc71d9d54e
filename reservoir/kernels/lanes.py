"""Neighbours in an array as one number of compiled code: ``load`` them, compute, ``store`` them.

LLVM makes vectors of a loop by itself only if no array that it writes to can overlap another one. It tests that
anew before every loop, which for some ten units takes longer than the loop, and gives up where there are many
arrays. Here the vectors are written down, and a step reads as its equations do::

    @in_lanes
    def add_tanh(load, store, full):
        def unit(j, values, others):
            store(values, j, load(values, j) + tanh(load(others, j)))

        return unit

``add_tanh`` is three functions for compiled loops: the first does as many units from j on as fill lanes, the second
one unit, for those that are left over. The third does nothing but ask for what the first would read and write, so
that a loop finds it in the first cache some units later; where it lies beyond an array, nothing happens.

Arrays are given by their `address`: a call would count references to arrays. Whether a position lies within them is
not looked at. The operators are + - * / between lanes, and between lanes and a scalar of their precision; the
functions are tanh and gate of `reservoir.kernels.vecmath`, and `where_positive`.
"""

import operator

from llvmlite import ir
from numba import types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from reservoir.kernels.compilation import compiled

BYTES = 64  # of a vector: on processors with shorter ones LLVM takes several

# NaN and infinity keep their meaning: no "nnan", no "ninf". Division by zero must not raise, or a hidden
# branch stops the vectoriser.
_OPERATORS = {operator.add: "fadd", operator.sub: "fsub", operator.mul: "fmul", operator.truediv: "fdiv"}


class Lanes(types.Type):
    """Numba's type of so many numbers of one precision."""

    def __init__(self, dtype):
        self.dtype = dtype
        self.width = 8 * BYTES // dtype.bitwidth
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        scalar = dmm.lookup(fe_type.dtype).get_value_type()
        super().__init__(dmm, fe_type, ir.VectorType(scalar, fe_type.width))


class _Arithmetic(AbstractTemplate):
    def generic(self, args, kws):
        kinds = [arg for arg in args if isinstance(arg, Lanes)]
        if len(args) == 2 and kinds and all(arg in (kinds[0], kinds[0].dtype) for arg in args):
            return signature(kinds[0], *args)
        return None


def _define(function, name):
    infer_global(function)(type(f"_{name}", (_Arithmetic,), {}))

    def lower(context, builder, sig, args):
        values = [spread(builder, value, sig.return_type.width) for value in args]
        return getattr(builder, name)(*values)

    for kinds in ((Lanes, Lanes), (Lanes, types.Float), (types.Float, Lanes)):
        lower_builtin(function, *kinds)(lower)


for _function, _name in _OPERATORS.items():
    _define(_function, _name)


def spread(builder, value, width):
    """LLVM's vector of one number repeated; of a vector, itself."""
    if isinstance(value.type, ir.VectorType):
        return value
    index = ir.IntType(32)
    undefined = ir.Constant(ir.VectorType(value.type, width), ir.Undefined)
    lane = builder.insert_element(undefined, value, ir.Constant(index, 0))
    return builder.shuffle_vector(lane, undefined, ir.Constant(ir.VectorType(index, width), [0] * width))


@intrinsic
def address(typingctx, array):
    """Where the numbers of a contiguous array lie: what counts no references, and must not outlive the array."""
    sig = types.CPointer(array.dtype)(array)

    def codegen(context, builder, sig, args):
        return context.make_array(sig.args[0])(context, builder, args[0]).data

    return sig, codegen


def _ways(kind_of, ahead=False):
    """Intrinsics that load, store and fill: lanes, or single numbers; or, ``ahead``, only ask for what they would."""

    def place(context, builder, dtype, numbers, position):
        begin = builder.gep(numbers, [position])
        return builder.bitcast(begin, context.get_value_type(kind_of(dtype)).as_pointer())

    @intrinsic
    def load(typingctx, numbers, position):
        sig = kind_of(numbers.dtype)(numbers, types.intp)

        def codegen(context, builder, sig, args):
            dtype = sig.args[0].dtype
            begin = place(context, builder, dtype, *args)
            if ahead:
                _ask(builder, begin, to_write=False)
                return ir.Constant(begin.type.pointee, ir.Undefined)
            return builder.load(begin, align=dtype.bitwidth // 8)

        return sig, codegen

    @intrinsic
    def store(typingctx, numbers, position, value):
        sig = types.void(numbers, types.intp, kind_of(numbers.dtype))

        def codegen(context, builder, sig, args):
            dtype, (*where, value) = sig.args[0].dtype, args
            begin = place(context, builder, dtype, *where)
            if ahead:
                _ask(builder, begin, to_write=True)
            else:
                builder.store(value, begin, align=dtype.bitwidth // 8)
            return context.get_dummy_value()

        return sig, codegen

    @intrinsic
    def full(typingctx, numbers, value):
        sig = kind_of(numbers.dtype)(numbers, types.float64)

        def codegen(context, builder, sig, args):
            number = context.cast(builder, args[1], types.float64, sig.args[0].dtype)
            kind = sig.return_type
            return spread(builder, number, kind.width) if isinstance(kind, Lanes) else number

        return sig, codegen

    return load, store, full


def _ask(builder, place, to_write):
    """Let a line of the cache come, without waiting for it."""
    byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
    prefetch = builder.module.declare_intrinsic("llvm.prefetch", [byte], kind)
    nearest, data = flag(3), flag(1)
    builder.call(prefetch, [builder.bitcast(place, byte), flag(int(to_write)), nearest, data])


@intrinsic
def where_positive(typingctx, condition, value, otherwise):
    """``value`` where a number is above 0, elsewhere ``otherwise``; all are lanes, or all single numbers."""
    sig = value(condition, value, value)

    def codegen(context, builder, sig, args):
        zero = ir.Constant(args[0].type, None)
        return builder.select(builder.fcmp_ordered(">", args[0], zero), args[1], args[2])

    return sig, codegen


def in_lanes(define):
    """Return three compiled functions: ``define(load, store, full)`` for lanes, for single numbers, to ask for lanes.

    Parameters
    ----------
    define : callable
        Gets ``load(numbers, position)``, ``store(numbers, position, value)`` and ``full(numbers, value)``, which
        gives lanes or a number of the precision of ``numbers``; ``numbers`` is an `address`. Returns a function.

    Returns
    -------
    tuple of three callables
    """
    ways = _ways(Lanes), _ways(lambda dtype: dtype), _ways(Lanes, ahead=True)
    return tuple(
        compiled(define(*way), arithmetic="elementwise", cached=False, forceinline=True) for way in ways
    )


@compiled(arithmetic="strict", cached=False, inline="always")
def split(size, array):
    """Return how many numbers of an array lanes are, and how many of ``size`` fill them."""
    width = BYTES // array.itemsize
    return width, size - size % width
