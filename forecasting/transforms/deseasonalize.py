"""The season of the target; statsmodels decomposes.

Importing this module imports statsmodels, which takes longer than all the rest; ``import forecasting`` does
not.
"""

from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions
from statsmodels.tsa.seasonal import STL, seasonal_decompose

from forecasting.transforms.base_transform import Transform


class _Season(NamedTuple):
    """Seasonal effects of the steps of the training series, (n_steps, n_targets), and the steps seen."""

    effects: np.ndarray
    n_seen: int


class Deseasonalize(Transform):
    r"""Remove the season, and put its last cycle back under the forecast.

    .. math:: z(t) = y(t) - s(t) \quad\text{or}\quad y(t) / s(t)

    With `context`, series are taken to begin where the training series did, at the same step of the season.

    Parameters
    ----------
    season_length : int, default=1
        Steps in a season; 1 is no season, and leaves the series as it is.
    method : {"stl", "classical"}, default="stl"
        "stl" lets the season change slowly (locally weighted regression, of the logarithm where it is
        multiplicative); "classical" takes the means of each step of the season about a moving average.
    model : {"add", "mul"}, default="add"
        A season of constant size, or one that grows with the level ("mul" needs a positive series).
    robust : bool, default=False
        Let "stl" ignore outliers.

    References
    ----------
    Cleveland, Cleveland, McRae and Terpenning (1990), STL: a seasonal-trend decomposition procedure based on
    loess. Journal of Official Statistics 6, 3-73.

    Examples
    --------
    >>> from forecasting import Naive, TransformedTargetForecaster
    >>> y = 10.0 + np.tile([0.0, 5.0, -5.0, 0.0], 6)
    >>> model = TransformedTargetForecaster(Naive(), Deseasonalize(4, method="classical"))
    >>> model.fit(y).predict(4).round(6)
    array([10., 15.,  5., 10.])
    """

    _parameter_constraints: ClassVar[dict] = {
        "season_length": [Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"stl", "classical"})],
        "model": [StrOptions({"add", "mul"})],
        "robust": ["boolean"],
    }

    def __init__(self, season_length=1, method="stl", model="add", robust=False):
        self.season_length = season_length
        self.method = method
        self.model = model
        self.robust = robust

    def _learn(self, y: np.ndarray) -> Any:
        """Return the seasonal effects."""
        m = self.season_length
        if m == 1:
            return _Season(np.full((1, y.shape[1]), self._neutral), 0)
        if len(y) < 2 * m:
            raise ValueError(
                f"y has {len(y)} step(s): Deseasonalize(season_length={m}) needs two seasons; give a longer series "
                "or a shorter season"
            )
        if self.model == "mul" and y.min() <= 0:
            raise ValueError(
                f"y has values down to {y.min():g}: Deseasonalize(model='mul') needs a positive series, which a "
                "constant added to it makes; or use 'add'"
            )
        decompose = self._stl if self.method == "stl" else self._classical
        return _Season(np.stack([decompose(column) for column in y.T], axis=1), 0)

    def _forward(self, model: Any, y: np.ndarray) -> tuple[np.ndarray, Any]:
        """Return what is left without the season."""
        effects = self._ahead(model, len(y))
        left = y / effects if self.model == "mul" else y - effects
        return left, model._replace(n_seen=model.n_seen + len(y))

    def _back(self, model: Any, z: np.ndarray) -> np.ndarray:
        """Put the season back."""
        effects = self._ahead(model, z.shape[-2])
        return z * effects if self.model == "mul" else z + effects

    def _rest(self, model: Any) -> Any:
        """Go back to the first step."""
        return model._replace(n_seen=0)

    @property
    def _neutral(self):
        return 1.0 if self.model == "mul" else 0.0

    def _ahead(self, model, n_steps):
        """Effects of the next steps: those of training, then its last cycle over and over."""
        steps, n_known = model.n_seen + np.arange(n_steps), len(model.effects)
        cycle = n_known - self.season_length + (steps - n_known) % self.season_length
        return model.effects[np.where(steps < n_known, steps, cycle)]

    def _stl(self, y):
        values = np.log(y) if self.model == "mul" else y
        effects = STL(values, period=self.season_length, robust=self.robust).fit().seasonal
        return np.exp(effects) if self.model == "mul" else effects

    def _classical(self, y):
        return seasonal_decompose(y, model=self.model, period=self.season_length).seasonal
