"""Stacked layers: gradients of the whole, residual connections, dropout; and looking inside."""

import numpy as np
import pytest

from forecasting.networks import GRU, LSTM, RNN, Stack
from forecasting.networks.cells import CELLS
from forecasting.networks.gradient_flow import gate_activations, gradient_norms
from forecasting.networks.parameters import arrays_of, mapped
from forecasting.networks.training import train
from forecasting.networks.training_plots import plot_gates, plot_gradient_norms, plot_history
from tests.gradients import assert_gradient, shaken

N_STEPS, N_SERIES, N_UNITS = 5, 2, 4


def example(stack, n_steps=N_STEPS):
    rng = np.random.default_rng(0)
    params = shaken(stack.init_params(3, rng, np.float64))
    x = rng.standard_normal((n_steps, N_SERIES, 3))
    state = mapped(lambda part: 0.5 * rng.standard_normal(part.shape), stack.zero_state(N_SERIES, np.float64))
    return params, x, state


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
def test_gradients_of_the_whole(residual, dropout):
    stack = Stack(LSTM(N_UNITS), n_layers=3, residual=residual, dropout=dropout)
    params, x, state = example(stack)
    rng = np.random.default_rng(1)
    in_states = rng.standard_normal((N_STEPS, N_SERIES, N_UNITS))
    in_final = mapped(lambda part: rng.standard_normal(part.shape), state)

    def loss(everything):
        tape = stack.forward(
            *everything, rng=np.random.default_rng(7)
        )  # the same units are dropped each time
        pairs = zip((tape.states, *arrays_of(tape.final_state)), (in_states, *arrays_of(in_final)))
        return float(sum((a * b).sum() for a, b in pairs))

    tape = stack.forward(params, x, state, rng=np.random.default_rng(7))
    grads = stack.backward(params, x, tape, in_states, in_final)
    assert_gradient(loss, (params, x, state), grads, rtol=1e-6, atol=1e-8)


def test_layers_are_cells_one_upon_the_other():
    stack = Stack(GRU(N_UNITS), n_layers=2)
    params, x, state = example(stack)
    first = stack.cell.forward(params[0], x, state[0])
    second = stack.cell.forward(params[1], first.states, state[1])
    np.testing.assert_array_equal(stack.forward(params, x, state).states, second.states)
    skipping = Stack(GRU(N_UNITS), n_layers=2, residual=True)
    expected = second.states + first.states
    np.testing.assert_array_equal(skipping.forward(params, x, state).states, expected)
    np.testing.assert_allclose(skipping.run(params, x, state)[0], expected, rtol=1e-12)


@pytest.mark.parametrize("residual", [False, True])
def test_split_and_steps(residual):
    stack = Stack(LSTM(N_UNITS), n_layers=2, residual=residual, dropout=0.5)
    params, x, state = example(stack)
    whole = stack.forward(params, x, state)
    first = stack.forward(params, x[:2], state)
    second = stack.forward(params, x[2:], first.final_state)
    np.testing.assert_array_equal(np.concatenate([first.states, second.states]), whole.states)
    for t in range(N_STEPS):
        output, state = stack.step(params, x[t], state)
        np.testing.assert_allclose(output, whole.states[t], rtol=1e-12)


def test_dropout_keeps_expectations_and_drops_its_part():
    stack = Stack(RNN(50), n_layers=2, dropout=0.3)
    params, x, state = example(stack)
    tape = stack.forward(params, x, state, rng=np.random.default_rng(0))
    (mask,) = tape.masks
    assert set(np.unique(mask)) == {0, 1 / 0.7}
    assert (mask == 0).mean() == pytest.approx(0.3, abs=0.06)
    assert stack.forward(params, x, state).masks == ()
    with pytest.raises(ValueError, match="'dropout' parameter"):
        Stack(RNN(3), dropout=1.0).init_params(1, np.random.default_rng(0))


# --------------------------------------------------------------------------------------------- looking inside


