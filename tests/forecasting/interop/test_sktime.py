"""Our forecasters as sktime's, and its reductions beside ours."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    pytest.importorskip("sktime")
    from sktime.forecasting.compose import make_reduction
    from sktime.forecasting.model_evaluation import evaluate
    from sktime.forecasting.model_selection import ExpandingWindowSplitter
    from sktime.utils.estimator_checks import check_estimator

    from forecasting.interop.sktime import SktimeForecaster

from forecasting import (
    DirectForecaster,
    Drift,
    EnsembleForecaster,
    MultiOutputForecaster,
    RecursiveForecaster,
    RollingOrigin,
    TransformedTargetForecaster,
    backtest,
)
from forecasting.checks.examples import example_exog, example_series
from reservoir import EchoState, WindowESNRegressor

pytestmark = pytest.mark.filterwarnings("ignore")
INDEX = pd.period_range("2018-01", periods=80, freq="M")
Y = pd.Series(example_series(), INDEX[:72], name="demand")


def test_nothing_is_warned_of():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        SktimeForecaster(Drift()).fit(Y).update(Y[-1:])


@pytest.mark.slow
def test_sktime_checks():
    check_estimator(SktimeForecaster, raise_exceptions=True, verbose=False)


def test_answers_are_those_of_the_forecaster():
    X = pd.DataFrame(example_exog(), INDEX, columns=["p", "q"])
    inner = RecursiveForecaster(lags=3)
    model = SktimeForecaster(inner).fit(Y, X=X[:72], fh=[1, 4, 8])
    inner.fit(Y, X[:72])
    np.testing.assert_allclose(model.predict(X=X[72:]), inner.predict([1, 4, 8], X[72:]))
    quantiles = model.predict_quantiles(X=X[72:], alpha=[0.2, 0.7])
    expected = inner.predict_quantiles([1, 4, 8], X[72:], [0.2, 0.7])
    np.testing.assert_allclose(quantiles, expected)
    assert list(quantiles.columns) == [("demand", 0.2), ("demand", 0.7)]
    assert np.isinf(model.predict_quantiles(X=X[72:], alpha=[0.999])).all(axis=None)


def test_update_moves_the_state_or_refits():
    for keep, expected in ((False, Drift().fit(Y[:60]).update(Y[60:])), (True, Drift().fit(Y))):
        model = SktimeForecaster(Drift()).fit(Y[:60], fh=[1, 2]).update(Y[60:], update_params=keep)
        np.testing.assert_allclose(model.predict(), expected.predict(2))


def test_missing_values_reach_a_forecaster_with_a_rule():
    holed = Y.where(np.arange(72) % 7 != 3)
    ruled = TransformedTargetForecaster(Drift(), missing="linear")
    for inner in (ruled, EnsembleForecaster([ruled, ruled])):
        model = SktimeForecaster(inner).fit(holed, fh=[1, 2])
        np.testing.assert_allclose(model.predict(), ruled.fit(holed).predict(2))
    with pytest.raises(ValueError, match="missing data"):
        SktimeForecaster(Drift()).fit(holed, fh=[1, 2])


def test_evaluate_scores_what_backtest_scores():
    folds = evaluate(
        SktimeForecaster(Drift()), ExpandingWindowSplitter(fh=[1, 2, 3], initial_window=60, step_length=3), Y
    )
    ours = backtest(Drift(), Y, cv=RollingOrigin(3, n_windows=4), metrics="mape")
    column = next(name for name in folds if name.startswith("test_"))
    np.testing.assert_allclose(folds[column], ours.scores["value"] / 100, rtol=1e-9)


@pytest.mark.parametrize(
    ("strategy", "ours"),
    [
        ("recursive", RecursiveForecaster(Ridge(0.1), lags=6)),
        ("direct", DirectForecaster(Ridge(0.1), lags=6, max_horizon=5)),
        ("multioutput", MultiOutputForecaster(Ridge(0.1), lags=6, max_horizon=5)),
    ],
)
def test_reductions_equal_those_of_sktime(strategy, ours):
    theirs = make_reduction(Ridge(0.1), window_length=6, strategy=strategy).fit(Y, fh=range(1, 6))
    np.testing.assert_allclose(ours.fit(Y).predict(5), theirs.predict(), rtol=1e-8)


def test_windows_of_sktime_are_oldest_first():
    regressor = WindowESNRegressor(reservoir=EchoState(20, random_state=0), readout=Ridge(0.1))
    theirs = make_reduction(regressor, window_length=12, strategy="recursive").fit(Y, fh=range(1, 9))
    newest_first = regressor.set_params(lag_order="newest_first")
    ours = RecursiveForecaster(newest_first, lags=12).fit(Y)
    np.testing.assert_allclose(ours.predict(8), theirs.predict(), rtol=1e-6)
