"""From a name, a function or a user's own matrix to a scaled recurrent matrix."""

import inspect
from collections.abc import Callable
from numbers import Integral
from typing import Any

from reservoir.contracts.random_source import make_rng
from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.kernels.threads import OneBlasThread
from reservoir.topology import graphs
from reservoir.topology.draws import checked_matrix
from reservoir.topology.spectrum import scale_to

TOPOLOGIES: dict[str, Callable] = {
    "random": graphs.random,
    "dense": graphs.dense,
    "circular": graphs.circular,
    "ring": graphs.ring,
    "delay_line": graphs.delay_line,
    "orthogonal": graphs.orthogonal,
    "permutation": graphs.permutation,
    "small_world": graphs.small_world,
    "block": graphs.block,
}


def make_recurrent_weights(
    topology,
    n_units,
    random_state=None,
    *,
    spectral_radius=None,
    singular_value=None,
    connectivity=None,
    **options,
):
    """Draw a recurrent matrix, or take a user's own, and scale it.

    Parameters
    ----------
    topology : str, callable, array-like, scipy sparse or ShiftMatrix
        Key of `TOPOLOGIES`; a function ``(n_units, rng, **options) -> matrix``; or the matrix itself, which is
        copied and never modified.
    n_units : int
        At least 1.
    random_state : None, int, RandomState or Generator
        Determines every drawn number.
    spectral_radius : float or None, default None
        Largest modulus of an eigenvalue after scaling; 0 gives the zero matrix.
    singular_value : float or None, default None
        Largest singular value after scaling, instead of the radius. With neither, the matrix stays unscaled.
    connectivity : int, float or None, default None
        Inputs per unit (int) or fraction of non-zeros (float). None leaves the topology's default. Passed only
        to topologies that take it: a ring has one input per unit whatever it says.
    **options
        Further keyword arguments of the topology's function, such as ``distribution`` or ``jump``.

    Returns
    -------
    ndarray (C-contiguous float64), csr_array (sorted indices) or ShiftMatrix, of shape (n_units, n_units)
        ``W[i, j]`` is the weight from unit j to unit i.

    Raises
    ------
    ValueError
        If the topology is unknown, a matrix has the wrong shape or entries that are not finite, both scalings
        are asked for, or the matrix is nilpotent and its radius cannot be scaled.
    TypeError
        If an option is not known to the topology, or an argument has the wrong type.

    Examples
    --------
    >>> W = make_recurrent_weights("random", 100, 0, spectral_radius=0.9, connectivity=5)
    >>> W.nnz
    500
    >>> make_recurrent_weights("ring", 4, spectral_radius=0.5).toarray()[1]
    array([0.5, 0. , 0. , 0. ])
    """
    if isinstance(n_units, bool) or not isinstance(n_units, Integral) or n_units < 1:
        raise ValueError(f"n_units={n_units!r} must be an int of at least 1.")
    n_units = int(n_units)
    if isinstance(topology, str):
        if topology not in TOPOLOGIES:
            raise ValueError(
                f"topology={topology!r} is unknown; choose one of {sorted(TOPOLOGIES)}, "
                "or give a function (n_units, rng, **options) or a matrix."
            )
        name, draw = f"topology={topology!r}", TOPOLOGIES[topology]
    elif callable(topology):
        name, draw = f"topology={getattr(topology, '__name__', topology)}", topology
    else:
        if options:
            raise TypeError(f"a user's own matrix takes no options; got {sorted(options)}.")
        name, draw = "topology", None
    with OneBlasThread(n_units):
        matrix = topology if draw is None else _draw(draw, name, n_units, random_state, connectivity, options)
        if draw not in TOPOLOGIES.values():
            matrix = own_matrix(matrix, n_units, name)
        return scale_to(matrix, spectral_radius=spectral_radius, singular_value=singular_value, name=name)


def _draw(draw, name, n_units, random_state, connectivity, options):
    """Call a topology's function with the options that it knows."""
    parameters = inspect.signature(draw).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    allowed = list(parameters)[2:]
    unknown = [] if takes_any else sorted(set(options) - set(allowed))
    if unknown:
        raise TypeError(f"{name} has no option {', '.join(unknown)}; its options are {allowed or 'none'}.")
    if connectivity is not None and (takes_any or "connectivity" in allowed):
        options = {**options, "connectivity": connectivity}
    return draw(n_units, make_rng(random_state), **options)


def read_options(topology_options: dict | None) -> dict:
    """Return the further options of a topology, refusing those that a reservoir has parameters for.

    Raises
    ------
    ValueError
        Naming them.
    """
    options = topology_options or {}
    taken = sorted({"connectivity", "spectral_radius", "singular_value"} & set(options))
    if taken:
        raise ValueError(
            f"topology_options={options!r} holds {', '.join(taken)}: that is set by the reservoir's own parameters"
        )
    return options


def own_matrix(matrix: Any, n_units: int, name: str) -> Any:
    """Return a checked copy of a square matrix that is not from the table; an error calls it ``name``."""
    if not isinstance(matrix, ShiftMatrix):
        return checked_matrix(matrix, (n_units, n_units), name)
    if matrix.shape != (n_units, n_units):
        raise ValueError(
            f"{name}: a matrix of shape {matrix.shape} was given, {(n_units, n_units)} is needed."
        )
    return ShiftMatrix(matrix.offsets, matrix.weights)
