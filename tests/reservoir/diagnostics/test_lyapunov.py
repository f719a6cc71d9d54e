"""Tangents against finite differences, Lyapunov spectra against systems whose exponents are known."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose

from reservoir import (
    ES2N,
    NVAR,
    DeepEchoState,
    EchoState,
    EnsembleReservoirs,
    ESNRegressor,
    EulerState,
    IntrinsicPlasticity,
    LeakyUnits,
    ParallelReservoirs,
    RidgeReadout,
    SquaredStates,
)
from reservoir.diagnostics import (
    conditional_lyapunov_exponents,
    kaplan_yorke_dimension,
    lyapunov_spectrum,
    state_jacobians,
)
from reservoir.reservoirs.base_reservoir import Reservoir
from reservoir.signals import lorenz63

X = np.random.default_rng(0).standard_normal((60, 2))


class Delayed(Reservoir):
    """States that are not the state: the input before the last one, squared."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def _build(self, n_features, dtype, rng):
        self.n_states_, self.state_size_ = n_features, 2 * n_features

    def _run(self, rows, layout, initial, noise_rng=None):
        n = self.n_states_
        states, final = np.empty_like(rows), initial.copy()
        for s, (start, length) in enumerate(zip(layout.starts, layout.lengths)):
            seen = np.concatenate([initial[s].reshape(2, n)[::-1], rows[start : start + length]])
            states[start : start + length] = seen[:-2] ** 2
            final[s] = seen[:-3:-1].ravel()
        return states, final

    def _tangent_step(self, row, state, row_tangents, state_tangents):
        n = self.n_states_
        out, d_out = state[n:] ** 2, 2 * state[n:, np.newaxis] * state_tangents[n:]
        return (
            out,
            np.concatenate([row, state[:n]]),
            d_out,
            np.concatenate([row_tangents, state_tangents[:n]]),
        )


RESERVOIRS = [
    *(
        EchoState(9, activation=name, bias_scaling=0.5, random_state=1)
        for name in ("tanh", "identity", "relu", "saturated_linear", "sigmoid")
    ),
    EchoState(12, leak_rate=np.linspace(0.1, 1, 12), topology="circular", connectivity=3, random_state=2),
    EchoState(7, topology="dense", input_weights="sparse", input_connectivity=1, random_state=3),
    LeakyUnits(EchoState(6, leak_rate=0.4, random_state=4), random_state=4),
    LeakyUnits(LeakyUnits(EchoState(4, random_state=4), random_state=4), random_state=5),
    LeakyUnits(Delayed(), random_state=4),
    Delayed(),
    ES2N(8, proximity=0.3, random_state=5),
    EulerState(8, random_state=5),
    NVAR(1, degree=3),
    NVAR(3, stride=2, degree=3, include_bias=True),
    NVAR(2, degree=2, cross_terms=False),
    DeepEchoState(EchoState(5), 3, random_state=6),
    DeepEchoState([NVAR(2), EchoState(6), LeakyUnits(EchoState(4))], input_to_all=True, random_state=6),
    ParallelReservoirs([EchoState(5), NVAR(2)], columns=[[1], [0, 1]], random_state=7),
    EnsembleReservoirs(EchoState(4, leak_rate=0.3), 3, random_state=8),
    SquaredStates(EchoState(6), random_state=9),
    EchoState(6, plasticity=IntrinsicPlasticity(), random_state=9),
    SquaredStates(LeakyUnits(EchoState(4)), squares="beside", random_state=9),
]


def name_of(reservoir):
    return f"{type(reservoir).__name__}-{getattr(reservoir, 'activation', '')}"


def differences(function, x, h=1e-6):
    """Jacobian by central differences."""
    return np.stack([(function(x + e) - function(x - e)) / (2 * h) for e in h * np.eye(len(x))], axis=-1)


