"""Chaotic flows, integrated to rounding error: Lorenz-63, Rössler, Lorenz-96.

One step is the extrapolated midpoint rule of Gragg, Bulirsch and Stoer at fixed order 8 (E. Hairer, S. P.
Nørsett, G. Wanner, "Solving Ordinary Differential Equations I", 2nd ed., section II.9): 17 evaluations. At
the default steps it errs by about 1e-13 of the attractor's size per time unit; classical Runge-Kutta with as
many evaluations errs by 1e-9.
"""

import math
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from reservoir.kernels.compilation import compiled
from reservoir.signals.generator_arguments import (
    COUNT,
    FINITE,
    POSITIVE,
    SEED,
    STATE,
    WASHOUT,
    Seed,
    checked,
    discarded_steps,
    finite,
    start_state,
)

# The kernel chooses the vector field by number: a field passed as a function would defeat numba's cache.
LORENZ63, ROSSLER, LORENZ96 = 0, 1, 2

# Midpoint rules with 2, 4, 6 and 8 substeps are combined: order twice their number.
N_RULES = 4

TRANSIENT = 100.0  # time units


@compiled(arithmetic="strict")
def _velocity(system, p, x, v):
    """Write the time derivative at state x (n_dims,) into v (n_dims,); p holds the parameters."""
    if system == LORENZ63:
        v[0] = p[0] * (x[1] - x[0])
        v[1] = x[0] * (p[1] - x[2]) - x[1]
        v[2] = x[0] * x[1] - p[2] * x[2]
    elif system == ROSSLER:
        v[0] = -x[1] - x[2]
        v[1] = x[0] + p[0] * x[1]
        v[2] = p[1] + x[2] * (x[0] - p[2])
    else:
        n = x.size
        v[0] = (x[1] - x[n - 2]) * x[n - 1] - x[0] + p[0]
        v[1] = (x[2] - x[n - 1]) * x[0] - x[1] + p[0]
        for i in range(2, n - 1):
            v[i] = (x[i + 1] - x[i - 2]) * x[i - 1] - x[i] + p[0]
        v[n - 1] = (x[0] - x[n - 3]) * x[n - 2] - x[n - 1] + p[0]


@compiled(arithmetic="strict")
def _advance(system, p, x, step, work):
    """Move x (n_dims,) on by one step; work (3 + N_RULES, n_dims) is overwritten.

    Rule k crosses the step by the midpoint rule in m = 2 (k + 1) substeps h; its error is a series in h², and
    the Aitken-Neville recursion removes one term with every further rule.
    """
    v0, v, old, table = work[0], work[1], work[2], work[3:]
    _velocity(system, p, x, v0)
    for k in range(len(table)):
        m = 2 * (k + 1)
        h = step / m
        new = table[k]
        for i in range(x.size):
            old[i] = x[i]
            new[i] = x[i] + h * v0[i]
        for _ in range(m - 1):
            _velocity(system, p, new, v)
            for i in range(x.size):
                old[i], new[i] = new[i], old[i] + 2.0 * h * v[i]
        for j in range(k - 1, -1, -1):
            weight = 1.0 / (((k + 1.0) / (j + 1.0)) ** 2 - 1.0)
            for i in range(x.size):
                table[j, i] = table[j + 1, i] + weight * (table[j + 1, i] - table[j, i])
    for i in range(x.size):
        x[i] = table[0, i]


@compiled(arithmetic="strict")
def _orbit(system, p, start, step, substeps, washout, n_steps):
    """Return the states (n_steps, n_dims) after every ``substeps`` steps, the first ``washout`` left out.

    No fast-math in these kernels: reordered sums would give every machine a chaotic orbit of its own. No
    slice assignments either: they would double the time of compilation.
    """
    path = np.empty((n_steps, start.size))
    x, work = start.copy(), np.empty((3 + N_RULES, start.size))
    for sample in range(-washout, n_steps):
        if sample >= 0:
            for i in range(x.size):
                path[sample, i] = x[i]
        for _ in range(substeps):
            _advance(system, p, x, step, work)
    return path


