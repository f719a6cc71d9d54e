"""Layers: gradients of all of them, padding that changes nothing, steps that equal whole runs."""

import numpy as np
import pytest

from forecasting.networks.cells import GRU, LSTM, RNN
from forecasting.networks.cells.leaky_rnn import LeakyRNN
from forecasting.networks.cells.wave_net import WaveNet
from forecasting.networks.parameters import arrays_of
from forecasting.sequence_models.layers.base_layer import Dense, Recurrent
from forecasting.sequence_models.layers.combinators import (
    Chain,
    Dilated,
    Dropout,
    Residual,
    Reverse,
    SideBySide,
    bidirectional,
    repeated,
)
from forecasting.sequence_models.layers.embedding import Embedding, Softmax
from forecasting.sequence_models.layers.padding import buckets, is_there, masked_loss, pad, reversed_in_time
from forecasting.sequence_models.layers.pen_mixture import PenMixture
from forecasting.sequence_models.layers.pooling import POOLINGS, BothEnds
from tests import naive_sequences as naive
from tests.gradients import assert_gradient, shaken

N_STEPS, N_SERIES, N_FEATURES = 7, 3, 2
LENGTHS = np.array([7, 4, 1])

CAUSAL = {
    "dense": Dense(3, activation="tanh"),
    "sigmoid": Dense(3, activation="sigmoid"),
    "recurrent": Recurrent(RNN(3)),
    "leaky": Recurrent(LeakyRNN(3)),
    "wave net": Recurrent(WaveNet(3, n_channels=2, kernel_size=3, dilations=(1, 2))),
    "deep": Chain([Recurrent(GRU(3)), Residual(Recurrent(LSTM(3))), Dense(2)]),
    "dilated": Dilated(Recurrent(RNN(3)), 3),
    "side by side": SideBySide([Recurrent(RNN(2)), Dense(3)]),
    "dropout": Chain([Dropout(0.3), Dense(2)]),
}
LAYERS = {
    **CAUSAL,
    "reverse": Reverse(Recurrent(RNN(3))),
    "bidirectional": bidirectional(Recurrent(LSTM(2))),
    "bidirectional sum": bidirectional(Recurrent(GRU(3)), merge="sum"),
    "both ends": Chain([bidirectional(Recurrent(RNN(2))), BothEnds()]),
    **{f"pooling {name}": Chain([Recurrent(RNN(3)), pooling()]) for name, pooling in POOLINGS.items()},
}


def block(seed=0):
    """A block with zeros after the end of each series."""
    x = np.random.default_rng(seed).standard_normal((N_STEPS, N_SERIES, N_FEATURES))
    return x * is_there(LENGTHS, N_STEPS, N_SERIES)[..., np.newaxis]


def parameters(layer, n_features=N_FEATURES):
    return shaken(layer.init_params(n_features, np.random.default_rng(1), np.float64))


def weighted(layer, params, x, seed=2):
    """A loss that sees every number of every step that is there, and its gradient."""
    y, tape = layer.forward(params, x, LENGTHS)
    weights = np.random.default_rng(seed).standard_normal(y.shape)
    if y.ndim == 3:
        weights *= is_there(LENGTHS, *y.shape[:2])[..., np.newaxis]
    return float((weights * y).sum()), lambda: layer.backward(params, tape, weights)


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_gradient(layer):
    x = block()
    params = parameters(layer)
    grads, grad_x = weighted(layer, params, x)[1]()
    if params:
        assert_gradient(lambda tree: weighted(layer, tree, x)[0], params, grads)
    assert_gradient(lambda tree: weighted(layer, params, tree[0])[0], (x,), (grad_x,))


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
def test_padding_changes_nothing(layer):
    """Every series alone, without padding, gives the same; and nothing flows out of padding."""
    x = block()
    params = parameters(layer)
    y, _ = layer.forward(params, x, LENGTHS)
    for i, length in enumerate(LENGTHS):
        alone = layer.forward(params, x[:length, i : i + 1].copy()).outputs
        mine = y[:length, i : i + 1] if y.ndim == 3 else y[i : i + 1]
        np.testing.assert_allclose(mine, alone, rtol=1e-12, atol=1e-14)
    grad_x = weighted(layer, params, x)[1]()[1]
    np.testing.assert_array_equal(grad_x[~is_there(LENGTHS, N_STEPS, N_SERIES)], 0)


