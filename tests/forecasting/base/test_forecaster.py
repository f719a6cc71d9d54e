"""The contract's own work: what it tells the hooks, what it keeps, and how scikit-learn sees it."""

import subprocess
import sys
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import (
    GridSearchCV,
    RandomizedSearchCV,
    TimeSeriesSplit,
    cross_val_score,
    learning_curve,
)

import forecasting
from forecasting import Forecaster, Naive, SeasonalNaive
from forecasting.base.forecaster import Forecaster as DirectForecaster
from forecasting.base.tags import ForecasterTags
from forecasting.checks.examples import example_exog, example_series

Y = example_series()


class Recorder(Forecaster):
    """Remembers what the hooks are given; its state is the list of all observations."""

    _parameter_constraints: ClassVar[dict] = {}

    def _fit(self, series, exog):
        self.seen_ = (series, exog)
        return list(series)

    def _predict(self, states, n_steps, exog):
        paths = [np.full((n_steps, y.shape[1]), float(len(y))) for y in states]
        return (
            paths if exog is None else [path + X.sum(axis=1, keepdims=True) for path, X in zip(paths, exog)]
        )

    def _update(self, states, series, exog):
        return [np.concatenate(pair) for pair in zip(states, series)]

    def _restart(self, series, exog):
        self.restarted_ = (series, exog)
        return list(series)

    def _forecaster_tags(self):
        return ForecasterTags(uses_exog=True)


def test_hooks_get_float_arrays_of_two_dimensions():
    X = example_exog()
    model = Recorder().fit(pd.Series(np.arange(5)), X[:5])
    (series,), (exog,) = model.seen_
    assert series.shape == (5, 1)
    assert series.dtype == np.float64
    np.testing.assert_array_equal(exog, X[:5])
    assert model.n_targets_ == 1
    assert model.n_features_in_ == 2
    assert model.cutoff_ == 4


def test_context_with_exogenous_variables():
    """`X` covers the context, then the horizon."""
    model = Recorder().fit(np.arange(5.0), np.arange(5.0))
    answer = model.predict(2, np.arange(6.0), context=np.zeros(4))
    np.testing.assert_array_equal(model.restarted_[1][0][:, 0], [0, 1, 2, 3])
    np.testing.assert_array_equal(answer, [4 + 4, 4 + 5])
    with pytest.raises(ValueError, match="X has 5 rows, expected 6"):
        model.predict(2, np.arange(5.0), context=np.zeros(4))
    with pytest.raises(ValueError, match="context has 2 column"):
        model.predict(2, np.arange(6.0), context=np.zeros((4, 2)))


def test_exogenous_variables_of_a_subset_of_steps():
    """A recursive model needs every step on the way, so `X` always starts with the first one."""
    model = Recorder().fit(np.arange(5.0), np.zeros(5))
    np.testing.assert_array_equal(model.predict([2, 4], np.arange(4.0)), [6, 8])
    with pytest.raises(ValueError, match="X has 2 rows, expected 4 rows, one per step of the horizon"):
        model.predict([2, 4], np.arange(2.0))


def test_updates_accumulate():
    index = pd.date_range("2024-01-01", periods=9, freq="W")
    y, X = pd.Series(np.arange(9.0), index), pd.DataFrame({"p": np.arange(9.0)}, index)
    model = Recorder().fit(y[:5], X[:5]).update(y[5:7], X[5:7])
    assert model.cutoff_ == index[6]
    np.testing.assert_array_equal(model.series_[0][:, 0], np.arange(7.0))
    np.testing.assert_array_equal(model.exog_[0][:, 0], np.arange(7.0))
    pd.testing.assert_series_equal(model.predict(index[7:], X[7:]), pd.Series([14.0, 15.0], index[7:]))


def test_series_of_a_panel_end_where_they_end():
    a = pd.Series(Y, pd.date_range("2024-01-01", periods=len(Y), freq="D"))
    b = pd.Series(Y[:50], pd.period_range("2020-01", periods=50, freq="M"))
    model = Naive().fit([a, b, Y])
    assert model.cutoff_ == [a.index[-1], b.index[-1], len(Y)]
    first, second, third = model.predict(2)
    assert first.index[0] == pd.Timestamp("2024-03-13")
    assert second.index[0] == pd.Period("2024-03")
    np.testing.assert_array_equal(third, Y[-1])
    lower = [one["lower"] for one in model.predict_interval(2)[:2]]
    assert [len(one) for one in lower] == [2, 2]


