"""What every drawn matrix shares: how many connections, where they lie, their weights, how they are stored."""

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
import scipy.sparse as sp

# A matrix with a larger fraction of non-zeros is stored as a plain array: the dense product is then faster.
DENSE_ABOVE = 0.3

DISTRIBUTIONS: dict[str, Callable] = {
    "normal": lambda size, rng: rng.standard_normal(size),
    "uniform": lambda size, rng: rng.uniform(-1.0, 1.0, size),
    "sign": lambda size, rng: rng.choice(np.array([-1.0, 1.0]), size),
    "constant": lambda size, rng: np.ones(size),
}


def draw_weights(distribution: str, size: Any, rng: np.random.Generator) -> np.ndarray:
    """Draw weights: standard normal, uniform on [-1, 1], -1 or 1, or all 1.

    Parameters
    ----------
    distribution : {"normal", "uniform", "sign", "constant"}
    size : int or tuple of int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape ``size``

    Raises
    ------
    ValueError
        If the distribution is unknown.

    Examples
    --------
    >>> draw_weights("constant", 3, np.random.default_rng(0))
    array([1., 1., 1.])
    """
    if distribution not in DISTRIBUTIONS:
        raise ValueError(f"distribution={distribution!r} is unknown; choose one of {sorted(DISTRIBUTIONS)}.")
    return DISTRIBUTIONS[distribution](size, rng)


def is_count(connectivity: Any, available: int, name: str = "connectivity") -> bool:
    """Tell a number of inputs per unit (int) from a fraction of non-zeros (float), or raise.

    Parameters
    ----------
    connectivity : int or float
    available : int
        How many units (or inputs) a unit can hear.
    name : str, default="connectivity"
        The argument's name in messages.

    Returns
    -------
    bool
        True for an int in [1, available], False for a float in (0, 1].

    Raises
    ------
    TypeError
        If ``connectivity`` is not a number.
    ValueError
        If it is out of range.

    Examples
    --------
    >>> is_count(1, available=10), is_count(1.0, available=10)
    (True, False)
    """
    if isinstance(connectivity, (bool, np.bool_)) or not isinstance(connectivity, Real):
        raise TypeError(
            f"{name}={connectivity!r} must be an int (inputs per unit) or a float (fraction non-zero)."
        )
    if isinstance(connectivity, Integral):
        if not 1 <= int(connectivity) <= available:
            raise ValueError(
                f"{name}={connectivity!r} inputs per unit must lie in [1, {available}]; "
                "for a fraction of non-zeros give a float in (0, 1]."
            )
        return True
    if not 0.0 < float(connectivity) <= 1.0:
        raise ValueError(
            f"{name}={connectivity!r} as a float is the fraction of non-zeros and must lie in (0, 1]; "
            "for a number of inputs per unit give an int."
        )
    return False


def inputs_per_unit(connectivity: Any, available: int, name: str = "connectivity") -> int:
    """Turn ``connectivity`` into one number of inputs for every unit.

    Parameters
    ----------
    connectivity : int, float or None
        None gives 10, or all when fewer are available; a float is rounded to the nearest count.
    available : int
        How many units (or inputs) a unit can hear.
    name : str, default="connectivity"
        The argument's name in messages.

    Returns
    -------
    int

    Raises
    ------
    TypeError, ValueError
        As `is_count`; also if a fraction rounds to no input at all.

    Examples
    --------
    >>> inputs_per_unit(0.1, available=50), inputs_per_unit(None, available=6)
    (5, 6)
    """
    if connectivity is None:
        return min(10, available)
    if is_count(connectivity, available, name):
        return int(connectivity)
    count = round(float(connectivity) * available)
    if count == 0:
        raise ValueError(
            f"{name}={connectivity!r} of {available} rounds to no input at all; "
            f"give at least {1 / available:.3g} or an int."
        )
    return count


