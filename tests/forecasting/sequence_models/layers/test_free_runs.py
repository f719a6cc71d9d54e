"""Compiled loops over own outputs: each equals its slow twin, and steps equal whole runs."""

import numpy as np
import pytest

from forecasting.networks.cells import CELLS, GRU, RNN, Cell
from forecasting.networks.cells.wave_net import WaveNet
from forecasting.sequence_models.layers.base_layer import Dense, Recurrent
from forecasting.sequence_models.layers.combinators import Chain, Dropout, Reverse
from forecasting.sequence_models.layers.compiled_steps import cell_step, select
from forecasting.sequence_models.layers.embedding import Embedding
from forecasting.sequence_models.layers.free_runs import draw_path, feed_back, step, write_symbols
from tests import naive_sequences as naive
from tests.forecasting.sequence_models.layers.test_decoder import (
    KINDS,
    N_SERIES,
    N_WRITTEN,
    batch,
    parameters,
    writer,
)
from tests.gradients import shaken

WAVE_NET = WaveNet(3, n_channels=2, kernel_size=3, dilations=(1, 2))


@pytest.mark.parametrize(
    "cell", [*(kind(n_units=3) for kind in CELLS.values()), GRU(3, reset="before"), WAVE_NET], ids=str
)
def test_steps_equal_the_whole_run(cell):
    """So cached generation equals full recomputation, also beyond the receptive field, and on from a state."""
    rng = np.random.default_rng(0)
    params = shaken(cell.init_params(2, rng, np.float64))
    x = rng.standard_normal((20, N_SERIES, 2))
    state = cell.forward(params, x[:5].copy()).final_state
    part = cell_step(cell, params, 2, state)
    own = np.array([step((part,), row).copy() for row in x[5:]])
    np.testing.assert_allclose(own, cell.forward(params, x).states[5:], rtol=1e-12, atol=1e-14)
    again = cell_step(cell, params, 2, state)
    np.testing.assert_array_equal(step((again,), x[5]), own[0])  # the state given was not moved


def test_series_go_on_from_the_state_of_others():
    rng, rows = np.random.default_rng(0), np.array([2, 2, 0])
    x = rng.standard_normal((4, N_SERIES, 2))
    for cell in (GRU(3), WAVE_NET):
        params = shaken(cell.init_params(2, rng, np.float64))
        part = cell_step(cell, params, 2, cell.zero_state(N_SERIES, np.float64))
        for t in range(3):
            step((part,), x[t])
        select(part, rows)
        expected = cell.forward(params, np.concatenate([x[:3, rows], x[3:]])).states[-1]
        np.testing.assert_allclose(step((part,), x[3]), expected, rtol=1e-12)


@pytest.mark.parametrize("drawn", [False, True], ids=["greedy", "drawn"])
@pytest.mark.parametrize("kind", KINDS)
def test_writing(kind, drawn):
    network, data = writer(kind), batch(kind == "vector")
    params, rng, n_steps = parameters(network), np.random.default_rng(0), 12
    symbols = np.zeros((n_steps + 1, N_SERIES), int)
    uniforms = rng.random(symbols.shape) if drawn else np.empty((n_steps + 1, 0))
    parts = network.parts(params, data.source, data.source_lengths)
    n_rows = write_symbols(parts, symbols, 1, 1.7, uniforms, 0)
    expected = naive.written(
        network, params, data.source, data.source_lengths, n_steps, uniforms if drawn else None, 1.7
    )
    np.testing.assert_array_equal(symbols[1:n_rows], expected[: n_rows - 1])
    assert (expected[n_rows - 2 :] == 0).all() or n_rows == n_steps + 1


def test_writing_goes_on_from_what_is_given():
    network = Chain([Embedding(2), Recurrent(RNN(3)), Dropout(0.5), Dense(N_WRITTEN)])
    params = shaken(network.init_params(N_WRITTEN, np.random.default_rng(1), np.float64))
    symbols = np.array([[1], [2], [0], [0], [0]])
    write_symbols(network.parts(params, N_WRITTEN, 1), symbols, 3, 1.0, np.empty((5, 0)), -1)
    assert symbols[:3, 0].tolist() == [1, 2, 0]
    raw = network.forward(params, symbols[:-1]).outputs
    np.testing.assert_array_equal(symbols[3:, 0], raw.argmax(axis=2)[2:, 0])


@pytest.mark.parametrize("labels", [False, True], ids=["numbers", "labels"])
@pytest.mark.parametrize("layer", [Dense(4, activation="tanh"), Recurrent(GRU(4))], ids=["Jordan", "both"])
def test_feedback(layer, labels):
    network, rng = Chain([layer, Dropout(0.3), Dense(3)]), np.random.default_rng(0)
    params = shaken(network.init_params(5, rng, np.float64))
    x, told = rng.standard_normal((6, N_SERIES, 2)), rng.standard_normal((6, N_SERIES, 3))
    own = rng.random((6, N_SERIES)) < 0.5
    heard, raw = np.concatenate([x, told], axis=2), np.empty((6, N_SERIES, 3))
    feed_back(network.parts(params, 5, N_SERIES), heard, 2, own, labels, raw)
    expected = naive.fed_back(network, params, x, told, own, labels)
    np.testing.assert_allclose(raw, expected[0], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(heard, expected[1], rtol=1e-12, atol=1e-14)
    # Teacher forcing is a free run whose outputs are the targets: no loop over time is needed.
    np.testing.assert_allclose(network.forward(params, heard).outputs, raw, rtol=1e-12, atol=1e-14)


def test_drawing():
    network, data, rng = writer("attention", numbers=True), batch(numbers=True), np.random.default_rng(0)
    params = parameters(network)
    uniforms, normals = rng.random((9, N_SERIES, 2)), rng.standard_normal((9, N_SERIES, 2))
    path = np.zeros((10, N_SERIES, 3))
    parts = network.parts(params, data.source, data.source_lengths)
    n_rows = draw_path(parts, 0.4, uniforms, normals, path)
    expected = naive.drawn_path(network, params, data.source, data.source_lengths, 0.4, uniforms, normals)
    np.testing.assert_allclose(path[1:n_rows], expected[: n_rows - 1], rtol=1e-11, atol=1e-13)
    assert n_rows == 10 or expected[: n_rows - 1, :, 2].max(axis=0).all()


def test_what_has_no_compiled_step_is_refused():
    class Own(Cell):
        State = RNN.State

        def __init__(self, n_units=3):
            self.n_units = n_units

    params = RNN(3).init_params(2, np.random.default_rng(0))
    with pytest.raises(TypeError, match="Own has no compiled step: name its compiled loop as `kernel`"):
        cell_step(Own(), params, 2, RNN(3).zero_state(1))
    with pytest.raises(TypeError, match="Reverse has no compiled steps: use Embedding, Dense"):
        Reverse(Recurrent(RNN(3))).parts(params, 2, 1)
