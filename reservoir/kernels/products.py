"""Matrix products inside compiled loops: register tiles of many rows and columns, for whatever vectors the host has.

The BLAS that comes with NumPy may know only the older vectors of a processor, and a call of it costs a
microsecond, which is more than a small product takes. Here a tile of ``out`` stays in registers while its whole
sum over k is made: every number of ``right`` loaded is used for several rows, every one of ``left`` for several
columns. Tiles shrink towards the edges, so that all sizes work without padding.
"""

import llvmlite.binding
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import spread
from reservoir.kernels.threads import blas_threads, in_threads

DEPTH = 256  # terms of the sum at a time: what they touch of ``right`` stays in the first two caches
PANEL_BYTES = 256  # of a row of a panel, see `add_panels`

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
    """Intrinsic for one tile: ``out[at] = base[at] + left[i : i + rows, begin:end] @ part``.

    ``at`` are rows from i on and columns from j on, ``part`` is ``right[begin:end, k : k + columns]``. Positions, and
    not views of parts: a view counts references.

    Returns
    -------
    callable
        ``tile(out, base, left, right, i, j, k, begin, end)`` gives the next j.
    """

    @intrinsic
    def tile(typingctx, out, base, left, right, i, j, k, begin, end):
        signature = types.intp(out, base, left, right, i, j, k, begin, end)

        def codegen(context, builder, signature, args):
            kinds, item = signature.args, signature.args[0].dtype.bitwidth // 8
            columns = vectors * (VECTOR_BYTES // item) if lanes is None else lanes
            scalar, word = context.get_data_type(kinds[0].dtype), context.get_value_type(types.intp)
            byte = ir.IntType(8).as_pointer()
            vector = ir.VectorType(scalar, columns)
            arrays = [
                context.make_array(kind)(context, builder, value) for kind, value in zip(kinds[:4], args)
            ]
            origins = [builder.bitcast(array.data, byte) for array in arrays]
            strides = [  # of the last two axes: panels have one before them
                [builder.extract_value(array.strides, kind.ndim + axis) for axis in (-2, -1)]
                for kind, array in zip(kinds, arrays)
            ]
            first_row, first_column, part, begin, end = (
                context.cast(builder, value, kind, types.intp) for value, kind in zip(args[4:], kinds[4:])
            )
            across = builder.mul(first_column, ir.Constant(word, item))
            every = [builder.add(first_row, ir.Constant(word, r)) for r in range(rows)]
            heard = [builder.gep(origins[2], [builder.mul(row, strides[2][0])]) for row in every]
            places = [
                [builder.add(builder.mul(row, strides[array][0]), across) for row in every]
                for array in (0, 1)
            ]
            ends, bases = (
                [
                    builder.bitcast(builder.gep(origins[array], [at]), vector.as_pointer())
                    for at in places[array]
                ]
                for array in (0, 1)
            )
            totals = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
            for total in totals:  # from zero: a long sum made of partial sums keeps more digits
                builder.store(ir.Constant(vector, [0.0] * columns), total)
            source = builder.gep(origins[3], [builder.mul(part, ir.Constant(word, item))])
            one = ir.Constant(word, 1)
            with cgutils.for_range_slice(builder, begin, end, one, intp=word) as (k, _):
                place = builder.gep(source, [builder.mul(k, strides[3][0])])
                values = builder.load(builder.bitcast(place, vector.as_pointer()), align=item)
                step = builder.mul(k, strides[2][1])
                for total, row in zip(totals, heard):
                    place = builder.bitcast(builder.gep(row, [step]), scalar.as_pointer())
                    factor = spread(builder, builder.load(place), columns)
                    product = builder.fmul(values, factor, flags=("contract",))
                    builder.store(builder.fadd(product, builder.load(total), flags=("contract",)), total)
            for total, base, place in zip(totals, bases, ends):
                so_far = builder.load(base, align=item)
                builder.store(builder.fadd(so_far, builder.load(total)), place, align=item)
            return builder.add(first_column, ir.Constant(word, columns))

        return signature, codegen

    return tile


def _strip(rows, vectors):
    """Compiled function: columns from j on of ``rows`` rows of a product, from row i on; gives the next j.

    Of the sums the terms from ``begin`` to ``end``, in tiles of ``vectors`` vectors while they fit, then of half as
    many: few independent sums would wait for each other.
    """
    if vectors == 0:
        return _edge(rows)
    tile, narrower = _tile(rows, vectors), _strip(rows, vectors // 2)

    @compiled(arithmetic="strict", cached=False, inline="always")
    def strip(out, base, left, right, i, j, begin, end):
        size = vectors * (VECTOR_BYTES // out.itemsize)
        while j + size <= right.shape[1]:
            j = tile(out, base, left, right, i, j, j, begin, end)
        return narrower(out, base, left, right, i, j, begin, end) if j < right.shape[1] else j

    return strip


def _edge(rows):
    """The same for the columns that fill no vector."""
    four, single = _tile(rows, 0, 4), _tile(rows, 0, 1)

    @compiled(arithmetic="strict", cached=False, inline="always")
    def edge(out, base, left, right, i, j, begin, end):
        while j + 4 <= right.shape[1]:
            j = four(out, base, left, right, i, j, j, begin, end)
        while j < right.shape[1]:
            j = single(out, base, left, right, i, j, j, begin, end)
        return j

    return edge


def _panel_strip(rows, vectors):
    """Compiled function: rows of a product from row i on, of its columns those that lie in one panel."""
    vectors = min(vectors, PANEL_BYTES // VECTOR_BYTES)
    tile = _tile(rows, vectors)

    @compiled(arithmetic="strict", cached=False, inline="always")
    def strip(out, left, panels, i, panel, begin, end):
        depth, width = panels.shape[1:]
        start = panel * width
        for j in range(start, start + width, vectors * (VECTOR_BYTES // out.itemsize)):
            tile(out, out, left, panels, i, j, panel * depth * width + j - start, begin, end)

    return strip


_strip_of_8, _strip_of_4, _strip_of_2, _strip_of_1 = (
    _strip(rows, vectors) for rows, vectors in zip((8, 4, 2, 1), _VECTORS)
)
_panel_of_2, _panel_of_1 = (_panel_strip(rows, vectors) for rows, vectors in zip((2, 1), _VECTORS[2:]))


@compiled(arithmetic="strict")
def set_product(out, base, left, right):
    """``out = base + left @ right``, without looking whether the shapes match.

    Parameters
    ----------
    out : array of shape (n_rows, n_columns)
        Overwritten. The last axes of this, ``base`` and ``right`` are contiguous; all four are of one precision.
    base : array of shape (n_rows, n_columns)
        May be ``out``.
    left : array of shape (n_rows, depth)
        In any order: a transposed array costs nothing.
    right : array of shape (depth, n_columns)
    """
    n_rows, depth = left.shape
    for begin in range(0, max(depth, 1), DEPTH):
        end = min(begin + DEPTH, depth)
        if begin > 0:
            base = out
        i = 0
        while i + 8 <= n_rows:
            _strip_of_8(out, base, left, right, i, 0, begin, end)
            i += 8
        if i + 4 <= n_rows:
            _strip_of_4(out, base, left, right, i, 0, begin, end)
            i += 4
        if i + 2 <= n_rows:
            _strip_of_2(out, base, left, right, i, 0, begin, end)
            i += 2
        if i < n_rows:
            _strip_of_1(out, base, left, right, i, 0, begin, end)


@compiled(arithmetic="strict")
def add_panels(out, left, panels, backwards):
    """``out += left @ right`` for a matrix whose columns lie in panels, to the same bits as `add_product`.

    What multiplies a few rows by one matrix again and again waits for the matrix to come from the second-level cache,
    unless all of it fits into the first. Of a larger one nothing stays there until it is read again from its begin;
    where every second product goes backwards, as much stays as fits.

    Parameters
    ----------
    out : array of shape (n_rows, n_columns)
        Overwritten: of its columns as many as the panels have, n_panels * width.
    left : array of shape (n_rows, depth)
    panels : array of shape (n_panels, depth, width)
    backwards : bool
        Begin with the last panel.
    """
    n_rows, depth = left.shape
    n_panels = panels.shape[0]
    for begin in range(0, depth, DEPTH):
        end = min(begin + DEPTH, depth)
        for number in range(n_panels):
            panel = n_panels - 1 - number if backwards else number
            for i in range(0, n_rows - 1, 2):
                _panel_of_2(out, left, panels, i, panel, begin, end)
            if n_rows % 2:
                _panel_of_1(out, left, panels, n_rows - 1, panel, begin, end)


@compiled(arithmetic="strict")
def add_product(out, left, right):
    """``out += left @ right``, as `set_product`."""
    set_product(out, out, left, right)


def product(left, right):
    """``left @ right`` of two matrices of one precision, in as many threads as BLAS would take."""
    out = np.zeros((left.shape[0], right.shape[1]), dtype=left.dtype)
    right = np.ascontiguousarray(right)

    def add(first):
        part = slice(first, first + _ROWS)
        add_product(out[part], left[part], right)

    in_threads(add, range(0, len(out), _ROWS), blas_threads() if out.size > _ROWS**2 else 1)
    return out
