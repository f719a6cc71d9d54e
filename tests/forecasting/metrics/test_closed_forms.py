"""Scores of vectors and of distributions in closed form; calibration."""

import numpy as np
import pytest
from scipy import integrate, stats

from forecasting.metrics import (
    calibration,
    crps,
    crps_gaussian,
    crps_lognormal,
    crps_mixture,
    crps_student_t,
    energy_score,
)

RNG = np.random.default_rng(30)


def crps_by_definition(distribution, y):
    """Integral of the squared distance of distribution functions."""

    def gap(x):
        return (distribution.cdf(x) - (x >= y)) ** 2

    return integrate.quad(gap, -np.inf, y)[0] + integrate.quad(gap, y, np.inf)[0]


@pytest.mark.parametrize("y", [-1.5, 0.2, 4.0])
def test_closed_forms_are_the_integral(y):
    assert crps_student_t([y], [4.0], [0.5], [2.0]) == pytest.approx(
        crps_by_definition(stats.t(4, 0.5, 2), y), rel=1e-5
    )
    lognormal = stats.lognorm(0.7, scale=np.exp(0.3))
    assert crps_lognormal([y], [0.3], [0.7]) == pytest.approx(crps_by_definition(lognormal, y), rel=1e-6)
    parts = [stats.norm(-1, 0.5), stats.norm(2, 1.5)]

    class Mixture:
        def cdf(self, x):
            return 0.3 * parts[0].cdf(x) + 0.7 * parts[1].cdf(x)

    found = crps_mixture([y], [[0.3, 0.7]], [[-1.0, 2.0]], [[0.5, 1.5]])
    assert found == pytest.approx(crps_by_definition(Mixture(), y), rel=1e-6)


def test_limits_of_the_closed_forms():
    y, mean, std = RNG.normal(size=(3, 6, 2))
    std = np.abs(std) + 0.1
    gaussian = crps_gaussian(y, mean, std)
    assert crps_student_t(y, np.full(y.shape, 1e7), mean, std) == pytest.approx(gaussian, rel=1e-6)
    weights = RNG.dirichlet(np.ones(3), size=y.shape)
    same = [np.repeat(values[..., None], 3, axis=-1) for values in (mean, std)]
    assert crps_mixture(y, weights, *same) == pytest.approx(gaussian, rel=1e-12)


def test_energy_score_of_one_target_is_the_crps():
    y, samples = RNG.normal(size=7), RNG.normal(size=(7, 40))
    assert energy_score(y, samples) == pytest.approx(crps(y, samples), rel=1e-12)


@pytest.mark.parametrize("joint", ["targets", "path"])
def test_energy_score_equals_the_double_sum(joint):
    y, samples = RNG.normal(size=(3, 2)), RNG.normal(size=(3, 2, 9))
    groups = [(y[t], samples[t]) for t in range(3)]
    if joint == "path":
        groups = [(y.ravel(), samples.reshape(6, 9))]
    expected = []
    for truth, x in groups:
        near = np.mean([np.linalg.norm(x[:, i] - truth) for i in range(9)])
        pairs = np.mean([[np.linalg.norm(x[:, i] - x[:, j]) for i in range(9)] for j in range(9)])
        expected.append(near - pairs / 2)
    assert energy_score(y, samples, joint=joint) == pytest.approx(np.mean(expected), rel=1e-12)


def test_energy_score_sees_dependence_that_margins_do_not():
    """Of two forecasts with the same margins the one with the right correlation scores better."""
    right = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=(200, 60))
    truth = RNG.multivariate_normal([0, 0], [[1, 0.9], [0.9, 1]], size=200)
    wrong = right * [1, -1]
    scores = [energy_score(truth, np.moveaxis(draws, 1, 2)) for draws in (right, wrong)]
    assert scores[0] < 0.95 * scores[1]


def test_calibration_of_a_calibrated_forecast():
    levels = np.arange(1, 10) / 10
    y = RNG.normal(size=4000)
    found = calibration(y, np.tile(stats.norm.ppf(levels), (4000, 1)), levels)
    assert (np.abs(found - levels) < 4 * np.sqrt(levels * (1 - levels) / 4000)).all()
    narrow = calibration(y, np.tile(0.5 * stats.norm.ppf(levels), (4000, 1)), levels)
    assert narrow[0] > 0.2
    assert narrow[-1] < 0.8


@pytest.mark.parametrize(
    ("sigma", "expected"),
    [(8, 1486926.21974), (10, 9736138854.08), (12, 4.88538221425e14), (30, 2.38501620476e96)],
)
def test_wide_lognormals_keep_their_digits(sigma, expected):
    """Reference: the closed form with 400 digits; probabilities near 1 have none left to subtract 1 from."""
    assert crps_lognormal([1.3], [0.2], [sigma]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize(
    ("score", "message"),
    [
        (lambda: energy_score([1.0], [[1.0]], joint="all"), "joint must be 'targets' or 'path'; got 'all'"),
        (
            lambda: energy_score([1.0], [[1.0], [2.0]]),
            r"samples has shape \(2, 1\); y_true of shape \(1,\) needs",
        ),
        (lambda: crps_student_t([1.0], [1.0], [0.0], [1.0]), "df must be above 1: .* its least value is 1.0"),
        (
            lambda: crps_student_t([1.0], [3.0], [0.0], [0.0]),
            "scale must be positive; its least value is 0.0",
        ),
        (
            lambda: crps_mixture([1.0], [[0.5, 0.4]], [[0.0, 1.0]], [[1.0, 1.0]]),
            "must sum to 1 over the last axis",
        ),
        (
            lambda: crps_mixture([1.0], [[1.0]], [[0.0, 1.0]], [[1.0]]),
            r"means has shape \(1, 2\); y_true of shape",
        ),
        (lambda: crps_lognormal([1.0], [0.0], [-1.0]), "sigma must be positive; its least value is -1.0"),
        (
            lambda: calibration([1.0], [[1.0, 2.0]], [0.5]),
            r"y_pred has shape \(1, 2\); 1 quantiles of y_true need",
        ),
        (lambda: calibration([1.0], [[1.0]], 0.5), r"quantile must be a sequence, .*; got 0\.5"),
    ],
)
def test_errors(score, message):
    with pytest.raises(ValueError, match=message):
        score()
