"""The Mackey-Glass delay differential equation."""

import numpy as np
from sklearn.utils._param_validation import StrOptions

from reservoir.contracts.random_source import make_rng
from reservoir.kernels.compilation import compiled
from reservoir.signals.generator_arguments import (
    COUNT,
    POSITIVE,
    SEED,
    WASHOUT,
    Seed,
    checked,
    discarded_steps,
    finite,
    whole_steps,
)

TRANSIENT = 4000.0  # time units


@compiled(arithmetic="strict")
def _production(beta, exponent, delayed):
    return beta * delayed / (1.0 + delayed**exponent)


@compiled(arithmetic="strict")
def _mackey_glass(past, y, beta, gamma, exponent, step, stride, runge_kutta, washout, n_steps):
    """Return n_steps samples, one in ``stride`` steps, after ``washout`` samples.

    ``past`` (delay,) holds y(t - tau), ..., y(t - step) and is overwritten: it is a ring, in which the oldest
    value stands at ``i`` and gives way to y(t), the ``newest``. The Runge-Kutta stages in the middle of a
    step need y half-way between ``past[i]`` and its successor: ``middles[i]``, on the cubic through both
    values and slopes, which has the order of the scheme. Before time 0 it is the mean. No fast-math:
    reordered sums would give every machine a chaotic orbit of its own.
    """
    series = np.empty(n_steps)
    middles = 0.5 * (past + np.append(past[1:], y))
    i, newest, slope = 0, -1, 0.0
    for sample in range(-washout, n_steps):
        if sample >= 0:
            series[sample] = y
        for _ in range(stride):
            k1 = _production(beta, exponent, past[i]) - gamma * y
            if newest >= 0:
                middles[newest] = 0.5 * (past[newest] + y) + 0.125 * step * (slope - k1)
            middle = middles[i]
            past[i], slope, newest = y, k1, i
            i = i + 1 if i + 1 < past.size else 0
            if runge_kutta:
                halfway = _production(beta, exponent, middle)
                k2 = halfway - gamma * (y + 0.5 * step * k1)
                k3 = halfway - gamma * (y + 0.5 * step * k2)
                k4 = _production(beta, exponent, past[i]) - gamma * (y + step * k3)
                y += step / 6.0 * (k1 + 2.0 * k2 + 2.0 * k3 + k4)
            else:
                y += step * k1
    return series


@checked(
    n_steps=[COUNT],
    tau=[POSITIVE],
    beta=[POSITIVE],
    gamma=[POSITIVE],
    exponent=[POSITIVE],
    step=[POSITIVE],
    sampling=[POSITIVE],
    method=[StrOptions({"euler", "rk4"})],
    initial=[POSITIVE],
    washout=WASHOUT,
    random_state=SEED,
)
def mackey_glass(
    n_steps: int,
    tau: float = 17,
    *,
    beta: float = 0.2,
    gamma: float = 0.1,
    exponent: float = 10,
    step: float = 0.1,
    sampling: float = 1.0,
    method: str = "euler",
    initial: float = 1.2,
    washout: int | None = None,
    random_state: Seed = None,
) -> np.ndarray:
    """Return a Mackey-Glass series.

    ::

        dy/dt = beta y(t - tau) / (1 + y(t - tau)^exponent) - gamma y(t)

    The defaults are the benchmark of the echo-state literature: Euler steps of 0.1, every tenth kept. Its
    error is part of that protocol; ``method="rk4"`` solves the equation itself. Chaos begins near tau = 16.8;
    at tau = 17 the largest Lyapunov exponent is about 0.006 per time unit, one oscillation takes about 50
    time units. Squashed series, tanh(y - 1), are common as network input; none is applied here.

    Parameters
    ----------
    n_steps : int
        Samples to return.
    tau : float, default=17
        Delay, in time units: any whole number of ``step``. 17 and 30 are the usual ones.
    beta, gamma, exponent : float, default=0.2, 0.1, 10
        Production rate, decay rate (per time unit) and steepness.
    step : float, default=0.1
        Step of the integrator, in time units.
    sampling : float, default=1.0
        Time between returned samples: a whole number of ``step``.
    method : {"euler", "rk4"}, default="euler"
        "euler" has order 1, "rk4" (classical Runge-Kutta with cubic interpolation of the delayed values)
        order 4.
    initial : float, default=1.2
        Value of y at and before time 0.
    washout : int, default=None
        Samples discarded before the first returned one. None means 4000 time units.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        None: always the same series. Otherwise every value before time 0 is multiplied by its own draw from
        [0.9, 1.1], and different seeds give different stretches of the attractor.

    Returns
    -------
    ndarray of shape (n_steps,)
        float64.

    Raises
    ------
    ValueError
        If an argument is out of range, ``tau`` or ``sampling`` is not a whole number of steps, or the step is
        so long that the orbit diverges.

    References
    ----------
    M. C. Mackey, L. Glass, "Oscillation and chaos in physiological control systems", Science 197, 287-289
    (1977). Protocol: H. Jaeger, "The 'echo state' approach to analysing and training recurrent neural
    networks", GMD Report 148 (2001), section 6.

    Examples
    --------
    >>> y = mackey_glass(10_000)
    >>> y.shape, round(float(y.mean()), 2), round(float(y.std()), 2)
    ((10000,), 0.93, 0.23)
    """
    delay, stride = whole_steps(tau, step, "tau"), whole_steps(sampling, step, "sampling")
    past = np.full(delay, float(initial))
    if random_state is not None:
        past *= make_rng(random_state).uniform(0.9, 1.1, delay)
    # A whole exponent stays an int: powers by multiplication are quicker, and the same on every machine.
    power = int(exponent) if float(exponent).is_integer() else float(exponent)
    skip = discarded_steps(washout, None, TRANSIENT, sampling)
    rates = float(beta), float(gamma), power, float(step)
    series = _mackey_glass(past, float(initial), *rates, stride, method == "rk4", skip, n_steps)
    return finite(series, f"lower step={step}")
