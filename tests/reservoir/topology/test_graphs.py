"""Recurrent matrices: every row of the table, their graphs, their options, their errors."""

import inspect
import pickle
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir.topology import (
    TOPOLOGIES,
    ShiftMatrix,
    make_recurrent_weights,
)
from tests import naive
from tests.matrices import as_array, assert_stored_well

# Options besides the defaults; a new row of the table is tested with its defaults by itself.
MORE: list[tuple[str, dict]] = [
    ("random", {"connectivity": 3, "distribution": "sign"}),
    ("random", {"connectivity": 0.2, "distribution": "uniform"}),
    ("random", {"connectivity": 0.8}),
    ("dense", {"distribution": "constant"}),
    ("circular", {"connectivity": 2}),
    ("circular", {"connectivity": 4, "distribution": "constant"}),
    ("ring", {"jump": 5, "jump_weight": 0.4}),
    ("ring", {"jump": 3, "jump_weight": -0.7}),
    ("permutation", {"distribution": "normal"}),
    ("small_world", {"connectivity": 4, "rewiring": 0.0, "distribution": "constant"}),
    ("small_world", {"connectivity": 5, "rewiring": 1.0}),
    ("block", {"n_blocks": 3, "connectivity": 1.0, "links": 2}),
]
CASES = MORE + [(name, {}) for name in TOPOLOGIES]
SIZES = [12, 61, 230]  # the last one goes to the iterations
NILPOTENT = {"delay_line"}

every_case = pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))
every_topology = pytest.mark.parametrize("name", TOPOLOGIES)


# --------------------------------------------------------------------------------------------- every topology


@every_case
@pytest.mark.parametrize("n_units", SIZES)
def test_storage(name, options, n_units):
    matrix = make_recurrent_weights(name, n_units, 0, **options)
    assert_stored_well(matrix, (n_units, n_units))
    density = np.count_nonzero(as_array(matrix)) / n_units**2
    if not isinstance(matrix, ShiftMatrix):
        assert isinstance(matrix, np.ndarray) == (density > 0.3)


@every_case
@pytest.mark.parametrize("n_units", SIZES)
@pytest.mark.parametrize("seed", [0, 1])
def test_scaling_is_exact(name, options, n_units, seed):
    raw = as_array(make_recurrent_weights(name, n_units, seed, **options))
    by_norm = make_recurrent_weights(name, n_units, seed, singular_value=0.7, **options)
    assert_stored_well(by_norm, (n_units, n_units))
    norm = naive.largest_singular_value(as_array(by_norm))
    np.testing.assert_allclose(norm, 0.7, rtol=1e-10)
    np.testing.assert_allclose(as_array(by_norm) * (naive.largest_singular_value(raw) / 0.7), raw, rtol=1e-10)
    if name in NILPOTENT:
        return
    by_radius = make_recurrent_weights(name, n_units, seed, spectral_radius=1.3, **options)
    assert_stored_well(by_radius, (n_units, n_units))
    np.testing.assert_allclose(naive.spectral_radius(as_array(by_radius)), 1.3, rtol=1e-10)


@every_case
def test_radius_zero_is_the_zero_matrix(name, options):
    matrix = make_recurrent_weights(name, 30, 0, spectral_radius=0, **options)
    assert matrix.shape == (30, 30)
    assert not as_array(matrix).any()


@every_case
def test_determined_by_random_state_alone(name, options):
    def draw(seed):
        return as_array(make_recurrent_weights(name, 40, seed, **options))

    before = pickle.dumps(np.random.get_state())
    np.testing.assert_array_equal(draw(3), draw(3))
    np.testing.assert_array_equal(draw(np.random.default_rng(3)), draw(np.random.default_rng(3)))
    assert pickle.dumps(np.random.get_state()) == before
    if (
        name not in {"ring", "delay_line"}
        and options.get("rewiring") != 0.0
        and options != {"distribution": "constant"}
    ):
        assert (draw(3) != draw(4)).any()


