"""Containers, calendars and horizons."""

import re
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from pandas.tseries.holiday import USFederalHolidayCalendar

from forecasting.series.arrays import read_continuation, read_exog, read_panel, rebuild
from forecasting.series.calendars import read_calendar
from forecasting.series.horizons import read_horizon

Y = np.arange(6.0)
MONTHS = pd.date_range("2024-01-01", periods=6, freq="MS")


def round_trip(y, labels=None):
    """Give the series themselves back as their own forecast."""
    panel = read_panel(y)
    n_steps = panel.lengths[0]
    values = panel.values if labels is None else [np.stack([v] * len(labels), axis=-1) for v in panel.values]
    return rebuild(panel.layout, np.arange(1, n_steps + 1), values, labels)


# --------------------------------------------------------------------------------------------- containers


class TestContainers:
    SINGLE: ClassVar[dict] = {
        "list": Y.tolist(),
        "tuple of integers": (0, 1, 2, 3, 4, 5),
        "1-D array": Y,
        "int8": Y.astype(np.int8),
        "big-endian": Y.astype(">f4"),
        "object": Y.astype(object),
        "one column": Y[:, None],
        "Series": pd.Series(Y),
        "nullable": pd.Series(Y).convert_dtypes(),
        "frame": pd.DataFrame({"a": Y}),
        "object frame": pd.DataFrame({"a": Y}, dtype=object),
    }

    @pytest.mark.parametrize("y", SINGLE.values(), ids=SINGLE)
    def test_one_series(self, y):
        panel = read_panel(y)
        assert panel.lengths == [6]
        assert panel.values[0].dtype == np.float64
        assert panel.values[0].flags.c_contiguous
        assert not np.shares_memory(panel.values[0], y)
        np.testing.assert_array_equal(panel.values[0], Y[:, None])

    def test_arrays_come_back_in_their_shape(self):
        np.testing.assert_array_equal(round_trip(Y), Y)
        np.testing.assert_array_equal(round_trip(Y[:, None]), Y[:, None])
        stack = np.arange(24.0).reshape(2, 6, 2)
        np.testing.assert_array_equal(round_trip(stack), stack)
        assert round_trip(Y, ("lower", "upper")).shape == (6, 2)
        assert round_trip(stack, range(5)).shape == (2, 6, 2, 5)

    def test_series_and_frames_come_back_continued(self):
        answer = round_trip(pd.Series(Y, MONTHS, name="load"))
        expected = pd.Series(Y, pd.date_range("2024-07-01", periods=6, freq="MS"), name="load")
        pd.testing.assert_series_equal(answer, expected)
        frame = pd.DataFrame({("a", 1): Y, ("b", 2): Y**2}, MONTHS)
        pd.testing.assert_frame_equal(round_trip(frame), frame.set_axis(expected.index))

    def test_labels_are_the_outer_level(self):
        answer = round_trip(pd.Series(Y, MONTHS), ("lower", "upper"))
        assert list(answer) == ["lower", "upper"]
        frame = round_trip(pd.DataFrame({"a": Y, "b": -Y}, MONTHS), (0.1, 0.9))
        assert list(frame) == [(0.1, "a"), (0.1, "b"), (0.9, "a"), (0.9, "b")]
        np.testing.assert_array_equal(frame[0.9], np.stack([Y, -Y], axis=1))

    def test_lists_keep_the_container_of_each(self):
        answer = round_trip([Y, pd.Series(Y, MONTHS), Y[:, None]])
        assert [type(one) for one in answer] == [np.ndarray, pd.Series, np.ndarray]
        assert [one.shape for one in answer] == [(6,), (6,), (6, 1)]

    def test_long_frames(self):
        parts = [pd.DataFrame({"unique_id": name, "ds": MONTHS, "y": Y + i}) for i, name in enumerate("zab")]
        shuffled = pd.concat(parts).sort_values(["ds", "unique_id"])  # interleaved, in order within a series
        panel = read_panel(shuffled)
        assert panel.layout.ids == ("a", "b", "z")
        np.testing.assert_array_equal(panel.values[2][:, 0], Y)
        answer = rebuild(panel.layout, np.array([2]), [v[:1] for v in panel.values])
        assert answer.to_dict("list") == {
            "unique_id": ["a", "b", "z"],
            "ds": [pd.Timestamp("2024-08-01")] * 3,
            "y": [1.0, 2.0, 0.0],
        }
        labelled = rebuild(panel.layout, np.array([2]), [v[:1, :, None] for v in panel.values], ("lower",))
        assert list(labelled) == ["unique_id", "ds", "lower"]

    def test_what_cannot_be_read(self):
        cases = [
            (TypeError, "y has values of type <U1: convert them to numbers", ["a", "b"]),
            (TypeError, "y has values of type complex128", Y + 1j),
            (TypeError, "y has columns of type", pd.DataFrame({"a": list("abc")}, dtype="string")),
            (TypeError, "y has columns of type ['datetime64", pd.Series(MONTHS)),
            (TypeError, "values that are not numbers", np.array([1.0, "x"], dtype=object)),
            (TypeError, "y is a list of lists, which may mean", [[1.0, 2.0], [3.0, 4.0]]),
            (TypeError, "y is a float: pass an array", 1.0),
            (TypeError, "y is a NoneType: pass an array", None),
            (TypeError, "y is a DatetimeIndex: pass an array", MONTHS),
            (ValueError, "y has 4 dimensions", np.ones((2, 2, 2, 2))),
            (ValueError, "y is empty, of shape (0,)", []),
            (ValueError, "y is empty, of shape (0, 2)", np.ones((0, 2))),
            (ValueError, "y is empty, of shape (6, 0)", pd.DataFrame(index=range(6))),
            (ValueError, "y of series 1 is empty", [Y, Y[:0]]),
            (ValueError, "series 0 has 1, series 1 has 2", [Y, np.ones((3, 2))]),
            (ValueError, "y has the column 'a' twice", pd.DataFrame(np.ones((3, 2)), columns=["a", "a"])),
            (ValueError, "y contains NaN at step 2, column 0", [1.0, 2.0, np.nan]),
            (ValueError, "y contains infinity at step 0, column 1", np.array([[1.0, -np.inf]])),
            (ValueError, "NaN at step 1 (2024-02-01 00:00:00)", pd.Series([1.0, None, 2.0], MONTHS[:3])),
        ]
        for error, words, y in cases:
            with pytest.raises(error, match=re.escape(words)):
                read_panel(y)

    def test_long_frames_that_cannot_be_read(self):
        frame = pd.DataFrame({"unique_id": ["a", "a"], "ds": MONTHS[:2], "y": [1.0, 2.0]})
        with pytest.raises(ValueError, match=r"expected \['unique_id', 'ds', 'y'\]: pass further columns as"):
            read_panel(frame.assign(price=1.0))
        with pytest.raises(ValueError, match=r"expected \['unique_id', 'ds', 'y'\]"):
            read_panel(frame.rename(columns={"y": "demand"}))
        with pytest.raises(ValueError, match="missing values in 'unique_id' or 'ds'"):
            read_panel(frame.assign(unique_id=[None, "a"]))
        with pytest.raises(ValueError, match="y is empty"):
            read_panel(frame[:0])
        with pytest.raises(ValueError, match=r"y of series 'a' has the label .* more than once"):
            read_panel(frame.assign(ds=MONTHS[:1].repeat(2)))


