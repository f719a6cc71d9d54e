"""Intervals that adapt, count the newest errors, or move a forecaster's own quantiles; their simulated coverage."""

from typing import ClassVar, NamedTuple

import numpy as np
import pytest
from scipy import stats

from forecasting import FORECASTER_CHECKS, ConformalForecaster, Drift, Forecaster, Naive, check_forecaster
from forecasting.base.distribution_forecaster import DistributionForecaster
from forecasting.intervals.adaptive import adapted_widths, adaptive_half_widths, newest, newest_paths
from forecasting.intervals.conformal import half_widths

N_SIMULATIONS = 1000


class State(NamedTuple):
    last: np.ndarray
    step: int


class KnownProcess(DistributionForecaster):
    """The optimal forecast of an AR(1) about a known season; its Gaussian quantiles may be too narrow."""

    _parameter_constraints: ClassVar[dict] = {"phi": [float], "season": [tuple], "std": [float]}

    def __init__(self, phi=0.6, season=(0.0,), std=0.0):
        self.phi = phi
        self.season = season
        self.std = std

    def _fit(self, series, exog):
        return [State(y[-1], len(y)) for y in series]

    def _predict(self, states, n_steps, exog):
        return [self._ahead(state, n_steps) for state in states]

    def _ahead(self, state, n_steps):
        steps = range(1, n_steps + 1)
        season = [self.season[(state.step - 1 + k) % len(self.season)] for k in (0, *steps)]
        away = state.last - season[0]
        return np.array([season[k] + self.phi**k * away for k in steps])

    def _update(self, states, series, exog):
        return [State(y[-1], state.step + len(y)) for state, y in zip(states, series)]

    def _restart(self, series, exog):
        return self._fit(series, exog)

    def _trace(self, states, series, exog):
        return [
            [State(row, state.step + t) for t, row in enumerate(y, start=1)]
            for state, y in zip(states, series)
        ]

    def _has_distribution(self):
        return self.std > 0

    def _predict_quantile_paths(self, states, n_steps, exog, levels):
        spread = self.std * stats.norm.ppf(levels)
        return [path[..., np.newaxis] + spread for path in self._predict(states, n_steps, exog)]

    def _sample_paths(self, states, n_steps, exog, n_samples, rng):
        return [
            path + rng.normal(size=(n_samples, *path.shape)) for path in self._predict(states, n_steps, exog)
        ]


SEASON = (0.0, 3.0, -2.0, 5.0)
PROCESSES = {
    "ar1": (0.6, (0.0,), lambda rng, size: rng.normal(size=size)),
    "seasonal": (0.3, SEASON, lambda rng, size: rng.normal(size=size)),
    "heavy-tailed": (0.6, (0.0,), lambda rng, size: rng.standard_t(2, size=size)),
}


def simulate(name, n_steps, seed):
    phi, season, draw = PROCESSES[name]
    y = draw(np.random.default_rng(seed), (N_SIMULATIONS, n_steps))
    for t in range(1, n_steps):
        y[:, t] += phi * y[:, t - 1]
    y += np.take(season, np.arange(n_steps), mode="wrap")
    return KnownProcess(phi, season), y


def inside(model, y, coverage, initial=5):
    bounds = model.fit(y[:, :-1, None]).predict_interval(1, coverage=coverage, initial=initial)[:, 0, 0]
    return int(((bounds[:, 0] <= y[:, -1]) & (y[:, -1] <= bounds[:, 1])).sum())


@pytest.mark.parametrize("coverage", [0.8, 0.9])
@pytest.mark.parametrize("n_errors", [19, 49])
@pytest.mark.parametrize("name", PROCESSES)
def test_coverage_is_within_binomial_error_of_its_promise(name, n_errors, coverage):
    """(n + 1) * coverage is whole for these numbers: the promise is exact."""
    model, y = simulate(name, 5 + n_errors + 1, seed=n_errors)
    assert stats.binomtest(inside(model, y, coverage), N_SIMULATIONS, coverage).pvalue > 1e-3


@pytest.mark.parametrize("coverage", [0.8, 0.9])
def test_quantiles_that_are_too_narrow_get_the_coverage_they_lack(coverage):
    model, y = simulate("ar1", 5 + 49 + 1, seed=2)
    model.set_params(std=0.3)
    assert inside(model, y, coverage, initial=None) < 0.5 * N_SIMULATIONS  # by its own quantiles
    found = inside(ConformalForecaster(model, method="quantile"), y, coverage)
    assert stats.binomtest(found, N_SIMULATIONS, coverage).pvalue > 1e-3


def test_quantiles_that_are_too_wide_are_moved_inwards():
    model, y = simulate("ar1", 205, seed=3)
    model.set_params(std=4.0)
    wrapped = ConformalForecaster(model, method="quantile").fit(y[0])
    own = 2 * 4.0 * stats.norm.ppf(0.95)
    assert 2.0 < np.ptp(wrapped.predict_interval(1, coverage=0.9)) < 0.5 * own
    moved = wrapped.predict_quantiles(2, quantiles=(0.1, 0.5, 0.9))
    assert (np.diff(moved, axis=1) > 0).all()
    assert np.ptp(moved[0]) < 0.5 * 2 * 4.0 * stats.norm.ppf(0.9)


# ------------------------------------------------------------------------------------------ adaptive


def naive_adapted(scores, delay, alpha, step_size, window):
    """The same, every quantile from a sort."""
    levels, widths = [alpha], []
    for origin in range(len(scores) + delay):
        n_known = max(0, origin - delay + 1)
        if n_known:
            miss = scores[n_known - 1] > widths[n_known - 1]
            levels.append(levels[-1] + step_size * (alpha - miss))
        known = np.sort(scores[:n_known][-(window or len(scores)) :])
        rank = int(np.ceil((len(known) + 1) * (1 - levels[-1]) - 1e-9))
        widths.append(np.inf if rank > len(known) else known[rank - 1] if rank > 0 else 0.0)
    return widths


