"""Combined forecasts, their weights, and futures lived through by residual bootstrap."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from sklearn.linear_model import Ridge

from forecasting import (
    Drift,
    EnsembleForecaster,
    Naive,
    RecursiveForecaster,
    SeasonalNaive,
    TransformedTargetForecaster,
    WindowAverage,
    bootstrap_paths,
    check_forecaster,
)
from forecasting.checks.examples import example_exog, example_series
from forecasting.composition.ensemble import inverse_error_weights, stacking_weights
from forecasting.transforms import Log

RNG = np.random.default_rng(8)
METHODS = ("mean", "median", "inverse_error", "stacking")


@pytest.mark.parametrize("method", METHODS)
def test_contract(method):
    check_forecaster(EnsembleForecaster([SeasonalNaive(season_length=12), Drift()], method=method))


def test_contract_with_exogenous_variables():
    check_forecaster(
        EnsembleForecaster([RecursiveForecaster(Ridge(1e-3), lags=4), Drift()]), skip=["check_copies"]
    )


def test_points_are_combinations():
    y = example_series(2)
    members = [Naive(), SeasonalNaive(season_length=12), WindowAverage(6)]
    paths = np.stack([member.fit(y).predict(5) for member in members])
    model = EnsembleForecaster(members).fit(y)
    np.testing.assert_allclose(model.predict(5), paths.mean(axis=0), rtol=1e-14)
    np.testing.assert_array_equal(
        model.set_params(method="median").fit(y).predict(5), np.median(paths, axis=0)
    )
    model.set_params(method="stacking").fit(y)
    np.testing.assert_allclose(model.predict(5), np.tensordot(model.weights_, paths, 1), rtol=1e-14)
    assert model.weights_.sum() == pytest.approx(1)


def test_stacking_weights_are_those_of_a_general_optimiser():
    common = RNG.normal(size=300)
    errors = common + RNG.normal(size=(4, 300)) * np.array([[0.5], [1.0], [2.0], [0.7]])
    found = stacking_weights(errors)
    expected = minimize(
        lambda w: ((w @ errors) ** 2).mean(),
        np.full(4, 0.25),
        bounds=[(0, 1)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
        options={"ftol": 1e-14},
    )
    np.testing.assert_allclose(found, expected.x, atol=1e-4)
    assert ((found @ errors) ** 2).mean() <= expected.fun * (1 + 1e-6)
    assert ((found @ errors) ** 2).mean() < (errors**2).mean(axis=1).min()


def test_inverse_errors_are_the_best_weights_of_independent_errors():
    std = np.array([1.0, 2.0, 3.0])
    errors = RNG.normal(size=(3, 200_000)) * std[:, np.newaxis]
    np.testing.assert_allclose(inverse_error_weights(errors), std**-2 / (std**-2).sum(), rtol=0.02)
    np.testing.assert_allclose(stacking_weights(errors), std**-2 / (std**-2).sum(), rtol=0.05)
    assert inverse_error_weights(np.array([[0.0, 0.0], [1.0, 1.0]])).tolist() == [1.0, 0.0]


@pytest.mark.parametrize("method", ["inverse_error", "stacking"])
def test_the_weights_find_the_member_that_knows(method):
    y = np.tile([0.0, 4.0, 9.0, 1.0], 30) + 0.1 * RNG.normal(size=120)
    model = EnsembleForecaster([Naive(), SeasonalNaive(season_length=4)], method=method).fit(y)
    assert model.weights_[1] > 0.99


def test_panels_share_their_weights_whatever_their_units():
    y = np.tile([0.0, 4.0, 9.0, 1.0], 20) + 0.3 * RNG.normal(size=80)
    members = [Naive(), SeasonalNaive(season_length=4), Drift()]
    alone = EnsembleForecaster(members, method="inverse_error").fit(y).weights_
    panel = EnsembleForecaster(members, method="inverse_error").fit([y, 1000 * y]).weights_
    np.testing.assert_allclose(panel, alone, rtol=1e-9)


def test_members_get_the_columns_that_they_use():
    """Members with exogenous variables, with calendars of their own, and with neither."""
    index = pd.date_range("2020-01-01", periods=80, freq="D")
    y = pd.Series(example_series(n_steps=72), index[:72])
    X = pd.DataFrame(example_exog(), index, columns=["p", "q"])
    plain = RecursiveForecaster(Ridge(1.0), lags=3)
    weekly = RecursiveForecaster(Ridge(1.0), lags=3, calendar=("day_of_week",))
    both = RecursiveForecaster(Ridge(1.0), lags=3, calendar=("month", "day_of_week"))
    members = [plain, weekly, both]
    model = EnsembleForecaster([*members, Naive()]).fit(y, X[:72])
    paths = [member.fit(y, X[:72]).predict(8, X[72:]) for member in members]
    expected = (sum(paths) + y.iloc[-1]) / 4
    pd.testing.assert_series_equal(model.predict(8, X[72:]), expected, check_names=False)
    without = EnsembleForecaster([weekly, Naive()]).fit(y).predict(3)
    expected = (weekly.fit(y).predict(3) + y.iloc[-1]) / 2
    pd.testing.assert_series_equal(without, expected, check_names=False)


def test_members_must_be_forecasters():
    for wrong in ([], [Naive(), Ridge()]):
        with pytest.raises(ValueError, match="must hold at least one forecaster and nothing else"):
            EnsembleForecaster(wrong).fit(np.arange(9.0))


# ------------------------------------------------------------------------------------------ bootstrap


def test_simulated_random_walks_spread_like_a_root():
    y = np.cumsum(RNG.normal(size=3000))
    paths = bootstrap_paths(Naive().fit(y), 9, 3000, random_state=0)
    np.testing.assert_allclose(paths.std(axis=1), np.sqrt(np.arange(1, 10)), rtol=0.06)
    np.testing.assert_allclose(paths.mean(axis=1), y[-1], atol=0.2)


def test_a_bootstrapped_path_that_leaves_the_logarithm_is_named():
    y = np.exp(np.random.default_rng(0).normal(size=100))
    model = TransformedTargetForecaster(Naive(), Log()).fit(y)
    with pytest.raises(
        ValueError, match=r"a path reached at step 1 what the forecaster cannot go on from: .*\.sample"
    ):
        bootstrap_paths(model, 10, 50, random_state=0)


def test_blocks_keep_the_dependence_of_errors():
    y = np.cumsum(np.tile([1.0, -1.0], 300))
    paths = bootstrap_paths(Naive().fit(y), 8, 200, block_length=8, random_state=0)
    steps = np.diff(paths, axis=0)
    np.testing.assert_array_equal(steps[1:], -steps[:-1])  # as the series has it


def test_simulation_keeps_containers_and_needs_exogenous_variables():
    y = pd.Series(example_series(), pd.period_range("2000-01", periods=72, freq="M"))
    X = pd.DataFrame(example_exog(), pd.period_range("2000-01", periods=80, freq="M"))
    model = RecursiveForecaster(Ridge(1.0), lags=3).fit(y, X[:72])
    frame = bootstrap_paths(model, [2, 4], 5, X[72:76], random_state=1)
    assert frame.shape == (2, 5)
    assert str(frame.index[1]) == "2006-04"
    again = bootstrap_paths(model, [2, 4], 5, X[72:76], random_state=1)
    pd.testing.assert_frame_equal(frame, again)
    panel = bootstrap_paths(Naive().fit([y.to_numpy(), y.to_numpy()[:60]]), 3, 4)
    assert [one.shape for one in panel] == [(3, 4), (3, 4)]


def test_bootstrap_errors():
    model = Naive().fit(np.arange(20.0) ** 1.5)
    for options in ({"n_samples": 0}, {"n_samples": 2.5}, {"block_length": 1.5}):
        ((name, value),) = options.items()
        with pytest.raises(ValueError, match=f"{name}={value} must be a whole number, at least 1"):
            bootstrap_paths(model, 3, **options)
    with pytest.raises(ValueError, match="block_length=11 exceeds the 10 errors that there are"):
        bootstrap_paths(model, 3, 5, block_length=11)


def test_the_median_leaves_out_what_has_diverged(monkeypatch):
    y = np.arange(20.0)
    model = EnsembleForecaster([Naive(), Drift(), Naive()], method="median").fit(y)
    lost = np.full((3, 1), np.nan)
    monkeypatch.setattr(model.forecasters_[0], "_predict", lambda states, n, X: [lost])
    expected = (Naive().fit(y).predict(3) + Drift().fit(y).predict(3)) / 2
    assert (model.predict(3) == expected).all()
    for member in model.forecasters_[1:]:
        monkeypatch.setattr(member, "_predict", lambda states, n, X: [lost])
    assert np.isnan(model.predict(3)).all()