# ---------------------------------------------------------------------------------------------- calendars

REGULAR = [
    pd.RangeIndex(8),
    pd.RangeIndex(3, 19, 2, name="step"),
    pd.Index(np.arange(5, 13)),
    *(
        pd.date_range("2020-01-31", periods=8, freq=freq)
        for freq in ("D", "B", "W-WED", "MS", "ME", "QS-FEB")
    ),
    *(
        pd.date_range("2020-01-31", periods=8, freq=freq)
        for freq in ("YS", "2D", "15min", "250ms", "BME", "3MS")
    ),
    pd.date_range("2020-03-25", periods=8, freq="D", tz="Europe/Berlin"),
    pd.date_range("2020-10-24 12:00", periods=48, freq="h", tz="Europe/Berlin"),
    pd.date_range("2020-03-25", periods=8, freq="30min", tz="UTC+02:00"),
    pd.date_range("2020-03-25", periods=8, freq="h", unit="s"),
    *(
        pd.period_range("2020-01", periods=8, freq=freq)
        for freq in ("M", "Q-NOV", "Y", "D", "h", "3M", "W-SUN")
    ),
]


class TestCalendar:
    @pytest.mark.parametrize(
        "index", REGULAR, ids=lambda i: f"{type(i).__name__}-{getattr(i, 'freqstr', '')}"
    )
    def test_continues_a_regular_index(self, index):
        split = len(index) // 2
        calendar = read_calendar(index[:split], "y")
        pd.testing.assert_index_equal(calendar.after(len(index) - split), index[split:], exact="equiv")
        pd.testing.assert_index_equal(calendar.until(split), index[:split], exact="equiv")
        assert calendar.cutoff == index[split - 1]
        assert calendar.advance(2) == read_calendar(index[: split + 2], "y")
        assert calendar.advance(0) is calendar
        np.testing.assert_array_equal(calendar.steps_to(index[[split, split + 2]], "horizon"), [1, 3])

    @pytest.mark.parametrize("freq", ["D", "B", "W-WED", "MS", "ME", "QS-FEB", "15min"])
    def test_infers_the_frequency(self, freq):
        index = pd.date_range("2020-01-31", periods=8, freq=freq)
        bare = pd.DatetimeIndex(index.to_numpy())  # scikit-learn's slicing loses freq, too
        assert bare.freq is None
        inferred, given = read_calendar(bare, "y"), read_calendar(index, "y")
        if (freq, inferred.freq) == ("QS-FEB", "QS-NOV"):  # pandas 2 names the same quarters by another month
            pd.testing.assert_index_equal(inferred.after(9), given.after(9))
            inferred = inferred._replace(freq=freq)
        assert inferred == given

    def test_is_made_of_plain_values(self):
        index = pd.date_range("2020", periods=4, freq="h", tz="Europe/Berlin", name="time")
        assert all(isinstance(part, (int, str)) for part in read_calendar(index, "y"))

    @pytest.mark.parametrize(
        ("index", "words"),
        [
            (
                MONTHS[[0, 1, 2, 4, 5]],
                "gap in its index: 2024-04-01 00:00:00 is missing, 2024-05-01 00:00:00 follows",
            ),
            (pd.date_range("2024-01-01", periods=40).delete(20), "2024-01-21 00:00:00 is missing"),
            (pd.date_range("2024-01-01", periods=40).delete(1), "2024-01-02 00:00:00 is missing"),
            (pd.date_range("2024-01-01", periods=40, freq="B").delete(30), "2024-02-12 00:00:00 is missing"),
            (
                MONTHS[::-1],
                "not in order of time: 2024-05-01 00:00:00 follows 2024-06-01 00:00:00. Use sort_index()",
            ),
            (MONTHS[[0, 1, 1, 2]], "the label 2024-02-01 00:00:00 more than once"),
            (
                MONTHS[[0, 1]],
                "2 time stamp(s), too few to infer their frequency: set it, for example with y.",
            ),
            (
                pd.DatetimeIndex(["2024-01-01", "2024-01-02", "2024-01-04", "2024-01-09"]),
                "irregular time stamps: the first change of step is at 2024-01-04",
            ),
            (
                pd.DatetimeIndex(["2024-01-01", None, "2024-01-04"]),
                "missing label (NaT) in its index at row 1",
            ),
            (
                pd.period_range("2024-01", periods=6, freq="M").delete(3),
                "2024-04 is missing, 2024-05 follows",
            ),
            (pd.Index([0, 1, 2, 4, 5]), "3 is missing, 4 follows"),
            (pd.Index([2, 1, 0]), "not in order of time: 1 follows 2"),
            (pd.Index(["2024-01-01", "2024-02-01"]), "cannot be continued: convert it with pd.to_datetime"),
            (pd.Index([0.0, 0.5]), "cannot be continued"),
            (pd.MultiIndex.from_product([["a"], [1, 2]]), "cannot be continued"),
        ],
    )
    def test_names_the_first_label_out_of_line(self, index, words):
        with pytest.raises(ValueError, match=re.escape(words)):
            read_calendar(index, "y")

    def test_complex_numbers_are_refused(self):
        for y in (pd.Series([1 + 2j, 3.0]), pd.DataFrame({"a": [1.0], "b": [2j]}), np.array([1j])):
            with pytest.raises(TypeError, match=r"complex128.*: convert them to numbers"):
                read_panel(y)

    @pytest.mark.parametrize(
        ("index", "n_steps"),
        [
            (pd.date_range("2018-10-10", periods=20, freq="D", tz="America/Sao_Paulo"), 10),
            (pd.date_range("1900-01-01", periods=60, freq="YS").as_unit("ns"), 400),
        ],
        ids=["a midnight that summer time leaves out", "beyond nanoseconds"],
    )
    def test_where_an_index_cannot_go_on(self, index, n_steps):
        calendar = read_calendar(index, "y")
        assert len(calendar.after(2)) == 2
        with pytest.raises(
            ValueError, match=f"the index cannot go on from .* by {n_steps} steps of .*as_unit"
        ):
            calendar.after(n_steps)

    @pytest.mark.parametrize("keep_missing", [False, True])
    def test_numbers_whose_squares_overflow_are_refused(self, keep_missing):
        assert read_panel([1e100, -1e100], keep_missing=keep_missing).lengths == [2]
        with pytest.raises(
            ValueError, match=r"y contains -1e\+200 at step 1, column 0, beyond 1e\+100: .* larger unit"
        ):
            read_panel([1.0, -1e200], keep_missing=keep_missing)

    @pytest.mark.parametrize("tz", [None, "US/Eastern"])
    @pytest.mark.parametrize(
        "days",
        [
            pd.offsets.CustomBusinessDay(holidays=["2024-01-03", "2024-01-12", "2024-01-15"]),
            pd.offsets.CustomBusinessDay(2, weekmask="Sun Mon Tue Wed Thu"),
            pd.offsets.CustomBusinessDay(calendar=USFederalHolidayCalendar()),
        ],
        ids=["holidays", "weekdays", "federal"],
    )
    def test_custom_business_days_go_on(self, days, tz):
        index = pd.date_range("2024-01-02", periods=14, freq=days, tz=tz)
        calendar = read_calendar(index[:8], "y")
        assert all(isinstance(part, (int, str)) for part in calendar if part is not None)
        assert calendar.after(6).equals(index[8:])
        assert calendar.until(8).equals(index[:8])
        assert calendar.after(1).freq == days
        assert calendar.advance(2).steps_to(index[10:13], "horizon").tolist() == [1, 2, 3]
        assert read_calendar(index[:2], "y").after(12).equals(index[2:])

    def test_what_else_is_known_of_holidays_is_named(self):
        monthly = pd.offsets.CustomBusinessMonthEnd(holidays=["2024-01-31"])
        with pytest.raises(ValueError, match="which a forecast cannot continue, since its name 'CBME'"):
            read_calendar(pd.date_range("2024-01-02", periods=8, freq=monthly), "y")
        index = pd.bdate_range("2024-01-01", periods=30).delete(10)
        with pytest.raises(ValueError, match=r"2024-01-15 .* if these are holidays, give the index the freq"):
            read_calendar(index, "y")
        every_other = pd.date_range("2024-01-01", periods=8, freq=pd.DateOffset(days=2))
        assert read_calendar(every_other, "y").freq == "2D"


