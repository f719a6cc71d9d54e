"""Baselines: by hand, against naive twins, and against statsmodels called directly."""

import re
import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.forecasting.theta import ThetaModel
from statsmodels.tsa.statespace.sarimax import SARIMAX, diff

from forecasting import ARIMA, ETS, FORECASTERS, Analogue, Drift, Naive, SeasonalNaive, Theta, WindowAverage
from forecasting.checks.examples import example_exog, example_series
from reservoir.signals import logistic_map
from tests import naive

Y = example_series()
WIDE = example_series(2)


# ----------------------------------------------------------------------------------------------- by hand


def test_simple_forecasts():
    cases = [
        (Naive(), [4, 4, 4]),
        (SeasonalNaive(season_length=2), [9, 4, 9]),
        (Drift(), [5, 6, 7]),
        (WindowAverage(window=2), [6.5, 6.5, 6.5]),
    ]
    for model, expected in cases:
        np.testing.assert_allclose(model.fit([1.0, 2.0, 9.0, 4.0]).predict(3), expected)


def test_updates_by_hand():
    y = np.array([1.0, 2.0, 9.0, 4.0, 0.0])
    for model in (Naive(), SeasonalNaive(season_length=3), Drift(), WindowAverage(window=3)):
        np.testing.assert_allclose(model.fit(y[:4]).update(y[4:]).predict(4), model.fit(y).predict(4))


