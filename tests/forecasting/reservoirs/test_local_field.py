"""Local reservoirs: patches of rings and grids, against their slow twin and against one global reservoir."""

import numpy as np
import pytest
from sklearn.base import clone

import tests.naive_local as naive
from forecasting import LocalReservoirForecaster, ReservoirForecaster
from forecasting.metrics import valid_prediction_time
from reservoir import (
    NVAR,
    BidirectionalReservoir,
    EchoState,
    EnsembleReservoirs,
    IntrinsicPlasticity,
    LeakyUnits,
    ParallelReservoirs,
    RidgeReadout,
    load,
    save,
)
from reservoir.diagnostics import lyapunov_spectrum
from reservoir.models import local_patches
from reservoir.models.local_patches import cut_patches
from reservoir.signals import kuramoto_sivashinsky, lorenz96

FIELD = lorenz96(700, 8, dt=0.05)
ALPHA = 1e-4


def small(**options):
    reservoir = EchoState(30, topology="circular", spectral_radius=0.5, input_scaling=0.2)
    options = {"readout": RidgeReadout(ALPHA), "washout": 20, "random_state": 0, **options}
    return LocalReservoirForecaster(reservoir, **options)


# ---------------------------------------------------------------------------------------------- patches


def test_patches_of_a_ring():
    patches = cut_patches([12], [3], [2])
    for p in range(4):
        seen, own = naive.heard(12, 3, 2, p)
        assert patches.seen[p].tolist() == seen
        assert patches.own[p].tolist() == own


def test_patches_of_a_grid():
    patches = cut_patches([4, 6], [2, 3], [1, 1])
    assert sorted(patches.own.ravel().tolist()) == list(range(24))
    assert patches.seen.shape == (4, 4 * 5)
    grid = np.arange(24).reshape(4, 6)
    wrapped = np.pad(grid, 1, mode="wrap")
    assert patches.seen[1].tolist() == wrapped[0:4, 3:8].ravel().tolist()
    assert patches.own[1].tolist() == grid[0:2, 3:6].ravel().tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"patch_size": 3}, "patch_size=3 does not divide the 8 sites of an axis: choose a divisor"),
        ({"patch_size": 2, "overlap": 4}, "overlap=4 lets a patch of 2 hear .* choose at most 3"),
        ({"shape": (3, 3)}, r"shape=\(3, 3\) has 9 sites, but the series 8 columns"),
        ({"shape": (2, 4), "overlap": (1,)}, r"overlap=\(1,\) needs one number for each of the 2 axes"),
        ({"patch_size": (0,)}, r"patch_size=\(0,\) must hold whole numbers of at least 1, one for each axis"),
        ({"patch_size": (1.5,)}, r"patch_size=\(1.5,\) must hold whole numbers"),
        ({"overlap": (-1,)}, r"overlap=\(-1,\) must hold whole numbers of at least 0"),
        ({"overlap": ("2",)}, r"overlap=\('2',\) must hold whole numbers"),
        ({"shape": (-2, -4), "overlap": 0}, r"shape=\(-2, -4\) must hold whole numbers of at least 1"),
        ({"shape": (2.0, 4.0), "overlap": 0}, r"shape=\(2.0, 4.0\) must hold whole numbers"),
    ],
)
def test_patches_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        small(**options).fit(FIELD)


@pytest.mark.parametrize(
    "later", [{"overlap": 1}, {"patch_size": 2}, {"squares": False}, {"shared": False}, {"input_skip": False}]
)
def test_other_settings_count_from_the_next_fit_on(later):
    """Compiled loops would run over the ends of arrays."""
    forecaster = small().fit(FIELD).set_params(**later)
    for ask in (lambda: forecaster.predict(2), lambda: forecaster.update(FIELD[:3]), forecaster.closed_loop):
        with pytest.raises(ValueError, match=rf"{next(iter(later))}=.* was set after fit"):
            ask()


