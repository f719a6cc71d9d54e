import subprocess
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from forecasting.backtesting.run import RollingOrigin, backtest
from forecasting.baselines.naive import Naive
from forecasting.plotting import forecasts
from forecasting.plotting.forecasts import plot_backtest, plot_forecast, plot_report

matplotlib = pytest.importorskip("matplotlib")
from matplotlib import dates  # noqa: E402
from matplotlib import pyplot as plt  # noqa: E402

Y = pd.Series(
    np.sin(np.arange(48) / 3) + 5, index=pd.date_range("2021-01-01", periods=48, freq="MS"), name="sales"
)
AHEAD = pd.Series([5.0, 5.5, 6.0], index=pd.date_range("2025-01-01", periods=3, freq="MS"))
BAND = pd.DataFrame({"lower": AHEAD - 1, "upper": AHEAD + 1})


@pytest.fixture
def ax():
    axes = plt.subplots()[1]
    yield axes
    plt.close("all")


@pytest.fixture(scope="module")
def result():
    models = {"naive": Naive(), "naive too": Naive(), "third": Naive()}
    return backtest(models, Y, cv=RollingOrigin(4, n_windows=3), coverage=0.8)


def texts(ax):
    return [text.get_text() for text in ax.texts]


# -------------------------------------------------------------------------------------------- forecasts


def test_forecast_is_drawn_where_it_belongs(ax):
    drawn = plot_forecast(Y, AHEAD, BAND, coverage=0.9, title="three months", ax=ax)
    assert drawn is ax
    history, forecast, _ = ax.lines
    np.testing.assert_array_equal(history.get_ydata(), Y)
    np.testing.assert_array_equal(forecast.get_ydata(), [Y.iloc[-1], *AHEAD])  # it starts where history ends
    np.testing.assert_array_equal(
        dates.date2num(forecast.get_xdata()), dates.date2num([Y.index[-1], *AHEAD.index])
    )
    (band,) = ax.collections
    ys = band.get_paths()[0].vertices[:, 1]
    assert (ys.min(), ys.max()) == (4.0, 7.0)
    assert texts(ax) == ["forecast\n90 % interval"]
    assert (ax.get_title(loc="left"), ax.get_ylabel()) == ("three months", "sales")


def test_array_forecasts_continue_the_positions(ax):
    plot_forecast(Y.to_numpy(), AHEAD.to_numpy(), BAND.to_numpy(), truth=[5.0, 5.0, 5.0], ax=ax)
    assert ax.lines[1].get_xdata().tolist() == [47, 48, 49, 50]
    assert ax.lines[2].get_xdata().tolist() == [48, 49, 50]
    assert sorted(texts(ax)) == ["forecast\ninterval", "truth"]


def test_periods_and_short_histories(ax):
    plot_forecast(Y.to_period("M"), AHEAD.to_period("M"), n_history=5, ax=ax)
    np.testing.assert_array_equal(dates.date2num(ax.lines[0].get_xdata()), dates.date2num(Y.index[-5:]))


def test_several_forecasts_have_colours_of_their_own_and_labels_that_do_not_overlap(ax):
    plot_forecast(Y, {"a": AHEAD, "b": AHEAD + 0.01, "c": AHEAD - 0.01, "d": AHEAD}, BAND, ax=ax)
    assert [line.get_color() for line in ax.lines[1:5]] == list(forecasts.COLOURS[:4])
    assert [text.get_color() for text in sorted(ax.texts, key=lambda t: t.get_text())] == list(
        forecasts.COLOURS[:4]
    )
    ax.figure.canvas.draw()
    boxes = sorted((text.get_window_extent().extents for text in ax.texts), key=lambda box: box[1])
    assert all(below[3] <= above[1] for below, above in pairwise(boxes))


