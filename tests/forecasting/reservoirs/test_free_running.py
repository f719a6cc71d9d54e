"""ReservoirForecaster: what it computes, both strategies, exogenous variables, differences, model selection."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_validate
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from forecasting import ReservoirForecaster
from forecasting.series.differencing import Differences
from reservoir import EchoState, LeakyUnits, RidgeReadout, load, save

RESERVOIR = EchoState(60, input_scaling=0.2, random_state=0)


def wave(n_steps=300):
    t = np.arange(float(n_steps))
    return np.sin(0.3 * t) + 0.5 * np.cos(0.11 * t)


def small(**options):
    parameters = {"differences": (), **options}
    return ReservoirForecaster(RESERVOIR, readout=RidgeReadout(alpha=1e-8), **parameters)


@pytest.mark.parametrize("lags", [(), (1,), (3,), (1, 3), (2, 2, 5)])
def test_differences_and_back(lags):
    y = np.random.default_rng(0).standard_normal((40, 2))
    differences = Differences(lags)
    z = differences.apply(y)
    assert len(z) == 40 - differences.span
    restored = differences.undo(z[-15:], y[: 40 - 15][len(y) - 15 - max(differences.span, 1) :])
    np.testing.assert_allclose(restored, y[-15:], rtol=0, atol=1e-12)


@pytest.mark.parametrize("lags", [(0,), (1.5,), (-1,)])
def test_differences_must_be_lags(lags):
    with pytest.raises(ValueError, match="differences at lags="):
        small(differences=lags).fit(wave())


@pytest.mark.parametrize("lags", [[1, 12], np.array([1, 12])])
def test_lags_in_any_container(lags):
    forecaster = small(differences=lags).fit(wave())
    assert forecaster.differences_ == (1, 12)
    np.testing.assert_array_equal(forecaster.predict(5), small(differences=(1, 12)).fit(wave()).predict(5))


def test_first_step_is_the_readout_of_a_reservoir_driven_by_hand():
    y = wave()
    forecaster = small(standardize=False, washout=20).fit(y)
    X, target = y[:-1, np.newaxis], y[1:]
    reservoir = clone(RESERVOIR).fit(X)
    features = np.hstack([reservoir.transform(X), X])
    ridge = Ridge(1e-8, solver="svd").fit(features[20:], target[20:])
    now = np.hstack([reservoir.transform(y[:, np.newaxis])[-1:], [[y[-1]]]])
    np.testing.assert_allclose(forecaster.predict(1), ridge.predict(now), rtol=0, atol=1e-6)


def test_free_run_is_one_step_forecasts_fed_back():
    y = wave()
    forecaster = small().fit(y)
    ahead = forecaster.predict(10)
    for k in range(1, 10):
        again = forecaster.predict(1, context=np.concatenate([y, ahead[:k]]))
        np.testing.assert_allclose(again, ahead[k : k + 1], rtol=0, atol=1e-9)


def test_direct_beyond_its_horizon_goes_on_from_its_own_forecasts():
    y = wave()
    forecaster = small(strategy="direct", max_horizon=8).fit(y)
    ahead = forecaster.predict(20)
    again = forecaster.predict(8, context=np.concatenate([y, ahead[:8]]))
    np.testing.assert_allclose(again, ahead[8:16], rtol=0, atol=1e-9)
    np.testing.assert_allclose(ahead, wave(320)[300:], rtol=0, atol=0.05)


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_exogenous_variables_of_every_step_ahead_count(strategy):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((400, 1))
    y = 3.0 * X[:, 0] + 0.1 * np.sin(0.2 * np.arange(400))
    forecaster = small(strategy=strategy, max_horizon=6).fit(y[:380], X[:380])
    np.testing.assert_allclose(forecaster.predict(20, X[380:]), y[380:], rtol=0, atol=0.5)


def test_differences_follow_trend_and_season():
    t = np.arange(200.0)
    y = 0.5 * t + 10 * np.sin(2 * np.pi * t / 12)
    forecaster = small(differences=(1, 12)).fit(y[:180])
    np.testing.assert_allclose(forecaster.predict(20), y[180:], rtol=0, atol=1e-6)


def test_multivariate_and_panel():
    t = np.arange(300.0)
    y = np.column_stack([np.sin(0.2 * t), np.cos(0.2 * t)])
    frame = pd.DataFrame(y[:250], columns=["a", "b"], index=pd.date_range("2020", periods=250, freq="h"))
    ahead = small().fit(frame).predict(50)
    assert list(ahead.columns) == ["a", "b"]
    assert ahead.index[0] == frame.index[-1] + pd.Timedelta("1h")
    np.testing.assert_allclose(ahead, y[250:], rtol=0, atol=0.01)
    panel = [np.sin(0.2 * t + phase) for phase in (0, 1, 2)]
    forecaster = small().fit([series[:200] for series in panel])
    for path, series in zip(forecaster.predict(30), panel):
        np.testing.assert_allclose(path, series[200:230], rtol=0, atol=0.05)
    unseen = forecaster.predict(30, context=np.sin(0.2 * t[:150] + 0.5))
    np.testing.assert_allclose(unseen, np.sin(0.2 * t[150:180] + 0.5), rtol=0, atol=0.05)


@pytest.mark.parametrize(
    "reservoir", [EchoState(30, random_state=0), LeakyUnits(EchoState(30), random_state=0)]
)
def test_trace_of_states_equals_updates_one_by_one(reservoir):
    y = wave()
    forecaster = ReservoirForecaster(reservoir, random_state=0).fit(y[:250])
    traced = forecaster.trace_states(forecaster.states_, [y[250:260, np.newaxis]], None)[0]
    for k, state in enumerate(traced):
        updated = pickle.loads(pickle.dumps(forecaster)).update(y[250 : 251 + k])
        np.testing.assert_allclose(state.reservoir, updated.states_[0].reservoir, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(state.tail, updated.states_[0].tail)


def test_a_diverging_free_run_warns_and_says_when():
    reservoir = EchoState(10, activation="identity")
    forecaster = ReservoirForecaster(reservoir, differences=(), escape_factor=None, random_state=0)
    forecaster.fit(wave())
    forecaster.readouts_[0].coef_ = 1e3 * forecaster.readouts_[0].coef_
    with pytest.warns(RuntimeWarning, match=r"diverged at step \d+ of 500, forecasts from there on are NaN"):
        ahead = forecaster.predict(500)
    assert np.isfinite(ahead[:50]).all()
    assert np.isnan(ahead[-1])


def test_a_run_that_leaves_the_attractor_stops_at_that_step():
    growing = 1.05 ** np.arange(60.0)  # learned, it goes on growing
    reservoir = EchoState(10, activation="identity")
    forecaster = ReservoirForecaster(reservoir, differences=(), escape_factor=None, random_state=0)
    free = forecaster.fit(growing).predict(120)
    low, high = forecaster.range_[:, 0]
    assert (low, high) == (1.0, growing[-1])
    outside = np.abs(free - (low + high) / 2) > 3 * (high - low) / 2
    first = int(np.argmax(outside))
    assert 10 < first < 50
    forecaster.set_params(escape_factor=3.0)
    told = rf"diverged at step {first + 1} of 120, .* it left 3 times the training range; lower the spectral"
    with pytest.warns(RuntimeWarning, match=told):
        stopped = forecaster.predict(120)
    np.testing.assert_array_equal(stopped[:first], free[:first])
    assert np.isnan(stopped[first:]).all()
    np.testing.assert_array_equal(forecaster.predict(first), free[:first])


def test_a_constant_series_has_no_range_to_leave():
    forecaster = ReservoirForecaster(EchoState(10), differences=(), random_state=0).fit(np.full(50, 3.0))
    np.testing.assert_allclose(forecaster.predict(5), 3.0, rtol=0, atol=1e-6)


@pytest.mark.parametrize("differences", [(), (1,)])
@pytest.mark.parametrize("input_skip", [True, False])
def test_the_closed_loop_is_the_forecast(differences, input_skip):
    y = np.column_stack([wave(), 5 + np.cos(0.3 * np.arange(len(wave())))])
    forecaster = ReservoirForecaster(
        EchoState(40), differences=differences, input_skip=input_skip, random_state=0
    ).fit(y)
    ahead = forecaster.predict(30)
    loop = forecaster.closed_loop()
    expected = np.diff(np.vstack([y[-1:], ahead]), axis=0) if differences else ahead
    np.testing.assert_allclose(loop.run(30), expected, rtol=0, atol=1e-9)
    first, _ = loop.step(loop.start)
    np.testing.assert_allclose(loop.centre + loop.scale * first[-2:], expected[0], rtol=0, atol=1e-9)
    series = np.diff(y, axis=0) if differences else y
    np.testing.assert_allclose((loop.low, loop.high), (series.min(axis=0), series.max(axis=0)))


def test_a_closed_loop_reads_what_was_learned():
    forecaster = small().fit(wave()).set_params(input_skip=False)
    with pytest.raises(ValueError, match="input_skip=False was set after fit"):
        forecaster.closed_loop()


def test_the_closed_loop_under_constant_exogenous_variables():
    t = np.arange(200.0)
    X = np.column_stack([np.cos(0.7 * t), np.sin(1.1 * t)])
    y = wave(200) + X[:, 0]
    forecaster = ReservoirForecaster(EchoState(20), differences=(), random_state=0).fit(y, X)
    held = np.tile([0.3, -0.2], (15, 1))
    np.testing.assert_allclose(
        forecaster.closed_loop(exog=[0.3, -0.2]).run(15)[:, 0],
        forecaster.predict(15, X=held),
        rtol=0,
        atol=1e-9,
    )
    with pytest.raises(ValueError, match=re.escape("exog has shape (), expected (2,)")):
        forecaster.closed_loop()
    with pytest.raises(ValueError, match="strategy='direct' feeds nothing back"):
        ReservoirForecaster(EchoState(5), strategy="direct", random_state=0).fit(y).closed_loop()


def test_what_is_wrong_with_the_reservoir_is_said_before_differences_are_chosen():
    with pytest.raises(ValueError, match=r"^The 'leak_rate' parameter of EchoState must be"):
        ReservoirForecaster(EchoState(5, leak_rate=7.0)).fit(wave(300))


def test_linearised_noise_steadies_the_readout():
    """Noise that is stood against makes the loop's Jacobian smaller; with exogenous variables too."""
    y = wave(300)
    X = np.cos(0.7 * np.arange(300.0))[:, np.newaxis]
    readout = RidgeReadout(alpha=1e-12)
    options = {"readout": readout, "differences": (), "random_state": 0}
    sizes = []
    for std in (0.0, 1e-3, 1e-1):
        model = ReservoirForecaster(EchoState(30), linearised_noise=std, **options).fit(y, X)
        loop = model.closed_loop(exog=[0.0])
        sizes.append(np.abs(loop.jacobian(loop.start)[-1]).sum())
    assert sizes[0] > sizes[1] > sizes[2]
    with pytest.raises(
        ValueError, match="linearised_noise is for what is fed back: use strategy='recursive'"
    ):
        ReservoirForecaster(strategy="direct", linearised_noise=0.1).fit(y)


