"""The network of the recurrent forecasters: gradients, shapes, and equality of its ways to forecast."""

import numpy as np
import pytest

from forecasting.networks.cells import CELLS
from forecasting.networks.heads import HEADS, make_head
from forecasting.networks.parameters import ParameterVector, arrays_of
from forecasting.networks.stack import Stack
from forecasting.recurrent.window_network import Network, loss_and_grad, predict_raw, run_free, scaled
from forecasting.recurrent.windows import WindowBatch, WindowScale

WINDOW, N_WINDOWS = 8, 3
STRATEGIES = {
    "recursive": {"strategy": "recursive"},
    "direct": {"strategy": "direct"},
    "direct, in segments": {"strategy": "direct", "segment_length": 4, "projection": 5, "linear_skip": True},
    "segments": {"strategy": "segments", "segment_length": 2, "projection": 4},
    "segments, raw": {"strategy": "segments", "segment_length": 4, "linear_skip": True},
}


def network(
    n_targets=2, n_exog=1, cell="gru", head="squared", horizon=5, n_layers=1, residual=False, **options
):
    shape = {"segment_length": 1, "projection": 0, "linear_skip": False, "dropout": 0.0, **options}
    stack = Stack(CELLS[cell](n_units=3), n_layers=n_layers, residual=residual)
    sizes = {"window": WINDOW, "horizon": horizon, "n_targets": n_targets, "n_exog": n_exog}
    return Network(stack=stack, head=make_head(head), **sizes, **shape)


def data(net, seed=0):
    rng = np.random.default_rng(seed)
    past = rng.standard_normal((WINDOW, N_WINDOWS, net.n_targets))
    future = rng.standard_normal((net.horizon, N_WINDOWS, net.n_targets))
    if net.head.counts:
        past, future = np.rint(np.exp(past)), np.rint(np.exp(future))
    exog = [rng.standard_normal((n, N_WINDOWS, net.n_exog)) for n in (WINDOW, net.horizon)]
    scale = 1 + rng.random((N_WINDOWS, net.n_targets))
    units = WindowScale(np.zeros_like(scale), scale)
    return scaled(WindowBatch(past, exog[0], future, exog[1]), units, net.head, np.float64)


def parameters(net, seed=1):
    """Parameters none of which is 0."""
    rng = np.random.default_rng(seed)
    vector = ParameterVector(net.init_params(rng, np.float64))
    vector.values += 0.3 * rng.standard_normal(vector.values.shape)
    return vector


