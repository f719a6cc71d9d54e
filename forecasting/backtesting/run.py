"""Backtests: forecasters fitted on the past of a series and scored on what came next, window after window."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator
from sklearn.utils import get_tags
from tqdm.auto import tqdm

from forecasting.backtesting.data import piece_of, read_data, read_windows
from forecasting.backtesting.folds import Job, join_series, run_block, run_readouts
from forecasting.backtesting.readout_folds import check_readout_only
from forecasting.backtesting.result import BacktestResult, Fold, assemble
from forecasting.backtesting.rolling_origin import FixedOrigins, RollingOrigin
from forecasting.base.local_forecaster import LocalForecaster
from forecasting.base.tags import TagsOfForecaster
from forecasting.metrics import METRICS, Metric
from reservoir.kernels.threads import check_n_jobs

__all__ = ["BacktestResult", "FixedOrigins", "RollingOrigin", "backtest"]

_SERIES_AT_ONCE = 32  # of a panel whose series are forecast alone; a number that does not depend on n_jobs

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
    refit: bool | int | str | Mapping[str, Any] = True,
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
        Whatever forecasters take, see `forecasting.series`. The windows of a panel are cut series by series. It may
        miss values (NaN) if every forecaster has a rule that fills them (``missing=``): each fold fills its own past.
        Steps of a window where a target was not observed are left out of its scores and counted as ``unscored``; a
        window or series without any observed step, and ``valid_prediction_time`` with one missing, is an error.
    X : same kind of container, optional
        Exogenous variables, known in advance: ``predict`` gets the rows after the origin. Beside forecasters that use
        them, those that use none are run without.
    cv : RollingOrigin, FixedOrigins or scikit-learn splitter
        Training and test positions, each consecutive, the test after the training.
    metrics : str, sequence of str, or dict of name to callable, default=("mase", "smape")
        Names in the table ``METRICS`` that score point forecasts or intervals, or functions of ``(y_true,
        y_pred)``. The first one orders the summary.
    coverage : float, optional
        Also ask for prediction intervals of this nominal coverage, a fraction, and score ``coverage``,
        ``width`` and ``winkler``.
    season_length : int, default=1
        Steps in a season, for the metrics that scale by the seasonal naive method.
    refit : bool, int, "readout" or dict of name to one of these, default=True
        True fits at every origin, an integer k at every k-th, False at the first only. In between the fitted
        model is carried on with ``update``: its state moves, its weights stay. "readout", for a
        `ReservoirForecaster` with a ``RidgeReadout``, fits all at the first origin and at every other one the
        readout alone: the series drives the reservoir once, and each readout is solved from sums over the
        rows before its origin, which gives what refitting it would. The reservoir, the scaling, the differences
        and the penalty stay those of the first origin.
    n_jobs : int, optional
        Workers over models, blocks of windows and series that are forecast alone, counted as joblib does. They are
        threads unless ``joblib.parallel_config`` names another backend: "loky" for processes, "dask" (the extra
        ``dask``) for a cluster; the result is the same. The seconds reported are wall time, longer where workers wait
        for each other.
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
        without ``coverage``; if ``season_length`` is no whole number above 0; if windows are not in order of time; if
        the series is too short for ``cv``.
    TypeError
        If a forecaster has no ``fit`` or ``predict``, or no ``update`` or readout where ``refit`` needs it.

    Examples
    --------
    >>> from forecasting.baselines.naive import Naive
    >>> y = [1.0, 2.0, 4.0, 7.0, 11.0, 16.0]
    >>> result = backtest(Naive(), y, cv=RollingOrigin(1, n_windows=3), metrics="mae")
    >>> result.scores["value"].tolist(), result.summary["mae"].tolist()
    ([3.0, 4.0, 5.0], [4.0])
    """
    models = _name_models(forecasters)
    scorers = read_metrics(metrics, coverage)
    if not isinstance(season_length, Integral) or isinstance(season_length, bool) or season_length < 1:
        raise ValueError(f"season_length must be an integer of at least 1; got {season_length!r}.")
    if on_error not in ("report", "raise"):
        raise ValueError(f"on_error must be 'report' or 'raise'; got {on_error!r}.")
    check_n_jobs(n_jobs)
    data = read_data(y, X, keep_missing=True)
    check_missing(models, data.series)
    windows = read_windows(cv, data)
    policies = _read_refit(refit, len(windows), models)
    job = Job(data, windows, scorers, coverage, season_length, raises=on_error == "raise")
    plain = {name for name, model in models.items() if _uses_no_exog(model)}
    tasks = [
        task
        for name, model in models.items()
        for task in _tasks(
            job.without_exog() if name in plain < set(models) else job, name, model, policies[name]
        )
    ]
    blocks: list[list[Fold]] = []
    with tqdm(total=sum(len(task.windows) for task in tasks), disable=not progress, desc="backtest") as bar:
        run = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")
        for folds in run(delayed(task.run)(task.job, task.name, task.model, task.windows) for task in tasks):
            blocks.append(folds)
            bar.update(len(folds))
    return assemble(
        _in_order(tasks, blocks),
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


def check_missing(models: Mapping[str, Any], series: list) -> None:
    """Raise if there are missing values, and forecasters without a rule that fills them."""
    holes = [np.isnan(one.values).any(axis=1) for one in series]
    if not any(map(np.any, holes)):
        return
    refusing = [name for name, model in models.items() if not _fills_missing(model)]
    if refusing:
        number, step = next((i, int(np.argmax(hole))) for i, hole in enumerate(holes) if hole.any())
        where = "y" if len(series) == 1 else f"y of series {number}"
        raise ValueError(
            f"{where} has no value at step {step}, and {', '.join(map(repr, refusing))} has no rule for that: wrap "
            "it in TransformedTargetForecaster(..., missing='linear'), or fill y first, for example with "
            "forecasting.fill_gaps(y, rule='linear')."
        )


def _fills_missing(model: Any) -> bool:
    return isinstance(model, BaseEstimator) and get_tags(model).input_tags.allow_nan


def _uses_no_exog(model: Any) -> bool:
    tags = get_tags(model) if isinstance(model, BaseEstimator) else None
    return isinstance(tags, TagsOfForecaster) and not tags.forecaster_tags.uses_exog


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


def _read_refit(refit: Any, n_windows: int, models: Mapping[str, Any]) -> dict[str, int]:
    """Return after how many windows each model is fitted anew; 0 for its readout alone."""
    if isinstance(refit, Mapping):
        if set(refit) != set(models):
            raise ValueError(f"refit names {sorted(refit)}, but the models are {sorted(models)}.")
        return {name: _one_refit(refit[name], n_windows, name, model) for name, model in models.items()}
    return {name: _one_refit(refit, n_windows, name, model) for name, model in models.items()}


def _one_refit(refit: Any, n_windows: int, name: str, model: Any) -> int:
    if isinstance(refit, str) and refit == "readout":
        check_readout_only(model, name)
        return 0
    if not isinstance(refit, (bool, np.bool_, Integral)) or (refit is not False and int(refit) < 1):
        raise ValueError(f"refit must be True, False, an integer of at least 1, or 'readout'; got {refit!r}.")
    block = int(refit) if refit else n_windows
    if block > 1 and n_windows > 1 and not hasattr(model, "update"):
        raise TypeError(f"refit={refit!r} carries {name!r} on with update, which it lacks; use refit=True.")
    return block


class _Task(NamedTuple):
    """Some windows of one model, over all series or some of them."""

    run: Callable[..., list[Fold]]
    job: Job
    name: str
    model: Any
    windows: range


def _tasks(job: Job, name: str, model: Any, policy: int) -> Iterator[_Task]:
    numbers = range(len(job.windows))
    if policy == 0:
        yield _Task(run_readouts, job, name, model, numbers)
        return
    parts = [job]
    if isinstance(model, LocalForecaster) and job.data.ids is not None:
        starts = range(0, len(job.data.series), _SERIES_AT_ONCE)
        parts = [job.of_series(slice(start, start + _SERIES_AT_ONCE)) for start in starts]
    for start in range(0, len(numbers), policy):
        for part in parts:
            yield _Task(run_block, part, name, model, numbers[start : start + policy])


def _in_order(tasks: list[_Task], blocks: list[list[Fold]]) -> list[Fold]:
    """Return the folds of every model and window, series joined."""
    of_windows: dict[tuple, list] = {}
    for task, folds in zip(tasks, blocks):
        of_windows.setdefault((task.name, task.windows.start), []).append(folds)
    return [fold for parts in of_windows.values() for fold in join_series(parts)]
