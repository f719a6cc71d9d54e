"""Memory, processing capacity, ranks and echo states, against what can be computed by hand."""

import re

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.base import clone

from reservoir import ES2N, NVAR, EchoState, EulerState, IntrinsicPlasticity, LeakyUnits
from reservoir.diagnostics import (
    conditional_lyapunov_exponents,
    echo_state_index,
    effective_spectral_radius,
    generalisation_rank,
    information_processing_capacity,
    kernel_rank,
    memory_capacity,
    state_jacobians,
)


def line(n_units, weight=None):
    """Unit i holds the input of i steps ago."""
    return EchoState(
        n_units,
        topology="delay_line",
        spectral_radius=None,
        activation="identity",
        bias_scaling=0,
        input_weights=np.eye(n_units)[:, :1],
        random_state=0,
    )


RING = EchoState(
    30, topology="ring", activation="identity", input_scaling=0.1, bias_scaling=0, random_state=0
)


def test_memory_capacity_by_hand():
    """The twin: one least-squares fit per delay."""
    u = 0.8 * np.random.default_rng(5).uniform(-1, 1, (2, 900))[0]
    states = RING.fit_transform(u[:, np.newaxis])
    design = np.column_stack([states, np.ones(900)])
    squares = []
    for k in range(1, 41):
        target = np.concatenate([np.zeros(k), u[:-k]])
        weights = np.linalg.lstsq(design[60:700], target[60:700], rcond=None)[0]
        squares.append(np.corrcoef(design[700:] @ weights, target[700:])[0, 1] ** 2)
    found = memory_capacity(
        RING, max_delay=40, n_training=700, n_test=200, washout=60, random_state=np.random.default_rng(5)
    )
    assert_allclose(found.per_delay, squares, rtol=0, atol=1e-6)
    assert found.total == pytest.approx(sum(squares), abs=1e-5)


def test_memory_capacity_and_its_bound():
    found = memory_capacity(RING, random_state=0)
    assert found.bound == 30
    assert len(found.per_delay) == 60
    assert 28.5 < found.total < 30 + 2 * found.chance + 0.1
    assert 0.02 < found.chance < 0.2  # 60 delays, 1,000 tested steps: about 0.06
    assert (found.per_delay[:20] > 0.99).all()
    assert found.per_delay[35:].max() < 0.02
    nothing = memory_capacity(NVAR(1, degree=3), max_delay=5, random_state=0)
    assert nothing.total < 0.05


def test_processing_capacity_of_a_delay_line_is_linear():
    found = information_processing_capacity(line(8), max_delays=(12, 6, 4), n_steps=4000, random_state=0)
    assert found.bound == 8
    assert_allclose(found.by_degree, [8, 0, 0], rtol=0, atol=0.05)
    assert_allclose(
        [c for term, c in zip(found.terms, found.capacities) if len(term) == 1], [1] * 8 + [0] * 4
    )


def test_processing_capacity_fills_the_rank():
    """Monomials of degree up to 2 are spanned by the polynomials of degree up to 2, and nothing else is."""
    found = information_processing_capacity(
        NVAR(3, degree=2), max_delays=(4, 4, 2), n_steps=4000, random_state=0
    )
    assert found.bound == 9
    assert_allclose(found.by_degree, [3, 6, 0], rtol=0, atol=0.01)
    assert len(found.terms) == 4 + 10 + 4
    for term, capacity in zip(found.terms, found.capacities):
        assert_allclose(capacity, float(len(term) < 3 and max(term) < 3), rtol=0, atol=0.01)


def test_nonlinear_units_trade_memory_for_computation():
    weak, strong = (
        information_processing_capacity(
            EchoState(20, spectral_radius=0.8, input_scaling=scaling, bias_scaling=0.1, random_state=0),
            max_delays=(40, 12, 6),
            n_steps=8000,
            random_state=0,
        )
        for scaling in (0.05, 1.5)
    )
    assert weak.by_degree[0] > strong.by_degree[0] + 3
    assert strong.by_degree[1:].sum() > 2
    assert max(weak.total, strong.total) < 20.2


def test_ranks():
    assert kernel_rank(line(12), random_state=0).rank == 12
    for common, rank in ((0, 12), (5, 8), (11, 2), (12, 1)):  # what agrees makes one direction
        assert generalisation_rank(line(12), n_common=common, random_state=0).rank == rank
    found = kernel_rank(line(12), n_streams=5, random_state=0)
    assert found.rank == 5
    assert found.singular_values[0] == 1


def test_echo_states_fade_at_the_rate_of_the_spectrum():
    X = np.random.default_rng(0).standard_normal((300, 1))
    linear = EchoState(10, topology="ring", activation="identity", spectral_radius=0.9).fit(X)
    found = echo_state_index(linear, X, random_state=0)
    assert found.n_responses == 1
    assert_allclose(found.rate, np.log(0.9), rtol=1e-3)
    assert len(found.distances) == 300


def test_two_answers_are_counted():
    """One unit with strong feedback and no input has two stable states."""
    unit = EchoState(1, topology=[[2.0]], input_weights=[[1.0]], spectral_radius=None, bias_scaling=0.0)
    X = np.zeros((200, 1))
    found = echo_state_index(unit.fit(X), X, n_starts=12, random_state=0)
    assert found.n_responses == 3  # and rest, where it stays if it starts there
    driven = echo_state_index(unit, 5 * np.ones((200, 1)), random_state=0)
    assert driven.n_responses == 1
    assert driven.rate < 0