class TestContinuation:
    LAYOUT = read_panel(pd.DataFrame({"a": Y, "b": Y}, MONTHS)).layout

    def test_takes_what_follows(self):
        new = pd.DataFrame({"a": [7.0], "b": [8.0]}, [pd.Timestamp("2024-07-01")])
        np.testing.assert_array_equal(read_continuation(new, self.LAYOUT, 2)[0], [[7.0, 8.0]])
        np.testing.assert_array_equal(read_continuation(new.to_numpy(), self.LAYOUT, 2)[0], [[7.0, 8.0]])

    def test_refuses_what_does_not(self):
        new = pd.DataFrame(np.ones((2, 2)), pd.date_range("2024-07-01", periods=2, freq="MS"), ["a", "b"])
        cases = [
            (new.set_axis(MONTHS[:2]), "y must start right after the last observation (2024-06-01 00:00:00)"),
            (new[1:], "row 0 should be 2024-07-01 00:00:00, but is 2024-08-01 00:00:00"),
            (new.reset_index(drop=True), "row 0 should be 2024-07-01 00:00:00, but is 0"),
            (new[["b", "a"]], "y has the columns ['b', 'a'], expected ['a', 'b'] as in fit"),
            (new[["a"]], "y has 1 column(s), expected 2 as in fit"),
            ([new, new], "y has 2 series, expected 1"),
        ]
        for given, words in cases:
            with pytest.raises(ValueError, match=re.escape(words)):
                read_continuation(given, self.LAYOUT, 2)

    def test_long_frames_are_matched_by_id(self):
        long = pd.concat([pd.DataFrame({"unique_id": k, "ds": MONTHS, "y": Y}) for k in "ab"])
        layout = read_panel(long).layout
        rows = {"unique_id": ["b", "a"], "ds": [pd.Timestamp("2024-07-01")] * 2, "y": [2.0, 1.0]}
        assert [v.item() for v in read_continuation(pd.DataFrame(rows), layout, 1)] == [1.0, 2.0]
        with pytest.raises(ValueError, match="same unique_id values as y; these differ: 'b', 'c'"):
            read_continuation(pd.DataFrame(rows | {"unique_id": ["c", "a"]}), layout, 1)
        with pytest.raises(ValueError, match="y has 1 series, expected 2"):
            read_continuation(pd.DataFrame(rows)[:1], layout, 1)