@pytest.mark.parametrize(
    "readout",
    [
        KNeighborsRegressor(3),
        RandomForestRegressor(20, random_state=0),
        Ridge(1e-6),
        make_pipeline(StandardScaler(), Ridge(1e-6)),
    ],
    ids=lambda r: type(r).__name__,
)
@pytest.mark.parametrize("strategy", ["recursive", "direct"])
def test_any_regressor_is_a_readout(readout, strategy):
    forecaster = ReservoirForecaster(
        EchoState(10), readout=readout, strategy=strategy, max_horizon=5, differences=(), random_state=0
    ).fit(wave())
    np.testing.assert_allclose(forecaster.predict(5), wave(305)[300:], rtol=0, atol=0.5)
    np.testing.assert_array_equal(forecaster.predict(5)[:3], forecaster.predict(3))


def test_a_readout_asked_at_every_step_runs_as_a_linear_one_does():
    """A pipeline hides the coefficients of what is linear."""
    rng = np.random.default_rng(0)
    X, ahead = rng.standard_normal((300, 1)), rng.standard_normal((10, 1))
    y = np.convolve(X[:, 0], [0.5, 0.3, 0.2])[:300]
    for input_skip in (True, False):
        settings = {"differences": (), "input_skip": input_skip, "random_state": 0}
        linear = ReservoirForecaster(EchoState(20), readout=Ridge(1e-3), **settings).fit(y, X)
        hidden = ReservoirForecaster(EchoState(20), readout=make_pipeline(Ridge(1e-3)), **settings).fit(y, X)
        np.testing.assert_allclose(hidden.predict(10, ahead), linear.predict(10, ahead), rtol=0, atol=1e-10)


