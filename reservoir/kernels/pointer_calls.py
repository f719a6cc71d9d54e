"""Functions that compiled code calls through a pointer: compiled once, and not again into every caller.

numba links what a compiled function calls into it, and optimises it there again. A matrix product with all its
tiles takes seconds that way, in every kernel that multiplies. Here callers know a symbol alone; the pointer behind
it is set at the first call, by compiling the function or by reading it from numba's cache.
"""

import ctypes

import llvmlite.binding
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic

_Fill = ctypes.CFUNCTYPE(None)
_PRECISIONS = (types.float32, types.float64)
_INTEGERS = (types.Integer, types.Boolean)
_ALIVE: list = []  # what compiled code points to


def compiled_once(function, kinds):
    """Return a function for compiled code that calls ``function`` through a pointer.

    Parameters
    ----------
    function : numba dispatcher
        Returns nothing. It is compiled once for float32 and once for float64, whichever is asked for.
    kinds : sequence of str
        Of its arguments: ``"array 2"`` an array of two axes of any strides, ``"rows 2"`` a contiguous one,
        ``"integer"``. All arrays are of one precision, that of the first. Whether they can be written to is not
        looked at.

    Returns
    -------
    callable
        Takes the arguments of ``function``.
    """
    python = function.py_func
    name = f"{python.__module__}.{python.__qualname__}({', '.join(kinds)})"
    for number in _PRECISIONS:
        _register(_symbol(name, number), function, _expected(kinds, number))

    @intrinsic
    def call(typingctx, *args):
        number = args[0].dtype
        expected = _expected(kinds, number)
        if number not in _PRECISIONS or len(args) != len(expected) or not all(map(_fits, args, expected)):
            raise TypingError(f"{name} of float32 or float64 takes {expected}; got {args}")

        def codegen(context, builder, signature, values):
            members = cgutils.unpack_tuple(builder, values[0])
            values = [
                context.cast(builder, value, kind, types.intp) if isinstance(kind, _INTEGERS) else value
                for value, kind in zip(members, args)
            ]
            _call(context, builder, _symbol(name, number), expected, values)
            return context.get_dummy_value()

        return types.void(types.StarArgTuple(args)), codegen

    return call


def _symbol(name, number):
    return f"{name}:{number}"


def _expected(kinds, number):
    """Types of the arguments, in numba's words."""
    layouts = {"array": "A", "rows": "C"}
    words = [kind.split() for kind in kinds]
    return tuple(
        types.Array(number, int(word[1]), layouts[word[0]]) if len(word) == 2 else types.intp
        for word in words
    )


def _fits(given, expected):
    if isinstance(expected, types.Integer):
        return isinstance(given, _INTEGERS)
    return (
        isinstance(given, types.Array)
        and (given.dtype, given.ndim) == (expected.dtype, expected.ndim)
        and expected.layout in ("A", given.layout)
    )


def _register(symbol, function, arguments):
    """Give compiled code, under a symbol, a pointer that is null as yet and the way to set it."""
    slot = (ctypes.c_void_p * 2)()

    def fill():
        signature = types.void(*arguments)
        function.compile(signature)
        overload = function.overloads[signature.args]
        slot[0] = overload.library.get_pointer_to_function(overload.fndesc.llvm_func_name)

    way = _Fill(fill)
    slot[1] = ctypes.cast(way, ctypes.c_void_p).value
    _ALIVE.append((slot, way))
    llvmlite.binding.add_symbol(symbol, ctypes.addressof(slot))


def _call(context, builder, symbol, arguments, values):
    function = context.call_conv.get_function_type(types.none, arguments).as_pointer()
    filler = ir.FunctionType(ir.VoidType(), []).as_pointer()
    byte, index = ir.IntType(8).as_pointer(), ir.IntType(32)
    kind = ir.ArrayType(byte, 2)
    slot = builder.module.globals.get(symbol) or ir.GlobalVariable(builder.module, kind, symbol)
    places = [builder.gep(slot, [ir.Constant(index, 0), ir.Constant(index, i)]) for i in (0, 1)]
    with cgutils.if_unlikely(builder, cgutils.is_null(builder, builder.load(places[0]))):
        builder.call(builder.bitcast(builder.load(places[1]), filler), [])
        with cgutils.if_unlikely(builder, cgutils.is_null(builder, builder.load(places[0]))):
            message = (f"{symbol} could not be compiled",)
            context.call_conv.return_user_exc(builder, RuntimeError, message)
    pointer = builder.bitcast(builder.load(places[0]), function)
    status, _ = context.call_conv.call_function(builder, pointer, types.none, arguments, values)
    with cgutils.if_unlikely(builder, status.is_error):
        context.call_conv.return_status_propagate(builder, status)