@pytest.mark.parametrize(
    ("model", "n_steps", "words"),
    [
        (SeasonalNaive(season_length=5), 4, "y has 4 step(s), fewer than season_length=5: give at least one season"),
        (Drift(), 1, "y has 1 step: a drift needs at least 2"),
        (WindowAverage(window=5), 4, "y has 4 step(s), fewer than window=5"),
        (Analogue(window=4), 7, "leaves 0 earlier stretches of window=4 steps, fewer than n_neighbors=1: give a"),
        (Analogue(window=4, exclusion=1, n_neighbors=3), 6, "leaves 2 earlier stretches"),
        (ETS(), 3, "y has 3 steps: ETS needs at least 4 (or a constant series)"),
        (ETS(seasonal="add", season_length=6), 11, "seasonal='add' needs a season_length of at least 2 (now 6)"),
        (ETS(seasonal="add"), 30, "needs a season_length of at least 2 (now 1)"),
        (Theta(), 2, "y has 2 steps: Theta needs at least 3"),
        (Theta(deseasonalize="add", season_length=6), 11, "deseasonalize='add' needs a season_length of at least 2"),
        (ARIMA(), 5, "y has 5 steps: ARIMA(1, 1, 1)(0, 0, 0, 0) needs more than 5"),
        (ARIMA(order=(1, 0)), 50, "order=(1, 0) must have 3 integers of at least 0"),
        (ARIMA(order=(1, 0, -1)), 50, "must have 3 integers"),
        (ARIMA(seasonal_order=(1, 0, 0, 1)), 50, "seasonal_order=(1, 0, 0, 1) needs a season length of at least 2"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, (int, str)) else "",
)  # fmt: skip
def test_too_short(model, n_steps, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        model.fit(Y[:n_steps])


@pytest.mark.parametrize("name", ["seasonal_naive", "window_average", "analogue", "ets", "theta", "arima"])
def test_a_season_length_reaches_those_that_know_seasons(name):
    model = FORECASTERS[name](season_length=12)
    assert "12" in repr(model)
    error = np.abs(model.fit(Y[:60]).predict(12) - Y[60:]).mean()
    naive_error = np.abs(Naive().fit(Y[:60]).predict(12) - Y[60:]).mean()
    assert error < 0.9 * naive_error


# ---------------------------------------------------------------------------------------------- analogues


@pytest.mark.parametrize("exclusion", [None, 0, 1, 20])
@pytest.mark.parametrize("window", [1, 2, 7])
def test_analogue_equals_the_naive_twin(window, exclusion):
    y = np.random.default_rng(window).normal(size=80).cumsum()
    model = Analogue(window=window, exclusion=exclusion).fit(y)
    excluded = window if exclusion is None else exclusion
    np.testing.assert_array_equal(model.predict(30), naive.analogue(y, y, window, 30, excluded))
    query = np.random.default_rng(99).normal(size=window + 3)
    np.testing.assert_array_equal(
        model.predict(30, context=query), naive.analogue(y, query, window, 30, excluded)
    )


def test_analogue_continues_what_it_has_seen():
    y = np.random.default_rng(0).normal(size=(60, 2))
    model = Analogue(window=5).fit(y)
    np.testing.assert_array_equal(model.predict(10, context=y[20:30]), y[30:40])
    stacked = Analogue(window=5).fit([y, y[::-1] + 50.0])
    np.testing.assert_array_equal(stacked.predict(10, context=y[::-1][20:30] + 50.0), y[::-1][30:40] + 50.0)


def test_analogue_weighs_targets_by_their_spread():
    rng = np.random.default_rng(0)
    y = np.column_stack([np.tile([0.0, 1.0, 2.0, 3.0, 4.0], 12), 1e6 * rng.normal(size=60)])
    large = Analogue(window=3).fit(y).predict(5)
    small = Analogue(window=3).fit(y * [1e9, 1e-9]).predict(5)
    np.testing.assert_allclose(large * [1e9, 1e-9], small)


def test_shapes_match_whatever_their_level_and_size():
    wave = np.sin(np.arange(40) * 2 * np.pi / 10) + 0.3 * np.sin(np.arange(40) * 2 * np.pi / 5)
    model = Analogue(window=10, match="shape").fit(wave)
    grown = 100.0 + 7.0 * wave
    np.testing.assert_allclose(model.predict(10, context=grown[:25]), grown[25:35], atol=1e-9)
    flat = Analogue(window=3, match="shape").fit(np.repeat([1.0, 5.0], 10))
    assert np.isfinite(flat.predict(6)).all()


def test_neighbors_are_averaged():
    y = np.array([0.0, 1.0, 5.0, 0.0, 1.0, 7.0, 9.0, 9.0, 0.0, 1.0])
    model = Analogue(window=2, n_neighbors=2, exclusion=2).fit(y)
    assert model.predict(1)[0] == 6.0


def test_analogues_forecast_chaos():
    """The honest baseline: on 5,000 steps of the logistic map it beats the mean for several steps, then does not."""
    y = np.asarray(logistic_map(5_400, random_state=0)).ravel()
    model = Analogue(window=3).fit(y[:5000])
    starts = range(5000, 5380)
    errors = np.array([model.predict(12, context=y[t - 3 : t]) - y[t : t + 12] for t in starts])
    relative = np.sqrt((errors**2).mean(axis=0)) / y.std()
    assert relative[0] < 0.01
    assert (relative[:3] < 0.05).all()
    assert relative[-1] > 1.0


# ------------------------------------------------------------------------------- against statsmodels itself

ETS_KINDS = [
    {"error": "add", "trend": None, "seasonal": None},
    {"error": "mul", "trend": None, "seasonal": None},
    {"error": "add", "trend": "add", "seasonal": None, "damped": False},
    {"error": "add", "trend": "add", "seasonal": "add"},
    {"error": "add", "trend": None, "seasonal": "mul"},
    {"error": "mul", "trend": "add", "seasonal": "mul"},
    {"error": "mul", "trend": "add", "seasonal": "add", "damped": False},
]


def statsmodels_ets(y, error, trend, seasonal, damped=True, season_length=12, **start):
    return ETSModel(
        y,
        error=error,
        trend=trend,
        damped_trend=damped and trend is not None,
        seasonal=seasonal,
        seasonal_periods=season_length if seasonal else None,
        **start,
    )


def ets_unit(y):
    """ETS gives statsmodels series whose mean change is between 1 and 2, by a power of two."""
    return 2.0 ** np.floor(np.log2(np.abs(np.diff(y)).mean()))


@pytest.mark.parametrize("kind", ETS_KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_ets_equals_statsmodels(kind):
    model = ETS(season_length=12, **kind).fit(WIDE[:60])
    for j in range(2):
        unit = ets_unit(WIDE[:60, j])
        direct = statsmodels_ets(WIDE[:60, j] / unit, **kind).fit(disp=False)
        np.testing.assert_allclose(model.predict(30)[:, j], unit * direct.forecast(30), rtol=1e-10)
        extended = statsmodels_ets(WIDE[:, j] / unit, **kind).smooth(direct.params)
        context = model.predict(15, context=WIDE)[:, j]
        np.testing.assert_allclose(context, unit * extended.forecast(15), rtol=1e-10)
    np.testing.assert_allclose(model.update(WIDE[60:]).predict(15)[:, 1], context, rtol=1e-10)


def test_ets_chooses_by_aicc():
    model = ETS(season_length=12).fit(Y)
    kinds = [(None, None), ("add", None), (None, "add"), ("add", "add"), (None, "mul"), ("add", "mul")]
    y = Y / ets_unit(Y)
    fits = [statsmodels_ets(y, "mul" if s == "mul" else "add", t, s).fit(disp=False) for t, s in kinds]
    best = fits[int(np.argmin([fit.aicc for fit in fits]))]
    np.testing.assert_allclose(model.predict(5), ets_unit(Y) * best.forecast(5), rtol=1e-10)
    assert model.states_[0][0].seasonal


def test_ets_of_long_seasons_starts_from_a_decomposition():
    y = np.tile(np.sin(np.arange(30)), 4) + 0.1 * np.random.default_rng(0).normal(size=120)
    kind = {"error": "add", "trend": None, "seasonal": "add", "season_length": 30}
    unit = ets_unit(y)
    direct = statsmodels_ets(y / unit, **kind, initialization_method="heuristic").fit(disp=False)
    np.testing.assert_allclose(ETS(**kind).fit(y).predict(40), unit * direct.forecast(40), rtol=1e-10)


@pytest.mark.parametrize("kind", ETS_KINDS, ids=lambda kind: "-".join(map(str, kind.values())))
def test_ets_is_free_of_units(kind):
    """Powers of two change no digit; other factors change where the search ends, by very little."""
    model = ETS(season_length=12, **kind)
    expected = model.fit(Y).predict(12)
    for unit in (2.0**-20, 2.0**20):
        np.testing.assert_array_equal(model.fit(unit * Y).predict(12) / unit, expected)
        np.testing.assert_allclose(model.predict(12, context=unit * Y) / unit, expected, rtol=1e-10)
    for unit in (1e-6, 1e6):
        np.testing.assert_allclose(model.fit(unit * Y).predict(12) / unit, expected, rtol=0.01)


def test_multiplicative_parts_need_positive_series():
    for model in (ETS(error="mul"), ETS(seasonal="mul", season_length=12), Theta(12, deseasonalize="mul")):
        with pytest.raises(ValueError, match=r"y has values down to -.* needs a positive series; use 'add'"):
            model.fit(Y - 30.0)


@pytest.mark.parametrize("theta", [1.0, 2.0, 5.0])
@pytest.mark.parametrize("deseasonalize", ["auto", "add", "mul", None])
def test_theta_equals_statsmodels(deseasonalize, theta):
    model = Theta(season_length=12, deseasonalize=deseasonalize, theta=theta).fit(Y[:67])
    direct = ThetaModel(
        Y[:67],
        period=12,
        deseasonalize=deseasonalize is not None,
        use_test=deseasonalize == "auto",
        method=deseasonalize or "auto",
    ).fit()
    np.testing.assert_allclose(model.predict(30), direct.forecast(30, theta=theta), rtol=1e-10)


def test_theta_leaves_out_a_season_that_is_not_there():
    y = np.random.default_rng(1).normal(size=60)
    model = Theta(season_length=12).fit(y)
    assert len(model.states_[0][0].seasonals) == 0
    np.testing.assert_array_equal(model.predict(3), Theta().fit(y).predict(3))


def test_theta_of_a_pure_season():
    y = np.tile([100.0, 105.0, 95.0, 102.0], 8)
    np.testing.assert_allclose(
        Theta(season_length=4).fit(y[:31]).predict(5), np.append(y[31:], y[:4]), rtol=1e-9
    )


ARIMA_KINDS = [
    ((1, 1, 1), (0, 0, 0, 0), "n", False),
    ((2, 0, 1), (0, 0, 0, 0), "c", True),
    ((1, 0, 0), (0, 0, 0, 0), "ct", False),
    ((0, 1, 1), (0, 1, 1, 4), "n", False),
    ((1, 1, 0), (1, 0, 0, 4), "t", True),
    ((0, 0, 0), (0, 0, 0, 0), "c", True),
]


@pytest.mark.filterwarnings("ignore:ARIMA. the optimiser did not converge")
@pytest.mark.parametrize(("order", "seasonal_order", "trend", "exog"), ARIMA_KINDS)
def test_arima_equals_statsmodels(order, seasonal_order, trend, exog):
    X = example_exog(80)
    y = example_series(n_steps=80) + (X @ [2.0, -1.0] if exog else 0.0)

    def rows(*cut, units=1.0):
        return X[slice(*cut)] / units if exog else None

    def unit_of(v):
        _, d, _, _, D, _, m = *order, *seasonal_order
        kinds = diff(v[:60], d, D, m), diff(v[:60], d + 1, D, m), v[:60]
        return 2.0 ** np.floor(np.log2(min(np.abs(w - w.mean()).mean() for w in kinds) / 4))

    unit, *x_units = map(unit_of, (y, *X.T))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Non-(stationary|invertible) starting")
        # a rounding away from converging: both stop at the same place
        warnings.filterwarnings("ignore", message="Maximum Likelihood optimization failed")
        direct = SARIMAX(
            y[:60] / unit, rows(60, units=x_units), order=order, seasonal_order=seasonal_order, trend=trend
        ).fit(disp=False, maxiter=200)
    model = ARIMA(order=order, seasonal_order=seasonal_order, trend=trend).fit(y[:60], rows(60))
    answer = unit * direct.forecast(12, exog=rows(60, 72, units=x_units))
    np.testing.assert_allclose(model.predict(12, rows(60, 72)), answer, rtol=1e-8)
    model.update(y[60:68], rows(60, 68))
    direct = direct.append(y[60:68] / unit, exog=rows(60, 68, units=x_units))
    answer = unit * direct.forecast(12, exog=rows(68, 80, units=x_units))
    np.testing.assert_allclose(model.predict(12, rows(68, 80)), answer, rtol=1e-8)


@pytest.mark.filterwarnings("ignore:ARIMA. the optimiser did not converge")
@pytest.mark.parametrize(("order", "seasonal_order", "trend", "exog"), ARIMA_KINDS)
def test_arima_is_free_of_units(order, seasonal_order, trend, exog):
    X = example_exog(60)
    y = example_series(n_steps=60) + X @ [2.0, -1.0]

    def forecast(y_unit, x_unit):
        rows = [X[:48] / x_unit, X[48:] / x_unit] if exog else [None, None]
        model = ARIMA(order=order, seasonal_order=seasonal_order, trend=trend)
        return model.fit(y[:48] / y_unit, rows[0]).predict(12, rows[1]) * y_unit

    expected = forecast(1.0, 1.0)
    np.testing.assert_array_equal(forecast(2.0**20, 2.0**-30), expected)
    np.testing.assert_array_equal(forecast(2.0**-100, 2.0**100), expected)


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
@pytest.mark.filterwarnings("ignore:ARIMA. the optimiser did not converge")  # no variance is the best one
def test_arima_of_a_line_and_of_a_step(unit):
    line, step = 3.0 + 0.1 * np.arange(40), np.repeat([1.0, 2.0], 20)
    answer = ARIMA(order=(0, 1, 0), trend="c").fit(unit * line).predict(3) / unit
    np.testing.assert_allclose(answer, [7.0, 7.1, 7.2], rtol=1e-5)
    answer = ARIMA(order=(0, 1, 0)).fit(unit * step).predict(3) / unit
    np.testing.assert_allclose(answer, 2.0, rtol=1e-5)


def test_arima_recovers_an_autoregression():
    rng = np.random.default_rng(0)
    y = np.zeros(3000)
    for t in range(2, 3000):
        y[t] = 0.5 * y[t - 1] + 0.3 * y[t - 2] + rng.normal()
    answer = ARIMA(order=(2, 0, 0)).fit(y).predict(2)
    first = 0.5 * y[-1] + 0.3 * y[-2]
    np.testing.assert_allclose(answer, [first, 0.5 * first + 0.3 * y[-1]], atol=0.1)


@pytest.mark.parametrize("model", [ETS(), ETS(season_length=4), Theta(), Theta(season_length=4)])
def test_a_constant_that_changes_is_followed(model):
    model.fit(np.full(20, 3.0))
    assert model.predict(2).tolist() == [3.0, 3.0]
    assert model.predict(2, context=np.full(10, 7.0)).tolist() == [7.0, 7.0]
    assert model.update([5.0, 7.0]).predict(2).tolist() == [7.0, 7.0]


def test_a_season_that_moves_is_followed():
    season = np.tile([1.0, 2.0, 3.0, 4.0], 10)
    model = Theta(season_length=4, deseasonalize="add").fit(season)
    np.testing.assert_allclose(model.predict(4), season[:4])
    np.testing.assert_allclose(model.update(season + 10).predict(4), season[:4] + 10)


def test_arima_of_a_constant_is_refused():
    with pytest.raises(
        ValueError, match=r"y is constant \(3\): there is nothing for ARIMA to estimate; use Naive"
    ):
        ARIMA().fit(np.full(50, 3.0))


@pytest.mark.parametrize("model", [ETS(maxiter=1, trend="add"), ARIMA(order=(2, 0, 2), maxiter=1)])
def test_convergence_trouble_is_one_warning_of_ours(model):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        answer = model.fit(Y).predict(3)
    assert np.isfinite(answer).all()
    assert [warning.category for warning in caught] == [ConvergenceWarning]
    assert f"{type(model).__name__}: the optimiser did not converge within maxiter=1" in str(
        caught[0].message
    )


def test_start_values_outside_the_stationary_region_make_no_noise():
    """statsmodels warns of them and starts from zero instead."""
    y = np.cumsum(np.cumsum(np.random.default_rng(0).normal(size=80)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ARIMA(order=(1, 0, 1)).fit(y)
