"""Products with a transposed matrix for a few rows: scalar products of rows, without a transposed copy.

The product of one row with a matrix does two operations for every number of the matrix, and its time is that of
reading. A transposed copy has to be made first, and takes the place of other things in the caches.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from reservoir.kernels.compilation import compiled
from reservoir.kernels.products import VECTOR_BYTES
from reservoir.kernels.tiles import Arrays

MOST_ROWS = 7  # on the left: with more of them, a transposed copy pays
_SHAPES = (
    (4, 4),
    (2, 8),
    (1, 8),
)  # of tiles, rows on the left by rows on the right: a total each, in registers


class _Matrices(Arrays):
    """Arrays whose rows may lie apart."""

    def __init__(self, context, builder, signature, args):
        super().__init__(context, builder, signature, args)
        matrices = (
            context.make_array(kind)(context, builder, v) for kind, v in zip(signature.args[:3], args)
        )
        strides = [builder.extract_value(matrix.strides, 0) for matrix in matrices]
        self.apart = [builder.sdiv(stride, self.number(self.align)) for stride in strides]

    def rows(self, matrix, first, n_rows):
        """Where some rows of a matrix begin."""
        numbers = [self.builder.add(first, self.number(row)) for row in range(n_rows)]
        return [self.builder.mul(number, self.apart[matrix]) for number in numbers]


def _tile(n_left, n_right):
    """Intrinsic ``tile(out, left, right, i, j)`` for the scalar products of some rows on both sides, from i and j on.

    Of each row, as many numbers as fill whole vectors.
    """

    @intrinsic
    def tile(typingctx, out, left, right, i, j):
        signature = types.void(out, left, right, i, j)

        def codegen(context, builder, signature, args):
            a = _Matrices(context, builder, signature, args)
            i, j = a.integers
            lanes = VECTOR_BYTES // a.align
            vector = ir.VectorType(a.scalar, lanes)
            lefts, rights = a.rows(1, i, n_left), a.rows(2, j, n_right)
            totals = [[cgutils.alloca_once(builder, vector) for _ in rights] for _ in lefts]
            for total in (one for of_left in totals for one in of_left):
                builder.store(ir.Constant(vector, [0.0] * lanes), total)
            with a.loop(a.number(0), builder.sdiv(a.size(1, axis=1), a.number(lanes))) as (k, _):
                at = builder.mul(k, a.number(lanes))
                heard = [a.load(1, builder.add(row, at), lanes) for row in lefts]
                for r, row in enumerate(rights):
                    weights = a.load(2, builder.add(row, at), lanes)
                    for of_left, values in zip(totals, heard):
                        a.add_product(of_left[r], weights, values)
            sums = _sums(builder, [builder.load(total) for of_left in totals for total in of_left], lanes)
            width = min(sums[0].type.count, n_right)
            for row, begin in enumerate(a.rows(0, i, n_left)):
                for first in range(0, n_right, width):
                    vector, lane = divmod(row * n_right + first, sums[0].type.count)
                    part = _chosen(builder, sums[vector], sums[vector], range(lane, lane + width))
                    at = builder.add(begin, builder.add(j, a.number(first)))
                    total = builder.fadd(a.load(0, at, width), part)
                    builder.store(total, a.at(0, at, width), align=a.align)
            return context.get_dummy_value()

        return signature, codegen

    return tile


def _sums(builder, vectors, width):
    """Vectors that hold, side by side, the sum of each of some vectors of a width; all numbers powers of two.

    Partial sums of one vector stand in a segment. Step by step two vectors are merged, if there still are two, and
    the halves of all segments added.
    """
    segments = 1
    while width > 1:
        merging = len(vectors) > 1
        pairs = list(zip(vectors[::2], vectors[1::2])) if merging else [(vectors[0], vectors[0])]
        segments *= 2 if merging else 1
        firsts = [segment * width + lane for segment in range(segments) for lane in range(width // 2)]
        seconds = [lane + width // 2 for lane in firsts]
        vectors = [
            builder.fadd(_chosen(builder, *pair, firsts), _chosen(builder, *pair, seconds)) for pair in pairs
        ]
        width //= 2
    return vectors


def _chosen(builder, one, two, lanes):
    """Some lanes of two vectors as one."""
    mask = ir.Constant(ir.VectorType(ir.IntType(32), len(lanes)), list(lanes))
    return builder.shuffle_vector(one, two, mask)


def _strip(n_left, n_right):
    """Compiled function for some rows on the left, from row i on, and all on the right."""
    several, single = _tile(n_left, n_right), _tile(n_left, 1)

    @compiled(arithmetic="strict", cached=False, inline="always")
    def strip(out, left, right, i, backwards):
        n_tiles = right.shape[0] // n_right
        for tile in range(n_tiles):
            several(out, left, right, i, n_right * (n_tiles - 1 - tile if backwards else tile))
        for j in range(n_right * n_tiles, right.shape[0]):
            single(out, left, right, i, j)

    return strip


_of_4, _of_2, _of_1 = (_strip(*shape) for shape in _SHAPES)


@compiled(arithmetic="strict")
def add_transposed_product(out, left, right, backwards=False):
    """``out += left @ right.T``, without looking whether the shapes match.

    Parameters
    ----------
    out : array of shape (n_rows, n_columns)
        Overwritten. The last axes of all three are contiguous, and they are of one precision.
    left : array of shape (n_rows, depth)
    right : array of shape (n_columns, depth)
    backwards : bool, default=False
        Begin with the last rows of ``right``, which the first-level cache may hold since the last product with it;
        the result is the same.
    """
    n_rows, depth = left.shape
    i = 0
    while i + 4 <= n_rows:
        _of_4(out, left, right, i, backwards)
        i += 4
    if i + 2 <= n_rows:
        _of_2(out, left, right, i, backwards)
        i += 2
    if i < n_rows:
        _of_1(out, left, right, i, backwards)
    for k in range(depth - depth % (VECTOR_BYTES // out.itemsize), depth):
        for i in range(n_rows):
            for j in range(right.shape[0]):
                out[i, j] += left[i, k] * right[j, k]
