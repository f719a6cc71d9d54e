"""What the README says of each benchmark, with figures looked up in the reports of ``benchmarks/results``.

A figure is written ``{row|column}``: the cell of the first table of the report that has such a column and a row of
which that is a cell, or several with a semicolon between them.
"""

import re
from typing import NamedTuple

_PLACE = re.compile(r"\{([^{}|]+)\|([^{}]+)\}")


class Headline(NamedTuple):
    """One line: the report, what was measured, our figures, and those to hold them against."""

    report: str
    what: str
    ours: str
    beside: str


HEADLINES = (
    Headline(
        "speed",
        "driving a reservoir of 100 units, random / circular",
        "{drive 100 units, random|times as fast} / {drive 100 units, circular|times as fast} times as fast",
        "ReservoirPy 0.4.2",
    ),
    Headline(
        "speed",
        "the same with 1,000 units",
        "{drive 1,000 units, random|times as fast} / {drive 1,000 units, circular|times as fast} times as fast",
        "ReservoirPy 0.4.2",
    ),
    Headline(
        "speed",
        "a fit of 20,000 steps, 300 / 1,000 random units",
        "{fit 300 units, random, 20,000 steps|times as fast} / "
        "{fit 1,000 units, random, 20,000 steps|times as fast} times as fast",
        "ReservoirPy 0.4.2",
    ),
    Headline(
        "speed",
        "a free run of 1,000 units",
        "{free run of 10,000 steps, 1,000 units, circular|times as fast} times as fast",
        "ReservoirPy 0.4.2",
    ),
    Headline(
        "networks-speed",
        "forward and backward of one layer of an LSTM / GRU / RNN, one thread, mean (lowest) over batches and sizes",
        "{LSTM; 1|mean} ({LSTM; 1|lowest}) / {GRU; 1|mean} ({GRU; 1|lowest}) / {RNN; 1|mean} ({RNN; 1|lowest}) "
        "times as fast",
        "PyTorch 2.13 on the same CPU",
    ),
    Headline(
        "networks-speed",
        "a whole training, GRU / LSTM, the same losses",
        "{GRU|times as fast} / {LSTM|times as fast} times as fast",
        "a plain PyTorch loop",
    ),
    Headline(
        "readout-backtest",
        "100 folds of a backtest that learn the readout alone",
        "{wall|times as fast} times as fast",
        "refitting, the same forecasts",
    ),
    Headline(
        "tune-speed",
        "`tune`: 50 configurations, 5,000 steps, 500 units",
        "{random|seconds} s, by halving {halving|seconds} s",
        "",
    ),
    Headline(
        "defaults",
        "`ReservoirForecaster()` on nine series of many kinds, mean MASE",
        "{geometric mean|ReservoirForecaster()}; without the chaotic one "
        "{the same without Mackey-Glass|ReservoirForecaster()}",
        "ARIMA {geometric mean|ARIMA}; {the same without Mackey-Glass|ARIMA}",
    ),
    Headline(
        "dysts",
        "131 chaotic systems, 200 points ahead, sMAPE median / mean",
        "`tune`: {tune (median of the best 5)|median sMAPE} / {tune (median of the best 5)|mean sMAPE}",
        "N-BEATS, the published best: {N-BEATS (published)|median sMAPE} / {N-BEATS (published)|mean sMAPE}",
    ),
    Headline(
        "m4-automatic",
        "M4 Hourly, all 414 series, OWA",
        "`AutoForecaster`: {AutoForecaster|OWA} in {AutoForecaster|seconds} s",
        "best entry of the competition 0.410, its winner 0.440",
    ),
    Headline(
        "m4-hourly",
        "the same, one recurrent network for all series",
        "{one recurrent network|OWA}; median of twelve {median of 12, GRU and LSTM|OWA}",
        "a ridge regression per series {ridge, one per series|OWA}",
    ),
    Headline(
        "etth1",
        "ETTh1, squared (absolute) error at 96 / 192 / 336 / 720 steps",
        "one network {one network|96} / {one network|192} / {one network|336} / {one network|720}; with others "
        "{all of them, weighted|96} / {all of them, weighted|192} / {all of them, weighted|336} / "
        "{all of them, weighted|720}",
        "SegRNN {SegRNN|96} / {SegRNN|192} / {SegRNN|336} / {SegRNN|720}; "
        "PatchTST {PatchTST|96} / {PatchTST|192} / {PatchTST|336} / {PatchTST|720}",
    ),
    Headline(
        "mackey-glass",
        "Mackey-Glass, 1,000 units: log10 of the error after 84 free steps",
        "{1000; the same for all|mean}",
        "published -4.2, refined -5.1",
    ),
    Headline(
        "valid-time-lorenz",
        "Lorenz-63, 800 units: Lyapunov times until the error is 0.3",
        "{chosen|mean, 0.3}; with published settings {published settings|mean, 0.3}",
        "ReservoirPy with the same weights {chosen, ReservoirPy|mean, 0.3}; "
        "{published settings, ReservoirPy|mean, 0.3}",
    ),
    Headline(
        "kuramoto-sivashinsky",
        "Kuramoto-Sivashinsky, L = 200, local reservoirs of 2,000 units",
        "{128 of 2,000 units, shared|mean, 0.3} Lyapunov times",
        "published about 8, with 5,000 units each",
    ),
    Headline(
        "lorenz96",
        "Lorenz-96, 40 sites, threshold 0.5",
        "{Lorenz-96, 40 sites|mean, 0.5} Lyapunov times",
        "published 2.31, from ten times the data",
    ),
    Headline(
        "lyapunov-spectrum",
        "Lyapunov exponents of a reservoir that has learned Lorenz-63",
        "{mean|first}, {mean|second}, {mean|third}",
        "the equations: {equations|first}, {equations|second}, {equations|third}",
    ),
    Headline(
        "memory-capacity",
        "memory of 100 units in a ring, of at most 100 steps",
        "{simple cycle, linear; ours, svd; 0|capacity}",
        "published {simple cycle, linear; ours, svd; 0|published}",
    ),
    Headline("narma10", "NARMA10, 200 units, NMSE", "{200|NMSE}", "published about 0.04"),
    Headline("santa-fe", "Santa Fe laser, 200 units, NMSE", "{200|NMSE}", "published 0.0065 to 0.02"),
    Headline(
        "japanese-vowels",
        "Japanese Vowels: errors of 370 with one reservoir",
        "{1000|mean errors of 370}",
        "published 7 with a bidirectional reservoir",
    ),
)


def filled(line: str, report: str) -> str:
    """Put the figures of a report, a Markdown text, into a line.

    Raises
    ------
    ValueError
        If the report has no such row or column.
    """
    return _PLACE.sub(lambda match: _cell(report, match[1].split("; "), match[2]), line)


def _cell(report, labels, column):
    for heads, *rows in _tables(report):
        if column not in heads:
            continue
        for row in rows:
            if set(labels) <= set(row):
                return row[heads.index(column)]
    raise ValueError(f"no table of the report has a row {labels} and a column {column!r}")


def _tables(report):
    """Yield the tables of a report, as rows of cells, the heads first."""
    for paragraph in report.split("\n\n"):
        lines = paragraph.splitlines()
        if lines[0].startswith("|"):
            yield [[cell.strip() for cell in line.strip("|").split("|")] for line in (lines[0], *lines[2:])]
