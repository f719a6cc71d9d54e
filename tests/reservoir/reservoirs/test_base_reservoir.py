"""What every reservoir promises: state in and out, many series, precision, free run, save and load, purity."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone

from forecasting import ReservoirForecaster
from reservoir import BidirectionalReservoir, ESNRegressor, LeakyUnits, SpikingUnits, load, save
from reservoir.reservoirs.base_reservoir import part_of
from tests.reservoirs import reservoirs

RESERVOIRS = reservoirs()
KNOW_THE_FUTURE = (BidirectionalReservoir,)
CAUSAL = [reservoir for reservoir in RESERVOIRS if not isinstance(reservoir, KNOW_THE_FUTURE)]
over_all = pytest.mark.parametrize("reservoir", RESERVOIRS, ids=lambda r: type(r).__name__)
over_causal = pytest.mark.parametrize("reservoir", CAUSAL, ids=lambda r: type(r).__name__)


def fitted(reservoir, X):
    seeded = {"random_state": 0} if "random_state" in reservoir.get_params() else {}
    return clone(reservoir).set_params(**seeded).fit(X)


def series(n_steps=40, n_features=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n_features))


@over_causal
def test_split_with_carried_state_is_the_whole(reservoir):
    X = series()
    whole, last = fitted(reservoir, X).transform(X, return_state=True)
    units, state, parts = fitted(reservoir, X), None, []
    for part in (X[:7], X[7:8], X[8:]):
        states, state = units.transform(part, initial_state=state, return_state=True)
        parts.append(states)
    np.testing.assert_allclose(np.vstack(parts), whole, rtol=0, atol=1e-13)
    np.testing.assert_allclose(state, last, rtol=0, atol=1e-13)
    assert state.shape == (units.state_size_,)
    assert whole.shape == (40, units.n_states_)
    if units.states_are_state:
        np.testing.assert_array_equal(last, whole[-1])


@over_all
def test_many_series_equal_each_alone(reservoir):
    many = [series(n, seed=n) for n in (5, 40, 17, 1, 40, 33, 2, 12)]
    units = fitted(reservoir, many)
    states, final = units.transform(many, return_state=True)
    stacked = units.transform(np.vstack(many), groups=np.repeat(range(8), [len(X) for X in many]))
    np.testing.assert_array_equal(stacked, np.vstack(states))
    for X, together, last in zip(many, states, final):
        alone, state = units.transform(X, return_state=True)
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-13)
        np.testing.assert_allclose(last, state, rtol=0, atol=1e-13)


@over_all
def test_initial_states_are_read_and_left_alone(reservoir):
    X = [series(9, seed=0), series(6, seed=1)]
    units = fitted(reservoir, X)
    _, state = units.transform(X, return_state=True)
    before = state.copy()
    again = units.transform(X, initial_state=state)
    np.testing.assert_array_equal(state, before)
    np.testing.assert_allclose(again[1], units.transform(X[1], initial_state=state[1]), rtol=0, atol=1e-13)


@over_all
def test_float32_stays_float32_and_close(reservoir):
    X = series()
    units = fitted(reservoir, X)
    states, state = units.transform(X.astype(np.float32), return_state=True)
    assert states.dtype == state.dtype == np.float32
    np.testing.assert_allclose(states, units.transform(X), rtol=1e-4, atol=1e-4)
    np.testing.assert_array_equal(
        fitted(reservoir, X.astype(np.float32)).transform(X.astype(np.float32)).dtype, np.float32
    )


@over_causal
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_free_run_equals_driving_with_its_own_outputs(reservoir, dtype):
    rng = np.random.default_rng(0)
    X = series(50, 3).astype(dtype)
    units = fitted(reservoir, X)
    _, state = units.transform(X, return_state=True)
    V = (0.02 * rng.standard_normal((2, units.n_states_ + 2))).astype(dtype)
    last, exog = np.array([0.1, -0.2], dtype), rng.standard_normal((20, 1)).astype(dtype)
    outputs, final, n_done = units.run_free(20, V, [0.3, 0.1], state, last, exog, gain=0.7)
    assert n_done == 20
    assert outputs.dtype == dtype
    fed = np.concatenate([last[np.newaxis], outputs[:-1]])
    again, driven = units.transform(
        np.hstack([dtype(0.7) * fed, exog]), initial_state=state, return_state=True
    )
    atol = 1e-12 if dtype is np.float64 else 1e-5
    np.testing.assert_allclose(outputs, np.hstack([again, fed]) @ V.T + [0.3, 0.1], rtol=0, atol=atol)
    np.testing.assert_allclose(final, driven, rtol=0, atol=atol)


@over_causal
def test_free_run_is_compiled_equals_the_loop_in_python_and_says_where_it_diverged(reservoir):
    X = series(50, 1)
    units = fitted(reservoir, X)
    _, state = units.transform(X, return_state=True)
    V = 0.02 * np.random.default_rng(0).standard_normal((1, units.n_states_ + 1))
    outputs, final, _ = units.run_free(15, V, [0.3], state, [0.1])
    slow = np.full((16, 1), 0.3)
    slow[0] = 0.1
    assert part_of([units], state[np.newaxis]) is not None
    slow_final, n_done = units._run_free_in_python(slow, V, state, np.zeros((15, 0)), 1.0)
    assert n_done == 15
    np.testing.assert_allclose(outputs, slow[1:], rtol=0, atol=1e-12)
    np.testing.assert_allclose(final, slow_final, rtol=0, atol=1e-12)
    V[:, -1] = 1e60  # the sixth output overflows
    with np.errstate(over="ignore", invalid="ignore"):
        outputs, _, n_done = units.run_free(15, V, [0.3], state, [0.1])
    assert 1 <= n_done < 15
    assert np.isfinite(outputs[: n_done - 1]).all()
    assert not np.isfinite(outputs[n_done - 1 :]).any()


@over_all
def test_save_load_pickle_and_refit(reservoir, tmp_path):
    X = series()
    units = fitted(reservoir, X)
    states = units.transform(X)
    save(units, tmp_path / "units")
    for copied in (load(tmp_path / "units"), pickle.loads(pickle.dumps(units)), fitted(reservoir, X)):
        np.testing.assert_array_equal(copied.transform(X), states)
    assert units.fit(series(30, 3)).transform(series(30, 3)).shape == (30, units.n_states_)


@over_all
def test_input_and_global_random_state_are_left_alone(reservoir):
    X = series()
    copy, before = X.copy(), np.random.get_state()[1].copy()
    X.flags.writeable = False
    fitted(reservoir, X).transform(np.asfortranarray(X))
    np.testing.assert_array_equal(X, copy)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@over_causal
def test_every_reservoir_learns_and_forecasts(reservoir):
    """Stand in ``ESNRegressor``, ``LeakyUnits`` and ``ReservoirForecaster``: a sine is continued."""
    y = np.sin(0.3 * np.arange(320.0))
    X = y[:, np.newaxis]
    if isinstance(reservoir, SpikingUnits):
        pytest.skip("spikes are coarse: see test_spiking")
    for units in (reservoir, LeakyUnits(reservoir)):
        model = ESNRegressor(units, washout=100, random_state=0).fit(X[:250], y[1:251])
        assert np.abs(model.fitted_values_ - y[1:251])[100:].max() < 0.05
        assert model.score(X[250:-1], y[251:]) > 0.99
    forecaster = ReservoirForecaster(reservoir, differences=(), random_state=0).fit(y[:300])
    assert np.abs(forecaster.predict(20) - y[300:]).max() < 0.1
