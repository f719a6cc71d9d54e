"""How recurrent and input matrices are drawn.

Convention: ``W[i, j]`` is the weight from unit (or input) ``j`` to unit ``i``; one step uses ``W @ h``. A recurrent
matrix is a C-contiguous float64 array, a ``scipy.sparse.csr_array`` with sorted indices, or a `ShiftMatrix`.
"""

from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.topology.input_weights import INPUT_WEIGHTS, make_input_weights
from reservoir.topology.recurrent_weights import TOPOLOGIES, make_recurrent_weights

__all__ = ["INPUT_WEIGHTS", "TOPOLOGIES", "ShiftMatrix", "make_input_weights", "make_recurrent_weights"]
