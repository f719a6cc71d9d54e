"""Intervals: the order statistics, the rolling origins behind them, and the coverage they promise."""

from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from scipy import stats
from sklearn.utils import check_random_state

from forecasting.base.forecaster import Forecaster
from forecasting.base.local_forecaster import LocalForecaster
from forecasting.baselines.arima import ARIMA
from forecasting.baselines.exponential_smoothing import ETS
from forecasting.baselines.naive import Drift, Naive, SeasonalNaive, WindowAverage
from forecasting.baselines.theta import Theta
from forecasting.checks.examples import example_exog, example_series
from forecasting.intervals import conformal
from tests import naive

RNG = np.random.default_rng(0)


# --------------------------------------------------------------------------------------- order statistics


@pytest.mark.parametrize("coverage", [0.1, 0.5, 0.7, 0.9, 0.95])
@pytest.mark.parametrize("n", [9, 19, 20, 99])
def test_half_widths_equal_the_naive_twin(n, coverage):
    errors = RNG.normal(size=(n, 2, 3))
    if (n + 1) * coverage > n + 1e-9:
        with pytest.raises(ValueError, match=f"step 1 has {n}, from which the most extreme fractions are"):
            conformal.half_widths(errors, coverage)
        return
    expected = [[naive.conformal_half_width(errors[:, k, j], coverage) for j in range(3)] for k in range(2)]
    np.testing.assert_array_equal(conformal.half_widths(errors, coverage), expected)


def test_products_that_round_up_do_not_raise_the_rank():
    assert 0.55 * 100 > 55  # in floating point
    errors = np.arange(1.0, 100.0).reshape(99, 1, 1)
    assert conformal.half_widths(errors, 0.55)[0, 0] == 55


def test_later_steps_have_fewer_errors():
    errors = np.arange(1.0, 7.0).reshape(3, 2, 1)
    errors[-1, 1] = np.nan
    np.testing.assert_array_equal(conformal.half_widths(errors, 2 / 3)[:, 0], [5, 4])
    with pytest.raises(
        ValueError, match=r"coverage=0\.7 needs more .* step 2 has 2, .* are 0\.333 and 0\.667; give"
    ):
        conformal.half_widths(errors, 0.7)


def test_quantiles_are_on_the_safe_side():
    errors = np.arange(1.0, 21.0).reshape(20, 1, 1)
    found = conformal.residual_quantiles(errors, (0.05, 0.1, 0.5, 0.9, 0.95))[0, 0]
    np.testing.assert_array_equal(found, [1, 2, 10.5, 19, 20])
    mirrored = conformal.residual_quantiles(-errors, (0.05, 0.1, 0.5, 0.9, 0.95))[0, 0]
    np.testing.assert_array_equal(mirrored, -found[::-1])
    with pytest.raises(ValueError, match=r"quantile 0\.04 needs more"):
        conformal.residual_quantiles(errors, (0.04,))


def test_paths_are_drawn_whole():
    errors = np.arange(8.0).reshape(4, 2, 1)
    errors[-1, 1] = np.nan
    drawn = conformal.draw_paths(errors, 200, np.random.default_rng(0))[:, :, 0]
    assert {tuple(path) for path in drawn} == {(0, 1), (2, 3), (4, 5)}
    with pytest.raises(ValueError, match="too short to sample paths of 2 steps"):
        conformal.draw_paths(errors[-1:], 3, np.random.default_rng(0))


@pytest.mark.parametrize("value", [0, 1, -0.5, np.nan, "0.9", None])
def test_coverage_is_a_fraction(value):
    with pytest.raises(ValueError, match=r"must be a fraction between 0 and 1, such as 0\.9$"):
        conformal.check_fraction(value, "coverage")


def test_a_percentage_is_recognised():
    with pytest.raises(ValueError, match=r"coverage=90 must be a fraction .*; did you mean 0\.9\?"):
        Naive().fit(RNG.normal(size=50)).predict_interval(2, coverage=90)


@pytest.mark.parametrize("quantiles", [(), (0.5, 0.5), (0.9, 0.1)])
def test_quantiles_increase(quantiles):
    with pytest.raises(ValueError, match="must be strictly increasing"):
        conformal.check_quantiles(quantiles)
    assert conformal.check_quantiles(0.5) == [0.5]


# ------------------------------------------------------------------------------------------ rolling origins

