"""The drawn graphs, one function per topology: ``(n_units, rng, **options) -> unscaled recurrent matrix``."""

import math
from numbers import Integral

import numpy as np
import scipy.sparse as sp
from sklearn.utils import check_scalar

from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.topology.draws import draw_weights, inputs_per_unit, random_sparse, store


def random(n_units, rng, *, connectivity=None, distribution="normal"):
    """Draw connections uniformly at random.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
    connectivity : int or float, default 10 (all units of a smaller reservoir)
        An int: exactly so many inputs for every unit. A float: that fraction of all entries.
    distribution : {"normal", "uniform", "sign", "constant"}, default "normal"

    Returns
    -------
    csr_array, or ndarray above 30 % density, of shape (n_units, n_units)

    Raises
    ------
    TypeError, ValueError
        If ``connectivity`` or ``distribution`` is not one of the above.

    Examples
    --------
    >>> random(50, np.random.default_rng(0), connectivity=4).nnz
    200
    """
    return store(random_sparse((n_units, n_units), connectivity, distribution, rng))


def dense(n_units, rng, *, distribution="normal"):
    """Connect every unit to every unit.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
    distribution : {"normal", "uniform", "sign", "constant"}, default "normal"

    Returns
    -------
    ndarray of shape (n_units, n_units)

    Raises
    ------
    ValueError
        If the distribution is unknown.

    Examples
    --------
    >>> dense(3, np.random.default_rng(0)).shape
    (3, 3)
    """
    return draw_weights(distribution, (n_units, n_units), rng)


