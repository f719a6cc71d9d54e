"""Calibrations: no fit after the first, coverage, extension in constant time, and who reads them."""

import io
from time import perf_counter

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

import reservoir
from forecasting import (
    FORECASTERS,
    AutoForecaster,
    ConformalForecaster,
    DirectForecaster,
    EnsembleForecaster,
    GRUForecaster,
    Naive,
    StreamMonitor,
    TransformedTargetForecaster,
    bootstrap_paths,
)
from forecasting.base.distribution_forecaster import DistributionForecaster
from forecasting.base.forecaster import Forecaster
from forecasting.checks.examples import example_exog, example_series
from forecasting.intervals.conformal import MOST_ORIGINS
from forecasting.transforms import Log, Standardize
from tests.forecasting.intervals.test_conformal import KnownAR, ar1

RNG = np.random.default_rng(16)


@pytest.fixture
def fits(monkeypatch):
    """Count the fits of all forecasters, those inside others too."""
    counted = []
    fit = Forecaster.fit_arrays

    def counting(self, *args):
        counted.append(type(self).__name__)
        return fit(self, *args)

    monkeypatch.setattr(Forecaster, "fit_arrays", counting)
    return counted


def quantile_network():
    return GRUForecaster(
        head="quantile", n_units=4, max_horizon=4, n_epochs=2, steps_per_epoch=5, random_state=0
    )


# -------------------------------------------------------------------------------------------- fits counted


def test_calibrate_fits_once_and_intervals_never(fits):
    y = example_series()
    model = DirectForecaster(lags=3, max_horizon=4).fit(y[:60])
    assert len(fits) == 1
    assert model.predict_interval(4, coverage=0.5).shape == (4, 2)
    assert len(fits) == 2  # an uncalibrated call fits for itself
    model.calibrate(4)
    assert len(fits) == 3
    for n in (4, 1):
        model.predict_interval(n, coverage=0.5)
        model.predict_quantiles(n)
        model.sample(n, 5)
    model.update(y[60:]).predict_interval(4)
    bootstrap_paths(model, 4, 5)
    assert len(fits) == 3
    model.predict_interval(5, coverage=0.5)  # a longer horizon
    model.predict_interval(4, coverage=0.5, initial=0.6)  # another first part
    assert len(fits) == 5
    assert model.calibration_.horizon == 4


@pytest.mark.parametrize("name", FORECASTERS)
def test_no_forecaster_fits_once_it_is_calibrated(name, fits):
    y = example_series()
    model = FORECASTERS[name]().fit(y[:-4])
    if isinstance(model, DistributionForecaster) and model._has_distribution():
        fits.clear()
        model.calibrate(4)
        assert fits == []  # its intervals need no errors
    model.calibrate(4, initial=0.6)
    assert len(fits) > 0
    fits.clear()
    for _ in range(2):
        model.predict_interval(4, coverage=0.5, initial=0.6)
        model.predict_quantiles(3, quantiles=(0.3, 0.7), initial=0.6)
        model.sample(2, 3, initial=0.6)
        model.update(y[-4:])
    assert fits == []


def test_a_calibration_of_auto_repeats_no_search(fits):
    panel = [example_series(), example_series(n_steps=61, seed=3)]
    model = AutoForecaster(candidates=("naive", "drift"), max_horizon=4, n_windows=2, random_state=0).fit(
        panel
    )
    fits.clear()
    expected = model.predict_interval(4, coverage=0.5)
    n_uncalibrated = len(fits)
    assert n_uncalibrated <= 2  # the ensemble that was chosen, and its member
    model.calibrate(4, initial=20)  # a search on twenty steps, since the first one saw more
    assert len(fits) > n_uncalibrated + 2
    fits.clear()
    model.predict_interval(4, coverage=0.5)
    assert fits == []
    model.calibrate(4)
    for found, wanted in zip(model.predict_interval(4, coverage=0.5), expected):
        assert_array_equal(found, wanted)


