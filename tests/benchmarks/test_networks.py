"""The benchmarks of the recurrent networks run, and their tasks are what their sources say."""

import numpy as np
import pytest

from benchmarks.networks import long_tasks
from benchmarks.networks.classics import N_TEST, solve, trials


def test_adding():
    batch = long_tasks.adding(50).draw(np.random.default_rng(0), 2000)
    np.testing.assert_array_equal(batch.x[:, :, 1].sum(axis=0), 2)
    np.testing.assert_allclose(batch.y[-1], (batch.x[:, :, 0] * batch.x[:, :, 1]).sum(axis=0), rtol=1e-6)
    task = long_tasks.adding(50)
    assert task.miss(np.ones((50, 2000, 1)), batch) == pytest.approx(1 / 6, rel=0.1)  # predicting 1
    assert task.miss(batch.y[:, :, np.newaxis], batch) == 0


def test_copy_memory():
    x, y, counts, _ = long_tasks.copy_memory(30).draw(np.random.default_rng(0), 5)
    heard = x.argmax(axis=2)
    np.testing.assert_array_equal(y[-10:], heard[:10])
    assert (heard[-11] == 9).all()
    assert len(x) == 50
    assert not y[:-10].any()
    assert counts.all()


def test_temporal_order():
    x, y, counts, _ = long_tasks.temporal_order(100).draw(np.random.default_rng(0), 50)
    heard = x.argmax(axis=2)
    for s in range(50):
        (first, second) = np.flatnonzero(heard[:, s] < 2)
        assert 10 <= first < 20
        assert 50 <= second < 60
        assert y[-1, s] == 2 * heard[first, s] + heard[second, s]
    assert counts.sum() == 50


def test_parity():
    x, y, _, _ = long_tasks.parity(20).draw(np.random.default_rng(0), 3)
    np.testing.assert_array_equal(y[0], x[0, :, 0] > 0)
    np.testing.assert_array_equal(y[1:] != y[:-1], x[1:, :, 0] > 0)


def test_embedded_reber():
    task = long_tasks.embedded_reber()
    batch = task.draw(np.random.default_rng(0), 300)
    for s in range(300):
        n = batch.counts[:, s].sum()
        symbols = [*batch.x[:n, s].argmax(axis=1), batch.y[n - 1, s]]
        assert symbols[1] == symbols[-2]
        assert symbols[1] in (1, 4)
        assert (symbols[0], symbols[2], symbols[-3], symbols[-1]) == (0, 0, 6, 6)
        assert batch.legal[np.arange(n), s, batch.y[:n, s]].all()
        assert len(symbols) >= 9
    assert task.miss(np.where(batch.legal, 1.0, 0.0), batch) == 0
    assert task.miss(np.zeros_like(batch.x), batch) == 1


def test_a_task_is_solved():
    """A short parity: the smallest of the classics."""
    parity = trials()[1]._replace(task=long_tasks.parity(6), max_steps=600, learning_rate=0.01)
    steps, miss, n_params, _ = solve(parity, parity.cells[0], seed=0)
    assert steps is not None
    assert miss <= 0.01
    assert n_params == 32 + 32 * 32 + 32 + 2 * 32 + 2
    assert N_TEST == 256


@pytest.mark.slow
def test_quick_reports():
    pytest.importorskip("torch", reason="the comparison needs PyTorch")
    from benchmarks.networks import adding, classics, speed

    assert speed.report(quick=True).count("Geometric mean") == 6
    text = classics.report(quick=True)
    assert text.count("| adding, T = 200") == 7
    assert adding.report(quick=True).count("| adding, T = 600") == 2
