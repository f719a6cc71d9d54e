"""Every cell with every switch: twins, gradients, limits, carried state, PyTorch."""

import numpy as np
import pytest
from sklearn.base import clone

from benchmarks.networks.torch_weights import from_torch, torch_weights
from forecasting.networks.cells import CELLS, GRU, LSTM, RNN, FastRNN, LeakyRNN
from tests import naive_networks
from tests.gradients import assert_gradient, shaken

N_STEPS, N_SERIES, N_FEATURES, N_UNITS = 6, 3, 2, 5
ACTIVATIONS = ("tanh", "relu", "saturated_linear")
CASES = [
    *(("rnn", {"activation": name}) for name in ACTIVATIONS),
    *(("fast_rnn", {"activation": name}) for name in ACTIVATIONS),
    *(("leaky_rnn", {"activation": name}) for name in ACTIVATIONS),
    *(("gru", {"reset": place}) for place in ("after", "before")),
    *(("lstm", {"forget": f, "peepholes": p}) for f in ("gate", "coupled", "none") for p in (False, True)),
]
cases = pytest.mark.parametrize(("name", "options"), CASES, ids=lambda value: str(value))


def example(name, options, n_series=N_SERIES, n_units=N_UNITS, dtype=np.float64, n_steps=N_STEPS):
    """A cell, parameters none of which is 0, inputs and a state."""
    rng = np.random.default_rng(1)
    cell = CELLS[name](n_units=n_units, **options)
    params = shaken(cell.init_params(N_FEATURES, rng, np.float64))
    params = type(params)(*(array.astype(dtype) for array in params))
    x = rng.standard_normal((n_steps, n_series, N_FEATURES)).astype(dtype)
    state = cell.State(
        *(0.5 * rng.standard_normal((n_series, n_units)).astype(dtype) for _ in cell.State._fields)
    )
    return cell, params, x, state


def test_every_cell_of_the_table_is_tested():
    assert {name for name, _ in CASES} == set(CELLS)


