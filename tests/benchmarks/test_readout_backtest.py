"""The benchmark of readout-only backtests: its report says how fast, on which clock, and how equal."""

import re

from benchmarks.readout_backtest import report


def test_both_give_the_same_and_both_clocks_are_told():
    text = report(quick=True)
    assert [line.split()[1] for line in text.splitlines() if line.startswith(("| wall", "| processor"))] == [
        "wall",
        "processor",
    ]
    assert float(re.search(r"from those of refitting: (\S+);", text)[1]) < 1e-8
