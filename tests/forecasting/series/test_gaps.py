"""Gaps in an index and missing observations: refused in words, or filled by a rule that a user names."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit

from forecasting import (
    Drift,
    Naive,
    RecursiveForecaster,
    TransformedTargetForecaster,
    check_forecaster,
    fill_gaps,
)
from forecasting.checks.answers import MORE_INDICES
from forecasting.series.missing import IMPUTATIONS, impute
from forecasting.transforms import Log

NAN = np.nan


# --------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("previous", [1, 1, 3, 3, 3, 6]),
        ("linear", [1, 2, 3, 4, 5, 6]),
        ("mean", [1, 10 / 3, 3, 10 / 3, 10 / 3, 6]),
        ("zero", [1, 0, 3, 0, 0, 6]),
        (("seasonal", 2), [1, 6, 3, 6, 3, 6]),
        (("seasonal", 3), [1, 3, 3, 1, 3, 6]),
    ],
    ids=str,
)
def test_rules(rule, expected):
    """Season 2: steps 1, 3, 5 know 6 only, step 4 repeats 3. Season 3: steps 1 and 4 know nothing."""
    y = np.array([[1.0], [NAN], [3.0], [NAN], [NAN], [6.0]])
    if rule == ("seasonal", 3):
        with pytest.raises(
            ValueError, match=r"y is missing at step 1, and the rule \('seasonal', 3\) finds nothing"
        ):
            impute(y, rule, "y")
        y[4] = 3.0
    assert_allclose(impute(y, rule, "y").ravel(), expected)


@pytest.mark.parametrize(
    "rule", [*(name for name in IMPUTATIONS if name != "seasonal"), ("seasonal", 4)], ids=str
)
def test_rules_leave_what_is_known(rule):
    y = np.random.default_rng(0).normal(size=(40, 2))
    y[5:7, 0] = y[11, 1] = NAN
    filled = impute(y, rule, "y")
    assert_array_equal(filled[~np.isnan(y)], y[~np.isnan(y)])
    assert np.isfinite(filled).all()
    assert impute(filled, rule, "y") is filled


def test_rules_look_at_the_observations_before():
    before = np.array([[4.0], [8.0]])
    y = np.array([[NAN], [NAN], [2.0]])
    assert_array_equal(impute(y, "previous", "y", before).ravel(), [8, 8, 2])
    assert_array_equal(impute(y, "linear", "y", before).ravel(), [6, 4, 2])
    assert_array_equal(impute(y, ("seasonal", 2), "y", before).ravel(), [4, 8, 2])


@pytest.mark.parametrize("rule", ["next", ("seasonal",), ("seasonal", 0), ("mean", 3), "seasonal"], ids=str)
def test_unknown_rules(rule):
    with pytest.raises(
        ValueError, match=r"missing=.* is no rule: choose from 'previous', 'linear', 'mean', 'zero'"
    ):
        TransformedTargetForecaster(missing=rule).fit([1.0, NAN])


# --------------------------------------------------------------------------------------------------- forecasters


def test_an_empty_rule_is_none():
    with pytest.raises(ValueError, match=r"missing=\(\) is no rule: choose from 'previous'"):
        TransformedTargetForecaster(missing=()).fit([1.0, 2.0])


def test_missing_values_are_refused_with_the_remedy():
    with pytest.raises(
        ValueError, match=r"NaN at step 1, column 0: fill it first, .*fill_gaps\(y, rule='linear'\)"
    ):
        Naive().fit([1.0, NAN])


def test_a_rule_fills_within_the_forecaster():
    y = np.array([1.0, NAN, 3.0, 4.0, NAN])
    model = TransformedTargetForecaster(Drift(), missing="linear").fit(y)
    assert_allclose(model.predict(2), [4.75, 5.5])  # the end repeats 4: the line rises by 3 in 4 steps
    assert_array_equal(model.series_[0].ravel(), [1, 2, 3, 4, 4])
    model.update([NAN, 6.0])
    assert_array_equal(model.series_[0].ravel(), [1, 2, 3, 4, 4, 5, 6])
    assert_allclose(model.predict(1, context=[0.0, NAN, 2.0]), [3])
    with pytest.raises(ValueError, match="no observation in column 0: leave this series out"):
        model.fit([NAN, NAN])
    with pytest.raises(ValueError, match="infinity at step 0"):
        model.fit([np.inf, 1.0])


def test_filled_in_every_fold_from_its_own_past():
    """What a rule puts at the end of a fold does not know what follows."""
    y = pd.Series(np.arange(30.0), pd.date_range("2024-01-01", periods=30))
    y.iloc[[9, 10, 11, 22, 23]] = NAN
    model = TransformedTargetForecaster(Naive(), missing="linear")
    for cut in (12, 24):
        part = model.fit(y[:cut])
        assert part.predict(1).iloc[0] == y[:cut].dropna().iloc[-1]
    search = GridSearchCV(model, {"missing": ["linear", "previous"]}, cv=TimeSeriesSplit(2, test_size=3))
    assert search.fit(y).best_params_["missing"] in ("linear", "previous")


def test_a_filling_forecaster_keeps_the_contract():
    check_forecaster(
        TransformedTargetForecaster(Drift(), Log(), missing="previous"), skip=["check_bad_series"]
    )


# ---------------------------------------------------------------------------------------------------------- gaps


@pytest.mark.parametrize("name", MORE_INDICES)
def test_gaps_are_named_and_filled(name):
    index = MORE_INDICES[name](40)
    whole = pd.Series(np.arange(40.0), index, name="a")
    holed = whole.drop(index[[17, 18, 30]])
    with pytest.raises(ValueError, match=r"gap in its index: .* Put it back with forecasting.fill_gaps\(y"):
        Naive().fit(holed)
    filled = fill_gaps(holed, rule="linear")
    pd.testing.assert_series_equal(filled, whole, check_freq=False, check_index_type="equiv")
    bare = fill_gaps(holed.to_frame())
    assert list(bare.index[bare["a"].isna()]) == list(index[[17, 18, 30]])
    assert (Naive().fit(filled).predict(1).index == MORE_INDICES[name](41)[-1:]).all()
    pd.testing.assert_series_equal(fill_gaps(whole), whole, check_freq=False, check_index_type="equiv")


def test_gaps_in_long_frames_and_lists():
    days = pd.date_range("2024-01-01", periods=6)
    long = pd.DataFrame(
        {
            "unique_id": ["a"] * 5 + ["b"] * 4,
            "ds": [*days[[0, 1, 2, 3, 5]], *days[[1, 2, 3, 5]]],
            "y": np.arange(9.0),
        }
    )
    filled = fill_gaps(long, rule="linear")
    assert filled["y"].tolist() == [0, 1, 2, 3, 3.5, 4, 5, 6, 7, 7.5, 8]
    assert filled["unique_id"].tolist() == ["a"] * 6 + ["b"] * 5
    assert list(filled["ds"]) == [*days, *days[1:]]
    assert Naive().fit(filled).predict(1)["ds"].tolist() == [pd.Timestamp("2024-01-07")] * 2
    both = fill_gaps([pd.Series([1.0, 3.0], [0, 2]), pd.Series([1.0, 4.0], [0, 3])], 1, rule="linear")
    assert [one.tolist() for one in both] == [[1, 2, 3], [1, 2, 3, 4]]


def test_frequencies_given_by_hand():
    sparse = pd.Series([1.0, 4.0], pd.to_datetime(["2024-01-01", "2024-01-04"]))
    assert fill_gaps(sparse, "D", "linear").tolist() == [1, 2, 3, 4]
    assert len(fill_gaps(sparse)) == 2  # their only distance is the step
    months = pd.Series([1.0, 3.0], pd.to_datetime(["2024-01-31", "2024-03-31"]))
    assert list(fill_gaps(months, "ME").index.month) == [1, 2, 3]


@pytest.mark.parametrize(
    ("y", "options", "error", "words"),
    [
        ([1.0, 2.0], {}, TypeError, "y is a float, which has no index to have gaps"),
        (
            pd.Series([1.0, 2.0], ["a", "b"]),
            {},
            TypeError,
            "index of .* labels: convert it with pd.to_datetime",
        ),
        (
            pd.Series([1.0, 2.0], [3, 3]),
            {},
            ValueError,
            r"label 3 more than once.*y.groupby\(level=0\).mean\(\)",
        ),
        (pd.Series([1.0, 2.0], [3, 1]), {}, ValueError, r"not in order of time.*sort_index\(\)"),
        (
            pd.Series(
                range(5), pd.to_datetime([*pd.date_range("2024-01-01", periods=4), "2024-01-05 07:00"])
            ),
            {},
            ValueError,
            "label 2024-01-05 07:00:00, which is not among 2024-01-01 .*: give another freq, or resample",
        ),
        (
            pd.Series([1, 2], pd.date_range("2024-01-01", periods=2)),
            {"freq": "YE"},
            ValueError,
            "no two labels",
        ),
        (pd.Series([1.0, NAN], [0, 1]), {"rule": "best"}, ValueError, "missing='best' is no rule"),
    ],
    ids=range(7),
)
def test_errors(y, options, error, words):
    with pytest.raises(error, match=words):
        fill_gaps(y, **options)


# -------------------------------------------------------------------------------------------- long with covariates


def test_long_frames_hold_covariates():
    rng = np.random.default_rng(0)
    index = pd.date_range("2024-01-01", periods=50, freq="h")
    parts = [
        pd.DataFrame({"unique_id": name, "ds": index, "y": rng.normal(size=50), "price": rng.normal(size=50)})
        for name in "ab"
    ]
    past = pd.concat([part[:45] for part in parts])
    future = pd.concat([part[45:] for part in parts])
    model = RecursiveForecaster(lags=2).fit(past)
    answer = model.predict(5, future.drop(columns="y"))
    given = RecursiveForecaster(lags=2).fit(past.drop(columns="price"), past.drop(columns="y"))
    pd.testing.assert_frame_equal(answer, given.predict(5, future.drop(columns="y")))
    assert model.score(future) == given.score(future.drop(columns="price"), future.drop(columns="y"))
    model.update(future)
    assert [len(X) for X in model.exog_] == [50, 50]
    with pytest.raises(
        ValueError, match=r"Naive does not use exogenous .*, and columns beside unique_id, ds, y"
    ):
        Naive().fit(past)
    with pytest.raises(ValueError, match="pass further columns as exogenous X"):
        RecursiveForecaster(lags=2).fit(past, past.drop(columns="y"))


def stamps(*labels, tz=None):
    return pd.DatetimeIndex(labels, tz=tz)


@pytest.mark.parametrize(
    ("index", "freq"),
    [
        (stamps("2024-01-01", "2024-02-01", "2024-04-01"), "MS"),
        (stamps("2024-01-01", "2024-02-01", "2024-04-01", "2024-05-01"), "MS"),
        (stamps("2024-01-31", "2024-02-29", "2024-04-30"), "ME"),
        (stamps("2024-01-01", "2024-04-01", "2024-10-01"), "QS"),
        (stamps("2021-01-01", "2022-01-01", "2024-01-01"), "YS"),
        (stamps("2024-01-01", "2024-01-02", "2024-01-04"), "D"),
        (stamps("2024-01-01", "2024-01-08", "2024-01-22"), "W-MON"),
        (stamps("2024-01-01", "2024-01-03", "2024-01-05", "2024-01-06"), "D"),
        (stamps("2024-01-01 00:00", "2024-01-01 06:00", "2024-01-01 18:00"), "6h"),
        (stamps("2024-03-30", "2024-03-31", "2024-04-02", tz="Europe/Berlin"), "D"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_few_labels_tell_their_frequency(index, freq):
    """Three labels with a gap among them have no stretch that pandas could infer from."""
    y = pd.Series(np.arange(len(index), dtype=float), index)
    expected = pd.date_range(index[0], index[-1], freq=freq)
    filled = fill_gaps(y, rule="previous")
    assert_array_equal(filled.index, expected)
    one_more = Naive().fit(filled).predict(1)
    assert one_more.index[0] == pd.date_range(index[-1], periods=2, freq=freq)[1]
    with pytest.raises(ValueError, match="gap in its index"):
        Naive().fit(y)


def test_a_midnight_that_summer_time_leaves_out():
    """Of any pandas, an error that callers catch."""
    y = pd.Series(range(2), pd.DatetimeIndex(["2018-11-02", "2018-11-06"], tz="America/Sao_Paulo"))
    with pytest.raises(ValueError, match="2018-11-04"):
        fill_gaps(y, "D")


def test_integers_may_lie_far_apart():
    hours = 1_700_000_000_000 + 3_600_000 * np.arange(4)
    assert Naive().fit(pd.Series(range(4), hours)).predict(1).index[0] == hours[-1] + 3_600_000
    assert len(fill_gaps(pd.Series(range(3), hours[[0, 1, 3]]))) == 4
    small = pd.Index([250, 252, 253, 254, 255], dtype="uint8")  # whose next number is no uint8
    assert fill_gaps(pd.Series(range(5), small)).index.tolist() == list(range(250, 256))
    assert fill_gaps(pd.Series(range(5), [0, 2, 4, 6, 7])).index.tolist() == list(range(8))


@pytest.mark.parametrize(
    ("y", "freq", "words"),
    [
        (
            pd.Series(range(3), [0, 2, 5]),
            None,
            r"the label 5, which is not among 0, 2, \.\.\.: give another freq$",
        ),
        (pd.Series(range(2), [0, 2]), "D", "freq='D' must be an integer of at least 1"),
        (pd.Series(range(2), [0, 2]), -1, "freq=-1 must be an integer of at least 1"),
        (
            pd.Series(range(2), pd.PeriodIndex(["2024-01", "2024-03"], freq="M")),
            "D",
            "freq='D', but y has periods of M",
        ),
        (pd.Series(range(2), stamps("2024-01-01", "2024-01-02")), "bogus", "freq='bogus' is no frequency"),
        (
            pd.Series(range(5), pd.to_datetime([0, 1, 2, 10**15, 2 * 10**15])),
            None,
            "the label 1970-01-01 00:00:00.000000002",
        ),
    ],
    ids=range(6),
)
@pytest.mark.filterwarnings("ignore:'bogus' is deprecated")  # pandas 2 proposes 'BOGUS', and then refuses it
def test_a_freq_that_does_not_fit_is_named(y, freq, words):
    with pytest.raises(ValueError, match=words):
        fill_gaps(y, freq)


def test_text_beside_numbers_is_refused():
    y = pd.DataFrame({"a": [1.0, 2.0], "b": ["x", "y"]}, stamps("2024-01-01", "2024-01-02"))
    with pytest.raises(TypeError, match=r"y has (columns of type|values that are not) .*: convert them"):
        fill_gaps(y, rule="linear")
    assert fill_gaps(y[:1], "D").index.freqstr == "D"
    assert fill_gaps(y[:0], "D").empty