def random_sparse(
    shape: tuple[int, int],
    connectivity: Any,
    distribution: str,
    rng: np.random.Generator,
    name: str = "connectivity",
) -> sp.csr_array:
    """Draw a sparse matrix with distinct, uniformly placed non-zeros.

    Parameters
    ----------
    shape : tuple (n_rows, n_columns)
    connectivity : int, float or None
        An int: exactly so many in every row. A float: exactly ``round(connectivity * n_rows * n_columns)`` in
        the whole matrix, every placement equally likely. None: 10 in every row, or all columns when fewer.
    distribution : str
        Key of `DISTRIBUTIONS`.
    rng : numpy.random.Generator
    name : str, default="connectivity"
        What messages call ``connectivity``.

    Returns
    -------
    csr_array of shape ``shape``, indices sorted

    Raises
    ------
    TypeError, ValueError
        As `is_count` and `draw_weights`.

    Examples
    --------
    >>> random_sparse((4, 9), 2, "sign", np.random.default_rng(0)).nnz
    8
    """
    n_rows, n_columns = shape
    if connectivity is None or is_count(connectivity, n_columns, name):
        counts = np.full(n_rows, inputs_per_unit(connectivity, n_columns, name))
    else:
        total = round(float(connectivity) * n_rows * n_columns)
        # Row counts of a uniform draw of `total` cells without replacement.
        counts = rng.multivariate_hypergeometric([n_columns] * n_rows, total, method="marginals")
    bounds = np.concatenate([[0], np.cumsum(counts)])
    columns = np.empty(bounds[-1], dtype=index_dtype(bounds[-1], n_columns))
    for count in np.unique(counts):
        starts = bounds[:-1][counts == count]
        columns[starts[:, np.newaxis] + np.arange(count)] = _distinct(len(starts), count, n_columns, rng)
    weights = draw_weights(distribution, columns.size, rng)
    return sp.csr_array((weights, columns, bounds.astype(columns.dtype)), shape=shape)


def _distinct(n_rows: int, count: int, n_columns: int, rng: np.random.Generator) -> np.ndarray:
    """Draw ``count`` distinct columns for each of some rows, every choice equally likely, in rising order."""
    if count**2 > 2 * n_columns:  # most rows drawn freely would hold a column twice
        drawn = [rng.choice(n_columns, count, replace=False, shuffle=False) for _ in range(n_rows)]
        return np.sort(np.reshape(drawn, (n_rows, count)), axis=1)
    columns = np.empty((n_rows, count), dtype=np.int64)
    left = np.arange(n_rows)
    while left.size:
        columns[left] = np.sort(rng.integers(n_columns, size=(left.size, count)), axis=1)
        left = left[(np.diff(columns[left], axis=1) == 0).any(axis=1)]
    return columns


def index_dtype(*largest: int) -> type:
    """Return int32 when all indices fit into it, else int64.

    Examples
    --------
    >>> index_dtype(10, 2**31)
    <class 'numpy.int64'>
    """
    return np.int32 if max(largest) <= np.iinfo(np.int32).max else np.int64


def store(matrix: Any) -> Any:
    """Return an array or sparse matrix in the storage that is fastest for its density.

    Parameters
    ----------
    matrix : ndarray or scipy sparse, float64

    Returns
    -------
    ndarray (C-contiguous) when more than 30 % of the entries are non-zero, else csr_array with sorted indices
    and no explicit zeros

    Examples
    --------
    >>> type(store(np.eye(3))).__name__, type(store(np.eye(4))).__name__
    ('ndarray', 'csr_array')
    """
    nonzero = matrix.count_nonzero() if sp.issparse(matrix) else np.count_nonzero(matrix)
    if nonzero > DENSE_ABOVE * matrix.shape[0] * matrix.shape[1]:
        return np.ascontiguousarray(matrix.toarray() if sp.issparse(matrix) else matrix)
    matrix = sp.csr_array(matrix)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    dtype = index_dtype(matrix.nnz, matrix.shape[1])
    return sp.csr_array(
        (matrix.data, matrix.indices.astype(dtype), matrix.indptr.astype(dtype)), shape=matrix.shape
    )


def checked_matrix(matrix: Any, shape: tuple[int, int], name: str) -> Any:
    """Return a float64 copy of a user's own matrix, or raise.

    Parameters
    ----------
    matrix : array-like or scipy sparse
    shape : tuple of int
        The shape that it must have.
    name : str
        What an error calls it.

    Returns
    -------
    ndarray or csr_array, stored by `store`; never shares memory with ``matrix``

    Raises
    ------
    TypeError
        If it does not hold real numbers.
    ValueError
        If it has another shape, or NaN or infinite entries.

    Examples
    --------
    >>> checked_matrix([[1, 2], [3, 4]], (2, 2), "topology")
    array([[1., 2.],
           [3., 4.]])
    """
    own: Any = sp.csr_array(matrix, copy=True) if sp.issparse(matrix) else np.array(matrix, order="C")
    if own.dtype.kind not in "biuf":
        raise TypeError(f"{name}: a matrix must hold real numbers, got dtype {own.dtype}.")
    if own.shape != shape:
        raise ValueError(f"{name}: a matrix of shape {own.shape} was given, {shape} is needed.")
    if sp.issparse(own):
        own.sum_duplicates()
    own = own.astype(np.float64)
    if not np.isfinite(own.data if sp.issparse(own) else own).all():
        raise ValueError(f"{name}: the matrix contains NaN or infinity; every weight must be finite.")
    return store(own)