class TestExog:
    LAYOUT = read_panel(pd.Series(Y, MONTHS)).layout

    def test_past_and_future(self):
        X = pd.DataFrame({"p": np.arange(8.0), "q": 1.0}, pd.date_range("2024-01-01", periods=8, freq="MS"))
        (past,), names = read_exog(X[:6], self.LAYOUT, [6], future=False)
        assert names == ("p", "q")
        (ahead,), _ = read_exog(X[6:], self.LAYOUT, [2], future=True, n_features=2, names=names)
        np.testing.assert_array_equal(np.concatenate([past, ahead]), X)
        with pytest.raises(ValueError, match="X must have the index of y: row 0 should be 2024-01-01"):
            read_exog(X[1:7], self.LAYOUT, [6], future=False)
        with pytest.raises(ValueError, match="X must have the 2 labels after 2024-06-01"):
            read_exog(X[:2], self.LAYOUT, [2], future=True)
        with pytest.raises(ValueError, match="X has 5 rows, expected 6 rows, one per step of y"):
            read_exog(X[:5], self.LAYOUT, [6], future=False)
        with pytest.raises(ValueError, match="X has 1 rows, expected 2 rows, one per step of the horizon"):
            read_exog(X[6:7], self.LAYOUT, [2], future=True, n_ahead=2)

    def test_one_column_may_be_a_series(self):
        (values,), _ = read_exog(pd.Series(Y, MONTHS, name="p"), self.LAYOUT, [6], future=False)
        assert values.shape == (6, 1)

    def test_long_frames_may_have_many_features(self):
        long = pd.concat([pd.DataFrame({"unique_id": k, "ds": MONTHS, "y": Y}) for k in "ab"])
        X = (
            long.drop(columns="y")
            .assign(p=1.0, q=2.0)
            .sort_values("unique_id", ascending=False, kind="stable")
        )
        values, names = read_exog(X, read_panel(long).layout, [6, 6], future=False)
        assert names == ("p", "q")
        assert [v.shape for v in values] == [(6, 2), (6, 2)]

    def test_a_panel_needs_one_for_each_series(self):
        with pytest.raises(ValueError, match="X has 1 series, expected 2, one per series of y"):
            read_exog(np.ones((6, 2)), read_panel([Y, Y]).layout, [6, 6], future=False)


