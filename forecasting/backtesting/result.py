"""What a backtest found, as tidy frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd


@dataclass
class SeriesFold:
    """One window of one series: what was true, what was forecast (None where that failed), how it scored."""

    label: Any  # of the series in its panel
    cutoff: Any  # label or position of the last training step
    steps: np.ndarray  # (n_steps,), counted from the origin
    times: pd.Index  # (n_steps,), labels or positions
    targets: tuple
    y_true: np.ndarray  # (n_steps, n_targets)
    scores: dict[str, float]
    y_pred: np.ndarray | None = None
    lower: np.ndarray | None = None
    upper: np.ndarray | None = None

    @property
    def unscored(self) -> int:
        """Number of steps of which a part was not observed."""
        return int(np.isnan(self.y_true).any(axis=1).sum())


@dataclass
class Fold:
    """One window of one model."""

    model: str
    window: int
    refitted: bool
    series: list[SeriesFold]
    fit_seconds: float = np.nan
    predict_seconds: float = np.nan
    interval_seconds: float = np.nan
    errors: list[str] = field(default_factory=list)

    def note(self, error: Exception, what: str = "") -> None:
        """Remember an error as one line."""
        text = " ".join(f"{what}{type(error).__name__}: {error}".split())
        if text not in self.errors:
            self.errors.append(text)


@dataclass(frozen=True, repr=False)
class BacktestResult:
    """What a backtest found, as tidy frames: one row per observation, one column per variable.

    Attributes
    ----------
    summary : DataFrame
        One row per model, best first by the first metric: the mean of every metric over windows (and series),
        NaN if a window failed; the mean ``fit_seconds``, ``predict_seconds`` (and ``interval_seconds``) of a
        window; the number of ``windows`` and how many ``failed``; (``unscored``, as in ``folds``, of all windows).
    scores : DataFrame
        ``model``, ``window``, (``series``), ``cutoff``, ``metric``, ``value``.
    step_errors : DataFrame
        ``model``, ``step``, ``mae``, ``rmse``, (``coverage``): how the error grows with the step ahead; the
        mean over all forecasts that were made and of which the truth is known.
    folds : DataFrame
        ``model``, ``window``, ``refitted``, ``fit_seconds``, ``predict_seconds``, (``interval_seconds``),
        (``unscored``): steps of the window, over all series, that no metric has seen because a target was not
        observed; ``error``: what failed, empty where all went well.
    forecasts : DataFrame or None
        ``model``, ``window``, (``series``), ``cutoff``, ``step``, ``time``, (``target``), ``y_true``,
        ``y_pred``, (``lower``, ``upper``); None with ``return_forecasts=False``.
    history : list of Series or DataFrame
        The series that were forecast: one for a single series, else one per series of the panel.
    coverage : float or None
        Nominal coverage of the intervals.

    Notes
    -----
    Columns in brackets stand for panels, several targets, intervals, or missing values. ``window`` counts from 0, the
    oldest; ``cutoff`` is the label (or position) of the last training step.
    """

    summary: pd.DataFrame
    scores: pd.DataFrame
    step_errors: pd.DataFrame
    folds: pd.DataFrame
    forecasts: pd.DataFrame | None
    history: list
    coverage: float | None

    @property
    def errors(self) -> pd.DataFrame:
        """The rows of ``folds`` where something failed."""
        return self.folds[self.folds["error"] != ""]

    def __repr__(self) -> str:
        lines = [self.summary.to_string(float_format="{:.4g}".format)]
        if "unscored" in self.summary:
            lines.append(f"{self.summary['unscored'].max()} steps were not observed, and are in no score")
        lines += [
            f"failed: {row.model}, window {row.window}: {row.error}" for row in self.errors.itertuples()
        ]
        return "\n".join(lines)


def assemble(
    folds: list[Fold], history: list, best: str, coverage: float | None, panel: bool, return_forecasts: bool
) -> BacktestResult:
    """Lay folds out as frames; ``best`` says which value of the first metric is best (see ``METRICS``)."""
    scores = pd.DataFrame(_score_rows(folds))
    forecasts = _forecast_table([(fold, one) for fold in folds for one in fold.series])
    timings = ["fit_seconds", "predict_seconds", "interval_seconds"]
    columns = ["model", "window", "refitted", *timings]
    rows = [[getattr(fold, name) for name in columns] + ["; ".join(fold.errors)] for fold in folds]
    table = pd.DataFrame(rows, columns=[*columns, "error"])
    unscored = [sum(one.unscored for one in fold.series) for fold in folds]
    if any(unscored):
        table.insert(len(columns), "unscored", unscored)
    if coverage is None:
        forecasts, table = forecasts.drop(columns=["lower", "upper"]), table.drop(columns="interval_seconds")
        timings.pop()
    if not panel:
        forecasts, scores = forecasts.drop(columns="series"), scores.drop(columns="series")
    if len(folds[0].series[0].targets) == 1:
        forecasts = forecasts.drop(columns="target")
    return BacktestResult(
        summary=_summarise(scores, table, timings, best, coverage),
        scores=scores,
        step_errors=_errors_by_step(forecasts),
        folds=table,
        forecasts=forecasts if return_forecasts else None,
        history=history,
        coverage=coverage,
    )


def _score_rows(folds: list[Fold]) -> Iterator[dict]:
    for fold in folds:
        for one in fold.series:
            keys = {"model": fold.model, "window": fold.window, "series": one.label, "cutoff": one.cutoff}
            for metric, value in one.scores.items():
                yield {**keys, "metric": metric, "value": value}


def _forecast_table(parts: list[tuple[Fold, SeriesFold]]) -> pd.DataFrame:
    sizes = [one.y_true.size for _, one in parts]
    keys = pd.DataFrame(
        {
            "model": [fold.model for fold, _ in parts],
            "window": [fold.window for fold, _ in parts],
            "series": [one.label for _, one in parts],
            "cutoff": [one.cutoff for _, one in parts],
        }
    )
    table = keys.loc[np.repeat(np.arange(len(parts)), sizes)].reset_index(drop=True)
    widths = [one.y_true.shape[1] for _, one in parts]
    times = [one.times.repeat(width) for (_, one), width in zip(parts, widths)]
    columns = {
        "step": [np.repeat(one.steps, width) for (_, one), width in zip(parts, widths)],
        "target": [np.tile(_objects(one.targets), len(one.y_true)) for _, one in parts],
        "y_true": [one.y_true.ravel() for _, one in parts],
        **{
            name: [_or_nan(getattr(one, name), one) for _, one in parts]
            for name in ("y_pred", "lower", "upper")
        },
    }
    table["time"] = times[0].append(times[1:])
    for name, values in columns.items():
        table[name] = np.concatenate(values)
    return table[["model", "window", "series", "cutoff", "step", "time", *list(columns)[1:]]]


def _objects(items: tuple) -> np.ndarray:
    """Return an array of things that may be tuples themselves, such as names of columns of several levels."""
    array = np.empty(len(items), dtype=object)
    array[:] = items
    return array


def _or_nan(values: np.ndarray | None, one: SeriesFold) -> np.ndarray:
    return np.full(one.y_true.size, np.nan) if values is None else values.ravel()


def _summarise(
    scores: pd.DataFrame, folds: pd.DataFrame, timings: list, best: str, coverage: float | None
) -> pd.DataFrame:
    metrics = list(dict.fromkeys(scores["metric"]))
    values = scores.groupby(["model", "metric"], sort=False)["value"].agg(
        lambda column: column.mean(skipna=False)
    )
    summary = values.unstack("metric")[metrics]
    by_model = folds.groupby("model", sort=False)
    summary[timings] = by_model[timings].mean()
    summary["windows"] = by_model.size()
    summary["failed"] = by_model["error"].agg(lambda column: int((column != "").sum()))
    if "unscored" in folds:
        summary["unscored"] = by_model["unscored"].sum()
    key = {"low": summary[metrics[0]], "high": -summary[metrics[0]]}
    if coverage is not None:
        key["nominal"] = (summary[metrics[0]] - coverage).abs()
    order = key[best].sort_values(kind="stable", na_position="last").index
    return summary.loc[order].rename_axis(columns=None)


def _errors_by_step(forecasts: pd.DataFrame) -> pd.DataFrame:
    error = forecasts["y_pred"] - forecasts["y_true"]
    keys = [forecasts["model"], forecasts["step"]]
    columns = {
        "mae": error.abs().groupby(keys, sort=False).mean(),
        "rmse": (error**2).groupby(keys, sort=False).mean() ** 0.5,
    }
    if "lower" in forecasts:
        inside = forecasts["y_true"].between(forecasts["lower"], forecasts["upper"]).astype(float)
        known = forecasts["lower"].notna() & forecasts["y_true"].notna()
        columns["coverage"] = inside.where(known).groupby(keys, sort=False).mean()
    return pd.DataFrame(columns).reset_index()
