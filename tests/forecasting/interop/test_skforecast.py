"""The windowed echo-state network inside skforecast, whose recursion equals ours."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("skforecast")
    from skforecast.direct import ForecasterDirect
    from skforecast.model_selection import TimeSeriesFold, backtesting_forecaster
    from skforecast.recursive import ForecasterRecursive

from forecasting import DirectForecaster, RecursiveForecaster
from forecasting.checks.examples import example_exog, example_series
from reservoir import EchoState, WindowESNRegressor

pytestmark = pytest.mark.filterwarnings("ignore")
INDEX = pd.date_range("2018-01-01", periods=80, freq="MS")
Y = pd.Series(example_series(), INDEX[:72], name="demand")
X = pd.DataFrame(example_exog(), INDEX, columns=["p", "q"])


def network(**options):
    return WindowESNRegressor(
        lag_order="newest_first", reservoir=EchoState(20, random_state=0), readout=Ridge(0.1), **options
    )


@pytest.mark.parametrize("regressor", [Ridge(0.1), network()], ids=["ridge", "network"])
def test_recursion_equals_ours(regressor):
    theirs = ForecasterRecursive(regressor, lags=12)
    theirs.fit(Y)
    ours = RecursiveForecaster(regressor, lags=12).fit(Y)
    np.testing.assert_allclose(ours.predict(8), theirs.predict(8), rtol=1e-6)


def test_exogenous_columns_stand_behind_the_window():
    regressor = network(n_static=2)
    theirs = ForecasterRecursive(regressor, lags=12)
    theirs.fit(Y, exog=X[:72])
    ours = RecursiveForecaster(regressor, lags=12).fit(Y, X[:72])
    np.testing.assert_allclose(ours.predict(8, X[72:]), theirs.predict(8, exog=X[72:]), rtol=1e-6)


def test_direct_equals_ours():
    """skforecast's windows are those for which all steps are known, as ours are."""
    theirs = ForecasterDirect(Ridge(0.1), lags=6, steps=5)
    theirs.fit(Y)
    ours = DirectForecaster(Ridge(0.1), lags=6, max_horizon=5).fit(Y)
    np.testing.assert_allclose(ours.predict(5), theirs.predict(5), rtol=1e-8)


def test_backtesting_of_skforecast_runs():
    cv = TimeSeriesFold(steps=6, initial_train_size=54, refit=True, fixed_train_size=False)
    forecaster = ForecasterRecursive(network(), lags=12)
    scores, forecasts = backtesting_forecaster(
        forecaster, y=Y, cv=cv, metric="mean_absolute_error", show_progress=False
    )
    assert len(forecasts) == 18
    errors = [
        Y.iloc[cut : cut + 6] - RecursiveForecaster(network(), lags=12).fit(Y[:cut]).predict(6)
        for cut in (54, 60, 66)
    ]
    np.testing.assert_allclose(
        scores["mean_absolute_error"], np.abs(np.concatenate(errors)).mean(), rtol=1e-6
    )
