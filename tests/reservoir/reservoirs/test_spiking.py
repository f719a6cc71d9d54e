"""SpikingUnits: the equations, their limits, and that a readout can work with spikes."""

import numpy as np
import pytest

from forecasting import ReservoirForecaster
from reservoir import ESNRegressor, RidgeReadout, SpikingUnits
from reservoir.diagnostics import conditional_lyapunov_exponents, state_jacobians
from tests import naive_reservoirs


def series(n_steps=200, n_features=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n_steps, n_features))


@pytest.mark.parametrize(
    "options",
    [{}, {"topology": "circular"}, {"input_weights": "sparse"}, {"retention": 0.8, "threshold": 0.4}],
)
def test_states_equal_naive(options):
    X = series()
    units = SpikingUnits(50, leak_rate=0.2, input_scaling=2.0, random_state=0, **options).fit(X)
    W_in = units.input_weights_
    drive = X @ (W_in if isinstance(W_in, np.ndarray) else W_in.toarray()).T + units.bias_
    W = units.recurrent_weights_.toarray()
    expected, spikes = naive_reservoirs.spiking_states(drive, W, 0.2, units.threshold, units.retention_)
    np.testing.assert_allclose(units.transform(X), expected, rtol=0, atol=1e-12)
    assert 0.01 < spikes.mean() < 0.5


def test_a_constant_drive_gives_the_rate_that_arithmetic_says():
    """Without leak and recurrence a unit spikes once for every threshold of input that it has summed."""
    units = SpikingUnits(
        3,
        spectral_radius=0,
        leak_rate=1e-12,
        bias_scaling=0,
        retention=0.0,
        input_weights=np.diag([0.1, 0.25, 0.5]),
    )
    spikes = units.fit_transform(np.ones((400, 3)))  # no retention: the trace is the spike
    np.testing.assert_allclose(spikes.sum(axis=0), [40, 100, 200], atol=1)
    assert set(np.unique(spikes)) == {0.0, 1.0}


def test_silence_is_silent_and_traces_fade():
    units = SpikingUnits(20, bias_scaling=0.05, retention=0.9, random_state=0).fit(np.zeros((50, 1)))
    assert not units.transform(np.zeros((50, 1))).any()  # a drive below leak times threshold never spikes
    start = np.concatenate([np.zeros(20), np.ones(20)])
    fading = units.transform(np.zeros((50, 1)), initial_state=start)
    np.testing.assert_allclose(
        fading, np.repeat(0.9 ** np.arange(1, 51)[:, np.newaxis], 20, axis=1), rtol=1e-12
    )


def test_a_readout_remembers_the_input_from_spikes():
    X = np.convolve(series(3000, 1)[:, 0], np.ones(10) / 3, mode="same")[:, np.newaxis]
    y = np.roll(X[:, 0], 3)
    model = ESNRegressor(SpikingUnits(300, random_state=0), RidgeReadout(alphas=np.logspace(-4, 2, 7)))
    assert model.fit(X[:2500], y[:2500]).score(X[2500:], y[2500:]) > 0.8


def test_jacobians_equal_finite_differences_between_spikes():
    X = series()
    units = SpikingUnits(20, bias_scaling=0.3, random_state=0).fit(X)
    found = state_jacobians(units, X, steps=[60, 150])
    for t, by_state, by_input in zip([60, 150], *found):
        before = units.transform(X[:t], return_state=True)[1]

        def after(changed):
            return units.transform(changed[None, 40:], initial_state=changed[:40], return_state=True)[1]

        point, step = np.concatenate([before, X[t]]), 1e-6
        moves = step * np.eye(len(point))
        slopes = [(after(point + move) - after(point - move)) / (2 * step) for move in moves]
        np.testing.assert_allclose(np.hstack([by_state, by_input]), np.array(slopes).T, atol=1e-8)
    slowest = np.log(max(units.retention_.max(), 1 - units.leak_rate))
    exponents = conditional_lyapunov_exponents(units, X, n_exponents=1, random_state=0).exponents
    np.testing.assert_allclose(exponents, slowest, atol=0.02)


def test_linearised_noise_that_no_spike_feels_is_refused():
    forecaster = ReservoirForecaster(SpikingUnits(30), differences=(), linearised_noise=1e-3, random_state=0)
    with pytest.raises(ValueError, match="no state of SpikingUnits feels small noise on what is fed back"):
        forecaster.fit(series()[:, 0])


def test_spikes_forecast():
    y = np.sin(0.3 * np.arange(2020.0))
    forecaster = ReservoirForecaster(SpikingUnits(200), differences=(), random_state=0).fit(y[:2000])
    assert np.abs(forecaster.predict(20) - y[2000:]).max() < 0.3


def test_noise_is_for_training():
    X = series()
    units = SpikingUnits(30, noise=0.3, random_state=0)
    noisy = units.fit_transform(X)
    assert np.abs(noisy - units.transform(X)).max() > 0.1
    np.testing.assert_array_equal(units.fit_transform(X), noisy)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"leak_rate": 0.0}, "leak_rate"),
        ({"retention": (0.5, 1.0)}, "below 1"),
    ],
)
def test_errors_name_the_parameter(options, message):
    with pytest.raises(ValueError, match=message):
        SpikingUnits(5, **options).fit(series())
