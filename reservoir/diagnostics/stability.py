"""Stability report of a trained closed loop: fixed points, local growth, exponents, and whether it stays."""

from typing import Any, NamedTuple

import numpy as np

from reservoir.contracts.random_source import make_rng
from reservoir.diagnostics.input_checks import positive, whole
from reservoir.diagnostics.lyapunov import LyapunovSpectrum, lyapunov_spectrum
from reservoir.models.closed_loop import ClosedLoop, closed_loop_of

_NEWTON_STEPS = 40


class FixedPoint(NamedTuple):
    """A point that the closed loop maps to itself.

    Parameters
    ----------
    output : ndarray of shape (n_outputs,)
        In units of the data.
    largest : float
        Largest modulus of an eigenvalue of the Jacobian there; below 1 the point is stable.
    n_unstable : int
        Number of eigenvalues outside of the unit circle.
    """

    output: np.ndarray
    largest: float
    n_unstable: int


class StabilityReport(NamedTuple):
    """What a trained model does when it runs free; ``print`` it.

    Parameters
    ----------
    n_steps : int
        Length of the free run.
    left_at : int or None
        First step, from 1 on, outside of the widened training range; None if it stayed.
    escape_factor : float
        By how much the range was widened.
    spectrum : LyapunovSpectrum or None
        The largest exponents; None if the run left.
    expected_exponent : float or None
        Largest exponent of the data, if it was given.
    local_growth : ndarray of shape (n_points,)
        Largest modulus of an eigenvalue of the closed loop's Jacobian at points along the run.
    fixed_points : tuple of FixedPoint
        Those that Newton's method found from these points.
    """

    n_steps: int
    left_at: int | None
    escape_factor: float
    spectrum: LyapunovSpectrum | None
    expected_exponent: float | None
    local_growth: np.ndarray
    fixed_points: tuple

    def __str__(self):
        lines = [
            f"free run of {self.n_steps} steps: "
            + (
                f"within {self.escape_factor:g} times the training range"
                if self.left_at is None
                else f"left {self.escape_factor:g} times the training range at step {self.left_at}"
            )
        ]
        if self.spectrum is not None:
            pairs = zip(self.spectrum.exponents, self.spectrum.errors)
            shown = ", ".join(f"{value:.3g} +- {error:.1g}" for value, error in pairs)
            expected = (
                "" if self.expected_exponent is None else f" (data: {self.expected_exponent:.3g} first)"
            )
            lines.append(f"Lyapunov exponents: {shown}{expected}")
            lines.append(f"Kaplan-Yorke dimension: {self.spectrum.dimension:.3f}")
        if len(self.local_growth):
            low, high = self.local_growth.min(), self.local_growth.max()
            lines.append(f"largest eigenvalue along the run: {low:.4g} to {high:.4g}")
        lines += [
            f"fixed point at {np.array2string(point.output, precision=3)}: largest eigenvalue "
            f"{point.largest:.4g}, {point.n_unstable} unstable"
            for point in self.fixed_points
        ]
        return "\n".join(lines)


def stability_report(
    model: Any,
    *,
    n_steps: int = 10_000,
    n_exponents: int | None = None,
    n_points: int = 10,
    escape_factor: float = 1.5,
    dt: float = 1.0,
    expected_exponent: float | None = None,
    random_state=None,
) -> StabilityReport:
    """Run a trained model free and say how stable it is.

    Parameters
    ----------
    model : ReservoirForecaster, ESNRegressor or ClosedLoop
        Fitted.
    n_steps : int, default=10_000
        Length of the free run, over which the exponents are averaged too.
    n_exponents : int, optional
        Default: as many as outputs.
    n_points : int, default=10
        Points along the run at which the Jacobian's eigenvalues are computed, and from which fixed points are
        sought; each costs a square matrix of the size of the state.
    escape_factor : float, default=1.5
        The run has left when it is further from the middle of the training range than this times half of it.
    dt : float, default=1.0
        Time of one step.
    expected_exponent : float, optional
        Largest Lyapunov exponent of the data, to stand beside.
    random_state : int, RandomState, Generator or None, default=None

    Returns
    -------
    StabilityReport

    Examples
    --------
    >>> import numpy as np
    >>> from reservoir import EchoState, ESNRegressor
    >>> y = np.sin(0.3 * np.arange(601.0))[:, np.newaxis]
    >>> model = ESNRegressor(EchoState(50, leak_rate=0.8, random_state=0)).fit(y[:-1], y[1:])
    >>> report = stability_report(model, n_steps=1000, random_state=0)
    >>> print(report)
    free run of 1000 steps: within 1.5 times the training range...
    """
    loop = closed_loop_of(model)
    n_steps, n_points = whole("n_steps", n_steps, 1), whole("n_points", n_points, 0)
    factor = positive("escape_factor", escape_factor)
    run = loop.run(n_steps)
    middle, half = (loop.low + loop.high) / 2, (loop.high - loop.low) / 2
    outside = ~(np.abs(run - middle) <= factor * half).all(axis=1)
    left_at = int(np.argmax(outside)) + 1 if outside.any() else None
    spectrum = None
    if left_at is None:
        n_exponents = loop.n_outputs if n_exponents is None else n_exponents
        spectrum = lyapunov_spectrum(loop, n_steps, n_exponents=n_exponents, dt=dt, random_state=random_state)
    points = _along(loop, n_steps if left_at is None else left_at - 1, n_points, make_rng(random_state))
    growth = [np.abs(np.linalg.eigvals(loop.jacobian(point))).max() for point in points]
    fixed = _fixed_points(loop, points)
    return StabilityReport(
        n_steps, left_at, factor, spectrum, expected_exponent, np.array(growth), tuple(fixed)
    )


def _along(loop: ClosedLoop, n_steps: int, n_points: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Points at random steps of the run, in order."""
    steps = np.sort(rng.permutation(n_steps)[:n_points]) + 1
    points, point, at = [], loop.start, 0
    for step in steps:
        _, point = loop.run(int(step - at), point, return_point=True)
        points.append(point)
        at = step
    return points


def _fixed_points(loop: ClosedLoop, starts: list[np.ndarray]) -> list[FixedPoint]:
    """Distinct fixed points that Newton's method reaches, nearest to the middle of the training range first."""
    found: list[np.ndarray] = []
    for start in starts:
        point = _newton(loop, start)
        if point is not None and all(np.abs(point - other).max() > 1e-6 for other in found):
            found.append(point)
    report = []
    for point in found:
        moduli = np.abs(np.linalg.eigvals(loop.jacobian(point)))
        output = loop.centre + loop.scale * point[-loop.n_outputs :]
        report.append(FixedPoint(output, float(moduli.max()), int(np.sum(moduli > 1))))
    middle = (loop.low + loop.high) / 2
    return sorted(report, key=lambda fixed: float(np.linalg.norm(fixed.output - middle)))


def _newton(loop: ClosedLoop, point: np.ndarray) -> np.ndarray | None:
    """Solve f(p) = p from a point on; None if that does not converge."""
    eye = np.eye(loop.size)
    for _ in range(_NEWTON_STEPS):
        with np.errstate(over="ignore", invalid="ignore"):
            mapped, jacobian = loop.step(point, eye)
        miss = mapped - point
        if not np.isfinite(jacobian).all():
            return None
        if np.abs(miss).max() < 1e-11 * (1 + np.abs(point).max()):
            return point
        try:
            point = point + np.linalg.solve(eye - jacobian, miss)
        except np.linalg.LinAlgError:
            return None
    return None
