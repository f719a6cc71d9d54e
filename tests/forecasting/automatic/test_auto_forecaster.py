"""AutoForecaster: what it tries, how it chooses, and the time it takes."""

from time import perf_counter, sleep
from typing import ClassVar

import numpy as np
import pytest

from forecasting import (
    AutoForecaster,
    Drift,
    Naive,
    RecursiveForecaster,
    SeasonalNaive,
    TransformedTargetForecaster,
    WindowAverage,
)
from forecasting.automatic.candidate_models import BENCHMARK, DEFAULTS, Situation, make_candidates
from forecasting.automatic.race import Race, RaceWindows, _rehearsal
from forecasting.metrics import smape

RNG = np.random.default_rng(50)
FAST = {"drift": Drift(), "average": WindowAverage(8), "naive": Naive()}


class Shifted(Naive):
    """The last value and a constant error; it may take its time, or fail on long series."""

    _parameter_constraints: ClassVar[dict] = {"by": [float], "seconds": [float], "longest": [int]}

    def __init__(self, by=0.0, seconds=0.0, longest=10_000):
        self.by = by
        self.seconds = seconds
        self.longest = longest

    def _fit_one(self, y, X):
        sleep(self.seconds)
        if len(y) > self.longest:
            raise ValueError("the series is too long\nfor me")
        return super()._fit_one(y, X)

    def _predict_one(self, model, n_steps, X):
        return super()._predict_one(model, n_steps, X) + self.by


