"""A square matrix whose non-zeros lie on a few cyclic diagonals: contiguous loads instead of gathers.

``W[i, (i + offsets[k]) % n] += weights[k, i]``: unit i hears the units at fixed distances around a circle,
each connection with its own weight. Multiplying by it reads every array in order, which makes one step of a
reservoir several times faster than a general sparse matrix of equal size.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp


@dataclass(frozen=True, eq=False, init=False)
class ShiftMatrix:
    """Square matrix stored as cyclic diagonals.

    Parameters
    ----------
    offsets : array-like of int, shape (n_shifts,)
        Distances of the heard units; stored modulo ``n_units`` as int64.
    weights : array-like of float, shape (n_shifts, n_units)
        ``weights[k, i]`` is the weight from unit ``(i + offsets[k]) % n_units`` to unit ``i``; stored as a
        C-contiguous float64 copy. Equal offsets add up.

    Raises
    ------
    ValueError
        If the shapes disagree, there is no unit, or a weight is not finite.
    TypeError
        If the offsets are not integers.

    Examples
    --------
    >>> ring = ShiftMatrix([-1], [[1.0, 1.0, 1.0]])
    >>> ring.toarray()
    array([[0., 0., 1.],
           [1., 0., 0.],
           [0., 1., 0.]])
    >>> ring @ [1.0, 2.0, 3.0]
    array([3., 1., 2.])
    """

    offsets: np.ndarray
    weights: np.ndarray

    # NumPy scalars and arrays leave `*` and `@` to this class instead of looking for elements in it.
    __array_ufunc__ = None

    def __init__(self, offsets: npt.ArrayLike, weights: npt.ArrayLike):
        offsets = np.asarray(offsets)
        weights = np.array(weights, dtype=np.float64, order="C")
        if weights.ndim != 2 or weights.shape[1] == 0 or offsets.shape != weights.shape[:1]:
            raise ValueError(
                f"offsets of shape {offsets.shape} and weights of shape {weights.shape} do not fit: "
                "give offsets (n_shifts,) and weights (n_shifts, n_units) with n_units >= 1."
            )
        if offsets.size and not np.issubdtype(offsets.dtype, np.integer):
            raise TypeError(f"offsets must be integers, got dtype {offsets.dtype}.")
        if not np.isfinite(weights).all():
            raise ValueError("weights contains NaN or infinity; every weight must be finite.")
        object.__setattr__(self, "offsets", offsets.astype(np.int64) % weights.shape[1])
        object.__setattr__(self, "weights", weights)

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_units, n_units)``."""
        n_units = self.weights.shape[1]
        return n_units, n_units

    @property
    def nnz(self) -> int:
        """Number of non-zero weights."""
        return int(np.count_nonzero(self.weights))

    def tocsr(self) -> sp.csr_array:
        """Return the matrix as a ``scipy.sparse.csr_array`` without explicit zeros."""
        n_shifts, n_units = self.weights.shape
        rows = np.tile(np.arange(n_units, dtype=np.int32), n_shifts)
        columns = (np.arange(n_units) + self.offsets[:, None]) % n_units
        triplets = (self.weights.ravel(), (rows, columns.ravel().astype(np.int32)))
        matrix = sp.csr_array(sp.coo_array(triplets, shape=self.shape))
        matrix.eliminate_zeros()
        matrix.sort_indices()
        return matrix

    def toarray(self) -> np.ndarray:
        """Return the matrix as a dense array of shape (n_units, n_units)."""
        return self.tocsr().toarray()

    def antisymmetric(self) -> "ShiftMatrix":
        """Return the matrix minus its transpose."""
        turned = [np.roll(weights, offset) for offset, weights in zip(self.offsets, self.weights)]
        offsets = np.concatenate([self.offsets, -self.offsets])
        return ShiftMatrix(offsets, np.vstack([self.weights, -np.array(turned).reshape(self.weights.shape)]))

    def __matmul__(self, x):
        """Return ``W @ x`` for a vector (n_units,) or a matrix (n_units, n_columns)."""
        x = np.asarray(x, dtype=np.float64)
        n_units = self.shape[0]
        if x.ndim not in (1, 2) or x.shape[0] != n_units:
            raise ValueError(f"cannot multiply a ShiftMatrix of shape {self.shape} by shape {x.shape}.")
        y = np.zeros(x.shape)
        for offset, weights in zip(self.offsets, self.weights):
            y += (weights if x.ndim == 1 else weights[:, None]) * np.roll(x, -offset, axis=0)
        return y

    def __mul__(self, factor: float) -> "ShiftMatrix":
        """Return the matrix with every weight multiplied by the number ``factor``."""
        if not np.isscalar(factor):
            return NotImplemented
        return ShiftMatrix(self.offsets, self.weights * factor)

    __rmul__ = __mul__
