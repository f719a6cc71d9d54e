"""Windows: they hold what slices hold, the held-out part is never trained on, units know the past alone."""

import numpy as np
import pytest

from forecasting.recurrent.windows import (
    SeriesWindows,
    WindowOrigins,
    WindowScale,
    divided_origins,
    filled,
    units_of,
)

SERIES = [np.arange(2.0 * n).reshape(n, 2) + 1000 * i for i, n in enumerate((30, 7, 12))]
EXOG = [-series[:, :1] for series in SERIES]


def test_windows_are_slices():
    windows = SeriesWindows(SERIES, EXOG, window=5, horizon=3)
    places = np.array([0, 0, 1, 2]), np.array([5, 27, 2, 9])
    batch = windows.at(*places)
    assert batch.past.shape == (5, 4, 2)
    for w, (i, t) in enumerate(zip(*places)):
        np.testing.assert_array_equal(batch.past[:, w], filled(SERIES[i][:t], 5))
        np.testing.assert_array_equal(batch.past_exog[:, w], filled(EXOG[i][:t], 5))
        np.testing.assert_array_equal(batch.future[:, w], SERIES[i][t : t + 3])
        np.testing.assert_array_equal(batch.future_exog[:, w], EXOG[i][t : t + 3])
    assert batch.past[:, 2, 0].tolist() == [
        1000,
        1000,
        1000,
        1000,
        1002,
    ]  # two observations: the first is repeated


def test_filled_takes_the_last_rows():
    values = np.arange(4.0)[:, np.newaxis]
    assert filled(values, 2).ravel().tolist() == [2, 3]
    assert filled(values, 6).ravel().tolist() == [0, 0, 0, 1, 2, 3]


def test_origins_are_drawn_evenly():
    origins = WindowOrigins(np.array([4, 9, 1]), np.array([3, 0, 2]))
    assert origins.total == 5
    series, origin = origins.draw(20_000, np.random.default_rng(0))
    pairs, counts = np.unique(np.stack([series, origin]), axis=1, return_counts=True)
    assert pairs.T.tolist() == [[0, 4], [0, 5], [0, 6], [2, 1], [2, 2]]
    assert np.abs(counts / 4000 - 1).max() < 0.06
    series, origin = origins.spread(100)
    assert list(zip(series, origin)) == [(0, 4), (0, 5), (0, 6), (2, 1), (2, 2)]
    series, origin = origins.spread(2)
    assert list(zip(series, origin)) == [(0, 4), (2, 2)]


@pytest.mark.parametrize("fraction", [0.1, 0.4])
def test_training_targets_end_before_validation_targets_begin(fraction):
    lengths, horizon = np.array([60, 200, 9, 3]), 6
    training, validation = divided_origins(lengths, 12, horizon, fraction)
    for i, n in enumerate(lengths):
        if validation.counts[i]:
            assert training.first[i] + training.counts[i] - 1 + horizon <= validation.first[i]
            assert validation.first[i] + validation.counts[i] - 1 + horizon == n
            assert n - validation.first[i] >= fraction * n
        elif training.counts[i]:
            assert training.first[i] + training.counts[i] - 1 + horizon == n
    assert (validation.counts > 0).tolist() == [True, True, False, False]
    assert (training.counts > 0).tolist() == [True, True, True, False]
    assert training.first[:2].tolist() == [12, 12]


def test_nothing_is_held_out_of_short_series():
    training, validation = divided_origins(np.array([10]), 4, 3, 0.3)
    assert validation is not None
    training, validation = divided_origins(np.array([8]), 4, 3, 0.3)
    assert (training.total, validation) == (2, None)
    assert divided_origins(np.array([100]), 4, 3, 0.0)[1] is None


@pytest.mark.parametrize("centre", ["last", "mean", None])
@pytest.mark.parametrize("scale", ["std", "mean", None])
def test_units(centre, scale):
    rng = np.random.default_rng(0)
    past = 5 + rng.standard_normal((20, 3, 2))
    overall = WindowScale(np.array([4.0, 6.0]), np.array([2.0, 3.0]))
    units = units_of(past, centre, scale, overall)
    middle = {"last": past[-1], "mean": past.mean(axis=0), None: np.broadcast_to([4.0, 6.0], (3, 2))}[centre]
    size = {
        "std": past.std(axis=0),
        "mean": np.abs(past).mean(axis=0),
        None: np.broadcast_to([2.0, 3.0], (3, 2)),
    }
    np.testing.assert_array_equal(units.centre, middle)
    np.testing.assert_allclose(units.scale, size[scale])
    np.testing.assert_allclose(units.restore(units.standard(past)), past, rtol=1e-12)


@pytest.mark.parametrize("centre", ["last", "mean", None])
def test_a_constant_window_is_continued(centre):
    past = np.full((9, 1, 1), 0.1)
    units = units_of(past, centre, "std", WindowScale(np.zeros(1), np.ones(1)))
    assert (units.standard(past + 7) == 0).all()
    np.testing.assert_allclose(units.restore(np.array([[[123.0]]])), 0.1)
