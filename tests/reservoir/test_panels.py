"""Products with packed matrices are those of the matrix itself, to the last bit."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from reservoir.panels import MOST_ROWS, add_packed_product, aligned, pack, packed_size
from reservoir.products import add_product

SIZES = [(1, 1), (5, 20), (300, 7), (128, 512), (40, 130), (600, 33), (0, 4), (4, 0)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("size", SIZES)
def test_adds_the_same_numbers_as_without_packing(size, transposed, dtype):
    n_terms, n_columns = size
    rng = np.random.default_rng(0)
    right = rng.standard_normal(size).astype(dtype)
    weights = np.ascontiguousarray(right.T) if transposed else right
    for n_rows in range(1, MOST_ROWS + 1):
        packed = aligned(weights, packed_size(n_terms, n_columns, right.itemsize))
        assert packed.ctypes.data % 64 == 0
        packed[:] = np.nan  # every number is written
        pack(packed, weights, transposed, n_rows)
        left = rng.standard_normal((n_rows, n_terms + 3)).astype(dtype)[:, 1 : 1 + n_terms]
        around = rng.standard_normal((n_rows, n_columns + 5)).astype(dtype)
        expected = around.copy()
        add_product(expected[:, 2 : 2 + n_columns], left, right)
        add_packed_product(around[:, 2 : 2 + n_columns], left, packed)
        assert_array_equal(around, expected)