@cases
@pytest.mark.parametrize(("n_series", "n_units"), [(1, 1), (3, 5), (9, 40)])
def test_equals_the_twin(name, options, n_series, n_units):
    cell, params, x, state = example(name, options, n_series, n_units)
    tape = cell.forward(params, x, state)
    for s in range(n_series):
        expected = getattr(naive_networks, name)(params, x[:, s], *(part[s] for part in state), **options)
        np.testing.assert_allclose(tape.states[:, s], expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_array_equal(tape.final_state[0], tape.states[-1])


@cases
@pytest.mark.parametrize("n_series", [1, 3])
def test_gradients(name, options, n_series):
    """In parameters, input and state, of a loss in all outputs and the final state."""
    cell, params, x, state = example(name, options, n_series)
    rng = np.random.default_rng(2)
    in_states = rng.standard_normal((N_STEPS, n_series, N_UNITS))
    in_final = cell.State(*(rng.standard_normal((n_series, N_UNITS)) for _ in state))

    def loss(everything):
        tape = cell.forward(*everything)
        parts = zip((tape.states, *tape.final_state), (in_states, *in_final))
        return float(sum((a * b).sum() for a, b in parts))

    tape = cell.forward(params, x, state)
    grads = cell.backward(params, x, tape, in_states, in_final)
    assert_gradient(loss, (params, x, state), grads, rtol=1e-6, atol=1e-8)
    again = cell.backward(params, x, tape, in_states, in_final)  # the tape is left as it was
    np.testing.assert_array_equal(grads[1], again[1])


@cases
def test_many_features_take_another_way_to_the_same_gradient(name, options):
    """From 16 features on the gradient in the input is a product of tiles."""
    cell = CELLS[name](n_units=4, **options)
    rng = np.random.default_rng(0)
    params = cell.init_params(20, rng, np.float64)
    x, grad = rng.standard_normal((4, 2, 20)), rng.standard_normal((4, 2, 4))
    few = params._replace(input_weights=np.ascontiguousarray(params.input_weights[:3]))
    x[:, :, 3:] = 0
    wide = cell.backward(params, x, cell.forward(params, x), grad)
    x = np.ascontiguousarray(x[:, :, :3])
    narrow = cell.backward(few, x, cell.forward(few, x), grad)
    np.testing.assert_allclose(wide[1][:, :, :3], narrow[1], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(wide[0].bias, narrow[0].bias, rtol=1e-12, atol=1e-14)


@cases
def test_a_split_sequence_with_carried_state_is_the_whole(name, options):
    """Forward, and backward: what truncated backpropagation cuts is the one thing that is missing."""
    cell, params, x, state = example(name, options)
    grad = np.random.default_rng(3).standard_normal((N_STEPS, N_SERIES, N_UNITS))
    whole = cell.forward(params, x, state)
    first = cell.forward(params, x[:2], state)
    second = cell.forward(params, x[2:], first.final_state)
    np.testing.assert_array_equal(np.concatenate([first.states, second.states]), whole.states)
    grads, _, grad_state = cell.backward(params, x, whole, grad)
    later, _, carried = cell.backward(params, x[2:], second, grad[2:])
    earlier, _, start = cell.backward(params, x[:2], first, grad[:2], carried)
    for part, a, b in zip(grads, earlier, later):
        np.testing.assert_allclose(part, a + b, rtol=1e-10, atol=1e-12)
    for a, b in zip(grad_state, start):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)


@cases
@pytest.mark.parametrize("n_series", [1, 3])
def test_large_weights_of_few_series_lie_in_panels_and_give_the_same_bits(name, options, n_series):
    """Steps one by one read the weights themselves; 61 units leave columns that fill no panel."""
    cell, params, x, state = example(name, options, n_series=n_series, n_units=61, n_steps=9)
    whole = cell.forward(params, x, state)
    for t in range(len(x)):
        one = cell.forward(params, x[t : t + 1], state)
        np.testing.assert_array_equal(one.states[0], whole.states[t])
        state = one.final_state


@cases
def test_the_gradient_in_the_input_can_be_left_out(name, options):
    cell, params, x, state = example(name, options)
    tape, grad = cell.forward(params, x, state), np.ones((N_STEPS, N_SERIES, N_UNITS))
    grads, _, grad_state = cell.backward(params, x, tape, grad)
    same, nothing, same_state = cell.backward(params, x, tape, grad, input_gradient=False)
    assert nothing is None
    for a, b in zip((*grads, *grad_state), (*same, *same_state)):
        np.testing.assert_array_equal(a, b)


@cases
def test_many_steps_in_chunks(name, options):
    """Enough rows for several chunks and pieces, and to ask for some ahead, which half of the series do not."""
    cell, params, x, state = example(name, options, n_series=70, n_units=60, n_steps=100)
    tape = cell.forward(params, x, state)
    states, final = cell.run(params, x, state)
    np.testing.assert_allclose(states, tape.states, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(final[0], tape.final_state[0], rtol=1e-9, atol=1e-11)
    grad = np.ones_like(tape.states)
    grads, grad_x, _ = cell.backward(params, x, tape, grad)
    total = [np.zeros_like(part) for part in params]
    for s in (slice(0, 35), slice(35, 70)):
        part = cell.State(*(a[s] for a in state))
        some = np.ascontiguousarray(x[:, s])
        one, one_x, _ = cell.backward(params, some, cell.forward(params, some, part), grad[:, s])
        np.testing.assert_allclose(one_x, grad_x[:, s], rtol=1e-6, atol=1e-9)
        total = [a + b for a, b in zip(total, one)]
    for a, b in zip(grads, total):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "options"), [("gru", {}), ("lstm", {})])
def test_steps_are_the_run_in_float32(name, options):
    cell, params, x, _ = example(name, options, dtype=np.float32)
    states, final = cell.run(params, x)
    state = None
    for t in range(N_STEPS):
        output, state = cell.step(params, x[t], state)
        np.testing.assert_allclose(output, states[t], rtol=1e-6, atol=1e-6)
    assert states.dtype == np.float32
    assert all(
        part.dtype == np.float32
        for part in (*final, *cell.backward(params, x, cell.forward(params, x), None)[0])
    )


@cases
def test_without_gradients_there_is_none(name, options):
    cell, params, x, state = example(name, options)
    grads, grad_x, grad_state = cell.backward(params, x, cell.forward(params, x, state), None)
    assert not any(part.any() for part in (*grads, grad_x, *grad_state))


@cases
def test_inputs_of_any_layout(name, options):
    cell, params, x, state = example(name, options)
    expected = cell.forward(params, x, state).states
    frozen = np.asfortranarray(x)
    frozen.flags.writeable = False
    np.testing.assert_array_equal(cell.forward(params, frozen, state).states, expected)
    every_other = np.repeat(x, 2, axis=1)[:, ::2]
    np.testing.assert_array_equal(cell.forward(params, every_other, state).states, expected)


@cases
def test_nan_stays_nan(name, options):
    cell, params, x, state = example(name, options)
    x[2, 1, 0] = np.nan
    states = cell.forward(params, x, state).states
    assert np.isnan(states[2, 1]).any() or options.get("activation") in ("relu", "saturated_linear")
    assert np.isfinite(states[:, [0, 2]]).all()


