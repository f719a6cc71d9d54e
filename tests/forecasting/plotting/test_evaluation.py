"""Pictures of calibration and of critical differences."""

import numpy as np
import pytest
from scipy import stats

from forecasting.backtesting.significance import friedman_nemenyi
from forecasting.metrics import calibration
from forecasting.plotting.evaluation import plot_calibration, plot_critical_difference

pytest.importorskip("matplotlib")
from matplotlib import pyplot as plt

RNG = np.random.default_rng(60)
LEVELS = np.arange(1, 10) / 10


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_calibration_is_drawn_with_its_band():
    y = RNG.normal(size=500)
    right = np.tile(stats.norm.ppf(LEVELS), (500, 1))
    given = plt.subplots()[1]
    ax = plot_calibration(y, {"right": right, "narrow": 0.5 * right}, LEVELS, title="ten quantiles", ax=given)
    assert ax is given
    _, first, second = ax.lines
    np.testing.assert_array_equal(first.get_ydata(), calibration(y, right, LEVELS))
    (band,) = ax.collections
    at_half = np.ptp([p[1] for p in band.get_paths()[0].vertices if abs(p[0] - 0.5) < 1e-9])
    assert at_half == pytest.approx(2 * 1.96 * np.sqrt(0.25 / 500))
    assert second.get_ydata()[0] > first.get_ydata()[0]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["right", "narrow"]
    assert ax.get_title(loc="left") == "ten quantiles"
    assert plot_calibration(y, right, LEVELS).get_legend() is None


def test_at_most_six_curves():
    with pytest.raises(ValueError, match="quantiles holds 7 forecasts; at most 6 can be told apart"):
        plot_calibration([1.0], {str(i): [[1.0]] for i in range(7)}, [0.5])


def test_critical_differences_are_drawn_where_they_belong():
    test = friedman_nemenyi(RNG.normal(size=(30, 4)) + np.array([0.0, 0.1, 4.0, 8.0]))
    ax = plot_critical_difference(test)
    assert [text.get_text() for text in ax.texts] == [f"{n}  {r:.2f}" for n, r in test.ranks.items()]
    bars = [line for line in ax.lines if line.get_linewidth() == 4]
    assert len(bars) == len(test.groups) == 1
    low, high = bars[0].get_xdata()
    assert (low, high) == (test.ranks.iloc[0] - 0.03, test.ranks.iloc[1] + 0.03)
    assert f"within {test.critical_difference:.2f}" in ax.get_xlabel()
