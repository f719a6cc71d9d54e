"""Learning-rate schedules: which part of the learning rate counts at which step.

A schedule is called with the number of the step, from 0, and the number of all steps.
"""

from __future__ import annotations

import math
from numbers import Integral, Real
from typing import ClassVar

from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval

_WARM_UP = [Interval(Integral, 0, None, closed="left")]
_FINAL = [Interval(Real, 0, 1, closed="both")]


class Schedule(BaseEstimator):
    """Base of all schedules: a linear warm-up, then what the schedule says."""

    warm_up: int

    def __call__(self, step: int, n_steps: int) -> float:
        """Return the factor of the learning rate at a step.

        Parameters
        ----------
        step : int
            From 0.
        n_steps : int
            Steps in all.

        Returns
        -------
        float
        """
        if step < self.warm_up:
            return (step + 1) / self.warm_up
        return self._after(step - self.warm_up, max(1, n_steps - self.warm_up))

    def _after(self, step: int, n_steps: int) -> float:
        raise NotImplementedError


class Constant(Schedule):
    """The whole learning rate, after a warm-up.

    Parameters
    ----------
    warm_up : int, default=0
        Steps over which the learning rate rises linearly.

    Examples
    --------
    >>> [Constant(warm_up=4)(step, 100) for step in (0, 1, 3, 50)]
    [0.25, 0.5, 1.0, 1.0]
    """

    _parameter_constraints: ClassVar[dict] = {"warm_up": _WARM_UP}

    def __init__(self, warm_up=0):
        self.warm_up = warm_up

    def _after(self, step: int, n_steps: int) -> float:
        return 1.0


class Cosine(Schedule):
    """Half a cosine from the whole learning rate to a part of it (Loshchilov and Hutter 2017, without restarts).

    Parameters
    ----------
    warm_up : int, default=0
        Steps over which the learning rate rises linearly.
    final : float in [0, 1], default=0.0
        What is left at the last step.

    Examples
    --------
    >>> [round(Cosine(final=0.1)(step, 100), 3) for step in (0, 50, 100)]
    [1.0, 0.55, 0.1]
    """

    _parameter_constraints: ClassVar[dict] = {"warm_up": _WARM_UP, "final": _FINAL}

    def __init__(self, warm_up=0, *, final=0.0):
        self.warm_up = warm_up
        self.final = final

    def _after(self, step: int, n_steps: int) -> float:
        done = min(1.0, step / n_steps)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * done))


class Exponential(Schedule):
    """Geometric decay from the whole learning rate to a part of it.

    Parameters
    ----------
    warm_up : int, default=0
        Steps over which the learning rate rises linearly.
    final : float in (0, 1], default=0.01
        What is left at the last step.

    Examples
    --------
    >>> [round(Exponential()(step, 100), 3) for step in (0, 50, 100)]
    [1.0, 0.1, 0.01]
    """

    _parameter_constraints: ClassVar[dict] = {
        "warm_up": _WARM_UP,
        "final": [Interval(Real, 0, 1, closed="right")],
    }

    def __init__(self, warm_up=0, *, final=0.01):
        self.warm_up = warm_up
        self.final = final

    def _after(self, step: int, n_steps: int) -> float:
        return self.final ** min(1.0, step / n_steps)


# By name.
SCHEDULES: dict[str, type[Schedule]] = {"constant": Constant, "cosine": Cosine, "exponential": Exponential}