# ---------------------------------------------------------------------------------------------------- limits


def test_fast_rnn_without_the_past_is_an_rnn():
    cell, params, x, state = example("fast_rnn", {})
    params = params._replace(mixing_logits=np.array([50.0, -50.0]))
    expected = RNN(N_UNITS).forward(
        type(RNN(1).init_params(1, np.random.default_rng()))(*params[:3]), x, state
    )
    np.testing.assert_allclose(cell.forward(params, x, state).states, expected.states, rtol=1e-12)


@pytest.mark.parametrize("retention", [0.0, 1.0])
def test_leaky_rnn_of_no_and_of_eternal_retention_is_an_rnn(retention):
    """At alpha = 0 the trace is the last output; at 1 it stays what it was, a bias, and its logit does not move."""
    cell, params, x, state = example("leaky_rnn", {})
    params = params._replace(retention_logits=np.full(N_UNITS, 40.0 if retention else -40.0))
    W, recurrent, b, _ = params
    U, V = recurrent[:N_UNITS], recurrent[N_UNITS:]
    twin = RNN(N_UNITS)
    plain = twin.init_params(N_FEATURES, np.random.default_rng(0), np.float64)
    tape = cell.forward(params, x, state)
    for s in range(N_SERIES):
        bias = b + state.trace[s] @ V if retention else b
        same = plain._replace(input_weights=W, recurrent_weights=U if retention else U + V, bias=bias)
        start = twin.State(state.output[s : s + 1])
        np.testing.assert_allclose(
            tape.states[:, s : s + 1], twin.forward(same, x[:, s : s + 1], start).states, rtol=1e-10
        )
    grads, _, _ = cell.backward(params, x, tape, np.ones_like(tape.states))
    np.testing.assert_allclose(grads.retention_logits, 0, atol=1e-12)


def test_peepholes_of_zero_are_none():
    cell, params, x, state = example("lstm", {"peepholes": True})
    closed = params._replace(peepholes=np.zeros_like(params.peepholes))
    bare = params._replace(peepholes=np.zeros((0, N_UNITS)))
    np.testing.assert_allclose(
        cell.forward(closed, x, state).states, LSTM(N_UNITS).forward(bare, x, state).states, rtol=1e-13
    )


def test_the_memory_of_1997_forgets_nothing():
    """With a closed input gate c stays what it was, however long."""
    cell, params, x, state = example("lstm", {"forget": "none"})
    params.bias[N_UNITS : 2 * N_UNITS] = -1000
    np.testing.assert_allclose(cell.forward(params, x, state).final_state.memory, state.memory, rtol=1e-12)


def test_a_closed_gru_keeps_its_state():
    cell, params, x, state = example("gru", {})
    params.bias[2 * N_UNITS :] = 1000
    np.testing.assert_allclose(cell.forward(params, x, state).final_state.output, state.output, rtol=1e-12)


# --------------------------------------------------------------------------------------------- first values


