"""Columns and series go by their names, and what is set after a fit counts from the next one on."""

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from forecasting import (
    Analogue,
    DirectForecaster,
    EnsembleForecaster,
    MultiOutputForecaster,
    Naive,
    OnlineReservoirForecaster,
    RecurrentForecaster,
    RecursiveForecaster,
    ReservoirForecaster,
    StreamMonitor,
    TransformedTargetForecaster,
    bootstrap_paths,
)
from forecasting.checks.examples import example_exog, example_series
from forecasting.metrics import mae
from reservoir import EchoState, RidgeReadout

INDEX = pd.date_range("2024-01-01", periods=80)
FRAME = pd.DataFrame({"a": np.arange(80.0) + 50, "b": np.sin(np.arange(80.0))}, index=INDEX)
TURNED = FRAME[["b", "a"]]
LONG = pd.concat(
    [pd.DataFrame({"unique_id": name, "ds": INDEX, "y": FRAME[name].to_numpy()}) for name in "ab"]
)


def test_a_context_has_the_columns_of_the_fit():
    model = RecursiveForecaster(lags=3).fit(FRAME)
    np.testing.assert_allclose(model.predict(2, context=FRAME), model.predict(2))
    with pytest.raises(
        ValueError, match=r"context has the columns \['b', 'a'\], expected \['a', 'b'\] as in fit"
    ):
        model.predict(2, context=TURNED)
    assert model.predict(2, context=TURNED.to_numpy()).shape == (2, 2)  # arrays have no names


def test_a_context_has_the_series_of_the_fit_where_each_has_its_model():
    turned = pd.concat([LONG[80:], LONG[:80]])
    local = RecursiveForecaster(lags=3, scope="local").fit(LONG)
    assert len(local.predict(2, context=LONG)) == 4
    with pytest.raises(ValueError, match=r"context has the series \['b', 'a'\], expected \['a', 'b'\]"):
        local.predict(2, context=turned)
    shared = RecursiveForecaster(lags=3, scope="global").fit(LONG)
    assert shared.predict(2, context=turned)["unique_id"].tolist() == ["b", "b", "a", "a"]


def test_frames_of_a_list_have_the_same_columns():
    with pytest.raises(
        ValueError, match=r"same columns in every series: series 0 has \['a', 'b'\], series 1"
    ):
        Naive().fit([FRAME, TURNED])
    y = [FRAME["a"], FRAME["b"]]
    with pytest.raises(ValueError, match="X must have the same columns in every series: series 0 has"):
        RecursiveForecaster(lags=3).fit(y, [FRAME, TURNED])


@pytest.mark.parametrize(
    ("made", "later"),
    [
        (RecursiveForecaster(lags=3), {"lags": 5}),
        (RecursiveForecaster(lags=3), {"subtract": "last"}),
        (DirectForecaster(lags=3, max_horizon=4), {"max_horizon": 2}),
        (EnsembleForecaster([Naive(), Naive()]), {"method": "median"}),
        (Analogue(window=5), {"window": 9}),
        (TransformedTargetForecaster(missing=("seasonal", 7)), {"missing": None}),
        (ReservoirForecaster(EchoState(10), strategy="direct", max_horizon=4), {"strategy": "recursive"}),
        (ReservoirForecaster(EchoState(10), random_state=0), {"input_skip": False}),
    ],
)
def test_what_was_set_after_a_fit_asks_for_another(made, later):
    y = np.sin(0.3 * np.arange(120))
    model = made.fit(y)
    model.set_params(**later)
    for ask in (lambda: model.predict(2), lambda: model.update(y[:3]), lambda: model.predict_interval(2)):
        with pytest.raises(ValueError, match="was set after fit, which learned with"):
            ask()
    assert model.fit(y).predict(2).shape == (2,)


def test_a_training_that_goes_on_has_the_columns_of_the_one_before():
    quick = {"n_units": 2, "max_horizon": 2, "n_epochs": 1, "steps_per_epoch": 1, "warm_start": True}
    model = RecurrentForecaster(**quick, calendar=["month", "weekend"], random_state=0).fit(FRAME, FRAME)
    assert model.fit(FRAME, FRAME).predict(2, FRAME[-2:].to_numpy()).shape == (2, 2)
    before = model.trained_
    with pytest.raises(ValueError, match=r"goes on from columns of X \['a', 'b'\], got \['b', 'a'\]: keep"):
        model.fit(FRAME, TURNED)
    with pytest.raises(ValueError, match=r"goes on from columns of y \['a', 'b'\], got \['b', 'a'\]: keep"):
        model.fit(TURNED, FRAME)
    with pytest.raises(
        ValueError, match=r"goes on from calendar \['month', 'weekend'\], got \['weekend', 'month'\]"
    ):
        clone(model).fit(FRAME, FRAME).set_params(calendar=["weekend", "month"]).fit(FRAME, FRAME)
    assert model.trained_ is before
    assert model.fit(FRAME, FRAME.to_numpy()).trained_ is not before  # arrays have no names


