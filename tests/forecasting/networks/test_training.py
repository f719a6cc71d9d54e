"""Training: optimizers and schedules by their equations, the loop by what it promises."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from forecasting.networks import GRU, SGD, Adam, AdamW, Constant, Cosine, Exponential, RMSprop, train
from forecasting.networks.optimizers import OPTIMIZERS, clip_by_norm
from forecasting.networks.parameters import ParameterVector, arrays_of
from forecasting.networks.schedules import SCHEDULES

# ------------------------------------------------------------------------------------------------- optimizers


def steps(optimizer, n=5):
    """Values after steps along given gradients, and those gradients."""
    rng = np.random.default_rng(0)
    values, gradients = rng.standard_normal(7), rng.standard_normal((n, 7))
    start, memory = values.copy(), optimizer.start(values)
    for gradient in gradients:
        optimizer.step(values, gradient, memory, 0.5)
    return start, gradients, values


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd(nesterov):
    w, gradients, values = steps(SGD(0.1, momentum=0.8, nesterov=nesterov))
    v = 0
    for g in gradients:
        v = 0.8 * v + g
        w = w - 0.05 * (g + 0.8 * v if nesterov else v)
    np.testing.assert_allclose(values, w, rtol=1e-13)


def test_rmsprop():
    w, gradients, values = steps(RMSprop(0.1, decay=0.9))
    s = 0
    for g in gradients:
        s = 0.9 * s + 0.1 * g**2
        w = w - 0.05 * g / (np.sqrt(s) + 1e-8)
    np.testing.assert_allclose(values, w, rtol=1e-12)


@pytest.mark.parametrize("decay", [0.0, 0.3])
def test_adamw(decay):
    w, gradients, values = steps(AdamW(0.1, weight_decay=decay))
    m = s = 0
    for t, g in enumerate(gradients, 1):
        m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g**2
        corrected = m / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        w = w - 0.05 * decay * w - 0.05 * corrected
    np.testing.assert_allclose(values, w, rtol=1e-12)
    if not decay:
        np.testing.assert_array_equal(steps(Adam(0.1))[2], values)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_check_their_parameters_and_keep_the_precision(name):
    with pytest.raises(ValueError, match="'learning_rate' parameter"):
        OPTIMIZERS[name](learning_rate=0).start(np.zeros(1))
    values = np.ones(20, np.float32)
    optimizer = OPTIMIZERS[name]()
    memory = optimizer.start(values)
    optimizer.step(values, values.copy(), memory)
    assert values.dtype == np.float32
    assert (values < 1).all()


def test_clipping():
    gradient = np.array([3.0, 4.0])
    assert clip_by_norm(gradient, 10) == 5
    assert gradient.tolist() == [3, 4]
    assert clip_by_norm(gradient, None) == 5
    assert clip_by_norm(gradient, 2.5) == 5
    assert gradient.tolist() == [1.5, 2]
    assert np.isnan(clip_by_norm(np.array([np.nan, 1.0]), 1.0))
    assert clip_by_norm(np.array([np.inf, 1.0]), 1.0) == np.inf


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_warm_up(name):
    schedule = SCHEDULES[name](warm_up=10)
    np.testing.assert_allclose([schedule(step, 100) for step in range(10)], np.arange(1, 11) / 10)
    assert schedule(10, 100) == 1
    factors = [schedule(step, 100) for step in range(10, 200)]
    assert (np.diff(factors) <= 0).all()


def test_schedules_end():
    assert Constant()(10**6, 10) == 1
    assert Cosine(final=0.2)(100, 100) == pytest.approx(0.2)
    assert Exponential(final=0.01)(1000, 100) == pytest.approx(0.01)


# ------------------------------------------------------------------------------------------------- parameters


def test_a_vector_of_parameters():
    params = GRU(3).init_params(2, np.random.default_rng(0)), (np.ones(5, np.float32),)
    vector = ParameterVector(params)
    assert type(vector.tree[0]) is type(params[0])
    for own, given in zip(arrays_of(vector.tree), arrays_of(params)):
        np.testing.assert_array_equal(own, given)
        assert own.ctypes.data % 64 == 0 or own.size == 0
    doubled = vector.tree_of(2 * vector.values)
    np.testing.assert_array_equal(doubled[0].input_weights, 2 * params[0].input_weights)
    out = vector.flat(doubled, np.zeros_like(vector.values))
    np.testing.assert_array_equal(out, 2 * vector.values)
    matrices = vector.where(lambda array: array.ndim > 1)
    assert matrices.sum() == params[0].input_weights.size + params[0].recurrent_weights.size
    with pytest.raises(TypeError, match="all be float32 or all be float64"):
        ParameterVector((np.zeros(2), np.zeros(2, np.float32)))


# -------------------------------------------------------------------------------------------------- the loop

TARGET = np.array([[1.0, -2.0], [0.5, 3.0]])


def loss_and_grad(params, shard, rng):
    """Mean squared distance of one matrix from noisy copies of a target."""
    errors = params[0] - shard
    return float((errors**2).sum() / len(shard)), (2 * errors.sum(axis=0) / len(shard),)


def batches(rng):
    return [TARGET + 0.1 * rng.standard_normal((7, 2, 2)) for _ in range(10)]


def split(batch):
    return [(len(batch[i : i + 3]), batch[i : i + 3]) for i in range(0, 7, 3)]


START = (np.zeros((2, 2)),)


def test_it_learns_and_reports():
    done = train(START, loss_and_grad, batches, optimizer=Adam(0.1), n_epochs=20, random_state=0)
    np.testing.assert_allclose(done.params[0], TARGET, atol=0.1)
    assert not START[0].any()
    assert done.stopped == "epochs"
    assert done.best_epoch == 20
    assert done.history["steps"].tolist() == list(range(10, 210, 10))
    assert done.history["loss"].iloc[-1] < 0.2 < done.history["loss"].iloc[0]
    assert done.history["validation"].isna().all()
    assert (done.history["gradient_norm"] > 0).all()
    assert done.history["seconds"].is_monotonic_increasing


def test_bits_do_not_depend_on_threads_but_on_the_seed():
    def noisy(params, shard, rng):
        loss, grads = loss_and_grad(params, shard + 0.1 * rng.standard_normal(shard.shape), rng)
        return loss, grads

    def run(n_jobs, seed=0):
        return train(START, noisy, batches, split=split, n_epochs=3, random_state=seed, n_jobs=n_jobs)

    one, four, other = run(1), run(4), run(1, 1)
    np.testing.assert_array_equal(one.params[0], four.params[0])
    np.testing.assert_array_equal(one.history["loss"], four.history["loss"])
    with pytest.raises(ValueError, match="n_jobs=0 must be a number of threads"):
        run(0)
    assert (one.params[0] != other.params[0]).all()


def test_shards_count_by_their_weight():
    options = {"optimizer": SGD(0.1), "max_steps": 5, "random_state": 0, "clip_norm": None}
    whole = train(START, loss_and_grad, batches, **options)
    parts = train(START, loss_and_grad, batches, split=split, **options)
    np.testing.assert_allclose(whole.params[0], parts.params[0], rtol=1e-12)
    assert whole.stopped == "steps"
    assert whole.history["steps"].tolist() == [5]


def test_the_best_parameters_come_back():
    """The validation prefers an early point of the way; patience ends it three epochs later."""
    middle = TARGET / 2
    validate = lambda params: float(((params[0] - middle) ** 2).sum())  # noqa: E731
    options = {"optimizer": Adam(0.02), "n_epochs": 100, "validate": validate, "random_state": 0}
    done = train(START, loss_and_grad, batches, patience=3, **options)
    assert done.stopped == "patience"
    assert len(done.history) == done.best_epoch + 3
    assert done.history["validation"].idxmin() == done.best_epoch
    assert validate(done.params) == done.history["validation"].min()
    done = train(START, loss_and_grad, batches, target=1.0, **options)
    assert done.stopped == "target"
    assert (done.history["validation"] > 1).tolist() == [True] * (len(done.history) - 1) + [False]


def test_a_training_that_goes_on_and_gets_worse_returns_what_it_began_with():
    validate = lambda params: float(((params[0] - START[0]) ** 2).sum())  # noqa: E731
    options = {"optimizer": Adam(0.02), "validate": validate, "patience": 3, "random_state": 0}
    done = train(START, loss_and_grad, batches, goes_on=True, **options)
    assert (done.best_epoch, len(done.history), done.stopped) == (0, 3, "patience")
    np.testing.assert_array_equal(done.params[0], START[0])
    assert train(START, loss_and_grad, batches, **options).best_epoch == 1


def test_a_loss_that_is_not_finite_ends_with_the_best_parameters():
    def breaks(params, shard, rng):
        loss, grads = loss_and_grad(params, shard, rng)
        return (np.nan if loss < 5 else loss), grads

    with pytest.warns(ConvergenceWarning, match=r"training stopped in epoch \d+ after \d+ steps: loss nan"):
        done = train(START, breaks, batches, optimizer=Adam(0.05), random_state=0)
    assert done.stopped == "not finite"
    assert np.isfinite(done.params[0]).all()
    validate = lambda params: float(((params[0] - TARGET) ** 2).sum())  # noqa: E731
    with pytest.warns(ConvergenceWarning, match="Lower the learning rate"):
        done = train(START, breaks, batches, optimizer=Adam(0.02), validate=validate, random_state=0)
    assert validate(done.params) == done.history["validation"].min()
    with pytest.warns(ConvergenceWarning, match="of epoch 0"):
        done = train(START, lambda *_: (np.inf, START), batches)
    np.testing.assert_array_equal(done.params[0], START[0])


def test_before_a_first_validation_the_best_parameters_are_the_first_ones():
    def grows(params, shard, rng):  # without a warning of NumPy beside that of the training
        return float(np.exp(params[0] ** 2).sum()), (-1e3 * np.ones((2, 2)),)

    with pytest.warns(ConvergenceWarning, match="of epoch 0"):
        done = train(
            (np.zeros((2, 2)),), grows, batches, optimizer=SGD(1.0), clip_norm=None, validate=lambda _: 1.0
        )
    np.testing.assert_array_equal(done.params[0], 0)


def test_state_is_carried_from_step_to_step_and_dropped_between_epochs():
    seen = []

    def counting(params, shard, rng, state):
        seen.append(state)
        return 0.0, (np.zeros((2, 2)),), 1 if state is None else state + 1

    train(START, counting, lambda rng: [0, 0, 0], n_epochs=2, carry_state=True)
    assert seen == [None, 1, 2, None, 1, 2]


def test_schedule_sees_all_steps():
    seen = []
    train(START, loss_and_grad, batches, n_epochs=2, schedule=lambda step, n: seen.append((step, n)) or 1.0)
    assert seen == [(step, 20) for step in range(20)]
    seen.clear()
    train(
        START,
        loss_and_grad,
        lambda rng: iter(batches(rng)),
        n_epochs=2,
        schedule=lambda s, n: seen.append(n) or 1.0,
    )
    assert seen == [2] * 10 + [20] * 10


def test_weight_decay_spares_biases():
    def nothing(params, shard, rng):
        return 0.0, (np.zeros((2, 2)), np.zeros(3))

    done = train(
        (np.ones((2, 2)), np.ones(3)), nothing, lambda rng: [0], optimizer=AdamW(0.1, weight_decay=0.5)
    )
    assert (done.params[0] < 0.05).all()
    np.testing.assert_array_equal(done.params[1], 1)


def test_errors(capsys):
    with pytest.raises(ValueError, match="returned no batch"):
        train(START, loss_and_grad, lambda rng: [])
    with pytest.raises(ValueError, match="no shards"):
        train(START, loss_and_grad, batches, split=lambda batch: [])
    with pytest.raises(ValueError, match="'warm_up' parameter of Cosine"):
        train(START, loss_and_grad, batches, schedule=Cosine(-3))
    train(START, loss_and_grad, batches, n_epochs=1, progress=True)
    shown = capsys.readouterr().err
    assert "steps/s" in shown
    assert "loss=" in shown
