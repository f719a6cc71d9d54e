"""ForceGenerator: patterns learned with the network's own output fed back, and generated."""

import numpy as np
import pytest

from reservoir import (
    NVAR,
    BidirectionalReservoir,
    EchoState,
    ForceGenerator,
    IntrinsicPlasticity,
    LeakyUnits,
    LeastMeanSquares,
    RecursiveLeastSquares,
    RidgeReadout,
)

T = np.arange(5500.0)
SINES = np.column_stack([np.sin(0.1 * T) + 0.5 * np.sin(0.2 * T), np.cos(0.1 * T)])


def test_a_periodic_pattern_is_generated_for_many_periods():
    generator = ForceGenerator(random_state=0).fit(SINES[:2500])
    ahead = generator.generate(3000)
    assert ahead.shape == (3000, 2)
    assert np.abs(ahead - SINES[2500:]).max() < 0.15
    # FORCE: after a few steps the output is close, all along learning, before each correction.
    assert np.abs(generator.outputs_ - SINES[:2500])[100:].max() < 0.3


def test_it_is_the_loop_that_the_paper_describes():
    pattern = SINES[:60]
    reservoir, readout = EchoState(20, random_state=1), RecursiveLeastSquares(0.5, forgetting=0.99)
    generator = ForceGenerator(reservoir, readout, feedback_scaling=0.7, n_epochs=2, random_state=0).fit(
        pattern
    )
    units = EchoState(20, random_state=1).fit(pattern)
    h = 0.1 * np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1, size=4)).standard_normal(20)
    online, said = RecursiveLeastSquares(0.5, forgetting=0.99), np.zeros(2)
    for wanted in np.vstack([pattern, pattern]):
        states, h = units.transform(0.7 * said[np.newaxis], initial_state=h, return_state=True)
        said = online.partial_fit(states, wanted[np.newaxis]).predict(states)[0]
    np.testing.assert_allclose(generator.readout_.coef_, online.coef_, rtol=0, atol=1e-12)
    np.testing.assert_allclose(generator.final_state_, np.concatenate([h, said]), rtol=0, atol=1e-12)


def test_generation_goes_on_from_a_state():
    generator = ForceGenerator(LeakyUnits(EchoState(60)), n_epochs=2, random_state=0).fit(SINES[:400])
    whole = generator.generate(50)
    first, state = generator.generate(20, return_state=True)
    np.testing.assert_allclose(np.vstack([first, generator.generate(30, state)]), whole, rtol=0, atol=1e-10)
    np.testing.assert_array_equal(generator.generate(50), whole)  # pure


def test_least_mean_squares_learns_too():
    generator = ForceGenerator(EchoState(100, spectral_radius=1.2), LeastMeanSquares(0.5), random_state=0)
    outputs = generator.fit(SINES[:2000]).outputs_
    assert np.abs(outputs - SINES[:2000])[1500:].mean() < 0.1


def test_errors():
    with pytest.raises(ValueError, match="which a network with feedback does not know"):
        ForceGenerator(BidirectionalReservoir(EchoState(5))).fit(SINES[:50])
    with pytest.raises(ValueError, match="'readout' parameter of ForceGenerator"):
        ForceGenerator(readout=RidgeReadout()).fit(SINES[:50])
    generator = ForceGenerator(EchoState(5), random_state=0).fit(SINES[:50])
    with pytest.raises(ValueError, match=r"initial_state has shape \(3,\), expected \(7,\)"):
        generator.generate(5, np.zeros(3))
    for n_steps in (0, -1, 2.5):
        with pytest.raises(ValueError, match="must be a whole number of at least 1"):
            generator.generate(n_steps)
    diverging = ForceGenerator(NVAR(1, degree=3), random_state=0).fit(SINES[:50])
    diverging.readout_.coef_ = 100 * np.ones_like(diverging.readout_.coef_)
    with pytest.raises(ValueError, match=r"the generator diverged at step \d+: raise alpha of the readout"):
        diverging.generate(100)


def test_noise_and_plasticity_belong_to_learning():
    pattern = SINES[:400]
    noisy = EchoState(30, noise=0.05, random_state=1)
    generator = ForceGenerator(noisy, random_state=0).fit(pattern)
    clean = ForceGenerator(EchoState(30, random_state=1), random_state=0).fit(pattern)
    assert np.abs(generator.outputs_ - clean.outputs_).max() > 0.01
    np.testing.assert_array_equal(
        ForceGenerator(noisy, random_state=0).fit(pattern).outputs_, generator.outputs_
    )
    np.testing.assert_array_equal(generator.generate(9), generator.generate(9))

    rule = IntrinsicPlasticity(n_epochs=2)
    learned = ForceGenerator(EchoState(30, plasticity=rule, random_state=1), feedback_scaling=0.5).fit(
        pattern
    )
    heard = 0.5 * np.vstack([np.zeros((1, 2)), pattern[:-1]])  # what is fed back once the pattern is learned
    expected = EchoState(30, plasticity=rule, random_state=1).fit(heard)
    np.testing.assert_array_equal(learned.reservoir_.gain_, expected.gain_)
