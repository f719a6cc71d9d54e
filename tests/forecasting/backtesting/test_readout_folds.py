"""Backtests that learn the readout alone: equal to refitting, from one drive of the reservoir."""

from time import process_time

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from forecasting import FixedOrigins, Naive, ReservoirForecaster, RollingOrigin, backtest
from forecasting.backtesting.readout_folds import train_readouts
from reservoir import NVAR, EchoState, RidgeReadout

Y = np.sin(0.3 * np.arange(400.0)) + 0.3 * np.random.default_rng(1).normal(size=400)


def forecaster(alpha=1e-2, **options):
    """All but the readout is the same at every origin: no scaling to learn, one penalty, one seed."""
    readout = RidgeReadout(alpha, solver=options.pop("solver", "auto"))
    fixed = {"standardize": False, "differences": (), "washout": 20, "random_state": 0}
    return ReservoirForecaster(EchoState(40), readout=readout, **fixed | options)


def forecasts(model, refit, cv, y=Y, X=None, **options):
    result = backtest(model, y, X, cv=cv, refit=refit, metrics="mae", on_error="raise", **options)
    return result.forecasts["y_pred"].to_numpy(), result


@pytest.mark.parametrize("strategy", ["recursive", "direct"])
@pytest.mark.parametrize("solver", ["sums", "svd"])
@pytest.mark.parametrize("with_exog", [False, True])
def test_equals_refitting(strategy, solver, with_exog):
    X = np.random.default_rng(2).normal(size=(400, 2)) if with_exog else None
    y = Y if X is None else Y + X @ [0.5, -0.3]
    model = forecaster(strategy=strategy, solver=solver, max_horizon=6)
    cv = RollingOrigin(6, n_windows=8, stride=7)
    (alone, result), (refitted, _) = (forecasts(model, refit, cv, y, X) for refit in ("readout", True))
    np.testing.assert_allclose(alone, refitted, rtol=1e-8, atol=1e-10)
    assert result.folds["refitted"].tolist() == [True] + [False] * 7


def test_equals_refitting_on_panels_of_other_lengths_and_with_differences():
    series = [Y, Y[:300] + np.arange(300.0), Y[50:]]
    model = forecaster(differences=(1,))
    cv = RollingOrigin(5, n_windows=6)
    alone, refitted = (forecasts(model, refit, cv, series)[0] for refit in ("readout", True))
    np.testing.assert_allclose(alone, refitted, rtol=1e-8)


def test_several_targets_and_a_gap():
    y = np.stack([Y, np.roll(Y, 3)], axis=1)
    cv = RollingOrigin(5, n_windows=4, gap=3)
    alone, refitted = (forecasts(forecaster(), refit, cv, y)[0] for refit in ("readout", True))
    np.testing.assert_allclose(alone, refitted, rtol=1e-8)


def test_sliding_windows_learn_from_their_own_rows():
    """A finite memory, so that it does not matter that the state comes from before the window."""
    fixed = {"standardize": False, "differences": (), "washout": 10, "random_state": 0}
    model = ReservoirForecaster(NVAR(delays=3), readout=RidgeReadout(1e-3), **fixed)
    cv = RollingOrigin(4, n_windows=9, stride=5, window=100)
    alone, refitted = (forecasts(model, refit, cv)[0] for refit in ("readout", True))
    np.testing.assert_allclose(alone, refitted, rtol=1e-7)


def test_a_short_first_window_whose_washout_grows():
    cv = FixedOrigins(3, [20, 25, 45, 60, 200])
    alone, refitted = (forecasts(forecaster(), refit, cv)[0] for refit in ("readout", True))
    np.testing.assert_allclose(alone, refitted, rtol=1e-7)


def test_scaling_differences_and_penalty_stay_those_of_the_first_origin():
    cv = RollingOrigin(5, n_windows=3, stride=60)
    y = Y + 0.02 * np.arange(400)
    model = ReservoirForecaster(EchoState(30), random_state=0)
    alone, _ = forecasts(model, "readout", cv, y)
    fitted = model.fit(y[: 400 - 125])
    first = fitted.predict(5)
    np.testing.assert_allclose(alone[:5], first, rtol=1e-6)
    last = train_readouts(fitted, [y[:, None]], None, [[slice(0, 395)]])[0]
    assert last.readouts[0].alpha_ == fitted.readouts_[0].alpha_


