"""Forecasts of the ``forecast`` command by a saved model, which may first be told what happened since."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd

from forecasting.cli.csv_data import CsvData, read_data
from forecasting.cli.models import ahead, load, save
from forecasting.cli.report import column_name, records
from forecasting.cli.task import CommandError
from forecasting.series.rebuilding import ID, TIME


def run_saved(arguments: argparse.Namespace) -> None:
    """Load a model, tell it the new rows of a file if asked to, forecast, write."""
    _check(arguments)
    model = load(arguments.load)
    folder = make_folder(arguments.out)
    data = None
    if arguments.file is not None:
        data = _read(model, arguments)
    n_new, horizon = 0, arguments.horizon
    try:
        if data is not None:
            n_new = _told(model, data, arguments) if arguments.update else 0
            horizon = horizon or data.n_ahead
        if not horizon:
            raise CommandError("name the number of steps to forecast by --horizon.")
        X = None if data is None or data.X_ahead is None else _first(data.X_ahead, horizon)
        table = ahead(model, horizon, X, arguments.coverage)
    except (ValueError, TypeError) as error:
        raise CommandError(f"{arguments.load}: {' '.join(str(error).split())}") from None
    if arguments.save is not None:
        save(model, arguments.save)
    _tell(arguments, model, n_new, table, folder)


def _read(model: Any, arguments: argparse.Namespace) -> CsvData:
    """Read a file of rows that follow where the model stands, or of variables ahead of it."""
    part = model.layout_.parts[0]
    target = arguments.target
    if target is None and arguments.panel is None and part.kind == "series":
        target = part.names[0]  # not whatever column of numbers comes first
    return read_data(arguments.file, arguments.time, target, arguments.panel, arguments.exog, part.calendar)


def make_folder(folder: Path) -> Path:
    """Make the folder that results are written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CommandError(f"{folder}: cannot be made ({error.strerror}); choose another --out.") from None
    return folder


def _check(arguments: argparse.Namespace) -> None:
    if arguments.file is not None and not (arguments.update or arguments.exog):
        raise CommandError(
            "--load forecasts from where the model stands; add --update to tell it the file's new rows."
        )
    if arguments.file is None and arguments.update:
        raise CommandError("--update needs the FILE.csv with the new rows.")
    for option in ("models", "tune", "season", "windows"):
        if getattr(arguments, option) is not None:
            raise CommandError(f"--{option} is for models that are fitted; leave it out with --load.")


def _told(model: Any, data: CsvData, arguments: argparse.Namespace) -> int:
    """Tell the model the rows after its last observation; return how many there were."""
    cutoffs = model.cutoff_ if isinstance(model.cutoff_, list) else [model.cutoff_]
    if len(set(cutoffs)) > 1:
        raise CommandError(f"{arguments.load}: its series end at different times; update it in Python.")
    try:
        new, X = _later(data.y, cutoffs[0]), None if data.X is None else _later(data.X, cutoffs[0])
    except TypeError:
        raise CommandError(
            f"{arguments.file}: its times cannot be compared with {cutoffs[0]}, where the model stands; name --time."
        ) from None
    if len(new):
        model.update(new, X)
    elif data.X_ahead is None:
        raise CommandError(
            f"{arguments.file}: has no row after {cutoffs[0]}, where the model stands; add rows or leave it out."
        )
    return len(new)


def _later(table: Any, cutoff: Any) -> Any:
    return table[table[TIME] > cutoff] if ID in getattr(table, "columns", ()) else table[table.index > cutoff]


def _first(X: pd.DataFrame, horizon: int) -> pd.DataFrame:
    return X.groupby(ID, sort=False).head(horizon) if ID in X.columns else X[:horizon]


def _tell(arguments: argparse.Namespace, model: Any, n_new: int, table: pd.DataFrame, folder: Path) -> None:
    rows = table.rename_axis([column_name(name, "time") for name in table.index.names]).reset_index()
    path = folder / "forecast.csv"
    try:
        rows.to_csv(path, index=False, float_format="%.10g")
    except OSError as error:
        raise CommandError(f"{folder}: cannot be written ({error.strerror}); choose another --out.") from None
    if arguments.json:
        found = {"model": type(model).__name__, "told": n_new, "coverage": arguments.coverage}
        print(json.dumps({**found, "forecast": records(rows)}, indent=2, ensure_ascii=False))
    elif not arguments.quiet:
        print(f"{type(model).__name__} of {arguments.load}, told {n_new} new rows")
        print(rows.to_string(index=False, float_format="{:.6g}".format))
        print(f"Written to {folder}: forecast.csv")
        if arguments.save is not None:
            print(f"Saved: {arguments.save}")
