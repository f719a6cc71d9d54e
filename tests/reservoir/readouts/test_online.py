"""Readouts that learn row by row: their equations, ridge as the limit, cuts, forgetting, errors."""

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from forecasting import ReservoirForecaster
from reservoir import EchoState, ESNRegressor, LeastMeanSquares, RecursiveLeastSquares, RidgeReadout
from reservoir.signals import narma
from tests import naive_reservoirs


def data(n_rows=300, n_features=12, n_targets=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_rows, n_features)) @ rng.standard_normal((n_features, n_features)) + 3.0
    return X, X @ rng.standard_normal((n_features, n_targets)) + 5.0 + 0.1 * rng.standard_normal(
        (n_rows, n_targets)
    )


@pytest.mark.parametrize("forgetting", [1.0, 0.99, 0.9])
@pytest.mark.parametrize("n_rows", [1, 2, 7, 300])
def test_recursive_least_squares_equal_naive(n_rows, forgetting):
    X, y = data(n_rows)
    online = RecursiveLeastSquares(0.1, forgetting=forgetting).fit(X, y)
    coef, intercept = naive_reservoirs.forgetful_ridge(X, y, 0.1, forgetting)
    np.testing.assert_allclose(online.coef_, coef, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(online.intercept_, intercept, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("alpha", [1e-6, 1e-2, 10.0])
def test_the_limit_without_forgetting_is_ridge_after_every_row(alpha):
    X, y = data(60)
    online = RecursiveLeastSquares(alpha)
    for n in range(60):
        online.partial_fit(X[n : n + 1], y[n : n + 1])
        if n in (5, 30, 59):
            ridge = RidgeReadout(alpha, solver="svd").fit(X[: n + 1], y[: n + 1])
            np.testing.assert_allclose(
                online.predict(X[: n + 1]), ridge.predict(X[: n + 1]), rtol=0, atol=1e-6
            )


def test_online_network_is_the_network_with_ridge():
    u, y = narma(1200, random_state=0)
    states = EchoState(100, random_state=0).fit_transform(u.reshape(-1, 1))
    online, ridge = RecursiveLeastSquares(1e-3).fit(states, y), RidgeReadout(1e-3).fit(states, y)
    np.testing.assert_allclose(online.coef_, ridge.coef_, rtol=0, atol=1e-7 * np.abs(ridge.coef_).max())
    assert online.intercept_ == pytest.approx(ridge.intercept_, rel=1e-7)


@pytest.mark.parametrize("readout", [RecursiveLeastSquares(forgetting=0.99), LeastMeanSquares()])
def test_cuts_do_not_matter_and_fit_forgets(readout):
    X, y = data(100)
    whole = readout.fit(X, y).coef_.copy()
    readout.fit(X[:40], y[:40])
    for n in range(40, 100):
        readout.partial_fit(X[n : n + 1], y[n : n + 1])
    np.testing.assert_allclose(readout.coef_, whole, rtol=1e-9, atol=1e-9)
    kept = readout.coef_
    before = kept.copy()
    readout.partial_fit(X, y)
    np.testing.assert_array_equal(kept, before)  # what was handed out is left alone
    np.testing.assert_array_equal(readout.fit(X, y).coef_, whole)


@pytest.mark.parametrize("normalized", [True, False])
def test_least_mean_squares_equal_naive(normalized):
    X, y = data()
    rate = 0.5 if normalized else 1e-3
    online = LeastMeanSquares(rate, normalized=normalized).fit(X, y)
    coef, intercept = naive_reservoirs.least_mean_squares(X, y, rate, normalized)
    np.testing.assert_allclose(online.coef_, coef, rtol=0, atol=1e-11)
    np.testing.assert_allclose(online.intercept_, intercept, rtol=0, atol=1e-11)
    twice = LeastMeanSquares(rate, normalized=normalized, n_epochs=2).fit(X, y)
    again = naive_reservoirs.least_mean_squares(np.vstack([X, X]), np.vstack([y, y]), rate, normalized)
    np.testing.assert_allclose(twice.coef_, again[0], rtol=0, atol=1e-11)


def test_forgetting_follows_a_change():
    X, _ = data(2000, 5)
    before, after = X[:1000] @ np.ones(5), X[1000:] @ np.arange(5.0) + 2.0
    y = np.concatenate([before, after])
    forgetful = RecursiveLeastSquares(1e-3, forgetting=0.95).fit(X, y)
    np.testing.assert_allclose(forgetful.coef_, np.arange(5.0), rtol=0, atol=1e-6)
    assert np.abs(RecursiveLeastSquares(1e-3).fit(X, y).coef_ - np.arange(5.0)).max() > 0.1


@pytest.mark.parametrize("readout", [RecursiveLeastSquares(1e-6), LeastMeanSquares(n_epochs=50)])
def test_online_readouts_in_networks_and_free_runs(readout):
    y = np.sin(0.3 * np.arange(500.0))
    model = ESNRegressor(EchoState(50, random_state=0), readout).fit(y[:400, np.newaxis], y[1:401])
    assert model.score(y[400:499, np.newaxis], y[401:]) > 0.99
    forecaster = ReservoirForecaster(
        EchoState(50, random_state=0), readout=readout, differences=(), random_state=0
    ).fit(y[:480])
    assert np.abs(forecaster.predict(20) - y[480:]).max() < 0.2


def test_errors():
    X, y = data()
    with pytest.raises(ValueError, match=r"rows of y have shape \(\), those of earlier calls had \(2,\)"):
        RecursiveLeastSquares().fit(X, y).partial_fit(X, y[:, 0])
    with pytest.raises(ValueError, match="diverged: lower learning_rate, or set normalized=True"):
        LeastMeanSquares(10.0, normalized=False).fit(X, y)
    with pytest.raises(ValueError, match=r"learning_rate=2.5 .* must lie below 2"):
        LeastMeanSquares(2.5).fit(X, y)
    with pytest.raises(ValueError, match=r"learning_rate=2.5 .* must lie below 2"):
        LeastMeanSquares().fit(X, y).set_params(learning_rate=2.5).partial_fit(X, y)
    with pytest.raises(ValueError, match="forgetting"):
        RecursiveLeastSquares(forgetting=0.0).fit(X, y)
    with pytest.raises(ValueError, match="features"):
        LeastMeanSquares().fit(X, y).partial_fit(X[:, :3], y)


@pytest.mark.parametrize("readout", [RecursiveLeastSquares(0.1), LeastMeanSquares(0.1)])
def test_what_lies_in_a_memory_map_goes_on_learning(readout, tmp_path):
    X, y = data()
    joblib.dump(clone(readout).fit(X[:150], y[:150]), tmp_path / "readout")
    mapped = joblib.load(tmp_path / "readout", mmap_mode="r")
    np.testing.assert_array_equal(mapped.partial_fit(X[150:], y[150:]).coef_, clone(readout).fit(X, y).coef_)
    again = joblib.load(tmp_path / "readout", mmap_mode="r")  # the file is as it was
    np.testing.assert_array_equal(again.coef_, clone(readout).fit(X[:150], y[:150]).coef_)
