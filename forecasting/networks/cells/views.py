"""Views for compiled loops, without the counting of references that slices do.

A count is an atomic operation, and a view in a loop costs two of them: as much as a small product.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic


@intrinsic
def at_step(typingctx, array, t, begin, end):
    """``array[t, :, begin:end]`` of a contiguous array of three axes, which must outlive it."""
    view = types.Array(array.dtype, 2, "A")
    signature = view(array, t, begin, end)

    def codegen(context, builder, signature, args):
        whole = context.make_array(signature.args[0])(context, builder, args[0])
        t, begin, end = (
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(args[1:], signature.args[1:])
        )
        n_rows, width = (builder.extract_value(whole.shape, axis) for axis in (1, 2))
        strides = [builder.extract_value(whole.strides, axis) for axis in (1, 2)]
        first = builder.add(builder.mul(t, builder.mul(n_rows, width)), begin)
        data, shape = builder.gep(whole.data, [first]), [n_rows, builder.sub(end, begin)]
        return _view(context, builder, view, whole, data, shape, strides)

    return signature, codegen


@intrinsic
def repeated(typingctx, row, n_rows, width):
    """Some rows that all are the first numbers of one contiguous array, which must outlive them."""
    view = types.Array(row.dtype, 2, "A")
    signature = view(row, n_rows, width)

    def codegen(context, builder, signature, args):
        whole = context.make_array(signature.args[0])(context, builder, args[0])
        shape = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(args[1:], signature.args[1:])
        ]
        return _view(context, builder, view, whole, whole.data, shape, [shape[0].type(0), whole.itemsize])

    return signature, codegen


def _view(context, builder, kind, whole, data, shape, strides):
    """Part of an array, or its numbers in another shape, that knows of nothing to count."""
    part = context.make_array(kind)(context, builder)
    context.populate_array(
        part,
        data=data,
        shape=cgutils.pack_array(builder, shape),
        strides=cgutils.pack_array(builder, strides),
        itemsize=whole.itemsize,
        meminfo=ir.Constant(ir.IntType(8).as_pointer(), None),
    )
    return part._getvalue()