def circular(n_units, rng, *, connectivity=None, distribution="normal", shared=None):
    """Let unit i hear the units ``i + s_1, ..., i + s_k`` (modulo n), with random shifts and random weights.

    All units share the shifts, so that a step reads memory in order. The shifts are drawn until their greatest
    common divisor with ``n_units`` is 1, hence every unit reaches every other. In a large reservoir neighbours share
    their weights too: to read a weight takes longer than to use it.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
    connectivity : int or float, default 10 (all units of a smaller reservoir)
        Number of distinct shifts; a float is that fraction of ``n_units``, rounded.
    distribution : {"normal", "uniform", "sign", "constant"}, default "normal"
    shared : int, default 1 below 1,000 units, 16 from there on
        How many neighbours have the same k weights. Only multiples of 16 save time.

    Returns
    -------
    ShiftMatrix of shape (n_units, n_units)

    Raises
    ------
    TypeError, ValueError
        If ``connectivity``, ``distribution`` or ``shared`` is not one of the above.

    Examples
    --------
    >>> circular(50, np.random.default_rng(0), connectivity=3).weights.shape
    (3, 50)
    """
    n_shifts = inputs_per_unit(connectivity, n_units)
    offsets = np.zeros(1, dtype=np.int64)
    while math.gcd(n_units, *offsets.tolist()) != 1:
        offsets = np.sort(rng.choice(n_units, n_shifts, replace=False, shuffle=False))
    shared = check_scalar(_neighbours(n_units) if shared is None else shared, "shared", Integral, min_val=1)
    weights = draw_weights(distribution, (n_shifts, -(-n_units // shared)), rng)
    return ShiftMatrix(offsets, np.repeat(weights, shared, axis=1)[:, :n_units])


def _neighbours(n_units):
    """How many units share their weights: with fewer groups than about 60 a reservoir forecasts worse."""
    return 16 if n_units >= 1000 else 1


def ring(n_units, rng, *, weight=1.0, jump=None, jump_weight=1.0):
    """Close the units to a simple cycle, unit i hearing unit i - 1; with ``jump``, a cycle with regular jumps.

    Jumps join the units 0, jump, 2 jump, ... in both directions. When ``jump`` divides ``n_units`` the last one
    returns to unit 0, otherwise it ends at the last multiple of ``jump``.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
        Not used: the matrix is deterministic.
    weight : float, default 1
        Weight of every cycle connection.
    jump : int or None, default None
        Length of a jump, 1 < jump < n_units / 2.
    jump_weight : float, default 1
        Weight of every jump connection.

    Returns
    -------
    ShiftMatrix of shape (n_units, n_units)

    Raises
    ------
    ValueError
        If ``jump`` is out of range.

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Trans. Neural Networks 22 (2011) 131-144.
    Rodan and Tino, "Simple deterministically constructed cycle reservoirs with regular jumps", Neural
    Computation 24 (2012) 1822-1852.

    Examples
    --------
    >>> ring(4, None).toarray()
    array([[0., 0., 0., 1.],
           [1., 0., 0., 0.],
           [0., 1., 0., 0.],
           [0., 0., 1., 0.]])
    """
    cycle = np.full(n_units, float(weight))
    if jump is None:
        return ShiftMatrix([-1], [cycle])
    if not isinstance(jump, Integral) or not 1 < int(jump) < n_units / 2:
        raise ValueError(f"jump={jump!r} must be an int with 1 < jump < n_units / 2 = {n_units / 2:g}.")
    jump = int(jump)
    forward, backward = np.zeros((2, n_units))
    starts = np.arange(n_units // jump) * jump
    backward[starts] = forward[(starts + jump) % n_units] = jump_weight
    return ShiftMatrix([-1, -jump, jump], [cycle, forward, backward])


def delay_line(n_units, rng, *, weight=1.0, feedback=0.0):
    """Chain the units, unit i hearing unit i - 1; with ``feedback``, also unit i + 1.

    Without feedback the matrix is nilpotent: its spectral radius is 0 and cannot be scaled. With feedback the
    radius is ``2 sqrt(|weight feedback|) cos(pi / (n_units + 1))``.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
        Not used: the matrix is deterministic.
    weight : float, default 1
        Weight of every forward connection.
    feedback : float, default 0
        Weight of every backward connection.

    Returns
    -------
    ShiftMatrix of shape (n_units, n_units)

    References
    ----------
    Rodan and Tino, "Minimum complexity echo state network", IEEE Trans. Neural Networks 22 (2011) 131-144.

    Examples
    --------
    >>> delay_line(3, None, feedback=0.5).toarray()
    array([[0. , 0.5, 0. ],
           [1. , 0. , 0.5],
           [0. , 1. , 0. ]])
    """
    forward, backward = np.full(n_units, float(weight)), np.full(n_units, float(feedback))
    forward[0] = backward[-1] = 0.0
    if feedback == 0.0:
        return ShiftMatrix([-1], [forward])
    return ShiftMatrix([-1, 1], [forward, backward])


def orthogonal(n_units, rng):
    """Draw an orthogonal matrix uniformly (Haar measure): every eigenvalue has modulus 1.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of shape (n_units, n_units)

    References
    ----------
    Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54 (2007)
    592-604.

    Examples
    --------
    >>> W = orthogonal(4, np.random.default_rng(0))
    >>> bool(np.allclose(W @ W.T, np.eye(4)))
    True
    """
    q, r = np.linalg.qr(rng.standard_normal((n_units, n_units)))
    # QR leaves the signs of R's diagonal to the implementation; making them positive gives the Haar measure.
    return np.ascontiguousarray(q * np.where(np.diagonal(r) < 0.0, -1.0, 1.0))


def permutation(n_units, rng, *, distribution="constant"):
    """Let every unit hear exactly one unit and be heard by exactly one, at random.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
    distribution : {"normal", "uniform", "sign", "constant"}, default "constant"

    Returns
    -------
    csr_array (ndarray when n_units <= 3) of shape (n_units, n_units)

    Raises
    ------
    ValueError
        If the distribution is unknown.

    Examples
    --------
    >>> permutation(5, np.random.default_rng(0)).sum(axis=0)
    array([1., 1., 1., 1., 1.])
    """
    columns = rng.permutation(n_units)
    weights = draw_weights(distribution, n_units, rng)
    return store(sp.csr_array((weights, columns, np.arange(n_units + 1)), shape=(n_units, n_units)))


def small_world(n_units, rng, *, connectivity=None, rewiring=0.1, distribution="normal"):
    """Let every unit hear its nearest neighbours on a circle, some connections rewired at random.

    The directed form of the Watts-Strogatz graph: each connection keeps its receiver and, with probability
    ``rewiring``, takes a new sender, uniform among the units that the receiver does not hear yet.

    Parameters
    ----------
    n_units : int
        At least 2.
    rng : numpy.random.Generator
    connectivity : int or float, default 10 (all other units of a smaller reservoir)
        Inputs of every unit; a float is that fraction of the other units, rounded. An odd number takes the
        unpaired neighbour from above.
    rewiring : float in [0, 1], default 0.1
    distribution : {"normal", "uniform", "sign", "constant"}, default "normal"

    Returns
    -------
    csr_array, or ndarray above 30 % density, of shape (n_units, n_units)

    Raises
    ------
    TypeError, ValueError
        If an option is not one of the above, or there is only one unit.

    References
    ----------
    Watts and Strogatz, "Collective dynamics of 'small-world' networks", Nature 393 (1998) 440-442.

    Examples
    --------
    >>> small_world(8, None, connectivity=2, rewiring=0, distribution="constant").indices[:4]
    array([1, 7, 0, 2], dtype=int32)
    """
    if n_units < 2:
        raise ValueError(f"n_units={n_units!r}: a small world needs at least 2 units.")
    if not 0.0 <= rewiring <= 1.0:
        raise ValueError(f"rewiring={rewiring!r} is a probability and must lie in [0, 1].")
    n_inputs = inputs_per_unit(connectivity, n_units - 1)
    distances = np.arange(-(n_inputs // 2), n_inputs - n_inputs // 2 + 1)
    columns = (np.arange(n_units)[:, None] + distances[distances != 0]) % n_units
    if rewiring > 0.0:
        moved = rng.random(columns.shape) < rewiring
        for unit in np.flatnonzero(moved.any(axis=1)):
            kept = np.append(columns[unit, ~moved[unit]], unit)
            # Enough distinct candidates that `n_moved` of them are left once the taken ones are struck out.
            candidates = rng.choice(n_units, n_inputs + 1, replace=False)
            free = candidates[~np.isin(candidates, kept)]
            columns[unit, moved[unit]] = free[: moved[unit].sum()]
    columns.sort(axis=1)
    weights = draw_weights(distribution, columns.size, rng)
    bounds = np.arange(0, columns.size + 1, n_inputs)
    return store(sp.csr_array((weights, columns.ravel(), bounds), shape=(n_units, n_units)))


def block(
    n_units,
    rng,
    *,
    connectivity=None,
    n_blocks=4,
    links=0,
    link_scaling=0.1,
    distribution="normal",
):
    """Draw clusters of consecutive units, each a random graph of its own; optionally weak links between them.

    Parameters
    ----------
    n_units : int
    rng : numpy.random.Generator
    connectivity : int or float, default 10 (all units of a smaller cluster)
        Within a cluster, as in `random`.
    n_blocks : int, default 4
        Clusters; their sizes differ by at most one. At most ``n_units``.
    links : int or float, default 0
        Inputs of a unit from other clusters: a number per unit (int) or a fraction (float); 0 for none.
    link_scaling : float, default 0.1
        Factor on the weights of the links.
    distribution : {"normal", "uniform", "sign", "constant"}, default "normal"

    Returns
    -------
    csr_array, or ndarray above 30 % density, of shape (n_units, n_units)

    Raises
    ------
    TypeError, ValueError
        If an option is not one of the above.

    Examples
    --------
    >>> block(40, np.random.default_rng(0), connectivity=3, links=1).nnz
    160
    """
    if not isinstance(n_blocks, Integral) or not 1 <= int(n_blocks) <= n_units:
        raise ValueError(f"n_blocks={n_blocks!r} must be an int in [1, n_units = {n_units}].")
    sizes = [len(units) for units in np.array_split(np.arange(n_units), n_blocks)]
    clusters = [random_sparse((size, size), connectivity, distribution, rng) for size in sizes]
    matrix = sp.block_diag(clusters, format="csr")
    if links:
        matrix = matrix + link_scaling * _links(sizes, links, distribution, rng)
    return store(matrix)


def _links(sizes, links, distribution, rng):
    """Draw connections between the clusters of the given sizes and none within."""
    n_units = sum(sizes)
    if len(sizes) == 1:
        raise ValueError(f"links={links!r} needs at least 2 clusters; n_blocks=1 leaves nothing to link.")
    bands, first = [], 0
    for size in sizes:
        band = random_sparse((size, n_units - size), links, distribution, rng, "links")
        columns = band.indices + size * (band.indices >= first)
        bands.append(sp.csr_array((band.data, columns, band.indptr), shape=(size, n_units)))
        first += size
    return sp.csr_array(sp.vstack(bands, format="csr"))