def assert_gradient(net, batch, vector):
    """All numbers against central differences."""
    _, grads = loss_and_grad(net, vector.tree, batch)
    assert [a.shape for a in arrays_of(grads)] == [a.shape for a in arrays_of(vector.tree)]
    for array, grad in zip(arrays_of(vector.tree), arrays_of(grads)):
        expected = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept, losses = array[place], []
            for sign in (1, -1):
                array[place] = kept + sign * 1e-5
                losses.append(loss_and_grad(net, vector.tree, batch)[0])
            array[place] = kept
            expected[place] = (losses[0] - losses[1]) / 2e-5
        np.testing.assert_allclose(grad, expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("options", STRATEGIES.values(), ids=STRATEGIES)
def test_gradient(options):
    net = network(**options)
    assert_gradient(net, data(net), parameters(net))


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("strategy", ["direct", "recursive"])
def test_gradient_through_every_head(head, strategy):
    net = network(1, 0, head=head, horizon=2, strategy=strategy)
    assert_gradient(net, data(net), parameters(net))


@pytest.mark.parametrize("cell", CELLS)
def test_gradient_through_every_cell(cell):
    net = network(1, 0, cell=cell, horizon=4, strategy="segments", segment_length=2, projection=3, n_layers=2)
    assert_gradient(net, data(net), parameters(net))


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("strategy", ["direct", "recursive", "segments"])
def test_gradient_through_layers(strategy, residual):
    """The last output alone is heard by some: a sum of all layers, or the state of the uppermost."""
    net = network(1, 0, cell="lstm", strategy=strategy, n_layers=2, residual=residual)
    assert_gradient(net, data(net), parameters(net))


@pytest.mark.parametrize("options", STRATEGIES.values(), ids=STRATEGIES)
def test_the_loss_is_that_of_the_forecast(options):
    """Training and forecasting see the same: the loss of the raw numbers that a forecast is made from."""
    net = network(head="gaussian", **options)
    batch, params = data(net), parameters(net).tree
    if net.strategy == "recursive":
        raw = np.stack(run_free(net, params, batch, lambda raw, step: batch.fed[step], net.horizon))
    else:
        raw = predict_raw(net, params, batch)
    expected = net.head.loss_and_grad(raw, batch.future)[0]
    assert loss_and_grad(net, params, batch)[0] == pytest.approx(expected, rel=1e-12)


def test_direct_by_hand():
    net = network(1, 1, strategy="direct")
    batch, params = data(net), parameters(net).tree
    heard = np.concatenate([batch.past, batch.past_exog], axis=2)
    newest = net.stack.forward(params.stack, heard).states[-1]
    raw = predict_raw(net, params, batch)
    for k in range(net.horizon):
        own = (
            newest @ params.output.weights[:, k]
            + params.output.bias[k]
            + batch.future_exog[k] @ params.future[:, 0]
        )
        np.testing.assert_allclose(raw[k, :, 0], own, rtol=1e-12)


def test_segments_by_hand():
    net = network(1, 0, strategy="segments", segment_length=2, projection=3, horizon=5)
    batch, params = data(net), parameters(net).tree
    pieces = batch.past[:, :, 0].reshape(4, 2, N_WINDOWS).swapaxes(1, 2)
    heard = np.maximum(pieces @ params.projection.weights + params.projection.bias, 0)
    state = net.stack.forward(params.stack, heard).final_state
    raw = predict_raw(net, params, batch)
    assert raw.shape == (5, N_WINDOWS, 1)
    for m in range(3):
        position = np.repeat(params.positions[m][np.newaxis], N_WINDOWS, axis=0)
        seen, _ = net.stack.step(params.stack, position, state)
        own = seen @ params.output.weights + params.output.bias
        for k in range(2 if m < 2 else 1):
            np.testing.assert_allclose(raw[2 * m + k, :, 0], own[:, k], rtol=1e-12)


def test_a_skip_alone_is_an_autoregression():
    net = network(1, 0, strategy="direct", linear_skip=True)
    vector = parameters(net)
    vector.tree.output.weights[:] = 0
    vector.tree.output.bias[:] = 0
    batch = data(net)
    expected = batch.past[:, :, 0].T @ vector.tree.skip
    np.testing.assert_allclose(predict_raw(net, vector.tree, batch)[:, :, 0].T, expected, rtol=1e-12)


def test_dropout_keeps_the_mean_and_needs_a_generator():
    net = network(1, 0, strategy="direct", dropout=0.5)
    batch, params = data(net), parameters(net).tree
    whole, rng = loss_and_grad(net, params, batch)[1].output.bias, np.random.default_rng(0)
    drawn = [loss_and_grad(net, params, batch, rng)[1].output.bias for _ in range(2000)]
    assert np.std(drawn) > 0.01
    np.testing.assert_allclose(np.mean(drawn, axis=0), whole, atol=0.02)


def test_counts_are_offset_by_the_scale_of_their_window():
    net = network(1, 0, head="negative_binomial", strategy="direct")
    batch, params = data(net), parameters(net).tree
    raw = predict_raw(net, params, batch)
    without = predict_raw(net, params, batch._replace(offset=0.0))
    difference = (raw - without).reshape(net.horizon, N_WINDOWS, 2)
    np.testing.assert_allclose(difference[..., 0], np.log(batch_scale(net)) + 0 * difference[..., 0])
    assert (difference[..., 1] == 0).all()


def batch_scale(net):
    """The scales that `data` draws."""
    return np.exp(data(net).offset[:, 0])
