"""Reservoirs made of reservoirs: side by side, on top of each other, forwards and backwards."""

import numpy as np
import pytest
from numba import njit
from numba.core.errors import TypingError
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler

from forecasting import ReservoirForecaster
from reservoir import (
    ES2N,
    NVAR,
    BidirectionalReservoir,
    DeepEchoState,
    EchoState,
    EnsembleReservoirs,
    ESNClassifier,
    ESNRegressor,
    LeakyUnits,
    ParallelReservoirs,
    SpikingUnits,
    SquaredStates,
)
from reservoir.contracts.series_layout import stack
from reservoir.kernels.stepping import step
from reservoir.models.harvest import CHUNK_ROWS
from reservoir.reservoirs.base_reservoir import part_of


def series(n_steps=40, n_features=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n_features))


def test_one_reservoir_alone_is_itself():
    X, alone = series(), EchoState(20, random_state=3)
    expected = alone.fit_transform(X)
    np.testing.assert_array_equal(ParallelReservoirs([alone]).fit_transform(X), expected)
    np.testing.assert_array_equal(
        DeepEchoState([alone]).fit_transform(X), expected
    )  # one layer deep is plain
    one = EnsembleReservoirs(alone, 1, random_state=0).fit(X)
    np.testing.assert_array_equal(one.transform(X), one.reservoirs_[0].transform(X))


def test_parallel_reservoirs_see_their_columns():
    X = series(n_features=3)
    fast, slow = (
        EchoState(10, random_state=0),
        LeakyUnits(EchoState(6, leak_rate=0.2, random_state=2), random_state=1),
    )
    both = ParallelReservoirs([fast, slow], columns=[[2, 0], [1]]).fit(X)
    expected = np.hstack([fast.fit_transform(X[:, [2, 0]]), slow.fit_transform(X[:, [1]])])
    np.testing.assert_array_equal(both.transform(X), expected)
    twice = ParallelReservoirs([fast, slow], columns=[[2, 0], [1]], n_jobs=2).fit(X)
    np.testing.assert_array_equal(twice.transform(X), expected)


@pytest.mark.parametrize(
    "member",
    [
        EchoState(40, leak_rate=0.7),
        EchoState(33, topology="circular", input_weights="sparse", activation="relu"),
        ES2N(20),
    ],
    ids=lambda member: f"{type(member).__name__}-{member.topology}",
)
def test_members_of_one_size_and_make_are_driven_together(member):
    """The same as one by one, whatever the threads; of several series, in pieces, and in single precision."""
    X = [series(50, 2), series(31, 2, seed=1)]
    units = EnsembleReservoirs(member, 3, random_state=0).fit(X)
    assert units._run_together(X[0], stack(X)[1], None)
    states, final = units.transform(X, return_state=True)
    for s, x in enumerate(X):
        each = [one.transform(x, return_state=True) for one in units.reservoirs_]
        np.testing.assert_allclose(states[s], np.hstack([h for h, _ in each]), rtol=0, atol=1e-14)
        np.testing.assert_allclose(final[s], np.hstack([last for _, last in each]), rtol=0, atol=1e-14)
    threads = EnsembleReservoirs(member, 3, random_state=0, n_jobs=2).fit(X)
    for alone, together in zip(states, threads.transform(X)):
        np.testing.assert_array_equal(together, alone)
    first, state = units.transform(X[0][:21], return_state=True)
    second = units.transform(X[0][21:], initial_state=state)
    np.testing.assert_array_equal(np.vstack([first, second]), states[0])
    single = EnsembleReservoirs(member, 3, random_state=0).fit(X[0].astype(np.float32))
    assert single._run_together(X[0].astype(np.float32), stack(X[0])[1], None)
    np.testing.assert_allclose(single.transform(X[0].astype(np.float32)), states[0], rtol=1e-4, atol=1e-4)


def test_each_member_driven_together_hears_its_own_columns():
    X = series(n_features=3)
    members = [EchoState(10, random_state=0), EchoState(10, random_state=1)]
    units = ParallelReservoirs(members, columns=[[2, 0], [1, 1]]).fit(X)
    assert units._run_together(X, stack(X)[1], None)
    expected = np.hstack([one.fit_transform(X[:, seen]) for one, seen in zip(members, units.columns)])
    np.testing.assert_allclose(units.transform(X), expected, rtol=0, atol=1e-14)


def test_members_and_layers_differ_whatever_the_seed_of_the_template():
    X = series()
    for units in (
        EnsembleReservoirs(EchoState(10, random_state=0), 2, random_state=1),
        DeepEchoState(EchoState(10, random_state=0), 2, random_state=1),
        BidirectionalReservoir(EchoState(10, random_state=0), random_state=1),
    ):
        first, second = units.fit(X).reservoirs_
        assert np.abs(first.bias_ - second.bias_).max() > 0.01
        np.testing.assert_array_equal(units.fit(X).reservoirs_[1].bias_, second.bias_)


