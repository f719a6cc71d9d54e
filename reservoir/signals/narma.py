"""Nonlinear autoregressive moving-average (NARMA) systems driven by noise."""

import math
from numbers import Real
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval

from reservoir.contracts.random_source import make_rng
from reservoir.kernels.compilation import compiled
from reservoir.signals.generator_arguments import COUNT, SEED, Seed, checked


class NarmaSystem(NamedTuple):
    """Constants a1, a2, b, c of the recursion, and whether tanh is put around it."""

    coefficients: tuple[float, float, float, float]
    squash: bool


# Published per order: Atiya and Parlos (2000), Rodan and Tiňo (2011), Schrauwen et al. (2008).
NARMA_SYSTEMS = {
    10: NarmaSystem((0.3, 0.05, 1.5, 0.1), squash=False),
    20: NarmaSystem((0.3, 0.05, 1.5, 0.01), squash=True),
    30: NarmaSystem((0.2, 0.04, 1.5, 0.001), squash=False),
}

MAX_DRAWS = 100


@compiled(arithmetic="strict")
def _narma(u, order, a1, a2, b, c, squash, bound):
    """Return y (n_steps,) and the step at which abs(y) passed bound, or n_steps if it never did."""
    y = np.zeros(u.size)
    for t in range(u.size - 1):
        # The sum is taken anew: a running one would gather rounding errors.
        total = 0.0
        for i in range(max(0, t - order + 1), t + 1):
            total += y[i]
        delayed = u[t - order + 1] if t >= order - 1 else 0.0
        value = a1 * y[t] + a2 * y[t] * total + b * delayed * u[t] + c
        y[t + 1] = math.tanh(value) if squash else value
        if not abs(y[t + 1]) <= bound:
            return y, t + 1
    return y, u.size


@checked(
    n_steps=[COUNT],
    order=[COUNT],
    coefficients=[None, "array-like"],
    squash=[None, "boolean"],
    bound=[Interval(Real, 0, None, closed="neither")],
    inputs=[None, "array-like"],
    random_state=SEED,
)
def narma(
    n_steps: int,
    order: int = 10,
    *,
    coefficients: ArrayLike | None = None,
    squash: bool | None = None,
    bound: float = 2.0,
    inputs: ArrayLike | None = None,
    random_state: Seed = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the input and the output of a NARMA system.

    ::

        y(t+1) = a1 y(t) + a2 y(t) sum_{i=0}^{order-1} y(t-i) + b u(t-order+1) u(t) + c
        u(t) ~ uniform on [0, 0.5],   u(t) = y(t) = 0 before step 0,   y(0) = 0

    Alignment: ``y[t + 1]`` is a function of ``u[0], ..., u[t]``, so the task is to give ``y[1:]`` from
    ``u[:-1]``. The first steps, a few times ``order``, are a transient.

    The recursion without tanh can escape to infinity: at order 10 about once in 200,000 steps. A draw of the
    whole input in which abs(y) passes ``bound`` is thrown away and the next one taken from the same
    generator, so that the input is uniform noise *given* that the output stayed bounded.

    Parameters
    ----------
    n_steps : int
        Steps to return.
    order : int, default=10
        Memory of the system.
    coefficients : array-like of shape (4,), default=None
        a1, a2, b, c. None means the published ones: (0.3, 0.05, 1.5, 0.1), but (0.3, 0.05, 1.5, 0.01) at
        order 20 and (0.2, 0.04, 1.5, 0.001) at order 30.
    squash : bool, default=None
        Whether y(t+1) is the tanh of the right-hand side. None means only at order 20, as published.
    bound : float, default=2.0
        Largest abs(y) that does not count as divergence.
    inputs : array-like of shape (n_steps,), default=None
        Your own u in place of the noise.
    random_state : None, int, numpy.random.RandomState or numpy.random.Generator, default=None
        Draws u. Unlike in the chaotic systems, None means fresh noise at every call.

    Returns
    -------
    u : ndarray of shape (n_steps,)
        Input, float64.
    y : ndarray of shape (n_steps,)
        Output, float64.

    Raises
    ------
    ValueError
        If an argument is out of range, ``inputs`` and ``random_state`` are both given, your inputs make the
        system diverge, or 100 draws in a row did.

    References
    ----------
    A. F. Atiya, A. G. Parlos, "New results on recurrent network training", IEEE Trans. Neural Networks 11,
    697-709 (2000), for order 10; A. Rodan, P. Tiňo, "Minimum complexity echo state network", IEEE Trans.
    Neural Networks 22, 131-144 (2011), for order 20; B. Schrauwen et al., "Improving reservoirs using
    intrinsic plasticity", Neurocomputing 71, 1159-1171 (2008), for order 30. Later papers use other constants
    under the same names, so print yours.

    Examples
    --------
    >>> u, y = narma(4000, random_state=0)
    >>> u.shape, y.shape, round(float(y.mean()), 1)
    ((4000,), (4000,), 0.4)
    """
    system = NARMA_SYSTEMS.get(order, NARMA_SYSTEMS[10])
    squash = system.squash if squash is None else bool(squash)
    constants = _constants(system.coefficients if coefficients is None else coefficients)
    bound = float(bound)
    if inputs is not None:
        u = _own_inputs(inputs, n_steps, random_state)
        y, escape = _narma(u, order, *constants, squash, bound)
        if escape < n_steps:
            raise ValueError(
                f"inputs drive the NARMA system of order {order} beyond bound={bound} at step {escape}: scale "
                "them down (the published ones lie between 0 and 0.5), set squash=True or pass smaller "
                "coefficients."
            )
        return u, y
    rng = make_rng(random_state)
    for _ in range(MAX_DRAWS):
        u = rng.uniform(0.0, 0.5, n_steps)
        y, escape = _narma(u, order, *constants, squash, bound)
        if escape == n_steps:
            return u, y
    raise ValueError(
        f"the NARMA system of order {order} passed bound={bound} within n_steps={n_steps} in {MAX_DRAWS} draws "
        "in a row: ask for several shorter series, set squash=True or pass smaller coefficients."
    )


def _constants(coefficients: ArrayLike) -> tuple[float, float, float, float]:
    values = np.asarray(coefficients, dtype=np.float64)
    if values.shape != (4,) or not np.isfinite(values).all():
        raise ValueError(f"coefficients must be four finite numbers a1, a2, b, c, got {coefficients!r}.")
    a1, a2, b, c = values.tolist()
    return a1, a2, b, c


def _own_inputs(inputs: ArrayLike, n_steps: int, random_state: Seed) -> np.ndarray:
    if random_state is not None:
        raise ValueError(
            "inputs fixes u and random_state draws it: give one of them and leave the other None."
        )
    u = np.array(inputs, dtype=np.float64)
    if u.shape != (n_steps,):
        raise ValueError(f"inputs has shape {u.shape}, n_steps={n_steps} needs ({n_steps},).")
    if not np.isfinite(u).all():
        raise ValueError(f"inputs must be finite, but step {int((~np.isfinite(u)).argmax())} is not.")
    return u