def seasonal(n_steps=96, noise=1.0):
    return 20 + np.tile([0.0, 6.0, 2.0, -4.0], n_steps // 4) + noise * RNG.normal(size=n_steps)


def scores(model):
    return {trial.name: trial.score for trial in model.trials_}


@pytest.mark.parametrize("noise", [0.1, 3.0, 30.0])
def test_never_worse_than_seasonal_naive_on_its_own_backtest(noise):
    for _ in range(5):
        y = seasonal(noise=noise) + np.cumsum(RNG.normal(size=96))
        model = AutoForecaster(candidates=FAST, season_length=4).fit(y)
        assert model.score_ <= scores(model)[BENCHMARK]
        assert model.score_ == model.report()["score"].min()


def test_scores_are_those_of_a_plain_loop():
    panel = [seasonal(), 1000 * seasonal(80)]
    model = AutoForecaster(candidates=FAST, season_length=4, max_horizon=5, n_windows=3).fit(panel)
    errors = []
    for back in (3, 2, 1):
        for y in panel:
            cut = len(y) - 5 * back
            first = y[: len(y) - 15]
            unit = np.abs(first[4:] - first[:-4]).mean()
            errors.append(np.abs(Drift().fit(y[:cut]).predict(5) - y[cut : cut + 5]).mean() / unit)
    assert scores(model)["drift"] == pytest.approx(np.mean(errors), rel=1e-12)
    assert len(model.trials_) == 4


def test_metrics():
    y = seasonal(120)
    found = {
        m: AutoForecaster(candidates=FAST, season_length=4, metric=m).fit(y) for m in ("mase", "smape", "owa")
    }
    by = {metric: scores(model) for metric, model in found.items()}
    windows = [(y[:cut], y[cut : cut + 12]) for cut in (84, 96, 108)]
    expected = np.mean([smape(truth, Drift().fit(past).predict(12)) for past, truth in windows])
    assert by["smape"]["drift"] == pytest.approx(expected, rel=1e-12)
    ratios = [by[metric]["drift"] / by[metric][BENCHMARK] for metric in ("mase", "smape")]
    assert by["owa"]["drift"] == pytest.approx(np.mean(ratios), rel=1e-12)
    assert by["owa"][BENCHMARK] == pytest.approx(1.0)
    assert found["owa"].score_ <= 1.0


def test_opposite_errors_are_combined():
    y = np.cumsum(0.1 * RNG.normal(size=90))
    members = {"high": Shifted(0.2), "low": Shifted(-0.2)}
    model = AutoForecaster(candidates=members, season_length=30, max_horizon=1, n_windows=10).fit(y)
    assert "high" in model.choice_
    assert "low" in model.choice_
    assert model.score_ < min(scores(model).values())
    members = [member.fit(y).predict(1) for member in model.forecaster_.forecasters]
    np.testing.assert_allclose(model.predict(1), np.mean(members, axis=0))
    assert model.report()["name"].iloc[0] == model.choice_
    assert f"{model.choice_}: mase" in model.reason_
    assert "over 10 windows of 1 steps, seasonal naive" in model.reason_


def test_a_candidate_that_fails_is_reported_and_one_that_cannot_be_refitted_is_passed_over():
    y = np.cumsum(RNG.normal(size=60))
    fails = AutoForecaster(candidates={"broken": Shifted(longest=3)}, season_length=4).fit(y)
    (trial,) = (trial for trial in fails.trials_ if trial.name == "broken")
    assert trial.note == "failed: ValueError: the series is too long for me"
    assert "without a score: broken" in fails.reason_
    last = AutoForecaster(candidates={"naive": Shifted(longest=59)}, season_length=50, max_horizon=2).fit(y)
    assert scores(last)["naive"] < scores(last)[BENCHMARK]  # but it fails on all 60 steps
    assert last.choice_ == BENCHMARK


def test_what_takes_too_long_is_left_out():
    y = [seasonal(400) for _ in range(9)]
    began = perf_counter()
    model = AutoForecaster(
        4.0, candidates={"slow": Shifted(seconds=0.3), "naive": Naive()}, season_length=4
    ).fit(y)
    assert perf_counter() - began < 6
    notes = {trial.name: trial.note for trial in model.trials_}
    assert notes["slow"].startswith("left out: a fit takes about ")
    assert notes["naive"] == ""


def test_a_network_is_looked_at_for_one_epoch():
    (_, candidate) = make_candidates(["gru"], Situation(4, 6, 90, True))
    forecaster, factor = _rehearsal(candidate, 100.0)
    assert forecaster.get_params()["forecaster__n_epochs"] == 1
    assert factor == candidate.forecaster.get_params()["forecaster__n_epochs"]
    assert _rehearsal(make_candidates(["drift"], Situation(4, 6, 90, True))[1], 100.0)[1] == 100.0


def test_what_turns_out_slow_is_given_up():
    model = AutoForecaster(1.0, candidates={"slow": Shifted(seconds=0.4)}, season_length=4).fit(seasonal(48))
    assert model.trials_[1].note.startswith("given up for time: a fit takes 0.4")
    assert model.choice_ == BENCHMARK


def test_seasons_are_found():
    assert AutoForecaster(candidates=FAST).fit([seasonal(), seasonal(60)]).season_length_ == 4
    assert AutoForecaster(candidates=FAST).fit(RNG.normal(size=60)).season_length_ == 1


def test_short_series_are_forecast_without_comparison():
    model = AutoForecaster(candidates=FAST, season_length=12).fit([5.0])
    assert model.predict(2).tolist() == [5.0, 5.0]
    assert "too short to compare" in model.reason_
    assert np.isnan(model.score_)
    assert RaceWindows.of(20, 12, 3) == (10, 1)
    assert RaceWindows.of(100, 12, 3) == (12, 3)
    assert RaceWindows.of(1, 12, 3) == (0, 0)


def test_what_alone_can_be_fitted_on_all_steps_is_kept_without_a_score():
    """No candidate comes through the windows: even the benchmark needs a longer series than there is."""
    y = RNG.normal(size=12)
    model = AutoForecaster(candidates={"average": WindowAverage(12)}, season_length=100).fit(y)
    np.testing.assert_allclose(model.predict(1), y.mean())
    assert np.isnan(model.score_)
    assert model.reason_.startswith(
        "average: the first that could be fitted on all steps; none could be scored"
    )
    assert model.report()["note"].str.startswith("failed").all()


def test_exogenous_variables_reach_those_that_use_them():
    X = RNG.normal(size=(108, 1))
    y = seasonal(96, noise=0.1) + 10 * X[:96, 0]
    members = {"regression": RecursiveForecaster(lags=8), "drift": Drift()}
    model = AutoForecaster(candidates=members, season_length=4).fit(y, X[:96])
    assert model.choice_ == "regression"
    expected = RecursiveForecaster(lags=8).fit(y, X[:96]).predict(12, X[96:])
    np.testing.assert_allclose(model.predict(12, X[96:]), expected)


def test_variables_that_the_choice_does_not_look_at_may_be_unknown_ahead():
    X = RNG.normal(size=(40, 2))
    model = AutoForecaster(candidates={"lags": RecursiveForecaster(lags=2)}).fit(np.full(40, 3.0), X)
    assert model.choice_ == BENCHMARK
    assert model.predict(2, np.full((2, 2), np.nan)).tolist() == [3.0, 3.0]
    chosen = AutoForecaster(candidates={"lags": RecursiveForecaster(lags=12)}).fit(X @ [5.0, 3.0], X)
    assert "lags" in chosen.choice_
    with pytest.raises(ValueError, match="X contains NaN"):
        chosen.predict(2, np.full((2, 2), np.nan))


def test_intervals_come_from_a_choice_made_before():
    y = seasonal(120)
    model = AutoForecaster(candidates=FAST, season_length=4).fit(y)
    assert model.early_lengths_ == (60,)
    names = [type(member).__name__ for member in model.early_forecaster_.forecasters]
    assert "SeasonalNaive" in names
    lower, upper = model.predict_interval(3, coverage=0.8).T
    assert (lower < model.predict(3)).all()
    assert (upper > lower).all()
    assert model.predict_interval(3, coverage=0.5, initial=30).shape == (3, 2)


@pytest.mark.parametrize("name", DEFAULTS)
def test_default_candidates_forecast(name):
    y = seasonal(96)[:, None]
    (_, candidate) = make_candidates([name], Situation(4, 6, 90, True, 50))
    model = candidate.forecaster
    epochs = {key: 1 for key in model.get_params() if key.endswith(("n_epochs", "steps_per_epoch"))}
    states = model.set_params(**epochs).fit_arrays([y], None)
    assert np.isfinite(model.predict_states(states, 6, None)[0]).all()


def test_candidates_depend_on_the_situation():
    names = [one.name for one in make_candidates(None, Situation(4, 6, 90, False))]
    assert names[0] == BENCHMARK
    assert "log_ridge" not in names
    assert "long_ridge" in names
    assert "panel_network" not in names
    assert "long_ridge" not in [one.name for one in make_candidates(None, Situation(24, 6, 90, True))]
    season = make_candidates(["ets"], Situation(4, 6, 90, True))[1].forecaster.season_length
    assert season == 4


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (["best"], "candidates names 'best'; known are naive, drift"),
        ({"best": 3}, r"candidates holds \{'best': 3\}, which are no forecasters"),
        (
            {"weekly": RecursiveForecaster(calendar=("day_of_week",))},
            "'weekly' with calendar features, which are not supported here: pass them as columns of X",
        ),
    ],
)
def test_errors(candidates, message):
    with pytest.raises(ValueError, match=message):
        AutoForecaster(candidates=candidates).fit(seasonal())


def test_the_benchmark_is_not_tried_twice():
    candidates = make_candidates(
        {BENCHMARK: Naive(), "transformed": TransformedTargetForecaster()}, Situation(4, 6, 90, True)
    )
    assert [type(one.forecaster) for one in candidates] == [SeasonalNaive, TransformedTargetForecaster]
    assert Race([], None, RaceWindows(0, 0), 1, 0.0).options() == []