def test_ensemble_draws_what_parallel_reservoirs_would():
    X = series()
    ensemble = EnsembleReservoirs(EchoState(10), 3, random_state=0).fit(X)
    seeds = [member.random_state for member in ensemble.reservoirs_]
    members = [EchoState(10, random_state=seed) for seed in seeds]
    np.testing.assert_array_equal(ParallelReservoirs(members).fit_transform(X), ensemble.transform(X))


@pytest.mark.parametrize("input_to_all", [False, True])
def test_layers_are_driven_by_the_states_below(input_to_all):
    X = series()
    layers = [EchoState(10, random_state=0), NVAR(2), EchoState(7, leak_rate=0.5, random_state=1)]
    deep = DeepEchoState(layers, inter_scaling=0.5, input_to_all=input_to_all).fit(X)
    seen, expected = X, []
    for layer in layers:
        states = layer.fit(seen).transform(seen)
        expected.append(states)
        seen = 0.5 / np.sqrt(states.shape[1]) * states
        seen = np.hstack([X, seen]) if input_to_all else seen
    np.testing.assert_array_equal(deep.transform(X), np.hstack(expected))


def test_uncoupled_layers_are_silent():
    deep = DeepEchoState(EchoState(10, bias_scaling=0), 2, inter_scaling=0.0, random_state=0).fit(series())
    assert not deep.transform(series())[:, 10:].any()


def test_noise_reaches_every_part_and_threads_change_nothing():
    X = series()
    noisy = [EchoState(10, noise=0.1, random_state=i) for i in range(3)]
    once = ParallelReservoirs(noisy, random_state=0).fit_transform(X)
    np.testing.assert_array_equal(ParallelReservoirs(noisy, n_jobs=3, random_state=0).fit_transform(X), once)
    clean = ParallelReservoirs(noisy, random_state=0).fit(X).transform(X)
    errors = np.split(once - clean, 3, axis=1)
    assert min(np.abs(error).max() for error in errors) > 0.01
    assert np.abs(errors[0] - errors[1]).max() > 0.01


def test_backwards_is_forwards_on_the_mirrored_series():
    many = [series(n, seed=n) for n in (7, 1, 12)]
    units = BidirectionalReservoir(EchoState(8), random_state=0).fit(many)
    forward, backward = units.reservoirs_
    for X, states in zip(many, units.transform(many)):
        np.testing.assert_allclose(states[:, :8], forward.transform(X), rtol=0, atol=1e-14)
        np.testing.assert_allclose(states[::-1, 8:], backward.transform(X[::-1]), rtol=0, atol=1e-14)


def test_a_series_longer_than_a_piece_is_read_backwards_as_a_whole():
    """A label that is known only from the end of the series: the sign of the last input."""
    n_steps = 2 * CHUNK_ROWS
    X = [
        np.full((n, 1), sign) * np.linspace(0, 1, n)[:, np.newaxis] ** 200
        for n in (n_steps, 40)
        for sign in (-1, 1)
    ]
    y = [np.full(len(x), x[-1, 0]) for x in X]
    units = BidirectionalReservoir(
        EchoState(30, spectral_radius=1.0, topology="ring", activation="identity", bias_scaling=0),
        random_state=0,
    )
    model = ESNRegressor(units, washout=0).fit(X[0], y[0])
    states = model.reservoir_.transform(X[0])
    np.testing.assert_allclose(model.fitted_values_, model.readout_.predict(states), rtol=0, atol=1e-12)
    together = ESNClassifier(units, washout=0).fit(X, [np.where(target > 0, "up", "down") for target in y])
    whole = together.predict(X)
    for x, labels in zip(X, whole):
        np.testing.assert_array_equal(together.predict(x), labels)


def test_what_knows_the_future_is_refused_where_the_future_is_asked_for():
    y = np.sin(0.3 * np.arange(200.0))
    future = BidirectionalReservoir(EchoState(10), random_state=0)
    message = "depend on later inputs, which {} does not know: use a reservoir that reads forwards only"
    for units in (
        future,
        LeakyUnits(future),
        ParallelReservoirs([EchoState(5), future]),
        DeepEchoState([future]),
    ):
        units.fit(y[:, np.newaxis])
        with pytest.raises(ValueError, match=message.format("run_free")):
            units.run_free(3, np.zeros((1, 21)), [0.0], np.zeros(units.state_size_), [0.0])
        for strategy in ("recursive", "direct"):
            with pytest.raises(ValueError, match=message.format("a forecast")):
                ReservoirForecaster(units, strategy=strategy).fit(y)
        with pytest.raises(ValueError, match=message.format("a network with feedback")):
            ESNRegressor(units, feedback_scaling=0.5).fit(y[:, np.newaxis], y)
    assert ESNRegressor(future).fit(y[:-1, np.newaxis], y[1:]).fitted_values_.shape == (199,)


