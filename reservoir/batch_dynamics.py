r"""Compiled state loop over many series at once, the series index innermost.

The same equation as ``dynamics``, for ``BLOCK`` series in step. The state of the block is an array
(n_units, BLOCK): whatever the pattern of the recurrent matrix, each non-zero weight meets ``BLOCK``
contiguous numbers, so there is no gather, and it is loaded once for all of them. Drive and states are
transposed on the way in and out, four series at a time.

The innermost product is written in LLVM's vector types (``_add_slice``), because a loop over the block is
not kept in registers by the vectoriser: 4 units times ``BLOCK`` series are accumulated in registers over
all weights of the 4 rows. LLVM splits the vectors into whatever registers the processor has.
"""

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from reservoir.dynamics import LANES, Dense, Shifted, Sliced, slice_rows
from reservoir.vecmath import FASTMATH, activate

BLOCK = 16
_KERNEL = {"cache": True, "nogil": True, "fastmath": FASTMATH, "error_model": "numpy"}


def sliced_for_block(recurrence, matrix, dtype) -> Sliced:
    """The recurrence as slices of ``LANES`` rows; a dense one has no ``indices``."""
    if isinstance(recurrence, Sliced):
        return recurrence
    if isinstance(recurrence, Shifted):
        return slice_rows(matrix.tocsr(), dtype)
    assert isinstance(recurrence, Dense)
    n_units = recurrence.weights.shape[0]
    n_slices = -(-n_units // LANES)
    padded = np.zeros((n_slices * LANES, n_units), dtype=dtype)
    padded[:n_units] = recurrence.weights
    weights = padded.reshape(n_slices, LANES, n_units).transpose(0, 2, 1).reshape(-1, LANES)
    starts = np.arange(n_slices + 1) * n_units
    return Sliced(np.ascontiguousarray(weights), np.zeros((0, LANES), np.uint32), starts.astype(np.uint32))


@intrinsic
def _add_slice(typingctx, target, source, weights, indices, first_row, start, stop):
    """``target[first_row + l] += sum_e weights[e, l] * source[indices[e, l]]`` for the LANES rows l.

    ``e`` runs from ``start`` to ``stop``; without indices the source row is ``e - start``. Rows of target
    and source are BLOCK wide and contiguous.
    """
    signature = types.void(target, source, weights, indices, first_row, start, stop)

    def codegen(context, builder, signature, args):
        arrays = [context.make_array(signature.args[k])(context, builder, args[k]) for k in range(4)]
        pointers = [array.data for array in arrays]
        scalar = context.get_data_type(signature.args[0].dtype)
        vector = ir.VectorType(scalar, BLOCK)
        word = context.get_value_type(types.intp)
        align = signature.args[0].dtype.bitwidth // 8
        first, begin, end = (context.cast(builder, args[k], signature.args[k], types.intp) for k in (4, 5, 6))

        def row_pointer(base, row):
            offset = builder.mul(row, ir.Constant(word, BLOCK))
            return builder.bitcast(builder.gep(base, [offset]), vector.as_pointer())

        def multiply_add(total, weight, row):
            lane = builder.insert_element(
                ir.Constant(vector, ir.Undefined), weight, ir.Constant(ir.IntType(32), 0)
            )
            mask = ir.Constant(ir.VectorType(ir.IntType(32), BLOCK), [0] * BLOCK)
            spread = builder.shuffle_vector(lane, ir.Constant(vector, ir.Undefined), mask)
            return builder.fadd(builder.fmul(spread, row, flags=("contract",)), total, flags=("contract",))

        rows = [
            row_pointer(pointers[0], builder.add(first, ir.Constant(word, lane))) for lane in range(LANES)
        ]
        totals = []
        for pointer in rows:
            total = cgutils.alloca_once(builder, vector)
            builder.store(builder.load(pointer, align=align), total)
            totals.append(total)
        dense = builder.icmp_signed("==", builder.extract_value(arrays[3].shape, 0), ir.Constant(word, 0))

        def entries(shared):
            with cgutils.for_range_slice(builder, begin, end, ir.Constant(word, 1), intp=word) as (entry, _):
                base = builder.mul(entry, ir.Constant(word, LANES))
                if shared:
                    row = builder.load(row_pointer(pointers[1], builder.sub(entry, begin)), align=align)
                for lane in range(LANES):
                    at = builder.add(base, ir.Constant(word, lane))
                    if not shared:
                        index = builder.zext(builder.load(builder.gep(pointers[3], [at])), word)
                        row = builder.load(row_pointer(pointers[1], index), align=align)
                    weight = builder.load(builder.gep(pointers[2], [at]))
                    builder.store(multiply_add(builder.load(totals[lane]), weight, row), totals[lane])

        with builder.if_else(dense) as (then, otherwise):
            with then:
                entries(shared=True)
            with otherwise:
                entries(shared=False)
        for pointer, total in zip(rows, totals):
            builder.store(builder.load(total), pointer, align=align)
        return context.get_dummy_value()

    return signature, codegen


@njit(**_KERNEL)
def _four_rows(states, first, t, b):
    return states[first[b] + t], states[first[b + 1] + t], states[first[b + 2] + t], states[first[b + 3] + t]


@njit(**_KERNEL)
def _read_block(states, first, t, target):
    """Rows ``first + t`` of BLOCK series, transposed, into ``target`` (n_units or more, BLOCK)."""
    for b in range(0, BLOCK, 4):
        r0, r1, r2, r3 = _four_rows(states, first, t, b)
        for i in range(states.shape[1]):
            target[i, b] = r0[i]
            target[i, b + 1] = r1[i]
            target[i, b + 2] = r2[i]
            target[i, b + 3] = r3[i]


@njit(**_KERNEL)
def _write_block(source, states, first, t):
    """The inverse of ``_read_block``."""
    for b in range(0, BLOCK, 4):
        r0, r1, r2, r3 = _four_rows(states, first, t, b)
        for i in range(states.shape[1]):
            r0[i] = source[i, b]
            r1[i] = source[i, b + 1]
            r2[i] = source[i, b + 2]
            r3[i] = source[i, b + 3]


@njit(**_KERNEL)
def drive_block(states, first_rows, n_steps, recurrence, block, leak, activation):
    """Drive BLOCK series of equal length.

    Parameters
    ----------
    states : array (n_rows, n_units)
        The drive of each step of each series; overwritten by the states.
    first_rows : int64 array (BLOCK,)
        Row of the first step of each series. A series may stand in it several times (to fill the block):
        it is then driven once, from the drive as it was.
    n_steps : int
    recurrence : Sliced
        From ``sliced_for_block``.
    block : array (n_units, BLOCK)
        Initial states; on return the last states.
    leak : array (n_units,)
    activation : int
    """
    n_units = leak.size
    n_padded = (recurrence.starts.size - 1) * LANES
    current = np.zeros((n_padded, BLOCK), states.dtype)
    following = np.zeros((n_padded, BLOCK), states.dtype)
    current[:n_units] = block
    weights, indices, starts = recurrence
    one = states.dtype.type(1)
    for t in range(n_steps):
        _read_block(states, first_rows, t, following)
        for s in range(starts.size - 1):
            _add_slice(following, current, weights, indices, s * LANES, starts[s], starts[s + 1])
        activate(following.reshape(-1), activation)
        for i in range(n_units):
            a = leak[i]
            if a != one:
                for b in range(BLOCK):
                    following[i, b] = (one - a) * current[i, b] + a * following[i, b]
        _write_block(following, states, first_rows, t)
        current, following = following, current
    block[:] = current[:n_units]