@pytest.mark.parametrize("layer", CAUSAL.values(), ids=CAUSAL)
def test_steps_equal_the_whole_run(layer):
    x = block()
    params = parameters(layer)
    whole, state = layer.forward(params, x).outputs, layer.start(params, N_SERIES)
    for t in range(N_STEPS):
        y, state = layer.step(params, x[t], state)
        np.testing.assert_allclose(y, whole[t], rtol=1e-12, atol=1e-14)


def test_whole_sequences_do_not_go_step_by_step():
    layer = bidirectional(Recurrent(RNN(2)))
    params = parameters(layer)
    with pytest.raises(TypeError, match="Reverse needs whole sequences"):
        layer.step(params, block()[0], layer.start(params, N_SERIES))


def test_a_reversed_network_hears_reversed_series():
    layer = Recurrent(GRU(3))
    params, x = parameters(layer), block()
    turned = Reverse(layer).forward(params, reversed_in_time(x, LENGTHS), LENGTHS).outputs
    expected = reversed_in_time(layer.forward(params, x, LENGTHS).outputs, LENGTHS)
    np.testing.assert_array_equal(turned, expected)


def test_a_bidirectional_network_is_symmetric():
    """Turning the series round and swapping the parameters of both directions turns the outputs round."""
    layer = bidirectional(Recurrent(RNN(3)))
    (one, other), x = parameters(layer), block()
    y = layer.forward((one, other), x, LENGTHS).outputs
    turned = layer.forward((other, one), reversed_in_time(x, LENGTHS), LENGTHS).outputs
    turned = reversed_in_time(turned, LENGTHS)
    np.testing.assert_array_equal(np.concatenate([turned[..., 3:], turned[..., :3]], axis=2), y)


def test_dilated_by_hand():
    layer = Recurrent(RNN(3))
    params, x = parameters(layer), block()
    y = Dilated(layer, 2).forward(params, x).outputs
    for first in (0, 1):
        np.testing.assert_array_equal(y[first::2], layer.forward(params, x[first::2].copy()).outputs)


def test_repeated_layers_are_copies():
    network = repeated(Recurrent(RNN(2)), 2)
    assert network.layers[0] is not network.layers[1]
    assert [p.input_weights.shape for p in parameters(network)] == [(2, 2), (2, 2)]


def test_dropout_keeps_the_mean_and_its_gradient_its_mask():
    layer, x = Dropout(0.4), np.ones((200, 20, 5))
    y, tape = layer.forward((), x, None, np.random.default_rng(0))
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.6], rtol=1e-12)
    assert abs(y.mean() - 1) < 0.02
    np.testing.assert_array_equal(layer.backward((), tape, x)[1], y)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (SideBySide([Dense(2), Dense(3)], merge="sum"), r"layers of one width, got \[2, 3\]"),
        (Residual(Dense(3)), "as wide as its inputs, 2; got 3"),
        (Recurrent(WaveNet(3, dilations=())), r"dilations=\(\) must be at least one"),
        (
            Recurrent(WaveNet(3, dilations=(1, 1.5))),
            r"dilations=\(1, 1.5\) must be .* whole numbers of 1 or more",
        ),
    ],
)
def test_layers_that_do_not_fit(layer, message):
    with pytest.raises(ValueError, match=message):
        layer.init_params(N_FEATURES, np.random.default_rng(0))


def test_embedding():
    layer = Chain([Embedding(3), Recurrent(RNN(2))])
    symbols = np.random.default_rng(0).integers(0, 4, (N_STEPS, N_SERIES))
    params = parameters(layer, 4)
    grads, grad_x = weighted(layer, params, symbols)[1]()
    assert grad_x is None
    assert_gradient(lambda tree: weighted(layer, tree, symbols)[0], params, grads)
    np.testing.assert_array_equal(Embedding(3).forward(params[0], symbols).outputs, params[0][0][symbols])