@pytest.mark.parametrize(
    ("reservoir", "message"),
    [
        (ParallelReservoirs([]), "reservoirs=.* must hold at least one reservoir"),
        (ParallelReservoirs([EchoState(5), "random"]), "and nothing else, 'random' is none"),
        (ParallelReservoirs([EchoState(5)], columns=[[0], [1]]), "columns has 2 entries for 1 reservoirs"),
        (
            ParallelReservoirs([EchoState(5)], columns=[[2]]),
            r"columns\[0\] is \[2\]: give .* columns 0 to 1 of X",
        ),
        (ParallelReservoirs([EchoState(5)], columns=[[]]), r"columns\[0\] is \[\]"),
        (DeepEchoState([]), "reservoir=.* must hold at least one reservoir"),
        (DeepEchoState(n_layers=0), "n_layers"),
        (EnsembleReservoirs(n_members=0), "n_members"),
        (BidirectionalReservoir("random"), "reservoir"),
    ],
)
def test_errors_name_the_parameter(reservoir, message):
    with pytest.raises(ValueError, match=message):
        reservoir.fit(series())


class Plain(EchoState):
    """An echo state that is driven in its own way, and has no compiled step for it."""

    def _run(self, *arguments):
        states, final = super()._run(*arguments)
        return states, 0.9 * final

    states_are_state = False


def free_run_equals_driving(units, compiled):
    """A free run is driving step by step with its own outputs, by the loop that is meant."""
    X = series(30, 2)
    units = clone(units).set_params(random_state=0).fit(X)
    _, state = units.transform(X, return_state=True)
    assert (part_of([units], state[np.newaxis]) is not None) == compiled
    V = 0.02 * np.random.default_rng(0).standard_normal((1, units.n_states_ + 1))
    exog = series(12, 1, seed=3)
    outputs, final, n_done = units.run_free(12, V, [0.1], state, [0.2], exog, gain=0.9)
    assert n_done == 12
    fed, last = [0.2, *outputs[:-1, 0]], state
    for t in range(12):
        h, last = units.transform([[0.9 * fed[t], exog[t, 0]]], initial_state=last, return_state=True)
        assert abs(V @ np.append(h[0], fed[t]) + 0.1 - outputs[t]) < 1e-12
    np.testing.assert_allclose(final, last, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "units",
    [
        DeepEchoState([EchoState(6), LeakyUnits(EchoState(9)), NVAR(2)], input_to_all=True),
        EnsembleReservoirs(LeakyUnits(SquaredStates(EchoState(8))), 3),
        DeepEchoState(EnsembleReservoirs(EchoState(7), 2), 2),
        LeakyUnits(SpikingUnits(30, bias_scaling=0.3)),
        SquaredStates(ParallelReservoirs([EchoState(7), NVAR(degree=1), EchoState(5)]), squares="beside"),
        ParallelReservoirs([EchoState(5), EchoState(5), EchoState(6)], columns=[[0, 1], [1, 1], [1]]),
    ],
    ids=lambda units: str(units).replace("\n", "").replace(" ", "")[:50],
)
def test_compositions_of_every_kind_run_free_in_compiled_code(units):
    free_run_equals_driving(units, compiled=True)


@pytest.mark.parametrize(
    "units",
    [
        Plain(8),
        DeepEchoState([EchoState(6), Plain(5)]),
        EnsembleReservoirs(Plain(5), 2),
        LeakyUnits(Plain(5)),
        SquaredStates(Plain(5)),
    ],
    ids=lambda units: type(units).__name__,
)
def test_what_has_no_compiled_step_runs_free_as_well(units):
    free_run_equals_driving(units, compiled=False)


def test_steps_with_other_shapes_are_refused_by_the_compiler():
    with pytest.raises(TypingError, match="C-ordered matrices of one precision"):
        njit(lambda part, row: step(part, row, row))((1.0,), np.zeros(3))


def test_seeds_of_parts_in_lists_are_drawn_anew():
    """Members that are alike would be one member."""
    pair = ParallelReservoirs([EchoState(5, random_state=0), EchoState(5, random_state=1)])
    states = EnsembleReservoirs(pair, 2, random_state=0).fit_transform(series())
    assert np.abs(states[:, :10] - states[:, 10:]).max() > 0.1
    layers = DeepEchoState(pair, 2, random_state=0).fit(series()).reservoirs_
    biases = [part.bias_ for layer in layers for part in layer.reservoirs_]
    assert len({tuple(bias) for bias in biases}) == 4
    assert [part.random_state for part in pair.reservoirs] == [0, 1]


@pytest.mark.parametrize("chosen", [[True, False], [0.7], [[0, 1]], [], [2], [-1]])
def test_columns_are_whole_numbers(chosen):
    with pytest.raises(ValueError, match=r"columns\[1\] is .*: give at least one of the columns 0 to 1 of X"):
        ParallelReservoirs([EchoState(5)] * 2, columns=[[0], chosen]).fit(np.zeros((9, 2)))


@pytest.mark.parametrize(
    "kind", [BidirectionalReservoir, DeepEchoState, EnsembleReservoirs, LeakyUnits, SquaredStates]
)
def test_parts_are_reservoirs(kind):
    with pytest.raises(
        ValueError,
        match=r"'reservoir' parameter of .* must be an instance of '[\w.]+\.Reservoir'",
    ):
        kind(StandardScaler()).fit(series())
