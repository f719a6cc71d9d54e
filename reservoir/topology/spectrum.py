"""Measure and set the spectral radius or the largest singular value of a recurrent matrix.

Closed forms come first, because they are exact where iterations are slow or wrong: cyclic structure (Fourier
blocks), simple cycles (geometric mean), tridiagonal chains (a symmetric similar matrix), orthogonal matrices, and
the strongly connected components, which alone carry eigenvalues. Small components go to LAPACK, large ones to
ARPACK.
"""

import math
from numbers import Real
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import eigvalsh_tridiagonal
from scipy.sparse import csgraph

from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.topology.krylov import largest_gram_eigenvalue, largest_modulus

DENSE_UNITS = 200  # up to here LAPACK is as fast as ARPACK


def spectral_radius(matrix: Any) -> float:
    """Return the largest modulus of an eigenvalue.

    Parameters
    ----------
    matrix : array-like, scipy sparse or ShiftMatrix, square

    Returns
    -------
    float
        Exactly 0 when the graph of the matrix has no cycle (a nilpotent matrix such as a delay line).

    Raises
    ------
    ValueError
        If the matrix is not square, not finite, or large with outermost values too close for the iteration.
    TypeError
        If it does not hold real numbers.

    Examples
    --------
    >>> spectral_radius([[0.0, 4.0], [1.0, 0.0]])
    2.0
    >>> spectral_radius([[0.0, 0.0], [1.0, 0.0]])
    0.0
    """
    matrix, scale = _normalised(matrix)
    if isinstance(matrix, ShiftMatrix):
        blocks = _fourier_blocks(matrix)
        if blocks is not None:
            return scale * float(np.abs(np.linalg.eigvals(blocks)).max())
        matrix = matrix.tocsr()
    n_units = matrix.shape[0]
    if not sp.issparse(matrix):
        # Fuller arrays than a triangle are no graph without cycles; they need no search for components.
        if np.count_nonzero(matrix) > n_units * (n_units + 1) // 2:
            return scale * _dense_radius(matrix)
        matrix = sp.csr_array(matrix)
    n_components, labels = csgraph.connected_components(matrix, directed=True, connection="strong")
    if n_components == 1:
        return scale * _component_radius(matrix)
    sizes = np.bincount(labels)
    alone = sizes[labels] == 1
    radius = float(np.abs(matrix.diagonal()[alone]).max(initial=0.0))
    order = np.argsort(labels, kind="stable")  # units of a component stay in their order
    ordered = matrix[order][:, order]
    for size, stop in zip(sizes, np.cumsum(sizes)):
        if size > 1:
            radius = max(radius, _component_radius(ordered[stop - size : stop, stop - size : stop]))
    return scale * radius


def largest_singular_value(matrix: Any) -> float:
    """Return the largest singular value, the Euclidean operator norm.

    Parameters
    ----------
    matrix : array-like, scipy sparse or ShiftMatrix, square

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the matrix is not square, not finite, or large with outermost values too close for the iteration.
    TypeError
        If it does not hold real numbers.

    Examples
    --------
    >>> largest_singular_value([[0.0, 4.0], [1.0, 0.0]])
    4.0
    """
    matrix, scale = _normalised(matrix)
    if isinstance(matrix, ShiftMatrix):
        blocks = _fourier_blocks(matrix)
        if blocks is not None:
            return scale * float(np.linalg.norm(blocks, 2, axis=(1, 2)).max())
        matrix = matrix.tocsr()
    n_units = matrix.shape[0]
    if sp.issparse(matrix):
        squares = matrix.multiply(matrix)
        # Rows (or columns) with one entry at most make the Gram matrix diagonal.
        if np.diff(matrix.indptr).max() <= 1:
            return scale * math.sqrt(squares.sum(axis=0).max())
        if np.bincount(matrix.indices).max() <= 1:
            return scale * math.sqrt(squares.sum(axis=1).max())
    if n_units <= DENSE_UNITS:
        return scale * float(np.linalg.norm(_toarray(matrix), 2))
    gain = _orthogonal_gain(matrix)
    if gain is not None:
        return scale * gain
    return scale * math.sqrt(largest_gram_eigenvalue(matrix))


