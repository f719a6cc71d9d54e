"""Truncated backpropagation: pieces add up to their window, the state goes on, gradients stop."""

import numpy as np
import pytest

from forecasting import RecurrentForecaster
from forecasting.networks.cells import LSTM
from forecasting.networks.heads import make_head
from forecasting.networks.parameters import arrays_of
from forecasting.networks.stack import Stack
from forecasting.recurrent.prediction import TrainedNetwork
from forecasting.recurrent.truncated_learning import Pieces
from forecasting.recurrent.window_network import Network
from forecasting.recurrent.windows import SeriesWindows, WindowOrigins, WindowScale
from tests.gradients import assert_gradient, shaken

N_WINDOWS = 5


def trained(window=12, horizon=4, head="squared", n_exog=1):
    shape = {"segment_length": 1, "projection": 3, "linear_skip": False, "dropout": 0.0}
    stack = Stack(LSTM(n_units=3), n_layers=2, residual=True)
    sizes = {"window": window, "horizon": horizon, "n_targets": 1, "n_exog": n_exog}
    net = Network(stack=stack, head=make_head(head), strategy="recursive", **sizes, **shape)
    params = shaken(net.init_params(np.random.default_rng(0), np.float64))
    units = WindowScale(np.zeros(1), np.ones(1))
    return TrainedNetwork(
        net, params, None if net.head.counts else "last", None, units, WindowScale(np.zeros(1), np.ones(1))
    )


def pieces_of(model, lengths, piece, seed=0):
    rng, net = np.random.default_rng(seed), model.network
    series = [rng.poisson(3.0, (n, 1)).astype(float) for n in lengths]
    exog = [rng.standard_normal((n, net.n_exog)) for n in lengths]
    windows = SeriesWindows(series, exog, net.window, net.horizon)
    origins = WindowOrigins(np.array([1] * len(lengths)), np.array(lengths) - net.horizon)
    return Pieces(model, windows, origins, N_WINDOWS, piece)


def run(model, pieces, params, size=64):
    """Return the loss of one draw and its gradients, piece by piece, with the state carried in between."""
    total, losses, weights, grads, states = 0.0, [], [], [], {}
    for drawn in pieces.draw(0.0, np.random.default_rng(3)):
        for number, (weight, piece) in enumerate(pieces.split(drawn, size)):
            loss, grad, states[number] = pieces.loss_and_grad(params, piece, None, states.get(number))
            n_counted = int(piece.counted.sum())
            assert weight == max(n_counted, 1)
            total += loss * n_counted
            losses.append(loss)
            weights.append(n_counted)
            grads.append(grad)
    return total / sum(weights), grads, sum(weights)


@pytest.mark.parametrize("head", ["squared", "negative_binomial"])
@pytest.mark.parametrize("piece", [1, 4, 7])
def test_pieces_add_up_to_their_window(piece, head):
    model = trained(head=head)
    whole, _, n_whole = run(model, pieces_of(model, (30, 9), 100), model.params)
    parts, _, n_parts = run(model, pieces_of(model, (30, 9), piece), model.params)
    assert n_parts == n_whole
    assert parts == pytest.approx(whole, rel=1e-12)
    by_shards, _, _ = run(model, pieces_of(model, (30, 9), piece), model.params, size=2)
    assert by_shards == pytest.approx(whole, rel=1e-12)


def test_every_observed_step_counts_once():
    """Windows of 12 and 4 steps have 15 forecasts one step ahead, fewer where a series is not that long."""
    model = trained()
    pieces = pieces_of(model, (40,), 6)
    _, origin = pieces.origins.draw(N_WINDOWS, np.random.default_rng(3))
    expected = np.minimum(origin, 12).sum() + N_WINDOWS * 3
    assert run(model, pieces, model.params)[2] == expected
    short = pieces_of(model, (9,), 6)  # no window has more than 5 observations before its origin
    assert short.per_draw == 2
    assert short.cuts == [(7, 13), (13, 15)]


def test_the_gradient_of_a_piece_stops_at_its_begin():
    model = trained()
    pieces = pieces_of(model, (30,), 6)
    state = None
    for drawn in pieces.draw(0.0, np.random.default_rng(3)):
        ((_, piece),) = pieces.split(drawn, 64)
        before = state
        _, grads, state = pieces.loss_and_grad(model.params, piece, None, before)

        def loss(params, piece=piece, before=before):
            return pieces.loss_and_grad(params, piece, None, before)[0]

        assert_gradient(loss, model.params, grads)


def test_a_piece_that_nothing_counts_in_costs_nothing():
    model = trained()
    pieces = pieces_of(model, (30,), 6)
    ((_, piece),) = pieces.split(next(pieces.draw(0.0, np.random.default_rng(3))), 64)
    empty = piece._replace(counted=np.zeros_like(piece.counted))
    loss, grads, state = pieces.loss_and_grad(model.params, empty, None, None)
    assert loss == 0
    assert all((grad == 0).all() for grad in arrays_of(grads))
    after = pieces.loss_and_grad(model.params, piece, None, None)[2]
    for a, b in zip(arrays_of(state), arrays_of(after)):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def forecaster(**options):
    settings = {"n_units": 16, "max_horizon": 12, "window": 96, "n_epochs": 8, "steps_per_epoch": 10}
    shared = {"strategy": "recursive", "truncation": 24, "random_state": 0}
    return RecurrentForecaster("gru", **{**settings, **shared, **options})


def test_a_forecaster_learns_piece_by_piece():
    y = 10 + np.sin(2 * np.pi * np.arange(412) / 12)
    model = forecaster().fit(y[:400])
    assert np.abs(model.predict(12) - y[400:]).max() < 0.2
    assert model.history_["steps"].iloc[0] == 10 * 5  # 107 steps in pieces of 24
    series = [y[:300], 5 * y[7:90], y[3:40]]
    together = [forecaster(n_epochs=2, batch_size=80, n_jobs=n).fit(series).predict(5) for n in (None, 3)]
    np.testing.assert_array_equal(*together)


def test_contradictions():
    y = np.arange(200.0)
    for options in ({"strategy": "direct"}, {"teacher_forcing": 0.5}):
        with pytest.raises(ValueError, match="truncation=24 cuts what is fed true values step by step"):
            forecaster(**options).fit(y)
