"""Intrinsic plasticity: the rule, its absence, the distribution that it leads to, where it is carried along."""

import numpy as np
import pytest

from forecasting import ReservoirForecaster
from reservoir import (
    DeepEchoState,
    EchoState,
    EnsembleReservoirs,
    ESNRegressor,
    IntrinsicPlasticity,
    LeakyUnits,
    SquaredStates,
)
from reservoir.contracts.series_layout import stack
from tests import naive_reservoirs


def series(n_steps=200, n_features=2, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (n_steps, n_features))


def dense(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


@pytest.mark.parametrize("options", [{}, {"topology": "circular"}, {"input_weights": "sparse"}])
def test_rule_equals_naive_and_is_part_of_the_weights(options):
    X = series(60)
    plain = EchoState(40, leak_rate=0.6, random_state=0, **options).fit(X)
    rule = IntrinsicPlasticity(0.1, 0.4, learning_rate=1e-2, n_epochs=2)
    units = EchoState(40, leak_rate=0.6, plasticity=rule, random_state=0, **options).fit(X)
    W, W_in = dense(plain.recurrent_weights_), dense(plain.input_weights_)
    gain, bias = naive_reservoirs.intrinsic_plasticity(X @ W_in.T, W, plain.bias_, 0.6, 0.1, 0.4, 1e-2, 2)
    np.testing.assert_allclose(units.gain_, gain, rtol=1e-12)
    np.testing.assert_allclose(units.bias_, bias, rtol=0, atol=1e-12)
    np.testing.assert_allclose(dense(units.recurrent_weights_), gain[:, np.newaxis] * W, rtol=1e-12)
    assert type(units.recurrent_weights_) is type(plain.recurrent_weights_)
    h, states = np.zeros(40), []
    for x in X:
        h = 0.4 * h + 0.6 * np.tanh(gain * (W @ h + W_in @ x) + bias)
        states.append(h)
    np.testing.assert_allclose(units.transform(X), states, rtol=0, atol=1e-12)


def test_plasticity_off_is_plain():
    X = series()
    plain = EchoState(30, random_state=0).fit_transform(X)
    off = IntrinsicPlasticity(n_epochs=0)
    np.testing.assert_array_equal(EchoState(30, plasticity=off, random_state=0).fit_transform(X), plain)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 0.15), (0.2, 0.25)])
def test_units_come_to_have_the_distribution(mean, std):
    X = series(3000, 1)
    rule = IntrinsicPlasticity(mean, std, learning_rate=1e-3, n_epochs=3)
    plain = EchoState(30, bias_scaling=1.0, random_state=0).fit(X)
    states = EchoState(30, bias_scaling=1.0, plasticity=rule, random_state=0).fit(X).transform(X)[100:]
    np.testing.assert_allclose(states.mean(axis=0), mean, atol=0.1)
    np.testing.assert_allclose(states.std(axis=0), std, rtol=0.25)
    assert plain.transform(X)[100:].mean(axis=0).std() > 0.3  # unlike those that were drawn


def test_training_inputs_are_learned_from_wherever_the_reservoir_stands():
    X = series(400, 1)
    y = np.roll(X[:, 0], 1)
    rule = IntrinsicPlasticity(n_epochs=2)
    expected = EchoState(20, plasticity=rule, random_state=0).fit(X).gain_
    units = EchoState(20, plasticity=rule, random_state=0)
    np.testing.assert_array_equal(ESNRegressor(units).fit(X, y).reservoir_.gain_, expected)
    np.testing.assert_array_equal(LeakyUnits(units).fit(X).reservoir_.gain_, expected)
    np.testing.assert_array_equal(SquaredStates(units).fit(X).reservoir_.gain_, expected)
    lower, upper = DeepEchoState([units, units]).fit(X).reservoirs_
    np.testing.assert_array_equal(lower.gain_, expected)
    assert np.abs(upper.gain_ - expected).max() > 1e-3
    forecaster = ReservoirForecaster(units, differences=(), standardize=False).fit(X[:, 0])
    np.testing.assert_array_equal(
        forecaster.reservoir_.gain_, EchoState(20, plasticity=rule, random_state=0).fit(X[:-1]).gain_
    )


def test_ensembles_run_free_with_what_was_learned():
    X = series(100, 1)
    units = EnsembleReservoirs(EchoState(10, plasticity=IntrinsicPlasticity()), 2, random_state=0).fit(X)
    each = np.hstack([one.transform(X) for one in units.reservoirs_])
    np.testing.assert_allclose(units.transform(X), each, rtol=0, atol=1e-14)
    _, state = units.transform(X, return_state=True)
    outputs, _, _ = units.run_free(5, np.full((1, 21), 0.02), [0.1], state, [0.3])
    driven = units.transform([[0.3], *outputs[:-1]], initial_state=state)
    np.testing.assert_allclose(
        driven.sum(axis=1) * 0.02 + 0.1, outputs[:, 0] - 0.02 * np.append(0.3, outputs[:-1])
    )


def test_refit_begins_anew_and_parameters_are_searched_by_name():
    X = series()
    units = EchoState(20, plasticity=IntrinsicPlasticity(), random_state=0).set_params(plasticity__std=0.1)
    first = units.fit(X).gain_.copy()
    np.testing.assert_array_equal(units.fit(X).gain_, first)
    units.pretrain(X, stack(X)[1])
    np.testing.assert_array_equal(units.gain_, first)


@pytest.mark.parametrize(
    ("reservoir", "message"),
    [
        (EchoState(5, plasticity=IntrinsicPlasticity(), activation="relu"), "plasticity is for tanh units"),
        (EchoState(5, plasticity="gaussian"), "plasticity"),
        (EchoState(5, plasticity=IntrinsicPlasticity(std=0.0)), "std"),
        (
            EchoState(5, plasticity=IntrinsicPlasticity(learning_rate=50.0)),
            "a gain fell to .*; lower learning_rate",
        ),
    ],
)
def test_errors_name_the_parameter(reservoir, message):
    with pytest.raises(ValueError, match=message):
        reservoir.fit(series())
