"""Pictures of errors, attractors and states: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.tsa.stattools import acf

from forecasting import Drift, Naive, RollingOrigin, backtest
from forecasting.plotting.dynamical_systems import plot_attractor, plot_states
from forecasting.plotting.residuals import plot_error_by_horizon, plot_residuals

pytest.importorskip("matplotlib")
from matplotlib import pyplot as plt

RNG = np.random.default_rng(80)


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.fixture
def ax():
    return plt.subplots()[1]


@pytest.fixture(scope="module")
def result():
    y = np.cumsum(RNG.normal(size=60))
    return backtest([Naive(), Drift()], y, cv=RollingOrigin(4, n_windows=5), metrics="mae", coverage=0.5)


@pytest.mark.parametrize("metric", ["mae", "rmse", "coverage"])
def test_errors_by_step_are_those_of_the_backtest(result, metric, ax):
    assert plot_error_by_horizon(result, metric=metric, title="errors", ax=ax) is ax
    for line, model in zip(ax.lines, result.summary.index):
        expected = result.step_errors[result.step_errors["model"] == model]
        np.testing.assert_array_equal(line.get_xydata(), expected[["step", metric]])
    assert {text.get_text() for text in ax.texts} == {"Naive", "Drift"}
    assert (len(ax.lines) == 3) == (metric == "coverage")  # one more for what was promised


def test_errors_of_some_models_and_what_is_refused(result):
    assert len(plot_error_by_horizon(result, models=["Drift"]).lines) == 1
    with pytest.raises(
        ValueError, match=r"metric='mase' is not in step_errors; it has \['mae', 'rmse', 'cov"
    ):
        plot_error_by_horizon(result, metric="mase")
    with pytest.raises(ValueError, match=r"models has \['ETS'\]; the backtest has"):
        plot_error_by_horizon(result, models=["ETS"])


def test_residuals_over_time_their_density_and_autocorrelation():
    errors = pd.Series(RNG.normal(size=100), pd.date_range("2024-01-01", periods=100, freq="D"))
    given = list(plt.subplots(1, 3)[1])
    axes = plot_residuals(errors, n_lags=12, title="one step", axes=given)
    assert axes == given
    np.testing.assert_array_equal(axes[0].lines[0].get_ydata(), errors)
    widths = np.array([bar.get_width() for bar in axes[1].patches])
    assert (widths * [bar.get_height() for bar in axes[1].patches]).sum() == pytest.approx(1)
    heights = [bar.get_height() for bar in axes[2].patches[:12]]
    np.testing.assert_allclose(heights, acf(errors, nlags=12)[1:], rtol=1e-10)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1.0, np.nan, 2.0, 3.0],), "residuals has 1 NaN"),
        (([1.0] * 9,), "residuals has 9 values that tell nothing"),
        ((np.arange(9.0), 9), "n_lags=9 must be at least 1 and below the number of residuals, 9"),
        ((np.arange(9.0), 2, [None]), "axes must hold three; got 1"),
    ],
)
def test_residuals_are_checked(arguments, message):
    values, n_lags, axes = [*arguments, None, None][:3]
    with pytest.raises(ValueError, match=message):
        plot_residuals(values, n_lags=n_lags, axes=axes)


def test_attractors_of_many_targets_of_one_and_in_space(ax):
    truth, run = RNG.normal(size=(30, 3)), RNG.normal(size=(12, 3))
    run[8:] = np.nan  # it diverged
    assert plot_attractor(truth, {"esn": run}, columns=(2, 0), ax=ax) is ax
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), truth[:, [2, 0]])
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), run[:, [2, 0]])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("target 2", "target 0")
    alone = plot_attractor(truth[:, 0], delay=3)
    np.testing.assert_array_equal(
        alone.lines[0].get_xydata(), np.stack([truth[3:, 0], truth[:-3, 0]], axis=1)
    )
    assert alone.get_ylabel() == "y(t - 3)"
    assert plot_attractor(truth, run, columns=(0, 1, 2)).name == "3d"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"predicted": np.ones((4, 2))}, "'predicted' has 2 targets but truth has 3"),
        ({"columns": (0, 3)}, "must name two of the 3 targets, or three on axes"),
        ({"columns": (0,)}, "must name two of the 3 targets"),
        ({"predicted": np.ones(5)}, "'predicted' has 2 targets but truth has 3"),
    ],
)
def test_attractors_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_attractor(np.ones((9, 3)), **arguments)


def test_states_are_shown_unit_by_unit(ax):
    states = RNG.normal(size=(40, 120))
    assert plot_states(states, first=7, n_units=10, ax=ax) is ax
    shown = np.asarray(ax.images[0].get_array())
    assert shown.shape == (10, 40)
    assert {tuple(row) for row in shown} <= {tuple(column) for column in states.T}
    assert (np.diff(shown.argmax(axis=1)) >= 0).all()
    assert ax.images[0].get_extent()[:2] == [6.5, 46.5]
    with pytest.raises(ValueError, match="n_units=0 must be at least 1"):
        plot_states(states, n_units=0)
