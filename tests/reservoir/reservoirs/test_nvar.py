"""NVAR: the equation, its limits, and what the literature says it can do."""

import time

import numpy as np
import pytest
from sklearn.preprocessing import PolynomialFeatures

from forecasting import ReservoirForecaster
from reservoir import NVAR, ESNRegressor, RidgeReadout
from reservoir.signals import henon, lorenz63
from tests import naive_reservoirs
from tests.naive import valid_prediction_time


def series(n_steps=40, n_features=2):
    return np.random.default_rng(0).standard_normal((n_steps, n_features))


@pytest.mark.parametrize("delays", [1, 2, 3])
@pytest.mark.parametrize("stride", [1, 4])
@pytest.mark.parametrize(("degree", "cross_terms"), [(1, True), (2, True), (3, True), (4, True), (3, False)])
def test_states_equal_naive(delays, stride, degree, cross_terms):
    X = series()
    nvar = NVAR(delays, stride, degree, cross_terms=cross_terms).fit(X)
    expected = naive_reservoirs.nvar_states(X, delays, stride, degree, cross_terms)
    np.testing.assert_allclose(nvar.transform(X), expected, rtol=1e-14)
    taps = nvar.transform(X)[:, : 2 * delays]
    products = np.prod(taps[:, np.newaxis] ** nvar.powers_, axis=2)
    np.testing.assert_allclose(products, expected, rtol=1e-13, err_msg="powers_ name the monomials")


def test_monomials_are_those_of_scikit_learn_in_its_order():
    X = series(30, 3)
    for include_bias in (False, True):
        nvar = NVAR(1, degree=3, include_bias=include_bias).fit(X)
        expected = PolynomialFeatures(3, include_bias=include_bias)
        np.testing.assert_allclose(nvar.transform(X), expected.fit_transform(X), rtol=1e-14)
        np.testing.assert_array_equal(nvar.powers_, expected.powers_)


def test_limits():
    X = series()
    np.testing.assert_array_equal(NVAR(1, degree=1).fit_transform(X), X)  # no delay, no product: the input
    np.testing.assert_array_equal(NVAR(2, degree=1).fit_transform(X)[1:, 2:], X[:-1])


def test_the_constant_is_an_intercept():
    rng = np.random.default_rng(0)
    X = series(60, 1)
    with_bias, without = NVAR(include_bias=True).fit(X), NVAR().fit(X)
    _, state = without.transform(X, return_state=True)
    V = 0.05 * rng.standard_normal((1, without.n_states_ + 1))
    one, _, _ = without.run_free(20, V, [0.7], state, [0.1])
    other, _, _ = with_bias.run_free(20, np.hstack([[[0.7]], V]), [0.0], state, [0.1])
    np.testing.assert_allclose(other, one, rtol=0, atol=1e-14)


def test_henon_map_is_learned_exactly():
    x = henon(300)[:, 0]
    model = ESNRegressor(NVAR(), RidgeReadout(0.0, solver="svd"), washout=1).fit(
        x[:200, np.newaxis], x[1:201]
    )
    # x(t+1) = 1 - 1.4 x(t)^2 + 0.3 x(t-1): terms are x(t), x(t-1), x(t)^2, x(t) x(t-1), x(t-1)^2
    np.testing.assert_allclose(model.readout_.coef_, [0, 0.3, -1.4, 0, 0], rtol=0, atol=1e-10)
    assert model.readout_.intercept_ == pytest.approx(1, abs=1e-10)


def test_lorenz_with_two_delays_and_cubes():
    """Valid for several Lyapunov times (exponent 0.906 per time unit) at dt = 0.025, threshold 0.3."""
    path = lorenz63(1400, dt=0.025, random_state=0)
    forecaster = ReservoirForecaster(
        NVAR(2, degree=3), readout=RidgeReadout(1e-8), differences=(), input_skip=False, washout=1
    ).fit(path[:800])
    forecast = forecaster.predict(600)
    assert valid_prediction_time(path[800:], forecast, path.std(axis=0), 0.3, 0.025, 0.906) > 8


def test_free_run_is_compiled():
    X = series(50, 3)
    nvar = NVAR(2, degree=3).fit(X)
    _, state = nvar.transform(X, return_state=True)
    V = np.zeros((3, nvar.n_states_ + 3))
    nvar.run_free(10, V, np.zeros(3), state, X[-1])
    begin = time.perf_counter()
    nvar.run_free(20_000, V, np.zeros(3), state, X[-1])
    assert time.perf_counter() - begin < 0.5  # 20,000 steps in Python take several seconds


@pytest.mark.parametrize("name", ["delays", "stride", "degree"])
def test_errors_name_the_parameter(name):
    with pytest.raises(ValueError, match=f"'{name}' parameter of NVAR must be an int"):
        NVAR(**{name: 0}).fit(series())
