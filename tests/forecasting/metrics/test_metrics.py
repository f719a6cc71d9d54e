import inspect

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, stats

from forecasting.metrics import (
    METRICS,
    crps,
    crps_gaussian,
    interval_coverage,
    interval_width,
    mae,
    mape,
    mase,
    mse,
    nmse,
    nrmse,
    owa,
    pinball,
    rmse,
    rmsse,
    smape,
    valid_prediction_time,
    winkler_score,
)
from tests import naive

RNG = np.random.default_rng(20)
TRUE, PRED, TRAIN = RNG.normal(size=(40, 3)), RNG.normal(size=(40, 3)), RNG.normal(size=(90, 3))
TRAIN_ARGS = {"y_train": TRAIN, "season_length": 4}
POINT = [name for name, metric in METRICS.items() if metric.forecast == "point"]


def call(name, y_true, *forecasts, train=TRAIN):
    """Call a metric of the table with what its row says it needs."""
    context = {"y_train": train, "season_length": 4, "coverage": 0.8}
    return METRICS[name].function(y_true, *forecasts, **{k: context[k] for k in METRICS[name].context})


# ------------------------------------------------------------------------------------------ values


@pytest.mark.parametrize(
    ("score", "twin"),
    [
        (lambda y, f, x: smape(y, f), lambda y, f, x: naive.smape(y, f)),
        (lambda y, f, x: mase(y, f, y_train=x, season_length=4), lambda y, f, x: naive.mase(y, f, x, 4)),
        (lambda y, f, x: rmsse(y, f, y_train=x, season_length=4), lambda y, f, x: naive.rmsse(y, f, x, 4)),
    ],
    ids=["smape", "mase", "rmsse"],
)
def test_equals_the_naive_twin_and_averages_over_targets(score, twin):
    each = [twin(TRUE[:, j], PRED[:, j], TRAIN[:, j]) for j in range(3)]
    assert score(TRUE[:, 0], PRED[:, 0], TRAIN[:, 0]) == pytest.approx(each[0], rel=1e-12)
    assert score(TRUE, PRED, TRAIN) == pytest.approx(np.mean(each), rel=1e-12)


def test_absolute_and_squared_errors():
    errors = TRUE - PRED
    assert mae(TRUE, PRED) == pytest.approx(np.abs(errors).mean())
    assert mse(TRUE, PRED) == pytest.approx((errors**2).mean())
    assert rmse(TRUE, PRED) == pytest.approx(np.mean([np.sqrt((errors[:, j] ** 2).mean()) for j in range(3)]))
    assert mape(TRUE, PRED) == pytest.approx(100 * np.abs(errors / TRUE).mean())


def test_nrmse_says_by_what_it_divides():
    y, f = TRUE[:, 0], PRED[:, 0]
    for normaliser, scale in [("std", y.std()), ("range", np.ptp(y)), ("mean", abs(y.mean())), (2.5, 2.5)]:
        assert nrmse(y, f, normaliser=normaliser) == pytest.approx(rmse(y, f) / scale)
        assert nmse(y, f, normaliser=normaliser) == pytest.approx(nrmse(y, f, normaliser=normaliser) ** 2)
    per_target = [nrmse(TRUE[:, j], PRED[:, j]) for j in range(3)]
    assert nrmse(TRUE, PRED) == pytest.approx(np.mean(per_target))
    assert nrmse(TRUE, PRED, normaliser=[1.0, 2.0, 4.0]) == pytest.approx(
        np.mean([rmse(TRUE[:, j], PRED[:, j]) / 2**j for j in range(3)])
    )
    assert nrmse(y, np.full_like(y, y.mean())) == pytest.approx(1.0)


def test_smape_defines_zero_over_zero_and_is_bounded():
    assert smape([0.0, 0.0], [0.0, 0.0]) == 0.0
    assert smape([0.0, 0.0], [0.0, 5.0]) == 100.0
    assert smape([1.0, -1.0], [-1.0, 1.0]) == 200.0