@pytest.mark.parametrize("shared", [True, False])
def test_states_that_know_the_future_are_refused(shared):
    both_ways = BidirectionalReservoir(EchoState(5))
    with pytest.raises(ValueError, match="depend on later inputs, which a forecast does not know"):
        LocalReservoirForecaster(both_ways, shared=shared, random_state=0).fit(FIELD)


# ------------------------------------------------------------------------------------------------ twins


@pytest.mark.parametrize("shared", [True, False])
def test_equals_the_slow_twin(shared):
    y, patch_size, overlap = FIELD[:200], 2, 1
    model = small(patch_size=patch_size, overlap=overlap, shared=shared).fit(y)
    axis = None if shared else 0
    z = (y - y.mean(axis=axis)) / y.std(axis=axis)
    reservoirs = model.reservoirs_ * (4 if shared else 1)
    rows, targets, states = [], [], []
    for p, reservoir in enumerate(reservoirs):
        seen, own = naive.heard(8, patch_size, overlap, p)
        h, state = naive.patch_states(reservoir, z[:-1], seen)
        rows.append(naive.features(h, z[:-1][:, own])[20:])
        targets.append(z[1:][20:, own])
        states.append(state)
    if shared:
        weights = [naive.ridge(np.concatenate(rows), np.concatenate(targets), ALPHA)] * 4
    else:
        weights = [naive.ridge(X, t, ALPHA) for X, t in zip(rows, targets)]
    path = naive.run_free(reservoirs, weights, z[-1], states, patch_size, overlap, 6)
    expected = path * y.std(axis=axis) + y.mean(axis=axis)
    np.testing.assert_allclose(model.predict(6), expected, rtol=1e-6, atol=1e-6)


def test_one_patch_is_the_global_reservoir():
    reservoir = EchoState(60, topology="circular", spectral_radius=0.5, input_scaling=0.2)
    shape = {"patch_size": 8, "overlap": 0, "squares": False, "shared": False}
    local = LocalReservoirForecaster(
        reservoir, readout=RidgeReadout(ALPHA), washout=20, random_state=0, **shape
    ).fit(FIELD)
    whole = ReservoirForecaster(
        reservoir, readout=RidgeReadout(ALPHA), washout=20, random_state=0, differences=()
    ).fit(FIELD)
    np.testing.assert_allclose(local.readouts_[0].coef_, whole.readouts_[0].coef_, atol=1e-8)
    np.testing.assert_allclose(local.predict(8), whole.predict(8), atol=1e-8)


# --------------------------------------------------------------------------------------------- symmetry


def test_a_turned_ring_gives_a_turned_forecast():
    model = small(patch_size=2, overlap=2).fit(FIELD[:400])
    straight = model.predict(10, context=FIELD[400:500])
    turned = model.predict(10, context=np.roll(FIELD[400:500], 4, axis=1))
    np.testing.assert_allclose(turned, np.roll(straight, 4, axis=1), atol=1e-10)


def test_a_grid_of_one_row_is_a_ring():
    ring = small(patch_size=2, overlap=2).fit(FIELD).predict(5)
    grid = small(patch_size=(1, 2), overlap=(0, 2), shape=(1, 8)).fit(FIELD).predict(5)
    assert (ring == grid).all()


def test_fields_in_one_batch_are_each_alone():
    parts = [FIELD[:300], FIELD[250:600]]
    model = small().fit(parts)
    together = model.predict(5)
    for part, path in zip(parts, together):
        np.testing.assert_allclose(model.predict(5, context=part), path, atol=1e-10)


# ----------------------------------------------------------------------------------------------- the rest


def test_threads_do_not_matter():
    one, two = (small(shared=False, patch_size=4, n_jobs=n).fit(FIELD) for n in (1, 2))
    assert (one.predict(5) == two.predict(5)).all()


def test_a_run_that_diverges_is_cut_off():
    model = small().fit(FIELD)
    model.readouts_[0].coef_ = 40.0 * model.readouts_[0].coef_
    with pytest.warns(RuntimeWarning, match="the free run diverged at step"):
        path = model.predict(50)
    assert np.isnan(path[-1]).all()