def _integrate(
    system: int,
    parameters: tuple[float, ...],
    start: np.ndarray,
    n_steps: int,
    dt: float,
    max_step: float,
    washout: int,
) -> np.ndarray:
    # The tolerance keeps dt / max_step = 2.0000000000000004 at two substeps.
    substeps = math.ceil(dt / max_step * (1.0 - 1e-12))
    p = np.array(parameters, dtype=np.float64)
    path = _orbit(system, p, start, dt / substeps, substeps, washout, n_steps)
    return finite(path, f"lower max_step={max_step} or start nearer to the attractor")


@checked(
    n_steps=[COUNT],
    dt=[POSITIVE],
    sigma=[FINITE],
    rho=[FINITE],
    beta=[FINITE],
    initial_state=STATE,
    washout=WASHOUT,
    max_step=[POSITIVE],
    random_state=SEED,
)
def lorenz63(
    n_steps: int,
    *,
    dt: float = 0.01,
    sigma: float = 10.0,
    rho: float = 28.0,
    beta: float = 8.0 / 3.0,
    initial_state: ArrayLike | None = None,
    washout: int | None = None,
    max_step: float = 0.005,
    random_state: Seed = None,
) -> np.ndarray:
    """Return a trajectory of the Lorenz system of 1963.

    ::

        dx/dt = sigma (y - x)
        dy/dt = x (rho - z) - y
        dz/dt = x y - beta z

    Time has no unit. At the default parameters: Lyapunov exponents 0.9056, 0 and -14.5723 per time unit (so
    one Lyapunov time is 1.104), fixed points at x = y = ±8.485, z = 27.

    Parameters
    ----------
    n_steps : int
        Samples to return.
    dt : float, default=0.01
        Time between samples.
    sigma, rho, beta : float, default=10, 28, 8/3
        The published parameters.
    initial_state : array-like of shape (3,), default=None
        The first sample. None means (1, 1, 1).
    washout : int, default=None
        Samples discarded before the first returned one. None means 100 time units, or 0 when
        ``initial_state`` is given.
    max_step : float, default=0.005
        Largest step of the integrator; ``dt`` is divided evenly. The scheme has order 8; the default errs by
        about 1e-13 of the attractor's size per time unit.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise the start is drawn within 1 of (1, 1, 1).

    Returns
    -------
    ndarray of shape (n_steps, 3)
        Columns x, y and z, float64.

    Raises
    ------
    ValueError
        If an argument is out of range, both ``initial_state`` and ``random_state`` are given, or the orbit
        diverges.

    References
    ----------
    E. N. Lorenz, "Deterministic nonperiodic flow", J. Atmos. Sci. 20, 130-141 (1963). Exponents: J. C.
    Sprott, "Chaos and Time-Series Analysis", Oxford University Press (2003).

    Examples
    --------
    >>> lorenz63(1000).shape
    (1000, 3)
    >>> lorenz63(2, initial_state=[1, 1, 1]).round(3)
    array([[1.   , 1.   , 1.   ],
           [1.013, 1.26 , 0.985]])
    """
    start = start_state(initial_state, random_state, np.ones(3), spread=1.0)
    skip = discarded_steps(washout, initial_state, TRANSIENT, dt)
    return _integrate(LORENZ63, (sigma, rho, beta), start, n_steps, dt, max_step, skip)


