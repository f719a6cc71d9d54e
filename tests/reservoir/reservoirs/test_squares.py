"""SquaredStates: squares among or beside the states, in free runs as in training."""

import numpy as np
import pytest

from forecasting import ReservoirForecaster
from reservoir import (
    ES2N,
    NVAR,
    EchoState,
    EnsembleReservoirs,
    ESNRegressor,
    LeakyUnits,
    RidgeReadout,
    SquaredStates,
)
from reservoir.signals import lorenz63


def series(n_steps=40, n_features=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n_features))


@pytest.mark.parametrize("inner", [EchoState(9, random_state=0), NVAR()])
def test_squares_of_states(inner):
    X = series()
    h = inner.fit(X).transform(X)
    every_second = SquaredStates(inner).fit(X).transform(X)
    np.testing.assert_array_equal(every_second[:, ::2], h[:, ::2])
    np.testing.assert_array_equal(every_second[:, 1::2], h[:, 1::2] ** 2)
    beside = SquaredStates(inner, squares="beside").fit(X).transform(X)
    np.testing.assert_array_equal(beside, np.hstack([h, h**2]))


@pytest.mark.parametrize("squares", ["every_second", "beside"])
@pytest.mark.parametrize(
    "inner",
    [EchoState(15), LeakyUnits(EchoState(8)), EnsembleReservoirs(EchoState(7), 2), ES2N(10), NVAR(degree=1)],
)
def test_compiled_free_run_equals_the_loop_in_python(inner, squares):
    X = series(50, 2)
    units = SquaredStates(inner, squares=squares, random_state=0).fit(X)
    _, state = units.transform(X, return_state=True)
    V = 0.05 * np.random.default_rng(1).standard_normal((1, units.n_states_ + 1))
    exog = series(20, 1, seed=2)
    outputs, final, _ = units.run_free(20, V, [0.3], state, [0.1], exog, gain=0.8)
    slow = np.full((21, 1), 0.3)
    slow[0] = 0.1
    last, n_done = units._run_free_in_python(slow, V, state, exog, 0.8)
    assert n_done == 20
    np.testing.assert_allclose(outputs, slow[1:], rtol=0, atol=1e-13)
    np.testing.assert_allclose(final, last, rtol=0, atol=1e-13)


def test_linearised_step_is_the_slope():
    X = series()
    for squares in ("every_second", "beside"):
        units = SquaredStates(EchoState(6, random_state=0), squares=squares).fit(X)
        state, row, turn = 0.3 * series(1, 6)[0], X[0], series(1, 6, seed=1)[0]
        nothing = np.zeros((2, 1))
        states, _, tangents, after_tangents = units.tangent_step(row, state, nothing, turn[:, np.newaxis])
        steps = [
            units.transform(X[:1], initial_state=state + e * turn, return_state=True) for e in (1e-6, -1e-6)
        ]
        np.testing.assert_allclose(tangents[:, 0], (steps[0][0] - steps[1][0])[0] / 2e-6, rtol=0, atol=1e-9)
        np.testing.assert_allclose(
            after_tangents[:, 0], (steps[0][1] - steps[1][1]) / 2e-6, rtol=0, atol=1e-9
        )
        expected = units.transform(X[:1], initial_state=state)
        np.testing.assert_allclose(states, expected[0], rtol=0, atol=1e-15)


def test_squares_see_what_odd_units_cannot():
    """The square of the input, from units that turn their sign with it."""
    x = np.random.default_rng(0).uniform(-1, 1, (600, 1))
    y = x[:, 0] ** 2
    odd = EchoState(40, bias_scaling=0, random_state=0)
    fit = {"washout": 20}
    blind = ESNRegressor(odd, **fit).fit(x[:400], y[:400]).score(x[400:], y[400:])
    seeing = ESNRegressor(SquaredStates(odd), **fit).fit(x[:400], y[:400]).score(x[400:], y[400:])
    assert blind < 0.1 < 0.9 < seeing


def test_forecasts_of_lorenz_without_bias():
    path = lorenz63(2600, dt=0.02, random_state=0)
    units = EchoState(200, bias_scaling=0, input_scaling=0.2, random_state=0)
    forecaster = ReservoirForecaster(
        SquaredStates(units), readout=RidgeReadout(1e-7), differences=(), input_skip=False
    ).fit(path[:2500])
    error = np.abs(forecaster.predict(100) - path[2500:]) / path.std(axis=0)
    assert error[:50].max() < 0.1  # one time unit, 0.9 Lyapunov times
