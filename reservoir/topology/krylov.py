"""Extreme eigenvalues of large matrices: ARPACK on a power of the matrix, bisection on a narrow one.

Random recurrent matrices have many eigenvalues of nearly the same modulus at the edge of a disc. There the monomial
``z^p`` separates the outermost best, so that Arnoldi's iteration runs on ``W^p``: it needs far fewer basis vectors,
whose orthogonalisation is the dear part, and ``|mu| = |lambda|^p`` gives the radius to full precision. Narrow
lattices have the opposite trouble, eigenvalues as close as 1 / n^2, and a cheap remedy: a band is factorised fast.
"""

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.linalg import cholesky_banded, solve_banded
from scipy.sparse import csgraph
from scipy.sparse.linalg import ArpackError, LinearOperator, eigs, eigsh

# Attempts: (wanted eigenvalues, basis vectors, power of the matrix, most products with it). Of random
# matrices, one wanted eigenvalue of W itself missed LAPACK's largest in 44 of 500, eight of W^16 in none of 1,000.
ATTEMPTS = ((8, 80, 16, 30_000), (16, 160, 64, 100_000))
FALLBACK_UNITS = 4096  # up to here LAPACK takes over after the first attempt (half a minute at worst)
FULL_DENSITY = 0.1  # above it products with a plain array are the faster ones
NARROW = 64  # widest band that is factorised
TOLERANCE = 1e-13
# scipy draws vectors for ARPACK's rare internal restarts from this generator, where it can be given.
SEED: dict[str, Any] = {"rng": 0} if "rng" in inspect.signature(eigs).parameters else {}


def largest_modulus(matrix: Any) -> float:
    """Return the largest modulus of an eigenvalue of a large matrix.

    Parameters
    ----------
    matrix : ndarray or csr_array, square, float64
        Not zero, entries of order 1; when sparse, strongly connected.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If no iteration converges and the matrix is too large for LAPACK.

    References
    ----------
    Lehoucq, Sorensen and Yang, "ARPACK Users' Guide", SIAM 1998.

    Examples
    --------
    >>> W = np.random.default_rng(0).standard_normal((300, 300))
    >>> bool(np.isclose(largest_modulus(W), np.abs(np.linalg.eigvals(W)).max(), rtol=1e-11, atol=0))
    True
    """
    n_units = matrix.shape[0]
    if sp.issparse(matrix):
        if (matrix - matrix.T).count_nonzero() == 0:
            return _symmetric_radius(matrix)
        band = _banded(matrix) if matrix.data.min() >= 0.0 else None
        if band is not None:
            return _perron_root(band)
        if matrix.nnz > FULL_DENSITY * n_units**2:
            matrix = matrix.toarray()
    for attempt in ATTEMPTS[: 1 if n_units <= FALLBACK_UNITS else None]:
        radius = _arnoldi_radius(matrix, *attempt)
        if radius is not None:
            return radius
    return float(np.abs(np.linalg.eigvals(_small_enough(matrix))).max())


def largest_gram_eigenvalue(matrix: Any) -> float:
    """Return the largest eigenvalue of ``W.T @ W``, the square of the largest singular value.

    Parameters
    ----------
    matrix : ndarray or csr_array, square, float64
        Large, entries of order 1.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the iteration does not converge and the matrix is too large for LAPACK.

    Examples
    --------
    >>> W = np.random.default_rng(0).standard_normal((300, 300))
    >>> bool(np.isclose(largest_gram_eigenvalue(W), np.linalg.norm(W, 2) ** 2, rtol=1e-12, atol=0))
    True
    """
    if sp.issparse(matrix) and (_gram_is_sparse(matrix) or _banded(matrix) is not None):
        band = _banded(sp.csr_array(matrix.T @ matrix))
        if band is not None:
            return _largest_band_eigenvalue(band)
    transposed = sp.csr_array(matrix.T) if sp.issparse(matrix) else matrix.T
    gram = LinearOperator(matrix.shape, matvec=lambda v: transposed @ (matrix @ v), dtype=np.float64)
    try:
        return float(_lanczos(gram, which="LA").max())
    except ArpackError:
        return float(np.linalg.norm(_small_enough(matrix), 2) ** 2)


def _start(n_units: int) -> np.ndarray:
    """Return the fixed start vector: the same matrix gives the same bits, and no global state is touched."""
    return np.random.default_rng(0).standard_normal(n_units)


def _small_enough(matrix: Any) -> np.ndarray:
    """Return the matrix as an array for LAPACK, or raise."""
    if matrix.shape[0] > FALLBACK_UNITS:
        raise ValueError(
            f"the outermost eigenvalues of the {matrix.shape} matrix lie too close together for the iteration to "
            "converge; add connections, scale by the other of spectral_radius and singular_value, or set both to "
            "None and scale the matrix by a number of your own."
        )
    return matrix.toarray() if sp.issparse(matrix) else matrix


