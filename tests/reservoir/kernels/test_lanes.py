"""Lanes are the numbers that they are made of, whatever is left over."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from reservoir.kernels.lanes import address, in_lanes, split, where_positive
from reservoir.kernels.vecmath import tanh


@in_lanes
def combine(load, store, full):
    def unit(j, out, a, b):
        x, y = load(a, j), load(b, j)
        positive = where_positive(y, x / y, full(out, 0.0))
        store(out, j, (tanh(x) * y - x) + (full(out, 0.25) + positive))

    return unit


several, one, fetch = combine


@njit
def run(out, a, b):
    lanes, whole = split(out.size, out)
    places = address(out), address(a), address(b)
    for j in range(0, whole, lanes):
        several(j, *places)
    for j in range(whole, out.size):
        one(j, *places)


@njit
def run_one_by_one(out, a, b):
    for j in range(out.size):
        one(j, address(out), address(a), address(b))


@njit
def look_ahead(out, a, b, begin):
    fetch(begin, address(out), address(a), address(b))


def test_asking_changes_nothing_even_beyond_an_array():
    a, out = np.ones(16), np.full(16, 3.0)
    for begin in (0, 8, 16, 1 << 30, -(1 << 30)):
        look_ahead(out, a, a, begin)
    assert (a == 1).all()
    assert (out == 3).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [0, 1, 7, 8, 16, 17, 100])
def test_equations_in_lanes(size, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(size).astype(dtype) for _ in range(2))
    out, single = np.full(size, np.nan, dtype), np.full(size, np.nan, dtype)
    run(out, a, b)
    run_one_by_one(single, a, b)
    np.testing.assert_array_equal(out, single)
    expected = np.tanh(a) * b - a + (0.25 + np.where(b > 0, a / b, 0))
    np.testing.assert_allclose(out, expected, rtol=1e-4 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_not_a_number_stays_in_its_lane(dtype):
    a, b = np.zeros(40, dtype), np.ones(40, dtype)
    a[3], a[39], b[5] = np.nan, np.nan, np.nan
    out = np.empty_like(a)
    run(out, a, b)
    assert np.flatnonzero(np.isnan(out)).tolist() == [3, 5, 39]


def test_nothing_beside_the_numbers_is_written():
    room = np.zeros(60, np.float32)
    run(room[10:47], np.ones(37, np.float32), np.ones(37, np.float32))
    assert (room[:10] == 0).all()
    assert (room[10:47] != 0).all()
    assert (room[47:] == 0).all()


def test_precisions_do_not_mix():
    with pytest.raises(TypingError):
        run(np.zeros(16), np.zeros(16, np.float32), np.zeros(16))
