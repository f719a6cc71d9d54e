"""One observation at a time: constant time, and nobody else's rows are touched."""

from copy import copy, deepcopy
from pickle import dumps, loads
from time import perf_counter

import numpy as np
import pytest

from forecasting import DirectForecaster, Naive, TransformedTargetForecaster
from forecasting.series.growing_rows import appended
from forecasting.transforms import Standardize

RNG = np.random.default_rng(70)


def test_appended_equals_concatenate_whoever_appended_before():
    kept = [RNG.normal(size=(3, 2))]
    expected = [kept[0].copy()]
    for _ in range(300):
        k = int(RNG.integers(len(kept)))
        more = RNG.normal(size=(int(RNG.integers(0, 4)), 2))
        expected.append(np.concatenate([expected[k], more]))
        kept.append(appended(kept[k], more))
    for rows, wanted in zip(kept, expected):
        np.testing.assert_array_equal(rows, wanted)


def test_most_rows_are_written_behind_those_that_are_there():
    rows = np.zeros((1, 1))
    owners = set()
    for _ in range(1000):
        rows = appended(rows, np.ones((1, 1)))
        owners.add(rows.ctypes.data)
    assert len(owners) <= 8


@pytest.mark.parametrize("duplicate", [copy, deepcopy, lambda model: loads(dumps(model))])
def test_copies_of_a_forecaster_go_their_own_ways(duplicate):
    model = DirectForecaster(lags=2, max_horizon=2).fit(RNG.normal(size=20)).update([1.0])
    other = duplicate(model)
    model.update([2.0])
    other.update([3.0])
    assert model.series_[0][-2:].ravel().tolist() == [1.0, 2.0]
    assert other.series_[0][-2:].ravel().tolist() == [1.0, 3.0]


@pytest.mark.parametrize(
    "make",
    [Naive, lambda: TransformedTargetForecaster(DirectForecaster(lags=8), Standardize())],
    ids=["naive", "direct"],
)
def test_an_update_takes_as_long_after_many_observations_as_after_few(make):
    seconds = {}
    for n_steps in (1000, 1_000_000):
        model = make().fit(RNG.normal(size=n_steps)).update([0.0])
        times = []
        for _ in range(200):
            began = perf_counter()
            model.update([0.0])
            times.append(perf_counter() - began)
        seconds[n_steps] = np.median(times)
    assert seconds[1_000_000] < 3 * seconds[1000]  # copying the series would take 10 to 100 times as long
