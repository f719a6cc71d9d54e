"""The ``forecast`` command: read a series, backtest models on it, forecast it with the best one."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn.base import clone
from threadpoolctl import threadpool_limits

from forecasting.backtesting.run import BacktestResult, RollingOrigin, backtest
from forecasting.cli import report
from forecasting.cli.arguments import add_common
from forecasting.cli.benchmark import benchmark_parser, run_benchmark
from forecasting.cli.csv_series import FileError
from forecasting.cli.models import ahead, make_models, save
from forecasting.cli.saved import make_folder, run_saved
from forecasting.cli.task import CommandError, ForecastTask, read_task

DESCRIPTION = """\
Forecast a series. Every model is first tested on the last stretches of the series, as if they were
not yet known (a backtest with a rolling origin); the one with the lowest mean MASE is used. Without
a file, the yearly sunspot numbers bundled with statsmodels are forecast."""

EPILOG = """\
what is inferred
  time       the column called time, date, ds, year, ..., else the first column of text that reads
             as dates; without any, rows are numbered
  target     the column called y, target or value, else the first named column of numbers; with
             --load the column that the model was fitted on
  frequency  from the dates, which must be regular: gaps and repeated dates are errors
  horizon    with --exog: as many steps as rows follow the last value of the target
  season     by the calendar: 12 for months, 4 for quarters, 7 for days, 24 for hours, ...; for
             years and rows without dates the peak of the autocorrelation, none if none stands out

what the table shows
  MASE       mean absolute error, in units of the seasonal naive method's error on the training data
  sMAPE      mean of 200 |y - f| / (|y| + |f|)
  coverage   fraction of observations inside their interval; --coverage would be right
  seconds    time of all fits and forecasts of the backtest

what is written into DIR
  forecast.csv   what each model expects, with lower and upper bound of the interval, best first
  backtest.csv   what each model would have forecast at earlier origins, beside what then happened
  forecast.png   the forecast and its backtest (needs matplotlib)

many series, exogenous variables
  --panel ID   every value of the column ID is a series of its own; one model is used for all
  --exog A,B   columns that are known in advance. The last rows of the file have no target: they
               hold what is known of the steps to forecast. Models that cannot use it run without

models
  --tune       searches settings of a reservoir on what comes before the backtest, and adds it as
               tuned_reservoir; it ends with the batch of settings in which the time runs out
  --load       forecasts from where a saved model stands, without a backtest. With --update it is
               first told the later rows of FILE.csv: its state moves on, its weights stay

examples
  forecast
  forecast sales.csv --horizon 12
  forecast shops.csv --panel shop --exog promotion,price --json
  forecast sales.csv --horizon 12 --tune 60 --save sales.skops
  forecast newer.csv --load sales.skops --update --horizon 12 --save sales.skops
  forecast benchmark series/ --horizon 12
  forecast load.csv --time date --target OT --horizon 48 --models reservoir,theta --out results"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        0, or 2 after one line on standard error.

    Examples
    --------
    >>> main(["nowhere.csv", "--horizon", "12"])
    2
    """
    given = sys.argv[1:] if argv is None else list(argv)
    try:
        if given[:1] == ["benchmark"]:
            run_benchmark(benchmark_parser().parse_args(given[1:]))
        else:
            run(build_parser().parse_args(given))
    except (FileError, CommandError) as error:
        print(f"forecast: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("forecast: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return 0


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command's arguments."""
    parser = argparse.ArgumentParser(
        prog="forecast",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", nargs="?", metavar="FILE.csv", help="a CSV file with a header line, one row per time")
    add_common(parser)
    add("--panel", metavar="ID", help="column that names the series of a row: many series in one file")
    add("--exog", type=_columns, default=[], metavar="A,B,...", help="columns of exogenous variables")
    add("--tune", type=_seconds, metavar="SECONDS", help="search the settings of a reservoir for so long")
    add("--save", type=Path, metavar="MODEL", help="save the model used, fitted on the whole series")
    add("--load", type=Path, metavar="MODEL", help="forecast with a saved model; nothing is fitted")
    add("--update", action="store_true", help="with --load: first tell it the new rows of FILE.csv")
    add("--out", type=Path, default=Path("forecast-output"), metavar="DIR", help="default: forecast-output")
    add("--json", action="store_true", help="print one JSON object instead of the tables")
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--version", action="version", version=f"forecast {version('reservoir-forecasting')}")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments ask for; raise `CommandError` or `FileError` where that cannot be done."""
    if arguments.load is not None:
        return run_saved(arguments)
    if arguments.update:
        raise CommandError("--update tells a saved model what happened; name it by --load.")
    say = _no_line if arguments.quiet or arguments.json else print
    task = read_task(arguments)
    folder = make_folder(arguments.out)
    # One BLAS thread: the products are small, and more threads than cores cost more than they bring.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("always")
        models = make_models(task)
        for line in report.introduction(task):
            say(line)
        result = _backtest(task, models, progress=not arguments.quiet and sys.stderr.isatty())
        fitted = {name: clone(models[name]) for name in result.summary.index}
        forecasts, failures = _forecast(task, fitted)
        if arguments.save is not None:
            save(fitted[next(iter(forecasts))], arguments.save)
    notices, reason = report.notices(result, failures, caught), report.choice(result, list(forecasts))
    for line in [*report.table(result), *notices, "", reason]:
        say(line)
    written, missing = report.write(task, result, forecasts, folder)
    say(f"Written to {folder}: {', '.join(written)}")
    if arguments.save is not None:
        say(f"Saved: {arguments.save}")
    if missing:
        say(missing)
    if arguments.json:
        print(report.as_json(task, result, forecasts, reason, notices))
    return None


def _no_line(line: str) -> None:
    """Say nothing."""


def _columns(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names or len(set(names)) < len(names):
        raise argparse.ArgumentTypeError(f"{text!r} must name columns, each once, with commas between")
    return names


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _backtest(task: ForecastTask, models: dict[str, Any], progress: bool) -> BacktestResult:
    result = backtest(
        models,
        task.data.y,
        task.X,
        cv=RollingOrigin(task.horizon, n_windows=task.windows),
        metrics=("mase", "smape"),
        coverage=task.coverage,
        season_length=task.season,
        progress=progress,
    )
    if result.summary["mase"].isna().all():
        raise CommandError(
            f"{task.name}: no model came through the backtest; {result.errors['error'].iloc[0]}"
        )
    return result


def _forecast(
    task: ForecastTask, models: dict[str, Any]
) -> tuple[dict[str, pd.DataFrame], dict[str, Exception]]:
    """Fit every model on the whole series: its forecast with lower and upper bound, or why there is none."""
    forecasts: dict[str, pd.DataFrame] = {}
    failures: dict[str, Exception] = {}
    for name, model in models.items():
        found = _tried(task, model)
        if isinstance(found, Exception):
            failures[name] = found
        else:
            forecasts[name] = found
    if not forecasts:
        raise CommandError(f"{task.name}: no model could be fitted; {next(iter(failures.values()))}")
    return forecasts, failures


def _tried(task: ForecastTask, model: Any) -> pd.DataFrame | Exception:
    try:
        model.fit(task.data.y, task.X).calibrate(task.horizon)  # what is saved has its intervals at once
        return ahead(model, task.horizon, task.X_ahead, task.coverage)
    except Exception as error:
        return error