def test_fit_calibrates_where_asked_to():
    y = RNG.normal(size=60)
    asked, called = Naive().fit(y, calibrate=3), Naive().fit(y).calibrate(3)
    assert_array_equal(asked.predict_interval(3), called.predict_interval(3))
    assert asked.calibration_.horizon == 3
    assert asked.fit(y).calibration_ is None
    with pytest.raises(ValueError, match="leaves 0 of 1 steps to calibrate intervals on"):
        Naive().fit([1.0], calibrate=1)


# ----------------------------------------------------------------------------------------------- coverage


@pytest.mark.parametrize("in_advance", [False, True])
@pytest.mark.parametrize(("n_errors", "coverage"), [(19, 0.9), (19, 0.5), (40, 0.8)])
def test_coverage_with_and_without_calibration_in_advance(n_errors, coverage, in_advance):
    """One step ahead the errors of a known process are independent: the probability of the rank is exact.

    In advance: a part of the errors is found by `calibrate`, the rest comes with updates.
    """
    n_series, first = 1000, 5
    y = ar1(n_series, first + n_errors + 1, 0.6, np.random.default_rng(n_errors))
    past, future = y[:, :-1, np.newaxis], y[:, -1]
    if in_advance:
        n_before = first + n_errors // 2
        model = KnownAR().fit(past[:, :n_before]).calibrate(1, initial=first)
        for t in range(n_before, past.shape[1]):
            model.update(past[:, t : t + 1])
    else:
        model = KnownAR().fit(past)
    bounds = model.predict_interval(1, coverage=coverage, initial=first)[:, 0, 0]
    inside = (bounds[:, 0] <= future) & (future <= bounds[:, 1])
    exact = np.ceil((n_errors + 1) * coverage - 1e-9) / (n_errors + 1)
    assert exact >= coverage
    assert stats.binomtest(int(inside.sum()), n_series, exact).pvalue > 1e-4


# ----------------------------------------------------------------------------------------------- extension


@pytest.mark.parametrize("horizon", [1, 7])
def test_a_stream_extends_the_errors_row_by_row(horizon):
    """At every step the errors are those of a new calibration with the same first part, in batches or between."""
    y = RNG.normal(size=200).cumsum()
    model = Naive().fit(y[:60]).calibrate(horizon, initial=50)
    n_refreshed = 0
    for t in range(60, len(y)):
        model.update(y[t : t + 1])
        n_refreshed += model.calibration_.n_new == [0]
        (errors,), (one_step,) = model.calibration_.known(model)
        expected = np.full((t + 1 - 50, horizon), np.nan)
        for row in range(len(expected)):
            truth = y[50 + row : min(50 + row + horizon, t + 1)]
            expected[row, : len(truth)] = truth - y[50 + row - 1]
        assert_array_equal(errors[:, :, 0], expected)
        assert_array_equal(one_step[:, :, 0], expected[:, :1])
    assert 2 <= n_refreshed <= 5
    assert len(model.calibration_.states[0]) < horizon + 2 * 32


def test_a_long_stream_keeps_the_newest_errors():
    model = Naive().fit(RNG.normal(size=100)).calibrate(2)
    y = RNG.normal(size=MOST_ORIGINS + 300)
    for begin in range(0, len(y), 50):
        model.update(y[begin : begin + 50])
    (errors,), _ = model.calibration_.known(model)
    assert len(errors) == MOST_ORIGINS
    assert_array_equal(errors[:, 0, 0], np.diff(y)[-MOST_ORIGINS:])


def test_an_update_of_a_calibrated_forecaster_takes_as_long_after_many_observations_as_after_few():
    seconds = {}
    for n_steps in (5000, 500_000):
        model = DirectForecaster(lags=8).fit(RNG.normal(size=n_steps)).calibrate(8).update([0.0])
        began = perf_counter()
        for _ in range(200):  # several batches
            model.update([0.0])
        seconds[n_steps] = perf_counter() - began
    assert seconds[500_000] < 3 * seconds[5000]  # computing all errors again would take 100 times as long


