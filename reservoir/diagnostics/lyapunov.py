r"""Lyapunov exponents by the QR method: of any map, of a driven reservoir, of a trained model that runs free.

An orthonormal frame ``Q`` is carried along an orbit by the linearised map and made orthonormal again from time
to time; what its columns have grown by is on the diagonal of ``R``,

.. math:: J_t \cdots J_{t-m+1} Q = Q' R, \qquad \lambda_i = \frac{1}{T \, \Delta t} \sum \ln |R_{ii}|

(G. Benettin, L. Galgani, A. Giorgilli, J.-M. Strelcyn, Meccanica 15 (1980) 9-30; K. Geist, U. Parlitz,
W. Lauterborn, Progress of Theoretical Physics 83 (1990) 875-893.)
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import one_series, positive, whole
from reservoir.models.closed_loop import ClosedLoop, closed_loop_of
from reservoir.reservoirs.base_reservoir import Reservoir

Step = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


class LyapunovSpectrum(NamedTuple):
    """Lyapunov exponents and how they settled.

    Parameters
    ----------
    exponents : ndarray of shape (n_exponents,)
        Per unit of time, the largest first; minus infinity where a direction dies in finite time.
    dimension : float
        Kaplan-Yorke dimension; a lower bound if the exponents computed do not sum to less than 0.
    times : ndarray of shape (n_blocks,)
        Time from the start of the measurement to the end of each block.
    running : ndarray of shape (n_blocks, n_exponents)
        Mean exponents up to these times.
    errors : ndarray of shape (n_exponents,)
        Standard error of each exponent from ten equal parts of the orbit.
    """

    exponents: np.ndarray
    dimension: float
    times: np.ndarray
    running: np.ndarray
    errors: np.ndarray


def kaplan_yorke_dimension(exponents: ArrayLike) -> float:
    r"""Kaplan-Yorke dimension of an attractor.

    .. math:: D = j + \frac{\lambda_1 + \dots + \lambda_j}{|\lambda_{j+1}|}

    with the largest ``j`` whose sum is not negative.

    Parameters
    ----------
    exponents : array-like of shape (n_exponents,)
        In any order.

    Returns
    -------
    float
        Their number if even the sum of all is not negative, 0 if all are negative.

    Raises
    ------
    ValueError
        If there are none, or one is NaN.

    References
    ----------
    J. L. Kaplan, J. A. Yorke, Chaotic behavior of multidimensional difference equations, Lecture Notes in
    Mathematics 730 (1979) 204-227.

    Examples
    --------
    >>> round(kaplan_yorke_dimension([0.906, 0.0, -14.572]), 3)
    2.062
    """
    ordered = np.sort(np.asarray(exponents, dtype=float))[::-1]
    if ordered.size == 0 or np.isnan(ordered).any():
        raise ValueError(f"exponents={exponents!r} must hold at least one number and no NaN")
    sums = np.cumsum(ordered)
    whole_part = int(np.sum(np.logical_and.accumulate(sums >= 0)))
    if whole_part in (0, len(ordered)):
        return float(whole_part)
    return float(whole_part + sums[whole_part - 1] / abs(ordered[whole_part]))


def lyapunov_spectrum(
    model: Any,
    n_steps: int = 10_000,
    *,
    n_exponents: int | None = None,
    n_transient: int = 1000,
    interval: int = 5,
    dt: float = 1.0,
    start: ArrayLike | None = None,
    random_state=None,
) -> LyapunovSpectrum:
    """Lyapunov spectrum of a trained model that runs free, or of any differentiable map.

    Parameters
    ----------
    model : ReservoirForecaster, LocalReservoirForecaster, ESNRegressor, ClosedLoop or callable
        A callable is a map: ``model(point, tangents)`` returns the next point (n,) and the Jacobian at the old
        point times the tangents (n, k).
    n_steps : int, default=10_000
        Steps to average over, rounded up to whole intervals.
    n_exponents : int, optional
        How many, from the largest. Default: all, as many as numbers in a point; a free-running model of
        ``n`` units has ``n`` and one for each output, at the price of a dense square matrix.
    n_transient : int, default=1000
        Steps before, on which point and frame settle.
    interval : int, default=5
        Steps between two orthonormalisations. Exponents further apart than 35 / (interval * dt) blur.
    dt : float, default=1.0
        Time of one step.
    start : array-like of shape (n,), optional
        Point to start from. Default: where the model stands; a callable needs one.
    random_state : int, RandomState, Generator or None, default=None
        Draws the first frame.

    Returns
    -------
    LyapunovSpectrum

    Raises
    ------
    ValueError
        If the orbit leaves for infinity.

    Examples
    --------
    The Hénon map, whose exponents sum to ln 0.3:

    >>> import numpy as np
    >>> def henon(p, tangents):
    ...     jacobian = np.array([[-2.8 * p[0], 1.0], [0.3, 0.0]])
    ...     return np.array([1 - 1.4 * p[0] ** 2 + p[1], 0.3 * p[0]]), jacobian @ tangents
    >>> spectrum = lyapunov_spectrum(henon, 5000, start=[0.1, 0.1], random_state=0)
    >>> spectrum.exponents.round(1), round(float(spectrum.exponents.sum() - np.log(0.3)), 6) + 0.0
    (array([ 0.4, -1.6]), 0.0)
    """
    if callable(model) and not hasattr(model, "closed_loop"):
        if start is None:
            raise ValueError("start is needed with a map: give the point to start from")
        step: Step = model
    else:
        loop: ClosedLoop = closed_loop_of(model)
        step, start = loop.step, loop.start if start is None else start
        if np.shape(start) != (loop.size,):
            raise ValueError(
                f"start has shape {np.shape(start)}, expected ({loop.size},), such as synchronise gives"
            )
    whole("n_steps", n_steps, 1)
    _check(n_transient, interval, dt)
    point = np.array(start, dtype=float)
    frame = _frame(len(point), n_exponents, random_state)
    return _qr_method(step, point, frame, n_steps, n_transient, interval, dt)


def conditional_lyapunov_exponents(
    reservoir: Reservoir,
    X: ArrayLike,
    *,
    n_exponents: int | None = None,
    n_transient: int = 100,
    interval: int = 5,
    dt: float = 1.0,
    random_state=None,
) -> LyapunovSpectrum:
    """Lyapunov exponents of a reservoir under a given input: below 0, it forgets where it started.

    Parameters
    ----------
    reservoir : Reservoir
        Fitted.
    X : array-like of shape (n_steps, n_features)
        The input, one series; what is left after ``n_transient`` is cut to whole intervals.
    n_exponents : int, optional
        How many, from the largest. Default: all, as many as the state has numbers.
    n_transient : int, default=100
        Rows at the start on which state and frame settle.
    interval : int, default=5
        Steps between two orthonormalisations.
    dt : float, default=1.0
        Time of one step.
    random_state : int, RandomState, Generator or None, default=None
        Draws the first frame.

    Returns
    -------
    LyapunovSpectrum

    Examples
    --------
    Linear units without leak forget at the rate of the largest eigenvalue, whatever drives them:

    >>> import numpy as np
    >>> from reservoir import EchoState
    >>> X = np.random.default_rng(0).standard_normal((400, 1))
    >>> units = EchoState(10, activation="identity", spectral_radius=0.5, topology="ring", random_state=0).fit(X)
    >>> conditional_lyapunov_exponents(units, X, n_exponents=2).exponents.round(6) - np.log(0.5).round(6)
    array([0., 0.])
    """
    rows = one_series(reservoir, X)
    _check(n_transient, interval, dt)
    n_steps = (len(rows) // interval + -n_transient // interval) * interval
    if n_steps < 1:
        raise ValueError(
            f"X has {len(rows)} steps, n_transient={n_transient} leaves less than one interval={interval}: "
            "give a longer series"
        )
    remaining = iter(rows)

    def step(state, tangents):
        row = next(remaining)
        still = np.zeros((len(row), tangents.shape[1]))
        _, state, _, tangents = reservoir.tangent_step(row, state, still, tangents)
        return state, tangents

    state = reservoir.zero_states(1, np.float64)[0]
    frame = _frame(len(state), n_exponents, random_state)
    return _qr_method(step, state, frame, n_steps, n_transient, interval, dt)


def _check(n_transient: int, interval: int, dt: float) -> None:
    whole("n_transient", n_transient, 0)
    whole("interval", interval, 1)
    positive("dt", dt)


def _frame(size: int, n_exponents: int | None, random_state) -> np.ndarray:
    """Return a random orthonormal frame (size, n_exponents)."""
    n_exponents = size if n_exponents is None else whole("n_exponents", n_exponents, 1)
    if n_exponents > size:
        raise ValueError(f"n_exponents={n_exponents} exceeds the {size} numbers of a point: ask for fewer")
    return np.linalg.qr(make_rng(random_state).standard_normal((size, n_exponents)))[0]


def _qr_method(
    step: Step,
    point: np.ndarray,
    frame: np.ndarray,
    n_steps: int,
    n_transient: int,
    interval: int,
    dt: float,
) -> LyapunovSpectrum:
    n_blocks, n_before = -(-n_steps // interval), -(-n_transient // interval)
    growth = np.empty((n_blocks, frame.shape[1]))
    for block in range(-n_before, n_blocks):
        with np.errstate(over="ignore", invalid="ignore"):  # told below
            for _ in range(interval):
                point, frame = step(point, frame)
        if not (np.isfinite(point).all() and np.isfinite(frame).all()):
            raise ValueError(f"the orbit left for infinity within {(block + n_before + 1) * interval} steps")
        frame, triangle = np.linalg.qr(frame)
        if block >= 0:
            with np.errstate(divide="ignore"):  # a direction that dies: minus infinity
                growth[block] = np.log(np.abs(np.diagonal(triangle)))
    return _summary(growth, interval * dt)


def _summary(growth: np.ndarray, time: float) -> LyapunovSpectrum:
    """Return the spectrum from the logarithms (n_blocks, n_exponents) of the growth in blocks of ``time``."""
    times = time * np.arange(1, len(growth) + 1)
    running = np.cumsum(growth, axis=0) / times[:, np.newaxis]
    order = np.argsort(-running[-1], kind="stable")
    exponents = running[-1, order]
    with np.errstate(invalid="ignore"):  # minus infinity has no spread
        parts = [part.mean(axis=0) / time for part in np.array_split(growth, min(10, len(growth)))]
        spread = np.std(parts, axis=0, ddof=1) if len(parts) > 1 else np.full(len(exponents), np.nan)
    errors = spread[order] / np.sqrt(len(parts))
    return LyapunovSpectrum(exponents, kaplan_yorke_dimension(exponents), times, running[:, order], errors)