def scale_to(matrix, *, spectral_radius=None, singular_value=None, name="matrix"):
    """Return the matrix multiplied by the number that gives it a spectral radius or a largest singular value.

    Parameters
    ----------
    matrix : ndarray, csr_array or ShiftMatrix, square
        Not modified.
    spectral_radius : float or None, default None
        Non-negative; 0 gives the zero matrix.
    singular_value : float or None, default None
        Non-negative. With neither, ``matrix`` itself is returned.
    name : str, default "matrix"
        What an error calls the matrix.

    Returns
    -------
    ndarray, csr_array or ShiftMatrix, as given

    Raises
    ------
    ValueError
        If both are asked for, one is negative or not finite, or the matrix cannot be scaled to it: no cycle
        (spectral radius) or no entry (singular value) but a number above 0 asked for.

    Examples
    --------
    >>> scale_to(np.array([[0.0, 4.0], [1.0, 0.0]]), spectral_radius=0.5)
    array([[0.  , 1.  ],
           [0.25, 0.  ]])
    """
    if spectral_radius is None and singular_value is None:
        return matrix
    if spectral_radius is not None and singular_value is not None:
        raise ValueError(
            f"{name}: spectral_radius={spectral_radius!r} and singular_value={singular_value!r} "
            "exclude each other; set one and leave the other None."
        )
    if singular_value is None:
        quantity, target, measure = "spectral_radius", spectral_radius, _measure_radius
        remedy = (
            "no unit reaches itself along connections, so every eigenvalue is 0; scale by singular_value "
            "instead, or close a cycle (a delay line by its feedback weight, a random graph by more connections)"
        )
    else:
        quantity, target, measure = "singular_value", singular_value, largest_singular_value
        remedy = "all its weights are 0"
    if not isinstance(target, Real) or not 0.0 <= float(target) < math.inf:
        raise ValueError(f"{name}: {quantity}={target!r} must be a finite number of at least 0.")
    if target == 0.0:
        zero = matrix * 0.0
        if sp.issparse(zero):
            zero.eliminate_zeros()
        return zero
    present = measure(matrix)
    if present == 0.0:
        raise ValueError(f"{name}: {quantity}={target!r} cannot be reached: {remedy}.")
    return matrix * (float(target) / present)


_measure_radius = spectral_radius  # `scale_to` has an argument of the same name


def _normalised(matrix):
    """Return a finite square matrix with entries in [-1, 1], and the factor that was taken out."""
    if not isinstance(matrix, ShiftMatrix):
        matrix = sp.csr_array(matrix) if sp.issparse(matrix) else np.asarray(matrix)
        if matrix.dtype.kind not in "biuf":
            raise TypeError(f"the matrix must hold real numbers, got dtype {matrix.dtype}.")
        matrix = matrix.astype(np.float64)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or matrix.shape[0] == 0:
            raise ValueError(f"the matrix must be square, got shape {matrix.shape}.")
    if isinstance(matrix, ShiftMatrix):
        entries = matrix.weights
    else:
        entries = matrix.data if sp.issparse(matrix) else matrix
    largest = float(np.abs(entries).max(initial=0.0))
    if not np.isfinite(largest):
        raise ValueError("the matrix contains NaN or infinity; every weight must be finite.")
    if largest == 0.0:
        return (sp.csr_array(matrix.shape) if isinstance(matrix, ShiftMatrix) else matrix), 0.0
    matrix = matrix * (1.0 / largest)
    if sp.issparse(matrix):
        matrix.sum_duplicates()
        matrix.eliminate_zeros()
    return matrix, largest


