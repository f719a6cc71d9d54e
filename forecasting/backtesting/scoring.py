"""forecast_scorer: a metric of forecasts as scikit-learn's model selection wants it."""

from collections.abc import Callable
from inspect import signature
from numbers import Integral
from typing import Any

import numpy as np

from forecasting.backtesting.data import observed_steps
from forecasting.metrics import METRICS, Metric
from forecasting.series.arrays import read_continuation, split_covariates
from forecasting.series.rebuilding import take_apart

_KINDS = ("point", "interval", "quantile")


class ForecastScorer:
    """A callable ``(forecaster, y, X=None)`` whose larger values are better; made by `forecast_scorer`.

    Parameters
    ----------
    name : str
    metric : Metric
    options : dict
        Keyword arguments of the metric.
    gap : int, default=0
        Steps between the last observation and the first that is scored.
    """

    def __init__(self, name: str, metric: Metric, options: dict, gap: int = 0):
        self.name, self.metric, self.options, self.gap = name, metric, options, gap

    def __call__(self, estimator: Any, y: Any, X: Any = None) -> float:
        """Forecast the steps of `y`, which follow the last observation and the gap, and score them.

        Parameters
        ----------
        estimator : Forecaster, or a search over one
            Fitted.
        y : container
            What came next. Missing values, where the forecaster has a rule that fills them, are left out.
        X : container, optional
            Exogenous variables at the same steps, those of the gap before them.

        Returns
        -------
        float
            Mean over the series of a panel, with the sign turned where lower is better.
        """
        forecaster = getattr(estimator, "best_estimator_", estimator)
        y, X = split_covariates(y, X)
        layout = forecaster.layout_
        layout = layout.advance([self.gap] * len(layout.parts))
        rule, before = forecaster.missing_rule(), forecaster.series_
        truths = read_continuation(y, layout, forecaster.n_targets_, rule, before, keep_missing=True)
        n_steps = len(truths[0])
        if any(len(truth) != n_steps for truth in truths):
            raise ValueError(f"y has {[len(truth) for truth in truths]} steps per series: they must be equal")
        pasts = forecaster.observed_ or forecaster.series_
        scores = [
            self._score(truth, answer, past)
            for truth, answer, past in zip(truths, self._ask(forecaster, n_steps, X), pasts)
        ]
        return float(np.mean(scores))

    def __repr__(self) -> str:
        shown = self.options | ({"gap": self.gap} if self.gap else {})
        options = "".join(f", {key}={value!r}" for key, value in shown.items())
        return f"forecast_scorer({self.name!r}{options})"

    def _ask(self, forecaster, n_steps, X):
        """Return what the metric scores, (n_steps, n_targets, n_labels) per series."""
        horizon = np.arange(self.gap + 1, self.gap + n_steps + 1) if self.gap else n_steps
        n_labels = 1
        if self.metric.forecast == "point":
            answer = forecaster.predict(horizon, X)
        elif self.metric.forecast == "interval":
            answer = forecaster.predict_interval(horizon, X, coverage=self.options.get("coverage", 0.9))
            n_labels = 2
        else:
            answer = forecaster.predict_quantiles(horizon, X, (self.options.get("quantile", 0.5),))
        return take_apart(forecaster.layout_, answer, forecaster.n_targets_, n_labels)

    def _score(self, truth, answer, past):
        options = dict(self.options)
        if "y_train" in self.metric.context:
            options["y_train"] = past
        if self.metric.forecast == "interval" and "coverage" not in self.metric.context:
            options.pop("coverage", None)
        seen = observed_steps(truth, np.moveaxis(answer, -1, 0), self.metric)
        score = self.metric.function(*seen, **options)
        if self.metric.best == "nominal":
            return -abs(score - self.options.get("coverage", 0.9))
        return score if self.metric.best == "high" else -score


def forecast_scorer(
    metric: str | Callable[..., float] = "mase", *, gap: int = 0, **options: Any
) -> ForecastScorer:
    """Return a metric as a scorer, for ``GridSearchCV(forecaster, grid, scoring=..., cv=TimeSeriesSplit())``.

    Parameters
    ----------
    metric : str or callable, default="mase"
        A row of ``METRICS`` that scores points, intervals or quantiles, or a function of ``(y_true, y_pred)`` of
        which lower is better.
    gap : int, default=0
        That of a ``cv`` with steps between training and test, as ``RollingOrigin(3, gap=2)``: scikit-learn does not
        tell a scorer of it. Not with `X`, of which it does not hand over the steps of the gap.
    **options
        Keyword arguments of the metric, such as ``season_length=12``, ``coverage=0.8`` or ``quantile=0.1``.

    Returns
    -------
    ForecastScorer
        Larger is better: the sign is turned where lower is; coverage scores the distance from its nominal value.

    Raises
    ------
    ValueError
        If the metric is unknown, or scores something else; if it has no such option, or ``gap`` is negative.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
    >>> from forecasting import SeasonalNaive
    >>> y = np.tile([1.0, 5.0, 2.0, 4.0], 10)
    >>> search = GridSearchCV(
    ...     SeasonalNaive(),
    ...     {"season_length": [1, 2, 4]},
    ...     scoring=forecast_scorer("rmse"),
    ...     cv=TimeSeriesSplit(3, test_size=8),
    ... )
    >>> search.fit(y).best_params_
    {'season_length': 4}
    """
    if not isinstance(gap, Integral) or isinstance(gap, bool) or gap < 0:
        raise ValueError(f"gap={gap!r} must be an integer of at least 0: that of the cv")
    if callable(metric):
        return ForecastScorer(
            getattr(metric, "__name__", "metric"), Metric(metric, "point"), options, int(gap)
        )
    known = {name: row for name, row in METRICS.items() if row.forecast in _KINDS}
    if metric not in known:
        raise ValueError(f"metric={metric!r} is no metric of one forecast: choose from {', '.join(known)}")
    if metric == "winkler":
        options = {"coverage": 0.9} | options
    taken = {*signature(known[metric].function).parameters} - {
        "y_true",
        "y_pred",
        "lower",
        "upper",
        "y_train",
    }
    taken |= {"coverage"} if known[metric].forecast == "interval" else set()
    if unknown := sorted(set(options) - taken):
        raise ValueError(f"metric={metric!r} has no option {unknown[0]!r}: it has {sorted(taken) or 'none'}")
    return ForecastScorer(metric, known[metric], options, int(gap))