@pytest.mark.parametrize("reservoir", RESERVOIRS, ids=name_of)
def test_the_tangent_step_is_a_step_and_its_derivative(reservoir):
    reservoir.fit(X)
    state = reservoir.transform(X[:40], return_state=True)[1]
    row, n_features = X[40], X.shape[1]

    def step(both):
        given = {"initial_state": both[n_features:], "return_state": True}
        states, after = reservoir.transform(both[np.newaxis, :n_features], **given)
        return np.concatenate([states[0], after])

    both = np.concatenate([row, state])
    eye = np.eye(len(both))
    seen, after, d_seen, d_after = reservoir.tangent_step(row, state, eye[:n_features], eye[n_features:])
    assert_allclose(np.concatenate([seen, after]), step(both), rtol=0, atol=1e-14)
    assert_allclose(np.concatenate([d_seen, d_after]), differences(step, both), rtol=0, atol=1e-8)


def test_the_pair_of_leaky_units_has_the_block_form():
    inner = EchoState(6, random_state=4)
    units = LeakyUnits(inner, random_state=4).fit(X)
    whole = state_jacobians(units, X, steps=[10, 30])
    alone = state_jacobians(units.reservoir_, X, steps=[10, 30])
    retention = units.retention_
    for pair, block in zip(whole.by_state, alone.by_state):
        expected = np.block([[block, np.zeros((6, 6))], [np.diag(1 - retention), np.diag(retention)]])
        assert_allclose(pair, expected, rtol=0, atol=1e-14)
    assert_allclose(whole.by_input[:, :6], alone.by_input, rtol=0, atol=1e-14)
    assert (whole.by_input[:, 6:] == 0).all()


def test_jacobians_chain_along_the_trajectory():
    reservoir = EchoState(8, leak_rate=0.6, random_state=0).fit(X)
    start = reservoir.transform(X[:20], return_state=True)[1]
    product = np.eye(8)
    for jacobian in state_jacobians(reservoir, X[20:26], initial_state=start).by_state:
        product = jacobian @ product
    by_hand = differences(
        lambda s: reservoir.transform(X[20:26], initial_state=s, return_state=True)[1], start
    )
    assert_allclose(product, by_hand, rtol=0, atol=1e-8)
    chosen = state_jacobians(reservoir, X[20:26], steps=[0, 3, 5], initial_state=start)
    every = state_jacobians(reservoir, X[20:26], initial_state=start)
    for some, all_of_them in zip(chosen, every):
        assert_allclose(some, all_of_them[[0, 3, 5]], rtol=0, atol=1e-14)


def test_exponents_of_a_linear_map():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.standard_normal((4, 4)))[0] + 0.1 * rng.standard_normal((4, 4))
    matrix = basis @ np.diag([1.5, 0.9, -0.5, 0.1]) @ np.linalg.inv(basis)
    spectrum = lyapunov_spectrum(
        lambda p, d: (p, matrix @ d), 200, n_transient=60, dt=0.5, start=np.zeros(4), random_state=0
    )
    assert_allclose(spectrum.exponents, np.log([1.5, 0.9, 0.5, 0.1]) / 0.5, rtol=0, atol=1e-6)
    assert spectrum.times[-1] == 100.0
    assert_allclose(spectrum.running[-1], spectrum.exponents)
    assert (spectrum.errors < 1e-6).all()


def lorenz_step(point, tangents, dt=0.01, n_sub=2):
    """One classical Runge-Kutta step of the Lorenz equations and of their linearisation."""
    sigma, rho, beta = 10.0, 28.0, 8.0 / 3.0

    def velocity(p, d):
        x, y, z = p
        jacobian = np.array([[-sigma, sigma, 0], [rho - z, -1, -x], [y, x, -beta]])
        return np.array([sigma * (y - x), x * (rho - z) - y, x * y - beta * z]), jacobian @ d

    h = dt / n_sub
    for _ in range(n_sub):
        k1, l1 = velocity(point, tangents)
        k2, l2 = velocity(point + h / 2 * k1, tangents + h / 2 * l1)
        k3, l3 = velocity(point + h / 2 * k2, tangents + h / 2 * l2)
        k4, l4 = velocity(point + h * k3, tangents + h * l3)
        point = point + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        tangents = tangents + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    return point, tangents


