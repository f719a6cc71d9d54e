r"""Compiled state loops: drive one series, drive many, run free. They know arrays only.

.. math::

    h(t) = (1 - a) \odot h(t-1) + a \odot f\big(W h(t-1) + p(t)\big)

with the leak ``a`` per unit and ``f`` one of ``vecmath.ACTIVATIONS``. The *drive* ``p(t)`` (input, bias,
feedback, noise; everything that does not depend on ``h``) is computed beforehand for many steps at once and
lies in the rows of ``states``, which the kernels overwrite with the states: nothing is allocated per step,
and any kind of input costs the loop nothing.

The recurrence is one of three values; a further one is a NamedTuple and an overload of ``_add_recurrence``:

``Dense(weights)``
    ``weights`` (n_units, n_units).
``Sliced(weights, indices, starts)``
    Sparse rows in slices of ``LANES``, padded to the longest row of the slice: ``weights`` and ``indices``
    (n_entries, LANES), slice ``s`` owning entries ``starts[s]:starts[s + 1]``. Unsigned indices save the
    check for negative ones.
``Shifted(weights, offsets)``
    Unit ``i`` hears units ``(i + offsets[k]) % n_units`` with ``weights[k, i]``: contiguous loads only. The
    kernels keep the state twice in a row, so that no index wraps.

Many series at once: ``batch_dynamics``.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numba.extending import overload

from reservoir.vecmath import FASTMATH, activate

LANES = 4
_REASSOCIATE = FASTMATH | {"reassoc"}  # sums may be split over vector lanes
_OPTIONS = {"fastmath": _REASSOCIATE, "error_model": "numpy"}
_KERNEL = {"cache": True, "nogil": True, **_OPTIONS}


class Dense(NamedTuple):
    """Full recurrent matrix."""

    weights: np.ndarray


class Sliced(NamedTuple):
    """Sparse recurrent matrix, rows in slices of ``LANES``."""

    weights: np.ndarray
    indices: np.ndarray
    starts: np.ndarray


class Shifted(NamedTuple):
    """Sum of circular shifts with a weight per unit."""

    weights: np.ndarray
    offsets: np.ndarray


def slice_rows(matrix, dtype) -> Sliced:
    """Lay a ``scipy.sparse.csr_array`` out in slices of ``LANES`` rows.

    Padding entries have weight 0 and point at unit 0.
    """
    n_units = matrix.shape[0]
    n_slices = -(-n_units // LANES)
    lengths = np.zeros(n_slices * LANES, dtype=np.intp)
    lengths[:n_units] = np.diff(matrix.indptr)
    starts = np.concatenate([[0], np.cumsum(lengths.reshape(n_slices, LANES).max(axis=1))])
    weights = np.zeros((starts[-1], LANES), dtype=dtype)
    indices = np.zeros((starts[-1], LANES), dtype=np.uint32)
    rows = np.repeat(np.arange(n_units), lengths[:n_units])
    position = np.arange(matrix.nnz) - matrix.indptr[rows]
    entry = starts[rows // LANES] + position
    weights[entry, rows % LANES] = matrix.data
    indices[entry, rows % LANES] = matrix.indices
    return Sliced(weights, indices, starts.astype(np.uint32))


def _add_recurrence(row, recurrence, previous):
    """Add ``W @ previous`` to ``row``; ``previous`` holds the state twice, one after the other."""
    raise TypeError(f"recurrence must be Dense, Sliced or Shifted, got {type(recurrence).__name__}")


def _is(recurrence, kind):
    return getattr(recurrence, "instance_class", None) is kind


@overload(_add_recurrence, jit_options=_OPTIONS)
def _overload_add_recurrence(row, recurrence, previous):
    if _is(recurrence, Dense):
        return _add_dense
    if _is(recurrence, Sliced):
        return _add_sliced
    if _is(recurrence, Shifted):
        return _add_shifted
    return None


def _add_dense(row, recurrence, previous):
    weights = recurrence.weights
    n_units = row.size
    whole = n_units - n_units % 4
    for i in range(0, whole, 4):
        w0, w1, w2, w3 = weights[i], weights[i + 1], weights[i + 2], weights[i + 3]
        a0 = a1 = a2 = a3 = row.dtype.type(0)
        for j in range(n_units):
            h = previous[j]
            a0 += w0[j] * h
            a1 += w1[j] * h
            a2 += w2[j] * h
            a3 += w3[j] * h
        row[i] += a0
        row[i + 1] += a1
        row[i + 2] += a2
        row[i + 3] += a3
    for i in range(whole, n_units):
        w0 = weights[i]
        a0 = row.dtype.type(0)
        for j in range(n_units):
            a0 += w0[j] * previous[j]
        row[i] += a0


def _add_sliced(row, recurrence, previous):
    weights, indices, starts = recurrence
    n_units = row.size
    for s in range(n_units // 4):
        a0 = a1 = a2 = a3 = row.dtype.type(0)
        for e in range(starts[s], starts[s + 1]):
            a0 += weights[e, 0] * previous[indices[e, 0]]
            a1 += weights[e, 1] * previous[indices[e, 1]]
            a2 += weights[e, 2] * previous[indices[e, 2]]
            a3 += weights[e, 3] * previous[indices[e, 3]]
        i = 4 * s
        row[i] += a0
        row[i + 1] += a1
        row[i + 2] += a2
        row[i + 3] += a3
    s = n_units // 4
    for i in range(4 * s, n_units):
        for e in range(starts[s], starts[s + 1]):
            row[i] += weights[e, i - 4 * s] * previous[indices[e, i - 4 * s]]


def _add_shifted(row, recurrence, previous):
    weights, offsets = recurrence
    n_units = row.size
    n_shifts = offsets.size
    k = 0
    while k + 5 <= n_shifts:  # five at a time: the row is loaded and stored once for the five
        w0, w1, w2, w3, w4 = weights[k], weights[k + 1], weights[k + 2], weights[k + 3], weights[k + 4]
        h0 = previous[offsets[k] : offsets[k] + n_units]
        h1 = previous[offsets[k + 1] : offsets[k + 1] + n_units]
        h2 = previous[offsets[k + 2] : offsets[k + 2] + n_units]
        h3 = previous[offsets[k + 3] : offsets[k + 3] + n_units]
        h4 = previous[offsets[k + 4] : offsets[k + 4] + n_units]
        for i in range(n_units):
            row[i] += w0[i] * h0[i] + w1[i] * h1[i] + w2[i] * h2[i] + w3[i] * h3[i] + w4[i] * h4[i]
        k += 5
    while k < n_shifts:
        w0 = weights[k]
        h0 = previous[offsets[k] : offsets[k] + n_units]
        for i in range(n_units):
            row[i] += w0[i] * h0[i]
        k += 1


@njit(**_KERNEL)
def project(inputs, input_map, states):
    """Write the drive of few inputs: ``states[t] = input_map[-1] + inputs[t] @ input_map[:-1]``.

    Parameters
    ----------
    inputs : array (n_steps, n_inputs)
    input_map : array (n_inputs + 1, n_units)
        Transposed input weights, the bias in the last row.
    states : array (n_steps, n_units)
    """
    n_inputs = inputs.shape[1]
    for t in range(states.shape[0]):
        row, bias = states[t], input_map[n_inputs]
        if n_inputs == 0:
            for i in range(row.size):
                row[i] = bias[i]
            continue
        x, weights = inputs[t, 0], input_map[0]
        for i in range(row.size):
            row[i] = bias[i] + x * weights[i]
        for d in range(1, n_inputs):
            x, weights = inputs[t, d], input_map[d]
            for i in range(row.size):
                row[i] += x * weights[i]


@njit(**_KERNEL)
def _step(row, recurrence, previous, leak, leaky, activation):
    """One step in place: the drive in ``row`` becomes the state, which is also kept in ``previous``."""
    n_units = row.size
    _add_recurrence(row, recurrence, previous)
    activate(row, activation)
    if leaky:
        one = row.dtype.type(1)
        for i in range(n_units):
            row[i] = (one - leak[i]) * previous[i] + leak[i] * row[i]
    for i in range(n_units):
        previous[i] = row[i]
    for i in range(n_units):
        previous[n_units + i] = row[i]


@njit(**_KERNEL)
def drive(states, recurrence, previous, leak, activation):
    """Drive one series.

    Parameters
    ----------
    states : array (n_steps, n_units)
        The drive of each step; overwritten by the states.
    recurrence : Dense, Sliced or Shifted
    previous : array (2 * n_units,)
        Initial state, twice in a row; on return the last state, twice in a row.
    leak : array (n_units,)
    activation : int
        Code from ``vecmath.ACTIVATIONS``.
    """
    leaky = np.any(leak != 1)
    for t in range(states.shape[0]):
        _step(states[t], recurrence, previous, leak, leaky, activation)


@njit(**_KERNEL)
def trace(states, last, traces, retention):
    r"""Linear traces of a series of states, :math:`\mu(t) = \alpha \mu(t-1) + (1-\alpha) h(t-1)`.

    Parameters
    ----------
    states : array (n_steps, 2 * n_units)
        ``h`` in the left half; the right half is overwritten by ``mu``.
    last, traces : array (n_units,)
        ``h`` and ``mu`` before the first step; on return of the last one.
    retention : array (n_units,)
        ``alpha``.
    """
    n_units = retention.size
    one = states.dtype.type(1)
    for t in range(states.shape[0]):
        row = states[t]
        for i in range(n_units):
            traces[i] = retention[i] * traces[i] + (one - retention[i]) * last[i]
        for i in range(n_units):
            row[n_units + i] = traces[i]
        for i in range(n_units):
            last[i] = row[i]


@njit(**_KERNEL)
def run_free(
    states,
    outputs,
    recurrence,
    previous,
    leak,
    activation,
    traces,
    retention,
    weights,
    feedback_weights,
):
    r"""Run one series free: each output is the next step's input.

    .. math:: y(t) = o(t) + V [h(t), \mu(t), y(t-1)], \qquad p(t) = d(t) + U y(t-1)

    Parameters
    ----------
    states : array (n_steps, n_units + n_traces)
        The first ``n_units`` columns hold the drive ``d(t)`` without the fed back part; overwritten by the
        states and their traces.
    outputs : array (n_steps + 1, n_outputs)
        Row 0 holds the last output before the run, row t + 1 holds ``o(t)``: intercept and whatever does
        not depend on state or output; overwritten by the outputs.
    traces, retention : array (n_traces,), n_traces being 0 or n_units
        Linear traces of the state and their retention.
    weights : array (n_outputs, n_units + n_traces + n_outputs)
        ``V``, the readout.
    feedback_weights : array (n_outputs, n_units)
        Transpose of ``U``.

    Returns
    -------
    int
        Number of steps done: less than ``n_steps`` when an output was not finite, that step being the last.
    """
    n_steps, n_features = states.shape
    n_outputs = outputs.shape[1]
    n_units = leak.size
    leaky = np.any(leak != 1)
    one = states.dtype.type(1)
    for t in range(n_steps):
        row = states[t, :n_units]
        for d in range(n_outputs):
            fed_back = outputs[t, d]
            into = feedback_weights[d]
            for i in range(n_units):
                row[i] += fed_back * into[i]
        for i in range(retention.size):
            traces[i] = retention[i] * traces[i] + (one - retention[i]) * previous[i]
            states[t, n_units + i] = traces[i]
        _step(row, recurrence, previous, leak, leaky, activation)
        for d in range(n_outputs):
            out_of = weights[d]
            features = states[t]
            total = outputs.dtype.type(0)
            for i in range(n_features):
                total += out_of[i] * features[i]
            for j in range(n_outputs):
                total += out_of[n_features + j] * outputs[t, j]
            outputs[t + 1, d] += total
            # Not np.isfinite: it asks whether x - x is 0, which "reassoc" and "nsz" fold to true.
            if not abs(outputs[t + 1, d]) < np.inf:
                return t + 1
    return n_steps
