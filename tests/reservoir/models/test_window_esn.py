"""WindowESNRegressor: each row equal to a series of its own."""

import io

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV

from reservoir import EchoState, LeakyUnits, WindowESNRegressor, load, save
from reservoir.models import window_esn
from reservoir.signals import mackey_glass

WINDOWS = sliding_window_view(mackey_glass(500, random_state=0), 25)
X, Y = WINDOWS[:, :24], WINDOWS[:, 24]
SMALL = EchoState(15, random_state=1)


@pytest.mark.parametrize(
    "reservoir", [SMALL, LeakyUnits(EchoState(5, random_state=0))], ids=["echo", "leaky"]
)
def test_rows_are_series_of_their_own(reservoir):
    """Three channels of eight steps, two further columns: as by hand, window by window."""
    rng = np.random.default_rng(0)
    rows, y = rng.normal(3.0, 2.0, size=(30, 26)), rng.normal(size=(30, 2))
    model = WindowESNRegressor(3, n_static=2, reservoir=reservoir, readout=Ridge()).fit(rows, y)

    channels = rows[:, :24].reshape(30, 8, 3)
    windows = (channels - channels.mean(axis=(0, 1))) / channels.std(axis=(0, 1))
    static = (rows[:, 24:] - rows[:, 24:].mean(axis=0)) / rows[:, 24:].std(axis=0)
    states = [model.reservoir_.transform(window)[-1] for window in windows]
    features = np.hstack([states, windows.reshape(30, 24), static])
    assert_allclose(model.predict(rows), Ridge().fit(features, y).predict(features), rtol=1e-9)
    assert_allclose(model.predict(rows[7:8]), model.predict(rows)[7:8], rtol=1e-9)


def test_order_of_lags():
    oldest = WindowESNRegressor(reservoir=SMALL).fit(X, Y)
    newest = WindowESNRegressor(reservoir=SMALL, lag_order="newest_first").fit(X[:, ::-1], Y)
    assert_allclose(newest.predict(X[:, ::-1]), oldest.predict(X), rtol=1e-6)
    wrong = WindowESNRegressor(reservoir=SMALL, input_skip=False).fit(X[:300, ::-1], Y[:300])
    right = WindowESNRegressor(reservoir=SMALL, input_skip=False).fit(X[:300], Y[:300])
    errors = [
        np.abs(wrong.predict(X[300:, ::-1]) - Y[300:]).mean(),
        np.abs(right.predict(X[300:]) - Y[300:]).mean(),
    ]
    assert errors[1] < 0.5 * errors[0]


def test_units_of_the_windows_do_not_matter():
    model = WindowESNRegressor(reservoir=SMALL, readout=Ridge(1e-3))
    expected = model.fit(X, Y).predict(X)
    assert_allclose(
        model.fit(1000 * X - 50, 1000 * Y).predict(1000 * X - 50), 1000 * expected, rtol=1e-6, atol=1e-6
    )
    assert_array_equal(model.set_params(standardize=False).fit(X, Y).centre_, 0)


def test_driven_in_pieces(monkeypatch):
    expected = WindowESNRegressor(reservoir=SMALL).fit(X, Y).predict(X)
    monkeypatch.setattr(window_esn, "_PIECE", 24 * 15 * 7)
    assert_allclose(WindowESNRegressor(reservoir=SMALL).fit(X, Y).predict(X), expected, rtol=1e-7)


def test_copies_precision_and_search():
    model = WindowESNRegressor(reservoir=SMALL, random_state=3).fit(X, Y)
    file = io.BytesIO()
    save(model, file)
    file.seek(0)
    assert_array_equal(load(file).predict(X), model.predict(X))
    single = WindowESNRegressor(reservoir=SMALL).fit(X.astype(np.float32), Y.astype(np.float32))
    assert single.reservoir_.transform(np.zeros((1, 1), np.float32)).dtype == np.float32
    assert np.abs(single.predict(X.astype(np.float32)) - Y).max() < 0.1
    grid = {"reservoir__n_units": [5, 40]}
    search = GridSearchCV(WindowESNRegressor(random_state=0), grid, cv=3).fit(X, Y)
    assert search.best_score_ > 0.99


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n_channels": 5}, "X has 24 columns, of which 24 are no multiple of n_channels=5 values"),
        ({"n_static": 24}, "X has 24 columns, of which 0 are no multiple"),
        ({"lag_order": "newest"}, "'lag_order' parameter"),
    ],
)
def test_errors(options, words):
    with pytest.raises(ValueError, match=words):
        WindowESNRegressor(**options).fit(X, Y)


def test_an_offset_that_is_large_beside_the_spread_is_taken_off():
    values = np.random.default_rng(0).uniform(size=(80, 5))
    model = WindowESNRegressor(random_state=0).fit(1e9 + 100 * values, values[:, 0])
    assert_allclose(model.scale_, 100 * values.std(), rtol=1e-6)


def test_noise_belongs_to_training():
    """Drawn anew for every row in `fit`, by the seed; predictions hear none."""
    noisy = EchoState(15, noise=0.1, random_state=1)
    model = WindowESNRegressor(reservoir=noisy, readout=Ridge(1e-6), random_state=0).fit(X, Y)
    clean = WindowESNRegressor(reservoir=SMALL, readout=Ridge(1e-6), random_state=0).fit(X, Y)
    assert np.abs(model.readout_.coef_[:15]).max() < 0.5 * np.abs(clean.readout_.coef_[:15]).max()
    assert_array_equal(clone(model).fit(X, Y).predict(X), model.predict(X))
    assert_array_equal(model._features(X), clean._features(X))
