"""Differences of a series, and the way back."""

from collections.abc import Sequence
from numbers import Integral

import numpy as np


class Differences:
    r"""Differences at one or several lags, one after the other.

    .. math:: z = (1 - B^{l_1}) (1 - B^{l_2}) \cdots\, y

    Parameters
    ----------
    lags : sequence of int
        () does nothing; (1,) removes a trend, (m,) a season of m steps, (1, m) both.

    Attributes
    ----------
    span : int
        Sum of the lags: how many steps shorter the differences are.

    Examples
    --------
    >>> import numpy as np
    >>> differences = Differences((1,))
    >>> y = np.array([[1.0], [2.0], [4.0], [7.0]])
    >>> differences.apply(y).ravel()
    array([1., 2., 3.])
    >>> differences.undo(np.array([[4.0], [5.0]]), y[-1:]).ravel()
    array([11., 16.])
    """

    def __init__(self, lags: Sequence[int] = ()):
        if not all(isinstance(lag, Integral) and lag >= 1 for lag in lags):
            raise ValueError(f"differences at lags={lags!r} need integers from 1 on, such as (1,) or (1, 12)")
        self.lags = tuple(int(lag) for lag in lags)
        self.span = sum(self.lags)

    def check_lengths(self, series: Sequence[np.ndarray], n_left: int, name: str) -> None:
        """Raise ValueError if a series has less than ``n_left`` steps left after differencing."""
        for i, y in enumerate(series):
            if len(y) < self.span + n_left:
                raise ValueError(
                    f"series {i} of {name} has {len(y)} step(s), at least {self.span + n_left} are needed with these "
                    "differences: give a longer series or shorter lags"
                )

    def apply(self, y: np.ndarray) -> np.ndarray:
        """Return the differences of ``y`` (n_steps, n_targets), ``span`` rows shorter."""
        for lag in self.lags:
            y = y[lag:] - y[:-lag]
        return y

    def undo(self, ahead: np.ndarray, tail: np.ndarray) -> np.ndarray:
        """Return the series whose differences go on with ``ahead`` after its last rows ``tail``.

        Parameters
        ----------
        ahead : ndarray of shape (n_steps, n_targets)
        tail : ndarray of shape (n_rows, n_targets)
            At least ``span`` last rows of the series.

        Returns
        -------
        ndarray of shape (n_steps, n_targets)
        """
        stages = [tail]
        for lag in self.lags[:-1]:
            stages.append(stages[-1][lag:] - stages[-1][:-lag])
        for lag, stage in zip(self.lags[::-1], stages[::-1]):
            summed = np.concatenate([stage[len(stage) - lag :], ahead])
            for phase in range(min(lag, len(ahead))):
                np.cumsum(summed[phase::lag], axis=0, out=summed[phase::lag])
            ahead = summed[lag:]
        return ahead