class TestScore:
    def test_is_scaled_by_the_training_series(self):
        model = Naive().fit([1.0, 3.0, 2.0, 4.0])  # mean change 5 / 3
        assert model.score([5.0, 6.0]) == pytest.approx(-(1 + 2) / 2 / (5 / 3))
        assert model.update([4.0]).score([5.0]) == pytest.approx(-1 / (5 / 3))  # the scale stays that of fit

    def test_is_the_mean_over_series_and_targets(self):
        past = [np.array([[0.0, 0.0], [1.0, 2.0]]), np.array([[0.0, 0.0], [4.0, 8.0]])]
        model = Naive().fit(past)
        assert model.score([past[0][1:] + 1.0, past[1][1:] + 2.0]) == pytest.approx(
            -(1 + 1 / 2 + 2 / 4 + 2 / 8) / 4
        )

    def test_needs_a_series_that_moves(self):
        for y in ([3.0, 3.0, 3.0], [1.0]):
            with pytest.raises(
                ValueError, match="scaled by the mean change of the training series, which is 0"
            ):
                Naive().fit(y).score([3.0])

    def test_needs_what_follows(self):
        y = pd.Series(Y)
        with pytest.raises(ValueError, match=r"start right after the last observation \(49\)"):
            Naive().fit(y[:50]).score(y[51:])


class TestModelSelection:
    def test_grid_search_finds_the_season(self):
        y = pd.Series(np.tile([0.0, 3.0, 1.0, 7.0, 2.0], 20) + 0.1 * np.arange(100) ** 0.5)
        cv = TimeSeriesSplit(n_splits=3, test_size=10)
        search = GridSearchCV(SeasonalNaive(), {"season_length": [1, 4, 5, 6]}, cv=cv).fit(y)
        assert search.best_params_ == {"season_length": 5}
        np.testing.assert_array_equal(search.predict([1, 2]), y[95:97])
        assert search.predict([1, 2]).index.tolist() == [100, 101]
        randomised = RandomizedSearchCV(SeasonalNaive(), {"season_length": [4, 5]}, n_iter=2, cv=cv).fit(
            y.to_numpy()
        )
        assert randomised.best_params_ == {"season_length": 5}

    def test_a_custom_scorer_and_curves(self):
        cv = TimeSeriesSplit(n_splits=3, test_size=10)

        def bias(model, y, X=None):
            return float(np.mean(model.predict(len(y)) - y))

        scores = cross_val_score(Naive(), Y, cv=cv, scoring=bias)
        assert scores[-1] == pytest.approx((Y[61] - Y[62:]).mean())
        sizes, _, _ = learning_curve(Naive(), Y, None, cv=cv, train_sizes=[1.0], shuffle=False)
        assert sizes.tolist() == [42]

    def test_a_frame_with_exogenous_variables(self):
        index = pd.date_range("2024-01-01", periods=72, freq="B")
        y, X = pd.DataFrame(example_series(2), index, ["a", "b"]), pd.DataFrame(example_exog(72), index)
        search = GridSearchCV(Recorder(), {}, cv=TimeSeriesSplit(3, test_size=5), error_score="raise").fit(
            y, X
        )
        assert search.best_estimator_.exog_names_ == (0, 1)
        assert np.isfinite(search.best_score_)


def test_tags():
    tags = SeasonalNaive(season_length=3).__sklearn_tags__()
    assert tags.estimator_type == "forecaster"
    assert (tags.input_tags.one_d_array, tags.input_tags.two_d_array) == (True, False)
    assert not tags.forecaster_tags.uses_newest
    assert tags.regressor_tags is None


def test_parameters_are_validated():
    with pytest.raises(ValueError, match="The 'season_length' parameter of SeasonalNaive must be an int"):
        SeasonalNaive(season_length=0).fit(Y)
    with pytest.raises(ValueError, match="n_samples=0 must be a whole number, at least 1"):
        Naive().fit(Y).sample(3, n_samples=0)


# ------------------------------------------------------------------------------------------------- package


def test_lazy_names_are_found():
    assert forecasting.Forecaster is DirectForecaster
    for name in forecasting.__all__:
        assert getattr(forecasting, name) is not None
        assert name in dir(forecasting)
    with pytest.raises(AttributeError, match="module 'forecasting' has no attribute 'Prophet'"):
        _ = forecasting.Prophet


def test_statsmodels_is_loaded_when_first_needed():
    code = """
import sys, forecasting
assert "statsmodels" not in sys.modules
forecasting.FORECASTERS["naive"]().fit([1.0, 2.0]).predict(1)
assert "statsmodels" not in sys.modules
assert forecasting.FORECASTERS["theta"](season_length=4).season_length == 4
assert "statsmodels" in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