@pytest.mark.parametrize("window", [None, 15])
@pytest.mark.parametrize("delay", [1, 4])
def test_adapted_widths_equal_the_naive_twin(delay, window):
    scores = np.abs(np.random.default_rng(0).normal(size=120)) * np.linspace(1, 4, 120)
    found = adapted_widths(scores.tolist(), delay, 0.2, 0.05, window)
    np.testing.assert_array_equal(found, naive_adapted(scores, delay, 0.2, 0.05, window))


@pytest.mark.parametrize("kind", ["growing", "shrinking", "jump"])
def test_misses_are_as_many_as_promised_whatever_the_errors_do(kind):
    """Gibbs and Candes, proposition 4.1: no assumption on the errors at all."""
    n, alpha, step = 2000, 0.1, 0.02
    size = {
        "growing": np.linspace(1, 20, n),
        "shrinking": np.linspace(20, 1, n),
        "jump": np.repeat([1.0, 9.0], n // 2),
    }[kind]
    scores = np.abs(np.random.default_rng(4).normal(size=n)) * size
    widths = np.array(adapted_widths(scores.tolist(), 1, alpha, step)[:-1])
    assert abs((scores > widths).mean() - alpha) <= (max(alpha, 1 - alpha) + step) / (step * n)
    fixed = [np.inf if t < 10 else half_widths(scores[:t, None, None], 1 - alpha)[0, 0] for t in range(n)]
    if kind == "growing":
        assert (scores > fixed).mean() > 1.5 * alpha  # which the plain rule does not keep


def test_too_few_errors_for_the_coverage_are_refused():
    errors = np.ones((8, 1, 1))
    with pytest.raises(ValueError, match=r"coverage=0.9 needs more rolling-origin errors than there are"):
        adaptive_half_widths(errors, 0.9, 0.01)
    with pytest.raises(ValueError, match=r"coverage=0.9 needs more rolling-origin errors than there are"):
        adaptive_half_widths(np.ones((99, 1, 1)), 0.9, 0.01, window=8)


# ------------------------------------------------------------------------------------------ newest errors


def test_the_newest_errors_of_each_step():
    errors = np.arange(12.0).reshape(4, 3, 1)
    for row in range(4):
        errors[row, 4 - row :] = np.nan  # beyond the end of the series
    assert newest(errors, 2)[:, :, 0].tolist() == [[6.0, 4.0, 2.0], [9.0, 7.0, 5.0]]
    assert newest_paths(errors, 1)[:, :, 0].tolist() == [[3.0, 4.0, 5.0]]
    assert np.isnan(newest(errors, 5)[0]).all()


def test_intervals_and_samples_follow_a_spread_that_changes():
    rng = np.random.default_rng(5)
    y = np.cumsum(rng.normal(size=600) * np.repeat([1.0, 10.0], [500, 100]))
    width = {
        w: np.ptp(ConformalForecaster(Naive(), method="residual", window=w).fit(y).predict_interval(1))
        for w in (None, 60)
    }
    assert width[60] > 1.5 * width[None]
    samples = ConformalForecaster(Naive(), window=60).fit(y).sample(3, 400, random_state=0)
    assert samples.shape == (3, 400)
    assert samples[0].std() == pytest.approx(10, rel=0.25)


def test_points_are_those_of_the_forecaster_inside():
    y = np.random.default_rng(6).normal(size=(80, 2)).cumsum(axis=0)
    np.testing.assert_array_equal(ConformalForecaster(Drift()).fit(y).predict(5), Drift().fit(y).predict(5))
    plain, wrapped = Drift().fit(y), ConformalForecaster(Drift(), method="residual").fit(y)
    for method, options in (
        ("predict_interval", {}),
        ("predict_quantiles", {}),
        ("sample", {"random_state": 0}),
    ):
        np.testing.assert_array_equal(
            getattr(wrapped, method)(4, **options), getattr(plain, method)(4, **options)
        )


# ------------------------------------------------------------------------------------------ contract


@pytest.mark.parametrize(
    "options", [{"method": "residual", "window": 20}, {"window": 20}], ids=["newest", "adaptive"]
)
def test_contract(options):
    check_forecaster(ConformalForecaster(Drift(), **options))


def test_contract_of_moved_quantiles():
    """With a forecaster of known quantiles, whose intervals need no training."""
    model = ConformalForecaster(KnownProcess(0.6, (30.0,), 1.0), method="quantile")
    names = {"check_intervals", "check_interval_containers", "check_predict_is_pure", "check_split_state"}
    check_forecaster(model, skip={check.__name__ for check in FORECASTER_CHECKS} - names)


def test_quantiles_need_a_distribution():
    with pytest.raises(
        ValueError, match=r"method='quantile' needs a forecaster that knows a distribution, which Naive"
    ):
        ConformalForecaster(Naive(), method="quantile").fit(np.arange(20.0))
    with pytest.raises(ValueError, match=r"KnownProcess.* gives points"):
        ConformalForecaster(KnownProcess(), method="quantile").fit(np.arange(20.0))
    later = ConformalForecaster(Naive()).fit(np.arange(30.0)).set_params(method="quantile")
    for ask in (later.predict_interval, later.sample):
        with pytest.raises(ValueError, match=r"but Naive.* gives points"):
            ask(2)


def test_is_a_forecaster():
    assert isinstance(ConformalForecaster(), Forecaster)
