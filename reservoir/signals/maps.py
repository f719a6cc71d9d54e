"""Chaotic maps: Hénon and logistic."""

import numpy as np
from numpy.typing import ArrayLike

from reservoir.kernels.compilation import compiled
from reservoir.signals.generator_arguments import (
    COUNT,
    FINITE,
    SEED,
    STATE,
    WASHOUT,
    Seed,
    checked,
    discarded_steps,
    finite,
    start_state,
)

TRANSIENT = 1000  # steps


@compiled(arithmetic="strict")
def _henon(start, a, b, washout, n_steps):
    path = np.empty((n_steps, 2))
    x, y = start[0], start[1]
    for step in range(-washout, n_steps):
        if step >= 0:
            path[step, 0], path[step, 1] = x, y
        x, y = 1.0 - a * x * x + y, b * x
    return path


@compiled(arithmetic="strict")
def _logistic(x, r, washout, n_steps):
    path = np.empty(n_steps)
    for step in range(-washout, n_steps):
        if step >= 0:
            path[step] = x
        x = r * x * (1.0 - x)
    return path


@checked(n_steps=[COUNT], a=[FINITE], b=[FINITE], initial_state=STATE, washout=WASHOUT, random_state=SEED)
def henon(
    n_steps: int,
    *,
    a: float = 1.4,
    b: float = 0.3,
    initial_state: ArrayLike | None = None,
    washout: int | None = None,
    random_state: Seed = None,
) -> np.ndarray:
    """Return an orbit of the Hénon map.

    ::

        x(n+1) = 1 - a x(n)² + y(n)
        y(n+1) = b x(n)

    Lyapunov exponents 0.41922 and -1.62319 per step (their sum is ln b); attractor within |x| < 1.3,
    |y| < 0.39.

    Parameters
    ----------
    n_steps : int
        Steps to return.
    a, b : float, default=1.4, 0.3
        The published parameters.
    initial_state : array-like of shape (2,), default=None
        The first point. None means (0, 0).
    washout : int, default=None
        Steps discarded before the first returned one. None means 1000, or 0 when ``initial_state`` is given.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise the start is drawn within 0.1 of (0, 0).

    Returns
    -------
    ndarray of shape (n_steps, 2)
        Columns x and y, float64.

    Raises
    ------
    ValueError
        If an argument is out of range or the orbit escapes to infinity.

    References
    ----------
    M. Hénon, "A two-dimensional mapping with a strange attractor", Commun. Math. Phys. 50, 69-77 (1976).

    Examples
    --------
    >>> henon(3, initial_state=[0, 0])
    array([[ 0. ,  0. ],
           [ 1. ,  0. ],
           [-0.4,  0.3]])
    """
    start = start_state(initial_state, random_state, np.zeros(2), spread=0.1)
    skip = discarded_steps(washout, initial_state, TRANSIENT)
    remedy = f"start nearer to the attractor or use a and b closer to 1.4 and 0.3 (a={a}, b={b})"
    return finite(_henon(start, float(a), float(b), skip, n_steps), remedy)


@checked(n_steps=[COUNT], r=[FINITE], initial_state=[None, FINITE], washout=WASHOUT, random_state=SEED)
def logistic_map(
    n_steps: int,
    *,
    r: float = 4.0,
    initial_state: float | None = None,
    washout: int | None = None,
    random_state: Seed = None,
) -> np.ndarray:
    """Return an orbit of the logistic map.

    ::

        x(n+1) = r x(n) (1 - x(n))

    At r = 4 the Lyapunov exponent is ln 2 per step and x has the density 1 / (π sqrt(x (1 - x))): mean 1/2,
    variance 1/8.

    Parameters
    ----------
    n_steps : int
        Steps to return.
    r : float, default=4.0
        Growth rate, from 0 to 4 (beyond, almost every orbit escapes).
    initial_state : float, default=None
        The first value, from 0 to 1. None means 0.3. At r = 4 the values 0.25, 0.5, 0.75 and 1 fall on the
        fixed points 0 and 0.75 and stay there.
    washout : int, default=None
        Steps discarded before the first returned one. None means 1000, or 0 when ``initial_state`` is given.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise the start is drawn within 0.2 of 0.3.

    Returns
    -------
    ndarray of shape (n_steps,)
        float64.

    Raises
    ------
    ValueError
        If an argument is out of range or the orbit escapes to infinity.

    References
    ----------
    R. May, "Simple mathematical models with very complicated dynamics", Nature 261, 459-467 (1976).

    Examples
    --------
    >>> logistic_map(3, initial_state=0.1)
    array([0.1   , 0.36  , 0.9216])
    """
    start = start_state(initial_state, random_state, np.array(0.3), spread=0.2)
    skip = discarded_steps(washout, initial_state, TRANSIENT)
    remedy = f"keep r between 0 and 4 and the start between 0 and 1 (r={r}, start {float(start):.6g})"
    return finite(_logistic(float(start), float(r), skip, n_steps), remedy)
