"""Intervals, samples and scales of series with missing observations: what was filled counts as nothing seen."""

import io

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import TimeSeriesSplit, cross_val_score

import reservoir
from forecasting import (
    ConformalForecaster,
    Naive,
    StreamMonitor,
    TransformedTargetForecaster,
    bootstrap_paths,
    forecast_scorer,
)
from forecasting.intervals.adaptive import adapted_widths, newest
from forecasting.intervals.conformal import draw_paths, half_widths
from forecasting.series.missing import impute_in_time
from forecasting.transforms import Log

NAN = np.nan


def holed(n_steps=120, share=0.3, seed=0):
    """A positive random walk that misses some observations, not the first nor the last."""
    rng = np.random.default_rng(seed)
    y = np.exp(0.1 * np.cumsum(rng.normal(size=n_steps)))
    y[1:-1][rng.random(n_steps - 2) < share] = NAN
    return y


def naive_errors(y, cut, n_steps):
    """Errors of the last observation before each origin, where there is something to compare it with."""
    errors = np.full((len(y) - cut, n_steps, 1), NAN)
    for row in range(len(y) - cut):
        past, ahead = y[: cut + row], y[cut + row :][:n_steps]
        errors[row, : len(ahead), 0] = ahead - past[~np.isnan(past)][-1]
    return errors


@pytest.mark.parametrize("rule", ["linear", "previous"])
def test_errors_are_those_of_who_knows_the_past_alone(rule):
    y = holed()
    model = TransformedTargetForecaster(Naive(), missing=rule).fit(y[:100])
    model.update(y[100:])
    expected = naive_errors(y, 60, 3)
    assert_allclose(model._rolling_residuals(3, None)[0], expected)
    width = half_widths(expected, 0.8)[:, 0]
    assert_allclose(model.predict_interval(3, coverage=0.8), y[-1] + np.stack([-width, width], axis=1))


def test_on_the_scale_of_transforms():
    y = holed()
    model = TransformedTargetForecaster(Naive(), Log(), missing="linear").fit(y)
    expected = naive_errors(np.log(y), 60, 2)
    width = half_widths(expected, 0.9)[:, 0]
    bounds = np.log(y[-1]) + np.stack([-width, width], axis=1)
    assert_allclose(model.predict_interval(2), np.exp(bounds))
    corrected = TransformedTargetForecaster(
        Naive(), Log(), missing="linear", bias_correction=True, max_horizon=2
    )
    spread = expected - np.nanmean(expected, axis=0)
    assert_allclose(corrected.fit(y).predict(2), np.nanmean(y[-1] * np.exp(spread), axis=0)[:, 0])


def test_filled_step_by_step():
    y = np.array([[1.0], [NAN], [3.0], [NAN], [NAN], [9.0]])
    assert_array_equal(impute_in_time(y, "linear", "y", 3).ravel(), [1, 2, 3, 3, 3, 9])
    model = TransformedTargetForecaster(missing="linear").fit([NAN, NAN, NAN, 4.0, 5.0])
    with pytest.raises(
        ValueError, match=r"first part of the series \(3 steps\) filled from itself, which failed"
    ):
        model.predict_interval(1, coverage=0.4)


@pytest.mark.parametrize("method", ["residual", "adaptive"])
def test_the_newest_errors_are_the_newest_observed(method):
    y = holed()
    inner = TransformedTargetForecaster(Naive(), missing="linear")
    interval = ConformalForecaster(inner, method=method, window=10).fit(y).predict_interval(1, coverage=0.8)
    errors = naive_errors(y, 60, 1)[:, 0, 0]
    seen = np.abs(errors[~np.isnan(errors)])
    width = (
        np.sort(seen[-10:])[8] if method == "residual" else adapted_widths(list(seen), 1, 0.2, 0.01, 10)[-1]
    )
    assert_allclose(interval, [[y[-1] - width, y[-1] + width]])
    assert_array_equal(newest(np.array([1.0, 2.0, NAN, 3.0])[:, None, None], 2).ravel(), [2, 3])


def test_nothing_is_learned_of_an_unobserved_step():
    plain = adapted_widths([3.0, 1.0, 2.0, 5.0], 1, 0.5, 0.1, 2)
    holed = adapted_widths([3.0, NAN, 1.0, NAN, 2.0, 5.0], 1, 0.5, 0.1, 2)
    assert [holed[i] for i in (0, 1, 3, 5, 6)] == plain