def test_penalties_of_their_own_for_every_output():
    model = forecaster(strategy="direct", max_horizon=4)
    model.set_params(readout=RidgeReadout(alphas=[1e-3, 1.0, 1e3], selection="gcv"))
    fitted = model.fit(Y[:300])
    alphas = fitted.readouts_[0].alpha_
    fitted.readouts_[0].alpha_ = np.array([1e-3, 1.0, 1e3, 1.0])
    (one,) = train_readouts(fitted, [Y[:, None]], None, [[slice(0, 300)]])
    assert len(alphas) == 4
    for k, alpha in enumerate([1e-3, 1.0, 1e3, 1.0]):
        again = forecaster(alpha, strategy="direct", max_horizon=4).fit(Y[:300]).readouts_[0]
        np.testing.assert_allclose(one.readouts[0].coef_[k], again.coef_[k], rtol=1e-6, atol=1e-9)


def test_penalties_that_drown_in_sums_take_the_other_road():
    y = np.concatenate([Y, 1e3 * Y])  # the sums grow, and their rounding with them
    model = forecaster(1e-7)
    fitted = model.fit(y[:200])
    windows = [[slice(0, 200)], [slice(0, 790)]]
    trained = train_readouts(fitted, [y[:, None]], None, windows)
    assert fitted.readouts_[0].solver_ == "sums"
    assert [one.readouts[0].solver_ for one in trained] == ["svd", "svd"]


def test_intervals_and_containers():
    y = pd.Series(Y, pd.date_range("2020-01-01", periods=400, freq="D"))
    cv = RollingOrigin(4, n_windows=3)
    _, alone = forecasts(forecaster(), "readout", cv, y, coverage=0.8)
    _, refitted = forecasts(forecaster(), True, cv, y, coverage=0.8)
    pd.testing.assert_frame_equal(alone.forecasts, refitted.forecasts, rtol=1e-6)


def test_a_policy_for_each_model():
    models = {"reservoir": forecaster(), "naive": Naive()}
    cv = RollingOrigin(3, n_windows=4)
    result = backtest(models, Y, cv=cv, refit={"reservoir": "readout", "naive": 2}, metrics="mae")
    refitted = result.folds.groupby("model")["refitted"].sum()
    assert refitted.to_dict() == {"reservoir": 1, "naive": 2}
    assert result.errors.empty


def test_failures_are_reported():
    model = forecaster(strategy="direct", max_horizon=50)
    result = backtest(model, Y, cv=FixedOrigins(3, [40, 300]), refit="readout", metrics="mae")
    assert result.folds["error"].str.contains("no series has the 52 steps").tolist() == [True, True]


@pytest.mark.parametrize(
    ("model", "refit", "error", "message"),
    [
        (Naive(), "readout", TypeError, "needs a ReservoirForecaster, which 'Naive' is not; use refit=True"),
        (ReservoirForecaster(readout=LinearRegression()), "readout", TypeError, "needs a RidgeReadout"),
        (
            ReservoirForecaster(linearised_noise=0.1),
            "readout",
            ValueError,
            "{'linearised_noise': 0.1}; set it to 0",
        ),
        (Naive(), {"naive": 2}, ValueError, r"refit names \['naive'\], but the models are \['Naive'\]"),
    ],
)
def test_arguments_are_checked(model, refit, error, message):
    with pytest.raises(error, match=message):
        backtest(model, Y, cv=RollingOrigin(3), refit=refit)


def test_a_hundred_folds_cost_as_much_as_a_few_refits():
    """500 units, 10,000 steps; every tenth fold is refitted to compare."""
    y = np.sin(0.3 * np.arange(10_000.0)) + 0.3 * np.random.default_rng(1).normal(size=10_000)
    model = forecaster(1.0).set_params(reservoir=EchoState(500))
    plans = {"readout": RollingOrigin(20, n_windows=100), True: RollingOrigin(20, n_windows=10, stride=200)}
    seconds, found = {}, {}
    for refit, cv in plans.items():
        forecasts(model, refit, RollingOrigin(5, n_windows=2), y[:600])  # compile
        began = process_time()
        found[refit] = forecasts(model, refit, cv, y)[0].reshape(-1, 20)
        seconds[refit] = process_time() - began
    np.testing.assert_allclose(found["readout"][9::10], found[True], rtol=1e-8, atol=1e-8)
    assert 10 * seconds[True] > 12 * seconds["readout"]  # over 20 on a quiet machine