def test_scaled_errors_of_the_seasonal_naive_method_in_sample_are_one():
    x = TRAIN[:, 0]
    assert mase(x[4:], x[:-4], y_train=x, season_length=4) == pytest.approx(1.0)
    assert rmsse(x[4:], x[:-4], y_train=x, season_length=4) == pytest.approx(1.0)


def test_owa_divides_means_over_series():
    truth, train = [TRUE[:, 0], TRUE[:10, 1]], [TRAIN[:, 0], TRAIN[:, 1]]
    model, benchmark = [PRED[:, 0], PRED[:10, 1]], [PRED[:, 2], PRED[:10, 2]]
    s, q = (np.mean([smape(a, b) for a, b in zip(truth, f)]) for f in (model, benchmark))
    m, p = (
        np.mean([mase(a, b, y_train=c, season_length=4) for a, b, c in zip(truth, f, train)])
        for f in (model, benchmark)
    )
    assert owa(truth, model, benchmark, y_train=train, season_length=4) == pytest.approx((s / q + m / p) / 2)
    assert owa(truth, benchmark, benchmark, y_train=train) == pytest.approx(1.0)


@pytest.mark.parametrize("fair", [False, True])
def test_crps_equals_the_double_sum(fair):
    samples = RNG.normal(size=(5, 2, 17))
    y = RNG.normal(size=(5, 2))
    each = [naive.crps(y[t, j], samples[t, j], fair) for t in range(5) for j in range(2)]
    assert crps(y, samples, fair=fair) == pytest.approx(np.mean(each), rel=1e-12)
    assert crps(y[:, 0], samples[:, 0], fair=fair) == pytest.approx(np.mean(each[::2]), rel=1e-12)


def test_crps_is_the_integral_of_the_squared_distance_of_distribution_functions():
    samples, y = np.array([-1.2, 0.1, 0.4, 2.0]), 0.7
    grid = np.sort(np.append(samples, y))
    steps = (np.array([(samples <= x).mean() for x in grid[:-1]]) - (y <= grid[:-1])) ** 2
    assert crps([y], samples[None]) == pytest.approx(np.sum(steps * np.diff(grid)), rel=1e-12)


@pytest.mark.parametrize(("y", "mean", "std"), [(0.0, 0.0, 1.0), (3.0, 1.0, 0.5), (-2.0, 4.0, 3.0)])
def test_crps_of_a_gaussian(y, mean, std):
    def squared_gap(x):
        return (stats.norm.cdf(x, mean, std) - (x >= y)) ** 2

    expected = sum(
        integrate.quad(squared_gap, *bounds)[0]
        for bounds in ((min(y, mean) - 12 * std, y), (y, max(y, mean) + 12 * std))
    )
    assert crps_gaussian([y], [mean], [std]) == pytest.approx(expected, rel=1e-6)
    draws = stats.norm.ppf((np.arange(4000) + 0.5) / 4000, mean, std)
    assert crps([y], draws[None]) == pytest.approx(expected, rel=2e-3)


def test_crps_of_a_point_forecast_is_its_absolute_error():
    assert crps_gaussian(TRUE, PRED, np.zeros_like(TRUE)) == pytest.approx(mae(TRUE, PRED))
    assert crps(TRUE, PRED[..., None]) == pytest.approx(mae(TRUE, PRED))


def test_pinball_is_half_the_mae_at_the_median_and_half_the_crps_over_all_quantiles():
    assert pinball(TRUE, PRED) == pytest.approx(mae(TRUE, PRED) / 2)
    levels = (np.arange(2000) + 0.5) / 2000
    quantiles = stats.norm.ppf(levels) * np.ones((40, 1))
    expected = crps_gaussian(TRUE[:, 0], np.zeros(40), np.ones(40)) / 2
    assert pinball(TRUE[:, 0], quantiles, quantile=levels.tolist()) == pytest.approx(expected, rel=1e-3)


