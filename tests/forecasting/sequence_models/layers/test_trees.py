"""Recursive networks: their twin, gradients through structure, batches of different trees, a chain as a sequence."""

import numpy as np
import pytest

from forecasting.networks.cells import RNN
from forecasting.networks.cells.rnn import RNNParams
from forecasting.sequence_models.layers.trees import Composition, plant
from tests import naive_sequences as naive
from tests.gradients import assert_gradient, shaken

CODES = {"a": 0, "b": 1, "not": 2, "if": 3}
TREES = ["a", ("not", "b"), ("if", ("not", "a"), "b", ("not", ("not", "a"))), ("if", "a", "a", "b")]


def parts(n_units=3, arity=3):
    layer = Composition(n_units, arity=arity)
    return layer, shaken(layer.init_params(len(CODES), np.random.default_rng(0), np.float64))


def test_batches_of_different_trees_equal_the_recursion():
    layer, params = parts()
    roots = layer.forward(params, plant(TREES, CODES, 3)).outputs
    expected = [naive.tree(params, tree, CODES) for tree in TREES]
    np.testing.assert_allclose(roots, expected, rtol=1e-12)


def test_gradient_through_structure():
    layer, params = parts()
    forest = plant(TREES, CODES, 3)
    weights = np.random.default_rng(1).standard_normal((len(TREES), 3))
    tape = layer.forward(params, forest).tape
    grads = layer.backward(params, tape, weights)
    assert_gradient(lambda tree: float((layer.forward(tree, forest).outputs * weights).sum()), params, grads)


def test_a_chain_is_a_sequence():
    layer, params = parts(arity=1)
    symbols = ["a", "not", "if", "b", "not"]
    tree = symbols[0]
    for symbol in symbols[1:]:
        tree = (symbol, tree)
    root = layer.forward(params, plant([tree], CODES, 1)).outputs[0]
    x = np.eye(len(CODES))[[CODES[symbol] for symbol in symbols]][:, np.newaxis]
    states = RNN(3).forward(RNNParams(params.symbols, params.weights, params.bias), x).states
    np.testing.assert_allclose(root, states[-1, 0], rtol=1e-12)


def test_deep_trees_need_no_recursion():
    layer, params = parts(arity=1)
    tree = "a"
    for _ in range(5000):
        tree = ("not", tree)
    assert np.isfinite(layer.forward(params, plant([tree], CODES, 1)).outputs).all()


@pytest.mark.parametrize(
    ("tree", "message"),
    [(("not", "c"), "symbol 'c' did not occur"), (("not", "a", "a", "a"), "'not' has 3 children")],
)
def test_trees_that_do_not_fit(tree, message):
    with pytest.raises(ValueError, match=message):
        plant([tree], CODES, 2)
