"""Tests of forecasters against each other, and leaderboards."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from forecasting import (
    Drift,
    Naive,
    RollingOrigin,
    SeasonalNaive,
    backtest,
    diebold_mariano,
    friedman_nemenyi,
    leaderboard,
    score_table,
)
from forecasting.backtesting.leaderboard import _overlap

RNG = np.random.default_rng(40)


# ------------------------------------------------------------------------------------------ Diebold-Mariano


def test_one_step_ahead_it_is_a_t_test():
    """Up to the divisor of the variance, n instead of n - 1, which the correction makes good exactly."""
    a, b = RNG.normal(size=(2, 25)) ** 2
    for alternative in ("two-sided", "less", "greater"):
        expected = stats.ttest_1samp(a - b, 0.0, alternative=alternative)
        found = diebold_mariano(a, b, alternative=alternative)
        assert found.statistic == pytest.approx(expected.statistic, rel=1e-12)
        assert found.pvalue == pytest.approx(expected.pvalue, rel=1e-12)


def test_several_steps_ahead_by_the_formula():
    a, b = RNG.normal(size=(2, 30)) ** 2
    d, n, h = a - b, 30, 3
    gamma = [sum((d[t] - d.mean()) * (d[t - k] - d.mean()) for t in range(k, n)) / n for k in range(h)]
    plain = d.mean() / np.sqrt((gamma[0] + 2 * (gamma[1] + gamma[2])) / n)
    corrected = plain * np.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    found = diebold_mariano(a, b, horizon=h)
    assert found.statistic == pytest.approx(corrected, rel=1e-12)
    assert diebold_mariano(b, a, horizon=h).statistic == pytest.approx(-corrected, rel=1e-12)


def test_size_under_the_null():
    rejected = [diebold_mariano(*RNG.normal(size=(2, 20)) ** 2).pvalue < 0.1 for _ in range(1000)]
    assert stats.binomtest(int(np.sum(rejected)), 1000, 0.1).pvalue > 1e-3


def test_equal_losses_are_not_told_apart():
    assert diebold_mariano([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])[:2] == (0.0, 1.0)


# ------------------------------------------------------------------------------------------ ranks


def test_critical_differences_are_those_of_the_published_table():
    """Demsar (2006), table 5(a): q at 0.05 for 2 to 10 models."""
    for k, q in ((2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)):
        found = friedman_nemenyi(RNG.normal(size=(14, k))).critical_difference
        assert found == pytest.approx(q * np.sqrt(k * (k + 1) / (6 * 14)), abs=2e-3)


def test_equals_scipy_and_the_formula_of_iman_and_davenport():
    scores = RNG.integers(0, 6, size=(12, 4)).astype(float)  # with ties
    chi_square = stats.friedmanchisquare(*scores.T).statistic
    found = friedman_nemenyi(scores)
    assert found.statistic == pytest.approx(11 * chi_square / (12 * 3 - chi_square), rel=1e-10)
    assert found.pvalue == pytest.approx(stats.f.sf(found.statistic, 3, 33), rel=1e-10)


def test_groups_are_the_longest_runs():
    level = np.array([0.0, 0.5, 3.0, 6.0])
    scores = pd.DataFrame(level + RNG.normal(size=(40, 4)), columns=list("abcd"))
    found = friedman_nemenyi(scores)
    assert found.groups == (("a", "b"),)
    assert found.ranks.index.tolist()[2:] == ["c", "d"]
    assert found.pvalue < 1e-10
    upside_down = friedman_nemenyi(-scores, best="high")
    pd.testing.assert_series_equal(upside_down.ranks, found.ranks)
    assert friedman_nemenyi(np.ones((5, 3))).pvalue == 1.0


# ------------------------------------------------------------------------------------------ leaderboards


@pytest.fixture(scope="module")
def results():
    season = np.tile([0.0, 5.0, 1.0, 8.0], 20)
    models = {"naive": Naive(), "season": SeasonalNaive(season_length=4), "drift": Drift()}
    cv = RollingOrigin(4, n_windows=6)
    data = {
        "calm": [season + 0.3 * RNG.normal(size=80) for _ in range(2)],
        "wild": season + RNG.normal(size=80),
    }
    return {name: backtest(models, y, cv=cv, metrics=("mae", "rmse")) for name, y in data.items()}


def test_score_table_puts_models_side_by_side(results):
    table = score_table(results["calm"], "rmse")
    assert table.shape == (12, 3)
    scores = results["calm"].scores
    chosen = scores[(scores["metric"] == "rmse") & (scores["model"] == "drift")]
    assert sorted(table["drift"]) == sorted(chosen["value"])
    assert friedman_nemenyi(table).ranks.index[0] == "season"


def test_leaderboard_over_data_sets(results):
    board = leaderboard({"calm": results["calm"], "wild": results["wild"]}, benchmark="naive")
    assert board.index[0] == "season"
    assert board.loc["season", "mean_rank"] < 1.5
    assert np.isnan(board.loc["season", "pvalue"])
    assert (board["pvalue"].dropna() < 0.01).all()
    calm, wild = (results[name].summary["mae"] for name in ("calm", "wild"))
    ratio = np.sqrt(calm["season"] / calm["naive"] * wild["season"] / wild["naive"])
    assert board.loc["season", "relative"] == pytest.approx(ratio)
    assert board.loc["naive", "relative"] == 1.0
    assert board["failed"].tolist() == [0, 0, 0]
    assert board["wins"].sum() == pytest.approx(1.0)


def test_coverage_is_best_near_its_nominal_value():
    y = np.cumsum(RNG.normal(size=200))
    models = {"naive": Naive(), "drift": Drift()}
    result = backtest(models, y, cv=RollingOrigin(5, n_windows=8), metrics="coverage", coverage=0.8)
    # As in a backtest of intervals that are much too narrow, and of others that are a little too wide.
    values = {
        "naive": [0.2, 0.0, 0.4, 0.2, 0.2, 0.0, 0.2, 0.4],
        "drift": [0.8, 1.0, 0.8, 0.8, 1.0, 0.8, 0.8, 1.0],
    }
    rows = result.scores["metric"] == "coverage"
    result.scores.loc[rows, "value"] = np.concatenate(
        [values[name] for name in result.scores["model"][rows].unique()]
    )
    board = leaderboard(result)
    assert board.index.tolist() == ["drift", "naive"]
    assert board.loc["drift", ["score", "mean_rank", "wins"]].tolist() == pytest.approx([0.875, 1.0, 1.0])
    assert board.loc["naive", "pvalue"] < 0.001


@pytest.mark.parametrize(
    ("stride", "gap", "overlap"), [(4, 0, 1), (2, 0, 2), (1, 0, 4), (3, 2, 2), (9, 0, 1)]
)
def test_windows_that_share_steps(stride, gap, overlap):
    result = backtest(Naive(), RNG.normal(size=80), cv=RollingOrigin(4, n_windows=6, stride=stride, gap=gap))
    assert _overlap(result) == overlap


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda r: diebold_mariano([1.0, 2.0], [1.0]), r"equally long; got shapes \(2,\), \(1,\)"),
        (
            lambda r: diebold_mariano([1.0, 2.0], [1.0, 3.0], horizon=2),
            "horizon=2 must be at least 1 and below",
        ),
        (lambda r: diebold_mariano([1.0, 2.0], [1.0, 3.0], alternative="more"), "alternative must be"),
        (lambda r: diebold_mariano([1.0, 0.0] * 4, [0.0, 1.0] * 4, horizon=2), "compare more windows"),
        (lambda r: friedman_nemenyi(np.ones((1, 3))), r"at least 2 cases and 2 models; got shape \(1, 3\)"),
        (
            lambda r: friedman_nemenyi(np.ones((3, 3)), best="least"),
            "best 'low' or 'high'; got alpha=0.05, best='least'",
        ),
        (
            lambda r: leaderboard(r["calm"], "mase"),
            r"metric='mase' was not measured; the backtest has \['mae', 'rmse'\]",
        ),
        (lambda r: leaderboard(r["calm"], benchmark="ets"), "benchmark='ets' is none of the models"),
    ],
)
def test_errors(results, call, message):
    with pytest.raises(ValueError, match=message):
        call(results)