def _arnoldi_radius(matrix: Any, n_wanted: int, n_basis: int, power: int, n_products: int) -> float | None:
    """Return the radius through ``W^power``, or None when the iteration does not converge."""
    n_units = matrix.shape[0]
    entries = matrix.data if sp.issparse(matrix) else matrix
    scale = float(np.linalg.norm(entries)) / math.sqrt(n_units)  # near the radius of a random matrix
    matrix, start = matrix / scale, _start(n_units)
    if sp.issparse(matrix):
        period, classes = _period(matrix)
        # Eigenvalues come in `period` rotated copies. W^period maps each cyclic class of units into itself, and
        # in one class sees one copy.
        power = period * -(-power // period)
        start[classes != 0] = 0.0
        operator = LinearOperator(matrix.shape, matvec=_powered(matrix, power), dtype=np.float64)
    else:
        operator = np.linalg.matrix_power(matrix, power)
    try:
        values = eigs(
            operator,
            k=n_wanted,
            ncv=n_basis,
            maxiter=-(-n_products // (n_basis * power)),
            tol=TOLERANCE,
            v0=start,
            return_eigenvectors=False,
            **SEED,
        )
    except ArpackError:
        return None
    return scale * float(np.abs(values).max() ** (1.0 / power))


def _powered(matrix: sp.csr_array, power: int):
    """Return the function ``v -> W^power v``."""

    def matvec(v):
        for _ in range(power):
            v = matrix @ v
        return v

    return matvec


def _period(matrix: sp.csr_array) -> tuple[int, np.ndarray]:
    """Return the greatest common divisor of all cycle lengths, and the cyclic class of every unit."""
    kind = np.int32 if matrix.nnz < 2**31 else np.int64  # older SciPy searches graphs of int32 only
    places = matrix.indices.astype(kind), matrix.indptr.astype(kind)
    graph = sp.csr_array((np.ones(matrix.nnz), *places), shape=matrix.shape)
    levels = csgraph.shortest_path(graph, method="D", unweighted=True, indices=0).astype(np.int64)
    edges = matrix.tocoo()
    period = int(np.gcd.reduce(levels[edges.row] + 1 - levels[edges.col]))
    return period, levels % period


def _banded(matrix: sp.csr_array) -> np.ndarray | None:
    """Return LAPACK's band storage (2 width + 1, n) in an order of the units that makes the band narrow, or None."""
    order = csgraph.reverse_cuthill_mckee(matrix, symmetric_mode=False)
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    edges = matrix.tocoo()
    below, column = place[edges.row] - place[edges.col], place[edges.col]
    width = int(np.abs(below).max())
    if width > NARROW:
        return None
    band = np.zeros((2 * width + 1, order.size))
    band[width + below, column] = edges.data
    return band


def _gram_is_sparse(matrix: sp.csr_array) -> bool:
    """Tell whether ``W.T @ W`` has no more entries than the widest band."""
    per_row = np.diff(matrix.indptr).astype(np.int64)
    return bool((per_row**2).sum() <= (2 * NARROW + 1) * matrix.shape[0])


def _perron_root(band: np.ndarray) -> float:
    """Return the radius of a non-negative, strongly connected band matrix.

    ``(s I - W) x = 1`` has a positive solution exactly when s lies above the radius (then ``s I - W`` is an
    M-matrix), which decides a bisection.

    References
    ----------
    Berman and Plemmons, "Nonnegative Matrices in the Mathematical Sciences", SIAM 1994, chapter 6.
    """
    width, ones = len(band) // 2, np.ones(band.shape[1])

    def lies_above(s: float) -> bool:
        shifted = -band
        shifted[width] += s
        return bool((solve_banded((width, width), shifted, ones, overwrite_ab=True) > 0.0).all())

    return _bisection(lies_above, band.sum(axis=0).max())


def _largest_band_eigenvalue(band: np.ndarray) -> float:
    """Return the largest eigenvalue of a symmetric band matrix, or 0 if it is negative.

    ``s I - W`` has a Cholesky factor exactly when s lies above it, which decides a bisection.
    """
    width = len(band) // 2

    def lies_above(s: float) -> bool:
        shifted = -band[width:]
        shifted[0] += s
        cholesky_banded(shifted, overwrite_ab=True, lower=True)
        return True

    return _bisection(lies_above, np.abs(band).sum(axis=0).max())


def _bisection(lies_above: Callable[[float], bool], high: float) -> float:
    """Return the boundary in [0, high] above which ``lies_above`` holds; it may say no by a ``LinAlgError``."""
    low, high = 0.0, float(high)
    while high - low > 1e-15 * high:
        middle = 0.5 * (low + high)
        try:
            above = lies_above(middle)
        except np.linalg.LinAlgError:
            above = False
        low, high = (low, middle) if above else (middle, high)
    return high


def _symmetric_radius(matrix: sp.csr_array) -> float:
    """Return the largest modulus of an eigenvalue of a symmetric matrix."""
    band = _banded(matrix)
    if band is not None:
        return max(_largest_band_eigenvalue(band), _largest_band_eigenvalue(-band))
    try:
        return float(np.abs(_lanczos(matrix, which="BE")).max())
    except ArpackError:
        return float(np.abs(np.linalg.eigvalsh(_small_enough(matrix))).max())


def _lanczos(operator: Any, which: str) -> np.ndarray:
    """Return two extreme eigenvalues of a symmetric operator."""
    start = _start(operator.shape[0])
    return eigsh(operator, 2, which=which, ncv=40, tol=TOLERANCE, v0=start, return_eigenvectors=False, **SEED)
