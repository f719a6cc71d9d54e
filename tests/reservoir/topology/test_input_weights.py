"""Input weights: every row of the table, their options, their errors."""

import numpy as np
import pytest
import scipy.sparse as sp

from reservoir import EchoState, EulerState, SpikingUnits
from reservoir.topology import (
    INPUT_WEIGHTS,
    make_input_weights,
)
from reservoir.topology.input_weights import pi_digits
from tests import naive
from tests.matrices import as_array, assert_stored_well


@pytest.mark.parametrize("kind", INPUT_WEIGHTS)
@pytest.mark.parametrize(("n_units", "n_inputs"), [(1, 1), (50, 1), (50, 3), (3, 20), (40, 40)])
def test_input_weights(kind, n_units, n_inputs):
    matrix = make_input_weights(kind, n_units, n_inputs, 0)
    assert_stored_well(matrix, (n_units, n_inputs))
    weights = as_array(matrix)
    if kind != "normal":
        assert abs(weights).max() <= 1
    np.testing.assert_array_equal(as_array(make_input_weights(kind, n_units, n_inputs, 0)), weights)
    np.testing.assert_array_equal(
        as_array(make_input_weights(kind, n_units, n_inputs, 0, scaling=0.25)), weights / 4
    )
    scaling = np.linspace(0.5, 2, n_inputs)
    each = make_input_weights(kind, n_units, n_inputs, 0, scaling=scaling)
    np.testing.assert_array_equal(as_array(each), weights * scaling)


@pytest.mark.parametrize("kind", ["uniform", "normal", "sign", "sparse"])
def test_input_connectivity(kind):
    by_unit = as_array(make_input_weights(kind, 30, 20, 0, connectivity=3))
    assert (np.count_nonzero(by_unit, axis=1) == 3).all()
    assert np.count_nonzero(as_array(make_input_weights(kind, 30, 20, 0, connectivity=0.25))) == 150
    default = as_array(make_input_weights(kind, 30, 20, 0))
    assert np.count_nonzero(default) == (60 if kind == "sparse" else 600)
    with pytest.raises(ValueError, match=r"^input_connectivity=21 inputs per unit must lie in \[1, 20\]"):
        make_input_weights(kind, 30, 20, 0, connectivity=21)


def test_signs_follow_the_digits_of_pi():
    signs = make_input_weights("cycle_sign", 20, 2, scaling=0.5)
    np.testing.assert_array_equal(signs.T.ravel(), 0.5 * naive.signs_of_pi(40))
    digits = pi_digits(10_000)
    assert (digits[761:767] == 9).all()  # the six nines from place 762 on
    # Published frequencies of the digits 0 to 9 among the first ten thousand.
    np.testing.assert_array_equal(
        np.bincount(digits), [968, 1026, 1021, 974, 1012, 1046, 1021, 970, 948, 1014]
    )


@pytest.mark.parametrize(("n_units", "n_inputs"), [(12, 3), (13, 5), (3, 7)])
def test_one_input_per_unit(n_units, n_inputs):
    heard = as_array(make_input_weights("one_per_unit", n_units, n_inputs, 0)) != 0
    assert (heard.sum(axis=1) == 1).all()
    assert np.ptp(heard.sum(axis=0)) <= 1


def test_neighbouring_inputs():
    heard = as_array(make_input_weights("neighbours", 400, 24, 0, connectivity=5)) != 0
    first = heard.argmax(axis=1)
    for row, begin in zip(heard, first):
        assert row.tolist() == [begin <= i < begin + 5 for i in range(24)]
    assert set(first) == set(range(20))  # every run, and each about as often
    assert np.bincount(first).max() < 3 * np.bincount(first).min() + 10
    assert np.count_nonzero(as_array(make_input_weights("neighbours", 7, 24, 0))) == 70
    assert np.count_nonzero(as_array(make_input_weights("neighbours", 7, 24, 0, connectivity=0.25))) == 42
    with pytest.raises(ValueError, match=r"^input_connectivity=25 inputs per unit must lie in \[1, 24\]"):
        make_input_weights("neighbours", 7, 24, 0, connectivity=25)


def test_own_input_weights():
    own = np.arange(6.0).reshape(3, 2)
    matrix = make_input_weights(own, 3, 2, scaling=[1, 10])
    np.testing.assert_array_equal(matrix, own * [1, 10])
    np.testing.assert_array_equal(own, np.arange(6.0).reshape(3, 2))
    sparse = sp.csr_array(np.eye(5))
    np.testing.assert_array_equal(make_input_weights(sparse, 5, 5, scaling=3).toarray(), 3 * np.eye(5))
    np.testing.assert_array_equal(sparse.toarray(), np.eye(5))


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        ("unifrom", {}, "input weights 'unifrom' are unknown; choose one of .*'uniform'"),
        (
            "one_per_unit",
            {"connectivity": 3},
            "input_connectivity=3 has no meaning .* 'one_per_unit': leave it out",
        ),
        (
            np.ones((5, 2)),
            {"connectivity": 0.5},
            "input_connectivity=0.5 has no meaning .* a matrix: leave it out",
        ),
        (np.ones((2, 2)), {}, r"input weights: a matrix of shape \(2, 2\) was given, \(5, 2\) is needed"),
        (np.full((5, 2), np.nan), {}, "input weights: the matrix contains NaN"),
        (
            "uniform",
            {"scaling": [1, 2, 3]},
            r"^input_scaling=\[1, 2, 3\] must be a finite number or one number for each of the 2 inputs",
        ),
        ("uniform", {"scaling": np.nan}, "input_scaling=nan must be a finite number"),
    ],
)
def test_input_weights_errors(kind, options, message):
    with pytest.raises(ValueError, match=message):
        make_input_weights(kind, 5, 2, 0, **options)


@pytest.mark.parametrize("kind", [EchoState, EulerState, SpikingUnits])
def test_options_are_not_parameters_of_the_reservoir(kind):
    with pytest.raises(
        ValueError, match=r"topology_options=.* holds connectivity: that is set by the reservoir's own"
    ):
        kind(20, topology_options={"connectivity": 3}).fit([[0.0]])
    with pytest.raises(TypeError, match="topology='random' has no option jump"):
        kind(20, topology_options={"jump": 3}).fit([[0.0]])
