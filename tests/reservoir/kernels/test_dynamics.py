"""State loops against their naive twins: every recurrence, precision, size and activation."""

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir.kernels.batch_dynamics import blend_for_block, drive_block, sliced_for_block
from reservoir.kernels.dynamics import (
    Blend,
    Inputs,
    drive,
    drive_units,
    members_of,
    no_inputs,
    trace,
    units,
)
from reservoir.kernels.recurrence import DenseRecurrence, alike, slice_rows, tile_shifts
from reservoir.kernels.stepping import run_free
from reservoir.kernels.tiles import BLOCK, SHARED, tiled
from reservoir.kernels.vecmath import ACTIVATIONS
from tests import naive

FUNCTIONS = {
    "tanh": np.tanh,
    "identity": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "saturated_linear": lambda x: np.clip(x, 0, 1),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
SIZES = [1, 3, 4, 7, 64, 101]


def recurrence_and_matrix(kind, n_units, rng, dtype=np.float64):
    if kind.startswith("shifted"):
        n_shifts = min(n_units, 7)
        offsets = rng.choice(n_units, n_shifts, replace=False)
        weights = 0.3 * rng.standard_normal((n_shifts, n_units))
        if kind == "shifted, shared":
            weights = np.repeat(weights[:, ::SHARED], SHARED, axis=1)[:, :n_units]
        W = np.zeros((n_units, n_units))
        units = np.arange(n_units)
        for k in range(n_shifts):
            W[units, (units + offsets[k]) % n_units] += weights[k]
        return tile_shifts(weights, offsets, dtype), W
    W = 0.5 / np.sqrt(n_units) * rng.standard_normal((n_units, n_units))
    if kind == "sliced":
        W[rng.random(W.shape) < 0.7] = 0  # rows of different lengths, some empty
        return slice_rows(sp.csr_array(W), dtype), W
    return DenseRecurrence(W.astype(dtype)), W


KINDS = ["dense", "sliced", "shifted", "shifted, shared"]


@pytest.mark.parametrize("n_units", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_drive_equals_naive(kind, n_units):
    rng = np.random.default_rng(n_units)
    recurrence, W = recurrence_and_matrix(kind, n_units, rng)
    states = rng.standard_normal((50, n_units))
    h, leak = rng.standard_normal(n_units), rng.uniform(0.1, 1, n_units)
    expected = naive.leaky_states(states, W, h, leak, np.tanh)
    drive(states, no_inputs(50, float), recurrence, h, leak, ACTIVATIONS["tanh"])
    np.testing.assert_allclose(states, expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(h, states[-1])


@pytest.mark.parametrize("n_units", SIZES)
def test_inputs_multiplied_in_the_loop_are_the_drive(n_units):
    rng = np.random.default_rng(n_units)
    recurrence, W = recurrence_and_matrix("sliced", n_units, rng)
    values, weights = rng.standard_normal((50, 3)), rng.standard_normal((3, n_units))
    expected = naive.leaky_states(values @ weights, W, np.zeros(n_units), 1.0, np.tanh)
    inputs = Inputs(values, tiled(weights, float))
    states = np.full((50, n_units), np.nan)
    drive(states, inputs, recurrence, np.zeros(n_units), np.ones(n_units), 0)
    np.testing.assert_allclose(states, expected, rtol=0, atol=1e-13)
    sliced = sliced_for_block(recurrence, W, float)
    initial, first_rows = np.zeros((n_units, BLOCK)), np.arange(BLOCK) % 2 * 25
    states[:25], states[25:] = np.nan, np.nan
    drive_block(states, first_rows, 25, inputs, sliced, initial, np.ones(n_units), 0)
    np.testing.assert_allclose(states[:25], expected[:25], rtol=0, atol=1e-13)
    expected = naive.leaky_states(values[25:] @ weights, W, np.zeros(n_units), 1.0, np.tanh)
    np.testing.assert_allclose(states[25:], expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("rotation", [None, "dense", "shifted"])
@pytest.mark.parametrize("n_units", [1, 7, 101])
def test_blends_equal_naive(n_units, rotation, activation):
    """h(t) = keep * O h(t-1) + leak * f(drive + W h(t-1)), one series and a block of them."""
    rng = np.random.default_rng(n_units)
    recurrence, W = recurrence_and_matrix("sliced", n_units, rng)
    turned, matrix = (
        (None, np.eye(n_units)) if rotation is None else recurrence_and_matrix(rotation, n_units, rng)
    )
    keep, leak = rng.uniform(-1, 1, n_units), rng.uniform(0.1, 1, n_units)
    blend = Blend(keep, leak, turned)
    states = rng.standard_normal((50, n_units))
    many, h = states.copy(), rng.standard_normal(n_units)
    initial, first_rows = np.repeat(h[:, np.newaxis], BLOCK, axis=1), np.arange(BLOCK) % 2 * 25
    expected, last = states.copy(), h.copy()
    for t in range(50):
        last = h.copy() if t == 25 else last
        last = keep * (matrix @ last) + leak * FUNCTIONS[activation](states[t] + W @ last)
        expected[t] = last
    for half in (states[:25], states[25:]):
        drive(half, no_inputs(25, float), recurrence, h.copy(), blend, ACTIVATIONS[activation])
    np.testing.assert_allclose(states, expected, rtol=1e-13, atol=1e-13)
    blend = blend_for_block(blend, sp.csr_array(matrix), float)
    sliced = sliced_for_block(recurrence, W, float)
    drive_block(many, first_rows, 25, no_inputs(50, float), sliced, initial, blend, ACTIVATIONS[activation])
    np.testing.assert_allclose(many, expected, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    rng = np.random.default_rng(0)
    recurrence, W = recurrence_and_matrix("sliced", 30, rng)
    states = rng.standard_normal((40, 30))
    expected = naive.leaky_states(states, W, np.zeros(30), 0.7, FUNCTIONS[activation])
    drive(states, no_inputs(40, float), recurrence, np.zeros(30), np.full(30, 0.7), ACTIVATIONS[activation])
    np.testing.assert_allclose(states, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single_and_close(kind):
    rng = np.random.default_rng(1)
    recurrence, W = recurrence_and_matrix(kind, 101, rng, np.float32)
    states = rng.standard_normal((50, 101)).astype(np.float32)
    leak = np.full(101, 0.5, np.float32)
    expected = naive.leaky_states(states.astype(float), W, np.zeros(101), 0.5, np.tanh)
    drive(states, no_inputs(50, np.float32), recurrence, np.zeros(101, np.float32), leak, 0)
    np.testing.assert_allclose(states, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_split_series_with_carried_state_is_the_whole_to_the_last_bit(kind):
    rng = np.random.default_rng(2)
    recurrence, _ = recurrence_and_matrix(kind, 50, rng)
    whole = rng.standard_normal((60, 50))
    halves = whole.copy()
    leak = np.full(50, 0.3)
    drive(whole, no_inputs(60, float), recurrence, np.zeros(50), leak, 0)
    state = np.zeros(50)
    drive(halves[:23], no_inputs(23, float), recurrence, state, leak, 0)
    drive(halves[23:], no_inputs(37, float), recurrence, state, leak, 0)
    np.testing.assert_array_equal(halves, whole)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_units", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_block_equals_single(kind, n_units, dtype):
    rng = np.random.default_rng(n_units)
    recurrence, W = recurrence_and_matrix(kind, n_units, rng, dtype)

    class Matrix:  # what a shift recurrence is converted through
        @staticmethod
        def tocsr():
            return sp.csr_array(W)

    sliced = sliced_for_block(recurrence, Matrix, dtype)
    n_steps = 20
    states = rng.standard_normal((BLOCK * n_steps, n_units)).astype(dtype)
    initial = rng.standard_normal((n_units, BLOCK)).astype(dtype)
    leak = rng.uniform(0.1, 1, n_units).astype(dtype)
    expected = states.copy()
    first_rows = np.arange(BLOCK) * n_steps
    for b, first in enumerate(first_rows):
        own = no_inputs(n_steps, dtype)
        drive(expected[first : first + n_steps], own, recurrence, initial[:, b].copy(), leak, 0)
    drive_block(states, first_rows, n_steps, no_inputs(len(states), dtype), sliced, initial, leak, 0)
    tolerance = 1e-13 if dtype == np.float64 else 1e-5
    np.testing.assert_allclose(states, expected, rtol=0, atol=tolerance)


def test_traces_equal_naive():
    rng = np.random.default_rng(3)
    h, last, mu = rng.standard_normal((30, 9)), rng.standard_normal(9), rng.standard_normal(9)
    retention = rng.uniform(0, 1, 9)
    states = np.hstack([h, np.zeros_like(h)])
    expected = naive.traces(h, last, mu, retention)
    trace(states, last, mu, retention)
    np.testing.assert_allclose(states[:, 9:], expected, rtol=0, atol=1e-14)
    np.testing.assert_array_equal(states[:, :9], h)
    np.testing.assert_array_equal(last, h[-1])


def part_of_one(recurrence, U, h, leak):
    """One network that starts from ``h``; ``U`` (n_units, n_inputs + 1) has the bias last."""
    return units(members_of([tiled(U.T, h.dtype)], [recurrence], [leak], 0), h[np.newaxis])


@pytest.mark.parametrize("kind", KINDS)
def test_free_run_equals_naive(kind):
    rng = np.random.default_rng(4)
    n_units, n_outputs, n_steps, gain = 40, 2, 30, 0.5
    recurrence, W = recurrence_and_matrix(kind, n_units, rng)
    U = rng.standard_normal((n_units, n_outputs + 3))
    V = 0.1 * rng.standard_normal((n_outputs, n_units + n_outputs))
    exog, h = rng.standard_normal((n_steps, 3)), rng.standard_normal(n_units)
    outputs = rng.standard_normal((n_steps + 1, n_outputs))
    leak = rng.uniform(0.2, 1, n_units)
    drive_of_exog = exog @ U[:, n_outputs:].T
    fed_back = gain * U[:, :n_outputs]
    expected = naive.free_run(W, fed_back, drive_of_exog, h, outputs[0], leak, np.tanh, V, outputs[1:])
    part = part_of_one(recurrence, np.hstack([U, np.zeros((n_units, 1))]), h, leak)
    done = run_free(outputs, part, exog, np.empty((1, 5)), np.empty((1, n_units)), V, gain)
    assert done == n_steps
    np.testing.assert_allclose(outputs[1:], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_units", [1, 7, 32, 101])
@pytest.mark.parametrize("kind", KINDS)
def test_members_that_are_joined_move_like_each_alone(kind, n_units):
    """Three members with two places each, every member with its own weights and leak."""
    rng = np.random.default_rng(n_units)
    recurrences = [recurrence_and_matrix(kind, n_units, rng)[0] for _ in range(3)]
    maps = [tiled(rng.standard_normal((3, n_units)), float) for _ in range(3)]
    leaks, h = list(rng.uniform(0.1, 1, (3, n_units))), rng.standard_normal((6, n_units))
    assert alike(recurrences)
    together = units(members_of(maps, recurrences, leaks, 0), h)
    values = np.append(rng.standard_normal((4, 6, 2)), np.ones((4, 6, 1)), axis=2)
    moved = np.empty((24, n_units))
    for ends, at_once in (((0, 4), 2), ((4, 6), 1)):  # as two threads would, in step or not
        drive_units(moved, values.reshape(-1, 3), together, at_once, ends)
    for p in range(6):
        m = p // 2
        states = np.empty((4, n_units))
        drive(states, Inputs(values[:, p].copy(), maps[m]), recurrences[m], h[p].copy(), leaks[m], 0)
        np.testing.assert_allclose(moved.reshape(4, 6, -1)[:, p], states, rtol=0, atol=1e-14)


def test_what_is_not_alike_is_not_joined():
    rng = np.random.default_rng(0)
    dense, sliced, shifted = (recurrence_and_matrix(kind, 20, rng)[0] for kind in KINDS[:3])
    assert alike([dense, dense])
    assert not alike([dense, sliced])
    assert not alike([shifted, tile_shifts(np.ones((3, 20)), [1, 2, 3], float)])
    assert not alike([(dense, Blend(np.ones(20), np.ones(20))), (dense, np.ones(20))])


def test_free_run_stops_at_the_first_output_that_is_not_finite():
    recurrence = DenseRecurrence(np.zeros((1, 1)))
    outputs = np.ones((400, 1))
    V = np.array([[0.0, 10.0]])  # y grows tenfold a step until it overflows
    part = part_of_one(recurrence, np.array([[1.0, 0.0]]), np.zeros(1), np.ones(1))
    room = np.empty((1, 1)), np.empty((1, 1))
    done = run_free(outputs, part, np.zeros((399, 0)), *room, V, 1.0)
    assert done == 309
    assert np.isfinite(outputs[:309]).all()
    assert np.isinf(outputs[309, 0])


def test_nan_input_spreads_and_is_not_hidden():
    rng = np.random.default_rng(5)
    recurrence, _ = recurrence_and_matrix("dense", 10, rng)
    states = np.zeros((3, 10))
    states[1, 4] = np.nan
    drive(states, no_inputs(3, float), recurrence, np.zeros(10), np.ones(10), 0)
    assert not np.isnan(states[0]).any()
    assert np.isnan(states[1]).sum() == 1
    assert np.isnan(states[2]).all()
