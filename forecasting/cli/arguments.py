"""Arguments that the ``forecast`` command and ``forecast benchmark`` share, and how they are read."""

from __future__ import annotations

import argparse
from typing import Any

from forecasting.cli.task import DEFAULT_WINDOWS
from forecasting.registry import FORECASTERS


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add what is asked of every series: columns, horizon, season, models, backtest."""
    add = parser.add_argument
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
