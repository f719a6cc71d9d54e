"""Backtests of series that miss values: filled by each forecaster's own rule, never scored, always counted."""

import numpy as np
import pandas as pd
import pytest

from forecasting import (
    AutoForecaster,
    Drift,
    EnsembleForecaster,
    Naive,
    ReservoirForecaster,
    RollingOrigin,
    SeasonalNaive,
    TransformedTargetForecaster,
    backtest,
    leaderboard,
    tune,
)
from forecasting.metrics import mae, mase

CV = RollingOrigin(4, n_windows=3)
Y = np.cumsum(np.random.default_rng(0).normal(size=40))


def filled(rule="previous", model=None):
    return TransformedTargetForecaster(model or Naive(), missing=rule)


def holed(*steps):
    y = Y.copy()
    y[list(steps)] = np.nan
    return y


def test_known_steps_are_scored_by_hand_and_the_others_counted():
    y = holed(5, 27, 30, 33)  # windows begin at 28, 32 and 36
    result = backtest(filled(), y, cv=CV, metrics=["mae", "mase"])
    for window, start in enumerate((28, 32, 36)):
        past, truth = y[:start], y[start : start + 4]
        known = ~np.isnan(truth)
        last = np.full(known.sum(), past[~np.isnan(past)][-1])
        scale = np.nanmean(np.abs(np.diff(past)))
        scores = result.scores[result.scores["window"] == window].set_index("metric")["value"]
        assert scores["mae"] == pytest.approx(mae(truth[known], last))
        assert scores["mase"] == pytest.approx(mae(truth[known], last) / scale)
    assert result.folds["unscored"].tolist() == [1, 1, 0]
    assert result.summary["unscored"].item() == 2
    assert "2 steps were not observed" in repr(result)
    assert result.forecasts["y_true"].isna().sum() == 2
    assert result.forecasts["y_pred"].notna().all()


def test_each_fold_fills_its_own_past():
    """A rule that looks at both sides of a hole at the origin must not look beyond it."""
    y = holed(34, 35)
    later = np.where(np.arange(40) >= 36, 1e6, y)
    first, second = (backtest(filled("linear"), each, cv=CV, metrics="mae").forecasts for each in (y, later))
    np.testing.assert_array_equal(first["y_pred"], second["y_pred"])


def test_nothing_changes_without_missing_values():
    result = backtest({"a": filled(), "b": Naive()}, Y, cv=CV, metrics="mase")
    assert "unscored" not in result.summary
    assert "unscored" not in result.folds
    assert len(set(result.summary["mase"])) == 1


def test_carried_on_by_update_and_in_panels():
    index = pd.date_range("2024-01-01", periods=40, freq="D")
    panel = [pd.Series(holed(30), index), pd.Series(Y[::-1].copy(), index)]
    once = backtest(filled(), panel, cv=CV, refit=False, metrics="mae")
    always = backtest(filled(), panel, cv=CV, metrics="mae")
    np.testing.assert_allclose(once.forecasts["y_pred"], always.forecasts["y_pred"])
    assert once.summary["unscored"].item() == 1
    board = leaderboard(backtest({"a": filled(), "b": filled(model=Drift())}, panel, cv=CV, metrics="mae"))
    assert board["score"].notna().all()


def test_several_targets_leave_out_the_whole_step():
    y = np.stack([Y, holed(37)], axis=1)
    result = backtest(filled(), y, cv=RollingOrigin(4, n_windows=1), metrics="mae")
    known = [36, 38, 39]
    assert result.scores["value"].item() == pytest.approx(mae(y[known], np.tile(y[35], (3, 1))))


def test_coverage_by_step_counts_known_truths_alone():
    y = holed(36)
    result = backtest(filled(), y, cv=RollingOrigin(2, n_windows=3), metrics="mae", coverage=0.5)
    truth = result.forecasts
    inside = truth["y_true"].between(truth["lower"], truth["upper"])[truth["y_true"].notna()]
    expected = inside.groupby(truth["step"]).mean()
    np.testing.assert_allclose(result.step_errors["coverage"], expected)


