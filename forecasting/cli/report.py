"""What the ``forecast`` command says and writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecasting.backtesting.run import BacktestResult
from forecasting.cli.task import CommandError, ForecastTask
from forecasting.plotting.forecasts import plot_report

_UNITS = {"Y": "year", "Q": "quarter", "M": "month", "W": "week", "D": "day", "B": "working day"}
_UNITS |= {"h": "hour", "min": "minute", "s": "second"}


def introduction(task: ForecastTask) -> list[str]:
    """Return the lines that say what is forecast, and how the models are tested."""
    unit = _unit(task.series)
    first, last = (_stamp(label, unit) for label in task.series.index[[0, -1]])
    season = "no season" if task.season == 1 else f"season {task.season} ({task.season_source})"
    windows = "1 window" if task.windows == 1 else f"{task.windows} windows"
    values = f"{len(task.series)} values, {first} to {last}"
    if task.panel:
        values = f"{len(task.data.parts)} series by {task.panel!r}, the first with {values}"
    return [
        f"{task.series.name}: {values}, {season}",
        *(f"note: {note}" for note in task.notes),
        f"Backtest: {windows} of {_steps(task.horizon, unit)}, {100 * task.coverage:g} % intervals",
        "",
    ]


def _unit(series: pd.Series) -> str:
    """Return the word for one step of a series."""
    offset = getattr(series.index, "freq", None)
    if offset is None or offset.n != 1:
        return "step"
    code = offset.rule_code.partition("-")[0]
    if len(code) > 1 and code[0] == "B":  # "BMS" is a month, "B" a working day
        code = code[1:]
    return _UNITS.get(code) or _UNITS.get(code[:1], "step")


def _steps(n_steps: int, unit: str) -> str:
    return f"{n_steps} {unit}" if n_steps == 1 else f"{n_steps} {unit}s"


def _stamp(label: Any, unit: str) -> str:
    if not isinstance(label, pd.Timestamp) or label != label.normalize():
        return str(label)
    return f"{label:%Y}" if unit == "year" else f"{label:%Y-%m-%d}"


def table(result: BacktestResult) -> list[str]:
    """Return the lines of the table of scores, best model first."""
    width = max(len(name) for name in [*result.summary.index, "model"])
    timings = ["fit_seconds", "predict_seconds", "interval_seconds"]
    seconds = result.folds.groupby("model")[timings].sum().sum(axis=1)
    lines = [f"{'model':<{width}}  {'MASE':>8}  {'sMAPE':>7}  {'coverage':>8}  {'seconds':>7}"]
    for name in result.summary.index:
        row = result.summary.loc[name]
        scores = f"{row['mase']:8.3f}  {row['smape']:7.2f}  {row['coverage']:8.2f}".replace("nan", "  -")
        lines.append(f"{name:<{width}}  {scores}  {seconds[name]:7.2f}")
    return lines


def notices(result: BacktestResult, failures: dict[str, Exception], caught: list) -> list[str]:
    """Return a line for each thing that went wrong with some model."""
    lines = []
    for name, rows in result.errors.groupby("model", sort=False):
        lines.append(f"{name} failed in {len(rows)} window(s): {rows['error'].iloc[0]}")
    lines += [
        f"{name} failed on the whole series: {' '.join(str(error).split())}"
        for name, error in failures.items()
    ]
    texts = dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught)
    return lines + [f"warning: {text}" for text in texts]


def choice(result: BacktestResult, models: list[str]) -> str:
    """Say which model is used, and why."""
    mase = result.summary["mase"]
    used = models[0]
    reason = f"the lowest mean MASE, {mase[used]:.3f}"
    rivals = mase.drop(used).dropna()
    if used != mase.index[0]:
        reason = f"the lowest mean MASE, {mase[used]:.3f}, of those that could be fitted on the whole series"
    elif len(rivals):
        reason += f"; next is {rivals.index[0]} with {rivals.iloc[0]:.3f}"
    elif len(mase) == 1:
        reason = "the only one asked for"
    return f"Forecast by {used}: {reason}."


def write(
    task: ForecastTask, result: BacktestResult, forecasts: dict[str, pd.DataFrame], folder: Path
) -> tuple[list[str], str]:
    """Write the tables and the picture; return the files' names, and why the picture is missing."""
    assert result.forecasts is not None
    written, missing = ["forecast.csv", "backtest.csv"], ""
    tables = (rows_of(task, forecasts), result.forecasts)
    try:
        for name, table in zip(written, tables):
            table.to_csv(folder / name, index=False, float_format="%.10g")
        _draw(task, result, forecasts, folder / "forecast.png")
        written.append("forecast.png")
    except OSError as error:
        raise CommandError(f"{folder}: cannot be written ({error.strerror}); choose another --out.") from None
    except ImportError:
        missing = (
            'No picture: matplotlib is missing; install it by: pip install "reservoir-forecasting[plot]"'
        )
    return written, missing


def rows_of(task: ForecastTask, forecasts: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Lay forecasts out in rows: model, (series), time, forecast, lower, upper."""
    index = [*([column_name(task.panel, "series")] if task.panel else [])]
    index.append(column_name(task.series.index.name, "time"))
    return pd.concat(forecasts, names=["model", *index]).reset_index()


def column_name(name: Any, instead: str) -> str:
    """Return the name of the column of times or series in a table of forecasts, whose own columns it may not have."""
    return instead if name in (None, "model", "forecast", "lower", "upper") else str(name)


def as_json(
    task: ForecastTask,
    result: BacktestResult,
    forecasts: dict[str, pd.DataFrame],
    reason: str,
    lines: list[str],
) -> str:
    """Return all that the command found as one JSON object; what is not a number is null."""
    used = next(iter(forecasts))
    scores = result.summary[["mase", "smape", "coverage", "failed"]].rename_axis("model").reset_index()
    rows = rows_of(task, {used: forecasts[used]}).drop(columns="model")
    found = {
        "target": str(task.series.name),
        "horizon": task.horizon,
        "season": task.season,
        "windows": task.windows,
        "coverage": task.coverage,
        "notes": [*task.notes, *lines],
        "chosen": used,
        "reason": reason,
        "scores": records(scores),
        "forecast": records(rows),
    }
    return json.dumps(found, indent=2, ensure_ascii=False)


def records(table: pd.DataFrame) -> list[dict]:
    """Return the rows of a table as what JSON can hold: times as text, what is not finite as null."""
    plain = table.copy()
    for name, column in plain.items():
        if pd.api.types.is_float_dtype(column):
            plain[name] = column.astype(object).where(np.isfinite(column), None)
        elif not pd.api.types.is_numeric_dtype(column):
            plain[name] = column.map(_text)
    return [{str(key): _plain(value) for key, value in row.items()} for row in plain.to_dict("records")]


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, pd.Timestamp) else str(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _draw(task: ForecastTask, result: BacktestResult, forecasts: dict[str, pd.DataFrame], path: Path) -> None:
    used = next(iter(forecasts))
    first = None if task.panel is None else next(iter(task.data.parts))
    shown = forecasts if first is None else {name: table.loc[first] for name, table in forecasts.items()}
    name = task.series.name if first is None else f"{task.series.name} of {first}"
    figure = plot_report(
        task.series,
        {model: forecast["forecast"] for model, forecast in shown.items()},
        shown[used],
        result,
        series=first,
        n_history=max(60, 5 * task.horizon, 3 * task.season),
        title=f"{name}: the next {_steps(task.horizon, _unit(task.series))}, by {used}",
    )
    figure.savefig(path, dpi=120)