@every_topology
def test_smallest_reservoirs(name):
    for n_units in (1, 2, 3):
        if name == "small_world" and n_units == 1:
            with pytest.raises(ValueError, match=r"n_units=1: a small world needs at least 2 units"):
                make_recurrent_weights(name, 1, 0)
            continue
        options = {"n_blocks": n_units} if name == "block" else {}
        matrix = make_recurrent_weights(name, n_units, 0, **options)
        assert_stored_well(matrix, (n_units, n_units))


@every_topology
def test_unknown_option_names_the_allowed_ones(name):
    allowed = list(inspect.signature(TOPOLOGIES[name]).parameters)[2:]
    with pytest.raises(
        TypeError, match=f"topology='{name}' has no option conectivity; its options are"
    ) as error:
        make_recurrent_weights(name, 20, 0, conectivity=3)
    assert all(option in str(error.value) for option in allowed)


@every_topology
def test_connectivity_reaches_those_that_take_it(name):
    takes = "connectivity" in inspect.signature(TOPOLOGIES[name]).parameters
    default = as_array(make_recurrent_weights(name, 40, 0))
    given = as_array(make_recurrent_weights(name, 40, 0, connectivity=2))
    assert (np.count_nonzero(default) != np.count_nonzero(given)) == takes
    if takes:
        assert (np.count_nonzero(given, axis=1) == 2).all()
        for wrong, message in [
            (0, "must lie in"),
            (99, "must lie in"),
            (1.5, "must lie in"),
            (0.0, "must lie in"),
        ]:
            with pytest.raises(ValueError, match=f"connectivity={wrong}.*{message}"):
                make_recurrent_weights(name, 40, 0, connectivity=wrong)
        with pytest.raises(TypeError, match="connectivity='few' must be an int"):
            make_recurrent_weights(name, 40, 0, connectivity="few")


@pytest.mark.parametrize(
    "name", [n for n, f in TOPOLOGIES.items() if "distribution" in str(inspect.signature(f))]
)
def test_distributions(name):
    def nonzero(distribution):
        matrix = as_array(make_recurrent_weights(name, 400, 0, distribution=distribution))
        return matrix[matrix != 0]

    assert (nonzero("constant") == 1).all()
    assert set(nonzero("sign")) == {-1.0, 1.0}
    uniform, normal = nonzero("uniform"), nonzero("normal")
    assert abs(uniform).max() <= 1
    tolerance = 5 / np.sqrt(uniform.size)  # five standard errors and more
    assert abs(uniform.mean()) < tolerance
    assert abs(uniform.var() - 1 / 3) < tolerance
    assert abs(normal.mean()) < tolerance
    assert abs(normal.var() - 1) < 2 * tolerance
    with pytest.raises(
        ValueError, match=r"distribution='cauchy' is unknown; choose one of \['constant', 'normal'"
    ):
        nonzero("cauchy")


# ------------------------------------------------------------------------------------------------- the graphs


def test_random_places_exactly_so_many():
    counted = as_array(make_recurrent_weights("random", 50, 0, connectivity=7))
    assert (np.count_nonzero(counted, axis=1) == 7).all()
    fraction = as_array(make_recurrent_weights("random", 50, 0, connectivity=0.123))
    assert np.count_nonzero(fraction) == round(0.123 * 2500)
    assert len(set(np.count_nonzero(fraction, axis=1))) > 1
    assert np.count_nonzero(as_array(make_recurrent_weights("random", 50, 0, connectivity=1.0))) == 2500


def test_random_places_uniformly():
    rng = np.random.default_rng(0)
    for connectivity in (2, 0.2):
        draws = 600
        hits = sum(
            as_array(make_recurrent_weights("random", 10, rng, connectivity=connectivity)) != 0
            for _ in range(draws)
        )
        assert abs(hits / draws - 0.2).max() < 5 * np.sqrt(0.2 * 0.8 / draws)


