"""State loops against their naive twins: every recurrence, precision, size and activation."""

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir.batch_dynamics import BLOCK, drive_block, sliced_for_block
from reservoir.dynamics import Dense, Shifted, drive, run_free, slice_rows, trace
from reservoir.vecmath import ACTIVATIONS
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
    if kind == "shifted":
        n_shifts = min(n_units, 7)
        offsets = rng.choice(n_units, n_shifts, replace=False)
        weights = 0.3 * rng.standard_normal((n_shifts, n_units))
        W = np.zeros((n_units, n_units))
        units = np.arange(n_units)
        for k in range(n_shifts):
            W[units, (units + offsets[k]) % n_units] += weights[k]
        return Shifted(weights.astype(dtype), offsets), W
    W = 0.5 / np.sqrt(n_units) * rng.standard_normal((n_units, n_units))
    if kind == "sliced":
        W[rng.random(W.shape) < 0.7] = 0  # rows of different lengths, some empty
        return slice_rows(sp.csr_array(W), dtype), W
    return Dense(W.astype(dtype)), W


KINDS = ["dense", "sliced", "shifted"]


@pytest.mark.parametrize("n_units", SIZES)
@pytest.mark.parametrize("kind", KINDS)
def test_drive_equals_naive(kind, n_units):
    rng = np.random.default_rng(n_units)
    recurrence, W = recurrence_and_matrix(kind, n_units, rng)
    states = rng.standard_normal((50, n_units))
    h, leak = rng.standard_normal(n_units), rng.uniform(0.1, 1, n_units)
    expected = naive.leaky_states(states, W, h, leak, np.tanh)
    previous = np.concatenate([h, h])
    drive(states, recurrence, previous, leak, ACTIVATIONS["tanh"])
    np.testing.assert_allclose(states, expected, rtol=0, atol=1e-13)
    np.testing.assert_array_equal(previous, np.tile(states[-1], 2))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activations(activation):
    rng = np.random.default_rng(0)
    recurrence, W = recurrence_and_matrix("sliced", 30, rng)
    states = rng.standard_normal((40, 30))
    expected = naive.leaky_states(states, W, np.zeros(30), 0.7, FUNCTIONS[activation])
    drive(states, recurrence, np.zeros(60), np.full(30, 0.7), ACTIVATIONS[activation])
    np.testing.assert_allclose(states, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("kind", KINDS)
def test_single_precision_stays_single_and_close(kind):
    rng = np.random.default_rng(1)
    recurrence, W = recurrence_and_matrix(kind, 101, rng, np.float32)
    states = rng.standard_normal((50, 101)).astype(np.float32)
    leak = np.full(101, 0.5, np.float32)
    expected = naive.leaky_states(states.astype(float), W, np.zeros(101), 0.5, np.tanh)
    drive(states, recurrence, np.zeros(202, np.float32), leak, 0)
    np.testing.assert_allclose(states, expected, rtol=0, atol=5e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_split_series_with_carried_state_is_the_whole_to_the_last_bit(kind):
    rng = np.random.default_rng(2)
    recurrence, _ = recurrence_and_matrix(kind, 50, rng)
    whole = rng.standard_normal((60, 50))
    halves = whole.copy()
    leak = np.full(50, 0.3)
    drive(whole, recurrence, np.zeros(100), leak, 0)
    previous = np.zeros(100)
    drive(halves[:23], recurrence, previous, leak, 0)
    drive(halves[23:], recurrence, previous, leak, 0)
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
        drive(expected[first : first + n_steps], recurrence, np.tile(initial[:, b], 2), leak, 0)
    drive_block(states, first_rows, n_steps, sliced, initial, leak, 0)
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


@pytest.mark.parametrize("kind", KINDS)
def test_free_run_equals_naive(kind):
    rng = np.random.default_rng(4)
    n_units, n_outputs, n_steps = 40, 2, 30
    recurrence, W = recurrence_and_matrix(kind, n_units, rng)
    U = rng.standard_normal((n_units, n_outputs))
    V = 0.1 * rng.standard_normal((n_outputs, n_units + n_outputs))
    states, h = rng.standard_normal((n_steps, n_units)), rng.standard_normal(n_units)
    outputs = rng.standard_normal((n_steps + 1, n_outputs))
    leak = rng.uniform(0.2, 1, n_units)
    expected = naive.free_run(W, U, states, h, outputs[0], leak, np.tanh, V, outputs[1:])
    nothing = np.zeros(0)
    done = run_free(states, outputs, recurrence, np.tile(h, 2), leak, 0, nothing, nothing, V, U.T.copy())
    assert done == n_steps
    np.testing.assert_allclose(outputs[1:], expected, rtol=0, atol=1e-12)


def test_free_run_stops_at_the_first_output_that_is_not_finite():
    recurrence = Dense(np.zeros((1, 1)))
    outputs = np.ones((400, 1))
    nothing = np.zeros(0)
    V = np.array([[0.0, 10.0]])  # y grows tenfold a step until it overflows
    states, previous, one = np.zeros((399, 1)), np.zeros(2), np.ones(1)
    done = run_free(states, outputs, recurrence, previous, one, 0, nothing, nothing, V, np.ones((1, 1)))
    assert done == 309
    assert np.isfinite(outputs[:309]).all()
    assert np.isinf(outputs[309, 0])


def test_nan_input_spreads_and_is_not_hidden():
    rng = np.random.default_rng(5)
    recurrence, _ = recurrence_and_matrix("dense", 10, rng)
    states = np.zeros((3, 10))
    states[1, 4] = np.nan
    drive(states, recurrence, np.zeros(20), np.ones(10), 0)
    assert not np.isnan(states[0]).any()
    assert np.isnan(states[1]).sum() == 1
    assert np.isnan(states[2]).all()
