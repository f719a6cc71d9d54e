"""What tests of drawn matrices share."""

import numpy as np
import scipy.sparse as sp

from reservoir.topology import ShiftMatrix


def as_array(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def assert_stored_well(matrix, shape):
    assert matrix.shape == shape
    if isinstance(matrix, np.ndarray):
        assert matrix.dtype == np.float64
        assert matrix.flags.c_contiguous
    elif isinstance(matrix, ShiftMatrix):
        assert matrix.weights.dtype == np.float64
        assert matrix.offsets.dtype == np.int64
    else:
        assert type(matrix) is sp.csr_array
        assert matrix.dtype == np.float64
        assert matrix.indices.dtype == matrix.indptr.dtype == np.int32
        assert matrix.has_canonical_format
