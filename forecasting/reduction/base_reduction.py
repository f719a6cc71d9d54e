"""What every reduction of forecasting to regression shares: features, local and global models, states."""

from numbers import Integral
from typing import ClassVar, NamedTuple

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from forecasting.base.forecaster import Forecaster
from forecasting.base.tags import ForecasterTags
from forecasting.reduction.lag_features import LagFeatures, read_features
from forecasting.series.calendar_features import check_calendar


class LagState(NamedTuple):
    """The newest observations of a series, (span, n_targets), its steps so far, and whose weights it has."""

    tail: np.ndarray
    n_seen: int
    owner: int


class Reduction(Forecaster):
    """Base of forecasters that reduce forecasting to regression: features, local and global models, states."""

    _settings = ("lags", "rolling", "fourier", "subtract", "max_horizon")
    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "lags": [Interval(Integral, 1, None, closed="left"), "array-like", tuple],
        "rolling": [tuple, list],
        "fourier": [tuple, list],
        "calendar": [tuple, list],
        "subtract": [StrOptions({"last", "mean"}), None],
        "scope": [StrOptions({"local", "global"})],
    }

    # ------------------------------------------------------------------ hooks

    def _fit(self, series, exog):
        features = self._features()
        check_calendar(self.calendar)
        needed = features.span + self._n_ahead
        for y in series:
            if len(y) < needed:
                raise ValueError(
                    f"y has {len(y)} step(s): these features and steps ahead need at least {needed}; give a longer "
                    "series, shorter lags or windows, or a smaller max_horizon"
                )
        self.feature_names_ = tuple(features.names(self._target_names(series)))
        examples = [self._examples(features, y, X) for y, X in zip(series, _each(exog, series))]
        owners = [examples] if self.scope == "global" else [[one] for one in examples]
        self.estimators_ = [self._learn(owner) for owner in owners]
        return [
            LagState(y[-features.span :].copy(), len(y), 0 if self.scope == "global" else i)
            for i, y in enumerate(series)
        ]

    def _predict(self, states, n_steps, exog):
        paths: list = [None] * len(states)
        for owner in {state.owner for state in states}:
            places = [i for i, state in enumerate(states) if state.owner == owner]
            tails = np.stack([states[i].tail for i in places])
            n_seen = np.array([states[i].n_seen for i in places])
            known = (
                np.zeros((len(places), n_steps, 0)) if exog is None else np.stack([exog[i] for i in places])
            )
            ahead = self._ahead(self.estimators_[owner], tails, n_seen, n_steps, known)
            for i, path in zip(places, ahead):
                paths[i] = path
        return paths

    def _update(self, states, series, exog):
        return [
            state._replace(
                tail=np.concatenate([state.tail, y])[-len(state.tail) :], n_seen=state.n_seen + len(y)
            )
            for state, y in zip(states, series)
        ]

    def _restart(self, series, exog):
        span = self._features().span
        for y in series:
            if len(y) < span:
                raise ValueError(f"context has {len(y)} step(s): lags and windows need at least {span}")
        n_owners = len(self.estimators_)
        if n_owners > 1 and len(series) != n_owners:
            raise ValueError(
                f"context has {len(series)} series, but there is one model for each of the {n_owners} series in "
                "fit: give one context for each, in the same order, or use scope='global'"
            )
        return [LagState(y[-span:].copy(), len(y), i if n_owners > 1 else 0) for i, y in enumerate(series)]

    def _calendar(self):
        return tuple(self.calendar)

    def _has_model_of_each(self):
        return len(self.estimators_) > 1

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True, uses_newest=self._features().uses_newest)

    # ---------------------------------------------------------------- private

    @property
    def _n_ahead(self) -> int:
        """How many observations must follow an origin to learn from it."""
        return self.max_horizon

    def _examples(self, features: LagFeatures, y: np.ndarray, X: np.ndarray | None) -> "_Examples":
        """Return what one series teaches."""
        rows, level = features.table(y, self._n_ahead)
        origins = features.span - 1 + np.arange(len(rows))
        later = origins[:, np.newaxis] + np.arange(1, self._n_ahead + 1)
        exog = np.zeros((*later.shape, 0)) if X is None else X[later]
        return _Examples(rows, y[later] - level[:, np.newaxis], exog)

    def _learn(self, examples: list) -> list:
        """Fit the regressors of one owner on the examples of its series."""
        raise NotImplementedError

    def _ahead(self, estimators, tails, n_seen, n_steps, exog) -> np.ndarray:
        """Return (n_series, n_steps, n_targets) after windows (n_series, span, n_targets)."""
        raise NotImplementedError

    def _block(self, estimators, rows, exog, n_ahead) -> np.ndarray:
        """Return (n_series, n_ahead, n_targets) after one origin, level left out."""
        raise NotImplementedError

    def _in_blocks(self, estimators, tails, n_seen, n_steps, exog):
        """Forecast `max_horizon` steps from an origin, and go on from there with the forecasts."""
        features, span = self._features(), tails.shape[1]
        path = tails
        for begin in range(0, n_steps, self.max_horizon):
            n_ahead = min(self.max_horizon, n_steps - begin)
            rows, level = features.rows(path[:, path.shape[1] - span :], n_seen + begin)
            block = self._block(estimators, rows, exog[:, begin : begin + n_ahead], n_ahead)
            path = np.concatenate([path, block + level[:, np.newaxis]], axis=1)
        return path[:, span:]

    def _features(self) -> LagFeatures:
        return read_features(self.lags, self.rolling, self.fourier, self.subtract)

    def _regressor(self):
        return Ridge() if self.estimator is None else clone(self.estimator)

    def _target_names(self, series):
        n_targets = series[0].shape[1]
        return [""] if n_targets == 1 else [f"y{j}_" for j in range(n_targets)]


class _Examples(NamedTuple):
    """What one series teaches: features of its origins, (n, n_features); what followed, without the level,
    (n, n_ahead, n_targets); exogenous variables then, (n, n_ahead, n_columns)."""

    rows: np.ndarray
    targets: np.ndarray
    exog: np.ndarray


def _each(exog: list | None, series: list) -> list:
    return [None] * len(series) if exog is None else exog
