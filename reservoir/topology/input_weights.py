"""Input weights, one function per kind: ``(n_units, n_inputs, rng, **options) -> unscaled matrix``."""

import decimal
import functools
import inspect
import math
from collections.abc import Callable

import numpy as np
import scipy.sparse as sp

from reservoir.contracts.random_source import make_rng
from reservoir.topology.draws import checked_matrix, inputs_per_unit, random_sparse, store

_CONNECTIVITY = (
    "input_connectivity"  # as reservoirs call it; theirs without the prefix is of recurrent weights
)


def _random(distribution: str) -> Callable:
    """Make the function that draws every weight from one distribution."""

    def draw(n_units, n_inputs, rng, *, connectivity=1.0):
        return store(random_sparse((n_units, n_inputs), connectivity, distribution, rng, _CONNECTIVITY))

    return draw


def sparse(n_units, n_inputs, rng, *, connectivity=None):
    """Let every unit hear a few inputs, with weights uniform on [-1, 1].

    Parameters
    ----------
    n_units, n_inputs : int
    rng : numpy.random.Generator
    connectivity : int or float, default: a tenth of the inputs, at least one
        Inputs per unit (int), or fraction of non-zeros (float).

    Returns
    -------
    csr_array, or ndarray above 30 % density, of shape (n_units, n_inputs)

    Raises
    ------
    TypeError, ValueError
        If ``connectivity`` is not one of the above.

    Examples
    --------
    >>> sparse(6, 40, np.random.default_rng(0)).nnz
    24
    """
    if connectivity is None:
        connectivity = max(1, round(0.1 * n_inputs))
    return store(random_sparse((n_units, n_inputs), connectivity, "uniform", rng, _CONNECTIVITY))


def neighbours(n_units, n_inputs, rng, *, connectivity=None):
    """Let every unit hear a run of neighbouring inputs that begins anywhere, with weights uniform on [-1, 1].

    For inputs that are sites along a line: in the laws of most fields only near sites multiply each other, and
    units that hear near sites together spend nothing on the products of distant ones.

    Parameters
    ----------
    n_units, n_inputs : int
    rng : numpy.random.Generator
    connectivity : int or float, default: 10 inputs, or all when fewer
        Inputs per unit (int), or a fraction of the inputs (float).

    Returns
    -------
    csr_array, or ndarray above 30 % density, of shape (n_units, n_inputs)

    Raises
    ------
    TypeError, ValueError
        If ``connectivity`` is not one of the above.

    Examples
    --------
    >>> (neighbours(3, 7, np.random.default_rng(1), connectivity=3) != 0).astype(int)
    array([[0, 0, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 0, 0],
           [0, 0, 0, 1, 1, 1, 0]])
    """
    count = inputs_per_unit(connectivity, n_inputs, _CONNECTIVITY)
    columns = rng.integers(n_inputs - count + 1, size=(n_units, 1)) + np.arange(count)
    weights = rng.uniform(-1.0, 1.0, columns.size)
    bounds = count * np.arange(n_units + 1)
    return store(sp.csr_array((weights, columns.ravel(), bounds), shape=(n_units, n_inputs)))


def cycle_sign(n_units, n_inputs, rng):
    """Set every weight to -1 or 1 by the decimal digits of pi: deterministic and aperiodic.

    Digit after digit behind the decimal point, 0-4 gives -1 and 5-9 gives 1; the first input takes the first
    ``n_units`` digits, the next input those that follow.

    Parameters
    ----------
    n_units, n_inputs : int
    rng : numpy.random.Generator
        Not used: the matrix is deterministic.

    Returns
    -------
    ndarray of shape (n_units, n_inputs)

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Trans. Neural Networks 22 (2011) 131-144.

    Examples
    --------
    >>> cycle_sign(6, 1, None).ravel()
    array([-1., -1., -1.,  1.,  1., -1.])
    """
    digits = pi_digits(n_units * n_inputs).reshape(n_inputs, n_units)
    return np.ascontiguousarray(np.where(digits >= 5, 1.0, -1.0).T)


def one_per_unit(n_units, n_inputs, rng):
    """Let every unit hear exactly one input, all inputs equally often, with weights uniform on [-1, 1].

    Parameters
    ----------
    n_units, n_inputs : int
    rng : numpy.random.Generator

    Returns
    -------
    csr_array, or ndarray when there are at most 3 inputs, of shape (n_units, n_inputs)
        The numbers of units that hear an input differ by at most one.

    Examples
    --------
    >>> np.count_nonzero(one_per_unit(6, 3, np.random.default_rng(0)), axis=0)
    array([2, 2, 2])
    """
    # Shuffling the inputs as well leaves to chance which of them are heard once more than the others.
    columns = rng.permutation(n_inputs)[rng.permutation(n_units) % n_inputs]
    weights = rng.uniform(-1.0, 1.0, n_units)
    return store(sp.csr_array((weights, columns, np.arange(n_units + 1)), shape=(n_units, n_inputs)))


