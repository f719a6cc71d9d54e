"""The ``forecast`` command: read a series, backtest models on it, forecast it with the best one."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from forecasting import cli_report
from forecasting.backtesting import BacktestResult, RollingOrigin, backtest
from forecasting.cli_task import DEFAULT_WINDOWS, CommandError, Task, read_task
from forecasting.csv_series import FileError
from forecasting.registry import FORECASTERS

DESCRIPTION = """\
Forecast a series. Every model is first tested on the last stretches of the series, as if they were
not yet known (a backtest with a rolling origin); the one with the lowest mean MASE is used. Without
a file, the yearly sunspot numbers bundled with statsmodels are forecast."""

EPILOG = """\
what is inferred
  time       the column called time, date, ds, year, ..., else the first column of text that reads
             as dates; without any, rows are numbered
  target     the column called y, target or value, else the first column of numbers
  frequency  from the dates, which must be regular: gaps and repeated dates are errors
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

examples
  forecast
  forecast sales.csv --horizon 12
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
    arguments = build_parser().parse_args(argv)
    try:
        run(arguments)
    except (FileError, CommandError) as error:
        print(f"forecast: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("forecast: interrupted", file=sys.stderr)
        return 130
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
    add("--time", metavar="COL", help="column of dates or of whole numbers")
    add("--target", metavar="COL", help="column to forecast")
    add("--horizon", type=_at_least(1), metavar="H", help="steps to forecast; needed with a file")
    add("--season", type=_at_least(1), metavar="M", help="steps in a season; 1 for none")
    add(
        "--models", type=_models, metavar="A,B,...", default=None, help=f"of {', '.join(FORECASTERS)}; or all"
    )
    add(
        "--coverage",
        type=_fraction,
        default=0.9,
        metavar="P",
        help="of the intervals, a fraction (default: 0.9)",
    )
    add(
        "--windows",
        type=_at_least(1),
        metavar="K",
        help=f"origins of the backtest (default: {DEFAULT_WINDOWS})",
    )
    add("--out", type=Path, default=Path("forecast-output"), metavar="DIR", help="default: forecast-output")
    add("--quiet", action="store_true", help="print nothing but errors")
    add("--version", action="version", version=f"forecast {version('reservoir-forecasting')}")
    return parser


def run(arguments: argparse.Namespace) -> None:
    """Do what the arguments ask for; raise `CommandError` or `FileError` where that cannot be done."""
    say = (lambda line: None) if arguments.quiet else print
    task = read_task(arguments)
    folder = _make_folder(arguments.out)
    for line in cli_report.introduction(task):
        say(line)
    # One BLAS thread: the products are small, and more threads than cores cost more than they bring.
    with warnings.catch_warnings(record=True) as caught, threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("always")
        result = _backtest(task, progress=not arguments.quiet and sys.stderr.isatty())
        forecasts, failures = _forecast(task, list(result.summary.index))
    report = [*cli_report.table(result), *cli_report.notices(result, failures, caught)]
    for line in [*report, "", cli_report.choice(result, list(forecasts))]:
        say(line)
    written, missing = cli_report.write(task, result, forecasts, folder)
    say(f"Written to {folder}: {', '.join(written)}")
    if missing:
        say(missing)


def _at_least(least: int) -> Any:
    def integer(text: str) -> int:
        if not text.lstrip("+-").isdigit() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least {least}")
        return int(text)

    return integer


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a fraction between 0 and 1, such as 0.9")
    return value


def _models(text: str) -> list[str]:
    if text == "all":
        return list(FORECASTERS)
    names = [name.strip().lower().replace("-", "_") for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORECASTERS]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f"{', '.join(unknown) or text!r}: the models are {', '.join(FORECASTERS)}"
        )
    return list(dict.fromkeys(names))


def _make_folder(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: cannot be made ({error.strerror}); choose another --out.") from None
    return folder


def _make(name: str, season: int) -> Any:
    """Make a forecaster that gives the same forecast at every run."""
    model = FORECASTERS[name](season)
    return model.set_params(random_state=0) if model.get_params().get("random_state", 0) is None else model


def _backtest(task: Task, progress: bool) -> BacktestResult:
    result = backtest(
        {name: _make(name, task.season) for name in task.models},
        task.series,
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


def _forecast(task: Task, models: list[str]) -> tuple[dict[str, pd.DataFrame], dict[str, Exception]]:
    """Fit every model on the whole series: its forecast with lower and upper bound, or why there is none."""
    forecasts: dict[str, pd.DataFrame] = {}
    failures: dict[str, Exception] = {}
    for name in models:
        model = _make(name, task.season)
        try:
            path = model.fit(task.series).predict(task.horizon)
            if not np.isfinite(path).all():
                raise ValueError("the forecast diverges")
            band = model.predict_interval(task.horizon, coverage=task.coverage)
            forecasts[name] = pd.DataFrame({"forecast": path, "lower": band["lower"], "upper": band["upper"]})
        except Exception as error:
            failures[name] = error
    if not forecasts:
        raise CommandError(f"{task.name}: no model could be fitted; {next(iter(failures.values()))}")
    return forecasts, failures


if __name__ == "__main__":
    sys.exit(main())
