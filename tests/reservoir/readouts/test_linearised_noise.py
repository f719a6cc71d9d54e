"""Linearised noise: its rows are derivatives, its cost is that of noise that is drawn, it steadies free runs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge

from reservoir import EchoState, ESNRegressor, LeakyUnits, RidgeReadout
from reservoir.contracts.series_layout import Layout
from reservoir.diagnostics import state_jacobians
from reservoir.readouts.linearised_noise import MOST_STEPS, noise_penalties
from reservoir.signals import lorenz63

RESERVOIRS = [
    EchoState(6, leak_rate=0.6, random_state=0),
    EchoState(5, activation="identity", topology="circular", connectivity=2, random_state=1),
    LeakyUnits(EchoState(4, random_state=2), random_state=2),
]
LENGTHS = np.array([12, 9])
INPUTS = np.random.default_rng(0).standard_normal((21, 3))


@pytest.mark.parametrize("reservoir", RESERVOIRS, ids=lambda r: type(r).__name__)
def test_rows_are_derivatives_by_past_inputs(reservoir):
    reservoir.fit(INPUTS)
    layout, std, n_memory, noisy, seen = Layout(LENGTHS, "stacked"), 0.5, 3, [0, 2], [1, 2]
    usable = np.ones(21, dtype=bool)
    usable[[0, 1, 12, 20]] = False
    found = np.concatenate(
        list(
            noise_penalties(
                reservoir,
                INPUTS,
                layout,
                usable,
                std=std,
                n_memory=n_memory,
                noisy=np.array(noisy),
                seen=np.array(seen),
            )
        )
    )
    groups = np.repeat([0, 1], LENGTHS)

    def features(inputs):
        return np.hstack([reservoir.transform(inputs, groups=groups), inputs[:, seen]])

    expected, h = [], 1e-6
    for t in np.flatnonzero(usable):
        for lag in range(n_memory):
            for column in noisy:
                up, down = INPUTS.copy(), INPUTS.copy()
                if groups[max(t - lag, 0)] == groups[t] and t >= lag:
                    up[t - lag, column] += h
                    down[t - lag, column] -= h
                expected.append(std * (features(up)[t] - features(down)[t]) / (2 * h))
    assert_allclose(found, expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("solver", ["svd", "sums", "auto"])
def test_penalties_enter_the_normal_equations(solver):
    rng = np.random.default_rng(1)
    X, y, G = rng.standard_normal((200, 7)), rng.standard_normal((200, 2)), rng.standard_normal((40, 7))
    X += 3.0
    readout = RidgeReadout(alpha=0.1, solver=solver)
    readout.fit_stream(lambda: [(X[:90], y[:90]), (X[90:], y[90:])], make_penalties=lambda: [G[:15], G[15:]])
    centred = X - X.mean(axis=0)
    gram = centred.T @ centred + G.T @ G + 0.1 * np.eye(7)
    expected = np.linalg.solve(gram, centred.T @ (y - y.mean(axis=0)))
    assert_allclose(readout.coef_, expected.T, rtol=0, atol=1e-12)
    assert_allclose(readout.intercept_, y.mean(axis=0) - X.mean(axis=0) @ expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("solver", ["svd", "sums"])
def test_leave_one_out_knows_of_penalties(solver):
    rng = np.random.default_rng(2)
    X, G = rng.standard_normal((30, 4)), rng.standard_normal((10, 4))
    y = X @ [1.0, 2.0, 0.0, -1.0] + 0.3 * rng.standard_normal(30)
    alphas = [0.01, 1.0]
    readout = RidgeReadout(alphas=alphas, solver=solver)
    readout.fit_stream(lambda: [(X, y)], make_penalties=lambda: [G])

    def error_without(i, alpha):
        rest = np.arange(30) != i
        centred = X[rest] - X[rest].mean(axis=0)
        gram = centred.T @ centred + G.T @ G + alpha * np.eye(4)
        coef = np.linalg.solve(gram, centred.T @ y[rest])
        return y[i] - y[rest].mean() - (X[i] - X[rest].mean(axis=0)) @ coef

    expected = [np.mean([error_without(i, alpha) ** 2 for i in range(30)]) for alpha in alphas]
    assert_allclose(readout.scores_path_[:, 0], expected, rtol=1e-10)


def test_auto_leaves_the_sums_when_penalties_drown_alpha():
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((100, 5)), rng.standard_normal(100)
    large = 1e6 * rng.standard_normal((20, 5))
    readout = RidgeReadout(alpha=1e-8).fit_stream(lambda: [(X, y)], make_penalties=lambda: [large])
    assert readout.solver_ == "svd"
    exact = RidgeReadout(alpha=1e-8, solver="svd").fit_stream(
        lambda: [(X, y)], make_penalties=lambda: [large]
    )
    assert_allclose(readout.coef_, exact.coef_)


def test_the_cost_is_that_of_noise_that_is_drawn():
    """Linear units without bias: many copies with noise on the inputs give the same readout, in the mean."""
    rng = np.random.default_rng(4)
    y = np.sin(0.4 * np.arange(160.0))[:, np.newaxis]
    std, n_copies = 0.1, 200
    units = EchoState(8, activation="identity", topology="delay_line", spectral_radius=None, random_state=0)
    options = {"washout": 10, "random_state": 0}
    model = ESNRegressor(units, RidgeReadout(1e-9), linearised_noise=std, linearised_noise_steps=8, **options)
    model.fit(y[:-1], y[1:])
    noisy = [y[:-1] + std * rng.standard_normal(y[:-1].shape) for _ in range(n_copies)]
    drawn = ESNRegressor(units, RidgeReadout(1e-9), **options).fit(noisy, [y[1:]] * n_copies)
    plain = ESNRegressor(units, RidgeReadout(1e-9), **options).fit(y[:-1], y[1:])
    gap = np.linalg.norm(model.readout_.coef_ - drawn.readout_.coef_)
    assert gap < 0.03 * np.linalg.norm(drawn.readout_.coef_)
    assert np.linalg.norm(plain.readout_.coef_ - drawn.readout_.coef_) > 10 * gap


def test_it_keeps_free_runs_on_the_attractor():
    """With as many units as steps the readout meets the data exactly, and the loop explodes at once."""
    y = lorenz63(400, dt=0.05, random_state=0)
    z = (y - y.mean(axis=0)) / y.std(axis=0)
    for seed in (0, 1, 2):
        units = EchoState(300, input_scaling=0.3, random_state=seed)
        plain, held = (
            ESNRegressor(units, RidgeReadout(1e-12), linearised_noise=std).fit(z[:-1], z[1:]).closed_loop()
            for std in (0.0, 1e-3)
        )
        assert np.abs(plain.run(200)).max() > 5
        assert np.abs(held.run(2000)).max() < 5


def test_long_series_are_looked_at_here_and_there():
    y = np.sin(0.4 * np.arange(1500.0))[:, np.newaxis]
    model = ESNRegressor(EchoState(4, random_state=0), linearised_noise=0.1, linearised_noise_steps=1)
    model.fit(y[:-1], y[1:])
    directions = np.concatenate(list(model._penalties(*model._training)))
    assert len(directions) == MOST_STEPS
    jacobians = state_jacobians(model.reservoir_, y[:-1]).by_input[100:, :, 0]
    assert_allclose(directions.T @ directions, 0.01 * jacobians.T @ jacobians, rtol=0.01)


def test_noise_on_feedback_or_on_inputs():
    y = np.sin(0.4 * np.arange(120.0))[:, np.newaxis]
    units = EchoState(10, random_state=0)
    feedback = ESNRegressor(units, feedback_scaling=1.0, linearised_noise=0.1, input_skip=True)
    feedback.fit(np.ones((120, 2)), y)
    (directions,) = feedback._penalties(*feedback._training)
    assert directions.shape == (16 * 60, 12)
    assert (directions[:, 10:] == 0).all()  # what the readout sees beside the states carries no noise
    plain = ESNRegressor(units, linearised_noise=0.1, linearised_noise_steps=1, input_skip=True)
    plain.fit(y[:-1], y[1:])
    (directions,) = plain._penalties(*plain._training)
    assert_allclose(directions[:, 10], 0.1)


def test_only_ridge_takes_penalties():
    y = np.sin(np.arange(50.0))[:, np.newaxis]
    with pytest.raises(
        ValueError, match="takes no penalties beside its own: with linearised_noise use Ridge"
    ):
        ESNRegressor(EchoState(5), Ridge(), linearised_noise=0.1).fit(y[:-1], y[1:])
