"""Spectral radius and largest singular value: against LAPACK, closed forms, and each other."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir.kernels.shift_matrix import ShiftMatrix
from reservoir.topology import krylov, make_recurrent_weights
from reservoir.topology.spectrum import largest_singular_value, scale_to, spectral_radius
from tests import naive

RNG = np.random.default_rng(0)
N = 260  # above the size that goes to LAPACK at once


def layered(n_layers, width, n_inputs=3):
    """Layers in a loop, each hearing the one before: all cycles are multiples of n_layers long."""
    n = n_layers * width
    rows = np.repeat(np.arange(n), n_inputs)
    columns = ((rows // width - 1) % n_layers) * width + RNG.integers(0, width, rows.size)
    return sp.csr_array(sp.coo_array((RNG.standard_normal(rows.size), (rows, columns)), shape=(n, n)))


def path(n):
    return sp.diags_array([np.ones(n - 1), np.ones(n - 1)], offsets=[-1, 1])


def ladder(n):
    """Adjacency of two rails of n / 2 units: radius 1 + 2 cos(pi / (n / 2 + 1))."""
    rungs = sp.csr_array([[0.0, 1.0], [1.0, 0.0]])
    return sp.csr_array(sp.kron(path(n // 2), sp.eye_array(2)) + sp.kron(sp.eye_array(n // 2), rungs))


def gaussian(*shape):
    return RNG.standard_normal(shape)


CASES = {
    "layers of a period of 2": layered(2, 150),
    "layers of a period of 7": layered(7, 40),
    "layers of a period of 101": layered(101, 5),
    "tridiagonal of mixed signs": sp.diags_array(
        [gaussian(N - 1), gaussian(N), gaussian(N - 1)], offsets=[-1, 0, 1]
    ),
    "symmetric tridiagonal": path(N),
    "symmetric sparse": (lambda A: A + A.T)(layered(7, 40)),
    "symmetric": (lambda A: A + A.T)(gaussian(N, N)),
    "antisymmetric": (lambda A: A - A.T)(gaussian(N, N)),
    "sparse": layered(7, 40) + layered(7, 40).T,
    "rank 2": gaussian(N, 2) @ gaussian(2, N),
    "constant": np.ones((N, N)),
    "non-negative": abs(gaussian(N, N)),
    "diagonal": np.diag(gaussian(N)),
    "triangular": np.triu(gaussian(N, N)),
    "blocks of rotations": np.kron(np.diag(RNG.uniform(0.5, 1, N // 2)), [[0.6, -0.8], [0.8, 0.6]]),
    "ladder": ladder(N),
    "orthogonal": 3.0 * np.linalg.qr(gaussian(N, N))[0],
    "tiny": 1e-200 * gaussian(N, N),
    "huge": 1e200 * gaussian(N, N),
    "integers": RNG.integers(-2, 3, (30, 30)),
}


@pytest.mark.parametrize("name", CASES)
def test_against_lapack(name):
    matrix = CASES[name]
    dense = matrix.toarray() if sp.issparse(matrix) else matrix
    kept = dense.copy()
    scale = abs(dense).max()
    radius = naive.spectral_radius(dense / scale) * scale
    np.testing.assert_allclose(spectral_radius(matrix), radius, rtol=1e-10)
    norm = naive.largest_singular_value(dense / scale) * scale
    np.testing.assert_allclose(largest_singular_value(matrix), norm, rtol=1e-12)
    for storage in (np.asfortranarray, sp.csc_array, sp.coo_matrix):
        np.testing.assert_allclose(spectral_radius(storage(dense)), radius, rtol=1e-10)
        np.testing.assert_allclose(largest_singular_value(storage(dense)), norm, rtol=1e-12)
    np.testing.assert_array_equal(matrix.toarray() if sp.issparse(matrix) else matrix, kept)


@pytest.mark.parametrize("connectivity", [2, 3, 10])
@pytest.mark.parametrize("topology", ["random", "circular"])
def test_no_outermost_eigenvalue_is_missed(topology, connectivity):
    for seed in range(10):
        matrix = make_recurrent_weights(topology, 300, seed, connectivity=connectivity)
        radius = naive.spectral_radius(matrix.toarray())
        np.testing.assert_allclose(spectral_radius(matrix), radius, rtol=1e-10)


def test_same_bits_and_no_global_state():
    before = pickle.dumps(np.random.get_state())
    matrix = make_recurrent_weights("random", 500, 0)
    assert spectral_radius(matrix) == spectral_radius(matrix)
    assert largest_singular_value(matrix) == largest_singular_value(matrix)
    assert pickle.dumps(np.random.get_state()) == before


# ------------------------------------------------------------------------------------------------- closed forms


def test_cycles_are_geometric_means():
    weights = RNG.standard_normal(1000)
    cycle = ShiftMatrix([-1], weights[None])
    np.testing.assert_allclose(spectral_radius(cycle), np.exp(np.log(abs(weights)).mean()), rtol=1e-13)
    assert largest_singular_value(cycle) == abs(weights).max()
    two = sp.block_diag([cycle.tocsr()[:0, :0], ShiftMatrix([1], [[2.0] * 9]).tocsr(), cycle.tocsr()])
    np.testing.assert_allclose(spectral_radius(two), 2.0, rtol=1e-13)


@pytest.mark.parametrize("n_units", [300, 301, 6000])
def test_equal_diagonals_are_circulant(n_units):
    offsets, values = np.array([-1, 0, 5]), np.array([1.0, 0.5, -0.7])
    matrix = ShiftMatrix(offsets, np.repeat(values[:, None], n_units, axis=1))
    angles = 2 * np.pi * np.arange(n_units) / n_units
    eigenvalues = (values[:, None] * np.exp(1j * offsets[:, None] * angles)).sum(axis=0)
    np.testing.assert_allclose(spectral_radius(matrix), abs(eigenvalues).max(), rtol=1e-13)
    np.testing.assert_allclose(largest_singular_value(matrix), abs(eigenvalues).max(), rtol=1e-13)


@pytest.mark.parametrize("n_units", [8, 300])
@pytest.mark.parametrize("period", [2, 4])
def test_periodic_diagonals(n_units, period):
    weights = np.tile(RNG.standard_normal((3, period)), n_units // period)
    matrix = ShiftMatrix([1, -2, 5], weights)
    np.testing.assert_allclose(spectral_radius(matrix), naive.spectral_radius(matrix.toarray()), rtol=1e-10)
    norm = naive.largest_singular_value(matrix.toarray())
    np.testing.assert_allclose(largest_singular_value(matrix), norm, rtol=1e-12)


@pytest.mark.parametrize("n_units", [6, 5000])
@pytest.mark.parametrize(("forward", "backward"), [(1.0, 0.1), (0.3, -2.0), (1.0, 1.0)])
def test_chain_where_lapack_is_wrong(n_units, forward, backward):
    matrix = sp.diags_array([np.full(n_units - 1, forward), np.full(n_units - 1, backward)], offsets=[-1, 1])
    radius = 2 * np.sqrt(abs(forward * backward)) * np.cos(np.pi / (n_units + 1))
    np.testing.assert_allclose(spectral_radius(matrix), radius, rtol=1e-13)


@pytest.mark.parametrize("n_units", [300, 6000])
def test_narrow_lattices(n_units):
    matrix = ladder(n_units)
    radius = 1 + 2 * np.cos(np.pi / (n_units // 2 + 1))
    np.testing.assert_allclose(spectral_radius(matrix), radius, rtol=1e-13)
    np.testing.assert_allclose(spectral_radius(-matrix), radius, rtol=1e-13)
    np.testing.assert_allclose(largest_singular_value(matrix), radius, rtol=1e-13)
    shuffle = np.random.default_rng(1).permutation(n_units)
    np.testing.assert_allclose(spectral_radius(matrix[shuffle][:, shuffle]), radius, rtol=1e-13)
    # A diagonal change of basis leaves the eigenvalues and takes the symmetry.
    basis = np.random.default_rng(2).uniform(0.5, 2.0, n_units)
    similar = sp.csr_array(sp.diags_array(basis) @ matrix @ sp.diags_array(1 / basis))
    np.testing.assert_allclose(spectral_radius(similar), radius, rtol=1e-12)


@pytest.mark.parametrize("n_units", [2, 50, 3000])
def test_graphs_without_cycles_have_radius_zero(n_units):
    rows = np.arange(1, n_units).repeat(2)
    columns = np.random.default_rng(0).integers(0, rows)
    acyclic = sp.coo_array((np.ones(rows.size), (rows, columns)), shape=(n_units, n_units)).tocsr()
    shuffle = np.random.default_rng(1).permutation(n_units)
    assert spectral_radius(acyclic[shuffle][:, shuffle]) == 0.0
    assert spectral_radius(make_recurrent_weights("delay_line", n_units)) == 0.0
    assert spectral_radius(sp.csr_array((n_units, n_units))) == 0.0
    if n_units == 50:
        assert spectral_radius(acyclic.toarray()) == 0.0
        assert spectral_radius(np.triu(np.ones((n_units, n_units)), 1)) == 0.0
        assert largest_singular_value(np.zeros((n_units, n_units))) == 0.0


def test_a_unit_counts_in_its_component():
    # The first two units are one component of radius 1 in which a self-connection of 2 is compensated.
    matrix = sp.csr_array([[2.0, 1.0, 0.0], [-3.0, -1.0, 5.0], [0.0, 0.0, 0.25]])
    np.testing.assert_allclose(spectral_radius(matrix), 1.0, rtol=1e-14)


# --------------------------------------------------------------------------------- errors and the way around them


def test_lapack_takes_over_when_the_iteration_fails(monkeypatch):
    random = make_recurrent_weights("random", 300, 0)
    radius, norm = spectral_radius(random), largest_singular_value(random)
    monkeypatch.setattr(krylov, "eigs", raise_no_convergence)
    monkeypatch.setattr(krylov, "eigsh", raise_no_convergence)
    np.testing.assert_allclose(spectral_radius(random), radius, rtol=1e-12)
    np.testing.assert_allclose(largest_singular_value(random), norm, rtol=1e-12)
    symmetric = sp.csr_array(random + random.T)
    np.testing.assert_allclose(
        spectral_radius(symmetric), naive.spectral_radius(symmetric.toarray()), rtol=1e-12
    )
    monkeypatch.setattr(krylov, "FALLBACK_UNITS", 299)
    for measure in (spectral_radius, largest_singular_value):
        with pytest.raises(ValueError, match=r"\(300, 300\) matrix lie too close together.*add connections"):
            measure(random)


def raise_no_convergence(*args, **kwargs):
    raise krylov.ArpackError(-1, {-1: "no convergence"})


@pytest.mark.parametrize("measure", [spectral_radius, largest_singular_value])
@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.ones((2, 3)), r"must be square, got shape \(2, 3\)"),
        (np.ones(3), r"must be square, got shape \(3,\)"),
        (np.ones((0, 0)), r"must be square, got shape \(0, 0\)"),
        (np.full((2, 2), np.nan), "contains NaN or infinity"),
        (sp.csr_array([[np.inf, 0.0], [1.0, 0.0]]), "contains NaN or infinity"),
    ],
)
def test_errors(measure, matrix, message):
    with pytest.raises(ValueError, match=message):
        measure(matrix)
    with pytest.raises(TypeError, match="must hold real numbers, got dtype complex128"):
        measure(1j * np.eye(2))


def test_scale_to_leaves_the_matrix_alone():
    for matrix in (gaussian(5, 5), sp.csr_array(gaussian(5, 5)), ShiftMatrix([1], gaussian(1, 5))):
        assert scale_to(matrix) is matrix
        before = matrix.copy() if isinstance(matrix, np.ndarray) else matrix.toarray()
        scaled = scale_to(matrix, spectral_radius=0.5)
        assert type(scaled) is type(matrix)
        np.testing.assert_allclose(spectral_radius(scaled), 0.5, rtol=1e-12)
        np.testing.assert_allclose(largest_singular_value(scale_to(matrix, singular_value=2)), 2, rtol=1e-12)
        np.testing.assert_array_equal(matrix if isinstance(matrix, np.ndarray) else matrix.toarray(), before)