@pytest.mark.parametrize("shared", [True, False])
def test_saved_and_loaded(tmp_path, shared):
    model = small(shared=shared).fit(FIELD)
    save(model, tmp_path / "model.zip")
    assert (load(tmp_path / "model.zip").predict(4) == model.predict(4)).all()


def kuramoto_valid_times(input_noise):
    """Lyapunov times until the error of free runs exceeds half the standard deviation; one start per row."""
    dt, exponent, n_free = 0.25, 0.043, 600
    y = kuramoto_sivashinsky(800 + 3 * 200 + n_free, 22.0, 64, dt, random_state=1)
    hearing = {"input_weights": "neighbours", "input_scaling": 0.1, "bias_scaling": 0.5}
    model = LocalReservoirForecaster(
        EchoState(300, topology="circular", spectral_radius=0.03, **hearing),
        readout=RidgeReadout(1e-12),
        patch_size=4,
        overlap=10,
        input_noise=input_noise,
        random_state=0,
    ).fit(y[:800])
    starts = 850 + 200 * np.arange(3)
    paths = model.predict(n_free, context=[y[s - 50 : s] for s in starts])
    unit = {"threshold": 0.5, "dt": dt, "lyapunov_exponent": exponent, "scale": y.std()}
    return [valid_prediction_time(y[s : s + n_free], path, **unit) for s, path in zip(starts, paths)]


def test_noise_on_the_inputs_keeps_the_smallest_scales_from_growing():
    with pytest.warns(RuntimeWarning, match="the free run diverged at step"):
        assert max(kuramoto_valid_times(0.0)) < 0.5
    # Five seeds of the reservoir gave medians of 2.6 to 5.6 with noise, and 0.1 without.
    assert np.median(kuramoto_valid_times(1e-4)) > 1.5


def test_noise_belongs_to_training():
    model = small(patch_size=2, input_noise=0.01).fit(FIELD[:400])
    again = model.predict(5, context=FIELD[:400])
    np.testing.assert_allclose(model.predict(5), again, rtol=1e-9)
    assert np.abs(small(patch_size=2).fit(FIELD[:400]).predict(5) - again).max() > 1e-3


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize("options", [{}, {"squares": False}, {"input_skip": False}])
def test_the_closed_loop_is_the_forecast(shared, options):
    model = small(patch_size=2, overlap=1, shared=shared, **options).fit(FIELD[:300])
    loop = model.closed_loop()
    np.testing.assert_allclose(loop.run(4), model.predict(4), atol=1e-9)
    np.testing.assert_allclose(loop.synchronise(FIELD[:300]), loop.start, atol=1e-10)


def test_the_jacobian_of_the_closed_loop():
    loop = small(patch_size=4, overlap=1).fit(FIELD[:300]).closed_loop()
    jacobian, step = loop.jacobian(loop.start), 1e-6
    for column, direction in zip(jacobian.T, np.eye(loop.size)):
        ahead, behind = (loop.step(loop.start + sign * step * direction)[0] for sign in (1, -1))
        np.testing.assert_allclose(column, (ahead - behind) / (2 * step), atol=1e-8)


def test_the_exponents_of_the_closed_loop_are_those_of_the_system():
    """Lorenz-96 with 6 sites: the tangent equations, over 200 time units, give 0.97 and 0."""
    system, dt = lorenz96(3000, 6, dt=0.05), 0.05
    model = LocalReservoirForecaster(
        EchoState(100, topology="circular", spectral_radius=0.1, input_scaling=0.2, bias_scaling=1.0),
        random_state=0,
    ).fit(system)
    found = lyapunov_spectrum(model, 3000, dt=dt, n_exponents=2, n_transient=100, random_state=0)
    # Ten seeds of the reservoir gave 0.75 to 0.92 and -0.02 to 0.05; rounding alone moves the orbit.
    assert 0.5 < found.exponents[0] < 1.3
    assert abs(found.exponents[1]) < 0.15
    assert abs(growth_of_a_small_difference(model.closed_loop(), 3000) / dt - found.exponents[0]) < 0.2


