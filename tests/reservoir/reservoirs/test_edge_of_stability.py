"""ES2N and EulerState, which forget little: their equations, their limits, what they are for."""

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir import ES2N, EchoState, EulerState
from reservoir.kernels.shift_matrix import ShiftMatrix
from tests import naive_reservoirs


def series(n_steps=60, n_features=2, seed=0):
    return np.random.default_rng(seed).standard_normal((n_steps, n_features))


def dense(matrix):
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def drive_of(units, X):
    return X @ dense(units.input_weights_).T + units.bias_


@pytest.mark.parametrize("rotation", ["orthogonal", "permutation", "ring"])
@pytest.mark.parametrize("activation", ["tanh", "identity"])
def test_es2n_equals_naive(rotation, activation):
    many = [series(n, seed=n) for n in (60, 23, 41, 5)]
    units = ES2N(30, proximity=0.2, rotation=rotation, activation=activation, random_state=0).fit(many)
    f = np.tanh if activation == "tanh" else (lambda x: x)
    turn, W = dense(units.rotation_), dense(units.recurrent_weights_)
    np.testing.assert_allclose(turn.T @ turn, np.eye(30), rtol=0, atol=1e-13)
    for X, states in zip(many, units.transform(many)):
        expected = naive_reservoirs.es2n_states(drive_of(units, X), W, turn, 0.2, np.zeros(30), f)
        np.testing.assert_allclose(states, expected, rtol=0, atol=1e-12)
        np.testing.assert_allclose(units.transform(X), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("topology", ["random", "circular", "dense"])
def test_euler_equals_naive(topology):
    many = [series(n, seed=n) for n in (60, 23, 41, 5)]
    units = EulerState(
        30, topology=topology, step_size=0.3, diffusion=0.2, spectral_radius=None, random_state=0
    ).fit(many)
    matrix = dense(units.recurrent_weights_)
    antisymmetric = matrix + 0.2 * np.eye(30)
    np.testing.assert_allclose(antisymmetric, -antisymmetric.T, rtol=0, atol=1e-13)
    U = np.triu(antisymmetric)  # U - U' is the same antisymmetric matrix
    for X, states in zip(many, units.transform(many)):
        expected = naive_reservoirs.euler_states(drive_of(units, X), U, 0.2, 0.3, np.zeros(30))
        np.testing.assert_allclose(states, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("topology", ["random", "circular", "dense", "ring"])
def test_euler_sets_the_radius_of_the_flow(topology):
    units = EulerState(100, topology=topology, spectral_radius=0.7, diffusion=0.1, random_state=0).fit(
        series()
    )
    eigenvalues = np.linalg.eigvals(dense(units.recurrent_weights_))
    np.testing.assert_allclose(eigenvalues.real, -0.1, rtol=0, atol=1e-12)
    assert np.abs(eigenvalues.imag).max() == pytest.approx(0.7, rel=1e-9)


def test_own_matrix_minus_its_transpose():
    U = np.random.default_rng(0).standard_normal((12, 12))
    units = EulerState(12, topology=U, spectral_radius=None, diffusion=0, random_state=0).fit(series())
    np.testing.assert_array_equal(units.recurrent_weights_, U - U.T)
    shifts = ShiftMatrix([1, 4, 4], np.random.default_rng(1).standard_normal((3, 12)))
    units = EulerState(12, topology=shifts, spectral_radius=None, diffusion=0.5, random_state=0).fit(series())
    matrix = shifts.toarray()
    np.testing.assert_allclose(units.recurrent_weights_.toarray(), matrix - matrix.T - 0.5 * np.eye(12))


def test_limits():
    X = series()
    W, W_in = 0.1 * np.random.default_rng(0).standard_normal((20, 20)), np.ones((20, 2))
    fixed = {"input_weights": W_in, "bias_scaling": 0, "random_state": 0}
    plain = EchoState(20, topology=W, spectral_radius=None, **fixed).fit_transform(X)
    near = ES2N(20, topology=W, spectral_radius=None, proximity=1.0, **fixed).fit_transform(X)
    np.testing.assert_allclose(near, plain, rtol=0, atol=1e-15)  # proximity 1 is the plain network
    leaky = EchoState(20, topology=W, spectral_radius=None, leak_rate=0.3, **fixed).fit_transform(X)
    still = ES2N(20, topology=W, spectral_radius=None, proximity=0.3, rotation=np.eye(20), **fixed)
    np.testing.assert_allclose(
        still.fit_transform(X), leaky, rtol=0, atol=1e-15
    )  # identity: leaky integrator
    summed = EulerState(
        2, step_size=0.5, diffusion=0, spectral_radius=0, activation="identity", bias_scaling=0
    )
    summed.set_params(input_weights=np.eye(2))  # no recurrence: the running sum of the input
    np.testing.assert_allclose(summed.fit_transform(X), 0.5 * np.cumsum(X, axis=0), rtol=0, atol=1e-13)


def test_what_is_rotated_is_not_forgotten():
    silence = np.zeros((500, 1))
    start = 1e-3 * np.random.default_rng(0).standard_normal(50)
    units = ES2N(50, proximity=0.01, bias_scaling=0, random_state=0).fit(silence)
    last = units.transform(silence, initial_state=start)[-1]
    kept = np.linalg.norm(last) / np.linalg.norm(start)
    assert 0.98**500 < kept < 1  # each step keeps at least 1 - 2 beta
    forgetful = EchoState(50, bias_scaling=0, random_state=0).fit(silence)
    assert np.linalg.norm(forgetful.transform(silence, initial_state=start)[-1]) < 1e-12 * np.linalg.norm(
        start
    )


@pytest.mark.parametrize(
    ("reservoir", "message"),
    [
        (ES2N(5, proximity=0.0), "proximity"),
        (ES2N(5, rotation=np.triu(np.ones((5, 5)))), "rotation is not orthogonal: it changes the length"),
        (ES2N(5, rotation=sp.csr_array(2 * np.eye(5))), "give a matrix whose transpose is its inverse"),
        (ES2N(5, rotation="random"), "rotation"),
        (ES2N(5, rotation=np.eye(4)), r"^rotation: a matrix of shape \(4, 4\) was given, \(5, 5\) is needed"),
        (EulerState(5, step_size=0.0), "step_size"),
        (EulerState(5, diffusion=-0.1), "diffusion"),
        (EulerState(5, topology=np.eye(5)), "A: spectral_radius=1.0 cannot be reached"),
    ],
)
def test_errors_name_the_parameter(reservoir, message):
    with pytest.raises(ValueError, match=message):
        reservoir.fit(series())