def test_series_of_a_panel_may_get_different_numbers_of_observations():
    y = [RNG.normal(size=60).cumsum(), RNG.normal(size=70).cumsum()]
    cuts = 40, 62
    model = Naive().fit([one[:cut] for one, cut in zip(y, cuts)]).calibrate(3, initial=30)
    expected = Naive().fit(y).predict_interval(3, coverage=0.6, initial=30)
    model.update([one[cut:] for one, cut in zip(y, cuts)])
    for found, wanted in zip(model.predict_interval(3, coverage=0.6), expected):
        assert_array_equal(found, wanted)


@pytest.mark.parametrize("rule", ["linear", "previous", "mean"])
def test_missing_observations_extend_a_calibration_in_time(rule):
    """What fills a hole in an update knows nothing later at the origins of the errors."""
    y = RNG.normal(size=90).cumsum()
    y[RNG.random(90) < 0.3] = np.nan
    y[[0, 49]] = 1.0
    make = TransformedTargetForecaster(DirectForecaster(lags=2, max_horizon=3), Standardize(), missing=rule)
    extended = make.fit(y[:60]).calibrate(3, initial=50).update(y[60:])
    interval = extended.predict_interval(3, coverage=0.5)
    fresh = (
        TransformedTargetForecaster(make.forecaster, Standardize(), missing=rule).fit(y[:60]).update(y[60:])
    )
    assert_allclose(interval, fresh.predict_interval(3, coverage=0.5, initial=50), rtol=1e-9)
    stepwise = TransformedTargetForecaster(make.forecaster, Standardize(), missing=rule).fit(y[:60])
    stepwise.calibrate(3, initial=50)
    for value in y[60:]:
        stepwise.update([value])
    assert_allclose(
        stepwise.calibration_.known(stepwise)[0], extended.calibration_.known(extended)[0], rtol=1e-9
    )


def test_exogenous_variables_extend_a_calibration():
    X = example_exog()
    y = example_series(n_steps=80) + X @ [2.0, -1.0]
    model = FORECASTERS["recursive"]().fit(y[:40], X[:40]).calibrate(4, initial=30)
    for t in range(40, 75):
        model.update(y[t : t + 1], X[t : t + 1])
    expected = FORECASTERS["recursive"]().fit(y[:40], X[:40]).update(y[40:75], X[40:75])
    bounds = [one.predict_interval(4, X[75:79], 0.8, initial=30) for one in (model, expected)]
    assert_allclose(bounds[0], bounds[1], rtol=1e-9)


# ------------------------------------------------------------------------------------------------- readers


COMPOSED = {
    "conformal": ConformalForecaster(DirectForecaster(lags=3, max_horizon=4), window=15),
    "transformed": TransformedTargetForecaster(
        DirectForecaster(lags=3, max_horizon=4), [Log(), Standardize()]
    ),
    "corrected": TransformedTargetForecaster(Naive(), Log(), bias_correction=True, max_horizon=4),
    "nested": ConformalForecaster(TransformedTargetForecaster(Naive(), Log()), method="residual"),
    "stacked": EnsembleForecaster([Naive(), DirectForecaster(lags=3, max_horizon=4)], method="stacking"),
    "quantile": ConformalForecaster(quantile_network(), method="quantile"),
}


