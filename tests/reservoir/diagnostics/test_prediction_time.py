"""Free runs judged: attractors compared, valid times, the stability report."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import trapezoid

from forecasting import ReservoirForecaster
from forecasting.metrics import valid_prediction_time
from reservoir import NVAR, EchoState, ESNRegressor, RidgeReadout
from reservoir.diagnostics import (
    compare_attractors,
    lyapunov_spectrum,
    power_spectrum,
    stability_report,
    valid_prediction_times,
)
from reservoir.models.closed_loop import ClosedLoop
from reservoir.signals import henon, logistic_map, lorenz63

RNG = np.random.default_rng(0)


def logistic_loop():
    """NVAR learns the logistic map r x (1 - x) exactly."""
    x = logistic_map(300, random_state=0).reshape(-1, 1)
    return ESNRegressor(NVAR(1, degree=2), RidgeReadout(1e-12), washout=0).fit(x[:-1], x[1:]).closed_loop()


def test_comparison_with_itself_and_with_others():
    normal = RNG.standard_normal((40_000, 2))
    same = compare_attractors(normal, normal)
    assert_allclose([same.measure, *same.marginals, *same.spectra], 0, rtol=0, atol=1e-6)
    moved = compare_attractors(normal, normal + np.array([0.5, 0]))
    assert_allclose(moved.marginals, [0.5, 0], rtol=0, atol=0.01)
    # Hellinger distance of two normal distributions: sqrt(1 - exp(-shift^2 / 8))
    assert_allclose(moved.measure, np.sqrt(1 - np.exp(-(0.5**2) / 8)), rtol=0, atol=0.04)
    far = compare_attractors(normal, normal + 100)
    assert far.measure == pytest.approx(1, abs=1e-3)


def test_spectra_differ_where_frequencies_do():
    t = np.arange(4000.0)
    slow, fast = np.sin(0.2 * t), np.sin(0.9 * t)
    assert compare_attractors(slow, fast).spectra[0] > 0.9
    assert compare_attractors(slow, np.cos(0.2 * t)).spectra[0] < 0.05
    spectrum = power_spectrum(np.column_stack([slow, fast]), dt=0.5, n_segment=1000)
    peaks = spectrum.frequencies[spectrum.power.argmax(axis=0)]
    assert_allclose(peaks, np.array([0.2, 0.9]) / (2 * np.pi * 0.5), rtol=0.02)
    noise = power_spectrum(RNG.standard_normal(100_000), dt=0.1, n_segment=100)
    assert_allclose(trapezoid(noise.power[:, 0], noise.frequencies), 1.0, rtol=0.03)  # the variance


def test_valid_times_are_those_of_the_metric():
    y = lorenz63(2500, dt=0.05, random_state=0)
    model = ESNRegressor(EchoState(100, input_scaling=0.05, random_state=0)).fit(y[:1499], y[1:1500])
    options = {"threshold": 0.4, "dt": 0.05, "lyapunov_exponent": 0.9}
    starts, scale = [1700, 1900, 2300], y[:1500].std(axis=0)
    found = valid_prediction_times(model, y, starts, n_steps=150, n_context=150, scale=scale, **options)
    loop = model.closed_loop()
    for start, time in zip(starts, found):
        run = loop.run(150, loop.synchronise(y[start - 150 : start]))
        assert time == pytest.approx(
            valid_prediction_time(y[start : start + 150], run, scale=scale, **options)
        )
    assert (found > 0).all()


def test_a_run_that_diverges_ends_its_valid_time():
    loop = logistic_loop()
    wild = loop._replace(intercept=loop.intercept + 0.5)
    x = logistic_map(400, random_state=1)
    assert valid_prediction_times(wild, x, [100], n_steps=200, n_context=5)[0] < 20


def test_the_trained_map_has_the_exponents_of_the_map():
    """Logistic map at r = 4: ln 2; Hénon: 0.419, and ln 0.3 in sum."""
    assert_allclose(
        lyapunov_spectrum(logistic_loop(), 20_000, n_exponents=1, random_state=0).exponents,
        np.log(2),
        rtol=0,
        atol=0.01,
    )
    x = henon(600)[:, :1]
    model = ReservoirForecaster(
        NVAR(2, degree=2), readout=RidgeReadout(1e-12), differences=(), washout=2, input_skip=False
    ).fit(x)
    spectrum = lyapunov_spectrum(model, 6000, n_exponents=2, interval=1, random_state=0)
    assert_allclose(spectrum.exponents.sum(), np.log(0.3), rtol=0, atol=1e-3)
    assert_allclose(spectrum.exponents[0], 0.419, rtol=0, atol=0.02)


def test_the_report_finds_the_fixed_points_of_the_logistic_map():
    """x = 0 with slope 4 and x = 3/4 with slope -2."""
    report = stability_report(
        logistic_loop(), n_steps=500, n_points=20, expected_exponent=0.69, random_state=0
    )
    assert report.left_at is None
    by_place = {round(float(point.output[0]), 6) + 0.0: point for point in report.fixed_points}
    assert set(by_place) == {0.0, 0.75}
    assert_allclose([by_place[0.0].largest, by_place[0.75].largest], [4, 2], rtol=1e-5)
    assert [point.n_unstable for point in report.fixed_points] == [1, 1]
    assert len(report.local_growth) == 20
    assert (report.local_growth <= 4 + 1e-6).all()
    text = str(report)
    assert re.search(r"free run of 500 steps: within 1.5 times the training range\n", text)
    assert re.search(r"Lyapunov exponents: 0\.\d+ \+- \S+ \(data: 0.69 first\)\n", text)
    assert "fixed point at [0.75]: largest eigenvalue 2, 1 unstable" in text


def test_the_report_says_when_the_run_left():
    loop = logistic_loop()
    leaving = loop._replace(intercept=loop.intercept + 0.2)
    report = stability_report(leaving, n_steps=300, n_points=3, random_state=0)
    run = leaving.run(300)
    assert (
        report.left_at == 1 + np.flatnonzero(~(np.abs(run[:, 0] - 0.5) <= 0.75 * (loop.high - loop.low)))[0]
    )
    assert report.spectrum is None
    assert f"left 1.5 times the training range at step {report.left_at}" in str(report)


def test_faults():
    loop = logistic_loop()
    assert isinstance(loop, ClosedLoop)
    with pytest.raises(ValueError, match="truth has 1 dimensions, run 2"):
        compare_attractors(np.zeros(5), np.zeros((5, 2)))
    with pytest.raises(ValueError, match="run holds NaN or infinity: cut it off"):
        compare_attractors(np.zeros(5), np.full(5, np.nan))
    with pytest.raises(ValueError, match="n_segment=9 exceeds the 5 steps"):
        power_spectrum(np.zeros(5), n_segment=9)
    with pytest.raises(ValueError, match="starts=3 to 9 with n_context=5 rows before and n_steps=2 after"):
        valid_prediction_times(loop, np.zeros(20), [3, 9], n_steps=2, n_context=5)
    for starts in ([], [6.5], 6):
        with pytest.raises(ValueError, match="must be whole numbers, at least one"):
            valid_prediction_times(loop, np.zeros(20), starts, n_steps=2, n_context=5)


def test_what_stands_still_is_like_what_stands_still():
    still, moving = np.full((80, 1), 0.1), np.sin(np.arange(80.0))[:, np.newaxis]
    assert compare_attractors(still, still).spectra == [0.0]
    assert compare_attractors(np.hstack([moving, still]), np.hstack([moving, still])).spectra.tolist() == [
        0,
        0,
    ]
    assert compare_attractors(moving, still).spectra[0] > 0.8


@pytest.mark.parametrize("scale", [0.0, [1.0, 2.0], [np.nan], -1.0])
def test_errors_need_a_scale(scale):
    y = np.sin(0.3 * np.arange(200.0))[:, np.newaxis]
    model = ESNRegressor(EchoState(20, random_state=0)).fit(y[:-1], y[1:])
    with pytest.raises(
        ValueError, match=r"scale=.* must hold positive numbers, one for each of the 1 columns"
    ):
        valid_prediction_times(model, y, [150], n_steps=5, n_context=50, scale=scale)
    with pytest.raises(ValueError, match="a constant column has none by itself"):
        valid_prediction_times(model, np.full(200, 0.1), [150], n_steps=5, n_context=50)


def test_a_start_is_a_point_of_the_loop():
    y = np.sin(0.3 * np.arange(200.0))[:, np.newaxis]
    model = ESNRegressor(EchoState(20, random_state=0)).fit(y[:-1], y[1:])
    with pytest.raises(ValueError, match=r"start has shape \(1,\), expected \(21,\)"):
        lyapunov_spectrum(model, 100, start=[1.0])
