"""Forecasting as regression: equal to the same by hand, to statsmodels, and to one another where they must be."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import Lasso, LinearRegression, Ridge, RidgeCV, SGDRegressor
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from statsmodels.tsa.ar_model import AutoReg

from forecasting import (
    FORECASTERS,
    DirectForecaster,
    MultiOutputForecaster,
    RecursiveForecaster,
    TransformedTargetForecaster,
    check_forecaster,
)
from forecasting.checks.examples import example_exog, example_series
from forecasting.reduction import strategies
from forecasting.reduction.lag_features import ROLLING, LagFeatures
from forecasting.reduction.regression import predictor
from forecasting.series.calendar_features import CALENDAR_FEATURES, calendar_columns, calendar_width
from forecasting.transforms import Log, Standardize
from reservoir import RidgeReadout

KINDS = [RecursiveForecaster, DirectForecaster, MultiOutputForecaster]
Y = example_series()


def naive_row(past, lags, rolling=(), fourier=(), subtract=None):
    """Features after the observations `past` of one variable, one number after the other; and the level."""
    span = max([*lags, *(n for _, n in rolling)])
    window = past[-span:]
    level = {None: 0.0, "last": window[-1], "mean": window.mean()}[subtract]
    row = [past[-lag] - level for lag in lags]
    for name, n in rolling:
        value = {"mean": np.mean, "median": np.median, "min": np.min, "max": np.max, "std": np.std}[name](
            past[-n:]
        )
        row.append(value if name == "std" else value - level)
    for period, order in fourier:
        row += [np.sin(2 * np.pi * k * len(past) / period) for k in range(1, order + 1)]
        row += [np.cos(2 * np.pi * k * len(past) / period) for k in range(1, order + 1)]
    return np.array(row), level


RICH = {
    "lags": (1, 3, 12),
    "rolling": tuple((name, 5) for name in ROLLING),
    "fourier": ((12, 2), (7.5, 1)),
    "subtract": "mean",
}


def naive_forecast(kind, y, X, X_ahead, horizon, n_steps, options):
    """The three reductions by hand with plain Ridge, X of the step forecast (of all steps for many outputs)."""
    span = max([*options["lags"], *(n for _, n in options.get("rolling", ()))])
    everything = np.concatenate([X, X_ahead])
    ahead = {"RecursiveForecaster": 1}.get(kind.__name__, horizon)
    origins = range(span, len(y) - ahead + 1)
    rows, levels = zip(*(naive_row(y[:n], **options) for n in origins))

    def head(k):
        inputs = [np.concatenate([row, X[n + k]]) for row, n in zip(rows, origins)]
        return Ridge(0.1).fit(inputs, [y[n + k] - level for n, level in zip(origins, levels)])

    def block(past, size):
        n = len(past)
        row, level = naive_row(past, **options)
        if kind is MultiOutputForecaster:
            m = min(ahead, size)
            inputs = [np.concatenate([row, X[o : o + m].ravel()]) for row, o in zip(rows, origins)]
            outputs = [y[o : o + m] - level for o, level in zip(origins, levels)]
            asked = np.concatenate([row, everything[n : n + m].ravel()])
            return np.atleast_1d(Ridge(0.1).fit(inputs, outputs).predict([asked])[0]) + level
        heads = [head(k) for k in range(min(ahead, size))]
        return [h.predict([np.concatenate([row, everything[n + k]])])[0] + level for k, h in enumerate(heads)]

    path = list(y)
    while len(path) < len(y) + n_steps:
        path.extend(block(np.array(path), len(y) + n_steps - len(path)))
    return np.array(path[len(y) : len(y) + n_steps])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [{"lags": (1, 2, 5)}, RICH], ids=["lags", "everything"])
def test_reductions_equal_the_same_by_hand(kind, options):
    X = example_exog(72 + 9)
    y = Y + X[:72] @ [2.0, -1.0]
    horizon = {} if kind is RecursiveForecaster else {"max_horizon": 4}
    model = kind(Ridge(0.1), **options, **horizon).fit(y, X[:72])
    expected = naive_forecast(kind, y, X[:72], X[72:], 4, 9, options)
    assert_allclose(model.predict(9, X[72:]), expected, rtol=1e-9)


def test_recursive_linear_regression_is_an_autoregression_of_statsmodels():
    for lags in (1, 4, [1, 12]):
        expected = AutoReg(Y, lags=lags).fit().forecast(30)
        model = RecursiveForecaster(LinearRegression(), lags=lags).fit(Y)
        assert_allclose(model.predict(30), expected, rtol=1e-8, err_msg=f"lags={lags}")


@pytest.mark.parametrize(
    "estimator",
    [Ridge(0.1), LinearRegression(), Lasso(0.01), RidgeReadout(0.1), KNeighborsRegressor(3)],
    ids=repr,
)
def test_all_steps_at_once_equal_one_by_one(estimator, monkeypatch):
    model = DirectForecaster(estimator, lags=6, max_horizon=5)
    y = example_series(2)
    at_once = model.fit(y)
    assert len(at_once.estimators_[0]) == 1
    forecast = at_once.predict(12)
    assert_allclose(
        MultiOutputForecaster(estimator, lags=6, max_horizon=5).fit(y).predict(12), forecast, rtol=1e-12
    )
    monkeypatch.setattr(strategies, "has_independent_outputs", lambda estimator: False)
    one_by_one = model.fit(y)
    assert len(one_by_one.estimators_[0]) == 5
    assert_allclose(one_by_one.predict(12), forecast, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_regressors_of_one_target_are_fitted_once_per_target(kind):
    y = example_series(2)
    options = {} if kind is RecursiveForecaster else {"max_horizon": 3}
    scaled = make_pipeline(StandardScaler(), SGDRegressor(random_state=0, max_iter=5, tol=None))
    assert kind(scaled, lags=4, **options).fit(y).predict(5).shape == (5, 2)
    forest = RandomForestRegressor(5, random_state=0)
    assert kind(forest, lags=4, **options).fit(y).predict(5).shape == (5, 2)


def test_gradient_boosting_with_everything():
    X = example_exog()
    index = pd.date_range("2024-01-01", periods=80, freq="D")
    y = pd.Series(Y + X[:72] @ [2.0, -1.0], index[:72])
    boosting = HistGradientBoostingRegressor(max_iter=5, random_state=0)
    for kind in KINDS:
        model = kind(
            boosting, **RICH, calendar=("day_of_week",), **({} if kind is KINDS[0] else {"max_horizon": 3})
        )
        answer = model.fit(y, pd.DataFrame(X[:72], index[:72])).predict(8, pd.DataFrame(X[72:], index[72:]))
        assert (answer.index == index[72:]).all()
        assert np.abs(answer.to_numpy() - 32).max() < 15


def test_linear_regressors_are_asked_by_one_product():
    """Thousands of single rows: `predict` would spend its time on checking each."""
    rows, targets = np.random.default_rng(0).normal(size=(2, 30, 3))
    for estimator in (Ridge(), LinearRegression(), Lasso(0.1), RidgeCV(), RidgeReadout(0.1)):
        for outputs in (targets, targets[:, 0]):
            model = estimator.fit(rows, outputs)
            assert predictor(model) != model.predict
            assert_allclose(predictor(model)(rows), model.predict(rows), rtol=1e-12, atol=1e-14)
    trees = RandomForestRegressor(2).fit(rows, targets)
    assert predictor(trees) == trees.predict


@pytest.mark.parametrize("subtract", [None, "last", "mean"])
def test_a_linear_recursion_is_one_matrix(subtract, monkeypatch):
    """The fast way, a product per step, equals building the features of every step."""
    y, X = example_series(2), example_exog(72 + 30)
    options = {"rolling": (("mean", 7),), "fourier": ((12, 2),), "subtract": subtract}
    model = RecursiveForecaster(Ridge(0.1), lags=(1, 3, 12), **options).fit([y, y[:60]], [X[:72], X[:60]])
    ahead = [X[72:], X[60:90]]
    fast = model.predict(30, ahead)
    monkeypatch.setattr(strategies, "_LARGEST_WINDOW", 0)
    assert_allclose(fast, model.predict(30, ahead), rtol=1e-10)


# ------------------------------------------------------------------------------------------------------ contract


@pytest.mark.parametrize(
    "model",
    [
        RecursiveForecaster(),
        DirectForecaster(max_horizon=5),
        MultiOutputForecaster(max_horizon=5),
        RecursiveForecaster(**RICH, scope="global"),
        DirectForecaster(KNeighborsRegressor(2, algorithm="brute"), lags=4, max_horizon=3, subtract="last"),
        MultiOutputForecaster(lags=(2,), max_horizon=3, scope="global"),
        TransformedTargetForecaster(DirectForecaster(lags=6, max_horizon=3), [Log(), Standardize()]),
    ],
    ids=repr,
)
def test_contract(model):
    check_forecaster(model)


# -------------------------------------------------------------------------------------------------- local, global


def test_local_and_global_models():
    series = [Y, example_series(n_steps=50, seed=5)]
    local = RecursiveForecaster(lags=3).fit(series)
    assert_allclose(local.predict(4)[1], RecursiveForecaster(lags=3).fit(series[1]).predict(4), rtol=1e-12)
    shared = RecursiveForecaster(lags=3, scope="global").fit(series)
    rows = np.concatenate([[y[t - 3 : t][::-1] for t in range(3, len(y))] for y in series])
    ridge = Ridge().fit(rows, np.concatenate([y[3:] for y in series]))
    for y, first in zip(series, shared.predict(1)):
        assert_allclose(first, ridge.predict([y[-3:][::-1]]), rtol=1e-12)
    unseen = shared.predict(2, context=[Y[:20], Y[:30], Y])
    assert_allclose(unseen[2], shared.predict(2)[0], rtol=1e-12)
    with pytest.raises(
        ValueError, match=r"one model for each of the 2 series in fit.* or use scope='global'"
    ):
        local.predict(2, context=[Y, Y, Y])


def test_global_models_of_differently_sized_series_through_transforms():
    """Standardised series by series, a global model does not see the sizes."""
    model = TransformedTargetForecaster(
        DirectForecaster(lags=6, max_horizon=3, scope="global"), Standardize()
    )
    expected = model.fit([Y, Y]).predict(6)
    answer = model.fit([Y, 1e6 * Y]).predict(6)
    assert_allclose(answer[0], expected[0], rtol=1e-9)
    assert_allclose(answer[1], 1e6 * expected[0], rtol=1e-9)


def test_levels_are_subtracted():
    """What is measured from its own level goes on at any level, even with a regressor that knows three values."""
    y = np.tile([0.0, 3.0, 1.0], 12)
    for subtract in ("last", "mean"):
        model = DirectForecaster(KNeighborsRegressor(1), lags=3, max_horizon=3, subtract=subtract).fit(y)
        assert_allclose(model.predict(5, context=y[:12] + 1000), y[12:17] + 1000, rtol=1e-12)


# -------------------------------------------------------------------------------------------------- the calendar


def test_calendar_columns_are_those_of_the_step_forecast():
    """Weekly data written as a sum of weekdays and months: learned exactly, months never seen apart."""
    index = pd.date_range("2022-01-01", periods=900, freq="D", tz="Europe/Berlin")
    truth = 10.0 * index.day_of_week + index.month
    y = pd.Series(truth, index, dtype=float)
    for kind, options in ((RecursiveForecaster, {}), (DirectForecaster, {"max_horizon": 9})):
        model = kind(LinearRegression(), lags=(400,), calendar=("day_of_week", "month"), **options).fit(
            y[:870]
        )
        assert_allclose(model.predict(30), truth[870:], rtol=1e-9)
        assert_allclose(model.predict(index[[880, 890]]), truth[[880, 890]], rtol=1e-9)
        assert model.score(y[870:875]) == pytest.approx(0, abs=1e-9)
        model.update(y[870:880])
        assert_allclose(model.predict(20), truth[880:], rtol=1e-9)
        assert_allclose(model.predict(20, context=y[200:700]), truth[700:720], rtol=1e-9)
    ahead = MultiOutputForecaster(
        LinearRegression(), lags=(7,), max_horizon=7, calendar=("day_of_week",)
    ).fit(y)
    assert ahead.estimators_[0][0].n_features_in_ == 1 + 7


def test_local_time_of_a_zone():
    """The hour is that of the clock on the wall, through the change to summer time."""
    index = pd.date_range("2024-03-25", periods=240, freq="h", tz="Europe/Berlin")
    columns = calendar_columns(index, ["hour"])
    assert_array_equal(columns.argmax(axis=1), index.hour)
    y = pd.Series(np.where(index.hour == 7, 5.0, 1.0), index)
    model = RecursiveForecaster(LinearRegression(), lags=(1,), calendar=("hour",)).fit(y[:120])
    assert_allclose(model.predict(120), y[120:], rtol=1e-9)


def test_calendar_of_periods_and_of_transformed_series():
    index = pd.period_range("2010-01", periods=120, freq="M")
    y = pd.Series(np.exp(index.month / 5.0), index)
    inner = RecursiveForecaster(LinearRegression(), lags=(1,), calendar=("month",))
    model = TransformedTargetForecaster(inner, [Log(), Standardize()]).fit(y[:96])
    assert_allclose(model.predict(24), y[96:], rtol=1e-9)
    interval = model.predict_interval(3, coverage=0.5)
    assert_allclose(interval["lower"], y[96:99], rtol=1e-6)


def test_widths_of_calendar_columns():
    index = pd.date_range("2024-01-01", periods=30, freq="7h")
    for name in CALENDAR_FEATURES:
        columns = calendar_columns(index, [name])
        assert columns.shape == (30, calendar_width([name])), name
        assert np.abs(columns).max() <= 1, name
        assert (columns != columns[0]).any() or name in ("second", "minute", "month", "quarter"), name


# -------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lags": 0}, "'lags' parameter"),
        ({"lags": (1, 1)}, r"lags=\(1, 1\) must be a number of lags, or distinct integers from 1 on"),
        ({"lags": (0, 2)}, "distinct integers from 1 on"),
        ({"lags": ()}, "distinct integers from 1 on"),
        ({"lags": (1.5,)}, "distinct integers from 1 on"),
        (
            {"rolling": [("mode", 3)]},
            r"rolling holds \('mode', 3\): give pairs of a statistic \(mean, median",
        ),
        ({"rolling": [("mean", 0)]}, "rolling holds"),
        ({"fourier": [(1, 3)]}, r"fourier holds \(1, 3\): give pairs of a period above 1"),
        ({"calendar": ("fortnight",)}, "calendar holds 'fortnight': give a list of second, minute, hour"),
        ({"calendar": ("hour",)}, r"calendar=\('hour',\) needs a y with a DatetimeIndex or PeriodIndex"),
        ({"lags": 40, "max_horizon": 40}, r"y has 72 step\(s\): .* need at least 80"),
        ({"subtract": "first"}, "'subtract' parameter"),
        ({"scope": "both"}, "'scope' parameter"),
    ],
    ids=repr,
)
def test_errors(options, words):
    with pytest.raises(ValueError, match=words):
        DirectForecaster(**options).fit(Y)


def test_a_context_needs_a_window():
    with pytest.raises(ValueError, match=r"context has 5 step\(s\): lags and windows need at least 12"):
        RecursiveForecaster().fit(Y).predict(1, context=Y[:5])


def test_names_of_features():
    model = RecursiveForecaster(**(RICH | {"fourier": ((12, 2),)})).fit(Y)
    assert model.feature_names_[:5] == ("lag_1", "lag_3", "lag_12", "mean_5", "median_5")
    assert model.feature_names_[-4:] == ("sin_12_1", "sin_12_2", "cos_12_1", "cos_12_2")
    assert len(model.feature_names_) == model.estimators_[0][0].n_features_in_
    two = LagFeatures((1, 2)).names(["a_", "b_"])
    assert two == ["a_lag_1", "b_lag_1", "a_lag_2", "b_lag_2"]


def test_multi_output_with_x_asked_for_fewer_steps_has_seen_only_theirs():
    """What `X` becomes after the last step asked for can play no part, and is not made up."""
    X = example_exog(80)
    y = Y + X[:72] @ [2.0, -1.0]
    model = MultiOutputForecaster(Ridge(0.1), lags=4, max_horizon=6).fit(y, X[:72])
    alone = MultiOutputForecaster(Ridge(0.1), lags=4, max_horizon=2).fit(y[:-4], X[:68])  # the same origins
    assert len(model.estimators_[0]) == 6
    expected = alone.update(y[-4:], X[68:72]).predict(2, X[72:74])
    assert_allclose(model.predict(2, X[72:74]), expected, rtol=1e-9)
    assert len(MultiOutputForecaster(Ridge(0.1), lags=4, max_horizon=6).fit(y).estimators_[0]) == 1


def test_reductions_of_the_registry_are_different_forecasters():
    forecasts = [
        FORECASTERS[name](12).fit(Y).predict(6) for name in ("recursive", "direct", "multi_output", "ridge")
    ]
    for i, one in enumerate(forecasts):
        assert all(np.abs(one - other).max() > 1e-3 for other in forecasts[:i])
