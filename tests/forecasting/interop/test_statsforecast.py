"""Our forecasters as models of statsforecast: called as it calls them, and by itself where it is installed."""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from forecasting import Drift, Naive, RecursiveForecaster, SeasonalNaive, TransformedTargetForecaster
from forecasting.checks.examples import example_exog, example_series
from forecasting.interop.statsforecast import StatsForecastModel
from forecasting.transforms import Log

Y = example_series()
X = example_exog()


def test_a_model_forecasts_as_its_forecaster():
    drift = Drift().fit(Y)
    answer = StatsForecastModel(Drift()).fit(Y).predict(5, level=[80, 50])
    assert list(answer) == ["mean", "lo-80", "lo-50", "hi-50", "hi-80"]
    assert_array_equal(answer["mean"], drift.predict(5))
    assert_array_equal(answer["hi-80"], drift.predict_interval(5, coverage=0.8)[:, 1])
    again = StatsForecastModel(Drift()).forecast(Y, 5, fitted=True)
    assert_array_equal(again["mean"], answer["mean"])
    assert np.isnan(again["fitted"][:36]).all()
    assert again["fitted"][50] == Drift().fit(Y[:36]).update(Y[36:50]).predict(1)[0]
    model = TransformedTargetForecaster(Drift(), Log())  # whose errors are those of logarithms
    found = StatsForecastModel(model).forecast(Y, 5, fitted=True)["fitted"]
    assert found[50] == pytest.approx(model.fit(Y[:36]).update(Y[36:50]).predict(1)[0])


def test_exogenous_variables():
    model = StatsForecastModel(RecursiveForecaster(lags=3), alias="recursive")
    assert model.uses_exog
    assert repr(model.new()) == "recursive"
    fitted = model.fit(Y, X[:72])
    expected = RecursiveForecaster(lags=3).fit(Y, X[:72])
    assert_array_equal(fitted.predict(8, X[72:])["mean"], expected.predict(8, X[72:]))
    forward = model.forward(Y[:60], 4, X[:60], X[60:64])["mean"]
    assert_allclose(forward, expected.predict(4, X[:64], context=Y[:60]))
    assert not StatsForecastModel(Drift()).uses_exog
    assert_array_equal(
        StatsForecastModel(Drift()).fit(Y, X[:72]).predict(2, X[72:74])["mean"], Drift().fit(Y).predict(2)
    )


def test_what_is_not_offered():
    model = StatsForecastModel(Drift()).fit(Y)
    with pytest.raises(ValueError, match="forward gives the forecast alone"):
        model.forward(Y, 3, level=[90])
    model.prediction_intervals = object()
    for one in (model, model.new()):  # statsforecast fits what `new` gives
        with pytest.raises(ValueError, match="prediction_intervals of statsforecast do not apply"):
            one.fit(Y)


def test_fitted_values_and_their_intervals():
    """Through a logarithm the naive method stays what it is, and so do its fitted values."""
    for forecaster in (Naive(), TransformedTargetForecaster(Naive(), Log())):
        answer = StatsForecastModel(forecaster).forecast(Y, 2, level=[50, 90], fitted=True)
        fitted = ["fitted", "fitted-lo-90", "fitted-lo-50", "fitted-hi-50", "fitted-hi-90"]
        assert [name for name in answer if name.startswith("fitted")] == fitted
        assert_allclose(answer["fitted"][36:], Y[35:-1])
        inside = np.abs(Y[36:] - Y[35:-1]) <= (answer["fitted-hi-50"] - answer["fitted"])[36:] + 1e-12
        assert inside.sum() == 19  # the ceil(37 * 0.5)-th smallest of 36 errors
        assert_allclose(answer["fitted-hi-90"] - answer["fitted"], answer["fitted"] - answer["fitted-lo-90"])


@pytest.mark.filterwarnings("ignore")
def test_cross_validation_of_statsforecast():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        statsforecast = pytest.importorskip("statsforecast")
        from statsforecast.models import SeasonalNaive as Theirs

    index = pd.date_range("2018-01-01", periods=72, freq="MS")
    frame = pd.concat(
        [pd.DataFrame({"unique_id": k, "ds": index, "y": s * Y}) for k, s in (("a", 1), ("b", 2))]
    )
    models = [
        StatsForecastModel(SeasonalNaive(12), "ours"),
        Theirs(12),
        StatsForecastModel(RecursiveForecaster(lags=3)),
    ]
    engine = statsforecast.StatsForecast(models=models, freq="MS")
    engine.forecast(df=frame, h=2, level=[60], fitted=True)
    assert {"ours", "ours-lo-60", "ours-hi-60"} < set(engine.forecast_fitted_values())
    for refit in (True, 2):
        options = {"level": [60]} if refit is True else {}
        folds = engine.cross_validation(h=6, df=frame, n_windows=3, step_size=6, refit=refit, **options)
        assert_allclose(folds["ours"], folds["SeasonalNaive"], rtol=1e-6)
        last = folds[(folds["unique_id"] == "b") & (folds["cutoff"] == index[65])]
        if refit is True:
            expected = RecursiveForecaster(lags=3).fit(2 * Y[:66])
            assert_allclose(last["RecursiveForecaster"], expected.predict(6), rtol=1e-6)
            bounds = expected.predict_interval(6, coverage=0.6)
            assert_allclose(
                last[["RecursiveForecaster-lo-60", "RecursiveForecaster-hi-60"]], bounds, rtol=1e-6
            )
    ahead = engine.fit(frame).predict(3)
    assert_allclose(ahead["ours"], ahead["SeasonalNaive"], rtol=1e-6)
    direct = engine.forecast(df=frame, h=3, fitted=True)
    assert_allclose(direct["ours"], direct["SeasonalNaive"], rtol=1e-6)
