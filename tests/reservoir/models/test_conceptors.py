"""Conceptors: their definition, their logic, and patterns recalled through them."""

import numpy as np
import pytest
from sklearn.base import clone

from reservoir import ES2N, ConceptorMemory, EchoState, IntrinsicPlasticity, conceptor
from reservoir.models.conceptors import conjunction, disjunction, negation, quota

T = np.arange(1500.0)[:, np.newaxis]
PATTERNS = [np.sin(0.2 * T), np.sin(0.4 * T + 1), 0.7 * np.sin(2 * np.pi * T / 5 + 0.1)]


def states(n_rows=50, n_units=6, rank=6, seed=0):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n_rows, rank)) @ rng.standard_normal((rank, n_units))


def test_definition_and_limits():
    h = states()
    R = h.T @ h / len(h)
    C = conceptor(h, 3.0)
    np.testing.assert_allclose(C, R @ np.linalg.inv(R + np.eye(6) / 9), rtol=0, atol=1e-12)
    values = np.linalg.eigvalsh(C)
    assert values.min() >= 0
    assert values.max() < 1
    assert quota(C) == pytest.approx(values.mean())
    np.testing.assert_allclose(conceptor(h, 1e6), np.eye(6), rtol=0, atol=1e-9)  # lets all through
    np.testing.assert_allclose(conceptor(h, 1e-6), 0, atol=1e-9)  # lets nothing through
    # It minimises E|h - C h|^2 + |C|^2 / a^2: the gradient is zero.
    np.testing.assert_allclose((np.eye(6) - C) @ R, C / 9, rtol=0, atol=1e-12)


def test_logic_of_invertible_conceptors():
    C, B = conceptor(states(), 2.0), conceptor(states(seed=1), 0.5)
    inverse = np.linalg.inv
    np.testing.assert_allclose(
        conjunction(C, B), inverse(inverse(C) + inverse(B) - np.eye(6)), rtol=0, atol=1e-10
    )
    R = [h.T @ h / len(h) for h in (states(), states(seed=1))]
    pooled = R[0] * 4 + R[1] / 4  # with the apertures inside: OR is the conceptor of all data
    np.testing.assert_allclose(disjunction(C, B), pooled @ inverse(pooled + np.eye(6)), rtol=0, atol=1e-10)
    np.testing.assert_allclose(negation(negation(C)), C, rtol=0, atol=1e-15)
    np.testing.assert_allclose(conjunction(C, np.eye(6)), C, rtol=0, atol=1e-10)
    np.testing.assert_allclose(disjunction(C, 0 * C), C, rtol=0, atol=1e-10)
    np.testing.assert_allclose(
        negation(disjunction(C, B)), conjunction(negation(C), negation(B)), rtol=0, atol=1e-10
    )


def test_logic_of_closed_directions():
    C, B = np.diag([0.9, 0.5, 0.0, 0.0]), np.diag([0.8, 0.0, 0.7, 0.0])
    np.testing.assert_allclose(conjunction(C, B), np.diag([1 / (1 / 0.9 + 1 / 0.8 - 1), 0, 0, 0]), atol=1e-12)
    np.testing.assert_allclose(disjunction(C, B), np.diag([1 - 1 / (10 + 5 - 1), 0.5, 0.7, 0]), atol=1e-12)
    turn = np.linalg.qr(states(6))[0][:4, :4]
    turn = np.linalg.qr(turn)[0]
    turned = conjunction(turn @ C @ turn.T, turn @ B @ turn.T)
    np.testing.assert_allclose(turned, turn @ conjunction(C, B) @ turn.T, rtol=0, atol=1e-10)


def test_patterns_are_recalled():
    memory = ConceptorMemory(random_state=0).fit([pattern[:1000] for pattern in PATTERNS])
    for i, pattern in enumerate(PATTERNS):
        error = np.abs(memory.recall(i, 200) - pattern[1000:1200])
        assert np.sqrt((error**2).mean()) < 0.15 * pattern.std()
    without = memory.recall(np.eye(100), 500)[300:]  # they run into each other
    assert min(np.abs(without - pattern[1300:1500]).max() for pattern in PATTERNS) > 0.3


def test_a_recall_is_the_equation():
    memory = ConceptorMemory(EchoState(20, leak_rate=0.7), random_state=0).fit(PATTERNS[0][:300])
    D, b, C, h = memory.loaded_weights_, memory.reservoir_.bias_, memory.conceptors_[0], memory.states_[0]
    expected = []
    for _ in range(10):
        h = C @ (0.3 * h + 0.7 * np.tanh(D @ h + b))
        expected.append(memory.readout_.coef_ @ h + memory.readout_.intercept_)
    np.testing.assert_allclose(memory.recall(0, 10), np.reshape(expected, (10, 1)), rtol=0, atol=1e-12)


def test_loaded_weights_do_what_the_input_did():
    memory = ConceptorMemory(alpha=1e-6, random_state=0).fit([pattern[:1000] for pattern in PATTERNS])
    for pattern in PATTERNS:
        h = memory.reservoir_.transform(pattern[:300])
        within = np.tanh(h[200:-1] @ memory.loaded_weights_.T + memory.reservoir_.bias_)
        np.testing.assert_allclose(within, h[201:], rtol=0, atol=5e-3)


def test_other_units_and_errors():
    memory = ConceptorMemory(ES2N(60, proximity=0.5, bias_scaling=1.0), random_state=0).fit(
        PATTERNS[0][:1000]
    )
    assert np.abs(memory.recall(0, 50) - PATTERNS[0][1000:1050]).max() < 0.2
    with pytest.raises(ValueError, match="pattern=3 is not stored: there are 0 to 0"):
        memory.recall(3, 5)
    with pytest.raises(ValueError, match=r"pattern has shape \(2, 2\), a conceptor has \(60, 60\)"):
        memory.recall(np.eye(2), 5)
    with pytest.raises(ValueError, match="aperture=0 must be above 0"):
        conceptor(states(), 0)


@pytest.mark.parametrize("states", [np.full((5, 2), np.nan), np.empty((0, 2)), np.ones(5)])
def test_a_conceptor_needs_states(states):
    with pytest.raises(ValueError, match=r"states contains NaN|0 sample|Expected 2D array"):
        conceptor(states)


def test_noise_is_refused_and_plasticity_learns_from_the_patterns():
    with pytest.raises(
        ValueError, match=r"noise=0\.1 would open the conceptors in all directions: set noise=0"
    ):
        ConceptorMemory(EchoState(10, noise=0.1)).fit(PATTERNS)
    units = EchoState(20, plasticity=IntrinsicPlasticity(n_epochs=2), random_state=0)
    memory = ConceptorMemory(units).fit(PATTERNS)
    np.testing.assert_array_equal(memory.reservoir_.gain_, clone(units).fit(PATTERNS).gain_)
