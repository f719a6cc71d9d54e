"""Views that count no references are the slices that they stand for."""

import numpy as np
from numba import njit

from forecasting.networks.cells.views import at_step, repeated


@njit
def total(block, t, begin, end):
    return (at_step(block, t, begin, end) * 1.0).sum(axis=0)


@njit
def rows(row, n_rows, width):
    return repeated(row, n_rows, width) * 1.0


def test_a_step_and_some_of_its_columns():
    block = np.random.default_rng(0).standard_normal((4, 3, 7))
    np.testing.assert_array_equal(total(block, 2, 1, 5), block[2, :, 1:5].sum(axis=0))
    np.testing.assert_array_equal(total(block, 0, 0, 7), block[0].sum(axis=0))


def test_a_row_repeated():
    row = np.arange(5.0)
    np.testing.assert_array_equal(rows(row, 3, 4), np.tile(row[:4], (3, 1)))