def test_too_short_for_the_direct_horizon():
    with pytest.raises(ValueError, match="smaller max_horizon"):
        small(strategy="direct", max_horizon=50).fit(wave(40))


def test_grid_search_cross_validate_pickle_and_save(tmp_path):
    y = pd.Series(wave(), index=pd.date_range("2020-01-01", periods=300, freq="D"))
    forecaster = ReservoirForecaster(EchoState(30, random_state=0))
    grid = {"reservoir__spectral_radius": [0.5, 0.9], "readout": [RidgeReadout(alpha=1e-6), Ridge()]}
    search = GridSearchCV(forecaster, grid, cv=TimeSeriesSplit(test_size=24), n_jobs=2).fit(y)
    assert search.best_score_ > -2
    scores = cross_validate(forecaster, y, cv=TimeSeriesSplit(3, test_size=24))
    assert np.isfinite(scores["test_score"]).all()
    best = search.best_estimator_
    save(best, tmp_path / "model.skops")
    for copy in (pickle.loads(pickle.dumps(best)), load(tmp_path / "model.skops")):
        pd.testing.assert_series_equal(copy.predict(24), best.predict(24))
        pd.testing.assert_frame_equal(copy.predict_interval(24), best.predict_interval(24))


def test_grid_over_the_parts_of_a_forecaster_made_without_arguments():
    y = wave(200)
    grid = {
        "reservoir__spectral_radius": [0.5, 0.9],
        "readout__alphas": [[1e-6, 1e-3]],
        "reservoir__n_units": [20],
    }
    cv = TimeSeriesSplit(2, test_size=24)
    search = GridSearchCV(ReservoirForecaster(random_state=0), grid, cv=cv, n_jobs=2).fit(y)
    assert search.best_estimator_.reservoir.topology == "circular"  # the default part, but for what was named
    assert search.best_estimator_.reservoir_.n_units == 20