def test_pinball_is_least_at_the_quantile():
    y = RNG.normal(size=4001)
    losses = [pinball(y, np.full_like(y, np.quantile(y, q)), quantile=0.8) for q in np.arange(0.5, 1, 0.05)]
    assert np.argmin(losses) == 6


def test_winkler_score_is_the_pinball_of_both_bounds():
    lower, upper = PRED - 0.8, PRED + 0.8
    alpha = 0.2
    expected = pinball(TRUE, lower, quantile=alpha / 2) + pinball(TRUE, upper, quantile=1 - alpha / 2)
    assert winkler_score(TRUE, lower, upper, coverage=0.8) == pytest.approx(2 / alpha * expected)
    assert interval_width(TRUE, lower, upper) == pytest.approx(1.6)
    assert interval_coverage(TRUE, lower, upper) == pytest.approx((np.abs(TRUE - PRED) <= 0.8).mean())


def test_interval_metrics_take_infinite_bounds():
    everywhere = [-np.inf, -np.inf], [np.inf, np.inf]
    assert interval_coverage([1.0, 2.0], *everywhere) == 1.0
    assert interval_width([1.0, 2.0], *everywhere) == np.inf
    assert winkler_score([1.0, 2.0], *everywhere) == np.inf


def test_valid_prediction_time_equals_the_naive_twin():
    noisy = TRUE + np.linspace(0, 2, 40)[:, None] * RNG.normal(size=TRUE.shape)
    for threshold in (0.1, 0.5, 5.0):
        expected = naive.valid_prediction_time(TRUE, noisy, TRUE.std(axis=0), threshold, 0.02, 0.9)
        got = valid_prediction_time(TRUE, noisy, threshold=threshold, dt=0.02, lyapunov_exponent=0.9)
        assert got == pytest.approx(expected)


def test_valid_prediction_time_limits():
    y = TRUE[:, 0]
    assert valid_prediction_time(y, y, dt=0.5, lyapunov_exponent=2.0) == 40.0
    assert valid_prediction_time(y, y + 100) == 0.0
    diverged = y.copy()
    diverged[7:] = np.nan
    assert valid_prediction_time(y, diverged) == 7.0
    diverged[7:] = 1e300
    assert valid_prediction_time(y, diverged) == 7.0
    assert valid_prediction_time(y, y + 1.0, scale=10.0) == 40.0


# ------------------------------------------------------------------------------------------ the table


def test_every_row_of_the_table_takes_what_it_declares():
    for metric in METRICS.values():
        parameters = inspect.signature(metric.function).parameters
        assert set(metric.context) <= set(parameters)
        assert metric.best in {"low", "high", "nominal"}
        assert "Examples" in (metric.function.__doc__ or "")


@pytest.mark.parametrize("name", POINT)
def test_point_metrics_of_a_perfect_forecast_and_of_containers(name):
    perfect = 40.0 if METRICS[name].best == "high" else 0.0
    assert call(name, TRUE, TRUE) == perfect
    score = call(name, TRUE, PRED)
    assert isinstance(score, float)
    assert score == call(name, pd.DataFrame(TRUE), np.asfortranarray(PRED))
    one = call(name, TRUE[:, 0], PRED[:, 0], train=TRAIN[:, 0])
    assert one == pytest.approx(call(name, TRUE[:, :1], PRED[:, :1], train=TRAIN[:, :1]))
    assert one == pytest.approx(
        call(name, pd.Series(TRUE[:, 0]), PRED[:, 0].tolist(), train=list(TRAIN[:, 0]))
    )


@pytest.mark.parametrize("name", POINT)
def test_point_metrics_refuse_bad_arguments(name):
    with pytest.raises(ValueError, match=r"y_pred has shape \(40,\) but y_true has \(40, 3\)"):
        call(name, TRUE, PRED[:, 0])
    with pytest.raises(ValueError, match=r"y_true has 1 NaN or infinite values of 120; fill or drop them"):
        call(name, np.where(TRUE[3, 1] == TRUE, np.nan, TRUE), PRED)
    with pytest.raises(ValueError, match=r"y_true must be a non-empty 1-D or 2-D array; got shape \(0,\)"):
        call(name, [], [])
    with pytest.raises(ValueError, match="y_true must be an array of real numbers; its values are of type"):
        call(name, ["1", "2"], [1.0, 2.0])


