"""Series and frames of Polars: read as those of pandas are, and given back as they came."""

import datetime

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from forecasting import Drift, RecursiveForecaster, RollingOrigin, backtest, fill_gaps
from forecasting.checks.examples import N_AHEAD, N_STEPS, example_exog, example_series

polars = pytest.importorskip("polars")

Y = example_series()
DAYS = pd.date_range("2024-01-01", periods=N_STEPS + N_AHEAD)


def column(index):
    zone = index.tz
    stamps = polars.Series((index if zone is None else index.tz_convert("UTC").tz_localize(None)).to_numpy())
    return stamps if zone is None else stamps.dt.replace_time_zone("UTC").dt.convert_time_zone(str(zone))


def test_a_series():
    expected = Drift().fit(Y).predict(3)
    answer = Drift().fit(polars.Series("load", Y)).predict(3)
    assert isinstance(answer, polars.Series)
    assert answer.name == "load"
    assert_array_equal(answer.to_numpy(), expected)
    interval = Drift().fit(polars.Series("load", Y)).predict_interval(3, coverage=0.5)
    assert interval.columns == ["lower", "upper"]
    several = Drift().fit([polars.Series(Y), Y]).predict(3)
    assert [type(one) for one in several] == [polars.Series, np.ndarray]


def test_a_frame_without_time():
    y = example_series(2)
    model = Drift().fit(polars.DataFrame({"a": y[:50, 0], "b": y[:50, 1]}))
    expected = Drift().fit(y[:50])
    assert_array_equal(model.predict(4).to_numpy(), expected.predict(4))
    assert model.predict(4).columns == ["a", "b"]
    assert model.predict_interval(4, coverage=0.5).columns == ["lower_a", "lower_b", "upper_a", "upper_b"]
    model.update(polars.DataFrame({"a": y[50:, 0], "b": y[50:, 1]}))
    assert_array_equal(model.predict(4).to_numpy(), expected.update(y[50:]).predict(4))


@pytest.mark.parametrize("zone", [None, "Europe/Berlin"])
def test_a_frame_with_time(zone):
    index = pd.date_range("2024-03-25", periods=N_STEPS + 6, freq="h", tz=zone, unit="us")
    model = Drift().fit(polars.DataFrame({"ds": column(index[:N_STEPS]), "load": Y}))
    answer = model.predict(6)
    assert answer.columns == ["ds", "load"]
    assert answer["ds"].equals(column(index[N_STEPS:]))
    assert answer["ds"].dtype == polars.Datetime("us", zone)
    assert_array_equal(model.predict(index[N_STEPS + 2 :])["load"].to_numpy(), Drift().fit(Y).predict(6)[2:])
    with pytest.raises(ValueError, match="must start right after the last observation"):
        model.update(polars.DataFrame({"ds": column(index[:3]), "load": Y[:3]}))


def test_dates_stay_dates():
    days = polars.date_range(datetime.date(2024, 2, 27), datetime.date(2024, 2, 29), eager=True)
    answer = Drift().fit(polars.DataFrame({"ds": days, "y": [1.0, 2.0, 3.0]})).predict(2)
    assert answer["ds"].to_list() == [datetime.date(2024, 3, 1), datetime.date(2024, 3, 2)]
    assert answer["y"].to_list() == [4, 5]


def test_long_frames_with_covariates():
    X = example_exog()
    long = pd.DataFrame(
        {"unique_id": "a", "ds": DAYS, "y": np.r_[Y, np.zeros(N_AHEAD)], "p": X[:, 0], "q": X[:, 1]}
    )
    frames = [long, polars.DataFrame({name: long[name].to_numpy() for name in long})]
    model = RecursiveForecaster(lags=3)
    expected = model.fit(frames[0][:N_STEPS]).predict(N_AHEAD, frames[0][N_STEPS:].drop(columns="y"))
    answer = model.fit(frames[1][:N_STEPS]).predict(N_AHEAD, frames[1][N_STEPS:].drop("y"))
    assert isinstance(answer, polars.DataFrame)
    assert answer.columns == ["unique_id", "ds", "y"]
    assert_array_equal(answer["y"].to_numpy(), expected["y"])
    assert_array_equal(answer["ds"].to_numpy(), expected["ds"].to_numpy())


def test_missing_values_and_gaps():
    with pytest.raises(ValueError, match="NaN at step 1"):
        Drift().fit(polars.Series("a", [1.0, None, 3.0]))
    holed = polars.DataFrame({"ds": column(DAYS[[0, 1, 2, 4]]), "y": [0.0, 1.0, 2.0, 4.0]})
    with pytest.raises(ValueError, match="gap in its index"):
        Drift().fit(holed)
    filled = fill_gaps(holed, rule="linear")
    assert filled["y"].to_list() == [0, 1, 2, 3, 4]
    assert Drift().fit(filled).predict(1)["y"].to_list() == [5]
    long = fill_gaps(holed.insert_column(0, polars.Series("unique_id", ["a"] * 4)), rule="linear")
    assert long.columns == ["unique_id", "ds", "y"]
    assert long["y"].to_list() == [0, 1, 2, 3, 4]


def test_lazy_frames_and_text():
    with pytest.raises(TypeError, match=r"LazyFrame holds no values yet: call collect\(\) first"):
        Drift().fit(polars.DataFrame({"a": Y}).lazy())
    with pytest.raises(TypeError, match="convert them"):
        Drift().fit(polars.DataFrame({"a": ["x", "y"]}))


def test_backtest():
    result = backtest(Drift(), polars.Series("load", Y), cv=RollingOrigin(3, n_windows=2), metrics="mae")
    expected = backtest(Drift(), Y, cv=RollingOrigin(3, n_windows=2), metrics="mae")
    assert result.summary["mae"].tolist() == expected.summary["mae"].tolist()
