"""EchoState and LeakyUnits: the equation, its limits, state in and out, many series, precision, errors."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from reservoir import EchoState, LeakyUnits
from reservoir.topology import TOPOLOGIES
from tests import naive

NILPOTENT = {"delay_line"}


def series(n_steps=60, n_features=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n_features))


def expected_states(reservoir, X, f=np.tanh, h=None):
    W, W_in = reservoir.recurrent_weights_, reservoir.input_weights_
    W = W if isinstance(W, np.ndarray) else W.toarray()
    W_in = W_in if isinstance(W_in, np.ndarray) else W_in.toarray()
    h = np.zeros(len(W)) if h is None else h
    return naive.leaky_states(X @ W_in.T + reservoir.bias_, W, h, reservoir.leak_rates_, f)


def of_topology(topology, **options):
    scale = {"spectral_radius": None, "singular_value": 0.9} if topology in NILPOTENT else {}
    return EchoState(30, topology=topology, random_state=0, **scale, **options)


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_states_equal_naive(topology):
    X = series()
    reservoir = of_topology(topology, leak_rate=0.6, connectivity=5).fit(X)
    np.testing.assert_allclose(reservoir.transform(X), expected_states(reservoir, X), rtol=0, atol=1e-12)


@pytest.mark.parametrize("input_weights", ["uniform", "sparse", "one_per_unit", "cycle_sign"])
def test_input_weights(input_weights):
    X = series()
    reservoir = EchoState(30, input_weights=input_weights, random_state=0).fit(X)
    np.testing.assert_allclose(reservoir.transform(X), expected_states(reservoir, X), rtol=0, atol=1e-12)


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match=r"'n_jobs' .* an int in the range \[1, inf\).* or None. Got 0"):
        EchoState(10, n_jobs=0).fit(series(20))


@pytest.mark.parametrize("topology", TOPOLOGIES)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_many_series_equal_each_alone(topology, n_jobs):
    many = [series(n, seed=n) for n in (5, 40, 17, 1, 40, 33, 2, 12, 9, 21, 30, 8, 3, 25, 14, 6, 28, 11)]
    reservoir = of_topology(topology, n_jobs=n_jobs).fit(many)
    states, final = reservoir.transform(many, return_state=True)
    for X, together, last in zip(many, states, final):
        alone = reservoir.transform(X)
        np.testing.assert_allclose(together, alone, rtol=0, atol=1e-13)
        np.testing.assert_array_equal(last, together[-1])


def test_list_array_and_groups_are_the_same():
    X = series(60).reshape(4, 15, 2)
    reservoir = EchoState(20, random_state=0).fit(X)
    as_array = reservoir.transform(X)
    assert as_array.shape == (4, 15, 20)
    np.testing.assert_array_equal(np.stack(reservoir.transform(list(X))), as_array)
    stacked = reservoir.transform(X.reshape(60, 2), groups=np.repeat(list("abcd"), 15))
    np.testing.assert_array_equal(stacked, as_array.reshape(60, 20))


@pytest.mark.parametrize(
    "reservoir", [EchoState(20, random_state=0), LeakyUnits(EchoState(20), random_state=0)]
)
def test_split_with_carried_state_is_the_whole(reservoir):
    X = series()
    whole = reservoir.fit(X).transform(X)
    state, parts = None, []
    for part in (X[:7], X[7:8], X[8:]):
        states, state = reservoir.transform(part, initial_state=state, return_state=True)
        parts.append(states)
    np.testing.assert_allclose(np.vstack(parts), whole, rtol=0, atol=1e-14)


def test_limits():
    X = series(n_features=1)
    same = EchoState(30, leak_rate=1.0, random_state=0).fit(X).transform(X)
    per_unit = EchoState(30, leak_rate=np.ones(30), random_state=0).fit(X).transform(X)
    np.testing.assert_array_equal(per_unit, same)  # leak 1 is the plain network
    still = EchoState(30, leak_rate=1e-300, random_state=0).fit(X).transform(X)
    assert np.abs(still).max() < 1e-290  # leak 0 does not move
    memoryless = EchoState(
        1, spectral_radius=0, bias_scaling=0, activation="identity", input_weights=[[1.0]], random_state=0
    )
    np.testing.assert_array_equal(memoryless.fit(X).transform(X), X)  # no recurrence: the input


def test_echo_state_property_forgets_the_start():
    X = series(400)
    reservoir = EchoState(50, singular_value=0.9, random_state=0).fit(X)
    near, far = reservoir.transform(X), reservoir.transform(X, initial_state=10 * np.ones(50))
    assert np.abs(near - far)[0].max() > 0.01
    assert np.abs(near - far)[-1].max() < 1e-12


def test_float32_stays_float32_and_close():
    X = series()
    reservoir = EchoState(50, random_state=0).fit(X)
    states = reservoir.transform(X.astype(np.float32))
    assert states.dtype == np.float32
    np.testing.assert_allclose(states, reservoir.transform(X), rtol=0, atol=1e-5)
    single = EchoState(50, random_state=0).fit(X.astype(np.float32))
    np.testing.assert_array_equal(single.transform(X.astype(np.float32)), states)


def test_noise_only_in_training_and_reproducible():
    X = series()
    reservoir = EchoState(30, noise=0.1, random_state=0)
    noisy = reservoir.fit_transform(X)
    np.testing.assert_array_equal(clone(reservoir).fit_transform(X), noisy)
    clean = reservoir.transform(X)
    np.testing.assert_array_equal(clean, EchoState(30, random_state=0).fit(X).transform(X))
    spread = np.std(np.arctanh(noisy[0]) - np.arctanh(clean[0]))
    assert 0.06 < spread < 0.14  # the first step carries nothing but its own noise


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_own_matrix_is_used_and_left_alone(kind):
    W = np.random.default_rng(0).standard_normal((25, 25))
    given = sp.csr_array(W) if kind == "sparse" else W
    X = series()
    reservoir = EchoState(25, topology=given, spectral_radius=0.5, random_state=0).fit(X)
    used = reservoir.recurrent_weights_
    used = used if isinstance(used, np.ndarray) else used.toarray()
    assert np.abs(np.linalg.eigvals(used)).max() == pytest.approx(0.5, rel=1e-10)
    np.testing.assert_array_equal(given if kind == "dense" else given.toarray(), W)


def test_leaky_units_equal_naive_and_limits():
    X = series()
    h = EchoState(20, random_state=0).fit(X).transform(X)
    for retention in (0.0, 0.7, 1.0, np.linspace(0, 1, 20)):
        states = LeakyUnits(EchoState(20, random_state=0), retention=retention).fit(X).transform(X)
        np.testing.assert_array_equal(states[:, :20], h)
        mu = naive.traces(h, np.zeros(20), np.zeros(20), np.broadcast_to(retention, 20))
        np.testing.assert_allclose(states[:, 20:], mu, rtol=0, atol=1e-14)
    previous = LeakyUnits(EchoState(20, random_state=0), retention=0.0).fit(X).transform(X)
    np.testing.assert_array_equal(previous[1:, 20:], h[:-1])  # no retention: the previous state


def test_leaky_units_spread_time_constants():
    units = LeakyUnits(EchoState(50), retention=(0.5, 0.99), random_state=0).fit(series())
    constants = np.sort(1 / (1 - units.retention_))
    np.testing.assert_allclose(constants[[0, -1]], [2, 100])
    np.testing.assert_allclose(np.diff(np.log(constants)), np.log(50) / 49, rtol=1e-9)


@pytest.mark.parametrize("units", [EchoState(30, random_state=0), LeakyUnits(EchoState(30), random_state=0)])
@pytest.mark.parametrize("n_exog", [0, 2])
def test_free_run_equals_driving_with_its_own_outputs(units, n_exog):
    rng = np.random.default_rng(0)
    X = series(50, 1 + n_exog)
    units.fit(X)
    _, state = units.transform(X, return_state=True)
    V = 0.05 * rng.standard_normal((1, units.n_states_ + 1))
    exog = rng.standard_normal((20, n_exog))
    outputs, final, n_done = units.run_free(20, V, [0.3], state, [0.1], exog)
    assert n_done == 20
    fed = np.concatenate([[[0.1]], outputs[:-1]])
    again, last = units.transform(np.hstack([fed, exog]), initial_state=state, return_state=True)
    np.testing.assert_allclose(outputs, np.hstack([again, fed]) @ V.T + 0.3, rtol=0, atol=1e-12)
    np.testing.assert_allclose(final, last, rtol=0, atol=1e-13)


def test_threads_and_processes_give_the_same_bits():
    X = [series(200, seed=s) for s in range(8)]
    reservoir = EchoState(40, random_state=0).fit(X)
    alone = [reservoir.transform(x) for x in X]
    with ThreadPoolExecutor(4) as pool:
        for a, b in zip(alone, pool.map(reservoir.transform, X)):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(alone[:2], Parallel(n_jobs=2)(delayed(reservoir.transform)(x) for x in X[:2])):
        np.testing.assert_array_equal(a, b)


def test_pickle_pipeline_grid_search_and_pandas_output():
    X = series(80, 1)
    reservoir = EchoState(20, random_state=0).fit(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(reservoir)).transform(X), reservoir.transform(X))
    frame = pd.DataFrame(X, columns=["a"], index=pd.date_range("2020", periods=80, freq="D"))
    states = EchoState(20, random_state=0).set_output(transform="pandas").fit_transform(frame)
    assert states.index.equals(frame.index)
    assert states.columns[0] == "echostate0"
    pipeline = make_pipeline(StandardScaler(), EchoState(20, random_state=0), Ridge(1e-3))
    grid = {"echostate__spectral_radius": [0.5, 0.9], "echostate__leak_rate": [0.5, 1.0]}
    y = np.roll(X[:, 0], 1)
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(3, test_size=15)).fit(X, y)
    assert search.best_score_ > 0.8  # the previous input is remembered


def test_input_and_global_random_state_are_left_alone():
    X = series()
    copy, before = X.copy(), np.random.get_state()[1].copy()
    X.flags.writeable = False
    EchoState(20).fit(X).transform(np.asfortranarray(X))
    np.testing.assert_array_equal(X, copy)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("reservoir", "message"),
    [
        (EchoState(5, leak_rate=0.0), "leak_rate"),
        (EchoState(5, leak_rate=np.ones(4)), r"leak_rate has shape \(4,\), expected one number or \(5,\)"),
        (EchoState(5, leak_rate=np.full(5, 1.5)), r"leak_rate must lie in \(0, 1\]"),
        (EchoState(5, topology="torus"), "topology"),
        (EchoState(5, activation="softmax"), "activation"),
        (EchoState(5, topology_options={"jumps": 3}), "jumps"),
        (EchoState(5, topology="delay_line"), "delay_line"),
        (LeakyUnits(EchoState(5), retention=np.ones(4)), "retention has shape"),
        (LeakyUnits(EchoState(5), retention=(0.5, 1.0)), "below 1"),
        (LeakyUnits(EchoState(5), retention=-0.1), "retention"),
    ],
)
def test_errors_name_the_parameter(reservoir, message):
    with pytest.raises((ValueError, TypeError), match=message):
        reservoir.fit(series())


def test_errors_of_data():
    X = series()
    reservoir = EchoState(5, random_state=0).fit(X)
    with pytest.raises(ValueError, match="initial_state has shape"):
        reservoir.transform(X, initial_state=np.zeros(4))
    with pytest.raises(ValueError, match="initial_state holds NaN"):
        reservoir.transform(X, initial_state=np.full(5, np.nan))
    with pytest.raises(ValueError, match="do not stand together"):
        reservoir.transform(X, groups=np.tile([0, 1], 30))
    with pytest.raises(ValueError, match="leave groups out"):
        reservoir.transform([X], groups=np.zeros(60))
    with pytest.raises(ValueError, match="series 1 of X has 3 features, series 0 has 2"):
        reservoir.transform([X, np.zeros((4, 3))])
    with pytest.raises(ValueError, match="series 1 of X is empty"):
        reservoir.transform([X, np.zeros((0, 2))])
    with pytest.raises(ValueError, match="NaN"):
        reservoir.transform(np.where(X > 2, np.nan, X) * np.nan)
