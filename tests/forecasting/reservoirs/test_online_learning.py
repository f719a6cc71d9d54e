"""A readout that goes on learning: equal to ridge regression on all rows, and able to follow a change."""

import numpy as np
import pytest

from forecasting import (
    OnlineReservoirForecaster,
    ReservoirForecaster,
    RollingOrigin,
    backtest,
    check_forecaster,
)
from reservoir import EchoState, RecursiveLeastSquares

Y = np.sin(0.3 * np.arange(400.0)) + 0.2 * np.random.default_rng(0).normal(size=400)


def online(forgetting=1.0, **options):
    """All but the readout is the same however much of the series is fitted."""
    readout = RecursiveLeastSquares(1e-2, forgetting=forgetting)
    fixed = {"differences": (), "standardize": False, "washout": 0, "random_state": 0}
    return OnlineReservoirForecaster(EchoState(30), readout=readout, **fixed | options)


@pytest.mark.parametrize("with_exog", [False, True])
def test_without_forgetting_updates_reach_what_refitting_does(with_exog):
    X = np.random.default_rng(1).normal(size=(410, 1)) if with_exog else None
    y = Y if X is None else Y + X[:400, 0]
    past, rest, ahead = (None, None, None) if X is None else (X[:300], X[300:400], X[400:])
    moved = online().fit(y[:300], past).update(y[300:], rest)
    whole = online().fit(y, None if X is None else X[:400])
    np.testing.assert_allclose(moved.predict(10, ahead), whole.predict(10, ahead), rtol=1e-7)


def test_several_targets_and_panels_move_weights_of_their_own():
    two = np.stack([Y, np.roll(Y, 7)], axis=1)
    whole, moved = online().fit(two), online().fit(two[:300]).update(two[300:])
    np.testing.assert_allclose(moved.predict(5), whole.predict(5), rtol=1e-7)
    panel = online().fit([Y[:300], -Y[:300]])
    first = panel.states_[0].coef
    panel.update([Y[300:], -Y[300:350]])
    assert panel.readouts_[0].coef_.tolist() == first[0].tolist()  # those of fit stay
    assert np.abs(panel.states_[0].coef - panel.states_[1].coef).max() > 0


def test_a_change_is_followed_with_forgetting_and_predict_changes_nothing():
    t = np.arange(1500.0)
    y = np.where(t < 700, np.sin(0.3 * t), np.sin(0.8 * t)) + 0.03 * np.random.default_rng(2).normal(
        size=1500
    )
    errors = {}
    for model in (ReservoirForecaster(EchoState(50), differences=(), random_state=0), online(0.995)):
        model.fit(y[:600]).update(y[600:1450])
        first = model.predict(10)
        np.testing.assert_array_equal(model.predict(10), first)
        errors[type(model).__name__] = np.abs(first - y[1450:1460]).max()
    assert 4 * errors["OnlineReservoirForecaster"] < errors["ReservoirForecaster"]


def test_a_closed_loop_has_the_newest_weights():
    model = online().fit(Y[:200])
    first = model.closed_loop().weights
    assert np.abs(model.update(Y[200:]).closed_loop().weights - first).max() > 0


def test_what_it_cannot_be():
    with pytest.raises(
        TypeError, match="needs a RidgeReadout; 'OnlineReservoirForecaster' has RecursiveLeast"
    ):
        backtest(OnlineReservoirForecaster(), Y, cv=RollingOrigin(5), refit="readout")
    with pytest.raises(ValueError, match="'readout' parameter of OnlineReservoirForecaster"):
        OnlineReservoirForecaster(readout="rls").fit(Y)


def test_contract():
    check_forecaster(online(0.99, washout=10))