INPUT_WEIGHTS: dict[str, Callable] = {
    "uniform": _random("uniform"),
    "normal": _random("normal"),
    "sign": _random("sign"),
    "cycle_sign": cycle_sign,
    "sparse": sparse,
    "one_per_unit": one_per_unit,
    "neighbours": neighbours,
}


@functools.lru_cache(maxsize=4)
def pi_digits(n_digits: int) -> np.ndarray:
    """Return the first decimal digits of pi behind the point, by the series of the Chudnovskys in integers.

    Parameters
    ----------
    n_digits : int

    Returns
    -------
    ndarray of uint8, shape (n_digits,), read-only

    References
    ----------
    Chudnovsky and Chudnovsky, "Approximations and complex multiplication according to Ramanujan", in "Ramanujan
    Revisited", Academic Press 1988.

    Examples
    --------
    >>> pi_digits(5)
    array([1, 4, 1, 5, 9], dtype=uint8)
    """
    one = 10 ** (n_digits + 10)  # ten digits more take up the truncation of every term
    term = constant = one
    linear, k = 0, 1
    while term:  # each term adds 14 digits
        term *= -(6 * k - 5) * (2 * k - 1) * (6 * k - 1)
        term //= k**3 * (640_320**3 // 24)
        constant += term
        linear += k * term
        k += 1
    pi = 426_880 * math.isqrt(10_005 * one * one) * one // (13_591_409 * constant + 545_140_134 * linear)
    text = str(decimal.Decimal(pi))  # Python limits the length of a printed int, not that of a Decimal
    digits = np.frombuffer(text[1 : 1 + n_digits].encode(), dtype=np.uint8) - ord("0")
    digits.flags.writeable = False
    return digits


def make_input_weights(kind, n_units, n_inputs, random_state=None, *, scaling=1.0, connectivity=None):
    """Draw input weights, or take a user's own, and scale them.

    Parameters
    ----------
    kind : str, array-like or scipy sparse
        Key of `INPUT_WEIGHTS`, or the matrix itself, which is copied and never modified: "uniform" on [-1, 1],
        standard "normal", "sign" -1 or 1, deterministic "cycle_sign", "sparse", "one_per_unit", "neighbours".
    n_units, n_inputs : int
        At least 1.
    random_state : None, int, RandomState or Generator
        Determines every drawn number.
    scaling : float or array-like of shape (n_inputs,), default 1.0
        Factor on all weights, or on the weights of each input.
    connectivity : int, float or None, default None
        Inputs per unit (int) or fraction of non-zeros (float). None leaves the kind's default, which is every
        input (a tenth of them for "sparse", 10 for "neighbours"). Not for a matrix, "cycle_sign" and
        "one_per_unit", whose connections are what they are.

    Returns
    -------
    ndarray (C-contiguous float64), or csr_array (sorted indices) up to 30 % density, (n_units, n_inputs)
        ``W[i, j]`` is the weight from input j to unit i.

    Raises
    ------
    ValueError
        If the kind is unknown or takes no ``connectivity``, a matrix has the wrong shape or entries that are not
        finite, or ``scaling`` has the wrong shape.
    TypeError
        If an argument has the wrong type.

    Examples
    --------
    >>> make_input_weights("cycle_sign", 4, 2, scaling=[0.1, 1.0])
    array([[-0.1,  1. ],
           [-0.1, -1. ],
           [-0.1,  1. ],
           [ 0.1,  1. ]])
    """
    factors = np.asarray(scaling, dtype=np.float64)
    if factors.shape not in ((), (n_inputs,)) or not np.isfinite(factors).all():
        raise ValueError(
            f"input_scaling={scaling!r} must be a finite number or one number for each of the {n_inputs} inputs."
        )
    if isinstance(kind, str) and kind not in INPUT_WEIGHTS:
        raise ValueError(f"input weights {kind!r} are unknown; choose one of {sorted(INPUT_WEIGHTS)}.")
    draw = INPUT_WEIGHTS[kind] if isinstance(kind, str) else None
    takes = draw is not None and "connectivity" in inspect.signature(draw).parameters
    if connectivity is not None and not takes:
        raise ValueError(
            f"{_CONNECTIVITY}={connectivity!r} has no meaning for input weights that are "
            f"{'a matrix' if draw is None else repr(kind)}: leave it out, or take 'uniform' or 'sparse'."
        )
    if draw is None:
        matrix = checked_matrix(kind, (n_units, n_inputs), "input weights")
    else:
        options = {} if connectivity is None else {"connectivity": connectivity}
        matrix = draw(n_units, n_inputs, make_rng(random_state), **options)
    if sp.issparse(matrix):
        matrix.data *= factors if factors.ndim == 0 else factors[matrix.indices]
        return matrix
    return matrix * factors
