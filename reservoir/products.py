"""Matrix products inside compiled loops: register tiles of many rows and columns, for whatever vectors the host has.

The BLAS that comes with NumPy may know only the older vectors of a processor, and a call of it costs a
microsecond, which is more than a small product takes. Here a tile of ``out`` stays in registers while its whole
sum over k is made: every number of ``right`` loaded is used for several rows, every one of ``left`` for several
columns. Tiles shrink towards the edges, so that all sizes work without padding.
"""

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils, config
from numba.extending import intrinsic

from reservoir.threads import blas_threads, in_threads

DEPTH = 256  # terms of the sum at a time: what they touch of ``right`` stays in the first two caches

_ROWS = 128  # rows of a product that a thread takes at a time


def _host_has(feature: str) -> bool:
    """Whether compiled code may use a feature of the processor."""
    if config.CPU_FEATURES is not None:
        return f"+{feature}" in config.CPU_FEATURES.split(",")
    if config.CPU_NAME is not None:
        return False  # an explicit model: stay with what all of them have
    return bool(llvmlite.binding.get_host_cpu_features().get(feature, False))


# Bytes of a vector, and vectors per row in tiles of 8, 4, 2 and 1 rows: as many totals as there are registers to
# spare, and more than the latency of a multiply-add asks for. Powers of two: LLVM fumbles over other vectors.
if _host_has("avx512f"):
    VECTOR_BYTES, _VECTORS = 64, (2, 4, 8, 8)
elif _host_has("avx"):
    VECTOR_BYTES, _VECTORS = 32, (1, 2, 4, 8)
else:
    VECTOR_BYTES, _VECTORS = 16, (1, 2, 4, 8)


def _tile(rows, vectors, lanes=None):
    """Intrinsic for one tile: ``out[i : i + rows, j : j + columns] += left[i : i + rows] @ right[:, j : ...]``.

    Returns
    -------
    callable
        ``tile(out, left, right, i, j)`` gives the next j.
    """

    @intrinsic
    def tile(typingctx, out, left, right, i, j):
        signature = types.intp(out, left, right, i, j)

        def codegen(context, builder, signature, args):
            kinds, item = signature.args, signature.args[0].dtype.bitwidth // 8
            columns = vectors * (VECTOR_BYTES // item) if lanes is None else lanes
            scalar, word = context.get_data_type(kinds[0].dtype), context.get_value_type(types.intp)
            byte = ir.IntType(8).as_pointer()
            vector = ir.VectorType(scalar, columns)
            arrays = [
                context.make_array(kind)(context, builder, value) for kind, value in zip(kinds[:3], args)
            ]
            begins = [builder.bitcast(array.data, byte) for array in arrays]
            strides = [[builder.extract_value(array.strides, axis) for axis in (0, 1)] for array in arrays]
            depth = builder.extract_value(arrays[1].shape, 1)
            first_row, first_column = (
                context.cast(builder, value, kind, types.intp) for value, kind in zip(args[3:], kinds[3:])
            )
            across = builder.mul(first_column, ir.Constant(word, item))
            every = [builder.add(first_row, ir.Constant(word, r)) for r in range(rows)]
            heard = [builder.gep(begins[1], [builder.mul(row, strides[1][0])]) for row in every]
            ends = [
                builder.gep(begins[0], [builder.add(builder.mul(row, strides[0][0]), across)])
                for row in every
            ]
            ends = [builder.bitcast(end, vector.as_pointer()) for end in ends]
            totals = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
            for total in totals:  # from zero: a long sum made of partial sums keeps more digits
                builder.store(ir.Constant(vector, [0.0] * columns), total)
            source = builder.gep(begins[2], [across])
            with cgutils.for_range(builder, depth, intp=word) as loop:
                at = builder.gep(source, [builder.mul(loop.index, strides[2][0])])
                values = builder.load(builder.bitcast(at, vector.as_pointer()), align=item)
                step = builder.mul(loop.index, strides[1][1])
                for total, begin in zip(totals, heard):
                    at = builder.bitcast(builder.gep(begin, [step]), scalar.as_pointer())
                    factor = _spread(builder, builder.load(at), vector, columns)
                    product = builder.fmul(values, factor, flags=("contract",))
                    builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)
            for total, end in zip(totals, ends):
                so_far = builder.load(end, align=item)
                builder.store(builder.fadd(so_far, builder.load(total)), end, align=item)
            return builder.add(first_column, ir.Constant(word, columns))

        return signature, codegen

    return tile


def _spread(builder, value, vector, columns):
    """Vector of one number repeated."""
    undefined, index = ir.Constant(vector, ir.Undefined), ir.IntType(32)
    lane = builder.insert_element(undefined, value, ir.Constant(index, 0))
    return builder.shuffle_vector(lane, undefined, ir.Constant(ir.VectorType(index, columns), [0] * columns))


def _strip(rows, vectors):
    """Compiled function: columns from j on of ``rows`` rows of a product, from row i on; gives the next j.

    Tiles of ``vectors`` vectors while they fit, then of half as many: few independent sums would wait for each other.
    """
    if vectors == 0:
        return _edge(rows)
    tile, narrower = _tile(rows, vectors), _strip(rows, vectors // 2)

    @njit(error_model="numpy", inline="always")
    def strip(out, left, right, i, j):
        size = vectors * (VECTOR_BYTES // out.itemsize)
        while j + size <= right.shape[1]:
            j = tile(out, left, right, i, j)
        return narrower(out, left, right, i, j) if j < right.shape[1] else j

    return strip


def _edge(rows):
    """The same for the columns that fill no vector."""
    four, single = _tile(rows, 0, 4), _tile(rows, 0, 1)

    @njit(error_model="numpy", inline="always")
    def edge(out, left, right, i, j):
        while j + 4 <= right.shape[1]:
            j = four(out, left, right, i, j)
        while j < right.shape[1]:
            j = single(out, left, right, i, j)
        return j

    return edge


_strip_of_8, _strip_of_4, _strip_of_2, _strip_of_1 = (
    _strip(rows, vectors) for rows, vectors in zip((8, 4, 2, 1), _VECTORS)
)


@njit(cache=True, nogil=True, error_model="numpy")
def add_product(out, left, right):
    """``out += left @ right``, without looking whether the shapes match.

    Parameters
    ----------
    out : array of shape (n_rows, n_columns)
        Overwritten. Its last axis and that of ``right`` are contiguous; all three are of one precision.
    left : array of shape (n_rows, depth)
        In any order: a transposed array costs nothing.
    right : array of shape (depth, n_columns)
    """
    n_rows, depth = left.shape
    for begin in range(0, depth, DEPTH):
        part, below = left[:, begin : begin + DEPTH], right[begin : begin + DEPTH]
        i = 0
        while i + 8 <= n_rows:
            _strip_of_8(out, part, below, i, 0)
            i += 8
        if i + 4 <= n_rows:
            _strip_of_4(out, part, below, i, 0)
            i += 4
        if i + 2 <= n_rows:
            _strip_of_2(out, part, below, i, 0)
            i += 2
        if i < n_rows:
            _strip_of_1(out, part, below, i, 0)


def product(left, right):
    """``left @ right`` of two matrices of one precision, in as many threads as BLAS would take."""
    out = np.zeros((left.shape[0], right.shape[1]), dtype=left.dtype)
    right = np.ascontiguousarray(right)

    def add(first):
        part = slice(first, first + _ROWS)
        add_product(out[part], left[part], right)

    in_threads(add, range(0, len(out), _ROWS), blas_threads() if out.size > _ROWS**2 else 1)
    return out