def test_a_wild_rival_does_not_squash_the_picture(ax):
    plot_forecast(Y, {"calm": AHEAD, "wild": AHEAD * 1e6}, ax=ax)
    assert ax.get_ylim()[1] < 10
    assert sorted(texts(ax)) == ["calm", "wild"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.zeros((5, 2)), AHEAD), r"history must be one series with at least one step; got shape \(5, 2\)"),
        ((Y, []), r"forecast must be one series with at least one step; got shape \(0, 1\)"),
        ((Y, AHEAD, BAND[:2]), r"interval must be lower and upper bound of the 3 steps; got shape \(2, 2\)"),
    ],
)
def test_forecast_arguments_are_checked(ax, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_forecast(*arguments, ax=ax)


# -------------------------------------------------------------------------------------------- backtests


def test_backtest_shows_every_window(ax, result):
    assert plot_backtest(result, ax=ax) is ax
    assert sorted(texts(ax)) == ["naive", "naive too"]
    assert len(ax.collections) == 3  # the first model's intervals
    paths = [line for line in ax.lines if len(line.get_xdata()) == 4]
    assert len(paths) == 6
    np.testing.assert_array_equal(paths[0].get_ydata(), [Y.iloc[35]] * 4)
    np.testing.assert_array_equal(dates.date2num(paths[0].get_xdata()), dates.date2num(Y.index[36:40]))
    assert len(ax.lines[0].get_xdata()) == 12 + 12  # three horizons of history before the first origin


def test_backtest_of_chosen_models_windows_of_one_step_and_positions(ax):
    models = {"x": Naive(), "y": Naive()}
    plain = backtest(models, Y.to_numpy(), cv=RollingOrigin(1, n_windows=3))
    plot_backtest(plain, models=["y"], n_history=2, ax=ax)
    assert texts(ax) == ["y"]
    assert [line.get_marker() for line in ax.lines[1:4]] == ["o"] * 3
    assert ax.lines[0].get_xdata().tolist() == [43, 44, 45, 46, 47]


def test_the_interval_of_a_single_step_is_seen(ax):
    plot_forecast(Y, AHEAD[:1], BAND[:1], ax=ax)
    (bar,) = ax.collections
    assert bar.get_paths()[0].vertices[:, 1].tolist() == BAND[:1].to_numpy().ravel().tolist()
    assert bar.get_linewidth()[0] > 1
    ax.clear()
    plain = backtest(Naive(), Y.to_numpy(), cv=RollingOrigin(1, n_windows=3), coverage=0.8)
    plot_backtest(plain, ax=ax)
    widths = plain.forecasts["upper"] - plain.forecasts["lower"]
    drawn = [np.ptp(bar.get_paths()[0].vertices[:, 1]) for bar in ax.collections]
    np.testing.assert_allclose(drawn, widths)
    assert all(bar.get_linewidth()[0] > 1 for bar in ax.collections)


def test_backtest_of_panels_targets_and_periods(ax):
    both = pd.DataFrame({"a": Y, "b": Y * 10}).to_period("M")
    panel = backtest(Naive(), [both, both * 2], cv=RollingOrigin(2, n_windows=2))
    plot_backtest(panel, series=1, target="b", ax=ax)
    assert ax.lines[0].get_ydata()[-1] == pytest.approx(Y.iloc[-1] * 20)
    assert ax.get_ylabel() == "b"
    with pytest.raises(ValueError, match=r"target='c' is not in the backtest; it has \['a', 'b'\]"):
        plot_backtest(panel, target="c", ax=ax)


def test_backtest_arguments_are_checked(ax, result):
    with pytest.raises(ValueError, match=r"models=\['arima'\] must be 1 to 6 of .*unknown: \['arima'\]"):
        plot_backtest(result, models=["arima"], ax=ax)
    with pytest.raises(ValueError, match="the backtest has one series alone; leave series out"):
        plot_backtest(result, series=0, ax=ax)
    bare = backtest(Naive(), Y, cv=RollingOrigin(4), return_forecasts=False)
    with pytest.raises(ValueError, match="return_forecasts=True"):
        plot_backtest(bare, ax=ax)


def test_report_is_saved_without_pyplot(result, tmp_path):
    before = plt.get_fignums()
    figure = plot_report(Y, {"naive": AHEAD}, BAND, result, title="sales")
    figure.savefig(tmp_path / "report.png")
    assert (tmp_path / "report.png").stat().st_size > 10_000
    assert plt.get_fignums() == before
    assert "80 % interval" in texts(figure.axes[0])[0]
    assert figure.axes[1].get_title(loc="left") == "Backtest of naive: forecasts made at 3 earlier origins"


def test_matplotlib_is_not_imported_before_something_is_drawn():
    code = "import sys, forecasting.plotting.forecasts; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_fan_holds_every_interval_the_widest_at_the_back(ax):
    past, path = np.arange(5.0), [5.0, 6.0]
    fan = {0.5: [[4.5, 5.5], [5.0, 7.0]], 0.9: [[3.0, 7.0], [2.0, 9.0]], 0.8: [[4.0, 6.0], [4.0, 8.0]]}
    assert plot_forecast(past, path, fan, ax=ax) is ax
    tops = [band.get_paths()[0].vertices[:, 1].max() for band in ax.collections]
    assert tops == [9.0, 8.0, 7.0]
    assert ax.texts[0].get_text() == "forecast\n50, 80, 90 % intervals"
    with pytest.raises(ValueError, match=r"the coverages of interval must be a fraction .* got 90"):
        plot_forecast(past, path, {90: fan[0.9]}, ax=ax)
