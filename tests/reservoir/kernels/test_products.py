"""Products in compiled loops equal those of BLAS at every size, order and precision."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from reservoir.kernels.products import PANEL_BYTES, add_panels, add_product, product
from reservoir.kernels.transposed_products import add_transposed_product

SIZES = [
    (1, 1, 1),
    (1, 5, 130),
    (2, 300, 7),
    (3, 1, 33),
    (5, 40, 16),
    (8, 64, 256),
    (13, 600, 50),
    (31, 9, 3),
    (0, 4, 4),
]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F", "strided"])
@pytest.mark.parametrize("size", SIZES)
def test_adds_the_product(size, order, dtype):
    n_rows, depth, n_columns = size
    rng = np.random.default_rng(0)
    left = rng.standard_normal((2 * n_rows, 2 * depth))[::2, ::2].astype(dtype, order="K")
    left = left if order == "strided" else np.array(left, order=order)
    right = rng.standard_normal((depth, n_columns + 3)).astype(dtype)[:, :n_columns]
    right.flags.writeable = False
    around = rng.standard_normal((n_rows, n_columns + 5)).astype(dtype)
    expected = around.copy()
    expected[:, 2 : 2 + n_columns] += left @ right
    add_product(around[:, 2 : 2 + n_columns], left, right)
    tolerance = 1e-13 if dtype is np.float64 else 1e-5
    assert_allclose(around, expected, rtol=tolerance, atol=30 * tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("size", [*SIZES, (4, 130, 31), (7, 64, 24)])
def test_adds_the_product_with_a_transposed_matrix(size, dtype):
    n_rows, depth, n_columns = size
    rng = np.random.default_rng(0)
    left = rng.standard_normal((n_rows, depth + 2)).astype(dtype)[:, 1 : 1 + depth]
    right = rng.standard_normal((n_columns, depth + 3)).astype(dtype)[:, :depth]
    right.flags.writeable = False
    around = rng.standard_normal((n_rows, n_columns + 5)).astype(dtype)
    expected = around.copy()
    expected[:, 2 : 2 + n_columns] += left @ right.T
    add_transposed_product(around[:, 2 : 2 + n_columns], left, right)
    tolerance = 1e-13 if dtype is np.float64 else 1e-5
    assert_allclose(around, expected, rtol=tolerance, atol=30 * tolerance)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_rows", range(8))
def test_panels_and_directions_change_no_bit(n_rows, dtype):
    width, depth = PANEL_BYTES // np.dtype(dtype).itemsize, 300
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((n_rows, depth)), rng.standard_normal((depth, 3 * width))
    left, right = left.astype(dtype), right.astype(dtype)
    panels = np.ascontiguousarray(right.reshape(depth, 3, width).swapaxes(0, 1))
    outs = [np.ones((n_rows, 3 * width), dtype) for _ in range(3)]
    add_product(outs[0], left, right)
    add_panels(outs[1], left, panels, False)
    add_panels(outs[2], left, panels, True)
    assert (outs[0] == outs[1]).all()
    assert (outs[0] == outs[2]).all()
    some = np.ascontiguousarray(right[:, : width + 5].T)
    there, back = np.ones((n_rows, width + 5), dtype), np.ones((n_rows, width + 5), dtype)
    add_transposed_product(there, left, some)
    add_transposed_product(back, left, some, True)
    assert (there == back).all()


def test_a_row_does_not_depend_on_those_beside_it():
    rng = np.random.default_rng(0)
    left, right = rng.standard_normal((7, 100)), rng.standard_normal((21, 100))
    together, alone = np.zeros((7, 21)), np.zeros((7, 21))
    add_transposed_product(together, left, right)
    for i in range(7):
        add_transposed_product(alone[i : i + 1], left[i : i + 1], right)
    assert (together == alone).all()


@pytest.mark.parametrize("add", [add_product, add_transposed_product])
def test_nothing_to_sum_changes_nothing(add):
    out = np.ones((3, 4))
    add(out, np.ones((3, 0)), np.ones((0, 4) if add is add_product else (4, 0)))
    assert (out == 1).all()


def test_nan_reaches_its_row_alone():
    left = np.ones((9, 3))
    left[4, 1] = np.nan
    assert np.isnan(product(left, np.ones((3, 5)))).any(axis=1).tolist() == [row == 4 for row in range(9)]