def test_softmax():
    rng = np.random.default_rng(0)
    raw, y = rng.standard_normal((N_STEPS, N_SERIES, 4)), rng.integers(0, 4, (N_STEPS, N_SERIES))
    there = is_there(LENGTHS, N_STEPS, N_SERIES)
    loss, grad = masked_loss(Softmax(), raw, y, there)
    expected = [
        np.log(np.exp(raw[t, i]).sum()) - raw[t, i, y[t, i]]
        for i in range(N_SERIES)
        for t in range(LENGTHS[i])
    ]
    assert loss == pytest.approx(np.mean(expected), rel=1e-12)
    assert_gradient(lambda tree: masked_loss(Softmax(), tree[0], y, there)[0], (raw,), (grad,))
    drawn = Softmax().sample(np.tile(np.log([0.1, 0.2, 0.7]), (20000, 1)), rng)
    np.testing.assert_allclose(np.bincount(drawn) / 20000, [0.1, 0.2, 0.7], atol=0.01)
    assert Softmax().sample(np.array([[0.0, 1.0]]), rng, temperature=1e-3)[0] == 1


def test_pen_mixture():
    rng = np.random.default_rng(0)
    head = PenMixture(3)
    raw = rng.standard_normal((5, head.n_outputs))
    y = np.column_stack([rng.standard_normal((5, 2)), [0, 1, 0, 0, 1]])
    loss, grad = head.loss_and_grad(raw, y)
    assert loss == pytest.approx(np.mean([naive.pen_mixture(r, t) for r, t in zip(raw, y)]), rel=1e-12)
    assert_gradient(lambda tree: head.loss_and_grad(tree[0], y)[0], (raw,), (grad,))


def test_pen_mixture_draws_what_it_says():
    raw = np.tile([1.0, 0.0, 2.0, 0.5, np.log(0.3), np.log(2.0), np.arctanh(0.6)], (40000, 1))
    drawn = PenMixture(1).sample(raw, np.random.default_rng(0))
    np.testing.assert_allclose(drawn.mean(axis=0), [2.0, 0.5, 1 / (1 + np.exp(-1))], atol=0.04)
    np.testing.assert_allclose(drawn[:, :2].std(axis=0), [0.3, 2.0], rtol=0.03)
    assert abs(np.corrcoef(drawn[:, 0], drawn[:, 1])[0, 1] - 0.6) < 0.02


def test_wave_net_equals_its_twin_and_sees_its_receptive_field():
    cell = WaveNet(3, n_channels=2, kernel_size=3, dilations=(1, 2))
    params, x = parameters(Recurrent(cell)), np.random.default_rng(0).standard_normal((20, 1, 2))
    states = cell.forward(params, x).states
    np.testing.assert_allclose(
        states[:, 0], naive.wave_net(params, x[:, 0], 3, (1, 2)), rtol=1e-12, atol=1e-14
    )
    other = x.copy()
    other[5] += 1
    moved = np.flatnonzero(np.abs(cell.forward(params, other).states - states).max(axis=(1, 2)) > 0)
    assert (moved.min(), moved.max()) == (5, 5 + cell.receptive_field - 1)


def test_wave_net_goes_on_from_its_state():
    cell = WaveNet(3, n_channels=2, dilations=(1, 2, 4))
    params, x = parameters(Recurrent(cell)), block()
    whole = cell.forward(params, x)
    first = cell.forward(params, x[:3].copy())
    second = cell.forward(params, x[3:].copy(), first.final_state)
    np.testing.assert_allclose(np.concatenate([first.states, second.states]), whole.states, rtol=1e-12)
    with pytest.raises(ValueError, match="state must be a WaveNetState of arrays"):
        cell.forward(params, x, first.final_state._replace(pasts=()))


def test_gradients_from_state_to_state():
    cell = WaveNet(3, n_channels=2, dilations=(1, 4))
    params, x = parameters(Recurrent(cell)), block()
    start = shaken(cell.zero_state(N_SERIES, np.float64), 5)
    weights = shaken(cell.zero_state(N_SERIES, np.float64), 6)

    def loss(tree):
        final = cell.forward(params, x, tree).final_state
        return float(sum((one * other).sum() for one, other in zip(arrays_of(final), arrays_of(weights))))

    tape = cell.forward(params, x, start)
    _, _, grad = cell.backward(params, x, tape, None, weights)
    assert_gradient(loss, start, grad)


def test_padding_and_buckets():
    x, lengths = pad([np.ones((2, 3)), np.ones((5, 3))])
    assert x.shape == (5, 2, 3)
    assert x.sum() == 21
    assert lengths.tolist() == [2, 5]
    batches = buckets(np.array([9, 1, 8, 2, 7]), 2, np.random.default_rng(0))
    assert sorted(sorted(batch.tolist()) for batch in batches) == [[0], [1, 3], [2, 4]]
