"""Reports in Markdown: tables, and the frame that says where and when was measured."""

import importlib.metadata
import platform
import re
from collections.abc import Iterable, Sequence
from datetime import date

from benchmarks.machine import blas, cores, processor

PACKAGES = ("reservoir-forecasting", "numpy", "scipy", "scikit-learn", "numba", "statsmodels")


def table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lay rows out as a table, floats with three significant digits.

    Examples
    --------
    >>> print(table(["units", "NMSE"], [[200, 0.02345]]))
    | units | NMSE |
    |---|---|
    | 200 | 0.0234 |
    """
    lines = [list(heads), *([_cell(value) for value in row] for row in rows)]
    drawn = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([drawn[0], "|---" * len(heads) + "|", *drawn[1:]])


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def described(estimator: object) -> str:
    """Return the settings of an estimator that are not defaults, on one line, without seeds."""
    text = " ".join(repr(estimator).split())
    return re.sub(r"(, )?random_state=\d+", "", text).replace("(, ", "(")


def framed(title: str, body: str, command: str, seconds: float) -> str:
    """Put a heading above a report and the circumstances below."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return (
        f"# {title}\n\n{body}\n\n"
        f"Measured {date.today():%Y-%m-%d} by `{command}` in {seconds:.0f} s on {processor()}, {cores()} cores; "
        f"Python {platform.python_version()}, {versions}; {blas()}.\n"
    )