@pytest.mark.parametrize("n_units", [2, 12, 36, 100])
def test_circular_is_strongly_connected(n_units):
    for seed in range(20):
        matrix = make_recurrent_weights("circular", n_units, seed, connectivity=2)
        assert len(set(matrix.offsets)) == 2
        graph = sp.csr_array(as_array(matrix) != 0)
        assert sp.csgraph.connected_components(graph, connection="strong")[0] == 1


def test_neighbours_of_a_circle_share_their_weights():
    groups = make_recurrent_weights("circular", 10, 0, connectivity=2, shared=4).weights
    assert (groups[:, :4] == groups[:, :1]).all()
    assert (groups[:, 8:] == groups[:, 8:9]).all()
    assert len(np.unique(groups)) == 2 * 3
    large, small = (make_recurrent_weights("circular", n, 0, connectivity=2).weights for n in (1000, 999))
    assert len(np.unique(large)) == 2 * 63
    assert len(np.unique(small)) == 2 * 999
    with pytest.raises(ValueError, match="shared == 0, must be >= 1"):
        make_recurrent_weights("circular", 10, 0, shared=0)


@pytest.mark.parametrize(("n_units", "jump"), [(5, 2), (6, 2), (7, 3), (9, 3), (20, 7), (21, 7), (20, 9)])
def test_cycle_with_jumps(n_units, jump):
    matrix = make_recurrent_weights("ring", n_units, weight=0.5, jump=jump, jump_weight=-0.25)
    np.testing.assert_array_equal(as_array(matrix), naive.cycle_with_jumps(n_units, jump, 0.5, -0.25))


@pytest.mark.parametrize("jump", [1, 3, 0, -2, 2.5, 2.0])
def test_jump_out_of_range(jump):
    with pytest.raises(ValueError, match=rf"jump={jump} must be an int with 1 < jump < n_units / 2 = 3"):
        make_recurrent_weights("ring", 6, jump=jump)


def test_delay_line():
    n_units = 9
    expected = np.diag(np.full(n_units - 1, 2.0), -1)
    np.testing.assert_array_equal(as_array(make_recurrent_weights("delay_line", n_units, weight=2)), expected)
    expected += np.diag(np.full(n_units - 1, -0.5), 1)
    matrix = make_recurrent_weights("delay_line", n_units, weight=2, feedback=-0.5)
    np.testing.assert_array_equal(as_array(matrix), expected)


@pytest.mark.parametrize("n_units", [5, 1000])
@pytest.mark.parametrize("feedback", [0.3, -0.3])
def test_delay_line_with_feedback_is_scaled_by_its_closed_form(n_units, feedback):
    matrix = make_recurrent_weights("delay_line", n_units, spectral_radius=0.9, feedback=feedback)
    forward, backward = abs(matrix.weights[0, 1]), abs(matrix.weights[1, 0])
    radius = 2 * np.sqrt(forward * backward) * np.cos(np.pi / (n_units + 1))
    np.testing.assert_allclose(radius, 0.9, rtol=1e-13)
    np.testing.assert_allclose(backward / forward, 0.3, rtol=1e-13)


def test_orthogonal_follows_the_haar_measure():
    matrix = make_recurrent_weights("orthogonal", 40, 0)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(40), atol=1e-14)
    rng = np.random.default_rng(0)
    traces = [np.trace(make_recurrent_weights("orthogonal", 3, rng)) for _ in range(2000)]
    assert abs(np.mean(traces)) < 5 / np.sqrt(2000)  # mean 0 and variance 1: Diaconis and Mallows (1986)
    assert abs(np.var(traces) - 1) < 0.2


def test_permutation():
    graph = as_array(make_recurrent_weights("permutation", 30, 0, distribution="normal")) != 0
    assert (graph.sum(axis=0) == 1).all()
    assert (graph.sum(axis=1) == 1).all()