def _toarray(matrix: Any) -> np.ndarray:
    return matrix.toarray() if sp.issparse(matrix) else matrix


# ------------------------------------------------------------------------------------------------ closed forms


def _fourier_blocks(matrix: ShiftMatrix) -> np.ndarray | None:
    """Return blocks (n_blocks, q, q) with the eigenvalues and singular values of weights with a period q.

    Then W is block-circulant: W[(c, a), (d, b)] = C[(d - c) mod m, a, b] with m = n / q, and the discrete Fourier
    transform of C along its first axis splits it into m blocks (complex conjugate ones are left out). For q = 1,
    equal weights on every diagonal, these are the eigenvalues themselves.
    """
    n_units = matrix.shape[0]
    for period in range(1, min(n_units // 2, 64) + 1):  # two cells at least: a single one splits nothing
        first = matrix.weights[:, :period]
        if n_units % period == 0 and np.array_equal(matrix.weights, np.tile(first, n_units // period)):
            cells = np.zeros((n_units // period, period, period))
            rows = np.arange(period)
            for offset, weights in zip(matrix.offsets, first):
                cell, column = np.divmod((rows + offset) % n_units, period)
                np.add.at(cells, (cell, rows, column), weights)
            return np.fft.rfft(cells, axis=0)
    return None


def _orthogonal_gain(matrix: Any) -> float | None:
    """Return c if ``W.T @ W = c^2 I`` to rounding, when all eigenvalues and singular values have modulus c.

    For E = W.T W - c^2 I and a standard normal v, |E v| is about the Frobenius norm of E: one product decides.
    """
    v = np.random.default_rng(0).standard_normal(matrix.shape[0])
    image = matrix.T @ (matrix @ v)
    square = float(v @ image / (v @ v))
    deviation = np.linalg.norm(image - square * v)
    return math.sqrt(square) if deviation <= 1e-13 * square * np.linalg.norm(v) else None


def _tridiagonal_radius(matrix: sp.csr_array) -> float | None:
    """Return the radius of a chain of units, or None where this closed form does not hold.

    The symmetric matrix with ``sqrt(W[i, i+1] W[i+1, i])`` beside the diagonal has the same eigenvalues and, unlike
    W, well-conditioned ones. Products that are all negative give i times a symmetric matrix when the diagonal is
    zero.
    """
    coordinates = matrix.tocoo()
    if np.abs(coordinates.row - coordinates.col).max() > 1:
        return None
    diagonal = matrix.diagonal()
    products = matrix.diagonal(1) * matrix.diagonal(-1)
    if not ((products > 0.0).all() or ((products < 0.0).all() and not diagonal.any())):
        return None
    beside = np.sqrt(np.abs(matrix.diagonal(1))) * np.sqrt(np.abs(matrix.diagonal(-1)))
    ends = [
        eigvalsh_tridiagonal(diagonal, beside, select="i", select_range=(index, index))[0]
        for index in (0, len(diagonal) - 1)
    ]
    return float(np.abs(ends).max())


def _component_radius(matrix: sp.csr_array) -> float:
    """Return the radius of a strongly connected matrix of two units or more, or of a single unit."""
    n_units = matrix.shape[0]
    if matrix.nnz == n_units:  # as many connections as units: a simple cycle
        return math.exp(np.log(np.abs(matrix.data)).mean())
    if n_units == 1:
        return 0.0
    radius = _tridiagonal_radius(matrix)
    return _dense_radius(matrix) if radius is None else radius


def _dense_radius(matrix: Any) -> float:
    """Return the radius of a matrix without exploitable structure, by LAPACK or ARPACK."""
    n_units = matrix.shape[0]
    if n_units <= DENSE_UNITS:
        return float(np.abs(np.linalg.eigvals(_toarray(matrix))).max())
    gain = _orthogonal_gain(matrix)
    return largest_modulus(matrix) if gain is None else gain