@cases
def test_recurrences_begin_orthogonal(name, options):
    cell = CELLS[name](n_units=8, **options)
    params = cell.init_params(3, np.random.default_rng(0), np.float64)
    blocks = np.vsplit(params.recurrent_weights, 2) if name == "leaky_rnn" else [params.recurrent_weights]
    for block in blocks:
        for gate in np.hsplit(block, block.shape[1] // 8):
            scale = 2 if name == "leaky_rnn" else 1
            np.testing.assert_allclose(scale * gate @ gate.T, np.eye(8), atol=1e-12)
    bound = np.sqrt(6 / (3 + 8))
    assert 0.8 * bound < np.abs(params.input_weights).max() <= bound
    again = clone(cell).init_params(3, np.random.default_rng(0), np.float64)
    np.testing.assert_array_equal(again.input_weights, params.input_weights)


def test_first_biases():
    rng = np.random.default_rng(0)
    np.testing.assert_array_equal(LSTM(2).init_params(1, rng).bias, [0, 0, 0, 0, 0, 0, 1, 1])
    np.testing.assert_array_equal(LSTM(2, forget_bias=3).init_params(1, rng).bias[6:], 3)
    np.testing.assert_allclose(FastRNN(2).init_params(1, rng).mixing_logits, [-3, 3])
    assert GRU(2, reset="before").init_params(1, rng).recurrent_bias.shape == (0,)


def test_gates_that_keep_for_a_known_time():
    """Tallec and Ollivier (2018): a gate sigmoid(b) keeps for 1 + exp(b) steps, between 2 and T of them."""
    rng, n = np.random.default_rng(0), 1500
    update = GRU(n, longest_dependency=50).init_params(1, rng, np.float64).bias.reshape(3, n)
    kept = LSTM(n, longest_dependency=50).init_params(1, rng, np.float64).bias.reshape(4, n)
    coupled = (
        LSTM(n, forget="coupled", longest_dependency=50).init_params(1, rng, np.float64).bias.reshape(3, n)
    )
    for bias in (update[2], kept[3], -coupled[1]):
        steps = 1 + np.exp(bias)
        assert 2 <= steps.min() < 2.4
        assert 49.6 < steps.max() <= 50
        assert steps.mean() == pytest.approx(26, rel=0.05)
    np.testing.assert_array_equal(kept[1], -kept[3])
    for rest in (update[:2], kept[[0, 2]], coupled[[0, 2]]):
        assert (rest == 0).all()
    with pytest.raises(ValueError, match="forget='none' has no such gate"):
        LSTM(2, forget="none", longest_dependency=50).init_params(1, rng)


def test_retentions():
    def first(retention, n_units=3):
        logits = (
            LeakyRNN(n_units, retention=retention).init_params(1, np.random.default_rng(0)).retention_logits
        )
        return np.sort(1 / (1 + np.exp(-logits.astype(float))))

    np.testing.assert_allclose(first((0.5, 0.99)), [0.5, 1 - 1 / np.sqrt(200), 0.99], atol=1e-6)
    np.testing.assert_allclose(first(0.7), 0.7, atol=1e-6)
    np.testing.assert_allclose(first([0.2, 0.5, 1.0]), [0.2, 0.5, 1.0], atol=1e-6)
    with pytest.raises(ValueError, match=r"retention has 2 values, but there are n_units=3"):
        first([0.1, 0.2])
    with pytest.raises(ValueError, match=r"retention must lie in \(0, 1\]"):
        first([0.0, 0.2, 0.3])
    with pytest.raises(ValueError, match="a range, whose ends must be below 1"):
        first((0.5, 1.0))


# ---------------------------------------------------------------------------------------------------- errors


def test_errors():
    cell, params, x, _ = example("lstm", {})
    with pytest.raises(ValueError, match=r"x must be float64 of shape \(n_steps, n_series, 2\).*got float32"):
        cell.forward(params, x.astype(np.float32))
    with pytest.raises(ValueError, match=r"x must be float64.*got float64 of shape \(6, 3, 1\)"):
        cell.forward(params, x[:, :, :1])
    with pytest.raises(ValueError, match="at least one step"):
        cell.forward(params, x[:0])
    with pytest.raises(ValueError, match="state must be a LSTMState"):
        cell.forward(params, x, GRU(N_UNITS).zero_state(N_SERIES, np.float64))
    with pytest.raises(ValueError, match=r"grad_states must be of shape \(6, 3, 5\)"):
        cell.backward(params, x, cell.forward(params, x), np.zeros((6, 3, 4)))
    with pytest.raises(ValueError, match="'forget' parameter"):
        LSTM(3, forget="never").init_params(1, np.random.default_rng(0))
    with pytest.raises(ValueError, match="'n_units' parameter"):
        RNN(0).init_params(1, np.random.default_rng(0))


# --------------------------------------------------------------------------------------------------- PyTorch


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_equals_pytorch(name):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}[name](
        N_FEATURES, N_UNITS
    ).double()
    cell, params, x, _ = example(name, {})
    params = type(params)(*from_torch(name, layer))
    grad = np.random.default_rng(5).standard_normal((N_STEPS, N_SERIES, N_UNITS))
    their_x = torch.tensor(x, requires_grad=True)
    out, _ = layer(their_x)
    out.backward(torch.tensor(grad))
    tape = cell.forward(params, x)
    np.testing.assert_allclose(tape.states, out.detach().numpy(), rtol=1e-10, atol=1e-12)
    grads, grad_x, _ = cell.backward(params, x, tape, grad)
    np.testing.assert_allclose(grad_x, their_x.grad.numpy(), rtol=1e-9, atol=1e-12)
    for parameter in layer.parameters():  # their gradients in the places of their weights, read as ours are
        parameter.data = parameter.grad
    W, U, *_ = from_torch(name, layer)
    np.testing.assert_allclose(grads.input_weights, W, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(grads.recurrent_weights, U, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        grads.bias,
        torch_weights(layer, {"rnn": (0,), "lstm": (2, 0, 3, 1), "gru": (2, 0, 1)}[name])[2],
        rtol=1e-9,
    )