def test_small_world_rewires_the_asked_fraction():
    n_units, n_inputs = 200, 6
    lattice = as_array(make_recurrent_weights("small_world", n_units, 0, connectivity=6, rewiring=0.0)) != 0
    i, j = np.nonzero(lattice)
    distance = np.minimum((i - j) % n_units, (j - i) % n_units)
    assert set(distance) == {1, 2, 3}
    for rewiring in (0.1, 0.5, 1.0):
        graph = as_array(
            make_recurrent_weights("small_world", n_units, 0, connectivity=n_inputs, rewiring=rewiring)
        )
        graph = graph != 0
        assert (graph.sum(axis=1) == n_inputs).all()
        assert not graph.diagonal().any()
        moved = (graph & ~lattice).sum() / graph.sum()
        # A rewired connection may land on a place of the lattice that another one has left.
        assert abs(moved - rewiring) < 5 * np.sqrt(0.25 / graph.sum()) + 0.04 * rewiring
    with pytest.raises(ValueError, match=r"rewiring=1.5 is a probability"):
        make_recurrent_weights("small_world", 20, 0, rewiring=1.5)


def test_block_separates_and_links_clusters():
    block = np.repeat([0, 1, 2], [4, 3, 3])
    inside = block[:, None] == block
    alone = as_array(make_recurrent_weights("block", 10, 0, n_blocks=3, connectivity=2))
    assert not alone[~inside].any()
    linked = as_array(
        make_recurrent_weights(
            "block", 10, 0, n_blocks=3, connectivity=2, links=3, link_scaling=0.25, distribution="sign"
        )
    )
    np.testing.assert_array_equal(np.count_nonzero(np.where(inside, linked, 0), axis=1), 2)
    np.testing.assert_array_equal(np.count_nonzero(np.where(inside, 0, linked), axis=1), 3)
    assert set(abs(linked[~inside])) == {0.0, 0.25}
    for n_blocks in (0, 11, 2.5, 4.0):
        with pytest.raises(ValueError, match=rf"n_blocks={n_blocks} must be an int in \[1, n_units = 10\]"):
            make_recurrent_weights("block", 10, 0, n_blocks=n_blocks)
    with pytest.raises(ValueError, match="links=2 needs at least 2 clusters"):
        make_recurrent_weights("block", 10, 0, n_blocks=1, links=2)
    with pytest.raises(ValueError, match=r"^links=8 inputs per unit must lie in \[1, 5\]"):
        make_recurrent_weights("block", 10, 0, n_blocks=2, links=8)


