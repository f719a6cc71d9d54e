"""Anomalies and drift: p-values that are what they say, in a stream."""

import io

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

import reservoir
from forecasting import (
    ConformalForecaster,
    Drift,
    Naive,
    OnlineReservoirForecaster,
    StreamMonitor,
    TransformedTargetForecaster,
    drift_test,
)
from forecasting.transforms import Deseasonalize, Log, Standardize
from reservoir import EchoState


def walk(n_steps, seed=0):
    return np.cumsum(np.random.default_rng(seed).normal(size=n_steps))


def naive_capital(scores, jump_rate, uniforms):
    """The equations of the simple jumper, score by score."""
    capitals, path = np.full(3, 1 / 3), []
    for t, score in enumerate(scores):
        past = scores[:t]
        p = ((past > score).sum() + uniforms[t] * ((past == score).sum() + 1)) / (t + 1)
        total = capitals.sum()
        capitals = ((1 - jump_rate) * capitals + jump_rate / 3 * total) * (
            1 + np.array([-1, 0, 1]) * (p - 0.5)
        )
        path.append(capitals.sum())
    return np.array(path)


def test_the_capital_equals_its_equations():
    scores = np.random.default_rng(1).integers(0, 9, size=80).astype(float)  # with ties
    uniforms = np.random.default_rng(5).random(80)
    found = drift_test(scores, jump_rate=0.03, random_state=np.random.default_rng(5))
    np.testing.assert_allclose(found.capital, naive_capital(scores, 0.03, uniforms), rtol=1e-12)
    assert found.pvalue == min(1.0, 1 / found.capital.max())


@pytest.mark.parametrize("alpha", [0.05, 0.2])
def test_false_alarms_are_rarer_than_promised_however_long_one_looks(alpha):
    rng = np.random.default_rng(2)
    alarms = [
        drift_test(np.abs(rng.standard_t(2, size=150)), alpha=alpha, random_state=i).detected_at is not None
        for i in range(300)
    ]
    assert np.mean(alarms) <= alpha + 2 * np.sqrt(alpha * (1 - alpha) / 300)


def test_a_change_is_found_and_a_calibration_makes_it_sooner():
    rng = np.random.default_rng(3)
    calm, wild = np.abs(rng.normal(size=300)), 3 * np.abs(rng.normal(size=80))
    late = drift_test(np.append(calm[:20], wild), alpha=0.001).detected_at
    soon = drift_test(wild, calm, alpha=0.001).detected_at
    assert soon is not None
    assert soon < 60
    assert late is None or late - 20 > soon
    smaller = drift_test(wild[:80] / 30, calm, alpha=0.001)  # errors that shrink are drift too
    assert smaller.detected_at is not None


def test_pvalues_are_below_a_level_as_often_as_it_says():
    """Over 1,000 calibrations of 49 errors of a random walk, and a next step of each."""
    found = [
        StreamMonitor(Naive(), initial=0.5).fit(y[:-1]).observe(y[-1:])["pvalue"].item()
        for y in (walk(100, seed) for seed in range(1000))
    ]
    for level in (0.1, 0.2, 0.5):
        assert abs(np.mean(np.array(found) <= level) - level) < 3 * np.sqrt(level * (1 - level) / 1000)


def test_pvalues_by_hand():
    y = walk(60)
    monitor = StreamMonitor(Naive(), initial=20).fit(y[:50])
    known = np.abs(np.diff(y[:50]))[19:]
    seen = monitor.observe(y[50:])
    for t, p in zip(range(50, 60), seen["pvalue"]):
        assert p == pytest.approx((1 + (known >= abs(y[t] - y[t - 1])).sum()) / (len(known) + 1))
    np.testing.assert_allclose(seen["y_pred"], y[49:59])
    np.testing.assert_allclose(seen["score"], np.abs(np.diff(y[49:])) / known.mean())


@pytest.mark.parametrize(
    "forecaster",
    [Naive(), OnlineReservoirForecaster(EchoState(10), differences=(1,), random_state=0)],
    ids=["naive", "online"],
)
def test_one_by_one_is_all_at_once(forecaster):
    y = pd.Series(
        walk(90), pd.date_range("2024-03-29", periods=90, freq="h", tz="Europe/Berlin"), name="load"
    )
    whole = StreamMonitor(forecaster).fit(y[:60])
    single = clone(whole).fit(y[:60])
    table = whole.observe(y[60:])
    rows = [single.observe(y[t : t + 1]) for t in range(60, 90)]
    pd.testing.assert_frame_equal(pd.concat(rows, ignore_index=True), table, rtol=1e-9)
    assert table["time"].tolist() == list(y.index[60:])
    assert whole.forecaster_.cutoff_ == y.index[-1]