def test_default_takes_differences_where_they_help():
    rng = np.random.default_rng(0)
    t = np.arange(200.0)
    noisy_wave = np.sin(0.3 * t) + 0.5 * rng.standard_normal(200)
    assert ReservoirForecaster(random_state=0).fit(noisy_wave).differences_ == ()
    walk = 50 + np.cumsum(0.3 + 0.1 * rng.standard_normal(200))
    assert ReservoirForecaster(random_state=0).fit(walk).differences_ == (1,)


def test_penalty_is_chosen_by_free_runs():
    rng = np.random.default_rng(0)
    y = np.sin(0.3 * np.arange(250.0)) + 0.3 * rng.standard_normal(250)
    by_free_run = ReservoirForecaster(differences=(), random_state=0).fit(y)
    alphas = np.logspace(-8, 3, 23)
    errors = []
    for alpha in alphas:  # the same choice by hand, from whole fits on the first 70 %
        fixed = ReservoirForecaster(
            readout=RidgeReadout(alpha=alpha), differences=(), escape_factor=None, random_state=0
        ).fit(y[:175])
        ahead = [fixed.predict(24, context=y[:origin]) for origin in range(176, 227, 4)]
        truth = [y[origin : origin + 24] for origin in range(176, 227, 4)]
        errors.append(np.minimum(np.abs(np.array(ahead) - truth), 10).mean())
    chosen = by_free_run.readouts_[0].alpha
    assert errors[int(np.argmin(np.abs(np.log(alphas / chosen))))] < 1.05 * min(errors)
    assert errors[0] > 1.5 * min(errors)  # the smallest penalty would be a bad one


def test_default_beats_repeating_the_last_value_on_chaos():
    from reservoir.signals import mackey_glass

    y = mackey_glass(2200)
    ahead = ReservoirForecaster(random_state=0).fit(y[:2000]).predict(100)
    error = np.sqrt(np.mean((ahead - y[2000:2100]) ** 2)) / y.std()
    assert error < 0.1