@pytest.mark.parametrize("name", COMPOSED)
def test_composed_forecasters_read_calibrations(name, fits):
    y = example_series()
    model = COMPOSED[name].fit(y[:64])
    calls = {
        "interval": lambda: model.predict_interval(4, coverage=0.5),
        "quantiles": lambda: model.predict_quantiles(4, quantiles=(0.3, 0.5)),
        "sample": lambda: model.sample(4, 3, random_state=0),
    }
    if name != "corrected":  # its paths are means, its errors those of medians
        calls["bootstrap"] = lambda: bootstrap_paths(model, 4, 3, random_state=0)
    expected = {call: calls[call]() for call in calls}
    model.calibrate(4)
    fits.clear()
    for call in calls:  # bootstraps take batches of other sizes, which round otherwise
        assert_allclose(calls[call](), expected[call], rtol=1e-6 if call == "bootstrap" else 0, err_msg=call)
    assert fits == []
    model.update(y[64:])
    fresh = COMPOSED[name].__class__(**COMPOSED[name].get_params(deep=False)).fit(y[:64]).update(y[64:])
    fits.clear()
    interval = model.predict_interval(4, coverage=0.5)
    assert fits == []
    assert_allclose(interval, fresh.predict_interval(4, coverage=0.5, initial=32), rtol=1e-6)


def test_bootstraps_of_corrected_forecasts_need_errors_of_their_own():
    y = np.exp(RNG.normal(size=60).cumsum() / 10)
    model = TransformedTargetForecaster(Naive(), Log(), bias_correction=True, max_horizon=4).fit(y)
    expected = bootstrap_paths(model, 3, 5, random_state=0)
    assert model.calibrate(4).calibration_.one_step is None
    assert_array_equal(bootstrap_paths(model, 3, 5, random_state=0), expected)


def test_quantiles_of_several_levels_need_one_fit(fits):
    model = COMPOSED["quantile"].fit(example_series())
    fits.clear()
    model.predict_quantiles(4, quantiles=(0.2, 0.5, 0.8))
    assert fits == ["GRUForecaster"]


def test_a_monitor_reads_the_errors_of_its_forecaster(fits):
    monitor = StreamMonitor(Naive()).fit(RNG.normal(size=80))
    assert len(fits) == 2  # the forecaster, and once on the first half
    monitor.observe(RNG.normal(size=5))
    assert len(fits) == 2


def test_unobserved_steps_bring_no_errors_to_auto():
    y = example_series()
    y[60] = np.nan
    members = {"filled": TransformedTargetForecaster(Naive(), missing="linear")}
    model = AutoForecaster(candidates=members, max_horizon=2, n_windows=2, random_state=0).fit(y)
    (errors,), _ = model.calibrate(1).calibration_.known(model)
    assert_array_equal(np.flatnonzero(np.isnan(errors[:, 0, 0])), [60 - 36])


def test_a_saved_calibration_needs_no_fit_and_goes_on(fits):
    y = example_series()
    model = FORECASTERS["reservoir"]().fit(y[:64]).calibrate(4)
    file = io.BytesIO()
    reservoir.save(model, file)
    file.seek(0)
    loaded = reservoir.load(file)
    fits.clear()
    assert_array_equal(loaded.predict_interval(4), model.predict_interval(4))
    assert_array_equal(loaded.update(y[64:]).predict_interval(4), model.update(y[64:]).predict_interval(4))
    assert fits == []


def test_a_forecast_that_depends_on_its_horizon_is_calibrated_for_one(fits):
    y, X = example_series(), example_exog()
    model = FORECASTERS["multi_output"]().fit(y, X[:72]).calibrate(4)
    fits.clear()
    model.predict_interval(4, X[72:76], 0.5)
    assert fits == []
    found = model.predict_interval(2, X[72:74], 0.5)
    assert len(fits) == 1
    assert_array_equal(found, FORECASTERS["multi_output"]().fit(y, X[:72]).predict_interval(2, X[72:74], 0.5))


def test_an_update_that_is_refused_leaves_the_calibration():
    model = TransformedTargetForecaster(Naive(), Log()).fit(example_series()).calibrate(3)
    before, n_steps = model.predict_interval(3), len(model.series_[0])
    with pytest.raises(ValueError, match="-1"):
        model.update([-1.0])
    assert len(model.series_[0]) == n_steps
    assert_array_equal(model.predict_interval(3), before)
