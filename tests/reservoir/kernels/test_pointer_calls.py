"""Calls through a pointer: the function itself, whatever the layout, the precision and the thread."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError

from reservoir.kernels.pointer_calls import compiled_once


@njit(nogil=True)
def _add_scaled(out, rows, factor):
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] += factor * rows[i, j]


@njit(nogil=True)
def _divide(values, by):
    values[0] = 1 // by


add_scaled = compiled_once(_add_scaled, ("array 2", "rows 2", "integer"))
divide = compiled_once(_divide, ("rows 1", "integer"))


@njit(nogil=True)
def caller(out, rows, factor):
    add_scaled(out[:, 1:], rows, factor)


@njit(nogil=True)
def divide_caller(values, by):
    divide(values, by)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_does_what_the_function_does(dtype):
    rows = np.arange(6, dtype=dtype).reshape(2, 3)
    for out in (np.ones((2, 4), dtype), np.ones((4, 2), dtype).T, np.ones((4, 8), dtype)[::2, ::2]):
        caller(out, rows, 3)
        np.testing.assert_array_equal(out[:, 1:], 1 + 3 * rows)
        np.testing.assert_array_equal(out[:, 0], 1)
    assert len(_add_scaled.signatures) <= 2  # one for each precision, none for a layout


def test_first_calls_in_threads():
    outs = [np.zeros((50, 5), np.float32) for _ in range(8)]
    rows = np.ones((50, 4), np.float32)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda out: caller(out, rows, 2), outs))
    assert all(out.sum() == 400 for out in outs)


def test_errors_come_through():
    with pytest.raises(ZeroDivisionError):
        divide_caller(np.ones(1), 0)


def test_other_arguments_are_refused():
    with pytest.raises(TypingError, match=r"of float32 or float64 takes .* got"):
        caller(np.ones((2, 4), np.int64), np.ones((2, 3), np.int64), 1)
    with pytest.raises(TypingError, match="of float32 or float64 takes"):
        caller(np.ones((2, 4)), np.ones((3, 2)).T, 1)  # rows must be contiguous
