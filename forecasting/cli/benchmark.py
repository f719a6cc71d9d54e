"""``forecast benchmark DIR``: models compared over all the CSV files of a folder."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path

from threadpoolctl import threadpool_limits

from forecasting.backtesting.leaderboard import leaderboard, score_table
from forecasting.backtesting.run import BacktestResult, RollingOrigin, backtest
from forecasting.cli.arguments import add_common
from forecasting.cli.csv_series import FileError
from forecasting.cli.models import make_models
from forecasting.cli.report import records
from forecasting.cli.saved import make_folder
from forecasting.cli.task import CommandError, read_task

DESCRIPTION = """\
Compare models over all CSV files of a folder, each with one series: a backtest with a rolling
origin for each, and a table over all. Files that cannot be forecast are named and left out."""

EPILOG = """\
what the table shows
  score      mean MASE over files and windows where no model failed
  mean_rank  mean rank over these, 1 is best; wins: fraction of them where no model is better
  relative   geometric mean over files of the MASE over that of the first model asked for
  pvalue     of a Diebold-Mariano test against the best

what is written into DIR of --out
  leaderboard.csv   the table
  scores.csv        MASE of every file, window and model

example
  forecast benchmark series/ --horizon 12 --models seasonal_naive,theta,direct"""

_MODELS = ["seasonal_naive", "ets", "theta", "direct", "reservoir"]


def benchmark_parser() -> argparse.ArgumentParser:
    """Return the parser of the arguments after ``forecast benchmark``."""
    parser = argparse.ArgumentParser(
        prog="forecast benchmark",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("folder", type=Path, metavar="DIR", help="a folder of CSV files, each with one series")
    add_common(parser)
    out = "forecast-output"
    add("--out", type=Path, default=Path(out), metavar="DIR", help=f"default: {out}")
    add("--json", action="store_true", help="print one JSON object instead of the table")
    add("--quiet", action="store_true", help="print nothing but errors")
    parser.set_defaults(panel=None, exog=[], tune=None)
    return parser


def run_benchmark(arguments: argparse.Namespace) -> None:
    """Do what the arguments ask for; raise `CommandError` where that cannot be done."""
    files = _files(arguments)
    folder = make_folder(arguments.out)
    arguments.models = arguments.models or _MODELS
    results: dict[str, BacktestResult] = {}
    left_out: dict[str, str] = {}
    for path in files:
        found = _measured(arguments, path)
        if isinstance(found, str):
            left_out[path.name] = found
        else:
            results[path.stem] = found
    if not results:
        raise CommandError(f"{arguments.folder}: no file could be forecast; {next(iter(left_out.values()))}")
    board = leaderboard(results, benchmark=arguments.models[0])
    scores = score_table(results)
    try:
        board.rename_axis("model").to_csv(folder / "leaderboard.csv", float_format="%.10g")
        scores.to_csv(folder / "scores.csv", float_format="%.10g")
    except OSError as error:
        raise CommandError(f"{folder}: cannot be written ({error.strerror}); choose another --out.") from None
    failures = [
        f"{name}: {model} failed in {len(rows)} window(s): {rows['error'].iloc[0]}"
        for name, result in results.items()
        for model, rows in result.errors.groupby("model", sort=False)
    ]
    if arguments.json:
        rows = records(board.rename_axis("model").reset_index())
        what = {"files": list(results), "left_out": left_out, "failures": failures, "leaderboard": rows}
        print(json.dumps(what, indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        print(f"{len(results)} of {len(files)} files, {len(scores)} windows, MASE")
        print(board.to_string(float_format="{:.4g}".format))
        for line in [*failures, *(f"left out: {reason}" for reason in left_out.values())]:
            print(line)
        print(f"Written to {folder}: leaderboard.csv, scores.csv")


def _files(arguments: argparse.Namespace) -> list[Path]:
    if not arguments.folder.is_dir():
        raise CommandError(f"{arguments.folder}: there is no such folder.")
    if arguments.horizon is None:
        raise CommandError(f"{arguments.folder}: name the number of steps to forecast by --horizon.")
    files = sorted(arguments.folder.glob("*.csv"))
    if not files:
        raise CommandError(f"{arguments.folder}: holds no CSV file.")
    return files


def _measured(arguments: argparse.Namespace, path: Path) -> BacktestResult | str:
    """Return the backtest of one file, or why there is none."""
    asked = argparse.Namespace(**{**vars(arguments), "file": str(path)})
    try:
        task = read_task(asked)
    except (CommandError, FileError) as error:
        return str(error)
    with warnings.catch_warnings(), threadpool_limits(limits=1, user_api="blas"):
        warnings.simplefilter("ignore")  # what single fits say is not what is asked here
        result = backtest(
            make_models(task),
            task.data.y,
            cv=RollingOrigin(task.horizon, n_windows=task.windows),
            metrics="mase",
            season_length=task.season,
        )
    if result.summary["mase"].isna().all():
        return f"{path}: no model came through the backtest; {result.errors['error'].iloc[0]}"
    return result
