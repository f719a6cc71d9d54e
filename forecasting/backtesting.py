"""Backtests: forecasters fitted on the past of a series and scored on what came next, window after window."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from tqdm.auto import tqdm

from forecasting.backtest_data import Cut, Data, piece_of, read_data, read_windows
from forecasting.backtest_result import BacktestResult, Fold, SeriesFold, assemble
from forecasting.metrics import METRICS, Metric
from forecasting.rolling_origin import RollingOrigin

__all__ = ["BacktestResult", "RollingOrigin", "backtest"]

_INTERVAL_METRICS = ("coverage", "width", "winkler")


def backtest(
    forecasters: Any,
    y: Any,
    X: Any = None,
    *,
    cv: Any,
    metrics: str | Sequence[str] | Mapping[str, Callable[..., float]] = ("mase", "smape"),
    coverage: float | None = None,
    season_length: int = 1,
    refit: bool | int = True,
    n_jobs: int | None = None,
    progress: bool = False,
    return_forecasts: bool = True,
    on_error: str = "report",
) -> BacktestResult:
    """Fit forecasters on the past, score them on what came next, at every origin that ``cv`` names.

    A forecaster sees nothing after the origin: a clone is fitted on the training part, and the scale of MASE
    and RMSSE is taken from that part too.

    Parameters
    ----------
    forecasters : forecaster, list of forecasters, or dict of name to forecaster
        Anything with ``fit(y, X)`` and ``predict(horizon, X)``; a grid search over a forecaster, too. In a
        list the class is the name, with a number where two are of one class.
    y : array-like, Series, DataFrame, or a panel
        Whatever forecasters take, see `forecasting.series`. The windows of a panel are cut series by series.
    X : same kind of container, optional
        Exogenous variables, known in advance: ``predict`` gets the rows after the origin.
    cv : RollingOrigin or scikit-learn splitter
        Training and test positions, each consecutive, the test after the training.
    metrics : str, sequence of str, or dict of name to callable, default=("mase", "smape")
        Names in the table ``METRICS`` that score point forecasts or intervals, or functions of ``(y_true,
        y_pred)``. The first one orders the summary.
    coverage : float, optional
        Also ask for prediction intervals of this nominal coverage, a fraction, and score ``coverage``,
        ``width`` and ``winkler``.
    season_length : int, default=1
        Steps in a season, for the metrics that scale by the seasonal naive method.
    refit : bool or int, default=True
        True fits at every origin, an integer k at every k-th, False at the first only. In between the fitted
        model is carried on with ``update``: its state moves, its weights stay.
    n_jobs : int, optional
        Threads, counted as joblib does. The seconds reported are wall time, longer where threads wait for
        each other.
    progress : bool, default=False
        Show a bar.
    return_forecasts : bool, default=True
        Keep every forecast in the result.
    on_error : {"report", "raise"}, default="report"
        When a forecaster or a metric fails: note it in ``folds["error"]`` and score NaN, or raise.

    Returns
    -------
    BacktestResult

    Raises
    ------
    ValueError
        If ``metrics`` names an unknown metric, one of a kind that is not scored here, or an interval metric
        without ``coverage``; if windows are not in order of time; if the series is too short for ``cv``.
    TypeError
        If a forecaster has no ``fit`` or ``predict``, or no ``update`` where ``refit`` needs it.

    Examples
    --------
    >>> from forecasting.baselines import Naive
    >>> y = [1.0, 2.0, 4.0, 7.0, 11.0, 16.0]
    >>> result = backtest(Naive(), y, cv=RollingOrigin(1, n_windows=3), metrics="mae")
    >>> result.scores["value"].tolist(), result.summary["mae"].tolist()
    ([3.0, 4.0, 5.0], [4.0])
    """
    models = _name_models(forecasters)
    scorers = read_metrics(metrics, coverage)
    if on_error not in ("report", "raise"):
        raise ValueError(f"on_error must be 'report' or 'raise'; got {on_error!r}.")
    data = read_data(y, X)
    windows = read_windows(cv, data)
    block = _read_refit(refit, len(windows), models)
    job = Job(data, windows, scorers, coverage, season_length, raises=on_error == "raise")
    tasks = [(name, start) for name in models for start in range(0, len(windows), block)]
    with tqdm(total=len(models) * len(windows), disable=not progress, desc="backtest", leave=False) as bar:
        blocks = Parallel(n_jobs=n_jobs, require="sharedmem")(
            delayed(run_block)(
                job, name, models[name], range(len(windows))[start : start + block], bar.update
            )
            for name, start in tasks
        )
    return assemble(
        [fold for done in blocks for fold in done],
        history=[piece_of(one) for one in data.series],
        best=next(iter(scorers.values())).best,
        coverage=coverage,
        panel=data.ids is not None,
        return_forecasts=return_forecasts,
    )


def _name_models(forecasters: Any) -> dict[str, Any]:
    if isinstance(forecasters, Mapping):
        models = {str(name): model for name, model in forecasters.items()}
    else:
        models = {}
        for model in forecasters if isinstance(forecasters, (list, tuple)) else [forecasters]:
            name, count = type(model).__name__, 2
            while name in models:
                name, count = f"{type(model).__name__}_{count}", count + 1
            models[name] = model
    if not models:
        raise ValueError("forecasters is empty; give at least one.")
    for name, model in models.items():
        if isinstance(model, type) or not (hasattr(model, "fit") and hasattr(model, "predict")):
            raise TypeError(f"{name!r} must be a forecaster, an object with fit and predict; got {model!r}.")
    return models


def read_metrics(metrics: Any, coverage: float | None) -> dict[str, Metric]:
    """Return what scores the forecasts, by name, or raise what is wrong with it."""
    if isinstance(metrics, Mapping):
        scorers = {str(name): Metric(function, "point") for name, function in metrics.items()}
    else:
        names = [metrics] if isinstance(metrics, str) else list(metrics)
        usable = [name for name, metric in METRICS.items() if metric.forecast in ("point", "interval")]
        for name in names:
            if name not in usable:
                raise ValueError(f"metrics has {name!r}; a backtest scores {', '.join(usable)}.")
        scorers = {name: METRICS[name] for name in names}
    intervals = [name for name, metric in scorers.items() if metric.forecast == "interval"]
    if intervals and coverage is None:
        raise ValueError(f"metrics has {intervals}, which score intervals; set coverage, for example to 0.9.")
    if coverage is not None:
        if not 0 < coverage < 1:
            raise ValueError(f"coverage must be a fraction between 0 and 1 (0.9, not 90); got {coverage!r}.")
        scorers |= {name: METRICS[name] for name in _INTERVAL_METRICS if name not in scorers}
    if not scorers:
        raise ValueError("metrics is empty; name at least one, for example 'mase'.")
    return scorers


def _read_refit(refit: bool | int, n_windows: int, models: Mapping[str, Any]) -> int:
    """Return after how many windows a model is fitted anew."""
    if not isinstance(refit, (bool, np.bool_, Integral)) or (refit is not False and int(refit) < 1):
        raise ValueError(f"refit must be True, False or an integer of at least 1; got {refit!r}.")
    block = int(refit) if refit else n_windows
    for name, model in models.items():
        if block > 1 and n_windows > 1 and not hasattr(model, "update"):
            raise TypeError(
                f"refit={refit!r} carries {name!r} on with update, which it lacks; use refit=True."
            )
    return block


@dataclass(frozen=True)
class Job:
    """What all folds share."""

    data: Data
    windows: list[list[Cut]]
    scorers: dict[str, Metric]
    coverage: float | None
    season_length: int
    raises: bool

    @property
    def has_exog(self) -> bool:
        """Whether there are exogenous variables."""
        return self.data.series[0].exog is not None

    def part(self, cuts: list[slice], exog: bool = False) -> Any:
        """Cut every series, in its own container; a single series stands alone."""
        pieces = [piece_of(one, cut, exog) for one, cut in zip(self.data.series, cuts)]
        return pieces[0] if self.data.ids is None else pieces

    def past(self, cuts: list[slice]) -> tuple:
        """The arguments of ``fit`` or ``update``."""
        return (self.part(cuts), self.part(cuts, exog=True)) if self.has_exog else (self.part(cuts),)


def run_block(job: Job, name: str, model: Any, numbers: range, tick: Callable[[int], Any]) -> list[Fold]:
    """Fit at the first window, carry the model on through the others, and score every one."""
    folds: list[Fold] = []
    fitted, origin, lost = None, None, None
    for number in numbers:
        window = job.windows[number]
        fold = Fold(name, number, number == numbers[0], _blank(job, window))
        folds.append(fold)
        try:
            if lost is not None:
                raise RuntimeError(f"the model was lost at window {lost}")
            began = perf_counter()
            try:
                fitted = _advance(job, model, fitted, origin, window)
            except Exception:
                lost = number
                raise
            fold.fit_seconds, origin = perf_counter() - began, window
            _forecast(job, fitted, window, fold)
        except Exception as error:
            if job.raises:
                raise
            fold.note(error)
        _score(job, window, fold)
        tick(1)
    return folds


def _blank(job: Job, window: list[Cut]) -> list[SeriesFold]:
    """Return what is known of a fold before any forecast."""
    parts = []
    for one, cut, label in zip(job.data.series, window, job.data.ids or [None]):
        labels = pd.RangeIndex(len(one.values)) if one.labels is None else one.labels
        y_true = one.values[cut.test]
        parts.append(
            SeriesFold(
                label=label,
                cutoff=labels[cut.train.stop - 1],
                steps=np.arange(cut.test.start, cut.test.stop) - cut.train.stop + 1,
                times=labels[cut.test],
                targets=one.layout.names or tuple(range(y_true.shape[1])),
                y_true=y_true,
                scores=dict.fromkeys(job.scorers, np.nan),
            )
        )
    return parts


def _advance(job: Job, model: Any, fitted: Any, origin: list[Cut] | None, window: list[Cut]) -> Any:
    """Fit a clone, or tell the fitted one what happened since its origin."""
    if origin is None:
        return clone(model).fit(*job.past([cut.train for cut in window]))
    since = [slice(old.train.stop, new.train.stop) for old, new in zip(origin, window)]
    if since[0].start < since[0].stop:
        fitted.update(*job.past(since))
    return fitted


def _forecast(job: Job, fitted: Any, window: list[Cut], fold: Fold) -> None:
    """Fill in the forecasts of a fold and the time they took."""
    steps = fold.series[0].steps
    horizon = len(steps) if steps[0] == 1 else steps
    future: dict[str, Any] = {}
    if job.has_exog:
        future["X"] = job.part([slice(cut.train.stop, cut.test.stop) for cut in window], exog=True)
    began = perf_counter()
    answer = fitted.predict(horizon, **future)
    fold.predict_seconds = perf_counter() - began
    for one, values in zip(fold.series, _each(job, answer)):
        one.y_pred = _shaped(values, one.y_true.shape, "predict")
    if job.coverage is None:
        return
    began = perf_counter()
    answer = fitted.predict_interval(horizon, **future, coverage=job.coverage)
    fold.interval_seconds = perf_counter() - began
    for one, values in zip(fold.series, _each(job, answer)):
        is_frame = isinstance(values, pd.DataFrame)
        lower, upper = (values["lower"], values["upper"]) if is_frame else (values[..., 0], values[..., 1])
        one.lower = _shaped(lower, one.y_true.shape, "predict_interval")
        one.upper = _shaped(upper, one.y_true.shape, "predict_interval")


def _each(job: Job, answer: Any) -> list:
    return [answer] if job.data.ids is None else list(answer)


def _shaped(values: Any, shape: tuple[int, ...], method: str) -> np.ndarray:
    """Return a forecast as ``(n_steps, n_targets)``, or raise if it is of another size."""
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in (shape, shape[:1] if shape[1] == 1 else shape):
        raise ValueError(f"{method} returned shape {array.shape} where {shape} was expected")
    return array.reshape(shape)


def _score(job: Job, window: list[Cut], fold: Fold) -> None:
    """Fill in the scores of what was forecast; scaled errors take their scale from the fold's own past."""
    for source, cut, one in zip(job.data.series, window, fold.series):
        context = {
            "y_train": source.values[cut.train],
            "season_length": job.season_length,
            "coverage": job.coverage,
        }
        for name, metric in job.scorers.items():
            forecast = (one.lower, one.upper) if metric.forecast == "interval" else (one.y_pred,)
            if forecast[0] is None:
                continue  # its failure has been noted
            arguments = {key: context[key] for key in metric.context}
            try:
                one.scores[name] = metric.function(one.y_true, *forecast, **arguments)
            except Exception as error:
                if job.raises:
                    raise
                fold.note(error, f"{name}: ")
