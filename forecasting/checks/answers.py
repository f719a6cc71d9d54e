"""Checks of what comes in and what comes back: containers, indices, horizons, intervals, errors."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.testing import assert_allclose

from forecasting.checks.examples import (
    N_AHEAD,
    N_STEPS,
    assert_raises,
    assert_same,
    example_exog,
    example_series,
    fitted,
    uses_exog,
    with_exog,
)

INDICES: dict[str, Any] = {
    "default": lambda n: pd.RangeIndex(n),
    "integers": lambda n: pd.RangeIndex(5, 5 + 2 * n, 2),
    "months": lambda n: pd.date_range("2001-01-31", periods=n, freq="ME", name="month"),
    "business days": lambda n: pd.date_range("2001-01-01", periods=n, freq="B"),
    "local days": lambda n: pd.date_range("2001-03-01", periods=n, freq="D", tz="Europe/Berlin"),
    "local hours": lambda n: pd.date_range("2001-03-23", periods=n, freq="h", tz="Europe/Berlin"),
    "periods": lambda n: pd.period_range("2001Q1", periods=n, freq="Q"),
}
# Further ones, which cost no fit.
MORE_INDICES: dict[str, Any] = {
    **INDICES,
    "weeks": lambda n: pd.date_range("2001-01-03", periods=n, freq="W-WED"),
    "quarters": lambda n: pd.date_range("1950-02-01", periods=n, freq="QS-FEB"),
    "years": lambda n: pd.date_range("1900-06-30", periods=n, freq="YE-JUN"),
    "quarter hours": lambda n: pd.date_range(
        "2001-10-27 18:00", periods=n, freq="15min", tz="America/New_York"
    ),
    "every third day": lambda n: pd.date_range("2001-01-01", periods=n, freq="3D", unit="s"),
    "weeks of periods": lambda n: pd.period_range("2001-01-03", periods=n, freq="W-WED"),
    "half years": lambda n: pd.period_range("2001-01", periods=n, freq="6M"),
}


def check_indices(forecaster: Any) -> None:
    """A Series and a frame come back with their index continued, whatever its kind, for every kind of
    horizon."""
    y = example_series()
    of_array = fitted(forecaster, y)
    expected = of_array.predict(N_AHEAD)
    some = of_array.predict([2, 5])
    for name, make in INDICES.items():
        labels = make(N_STEPS + N_AHEAD)
        model = fitted(forecaster, pd.Series(y, labels[:N_STEPS], name="demand"))
        ahead = labels[N_STEPS:]
        every = slice(None)
        horizons = (
            (N_AHEAD, every, expected),
            ([2, 5], [1, 4], some),
            (ahead, every, expected),
            (ahead[[0, 6]], [0, 6], expected[[0, 6]]),
        )
        for horizon, steps, values in horizons:
            answer = model.predict(horizon)
            assert isinstance(answer, pd.Series), f"{name}: a Series must come back as one"
            assert answer.name == "demand", f"{name}: the name must come back"
            pd.testing.assert_index_equal(answer.index, ahead[steps], exact="equiv", obj=f"index ({name})")
            assert_same(answer, values, f"{name}: values must not depend on the index")
        frame = fitted(forecaster, pd.DataFrame({"demand": y}, labels[:N_STEPS])).predict(ahead)
        assert isinstance(frame, pd.DataFrame), f"{name}: a frame must come back"
        assert list(frame) == ["demand"], f"{name}: the names of columns must come back"
        assert_same(frame["demand"], expected, f"{name}: frame and Series must agree")
        assert model.cutoff_ == labels[N_STEPS - 1], f"{name}: cutoff_ must be the last label"


def check_containers(forecaster: Any) -> None:
    """Every container of one multivariate series or of a panel gives the same numbers in its own form."""
    y = example_series(2)
    expected = fitted(forecaster, y).predict(N_AHEAD)
    assert expected.shape == (N_AHEAD, 2)
    frame = fitted(forecaster, pd.DataFrame(y, columns=["a", "b"])).predict(N_AHEAD)
    assert list(frame) == ["a", "b"]
    assert_same(frame, expected, "frame and array must agree")

    stack = np.stack([example_series(1), example_series(1, seed=3)])
    expected = fitted(forecaster, stack).predict(N_AHEAD)
    assert expected.shape == (2, N_AHEAD, 1)
    listed = fitted(forecaster, [stack[0, :, 0], pd.Series(stack[1, :, 0])]).predict(N_AHEAD)
    assert [type(one) for one in listed] == [np.ndarray, pd.Series]
    assert_same(listed, list(expected[:, :, 0]), "list and 3-D array must agree")
    labels = pd.date_range("2001-01-01", periods=N_STEPS + N_AHEAD, freq="D")
    parts = [
        pd.DataFrame({"unique_id": k, "ds": labels[:N_STEPS], "y": v[:, 0]}) for k, v in zip("uv", stack)
    ]
    answer = fitted(forecaster, pd.concat(parts)).predict(N_AHEAD)
    assert list(answer) == ["unique_id", "ds", "y"]
    assert list(answer["unique_id"]) == ["u"] * N_AHEAD + ["v"] * N_AHEAD
    assert (answer["ds"].to_numpy() == np.tile(labels[N_STEPS:], 2)).all(), "a long frame must go on in time"
    assert_same(answer["y"], expected.ravel(), "long frame and 3-D array must agree")


def check_containers_with_indices(forecaster: Any) -> None:
    """Every container with every index comes back as it came, its index continued, for every kind of horizon."""
    stack = np.stack([example_series(1), example_series(1, seed=3)])[:, :, 0]
    single, both = fitted(forecaster, stack[0]), fitted(forecaster, list(stack))
    expected = np.asarray(both.predict([1, 7], context=list(stack)))
    second = np.asarray(both.predict([2, 3], context=list(stack)))
    # Bits are compared at one horizon: a shorter one gives the same numbers to rounding (see check_prefix).
    alone = [single.predict(steps, context=stack[0]) for steps in (N_AHEAD, [1, 5], [3, 4])]
    for name, make in MORE_INDICES.items():
        labels = make(N_STEPS + N_AHEAD)
        index, ahead = labels[:N_STEPS], labels[N_STEPS:]
        series = [pd.Series(values, index, name="a") for values in stack]
        long = pd.concat([pd.DataFrame({"unique_id": k, "ds": index, "y": v}) for k, v in zip("uv", stack)])
        horizons = ((N_AHEAD, slice(None)), ([1, 5], [0, 4]), (ahead[2:4], [2, 3]))
        inputs = (series[0], series[0].to_frame(), series[0])
        for given, (horizon, steps), expected_values in zip(inputs, horizons, alone):
            answer = single.predict(horizon, context=given)
            values = answer["a"] if isinstance(given, pd.DataFrame) else answer
            like = pd.Series(expected_values, ahead[steps], name="a")
            pd.testing.assert_series_equal(values, like, check_freq=False, check_index_type="equiv", obj=name)
        pair = both.predict(ahead[[0, 6]], context=series)
        assert_same(pair, list(expected), f"{name}: values must not depend on the index")
        assert all((one.index == ahead[[0, 6]]).all() for one in pair), f"{name}: a list must go on in time"
        answer = both.predict([2, 3], context=long)
        assert list(answer) == ["unique_id", "ds", "y"], f"{name}: a long frame must come back"
        assert_same(answer["y"], second.ravel(), f"{name}: long frame and list must agree")
        assert list(answer["ds"]) == 2 * list(ahead[[1, 2]]), f"{name}: a long frame must go on in time"


def check_lengths_in_a_panel(forecaster: Any) -> None:
    """The series of a panel may have any lengths."""
    series = [example_series(), example_series(n_steps=N_STEPS - 7, seed=3)]
    answer = fitted(forecaster, series).predict(N_AHEAD)
    assert [one.shape for one in answer] == [(N_AHEAD,), (N_AHEAD,)]
    assert np.isfinite(answer).all()


def check_input_formats(forecaster: Any) -> None:
    """Read-only, strided, memory-mapped, narrow and plain-list input is read alike, and left as it was."""
    y = np.round(example_series(2) * 8) / 8  # exact in float32
    expected = fitted(forecaster, y).predict(N_AHEAD)
    read_only = y.copy()
    read_only.flags.writeable = False
    forms: dict[str, Any] = {
        "read-only": read_only,
        "Fortran-ordered": np.asfortranarray(y),
        "strided": np.repeat(y, 2, axis=0)[::2],
        "float32": y.astype(np.float32),
        "object": y.astype(object),
    }
    for name, given in forms.items():
        before = given.copy()
        assert_same(fitted(forecaster, given).predict(N_AHEAD), expected, f"{name} input must be read alike")
        assert_same(given, before, f"{name} input must be left alone")
    with tempfile.TemporaryDirectory() as folder:
        np.save(Path(folder) / "y.npy", y)
        mapped = np.load(Path(folder) / "y.npy", mmap_mode="r")
        assert_same(fitted(forecaster, mapped).predict(N_AHEAD), expected, "a memory map must be read alike")
        del mapped
    listed = fitted(forecaster, y[:, 0].tolist()).predict(N_AHEAD)
    assert_same(listed, fitted(forecaster, y[:, 0]).predict(N_AHEAD), "a list of numbers must be read alike")


def check_input_is_copied(forecaster: Any) -> None:
    """Writing to the training arrays after `fit` changes nothing."""
    for y, X, X_ahead in with_exog(forecaster):
        given_y, given_X = y.copy(), None if X is None else X.copy()
        model = fitted(forecaster, given_y, given_X)
        call = (4, None if X is None else X_ahead[:4])
        before = [model.predict(*call), model.predict_interval(*call, coverage=0.5)]
        given_y[:] = 0
        if given_X is not None:
            given_X[:] = 0
        after = [model.predict(*call), model.predict_interval(*call, coverage=0.5)]
        assert_same(after, before, "the forecaster must keep its own copy")


def check_horizons(forecaster: Any) -> None:
    """A horizon that makes no sense is an error; one longer than the series is none."""
    model = fitted(forecaster, example_series())
    assert_same(model.predict(np.int64(3)), model.predict([1, 2, 3]), "NumPy integers are integers")
    assert np.isfinite(model.predict(2 * N_STEPS)).all()
    senseless: dict[type, list] = {
        ValueError: [0, -1, [], [0, 1], [2, 1], [1, 1]],
        TypeError: [1.5, True, "3", [1.0, 2.0], None, [[1, 2]]],
    }
    for error, horizons in senseless.items():
        for horizon in horizons:
            assert_raises(error, "horizon", f"horizon={horizon}", model.predict, horizon)
    assert_raises(
        ValueError, "no index", "an index for arrays", model.predict, pd.RangeIndex(N_STEPS, N_STEPS + 2)
    )
    labels = pd.date_range("2001-01-01", periods=N_STEPS, freq="D")
    model = fitted(forecaster, pd.Series(example_series(), labels))
    assert_raises(ValueError, "after the last observation", "a label in the past", model.predict, labels[-1:])


def check_intervals(forecaster: Any) -> None:
    """Intervals enclose the forecast, nest with coverage, and do not depend on how far the horizon
    reaches."""
    for y, X, X_ahead in with_exog(forecaster):
        model = fitted(forecaster, y, X)
        point = model.predict(N_AHEAD, X_ahead)
        narrow = model.predict_interval(N_AHEAD, X_ahead, 0.5)
        wide = model.predict_interval(N_AHEAD, X_ahead, coverage=0.9)
        assert narrow.shape == wide.shape == (N_AHEAD, 2)
        assert (wide[:, 0] <= narrow[:, 0]).all(), "intervals must nest"
        assert (wide[:, 1] >= narrow[:, 1]).all(), "intervals must nest"
        tags = model.__sklearn_tags__().forecaster_tags
        if tags.centred_intervals:
            middle = narrow.mean(axis=1)
            assert_allclose(middle, point, rtol=1e-10, err_msg="intervals are centred on the forecast")
        else:
            assert (wide[:, 0] <= point).all(), "intervals must enclose the forecast"
            assert (point <= wide[:, 1]).all(), "intervals must enclose the forecast"
        if tags.prefix_consistent:
            part = model.predict_interval(3, None if X is None else X_ahead[:3], coverage=0.9)
            assert_allclose(part, wide[:3], rtol=1e-6, err_msg="intervals must not depend on the horizon")
        quantiles = model.predict_quantiles(N_AHEAD, X_ahead, (0.2, 0.5, 0.8))
        assert quantiles.shape == (N_AHEAD, 3)
        assert (np.diff(quantiles, axis=1) >= 0).all(), "quantiles must increase"

        samples = model.sample(N_AHEAD, 5, X_ahead, random_state=0)
        assert samples.shape == (N_AHEAD, 5)
        assert_same(
            samples, model.sample(N_AHEAD, 5, X_ahead, random_state=0), "random_state fixes the samples"
        )
        if tags.conformal_intervals:
            too_few = (model.predict_interval, 1, *_rows(X_ahead, 1), 0.999)
            assert_raises(ValueError, "coverage", "too few residuals", *too_few)
        for coverage in (0, 1, 90, -0.1):
            call = (model.predict_interval, 1, *_rows(X_ahead, 1), coverage)
            assert_raises(ValueError, "fraction", f"coverage={coverage}", *call)


def check_interval_containers(forecaster: Any) -> None:
    """Intervals, quantiles and samples come back in the container of y."""
    y = example_series(2)
    index = pd.period_range("2001-01", periods=N_STEPS, freq="M")
    arrays = fitted(forecaster, y).predict_interval(3, coverage=0.5)
    assert arrays.shape == (3, 2, 2)
    frame = fitted(forecaster, pd.DataFrame(y, index, columns=["a", "b"])).predict_interval(3, coverage=0.5)
    assert list(frame["lower"]) == list(frame["upper"]) == ["a", "b"]
    assert_same(frame["upper"], arrays[:, :, 1], "frame and array must agree")
    model = fitted(forecaster, pd.Series(y[:, 0], index))
    interval = model.predict_interval(3, coverage=0.5)
    assert list(interval) == ["lower", "upper"]
    assert (interval.index == model.predict(3).index).all()
    assert list(model.predict_quantiles(3, quantiles=(0.4, 0.6))) == [0.4, 0.6]
    assert model.sample(3, 2, random_state=0).shape == (3, 2)


def check_bad_series(forecaster: Any) -> None:
    """NaN, infinity, emptiness, text and ambiguous containers are errors that say what to do."""
    model, y = fitted(forecaster, example_series()), example_series()
    for value, word in ((np.nan, "NaN"), (np.inf, "infinity")):
        spoilt = y.copy()
        spoilt[5] = value
        for call in (model.fit, model.update):
            assert_raises(ValueError, f"{word} at step 5", f"{word} in y", call, spoilt)
        assert_raises(ValueError, f"{word} at step 5", f"{word} in context", model.predict, 2, context=spoilt)
    assert_raises(ValueError, "empty", "an empty series", model.fit, [])
    assert_raises(TypeError, "numbers", "text", model.fit, ["a", "b", "c"])
    assert_raises(TypeError, "numbers", "complex numbers", model.fit, y + 1j)
    assert_raises(TypeError, "list of lists", "a list of lists", model.fit, [[1.0, 2.0], [3.0, 4.0]])
    assert_raises(ValueError, "column", "another number of targets", model.update, np.ones((3, 2)))
    assert_raises(
        ValueError, "column", "another number of targets", model.predict, 2, context=np.ones((40, 2))
    )
    assert_raises(ValueError, "series", "another number of series", model.update, [y, y])


def check_short_and_constant_series(forecaster: Any) -> None:
    """A constant series is continued as it is, or refused in words; so are very short ones."""
    for y in (np.full(N_STEPS, 3.0), np.zeros(N_STEPS)):
        answer = _forecast_or_refusal(forecaster, y, "constant")
        if answer is not None:
            assert_allclose(answer, y[:3], atol=1e-6, err_msg="a constant series must be continued")
    for n_steps in (1, 2, 3, 5):
        answer = _forecast_or_refusal(forecaster, example_series(n_steps=n_steps), "step")
        if answer is not None:
            assert np.isfinite(answer).all(), f"a forecast from {n_steps} steps must be finite"


def _forecast_or_refusal(forecaster: Any, y: np.ndarray, word: str) -> np.ndarray | None:
    try:
        return fitted(forecaster, y).predict(3)
    except ValueError as error:
        text = str(error)
    assert word in text, f"the error must mention {word!r}: {text}"
    return None


def check_exog_errors(forecaster: Any) -> None:
    """`X` that is missing, unexpected, or of the wrong shape or index is an error."""
    y, X = example_series(), example_exog()
    if not uses_exog(forecaster):
        assert_raises(ValueError, "leave X out", "X in fit", fitted, forecaster, y, X[:N_STEPS])
        return
    model = fitted(forecaster, y)
    assert_raises(ValueError, "leave X out", "X in predict only", model.predict, 2, X[:2])
    model.fit(y, X[:N_STEPS])
    assert_raises(ValueError, "pass X", "X missing", model.predict, 2)
    assert_raises(ValueError, "pass X", "X missing", model.update, y[:2])
    assert_raises(ValueError, "expected 2 rows", "too many rows", model.predict, 2, X[:3])
    assert_raises(ValueError, "expected 2 as in fit", "too few columns", model.predict, 2, X[:2, :1])
    assert_raises(ValueError, "rows", "fewer rows than y", model.fit, y, X[:5])
    labels = pd.date_range("2001-01-01", periods=len(X), freq="D")
    frame = pd.DataFrame(X, labels, columns=["p", "q"])
    model.fit(pd.Series(y, labels[:N_STEPS]), frame[:N_STEPS])
    assert_raises(ValueError, "should be", "X of the past", model.predict, 2, frame[:2])
    assert_raises(
        ValueError, "columns", "columns exchanged", model.predict, 2, frame[["q", "p"]][N_STEPS:][:2]
    )
    assert_raises(
        ValueError, "index of y", "X shifted", model.fit, pd.Series(y, labels[:N_STEPS]), frame[1:][:N_STEPS]
    )


def _rows(X: Any, n: int) -> tuple:
    return (None if X is None else X[:n],)