@pytest.mark.parametrize(
    ("metric", "steps", "text"),
    [
        ("mae", (36, 37, 38, 39), "no step of the window was observed whole"),
        ("valid_prediction_time", (37,), "1 of 4 steps were not observed, and their order counts"),
    ],
)
def test_what_cannot_be_scored_is_an_error(metric, steps, text):
    result = backtest(filled(), holed(*steps), cv=CV, metrics=metric)
    assert text in result.errors["error"].item()
    assert np.isnan(result.summary[metric].item())


def test_a_forecaster_without_a_rule_is_named():
    models = {"ruled": filled(), "plain": Naive()}
    with pytest.raises(ValueError, match=r"y has no value at step 5, and 'plain' has no rule for that: wrap"):
        backtest(models, holed(5), cv=CV)
    with pytest.raises(ValueError, match="y of series 1 has no value at step 7"):
        backtest(Naive(), [Y, holed(7)], cv=CV)
    with pytest.raises(ValueError, match="infinity"):
        backtest(filled(), np.where(np.arange(40) == 3, np.inf, Y), cv=CV)


def test_scales_over_known_changes():
    assert mase([5.0], [7.0], y_train=[1.0, np.nan, 3.0, 4.0, 6.0]) == pytest.approx(2.0 / 1.5)
    with pytest.raises(ValueError, match="no two known values season_length=1 steps apart"):
        mase([1.0], [1.0], y_train=[1.0, np.nan, 3.0])
    with pytest.raises(ValueError, match="y_train has 1 infinite values of 3"):
        mase([1.0], [1.0], y_train=[1.0, np.inf, 3.0])


def test_a_search_is_scored_as_by_a_backtest():
    y = holed(5, 27, 30, 33)
    rules = [None, "previous", "linear", "mean"]
    found = tune(filled(), y, cv=CV, space={"missing": rules})
    for row, model in zip(found.trials.itertuples(), found.forecasters):
        if model.missing is None:
            assert "contains NaN" in row.error
            continue
        assert row.score == pytest.approx(backtest(model, y, cv=CV, metrics="mae").summary["mae"].item())
    assert np.isfinite(found.best_forecaster_.predict(3)).all()
    with pytest.raises(
        RuntimeError, match="all 1 configurations failed, the first with: ValueError: y contains NaN"
    ):
        tune(SeasonalNaive(), y, cv=CV, space={"season_length": [1]})
    with pytest.raises(
        ValueError, match="'ReservoirForecaster' has no rule for that: wrap it in TransformedTarget"
    ):
        tune(ReservoirForecaster(), y, horizon=4)


def test_combinations_share_the_rule_of_their_members():
    y = holed(5, 27, 30, 33)
    members = [filled("linear"), filled("linear", Drift())]
    expected = np.mean([member.fit(y).predict(3) for member in members], axis=0)
    ensemble = EnsembleForecaster(members).fit(y)
    np.testing.assert_allclose(ensemble.predict(3), expected)
    assert backtest(ensemble, y, cv=CV, metrics="mae").errors.empty
    found = tune(filled(), y, cv=CV, space={"forecaster": [Naive(), Drift()]}, n_combined=2)
    assert np.isfinite(found.best_forecaster_.predict(3)).all()
    found = tune(filled(), y, cv=CV, space={"missing": ["previous", "linear", "mean"]}, n_combined=2)
    assert np.isfinite(found.best_forecaster_.predict(3)).all()
    automatic = AutoForecaster(candidates={"last": members[0], "line": members[1]}, max_horizon=4).fit(y)
    assert np.isfinite(automatic.predict(3)).all()
    for others in (filled("mean"), Naive()):
        with pytest.raises(ValueError, match=r"missing='linear'.* around the whole forecaster"):
            EnsembleForecaster([members[0], others]).fit(y)
    whole = TransformedTargetForecaster(EnsembleForecaster([Naive(), Drift()]), missing="linear").fit(y)
    np.testing.assert_allclose(whole.predict(3), expected)
