"""Differences of the target."""

from typing import Any, ClassVar, NamedTuple

import numpy as np

from forecasting.series.differencing import Differences
from forecasting.transforms.base_transform import Transform


class _Tail(NamedTuple):
    """The last observations, as many as the differences reach back, (at most span, n_targets)."""

    rows: np.ndarray


class Difference(Transform):
    r"""Differences at one or several lags, one after the other: (1,) removes a trend, (12,) a yearly season.

    .. math:: z = (1 - B^{l_1}) (1 - B^{l_2}) \cdots\, y

    The differenced series is shorter by the sum of the lags.

    Parameters
    ----------
    lags : tuple of int, default=(1,)

    Examples
    --------
    >>> from forecasting import Naive, TransformedTargetForecaster
    >>> model = TransformedTargetForecaster(Naive(), Difference())
    >>> model.fit([1.0, 2.0, 4.0]).predict(3)
    array([ 6.,  8., 10.])
    """

    _parameter_constraints: ClassVar[dict] = {"lags": [tuple, list]}
    elementwise = False

    def __init__(self, lags=(1,)):
        self.lags = lags

    def _learn(self, y: np.ndarray) -> Any:
        """Check the length; there is nothing to learn."""
        if len(y) <= (span := Differences(self.lags).span):
            raise ValueError(
                f"y has {len(y)} step(s): Difference(lags={self.lags}) needs at least {span + 1}; give a longer "
                "series or shorter lags"
            )
        return _Tail(y[:0])

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return the differences; the first ones of a series, which reach before it, are left out."""
        differences = Differences(self.lags)
        seen = np.concatenate([model.rows, y])
        if len(seen) <= differences.span:
            raise ValueError(
                f"context has {len(seen)} step(s): Difference(lags={self.lags}) needs at least "
                f"{differences.span + 1}"
            )
        return differences.apply(seen), _Tail(seen[len(seen) - differences.span :].copy())

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Return the series that goes on with these differences."""
        return Differences(self.lags).undo(z, model.rows)

    def _rest(self, model: Any) -> Any:
        """Forget the last observations."""
        return _Tail(model.rows[:0])