def test_exponents_of_lorenz():
    """Sprott (2003): 0.9056, 0, -14.5723; their sum is exactly -(sigma + 1 + beta)."""
    start = lorenz63(1, random_state=0)[0]
    spectrum = lyapunov_spectrum(lorenz_step, 15_000, dt=0.01, start=start, random_state=0)
    assert_allclose(spectrum.exponents[:2], [0.9056, 0.0], rtol=0, atol=0.04)
    assert abs(spectrum.exponents.sum() + 41 / 3) < 1e-3
    assert abs(spectrum.dimension - 2.062) < 0.005
    assert 0.001 < spectrum.errors[0] < 0.05


def test_conditional_exponents_are_those_of_the_product_of_jacobians():
    reservoir = EchoState(6, leak_rate=0.7, random_state=0).fit(X)
    found = conditional_lyapunov_exponents(reservoir, X, n_transient=20, interval=1, random_state=1)
    start = reservoir.transform(X[:20], return_state=True)[1]
    jacobians = state_jacobians(reservoir, X[20:], initial_state=start).by_state
    volume = np.linalg.slogdet(jacobians)[1].mean()
    assert_allclose(found.exponents.sum(), volume, rtol=1e-9)
    assert (found.exponents < 0).all()


def test_conditional_exponents_of_linear_units_are_their_eigenvalues():
    values = np.array([0.95, 0.6, -0.3])
    reservoir = EchoState(3, topology=np.diag(values), spectral_radius=None, activation="identity").fit(X)
    found = conditional_lyapunov_exponents(reservoir, X, n_transient=10, random_state=0)
    assert_allclose(found.exponents, np.log(np.abs(values)), rtol=0, atol=0.02)


def test_a_direction_that_dies_counts_minus_infinity():
    spectrum = lyapunov_spectrum(
        lambda p, d: (p, np.diag([2.0, 0.0]) @ d), 10, n_transient=0, start=np.zeros(2), random_state=0
    )
    assert_allclose(spectrum.exponents, [np.log(2), -np.inf], atol=0.4)
    assert spectrum.dimension == 1.0


@pytest.mark.parametrize(
    ("exponents", "dimension"),
    [([-1.0, -2.0], 0.0), ([0.5, 0.1], 2.0), ([-3.0, 1.0], 1 + 1 / 3), ([0.0], 1.0), ([0.2, -np.inf], 1.0)],
)
def test_kaplan_yorke(exponents, dimension):
    assert_allclose(kaplan_yorke_dimension(exponents), dimension)


@pytest.mark.parametrize("exponents", [[], [np.nan, 1.0]])
def test_no_dimension_without_exponents(exponents):
    with pytest.raises(ValueError, match="must hold at least one number and no NaN"):
        kaplan_yorke_dimension(exponents)


# --------------------------------------------------------------------------------------------- closed loops


def sine_model(**options):
    y = np.sin(0.3 * np.arange(600.0))[:, np.newaxis]
    readout = RidgeReadout(alpha=1e-8)
    network = ESNRegressor(EchoState(30, leak_rate=0.8, random_state=0), readout, **options)
    if network.feedback_scaling:
        return network.fit(np.ones((600, 1)), y), y
    return network.fit(y[:-1], y[1:]), y


