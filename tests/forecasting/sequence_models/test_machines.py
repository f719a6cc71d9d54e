"""Constructed networks against direct simulation, step by step, and as a recurrent cell."""

import itertools

import numpy as np
import pytest

from forecasting.networks.cells import RNN
from forecasting.networks.cells.base_cell import Output
from forecasting.networks.cells.rnn import RNNParams
from forecasting.sequence_models.machines import (
    ADD,
    BALANCED,
    STEPS,
    Rule,
    answer,
    construct,
    decode,
    encode,
    initial,
    run,
    simulate,
)

WORDS = [list(word) for n in range(7) for word in itertools.product((0, 1), repeat=n)]


def is_balanced(word):
    depth = 0
    for bit in word:
        depth += 2 * bit - 1
        if depth < 0:
            return False
    return depth == 0


def test_stacks_are_numbers():
    for word in WORDS:
        assert decode(encode(word)) == word


@pytest.mark.parametrize(("m", "n"), [(0, 0), (3, 0), (0, 2), (4, 5), (30, 40)])
def test_a_network_adds(m, n):
    network = construct(ADD)
    units = initial(network, "move", ([1] * m + [0] + [1] * n, []))
    assert answer(network, run(network, units, STEPS * (m + n + 2))) == ("done", [], [1] * (m + n))


def test_a_network_accepts_balanced_brackets_and_nothing_else():
    network = construct(BALANCED)
    for word in WORDS:
        units = initial(network, "read", (word, []))
        state, _, _ = answer(network, run(network, units, STEPS * (len(word) + 1)))
        assert state == ("yes" if is_balanced(word) else "no"), word


def test_every_step_is_that_of_the_machine():
    network, word = construct(BALANCED), [1, 1, 0, 1, 0, 0, 0]
    units = initial(network, "read", (word, []))
    for n_steps in range(10):
        assert answer(network, units) == simulate(BALANCED, "read", (word, []), n_steps)
        units = run(network, units, STEPS)


def test_the_network_is_a_recurrent_cell():
    """In float64 for as long as stacks fit into the mantissa: two bits for each of theirs."""
    network, word = construct(ADD), [1] * 8 + [0] + [1] * 9
    exact = initial(network, "move", (word, []))
    state = Output(np.array([exact], dtype=float))
    n_steps = STEPS * (len(word) + 1)
    cell = RNN(len(network.bias), activation="saturated_linear")
    params = RNNParams(np.zeros((1, len(network.bias))), network.weights, network.bias)
    states = cell.forward(params, np.zeros((n_steps, 1, 1)), state).states
    np.testing.assert_array_equal(states[-1, 0], np.array(run(network, exact, n_steps), dtype=float))


def test_rules_must_not_contradict():
    with pytest.raises(ValueError, match=r"two rules answer to \('a', 1, 0\)"):
        construct([Rule("a", (1, None), "a"), Rule("a", (None, 0), "b")])
