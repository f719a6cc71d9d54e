"""Sums over many terms whose totals stay in registers, written in LLVM's vector types.

A loop ``target[i] += weight * source`` over a few units inside a loop over their terms is not kept in registers
by the vectoriser: every term loads and stores the totals again. Here a tile of units is loaded once, all its
terms are added, and it is stored once. LLVM splits the wide vectors into whatever registers the processor has.

All arrays are contiguous and of one precision; nothing is checked.
"""

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from reservoir.kernels.compilation import compiled
from reservoir.kernels.lanes import spread

TILE = 32  # units per tile: enough independent sums to hide the latency of a multiply-add
SHARED = 16  # units of a circle that may have one weight; divides TILE
LANES = 16  # rows of a slice of a sparse matrix
BLOCK = 16  # series in step
_GATHERED = 4  # numbers put together into one vector: more cost more shuffles than they save
_CACHE_LINE = 64  # bytes
ROWS = 4  # rows times BLOCK series: totals for half the registers of AVX-512


def tiled(rows, dtype, width=TILE):
    """Rows (n_rows, n_units) as tiles of ``width`` columns, padded with zeros, one tile after the other."""
    n_rows, n_units = rows.shape
    n_tiles = -(-n_units // width)
    padded = np.zeros((n_rows, n_tiles * width), dtype=dtype)
    padded[:, :n_units] = rows
    tiles = padded.reshape(n_rows, n_tiles, width).transpose(1, 0, 2)
    out = aligned((n_tiles * n_rows, width), dtype)
    out[:] = tiles.reshape(-1, width)
    return out


def aligned(shape, dtype):
    """Array that is not set, from the beginning of a cache line on."""
    size = math.prod(shape)
    room = np.empty(size + _CACHE_LINE, dtype=dtype)
    begin = -room.ctypes.data % _CACHE_LINE // room.itemsize
    return room[begin : begin + size].reshape(shape)


@compiled(arithmetic="strict", cached=False)
def aligned_zeros(size, like):
    """Zeros of the precision of ``like``, from the beginning of a cache line on."""
    zeros = np.zeros(size + _CACHE_LINE // like.itemsize, like.dtype)
    begin = (-zeros.ctypes.data % _CACHE_LINE) // like.itemsize
    return zeros[begin : begin + size]


class Arrays:
    """The array arguments of an intrinsic, and arithmetic on vectors of their precision."""

    def __init__(self, context, builder, signature, args):
        self.builder = builder
        arrays = [
            context.make_array(kind)(context, builder, value)
            for kind, value in _flat(builder, signature.args, args)
            if isinstance(kind, types.Array)
        ]
        self.pointers = [array.data for array in arrays]
        self.shapes = [array.shape for array in arrays]
        self.word = context.get_value_type(types.intp)
        self.integers = [
            context.cast(builder, value, kind, types.intp)
            for kind, value in zip(signature.args, args)
            if isinstance(kind, types.Integer)
        ]
        self.scalar = context.get_data_type(signature.args[0].dtype)
        self.align = signature.args[0].dtype.bitwidth // 8

    def number(self, value):
        """Integer constant."""
        return ir.Constant(self.word, value)

    def size(self, array, axis=0):
        """Length of an axis."""
        return self.builder.extract_value(self.shapes[array], axis)

    def at(self, array, position, width):
        """Pointer to ``width`` numbers of an array."""
        pointer = self.builder.gep(self.pointers[array], [position])
        return self.builder.bitcast(pointer, ir.VectorType(self.scalar, width).as_pointer())

    def load(self, array, position, width):
        """Vector of ``width`` numbers of an array."""
        return self.builder.load(self.at(array, position, width), align=self.align)

    def scalar_at(self, array, position):
        """One number of an array."""
        return self.builder.load(self.builder.gep(self.pointers[array], [position]))

    def spread(self, value, width):
        """Vector of one number repeated."""
        return spread(self.builder, value, width)

    def totals(self, positions, width, zero=False):
        """Registers that begin with zero or what stands in array 0, and the way to store them there."""
        vector = ir.VectorType(self.scalar, width)
        pointers = [self.at(0, position, width) for position in positions]
        registers = []
        for pointer in pointers:
            register = cgutils.alloca_once(self.builder, vector)
            begin = (
                ir.Constant(vector, [0.0] * width) if zero else self.builder.load(pointer, align=self.align)
            )
            self.builder.store(begin, register)
            registers.append(register)

        def store():
            for pointer, register in zip(pointers, registers):
                self.builder.store(self.builder.load(register), pointer, align=self.align)

        return registers, store

    def add_product(self, register, left, right):
        """``register += left * right``, contracted."""
        product = self.builder.fmul(left, right, flags=("contract",))
        total = self.builder.fadd(product, self.builder.load(register), flags=("contract",))
        self.builder.store(total, register)

    def loop(self, start, stop):
        """Loop over integers: a context that gives (index, block after)."""
        return cgutils.for_range_slice(self.builder, start, stop, self.number(1), intp=self.word)


def _flat(builder, kinds, values):
    """Pairs of type and value; tuples in place of which their members stand count no references."""
    for kind, value in zip(kinds, values):
        if isinstance(kind, types.BaseTuple):
            members = [builder.extract_value(value, i) for i in range(len(kind.types))]
            yield from zip(kind.types, members)
        else:
            yield kind, value


@intrinsic
def set_inputs(typingctx, tile, inputs, weights, t, first):
    """``tile[i] = sum_d weights[d, first + i] * inputs[t, d]``; ``weights`` comes from ``tiled``."""
    signature = types.void(tile, inputs, weights, t, first)

    def codegen(context, builder, signature, args):
        a = Arrays(context, builder, signature, args)
        t, first = a.integers
        (total,), store = a.totals([a.number(0)], TILE, zero=True)
        n_inputs = a.size(1, axis=1)
        base, row_of_inputs = builder.mul(first, n_inputs), builder.mul(t, n_inputs)
        with a.loop(a.number(0), n_inputs) as (d, _):
            row = a.load(2, builder.add(base, builder.mul(d, a.number(TILE))), TILE)
            a.add_product(total, row, a.spread(a.scalar_at(1, builder.add(row_of_inputs, d)), TILE))
        store()
        return context.get_dummy_value()

    return signature, codegen


def _heard_at_shifts(shared):
    """Intrinsic for circular shifts; ``shared`` units have one weight."""

    @intrinsic
    def heard_at_shifts(typingctx, tile, circles, recurrence, begin, first):
        signature = types.void(tile, circles, recurrence, begin, first)
        width = TILE if shared == 1 else shared

        def codegen(context, builder, signature, args):
            a = Arrays(context, builder, signature, args)
            begin, first = a.integers
            registers, store = a.totals([a.number(i) for i in range(0, TILE, width)], width)
            start = builder.mul(builder.udiv(first, a.number(TILE)), a.size(3, axis=1))
            with a.loop(start, builder.add(start, a.size(3, axis=1))) as (entry, _):
                weights = builder.mul(entry, a.number(TILE // shared))
                heard = builder.add(begin, a.scalar_at(3, entry))
                for i, register in enumerate(registers):
                    at = builder.add(weights, a.number(i))
                    weight = a.load(2, at, TILE) if shared == 1 else a.spread(a.scalar_at(2, at), width)
                    of_part = a.load(1, builder.add(heard, a.number(i * width)), width)
                    a.add_product(register, weight, of_part)
            store()
            return context.get_dummy_value()

        return signature, codegen

    return heard_at_shifts


# ``tile[i] += sum_k weights[e(k), i // shared] * circles[begin + heard[first // TILE, k] + i]``, ``e`` being the
# place of ``heard[first // TILE, k]`` in ``heard``. ``recurrence`` is (weights, heard).
add_shifted = _heard_at_shifts(shared=1)
add_shared = _heard_at_shifts(shared=SHARED)


@intrinsic
def put_tile(typingctx, target, tile, first):
    """``target[first : first + TILE] = tile``; ``target`` must reach so far."""
    signature = types.void(target, tile, first)

    def codegen(context, builder, signature, args):
        a = Arrays(context, builder, signature, args)
        builder.store(a.load(1, a.number(0), TILE), a.at(0, a.integers[0], TILE), align=a.align)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def get_tile(typingctx, tile, source, first):
    """``tile[:] = source[first : first + TILE]``; ``source`` must reach so far."""
    signature = types.void(tile, source, first)

    def codegen(context, builder, signature, args):
        a = Arrays(context, builder, signature, args)
        builder.store(a.load(1, a.integers[0], TILE), a.at(0, a.number(0), TILE), align=a.align)
        return context.get_dummy_value()

    return signature, codegen


@intrinsic
def add_slice(typingctx, tile, circles, recurrence, begin, number, lane):
    """``tile[lane + l] += sum_e weights[e, l] * circles[begin + indices[e, l]]`` for the LANES rows l of a slice.

    ``recurrence`` is (weights, indices, starts); ``e`` runs from ``starts[number]`` to ``starts[number + 1]``.
    """
    signature = types.void(tile, circles, recurrence, begin, number, lane)

    def codegen(context, builder, signature, args):
        a = Arrays(context, builder, signature, args)
        begin, number, lane = a.integers
        start, stop = a.scalar_at(4, number), a.scalar_at(4, builder.add(number, a.number(1)))
        groups = range(0, LANES, _GATHERED)
        registers, store = a.totals([builder.add(lane, a.number(g)) for g in groups], _GATHERED)
        a.pointers[1] = builder.gep(a.pointers[1], [begin])
        with a.loop(start, stop) as (entry, _):
            base = builder.mul(entry, a.number(LANES))
            at = _indices(a, base)
            for g, register in zip(groups, registers):
                gathered = ir.Constant(ir.VectorType(a.scalar, _GATHERED), ir.Undefined)
                for i in range(_GATHERED):
                    value = a.scalar_at(1, at[g + i])
                    gathered = builder.insert_element(gathered, value, ir.Constant(ir.IntType(32), i))
                a.add_product(register, a.load(2, builder.add(base, a.number(g)), _GATHERED), gathered)
        store()
        return context.get_dummy_value()

    return signature, codegen


def _indices(a, base):
    """The LANES indices from ``base`` on, two by two (little-endian): loads are what takes the time."""
    builder, found = a.builder, []
    for lane in range(0, LANES, 2):
        pointer = builder.gep(a.pointers[3], [builder.add(base, a.number(lane))])
        pair = builder.load(builder.bitcast(pointer, ir.IntType(64).as_pointer()), align=4)
        found += [builder.and_(pair, a.number(2**32 - 1)), builder.lshr(pair, a.number(32))]
    return found


def _rows_of_slice(zero):
    """Intrinsic for ROWS rows of a slice and BLOCK series; ``zero`` says where the totals begin."""

    @intrinsic
    def rows_of_slice(typingctx, target, source, weights, indices, first, lane, start, stop):
        signature = types.void(target, source, weights, indices, first, lane, start, stop)

        def codegen(context, builder, signature, args):
            a = Arrays(context, builder, signature, args)
            first, lane, start, stop = a.integers
            rows = [builder.mul(builder.add(first, a.number(r)), a.number(BLOCK)) for r in range(ROWS)]
            registers, store = a.totals(rows, BLOCK, zero)

            def entries(heard_by_all):
                with a.loop(start, stop) as (entry, _):
                    base = builder.add(builder.mul(entry, a.size(2, axis=1)), lane)
                    if heard_by_all:
                        heard = a.load(1, builder.mul(builder.sub(entry, start), a.number(BLOCK)), BLOCK)
                    for r, register in enumerate(registers):
                        at = builder.add(base, a.number(r))
                        if not heard_by_all:
                            index = builder.zext(a.scalar_at(3, at), a.word)
                            heard = a.load(1, builder.mul(index, a.number(BLOCK)), BLOCK)
                        a.add_product(register, a.spread(a.scalar_at(2, at), BLOCK), heard)

            dense = builder.icmp_signed("==", a.size(3), a.number(0))
            with builder.if_else(dense) as (then, otherwise):
                with then:
                    entries(heard_by_all=True)
                with otherwise:
                    entries(heard_by_all=False)
            store()
            return context.get_dummy_value()

        return signature, codegen

    return rows_of_slice


# ``target[first + r] = or += sum_e weights[e, lane + r] * source[indices[e, lane + r]]`` for ROWS rows r. Rows of
# target and source are BLOCK wide. ``e`` runs from ``start`` to ``stop``; without indices the source row is
# ``e - start``.
set_rows_of_slice = _rows_of_slice(zero=True)
add_rows_of_slice = _rows_of_slice(zero=False)


@intrinsic
def store_past_caches(typingctx, target, position, value):
    """``target[position] = value``, for memory that is not looked at soon and need not be read to be written."""
    signature = types.void(target, position, value)

    def codegen(context, builder, signature, args):
        a = Arrays(context, builder, signature, args)
        stored = builder.store(args[2], builder.gep(a.pointers[0], a.integers))
        stored.set_metadata("nontemporal", builder.module.add_metadata([ir.Constant(ir.IntType(32), 1)]))
        return context.get_dummy_value()

    return signature, codegen
