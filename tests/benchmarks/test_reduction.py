"""Ridges on M4 Hourly reach what was published; the benchmark's report has its rows."""

import os

import pytest

from benchmarks import reduction
from forecasting.datasets import DATA_VARIABLE, fetch_m4_hourly

NEEDS_FILES = pytest.mark.skipif(
    DATA_VARIABLE not in os.environ, reason=f"set {DATA_VARIABLE} to a folder of the published files"
)


@NEEDS_FILES
def test_the_competitions_own_forecasts_score_as_published():
    data = fetch_m4_hourly(naive2=True)
    percent, scaled, relative = reduction.owa(data.train, data.test, data.naive2)
    assert (percent, scaled) == pytest.approx(reduction.NAIVE2, abs=5e-4)
    assert relative == pytest.approx(1, abs=1e-4)


@NEEDS_FILES
def test_a_ridge_per_series_equals_the_winner_of_the_competition():
    data = fetch_m4_hourly()
    forecast = reduction.direct().fit(data.train).predict(reduction.HORIZON)
    assert reduction.owa(data.train, data.test, forecast)[2] == pytest.approx(0.440, abs=5e-4)


@NEEDS_FILES
def test_quick_report():
    text = reduction.accuracy(quick=True)
    assert text.count("\n| ") >= 6
    assert "chosen: alpha=" in text