@pytest.mark.parametrize("name", CELLS)
def test_norms_are_those_of_the_jacobian(name):
    """With as many directions as we like the estimate is the root mean square of the Jacobian's columns."""
    cell = CELLS[name](n_units=3)
    params, x, _ = example(cell, n_steps=4)
    norms = gradient_norms(cell, params, x[:, :1], n_directions=4000)
    start = cell.zero_state(1, np.float64)
    squares = 0.0
    for number, part in enumerate(start):
        for j in range(3):
            outputs = []
            for sign in (1, -1):
                moved = [other.copy() for other in start]
                moved[number][0, j] += sign * 1e-6
                outputs.append(cell.forward(params, x[:, :1], cell.State(*moved)).states[-1, 0])
            squares += (((outputs[0] - outputs[1]) / 2e-6) ** 2).sum()
        assert part.shape == (1, 3)
    assert norms[0, 0] == pytest.approx(np.sqrt(squares / 3), rel=0.05)


def test_gradients_vanish_explode_or_last():
    """100 steps back: nothing arrives in a small RNN, too much in a large one, and the LSTM of 1997 keeps all."""
    x = np.zeros((100, 1, 1), np.float32)
    rng = np.random.default_rng(0)
    cell, reach = RNN(8, activation="relu"), {}
    for scale in (0.8, 1.0):
        params = cell.init_params(1, rng)
        params = params._replace(recurrent_weights=scale * np.eye(8, dtype=np.float32), bias=params.bias + 1)
        reach[scale] = gradient_norms(cell, params, x)[0, 0]
    assert reach[0.8] == pytest.approx(0.8**100, rel=1e-3)
    assert reach[1.0] == pytest.approx(1, rel=1e-5)
    old = LSTM(8, forget="none")
    assert gradient_norms(old, old.init_params(1, rng), x)[0, 0] > 0.1


def test_gates():
    cell = LSTM(3)
    params, x, state = example(cell)
    inside = gate_activations(cell, params, x, state)
    c = np.concatenate([state.memory[np.newaxis], inside["memory"]])
    np.testing.assert_allclose(
        c[1:], inside["forget"] * c[:-1] + inside["input"] * inside["candidate"], rtol=1e-12
    )
    np.testing.assert_allclose(inside["output"], inside["output_gate"] * np.tanh(c[1:]), rtol=1e-12)
    cell = GRU(3)
    params, x, state = example(cell)
    inside = gate_activations(cell, params, x, state)
    h = np.concatenate([state.output[np.newaxis], inside["output"]])
    u = inside["update"]
    np.testing.assert_allclose(h[1:], (1 - u) * inside["candidate"] + u * h[:-1], rtol=1e-12)


def test_what_cannot_be_looked_into_is_said():
    stack = Stack(GRU(3), n_layers=2)
    params = stack.init_params(1, np.random.default_rng(0))
    with pytest.raises(TypeError, match=r"Stack.* is no cell: of a Stack give its cell"):
        gate_activations(stack, params, np.ones((5, 1, 1), np.float32))
    with pytest.raises(ValueError, match=r"x has shape \(5, 1\), expected \(n_steps, n_series, n_features\)"):
        gradient_norms(stack, params, np.ones((5, 1), np.float32))


def test_pictures():
    pytest.importorskip("matplotlib")
    norms = {name: np.full((30, 2), value) for name, value in {"RNN": 1e-9, "LSTM": 1.0}.items()}
    ax = plot_gradient_norms(norms)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["RNN", "LSTM"]
    assert ax.lines[0].get_xdata()[0] == 30
    ax = plot_gates({"update": np.arange(20.0).reshape(5, 1, 4)})
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [1.5, 5.5, 9.5, 13.5, 17.5])
    start = (np.zeros(1),)
    done = train(start, lambda p, s, r: (1.0, start), lambda rng: [0], n_epochs=3)
    ax = plot_history(done.history)
    assert len(ax.lines) == 1
    assert (ax.get_xticks() % 1 == 0).all()