MODELS = [
    Naive(),
    SeasonalNaive(season_length=12),
    Drift(),
    WindowAverage(window=5),
    ETS(season_length=12),
    Theta(season_length=12),
    ARIMA(order=(1, 0, 1), trend="c"),
]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: type(m).__name__)
def test_rolling_residuals_equal_the_naive_twin(model):
    y = example_series(n_steps=60)
    (errors,) = conformal.rolling_residuals(model.fit(y), 4, 0.8)
    assert errors.shape == (12, 4, 1)
    expected = naive.rolling_errors(model, y, 48, 4)
    np.testing.assert_allclose(errors[:, :, 0], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(np.isnan(errors[:, :, 0]), np.isnan(expected))


def test_residuals_with_exogenous_variables():
    y, X = example_series(), example_exog()[:72]
    y = y + X @ [2.0, -1.0]
    model = ARIMA(order=(1, 0, 0), trend="c").fit(y, X)
    (errors,) = conformal.rolling_residuals(model, 3, 60)
    fresh = ARIMA(order=(1, 0, 0), trend="c").fit(y[:60], X[:60])
    np.testing.assert_allclose(errors[0, :, 0], y[60:63] - fresh.predict(3, X[60:63]), rtol=1e-9)
    fresh.update(y[60:70], X[60:70])
    np.testing.assert_allclose(errors[10, :2, 0], y[70:] - fresh.predict(2, X[70:]), rtol=1e-9)


def test_updates_enlarge_the_calibration():
    y = RNG.normal(size=80).cumsum()
    updated = Naive().fit(y[:60]).update(y[60:]).predict_interval(3)
    np.testing.assert_array_equal(updated, Naive().fit(y).predict_interval(3))


def test_the_first_part_is_where_initial_says():
    model = Naive().fit(np.arange(50.0))
    assert [len(conformal.rolling_residuals(model, 2, initial)[0]) for initial in (None, 0.8, 45)] == [
        25,
        10,
        5,
    ]
    long = Naive().fit(np.arange(6000.0))
    assert len(conformal.rolling_residuals(long, 1)[0]) == conformal.MOST_ORIGINS
    for initial in (0, 50, 51):
        with pytest.raises(ValueError, match=rf"initial={initial} leaves {50 - initial} of 50 steps"):
            conformal.rolling_residuals(model, 2, initial)
    for initial in (1.0, -0.1, "half", True):
        with pytest.raises(ValueError, match="must be a number of steps"):
            conformal.rolling_residuals(model, 2, initial)


def test_a_first_part_too_short_to_fit_is_explained():
    model = WindowAverage(window=7).fit(np.arange(10.0))
    with pytest.raises(
        ValueError, match=r"fit on the first part of the series \(5 steps\), which failed: y has 5"
    ):
        model.predict_interval(2)
    assert model.predict_interval(2, coverage=0.5, initial=7).shape == (2, 2)


class Noisy(LocalForecaster):
    """The last observation plus a number drawn in fit."""

    _parameter_constraints: ClassVar[dict] = {"random_state": ["random_state"]}

    def __init__(self, random_state=None):
        self.random_state = random_state

    def _fit_one(self, y, X):
        return (float(check_random_state(self.random_state).normal()), y[-1:])

    def _predict_one(self, model, n_steps, X):
        return model[0] + np.repeat(model[1], n_steps, axis=0)

    def _update_one(self, model, y, X):
        return (model[0], y[-1:])


def test_intervals_are_repeatable_without_a_random_state():
    y = RNG.normal(size=40)
    model = Noisy().fit(y)
    np.testing.assert_array_equal(model.predict_interval(2), model.predict_interval(2))
    (errors,) = conformal.rolling_residuals(model, 1)
    drawn = np.random.RandomState(0).normal()
    np.testing.assert_allclose(errors[:, 0, 0], y[20:] - y[19:-1] - drawn)


class Explosive(LocalForecaster):
    """Diverges after the first step."""

    def _fit_one(self, y, X):
        return y[-1:]

    def _predict_one(self, model, n_steps, X):
        path = np.repeat(model, n_steps, axis=0)
        path[1:] = np.nan
        return path

    _update_one = staticmethod(lambda model, y, X: y[-1:])


def test_a_forecast_that_diverges_counts_as_infinitely_wrong():
    (errors,) = conformal.rolling_residuals(Explosive().fit(np.arange(30.0)), 2)
    assert (errors[:, 0] == 1).all()
    assert (conformal.half_widths(errors, 0.5)[1] == np.inf).all()


# ------------------------------------------------------------------------------------------------- coverage


class KnownAR(Forecaster):
    """The optimal forecast of an AR(1) process with a known coefficient, for whole panels at once."""

    _parameter_constraints: ClassVar[dict] = {"phi": [float]}

    class State(NamedTuple):
        last: np.ndarray

    def __init__(self, phi=0.6):
        self.phi = phi

    def _fit(self, series, exog):
        return [self.State(y[-1]) for y in series]

    def _predict(self, states, n_steps, exog):
        decay = self.phi ** np.arange(1, n_steps + 1)[:, np.newaxis]
        return [decay * state.last for state in states]

    def _update(self, states, series, exog):
        return self._fit(series, exog)

    _restart = _fit


def ar1(n_series, n_steps, phi, rng):
    y = rng.normal(size=(n_series, n_steps))
    y[:, 0] /= np.sqrt(1 - phi**2)
    for t in range(1, n_steps):
        y[:, t] += phi * y[:, t - 1]
    return y


@pytest.mark.parametrize(("n_errors", "coverage"), [(9, 0.9), (19, 0.9), (19, 0.5), (40, 0.8)])
def test_coverage_is_kept_on_ar1(n_errors, coverage):
    """One step ahead the errors are independent: the probability is known exactly."""
    n_series, n_ahead = 1000, 1
    y = ar1(n_series, n_errors + 5 + n_ahead, 0.6, np.random.default_rng(n_errors))
    past, future = y[:, :-n_ahead, None], y[:, -n_ahead:]
    model = KnownAR().fit(past)
    bounds = model.predict_interval(1, coverage=coverage, initial=5)[:, :, 0]
    inside = (bounds[:, 0, 0] <= future[:, 0]) & (future[:, 0] <= bounds[:, 0, 1])
    exact = np.ceil((n_errors + 1) * coverage - 1e-9) / (n_errors + 1)
    assert exact >= coverage
    assert stats.binomtest(int(inside.sum()), n_series, exact).pvalue > 1e-4
    plain = np.quantile(np.abs(conformal.rolling_residuals(model, 1, 5)), coverage, axis=1)[:, 0, 0]
    missed = np.abs(model.predict(1)[:, 0, 0] - future[:, 0]) > plain
    if n_errors == 9:
        assert (~missed).mean() < 0.87  # what leaving out the correction costs


def test_coverage_is_kept_several_steps_ahead():
    """Errors of overlapping forecasts are dependent, so the guarantee is approximate: within 2 points of 0.9."""
    n_series, n_ahead = 1000, 6
    y = ar1(n_series, 100 + n_ahead, 0.6, np.random.default_rng(7))
    model = KnownAR().fit(y[:, :-n_ahead, None])
    bounds = model.predict_interval(n_ahead, coverage=0.9)[:, :, 0]
    inside = (bounds[:, :, 0] <= y[:, -n_ahead:]) & (y[:, -n_ahead:] <= bounds[:, :, 1])
    assert (np.abs(inside.mean(axis=0) - 0.9) < 0.02 + 4 * np.sqrt(0.09 / n_series)).all()
    quantiles = model.predict_quantiles(n_ahead, quantiles=(0.1, 0.5, 0.9))[:, :, 0]
    below = (y[:, -n_ahead:, None] <= quantiles).mean(axis=0)
    assert (np.abs(below - [0.1, 0.5, 0.9]) < 0.02 + 4 * np.sqrt(0.25 / n_series)).all()


def test_samples_have_the_spread_of_the_process():
    phi = 0.6
    y = ar1(1, 4000, phi, np.random.default_rng(3))[0]
    samples = KnownAR(phi=phi).fit(y).sample(3, n_samples=4000, random_state=0)
    spread = np.sqrt(np.cumsum(phi ** (2 * np.arange(3))))  # Box and Jenkins: the errors of k steps ahead
    np.testing.assert_allclose(samples.std(axis=1), spread, rtol=0.05)
    expected = phi * np.array([1, 1 + phi**2]) / (spread[:2] * spread[1:])
    steps = [np.corrcoef(samples[k], samples[k + 1])[0, 1] for k in range(2)]
    np.testing.assert_allclose(steps, expected, atol=0.05)
