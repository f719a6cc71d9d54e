"""RecurrentForecaster and its kin: what they learn, panels, exogenous variables, distributions, state, errors."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from forecasting import (
    ConformalForecaster,
    EnsembleForecaster,
    GRUForecaster,
    LSTMForecaster,
    RecurrentForecaster,
    TransformedTargetForecaster,
)
from forecasting.checks import FORECASTER_CHECKS
from forecasting.networks.cells import GRU, LSTM, RNN
from forecasting.networks.gradient_flow import gradient_norms
from forecasting.networks.heads import HEADS, Huber, Quantile
from forecasting.networks.optimizers import SGD, Adam
from forecasting.networks.parameters import arrays_of
from forecasting.networks.schedules import Constant
from forecasting.networks.stack import Stack
from reservoir import load, save

STRATEGIES = ("direct", "segments", "recursive")


def wave(n_steps, period=12.0, trend=0.0, level=10.0, phase=0.0):
    t = np.arange(float(n_steps))
    return level + trend * t + np.sin(2 * np.pi * t / period + phase)


def small(strategy="direct", **options):
    settings = {"n_units": 16, "max_horizon": 12, "n_epochs": 12, "random_state": 0}
    if strategy == "segments" and "segment_length" not in options:
        settings["segment_length"] = 4
    return RecurrentForecaster(**{**settings, "strategy": strategy, **options})


def contract(**options):
    """Quick settings for the checks of the contract."""
    return {"n_units": 8, "max_horizon": 6, "window": 12, "n_epochs": 4, "steps_per_epoch": 20, **options}


CASES = {
    "segments": RecurrentForecaster("rnn", strategy="segments", segment_length=3, **contract()),
    "on a regression": GRUForecaster(linear_skip="ridge", head="quantile", **contract()),
    "recursive": LSTMForecaster(strategy="recursive", teacher_forcing=0.5, **contract()),
    "distribution": GRUForecaster(strategy="recursive", head="student_t", **contract()),
}
# The slow checks look at what all strategies and heads share, and hold the registry's rows.
SHARED = ("check_indices", "check_containers", "check_model_selection", "check_input_formats", "check_copies")
CHECKS = [check for check in FORECASTER_CHECKS if check.__name__ not in SHARED]


@pytest.mark.parametrize(
    "check", [c for c in FORECASTER_CHECKS if c.__name__ not in SHARED], ids=lambda c: c.__name__
)
@pytest.mark.parametrize("name", CASES)
def test_contract(name, check):
    check(CASES[name])


# ----------------------------------------------------------------------------------------------- what is learned


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_trend_with_a_season_goes_on(strategy):
    y = wave(324, trend=0.02)
    forecast = small(strategy, n_epochs=20).fit(y[:300]).predict(24)
    assert np.abs(forecast[:12] - y[300:312]).max() < 0.25  # of an amplitude of 1
    assert np.abs(forecast[12:] - y[312:]).max() < 0.6  # from its own forecasts


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
def test_every_cell_learns(cell):
    y = wave(312)
    assert np.abs(small(cell=cell).fit(y[:300]).predict(12) - y[300:]).max() < 0.2


def test_one_network_for_series_of_any_length_and_level():
    lengths, levels = (80, 240, 150), (0.0, 1e5, -300.0)
    series = [wave(n, level=level, phase=level) for n, level in zip(lengths, levels)]
    model = small(n_epochs=20).fit([y[:-12] for y in series])
    for forecast, y in zip(model.predict(12), series):
        assert np.abs(forecast - y[-12:]).max() < 0.3
    unseen = 5 + 1000 * wave(72, phase=1.0)
    answer = model.predict(12, context=unseen[:60])
    assert np.abs(answer - unseen[60:]).max() < 300


def test_units_are_free():
    y = wave(200) + 0.1 * np.random.default_rng(0).standard_normal(200)
    first, other = small().fit(y).predict(12), small().fit(1e6 * y - 7e6).predict(12)
    np.testing.assert_allclose(other, 1e6 * first - 7e6, rtol=1e-4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_future_of_x_acts(strategy):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((412, 1))
    y = wave(412) + 2 * X[:, 0]
    model = small(strategy, n_epochs=20, optimizer=None).fit(y[:400], X[:400])
    error = np.abs(model.predict(12, X[400:]) - y[400:]).max()
    assert error < 1.5  # without X: 4
    moved = X[400:].copy()
    moved[5] += 1.0
    change = model.predict(12, moved) - model.predict(12, X[400:])
    assert (change[:5] == 0).all()
    assert change[5] == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize("strategy", ["direct", "segments"])
def test_columns_of_the_past_alone(strategy):
    """A leader tells the next step; what X says about it after the origin is not looked at, in training either."""
    rng = np.random.default_rng(0)
    leader = rng.standard_normal(601)
    X = np.column_stack([leader[1:], rng.standard_normal(600)])
    y = leader[:600] + 2 * X[:, 1]
    settings = {
        "segment_length": 1,
        "max_horizon": 2,
        "window": 4,
        "window_centre": None,
        "window_scale": None,
    }
    model = small(strategy, n_epochs=25, batch_size=64, past_only=(0,), **settings).fit(y[:580], X[:580])
    errors = [model.predict(1, X[: t + 1], context=y[:t])[0] - y[t] for t in range(580, 600)]
    assert np.sqrt(np.mean(np.square(errors))) < 0.5  # without the leader: 1, without the second column: 2
    ahead = X[580:582].copy()
    ahead[:, 0] = 99.0
    np.testing.assert_array_equal(model.predict(2, ahead), model.predict(2, X[580:582]))
    ahead[:, 0] = np.nan
    np.testing.assert_array_equal(model.predict(2, ahead), model.predict(2, X[580:582]))
    whole = np.vstack([X[:580], ahead])
    np.testing.assert_array_equal(model.predict(2, whole, context=y[:580]), model.predict(2, ahead))
    with pytest.raises(ValueError, match="X contains NaN at step 0, column 0"):
        model.update(y[580:582], ahead)
    assert (model.trained_.params.future[0] == 0).all()
    with pytest.raises(
        ValueError, match=r"3 steps need past_only=\(0,\) of X beyond the first max_horizon=2"
    ):
        model.predict(3, X[580:583])
    for columns, words in (((2,), "numbers from 0 to 1"), (("a",), "must be columns of X")):
        with pytest.raises(ValueError, match=words):
            small(strategy, past_only=columns, **settings).fit(y, X)
    with pytest.raises(ValueError, match="strategy='recursive' reads X of every step"):
        small("recursive", past_only=[0]).fit(y, X)
    with pytest.raises(ValueError, match="must be columns of X, and there is no X"):
        small(strategy, past_only=[0]).fit(y)
    dated = pd.Series(y, pd.date_range("2024", periods=600))
    with pytest.raises(ValueError, match=r"past_only=\(2,\) must be columns of X, numbers from 0 to 1"):
        small(strategy, past_only=[2], calendar=["weekend"]).fit(dated, X)


def test_two_targets_are_read_together():
    rng = np.random.default_rng(0)
    leader = rng.standard_normal(401)
    y = np.column_stack([leader[1:], leader[:-1]])  # the second column repeats the first one step later
    model = small(max_horizon=1, window=8, window_centre=None, window_scale=None, n_epochs=20).fit(y[:380])
    errors = [model.predict(1, context=y[:t])[0, 1] - y[t, 1] for t in range(380, 400)]
    assert np.sqrt(np.mean(np.square(errors))) < 0.2


def test_scheduled_sampling_is_for_recursive_forecasts():
    y = wave(150)
    answers = [small("recursive", teacher_forcing=p, n_epochs=3).fit(y).predict(5) for p in (1.0, 0.0)]
    assert (answers[0] != answers[1]).all()
    with pytest.raises(ValueError, match=r"'direct' hears no forecasts of its own: teacher_forcing=0\.5"):
        small("direct", teacher_forcing=0.5).fit(y)


# ----------------------------------------------------------------------------------------------------- training


@pytest.mark.parametrize("head", ["huber", "gaussian"])
def test_a_free_run_that_diverges_warns(head):
    model = small("recursive", cell=RNN(4, activation="relu"), n_units=None, head=head, n_epochs=1).fit(
        wave(60)
    )
    model.trained_.params.stack[0].recurrent_weights[:] = 2 * np.eye(4)
    model.trained_.params.stack[0].bias[:] = 1
    with pytest.warns(RuntimeWarning, match=r"the free run diverged: step \d+ of 400 is not finite"):
        assert np.isnan(model.predict(400)[-1])


def test_early_stopping_keeps_the_best_epoch():
    y = wave(200) + np.random.default_rng(0).standard_normal(200)
    model = small(n_units=32, n_epochs=60, patience=3).fit(y)
    history = model.history_
    assert model.training_.stopped == "patience"
    assert len(history) == model.training_.best_epoch + 3
    assert history["validation"].idxmin() == model.training_.best_epoch
    assert len(small(n_epochs=4, early_stopping=False).fit(y).history_) == 4
    assert small(n_epochs=4, early_stopping=False).fit(y).history_["validation"].isna().all()


def test_the_held_out_part_is_not_trained_on():
    """Without validation to choose by, what happens in the held-out part changes nothing."""
    y = wave(200)
    other = y.copy()
    other[-20:] += 5
    settings = {"n_epochs": 2, "steps_per_epoch": 5, "patience": None, "window_scale": "std"}
    models = [small(**settings).fit(values) for values in (y, other)]
    for a, b in zip(*(arrays_of(model.trained_.params) for model in models)):
        np.testing.assert_array_equal(a, b)


def test_threads_change_no_bit():
    y = wave(200)
    answers = [small(n_epochs=2, batch_size=150, n_jobs=n).fit(y).predict(12) for n in (None, 3)]
    np.testing.assert_array_equal(*answers)
    with pytest.raises(ValueError, match=r"'n_jobs' .* an int in the range \[1, inf\).* or None. Got 0"):
        small(n_jobs=0).fit(y)


def test_a_loss_that_explodes_ends_training():
    y = wave(200)
    settings = {
        "head": "squared",
        "optimizer": SGD(1e30),
        "clip_norm": None,
        "schedule": Constant(warm_up=40),
    }
    model = small(steps_per_epoch=10, **settings)
    with pytest.warns(ConvergenceWarning, match="training stopped in epoch"):
        model.fit(y)
    assert model.training_.stopped == "not finite"
    assert len(model.history_) < 12
    assert np.isfinite(model.predict(12)).all()


def test_warm_start_goes_on():
    y = wave(200)
    model = small(n_epochs=3, warm_start=True, early_stopping=False).fit(y)
    first = model.history_["loss"].iloc[-1]
    assert model.fit(y).history_["loss"].iloc[0] < 1.2 * first
    cold = small(n_epochs=3, early_stopping=False).fit(y).fit(y)
    assert cold.history_["loss"].iloc[0] > 3 * first
    with pytest.raises(ValueError, match=r"warm_start=True goes on from .* parameters of shapes"):
        model.set_params(n_units=8).fit(y)
    alike = small(cell=LSTM(8, forget="none"), n_units=None, n_epochs=1, warm_start=True).fit(y)
    with pytest.raises(ValueError, match=r"forget='none'.* but these settings mean .*forget='coupled'"):
        alike.set_params(cell=LSTM(8, forget="coupled")).fit(y)
    with pytest.raises(
        ValueError, match=r"\('last', 'std', \(\)\), but these settings mean \('mean', 'std', \(\)\)"
    ):
        small(n_epochs=1, warm_start=True).fit(y).set_params(window_centre="mean").fit(y)


def test_a_training_that_breaks_keeps_its_best_epoch():
    """No early stopping: the steps grow until they blow up."""
    schedule = Exploding()
    with pytest.warns(ConvergenceWarning, match="training stopped in epoch"):
        model = small(n_epochs=8, early_stopping=False, clip_norm=None, schedule=schedule).fit(wave(200))
    assert model.training_.best_epoch == model.history_["loss"].iloc[:-1].idxmin()
    assert np.abs(model.predict(12) - 10).max() < 2


class Exploding(Constant):
    """Sane for three epochs."""

    def __call__(self, step, n_steps):
        return 1.0 if step < 150 else 1e40


def test_what_a_warm_start_makes_worse_does_not_replace_what_it_began_with():
    y = wave(200)
    model = small(n_epochs=10, warm_start=True).fit(y)
    before = model.predict(6)
    model.set_params(optimizer=Adam(1.0), n_epochs=1).fit(y)
    assert model.training_.best_epoch == 0
    np.testing.assert_array_equal(model.predict(6), before)


def test_what_is_held_out_says_nothing_about_units():
    y, X = wave(200), np.random.default_rng(0).standard_normal((200, 1))
    model = small(n_epochs=1, window_centre=None, window_scale=None, validation_fraction=0.1)
    loss = model.fit(y, X).history_["loss"]
    y[180:], X[180:] = y[180:] + 1000, 1e4
    np.testing.assert_array_equal(model.fit(y, X).history_["loss"], loss)


def test_the_noise_of_a_flat_stretch_is_no_unit():
    rng = np.random.default_rng(0)
    busy = np.where((np.arange(1200) // 60) % 2 == 1, 5 + rng.standard_normal(1200), 0)
    for noise in (0, 1e-9, 1e-3):
        model = small(head="squared", window=12, n_epochs=4).fit(busy + noise * rng.standard_normal(1200))
        assert model.history_["loss"].max() < 1000
        forecast = model.predict(6, context=5 + np.random.default_rng(1).standard_normal(12))
        assert np.abs(forecast - 5).max() < 2.5


def test_a_flat_window_of_a_series_that_moves_has_an_interval():
    sparse = np.zeros(200)
    sparse[:180:7] = 3
    model = small(head="gaussian", window=12, n_epochs=4).fit(sparse)
    interval = model.predict_interval(2)
    assert (interval[:, 1] > interval[:, 0]).all()
    constant = small(head="gaussian", n_epochs=1).fit(np.full(100, 3.0))
    np.testing.assert_array_equal(constant.predict_interval(2), 3)
    np.testing.assert_array_equal(small(n_epochs=1, window=12).fit(sparse).predict(3), 0)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_the_layers_hear_shows_how_far_gradients_reach(strategy):
    y, X = wave(100), np.random.default_rng(0).standard_normal((100, 2))
    model = small(strategy, n_epochs=1).fit([y, y[:50]], [X, X[:50]])
    stack, params = model.trained_.network.stack, model.trained_.params.stack
    inputs = model.heard()
    norms = gradient_norms(stack, params, inputs)
    assert norms.shape == inputs.shape[:2] == ({"segments": 6, "recursive": 23}.get(strategy, 24), 2)
    np.testing.assert_allclose(inputs[:, :1], model.heard(y, X), rtol=1e-4, atol=1e-6)
    with pytest.raises(ValueError, match="X goes with context: leave it out"):
        model.heard(X=X)


def test_the_calendar_is_that_of_the_fit():
    index = pd.date_range("2020", periods=120, freq="h")
    series = pd.Series(wave(120), index=index)
    model = small(n_epochs=1, calendar=["hour", "day_of_week"]).fit(series)
    before = model.predict(3)
    pd.testing.assert_series_equal(model.set_params(calendar=["day_of_week", "hour"]).predict(3), before)
    assert small(n_epochs=1).fit(series).set_params(calendar=["hour"]).predict(2).notna().all()


def test_what_is_made_of_forecasters_takes_missing_columns_of_the_past_too():
    y, X = wave(200), np.random.default_rng(0).standard_normal((200, 2))
    inner = small(n_epochs=1, past_only=(0,))
    ahead = np.array([[np.nan, 0.3], [np.nan, 0.1]])
    alone = inner.fit(y, X).predict(2, ahead)
    for model in (
        ConformalForecaster(inner),
        EnsembleForecaster([inner, inner]),
        TransformedTargetForecaster(inner, []),
    ):
        np.testing.assert_allclose(model.fit(y, X).predict(2, ahead), alone, rtol=0, atol=1e-12)
    looks = EnsembleForecaster([inner, small(n_epochs=1)]).fit(y, X)
    with pytest.raises(ValueError, match="X contains NaN"):
        looks.predict(2, ahead)


def test_parts_are_searchable():
    model = small().set_params(optimizer__learning_rate=0.01, schedule__warm_up=5)
    assert model.optimizer.learning_rate == 0.01
    assert clone(model).schedule.warm_up == 5
    stack = Stack(LSTM(6), n_layers=2, residual=True)
    model = RecurrentForecaster(stack, max_horizon=4, n_epochs=2, optimizer=SGD()).fit(wave(60))
    assert len(model.trained_.params.stack) == 2


# ------------------------------------------------------------------------------------------------- distributions


def test_a_gaussian_head_knows_the_noise():
    rng = np.random.default_rng(0)
    y = wave(1200) + 0.5 * rng.standard_normal(1200)
    model = small(head="gaussian", n_epochs=25, batch_size=64).fit(y[:1000])
    covered, widths = [], []
    for t in range(1000, 1188, 4):
        interval = model.predict_interval(12, coverage=0.8)
        covered.append((interval[:, 0] <= y[t : t + 12]) & (y[t : t + 12] <= interval[:, 1]))
        widths.append(interval[:, 1] - interval[:, 0])
        model.update(y[t : t + 4])
    assert 0.7 < np.mean(covered) < 0.9
    assert np.mean(widths) == pytest.approx(2 * 0.5 * stats.norm.ppf(0.9), rel=0.25)
    quantiles = model.predict_quantiles(12, quantiles=(0.1, 0.5, 0.9))
    np.testing.assert_allclose(quantiles[:, [0, 2]], model.predict_interval(12, coverage=0.8), rtol=1e-6)
    np.testing.assert_allclose(quantiles[:, 1], model.predict(12), rtol=1e-6)
    samples = model.sample(12, 4000, random_state=0)
    np.testing.assert_allclose(np.quantile(samples, 0.9, axis=1), quantiles[:, 2], atol=0.1)
    by_residuals = model.predict_interval(3, coverage=0.5, initial=0.9)
    assert (by_residuals != model.predict_interval(3, coverage=0.5)).all()


def test_recursive_samples_are_paths():
    """A random walk: the spread grows with the root of the step, and a path depends on its past."""
    y = np.random.default_rng(0).standard_normal(1000).cumsum()
    settings = {"window_scale": None, "window": 4, "max_horizon": 8, "n_epochs": 15, "batch_size": 64}
    model = small("recursive", head="gaussian", **settings).fit(y)
    samples = model.sample(16, 600, random_state=0)
    spread = samples.std(axis=1)
    assert 3.0 < spread[15] / spread[0] < 5.5
    assert np.corrcoef(samples[7], samples[8])[0, 1] > 0.8
    quantiles = model.predict_quantiles(16, quantiles=(0.1, 0.9))
    drawn = np.quantile(samples, (0.1, 0.9), axis=1).T
    np.testing.assert_allclose(quantiles, drawn, atol=0.35 * spread.max())


def test_quantile_head():
    rng = np.random.default_rng(0)
    y = wave(1000) + rng.exponential(size=1000)
    model = small(head=Quantile((0.1, 0.5, 0.9)), n_epochs=20, batch_size=64).fit(y[:900])
    forecast = model.predict_quantiles(12)
    np.testing.assert_array_equal(forecast[:, 1], model.predict(12))
    gaps = np.diff(forecast, axis=1).mean(axis=0)
    assert gaps[1] > 1.5 * gaps[0]  # 1.61 and 0.59 for the exponential distribution
    with pytest.raises(ValueError, match="lies outside of the learned quantiles"):
        model.predict_interval(12, coverage=0.9)
    np.testing.assert_array_equal(model.predict_interval(12, coverage=0.8), forecast[:, [0, 2]])
    model = small(head="quantile", n_epochs=1).fit(y[:200])
    ends = model.predict_quantiles(4, quantiles=(0.05, 0.95))
    np.testing.assert_array_equal(model.predict_interval(4), ends)


@pytest.mark.parametrize("head", ["gaussian", "student_t", "quantile"])
def test_early_stopping_lets_paths_spread(head):
    """A random walk, whose 90 percent intervals are 3.3 and 11.4 wide: judged running free, no step would be sure."""
    y = np.random.default_rng(0).standard_normal(3000).cumsum()
    model = small("recursive", head=head, window=24, steps_per_epoch=50).fit(y)
    assert model.training_.best_epoch > 1
    low, high = model.predict_interval(12).T
    assert 2.3 < high[0] - low[0] < 5
    assert high[-1] - low[-1] > 2 * (high[0] - low[0])


@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_counts(strategy):
    rng = np.random.default_rng(0)
    season = np.exp(np.sin(2 * np.pi * np.arange(600) / 12))
    series = [rng.poisson(level * season).astype(float) for level in (1.0, 50.0)]
    settings = {"head": "negative_binomial", "n_epochs": 20, "batch_size": 64}
    model = small(strategy, **settings).fit([y[:588] for y in series])
    for forecast, level in zip(model.predict(12), (1.0, 50.0)):
        assert np.abs(forecast / (level * season[588:]) - 1).mean() < 0.35
        assert (forecast > 0).all()
    samples = model.sample(12, 50, random_state=0)
    assert all((drawn == np.rint(drawn)).all() and (drawn >= 0).all() for drawn in samples)
    quantiles = model.predict_quantiles(12, quantiles=np.linspace(0.05, 0.95, 19))
    assert all((counts == np.rint(counts)).all() for counts in quantiles)
    with pytest.raises(ValueError, match="counts are neither centred nor divided"):
        small(head="negative_binomial", window_centre="last").fit(series)
    with pytest.raises(ValueError, match="needs counts"):
        small(head="negative_binomial").fit(series[0] + 0.5)
    for wrong in (np.array([1.0, 2.5]), np.array([1.0, -1.0])):
        with pytest.raises(ValueError, match=r"series 1 of y or context is (2.5|-1) at step 1"):
            model.update([series[0][:2], wrong])
        with pytest.raises(ValueError, match=r"series 0 of y or context is (2.5|-1) at step 1"):
            model.predict(2, context=[wrong])


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("head", HEADS)
def test_every_head_with_every_strategy(head, strategy):
    """The point lies between the outer quantiles, and the samples about it."""
    mean = 200 + 60 * np.sin(2 * np.pi * np.arange(300) / 12)
    y = np.random.default_rng(0).poisson(mean[:288]).astype(float)
    model = small(strategy, head=head, n_epochs=8).fit(y)
    forecast = model.predict(12)
    assert np.sqrt(np.mean((forecast - mean[288:]) ** 2)) < 36  # without the season: 42
    if model.trained_.network.head.is_distribution:
        low, high = model.predict_quantiles(12, quantiles=(0.1, 0.9)).T
        assert ((low < forecast) & (forecast < high)).all()
        drawn = model.sample(12, 100, random_state=0).T
        outside = (drawn < low) | (drawn > high)
        assert np.mean(outside) == pytest.approx(0.2, abs=0.06)


# ------------------------------------------------------------------------------------------------ state and files


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_state_is_the_newest_window(strategy):
    y = wave(200) + 0.3 * np.random.default_rng(0).standard_normal(200)
    model = small(strategy, n_epochs=2).fit(y)
    n_read = model.trained_.network.window
    np.testing.assert_array_equal(model.predict(15, context=y[-n_read:]), model.predict(15))
    assert (model.predict(15, context=y[-n_read // 2 :]) != model.predict(15)).all()
    assert len(model.states_[0].values) == n_read


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_save_and_load(strategy, tmp_path):
    index = pd.date_range("2024-01-01", periods=100, freq="h")
    model = small(strategy, n_epochs=2, head="student_t").fit(pd.Series(wave(100), index))
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    pd.testing.assert_series_equal(again.predict(20), model.predict(20))
    pd.testing.assert_frame_equal(again.history_, model.history_)


# --------------------------------------------------------------------------------------------------------- errors


def test_errors_name_the_remedy():
    y = wave(60)
    cases = [
        (small(max_horizon=60, window=4), "no series has the 61 steps that max_horizon=60 needs"),
        (small(window=10, segment_length=4), "window=10 is no multiple of segment_length=4"),
        (small("recursive", segment_length=2), "strategy='recursive' goes step by step"),
        (small("recursive", linear_skip=True), "linear_skip=True need"),
        (small(window=1), "window=1 holds one value, which has no standard deviation"),
        (small(cell=GRU(4)), "brings its own size"),
        (small(head=Huber(-1.0)), "'delta' parameter"),
        (small(optimizer=SGD(-1.0)), "'learning_rate' parameter"),
        (RecurrentForecaster(Stack([GRU(4), LSTM(4)])), "'cell' parameter of Stack"),
        (LSTMForecaster(GRU(4)), "LSTMForecaster is made of LSTM cells"),
        (GRUForecaster("lstm"), "GRUForecaster is made of GRU cells"),
    ]
    for model, words in cases:
        with pytest.raises(ValueError, match=words):
            model.fit(y)
    assert RecurrentForecaster(RNN(4), max_horizon=3, n_epochs=1).fit(y).predict(3).shape == (3,)


def test_the_calendar_tells_the_hour():
    """A season that starts anew at any hour: only the index says when."""
    index = pd.date_range("2024-01-01", periods=500, freq="h")
    peak = 5.0 * (index.hour == 18)
    y = pd.Series(peak + 0.1 * np.random.default_rng(0).standard_normal(500), index)
    settings = {"window": 3, "max_horizon": 6, "window_centre": None, "window_scale": None, "n_epochs": 20}
    model = small(calendar=["hour"], **settings).fit(y[:480])
    for t in (480, 489, 494):
        forecast = model.predict(6, context=y[t - 40 : t])
        np.testing.assert_allclose(forecast, peak[t : t + 6], atol=1.0)
    with pytest.raises(ValueError, match="needs a y with a DatetimeIndex"):
        model.fit(y.to_numpy())
