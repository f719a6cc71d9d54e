"""The Kuramoto-Sivashinsky equation by exponential time differencing."""

import math
from numbers import Integral
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from reservoir.signals.generator_arguments import (
    COUNT,
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

TRANSIENT = 500.0  # time units

N_CONTOUR_POINTS = 32


class Etdrk4(NamedTuple):
    """Coefficients of one ETDRK4 step, one value per Fourier mode (Kassam and Trefethen, section 2)."""

    whole: np.ndarray  # exp(h L)
    half: np.ndarray  # exp(h L / 2)
    q: np.ndarray
    f1: np.ndarray
    f2: np.ndarray
    f3: np.ndarray


def etdrk4(linear: np.ndarray, step: float) -> Etdrk4:
    """Return the coefficients for the linear rates ``linear`` (n_modes,), real, and the time step ``step``.

    Near a rate of zero the formulas lose all digits to cancellation, so each is averaged over a circle of
    radius one around its argument, which is exact for an entire function. The rates are real: half a circle
    will do.
    """
    circle = np.exp(1j * np.pi * (np.arange(N_CONTOUR_POINTS) + 0.5) / N_CONTOUR_POINTS)
    z = step * linear[:, None] + circle
    ez = np.exp(z)

    def averaged(values: np.ndarray) -> np.ndarray:
        return step * values.mean(axis=1).real

    return Etdrk4(
        whole=np.exp(step * linear),
        half=np.exp(0.5 * step * linear),
        q=averaged((np.exp(0.5 * z) - 1.0) / z),
        f1=averaged((-4.0 - z + ez * (4.0 - 3.0 * z + z**2)) / z**3),
        f2=averaged((2.0 + z + ez * (z - 2.0)) / z**3),
        f3=averaged((-4.0 - 3.0 * z - z**2 + ez * (4.0 - z)) / z**3),
    )


def _evolve(
    start: np.ndarray, length: float, step: float, substeps: int, washout: int, n_steps: int
) -> np.ndarray:
    """Return the fields (n_steps, n_points) after every ``substeps`` steps, the first ``washout`` left out."""
    n_points = start.size
    k = 2.0 * np.pi / length * np.arange(n_points // 2 + 1)
    scheme = etdrk4(k**2 - k**4, step)
    slope = -0.5j * k
    if n_points % 2 == 0:
        slope[-1] = 0.0  # the highest mode of an even grid has no derivative on it

    def advection(v: np.ndarray) -> np.ndarray:
        u = np.fft.irfft(v, n_points)
        return slope * np.fft.rfft(u * u)

    path = np.empty((n_steps, n_points))
    v = np.fft.rfft(start)
    for sample in range(-washout, n_steps):
        if sample >= 0:
            path[sample] = np.fft.irfft(v, n_points)
        for _ in range(substeps):
            n_v = advection(v)
            halfway = scheme.half * v
            a = halfway + scheme.q * n_v
            n_a = advection(a)
            b = halfway + scheme.q * n_a
            n_b = advection(b)
            c = scheme.half * a + scheme.q * (2.0 * n_b - n_v)
            n_c = advection(c)
            v = scheme.whole * v + scheme.f1 * n_v + 2.0 * scheme.f2 * (n_a + n_b) + scheme.f3 * n_c
    return path


@checked(
    n_steps=[COUNT],
    length=[POSITIVE],
    n_points=[Interval(Integral, 8, None, closed="left")],
    dt=[POSITIVE],
    initial_state=STATE,
    washout=WASHOUT,
    max_step=[POSITIVE],
    random_state=SEED,
)
def kuramoto_sivashinsky(
    n_steps: int,
    length: float = 22.0,
    n_points: int = 64,
    dt: float = 0.25,
    *,
    initial_state: ArrayLike | None = None,
    washout: int | None = None,
    max_step: float = 0.25,
    random_state: Seed = None,
) -> np.ndarray:
    """Return a solution of the Kuramoto-Sivashinsky equation on a ring.

    ::

        u_t = -u u_x - u_xx - u_xxxx,   u(x + length, t) = u(x, t)

    Space and time have no unit. The scheme is ETDRK4, a fourth-order exponential Runge-Kutta method, over
    Fourier modes, without de-aliasing, as published. The spatial mean never changes and is 0 from the default
    start. At length 22 the largest Lyapunov exponent is about 0.043 per time unit and abs(u) stays below
    about 3.3.

    Parameters
    ----------
    n_steps : int
        Samples to return.
    length : float, default=22.0
        Circumference of the ring.
    n_points : int, default=64
        Grid points, x = 0, length / n_points, ...; at least 8. Keep their distance below about 0.5. A power
        of two is quickest.
    dt : float, default=0.25
        Time between samples.
    initial_state : array-like of shape (n_points,), default=None
        The first sample. None means cos(θ) + cos(2 θ) with θ = 2 π x / length.
    washout : int, default=None
        Samples discarded before the first returned one. None means 500 time units, or 0 when
        ``initial_state`` is given.
    max_step : float, default=0.25
        Largest step of the integrator; ``dt`` is divided evenly. The published 0.25 errs by 1e-6 to 1e-4 per
        time unit, a quarter of it by 1e-8 to 1e-6.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise noise from [-0.1, 0.1] without mean is added to the default
        start.

    Returns
    -------
    ndarray of shape (n_steps, n_points)
        float64.

    Raises
    ------
    ValueError
        If an argument is out of range, both ``initial_state`` and ``random_state`` are given, or the solution
        diverges.

    References
    ----------
    A.-K. Kassam, L. N. Trefethen, "Fourth-order time-stepping for stiff PDEs", SIAM J. Sci. Comput. 26,
    1214-1233 (2005). Length 22: P. Cvitanović, R. L. Davidchack, E. Siminos, "On the state space geometry of
    the Kuramoto-Sivashinsky flow in a periodic domain", SIAM J. Appl. Dyn. Syst. 9, 1-33 (2010). Grid and
    sampling: J. Pathak et al., "Model-free prediction of large spatiotemporally chaotic systems from data",
    Phys. Rev. Lett. 120, 024102 (2018).

    Examples
    --------
    >>> u = kuramoto_sivashinsky(100)
    >>> u.shape, bool(abs(u.mean(axis=1)).max() < 1e-12)
    ((100, 64), True)
    """
    angle = 2.0 * np.pi * np.arange(n_points) / n_points
    # Not the cos(θ) (1 + sin(θ)) of the paper: that is odd about θ = π / 2, and the equation keeps it so.
    start = start_state(initial_state, random_state, np.cos(angle) + np.cos(2.0 * angle), spread=0.1)
    if random_state is not None:
        start -= start.mean()
    substeps = math.ceil(dt / max_step * (1.0 - 1e-12))
    skip = discarded_steps(washout, initial_state, TRANSIENT, dt)
    with np.errstate(over="ignore", invalid="ignore"):
        path = _evolve(start, length, dt / substeps, substeps, skip, n_steps)
    return finite(path, f"lower max_step={max_step}, or raise n_points={n_points} for length={length}")
