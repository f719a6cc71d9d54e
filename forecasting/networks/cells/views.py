"""Views of one time step for compiled loops, without the counting of references that slices do.

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
        part = context.make_array(view)(context, builder)
        context.populate_array(
            part,
            data=builder.gep(whole.data, [first]),
            shape=cgutils.pack_array(builder, [n_rows, builder.sub(end, begin)]),
            strides=cgutils.pack_array(builder, strides),
            itemsize=whole.itemsize,
            meminfo=ir.Constant(ir.IntType(8).as_pointer(), None),
        )
        return part._getvalue()

    return signature, codegen