@pytest.mark.parametrize("name", ["circular", "random"])
def test_twenty_thousand_units(name):
    tracemalloc.start()
    matrix = make_recurrent_weights(name, 20_000, 0, spectral_radius=0.9, connectivity=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert matrix.nnz == 200_000
    assert peak < 500e6


# --------------------------------------------------------------------------------- matrices and functions of users


OWN = np.array([[0.0, 2.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.5]])


@pytest.mark.parametrize(
    "wrap",
    [np.array, np.asfortranarray, sp.csr_array, sp.csc_matrix, sp.coo_array, np.ndarray.tolist],
    ids=lambda wrap: wrap.__name__,
)
def test_own_matrix(wrap):
    own = wrap(OWN)
    matrix = make_recurrent_weights(own, 4, 0, spectral_radius=0.5, connectivity=10)
    assert_stored_well(matrix, (4, 4))
    np.testing.assert_allclose(as_array(matrix), OWN * 0.5 / 2 ** (1 / 3))
    np.testing.assert_array_equal(own.toarray() if sp.issparse(own) else own, OWN)
    unscaled = make_recurrent_weights(own, 4)
    np.testing.assert_array_equal(as_array(unscaled), OWN)
    (unscaled.data if sp.issparse(unscaled) else unscaled)[:] = 7.0
    np.testing.assert_array_equal(own.toarray() if sp.issparse(own) else own, OWN)


def test_own_shift_matrix():
    own = ShiftMatrix([1, 2], [[1.0, 2, 3, 4], [0.5, 0.5, 0.5, 0.5]])
    matrix = make_recurrent_weights(own, 4, spectral_radius=0.5)
    np.testing.assert_allclose(naive.spectral_radius(matrix.toarray()), 0.5)
    assert own.weights[0, 3] == 4
    assert not np.shares_memory(make_recurrent_weights(own, 4).weights, own.weights)
    with pytest.raises(
        ValueError, match=r"topology: a matrix of shape \(4, 4\) was given, \(5, 5\) is needed"
    ):
        make_recurrent_weights(own, 5)


def test_own_function():
    def clipped(n_units, rng, *, limit=1.0):
        return np.clip(rng.standard_normal((n_units, n_units)), -limit, limit)

    matrix = make_recurrent_weights(clipped, 10, 0, limit=0.5, connectivity=3)
    assert abs(matrix).max() == 0.5
    with pytest.raises(TypeError, match="topology=clipped has no option limitt; its options are"):
        make_recurrent_weights(clipped, 10, 0, limitt=0.5)
    with pytest.raises(ValueError, match=r"topology=<lambda>: a matrix of shape \(2, 3\) was given"):
        make_recurrent_weights(lambda n_units, rng: np.ones((2, 3)), 2)

    def takes_all(n_units, rng, **options):
        return np.full((n_units, n_units), options["connectivity"] + options["more"])

    assert make_recurrent_weights(takes_all, 2, connectivity=3, more=4)[0, 0] == 7


@pytest.mark.parametrize(
    ("topology", "options", "error", "message"),
    [
        ("rnadom", {}, ValueError, "topology='rnadom' is unknown; choose one of .*'random'"),
        (OWN[:3], {}, ValueError, r"topology: a matrix of shape \(3, 4\) was given, \(4, 4\) is needed"),
        (OWN * np.nan, {}, ValueError, "topology: the matrix contains NaN or infinity"),
        (sp.csr_array([[np.inf] * 4] * 4), {}, ValueError, "topology: the matrix contains NaN or infinity"),
        (OWN * 1j, {}, TypeError, "topology: a matrix must hold real numbers, got dtype complex128"),
        (OWN, {"distribution": "sign"}, TypeError, r"own matrix takes no options; got \['distribution'\]"),
        ("dense", {"spectral_radius": 1, "singular_value": 1}, ValueError, "exclude each other; set one"),
        (
            "dense",
            {"spectral_radius": -1},
            ValueError,
            "spectral_radius=-1 must be a finite number of at least 0",
        ),
        ("dense", {"singular_value": np.inf}, ValueError, "singular_value=inf must be a finite number"),
        ("dense", {"spectral_radius": "1"}, ValueError, "spectral_radius='1' must be a finite number"),
        (
            "delay_line",
            {"spectral_radius": 0.9},
            ValueError,
            "'delay_line'.*by singular_value.*feedback weight",
        ),
        (np.triu(OWN, 1), {"spectral_radius": 0.9}, ValueError, "every eigenvalue is 0"),
        (0 * OWN, {"singular_value": 0.9}, ValueError, "cannot be reached: all its weights are 0"),
        ("circular", {"connectivity": 0.1}, ValueError, "connectivity=0.1 of 4 rounds to no input at all"),
    ],
)
def test_errors_name_the_remedy(topology, options, error, message):
    with pytest.raises(error, match=message):
        make_recurrent_weights(topology, 4, 0, **options)


@pytest.mark.parametrize("n_units", [0, -3, 2.0, True, None])
def test_number_of_units_is_checked(n_units):
    with pytest.raises(ValueError, match=f"n_units={n_units} must be an int of at least 1"):
        make_recurrent_weights("random", n_units)
