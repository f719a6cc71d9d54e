"""Products of a few rows with a matrix that many such products share, packed in the order in which it is read.

A product of one row does two operations for every number of the matrix: its time is that of reading. Tiles of a
matrix as it stands jump from row to row and get half of what the second-level cache can give; read from one end to
the other it gives all.

The packed matrix is cut into panels of some vectors of columns, one behind the other, and a panel into its rows.
Towards the last columns panels get narrower; the last one is filled up with zeros.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from reservoir.products import DEPTH, VECTOR_BYTES
from reservoir.tiles import Arrays

_BLOCK = 16  # numbers of a cache line: what is transposed at a time
_CACHE_LINE = 64  # bytes

# Vectors of a panel for 1, 2, ... rows: with so many rows, as many totals as there are registers to spare.
_VECTORS = (8, 8, 4, 4, 4, 2, 2) if VECTOR_BYTES == 64 else (4, 4, 2, 2, 2, 1, 1)
MOST_ROWS = len(_VECTORS)


class _Matrices(Arrays):
    """Arrays whose rows may lie apart."""

    def __init__(self, context, builder, signature, args):
        super().__init__(context, builder, signature, args)
        self.apart = [
            builder.sdiv(builder.extract_value(matrix.strides, 0), self.number(self.align))
            for matrix in (
                context.make_array(kind)(context, builder, v) for kind, v in zip(signature.args[:2], args)
            )
        ]

    def row(self, matrix, number):
        return self.builder.mul(self.apart[matrix], self.number(number))


def _tile(rows, vectors, partial):
    """Intrinsic for the product of some rows with one panel.

    ``tile(out, left, packed, j, first, depth, at)`` adds to the columns of ``out`` from j on the product of the
    columns of ``left`` from ``first`` to ``first + depth`` with what stands in ``packed`` from ``at`` on, and gives
    the end of that. A partial panel has more columns than ``out``.
    """

    @intrinsic
    def tile(typingctx, out, left, packed, j, first, depth, at):
        signature = types.intp(out, left, packed, j, first, depth, at)

        def codegen(context, builder, signature, args):
            a = _Matrices(context, builder, signature, args)
            j, first, depth, at = a.integers
            lanes = VECTOR_BYTES // a.align
            columns = lanes * vectors
            vector = ir.VectorType(a.scalar, columns)
            totals = [cgutils.alloca_once(builder, vector) for _ in range(rows)]
            for total in totals:
                builder.store(ir.Constant(vector, [0.0] * columns), total)
            heard = [builder.add(first, a.row(1, r)) for r in range(rows)]
            with a.loop(a.number(0), depth) as (k, _):
                begin = builder.add(at, builder.mul(k, a.number(columns)))
                values = a.load(2, begin, columns)
                for total, begin in zip(totals, heard):
                    factor = a.scalar_at(1, builder.add(begin, k))
                    a.add_product(total, values, a.spread(factor, columns))
            for r, total in enumerate(totals):
                begin = builder.add(j, a.row(0, r))
                if partial:
                    _add_first(a, total, begin, builder.sub(a.size(0, axis=1), j))
                else:
                    sums = builder.fadd(a.load(0, begin, columns), builder.load(total))
                    builder.store(sums, a.at(0, begin, columns), align=a.align)
            return builder.add(at, builder.mul(depth, a.number(columns)))

        return signature, codegen

    return tile


def _add_first(a, total, begin, n_columns):
    """Add the first numbers of a register to an array."""
    builder = a.builder
    numbers = builder.bitcast(total, a.scalar.as_pointer())
    with a.loop(a.number(0), n_columns) as (c, _):
        target = builder.gep(a.pointers[0], [builder.add(begin, c)])
        sums = builder.fadd(builder.load(target), builder.load(builder.gep(numbers, [c])))
        builder.store(sums, target)


def _strip(rows, vectors):
    """Compiled function: the columns from j on, in panels of ``vectors`` vectors while they fit, then of half."""
    if vectors == 0:
        return _edge(rows)
    tile, narrower = _tile(rows, vectors, partial=False), _strip(rows, vectors // 2)

    @njit(error_model="numpy", inline="always")
    def strip(out, left, packed, j, first, depth, at):
        size = vectors * (VECTOR_BYTES // out.itemsize)
        while j + size <= out.shape[1]:
            at = tile(out, left, packed, j, first, depth, at)
            j += size
        return narrower(out, left, packed, j, first, depth, at)

    return strip


def _edge(rows):
    """The same for the columns that fill no vector."""
    tile = _tile(rows, 1, partial=True)

    @njit(error_model="numpy", inline="always")
    def edge(out, left, packed, j, first, depth, at):
        return tile(out, left, packed, j, first, depth, at) if j < out.shape[1] else at

    return edge


_1, _2, _3, _4, _5, _6, _7 = (_strip(rows + 1, vectors) for rows, vectors in enumerate(_VECTORS))


@njit(cache=True, nogil=True, error_model="numpy")
def add_packed_product(out, left, packed):
    """``out += left @ right`` for at most MOST_ROWS rows, ``packed`` being ``right`` as `packed` gives it for them.

    Sums are made in the order of `products.add_product`: the same numbers to the last bit. The last axes of ``out``
    and ``left`` are contiguous; nothing is checked.
    """
    n_rows, n_terms = left.shape
    at = 0
    for first in range(0, n_terms, DEPTH):
        depth = min(DEPTH, n_terms - first)
        if n_rows == 1:
            at = _1(out, left, packed, 0, first, depth, at)
        elif n_rows == 2:
            at = _2(out, left, packed, 0, first, depth, at)
        elif n_rows == 3:
            at = _3(out, left, packed, 0, first, depth, at)
        elif n_rows == 4:
            at = _4(out, left, packed, 0, first, depth, at)
        elif n_rows == 5:
            at = _5(out, left, packed, 0, first, depth, at)
        elif n_rows == 6:
            at = _6(out, left, packed, 0, first, depth, at)
        elif n_rows == 7:
            at = _7(out, left, packed, 0, first, depth, at)


@njit(cache=True, nogil=True, error_model="numpy")
def packed_size(n_terms, n_columns, itemsize):
    """Return how many numbers `pack` fills."""
    lanes = VECTOR_BYTES // itemsize
    return n_terms * (-(-n_columns // lanes) * lanes)


@njit(cache=True, nogil=True, error_model="numpy")
def pack(packed, weights, transposed, n_rows):
    """Fill ``packed`` with a contiguous matrix, or with its transpose, for products of ``n_rows`` rows."""
    n_terms, n_columns = weights.shape
    if transposed:
        n_terms, n_columns = n_columns, n_terms
    lanes, source = VECTOR_BYTES // weights.itemsize, weights.reshape(-1)
    at = 0
    for first in range(0, n_terms, DEPTH):
        depth = min(DEPTH, n_terms - first)
        j, vectors = 0, _VECTORS[n_rows - 1]
        while j < n_columns:
            while vectors > 1 and j + vectors * lanes > n_columns:
                vectors //= 2
            size = vectors * lanes
            shape = np.uint64(depth), np.uint64(size), np.uint64(min(size, n_columns - j))
            panel = packed[at : at + depth * size]
            if shape[2] < shape[1]:
                panel[:] = 0
            if transposed:
                _pack_transposed(panel, source[j * n_terms + first :], *shape, np.uint64(n_terms))
            else:
                _pack_rows(panel, source[first * n_columns + j :], *shape, np.uint64(n_columns))
            at += depth * size
            j += size


@njit(cache=True, nogil=True, error_model="numpy")
def _pack_rows(panel, source, depth, size, used, apart):
    for k in range(depth):
        for c in range(used):
            panel[k * size + c] = source[k * apart + c]


@njit(cache=True, nogil=True, error_model="numpy")
def _pack_transposed(panel, source, depth, size, used, apart):
    """Block by block: rows a power of two apart would evict each other."""
    block = np.uint64(_BLOCK)
    for begin in range(np.uint64(0), used, block):
        here = min(block, used - begin)
        for k in range(depth):
            for c in range(here):
                panel[k * size + begin + c] = source[(begin + c) * apart + k]


@njit(cache=True, nogil=True, error_model="numpy")
def aligned(like, size):
    """Return an array of the precision of another whose vectors straddle no two cache lines."""
    room = np.empty(size + _CACHE_LINE // like.itemsize, like.dtype)
    begin = -room.ctypes.data % _CACHE_LINE // like.itemsize
    return room[begin : begin + size]
