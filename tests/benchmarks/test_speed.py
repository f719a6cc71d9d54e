"""The comparison of speed runs; no time is asserted."""

import re

import pytest

pytest.importorskip("reservoirpy", reason="the comparison needs the bench extra")


@pytest.mark.slow
def test_quick_report_has_every_line():
    from benchmarks import speed

    text = speed.report(quick=True)
    assert text.count("| drive") == 8
    assert text.count("| fit") == 4
    assert "free run" in text
    difference = re.search(r"ReservoirPy's: (\S+)\.", text)
    assert float(difference[1]) < 1e-12  # the same states