@checked(
    n_steps=[COUNT],
    dt=[POSITIVE],
    a=[FINITE],
    b=[FINITE],
    c=[FINITE],
    initial_state=STATE,
    washout=WASHOUT,
    max_step=[POSITIVE],
    random_state=SEED,
)
def rossler(
    n_steps: int,
    *,
    dt: float = 0.1,
    a: float = 0.2,
    b: float = 0.2,
    c: float = 5.7,
    initial_state: ArrayLike | None = None,
    washout: int | None = None,
    max_step: float = 0.025,
    random_state: Seed = None,
) -> np.ndarray:
    """Return a trajectory of the Rössler system.

    ::

        dx/dt = -y - z
        dy/dt = x + a y
        dz/dt = b + z (x - c)

    Time has no unit; one turn takes about 5.9. At the default parameters: Lyapunov exponents 0.0714, 0 and
    -5.3943 per time unit.

    Parameters
    ----------
    n_steps : int
        Samples to return.
    dt : float, default=0.1
        Time between samples.
    a, b, c : float, default=0.2, 0.2, 5.7
        The published parameters.
    initial_state : array-like of shape (3,), default=None
        The first sample. None means (1, 1, 1).
    washout : int, default=None
        Samples discarded before the first returned one. None means 100 time units, or 0 when
        ``initial_state`` is given.
    max_step : float, default=0.025
        Largest step of the integrator; ``dt`` is divided evenly. The scheme has order 8; the default errs by
        about 1e-13 of the attractor's size per time unit.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise the start is drawn within 4 of (1, 1, 1).

    Returns
    -------
    ndarray of shape (n_steps, 3)
        Columns x, y and z, float64.

    Raises
    ------
    ValueError
        If an argument is out of range, both ``initial_state`` and ``random_state`` are given, or the orbit
        diverges.

    References
    ----------
    O. E. Rössler, "An equation for continuous chaos", Phys. Lett. A 57, 397-398 (1976). Exponents:
    J. C. Sprott, "Chaos and Time-Series Analysis", Oxford University Press (2003).

    Examples
    --------
    >>> rossler(1000).shape
    (1000, 3)
    """
    start = start_state(initial_state, random_state, np.ones(3), spread=4.0)
    skip = discarded_steps(washout, initial_state, TRANSIENT, dt)
    return _integrate(ROSSLER, (a, b, c), start, n_steps, dt, max_step, skip)


@checked(
    n_steps=[COUNT],
    n_dims=[Interval(Integral, 4, None, closed="left")],
    forcing=[FINITE],
    dt=[POSITIVE],
    initial_state=STATE,
    washout=WASHOUT,
    max_step=[POSITIVE],
    random_state=SEED,
)
def lorenz96(
    n_steps: int,
    n_dims: int = 40,
    *,
    forcing: float = 8.0,
    dt: float = 0.01,
    initial_state: ArrayLike | None = None,
    washout: int | None = None,
    max_step: float = 0.005,
    random_state: Seed = None,
) -> np.ndarray:
    """Return a trajectory of the Lorenz system of 1996, a ring of ``n_dims`` sites.

    ::

        dx_i/dt = (x_{i+1} - x_{i-2}) x_{i-1} - x_i + forcing,   indices modulo n_dims

    One time unit stands for 5 days of weather. With 40 sites and forcing 8 errors double in about 0.42 time
    units (largest Lyapunov exponent near 1.7), and every site has mean 2.3 and standard deviation 3.6.

    Parameters
    ----------
    n_steps : int
        Samples to return.
    n_dims : int, default=40
        Sites on the ring, at least 4.
    forcing : float, default=8.0
        The constant forcing F; chaos needs about 6 and more.
    dt : float, default=0.01
        Time between samples (0.05, six hours, in the weather literature).
    initial_state : array-like of shape (n_dims,), default=None
        The first sample. None means the unstable rest state ``forcing`` with 0.01 added to site 0.
    washout : int, default=None
        Samples discarded before the first returned one. None means 100 time units, or 0 when
        ``initial_state`` is given.
    max_step : float, default=0.005
        Largest step of the integrator; ``dt`` is divided evenly. The scheme has order 8; the default errs by
        about 1e-13 of the attractor's size per time unit.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise the start is drawn within 0.01 of the default one.

    Returns
    -------
    ndarray of shape (n_steps, n_dims)
        float64.

    Raises
    ------
    ValueError
        If an argument is out of range, both ``initial_state`` and ``random_state`` are given, or the orbit
        diverges.

    References
    ----------
    E. N. Lorenz, "Predictability: a problem partly solved", Proc. ECMWF Seminar on Predictability 1, 1-18
    (1996); E. N. Lorenz, K. A. Emanuel, "Optimal sites for supplementary weather observations", J. Atmos.
    Sci. 55, 399-414 (1998).

    Examples
    --------
    >>> lorenz96(1000, n_dims=6).shape
    (1000, 6)
    """
    rest = np.full(n_dims, float(forcing))
    rest[0] += 0.01
    start = start_state(initial_state, random_state, rest, spread=0.01)
    skip = discarded_steps(washout, initial_state, TRANSIENT, dt)
    return _integrate(LORENZ96, (forcing,), start, n_steps, dt, max_step, skip)