@pytest.mark.parametrize("name", [name for name in POINT if name != "valid_prediction_time"])
def test_point_metrics_refuse_a_diverged_forecast(name):
    with pytest.raises(ValueError, match="y_pred has 120 NaN or infinite values of 120"):
        call(name, TRUE, np.full_like(TRUE, np.inf))


# ------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (
            lambda: mape([0.0, 1.0], [1.0, 1.0]),
            r"undefined where y_true is zero \(1 of 2 values\); use smape",
        ),
        (lambda: nrmse([0.1] * 3, [1.0] * 3), "normaliser='std' of y_true is not positive"),
        (lambda: nrmse([1.0, 2.0], [1.0, 2.0], normaliser="iqr"), "normaliser must be one of .*got 'iqr'"),
        (lambda: nrmse([1.0, 2.0], [1.0, 2.0], normaliser=[1.0, 2.0]), r"normaliser has shape \(2,\)"),
        (
            lambda: mase([1.0], [1.0], y_train=[1.0, 2.0], season_length=2),
            "y_train has 2 steps but season_length=2",
        ),
        (lambda: mase([1.0], [1.0], y_train=[3.0, 3.0, 3.0]), "repeats itself exactly every season_length=1"),
        (lambda: mase([1.0], [1.0], y_train=[1.0, 2.0], season_length=0), "season_length must be an integer"),
        (lambda: mase([1.0], [1.0], y_train=TRAIN), "y_train has 3 targets but y_true has 1"),
        (lambda: owa([[1.0]], [[1.0]], [], y_train=[[1.0, 2.0]]), "one entry per series in every list"),
        (lambda: owa([[1.0]], [[2.0]], [[1.0]], y_train=[[1.0, 2.0]]), "y_benchmark is a perfect forecast"),
        (
            lambda: pinball([1.0], [1.0], quantile=90),
            r"quantile must be a fraction .*\(0.9, not 90\); got 90",
        ),
        (lambda: pinball([1.0], [1.0], quantile=[0.1, 0.9]), r"y_pred must be a non-empty 2-D array"),
        (lambda: pinball([1.0], [[1.0]], quantile=[0.1, 0.9]), r"2 quantiles of y_true need shape \(1, 2\)"),
        (lambda: crps([1.0, 2.0], [[1.0]]), r"samples has shape \(1, 1\); y_true of shape \(2,\)"),
        (lambda: crps([1.0], [[1.0]], fair=True), "fair=True needs at least 2 samples"),
        (lambda: crps_gaussian([1.0], [1.0], [-1.0]), "std must not be negative; its smallest value is -1.0"),
        (
            lambda: winkler_score([1.0], [2.0], [1.0]),
            "lower exceeds upper, one of them is NaN, or both are the",
        ),
        (lambda: winkler_score([1.0], [np.inf], [np.inf]), "both are the same infinity, at 1 of 1 values"),
        (lambda: interval_width([1.0], [-np.inf], [-np.inf]), "both are the same infinity, at 1 of 1 values"),
        (lambda: winkler_score([1.0], [0.0], [1.0], coverage=90), "coverage must be a fraction"),
        (lambda: valid_prediction_time([1.0, 2.0], [1.0, 2.0], dt=0), "dt must be a positive number; got 0"),
        (lambda: valid_prediction_time([1.0, 1.0], [1.0, 2.0]), "scale='std' of y_true is not positive"),
        (lambda: valid_prediction_time([1.0, 2.0], [1.0, 2.0], scale=[1.0, 2.0]), r"scale has shape \(2,\)"),
    ],
)
def test_errors_name_the_argument_the_value_and_the_remedy(score, message):
    with pytest.raises(ValueError, match=message):
        score()
