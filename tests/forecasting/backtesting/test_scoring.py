"""Metrics as scorers of scikit-learn's model selection."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit, cross_val_score, cross_validate

from forecasting import Drift, RecursiveForecaster, RollingOrigin, SeasonalNaive, forecast_scorer
from forecasting.checks.examples import example_exog, example_series
from forecasting.metrics import METRICS, interval_coverage, mae, mase, pinball, rmse, winkler_score

Y = example_series()
CV = TimeSeriesSplit(3, test_size=6)


def by_hand(model, score):
    return [score(Y[test], model.fit(Y[train]), Y[train]) for train, test in CV.split(Y)]


def test_scores_are_those_of_the_metrics():
    cases = {
        "rmse": ({}, lambda y, model, past: -rmse(y, model.predict(6))),
        "mase": (
            {"season_length": 12},
            lambda y, m, past: -mase(y, m.predict(6), y_train=past, season_length=12),
        ),
        "valid_prediction_time": (
            {"threshold": 0.5},
            lambda y, m, past: METRICS["valid_prediction_time"].function(y, m.predict(6), threshold=0.5),
        ),
        "winkler": (
            {"coverage": 0.8},
            lambda y, m, past: -winkler_score(y, *m.predict_interval(6, coverage=0.8).T, coverage=0.8),
        ),
        "coverage": (
            {"coverage": 0.8},
            lambda y, m, past: -abs(interval_coverage(y, *m.predict_interval(6, coverage=0.8).T) - 0.8),
        ),
        "pinball": (
            {"quantile": 0.2},
            lambda y, m, past: -pinball(y, m.predict_quantiles(6, quantiles=[0.2])[:, 0], quantile=0.2),
        ),
    }
    for name, (options, score) in cases.items():
        scorer = forecast_scorer(name, **options)
        found = cross_val_score(Drift(), Y, scoring=scorer, cv=CV, error_score="raise")
        assert_allclose(found, by_hand(Drift(), score), rtol=1e-12, err_msg=name)


def test_every_container_scores_alike():
    index = pd.date_range("2024-01-01", periods=72)
    stack = np.stack([Y, 2 * Y])
    long = pd.concat([pd.DataFrame({"unique_id": k, "ds": index, "y": y}) for k, y in zip("ab", stack)])
    past, ahead = (index <= index[59]), (index > index[59])
    for name, options in (("mae", {}), ("winkler", {"coverage": 0.8}), ("pinball", {"quantile": 0.3})):
        scorer = forecast_scorer(name, **options)
        one = scorer(Drift().fit(Y[:60]), Y[60:])
        assert_allclose(scorer(Drift().fit(pd.Series(Y, index)[past]), pd.Series(Y, index)[ahead]), one)
        frame = pd.DataFrame({"p": Y, "q": Y}, index)
        assert_allclose(scorer(Drift().fit(frame[past]), frame[ahead]), one)
        both = [Y, 2 * Y]
        assert_allclose(scorer(Drift().fit([y[:60] for y in both]), [y[60:] for y in both]), 1.5 * one)
        cut = np.tile(past, 2)
        assert_allclose(scorer(Drift().fit(long[cut]), long[~cut]), 1.5 * one)


@pytest.mark.parametrize("cv", [RollingOrigin(4, n_windows=3, gap=5), TimeSeriesSplit(3, test_size=4, gap=5)])
def test_a_gap_is_forecast_over(cv):
    scores = {
        "rmse": lambda y, model: -rmse(y, model.predict(9)[5:]),
        "winkler": lambda y, model: -winkler_score(y, *model.predict_interval(9)[5:].T, coverage=0.9),
        "pinball": lambda y, model: -pinball(y, model.predict_quantiles(9, quantiles=[0.5])[5:, 0]),
    }
    series = pd.Series(Y, pd.date_range("2024-01-01", periods=72))
    for name, score in scores.items():
        scorer = forecast_scorer(name, gap=5)
        expected = [score(Y[test], Drift().fit(Y[train])) for train, test in cv.split(Y)]
        for y in (Y, series):
            assert_allclose(cross_val_score(Drift(), y, scoring=scorer, cv=cv, error_score="raise"), expected)
    assert repr(scorer) == "forecast_scorer('pinball', gap=5)"
    with pytest.raises(ValueError, match=r"y must start right after the last observation"):
        cross_val_score(Drift(), series, scoring=forecast_scorer("rmse"), cv=cv, error_score="raise")
    X = example_exog(72)
    with pytest.raises(ValueError, match="X has 4 rows, expected 9 rows, one per step of the horizon"):
        cross_val_score(RecursiveForecaster(lags=3), Y, X, scoring=scorer, cv=cv, error_score="raise")


def test_with_exogenous_variables_and_several_metrics():
    X = example_exog(72)
    scoring = {"mase": forecast_scorer(), "own": forecast_scorer(lambda y_true, y_pred: mae(y_true, y_pred))}
    found = cross_validate(RecursiveForecaster(lags=3), Y, X, scoring=scoring, cv=CV, error_score="raise")
    train, test = list(CV.split(Y))[-1]
    answer = RecursiveForecaster(lags=3).fit(Y[train], X[train]).predict(6, X[test])
    assert_allclose(found["test_own"][-1], -mae(Y[test], answer))


def test_a_search_is_scored_as_a_forecaster():
    scorer = pickle.loads(pickle.dumps(forecast_scorer("rmse")))
    search = GridSearchCV(SeasonalNaive(), {"season_length": [1, 12]}, scoring=scorer, cv=CV).fit(Y[:60])
    assert search.best_params_ == {"season_length": 12}
    assert scorer(search, Y[60:]) == scorer(search.best_estimator_, Y[60:])
    assert repr(forecast_scorer("mase", season_length=4)) == "forecast_scorer('mase', season_length=4)"


def test_errors():
    with pytest.raises(ValueError, match=r"metric='owa' is no metric of one forecast: choose from mae, mse"):
        forecast_scorer("owa")
    with pytest.raises(ValueError, match="metric='mae' has no option 'season_length': it has none"):
        forecast_scorer("mae", season_length=12)
    with pytest.raises(ValueError, match="gap=-1 must be an integer of at least 0"):
        forecast_scorer("mae", gap=-1)
    with pytest.raises(ValueError, match=r"y has \[2, 3\] steps per series: they must be equal"):
        forecast_scorer()(Drift().fit([Y[:60], Y[:60]]), [Y[60:62], Y[60:63]])