class TestHorizon:
    LAYOUT = read_panel(pd.Series(Y, MONTHS)).layout

    def test_int_steps_and_labels(self):
        labels = pd.date_range("2024-07-01", periods=5, freq="MS")
        for horizon, steps in (
            (3, [1, 2, 3]),
            (np.int32(2), [1, 2]),
            ([2, 5], [2, 5]),
            (labels[[0, 4]], [1, 5]),
        ):
            found = read_horizon(horizon, self.LAYOUT)
            assert found.steps.tolist() == steps
            assert found.n_steps == steps[-1]

    @pytest.mark.parametrize(
        ("horizon", "words"),
        [
            (0, "horizon=0 must be at least 1"),
            ([], "horizon is empty"),
            ([3, 1], "strictly increasing: sort it"),
            (
                MONTHS[-2:],
                "2024-05-01 00:00:00 is not one of the labels after the last observation 2024-06-01",
            ),
            (pd.DatetimeIndex(["2024-07-15"]), "2024-07-15 00:00:00 is not one of the labels"),
            (pd.date_range("2024-07-01", periods=2, freq="MS", tz="UTC"), "horizon has time zone UTC"),
            (pd.RangeIndex(6, 8), "horizon is a RangeIndex, but the series ends at 2024-06-01"),
            (pd.period_range("2024-07", periods=2, freq="M"), "horizon is a PeriodIndex, but"),
            (MONTHS[:0], "horizon is empty"),
        ],
    )
    def test_errors(self, horizon, words):
        with pytest.raises(ValueError, match=re.escape(words)):
            read_horizon(horizon, self.LAYOUT)

    def test_labels_need_an_index_and_one_end(self):
        with pytest.raises(ValueError, match="y has no index"):
            read_horizon(MONTHS, read_panel(Y).layout)
        with pytest.raises(ValueError, match="end at different labels"):
            read_horizon(pd.RangeIndex(8, 9), read_panel([pd.Series(Y), pd.Series(Y[:4])]).layout)
        layout = read_panel(pd.Series(Y, pd.period_range("2024-01", periods=6, freq="M"))).layout
        with pytest.raises(ValueError, match="periods of D, but the series has M"):
            read_horizon(pd.period_range("2024-07-01", periods=2, freq="D"), layout)