def test_panels_targets_and_exogenous_variables():
    frame = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 50), "ds": np.tile(np.arange(50), 2)})
    frame["y"] = np.concatenate([walk(50, 1), walk(50, 2)])
    monitor = StreamMonitor(Drift()).fit(frame[frame["ds"] < 40])
    seen = monitor.observe(frame[frame["ds"] >= 40])
    assert seen.groupby("unique_id")["time"].agg(["min", "max"]).to_numpy().tolist() == [[40, 49], [40, 49]]
    both = pd.DataFrame({"p": walk(50, 3), "q": walk(50, 4)})
    seen = StreamMonitor(Naive()).fit(both[:40]).observe(both.iloc[40:].assign(q=lambda each: each["q"] + 50))
    assert seen["target"].iloc[0] == "q"
    X = walk(50, 5)[:, np.newaxis]
    model = OnlineReservoirForecaster(EchoState(10), differences=(), random_state=0)
    assert len(StreamMonitor(model).fit(X[:40, 0], X[:40]).observe(X[40:, 0], X[40:])) == 10


def test_missing_values_by_the_rule_of_the_forecaster():
    y = walk(60)
    y[55] = np.nan
    model = TransformedTargetForecaster(Naive(), missing="previous")
    seen = StreamMonitor(model).fit(y[:50]).observe(y[50:])
    assert seen.index[seen["score"].isna()].tolist() == [5]  # the rule put a value there; none was seen
    with pytest.raises(ValueError, match="contains NaN"):
        StreamMonitor().fit(y[:50]).observe(y[50:])


@pytest.mark.parametrize(
    "transform", [Log(), Standardize(), Deseasonalize(12, model="mul")], ids=lambda one: type(one).__name__
)
def test_errors_are_judged_in_the_units_that_they_are_calibrated_in(transform):
    """Forecasters of transformed series measure the errors behind their intervals on the transformed scale."""
    y = np.exp(0.02 * walk(300) + 7)
    plain, seen = (
        StreamMonitor(model).fit(y[:200]).observe(y[200:])
        for model in (Naive(), TransformedTargetForecaster(Naive(), transform))
    )
    assert seen["score"].median() == pytest.approx(plain["score"].median(), rel=0.2)
    assert (seen["pvalue"] < 0.1).mean() < 0.3


def test_a_saved_monitor_goes_on():
    y = walk(80)
    monitor = StreamMonitor(Naive()).fit(y[:60])
    monitor.observe(y[60:70])
    file = io.BytesIO()
    reservoir.save(monitor, file)
    file.seek(0)
    again = reservoir.load(file)
    pd.testing.assert_frame_equal(again.observe(y[70:]), monitor.observe(y[70:]))


def test_a_transform_changes_nothing_of_what_is_judged():
    """Through a logarithm the naive method stays what it is: errors are those of the observations."""
    y = np.exp(walk(80) / 10)
    plain, logged, nested = (
        StreamMonitor(forecaster).fit(y[:60]).observe(y[60:])
        for forecaster in (
            Naive(),
            TransformedTargetForecaster(Naive(), Log()),
            ConformalForecaster(TransformedTargetForecaster(Naive(), Log())),
        )
    )
    pd.testing.assert_frame_equal(logged, plain)
    pd.testing.assert_frame_equal(nested, plain)


def test_what_is_refused_moves_nothing():
    y = np.exp(walk(60) / 10)
    monitor = StreamMonitor(TransformedTargetForecaster(Naive(), Log())).fit(y[:50])
    untouched = clone(monitor).fit(y[:50])
    with pytest.raises(ValueError, match="Log needs values above 0"):
        monitor.observe([y[50], -1.0])
    pd.testing.assert_frame_equal(monitor.observe(y[50:]), untouched.observe(y[50:]))


def test_errors():
    with pytest.raises(ValueError, match="'jump_rate' parameter of StreamMonitor"):
        StreamMonitor(jump_rate=1.0).fit(walk(20))
    with pytest.raises(ValueError, match="alpha must be a fraction"):
        drift_test([1.0], alpha=5)
    with pytest.raises(ValueError, match="scores has 1 NaN"):
        drift_test([1.0, np.nan])