@pytest.mark.parametrize(
    "options",
    [{}, {"input_skip": True}, {"feedback_scaling": 0.5}, {"feedback_scaling": 0.5, "input_skip": True}],
)
def test_the_loop_of_a_network_continues_it(options):
    model, _ = sine_model(**options)
    loop = model.closed_loop(np.ones(1) if model.feedback_scaling else None)
    ahead = loop.run(40)
    assert_allclose(ahead[:, 0], np.sin(0.3 * np.arange(600, 640)), rtol=0, atol=0.02)
    point, steps = loop.start, []
    for _ in range(40):
        point, _ = loop.step(point)
        steps.append(point[-1])
    assert_allclose(np.array(steps), ahead[:, 0], rtol=0, atol=1e-11)
    if model.feedback_scaling:
        assert_allclose(model.predict(np.ones((40, 1))), ahead, rtol=0, atol=1e-11)
    by_hand = differences(lambda p: loop.step(p)[0], loop.start)
    assert_allclose(loop.jacobian(loop.start), by_hand, rtol=0, atol=1e-7)


def test_the_loop_synchronises_on_what_it_sees():
    model, y = sine_model()
    loop = model.closed_loop()
    assert_allclose(loop.synchronise(y), loop.start, rtol=0, atol=1e-12)
    first, point = loop.run(7, return_point=True)
    assert_allclose(np.vstack([first, loop.run(5, point)]), loop.run(12), rtol=0, atol=1e-12)
    assert_allclose((loop.low, loop.high), [[y[1:].min()], [y.max()]])
    with pytest.raises(ValueError, match=re.escape("context has shape (3, 2), expected (n_steps, 1)")):
        loop.synchronise(np.ones((3, 2)))


def test_the_exponents_of_a_trained_oscillation():
    """A limit cycle: one exponent is 0, all others negative."""
    model, _ = sine_model()
    spectrum = lyapunov_spectrum(model, 2000, n_exponents=3, n_transient=1000, random_state=0)
    assert abs(spectrum.exponents[0]) < 1e-3
    assert (spectrum.exponents[1:] < -1e-3).all()


def test_faults():
    model, y = sine_model()
    with pytest.raises(ValueError, match=re.escape("exog has shape (), expected (1,)")):
        sine_model(feedback_scaling=0.5)[0].closed_loop()
    two = ESNRegressor(EchoState(5)).fit(y, np.hstack([y, y]))
    with pytest.raises(
        ValueError, match="a network of 1 inputs and 2 outputs without feedback closes no loop"
    ):
        two.closed_loop()
    with pytest.raises(TypeError, match="RidgeReadout has no closed loop"):
        lyapunov_spectrum(RidgeReadout())
    with pytest.raises(ValueError, match="n_exponents=32 exceeds the 31 numbers"):
        lyapunov_spectrum(model, n_exponents=32)
    with pytest.raises(ValueError, match="interval must be a whole number of at least 1, got 0"):
        lyapunov_spectrum(model, interval=0)
    with pytest.raises(ValueError, match="dt must be a positive number, got -1"):
        lyapunov_spectrum(model, dt=-1)
    with pytest.raises(ValueError, match="start is needed with a map"):
        lyapunov_spectrum(lorenz_step)
    with pytest.raises(ValueError, match="the orbit left for infinity within 5 steps"):
        lyapunov_spectrum(lambda p, d: (p * 1e200, d), start=[1.0])
    reservoir = EchoState(4).fit(X)
    with pytest.raises(ValueError, match="X has 60 steps, n_transient=100 leaves less than one interval=5"):
        conditional_lyapunov_exponents(reservoir, X)
    with pytest.raises(ValueError, match=re.escape("X has shape (60, 1), expected (n_steps, 2)")):
        conditional_lyapunov_exponents(reservoir, X[:, :1])
    with pytest.raises(ValueError, match=re.escape("steps=[3, 3] must be whole, rise and lie in 0 ... 59")):
        state_jacobians(reservoir, X, steps=[3, 3])
    with pytest.raises(ValueError, match=re.escape("initial_state has shape (3,), expected (4,)")):
        state_jacobians(reservoir, X, initial_state=np.zeros(3))

    class Closed(Reservoir):
        _build = Delayed._build
        _run = Delayed._run
        random_state = None

    with pytest.raises(NotImplementedError, match=r"Closed has no linearised step.*take another"):
        state_jacobians(Closed().fit(X), X)