def test_a_mask_means_missing():
    masked = np.ma.array([1.0, -999.0, 3.0], mask=[0, 1, 0])
    with pytest.raises(ValueError, match="y contains NaN at step 1"):
        Naive().fit(masked)
    filled = TransformedTargetForecaster(Naive(), missing="linear").fit(masked)
    np.testing.assert_array_equal(filled.series_[0].ravel(), [1, 2, 3])
    np.testing.assert_array_equal(masked.mask, [False, True, False])
    with pytest.raises(ValueError, match="y_true has 1 NaN"):
        mae(masked, [1.0, 1.0, 3.0])


def test_a_monitor_does_not_judge_what_was_not_observed():
    z = np.random.default_rng(0).normal(size=100).cumsum()
    forecaster = TransformedTargetForecaster(Naive(), missing="previous")
    monitor = StreamMonitor(forecaster).fit(z)
    table = monitor.observe(np.array([z[-1] + 0.5, np.nan, np.nan, z[-1]]))
    assert table[["y_true", "score", "pvalue"]].isna().to_numpy().all(axis=1).tolist() == [
        False,
        True,
        True,
        False,
    ]
    assert table["drift"].iloc[2] == table["drift"].iloc[0]
    whole = StreamMonitor(forecaster).fit(z).observe(np.array([z[-1] + 0.5, z[-1]]))
    np.testing.assert_array_equal(whole["drift"], table["drift"].iloc[[0, 3]])


@pytest.mark.parametrize(
    ("made", "later"),
    [
        (EnsembleForecaster([Naive(), RecursiveForecaster(lags=3)]), {"forecasters": [Naive()]}),
        (
            EnsembleForecaster([RecursiveForecaster(lags=3, calendar=["month"]), Naive()]),
            {"forecasters": [Naive(), RecursiveForecaster(lags=3, calendar=["hour"])]},
        ),
        (MultiOutputForecaster(lags=3, calendar=["month"]), {"calendar": ["hour", "weekend"]}),
    ],
)
def test_parts_and_calendars_set_after_a_fit_wait_for_the_next_one(made, later):
    X = pd.DataFrame({"x": np.cos(np.arange(92.0))}, pd.date_range("2024-01-01", periods=92))
    model = made.fit(FRAME["a"], X[:80])
    expected = model.predict(12, X[80:])
    np.testing.assert_array_equal(model.set_params(**later).predict(12, X[80:]), expected)


def test_a_readout_that_begins_anew_cannot_learn_online():
    model = OnlineReservoirForecaster(EchoState(10, random_state=0), readout=RidgeReadout(1e-4))
    with pytest.raises(ValueError, match="begins anew after fit: take a regressor whose partial_fit goes on"):
        model.fit(np.sin(0.3 * np.arange(120)))


def test_samples_are_counted():
    with pytest.raises(ValueError, match=r"n_samples=2\.5 must be a whole number"):
        Naive().fit(np.arange(40.0)).sample(2, n_samples=2.5)
    for wrong in ("a", None, np.inf, np.nan):
        with pytest.raises(ValueError, match=f"n_samples={wrong!r} must be a whole number"):
            Naive().fit(np.arange(40.0)).sample(2, n_samples=wrong)
    with pytest.raises(ValueError, match=r"block_length=1\.5 must be a whole number"):
        bootstrap_paths(Naive().fit(np.arange(40.0)), 2, block_length=1.5)


def test_exogenous_variables_beside_a_context_are_asked_for_in_its_words():
    index = pd.date_range("2024-01-01", periods=60)
    y, X = example_series(n_steps=60), pd.DataFrame(example_exog(60), index)
    model = RecursiveForecaster(lags=2).fit(pd.Series(y[:30], index[:30]), X[:30])
    context = pd.Series(y[30:50], index[30:50])
    assert len(model.predict(3, X[30:53], context=context)) == 3
    cases = [
        (
            X[50:53],
            context,
            "X has 3 rows, expected 23 rows, one per step of context (20) and then of the horizon (3)",
        ),
        (
            X[31:54],
            context,
            "X must have the index of context and the 3 labels after it: row 0 should be 2024-01-31",
        ),
        (X[30:53], [context, context], "X has 1 series, expected 2, one per series of context"),
        (None, context, "pass X of the steps needed here too, those of context and then those ahead"),
        (
            X[30:53] * np.nan,
            context,
            "fill it first, for example with forecasting.fill_gaps(X, rule='linear'), or cut",
        ),
    ]
    for exog, given, words in cases:
        with pytest.raises(ValueError, match=re.escape(words)):
            model.predict(3, exog, context=given)
    with pytest.raises(ValueError, match=r"pass X of the steps needed here too, those ahead$"):
        model.predict(3)
    with pytest.raises(ValueError, match="X has 2 rows, expected 1 rows, one per step of y"):
        model.update(pd.Series(y[30:31], index[30:31]), X[30:32])
