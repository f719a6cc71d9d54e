"""Attention, decoders and the network that writes: gradients as a whole, padding, teacher forcing = free run."""

import numpy as np
import pytest

from forecasting.networks.cells import CELLS, GRU, LSTM, RNN
from forecasting.sequence_models.layers.attention import Attention
from forecasting.sequence_models.layers.base_layer import Dense, Recurrent
from forecasting.sequence_models.layers.combinators import Chain, bidirectional
from forecasting.sequence_models.layers.decoder import AttentionDecoder, ContextDecoder
from forecasting.sequence_models.layers.embedding import Embedding, Softmax
from forecasting.sequence_models.layers.padding import is_there
from forecasting.sequence_models.layers.pen_mixture import PenMixture
from forecasting.sequence_models.layers.pooling import LastStep
from forecasting.sequence_models.layers.writer import SequencePairs, Writer
from tests import naive_sequences as naive
from tests.gradients import assert_gradient, shaken

N_PLACES, N_STEPS, N_SERIES = 5, 4, 3
PLACES, STEPS = np.array([5, 3, 1]), np.array([4, 2, 3])
N_SYMBOLS, N_WRITTEN = 4, 3


def batch(vectors=False, numbers=False, seed=0):
    rng = np.random.default_rng(seed)
    if numbers:
        target = rng.standard_normal((N_STEPS, N_SERIES, 3))
        target[..., 2] = rng.integers(0, 2, (N_STEPS, N_SERIES))
    else:
        target = rng.integers(0, N_WRITTEN, (N_STEPS, N_SERIES))
    target[~is_there(STEPS, N_STEPS, N_SERIES)] = 0
    if vectors:
        return SequencePairs(rng.standard_normal((N_SERIES, 2)), None, target, STEPS)
    source = rng.integers(0, N_SYMBOLS, (N_PLACES, N_SERIES))
    return SequencePairs(source * is_there(PLACES, N_PLACES, N_SERIES), PLACES, target, STEPS)


def writer(kind, cell=None, numbers=False):
    cell = cell or GRU(3)
    head, n_outputs, n_heard = (PenMixture(2), 13, 3) if numbers else (Softmax(), N_WRITTEN, N_WRITTEN)
    heard = Dense(2, activation="tanh") if numbers else Embedding(2)
    if kind == "attention":
        encoder = Chain([Embedding(2), bidirectional(Recurrent(RNN(2)))])
        return Writer(
            encoder,
            N_SYMBOLS,
            heard,
            n_heard,
            AttentionDecoder(cell, Attention(3, location=True)),
            head,
            n_outputs,
        )
    if kind == "vector":
        return Writer(Dense(3, activation="tanh"), 2, heard, n_heard, ContextDecoder(cell), head, n_outputs)
    encoder = Chain([Embedding(2), Recurrent(RNN(3)), LastStep()])
    return Writer(encoder, N_SYMBOLS, heard, n_heard, ContextDecoder(cell, context_to=kind), head, n_outputs)


KINDS = ["state", "inputs", "both", "vector", "attention"]


def parameters(network):
    return shaken(network.init_params(np.random.default_rng(1), np.float64), 2)


@pytest.mark.parametrize("numbers", [False, True], ids=["symbols", "numbers"])
@pytest.mark.parametrize("kind", KINDS)
def test_gradient_of_the_whole(kind, numbers):
    network, data = writer(kind, numbers=numbers), batch(kind == "vector", numbers)
    params = parameters(network)
    loss, grads = network.loss_and_grad(params, data)
    assert loss == pytest.approx(network.loss(params, data), rel=1e-12)
    assert_gradient(lambda tree: network.loss(tree, data), params, grads)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["both", "attention"])
def test_gradient_with_every_cell(kind, cell):
    network, data = writer(kind, CELLS[cell](n_units=2)), batch()
    params = parameters(network)
    assert_gradient(lambda tree: network.loss(tree, data), params, network.loss_and_grad(params, data)[1])


@pytest.mark.parametrize("cell", [GRU(3), LSTM(3)], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_teacher_forcing_equals_a_free_run_that_writes_the_targets(kind, cell):
    network, data = writer(kind, cell), batch(kind == "vector")
    params = parameters(network)
    raw, _ = network.raw(params, data)
    state = network.start(params, data.source, data.source_lengths)
    written = np.zeros(N_SERIES, int)
    for t in range(N_STEPS):
        own, state = network.step(params, written, state)
        np.testing.assert_allclose(own, raw[t], rtol=1e-11, atol=1e-13)
        written = data.target[t]


@pytest.mark.parametrize("kind", ["both", "attention"])
def test_padding_changes_nothing(kind):
    network, data = writer(kind), batch()
    params = parameters(network)
    raw, alignment = network.raw(params, data)
    for i in range(N_SERIES):
        source, target = data.source[: PLACES[i], i : i + 1], data.target[: STEPS[i], i : i + 1]
        alone, looked = network.raw(params, SequencePairs(source, None, target, STEPS[i : i + 1]))
        np.testing.assert_allclose(raw[: STEPS[i], i], alone[:, 0], rtol=1e-12, atol=1e-14)
        if alignment is not None:
            np.testing.assert_allclose(
                alignment[i, : STEPS[i], : PLACES[i]], looked[0], rtol=1e-11, atol=1e-13
            )
            assert (alignment[i, :, PLACES[i] :] == 0).all()


@pytest.mark.parametrize("location", [False, True])
def test_attention_equals_its_twin(location):
    rng = np.random.default_rng(0)
    attention = Attention(4, location=location)
    params = shaken(attention.init_params(3, 2, rng, np.float64))
    queries, memory = rng.standard_normal((6, 1, 3)), rng.standard_normal((5, 1, 2))
    tape = attention.forward(params, queries, attention.read(params, memory))
    context, weights = naive.attention(params, queries[:, 0], memory[:, 0])
    np.testing.assert_allclose(tape.context[:, 0], context, rtol=1e-12)
    np.testing.assert_allclose(tape.weights[0], weights, rtol=1e-12)


@pytest.mark.parametrize("location", [False, True])
def test_gradient_of_attention(location):
    rng = np.random.default_rng(0)
    attention = Attention(4, location=location)
    params = shaken(attention.init_params(3, 2, rng, np.float64))
    queries, memory = rng.standard_normal((4, 3, 3)), rng.standard_normal((5, 3, 2))
    weights = rng.standard_normal((4, 3, 2))

    def loss(tree):
        own, asked, block = tree
        return float(
            (attention.forward(own, asked, attention.read(own, block, PLACES)).context * weights).sum()
        )

    tape = attention.forward(params, queries, attention.read(params, memory, PLACES))
    assert_gradient(loss, (params, queries, memory), attention.backward(params, tape, weights))
