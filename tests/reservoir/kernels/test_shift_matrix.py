"""A matrix of a few cyclic diagonals against its definition."""

import operator

import numpy as np
import pytest

from reservoir.topology import (
    ShiftMatrix,
)
from tests import naive
from tests.matrices import assert_stored_well


@pytest.mark.parametrize(("n_units", "offsets"), [(1, [0]), (2, [1, -1]), (7, [0, 3, -2, 10]), (5, [])])
def test_shift_matrix_equals_its_definition(n_units, offsets):
    rng = np.random.default_rng(0)
    weights = rng.standard_normal((len(offsets), n_units))
    matrix = ShiftMatrix(np.array(offsets, dtype=int), weights)
    dense = naive.shift_matrix(offsets, weights) if offsets else np.zeros((n_units, n_units))
    np.testing.assert_allclose(matrix.toarray(), dense, rtol=1e-15)
    assert_stored_well(matrix.tocsr(), (n_units, n_units))
    assert matrix.nnz == len(offsets) * n_units
    for x in (rng.standard_normal(n_units), rng.standard_normal((n_units, 3))):
        np.testing.assert_allclose(matrix @ x, dense @ x, atol=1e-14)
    for scaled in (matrix * 2, 2 * matrix, np.float64(2) * matrix, matrix * np.float64(2)):
        np.testing.assert_allclose(scaled.toarray(), 2 * dense, rtol=1e-15)
    assert not np.shares_memory(matrix.weights, weights)


def test_shift_matrix_errors():
    with pytest.raises(ValueError, match=r"offsets of shape \(1,\) and weights of shape \(2, 3\) do not fit"):
        ShiftMatrix([1], np.ones((2, 3)))
    with pytest.raises(ValueError, match="weights contains NaN or infinity"):
        ShiftMatrix([1], [[1.0, np.nan]])
    with pytest.raises(TypeError, match="offsets must be integers, got dtype float64"):
        ShiftMatrix([1.0], [[1.0, 2.0]])
    matrix = ShiftMatrix([1], [[1.0, 2.0]])
    with pytest.raises(ValueError, match=r"cannot multiply a ShiftMatrix of shape \(2, 2\) by shape \(3,\)"):
        matrix @ np.ones(3)
    with pytest.raises(TypeError):
        operator.mul(np.ones(2), matrix)
