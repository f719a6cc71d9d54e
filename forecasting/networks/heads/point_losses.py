r"""Points: one number per target.

.. math::

    \text{squared: } \tfrac12 e^2 \qquad \text{absolute: } |e| \qquad
    \text{Huber: } \begin{cases} \tfrac12 e^2 & |e| \le \delta \\ \delta (|e| - \tfrac12 \delta) \end{cases}
    \qquad e = \text{raw} - y

Squared error makes the mean best, absolute error the median; Huber's loss (1964) lies between.
"""

from numbers import Real
from typing import ClassVar

import numpy as np
from sklearn.utils._param_validation import Interval

from forecasting.networks.heads.base_head import Head


class PointHead(Head):
    """Base of heads that forecast points."""

    is_distribution: ClassVar[bool] = False

    @property
    def n_parameters(self) -> int:
        """One: the point itself."""
        return 1

    def _mean(self, raw: np.ndarray) -> np.ndarray:
        """Return the raw numbers: they are the forecast."""
        return raw


class Squared(PointHead):
    """Half the squared error; the best point is the mean.

    Examples
    --------
    >>> Squared().loss_and_grad(np.array([[3.0]]), np.array([[1.0]]))
    (2.0, array([[2.]]))
    """

    def _losses(self, parts, y):
        error = parts[0] - y
        return 0.5 * error**2, [error]


class Absolute(PointHead):
    """The absolute error; the best point is the median.

    Examples
    --------
    >>> Absolute().loss_and_grad(np.array([[3.0]]), np.array([[1.0]]))
    (2.0, array([[1.]]))
    """

    def _losses(self, parts, y):
        error = parts[0] - y
        return np.abs(error), [np.sign(error)]


class Huber(PointHead):
    """Squared near zero, absolute far away.

    Parameters
    ----------
    delta : float, default=1.0
        Where the one turns into the other, in the units that the network sees: with windows that are scaled,
        standard deviations.

    Examples
    --------
    >>> Huber(delta=0.5).loss_and_grad(np.array([[3.0]]), np.array([[1.0]]))
    (0.875, array([[0.5]]))
    """

    _parameter_constraints: ClassVar[dict] = {"delta": [Interval(Real, 0, None, closed="neither")]}

    def __init__(self, delta=1.0):
        self.delta = delta

    def _losses(self, parts, y):
        error = parts[0] - y
        inside = np.clip(error, -self.delta, self.delta)
        return inside * (error - 0.5 * inside), [inside]