def test_effective_radius():
    X = np.zeros((1, 1))
    rng = np.random.default_rng(0)
    matrix, leak = rng.standard_normal((6, 6)), rng.uniform(0.2, 1, 6)
    reservoir = EchoState(6, topology=matrix, spectral_radius=None, leak_rate=leak).fit(X)
    expected = np.abs(np.linalg.eigvals(np.diag(1 - leak) + leak[:, np.newaxis] * matrix)).max()
    assert_allclose(effective_spectral_radius(reservoir), expected)
    for units in (ES2N(15, random_state=0), EulerState(15, random_state=0), EchoState(15, random_state=0)):
        units.set_params(bias_scaling=0.0).fit(X)
        jacobian = state_jacobians(units, X).by_state[0]
        assert_allclose(effective_spectral_radius(units), np.abs(np.linalg.eigvals(jacobian)).max())


def test_faults():
    with pytest.raises(ValueError, match="the reservoir was fitted for 2 inputs"):
        memory_capacity(EchoState(5).fit(np.ones((1, 2))))
    with pytest.raises(ValueError, match="n_training=150 leaves no rows after washout=100 and max_delay=200"):
        memory_capacity(EchoState(5), n_training=150, max_delay=200)
    with pytest.raises(ValueError, match="max_delays is empty"):
        information_processing_capacity(EchoState(5), max_delays=())
    with pytest.raises(ValueError, match="n_common=30 exceeds n_steps=20"):
        generalisation_rank(EchoState(5), n_common=30, n_steps=20)
    with pytest.raises(TypeError, match="LeakyUnits has no recurrent matrix of its own: give an EchoState"):
        effective_spectral_radius(LeakyUnits())
    reservoir = EchoState(5).fit(np.ones((1, 2)))
    with pytest.raises(ValueError, match=re.escape("X has shape (3, 1), expected (n_steps, 2)")):
        echo_state_index(reservoir, np.ones((3, 1)))
    with pytest.raises(ValueError, match="n_starts must be a whole number of at least 2, got 1"):
        echo_state_index(reservoir, np.ones((3, 2)), n_starts=1)


@pytest.mark.parametrize(
    "measure",
    [
        lambda units: memory_capacity(units, n_training=800, n_test=200, random_state=0).per_delay[3],
        lambda units: (
            information_processing_capacity(units, max_delays=(9,), n_steps=900, random_state=0).total
        ),
        lambda units: kernel_rank(units, n_steps=40, random_state=0).singular_values[-1],
    ],
)
def test_plasticity_learns_from_the_input_of_the_measurement(measure):
    """An unfitted reservoir is drawn, and learns; the measure is that of a fitted one, not of the one drawn."""
    rule = IntrinsicPlasticity(std=0.2, learning_rate=2e-3, n_epochs=3)
    plain = EchoState(10, random_state=0)
    assert abs(measure(clone(plain).set_params(plasticity=rule)) / measure(plain) - 1) > 0.12


def test_states_beyond_all_numbers_are_no_echo_states():
    X = np.zeros((2000, 1))
    wild = EchoState(5, activation="identity", spectral_radius=3.0, random_state=0).fit(X)
    with pytest.raises(ValueError, match="grew beyond all numbers: it has no echo states under X"):
        echo_state_index(wild, X, random_state=0)


def test_the_rate_of_what_forgets_at_once():
    X = np.random.default_rng(0).standard_normal((30, 1))
    nothing_left = echo_state_index(NVAR(1).fit(X), X, random_state=0)
    assert nothing_left[::2] == (1, -np.inf)
    options = {"activation": "identity", "topology": "ring", "bias_scaling": 0, "random_state": 0}
    units, X = EchoState(5, spectral_radius=1e-8, **options).fit(X), 0 * X
    below_at_once = echo_state_index(units, X, random_state=0)
    assert below_at_once.distances[0] < 1e-6
    assert below_at_once.rate == pytest.approx(np.log(1e-8))
    assert np.isnan(echo_state_index(units, X[:1], random_state=0).rate)


@pytest.mark.parametrize("significance", [0, 1, 2.0, -0.1])
def test_significance_is_a_probability(significance):
    with pytest.raises(ValueError, match="is a probability between 0 and 1"):
        information_processing_capacity(NVAR(2), significance=significance)


@pytest.mark.parametrize("look", [echo_state_index, state_jacobians, conditional_lyapunov_exponents])
def test_an_input_is_one_finite_series(look):
    units = EchoState(5, random_state=0).fit(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="X holds NaN or infinity: fill gaps"):
        look(units, np.full((300, 2), np.nan))
    for wrong in (np.zeros(300), np.zeros((0, 2)), np.zeros((300, 3)), np.zeros((3, 300, 2))):
        with pytest.raises(ValueError, match=r"X has shape .*, expected \(n_steps, 2\), one series"):
            look(units, wrong)


@pytest.mark.parametrize("steps", [[0.5], [[1, 2]], 3, [-1], [9], [2, 1]])
def test_steps_are_rows_in_rising_order(steps):
    units = EchoState(5, random_state=0).fit(np.zeros((1, 1)))
    with pytest.raises(
        ValueError, match=re.escape(f"steps={steps!r} must be whole, rise and lie in 0 ... 8")
    ):
        state_jacobians(units, np.zeros((9, 1)), steps=steps)