def growth_of_a_small_difference(loop, n_steps, size=1e-7):
    """The mean exponent of the distance between two orbits, the second brought back near the first at each step."""
    point = loop.start
    other = point + size * np.random.default_rng(0).standard_normal(len(point))
    total = 0.0
    for _ in range(n_steps):
        point, other = loop.step(point)[0], loop.step(other)[0]
        distance = np.linalg.norm(other - point)
        other = point + (size / distance) * (other - point)
        total += np.log(distance / size)
    return total / n_steps


def test_plasticity_learns_from_all_patches():
    patches = cut_patches([8], [2], [1])
    plastic = EchoState(30, plasticity=IntrinsicPlasticity(), random_state=1)
    model = LocalReservoirForecaster(plastic, patch_size=2, overlap=1).fit(FIELD[:200])
    z = (FIELD[:200] - FIELD[:200].mean()) / FIELD[:200].std()
    expected = clone(plastic).fit([z[:-1, seen] for seen in patches.seen])
    np.testing.assert_allclose(model.reservoirs_[0].gain_, expected.gain_, rtol=1e-10)
    assert np.ptp(expected.gain_) > 0
    beside = ParallelReservoirs([plastic, EchoState(5, random_state=0)])
    within = LocalReservoirForecaster(beside, patch_size=2, overlap=1).fit(FIELD[:200]).reservoirs_[0]
    np.testing.assert_allclose(within.reservoirs_[0].gain_, expected.gain_, rtol=1e-10)


def test_lorenz96_is_forecast_for_lyapunov_times():
    """Vlachas et al. (2020) report 2.31 for 40 sites with one large reservoir, threshold 0.5."""
    dt, exponent = 0.02, 1.69
    y = lorenz96(3200, 20, dt=dt)
    model = LocalReservoirForecaster(
        EchoState(200, topology="circular", spectral_radius=0.2, input_scaling=0.2, bias_scaling=1.0),
        random_state=0,
    ).fit(y[:2500])
    times = []
    for start in range(2600, 3000, 100):
        path = model.predict(200, context=y[start - 100 : start])
        unit = {"threshold": 0.5, "dt": dt, "lyapunov_exponent": exponent, "scale": y.std(axis=0)}
        times.append(valid_prediction_time(y[start : start + 200], path, **unit))
    assert np.mean(times) > 2.31


# ------------------------------------------------------------------------------------------- compiled code


@pytest.mark.parametrize("shared", [True, False])
@pytest.mark.parametrize(
    "reservoir",
    [
        EchoState(30, topology="circular", spectral_radius=0.5, input_scaling=0.2),
        LeakyUnits(EchoState(9, input_scaling=0.2)),
        EnsembleReservoirs(EchoState(8, input_scaling=0.2), 2),
        NVAR(2, degree=1),
    ],
    ids=lambda reservoir: type(reservoir).__name__,
)
def test_compiled_free_runs_equal_the_loop_in_python(shared, reservoir, monkeypatch):
    parts = [FIELD[:200], FIELD[250:400]]
    model = LocalReservoirForecaster(
        reservoir, readout=RidgeReadout(ALPHA), washout=20, random_state=0, patch_size=2, shared=shared
    ).fit(parts)
    fast = model.predict(6)
    monkeypatch.setattr(local_patches, "_run", None)
    if shared or not isinstance(reservoir, EnsembleReservoirs):  # that have no part for several of them
        with pytest.raises(TypeError, match="not callable"):
            model.predict(6)
    monkeypatch.setattr(local_patches, "part_of", lambda members, states: None)
    for path, slow in zip(fast, model.predict(6)):
        np.testing.assert_allclose(path, slow, rtol=0, atol=1e-12)


def test_noise_of_the_reservoir_belongs_to_training_too():
    noisy = EchoState(20, noise=0.1, random_state=0)
    forecaster = LocalReservoirForecaster(noisy, readout=RidgeReadout(ALPHA), random_state=0).fit(FIELD)
    np.testing.assert_allclose(
        forecaster.predict(3), forecaster.predict(3, context=FIELD), rtol=0, atol=1e-12
    )