def test_samples_take_unobserved_errors_from_the_nearest_origin():
    rng = np.random.default_rng(0)
    residuals = np.array([[1.0, 10.0], [2.0, NAN], [3.0, 30.0], [4.0, NAN]])[:, :, None]
    drawn = {tuple(path[:, 0]) for path in draw_paths(residuals, 100, rng)}
    assert drawn == {(1.0, 10.0), (3.0, 30.0)}  # the last step was not observed: no whole path
    residuals = np.array([[1.0, 10.0], [NAN, 20.0], [NAN, 30.0], [4.0, 40.0]])[:, :, None]
    drawn = {tuple(path[:, 0]) for path in draw_paths(residuals, 100, rng)}
    assert drawn == {(1.0, 10.0), (1.0, 20.0), (4.0, 30.0), (4.0, 40.0)}
    samples = TransformedTargetForecaster(Naive(), missing="linear").fit(holed(share=0.5)).sample(20, 30)
    assert np.isfinite(samples).all()


def test_bootstrapped_blocks_reach_over_no_hole():
    y = holed(200)
    model = TransformedTargetForecaster(Naive(), missing="previous").fit(y)
    errors = naive_errors(y, 100, 1)[:, 0, 0]
    centred = errors - np.nanmean(errors)
    steps = np.diff(bootstrap_paths(model, 2, 500, block_length=2, random_state=0), axis=0, prepend=y[-1])
    pairs = np.stack([centred[:-1], centred[1:]], axis=1)
    known = pairs[~np.isnan(pairs).any(axis=1)]
    distances = np.abs(steps.T[:, None] - known).max(axis=2)
    assert distances.min(axis=1).max() < 1e-12
    with pytest.raises(ValueError, match=r"block_length=60 exceeds the .* or those in a row"):
        bootstrap_paths(model, 2, block_length=60)


def test_scales_are_changes_between_observations():
    y = np.array([1.0, NAN, 2.0, 4.0, NAN, 6.0, 9.0])
    model = TransformedTargetForecaster(Naive(), missing="linear").fit(y)
    assert model.naive_scale_.item() == 2.5
    assert model.score([10.0]) == pytest.approx(-1 / 2.5)
    assert forecast_scorer("mase")(model, [10.0]) == pytest.approx(-1 / 2.5)


def test_a_monitor_calibrates_on_what_was_observed():
    y = holed()
    known = naive_errors(y, 60, 1)[:, 0, 0]
    known = np.abs(known[~np.isnan(known)])
    monitor = StreamMonitor(TransformedTargetForecaster(Naive(), missing="linear")).fit(y)
    assert_allclose(monitor.calibrations_[0].scores, np.sort(known) / known.mean())


def test_saved_with_what_was_not_observed():
    model = TransformedTargetForecaster(Naive(), missing="linear").fit(holed())
    file = io.BytesIO()
    reservoir.save(model, file)
    file.seek(0)
    assert_array_equal(reservoir.load(file).predict_interval(2), model.predict_interval(2))


def test_missing_truths_are_not_scored():
    y = holed(80)
    truth = np.array([1.0, NAN, 3.0, NAN])
    model = TransformedTargetForecaster(Naive(), missing="linear").fit(y[:60])
    wrong = np.mean(np.abs(truth[[0, 2]] - model.predict(1)))
    assert model.score(truth) == pytest.approx(-wrong / model.naive_scale_.item())
    assert forecast_scorer("mae")(model, truth) == pytest.approx(-wrong)
    cv = TimeSeriesSplit(3, test_size=8)
    assert np.isfinite(cross_val_score(model, y, cv=cv)).all()
    assert np.isfinite(cross_val_score(model, y, cv=cv, scoring=forecast_scorer("rmse"))).all()
    with pytest.raises(ValueError, match="y has no observation that could be scored: leave it out"):
        model.score([NAN])
    with pytest.raises(ValueError, match="no step of the window was observed whole"):
        forecast_scorer("mae")(model, [NAN])
    with pytest.raises(ValueError, match="contains NaN at step 1"):
        Naive().fit([1.0, 2.0]).score(truth)
    both = TransformedTargetForecaster(Naive(), missing="linear").fit(np.stack([y[:60], 2 * y[:60]], axis=1))
    assert both.score(np.stack([truth, truth * NAN], axis=1)) == pytest.approx(model.score(truth))
